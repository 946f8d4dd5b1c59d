"""No framework: aiokafka and a loop. The floor that a framework adds to; not one of the peers to beat."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer

from benchmarks.peers.plain import Plain, Task

BATCH = 1_000


async def main() -> None:
    task = Task.given()
    plain = Plain(task.count)
    consumer = AIOKafkaConsumer(
        *task.topics,
        bootstrap_servers=task.bootstrap,
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_plain_username=task.user,
        sasl_plain_password=task.password,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        group_id=None,
    )
    await consumer.start()
    try:
        while not plain.done:
            for records in (await consumer.getmany(timeout_ms=1_000, max_records=BATCH)).values():
                for record in records:
                    plain.take(record.value, record.headers)
    finally:
        await consumer.stop()
    plain.report()


if __name__ == "__main__":
    asyncio.run(main())
