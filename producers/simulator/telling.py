"""How a fault is told: one incident in revisions, each with what its operator knew, or thought, by then."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, Generic, TypeVar

from bus import geography
from bus.messages import (
    Area,
    Cause,
    Dependency,
    Energy,
    Incident,
    Restoration,
    ServiceImpact,
    Sites,
    Users,
    Work,
    build,
)
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
    NetworkPart,
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
"""Minutes to which a time is rounded, and how often."""

BLINDNESS = {False: 0.6, True: 1.6}
"""How often the cause is unknown, against what is usual: to who owns the fault, and to a victim of another's."""

MAINS_ALARM = 0.3
"""The same, where the power is gone: every site tells its operator so."""

SLOPPY: dict[tuple[CauseCategory, CauseDetail], tuple[CauseCategory, CauseDetail]] = {
    (CauseCategory.NATURAL_PHENOMENON, CauseDetail.POWER_CUT): (CauseCategory.SYSTEM_FAILURE, CauseDetail.POWER_CUT),
    (CauseCategory.NATURAL_PHENOMENON, CauseDetail.WIND): (CauseCategory.NATURAL_PHENOMENON, CauseDetail.OTHER),
    (CauseCategory.NATURAL_PHENOMENON, CauseDetail.ICE_SNOW): (CauseCategory.NATURAL_PHENOMENON, CauseDetail.OTHER),
    (CauseCategory.NATURAL_PHENOMENON, CauseDetail.LANDSLIDE): (CauseCategory.SYSTEM_FAILURE, CauseDetail.CABLE_CUT),
    (CauseCategory.SYSTEM_FAILURE, CauseDetail.POWER_CUT): (CauseCategory.UNDETERMINED, CauseDetail.POWER_CUT),
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
    own: bool = False
    """The operator's own identifier, which it has at hand and hardly ever leaves out."""


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
    corrected_at: frozenset[int]
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
    not_before: datetime | None = None,
    status: MessageStatus,
) -> tuple[Report, ...]:
    """The reports of one fault under one id, by revision.

    `unquoted` weighs how often the quotes are left out. `duplicate_of` is the earlier id of the same fault, if any.
    Nothing is sent before `not_before`.
    """
    detected = max(fault.began + around(rng, 0.12, 0.9), not_before or fault.began)
    moments = _calendar(rng, fault, detected, noise)
    known = _knowledge(rng, fault, detected, noise, duplicate_of, last=len(moments))
    if not known.areas.at(1):
        moments = (_Moment(moments[0].sent_at, SUSPECTED), *moments[1:])
    chosen = _chosen(rng, quotes, noise, unquoted)
    numbers = _Numbers.drawn(rng, fault, detected, noise)
    return tuple(
        _report(fault, id, revision, moment, known, chosen, numbers, status)
        for revision, moment in enumerate(moments, start=1)
    )


def tell_work(rng: Random, work: PlannedWork, id: str, status: MessageStatus) -> tuple[Report, ...]:
    """The announcement of planned work, days before, and its beginning."""
    told = ((work.starts_at - between(rng, 40, 120), WorkState.CONFIRMED), (work.starts_at, WorkState.IN_PROCESS))
    return tuple(
        Report(
            build(
                Work,
                {
                    "actor": work.actor,
                    "id": id,
                    "revision": revision,
                    "status": status,
                    "observed_at": sent_at,
                    "state": state,
                    "impact": Impact.REDUCED_REDUNDANCY,
                    "title": "Planerat arbete",
                    "starts_at": work.starts_at,
                    "ends_at": work.ends_at,
                    "areas": areas_of(work.places),
                    "services": work.services,
                    "infrastructure_ids": work.infrastructure_ids,
                },
            ),
            sent_at,
        )
        for revision, (sent_at, state) in enumerate(told, start=1)
    )


def areas_of(codes: tuple[str, ...]) -> tuple[Area, ...]:
    kinds = ((code, geography.kind_of(code)) for code in sorted(set(codes)))
    return tuple(Area(kind=kind, code=code) for code, kind in kinds if kind is not None)


# --- when ------------------------------------------------------------------------------------------------------------


