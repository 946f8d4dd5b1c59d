"""The writers on Apache Kafka: one that replaces a producer that lost count, and a transactional one that dies with its
producer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog
from aiokafka import errors as kafka

from bus.errors import BusError, BusUnavailable, Fenced
from bus.transport.connection import Connection, mapped
from bus.transport.delivery import CLOSE_GRACE, SAFE_PRODUCER, abandon, enqueue, positions_of, start_producer
from bus.transport.port import Outgoing, Position

TRANSACTION_TIMEOUT = 30.0
"""Seconds after which the broker aborts what a dead holder left open, if nobody takes over before."""

STALE_PRODUCER = (kafka.OutOfOrderSequenceNumber, kafka.UnknownProducerId, kafka.ProducerClosed)
"""Failures that a new producer mends: the old one lost count, because something before it failed."""

log = structlog.get_logger(__name__)


class KafkaWriter:
    """Writes with one idempotent producer. After a failed record the producer has lost count of its partition, so it
    is replaced, as it is when the credentials change; sends that were under way beside it are repeated on the new one.
    """

    def __init__(self, connection: Connection, delivery_timeout: float) -> None:
        self._connection = connection
        self._timeout = delivery_timeout
        self._producer: Any = None
        self._retired: list[Any] = []
        self._turn = asyncio.Lock()
        self._under_way: set[asyncio.Timeout] = set()
        self._closed = False

    async def open(self, timeout: float) -> None:
        """Raises AuthenticationFailed, NotAllowed, BusUnavailable."""
        self._producer = await start_producer(self._connection, timeout, SAFE_PRODUCER)

    async def close(self) -> None:
        """Sends under way end with BusUnavailable; what they sent may have been stored."""
        self._closed = True
        for waiting in self._under_way:
            waiting.reschedule(0)
        producers, self._producer, self._retired = [*self._retired, self._producer], None, []
        for producer in producers:
            if producer is not None:
                await abandon(producer)

    async def send(self, records: Sequence[Outgoing]) -> Sequence[Position]:
        if self._closed:
            raise BusError("the writer is closed; open another")
        for record in records:
            record.check_size()
        doing = f"writing to {_topics_of(records)}"
        waiting = asyncio.timeout(self._timeout)
        try:
            async with waiting:
                self._under_way.add(waiting)
                with mapped(doing):
                    return await self._persist(records)
        except TimeoutError as error:
            if self._closed:
                raise BusUnavailable(f"{doing}: the writer was closed before the bus answered") from error
            self._retire(self._producer)
            await self._abandon_retired()
            await self._connection.diagnose()
            raise BusUnavailable(
                f"{doing}: not acknowledged within {self._timeout:g} s, though it may have been stored; send it again"
            ) from error
        finally:
            self._under_way.discard(waiting)

    async def _persist(self, records: Sequence[Outgoing]) -> Sequence[Position]:
        while True:
            try:
                return await self._attempt(records)
            except STALE_PRODUCER as error:
                log.info("producer_replaced", topics=_topics_of(records), reason=str(error))

    async def _attempt(self, records: Sequence[Outgoing]) -> Sequence[Position]:
        async with self._turn:  # held until all are queued, so that two sends never interleave
            producer = await self._current()
            deliveries = await enqueue(producer, records)
        try:
            return await positions_of(deliveries)
        except kafka.KafkaError:
            self._retire(producer)
            raise

    async def _current(self) -> Any:
        connection = self._connection.renewed()
        if connection.security is not self._connection.security:
            self._retire(self._producer)
        self._connection = connection
        await self._abandon_retired()
        if self._producer is None:
            self._producer = await start_producer(self._connection, self._timeout, SAFE_PRODUCER)
        return self._producer

    def _retire(self, producer: Any) -> None:
        if producer is not None and producer is self._producer:
            self._producer = None
            self._retired.append(producer)

    async def _abandon_retired(self) -> None:
        while self._retired:
            await abandon(self._retired.pop())


class KafkaTransaction:
    """The one living holder of a transactional id; each `send` is one atomic batch.

    A send that did not end cleanly leaves the holder dead: whether its batch was stored is not known, and to start
    anew with the same id would fence whoever took over. Such a send raises Fenced or BusUnavailable, later ones Fenced.
    Cancelling a send does not undo its batch; the next send, or closing, waits for its end.
    """

    def __init__(self, connection: Connection, transactional_id: str, timeout: float) -> None:
        self._connection = connection
        self._id = transactional_id
        self._timeout = timeout
        self._producer: Any = None
        self._last: asyncio.Task[Sequence[Position]] | None = None
        self._waiting: asyncio.Timeout | None = None
        self._turn = asyncio.Lock()
        self._dead = False

    async def open(self) -> None:
        """Fence every earlier holder. Raises AuthenticationFailed, NotAllowed, BusUnavailable."""
        self._producer = await start_producer(
            self._connection,
            self._timeout,
            {
                **SAFE_PRODUCER,
                "transactional_id": self._id,
                "transaction_timeout_ms": int(TRANSACTION_TIMEOUT * 1000),
            },
        )

    async def close(self) -> None:
        if self._last is not None and not (await asyncio.wait([self._last], timeout=CLOSE_GRACE))[0]:
            if self._waiting is not None:
                self._waiting.reschedule(0)
            await asyncio.wait([self._last])
        if self._producer is not None:
            await abandon(self._producer)
        self._producer = None

    async def send(self, records: Sequence[Outgoing]) -> Sequence[Position]:
        for record in records:
            record.check_size()
        self._last = asyncio.create_task(self._batch(records))
        self._last.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(self._last)

    async def _batch(self, records: Sequence[Outgoing]) -> Sequence[Position]:
        doing = f"transaction {self._id} on {_topics_of(records)}"
        async with self._turn:
            if self._producer is None:
                raise BusError("the transaction is closed; open another")
            if self._dead:
                raise Fenced(f"{doing}: this holder is dead since an earlier batch failed; drop it")
            if not records:
                return []
            try:
                async with asyncio.timeout(self._timeout) as self._waiting:
                    with mapped(doing):
                        return await self._commit(records)
            except TimeoutError as error:
                self._dead = True
                await abandon(self._producer)  # else it would go on trying, and leave the batch open in the end
                await self._connection.diagnose()
                raise BusUnavailable(
                    f"{doing}: no answer within {self._timeout:g} s; whether it was stored is not known"
                ) from error
            finally:
                self._waiting = None

    async def _commit(self, records: Sequence[Outgoing]) -> Sequence[Position]:
        producer = self._producer
        if producer._txn_manager.is_fatal_error():
            raise await self._abort(kafka.ProducerFenced())
        await producer.begin_transaction()
        try:
            positions = await positions_of(await enqueue(producer, records))
            await producer.commit_transaction()
        except (kafka.KafkaError, BusError) as error:
            raise await self._abort(error) from error
        return positions

    async def _abort(self, error: Exception) -> Exception:
        """Undo the open batch. The error to raise: Fenced, when that is why the batch failed."""
        manager = self._producer._txn_manager
        if manager.is_fatal_error():
            # aborting would raise a bare AssertionError: the producer is dead, and the broker aborts by itself
            self._dead = True
            fatal: Exception = manager.wait_for_transaction_end().exception() or error
            told: Exception = fatal.__cause__ if isinstance(fatal.__cause__, kafka.KafkaError) else fatal
            return told
        self._dead = isinstance(error, kafka.ProducerFenced)
        if not self._dead:
            await self._producer.abort_transaction()
        return error


def _topics_of(records: Sequence[Outgoing]) -> str:
    topics = sorted({record.topic for record in records})
    return ", ".join(topics[:3]) + (f" and {len(topics) - 3} more" if len(topics) > 3 else "")
