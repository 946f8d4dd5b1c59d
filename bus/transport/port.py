"""The transport port: an ordered, replayable log of records per topic partition.

Promises that every adapter keeps (`tests/integration/test_transport.py` holds them):

- records of one writer to one topic are stored in the order of sending, offsets rise;
- a reader sees every committed record of its partitions from the position that it was given, in offset order,
  and nothing of an aborted transaction;
- `end_offsets` tells where the log ends now for a reader: it is caught up when its position has reached it;
- a second transaction with the same id fences the first (`Fenced`) and aborts what it left open;
- closing ends every wait; cancelling a wait leaves the reader usable and loses no record.

Instants are milliseconds since the epoch, as the broker keeps them. Errors are those of `bus.errors`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from bus.errors import TooLarge
from bus.topics import TopicPartition

Headers = Sequence[tuple[str, bytes]]

MAX_RECORD_BYTES = 1_000_000
"""Largest record that the bus takes: key, value and headers together. (Brokers refuse batches over 1,048,588 bytes.)"""


class Dated(Protocol):
    """A record with its time in the log."""

    @property
    def timestamp(self) -> int:
        """When the broker appended it, milliseconds since the epoch."""

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


class Stored(Dated, Protocol):
    """A record as the log holds it. (aiokafka's own record has this shape, so none is copied.)"""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to be written. A value of None is a tombstone (compacted topics only)."""

    topic: str
    key: bytes
    value: bytes | None
    headers: Headers = ()

    def check_size(self) -> None:
        """Raises TooLarge above MAX_RECORD_BYTES."""
        size = len(self.key) + len(self.value or b"")
        size += sum(len(name) + len(content) for name, content in self.headers)
        if size > MAX_RECORD_BYTES:
            raise TooLarge(
                f"{self.topic}: the record {self.key.decode(errors='replace')} has {size:,} bytes;"
                f" the bus takes {MAX_RECORD_BYTES:,}: shorten its texts or split it"
            )


class Position(NamedTuple):
    """Where a record was stored, and when (milliseconds since the epoch, by the broker's clock)."""

    topic: str
    partition: int
    offset: int
    timestamp: int


class Reader(Protocol):
    """Reads partitions that were assigned to it; no group, no committed offsets. Not for concurrent use."""

    async def read(self, *, timeout: float, limit: int = 5_000) -> Sequence[Stored]:
        """The next records, at most `limit`; empty when none came within `timeout` seconds."""

    async def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        """Replace the assignment. Partitions that were assigned before, with the same position, go on undisturbed."""

    def positions(self) -> Mapping[TopicPartition, int]:
        """Next offset to be read, per assigned partition. (Transaction markers count: they take up offsets.)"""

    async def end_offsets(self) -> Mapping[TopicPartition, int]:
        """The last stable offset + 1 as of now, per assigned partition: what a caught-up reader's position equals."""

    async def high_watermarks(self) -> Mapping[TopicPartition, int]:
        """The end of the log including records of open transactions. Above `end_offsets` for long: a writer hangs."""


class Writer(Protocol):
    """Writes records durably: idempotent, acknowledged by all in-sync replicas."""

    async def send(self, records: Sequence[Outgoing]) -> Sequence[Position]:
        """Store the records; returns when all are acknowledged, positions in the order given.

        Raises the error of the first record that failed; others of the batch may have been stored (at-least-once
        is what the merge expects).
        """


class Transaction(Protocol):
    """A transactional writer: each `send` is one atomic batch."""

    async def send(self, records: Sequence[Outgoing]) -> Sequence[Position]:
        """Store all of the records or none. Raises Fenced when a newer holder of the id has taken over.

        Stored for good when this returns; readers see them (and `end_offsets` counts them) some milliseconds later.
        """


class Transport(Protocol):
    """A connection to one bus as one user."""

    def reader(self, positions: Mapping[TopicPartition, int]) -> AbstractAsyncContextManager[Reader]:
        """A reader of the given partitions, each from the given next offset."""

    def writer(self) -> AbstractAsyncContextManager[Writer]: ...

    def transaction(self, transactional_id: str) -> AbstractAsyncContextManager[Transaction]:
        """Fences every earlier holder of the id and aborts what it left open, before the body runs."""

    async def partitions(self, topics: Iterable[str] | None = None) -> Sequence[TopicPartition]:
        """The partitions of the given topics, or of all topics that this user may see. Unknown topics are left out."""

    async def writable(self, topics: Iterable[str]) -> frozenset[str]:
        """Those of the given topics that exist and that this user may write to. Writes nothing."""
