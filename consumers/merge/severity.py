"""How bad a situation is: 1 none, 2 minor, 3 significant, 4 considerable, 5 catastrophic.

Each rule looks at the open members and may give reasons; the computed severity is the greatest level of all, never a
weighted sum. Thresholds are in the rules file. Numbers that are missing make the level a lower bound. What staff decide
stands beside it, and counts while it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import combinations

from bus import geography
from bus.vocabulary import IMPACT_ORDER, AreaKind, CauseCategory, Certainty, Impact, Service
from consumers.merge.courses import Loss
from consumers.merge.effects import RANK
from consumers.merge.hours import MILLIS_PER_HOUR
from consumers.merge.rules import Rules
from consumers.merge.told import Told
from consumers.merge.traces import Gist
from consumers.merge.users import count_users
from consumers.merge.view import Reason, ServiceUsers, Severity, SeverityOverride

_FELT = frozenset({Impact.DEGRADED, Impact.OUTAGE})
_MAY_BE_FELT = _FELT | {Impact.UNKNOWN}
_MOST_REFS = 10
"""A reason names at most so many references; its text tells how many there are."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rules look at: the open members of one situation, and what they amount to."""

    members: Sequence[Told]
    """The open members: what is counted, is counted of these."""
    voices: Sequence[Told]
    """The open members and duplicates."""
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
    members = _as_counted_before(evidence.members, rules)
    all_users = evidence.users if members is evidence.members else count_users(members)
    felt = [
        (found.high, service, impact)
        for service, users in all_users.items()
        for impact, found in users.by_impact.items()
        if impact in _FELT and found.high is not None and found.best is not None
    ]
    if not felt:
        return
    high, service, impact = max(felt)
    if level := _reached(rules.severity.users, high):
        members = [m for m in evidence.members if _has(m, Service(service), Impact(impact))]
        yield _reason("USERS", level, members, high=high, service=service, impact=impact)


