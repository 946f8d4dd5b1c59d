"""From `publish` to the changed picture in a consumer's hands: through Kafka, a hub process, and the feed."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from statistics import quantiles

from benchmarks.corpus import incident
from benchmarks.ground import Ground, Site
from benchmarks.result import Row
from bus.vocabulary import MessageStatus
from consumers.feed import Feed
from producers.publisher import Publisher

GROUP = "latency"
RATE = 1_000
"""Messages a second."""

TICK = 0.01
"""Seconds between two handfuls."""

ACTOR = "nordtel"
ENTITIES = 2_000
"""Incidents that the messages are about; each is told again and again."""

WARM_UP = 0.25
"""Share of the messages that is not counted: processes get warm, the first pictures are large."""

AIM = "< 150"


async def measure(ground: Ground, seconds: float) -> list[Row]:
    site = await ground.realm("latency")
    total = int(RATE * seconds)
    published: dict[tuple[str, int], float] = {}
    seen: dict[tuple[str, int], float] = {}
    async with hub_process(site), Feed(site.settings("reader")) as feed, Publisher(site.settings(ACTOR)) as publisher:
        listening = asyncio.create_task(listen(feed, seen))
        await feel_alive(publisher, seen)
        await publish_evenly(publisher, total, published)
        async with asyncio.timeout(60):
            while len(seen) < len(published) and not listening.done():  # noqa: ASYNC110 - a bystander
                await asyncio.sleep(0.1)
        listening.cancel()
        await asyncio.wait([listening])
    counted = list(published)[int(total * WARM_UP) :]
    latencies = [1_000 * (seen[key] - published[key]) for key in counted if key in seen]
    cuts = quantiles(latencies, n=100)
    what = f"publish to view change, {RATE:,} messages/s"
    return [Row(GROUP, f"{what}, p50", cuts[49], "ms"), Row(GROUP, f"{what}, p99", cuts[98], "ms", None, AIM)]


async def publish_evenly(publisher: Publisher, total: int, published: dict[tuple[str, int], float]) -> None:
    handful = int(RATE * TICK)
    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for start in range(0, total, handful):
            messages = [
                incident(ACTOR, position % ENTITIES, position // ENTITIES + 1, MessageStatus.TEST)
                for position in range(start, start + handful)
            ]
            now = time.perf_counter()
            published.update({(message.reference, message.revision): now for message in messages})
            group.create_task(publisher.publish_many(messages))
            await asyncio.sleep(max(0.0, begun + (start + handful) / RATE - time.perf_counter()))


async def listen(feed: Feed, seen: dict[tuple[str, int], float]) -> None:
    """A revision has been seen once the feed shows it, or a later one of the same incident."""
    told: dict[str, int] = {}
    async for change in feed:
        now = time.perf_counter()
        for key, item in change.changed.items():
            if not key.startswith("incident/"):
                continue
            latest: int = item.revision  # type: ignore[attr-defined]
            for revision in range(told.get(key, 0) + 1, latest + 1):
                seen[key, revision] = now
            told[key] = latest


async def feel_alive(publisher: Publisher, seen: dict[tuple[str, int], float]) -> None:
    """Wait until the hub leads: until what is published comes out at the other end."""
    for revision in count(1):
        probe = incident(ACTOR, ENTITIES, revision, MessageStatus.TEST)
        await publisher.publish(probe)
        await asyncio.sleep(0.5)
        if any(ref == probe.reference for ref, _ in seen):
            seen.clear()
            return


@asynccontextmanager
async def hub_process(site: Site, *options: str) -> AsyncIterator[None]:
    site.directory.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NTSG_")}
    arguments = ["hub", "--config", str(site.key("hub")), "--directory", str(site.directory / "hub"), "--port", "0"]
    with (site.directory / "hub.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ntsg", *arguments, *options, stderr=log, env=environment
        )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()
