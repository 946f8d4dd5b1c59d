"""What was read and refused: nothing is dropped silently, and what may yet be allowed is not forgotten. Pure.

Staff may settle what is held: a decision of the coordination that stands (ADOPTED, without an end) and affects
`quarantine/<place>` says that somebody has dealt with it, and why. The record stays held, and is judged again like any
other; it is counted no more. That, too, is a function of the messages in the log, and of nothing else.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple, Self

from bus.messages import Decision
from bus.topics import Realm
from bus.transport.port import Headers, Stored
from bus.vocabulary import DecisionState
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

    def reference(self, realm: Realm) -> str:
        """`quarantine/<place>`, as a decision names it: the realm is that of the decision."""
        return f"{QUARANTINE}{self.topic.removeprefix(f'{realm}.')}:{self.partition}:{self.offset}"

    @classmethod
    def referred(cls, ref: str, realm: Realm) -> Self | None:
        """The place that a reference names; None for one that names no place of this realm."""
        found = _REFERENCE.fullmatch(ref)
        return cls(f"{realm}.{found[1]}", int(found[2]), int(found[3])) if found else None


QUARANTINE = "quarantine/"
_REFERENCE = re.compile(rf"{QUARANTINE}([^:]+):(\d{{1,9}}):(\d{{1,19}})")


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
        self._copies: dict[bytes, set[Place]] = {}
        self._contents: dict[Place, bytes] = {}
        self._settling: dict[Place, set[str]] = {}
        self._settlements: dict[str, frozenset[Place]] = {}
        self._by_fingerprint: dict[str, set[Place]] = {}
        self._by_registry: set[Place] = set()
        self._changed: set[Place] = set()
        self._bytes = 0

    def __len__(self) -> int:
        """Distinct records held that nobody has settled: copies of one (same topic, key and value) count once, as in
        the picture itself, and are settled together.
        """
        return len(self._copies) - len(self._settled_contents())

    @property
    def held(self) -> Mapping[Place, Held]:
        return self._held

    @property
    def settled(self) -> Mapping[Place, str]:
        """What is held and settled, with the decision that settled it."""
        return {place: ref for content, ref in self._settled_contents().items() for place in self._copies[content]}

    def settle(self, ref: str, places: Iterable[Place]) -> None:
        """What a decision settles now, in place of what it settled before. It need not be held (yet)."""
        before, now = self._settlements.pop(ref, frozenset()), frozenset(places)
        if now:
            self._settlements[ref] = now
        for place in before - now:
            self._settling[place].discard(ref)
            if not self._settling[place]:
                del self._settling[place]
        for place in now:
            self._settling.setdefault(place, set()).add(ref)
        for place in before ^ now:
            self._changed |= self._copies.get(self._contents.get(place, b""), set())

    def hold(self, held: Held) -> None:
        place, content = Place.of(held.record), _content(held.record)
        copies = self._copies.setdefault(content, set())
        copies.add(place)
        self._contents[place] = content
        self._changed |= copies if place in self._settling else {place}
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
        held, content = self._held.pop(place), self._contents.pop(place)
        copies = self._copies[content]
        self._changed |= copies if place in self._settling else {place}
        copies.discard(place)
        if not copies:
            del self._copies[content]
        return held

    def _settled_contents(self) -> Mapping[bytes, str]:
        found: dict[bytes, str] = {}
        for place, refs in self._settling.items():
            if (content := self._contents.get(place)) is not None:
                found[content] = min({*refs, found.get(content, min(refs))})
        return found


def settled_by(decision: Decision, realm: Realm) -> Iterable[Place]:
    """What is settled by a decision that speaks for its entity."""
    if decision.state is not DecisionState.ADOPTED or decision.until is not None:
        return
    for ref in decision.affects:
        if (place := Place.referred(ref, realm)) is not None:
            yield place


def _content(record: Stored) -> bytes:
    """The identity of a record as written: topic, key and value."""
    digest = hashlib.sha256()
    for part in (record.topic.encode(), record.key, record.value):
        digest.update(b"-" if part is None else b"%d:" % len(part) + part)
    return digest.digest()
