"""The kinds of crisis: for each, a function that draws who is struck, where, when, and for how long.

Sizes and times follow what is publicly told of real events of each kind, in round figures; none of it is measured.
`main` asks for the size that a coordination group would be called together for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from random import Random
from types import MappingProxyType

from bus.geography import COUNTRY, counties, municipalities
from bus.vocabulary import CauseCategory, CauseDetail, DependencyKind, Impact, NetworkPart, QualityAspect, Service
from producers.simulator.chance import around, between, happens, some, token, weighted
from producers.simulator.faults import CrisisKind, Event, Fault, Origin, PlannedWork
from producers.simulator.land import (
    GRID,
    GRID_COUNTIES,
    HOST,
    HOSTED,
    INCUMBENT,
    MOBILE,
    TOWN_NETWORKS,
    cable_owner,
    county_of,
    path,
    towns_of,
)

Draw = Callable[[Random, datetime, str, bool], Event]
"""An event that begins at the instant, at or around the municipality; and whether it is the main one."""

NATURE, SYSTEM = CauseCategory.NATURAL_PHENOMENON, CauseCategory.SYSTEM_FAILURE
PEOPLE, MALICE = CauseCategory.HUMAN_ERROR, CauseCategory.MALICIOUS_ACTION

ORIGINS: tuple[tuple[Origin, float], ...] = (
    (Origin(SYSTEM, CauseDetail.HARDWARE_FAILURE), 0.30),
    (Origin(SYSTEM, CauseDetail.SOFTWARE_BUG), 0.15),
    (Origin(PEOPLE, CauseDetail.CABLE_CUT, outside=True), 0.14),
    (Origin(PEOPLE, CauseDetail.FAULTY_CHANGE), 0.12),
    (Origin(SYSTEM, CauseDetail.POWER_CUT), 0.07),
    (Origin(PEOPLE, CauseDetail.CONFIG_ERROR), 0.08),
    (Origin(SYSTEM, CauseDetail.OVERLOAD), 0.05),
    (Origin(SYSTEM, CauseDetail.COOLING), 0.04),
    (Origin(MALICE, CauseDetail.CABLE_THEFT, outside=True), 0.03),
    (Origin(SYSTEM, CauseDetail.OTHER), 0.02),
)
"""What strikes one operator alone on any day, and how often. Alone without power is who has a fault in its own plant:
when the grid fails, others feel it too."""

MOBILE_SERVICES = (Service.MOBILE_VOICE, Service.MOBILE_DATA)
FIXED_SERVICES = (Service.FIXED_INTERNET, Service.FIXED_VOICE)
SERVICES: Mapping[str, tuple[Service, ...]] = MappingProxyType(
    {
        **dict.fromkeys((*MOBILE, HOSTED), MOBILE_SERVICES),
        "kustfiber": (Service.TRANSPORT,),
        TOWN_NETWORKS: (Service.FIXED_INTERNET,),
        GRID: (Service.OTHER,),
    }
)
"""What each operator's users lose first."""

WINTER, SNOW = frozenset({11, 12, 1, 2, 3}), 0.5
"""Months in which a storm may bring snow and ice instead of wind alone, and how often it does."""

AT_ONCE = timedelta(minutes=3)
"""Mean time until a fault in another's network is felt."""


