"""The conflicts of a picture, kept up to date by what is told and by the clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from bus import geography
from bus.messages import Ack, Decision, Measure, Offer, Request, Status, Work
from bus.registry import Actor, Registry
from bus.vocabulary import AreaKind, ConflictState, SituationState
from consumers.merge.answers import Answers
from consumers.merge.conflicts import causes, emergency, measures, resources, roaming, works
from consumers.merge.conflicts.answered import AnswerBook
from consumers.merge.conflicts.findings import Finding, Roles, Terms
from consumers.merge.conflicts.ground import Ground, Key
from consumers.merge.conflicts.limits import Limits
from consumers.merge.conflicts.rule import Rule
from consumers.merge.conflicts.texts import TEXTS
from consumers.merge.conflicts.things import (
    Municipality,
    Verdict,
    action_of,
    alarm_for,
    alarm_of,
    fault_of,
    heartbeat_of,
    need_of,
    plan_of,
    supply_of,
)
from consumers.merge.entities import Entity
from consumers.merge.freshness import Schedule
from consumers.merge.index import take_out
from consumers.merge.told import Told
from consumers.merge.view import Conflict, MeasureItem, Situation

RULES: tuple[Rule[Any, Any], ...] = (
    *works.RULES,
    *roaming.RULES,
    *emergency.RULES,
    *measures.RULES,
    *resources.RULES,
    *causes.RULES,
)
"""C01 to C18."""

_MOST = 100
"""A conflict names at most so many subjects and situations, so that its record is bounded; it tells how many there
are.
"""


class ConflictBook:
    """What does not go together, and what staff answered to it.

    `situations_of` tells which situations a subject is in or is for.
    """

    def __init__(self, limits: Limits, answers: Answers, situations_of: Callable[[str], Iterable[str]]) -> None:
        self._limits = limits
        self._answers = answers
        self._situations_of = situations_of
        self._ground = Ground(RULES, Terms(limits, Roles()))
        self._answered = AnswerBook()
        self._registry = Registry()
        self._found: dict[Key, tuple[Finding, ...]] = {}
        self._standing: dict[str, Finding] = {}
        """What is found, by id."""
        self._about: defaultdict[str, set[str]] = defaultdict(set)
        """Ids of what is found, by subject."""
        self._changed: set[str] = set()
        """Ids of conflicts that may be told differently, or not at all."""
        self._due = Schedule()
        self._waiting: dict[str, Key] = {}
        """Watches that wait for an instant, by their name in the schedule."""
        self._clocked: set[Key] = set()
        """Watches that have instants at which they may find something else, past ones too."""
        self._answers_due = Schedule()
        self._ending: set[str] = set()
        """Ids of conflicts with an answer that ends by the clock, or ended."""

    # What goes in

    def put(self, entity: Entity) -> None:
        """Take up what an entity says, incidents aside."""
        match message := entity.winner.message:
            case Work():
                self._ground.put(entity.ref, plan_of(message))
            case Measure():
                self._ground.put(entity.ref, action_of(message, entity.first.gist.observed_at))
            case Request():
                self._ground.put(entity.ref, need_of(message))
            case Offer():
                self._ground.put(entity.ref, supply_of(message))
            case Status():
                self._ground.put(entity.ref, heartbeat_of(message))
            case Ack() | Decision():
                self._changed.update(self._answered.put(entity))

    def put_incident(self, told: Told) -> None:
        """Take up what an incident tells, or that its cause is disputed or is not any more."""
        self._ground.put(told.ref, fault_of(told, self._answers.disputes(told.ref)))

    def put_measure(self, ref: str, item: MeasureItem | None) -> None:
        """Take up what is amiss with a measure; None when it is gone."""
        self._ground.put(alarm_for(ref), None if item is None else alarm_of(item))

    def put_white_out(self, code: str, *, holds: bool) -> None:
        """Take up whether no mobile network works as it should in an area: told of municipalities alone."""
        if geography.kind_of(code) is AreaKind.KOMMUN:
            ref = f"area/{code}"
            self._ground.put(ref, Municipality(ref, code) if holds else None)

    def put_situation(self, situation: Situation) -> None:
        """Take up how bad a situation is."""
        ref, severity = f"situation/{situation.id}", situation.severity
        verdict = None
        if situation.state is SituationState.ONGOING and severity.declared is not None:
            verdict = Verdict(ref, severity.declared, severity.computed, situation.actors, situation.areas)
        self._ground.put(ref, verdict)

    def drop(self, ref: str) -> None:
        """Take an entity or a situation out."""
        self._ground.put(ref, None)
        self._ground.put(alarm_for(ref), None)
        self._changed.update(self._answered.drop(ref))

    def register(self, registry: Registry, valid: Iterable[Actor]) -> None:
        """Who belongs to the group, and which entries are valid at present."""
        if registry is not self._registry:
            self._registry = registry
            self._changed.update(self._answered.set_registry(registry))
        roles = Roles.of(valid, self._limits)
        if roles != self._ground.terms.roles:
            self._ground.set_roles(roles)

    def look_again(self, subjects: Iterable[str]) -> None:
        """Subjects that may be in other situations than before, or for others."""
        for subject in subjects:
            self._changed |= self._about.get(subject, _NONE)

    def rewind(self) -> None:
        """The clock stands earlier than it did."""
        self._ground.dirty |= self._clocked
        self._changed |= self._ending

    # What comes out

    def has(self, id_: str) -> bool:
        """Whether the conflict stands, as of the last time that all were judged."""
        return id_ in self._standing

    def judge(self, as_of: datetime) -> frozenset[str]:
        """See anew what goes together. Returns the ids of the conflicts that arose by that."""
        self._ground.dirty |= {self._waiting.pop(name) for name in self._due.take(as_of)}
        dirty, self._ground.dirty = self._ground.dirty, set()
        before = {one.id for key in dirty for one in self._found.get(key, ())}
        for key in dirty:
            self._judge(key, as_of)
        return frozenset(one.id for key in dirty for one in self._found.get(key, ())) - before

    def refresh(self, as_of: datetime) -> Iterator[tuple[str, Conflict | None]]:
        """Every conflict that may have changed since it was last told, by id; None for one that is not there any more.
        Once all are judged.
        """
        self._changed |= self._answers_due.take(as_of)
        changed, self._changed = self._changed, set()
        for id_ in sorted(changed):
            yield id_, self._item(id_, as_of)

    def _judge(self, key: Key, as_of: datetime) -> None:
        """Set what a watch finds, and when it is to be judged again. One that is no more finds nothing."""
        watch = self._ground.watches.get(key)
        found: tuple[Finding, ...] = ()
        self._clocked.discard(key)
        if watch is not None:
            others, terms = self._ground.others(watch), self._ground.terms
            found = tuple(watch.rule.tell(watch.about, others, terms, as_of))
            instants = list(watch.rule.turns(watch.about, others, terms))
            if instants:
                self._clocked.add(key)
            self._wait(key, min((instant for instant in instants if instant > as_of), default=None))
        before = self._found.pop(key, ())
        if found:
            self._found[key] = found
        for gone in before:
            del self._standing[gone.id]
            for subject in gone.subjects:
                take_out(self._about, subject, gone.id)
        for new in found:
            self._standing[new.id] = new
            for subject in new.subjects:
                self._about[subject].add(new.id)
        self._changed.update(one.id for one in (*before, *found))

    def _wait(self, key: Key, until: datetime | None) -> None:
        if until is not None:
            name = f"{key[0]} {key[1]}"
            self._waiting[name] = key
            self._due.put(name, until)

    def _item(self, id_: str, as_of: datetime) -> Conflict | None:
        found = self._standing.get(id_)
        if found is None:
            return None
        answer, ends = self._answered.answer_to(id_, as_of)
        if ends:
            self._ending.add(id_)
            self._answers_due.put(id_, min((end for end in ends if end > as_of), default=None))
        situations = sorted({situation for subject in found.subjects for situation in self._situations_of(subject)})
        return Conflict.whole(
            id=id_,
            rule=found.rule,
            case=found.case,
            severity=self._limits.levels[found.code],
            subjects=_first(found),
            subject_count=len(found.subjects),
            text=TEXTS[found.code].format(**found.facts),
            facts=dict(found.facts),
            state=ConflictState.OPEN if answer is None else answer.state,
            answered_by=None if answer is None else answer.ref,
            actors=found.actors,
            areas=found.areas,
            situations=tuple(situations[:_MOST]),
            situation_count=len(situations),
        )


_NONE: frozenset[str] = frozenset()


def _first(found: Finding) -> tuple[str, ...]:
    """So many subjects that the record stays bounded, and in any case the one that it is about."""
    if len(found.subjects) <= _MOST:
        return found.subjects
    others = (ref for ref in found.subjects if ref != found.about)
    return tuple(sorted([*([] if found.about is None else [found.about]), *islice(others, _MOST - 1)]))
