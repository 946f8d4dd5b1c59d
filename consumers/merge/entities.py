"""From messages to entities: a grow-only set of revisions per entity, of which one wins.

The winner is the greatest by `(revision, sent_at, content hash)`: a total order, so no tie is left to arrival.
Messages with equal content are copies of one, with the earliest `sent_at` and `known_at` of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from bus.envelope import Envelope
from bus.messages import Incident, Message


class Entity:
    """All that was said of one thing by its owner."""

    __slots__ = ("_by_content", "_first", "_winner", "ref")

    def __init__(self, ref: str, envelope: Envelope) -> None:
        self.ref = ref
        self._by_content = {envelope.content: envelope}
        self._winner = self._first = envelope

    def copy_of(self, envelope: Envelope) -> Envelope | None:
        """The message of equal content that is held, if any."""
        return self._by_content.get(envelope.content)

    def take(self, envelope: Envelope) -> None:
        """Add a message whose content is not held."""
        self._by_content[envelope.content] = envelope
        if order(envelope) > order(self._winner):
            self._winner = envelope
        lowest, revision = self._first.message.revision, envelope.message.revision
        if revision < lowest or (revision == lowest and order(envelope) > order(self._first)):
            self._first = envelope

    def take_earlier(self, held: Envelope, copy: Envelope) -> None:
        """Keep the earliest `sent_at` and `known_at` of a message that is held and its copy."""
        sent_at, known_at = min(held.sent_at, copy.sent_at), min(held.known_at, copy.known_at)
        self._by_content[held.content] = replace(held, sent_at=sent_at, known_at=known_at)
        self._choose()

    def _choose(self) -> None:
        self._winner = max(self._by_content.values(), key=order)
        lowest = min(envelope.message.revision for envelope in self._by_content.values())
        self._first = max((e for e in self._by_content.values() if e.message.revision == lowest), key=order)

    @property
    def winner(self) -> Envelope:
        """The message that speaks for the entity."""
        return self._winner

    @property
    def first(self) -> Envelope:
        """The message that speaks for the lowest known revision."""
        return self._first

    @property
    def latest_known_at(self) -> datetime:
        """When the bus last learnt something new of the entity."""
        return max(envelope.known_at for envelope in self._by_content.values())

    def __len__(self) -> int:
        return len(self._by_content)

    def history(self) -> list[Envelope]:
        """The winner of each revision, rising."""
        return [max(same, key=order) for _, same in self._revisions()]

    def equivocations(self) -> Iterator[int]:
        """Revisions for which different facts were told. Different bytes for equal facts are not that."""
        for revision, same in self._revisions():
            if any(other.message != same[0].message for other in same[1:]):
                yield revision

    def envelopes(self) -> list[Envelope]:
        """Every distinct message, by order."""
        return sorted(self._by_content.values(), key=order)

    def _revisions(self) -> Iterator[tuple[int, list[Envelope]]]:
        grouped: dict[int, list[Envelope]] = {}
        for envelope in self._by_content.values():
            grouped.setdefault(envelope.message.revision, []).append(envelope)
        for revision in sorted(grouped):
            yield revision, grouped[revision]


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
