"""Measures as the view shows them: confirmed by the other side or not, and what is amiss with them.

What is amiss depends on the answers of hosts and guests, on what the measure is for, and on the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from bus.messages import Measure
from bus.vocabulary import MeasureAlert, MeasureEffect, MeasureState, MeasureType
from consumers.merge.answers import Answers
from consumers.merge.entities import Entity
from consumers.merge.freshness import Schedule
from consumers.merge.index import Index
from consumers.merge.view import MeasureItem

WANTS_CONSENT = frozenset(
    {
        MeasureState.PROPOSED,
        MeasureState.REQUESTED,
        MeasureState.AGREED,
        MeasureState.PLANNED,
        MeasureState.ACTIVATING,
        MeasureState.ACTIVE,
        MeasureState.UNKNOWN,
    }
)
"""States in which hosts and guests are waited for."""

_WITHOUT_EFFECT = frozenset({MeasureEffect.INEFFECTIVE, MeasureEffect.HARMFUL})
_DONE_WITH = frozenset({MeasureState.DECLINED, MeasureState.ENDED})


def is_freeze(measure: Measure) -> bool:
    """Whether it is a maintenance freeze in force: until its owner says otherwise, also past its planned end."""
    return measure.type is MeasureType.MAINTENANCE_FREEZE and measure.state is MeasureState.ACTIVE


class MeasureBook:
    """The measures that are not retracted.

    `is_over` tells of an incident or a situation whether it is over; None where it is not known.
    """

    def __init__(self, expiring: timedelta, answers: Answers, is_over: Callable[[str], bool | None]) -> None:
        self._expiring = expiring
        self._answers = answers
        self._is_over = is_over
        self._entities: dict[str, Entity] = {}
        self._for = Index()
        self._dirty: set[str] = set()
        self._due = Schedule()
        self._freezes: set[str] = set()
        self._clocked: set[str] = set()
        """Those with a planned end."""

    def put(self, entity: Entity, measure: Measure) -> set[str]:
        """Take up a measure. Returns what it is for, now and before."""
        if measure.state is MeasureState.RETRACTED:
            return self.drop(entity.ref)
        self._entities[entity.ref] = entity
        self._dirty.add(entity.ref)
        (self._freezes.add if is_freeze(measure) else self._freezes.discard)(entity.ref)
        (self._clocked.discard if measure.planned_end is None else self._clocked.add)(entity.ref)
        return self._for.put(entity.ref, measure.targets)

    def drop(self, ref: str) -> set[str]:
        """Take a measure out. Returns what it was for."""
        if self._entities.pop(ref, None) is None:
            return set()
        self._dirty.add(ref)
        self._clocked.discard(ref)
        self._freezes.discard(ref)
        return self._for.put(ref, ())

    @property
    def freezes(self) -> int:
        """How many maintenance freezes are in force."""
        return len(self._freezes)

    def meant_for(self, target: str) -> set[str]:
        """The measures that are for an incident or a situation."""
        return self._for.get(target)

    def targets_of(self, ref: str) -> frozenset[str]:
        """The incidents and situations that a measure is for; nothing, for what is none."""
        return self._for.targets_of(ref)

    def look_again(self, refs: Iterable[str]) -> None:
        """Measures that were answered, and incidents and situations that may be over or open again."""
        for ref in refs:
            if ref in self._entities:
                self._dirty.add(ref)
            self._dirty |= self._for.get(ref)

    def rewind(self) -> None:
        """The clock stands earlier than it did."""
        self._dirty |= self._clocked

    def refresh(self, as_of: datetime) -> Iterator[tuple[str, MeasureItem | None]]:
        """Every measure that may have changed; None for one that is retracted or gone."""
        dirty, self._dirty = self._dirty | self._due.take(as_of), set()
        for ref in sorted(dirty):
            entity = self._entities.get(ref)
            yield ref, self._item(entity, as_of) if entity else None

    def _item(self, entity: Entity, as_of: datetime) -> MeasureItem | None:
        measure = entity.winner.message
        if not isinstance(measure, Measure):
            return None
        awaited = self._answers.awaited(measure)
        alerts = tuple(alert for alert, holds in self._alerts(measure, awaited, as_of) if holds)
        if measure.planned_end is not None:
            ends = measure.planned_end
            instants = (ends if ends - as_of <= self._expiring else ends - self._expiring, ends)
            self._due.put(entity.ref, min((instant for instant in instants if instant > as_of), default=None))
        fields: dict[str, Any] = dict(measure)
        return MeasureItem.model_construct(
            **fields, ref=entity.ref, confirmed=not awaited, alerts=alerts, known_at=entity.winner.known_at
        )

    def _alerts(
        self, measure: Measure, awaited: tuple[str, ...], as_of: datetime
    ) -> Iterator[tuple[MeasureAlert, bool]]:
        """What may be amiss, most pressing first, and whether it is."""
        active = measure.state is MeasureState.ACTIVE
        left = None if measure.planned_end is None or not active else measure.planned_end - as_of
        failed = measure.state is MeasureState.FAILED
        useless = measure.effect in _WITHOUT_EFFECT and measure.state not in _DONE_WITH
        yield MeasureAlert.INEFFECTIVE, failed or useless
        yield MeasureAlert.OVERDUE, left is not None and left <= timedelta()
        yield MeasureAlert.EXPIRING, left is not None and timedelta() < left <= self._expiring
        yield MeasureAlert.FORGOTTEN, active and self._has_no_purpose(measure)
        yield MeasureAlert.UNCONFIRMED, bool(awaited) and measure.state in WANTS_CONSENT

    def _has_no_purpose(self, measure: Measure) -> bool:
        """Of what it is for something is known, and all of that is over."""
        known = [over for ref in measure.targets if (over := self._is_over(ref)) is not None]
        return bool(known) and all(known)
