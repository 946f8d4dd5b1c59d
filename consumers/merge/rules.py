"""The thresholds and constants of the merge, read from a data file so that none of them hides in code."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple, TypeVar

from bus import geography
from bus.vocabulary import (
    TLP_ORDER,
    AreaKind,
    Audience,
    CauseDetail,
    CountBasis,
    CriticalService,
    EmergencyImpact,
    Impact,
    Role,
    Service,
    Tlp,
)
from consumers.merge.conflicts.limits import Limits, read_limits
from consumers.merge.vicinity import Nearness

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Inference:
    """When incidents that share no key are taken to belong together."""

    starts_within: Mapping[CauseDetail, timedelta]
    """Between the two starts, for every detail."""
    unknown_within: Mapping[CauseDetail, timedelta]
    """The same, where one of the two causes is unknown."""
    elsewhere_within: timedelta
    """The same, at most, where no municipality is in common."""
    ends_within: Mapping[CauseDetail, timedelta]
    """Between the two ends, for details that end for all at once."""
    nearness: Mapping[CauseDetail, Nearness]
    """How near the places must be at least, for every detail."""
    after_end: timedelta
    after_end_of_weather: timedelta
    after_end_of_power: timedelta
    untold_start: timedelta
    rounded_to: tuple[timedelta, ...]
    """What operators round a start to, the coarsest first."""
    noticed_within: timedelta
    told_twice_within: timedelta
    disputed_weather_within: timedelta
    restored_together: timedelta
    restored_together_starts: timedelta
    overload_after: timedelta
    weather: frozenset[CauseDetail]
    kin: tuple[frozenset[CauseDetail], ...]
    kin_within: timedelta
    line: frozenset[CauseDetail]
    machines: frozenset[CauseDetail]
    vendor: frozenset[CauseDetail]
    vendor_within: timedelta
    again: frozenset[CauseDetail]

    @property
    def reach(self) -> timedelta:
        """No two incidents whose starts are further apart, as far as they are known, are linked."""
        return max(*self.starts_within.values(), self.restored_together_starts, self.overload_after) + self.untold_start


@dataclass(frozen=True, slots=True)
class Margins:
    """When two incidents nearly look like one event, and how many such questions are put to staff."""

    most: int
    """Suggestions of a situation."""
    window: int
    """So many before and after it are compared with a report, in each of its counties."""
    starts_factor: float
    both_unknown_within: timedelta


class Share(NamedTuple):
    """From which share (0 to 1) on a level holds."""

    share: float
    level: int


@dataclass(frozen=True, slots=True)
class SeverityRules:
    """When a situation is how bad. The rules file says what each is."""

    users: dict[int, int]
    reporting_bases: frozenset[CountBasis]
    user_hours: dict[int, int]
    share: dict[AreaKind, Share]
    impact: dict[Impact, int]
    emergency: dict[EmergencyImpact, int]
    emergency_elsewhere: dict[EmergencyImpact, int]
    sites: dict[int, int]
    municipality_without_sites: int
    county_sites: Share
    redundancy_services: frozenset[Service]
    redundancy: int
    redundancy_again_within: timedelta
    redundancy_again: int
    critical_services: dict[int, int]
    critical_together: tuple[tuple[frozenset[CriticalService], int], ...]
    malicious_suspected: int
    malicious_confirmed: int
    malicious_county_outage: int
    white_out_municipality: int
    white_out_county_down: int


@dataclass(frozen=True, slots=True)
class Rules:
    """One version of the rules. Levels are severities 1 to 5; tables map a level to the count from which it holds."""

    name: str
    """`<version>:<hash of the rule data>`."""
    table: Mapping[str, str]
    """The whole rules file, flat: dotted names, and values as JSON."""
    shared_key_slack: timedelta
    archive_horizon: timedelta
    inference: Inference
    suggestions: Margins
    cadence: dict[int, timedelta]
    accumulated: frozenset[str]
    promise_capped_from: int
    promise_cap_factor: int
    ceilings: dict[Audience, frozenset[Tlp]]
    """The marks that may reach an audience; FULL sees all."""
    buckets: tuple[int, ...]
    heartbeat: timedelta
    quiet_actor: timedelta
    future: timedelta
    count_jump_factor: float
    severity: SeverityRules
    population: dict[str, int]
    """Inhabitants by area code, of the areas for which they are known; the country's are those of the counties."""
    network_roles: frozenset[Role]
    """Whose subscribers are no wholesale customers of a host."""
    upcoming_work: timedelta
    expiring_measure: timedelta
    conflicts: Limits

    def thresholds(self, name: str) -> dict[str, str]:
        """What a table of the rules file says, by the names below it."""
        prefix = f"{name}."
        return {key.removeprefix(prefix): value for key, value in self.table.items() if key.startswith(prefix)}


