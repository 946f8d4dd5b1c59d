"""How bad a situation is: 1 none, 2 minor, 3 significant, 4 considerable, 5 catastrophic.

Each rule looks at the open members and may give reasons; the severity is the greatest level of all, never a weighted
sum. Thresholds are in the rules file. Numbers that are missing make the level a lower bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bus.vocabulary import CauseCategory, Certainty, Impact, Service
from consumers.merge.rules import Rules
from consumers.merge.told import Told, numbers_for
from consumers.merge.view import Reason, ServiceUsers, Severity

_FELT = frozenset({Impact.DEGRADED, Impact.OUTAGE})
_MAY_BE_FELT = _FELT | {Impact.UNKNOWN}
_MOST_REFS = 10
"""A reason names at most so many references; its text tells how many there are."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rules look at: the open members of one situation, and what their users amount to."""

    members: Sequence[Told]
    users: Mapping[str, ServiceUsers]


def assess(evidence: Evidence, declared: int | None, rules: Rules) -> Severity:
    """The severity with every reason for it, highest level first."""
    reasons = sorted(
        (reason for rule in RULES for reason in rule(evidence, rules)), key=lambda r: (-r.level, r.code, r.text)
    )
    return Severity.model_construct(
        level=reasons[0].level if reasons else 1,
        lower_bound=any(
            users.by_impact[impact].unknown_reports
            for users in evidence.users.values()
            for impact in users.by_impact
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
        if impact in _FELT and found.high is not None
    ]
    if not felt:
        return
    high, service, impact = max(felt)
    if level := _reached(rules.user_levels, high):
        text = f"up to {high} users of {service} with {impact}"
        members = [m for m in evidence.members if _has(m, Service(service), Impact(impact))]
        yield _reason("USERS", level, text, members)


def _impact(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    for impact, level in rules.impact_levels.items():
        members = [
            m
            for m in evidence.members
            if impact in m.impacts.values() and not (impact in _FELT and _nobody_feels(m, impact))
        ]
        if members:
            yield _reason("IMPACT", level, f"{impact} reported by {_count(members)}", members)


def _emergency(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    for impact, level in rules.emergency_levels.items():
        members = [m for m in evidence.members if m.incident.emergency and m.incident.emergency.impact is impact]
        if members:
            yield _reason("EMERGENCY", level, f"112: {impact} reported by {_count(members)}", members)


def _sites(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    members = [m for m in evidence.members if m.incident.sites and m.incident.sites.out]
    out = sum(m.incident.sites.out for m in members if m.incident.sites and m.incident.sites.out)
    if level := _reached(rules.site_levels, out):
        yield _reason("SITES", level, f"{out} sites out of service", members)


def _redundancy(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    for service in sorted(rules.redundancy_services):
        members = [m for m in evidence.members if _has(m, service, Impact.REDUCED_REDUNDANCY)]
        if members:
            text = f"{service} without redundancy: one more fault would be felt"
            yield _reason("REDUNDANCY", rules.redundancy_level, text, members)


def _critical_services(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    members = [m for m in evidence.members if m.incident.critical_services]
    touched = {service for m in members for service in m.incident.critical_services}
    level = max(
        _reached(rules.critical_levels, len(touched)),
        *(level for services, level in rules.critical_together if services <= touched),
        0,
    )
    if level:
        yield _reason("CRITICAL_SERVICE", level, f"touches {', '.join(sorted(touched))}", members)


def _malicious(evidence: Evidence, rules: Rules) -> Iterator[Reason]:
    claimed = [
        m
        for m in evidence.members
        if m.incident.malicious
        or (m.incident.malicious is None and m.incident.cause.category is CauseCategory.MALICIOUS_ACTION)
    ]
    confirmed = [m for m in claimed if m.incident.malicious or m.incident.cause.certainty is Certainty.OBSERVED]
    if confirmed:
        yield _reason("MALICIOUS", rules.malicious_confirmed, f"malice confirmed by {_count(confirmed)}", confirmed)
    elif claimed:
        yield _reason("MALICIOUS", rules.malicious_suspected, f"malice suspected by {_count(claimed)}", claimed)


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
    return all(numbers_for(told.incident.users, service) == (0, 0, 0) for service in services)


def _count(members: Sequence[Told]) -> str:
    return f"{len(members)} incident{'s' if len(members) > 1 else ''}"


def _reason(code: str, level: int, text: str, members: Sequence[Told]) -> Reason:
    refs = tuple(sorted(m.ref for m in members)[:_MOST_REFS])
    return Reason.model_construct(code=code, level=level, text=text, refs=refs)
