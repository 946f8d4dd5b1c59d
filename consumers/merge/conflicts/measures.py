"""Measures: against each other (C08), on infrastructure that fails (C11), or on what has no way round (C17).

That a measure is forgotten or past its planned end (C10) is told from its alerts, which the view shows too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from bus.vocabulary import Impact, MeasureAlert
from consumers.merge.conflicts import places
from consumers.merge.conflicts.findings import Finding, Terms, finding, named
from consumers.merge.conflicts.rule import Rule
from consumers.merge.conflicts.things import DEGRADED, REDUCED, Action, Alarm, Fault, Plan
from consumers.merge.conflicts.times import Span, meet, turning_points
from consumers.merge.conflicts.works import span_of
from consumers.merge.effects import RANK


def _is_to_work_against_others(measure: Action, terms: Terms) -> bool:
    return measure.type in terms.limits.against and measure.state in terms.limits.against_states


def _measures_there(measure: Action) -> Iterator[str]:
    return places.overlapping("measure", measure.codes, measure.depends_on)


def _contradicts(measure: Action, other: Action, terms: Terms) -> bool:
    """On a link that both name; where one of them names none, in the same place."""
    limits = terms.limits
    if other.type not in limits.against[measure.type] or other.state not in limits.against_states:
        return False
    if measure.services and other.services and measure.services.isdisjoint(other.services):
        return False
    if measure.depends_on and other.depends_on:
        return not measure.depends_on.isdisjoint(other.depends_on)
    return bool(places.common(measure.codes, other.codes))


def _tell_contradiction(measure: Action, others: Sequence[Action], _: Terms, _as_of: datetime) -> Iterator[Finding]:
    if others:
        yield finding(
            "C08",
            measure.ref,
            [other.ref for other in others],
            material={"types": named(other.type for other in others)},
            also={"type": measure.type, "count": len(others)},
            actors=[measure.owner, *(other.owner for other in others)],
            areas=places.common(measure.codes, {code for other in others for code in other.codes}),
        )


def _raises(alarm: Alarm, _: Terms) -> bool:
    return bool(alarm.alerts)


def _tell_alarm(alarm: Alarm, _others: Sequence[object], _: Terms, _as_of: datetime) -> Iterator[Finding]:
    for alert in alarm.alerts:
        forgotten = alert is MeasureAlert.FORGOTTEN
        yield finding(
            "C10",
            alarm.measure,
            alarm.targets if forgotten else (),
            case=alert,
            material={"planned_end": None if forgotten else alarm.planned_end},
            also={"type": alarm.type},
            actors=[alarm.owner],
            areas=alarm.codes,
        )


def _needs_infrastructure(measure: Action, terms: Terms) -> bool:
    return bool(measure.depends_on) and measure.state in terms.limits.from_proposed_to_active


def _steers(measure: Action, terms: Terms) -> bool:
    return measure.type in terms.limits.steering and _needs_infrastructure(measure, terms)


def _incidents_on_it(measure: Action) -> Iterator[str]:
    return places.overlapping("incident", (), measure.depends_on)


def _incidents_and_works_on_it(measure: Action) -> Iterator[str]:
    yield from _incidents_on_it(measure)
    yield from places.overlapping("work", (), measure.depends_on)


def _fails(_: Action, fault: Fault, _terms: Terms) -> bool:
    return fault.is_open and fault.rank >= DEGRADED


def _lacks_a_way_round(_: Action, told: Fault | Plan, terms: Terms) -> bool:
    if isinstance(told, Fault):
        return told.is_open and told.rank == RANK[Impact.REDUCED_REDUNDANCY]
    return told.state in terms.limits.works and told.rank >= REDUCED


def _tell_failing(measure: Action, faults: Sequence[Fault], _: Terms, _as_of: datetime) -> Iterator[Finding]:
    if faults:
        yield _of_infrastructure("C11", measure, faults)


def _tell_without_way_round(
    measure: Action, told: Sequence[Fault | Plan], terms: Terms, as_of: datetime
) -> Iterator[Finding]:
    span, ahead = _span_of(measure), terms.limits.ahead
    found = [one for one in told if isinstance(one, Fault) or meet(span, span_of(one), as_of, ahead)]
    if found:
        yield _of_infrastructure("C17", measure, found)


def _of_infrastructure(rule: str, measure: Action, told: Sequence[Fault | Plan]) -> Finding:
    """Which asset it is goes neither into the text nor into the id: that is not for every reader."""
    return finding(
        rule,
        measure.ref,
        [one.ref for one in told],
        also={"type": measure.type, "count": len(told)},
        actors=[measure.owner, *(one.owner for one in told)],
        areas={code for one in told for code in one.codes},
    )


def _span_of(measure: Action) -> Span:
    return Span(measure.start, measure.end, measure.is_running)


def _turns(measure: Action, told: Sequence[Fault | Plan], terms: Terms) -> Iterator[datetime]:
    works = [one for one in told if isinstance(one, Plan)]
    if works:
        for span in (_span_of(measure), *map(span_of, works)):
            yield from turning_points(span, terms.limits.ahead)


RULES = (
    Rule(
        id="C08",
        about=Action,
        applies=_is_to_work_against_others,
        among=(Action,),
        looks=_measures_there,
        meets=_contradicts,
        tell=_tell_contradiction,
    ),
    Rule(id="C10", about=Alarm, applies=_raises, tell=_tell_alarm),
    Rule(
        id="C11",
        about=Action,
        applies=_needs_infrastructure,
        among=(Fault,),
        looks=_incidents_on_it,
        meets=_fails,
        tell=_tell_failing,
    ),
    Rule(
        id="C17",
        about=Action,
        applies=_steers,
        among=(Fault, Plan),
        looks=_incidents_and_works_on_it,
        meets=_lacks_a_way_round,
        tell=_tell_without_way_round,
        turns=_turns,
    ),
)