def read_rules(text: str) -> Rules:
    """Rules from the text of a rules file. Raises KeyError or ValueError where it is not one."""
    data = tomllib.loads(text)
    projections = data["projections"]
    links, freshness, flags, severity = data["links"], data["freshness"], data["flags"], data["severity"]
    upcoming = timedelta(hours=data["works"]["upcoming_hours"])
    return Rules(
        name=f"{data['version']}:{hashlib.sha256(text.encode()).hexdigest()[:16]}",
        table=dict(_flat(data)),
        shared_key_slack=timedelta(hours=links["shared_key_slack_hours"]),
        archive_horizon=timedelta(days=data["archive"]["horizon_days"]),
        inference=_inference(data["inference"]),
        suggestions=_margins(data["suggestions"]),
        cadence={int(k): timedelta(minutes=v) for k, v in freshness["cadence_minutes"].items()},
        accumulated=frozenset(freshness["accumulated"]),
        promise_capped_from=freshness["promise_capped_from_severity"],
        promise_cap_factor=freshness["promise_cap_factor"],
        ceilings={Audience(name): _up_to(Tlp(tlp)) for name, tlp in projections["ceilings"].items()},
        buckets=tuple(sorted(projections["buckets"])),
        heartbeat=timedelta(minutes=freshness["heartbeat_minutes"]),
        quiet_actor=timedelta(minutes=freshness["quiet_actor_minutes"]),
        future=timedelta(minutes=flags["future_minutes"]),
        count_jump_factor=flags["count_jump_factor"],
        severity=_severity(severity),
        population=_population(data["population"]["thousands"]),
        network_roles=frozenset(map(Role, data["users"]["network_roles"])),
        upcoming_work=upcoming,
        expiring_measure=timedelta(minutes=data["measures"]["expiring_minutes"]),
        conflicts=read_limits(data["conflicts"], upcoming),
    )


@cache
def default_rules() -> Rules:
    """The rules that this version of the package ships."""
    return read_rules(files("consumers.merge").joinpath("rules.toml").read_text("utf-8"))


def _inference(data: dict[str, Any]) -> Inference:
    starts_within = _by_detail(data["starts_within_minutes"], _minutes)
    unknown_within = _by_detail(data["unknown_within_minutes"], _minutes)
    nearness = _by_detail(data["nearness"], Nearness.__getitem__)
    return Inference(
        starts_within=starts_within,
        unknown_within={detail: min(unknown_within[detail], starts_within[detail]) for detail in CauseDetail},
        elsewhere_within=_minutes(data["elsewhere_within_minutes"]),
        ends_within={CauseDetail(name): _minutes(value) for name, value in data["ends_within_minutes"].items()},
        nearness=nearness,
        after_end=_minutes(data["after_end_minutes"]),
        after_end_of_weather=_minutes(data["after_end_of_weather_minutes"]),
        after_end_of_power=_minutes(data["after_end_of_power_minutes"]),
        untold_start=_minutes(data["untold_start_minutes"]),
        rounded_to=tuple(map(_minutes, data["rounded_to_minutes"])),
        noticed_within=_minutes(data["noticed_within_minutes"]),
        told_twice_within=_minutes(data["told_twice_within_minutes"]),
        disputed_weather_within=_minutes(data["disputed_weather_within_minutes"]),
        restored_together=_minutes(data["restored_together_minutes"]),
        restored_together_starts=_minutes(data["restored_together_starts_minutes"]),
        overload_after=_minutes(data["overload_after_minutes"]),
        weather=frozenset(map(CauseDetail, data["weather"])),
        kin=tuple(frozenset(map(CauseDetail, details)) for details in data["kin"]),
        kin_within=_minutes(data["kin_within_minutes"]),
        line=frozenset(map(CauseDetail, data["line"])),
        machines=frozenset(detail for detail in CauseDetail if nearness[detail] is Nearness.MUNICIPALITY),
        vendor=frozenset(map(CauseDetail, data["vendor"])),
        vendor_within=_minutes(data["vendor_within_minutes"]),
        again=frozenset(map(CauseDetail, data["again"])),
    )


