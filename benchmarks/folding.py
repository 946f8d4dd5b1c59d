"""The hub's path (read, decode, judge, merge, sum up) against reading and decoding alone.

By the time of the processor, all threads: that of the clock is shared with whatever else the machine does.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, NamedTuple, TypeVar

import fastavro
from aiokafka import AIOKafkaConsumer, TopicPartition
from fastavro.schema import parse_schema

from benchmarks.ground import Site
from benchmarks.result import Row, against, alternate
from bus.codec import HEADER_LENGTH
from bus.messages import Part
from bus.references import Kind
from bus.topics import Realm
from bus.transport.connection import Connection
from bus.transport.kafka import KafkaTransport
from bus.transport.to_end import reached
from bus.vocabulary import Audience
from consumers.fold import Fold
from consumers.hub import collector
from consumers.hub.clock import Clock
from consumers.hub.intake import BATCH
from consumers.reading import input_partitions
from schemas import read_schema

A = TypeVar("A")

GROUP = "hub"
BASE = "decode-only, aiokafka and fastavro"
TAKEN = "hub: taken up, before the picture is asked for"
"""Read, decoded, checked, judged, hashed, in the digest and in the merge's memory."""
FOLD = "hub: fold"
FEEDS = "hub: fold, for every feed"
"""What the first leader of a realm does before it writes: the picture of each audience."""
AIM = ">= 0.70"


async def measure(site: Site, count: int, repeats: int) -> list[Row]:
    before = gc.get_threshold()
    collector.begin()  # for all of them: as the hub runs
    try:
        values = await alternate(
            {
                BASE: lambda: decode_only(site, count),
                TAKEN: lambda: fold(site, count, digest),
                FOLD: lambda: fold(site, count, picture),
                FEEDS: lambda: fold(site, count, feeds),
            },
            repeats,
        )
    finally:
        gc.set_threshold(*before)
    return against(GROUP, values, BASE, "records/s", {FOLD: AIM})


async def decode_only(site: Site, count: int) -> float:
    schema: Any = parse_schema(read_schema("incident"))
    partitions = await KafkaTransport(site.settings("hub")).partitions()
    topics = [p for p in partitions if (parsed := site.realm.parse_input(p.topic)) and parsed[0] is Kind.INCIDENT]
    consumer = AIOKafkaConsumer(
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        **Connection.of(site.settings("hub")).client_options,
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(*partition) for partition in topics])
        decoded = 0
        began = time.process_time()
        while decoded < count:
            for records in (await consumer.getmany(timeout_ms=1_000, max_records=BATCH)).values():
                for record in records:
                    fastavro.schemaless_reader(BytesIO(record.value[HEADER_LENGTH:]), schema, None)
                decoded += len(records)
        return count / (time.process_time() - began)
    finally:
        await consumer.stop()


async def fold(site: Site, count: int, ask: Callable[[Fold], object]) -> float:
    _, spent = await fold_log(KafkaTransport(site.settings("hub")), site.realm, ask)
    gc.unfreeze()
    return count / spent.processor


def digest(folded: Fold) -> str:
    """Of what was folded, of which nothing else is computed."""
    return folded.state.digest


def picture(folded: Fold) -> Mapping[str, Part | None]:
    """All that follows from what was folded."""
    return folded.state.changes(Clock().as_of(folded))


def feeds(folded: Fold) -> Mapping[Audience, Mapping[str, Part | None]]:
    """The same, for each audience that a feed is written for."""
    return folded.projections.changes(Clock().as_of(folded))


class Spent(NamedTuple):
    """Seconds."""

    clock: float
    processor: float


async def fold_log(transport: KafkaTransport, realm: Realm, ask: Callable[[Fold], A]) -> tuple[A, Spent]:
    """As the hub at its start: everything is folded, then it is asked once. The answer, and the time that it took
    without registry and schemas.
    """
    partitions = await input_partitions(transport, realm)
    control = [p for p in partitions if p.topic in (realm.actors, realm.schemas)]
    folded = Fold(realm)
    async with transport.reader(dict.fromkeys(control, 0)) as reader:
        ends = await reader.end_offsets()
        while not reached(reader.positions(), ends):
            folded.apply(await reader.read(timeout=1))
    async with transport.reader(dict.fromkeys(partitions, 0)) as reader:
        ends = await reader.end_offsets()
        began = Spent(time.perf_counter(), time.process_time())
        while not reached(reader.positions(), ends):
            folded.apply(await reader.read(timeout=1, limit=BATCH))
            collector.spare()
        with collector.away():
            answer = ask(folded)
        return answer, Spent(time.perf_counter() - began.clock, time.process_time() - began.processor)
