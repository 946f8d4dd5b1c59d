"""How bad a situation is: the greatest level of any rule, with every reason, and never less for what is unknown."""

from __future__ import annotations

import pytest

from bus.messages import Cause, Emergency, Sites
from bus.vocabulary import (
    CauseCategory,
    Certainty,
    CountBasis,
    CountScope,
    CriticalService,
    EmergencyImpact,
    Impact,
    IncidentState,
    Service,
    Trend,
)
from tests.merging import count, incident, only

VOICE = Service.MOBILE_VOICE
ZERO = count(0)
HEALTH, POLICE, RAIL, ROAD = (
    CriticalService.HEALTHCARE,
    CriticalService.POLICE,
    CriticalService.RAIL,
    CriticalService.ROAD,
)


def hit(service: Service, impact: Impact) -> dict[str, object]:
    return {"impacts": {service: impact}}


def malice(certainty: Certainty) -> dict[str, object]:
    return {"cause": Cause(category=CauseCategory.MALICIOUS_ACTION, certainty=certainty)}


LEVELS = {
    "no users": (ZERO, {}, 1, set()),
    "no users of the service": (count(by_service={VOICE: 0}), {}, 1, set()),
    "no users, or some": (count(0, high=5), {}, 2, {"IMPACT"}),
    "one user": (count(1), {}, 2, {"IMPACT"}),
    "just under 10,000": (count(9_999), {}, 2, {"IMPACT"}),
    "10,000": (count(10_000), {}, 3, {"IMPACT", "USERS"}),
    "100,000": (count(100_000), {}, 4, {"IMPACT", "USERS"}),
    "1,000,000": (count(1_000_000), {}, 5, {"IMPACT", "USERS"}),
    "the upper end counts": (count(5_000, high=100_000), {}, 4, {"IMPACT", "USERS"}),
    "degraded counts as well": (count(10_000), hit(VOICE, Impact.DEGRADED), 3, {"IMPACT", "USERS"}),
    "users who notice nothing do not": (count(1_000_000), hit(VOICE, Impact.REDUCED_REDUNDANCY), 2, {"IMPACT"}),
    "no impact": (count(1_000_000), hit(VOICE, Impact.NO_IMPACT), 1, set()),
    "112 as usual": (ZERO, {"emergency": Emergency(impact=EmergencyImpact.NONE)}, 1, set()),
    "112 worse": (ZERO, {"emergency": Emergency(impact=EmergencyImpact.DEGRADED)}, 3, {"EMERGENCY"}),
    "112 without location": (ZERO, {"emergency": Emergency(impact=EmergencyImpact.LOCATION_LOST)}, 3, {"EMERGENCY"}),
    "112 by others": (ZERO, {"emergency": Emergency(impact=EmergencyImpact.LOST_WITH_FALLBACK)}, 4, {"EMERGENCY"}),
    "no 112": (ZERO, {"emergency": Emergency(impact=EmergencyImpact.LOST_NO_FALLBACK)}, 5, {"EMERGENCY"}),
    "24 sites": (ZERO, {"sites": Sites(out=24)}, 1, set()),
    "25 sites": (ZERO, {"sites": Sites(out=25)}, 3, {"SITES"}),
    "transport without redundancy": (
        ZERO,
        hit(Service.TRANSPORT, Impact.REDUCED_REDUNDANCY),
        3,
        {"IMPACT", "REDUNDANCY"},
    ),
    "a cable abroad without redundancy": (
        ZERO,
        hit(Service.INTERNATIONAL, Impact.REDUCED_REDUNDANCY),
        3,
        {"IMPACT", "REDUNDANCY"},
    ),
    "one critical service": (ZERO, {"critical_services": (RAIL,)}, 3, {"CRITICAL_SERVICE"}),
    "two": (ZERO, {"critical_services": (RAIL, HEALTH)}, 3, {"CRITICAL_SERVICE"}),
    "the same one thrice": (ZERO, {"critical_services": (RAIL, RAIL, RAIL)}, 3, {"CRITICAL_SERVICE"}),
    "three": (ZERO, {"critical_services": (RAIL, HEALTH, ROAD)}, 4, {"CRITICAL_SERVICE"}),
    "healthcare and police": (ZERO, {"critical_services": (HEALTH, POLICE)}, 4, {"CRITICAL_SERVICE"}),
    "malice suspected": (ZERO, malice(Certainty.POSSIBLE), 3, {"MALICIOUS"}),
    "malice observed": (ZERO, malice(Certainty.OBSERVED), 4, {"MALICIOUS"}),
    "malice known": (ZERO, {"malicious": True}, 4, {"MALICIOUS"}),
    "malice denied": (ZERO, {"malicious": False, **malice(Certainty.LIKELY)}, 1, set()),
}


