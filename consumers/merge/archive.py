"""What leaves the memory, and how it is found again.

What left the picture may leave the memory too, in bundles: all that references and told links tie together, once all of
it has been over for as long as the archive horizon. Nothing that stays refers to a bundle, and it refers to nothing
that stays. So nobody misses it until

- something is said of one of its entities, or something is said that refers to one, or that one of them refers to;
- an incident holds one of its shared keys at about the time when it did, neither long after nor long before;
- a conflict that one of its answers or decisions names arises;
- the picture is asked for as of an instant at which it was in it.

Each of these brings the bundle back before anything is computed. No result depends on what happens to be in memory.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

from bus.vocabulary import TLP_ORDER, Tlp
from consumers.merge.digest import SetDigest
from consumers.merge.entities import Entity
from consumers.merge.links import Key
from consumers.merge.traces import Trace

_SITUATION = "situation/sit-"


class Span(NamedTuple):
    """From the first to the last instant of something, both included."""

    first: datetime
    last: datetime

    def with_(self, other: Span) -> Span:
        """The least span that holds both."""
        return Span(min(self.first, other.first), max(self.last, other.last))

    def meets(self, other: Span) -> bool:
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True)
class Bundle:
    """Entities that leave the memory together, and all that they can be found by."""

    entities: Mapping[str, tuple[Trace, ...]]
    """All that was said, by reference."""
    names: frozenset[int]
    """`name_of` its entities, and of what they refer to that nobody told of."""
    keys: Mapping[int, Span]
    """When its incidents held a shared key, by `name_of_key`."""
    heard: Mapping[tuple[str, Tlp], datetime]
    """When each actor was last heard in it, by who may know (`marks`)."""
    over_since: datetime
    """Since when all of it is over."""


class Archive(Protocol):
    """Where bundles are while they are not in memory. Every `take_..` takes out what it returns."""

    def put(self, bundle: Bundle) -> None: ...

    def take_named(self, name: int) -> Iterable[Bundle]:
        """Those that answer to a name; others do no harm."""

    def take_holding(self, key: int, span: Span) -> Iterable[Bundle]:
        """Those that held a shared key within the span."""

    def take_over_after(self, instant: datetime) -> Iterable[Bundle]:
        """Those of which something was not over yet at the instant."""

    def heard(self) -> Iterable[Mapping[tuple[str, Tlp], datetime]]:
        """What each bundle knows of when actors were last heard. Looks through all of them."""


class Observer(Protocol):
    """Whoever follows what leaves the memory of a state and what comes back."""

    def left(self, refs: Collection[str]) -> None: ...

    def came_back(self, entity: Entity) -> None: ...

    def has_conflict(self, id_: str) -> bool:
        """Whether a conflict stands in its picture, so that what names it must not leave."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a state amounts to beside the entities in its memory: enough to go on from there."""

    digest: bytes
    """The sum over all that was ever told."""
    heard: Mapping[str, datetime]
    """When each actor was last heard."""
    aside: Mapping[Tlp, bytes]
    """The sums over what is in the archive (`Aside`)."""
    heard_aside: Mapping[tuple[str, Tlp], datetime] | None


class Aside:
    """What all that is in the archive amounts to, so that nobody need look: by who may know of it."""

    def __init__(self, standing: Standing | None = None) -> None:
        self.digests: defaultdict[Tlp, SetDigest] = defaultdict(SetDigest)
        self.last_heard: dict[tuple[str, Tlp], datetime] | None = {}
        """None while it must be looked up: what was heard last has been taken out."""
        if standing is not None:
            self.digests.update({mark: SetDigest(dump) for mark, dump in standing.aside.items()})
            self.last_heard = None if standing.heard_aside is None else dict(standing.heard_aside)

    def add(self, bundle: Bundle) -> None:
        for kind, trace, mark in _told(bundle):
            self.digests[mark].add(kind, trace.content)
        if self.last_heard is not None:
            _latest(self.last_heard, bundle.heard)

    def subtract(self, bundle: Bundle) -> None:
        for kind, trace, mark in _told(bundle):
            self.digests[mark].subtract(kind, trace.content)
        if self.last_heard is not None and any(self.last_heard[who] <= at for who, at in bundle.heard.items()):
            self.last_heard = None

    def holds(self, hidden: Collection[Tlp]) -> bool:
        """Whether it holds what is known to those alone who may see one of these marks."""
        nothing = SetDigest().dump()
        return any(mark in hidden and digest.dump() != nothing for mark, digest in self.digests.items())

    def digest(self, ceiling: Collection[Tlp]) -> SetDigest:
        """Over what may be known."""
        whole = SetDigest()
        for mark, digest in self.digests.items():
            if mark in ceiling:
                whole.merge(digest)
        return whole

    def heard(self, ceiling: Collection[Tlp], archive: Archive) -> Mapping[str, datetime]:
        """When each actor was last heard in what may be known."""
        if self.last_heard is None:
            self.last_heard = {}
            for heard in archive.heard():
                _latest(self.last_heard, heard)
        found: dict[str, datetime] = {}
        for (actor, mark), at in self.last_heard.items():
            if mark in ceiling:
                _latest(found, {actor: at})
        return found


def marks(traces: Collection[Trace]) -> Iterator[Tlp]:
    """Of each message about one entity, the least ceiling below which it is not known: its own mark, or that of the
    message that speaks for the entity, without which nothing of it is.
    """
    winner = max(traces, key=lambda trace: trace.order).gist.tlp
    for trace in traces:
        yield max(winner, trace.gist.tlp, key=TLP_ORDER.index)


def _told(bundle: Bundle) -> Iterator[tuple[str, Trace, Tlp]]:
    for ref, traces in bundle.entities.items():
        for trace, mark in zip(traces, marks(traces), strict=True):
            yield ref.partition("/")[0], trace, mark


def name_of(ref: str) -> int:
    """A reference as a number of 64 bits with a sign. A situation has the number of the incident that is its seed."""
    if ref.startswith(_SITUATION):
        try:
            return _signed(bytes.fromhex(ref.removeprefix(_SITUATION)))
        except ValueError:
            pass  # no id of ours: a name like any other
    return _signed(hashlib.sha256(ref.encode()).digest()[:8])


def name_of_key(key: Key) -> int:
    """A shared key as a number of 64 bits with a sign."""
    return name_of(f"{key.field}\n{key.value}")


def _signed(digits: bytes) -> int:
    return int.from_bytes(digits[:8], "big", signed=True)


K = TypeVar("K")


def _latest(known: dict[K, datetime], heard: Mapping[K, datetime]) -> None:
    for who, at in heard.items():
        if who not in known or at > known[who]:
            known[who] = at
