"""The transport on Apache Kafka, through aiokafka with safe settings everywhere.

Writing is idempotent and acknowledged by all in-sync replicas; reading sees committed records only, starts where it is
told, and commits nothing. aiokafka retries a batch for as long as it can be delivered, in order and without doubling
it; `delivery_timeout` bounds that here, since the library does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka import errors as kafka

from bus.errors import BusError, UnknownTopic
from bus.settings import Settings
from bus.topics import TopicPartition
from bus.transport.connection import Connection, Inquiry, Isolation, mapped
from bus.transport.port import Stored
from bus.transport.writers import KafkaTransaction, KafkaWriter

__all__ = ["KafkaReader", "KafkaTransaction", "KafkaTransport", "KafkaWriter"]

DELIVERY_TIMEOUT = 30.0
"""Seconds within which a send ends: stored, or BusUnavailable. Longer than a broker's restart."""

FETCH_WAIT = 0.25
"""Seconds that a broker holds a fetch when there is nothing new, and a reader may wait after a change of assignment."""

READ_PACE = 0.01
"""Seconds between two reads of a trickle. Each fetch names every partition, so one for each record would be dear."""

TRICKLE = 100
"""Records in a read, from which the next one follows at once."""

SAFE_CONSUMER = {
    "isolation_level": "read_committed",
    "enable_auto_commit": False,
    "auto_offset_reset": "earliest",
    "fetch_max_wait_ms": int(FETCH_WAIT * 1000),
}


class KafkaTransport:
    """A connection to Kafka as one user. Opens nothing until a reader, a writer or a question needs it, and then as the
    files of its settings say how to log in at that time.

    `delivery_timeout`: seconds within which a send ends. `answer_timeout`: seconds within which a question about
    topics or offsets is answered, and a connection made.

    Raises InvalidSettings for settings that cannot work.
    """

    def __init__(
        self, settings: Settings, *, delivery_timeout: float = DELIVERY_TIMEOUT, answer_timeout: float = 10.0
    ) -> None:
        self._connection = Connection.of(settings)
        self._delivery_timeout = delivery_timeout
        self._answer_timeout = answer_timeout

    @asynccontextmanager
    async def reader(self, positions: Mapping[TopicPartition, int]) -> AsyncIterator[KafkaReader]:
        connection = self._renewed()
        async with AsyncExitStack() as stack:
            inquiry = await stack.enter_async_context(Inquiry.open(connection, timeout=self._answer_timeout))
            consumer = AIOKafkaConsumer(group_id=None, **SAFE_CONSUMER, **connection.client_options)
            stack.push_async_callback(_stop_consumer, consumer)
            await connection.open(consumer.start, timeout=self._answer_timeout)
            consumer.assign([])  # without any assignment, reading would wait for one for ever
            reader = KafkaReader(consumer, inquiry)
            await reader.assign(positions)
            yield reader

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[KafkaWriter]:
        writer = KafkaWriter(self._renewed(), self._delivery_timeout)
        try:
            await writer.open(self._answer_timeout)
            yield writer
        finally:
            await writer.close()

    @asynccontextmanager
    async def transaction(self, transactional_id: str) -> AsyncIterator[KafkaTransaction]:
        transaction = KafkaTransaction(self._renewed(), transactional_id, self._delivery_timeout)
        try:
            await transaction.open()
            yield transaction
        finally:
            await transaction.close()

    async def partitions(self, topics: Iterable[str] | None = None) -> Sequence[TopicPartition]:
        async with Inquiry.open(self._renewed(), timeout=self._answer_timeout) as inquiry:
            found = await inquiry.topics(topics)
        return tuple(
            TopicPartition(topic, partition) for topic in sorted(found) for partition in sorted(found[topic].leaders)
        )

    async def writable(self, topics: Iterable[str]) -> frozenset[str]:
        async with Inquiry.open(self._renewed(), timeout=self._answer_timeout) as inquiry:
            return await inquiry.writable(topics)

    def _renewed(self) -> Connection:
        self._connection = self._connection.renewed()
        return self._connection


class KafkaReader:
    """Reads assigned partitions. While no broker answers, `read` finds nothing and the questions raise BusUnavailable;
    reading goes on by itself when one is back.
    """

    def __init__(self, consumer: Any, inquiry: Inquiry) -> None:
        self._consumer = consumer
        self._inquiry = inquiry
        self._not_before = 0.0

    async def read(self, *, timeout: float, limit: int = 5_000) -> Sequence[Stored]:
        clock = asyncio.get_running_loop().time
        pause = min(self._not_before - clock(), timeout)
        if pause > 0:
            await asyncio.sleep(pause)
            timeout -= pause
        try:
            with mapped("reading"):
                found = await self._consumer.getmany(timeout_ms=round(timeout * 1000), max_records=limit)
        except kafka.ConsumerStoppedError as error:
            raise BusError("the reader is closed; open another") from error
        records: Sequence[Stored] = next(iter(found.values())) if len(found) == 1 else [*chain(*found.values())]
        self._not_before = clock() + READ_PACE if len(records) < TRICKLE else 0.0
        return records

    async def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        """As the port says. A new set of partitions makes the client fetch what it held ready once more; positions
        stay, and nothing is seen twice or missed.

        Raises UnknownTopic, NotAllowed, BusUnavailable; then the assignment is as before.
        """
        current = self.positions()
        new = positions.keys() - current.keys()
        if new:
            known = await self._inquiry.topics({partition.topic for partition in new})
            for topic, partition in sorted(new):
                if topic not in known or partition not in known[topic].leaders:
                    raise UnknownTopic(f"{topic}:{partition} does not exist; topics are made with `ntsg provision`")
            current = self.positions()
        if positions.keys() != current.keys():
            self._consumer.assign(list(positions))
            current = {}
        for assigned, offset in positions.items():
            if current.get(assigned) != offset:
                self._consumer.seek(assigned, offset)

    def positions(self) -> Mapping[TopicPartition, int]:
        # The public `position()` is a coroutine, because it may wait for a group; here each position is given.
        # A log that was made anew, and is shorter than what was read of it, is read from its start: none is known then.
        assignment = self._consumer._subscription.subscription.assignment
        states = {partition: assignment.state_value(partition) for partition in assignment.tps}
        return {each: state.position if state.has_valid_position else 0 for each, state in states.items()}

    async def end_offsets(self) -> Mapping[TopicPartition, int]:
        return await self._inquiry.end_offsets(self._consumer.assignment(), Isolation.COMMITTED)

    async def high_watermarks(self) -> Mapping[TopicPartition, int]:
        return await self._inquiry.end_offsets(self._consumer.assignment(), Isolation.UNCOMMITTED)


async def _stop_consumer(consumer: Any) -> None:
    """Stop, also where the library's own clean-up is cut short (a fetch that it cancels in its retry pause)."""
    stopping = asyncio.create_task(consumer.stop())
    await asyncio.wait([stopping])
    if stopping.cancelled():
        await consumer._client.close()
    else:
        stopping.result()
