"""What is about to fail, end, begin or be late: one list for staff who look ahead. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from bus.vocabulary import DecisionState, Fulfilment, MeasureState, WorkPhase
from consumers.merge.view import View

__all__ = ["Due", "soon"]

AHEAD = timedelta(hours=72)
BEHIND = timedelta(hours=12)
"""What should have come this long ago is still told; what is older is told where it belongs."""

RUNNING = frozenset({MeasureState.ACTIVATING, MeasureState.ACTIVE, MeasureState.DEACTIVATING})
UNMET = frozenset({Fulfilment.UNANSWERED, Fulfilment.OFFERED, Fulfilment.PARTLY_FILLED, Fulfilment.OVERDUE})
STANDING = frozenset({DecisionState.PROPOSED, DecisionState.ADOPTED})


@dataclass(frozen=True, slots=True)
class Due:
    """Something that happens at an instant. `code` says what, `ref` and `actor` to whom."""

    at: datetime
    code: str
    ref: str
    actor: str
    title: str
    alarming: bool


def soon(view: View) -> Sequence[Due]:
    """Within 72 hours, the nearest first."""
    every = chain(_energy(view), _measures(view), _works(view), _requests(view), _decisions(view))
    return sorted(
        (due for due in every if -BEHIND <= due.at - view.as_of <= AHEAD), key=lambda due: (due.at, due.code, due.ref)
    )


def _energy(view: View) -> Iterator[Due]:
    for item in view.energy:
        if item.backup_until is not None:
            gap = bool(item.ends_before_power)
            yield Due(item.backup_until, "BACKUP_GAP" if gap else "BACKUP", item.ref, item.actor, "", gap)


def _measures(view: View) -> Iterator[Due]:
    for measure in view.measures:
        if measure.planned_end is not None and measure.state in RUNNING:
            late = measure.planned_end < view.as_of
            yield Due(measure.planned_end, "MEASURE", measure.ref, measure.actor, measure.title, late)


def _works(view: View) -> Iterator[Due]:
    for work in view.works:
        if work.phase is WorkPhase.UPCOMING:
            yield Due(work.starts_at, "WORK", work.ref, work.actor, work.title, False)


def _requests(view: View) -> Iterator[Due]:
    for request in view.requests:
        if request.needed_by is not None and request.fulfilment in UNMET:
            late = request.needed_by < view.as_of
            yield Due(request.needed_by, "REQUEST", request.ref, request.actor, request.description, late)


def _decisions(view: View) -> Iterator[Due]:
    for decision in view.decisions:
        if decision.state not in STANDING:
            continue
        if decision.review_at is not None:
            late = decision.review_at < view.as_of
            yield Due(decision.review_at, "DECISION", decision.ref, decision.actor, decision.title, late)
        if decision.until is not None:
            yield Due(decision.until, "DECISION_END", decision.ref, decision.actor, decision.title, False)
