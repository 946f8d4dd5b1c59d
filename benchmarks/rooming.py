"""The room with a large picture and many who watch: a hub process of its own, asked over HTTP as browsers ask it."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from statistics import median, quantiles
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from benchmarks.corpus import ACTORS, incident
from benchmarks.ground import Ground, Site
from benchmarks.latency import hub_process
from benchmarks.result import Row
from bus.messages import Incident
from bus.vocabulary import MessageStatus, Tlp
from producers.publisher import Publisher

GROUP = "room"
OPEN = 2_000
"""Incidents that are open all the time."""

MARKS = {3: Tlp.AMBER_STRICT, 7: Tlp.RED}
"""By the last digit of an incident's number; the others are AMBER. So each audience has a picture of its own."""

LISTENERS = 200
CHANGES = 180
EVERY = 0.1
"""Seconds between two changes."""

LOOKS = 8
APART = 1.2
"""Seconds between two looks: longer than a picture is kept, so that each look has it made."""

LEADS_WITHIN = 12.0
"""Seconds from the start until the hub surely leads and has published everything."""

PATIENCE = 120.0
PROBED_EVERY = 0.01
LONGEST_EVENT = 4_000_000
"""Bytes."""


class Change(NamedTuple):
    """One message about an incident that is open already."""

    ref: str
    revision: int


@dataclass(slots=True)
class Heard:
    """What one listener was told, and when."""

    at: dict[str, float] = field(default_factory=dict)
    """By mark."""
    events: dict[str, bytes] = field(default_factory=dict)
    """The data, by mark; kept by whoever is to be read."""


async def measure(ground: Ground) -> list[Row]:
    site = await ground.realm("room")
    start = datetime.now(UTC) - timedelta(hours=1)
    await site.fill([_incident(entity, 1, start) for entity in range(OPEN)])
    rows: list[Row] = []
    async with hub_process(site, "--open", "--reports", str(site.directory / "reports")):
        address = await _address(site)
        with probing(address) as started:
            await _ready(address)
            await asyncio.sleep(LEADS_WITHIN)
        rows.append(_stall("start", started))
        rows += await _looks(address)
        async with Publisher(site.settings(ACTORS[0])) as publisher:
            await publisher.publish(_incident(0, 2, start))  # which finds its topic, and is not counted
            for revision, listeners in enumerate((1, LISTENERS), start=3):
                with probing(address) as meanwhile:
                    rows += await _watched(address, publisher, listeners, revision, start)
                rows.append(_stall(_who(listeners), meanwhile))
    return rows


async def _looks(address: str) -> list[Row]:
    """The page as a browser gets it first: one answer that can be read before anything else is there."""
    took: list[float] = []
    async with httpx.AsyncClient(base_url=address, timeout=PATIENCE) as client:
        for _ in range(LOOKS):
            await asyncio.sleep(APART)
            began = time.perf_counter()
            answer = await client.get("/", headers={"accept-encoding": "identity"})
            took.append(time.perf_counter() - began)
            answer.raise_for_status()
    first = f"first paint, {OPEN:,} open incidents"
    return [
        Row(GROUP, f"{first}, median", median(took), "s", None, "< 1"),
        Row(GROUP, f"{first}, longest", max(took), "s", None, "< 1"),
        Row(GROUP, "the page", len(answer.content) / 1e3, "kB"),
        Row(GROUP, "the page, gzipped", len(gzip.compress(answer.content)) / 1e3, "kB"),
    ]


async def _watched(address: str, publisher: Publisher, listeners: int, revision: int, start: datetime) -> Sequence[Row]:
    """Publish one change after the other; each listener must be told of all of them."""
    published: dict[Change, float] = {}
    heard = [Heard() for _ in range(listeners)]
    async with asyncio.TaskGroup() as group:
        ready = [asyncio.Event() for _ in heard]
        tasks = [
            group.create_task(_listen(address, one, at, keep=one is heard[0]))
            for one, at in zip(heard, ready, strict=True)
        ]
        async with asyncio.timeout(PATIENCE):
            for at in ready:
                await at.wait()
        for number in range(CHANGES):
            message = _incident(number * len(ACTORS), revision, start)
            published[Change(message.reference, revision)] = time.perf_counter()
            await publisher.publish(message)
            await asyncio.sleep(EVERY)
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while any(len(_told(one, heard[0], published)) < CHANGES for one in heard):  # noqa: ASYNC110
                    await asyncio.sleep(0.5)
        for task in tasks:
            task.cancel()
    told = [_told(one, heard[0], published) for one in heard]
    cuts = quantiles([1_000 * took for one in told for took in one.values()], n=100)
    what = f"publish to event, {_who(listeners)}"
    rows = [Row(GROUP, f"{what}, p50", cuts[49], "ms"), Row(GROUP, f"{what}, p99", cuts[98], "ms", None, "< 250")]
    if listeners > 1:
        complete = sum(len(one) == CHANGES and _without_gap(each) for one, each in zip(told, heard, strict=True))
        rows.append(Row(GROUP, f"told all of {CHANGES} changes", complete, "listeners", None, f"{listeners}"))
    return rows


