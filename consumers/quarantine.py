"""What was read and refused: nothing is dropped silently, and what may yet be allowed is not forgotten. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from bus.transport.port import Headers, Stored
from consumers.authority import BY_REGISTRY, Refusal


class Place(NamedTuple):
    """Where a record stands in the log; written `topic/partition/offset`, the key on the quarantine topic."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Place:
        """From `topic/partition/offset`. Raises ValueError."""
        topic, partition, offset = text.split("/")
        return cls(topic, int(partition), int(offset))

    @classmethod
    def of(cls, record: Stored) -> Place:
        return cls(record.topic, record.partition, record.offset)


MEMORY = 64 * 1024 * 1024
"""Bytes of values that are kept of records which nothing can release. Beyond that, only their places are: the originals
stand in their own topics. A sender run wild must not fill the memory."""


@dataclass(frozen=True, slots=True)
class Held:
    """A record in quarantine. `fingerprint` (16 hex digits) is the schema that it waits for, if that is why."""

    record: Stored
    known_at: datetime
    refusal: Refusal
    fingerprint: str | None = None
    left_out: bool = False
    """Whether the record is kept without its value: see MEMORY."""

    @property
    def may_be_released(self) -> bool:
        return self.fingerprint is not None or self.refusal.code in BY_REGISTRY


@dataclass(frozen=True, slots=True)
class _Trace:
    """What is left of a record whose value is not kept."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None = None
    headers: Headers = ()


class Quarantine:
    """The records that are held now, by place, and which of them a schema or the registry may release."""

    def __init__(self) -> None:
        self._held: dict[Place, Held] = {}
        self._copies: Counter[bytes] = Counter()
        self._by_fingerprint: dict[str, set[Place]] = {}
        self._by_registry: set[Place] = set()
        self._changed: set[Place] = set()
        self._bytes = 0

    def __len__(self) -> int:
        """Distinct records held: copies of one (same topic, key and value) count once, as in the picture itself."""
        return len(self._copies)

    @property
    def held(self) -> Mapping[Place, Held]:
        return self._held

    def hold(self, held: Held) -> None:
        place = Place.of(held.record)
        self._copies[_content(held.record)] += 1
        self._changed.add(place)
        if not held.may_be_released:
            held = self._within_memory(held)
        self._held[place] = held
        if held.fingerprint is not None:
            self._by_fingerprint.setdefault(held.fingerprint, set()).add(place)
        elif held.refusal.code in BY_REGISTRY:
            self._by_registry.add(place)

    def release_for_schema(self, fingerprint: str) -> Iterable[Held]:
        """Let go of the records that waited for this schema, in the order of the log."""
        return [self._release(place) for place in sorted(self._by_fingerprint.pop(fingerprint, ()))]

    def release_for_registry(self) -> Iterable[Held]:
        """Let go of the records that the registry refused, in the order of the log."""
        places, self._by_registry = self._by_registry, set()
        return [self._release(place) for place in sorted(places)]

    def changes(self) -> Mapping[Place, Held | None]:
        """What is held differently since the last call; None for what is held no more."""
        changed, self._changed = self._changed, set()
        return {place: self._held.get(place) for place in sorted(changed)}

    def _within_memory(self, held: Held) -> Held:
        record = held.record
        self._bytes += len(record.value or b"")
        if self._bytes <= MEMORY:
            return held
        trace = _Trace(record.topic, record.partition, record.offset, record.timestamp, record.key)
        return replace(held, record=trace, left_out=True)

    def _release(self, place: Place) -> Held:
        held = self._held.pop(place)
        content = _content(held.record)
        self._copies[content] -= 1
        if not self._copies[content]:
            del self._copies[content]
        self._changed.add(place)
        return held


def _content(record: Stored) -> bytes:
    """The identity of a record as written: topic, key and value."""
    digest = hashlib.sha256()
    for part in (record.topic.encode(), record.key, record.value):
        digest.update(b"-" if part is None else b"%d:" % len(part) + part)
    return digest.digest()
