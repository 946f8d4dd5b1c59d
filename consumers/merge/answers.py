"""Who answered what: the acknowledgements, and what they mean for measures and causes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from bus.envelope import Envelope
from bus.messages import Ack, Measure
from bus.registry import Registry
from bus.vocabulary import AckAnswer, Role
from consumers.merge.entities import Entity, order, owner

ACKNOWLEDGING = frozenset({AckAnswer.RECEIVED, AckAnswer.READ, AckAnswer.ACCEPTED, AckAnswer.DISMISSED})
"""What says that somebody has seen it."""
_CONSENT = frozenset({AckAnswer.ACCEPTED, AckAnswer.DISMISSED})
_CAUSE = frozenset({AckAnswer.CAUSE_ACCEPTED, AckAnswer.CAUSE_DISPUTED})


class Answers:
    """The acknowledgements by what they answer."""

    def __init__(self) -> None:
        self._to: defaultdict[str, dict[str, Entity]] = defaultdict(dict)
        self._of: dict[str, str] = {}

    def put(self, entity: Entity, ack: Ack) -> set[str]:
        """Take up an acknowledgement. Returns what it answers, now and before."""
        answered = {ack.of, *self.drop(entity.ref)}
        self._of[entity.ref] = ack.of
        self._to[ack.of][entity.ref] = entity
        return answered

    def drop(self, ref: str) -> set[str]:
        """Take an acknowledgement out. Returns what it answered."""
        before = self._of.pop(ref, None)
        if before is None:
            return set()
        del self._to[before][ref]
        if not self._to[before]:
            del self._to[before]
        return {before}

    def given(self, ref: str) -> list[tuple[Envelope, Ack]]:
        """Every answer to it, by when it was given."""
        found = [(envelope, ack) for entity in self._to.get(ref, {}).values() for envelope, ack in [_ack(entity)]]
        return sorted(found, key=lambda answer: (answer[1].observed_at, order(answer[0])))

    def answered(self) -> Collection[str]:
        """All that somebody answered."""
        return self._to.keys()

    def acknowledged(self, ref: str, registry: Registry) -> datetime | None:
        """When the bus knew the latest acknowledgement by the coordination; None: there is none.

        Without a registry nobody's role is known, and everybody's counts.
        """
        seen = [envelope.known_at for envelope, ack in self.given(ref) if _counts(ack, envelope.known_at, registry)]
        return max(seen, default=None)

    def disputers(self, ref: str) -> frozenset[str]:
        """Those whose latest word on the cause of this incident is that they dispute it."""
        return frozenset(self._disputes(ref))

    def disputes(self, ref: str) -> tuple[str, ...]:
        """The acknowledgements in which they say so."""
        return tuple(sorted(ack.reference for ack in self._disputes(ref).values()))

    def _disputes(self, ref: str) -> dict[str, Ack]:
        if ref not in self._to:
            return {}
        latest = self._latest(ref, _CAUSE)
        return {actor: ack for actor, ack in latest.items() if ack.answer is AckAnswer.CAUSE_DISPUTED}

    def awaited(self, measure: Measure) -> tuple[str, ...]:
        """The counterparties, hosts and guests other than the owner, that have not accepted the measure."""
        answers = self._latest(measure.reference, _CONSENT)
        counterparties = {*measure.hosts, *measure.guests} - {measure.actor, measure.on_behalf_of}
        return tuple(sorted(actor for actor in counterparties if not _accepts(answers.get(actor))))

    def has_answered(self, ref: str, actor: str, kinds: frozenset[AckAnswer]) -> bool:
        """Whether an actor has given one of these answers."""
        return ref in self._to and actor in self._latest(ref, kinds)

    def _latest(self, ref: str, kinds: frozenset[AckAnswer]) -> dict[str, Ack]:
        """Each actor's latest answer of these kinds, by when it was given."""
        latest: dict[str, Ack] = {}
        for _, ack in self.given(ref) if ref in self._to else ():
            if ack.answer in kinds:
                latest[owner(ack)] = ack
        return latest


def _ack(entity: Entity) -> tuple[Envelope, Ack]:
    envelope = entity.winner
    if not isinstance(envelope.message, Ack):
        raise TypeError(f"{entity.ref} is not an acknowledgement")
    return envelope, envelope.message


def _counts(ack: Ack, known_at: datetime, registry: Registry) -> bool:
    if ack.answer not in ACKNOWLEDGING:
        return False
    entry = registry.at(ack.actor, known_at)
    return not registry.actors or (entry is not None and Role.COORDINATION in entry.roles)


def _accepts(ack: Ack | None) -> bool:
    return ack is not None and ack.answer is AckAnswer.ACCEPTED