def _calendar(rng: Random, fault: Fault, detected: datetime, noise: Noise) -> tuple[_Moment, ...]:
    """When reports are sent, and the state that each tells: at least one."""
    first = detected + around(rng, 0.2, 0.8)
    if happens(rng, noise.sent_late):
        first += around(rng, 3, 0.5)
    open_state = SUSPECTED if happens(rng, 0.25) else CONFIRMED
    moments: list[_Moment] = []
    at = first
    while at < fault.ended and len(moments) < MOST_UPDATES:
        moments.append(_Moment(at, open_state))
        left = (fault.ended - at) / (fault.ended - fault.began)
        open_state = RESTORING if left < 0.4 and happens(rng, 0.5) else max(open_state, CONFIRMED, key=_PROGRESS.index)
        at += around(rng, 1.2, 0.5) * (1 + 0.4 * len(moments))
    if len(moments) > 1 and happens(rng, noise.restored_in_error):
        place = rng.randrange(1, len(moments))
        over = _Moment(moments[place].sent_at, RESTORED)
        again = _Moment(over.sent_at + around(rng, 0.7), CONFIRMED, words.REOPENED)
        moments[place:] = [over, again, *(each for each in moments[place + 1 :] if each.sent_at > again.sent_at)]
    if happens(rng, noise.retracted):
        kept = moments[: rng.randint(1, len(moments))] if moments else [_Moment(first, CONFIRMED)]
        return (*kept, _Moment(kept[-1].sent_at + around(rng, 0.6), RETRACTED, words.WITHDRAWN))
    if not moments or not happens(rng, noise.end_untold):
        last = moments[-1].sent_at if moments else first
        told = max(last, fault.ended) + around(rng, 0.25)
        moments.append(_Moment(told, RESTORED))
        if happens(rng, 0.5):
            moments.append(_Moment(told + around(rng, 4), CLOSED))
    return tuple(moments)


_PROGRESS = (SUSPECTED, CONFIRMED, RESTORING)


def _chosen(rng: Random, quotes: tuple[Quote, ...], noise: Noise, unquoted: float) -> tuple[Quote, ...]:
    own = tuple(quote for quote in quotes if quote.own)
    others = tuple(quote for quote in quotes if not quote.own)
    own_missing = happens(rng, noise.own_key_missing)
    missing, single = happens(rng, min(1.0, noise.key_missing * unquoted)), happens(rng, noise.key_single)
    one = some(rng, others, 1, 1)
    return (() if own_missing else own) + (() if missing else one if single else others)


# --- what is known ---------------------------------------------------------------------------------------------------


def _knowledge(
    rng: Random, fault: Fault, detected: datetime, noise: Noise, duplicate_of: str | None, *, last: int
) -> _Knowledge:
    learnt_at = min(2 + int(rng.expovariate(1.2)), max(2, last))  # who has mended it knows what it was
    cause, cause_corrected = _cause(rng, fault, noise, learnt_at)
    areas, areas_corrected = _areas(rng, fault, noise, last)
    start = _told_start(rng, fault.began, detected, noise)
    start_missing, start_comes = happens(rng, noise.start_missing), happens(rng, 0.4)
    marked_at = 1 if happens(rng, 0.5) else 2 if happens(rng, 0.7) else last + 1
    return _Knowledge(
        cause=cause,
        areas=areas,
        started_at=_Learnt(None if start_missing else start, start if start_comes or not start_missing else None, 3),
        quotes_from=2 + int(rng.expovariate(1.0)) if happens(rng, noise.key_late) else 1,
        duplicate_of=_Learnt(None, duplicate_of, marked_at),
        corrected_at=frozenset({*cause_corrected, *areas_corrected}),
    )


