"""What a situation says, from the incidents that belong together."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bus.messages import Incident
from bus.vocabulary import (
    EMERGENCY_ORDER,
    OPEN_INCIDENT_STATES,
    TLP_ORDER,
    CauseCategory,
    CauseDetail,
    Certainty,
    EmergencyImpact,
    Freshness,
    Impact,
    IncidentState,
    SituationState,
    Tlp,
    Trend,
)
from consumers.merge.components import Component
from consumers.merge.entities import Entity, incident_of, owner
from consumers.merge.freshness import Clock, expected_within
from consumers.merge.links import Edge
from consumers.merge.rules import Rules
from consumers.merge.severity import Evidence, assess
from consumers.merge.users import RANK, area_codes, count_users, impacts_of
from consumers.merge.view import RestorationRange, Situation, SituationCause, SituationLink

_UNKNOWN_CAUSES = frozenset({CauseCategory.UNKNOWN, CauseCategory.UNDETERMINED})
_CERTAINTY = {
    Certainty.OBSERVED: 0,
    Certainty.LIKELY: 1,
    Certainty.POSSIBLE: 2,
    Certainty.UNKNOWN: 3,
    Certainty.UNLIKELY: 4,
}


def situation_id(seed: str) -> str:
    """The id of the situation whose earliest member this is."""
    return "sit-" + hashlib.sha256(seed.encode()).hexdigest()[:16]


def ids_of(component: Component) -> tuple[str, ...]:
    """The ids that the situation of a component answers to: what any of its incidents would give it."""
    return tuple(situation_id(ref) for ref in component.refs)


@dataclass(frozen=True, slots=True)
class Assembled:
    """A situation, but for its freshness, which depends on the clock; `clocks` has what that depends on."""

    situation: Situation
    component: Component
    clocks: tuple[Clock, ...]
    open_members: tuple[Incident, ...]

    def with_situation(self, situation: Situation) -> Assembled:
        return replace(self, situation=situation)


def assemble(
    component: Component,
    entities: Mapping[str, Entity],
    measures: Iterable[str],
    is_disputed: Callable[[str], bool],
    rules: Rules,
) -> Assembled:
    """The situation of a component. `is_disputed` tells of an incident whether somebody disputes its cause."""
    incidents = {ref: incident_of(entities[ref]) for ref in component.refs}
    members = [ref for ref in component.refs if ref not in component.duplicates]
    told = [incidents[ref] for ref in members]
    opened = [incident for incident in told if incident.state in OPEN_INCIDENT_STATES]
    current = opened or told
    users = count_users(opened)
    declared = max((i.declared_severity for i in opened if i.declared_severity is not None), default=None)
    severity = assess(Evidence(opened, users), declared, rules)
    situation = Situation.model_construct(
        id=situation_id(component.seed),
        aliases=tuple(sorted(situation_id(ref) for ref in component.refs if ref != component.seed)),
        title=incidents[component.seed].title,
        state=_state(told),
        members=tuple(members),
        duplicates=tuple(sorted(component.duplicates)),
        actors=tuple(sorted({owner(incident) for incident in incidents.values()})),
        severity=severity,
        trend=_trend([entities[i.reference] for i in opened]),
        services=_services(current),
        areas=tuple(sorted({code for incident in current for code in area_codes(incident)})),
        cause=_cause(told, is_disputed),
        users=users,
        emergency=worst_emergency(current),
        restoration=_restoration(opened),
        links=tuple(as_link(edge) for edge in component.links),
        suggestions=(),
        measures=tuple(sorted(measures)),
        freshness=Freshness.FRESH,
        tlp=_highest_tlp(incidents.values()),
        started_at=component.started_at,
    )
    clocks = tuple(_clock(entities[incident.reference], severity.level, rules) for incident in opened)
    return Assembled(situation, component, clocks, tuple(opened))


def as_link(edge: Edge) -> SituationLink:
    return SituationLink.model_construct(a=edge.a, b=edge.b, basis=edge.basis, why=edge.why)


def worst_emergency(incidents: Iterable[Incident]) -> EmergencyImpact | None:
    """The worst effect on 112 that is told; None when nobody says."""
    told = [incident.emergency.impact for incident in incidents if incident.emergency]
    return max(told, key=EMERGENCY_ORDER.index, default=None)


def _clock(entity: Entity, level: int, rules: Rules) -> Clock:
    known_at = entity.latest_known_at
    return Clock(known_at, expected_within(known_at, entity.winner.message.next_update_at, level, rules))


def _state(members: Sequence[Incident]) -> SituationState:
    states = {incident.state for incident in members}
    if states & OPEN_INCIDENT_STATES:
        return SituationState.ONGOING
    return SituationState.RESTORED if IncidentState.RESTORED in states else SituationState.CLOSED


def _services(incidents: Iterable[Incident]) -> dict[str, Impact]:
    worst: dict[str, Impact] = {}
    for incident in incidents:
        for service, impact in impacts_of(incident).items():
            if service not in worst or RANK[impact] > RANK[worst[service]]:
                worst[service.value] = impact
    return dict(sorted(worst.items()))


def _cause(members: Sequence[Incident], is_disputed: Callable[[str], bool]) -> SituationCause:
    """What the members at the root say: those with a known cause that do not point to another member for it.

    Where they name different categories none is picked, and the cause is disputed. Of several details in one category
    the surest stands, then the one told most often.
    """
    disputed = any(is_disputed(incident.reference) for incident in members)
    refs = {incident.reference for incident in members}
    known = [incident for incident in members if incident.cause.category not in _UNKNOWN_CAUSES]
    causes = [i.cause for i in known if not refs & _pointed_to(i)] or [i.cause for i in known]
    categories = {cause.category for cause in causes}
    if len(categories) != 1:
        return SituationCause.model_construct(
            category=CauseCategory.UNKNOWN, detail=CauseDetail.UNKNOWN, disputed=disputed or len(categories) > 1
        )
    told = Counter(cause.detail for cause in causes)
    surest = min(
        (cause for cause in causes if cause.detail is not CauseDetail.UNKNOWN or len(told) == 1),
        key=lambda cause: (_CERTAINTY[cause.certainty], -told[cause.detail], cause.detail),
    )
    return SituationCause.model_construct(category=surest.category, detail=surest.detail, disputed=disputed)


def _pointed_to(incident: Incident) -> set[str]:
    refs = {dependency.ref for dependency in incident.caused_by if dependency.ref}
    if incident.energy and incident.energy.power_incident:
        refs.add(incident.energy.power_incident)
    return refs - {incident.reference}


def _restoration(incidents: Sequence[Incident]) -> RestorationRange:
    forecasts = [incident.restoration for incident in incidents if incident.restoration]
    earliest = [f.earliest or f.expected or f.latest for f in forecasts]
    latest = [f.latest or f.expected or f.earliest for f in forecasts]
    return RestorationRange.model_construct(earliest=_least(earliest), latest=_greatest(latest))


def _least(instants: Iterable[datetime | None]) -> datetime | None:
    return min((instant for instant in instants if instant is not None), default=None)


def _greatest(instants: Iterable[datetime | None]) -> datetime | None:
    return max((instant for instant in instants if instant is not None), default=None)


def _trend(entities: Sequence[Entity]) -> Trend:
    """From the last two revisions of each open member that count on the same basis: any that rises is a rise."""
    steps = [step for entity in entities if (step := _step(entity)) is not None]
    if not steps:
        return Trend.UNKNOWN
    if max(steps) > 0:
        return Trend.RISING
    return Trend.FALLING if min(steps) < 0 else Trend.STEADY


def _step(entity: Entity) -> int | None:
    if len(entity) < 2:
        return None
    counts = [
        (users.basis, users.scope, users.value)
        for envelope in entity.history()
        if isinstance(envelope.message, Incident)
        and (users := envelope.message.users) is not None
        and users.value is not None
    ]
    if not counts:
        return None
    basis, scope, last = counts[-1]
    earlier = [value for b, s, value in counts[:-1] if (b, s) == (basis, scope)]
    return last - earlier[-1] if earlier else None


def _highest_tlp(incidents: Iterable[Incident]) -> Tlp:
    highest = max((incident.tlp for incident in incidents), key=TLP_ORDER.index)
    return Tlp.RED if highest is Tlp.UNKNOWN else highest
