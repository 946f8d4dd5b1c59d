"""How a fault is told: one incident in revisions, each with what its operator knew, or thought, by then."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Generic, TypeVar

from bus import geography
from bus.messages import Area, Cause, Dependency, Energy, Incident, Restoration, ServiceImpact, Sites, Users, Work, build
from bus.vocabulary import (
    CauseCategory,
    CauseDetail,
    Certainty,
    CountBasis,
    CountScope,
    DependencyKind,
    Impact,
    IncidentState,
    MessageStatus,
    Service,
    WorkState,
)
from producers.simulator import words
from producers.simulator.chance import around, between, happens, some, weighted
from producers.simulator.crises import ORIGINS
from producers.simulator.faults import Fault, Origin, PlannedWork
from producers.simulator.land import MOBILE, NEIGHBOURS, county_of, towns_of
from producers.simulator.noise import Noise

T = TypeVar("T")

SUSPECTED, CONFIRMED = IncidentState.SUSPECTED, IncidentState.CONFIRMED
RESTORING, RESTORED = IncidentState.RESTORING, IncidentState.RESTORED
CLOSED, RETRACTED = IncidentState.CLOSED, IncidentState.RETRACTED

MOST_UPDATES = 8
"""After so many, an operator only tells the end."""

ROUNDINGS = ((5, 0.4), (15, 0.35), (60, 0.25))
"""Minutes to which a start is rounded, and how often."""

BLINDNESS = {False: 0.6, True: 1.6}
"""How often the cause is unknown, against what is usual: to who owns the fault, and to a victim of another's."""

SLOPPY: dict[tuple[CauseCategory, CauseDetail], tuple[CauseCategory, CauseDetail]] = {
    (CauseCategory.NATURAL_PHENOMENON, CauseDetail.POWER_CUT): (CauseCategory.SYSTEM_FAILURE, CauseDetail.POWER_CUT),
    (CauseCategory.NATURAL_PHENOMENON, CauseDetail.WIND): (CauseCategory.NATURAL_PHENOMENON, CauseDetail.OTHER),
    (CauseCategory.NATURAL_PHENOMENON, CauseDetail.ICE_SNOW): (CauseCategory.NATURAL_PHENOMENON, CauseDetail.OTHER),
    (CauseCategory.NATURAL_PHENOMENON, CauseDetail.LANDSLIDE): (CauseCategory.SYSTEM_FAILURE, CauseDetail.CABLE_CUT),
    (CauseCategory.SYSTEM_FAILURE, CauseDetail.POWER_CUT): (CauseCategory.SYSTEM_FAILURE, CauseDetail.SUPPLIER),
    (CauseCategory.SYSTEM_FAILURE, CauseDetail.HARDWARE_FAILURE): (CauseCategory.SYSTEM_FAILURE, CauseDetail.OTHER),
    (CauseCategory.SYSTEM_FAILURE, CauseDetail.SOFTWARE_BUG): (CauseCategory.SYSTEM_FAILURE, CauseDetail.SUPPLIER),
    (CauseCategory.SYSTEM_FAILURE, CauseDetail.CERT_EXPIRY): (CauseCategory.HUMAN_ERROR, CauseDetail.CERT_EXPIRY),
    (CauseCategory.SYSTEM_FAILURE, CauseDetail.SUPPLIER): (CauseCategory.SYSTEM_FAILURE, CauseDetail.SOFTWARE_BUG),
    (CauseCategory.SYSTEM_FAILURE, CauseDetail.OVERLOAD): (CauseCategory.SYSTEM_FAILURE, CauseDetail.OTHER),
    (CauseCategory.HUMAN_ERROR, CauseDetail.CABLE_CUT): (CauseCategory.SYSTEM_FAILURE, CauseDetail.CABLE_CUT),
    (CauseCategory.HUMAN_ERROR, CauseDetail.FAULTY_CHANGE): (CauseCategory.SYSTEM_FAILURE, CauseDetail.FAULTY_CHANGE),
    (CauseCategory.HUMAN_ERROR, CauseDetail.CONFIG_ERROR): (CauseCategory.HUMAN_ERROR, CauseDetail.FAULTY_CHANGE),
    (CauseCategory.MALICIOUS_ACTION, CauseDetail.CABLE_THEFT): (CauseCategory.HUMAN_ERROR, CauseDetail.CABLE_CUT),
}
"""What a hasty hand picks instead of the true category and detail."""

UNKNOWN_CAUSES = (Cause(), Cause(category=CauseCategory.UNDETERMINED))
"""Two ways to say that one does not know."""


@dataclass(frozen=True, slots=True)
class Quote:
    """Something that ties an incident to others, and from when its operator could know of it."""

    known_from: datetime
    event_refs: tuple[str, ...] = ()
    infrastructure_ids: tuple[str, ...] = ()
    caused_by: tuple[Dependency, ...] = ()
    related_to: tuple[str, ...] = ()
    power_incident: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A message and when it was sent."""

    message: Incident | Work
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class _Learnt(Generic[T]):
    """A fact that changes once: what is told first, and from which revision on something else."""

    first: T
    later: T
    revision: int = 1

    def at(self, revision: int) -> T:
        return self.later if revision >= self.revision else self.first


@dataclass(frozen=True, slots=True)
class _Moment:
    """When a revision is sent, and what stands then."""

    sent_at: datetime
    state: IncidentState
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Knowledge:
    """What the operator tells of the fault, revision by revision."""

    cause: _Learnt[Cause]
    areas: _Learnt[tuple[Area, ...]]
    started_at: _Learnt[datetime | None]
    quotes_from: int
    """The first revision that quotes; what it quotes must be known by then, too."""
    duplicate_of: _Learnt[str | None]
    corrected_at: frozenset[int] = field(default=frozenset())
    """Revisions that take back what was wrong before."""


def tell(
    rng: Random,
    fault: Fault,
    id: str,
    noise: Noise,
    *,
    quotes: tuple[Quote, ...] = (),
    unquoted: float = 1.0,
    duplicate_of: str | None = None,
    status: MessageStatus,
) -> tuple[Report, ...]:
    """The reports of one fault under one id, by revision.

    `unquoted` weighs how often the quotes are left out. `duplicate_of` is the earlier id of the same fault, if any.
    """
    detected = fault.began + around(rng, 0.12, 0.9)
    moments = _calendar(rng, fault, detected, noise)
    known = _knowledge(rng, fault, detected, noise, duplicate_of)
    chosen = some(rng, quotes, 1, 2)
    if happens(rng, min(1.0, noise.key_missing * unquoted)):
        chosen = ()
    numbers = _Numbers.drawn(rng, fault)
    title = rng.choice(words.WHAT[fault.services[0]])
    description = rng.choice(words.DESCRIPTIONS)
    if not known.areas.at(1):
        moments = (_Moment(moments[0].sent_at, SUSPECTED), *moments[1:])
        if len(moments) == 1:
            known = _placed(known)
    return tuple(
        _report(rng, fault, id, revision, moment, known, chosen, numbers, (title, description), detected, status)
        for revision, moment in enumerate(moments, start=1)
    )
