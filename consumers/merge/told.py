"""What an incident tells, drawn out of its messages once, for all who ask: situations, areas, severity, users."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from bus import geography
from bus.messages import Emergency, Incident, ServiceImpact
from bus.vocabulary import MOBILE_SERVICES, OPEN_INCIDENT_STATES, CountScope, Impact, NetworkPart, Service
from consumers.merge.courses import Course, course_of
from consumers.merge.effects import RANK
from consumers.merge.entities import Entity, incident_of, owner
from consumers.merge.forecasts import Slips, slips_of
from consumers.merge.traces import Gist

_NEARLY_ALL = 90.0
"""Percent affected from which what is told of a wider area counts as told of each area in it."""

_CALLING = frozenset({Service.MOBILE_VOICE, Service.EMERGENCY_CALL})
"""Services without which a phone on the network cannot call 112 over it."""


class Recount(NamedTuple):
    """A change of the basis on which users are counted."""

    before: Gist
    """The last count on another basis."""
    first: Gist
    """The first since then; all since then are on one basis."""


@dataclass(frozen=True, slots=True)
class Told:
    """The standing word on one incident."""

    ref: str
    incident: Incident
    owner: str
    """Whose report it is: the operator that it speaks for, else the actor that sent it."""
    has_network: bool
    """Its owner has a network of its own, so that its users are no wholesale customers of another."""
    start: datetime
    """When it began, or else when the lowest known revision was observed."""
    is_open: bool
    impacts: dict[Service, Impact]
    """The worst impact per service, over all aspects."""
    worst: Impact
    codes: tuple[str, ...]
    """The SCB codes that it names, sorted. Places without a code are in none."""
    assets: frozenset[str]
    """The shared assets that it names."""
    numbers: dict[Service, tuple[int, int, int]]
    """Low, best and high of users per service with an impact; absent where it tells no number."""
    mobile: Impact | None
    """The worst impact on a mobile service; None where it names none."""
    mobile_nearly_all: Impact | None
    """The worst of those that affect nearly all of the places that it names."""
    holds_phones: bool
    """Its radio network still radiates though the voice or core behind it is down: phones stay on it, and do not fall
    over to another network for 112.
    """
    hosts: bool
    """At some time it counted other operators' customers among its own."""
    known_at: datetime
    """When the bus last learnt something new of it."""
    course: Course
    """What was told over time."""
    step: int | None
    """How the count of users changed between the last two revisions that count alike; None where no two do."""
    recount: Recount | None
    """How its users came to be counted on another basis; None where they always were on this one."""
    slips: Slips | None
    """How often its forecast moved later; None where it never did."""


def told_by(entity: Entity, networks: Collection[str] = ()) -> Told:
    """What an entity that is an incident tells. Raises TypeError for any other.

    `networks`: the actors that are known to have a network of their own.
    """
    incident = incident_of(entity)
    speaker = owner(incident)
    gists = [trace.gist for trace in entity.history()]
    effects = gists[-1].effects
    impacts = {effect.service: effect.impact for effect in effects}
    mobile = [i for i in incident.impacts if i.service in MOBILE_SERVICES]
    return Told(
        ref=entity.ref,
        incident=incident,
        owner=speaker,
        has_network=speaker in networks,
        start=incident.started_at or entity.first.gist.observed_at,
        is_open=incident.state in OPEN_INCIDENT_STATES,
        impacts=impacts,
        worst=max(impacts.values(), key=RANK.__getitem__),
        codes=tuple(sorted({a.code for a in incident.areas if a.code and geography.kind_of(a.code) is a.kind})),
        assets=frozenset(incident.infrastructure_ids),
        numbers={effect.service: effect.numbers for effect in effects if effect.numbers is not None},
        mobile=_worst(mobile),
        mobile_nearly_all=_worst([i for i in mobile if (i.percent_affected or 0) >= _NEARLY_ALL]),
        holds_phones=incident.emergency is not None and _holds_phones(incident, incident.emergency),
        hosts=any(gist.scope is CountScope.INCLUDING_WHOLESALE for gist in gists),
        known_at=entity.latest_known_at,
        course=course_of(gists),
        step=_step(gists) if len(gists) > 1 else None,
        recount=_recount(gists) if len(gists) > 1 else None,
        slips=slips_of(gist.forecast for gist in gists) if len(gists) > 1 else None,
    )


def _worst(impacts: Sequence[ServiceImpact]) -> Impact | None:
    return max((entry.impact for entry in impacts), key=RANK.__getitem__, default=None)


def _holds_phones(incident: Incident, emergency: Emergency) -> bool:
    down = {entry.service for entry in incident.impacts if entry.impact is Impact.OUTAGE}
    core_is_down = incident.network_part is NetworkPart.CORE and not down.isdisjoint(MOBILE_SERVICES)
    return bool(emergency.ran_radiating) and (core_is_down or not down.isdisjoint(_CALLING))


def _step(gists: Sequence[Gist]) -> int | None:
    last: Gist | None = None
    for gist in reversed(gists):
        if gist.users is None:
            continue
        if last is None:
            last = gist
        elif (gist.basis, gist.scope) == (last.basis, last.scope):
            return last.users - gist.users if last.users is not None else None
    return None


def _recount(gists: Sequence[Gist]) -> Recount | None:
    counts = [gist for gist in gists if gist.users is not None]
    if not counts or counts[-1] is not gists[-1]:
        return None
    for before, first in reversed(list(pairwise(counts))):
        if before.basis is not first.basis:
            return Recount(before, first)
    return None
