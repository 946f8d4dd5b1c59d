"""What a situation says, from the incidents that belong together."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from bus.vocabulary import (
    EMERGENCY_ORDER,
    TLP_ORDER,
    EmergencyImpact,
    Freshness,
    Impact,
    IncidentState,
    SituationState,
    Tlp,
    Trend,
)
from consumers.merge.causes import cause_of
from consumers.merge.components import Component
from consumers.merge.effects import RANK
from consumers.merge.freshness import Clock, expected_within
from consumers.merge.hours import Lost, hours_at, lost_in, outlook, pieces_of
from consumers.merge.links import Edge
from consumers.merge.overrides import Standing
from consumers.merge.restoration import restoration
from consumers.merge.rules import Rules
from consumers.merge.severity import Evidence, assess, urgency
from consumers.merge.sites import count_sites
from consumers.merge.told import Told
from consumers.merge.users import count_users
from consumers.merge.view import Situation, SituationLink


@lru_cache(maxsize=100_000)
def situation_id(seed: str) -> str:
    """The id of the situation whose earliest member this is."""
    return "sit-" + hashlib.sha256(seed.encode()).hexdigest()[:16]


def ids_of(component: Component) -> tuple[str, ...]:
    """The ids that the situation of a component answers to: what any of its incidents would give it."""
    return tuple(situation_id(ref) for ref in component.refs)


@dataclass(frozen=True, slots=True)
class Assembled:
    """A situation, but for its freshness, which depends on the clock; `clocks` has what that depends on. Its
    user-hours are those of the last change.
    """

    situation: Situation
    component: Component
    clocks: tuple[Clock, ...]
    lost: Lost
    next_change: datetime | None
    """When it is to be assembled anew, if nothing is told meanwhile."""
    voices: tuple[Told, ...]
    """The open incidents, duplicates too: they add no users, but what they say of a place or of 112 is said."""

    def at(self, as_of: datetime) -> Situation:
        """With its user-hours at an instant for which it was assembled."""
        if self.lost.since is None:
            return self.situation
        hours = hours_at(self.lost.growths, as_of)
        return self.situation.model_copy(update={"user_hours": hours, "user_hours_as_of": as_of})

    def with_suggestions(self, suggestions: Iterable[Edge]) -> Assembled:
        return self.with_situation(self.situation.model_copy(update={"suggestions": as_links(suggestions)}))

    def with_situation(self, situation: Situation) -> Assembled:
        return replace(self, situation=situation)


class Surroundings(NamedTuple):
    """What is not told by the incidents of a situation, but bears on it."""

    suggestions: Iterable[Edge]
    override: Standing
    white_outs: Collection[str]
    all_down: Collection[str]


class Cast(NamedTuple):
    """The incidents of a situation, by the parts that they play."""

    everyone: Sequence[Told]
    members: Sequence[Told]
    """All but the duplicates."""
    opened: Sequence[Told]
    """The open members: these are counted."""
    voices: Sequence[Told]
    """The open members and duplicates."""
    current: Sequence[Told]
    """Of whom the situation speaks: the voices; once all is over, the members."""
    awaited: Sequence[Told]
    """Of whom news is expected: the open members; where there is none, the open duplicates."""


def cast_of(component: Component, told: Mapping[str, Told]) -> Cast:
    everyone = [told[ref] for ref in component.refs]
    members = [incident for incident in everyone if incident.ref not in component.duplicates]
    opened = [incident for incident in members if incident.is_open]
    voices = voices_of(component, told)
    return Cast(everyone, members, opened, voices, current=voices or members, awaited=opened or voices)


def voices_of(component: Component, told: Mapping[str, Told]) -> list[Told]:
    """The open incidents of a component, duplicates too."""
    return [incident for ref in component.refs if (incident := told[ref]).is_open]


def clock_of(told: Told, level: int, rules: Rules) -> Clock:
    """How current an incident is, in a situation of this urgency."""
    return Clock(told.known_at, expected_within(told.known_at, told.incident.next_update_at, level, rules))


def assemble(
    component: Component,
    told: Mapping[str, Told],
    measures: Iterable[str],
    disputers: Callable[[str], Collection[str]],
    surroundings: Surroundings,
    rules: Rules,
    as_of: datetime,
) -> Assembled:
    """The situation of a component. `disputers` tells who disputes the cause of an incident. It holds from `as_of`
    until its `next_change`.
    """
    everyone, members, opened, voices, current, awaited = cast_of(component, told)
    users = count_users(opened)
    pieces = pieces_of(members)
    lost = lost_in(pieces, as_of)
    declared = [i.incident.declared_severity for i in voices if i.incident.declared_severity is not None]
    ahead = outlook(members, pieces, lost, as_of, sorted(rules.severity.user_hours.values()))
    evidence = Evidence(opened, voices, users, ahead.high, surroundings.white_outs, surroundings.all_down)
    severity = assess(evidence, max(declared, default=None), surroundings.override.override, rules)
    situation = Situation.whole(
        id=situation_id(component.seed),
        aliases=tuple(sorted(situation_id(ref) for ref in component.refs if ref != component.seed)),
        title=told[component.seed].incident.title,
        state=_state(everyone),
        members=tuple(incident.ref for incident in members),
        duplicates=tuple(sorted(component.duplicates)),
        actors=tuple(sorted({incident.owner for incident in everyone})),
        severity=severity,
        trend=_trend(opened),
        services=_services(current),
        areas=tuple(sorted({code for incident in current for code in incident.codes})),
        cause=cause_of(members, disputers),
        users=users,
        user_hours=hours_at(lost.growths, lost.since) if lost.since else {},
        user_hours_as_of=lost.since,
        sites=count_sites(opened),
        emergency=_emergency(current),
        restoration=restoration(voices),
        links=as_links(component.links),
        suggestions=as_links(surroundings.suggestions),
        measures=tuple(sorted(measures)),
        freshness=Freshness.FRESH,
        tlp=_highest_tlp(everyone),
        started_at=component.started_at,
    )
    level = urgency(severity, rules)
    clocks = tuple(clock_of(incident, level, rules) for incident in awaited)
    changes = [lost.next_change, ahead.next_change, surroundings.override.next_change]
    next_change = min((instant for instant in changes if instant is not None), default=None)
    return Assembled(situation, component, clocks, lost, next_change, tuple(voices))


@lru_cache(maxsize=100_000)
def as_link(edge: Edge) -> SituationLink:
    ground = edge.ground
    return SituationLink(edge.a, edge.b, edge.basis, ground.text, ground.code, dict(ground.facts))


def as_links(edges: Iterable[Edge]) -> tuple[SituationLink, ...]:
    return tuple(as_link(edge) for edge in edges)


def _emergency(incidents: Iterable[Told]) -> EmergencyImpact | None:
    """The worst effect on 112 that is told; None when nobody says."""
    told = [i.incident.emergency.impact for i in incidents if i.incident.emergency]
    return max(told, key=EMERGENCY_ORDER.index, default=None)


def _state(members: Sequence[Told]) -> SituationState:
    if any(incident.is_open for incident in members):
        return SituationState.ONGOING
    restored = any(incident.incident.state is IncidentState.RESTORED for incident in members)
    return SituationState.RESTORED if restored else SituationState.CLOSED


def _services(incidents: Iterable[Told]) -> dict[str, Impact]:
    worst: dict[str, Impact] = {}
    for incident in incidents:
        for service, impact in incident.impacts.items():
            if service not in worst or RANK[impact] > RANK[worst[service]]:
                worst[service.value] = impact
    return dict(sorted(worst.items()))


def _trend(incidents: Sequence[Told]) -> Trend:
    """From the last two revisions of each open member that count on the same basis: any that rises is a rise."""
    steps = [incident.step for incident in incidents if incident.step is not None]
    if not steps:
        return Trend.UNKNOWN
    if max(steps) > 0:
        return Trend.RISING
    return Trend.FALLING if min(steps) < 0 else Trend.STEADY


def _highest_tlp(incidents: Iterable[Told]) -> Tlp:
    highest = max((told.incident.tlp for told in incidents), key=TLP_ORDER.index)
    return Tlp.RED if highest is Tlp.UNKNOWN else highest