def _cause(rng: Random, fault: Fault, noise: Noise, learnt_at: int) -> tuple[_Learnt[Cause], tuple[int, ...]]:
    """What is told of the cause, and the revisions that correct it."""
    unknown, wrong = rng.choice(UNKNOWN_CAUSES), _told_cause(rng, weighted(rng, ORIGINS), Certainty.POSSIBLE)
    pair = (fault.origin.category, fault.origin.detail)
    loose = happens(rng, noise.cause_told_loosely)
    category, detail = SLOPPY.get(pair, pair) if loose else pair
    origin = Origin(category, detail, fault.origin.outside)
    right = _told_cause(rng, origin, Certainty.LIKELY if fault.victim else Certainty.OBSERVED)
    blind = MAINS_ALARM if fault.origin.detail is CauseDetail.POWER_CUT else BLINDNESS[fault.victim]
    never = happens(rng, noise.cause_never_known * blind)
    first_unknown, first_wrong = happens(rng, noise.cause_unknown_first * blind), happens(rng, noise.cause_wrong_first)
    if never:
        return _Learnt(unknown, unknown), ()
    if first_unknown:
        return _Learnt(unknown, right, learnt_at), ()
    if first_wrong:
        return _Learnt(wrong, right, learnt_at), (learnt_at,)
    return _Learnt(right, right), ()


def _told_cause(rng: Random, origin: Origin, certainty: Certainty) -> Cause:
    third_party = origin.outside if happens(rng, 0.5) else None
    return Cause(category=origin.category, detail=origin.detail, certainty=certainty, third_party=third_party)


def _areas(rng: Random, fault: Fault, noise: Noise, last: int) -> tuple[_Learnt[tuple[Area, ...]], tuple[int, ...]]:
    """What is told of the place, and the revisions that correct it."""
    full, wide = areas_of(fault.places), areas_of(tuple(_county(code) for code in fault.places))
    elsewhere = areas_of((_elsewhere(rng, rng.choice(fault.places)),))
    only, first = happens(rng, noise.county_only), happens(rng, noise.county_first)
    nowhere, wrong = happens(rng, noise.place_unknown_first), happens(rng, noise.place_wrong_first)
    learnt_at = min(rng.randint(2, 3), max(2, last))
    if only:
        return _Learnt(wide, wide), ()
    if nowhere and last > 1:
        return _Learnt((), full, 2), ()
    if wrong:
        return _Learnt(elsewhere, full, learnt_at), (learnt_at,)
    if first:
        return _Learnt(wide, full, learnt_at), ()
    return _Learnt(full, full), ()


def _county(code: str) -> str:
    return county_of(code) if len(code) == 4 else code


def _elsewhere(rng: Random, code: str) -> str:
    """A place that may be taken for this one: in the same county or the next."""
    if code == geography.COUNTRY:
        return rng.choice(geography.counties()).code
    near = NEIGHBOURS[county_of(code)]
    if len(code) == 2:
        return rng.choice(near)
    return rng.choice(towns_of(rng.choice((county_of(code), county_of(code), *near))))


def _told_start(rng: Random, began: datetime, detected: datetime, noise: Noise) -> datetime:
    told = detected if happens(rng, noise.start_is_detection) else began
    return _rounded(rng, told, noise, latest=detected)


def _rounded(rng: Random, instant: datetime, noise: Noise, *, latest: datetime) -> datetime:
    """The instant as people tell it, but never after `latest`: nobody reports the future."""
    step = timedelta(minutes=weighted(rng, ROUNDINGS))
    if not happens(rng, noise.time_rounded):
        return instant
    hour = instant.replace(minute=0, second=0, microsecond=0)
    nearest = hour + round((instant - hour) / step) * step
    return nearest if nearest <= latest else nearest - step


# --- what is said ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Numbers:
    """What is told besides, alike for faults of every kind."""

    what: str
    description: str
    detected_at: datetime | None
    restored_at: datetime
    users: int | None
    percent: float | None
    sites: int | None
    expected: datetime | None
    part: NetworkPart
    leans_on: tuple[Dependency, ...]

    @classmethod
    def drawn(cls, rng: Random, fault: Fault, detected: datetime, noise: Noise) -> _Numbers:
        return cls(
            what=rng.choice(words.WHAT[fault.services[0]]),
            description=rng.choice(words.DESCRIPTIONS),
            detected_at=detected if happens(rng, 0.5) else None,
            restored_at=_rounded(rng, fault.ended, noise, latest=fault.ended + timedelta(hours=1)),
            users=round(rng.lognormvariate(7, 1) * len(fault.places)) if happens(rng, 0.65) else None,
            percent=float(rng.randint(5, 100)) if happens(rng, 0.3) else None,
            sites=rng.randint(1, 8) * len(fault.places) if fault.actor in MOBILE else None,
            expected=fault.ended + (rng.random() - 0.4) * timedelta(hours=6) if happens(rng, 0.35) else None,
            part=NetworkPart.UNKNOWN if happens(rng, noise.part_untold) else fault.part,
            leans_on=() if happens(rng, noise.dependency_untold) else _dependencies(fault),
        )


