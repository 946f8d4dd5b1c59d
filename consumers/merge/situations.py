"""What a situation says, from the incidents that belong together."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from bus.vocabulary import (
    EMERGENCY_ORDER,
    OPEN_INCIDENT_STATES,
    TLP_ORDER,
    EmergencyImpact,
    Freshness,
    Impact,
    IncidentState,
    Service,
    SituationState,
    Tlp,
    Trend,
)
from consumers.merge.causes import Disputers, cause_of
from consumers.merge.components import Component
from consumers.merge.effects import RANK
from consumers.merge.freshness import Clock, Clocks, expected_within
from consumers.merge.hours import Lost, hours_at, lost_by, outlook
from consumers.merge.links import Edge
from consumers.merge.overrides import Standing
from consumers.merge.parties import Parties, Party, is_many
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
    parties: Parties
    """Those that are worth to remember, for the next time."""
    clocks: tuple[Clocks, ...]
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
    voices = [incident for incident in everyone if incident.is_open]
    return Cast(everyone, members, opened, voices, current=voices or members, awaited=opened or voices)


def clock_of(told: Told, level: int, rules: Rules) -> Clock:
    """How current an incident is, in a situation of this urgency."""
    return Clock(told.known_at, expected_within(told.known_at, told.incident.next_update_at, level, rules))


class _Digest(NamedTuple):
    """What a party says in so few words that a situation needs no others."""

    owners: frozenset[str]
    states: frozenset[IncidentState]
    tlp: Tlp
    """The highest."""
    declared: int | None
    rises: int | None
    """By how much the count of an open member rose at most."""
    falls: int | None
    by_voices: _Scope
    by_members: _Scope


class _Scope(NamedTuple):
    """What is affected, by some of a party's incidents."""

    services: Mapping[Service, Impact]
    codes: frozenset[str]
    calls: EmergencyImpact | None


def _digest(party: Party) -> _Digest:
    steps = [incident.step for incident in party.opened if incident.step is not None]
    declared = [i.incident.declared_severity for i in party.voices if i.incident.declared_severity is not None]
    by_voices = _scope(party.voices)
    return _Digest(
        owners=frozenset([incident.owner for incident in party.everyone]),
        states=frozenset([incident.incident.state for incident in party.everyone]),
        tlp=max([incident.incident.tlp for incident in party.everyone], key=TLP_ORDER.index),
        declared=max(declared, default=None),
        rises=max(steps, default=None),
        falls=min(steps, default=None),
        by_voices=by_voices,
        by_members=by_voices if party.voices is party.members else _scope(party.members),
    )


def _scope(incidents: Sequence[Told]) -> _Scope:
    services: dict[Service, Impact] = {}
    for incident in incidents:
        _worst(services, incident.impacts)
    calls = [i.incident.emergency.impact for i in incidents if i.incident.emergency]
    return _Scope(
        services,
        frozenset([code for incident in incidents for code in incident.codes]),
        max(calls, key=EMERGENCY_ORDER.index, default=None),
    )


def _worst(services: dict[Service, Impact], more: Mapping[Service, Impact]) -> None:
    """Of each service, the worse impact."""
    for service, impact in more.items():
        held = services.get(service)
        if held is None or RANK[impact] > RANK[held]:
            services[service] = impact


