"""What the outbox keeps of one message, as bytes that prove themselves; and what became of it.

A *frame* is self-contained: a marker, a checksum, a length, then everything that it takes to send the record from
anywhere. So a record is checked whenever it is read, survives the loss of all that stands around it on the disk, and
travels in a file.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from bus.envelope import sent_at
from bus.instants import from_millis, to_millis
from bus.messages import Incident, Message
from bus.transport import Outgoing, Position
from bus.vocabulary import OPEN_INCIDENT_STATES
from producers.outbox.urgency import Urgency, urgency_of

MARKER = b"\x89ntsg\x01\r\n"
"""Begins every frame: eight bytes that no text holds. The sixth is the version of the frame."""

_HEAD = struct.Struct(">8s16sI")
_FACTS = struct.Struct(">QQqB?")
_LENGTH = struct.Struct(">I")


class EntryState(StrEnum):
    """What became of a message that the outbox took."""

    WAITING = "WAITING"
    """On this disk, and on its way."""
    STORED = "STORED"
    """The bus has it: acknowledged by all in-sync replicas."""
    REFUSED = "REFUSED"
    """The bus does not take it from this user. It is kept; the others go on."""
    DAMAGED = "DAMAGED"
    """The disk gave back something else than what was written. Publish it again."""


class Unreadable(Exception):
    """The bytes are not a frame, or not what was written."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A record to be kept and sent, with what the outbox wants to know of its message."""

    record: Outgoing
    ref: str
    revision: int
    urgency: Urgency
    is_open: bool
    """Whether it says of an incident of the actor's own that it is open."""

    @classmethod
    def of(cls, message: Message, record: Outgoing) -> Parcel:
        """`record` carries the message."""
        own = message.on_behalf_of in (None, message.actor)
        is_open = own and isinstance(message, Incident) and message.state in OPEN_INCIDENT_STATES
        return cls(record, message.reference, message.revision, urgency_of(message), is_open)

    @property
    def content(self) -> bytes:
        """Equal for equal records, whenever they were sent (16 bytes)."""
        record = self.record
        return _mark(_joined((record.topic.encode(), record.key, record.value or b"")))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an entry."""

    number: int
    ref: str
    revision: int
    state: EntryState
    position: Position | None = None
    """Of STORED."""
    code: str | None = None
    reason: str | None = None

    @property
    def cells(self) -> tuple[Any, ...]:
        place = (
            (self.position.partition, self.position.offset, self.position.timestamp) if self.position else (None,) * 3
        )
        cells = self.number, self.ref, self.revision, self.state.value, *place, self.code, self.reason
        return *cells, mark_of(cells)


@dataclass(frozen=True, slots=True)
class Kept:
    """A parcel in its place in the outbox. `number` orders, by acceptance; the clock orders nothing."""

    number: int
    accepted_at: datetime
    parcel: Parcel

    def became(
        self, state: EntryState, position: Position | None = None, code: str | None = None, reason: str | None = None
    ) -> Outcome:
        return Outcome(self.number, self.parcel.ref, self.parcel.revision, state, position, code, reason)


@dataclass(frozen=True, slots=True)
class Entry:
    """One message in the outbox, as its owner sees it."""

    number: int
    ref: str
    revision: int
    state: EntryState
    topic: str | None = None
    """None, as are the next three, where the disk lost it."""
    urgency: Urgency | None = None
    accepted_at: datetime | None = None
    """By this machine's clock."""
    sent_at: datetime | None = None
    """As stamped before it was accepted: what the bus will say."""
    partition: int | None = None
    """Of STORED, as are `offset` and `known_at`."""
    offset: int | None = None
    known_at: datetime | None = None
    """When the broker appended it."""
    code: str | None = None
    """Of REFUSED and DAMAGED: the name of the error."""
    reason: str | None = None
    """Of REFUSED and DAMAGED: what is wrong, and what to do."""

    @property
    def receipt(self) -> dict[str, Any]:
        """What whoever handed it over is told, as JSON. The disk has it; `state` says whether the bus has it, too."""
        names = ("ref", "revision", "topic", "partition", "offset", "state", "number")
        return {name: getattr(self, name) for name in names}


def pack(kept: Kept) -> bytes:
    """The frame of what is kept."""
    parcel, record = kept.parcel, kept.parcel.record
    facts = _FACTS.pack(kept.number, to_millis(kept.accepted_at), parcel.revision, parcel.urgency, parcel.is_open)
    headers = [part for name, value in record.headers for part in (name.encode(), value)]
    parts = (parcel.ref.encode(), record.topic.encode(), record.key, record.value or b"", *headers)
    return frame_of(facts + _joined(parts))


def frame_of(body: bytes) -> bytes:
    """The frame around a body: what proves that it is as it was written, and nothing else."""
    return _HEAD.pack(MARKER, _mark(body), len(body)) + body


def unpack(frame: bytes) -> Kept:
    """What a frame holds. Raises Unreadable."""
    if len(frame) < _HEAD.size:
        raise Unreadable(f"{len(frame)} bytes are too few")
    marker, mark, length = _HEAD.unpack_from(frame)
    body = frame[_HEAD.size :]
    if marker != MARKER or len(body) != length or _mark(body) != mark:
        raise Unreadable("the checksum does not fit: these are not the bytes that were written")
    try:
        number, accepted, revision, urgency, is_open = _FACTS.unpack_from(body)
        ref, topic, key, value, *headers = _parted(body[_FACTS.size :])
        pairs = zip(headers[::2], headers[1::2], strict=True)
        record = Outgoing(topic.decode(), key, value, tuple((name.decode(), content) for name, content in pairs))
        return Kept(number, from_millis(accepted), Parcel(record, ref.decode(), revision, Urgency(urgency), is_open))
    except (struct.error, ValueError, OverflowError) as error:  # whole, and yet not one that we made
        raise Unreadable(f"the frame holds no record: {error}") from error


def carve(raw: bytes) -> Iterator[Kept]:
    """Every whole frame that stands anywhere in the bytes: what a file still holds when nothing else of it can be read.

    A frame that the file system or the database laid down in pieces is not found.
    """
    start = raw.find(MARKER)
    while start >= 0:
        if start + _HEAD.size <= len(raw):
            length = _HEAD.unpack_from(raw, start)[2]
            with suppress(Unreadable):
                yield unpack(raw[start : start + _HEAD.size + length])
        start = raw.find(MARKER, start + 1)


def entry(kept: Kept, state: EntryState = EntryState.WAITING) -> Entry:
    """What is kept, as its owner sees it."""
    parcel, record = kept.parcel, kept.parcel.record
    stamped = sent_at(record.headers)
    return Entry(
        kept.number, parcel.ref, parcel.revision, state, record.topic, parcel.urgency, kept.accepted_at, stamped
    )


def lost(number: int, ref: str, revision: int, why: str) -> Outcome:
    """The outcome of what the disk did not keep."""
    named = f"{ref}@{revision}" if ref else f"entry {number}"
    return Outcome(
        number, ref, revision, EntryState.DAMAGED, code="DAMAGED", reason=f"{named}: {why}; publish it again"
    )


def mark_of(cells: Iterable[Any]) -> bytes:
    """The mark of a row."""
    return _mark(repr(tuple(cells)).encode())


def _joined(parts: tuple[bytes, ...]) -> bytes:
    return b"".join(piece for part in parts for piece in (_LENGTH.pack(len(part)), part))


def _parted(body: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(body):
        (length,) = _LENGTH.unpack_from(body, start)
        start += _LENGTH.size
        yield body[start : start + length]
        start += length


def _mark(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()[:16]
