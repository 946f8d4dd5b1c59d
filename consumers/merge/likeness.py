"""How much two reports look like one event: a checklist of what an experienced duty officer would compare.

Each point is met or not, and all that apply must be: there are no weights to tune, and the ground says what was found.
Where one point alone is lacking, and by little, the two *resemble* each other, which is for staff to judge.

1. Different operators, of whom at least one knows the cause. (Of weather that others tell of too, one operator may tell
   again.)
2. The causes agree: the same; or kin, as the wind and the power cut of one storm; or one a consequence of the other,
   as the overload where users go when another's core falls; or one is unknown, and nothing speaks against it.
3. The places agree: how closely depends on the cause. Weather and cables strike many places in a county at once;
   machines break everywhere all the time.
4. The times agree: the starts lie near each other, and neither began after the other was over. A start that is not
   told lies before what is known of it.
5. Nothing says that they are two: shared keys of one kind that differ, a fault in the operator's own access network, or
   in an asset that the other does not name.

What began together *and* was restored together is most likely one event, which widens 3 and 4.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, TypeVar

from bus import geography
from bus.messages import Cause, Incident
from bus.vocabulary import CauseCategory, CauseDetail, DependencyKind, NetworkPart, QualityAspect, Service
from consumers.merge.grounds import ALIKE, Ground
from consumers.merge.links import Node
from consumers.merge.rules import Inference as Limits
from consumers.merge.rules import Margins
from consumers.merge.told import Told
from consumers.merge.vicinity import Nearness

NOWHERE = timedelta(0)

_KEPT = 4_096
"""So many places, and sets of services or the like, are made once for all who name them."""

H = TypeVar("H", bound=Hashable)


class Likeness(NamedTuple):
    """Two reports that look like one event: the least is the most alike."""

    cause_differs: bool
    nearness: Nearness
    ended_apart: bool
    """They were not restored together, as far as is told."""


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
    """What caused it; None where that is not known."""
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
    def in_core(self) -> bool:
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
        short_of_capacity=any(impact.aspect is QualityAspect.CAPACITY for impact in incident.impacts),
        leans_on=_once(frozenset([dependency.kind for dependency in incident.caused_by])),
        own_plant=_is_own_plant(incident),
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
    category = None if cause.category in _UNKNOWN_CATEGORIES else cause.category
    told = category is not None and cause.detail is not CauseDetail.UNKNOWN
    return category, cause.detail if told else None


_UNKNOWN_CATEGORIES = frozenset({CauseCategory.UNKNOWN, CauseCategory.UNDETERMINED})


def _is_own_plant(incident: Incident) -> bool:
    cause = incident.cause
    return (
        cause.third_party is False
        and incident.network_part is NetworkPart.ACCESS
        and cause.category is not CauseCategory.NATURAL_PHENOMENON
        and cause.detail is not CauseDetail.OVERLOAD  # of one's own network, by another's users
    )


def likeness(a: Nature, b: Nature, limits: Limits, *, wide: bool = False) -> Likeness | None:
    """The checklist: how alike the two are, or None where a point of it fails.

    `wide`: one of them belongs to what several operators tell of. Then a vendor's fault is not bound to a place, and of
    weather, which strikes a network in many places, one operator may tell more than once.
    """
    if a.owner == b.owner and not (wide and a.by_weather and b.by_weather):
        return None
    found = _causes_agree(a, b, limits)
    if found is None or not _nothing_parts(a, b, limits):
        return None
    measured = _measure(a, b, found, limits)
    if measured.gap > measured.within:
        return None
    if measured.near > measured.at_most and not (wide and _is_vendor_fault(a, b, limits)):
        return None
    return Likeness(found.differs, measured.near, not measured.together)


class Lacking(StrEnum):
    """The one point of the checklist that two reports lack, and lack by little."""

    OPERATOR = "OPERATOR"
    """One operator tells both."""
    PLACE = "PLACE"
    """The places are a step further apart than asked: for weather, in counties next to each other."""
    TIME = "TIME"
    """The starts are further apart than asked, by a factor."""
    CAUSE = "CAUSE"
    """Neither knows the cause, but they began at once and in one municipality."""


class Resemblance(NamedTuple):
    """Two reports of which nearly all says that they are one event: the least is the most likely."""

    lacks: bool
    elsewhere: bool
    """Time, place or cause is what lacks: more of a doubt than that one operator tells both."""
    likeness: Likeness
    lacking: Lacking | None

    @property
    def joins_groups(self) -> bool:
        """Whether it says enough to ask if two groups are one."""
        return not self.elsewhere or (
            self.lacking is Lacking.PLACE and self.likeness.nearness is Nearness.APART  # weather, in the next county
        )


def resemblance(a: Nature, b: Nature, limits: Limits, margins: Margins) -> Resemblance | None:
    """The same checklist, where a vendor's fault is bound to no place and one point may be lacking by the margins."""
    if not _keys_agree(a, b):  # what tells most of them apart, and costs least
        return None
    found = _causes_agree(a, b, limits)
    lacking = [Lacking.OPERATOR] if a.owner == b.owner else []
    if found is None and (found := _neither_knows(a, b, margins)):
        lacking.append(Lacking.CAUSE)
    if found is None or not _nothing_parts(a, b, limits):
        return None
    measured = _measure(a, b, found, limits)
    if measured.gap > measured.within:
        lacking.append(Lacking.TIME)
    if measured.near > measured.at_most and not _is_vendor_fault(a, b, limits):
        if not _is_a_step_further(a, b, measured):
            return None
        lacking.append(Lacking.PLACE)
    if len(lacking) > 1 or measured.gap > measured.within * (margins.starts_factor if found.known else 1):
        return None
    elsewhere = bool(lacking) and lacking != [Lacking.OPERATOR]
    alike = Likeness(found.differs, measured.near, not measured.together)
    return Resemblance(bool(lacking), elsewhere, alike, lacking[0] if lacking else None)


