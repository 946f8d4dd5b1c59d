"""Roaming: toward a host in trouble (C04), or overloaded since (C05), and for a guest whom it cannot help (C06)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from bus.vocabulary import IMPACT_ORDER, MOBILE_SERVICES, Impact
from consumers.merge.conflicts import places
from consumers.merge.conflicts.findings import Finding, Terms, finding, named
from consumers.merge.conflicts.rule import Rule
from consumers.merge.conflicts.things import DEGRADED, Action, Fault, Heartbeat, load_of
from consumers.merge.effects import RANK


def _is_active(measure: Action, terms: Terms) -> bool:
    return measure.type in terms.limits.roaming and measure.is_running and bool(measure.hosts)


def _is_coming_or_active(measure: Action, terms: Terms) -> bool:
    limits = terms.limits
    return measure.type in limits.roaming and measure.state in limits.from_proposed_to_active and bool(measure.guests)


def _incidents_there(measure: Action) -> Iterator[str]:
    return places.overlapping("incident", measure.codes)


def _hosts_trouble_there(measure: Action) -> Iterator[str]:
    yield from _incidents_there(measure)
    for host in measure.hosts:
        yield load_of(host)


def _is_of_host(measure: Action, fault: Fault) -> bool:
    return fault.is_open and fault.owner in measure.hosts and fault.owner not in measure.guests


def _is_hosts_trouble(measure: Action, told: Fault | Heartbeat, terms: Terms) -> bool:
    if isinstance(told, Heartbeat):
        return any(
            load.service in MOBILE_SERVICES and (load.utilisation_percent or 0) >= terms.limits.load_percent
            for load in told.load
        )
    felt = told.worst_of(measure.mobile_services)
    return _is_of_host(measure, told) and (felt >= DEGRADED or (felt > RANK[Impact.NO_IMPACT] and told.is_overload))


def _is_later_overload(measure: Action, fault: Fault, _: Terms) -> bool:
    return _is_of_host(measure, fault) and fault.is_overload and fault.start > measure.start


def _is_guests_core_down(measure: Action, fault: Fault, _: Terms) -> bool:
    down = fault.worst_of(measure.mobile_services) == RANK[Impact.OUTAGE]
    return fault.is_open and fault.owner in measure.guests and fault.is_core and down


def _tell_trouble(measure: Action, told: Sequence[Fault | Heartbeat], _: Terms, _as_of: datetime) -> Iterator[Finding]:
    if not told:
        return
    faults = [one for one in told if isinstance(one, Fault)]
    worst = max((fault.worst_of(measure.mobile_services) for fault in faults), default=None)
    yield finding(
        "C04",
        measure.ref,
        [one.ref for one in told],
        case="LOAD" if worst is None else "INCIDENT",
        material={"impact": None if worst is None else IMPACT_ORDER[worst]},
        also={"hosts": named(one.owner for one in told)},
        actors=[measure.owner, *measure.guests, *(one.owner for one in told)],
        areas=_common(measure, faults),
    )


def _tell_overload(measure: Action, faults: Sequence[Fault], _: Terms, _as_of: datetime) -> Iterator[Finding]:
    if faults:
        yield finding(
            "C05",
            measure.ref,
            [fault.ref for fault in faults],
            also={"hosts": named(fault.owner for fault in faults), "since": measure.start},
            actors=[measure.owner, *measure.guests, *(fault.owner for fault in faults)],
            areas=_common(measure, faults),
        )


def _tell_core(measure: Action, faults: Sequence[Fault], _: Terms, _as_of: datetime) -> Iterator[Finding]:
    if faults:
        yield finding(
            "C06",
            measure.ref,
            [fault.ref for fault in faults],
            also={"guests": named(fault.owner for fault in faults)},
            actors=[measure.owner, *measure.hosts, *(fault.owner for fault in faults)],
            areas=_common(measure, faults),
        )


def _common(measure: Action, faults: Sequence[Fault]) -> frozenset[str]:
    return places.common(measure.codes, {code for fault in faults for code in fault.codes})


RULES = (
    Rule(
        id="C04",
        about=Action,
        applies=_is_active,
        among=(Fault, Heartbeat),
        looks=_hosts_trouble_there,
        meets=_is_hosts_trouble,
        tell=_tell_trouble,
    ),
    Rule(
        id="C05",
        about=Action,
        applies=_is_active,
        among=(Fault,),
        looks=_incidents_there,
        meets=_is_later_overload,
        tell=_tell_overload,
    ),
    Rule(
        id="C06",
        about=Action,
        applies=_is_coming_or_active,
        among=(Fault,),
        looks=_incidents_there,
        meets=_is_guests_core_down,
        tell=_tell_core,
    ),
)
