"""How bad a situation is: 1 none, 2 minor, 3 significant, 4 considerable, 5 catastrophic.

Each rule looks at the open incidents, by the marks that they bear (`symptoms`), and may give reasons; the computed
severity is the greatest level of all, never a weighted sum. Thresholds are in the rules file. Numbers that are missing
make the level a lower bound. What staff decide stands beside it, and counts while it holds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from itertools import combinations
from typing import NamedTuple

from bus import geography
from bus.vocabulary import IMPACT_ORDER, AreaKind, CountScope, CriticalService, Impact, Service
from consumers.merge.courses import Loss
from consumers.merge.effects import RANK
from consumers.merge.hours import MILLIS_PER_HOUR
from consumers.merge.parties import Party
from consumers.merge.rules import Rules
from consumers.merge.symptoms import (
    CLAIMED,
    CONFIRMED,
    CRITICAL,
    FELT,
    WIDE,
    Cases,
    Symptom,
    bearing,
    borne,
    calls,
    calls_somewhere,
    cases,
    felt,
    has,
    held,
    lost,
    mobile,
    mobile_nearly_all,
    of_mobile,
    of_opened,
    of_voices,
    refs_bearing,
    rose,
)
from consumers.merge.told import Told
from consumers.merge.traces import Gist
from consumers.merge.users import count_users
from consumers.merge.view import Reason, ServiceUsers, Severity, SeverityOverride

_MAY_BE_FELT = FELT | {Impact.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rules look at: the incidents of one situation, and what they amount to."""

    parties: Collection[Party]
    users: Mapping[str, ServiceUsers]
    hours: Mapping[Loss, int]
    """User-milliseconds, forecast included, of what may have cost enough to matter."""
    white_outs: Collection[str] = ()
    """Areas where no mobile network operator works properly."""
    all_down: Collection[str] = ()
    """Areas where every one has an outage."""


def assess(evidence: Evidence, declared: int | None, override: SeverityOverride | None, rules: Rules) -> Severity:
    """The severity with every reason for it, highest level first."""
    reasons = sorted(
        (reason for rule in RULES for reason in rule(evidence, rules)), key=lambda r: (-r.level, r.code, r.text)
    )
    computed = reasons[0].level if reasons else 1
    return Severity(
        level=override.level if override else computed,
        computed=computed,
        override=override,
        lower_bound=any(
            found.unknown_reports or found.best is None
            for users in evidence.users.values()
            for impact, found in users.by_impact.items()
            if impact in _MAY_BE_FELT
        ),
        declared=declared,
        reasons=tuple(reasons),
    )


def urgency(severity: Severity, rules: Rules) -> int:
    """How bad it is now, 1 to 5, and so how often news is expected: without what staff decided, for that promises
    nothing, and without what the event has cost so far, for that never falls.
    """
    return max((r.level for r in severity.reasons if r.code not in rules.accumulated), default=1)