def ground_of(a: Nature, b: Nature, limits: Limits, lacking: Lacking | None = None) -> Ground:
    """What the checklist found for two that are alike, or nearly. Swapping them changes nothing."""
    causes = sorted({detail for detail in (a.detail, b.detail) if detail is not None})
    near = nearness(a, b)
    area = _area(a, b, near)
    facts = {"causes": " ".join(causes), "nearness": near.name}
    what = " and ".join(causes) or "neither knows the cause"
    if causes and (a.detail is None or b.detail is None):
        facts["unknown"], what = "true", f"{what}, the other unknown"
    if area:
        facts["area"] = area
    when = "times that meet, a start untold"
    if a.began_from == a.began and b.began_from == b.began:
        minutes = facts["minutes"] = str(round(abs(a.began - b.began) / timedelta(minutes=1)))
        when = f"times that meet, starts {minutes} min apart"
    if _restored_together(a, b, limits):
        facts["restored_together"], when = "true", f"{when}, restored together"
    words = [what, _WHERE[near].format(area=area) if area else _BEYOND[a.by_weather and b.by_weather], when]
    if lacking:
        facts["lacking"] = lacking.value
        words += _LACKS.get(lacking, ())
    return Ground.of(ALIKE, "; ".join(words), **facts)


_WHERE = {
    Nearness.MUNICIPALITY: "both in {area}",
    Nearness.OVERLAP: "both in {area}",
    Nearness.COUNTY: "both in county {area}",
}
_LACKS = {
    Lacking.OPERATOR: ("told by one operator",),
    Lacking.PLACE: ("further apart than asked",),
    Lacking.TIME: ("further apart in time than asked",),
}
_BEYOND = {True: "in counties next to each other", False: "in several operators' cores"}


def _area(a: Nature, b: Nature, near: Nearness) -> str:
    """The least code that shows how near the two are; empty where they are apart."""
    match near:
        case Nearness.MUNICIPALITY:
            return min(a.municipalities & b.municipalities)
        case Nearness.OVERLAP:
            pairs = ((x, y) for x in a.codes for y in b.codes if geography.overlap(x, y))
            return min(max(pair, key=len) for pair in pairs)
        case Nearness.COUNTY:
            return min(a.counties & b.counties)
        case Nearness.APART:
            return ""


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


class _Causes(NamedTuple):
    """Two causes that agree, and what is then asked of places and times."""

    differs: bool
    nearness: Nearness
    """How near the places must be at least."""
    starts_within: timedelta
    widens: bool
    """Whether beginning and ending together may stand in for nearer places or times."""
    known: bool = True
    """At least one knows the cause."""


class _Measured(NamedTuple):
    """How far apart two are, and how far they may be."""

    gap: timedelta
    within: timedelta
    near: Nearness
    at_most: Nearness
    together: bool
    """They were restored together."""


def _causes_agree(a: Nature, b: Nature, limits: Limits) -> _Causes | None:
    return _causes(a, b, limits) if a.detail or b.detail else None


def _neither_knows(a: Nature, b: Nature, margins: Margins) -> _Causes | None:
    if a.detail or b.detail or (a.category and b.category and a.category is not b.category):
        return None
    return _Causes(False, Nearness.MUNICIPALITY, margins.both_unknown_within, False, known=False)


def _nothing_parts(a: Nature, b: Nature, limits: Limits) -> bool:
    """Nothing that either tells says that they are two."""
    if a.own_plant or b.own_plant or not (_keys_agree(a, b) and _assets_agree(a, b, limits)):
        return False
    return _parts_agree(a, b, limits) and not _is_over(a, b, limits) and not _is_over(b, a, limits)


