"""The Publisher against raw aiokafka that sends bytes which somebody else has encoded: same topic, same guarantees."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiokafka import AIOKafkaProducer

from benchmarks.corpus import START, incidents
from benchmarks.ground import Ground
from benchmarks.result import Row, against, alternate
from bus.envelope import outgoing
from bus.transport.connection import Connection
from bus.transport.kafka import KafkaTransport
from bus.transport.memory import MemoryTransport
from producers.outbox import DurablePublisher
from producers.publisher import Publisher

ACTOR = "nordtel"
GROUP = "publish"
AIM = ">= 0.40"
BASE = "raw aiokafka, bytes ready"
SAFE: dict[str, Any] = {"acks": "all", "enable_idempotence": True}
"""The guarantees of the Publisher; all else as aiokafka has it."""
LARGE_BATCHES = {"max_batch_size": 262_144}
"""What makes raw sending fastest, and the Publisher does too."""


async def measure(ground: Ground, count: int, repeats: int) -> list[Row]:
    site = await ground.realm("publish")
    messages = list(incidents(count, (ACTOR,)))
    records = [outgoing(site.realm, message, START) for message in messages]
    settings = site.settings(ACTOR)

    async def raw(options: Mapping[str, Any], *, headers: bool) -> float:
        producer = AIOKafkaProducer(**SAFE, **options, **Connection.of(settings).client_options)
        await producer.start()
        try:
            began = time.perf_counter()
            futures = [
                await producer.send(
                    record.topic, record.value, key=record.key, headers=record.headers if headers else None
                )
                for record in records
            ]
            await asyncio.gather(*futures)
            return count / (time.perf_counter() - began)
        finally:
            await producer.stop()

    async def publish_many() -> float:
        async with Publisher(settings) as publisher:
            began = time.perf_counter()
            await publisher.publish_many(messages)
            return count / (time.perf_counter() - began)

    async def publish_each() -> float:
        async with Publisher(settings) as publisher:
            began = time.perf_counter()
            for start in range(0, count, 1_000):
                await asyncio.gather(*(publisher.publish(message) for message in messages[start : start + 1_000]))
            return count / (time.perf_counter() - began)

    async def keep(*, send: bool) -> float:
        with TemporaryDirectory(prefix="ntsg-outbox-") as directory:
            transport = KafkaTransport(settings) if send else MemoryTransport()
            async with DurablePublisher(settings, Path(directory), linger=0, transport=transport) as publisher:
                began = time.perf_counter()
                await publisher.publish_many(messages)
                if send:
                    await publisher.drained(600)
                return count / (time.perf_counter() - began)

    values = await alternate(
        {
            BASE: lambda: raw({}, headers=False),
            "raw aiokafka, in large batches": lambda: raw(LARGE_BATCHES, headers=False),
            "raw aiokafka, in large batches, with our headers": lambda: raw(LARGE_BATCHES, headers=True),
            "Publisher.publish_many": publish_many,
            "Publisher.publish, a thousand at once": publish_each,
            "with an outbox: on this disk": lambda: keep(send=False),
            "with an outbox: on this disk, and in the log": lambda: keep(send=True),
        },
        repeats,
    )
    return against(GROUP, values, BASE, "records/s", {"Publisher.publish_many": AIM})