def _report(
    fault: Fault,
    id: str,
    revision: int,
    moment: _Moment,
    known: _Knowledge,
    quotes: tuple[Quote, ...],
    numbers: _Numbers,
    status: MessageStatus,
) -> Report:
    over = moment.state in (RESTORED, CLOSED)
    areas = known.areas.at(revision)
    quoted = [q for q in quotes if revision >= known.quotes_from and q.known_from <= moment.sent_at]
    reason = moment.reason or (words.CORRECTION if revision in known.corrected_at else None)
    fields: dict[str, Any] = {
        "actor": fault.actor,
        "id": id,
        "revision": revision,
        "status": status,
        "observed_at": max(moment.sent_at - timedelta(minutes=2), fault.began),
        "reason": reason,
        "state": moment.state,
        "title": _title(numbers.what, areas),
        "description": numbers.description,
        "started_at": known.started_at.at(revision),
        "detected_at": numbers.detected_at,
        "restored_at": min(numbers.restored_at, moment.sent_at) if over else None,
        "impacts": _impacts(fault, numbers),
        "areas": areas,
        "network_part": numbers.part,
        "users": _users(fault, numbers),
        "sites": Sites(out=numbers.sites) if numbers.sites else None,
        "cause": known.cause.at(revision),
        "duplicate_of": known.duplicate_of.at(revision),
        "restoration": Restoration(expected=numbers.expected, certainty=Certainty.POSSIBLE)
        if numbers.expected and not over
        else None,
        "event_refs": _joined(q.event_refs for q in quoted),
        "infrastructure_ids": _joined(q.infrastructure_ids for q in quoted),
        "caused_by": tuple(dependency for q in quoted for dependency in q.caused_by) or numbers.leans_on,
        "related_to": _joined(q.related_to for q in quoted),
        "energy": next((Energy(power_incident=q.power_incident) for q in quoted if q.power_incident), None),
    }
    return Report(build(Incident, fields), moment.sent_at)


def _dependencies(fault: Fault) -> tuple[Dependency, ...]:
    """Alarms tell that the mains or a leased line is gone, though not why."""
    if fault.dependency not in FELT_AT_ONCE:
        return ()
    return (Dependency(kind=fault.dependency, certainty=Certainty.OBSERVED),)


FELT_AT_ONCE = frozenset({DependencyKind.POWER, DependencyKind.TRANSPORT_FIBRE})


def _title(what: str, areas: tuple[Area, ...]) -> str:
    """What, and the first of the places that the report itself names."""
    first = next((geography.name_of(area.code) for area in areas if area.code), None)
    return what + (f", {first}" if first else "") + (" m.fl." if len(areas) > 1 else "")


def _joined(lists: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for values in lists for value in values))


def _impacts(fault: Fault, numbers: _Numbers) -> tuple[ServiceImpact, ...]:
    return tuple(
        ServiceImpact(service=service, aspect=fault.aspect, impact=fault.impact, percent_affected=numbers.percent)
        for service in fault.services
    )


def _users(fault: Fault, numbers: _Numbers) -> Users | None:
    if numbers.users is None:
        return None
    scope = CountScope.CONNECTIONS if fault.services[0] in UNCOUNTED else CountScope.OWN_SUBSCRIPTIONS
    return Users(value=numbers.users, basis=CountBasis.ESTIMATED, scope=scope)


UNCOUNTED = frozenset({Service.TRANSPORT, Service.OTHER})
"""Services without subscribers of telephony: lines and power customers are counted instead."""
