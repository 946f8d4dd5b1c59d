"""The hub's path (read, decode, judge, merge, sum up) against reading and decoding alone."""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import fastavro
from aiokafka import AIOKafkaConsumer, TopicPartition
from fastavro.schema import parse_schema

from benchmarks.ground import Site
from benchmarks.result import Row, against, alternate
from bus.codec import HEADER_LENGTH
from bus.references import Kind
from bus.topics import Realm
from bus.transport.connection import Connection
from bus.transport.kafka import KafkaTransport
from consumers.fold import Fold
from consumers.hub import collector
from consumers.hub.clock import Clock
from consumers.hub.intake import BATCH
from consumers.merge.view import Part
from consumers.reading import input_partitions, reached
from schemas import read_schema

GROUP = "hub"
BASE = "decode-only, aiokafka and fastavro"
AIM = ">= 0.70"


async def measure(site: Site, count: int, repeats: int) -> list[Row]:
    before = gc.get_threshold()
    collector.begin()  # for all of them: as the hub runs
    try:
        values = await alternate(
            {BASE: lambda: decode_only(site, count), "hub: fold": lambda: fold(site, count)}, repeats
        )
    finally:
        gc.set_threshold(*before)
    return against(GROUP, values, BASE, "records/s", {"hub: fold": AIM})


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
        began = time.perf_counter()
        while decoded < count:
            for records in (await consumer.getmany(timeout_ms=1_000, max_records=BATCH)).values():
                for record in records:
                    fastavro.schemaless_reader(BytesIO(record.value[HEADER_LENGTH:]), schema, None)
                decoded += len(records)
        return count / (time.perf_counter() - began)
    finally:
        await consumer.stop()


async def fold(site: Site, count: int) -> float:
    _, seconds = await fold_log(KafkaTransport(site.settings("hub")), site.realm)
    gc.unfreeze()
    return count / seconds


async def fold_log(transport: KafkaTransport, realm: Realm) -> tuple[Mapping[str, Part | None], float]:
    """As the hub at its start: everything is folded, then all that follows from it is computed once. The picture, and
    the seconds that it took without registry and schemas.
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
        began = time.perf_counter()
        while not reached(reader.positions(), ends):
            folded.apply(await reader.read(timeout=1, limit=BATCH))
            collector.spare()
        picture = folded.state.changes(Clock().as_of(folded))
        return picture, time.perf_counter() - began