@pytest.mark.parametrize("case", LEVELS)
def test_what_makes_a_level(case):
    told, fields, level, codes = LEVELS[case]
    severity = only(incident(users=told, **fields)).severity
    assert (severity.level, {reason.code for reason in severity.reasons}) == (level, codes)
    assert severity.level == max((reason.level for reason in severity.reasons), default=1)
    assert not severity.lower_bound


UNKNOWN = {
    "nothing told of users": ({}, 2, True),
    "a basis without a number": ({"users": count()}, 2, True),
    "degraded, by how many": ({"impacts": {VOICE: Impact.DEGRADED}}, 2, True),
    "whether users feel it, and how many": ({"impacts": {VOICE: Impact.UNKNOWN}}, 2, True),
    "users of one of the services": (
        {"impacts": {VOICE: Impact.OUTAGE, Service.MOBILE_DATA: Impact.OUTAGE}, "users": count(by_service={VOICE: 0})},
        2,
        True,
    ),
    "users of one service where the other has none": (
        {
            "impacts": {VOICE: Impact.OUTAGE, Service.MOBILE_DATA: Impact.OUTAGE},
            "users": count(0, by_service={VOICE: 0}),
        },
        2,
        True,
    ),
    "users who notice nothing": ({"impacts": {VOICE: Impact.REDUCED_REDUNDANCY}}, 2, False),
    "no impact": ({"impacts": {VOICE: Impact.NO_IMPACT}}, 1, False),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_an_unknown_number_gives_a_lower_bound_and_never_a_1(case):
    fields, level, bound = UNKNOWN[case]
    severity = only(incident(**fields)).severity
    assert (severity.level, severity.lower_bound) == (level, bound)


SHARED = {"event_refs": ("storm:alva",)}


def test_the_greatest_level_counts_and_every_reason_is_told_worst_first():
    severity = only(
        incident("nordtel", users=count(10_000), sites=Sites(out=20), **SHARED),
        incident(
            "sveamobil",
            users=count(10),
            sites=Sites(out=5),
            emergency=Emergency(impact=EmergencyImpact.LOST_NO_FALLBACK),
            **SHARED,
        ),
    ).severity
    assert severity.level == 5
    assert [reason.level for reason in severity.reasons] == [5, 3, 3, 2]
    assert severity.reasons[0].refs == ("incident/sveamobil/I-1",)
    assert all(reason.text for reason in severity.reasons)


def test_users_of_different_services_and_impacts_do_not_add_up_to_a_level():
    severity = only(
        incident("nordtel", users=count(6_000), impacts={VOICE: Impact.OUTAGE}, **SHARED),
        incident("sveamobil", users=count(6_000), impacts={VOICE: Impact.DEGRADED}, **SHARED),
        incident("fjallmobil", users=count(6_000), impacts={Service.FIXED_VOICE: Impact.OUTAGE}, **SHARED),
    ).severity
    assert severity.level == 2


@pytest.mark.parametrize("state", [IncidentState.RESTORED, IncidentState.CLOSED])
def test_what_is_over_and_duplicates_add_nothing(state):
    over = incident("sveamobil", state=state, users=count(1_000_000), **SHARED)
    again = incident("fjallmobil", users=count(1_000_000), duplicate_of="incident/nordtel/I-1")
    assert (
        only(
            incident(users=count(1)),
            over,
            again,
            incident(id="I-2", users=ZERO, **SHARED),
            incident(revision=2, users=count(1), **SHARED),
        ).severity.level
        == 2
    )


def test_declared_and_computed_are_both_shown():
    severity = only(incident(users=count(1), declared_severity=5)).severity
    assert (severity.level, severity.declared) == (2, 5)


def test_a_reason_names_at_most_ten_incidents_and_tells_how_many_there_are():
    severity = only(*(incident(id=f"I-{i}", users=count(1), **SHARED) for i in range(40))).severity
    assert len(severity.reasons[0].refs) == 10
    assert "40" in severity.reasons[0].text


TRENDS = {
    "one revision": ([count(10)], Trend.UNKNOWN),
    "more": ([count(10), count(20)], Trend.RISING),
    "fewer": ([count(10), count(5)], Trend.FALLING),
    "as many": ([count(10), count(10)], Trend.STEADY),
    "more by another basis": ([count(10), count(20, basis=CountBasis.MEASURED)], Trend.UNKNOWN),
    "more of another scope": ([count(10), count(20, CountScope.INCLUDING_WHOLESALE)], Trend.UNKNOWN),
    "the last two of one basis": ([count(10), count(500, basis=CountBasis.MEASURED), count(9)], Trend.FALLING),
    "no number": ([count(10), count()], Trend.UNKNOWN),
}


@pytest.mark.parametrize("case", TRENDS)
def test_a_trend_needs_two_counts_on_one_basis(case):
    told, trend = TRENDS[case]
    assert only(*(incident(revision=i, users=users) for i, users in enumerate(told, start=1))).trend is trend
