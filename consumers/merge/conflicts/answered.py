"""What staff answered to a conflict: acknowledged or dismissed, by which message.

An acknowledgement by the coordination (of any answer RECEIVED, READ, ACCEPTED, DISMISSED), or a decision that is in
force and names the conflict. The latest by when it was given counts. A dismissal needs a reason: without a comment it
acknowledges. Without a registry nobody's role is known, and everybody's acknowledgement counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bus.messages import Ack, Decision
from bus.registry import Registry
from bus.vocabulary import AckAnswer, ConflictState, DecisionState, Role
from consumers.merge.answers import ACKNOWLEDGING
from consumers.merge.entities import Entity, order

_PREFIX = "conflict/"
_IN_FORCE = frozenset({DecisionState.ADOPTED, DecisionState.EXECUTED})


@dataclass(frozen=True, slots=True)
class Answer:
    """What one message says to a conflict."""

    ref: str
    state: ConflictState
    given: tuple[datetime, tuple[int, datetime, bytes]]
    known_at: datetime
    until: datetime | None
    """When it ceases to hold; None: it stands."""
    actor: str | None
    """Who must have the role COORDINATION for it to count; None where the bus saw to that."""


class AnswerBook:
    """The answers to conflicts, by conflict. A conflict need not be known, or be any more."""

    def __init__(self) -> None:
        self._to: defaultdict[str, dict[str, Answer]] = defaultdict(dict)
        self._by: dict[str, frozenset[str]] = {}
        self._registry = Registry()

    def put(self, entity: Entity) -> Iterable[str]:
        """Take up an acknowledgement or a decision. Returns the ids of the conflicts that it concerns or did."""
        message = entity.winner.message
        answer = _answer_of(entity)
        named = (message.of,) if isinstance(message, Ack) else message.affects if isinstance(message, Decision) else ()
        return self._set(entity.ref, answer, named)

    def drop(self, ref: str) -> Iterable[str]:
        """Take an answer out. Returns the ids of the conflicts that it concerned."""
        return self._set(ref, None, ())

    def set_registry(self, registry: Registry) -> Iterable[str]:
        """Who had which role when. Returns the ids of the conflicts of which something may have changed."""
        self._registry = registry
        return list(self._to)

    def answer_to(self, conflict: str, as_of: datetime) -> tuple[Answer | None, list[datetime]]:
        """What counts, and all instants at which that changes by the clock, past ones too."""
        answers = [answer for answer in self._to.get(conflict, {}).values() if self._counts(answer)]
        holding = [answer for answer in answers if answer.until is None or answer.until > as_of]
        ends = [answer.until for answer in answers if answer.until is not None]
        return max(holding, key=lambda answer: answer.given, default=None), ends

    def _set(self, ref: str, answer: Answer | None, named: Iterable[str]) -> frozenset[str]:
        old = self._by.pop(ref, frozenset())
        for conflict in old:
            del self._to[conflict][ref]
            if not self._to[conflict]:
                del self._to[conflict]
        new = frozenset(name.removeprefix(_PREFIX) for name in named if answer and name.startswith(_PREFIX))
        if answer and new:
            self._by[ref] = new
            for conflict in new:
                self._to[conflict][ref] = answer
        return old | new

    def _counts(self, answer: Answer) -> bool:
        if answer.actor is None or not self._registry.actors:
            return True
        entry = self._registry.at(answer.actor, answer.known_at)
        return entry is not None and Role.COORDINATION in entry.roles


def _answer_of(entity: Entity) -> Answer | None:
    winner = entity.winner
    message, given = winner.message, (winner.message.observed_at, order(winner))
    if isinstance(message, Ack) and message.answer in ACKNOWLEDGING:
        dismissed = message.answer is AckAnswer.DISMISSED and message.comment.strip()
        state = ConflictState.DISMISSED if dismissed else ConflictState.ACKNOWLEDGED
        return Answer(entity.ref, state, given, winner.known_at, None, message.actor)
    if isinstance(message, Decision) and message.state in _IN_FORCE:
        return Answer(entity.ref, ConflictState.ACKNOWLEDGED, given, winner.known_at, message.until, None)
    return None
