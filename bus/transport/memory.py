"""The transport in memory: the promises of the port, in one process, with no broker.

For unit tests, and for integrators who try out what they build:

    bus = MemoryTransport()
    bus.create("ntsg.incident.v1.nordtel")
    async with bus.writer() as writer:
        await writer.send([Outgoing("ntsg.incident.v1.nordtel", b"nordtel/I-17", value)])

`as_user` gives another user's connection to the same log. `leave_open` and `compact` bring about what a real cluster
does by itself, when a test needs it. Belongs to one event loop at a time.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bus.errors import BusError, Fenced, NotAllowed, UnknownTopic
from bus.topics import TopicPartition
from bus.transport.port import Headers, Outgoing, Position, Stored

Clock = Callable[[], int]
MayWrite = Callable[[str | None, str], bool]


def wall_clock() -> int:
    """Milliseconds since the epoch, now."""
    return time.time_ns() // 1_000_000


class MemoryTransport:
    """A connection to a log in memory, as one user.

    `clock` gives the append time, milliseconds since the epoch. `may_write(user, topic)` says who may write where;
    without it everybody may. A topic must be created before it is used.
    """

    def __init__(
        self, *, clock: Clock = wall_clock, may_write: MayWrite | None = None, user: str | None = None
    ) -> None:
        self._log = _Log(clock)
        self._may_write = may_write
        self._user = user

    def as_user(self, user: str) -> MemoryTransport:
        """Another connection to the same log, as this user."""
        other = MemoryTransport(may_write=self._may_write, user=user)
        other._log = self._log
        return other

    def create(self, topic: str, *, partitions: int = 1, compacted: bool = False) -> None:
        """Create a topic; one that exists stays as it is."""
        self._log.create(topic, partitions, compacted)

    def compact(self, topic: str) -> None:
        """Drop every record that a later committed one with the same key replaces, and tombstones. Offsets stay.

        Raises UnknownTopic; BusError if the topic was not created as compacted.
        """
        self._log.compact(topic)

    def leave_open(self, transactional_id: str, records: Sequence[Outgoing]) -> None:
        """Write as a transactional writer does that stops in the middle: readers are held back from here on, until a
        new holder of the id comes and aborts these records.
        """
        self._check(records)
        self._log.leave_open(transactional_id, records)

    @asynccontextmanager
    async def reader(self, positions: Mapping[TopicPartition, int]) -> AsyncIterator[MemoryReader]:
        reader = MemoryReader(self._log)
        await reader.assign(positions)
        try:
            yield reader
        finally:
            reader.close()

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[MemoryWriter]:
        writer = MemoryWriter(self._log, self._check)
        try:
            yield writer
        finally:
            writer.close()

    @asynccontextmanager
    async def transaction(self, transactional_id: str) -> AsyncIterator[MemoryTransaction]:
        transaction = MemoryTransaction(self._log, self._check, transactional_id)
        try:
            yield transaction
        finally:
            transaction.close()

    async def partitions(self, topics: Iterable[str] | None = None) -> Sequence[TopicPartition]:
        wanted = self._log.topics.keys() if topics is None else self._log.topics.keys() & set(topics)
        return tuple(
            TopicPartition(topic, number)
            for topic in sorted(wanted)
            for number in range(len(self._log.topics[topic].partitions))
        )

    async def writable(self, topics: Iterable[str]) -> frozenset[str]:
        known = self._log.topics.keys() & set(topics)
        return frozenset(topic for topic in known if self._may_write is None or self._may_write(self._user, topic))

    def _check(self, records: Sequence[Outgoing]) -> None:
        for record in records:
            record.check_size()
            self._log.topic(record.topic)
            if self._may_write is not None and not self._may_write(self._user, record.topic):
                raise NotAllowed(f"{record.topic}: user {self._user or 'nobody'} may not write to it")


class MemoryReader:
    """Reads assigned partitions of a log in memory."""

    def __init__(self, log: _Log) -> None:
        self._log = log
        self._positions: dict[TopicPartition, int] = {}
        self._woken: asyncio.Future[None] | None = None
        self._closed = False

    async def read(self, *, timeout: float, limit: int = 5_000) -> Sequence[Stored]:
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            if self._closed:
                raise BusError("the reader is closed; open another")
            if found := self._take(limit):
                return found
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0 or not await self._appended(left):
                return ()

    async def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        for partition in positions:
            self._log.partition(partition)
        self._positions = dict(positions)

    def positions(self) -> Mapping[TopicPartition, int]:
        return dict(self._positions)

    async def end_offsets(self) -> Mapping[TopicPartition, int]:
        return {partition: self._log.partition(partition).stable_end for partition in self._positions}

    async def high_watermarks(self) -> Mapping[TopicPartition, int]:
        return {partition: len(self._log.partition(partition).slots) for partition in self._positions}

    def close(self) -> None:
        self._closed = True
        self._wake()

    def _take(self, limit: int) -> list[Stored]:
        found: list[Stored] = []
        for assigned in list(self._positions):
            if len(found) == limit:
                break
            partition = self._log.partition(assigned)
            position, end = self._positions.pop(assigned), partition.stable_end
            while position < end and len(found) < limit:
                slot = partition.slots[position]
                position += 1
                if slot.record is not None and not slot.transaction.aborted:
                    found.append(slot.record)
            self._positions[assigned] = position  # at the back: the next read begins with another partition
        return found

    async def _appended(self, timeout: float) -> bool:
        """Wait for the log to grow, or to be closed. False when neither happened in time."""
        self._woken = asyncio.get_running_loop().create_future()
        self._log.readers.add(self._wake)
        try:
            done, _ = await asyncio.wait([self._woken], timeout=timeout)
        finally:
            self._log.readers.discard(self._wake)
        return bool(done) and not self._closed

    def _wake(self) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)


class MemoryWriter:
    """Writes to a log in memory."""

    def __init__(self, log: _Log, check: Callable[[Sequence[Outgoing]], None]) -> None:
        self._log = log
        self._check = check
        self._closed = False

    async def send(self, records: Sequence[Outgoing]) -> Sequence[Position]:
        if self._closed:
            raise BusError("the writer is closed; open another")
        await asyncio.sleep(0)  # as with a broker, others get their turn
        self._check(records)
        return self._log.append(records, _COMMITTED)

    def close(self) -> None:
        self._closed = True


class MemoryTransaction:
    """The one living holder of a transactional id in a log in memory."""

    def __init__(self, log: _Log, check: Callable[[Sequence[Outgoing]], None], transactional_id: str) -> None:
        self._log = log
        self._check = check
        self._id = transactional_id
        self._epoch = log.take_over(transactional_id)
        self._closed = False

    async def send(self, records: Sequence[Outgoing]) -> Sequence[Position]:
        if self._closed:
            raise BusError("the transaction is closed; open another")
        await asyncio.sleep(0)
        if self._log.epochs[self._id] != self._epoch:
            raise Fenced(f"transaction {self._id}: another writer took over; this one is dead")
        self._check(records)
        transaction = _Transaction()
        positions = self._log.append(records, transaction)
        self._log.end(transaction)
        return positions

    def close(self) -> None:
        self._closed = True


@dataclass(frozen=True, slots=True)
class _Record:
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes
    value: bytes | None
    headers: Headers


@dataclass(slots=True)
class _Transaction:
    open: bool = True
    aborted: bool = False


_COMMITTED = _Transaction(open=False)


@dataclass(slots=True)
class _Slot:
    """One offset: a record, or (None) a transaction marker or what compaction left."""

    record: _Record | None
    transaction: _Transaction


@dataclass(slots=True)
class _Partition:
    slots: list[_Slot] = field(default_factory=list)
    open_from: list[tuple[int, _Transaction]] = field(default_factory=list)

    @property
    def stable_end(self) -> int:
        """The first offset of the first open transaction; without one, the end."""
        return min((offset for offset, _ in self.open_from), default=len(self.slots))


@dataclass(slots=True)
class _Topic:
    partitions: tuple[_Partition, ...]
    compacted: bool


class _Log:
    """All topics, and who holds which transactional id."""

    def __init__(self, clock: Clock) -> None:
        self.topics: dict[str, _Topic] = {}
        self.epochs: dict[str, int] = {}
        self.readers: set[Callable[[], None]] = set()
        self._clock = clock
        self._left_open: dict[str, list[_Transaction]] = {}

    def create(self, topic: str, partitions: int, compacted: bool) -> None:
        self.topics.setdefault(topic, _Topic(tuple(_Partition() for _ in range(partitions)), compacted))

    def topic(self, name: str) -> _Topic:
        found = self.topics.get(name)
        if found is None:
            raise UnknownTopic(f"{name} does not exist; make it with create()")
        return found

    def partition(self, wanted: TopicPartition) -> _Partition:
        partitions = self.topic(wanted.topic).partitions
        if wanted.partition >= len(partitions):
            raise UnknownTopic(f"{wanted} does not exist; the topic has {len(partitions)} partition(s)")
        return partitions[wanted.partition]

    def append(self, records: Sequence[Outgoing], transaction: _Transaction) -> Sequence[Position]:
        now = self._clock()
        positions: list[Position] = []
        for record in records:
            partitions = self.topic(record.topic).partitions
            number = zlib.crc32(record.key) % len(partitions)
            partition = partitions[number]
            offset = len(partition.slots)
            if transaction.open and all(known is not transaction for _, known in partition.open_from):
                partition.open_from.append((offset, transaction))
            stored = _Record(record.topic, number, offset, now, record.key, record.value, tuple(record.headers))
            partition.slots.append(_Slot(stored, transaction))
            positions.append(Position(record.topic, number, offset, now))
        self._wake_readers()
        return positions

    def end(self, transaction: _Transaction, *, abort: bool = False) -> None:
        """Commit or abort: a marker in each partition that the transaction touched."""
        transaction.open, transaction.aborted = False, abort
        for topic in self.topics.values():
            for partition in topic.partitions:
                still_open = [entry for entry in partition.open_from if entry[1] is not transaction]
                if len(still_open) < len(partition.open_from):
                    partition.open_from = still_open
                    partition.slots.append(_Slot(None, _COMMITTED))
        self._wake_readers()

    def take_over(self, transactional_id: str) -> int:
        """Fence all earlier holders of the id, abort what they left open, and return the new holder's epoch."""
        self.epochs[transactional_id] = self.epochs.get(transactional_id, 0) + 1
        for transaction in self._left_open.pop(transactional_id, ()):
            self.end(transaction, abort=True)
        return self.epochs[transactional_id]

    def leave_open(self, transactional_id: str, records: Sequence[Outgoing]) -> None:
        self.take_over(transactional_id)
        transaction = _Transaction()
        self.append(records, transaction)
        self._left_open.setdefault(transactional_id, []).append(transaction)

    def compact(self, name: str) -> None:
        topic = self.topic(name)
        if not topic.compacted:
            raise BusError(f"{name} is not compacted; make it with create(..., compacted=True)")
        for partition in topic.partitions:
            latest: dict[bytes, int] = {}
            stable = partition.slots[: partition.stable_end]
            for offset, slot in enumerate(stable):
                if slot.record is not None and not slot.transaction.aborted:
                    latest[slot.record.key] = offset
            for offset, slot in enumerate(stable):
                if slot.record is not None and (slot.record.value is None or latest.get(slot.record.key) != offset):
                    slot.record = None

    def _wake_readers(self) -> None:
        for wake in list(self.readers):
            wake()