def _user_hours(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    """Tells the threshold and not the number, which grows by the minute."""
    levels = rules.severity.user_hours
    reached = [
        (level, RANK[impact], service)
        for (service, impact), high in evidence.hours.items()
        if impact in _FELT and (level := _reached(levels, high // MILLIS_PER_HOUR))
    ]
    if reached:
        level, rank, service = max(reached)
        impact = IMPACT_ORDER[rank]
        members = [m for m in evidence.members if (service, impact) in m.course.losses]
        yield _reason("USER_HOURS", level, members, hours=levels[level], service=service, impact=impact)


def _share(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    counted = _as_counted_before(evidence.members, rules)
    highest = max(
        (found.high or 0 for users in evidence.users.values() for found in users.by_impact.values()), default=0
    )
    touched = {outer for m in evidence.members for code in m.codes for outer in (code, code[:2], geography.COUNTRY)}
    found = []
    for code in touched & rules.population.keys():
        inhabitants, rule = rules.population[code], rules.severity.share[_kind(code)]
        if highest >= rule.share * inhabitants:
            found += [
                (rule.level, min(1.0, part.high / inhabitants), code, service, impact)
                for service, users in count_users(_within(code, counted)).items()
                for impact, part in users.by_impact.items()
                if impact in _FELT and part.best is not None and part.high is not None
                if part.high >= rule.share * inhabitants
            ]
    if found:
        level, share, area, service, impact = max(found)
        members = [m for m in _within(area, evidence.members) if _has(m, Service(service), Impact(impact))]
        percent = int(share * 100)
        yield _reason("SHARE", level, members, percent=percent, area=area, service=service, impact=impact)


def _reporting_effect(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    """Gives no level; says what may be behind a rise."""
    members = [m for m in evidence.members if _is_by_reporting(m, rules) and (_is_held(m, rules) or (m.step or 0) > 0)]
    if members:
        yield _reason("REPORTING_EFFECT", 1, members)


def _is_by_reporting(told: Told, rules: Rules) -> bool:
    return told.incident.users is not None and told.incident.users.basis in rules.severity.reporting_bases


def _is_held(told: Told, rules: Rules) -> bool:
    """Whether its number is higher than the last on another basis, and has not grown since the basis changed."""
    if told.recount is None or told.incident.users is None or not _is_by_reporting(told, rules):
        return False
    before, first, now = told.recount.before.users or 0, told.recount.first.users or 0, told.incident.users.value or 0
    return before < now <= first


def _as_counted_before(members: Sequence[Told], rules: Rules) -> Sequence[Told]:
    """With the earlier numbers of those that were only counted in another way since; the same, where there is none."""
    if not any(_is_held(m, rules) for m in members):
        return members
    return [_counted_before(m, m.recount.before) if m.recount and _is_held(m, rules) else m for m in members]


def _counted_before(told: Told, before: Gist) -> Told:
    earlier = {effect.service: effect.numbers for effect in before.effects if effect.numbers is not None}
    return replace(told, numbers={service: earlier.get(service, now) for service, now in told.numbers.items()})


def _within(area: str, members: Iterable[Told]) -> list[Told]:
    """Those that lie wholly in the area."""
    return [m for m in members if m.codes and all(geography.contains(area, code) for code in m.codes)]


def _kind(code: str) -> AreaKind:
    return geography.kind_of(code) or AreaKind.UNKNOWN


def _impact(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    for impact, level in rules.severity.impact.items():
        members = [m for m in evidence.voices if _is_felt(m, impact)]
        if members:
            yield _reason("IMPACT", level, members, impact=impact)


def _emergency(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    for impact in rules.severity.emergency:
        members = [m for m in evidence.voices if m.incident.emergency and m.incident.emergency.impact is impact]
        if members:
            somewhere = any(m.codes for m in members)
            levels = rules.severity.emergency if somewhere else rules.severity.emergency_elsewhere
            yield _reason("EMERGENCY", levels[impact], members, impact=impact)


def _sites(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    members = [m for m in evidence.members if m.incident.sites and m.incident.sites.out]
    out = sum(_out(m) for m in members)
    if level := _reached(rules.severity.sites, out):
        yield _reason("SITES", level, members, out=out)
    served = [m for m in members if m.incident.sites and m.incident.sites.served and len(m.codes) == 1]
    dark = [m for m in served if _kind(m.codes[0]) is AreaKind.KOMMUN and _out(m) >= _served(m)]
    for area in sorted({m.codes[0] for m in dark}):
        without = [m for m in dark if m.codes[0] == area]
        yield _reason("SITES_ALL", rules.severity.municipality_without_sites, without, area=area)
    for area in sorted({m.codes[0] for m in served if _kind(m.codes[0]) is AreaKind.LAN}):
        worst = {m.owner: m for m in sorted((m for m in served if m.codes[0] == area), key=_out)}.values()
        share = sum(map(_out, worst)) / sum(map(_served, worst))
        if share >= rules.severity.county_sites.share:
            percent = min(100, int(share * 100))
            yield _reason("SITES_SHARE", rules.severity.county_sites.level, [*worst], percent=percent, area=area)


def _out(told: Told) -> int:
    return told.incident.sites.out or 0 if told.incident.sites else 0


def _served(told: Told) -> int:
    return told.incident.sites.served or 0 if told.incident.sites else 0


def _redundancy(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    lost: dict[str, Told] = {}
    for service in sorted(rules.severity.redundancy_services):
        members = [m for m in evidence.voices if _has(m, service, Impact.REDUCED_REDUNDANCY)]
        lost |= {m.ref: m for m in members}
        if members:
            yield _reason("REDUNDANCY", rules.severity.redundancy, members, service=service)
    if again := _lost_again([m for m in evidence.members if m.ref in lost], rules.severity.redundancy_again_within):
        hours = rules.severity.redundancy_again_within // timedelta(hours=1)
        yield _reason("REDUNDANCY_AGAIN", rules.severity.redundancy_again, again, hours=hours)


def _lost_again(members: Sequence[Told], within: timedelta) -> list[Told]:
    """The first two that began so near each other and name no asset in common."""
    millis = within // timedelta(milliseconds=1)
    for a, b in combinations(sorted(members, key=lambda m: (_began(m), m.ref)), 2):
        if _began(b) - _began(a) <= millis and not set(a.incident.infrastructure_ids) & {
            *b.incident.infrastructure_ids
        }:
            return [a, b]
    return []


def _began(told: Told) -> int:
    """Milliseconds since the epoch."""
    return told.course.opened[0][0]


def _critical_services(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    members = [m for m in evidence.voices if m.incident.critical_services]
    touched = {service for m in members for service in m.incident.critical_services}
    level = max(
        _reached(rules.severity.critical_services, len(touched)),
        *(level for services, level in rules.severity.critical_together if services <= touched),
        0,
    )
    if level:
        yield _reason("CRITICAL_SERVICE", level, members, services=" ".join(sorted(touched)))


def _malicious(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    claimed = [
        m
        for m in evidence.voices
        if m.incident.malicious
        or (m.incident.malicious is None and m.incident.cause.category is CauseCategory.MALICIOUS_ACTION)
    ]
    confirmed = [m for m in claimed if m.incident.malicious or m.incident.cause.certainty is Certainty.OBSERVED]
    wide = [m for m in confirmed if _is_felt(m, Impact.OUTAGE) and any(len(code) == 2 for code in m.codes)]
    if wide:
        yield _reason("MALICIOUS_OUTAGE", rules.severity.malicious_county_outage, wide)
    if confirmed:
        yield _reason("MALICIOUS", rules.severity.malicious_confirmed, confirmed, certainty="confirmed")
    elif claimed:
        yield _reason("MALICIOUS", rules.severity.malicious_suspected, claimed, certainty="suspected")


def _white_out(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    out = [(code, Impact.DEGRADED, rules.severity.white_out_municipality) for code in evidence.white_outs]
    down = [(code, Impact.OUTAGE, rules.severity.white_out_county_down) for code in evidence.all_down]
    found = [
        (level, code, members)
        for code, least, level in (*(o for o in out if len(o[0]) == 4), *(d for d in down if len(d[0]) == 2))
        if code != geography.COUNTRY and (members := [m for m in evidence.voices if _lacks_mobile(m, code, least)])
    ]
    for level in sorted({level for level, _, _ in found}):
        of_level = [(code, members) for other, code, members in found if other == level]
        refs = {m.ref: m for _, members in of_level for m in members}
        area = min(code for code, _ in of_level)
        code = "ALL_DOWN" if level == rules.severity.white_out_county_down else "WHITE_OUT"
        yield _reason(code, level, list(refs.values()), area=area, areas=len(of_level))


def _lacks_mobile(told: Told, code: str, least: Impact) -> bool:
    """Whether it is one of the reports by which mobile service is so bad in this area."""
    if code in told.codes:
        return told.mobile is not None and RANK[told.mobile] >= RANK[least]
    nearly_all = told.mobile_nearly_all
    around = {code[:2], geography.COUNTRY}.intersection(told.codes)
    return bool(around) and nearly_all is not None and RANK[nearly_all] >= RANK[least]


RULES: tuple[Callable[[Evidence, Rules], Iterator[Reason]], ...] = (
    _users,
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


def _has(told: Told, service: Service, impact: Impact) -> bool:
    return told.impacts.get(service) is impact


def _is_felt(told: Told, impact: Impact) -> bool:
    """Whether it reports the impact, and it is not known that no user of any service with it is affected."""
    services = [service for service, found in told.impacts.items() if found is impact]
    return any(impact not in _FELT or told.numbers.get(service) != (0, 0, 0) for service in services)


TEXTS = {
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
    "CRITICAL_SERVICE": "critical_services",
    "SITES_ALL": "sites",
    "SITES_SHARE": "sites",
    "REDUNDANCY_AGAIN": "redundancy",
    "MALICIOUS_OUTAGE": "malicious",
    "ALL_DOWN": "white_out",
    "REPORTING_EFFECT": "users",
}
"""Where the table is not called as the reason is."""


def _reason(code: str, level: int, members: Sequence[Told], **facts: object) -> Reason:
    refs = tuple(sorted(m.ref for m in members)[:_MOST_REFS])
    told = {name: str(fact) for name, fact in sorted({**facts, "count": len(members)}.items())}
    named = told | {"area": geography.name_of(told["area"])} if "area" in told else told
    return Reason(code=code, level=level, text=TEXTS[code].format(**named), facts=told, refs=refs)
