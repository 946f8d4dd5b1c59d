"""What of an incident is compared with another's, to find out whether the two tell of one event."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TypeVar

from bus import geography
from bus.messages import Cause, Incident
from bus.vocabulary import CauseCategory, CauseDetail, DependencyKind, NetworkPart, QualityAspect, Service
from consumers.merge.links import Node
from consumers.merge.rules import Inference as Limits
from consumers.merge.told import Told
from consumers.merge.vicinity import Nearness

_KEPT = 4_096
"""So many places, and sets of services or the like, are made once for all who name them."""

H = TypeVar("H", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Nature:
    """What of an incident is compared with another's."""

    ref: str
    owner: str
    start: datetime
    """What orders it among others, as for the seed of a situation."""
    began_from: datetime
    began: datetime
    """It began between these two; they are equal where the start is told."""
    end: datetime | None
    """None while it is open."""
    restored_at: datetime | None
    """The end, where it is told."""
    category: CauseCategory | None
    """None where that is not known."""
    detail: CauseDetail | None
    """What caused it; None where that is not known. OVERLOAD, too, where it is short of capacity and nothing better is
    known.
    """
    codes: tuple[str, ...]
    municipalities: frozenset[str]
    counties: frozenset[str]
    """Those that it names, and those that its municipalities lie in."""
    services: frozenset[Service]
    assets: frozenset[str]
    """The shared assets that it names."""
    events: frozenset[str]
    """The shared keys of events that it names."""
    kinds: frozenset[str]
    """The kinds of those events: what stands before the colon."""
    part: NetworkPart | None
    """None where that is not known."""
    short_of_capacity: bool
    leans_on: frozenset[DependencyKind]
    """What it says that it fell with, whether or not it knows whose."""
    own_plant: bool
    """The operator says that the fault is its own, in its access network: such a fault is felt by nobody else."""
    held_from: frozenset[str]
    """Incidents that staff hold this one apart from (the a of a CANNOT_LINK a b)."""
    holds_off: frozenset[str]
    """Incidents that staff hold apart from this one (the b)."""

    @property
    def place(self) -> tuple[datetime, str]:
        """Where it stands in the order of their beginning."""
        return self.began, self.ref

    @property
    def tells_start(self) -> bool:
        return self.began_from == self.began

    @property
    def in_core(self) -> bool:
        """It says so; or it does not say where, and names whole counties and no municipality, as only a core falls."""
        if self.part is None:
            return bool(self.codes) and not self.municipalities
        return self.part is NetworkPart.CORE

    @property
    def by_weather(self) -> bool:
        return self.category is CauseCategory.NATURAL_PHENOMENON

    @property
    def knows_cause(self) -> bool:
        return self.detail is not None and self.detail is not CauseDetail.OTHER


def nature_of(told: Told, node: Node, apart: tuple[frozenset[str], frozenset[str]], limits: Limits) -> Nature:
    """What of an incident is compared. `apart` are those that staff hold it from, and those that they hold off it."""
    incident = told.incident
    began = _began(incident, node)
    category, detail = _known(incident.cause)
    short_of_capacity = any(impact.aspect is QualityAspect.CAPACITY for impact in incident.impacts)
    if short_of_capacity and _knows_no_better(category, detail):
        category, detail = CauseCategory.SYSTEM_FAILURE, CauseDetail.OVERLOAD
    municipalities, counties = _places(told.codes)
    return Nature(
        ref=told.ref,
        owner=told.owner,
        start=node.start,
        began_from=began if incident.started_at else began - limits.untold_start,
        began=began,
        end=node.end,
        restored_at=incident.restored_at if node.end else None,
        category=category,
        detail=detail,
        codes=told.codes,
        municipalities=municipalities,
        counties=counties,
        services=_once(frozenset(told.impacts)),
        assets=told.assets,
        events=_once(frozenset(incident.event_refs)),
        kinds=_once(frozenset([key.partition(":")[0] for key in incident.event_refs])),
        part=None if incident.network_part is NetworkPart.UNKNOWN else incident.network_part,
        short_of_capacity=short_of_capacity,
        leans_on=_once(frozenset([dependency.kind for dependency in incident.caused_by])),
        own_plant=_is_own_plant(incident, detail),
        held_from=apart[0],
        holds_off=apart[1],
    )


@lru_cache(maxsize=_KEPT)
def _places(codes: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    """The municipalities among the areas, and the counties that these are or lie in."""
    municipalities = frozenset(code for code in codes if len(code) == 4)
    return municipalities, frozenset(county for code in codes if (county := geography.county_of(code)))


@lru_cache(maxsize=_KEPT)
def _once(found: H) -> H:
    """One and the same object for all that are equal: they are held for as long as the incident is open."""
    return found


def _began(incident: Incident, node: Node) -> datetime:
    if incident.started_at or incident.detected_at is None:
        return node.start
    return min(node.start, incident.detected_at)


def _known(cause: Cause) -> tuple[CauseCategory | None, CauseDetail | None]:
    """Who leaves open what is behind it may well know what happened: that the power is gone."""
    category = None if cause.category in _UNKNOWN_CATEGORIES else cause.category
    return category, None if cause.detail is CauseDetail.UNKNOWN else cause.detail


_UNKNOWN_CATEGORIES = frozenset({CauseCategory.UNKNOWN, CauseCategory.UNDETERMINED})


def _knows_no_better(category: CauseCategory | None, detail: CauseDetail | None) -> bool:
    return detail in (None, CauseDetail.OTHER) and category in (None, CauseCategory.SYSTEM_FAILURE)


def _is_own_plant(incident: Incident, detail: CauseDetail | None) -> bool:
    cause = incident.cause
    return (
        cause.third_party is False
        and incident.network_part is NetworkPart.ACCESS
        and cause.category is not CauseCategory.NATURAL_PHENOMENON
        and detail is not CauseDetail.OVERLOAD  # of one's own network, by another's users
    )


def nearness(a: Nature, b: Nature) -> Nearness:
    if not a.municipalities.isdisjoint(b.municipalities):
        return Nearness.MUNICIPALITY
    if a.counties.isdisjoint(b.counties):
        return Nearness.OVERLAP if _countrywide(a, b) or _countrywide(b, a) else Nearness.APART
    return Nearness.OVERLAP if _overlap(a, b) else Nearness.COUNTY


def _countrywide(a: Nature, b: Nature) -> bool:
    return geography.COUNTRY in a.codes and bool(b.codes)


def _overlap(a: Nature, b: Nature) -> bool:
    return any(geography.overlap(one, other) for one in a.codes for other in b.codes)