def _storm(rng: Random, begin: datetime, town: str, main: bool) -> Event:
    key = f"storm:{token(rng)}"
    snow = SNOW if begin.month in WINTER else 0.0
    weather = Origin(NATURE, CauseDetail.ICE_SNOW if happens(rng, snow) else CauseDetail.WIND)
    manner = {actor: weighted(rng, ((_by_county, 0.6), (_by_town, 0.4))) for actor in MOBILE}
    faults: list[Fault] = []
    hit = begin
    for county in path(rng, county_of(town), rng.randint(2, 5) if main else 1):
        towns = some(rng, towns_of(county), 4, 12)
        power = Origin(NATURE, CauseDetail.POWER_CUT, outside=True)
        grid: int | None = None
        if county in GRID_COUNTIES:
            grid, power_key = len(faults), f"power:{token(rng)}"
            began = hit + around(rng, 0.4)
            faults.append(
                Fault(
                    GRID, began, began + around(rng, 20, 0.5), towns, (Service.OTHER,), weather,
                    part=NetworkPart.UNKNOWN, event_refs=(key, power_key), owns=power_key,
                )
            )  # fmt: skip
        for actor in MOBILE:
            if not happens(rng, 0.85):
                continue
            for places in manner[actor](rng, towns):
                on_battery = happens(rng, 0.5)
                began = hit + around(rng, 0.8) + (between(rng, 1.5, 6) if on_battery else timedelta())
                without_power = on_battery or happens(rng, 0.6)
                faults.append(
                    Fault(
                        actor,
                        began,
                        began + around(rng, 14, 0.6),
                        places,
                        MOBILE_SERVICES,
                        power if without_power else weather,
                        impact=Impact.OUTAGE if happens(rng, 0.7) else Impact.DEGRADED,
                        aspect=QualityAspect.COVERAGE,
                        event_refs=(key,),
                        source=grid if without_power else None,
                        dependency=DependencyKind.POWER,
                    )
                )
        for place in some(rng, towns, 0, 4):
            began = hit + around(rng, 1.2)
            faults.append(
                Fault(
                    TOWN_NETWORKS, began, began + around(rng, 10), (place,), (Service.FIXED_INTERNET,), power,
                    event_refs=(key,), source=grid, dependency=DependencyKind.POWER,
                )
            )  # fmt: skip
        if happens(rng, 0.6):
            began = hit + around(rng, 1.5)
            faults.append(
                Fault(
                    INCUMBENT, began, began + around(rng, 30), some(rng, towns, 2, len(towns)), FIXED_SERVICES, weather,
                    event_refs=(key,),
                )
            )  # fmt: skip
        if happens(rng, 0.4):
            began = hit + around(rng, 2)
            faults.append(
                Fault(
                    cable_owner(county), began, began + around(rng, 9), some(rng, towns, 1, 2), (Service.TRANSPORT,),
                    weather, part=NetworkPart.TRANSPORT, event_refs=(key,),
                )
            )  # fmt: skip
        hit += around(rng, 1.5)
    return Event(tuple(faults), named_at=begin - timedelta(hours=12), unquoted=0.78)  # forecasts gave it a name