def _margins(data: dict[str, Any]) -> Margins:
    return Margins(
        most=data["most"],
        window=data["window"],
        starts_factor=data["starts_factor"],
        both_unknown_within=_minutes(data["both_unknown_within_minutes"]),
    )


def _severity(data: dict[str, Any]) -> SeverityRules:
    share, sites, redundancy, malicious = data["share"], data["sites"], data["redundancy"], data["malicious"]
    return SeverityRules(
        users=_by_level(data["users"]["levels"]),
        reporting_bases=frozenset(map(CountBasis, data["reporting_effect"]["bases"])),
        user_hours=_by_level(data["user_hours"]["levels"]),
        share={
            AreaKind.KOMMUN: Share(**share["municipality"]),
            AreaKind.LAN: Share(**share["county"]),
            AreaKind.COUNTRY: Share(**share["country"]),
        },
        impact={Impact(k): v for k, v in data["impact"]["levels"].items()},
        emergency={EmergencyImpact(k): v for k, v in data["emergency"]["levels"].items()},
        emergency_elsewhere={EmergencyImpact(k): v for k, v in data["emergency"]["levels_elsewhere"].items()},
        sites=_by_level(sites["levels"]),
        municipality_without_sites=sites["municipality_without"],
        county_sites=Share(**sites["county"]),
        redundancy_services=frozenset(map(Service, redundancy["services"])),
        redundancy=redundancy["level"],
        redundancy_again_within=timedelta(hours=redundancy["again_within_hours"]),
        redundancy_again=redundancy["again_level"],
        critical_services=_by_level(data["critical_services"]["levels"]),
        critical_together=tuple(
            (frozenset(map(CriticalService, rule["services"])), rule["level"])
            for rule in data["critical_services"]["together"]
        ),
        malicious_suspected=malicious["suspected"],
        malicious_confirmed=malicious["confirmed"],
        malicious_county_outage=malicious["confirmed_county_outage"],
        white_out_municipality=data["white_out"]["municipality"],
        white_out_county_down=data["white_out"]["county_down"],
    )


def _population(thousands: dict[str, int]) -> dict[str, int]:
    """Raises ValueError for a code that is no county or municipality."""
    for code in thousands:
        if geography.kind_of(code) not in (AreaKind.LAN, AreaKind.KOMMUN):
            raise ValueError(f"population.thousands: {code} is no county or municipality")
    known = {code: number * 1_000 for code, number in thousands.items()}
    if all(county.code in known for county in geography.counties()):
        known[geography.COUNTRY] = sum(known[county.code] for county in geography.counties())
    return known


def _up_to(highest: Tlp) -> frozenset[Tlp]:
    return frozenset(TLP_ORDER[: TLP_ORDER.index(highest) + 1])


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(inner, f"{path}.{name}" if path else name)
    else:
        yield path, json.dumps(value)


def _by_detail(table: dict[str, Any], read: Callable[[Any], T]) -> dict[CauseDetail, T]:
    """A value for every detail: its own, or the default."""
    named = {CauseDetail(name): read(value) for name, value in table.items() if name != "default"}
    return {detail: named.get(detail, read(table["default"])) for detail in CauseDetail}


def _minutes(value: float) -> timedelta:
    return timedelta(minutes=value)


def _by_level(table: dict[str, Any]) -> dict[int, int]:
    return {int(level): threshold for level, threshold in table.items()}
