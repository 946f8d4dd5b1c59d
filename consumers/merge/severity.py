"""How bad a situation is: 1 none, 2 minor, 3 significant, 4 considerable, 5 catastrophic.

Each rule looks at the open members and may give reasons; the severity is the greatest level of all, never a weighted
sum. Thresholds are in the rules file. Numbers that are missing make the level a lower bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bus.vocabulary import CauseCategory, Certainty, Impact, Service
from consumers.merge.rules import Rules
from consumers.merge.told import Told
from consumers.merge.view import Reason, ServiceUsers, Severity

_FELT = frozenset({Impact.DEGRADED, Impact.OUTAGE})
_MAY_BE_FELT = _FELT | {Impact.UNKNOWN}
_MOST_REFS = 10
"""A reason names at most so many references; its text tells how many there are."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rules look at: the open members of one situation, and what their users amount to."""

    members: Sequence[Told]
    """The open members: what is counted, is counted of these."""
    voices: Sequence[Told]
    """The open members and duplicates."""
    users: Mapping[str, ServiceUsers]


def assess(evidence: Evidence, declared: int | None, rules: Rules) -> Severity:
    """The severity with every reason for it, highest level first."""
    reasons = sorted(
        (reason for rule in RULES for reason in rule(evidence, rules)), key=lambda r: (-r.level, r.code, r.text)
    )
    return Severity(
        level=reasons[0].level if reasons else 1,
        lower_bound=any(
            found.unknown_reports or found.best is None
            for users in evidence.users.values()
            for impact, found in users.by_impact.items()
            if impact in _MAY_BE_FELT
        ),
        declared=declared,
        reasons=tuple(reasons),
    )


def _users(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    felt = [
        (found.high, service, impact)
        for service, users in evidence.users.items()
        for impact, found in users.by_impact.items()
        if impact in _FELT and found.high is not None and found.best is not None
    ]
    if not felt:
        return
    high, service, impact = max(felt)
    if level := _reached(rules.user_levels, high):
        members = [m for m in evidence.members if _has(m, Service(service), Impact(impact))]
        yield _reason("USERS", level, members, high=high, service=service, impact=impact)


def _impact(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    for impact, level in rules.impact_levels.items():
        members = [
            m
            for m in evidence.voices
            if impact in m.impacts.values() and not (impact in _FELT and _nobody_feels(m, impact))
        ]
        if members:
            yield _reason("IMPACT", level, members, impact=impact)


def _emergency(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    for impact, level in rules.emergency_levels.items():
        members = [m for m in evidence.voices if m.incident.emergency and m.incident.emergency.impact is impact]
        if members:
            yield _reason("EMERGENCY", level, members, impact=impact)


def _sites(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    members = [m for m in evidence.members if m.incident.sites and m.incident.sites.out]
    out = sum(m.incident.sites.out for m in members if m.incident.sites and m.incident.sites.out)
    if level := _reached(rules.site_levels, out):
        yield _reason("SITES", level, members, out=out)


def _redundancy(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    for service in sorted(rules.redundancy_services):
        members = [m for m in evidence.voices if _has(m, service, Impact.REDUCED_REDUNDANCY)]
        if members:
            yield _reason("REDUNDANCY", rules.redundancy_level, members, service=service)


def _critical_services(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    members = [m for m in evidence.voices if m.incident.critical_services]
    touched = {service for m in members for service in m.incident.critical_services}
    level = max(
        _reached(rules.critical_levels, len(touched)),
        *(level for services, level in rules.critical_together if services <= touched),
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
    if confirmed:
        yield _reason("MALICIOUS", rules.malicious_confirmed, confirmed, certainty="confirmed")
    elif claimed:
        yield _reason("MALICIOUS", rules.malicious_suspected, claimed, certainty="suspected")


RULES: tuple[Callable[[Evidence, Rules], Iterator[Reason]], ...] = (
    _users,
    _impact,
    _emergency,
    _sites,
    _redundancy,
    _critical_services,
    _malicious,
)
"""Every rule, each a plain function from what is known to its reasons."""


def _reached(levels: Mapping[int, int], number: int) -> int:
    return max((level for level, threshold in levels.items() if number >= threshold), default=0)


def _has(told: Told, service: Service, impact: Impact) -> bool:
    return told.impacts.get(service) is impact


def _nobody_feels(told: Told, impact: Impact) -> bool:
    """Whether it is known that no user of any service with the impact is affected."""
    services = (service for service, found in told.impacts.items() if found is impact)
    return all(told.numbers.get(service) == (0, 0, 0) for service in services)


TEXTS = {
    "USERS": "up to {high} users of {service} with {impact}",
    "IMPACT": "{impact} reported, incidents: {count}",
    "EMERGENCY": "112: {impact} reported, incidents: {count}",
    "SITES": "{out} sites out of service",
    "REDUNDANCY": "{service} without redundancy: one more fault would be felt",
    "CRITICAL_SERVICE": "touches {services}",
    "MALICIOUS": "malice {certainty}, incidents: {count}",
}
"""What each reason says in English, given its facts; staff read it in their language, from the same facts."""


def rule_of(code: str) -> str:
    """The table of the rules file behind a reason."""
    return f"severity.{_TABLES.get(code, code.lower())}"


_TABLES = {"CRITICAL_SERVICE": "critical_services"}
"""Where the table is not called as the reason is."""


def _reason(code: str, level: int, members: Sequence[Told], **facts: object) -> Reason:
    refs = tuple(sorted(m.ref for m in members)[:_MOST_REFS])
    told = {name: str(fact) for name, fact in sorted({**facts, "count": len(members)}.items())}
    return Reason(code=code, level=level, text=TEXTS[code].format(**told), facts=told, refs=refs)
