"""FastStream: a batch subscriber that takes the records as they came, without its argument validation (the fastest
way found).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from aiokafka import ConsumerRecord
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.security import SASLScram512

from benchmarks.peers.plain import Plain, Task

BATCH = 1_000


async def as_it_came(message: KafkaMessage) -> Sequence[ConsumerRecord]:
    """A decoder: no copy per record, no guess at content types."""
    raw: Sequence[ConsumerRecord] = message.raw_message
    return raw


async def main() -> None:
    task = Task.given()
    plain = Plain(task.count)
    finished = asyncio.Event()
    broker = KafkaBroker(
        task.bootstrap,
        security=SASLScram512(username=task.user, password=task.password, use_ssl=False),
        logger=logging.getLogger("quiet"),
        apply_types=False,
    )

    @broker.subscriber(
        *task.topics,
        batch=True,
        max_records=BATCH,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        decoder=as_it_came,
    )
    async def take(records: Sequence[ConsumerRecord]) -> None:
        for record in records:
            plain.take(record.value, record.headers)
        if plain.done:
            finished.set()

    async with broker:
        await broker.start()
        await finished.wait()
    plain.report()


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    asyncio.run(main())