def _by_county(rng: Random, towns: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """One incident for all that fell in the county."""
    yield some(rng, towns, 2, len(towns))


def _by_town(rng: Random, towns: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """An incident for each of the towns that were hit worst."""
    for town in some(rng, towns, 1, 5):
        yield (town,)


def _shares(rng: Random, towns: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The places of each incident that one operator tells: mostly all in one."""
    if happens(rng, 0.7):
        yield some(rng, towns, 1, len(towns))
    else:
        for town in some(rng, towns, 1, 3):
            yield (town,)


def _cable_cut(rng: Random, begin: datetime, town: str, main: bool) -> Event:
    owner = cable_owner(county_of(town))
    asset = f"fibre:{token(rng, 7)}"
    origin = weighted(
        rng,
        (
            (Origin(PEOPLE, CauseDetail.CABLE_CUT, outside=True), 0.8),
            (Origin(MALICE, CauseDetail.CABLE_THEFT, outside=True), 0.12),
            (Origin(NATURE, CauseDetail.LANDSLIDE), 0.08),
        ),
    )
    others = tuple(other for other in towns_of(county_of(town)) if other != town)
    served = (town, *some(rng, others, 2 if main else 0, 7 if main else 1))
    mended = begin + around(rng, 7, 0.5)
    faults = [
        Fault(
            owner, begin, mended, served if happens(rng, 0.6) else (town,), (Service.TRANSPORT,), origin,
            part=NetworkPart.TRANSPORT, infrastructure_ids=(asset,), owns=asset,
        )
    ]  # fmt: skip
    riders = [actor for actor in (*MOBILE, TOWN_NETWORKS) if actor != owner]
    for actor in some(rng, riders, 4 if main else 1, 5 if main else 3):
        faults += (_rider(rng, faults[0], actor, places, SERVICES[actor]) for places in _shares(rng, served))
    if owner != INCUMBENT and happens(rng, 0.5 if main else 0.2):
        faults.append(_rider(rng, faults[0], INCUMBENT, served, FIXED_SERVICES))
    return Event(tuple(faults), named_at=begin + around(rng, 1))


def _rider(rng: Random, cable: Fault, actor: str, places: tuple[str, ...], services: tuple[Service, ...]) -> Fault:
    """One who rides on a cable that broke, and felt it."""
    return Fault(
        actor,
        cable.began + rng.expovariate(1) * AT_ONCE,
        cable.ended + rng.expovariate(1) * AT_ONCE,
        places,
        services,
        cable.origin._replace(outside=True),
        impact=Impact.OUTAGE if happens(rng, 0.6) else Impact.DEGRADED,
        victim=True,
        infrastructure_ids=cable.infrastructure_ids,
        source=0,
        dependency=DependencyKind.TRANSPORT_FIBRE,
    )


def _vendor_failure(rng: Random, begin: datetime, town: str, main: bool) -> Event:
    key = f"vendor:{token(rng, 7)}"
    detail = weighted(
        rng,
        ((CauseDetail.SOFTWARE_BUG, 0.5), (CauseDetail.CERT_EXPIRY, 0.25), (CauseDetail.SUPPLIER, 0.25)),
    )
    by_clock = detail is CauseDetail.CERT_EXPIRY
    free = [county.code for county in counties() if county.code != county_of(town)]
    rng.shuffle(free)
    faults: list[Fault] = []
    for position, actor in enumerate(some(rng, (*MOBILE, TOWN_NETWORKS), 4 if main else 2, 5 if main else 2)):
        if happens(rng, 0.15):
            places: tuple[str, ...] = (COUNTRY,)
        else:
            home = (county_of(town),) if position == 0 else ()
            places = (*home, *(free.pop() for _ in range(rng.randint(1, 3) - len(home))))
        began = begin + (rng.expovariate(1) * AT_ONCE if by_clock else around(rng, 0.7))
        faults.append(
            Fault(
                actor, began, began + around(rng, 8, 0.5), places, SERVICES[actor],
                Origin(SYSTEM, detail, outside=True),
                impact=Impact.OUTAGE if happens(rng, 0.5) else Impact.DEGRADED,
                part=NetworkPart.CORE, victim=happens(rng, 0.5), event_refs=(key,),
            )
        )  # fmt: skip
        if actor == HOST and happens(rng, 0.8):
            faults.append(_hosted(rng, faults[-1], len(faults) - 1))
    return Event(tuple(faults), named_at=begin + between(rng, 0.5, 3), unquoted=0.3)


def _hosted(rng: Random, host: Fault, source: int) -> Fault:
    """The operator without a network of its own falls with its host."""
    return Fault(
        HOSTED,
        host.began + rng.expovariate(1) * AT_ONCE,
        host.ended + rng.expovariate(1) * AT_ONCE,
        host.places,
        SERVICES[HOSTED],
        host.origin._replace(outside=True),
        impact=host.impact,
        part=NetworkPart.CORE,
        victim=True,
        event_refs=host.event_refs,
        source=source,
        dependency=DependencyKind.ROAMING_HOST,
    )


def _power_cut(rng: Random, begin: datetime, town: str, main: bool) -> Event:
    key = f"power:{token(rng)}"
    origin = Origin(SYSTEM, CauseDetail.POWER_CUT, outside=True)
    near = tuple(other for other in towns_of(county_of(town)) if other != town)
    towns = (town, *some(rng, near, 1 if main else 0, 4 if main else 0))
    back = begin + around(rng, 6, 0.5)
    faults: list[Fault] = []
    grid: int | None = None
    if county_of(town) in GRID_COUNTIES:
        grid = 0
        faults.append(Fault(GRID, begin, back, towns, (Service.OTHER,), origin._replace(outside=False),
                            part=NetworkPart.UNKNOWN, event_refs=(key,), owns=key))  # fmt: skip
    for actor in some(rng, (*MOBILE, TOWN_NETWORKS), 4 if main else 2, 5 if main else 3):
        for places in _shares(rng, towns):
            on_battery = happens(rng, 0.6)
            began = begin + (between(rng, 0.5, 4) if on_battery else rng.expovariate(1) * AT_ONCE)
            faults.append(
                Fault(
                    actor,
                    began,
                    max(back, began) + around(rng, 0.6),
                    places,
                    SERVICES[actor],
                    origin,
                    impact=Impact.OUTAGE if happens(rng, 0.7) else Impact.DEGRADED,
                    event_refs=(key,),
                    source=grid,
                    dependency=DependencyKind.POWER,
                )
            )
    return Event(tuple(faults), named_at=begin + around(rng, 0.7))


def _overload(rng: Random, begin: datetime, town: str, main: bool) -> Event:
    first = rng.choice(MOBILE)
    origin = weighted(rng, [each for each in ORIGINS if each[0].category in (SYSTEM, PEOPLE) and not each[0].outside])
    near = tuple(other for other in towns_of(county_of(town)) if other != town)
    wide = main and happens(rng, 0.4)
    places = (county_of(town),) if wide else (town, *some(rng, near, 2 if main else 0, 6 if main else 2))
    ended = begin + around(rng, 8, 0.5)
    key = f"event:{token(rng)}"
    faults = [Fault(first, begin, ended, places, MOBILE_SERVICES, origin, part=NetworkPart.CORE, event_refs=(key,))]
    if first == HOST and happens(rng, 0.8):
        faults.append(_hosted(rng, faults[0], 0))
    for actor in some(rng, [each for each in MOBILE if each != first], 3 if main else 1, 3 if main else 2):
        faults += (
            Fault(
                actor,
                begin + around(rng, 0.6),
                ended + around(rng, 0.5),
                felt,
                MOBILE_SERVICES,
                Origin(SYSTEM, CauseDetail.OVERLOAD),
                impact=Impact.DEGRADED,
                aspect=QualityAspect.CAPACITY,
                event_refs=(key,),
                source=0,
            )
            for felt in _shares(rng, places)
        )
    return Event(tuple(faults), named_at=begin + around(rng, 1), unquoted=0.8)


def _failed_work(rng: Random, begin: datetime, town: str, main: bool) -> Event:
    owner = weighted(rng, ((cable_owner(county_of(town)), 0.6), (HOST, 0.2), (TOWN_NETWORKS, 0.2)))
    asset = f"node:{token(rng, 7)}"
    detail = weighted(
        rng, ((CauseDetail.FAULTY_CHANGE, 0.6), (CauseDetail.CONFIG_ERROR, 0.3), (CauseDetail.PROCEDURE_FLAW, 0.1))
    )
    near = tuple(other for other in towns_of(county_of(town)) if other != town)
    places = (town, *some(rng, near, 2 if main else 0, 6 if main else 1))
    transport = owner in (cable_owner(county_of(town)), TOWN_NETWORKS)
    services = (Service.TRANSPORT,) if transport else MOBILE_SERVICES
    part = NetworkPart.TRANSPORT if transport else NetworkPart.CORE
    cause = Fault(
        owner, begin, begin + around(rng, 5, 0.5), places, services, Origin(PEOPLE, detail), part=part,
        infrastructure_ids=(asset,), owns=asset,
    )  # fmt: skip
    faults = [cause]
    for actor in some(rng, [each for each in MOBILE if each != owner], 3 if main else 1, 4 if main else 2):
        faults += (_rider(rng, cause, actor, felt, SERVICES[actor]) for felt in _shares(rng, places))
    if owner == HOST:
        faults.append(_hosted(rng, cause, 0))
    starts = begin - between(rng, 0.1, 2)
    work = PlannedWork(owner, starts, starts + between(rng, 3, 6), places, services, (asset,))
    return Event(tuple(faults), named_at=begin + around(rng, 1), work=work)


CRISES: Mapping[CrisisKind, Draw] = MappingProxyType(
    {
        CrisisKind.STORM: _storm,
        CrisisKind.CABLE_CUT: _cable_cut,
        CrisisKind.VENDOR_FAILURE: _vendor_failure,
        CrisisKind.POWER_CUT: _power_cut,
        CrisisKind.OVERLOAD: _overload,
        CrisisKind.FAILED_WORK: _failed_work,
    }
)

LONE_ACTORS = (*MOBILE, *MOBILE, "kustfiber", TOWN_NETWORKS, TOWN_NETWORKS)


def lone_fault(rng: Random, begin: datetime, place: str, mistakable: tuple[str, ...] = ()) -> Event:
    """A fault that has nothing to do with any other, in the municipality or somewhere in the county that is named.

    `mistakable` are keys of an event that it coincides with.
    """
    town = any_town(rng) if place == COUNTRY else rng.choice(towns_of(place)) if len(place) == 2 else place
    actor = rng.choice(LONE_ACTORS)
    origin = weighted(rng, ORIGINS)
    asset = f"{weighted(rng, (('fibre', 0.5), ('node', 0.5)))}:{token(rng, 7)}"
    fault = Fault(
        actor,
        begin,
        begin + around(rng, 5, 0.7),
        (town,),
        SERVICES[actor],
        origin,
        impact=Impact.OUTAGE if happens(rng, 0.5) else Impact.DEGRADED,
        part=NetworkPart.TRANSPORT if actor == "kustfiber" else NetworkPart.ACCESS,
        victim=origin.outside,
        infrastructure_ids=(asset,),
        owns=asset if happens(rng, 0.3) else None,
        dependency=DependencyKind.TRANSPORT_FIBRE if origin.outside else None,
    )
    return Event((fault,), named_at=begin, mistakable=mistakable)


def any_town(rng: Random) -> str:
    return rng.choice(municipalities()).code
