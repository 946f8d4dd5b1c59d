"""What an incident tells, drawn out of its messages once, for all who ask: situations, areas, severity, users."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bus import geography
from bus.messages import Incident
from bus.vocabulary import MOBILE_SERVICES, OPEN_INCIDENT_STATES, Impact, Service
from consumers.merge.effects import RANK
from consumers.merge.entities import Entity, incident_of, owner

_NEARLY_ALL = 90.0
"""Percent affected from which an outage of a wider area counts as one of each area in it."""


@dataclass(frozen=True, slots=True)
class Told:
    """The standing word on one incident."""

    ref: str
    incident: Incident
    owner: str
    """Whose report it is: the operator that it speaks for, else the actor that sent it."""
    is_open: bool
    impacts: dict[Service, Impact]
    """The worst impact per service, over all aspects."""
    worst: Impact
    codes: tuple[str, ...]
    """The SCB codes that it names, sorted. Places without a code are in none."""
    numbers: dict[Service, tuple[int, int, int]]
    """Low, best and high of users per service with an impact; absent where it tells no number."""
    mobile_down: bool
    mobile_down_nearly_all: bool
    known_at: datetime
    """When the bus last learnt something new of it."""
    step: int | None
    """How the count of users changed between the last two revisions that count alike; None where no two do."""


def told_by(entity: Entity) -> Told:
    """What an entity that is an incident tells. Raises TypeError for any other."""
    incident = incident_of(entity)
    effects = entity.last.gist.effects
    impacts = {effect.service: effect.impact for effect in effects}
    down = [i for i in incident.impacts if i.impact is Impact.OUTAGE and i.service in MOBILE_SERVICES]
    return Told(
        ref=entity.ref,
        incident=incident,
        owner=owner(incident),
        is_open=incident.state in OPEN_INCIDENT_STATES,
        impacts=impacts,
        worst=max(impacts.values(), key=RANK.__getitem__),
        codes=tuple(sorted({a.code for a in incident.areas if a.code and geography.kind_of(a.code) is a.kind})),
        numbers={effect.service: effect.numbers for effect in effects if effect.numbers is not None},
        mobile_down=bool(down),
        mobile_down_nearly_all=any((i.percent_affected or 0) >= _NEARLY_ALL for i in down),
        known_at=entity.latest_known_at,
        step=_step(entity) if len(entity) > 1 else None,
    )


def _step(entity: Entity) -> int | None:
    counts = [
        ((trace.gist.basis, trace.gist.scope), trace.gist.users)
        for trace in entity.history()
        if trace.gist.users is not None
    ]
    if not counts:
        return None
    way, last = counts[-1]
    earlier = [value for counted, value in counts[:-1] if counted == way]
    return last - earlier[-1] if earlier else None
