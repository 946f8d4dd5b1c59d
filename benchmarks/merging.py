"""The merge by itself, without a broker: messages a second, and what one more message costs in a large picture."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from io import BytesIO
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import fastavro
from fastavro.schema import parse_schema

from benchmarks.corpus import ACTORS, START, incident, incidents
from benchmarks.result import Row
from bus.codec import HEADER_LENGTH, Codec, encode
from bus.envelope import Envelope
from bus.messages import Area, Incident
from bus.topics import Realm
from bus.vocabulary import AreaKind, MessageStatus
from consumers.hub import collector
from consumers.hub.intake import BATCH
from consumers.merge import State
from schemas import read_schema

GROUP = "merge"
REALM = Realm("bench-exercise")
CODEC = Codec()
OPEN = (1_000, 100_000)
STORM = (100, 1_000, 10_000)
BURST = 10_000
SAMPLES = 200
"""Messages of which the median cost is told."""

AS_OF = START + timedelta(days=12)
COUNTIES = ("06", "07", "08", "10", "12", "13", "14")


def measure(count: int, largest: int) -> list[Row]:
    collector.begin()
    sizes = [*OPEN, *([largest] if largest > OPEN[-1] else [])]
    return [*_throughput(count), *_by_open_incidents(sizes), *_by_storm(), *_after_a_burst()]


def _throughput(count: int) -> Iterator[Row]:
    """`State.apply` and `changes` of each batch, against what decoding the same messages costs."""
    messages = [envelope(message) for message in incidents(count)]
    values = [encode(held.message) for held in messages]
    schema: Any = parse_schema(read_schema("incident"))
    decoding = _seconds(lambda: [fastavro.schemaless_reader(BytesIO(v[HEADER_LENGTH:]), schema, None) for v in values])
    state = State(REALM)

    def apply() -> None:
        for held in messages:
            state.apply(held)

    def apply_and_tell() -> None:
        told = State(REALM)
        for batch in _batched(messages):
            for held in batch:
                told.apply(held)
            told.changes(AS_OF)

    base = count / decoding
    yield Row(GROUP, "decoding alone, fastavro", base, "messages/s", 1.0)
    for name, work in (("State.apply", apply), (f"State.apply, changes after each {BATCH:,}", apply_and_tell)):
        rate = count / _seconds(work)
        yield Row(GROUP, name, rate, "messages/s", rate / base)


def _by_open_incidents(sizes: list[int]) -> Iterator[Row]:
    first = 0.0
    for size in sizes:
        gc.collect()
        before = _resident()
        state = _filled(lone(entity) for entity in range(size))
        held = (_resident() - before) / size
        cost = _cost(state, (lone(entity, 2) for entity in range(0, size, size // SAMPLES)))
        first = first or cost
        yield Row(GROUP, f"one message, {size:,} open incidents", cost * 1e6, "us", cost / first, "<= 1.50")
        if size > OPEN[0]:  # below, what the process had already is enough
            yield Row(GROUP, f"memory, {size:,} open incidents", held / 1e3, "kB each")


def _by_storm() -> Iterator[Row]:
    first = 0.0
    for size in STORM:
        state = _filled(storm(entity) for entity in range(size))
        samples = 10 if size > OPEN[0] else SAMPLES // 4
        cost = _cost(state, (storm(entity, 2) for entity in range(0, size, size // samples)))
        first = first or cost
        yield Row(GROUP, f"one message to a situation of {size:,}", cost * 1e3, "ms", cost / first)


def _after_a_burst() -> Iterator[Row]:
    state = _filled(lone(entity) for entity in range(BURST))
    for entity in range(BURST):
        state.apply(lone(entity, 2))
    for name, ask in (
        (f"changes after a burst of {BURST:,}", lambda: state.changes(AS_OF)),
        ("view after it", lambda: state.view(AS_OF, {}, True)),
        ("digest after it", lambda: state.digest),
    ):
        yield Row(GROUP, name, _seconds(ask) * 1e3, "ms")


def lone(entity: int, revision: int = 1) -> Envelope:
    """An incident of a situation of ten."""
    return envelope(incident(ACTORS[entity % len(ACTORS)], entity, revision, MessageStatus.TEST))


def storm(entity: int, revision: int = 1) -> Envelope:
    """An incident of a situation of all that are told so: one event, all over seven counties."""
    told = incident(ACTORS[entity % len(ACTORS)], entity, revision, MessageStatus.TEST)
    areas = (Area(kind=AreaKind.LAN, code=COUNTIES[entity % len(COUNTIES)]),)
    return envelope(told.model_copy(update={"event_refs": ("storm:all",), "started_at": START, "areas": areas}))


def envelope(message: Incident) -> Envelope:
    """As a hub has it: read from the bytes, so that what repeats is there once."""
    known_at = max(message.observed_at, START) + timedelta(minutes=1)
    read, content = CODEC.decode(encode(message), Incident)
    return Envelope(read, content, known_at, known_at)


def _batched(messages: Iterable[Envelope]) -> Iterator[list[Envelope]]:
    left = iter(messages)
    while batch := list(islice(left, BATCH)):
        yield batch


def _filled(messages: Iterator[Envelope]) -> State:
    state = State(REALM)
    for batch in _batched(messages):
        for held in batch:
            state.apply(held)
        collector.spare()
    state.changes(AS_OF)
    collector.settle()
    return state


def _cost(state: State, messages: Iterator[Envelope]) -> float:
    """Seconds that one message takes, until what it changes has been told."""
    found = []
    for held in list(messages):
        began = time.perf_counter()
        state.apply(held)
        state.changes(AS_OF)
        found.append(time.perf_counter() - began)
    return median(found)


def _seconds(work: Callable[[], object]) -> float:
    gc.collect()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _resident() -> int:
    """Bytes of memory that the process has."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * 4_096
