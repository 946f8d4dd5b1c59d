"""From messages to entities: a grow-only set of revisions per entity, of which one wins.

The winner is the greatest by `(revision, sent_at, content hash)`: a total order, so no tie is left to arrival.
Messages with equal content are copies of one, with the earliest `sent_at` and `known_at` of them. Only the winner is
kept as a message; of all, a trace.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from bus.envelope import Envelope
from bus.messages import Incident, Message
from consumers.merge.traces import Read, Trace


class Entity:
    """All that was said of one thing by its owner. `read` reads a body again."""

    __slots__ = ("_by_revision", "_equivocated", "_last", "_read", "_traces", "_winner", "ref")

    def __init__(self, ref: str, trace: Trace, envelope: Envelope | None, read: Read) -> None:
        self.ref = ref
        self._read = read
        self._traces = {trace.content: trace}
        self._by_revision = {trace.gist.revision: trace}
        self._last = trace
        self._winner = envelope
        self._equivocated: frozenset[int] = frozenset()

    @classmethod
    def of(cls, ref: str, traces: Sequence[Trace], read: Read) -> Entity:
        """From all that was said of it."""
        entity = cls(ref, traces[0], None, read)
        for trace in traces[1:]:
            entity.take(trace, None)
        return entity

    def copy_of(self, trace: Trace) -> Trace | None:
        """The message of equal content that is held, if any."""
        return self._traces.get(trace.content)

    def trace(self, content: bytes) -> Trace | None:
        """The message of that content, as it is remembered."""
        return self._traces.get(content)

    def take(self, trace: Trace, envelope: Envelope | None) -> None:
        """Add a message whose content is not held; without its envelope, it is read when somebody asks."""
        revision = trace.gist.revision
        rival = self._by_revision.get(revision)
        if rival is not None and revision not in self._equivocated:
            message = self._message(trace) if envelope is None else envelope.message
            if message != self._message(rival):
                self._equivocated |= {revision}
        self._traces[trace.content] = trace
        if rival is None or trace.order > rival.order:
            self._by_revision[revision] = trace
        if trace.order > self._last.order:
            self._last, self._winner = trace, envelope

    def take_again(self, held: Trace, known: Trace) -> None:
        """Know of a message that is held what is known of it with its copy."""
        self._traces[held.content] = known
        revision = held.gist.revision
        same = (trace for trace in self._traces.values() if trace.gist.revision == revision)
        self._by_revision[revision] = max(same, key=_order)
        self._last = self._by_revision[self._last.gist.revision]
        winner, last = self._winner, self._last
        if winner is not None and winner.content == last.content:
            self._winner = replace(winner, sent_at=last.sent_at, known_at=last.known_at)
        else:
            self._winner = None

    @property
    def winner(self) -> Envelope:
        """The message that speaks for the entity."""
        if self._winner is None:
            last = self._last
            self._winner = Envelope(self._message(last), last.content, last.sent_at, last.known_at)
        return self._winner

    @property
    def last(self) -> Trace:
        """The same, as it is remembered."""
        return self._last

    def held(self, trace: Trace) -> Envelope | None:
        """The whole message of a trace, where that is at hand: no body is read for it."""
        return self._winner if trace.content == self._last.content else None

    @property
    def first(self) -> Trace:
        """The message that speaks for the lowest known revision."""
        return self._by_revision[min(self._by_revision)]

    @property
    def latest_known_at(self) -> datetime:
        """When the bus last learnt something new of the entity."""
        return max(trace.known_at for trace in self._traces.values())

    def __len__(self) -> int:
        return len(self._traces)

    def history(self) -> list[Trace]:
        """The winner of each revision, rising."""
        return [self._by_revision[revision] for revision in sorted(self._by_revision)]

    @property
    def equivocated(self) -> Iterable[int]:
        """Revisions for which different facts were told, rising. Different bytes for equal facts are not that."""
        return sorted(self._equivocated)

    def traces(self) -> Collection[Trace]:
        """Every distinct message, in whatever order."""
        return self._traces.values()

    def envelopes(self) -> list[Envelope]:
        """Every distinct message, by order. Reads again what is held as bytes."""
        return [Envelope(self._message(trace), trace.content, trace.sent_at, trace.known_at) for trace in self.traces()]

    def _message(self, trace: Trace) -> Message:
        return self._read(self.ref.partition("/")[0], trace.body) if isinstance(trace.body, bytes) else trace.body


def order(envelope: Envelope) -> tuple[int, datetime, bytes]:
    """What decides between two messages about one entity: the greater wins."""
    return envelope.message.revision, envelope.sent_at, envelope.content


def owner(message: Message) -> str:
    """Whose report it is: the operator that it speaks for, else the actor that sent it."""
    return message.on_behalf_of or message.actor


def incident_of(entity: Entity) -> Incident:
    """The winning message of an entity that is an incident. Raises TypeError for any other."""
    message = entity.winner.message
    if not isinstance(message, Incident):
        raise TypeError(f"{entity.ref} is not an incident")
    return message


def _order(trace: Trace) -> tuple[int, datetime, bytes]:
    return trace.order