def assemble(
    component: Component,
    parties: Parties,
    title: str,
    measures: Iterable[str],
    disputed: Iterable[str],
    disputers: Disputers,
    surroundings: Surroundings,
    rules: Rules,
    as_of: datetime,
) -> Assembled:
    """The situation of a component, by its parties. `disputers` tells who disputes the cause of an incident; of those
    that are not `disputed`, nobody does. It holds from `as_of` until its `next_change`.
    """
    those = list(parties.values())
    words = [party.once(_digest) for party in those]
    users = count_users(those)
    lost = lost_by(those, as_of)
    ahead = outlook(those, lost, as_of, sorted(rules.severity.user_hours.values()))
    evidence = Evidence(those, users, ahead.high, surroundings.white_outs, surroundings.all_down)
    declared = max([said.declared for said in words if said.declared is not None], default=None)
    severity = assess(evidence, declared, surroundings.override.override, rules)
    states = frozenset().union(*(said.states for said in words))
    ongoing = not states.isdisjoint(OPEN_INCIDENT_STATES)
    current = [said.by_voices if ongoing else said.by_members for said in words]
    calls = [scope.calls for scope in current if scope.calls is not None]
    duplicates = tuple(sorted(component.duplicates))
    situation = Situation.whole(
        id=situation_id(component.seed),
        aliases=tuple(sorted([situation_id(ref) for ref in component.refs if ref != component.seed])),
        title=title,
        state=_state(states),
        members=tuple([ref for ref in component.refs if ref not in component.duplicates]),
        duplicates=duplicates,
        actors=tuple(sorted(frozenset().union(*(said.owners for said in words)))),
        severity=severity,
        trend=_trend(words),
        services=_services(current),
        areas=tuple(sorted(frozenset().union(*(scope.codes for scope in current)))),
        cause=cause_of(those, disputed, disputers),
        users=users,
        user_hours=hours_at(lost.growths, lost.since) if lost.since else {},
        user_hours_as_of=lost.since,
        sites=count_sites(those),
        emergency=max(calls, key=EMERGENCY_ORDER.index, default=None),
        restoration=restoration(those),
        links=as_links(component.links),
        suggestions=as_links(surroundings.suggestions),
        measures=tuple(sorted(measures)),
        freshness=Freshness.FRESH,
        tlp=_highest_tlp(words),
        started_at=component.started_at,
    )
    level = urgency(severity, rules)
    changes = [lost.next_change, ahead.next_change, surroundings.override.next_change]
    next_change = min((instant for instant in changes if instant is not None), default=None)
    voices = tuple([told for party in those for told in party.voices])
    clocks = _clocks(those, level, rules, many=is_many(component))
    kept = parties if is_many(component) else {}
    return Assembled(situation, component, kept, clocks, lost, next_change, voices)


def _clocks(parties: Collection[Party], level: int, rules: Rules, *, many: bool) -> tuple[Clocks, ...]:
    """How current those are of whom news is expected: the open members; where there is none, the open duplicates."""
    opened = any(party.opened for party in parties)
    if not many:
        awaited = [told for party in parties for told in (party.opened if opened else party.voices)]
        return (Clocks([clock_of(told, level, rules) for told in awaited]),)
    found = []
    for party in parties:
        held = party.once(_by_level)
        if (level, opened) not in held:
            awaited = party.opened if opened else party.voices
            held[level, opened] = Clocks([clock_of(told, level, rules) for told in awaited])
        found.append(held[level, opened])
    return tuple(found)


def _by_level(_: Party) -> dict[tuple[int, bool], Clocks]:
    """The clocks of a party as they were asked for: by urgency, and whether the open members are awaited."""
    return {}


@lru_cache(maxsize=100_000)
def as_link(edge: Edge) -> SituationLink:
    ground = edge.ground
    return SituationLink(edge.a, edge.b, edge.basis, ground.text, ground.code, dict(ground.facts))


def as_links(edges: Iterable[Edge]) -> tuple[SituationLink, ...]:
    return tuple(as_link(edge) for edge in edges)


def _state(states: Collection[IncidentState]) -> SituationState:
    if not OPEN_INCIDENT_STATES.isdisjoint(states):
        return SituationState.ONGOING
    return SituationState.RESTORED if IncidentState.RESTORED in states else SituationState.CLOSED


def _services(current: Iterable[_Scope]) -> dict[str, Impact]:
    worst: dict[Service, Impact] = {}
    for scope in current:
        _worst(worst, scope.services)
    return {service.value: worst[service] for service in sorted(worst)}


def _trend(words: Sequence[_Digest]) -> Trend:
    """From the last two revisions of each open member that count on the same basis: any that rises is a rise."""
    rises = max([said.rises for said in words if said.rises is not None], default=None)
    falls = min([said.falls for said in words if said.falls is not None], default=None)
    if rises is None or falls is None:
        return Trend.UNKNOWN
    if rises > 0:
        return Trend.RISING
    return Trend.FALLING if falls < 0 else Trend.STEADY


def _highest_tlp(words: Iterable[_Digest]) -> Tlp:
    highest = max([said.tlp for said in words], key=TLP_ORDER.index)
    return Tlp.RED if highest is Tlp.UNKNOWN else highest
