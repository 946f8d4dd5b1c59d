"""Planned works: beside incidents (C01), beside each other (C02), and in a freeze (C03). One conflict per work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from consumers.merge.conflicts import places
from consumers.merge.conflicts.findings import Fact, Finding, Terms, finding
from consumers.merge.conflicts.rule import Rule
from consumers.merge.conflicts.things import ANYWHERE, DEGRADED, REDUCED, Action, Fault, Plan
from consumers.merge.conflicts.times import Span, meet, turning_points


def _is_felt(work: Plan, terms: Terms) -> bool:
    return work.state in terms.limits.works and work.rank >= REDUCED


def _is_to_be_done(work: Plan, terms: Terms) -> bool:
    return work.state in terms.limits.works


def _incidents_there(work: Plan) -> Iterator[str]:
    return places.overlapping("incident", work.codes, work.assets)


def _works_there(work: Plan) -> Iterator[str]:
    return places.overlapping("work", work.codes, work.assets)


def _freezes_there(work: Plan) -> Iterator[str]:
    yield from places.overlapping("freeze", work.codes)
    yield ANYWHERE


def _is_anothers_fault(work: Plan, fault: Fault, _: Terms) -> bool:
    return fault.is_open and fault.rank >= DEGRADED and fault.owner != work.owner


def _is_anothers_earlier_work(work: Plan, other: Plan, terms: Terms) -> bool:
    """Two that collide are told of once: of the one that begins later, which is easier to move."""
    if other.owner == work.owner or not _is_felt(other, terms) or (other.start, other.ref) > (work.start, work.ref):
        return False
    ours, theirs = terms.limits.classes(work.services), terms.limits.classes(other.services)
    return ours is None or theirs is None or not ours.isdisjoint(theirs)


def _covers(work: Plan, freeze: Action, _: Terms) -> bool:
    if not freeze.is_running or not freeze.exceptions.isdisjoint({work.ref, work.owner, *work.assets}):
        return False
    return not freeze.services or not work.services or not freeze.services.isdisjoint(work.services)


def span_of(work: Plan) -> Span:
    return Span(work.start, work.end, work.is_running)


def _span_of_fault(fault: Fault, as_of: datetime) -> Span:
    """An open incident goes on; a forecast that has passed says nothing of when it ends."""
    ahead = fault.over_by is not None and fault.over_by > as_of
    return Span(fault.start, fault.over_by if ahead else None, is_running=True)


def _tell_incidents(work: Plan, faults: Sequence[Fault], terms: Terms, as_of: datetime) -> Iterator[Finding]:
    met = [f for f in faults if meet(span_of(work), _span_of_fault(f, as_of), as_of, terms.limits.ahead)]
    if met:
        yield finding(
            "C01",
            work.ref,
            [fault.ref for fault in met],
            material=_of(work),
            also={"count": len(met)},
            actors=[work.owner, *(fault.owner for fault in met)],
            areas=places.common(work.codes, {code for fault in met for code in fault.codes}),
        )


def _tell_works(work: Plan, others: Sequence[Plan], terms: Terms, as_of: datetime) -> Iterator[Finding]:
    met = [other for other in others if meet(span_of(work), span_of(other), as_of, terms.limits.ahead)]
    if met:
        yield finding(
            "C02",
            work.ref,
            [other.ref for other in met],
            material=_of(work),
            also={"count": len(met)},
            actors=[work.owner, *(other.owner for other in met)],
            areas=places.common(work.codes, {code for other in met for code in other.codes}),
        )


def _tell_freezes(work: Plan, freezes: Sequence[Action], terms: Terms, as_of: datetime) -> Iterator[Finding]:
    ahead = terms.limits.ahead
    met = [f for f in freezes if meet(span_of(work), Span(f.start, f.end, is_running=True), as_of, ahead)]
    if met:
        yield finding(
            "C03",
            work.ref,
            [freeze.ref for freeze in met],
            material=_of(work),
            actors=[work.owner, *(freeze.owner for freeze in met)],
            areas=places.common(work.codes, {code for freeze in met for code in freeze.codes}),
        )


def _of(work: Plan) -> dict[str, Fact]:
    return {"impact": work.impact, "starts_at": work.start, "ends_at": work.end}


def _turns_of_incidents(work: Plan, faults: Sequence[Fault], terms: Terms) -> Iterator[datetime]:
    yield from turning_points(span_of(work), terms.limits.ahead)
    for fault in faults:
        yield from turning_points(Span(fault.start, fault.over_by), terms.limits.ahead)


def _turns_of_works(work: Plan, others: Sequence[Plan], terms: Terms) -> Iterator[datetime]:
    for one in (work, *others):
        yield from turning_points(span_of(one), terms.limits.ahead)


def _turns_of_freezes(work: Plan, freezes: Sequence[Action], terms: Terms) -> Iterator[datetime]:
    yield from turning_points(span_of(work), terms.limits.ahead)
    for freeze in freezes:
        yield from turning_points(Span(freeze.start, freeze.end), terms.limits.ahead)


RULES = (
    Rule(
        id="C01",
        about=Plan,
        applies=_is_felt,
        among=(Fault,),
        looks=_incidents_there,
        meets=_is_anothers_fault,
        tell=_tell_incidents,
        turns=_turns_of_incidents,
    ),
    Rule(
        id="C02",
        about=Plan,
        applies=_is_felt,
        among=(Plan,),
        looks=_works_there,
        meets=_is_anothers_earlier_work,
        tell=_tell_works,
        turns=_turns_of_works,
    ),
    Rule(
        id="C03",
        about=Plan,
        applies=_is_to_be_done,
        among=(Action,),
        looks=_freezes_there,
        meets=_covers,
        tell=_tell_freezes,
        turns=_turns_of_freezes,
    ),
)