def _users(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    parties = _as_counted_before(evidence.parties, rules)
    all_users = evidence.users if parties is evidence.parties else count_users(parties)
    parts = [
        (found.high, service, impact)
        for service, users in all_users.items()
        for impact, found in users.by_impact.items()
        if impact in FELT and found.high is not None and found.best is not None
    ]
    if not parts:
        return
    high, service, impact = max(parts)
    if level := _reached(rules.severity.users, high):
        found = bearing(evidence.parties, of_opened, has(Service(service), Impact(impact)))
        yield _reason("USERS", level, found, high=high, service=service, impact=impact)


def _connections(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    """Lines are no people, but people are behind them: judged by the same thresholds, and never added to users."""
    parts = [
        (found.other_units[CountScope.CONNECTIONS], service, impact)
        for service, users in evidence.users.items()
        for impact, found in users.by_impact.items()
        if impact in FELT and CountScope.CONNECTIONS in found.other_units
    ]
    if parts:
        number, service, impact = max(parts)
        if level := _reached(rules.severity.users, number):
            found = bearing(evidence.parties, of_opened, has(Service(service), Impact(impact)))
            yield _reason("CONNECTIONS", level, found, high=number, service=service, impact=impact)


def _user_hours(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    """Tells the threshold and not the number, which grows by the minute."""
    levels = rules.severity.user_hours
    reached = [
        (level, RANK[impact], service)
        for (service, impact), high in evidence.hours.items()
        if impact in FELT and (level := _reached(levels, high // MILLIS_PER_HOUR))
    ]
    if reached:
        level, rank, service = max(reached)
        impact = IMPACT_ORDER[rank]
        found = bearing(evidence.parties, of_opened, lost(service, impact))
        yield _reason("USER_HOURS", level, found, hours=levels[level], service=service, impact=impact)


def _share(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    highest = max(
        (found.high or 0 for users in evidence.users.values() for found in users.by_impact.values()), default=0
    )
    touched = set().union(*(party.once(_areas_touched) for party in evidence.parties))
    found = []
    for code in touched & rules.population.keys():
        inhabitants, rule = rules.population[code], rules.severity.share[_kind(code)]
        if highest >= rule.share * inhabitants:
            counted = _as_counted_before(_within(code, evidence.parties), rules)
            found += [
                (rule.level, min(1.0, part.high / inhabitants), code, service, impact)
                for service, users in count_users(counted).items()
                for impact, part in users.by_impact.items()
                if impact in FELT and part.best is not None and part.high is not None
                if part.high >= rule.share * inhabitants
            ]
    if found:
        level, share, area, service, impact = max(found)
        those = bearing(_within(area, evidence.parties), of_opened, has(Service(service), Impact(impact)))
        percent = int(share * 100)
        yield _reason("SHARE", level, those, percent=percent, area=area, service=service, impact=impact)


def _reporting_effect(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    """Gives no level; says what may be behind a rise."""
    found = refs_bearing(evidence.parties, of_opened, map(rose, rules.severity.reporting_bases))
    if found:
        yield _reason("REPORTING_EFFECT", 1, cases(found))


def _as_counted_before(parties: Collection[Party], rules: Rules) -> Collection[Party]:
    """With the earlier numbers of those that were only counted in another way since; the same, where there is none."""
    later = refs_bearing(parties, of_opened, map(held, rules.severity.reporting_bases))
    if not later:
        return parties
    return [
        Party([_counted_before(m, m.recount.before) if m.recount and m.ref in later else m for m in party.opened])
        for party in parties
    ]


def _counted_before(told: Told, before: Gist) -> Told:
    earlier = {effect.service: effect.numbers for effect in before.effects if effect.numbers is not None}
    return replace(told, numbers={service: earlier.get(service, now) for service, now in told.numbers.items()})


def _within(area: str, parties: Iterable[Party]) -> list[Party]:
    """What they tell of open members that lie wholly in the area."""
    return [within for party in parties if (within := party.once(_by_area).get(area))]


def _by_area(party: Party) -> Mapping[str, Party]:
    """The open members that lie wholly in an area, by area."""
    found: defaultdict[str, list[Told]] = defaultdict(list)
    for told in party.opened:
        if told.codes:
            for area in set[str].intersection(*map(_around, told.codes)):
                found[area].append(told)
    return {area: Party(members) for area, members in found.items()}


def _areas_touched(party: Party) -> set[str]:
    return {outer for told in party.opened for code in told.codes for outer in _around(code)}


def _around(code: str) -> set[str]:
    """The areas that contain an area, itself included."""
    return {code, code[:2], geography.COUNTRY}


def _kind(code: str) -> AreaKind:
    return geography.kind_of(code) or AreaKind.UNKNOWN


def _impact(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    for impact, level in rules.severity.impact.items():
        found = bearing(evidence.parties, of_voices, felt(impact))
        if found.number:
            yield _reason("IMPACT", level, found, impact=impact)


def _emergency(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    for impact in rules.severity.emergency:
        found = bearing(evidence.parties, of_voices, calls(impact))
        if found.number:
            somewhere = bearing(evidence.parties, of_voices, calls_somewhere(impact)).number
            levels = rules.severity.emergency if somewhere else rules.severity.emergency_elsewhere
            yield _reason("EMERGENCY", levels[impact], found, impact=impact)


class _Sites(NamedTuple):
    """What a party's open members tell of sites out of service."""

    out: int
    refs: list[str]
    """Those that tell of any."""
    dark: Mapping[str, list[str]]
    """By municipality, those that say that every site there is out."""
    worst: Mapping[str, Mapping[str, Told]]
    """By county and operator, the one that tells of most."""


def _sites_of(party: Party) -> _Sites:
    members = [m for m in party.opened if m.incident.sites and m.incident.sites.out]
    dark: defaultdict[str, list[str]] = defaultdict(list)
    worst: defaultdict[str, dict[str, Told]] = defaultdict(dict)
    for told in sorted(members, key=_out):
        if _served(told) and len(told.codes) == 1:
            (area,) = told.codes
            if _kind(area) is AreaKind.LAN:
                worst[area][told.owner] = told
            elif _kind(area) is AreaKind.KOMMUN and _out(told) >= _served(told):
                dark[area].append(told.ref)
    return _Sites(sum(map(_out, members)), [m.ref for m in members], dark, worst)


def _sites(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    told = [party.once(_sites_of) for party in evidence.parties]
    out = sum(sites.out for sites in told)
    if level := _reached(rules.severity.sites, out):
        yield _reason("SITES", level, cases(ref for sites in told for ref in sites.refs), out=out)
    for area in sorted({area for sites in told for area in sites.dark}):
        without = cases(ref for sites in told for ref in sites.dark.get(area, ()))
        yield _reason("SITES_ALL", rules.severity.municipality_without_sites, without, area=area)
    for area in sorted({area for sites in told for area in sites.worst}):
        worst = [m for sites in told for m in sites.worst.get(area, {}).values()]
        share = sum(map(_out, worst)) / sum(map(_served, worst))
        if share >= rules.severity.county_sites.share:
            percent, those = min(100, int(share * 100)), cases(m.ref for m in worst)
            yield _reason("SITES_SHARE", rules.severity.county_sites.level, those, percent=percent, area=area)


def _out(told: Told) -> int:
    return told.incident.sites.out or 0 if told.incident.sites else 0


def _served(told: Told) -> int:
    return told.incident.sites.served or 0 if told.incident.sites else 0


def _redundancy(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    for service in sorted(rules.severity.redundancy_services):
        found = bearing(evidence.parties, of_voices, _reduced(service))
        if found.number:
            yield _reason("REDUNDANCY", rules.severity.redundancy, found, service=service)
    without = refs_bearing(evidence.parties, of_opened, map(_reduced, rules.severity.redundancy_services))
    members = [m for party in evidence.parties for m in party.opened if m.ref in without] if without else []
    if again := _lost_again(members, rules.severity.redundancy_again_within):
        hours = rules.severity.redundancy_again_within // timedelta(hours=1)
        those = cases(m.ref for m in again)
        yield _reason("REDUNDANCY_AGAIN", rules.severity.redundancy_again, those, hours=hours)


def _reduced(service: Service) -> Symptom:
    return has(service, Impact.REDUCED_REDUNDANCY)


def _lost_again(members: Sequence[Told], within: timedelta) -> list[Told]:
    """The first two that began so near each other and name no asset in common."""
    millis = within // timedelta(milliseconds=1)
    for a, b in combinations(sorted(members, key=lambda m: (_began(m), m.ref)), 2):
        if _began(b) - _began(a) <= millis and a.assets.isdisjoint(b.assets):
            return [a, b]
    return []


def _began(told: Told) -> int:
    """Milliseconds since the epoch."""
    return told.course.opened[0][0]


def _critical_services(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    found = bearing(evidence.parties, of_voices, CRITICAL)
    touched = {service for party in evidence.parties for service in party.once(_critical_services_of)}
    level = max(
        _reached(rules.severity.critical_services, len(touched)),
        *(level for services, level in rules.severity.critical_together if services <= touched),
        0,
    )
    if level:
        yield _reason("CRITICAL_SERVICE", level, found, services=" ".join(sorted(touched)))


def _critical_services_of(party: Party) -> set[CriticalService]:
    return {service for told in party.voices for service in told.incident.critical_services}


def _malicious(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    claimed, confirmed, wide = (bearing(evidence.parties, of_voices, mark) for mark in (CLAIMED, CONFIRMED, WIDE))
    if wide.number:
        yield _reason("MALICIOUS_OUTAGE", rules.severity.malicious_county_outage, wide)
    if confirmed.number:
        yield _reason("MALICIOUS", rules.severity.malicious_confirmed, confirmed, certainty="confirmed")
    elif claimed.number:
        yield _reason("MALICIOUS", rules.severity.malicious_suspected, claimed, certainty="suspected")


def _white_out(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    out = [(code, Impact.DEGRADED, rules.severity.white_out_municipality) for code in evidence.white_outs]
    down = [(code, Impact.OUTAGE, rules.severity.white_out_county_down) for code in evidence.all_down]
    lacking: defaultdict[int, list[tuple[str, Collection[Symptom]]]] = defaultdict(list)
    told = borne(evidence.parties, of_mobile) if out or down else set()
    for code, least, level in (*(o for o in out if len(o[0]) == 4), *(d for d in down if len(d[0]) == 2)):
        if code != geography.COUNTRY and (by := told & _lacking_mobile(code, least)):
            lacking[level].append((code, by))
    for level, found in sorted(lacking.items()):
        those = cases(refs_bearing(evidence.parties, of_mobile, {mark for _, by in found for mark in by}))
        area = min(code for code, _ in found)
        code = "ALL_DOWN" if level == rules.severity.white_out_county_down else "WHITE_OUT"
        yield _reason(code, level, those, area=area, areas=len(found))


@cache
def _lacking_mobile(code: str, least: Impact) -> frozenset[Symptom]:
    """The marks by which a report is one of those that make mobile service so bad in this area."""
    impacts = [impact for impact in IMPACT_ORDER if RANK[impact] >= RANK[least]]
    wider = _around(code) - {code}
    return frozenset(
        {
            *(mobile(code, impact) for impact in impacts),
            *(mobile_nearly_all(outer, impact) for outer in wider for impact in impacts),
        }
    )


RULES: tuple[Callable[[Evidence, Rules], Iterator[Reason]], ...] = (
    _users,
    _connections,
    _reporting_effect,
    _user_hours,
    _share,
    _impact,
    _emergency,
    _sites,
    _redundancy,
    _critical_services,
    _malicious,
    _white_out,
)
"""Every rule, each a plain function from what is known to its reasons."""


def _reached(levels: Mapping[int, int], number: int) -> int:
    return max((level for level, threshold in levels.items() if number >= threshold), default=0)


TEXTS = {
    "CONNECTIONS": "{high} connections of {service} with {impact}; of how many people, nobody tells",
    "USERS": "up to {high} users of {service} with {impact}",
    "REPORTING_EFFECT": "reporting effect possible: the number of customers who report has risen, incidents: {count}",
    "USER_HOURS": "at least {hours} user-hours of {service} with {impact}, as forecast, by the upper end",
    "SHARE": "up to {percent} % of the inhabitants of {area}: {service} with {impact}",
    "IMPACT": "{impact} reported, incidents: {count}",
    "EMERGENCY": "112: {impact} reported, incidents: {count}",
    "SITES": "{out} sites out of service",
    "SITES_ALL": "every site of an operator out of service in {area}",
    "SITES_SHARE": "{percent} % of the sites out of service in {area}",
    "REDUNDANCY_AGAIN": "two faults within {hours} hours on links whose redundancy is a national matter",
    "REDUNDANCY": "{service} without redundancy: one more fault would be felt",
    "CRITICAL_SERVICE": "touches {services}",
    "MALICIOUS_OUTAGE": "confirmed malice with an outage of a whole county or more, incidents: {count}",
    "WHITE_OUT": "no mobile network works properly in {area}; municipalities: {areas}",
    "ALL_DOWN": "all mobile networks down in the whole of {area}; counties: {areas}",
    "MALICIOUS": "malice {certainty}, incidents: {count}",
}
"""What each reason says in English, given its facts; staff read it in their language, from the same facts."""


def rule_of(code: str) -> str:
    """The table of the rules file behind a reason."""
    return f"severity.{_TABLES.get(code, code.lower())}"


_TABLES = {
    "CONNECTIONS": "users",
    "CRITICAL_SERVICE": "critical_services",
    "SITES_ALL": "sites",
    "SITES_SHARE": "sites",
    "REDUNDANCY_AGAIN": "redundancy",
    "MALICIOUS_OUTAGE": "malicious",
    "ALL_DOWN": "white_out",
    "REPORTING_EFFECT": "users",
}
"""Where the table is not called as the reason is."""


def _reason(code: str, level: int, found: Cases, **facts: object) -> Reason:
    told = {name: str(fact) for name, fact in sorted({**facts, "count": found.number}.items())}
    named = told | {"area": geography.name_of(told["area"])} if "area" in told else told
    return Reason(code=code, level=level, text=TEXTS[code].format(**named), facts=told, refs=found.refs)
