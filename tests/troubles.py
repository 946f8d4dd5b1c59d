"""A bus in memory that is as troublesome as a real one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from bus.errors import BusUnavailable
from bus.topics import TopicPartition
from bus.transport.memory import MemoryTransport
from bus.transport.port import Reader, Stored, Transaction, Writer


class TroubledBus:
    """The bus in memory, with the troubles of a real one: readers that stand still, questions without answer."""

    def __init__(self, bus: MemoryTransport) -> None:
        self._bus = bus
        self.stuck = 0
        """Readers that will stand still from their first record on, counted down as they are opened."""
        self.lost = False
        """Whether no question is answered."""

    @asynccontextmanager
    async def reader(self, positions: Mapping[TopicPartition, int]) -> AsyncIterator[Reader]:
        self._answer()
        inputs = any(partition.topic.endswith(".actors.v1") for partition in positions)
        stuck = inputs and self.stuck > 0
        self.stuck -= stuck
        async with self._bus.reader(positions) as reader:
            yield TroubledReader(self, reader, stuck)

    def writer(self) -> AbstractAsyncContextManager[Writer]:
        return self._bus.writer()

    def transaction(self, transactional_id: str) -> AbstractAsyncContextManager[Transaction]:
        return self._bus.transaction(transactional_id)

    async def partitions(self, topics: Iterable[str] | None = None) -> Sequence[TopicPartition]:
        self._answer()
        return await self._bus.partitions(topics)

    def _answer(self) -> None:
        if self.lost:
            raise BusUnavailable("no broker answers")


class TroubledReader:
    def __init__(self, bus: TroubledBus, reader: Reader, stuck: bool) -> None:
        self._bus = bus
        self._reader = reader
        self._stuck = stuck

    async def read(self, *, timeout: float, limit: int = 5_000) -> Sequence[Stored]:
        if self._bus.lost or (self._stuck and len(self._reader.positions()) > 2):
            await asyncio.sleep(timeout)
            return ()
        return await self._reader.read(timeout=timeout, limit=limit)

    async def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        await self._reader.assign(positions)

    def positions(self) -> Mapping[TopicPartition, int]:
        return self._reader.positions()

    async def end_offsets(self) -> Mapping[TopicPartition, int]:
        self._bus._answer()
        return await self._reader.end_offsets()

    async def high_watermarks(self) -> Mapping[TopicPartition, int]:
        self._bus._answer()
        return await self._reader.high_watermarks()