def _measure(a: Nature, b: Nature, found: _Causes, limits: Limits) -> _Measured:
    gap = max(a.began_from - b.began, b.began_from - a.began, NOWHERE)
    near = nearness(a, b)
    together = _restored_together(a, b, limits)
    within, at_most = found.starts_within, found.nearness
    if together and found.widens:
        if gap <= limits.restored_together:
            at_most = max(at_most, Nearness.COUNTY)
        if not found.differs and near <= Nearness.OVERLAP:
            within = max(within, limits.restored_together_starts)
    return _Measured(gap, within, near, at_most, together)


def _is_a_step_further(a: Nature, b: Nature, measured: _Measured) -> bool:
    if measured.near is not Nearness.APART:
        return measured.near == measured.at_most + 1
    weather = a.by_weather and b.by_weather and measured.at_most is Nearness.COUNTY
    return weather and any(not b.counties.isdisjoint(geography.counties_next_to(county)) for county in a.counties)


def _causes(a: Nature, b: Nature, limits: Limits) -> _Causes | None:
    one, other = a.detail, b.detail
    if one is None:
        return _with_unknown(b, a, limits)
    if other is None:
        return _with_unknown(a, b, limits)
    weather = a.by_weather and b.by_weather
    if one is other and (weather or one is not CauseDetail.OTHER):
        if weather:
            place = Nearness.COUNTY
        else:
            place = Nearness.MUNICIPALITY if a.by_weather or b.by_weather else limits.nearness[one]
        return _Causes(False, place, limits.starts_within[one], one not in limits.machines)
    if weather and one in limits.weather and other in limits.weather:
        within = max(limits.starts_within[one], limits.starts_within[other])
        return _Causes(True, Nearness.COUNTY, within, False)
    if any(one in kin and other in kin for kin in limits.kin):
        within = limits.kin_within
        return _Causes(True, Nearness.OVERLAP, within, True)
    for victim, fallen in ((a, b), (b, a)):
        if victim.detail is CauseDetail.OVERLOAD and _is_consequence(victim, fallen, limits):
            return _Causes(True, Nearness.OVERLAP, limits.overload_after, False)
    return None


def _with_unknown(known: Nature, unknown: Nature, limits: Limits) -> _Causes | None:
    """Who does not know the cause may yet know what it leans on: the power, or a line."""
    detail = known.detail
    if detail is None or detail is CauseDetail.OTHER or unknown.category not in (None, known.category):
        return None
    place = Nearness.MUNICIPALITY
    for kinds, details in ((_POWER, limits.weather), (_LINES, limits.line)):
        if not kinds.isdisjoint(unknown.leans_on):
            if detail not in details:
                return None
            place = Nearness.COUNTY if known.by_weather else limits.nearness[detail]
    return _Causes(True, place, limits.unknown_within[detail], detail not in limits.machines)


_POWER = frozenset({DependencyKind.POWER})
_LINES = frozenset({DependencyKind.TRANSPORT_FIBRE, DependencyKind.DARK_FIBRE})


def _is_consequence(victim: Nature, fallen: Nature, limits: Limits) -> bool:
    """Users of a network whose core fell go to the others, whose capacity then does not last (domain: 5.2, 5.6)."""
    return (
        victim.short_of_capacity
        and fallen.part is NetworkPart.CORE
        and not victim.services.isdisjoint(fallen.services)
        and victim.began >= fallen.began - limits.rounding
    )


def _keys_agree(a: Nature, b: Nature) -> bool:
    """Two that each name a storm, and not the same one, tell of two storms."""
    return a.kinds.isdisjoint(b.kinds) or not a.events.isdisjoint(b.events)


def _assets_agree(a: Nature, b: Nature, limits: Limits) -> bool:
    """Many lean on a cable or a node that work is done on, and name it or not. Of all else, who names an asset has a
    fault in that asset.
    """
    if not (a.assets or b.assets) or not a.assets.isdisjoint(b.assets):
        return True
    if a.assets and b.assets:
        return False
    return (a.by_weather and b.by_weather) or a.detail in limits.line or b.detail in limits.line


def _parts_agree(a: Nature, b: Nature, limits: Limits) -> bool:
    """A vendor's fault sits in one part of the network."""
    unbound = a.detail not in limits.vendor and b.detail not in limits.vendor
    return unbound or a.part is b.part or a.part is None or b.part is None


def _is_over(earlier: Nature, later: Nature, limits: Limits) -> bool:
    if earlier.end is None:
        return False
    slack = limits.after_end_of_weather if earlier.by_weather and later.by_weather else limits.after_end
    return later.began > earlier.end + slack


def _restored_together(a: Nature, b: Nature, limits: Limits) -> bool:
    if a.restored_at is None or b.restored_at is None:
        return False
    return abs(a.restored_at - b.restored_at) <= limits.restored_together


def _is_vendor_fault(a: Nature, b: Nature, limits: Limits) -> bool:
    return a.detail is b.detail and a.detail in limits.vendor and a.in_core and b.in_core