async def _listen(address: str, heard: Heard, ready: asyncio.Event, *, keep: bool) -> None:
    """One EventSource. Read from a plain stream: two hundred HTTP clients would cost more than the hub they ask."""
    place = urlsplit(address)
    reader, writer = await asyncio.open_connection(place.hostname, place.port, limit=LONGEST_EVENT)
    try:
        writer.write(f"GET /v1/changes HTTP/1.1\r\nhost: {place.netloc}\r\n\r\n".encode())
        await writer.drain()
        if b" 200 " not in (status := await reader.readline()):
            raise RuntimeError(f"/v1/changes answers {status!r}")
        name = mark = b""
        async for line in reader:
            if line.startswith(b"id: "):
                mark = line[4:].strip()
            elif line.startswith(b"event: "):
                name = line[7:].strip()
                ready.set()
            elif line.startswith(b"data: ") and name == b"changes":
                heard.at[mark.decode()] = time.perf_counter()
                if keep:
                    heard.events[mark.decode()] = line[6:]
    finally:
        writer.close()


def _told(one: Heard, read: Heard, published: dict[Change, float]) -> dict[Change, float]:
    """Seconds from each change's publication until a listener had it, for those that it has."""
    found: dict[Change, float] = {}
    for mark, data in read.events.items():
        if mark not in one.at:
            continue
        for ref, item in json.loads(data)["changed"].items():
            change = Change(ref, item["revision"]) if item is not None and "revision" in item else None
            if change in published:
                found[change] = one.at[mark] - published[change]
    return found


def _without_gap(heard: Heard) -> bool:
    numbers = [int(mark.rpartition("-")[2]) for mark in heard.at]
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@contextmanager
def probing(address: str) -> Iterator[list[float]]:
    """How long `/health/live` took, again and again while the body runs, in seconds. In a thread of its own: what is
    busy in this process must not look like a hub that is.
    """
    place, found, over = urlsplit(address), list[float](), threading.Event()

    def probe() -> None:
        connection = HTTPConnection(place.hostname or "", place.port, timeout=PATIENCE)
        while not over.wait(PROBED_EVERY):
            began = time.perf_counter()
            with suppress(HTTPException, OSError):
                connection.request("GET", "/health/live")
                connection.getresponse().read()
            found.append(time.perf_counter() - began)
        connection.close()

    thread = threading.Thread(target=probe)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def _stall(when: str, probes: Sequence[float]) -> Row:
    return Row(GROUP, f"longest wait for any answer, {when}", 1_000 * max(probes), "ms")


def _who(listeners: int) -> str:
    return "one watching" if listeners == 1 else f"{listeners} watching"


def _incident(entity: int, revision: int, start: datetime) -> Incident:
    told = incident(ACTORS[entity % len(ACTORS)], entity, revision, MessageStatus.TEST, start)
    return told.model_copy(update={"tlp": MARKS.get(entity % 10, Tlp.AMBER)})


async def _address(site: Site) -> str:
    file = site.directory / "hub" / "address"
    async with asyncio.timeout(PATIENCE):
        while not file.exists():  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.01)
    return file.read_text("utf-8").strip()


async def _ready(address: str) -> None:
    async with asyncio.timeout(PATIENCE), httpx.AsyncClient(base_url=address, timeout=PATIENCE) as client:
        while (await client.get("/health/ready")).status_code != httpx.codes.OK:  # noqa: ASYNC110 - a bystander
            await asyncio.sleep(0.05)
