"""How bad a situation is: the greatest level of any rule, with every reason, and never less for what is unknown."""

from __future__ import annotations

from datetime import datetime

import pytest

from bus.envelope import Envelope
from bus.messages import Area, Cause, Decision, Emergency, Restoration, Sites
from bus.vocabulary import (
    AreaKind,
    CauseCategory,
    Certainty,
    CountBasis,
    CountScope,
    CriticalService,
    DecisionKind,
    DecisionState,
    EmergencyImpact,
    Freshness,
    Impact,
    IncidentState,
    MessageStatus,
    Service,
    Trend,
)
from consumers.merge.situations import situation_id
from consumers.merge.view import SeverityOverride
from tests.merging import LATER, MNOS, at, count, flags, fold, incident, only, said

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
    "100,000": (count(100_000), {}, 4, {"IMPACT", "USERS", "SHARE"}),
    "1,000,000": (count(1_000_000), {}, 5, {"IMPACT", "USERS", "SHARE", "USER_HOURS"}),
    "the upper end counts": (count(5_000, high=100_000), {}, 4, {"IMPACT", "USERS", "SHARE"}),
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


WITHOUT = hit(VOICE, Impact.REDUCED_REDUNDANCY)
SEA, FIBRE = hit(Service.INTERNATIONAL, Impact.REDUCED_REDUNDANCY), hit(Service.TRANSPORT, Impact.REDUCED_REDUNDANCY)
KNOWN_MALICE = {"malicious": True, "users": count(1)}
PLACES = {
    "a fallback for 112 in a municipality": (
        [incident(codes=("0780",), emergency=Emergency(impact=EmergencyImpact.LOST_WITH_FALLBACK), users=ZERO)],
        {"EMERGENCY": 4},
    ),
    "a fallback for 112 at a site": (
        [
            incident(
                areas=(Area(kind=AreaKind.SITE, label="mast"),),
                emergency=Emergency(impact=EmergencyImpact.LOST_WITH_FALLBACK),
                users=ZERO,
            )
        ],
        {"EMERGENCY": 3},
    ),
    "all sites of a municipality": (
        [incident(codes=("0780",), users=ZERO, sites=Sites(served=4, out=4))],
        {"SITES_ALL": 3},
    ),
    "all but one": ([incident(codes=("0780",), users=ZERO, sites=Sites(served=4, out=3))], {}),
    "all, of how many is not told": ([incident(codes=("0780",), users=ZERO, sites=Sites(out=4))], {}),
    "all that are named in two municipalities": (
        [incident(codes=("0780", "0781"), users=ZERO, sites=Sites(served=4, out=4))],
        {},
    ),
    "a quarter of a county's sites": (
        [
            incident("nordtel", users=ZERO, sites=Sites(served=20, out=6), **SHARED),
            incident("sveamobil", users=ZERO, sites=Sites(served=20, out=4), **SHARED),
        ],
        {"SITES_SHARE": 4},
    ),
    "less than a quarter": (
        [
            incident("nordtel", users=ZERO, sites=Sites(served=20, out=5), **SHARED),
            incident("sveamobil", users=ZERO, sites=Sites(served=20, out=4), **SHARED),
        ],
        {},
    ),
    "one operator's sites are told twice": (
        [
            incident("nordtel", "A", users=ZERO, sites=Sites(served=20, out=4), **SHARED),
            incident("nordtel", "B", users=ZERO, sites=Sites(served=20, out=5), **SHARED),
        ],
        {"SITES_SHARE": 4},
    ),
    "one operator's sites are told twice, of more first": (
        [
            incident("nordtel", "A", users=ZERO, sites=Sites(served=20, out=5), **SHARED),
            incident("nordtel", "B", users=ZERO, sites=Sites(served=20, out=4), **SHARED),
        ],
        {"SITES_SHARE": 4},
    ),
    "redundancy lost twice in 72 hours": (
        [incident(started_at=at(-72), **SEA, **SHARED), incident("kustfiber", started_at=at(0), **FIBRE, **SHARED)],
        {"IMPACT": 2, "REDUNDANCY": 3, "REDUNDANCY_AGAIN": 4},
    ),
    "redundancy lost twice, but longer apart": (
        [incident(started_at=at(-73), **SEA, **SHARED), incident("kustfiber", started_at=at(0), **FIBRE, **SHARED)],
        {"IMPACT": 2, "REDUNDANCY": 3},
    ),
    "one cable, told by two": (
        [
            incident(infrastructure_ids=("cable:1",), **SEA),
            incident("kustfiber", infrastructure_ids=("cable:1", "cable:2"), **SEA),
        ],
        {"IMPACT": 2, "REDUNDANCY": 3},
    ),
    "redundancy that is no national matter, twice": (
        [incident(**WITHOUT, **SHARED), incident("kustfiber", **WITHOUT, **SHARED)],
        {"IMPACT": 2},
    ),
    "malice, and a county without service": (
        [incident(**KNOWN_MALICE)],
        {"IMPACT": 2, "MALICIOUS": 4, "MALICIOUS_OUTAGE": 5},
    ),
    "malice, and a municipality without service": (
        [incident(codes=("0780",), **KNOWN_MALICE)],
        {"IMPACT": 2, "MALICIOUS": 4},
    ),
    "malice, and a county with poor service": (
        [incident(impacts={VOICE: Impact.DEGRADED}, **KNOWN_MALICE)],
        {"IMPACT": 2, "MALICIOUS": 4},
    ),
    "malice suspected, and a county without service": (
        [incident(users=count(1), **malice(Certainty.LIKELY))],
        {"IMPACT": 2, "MALICIOUS": 3},
    ),
}


def levels(*messages: Envelope, as_of: datetime = LATER) -> dict[str, int]:
    """The reasons of the only situation, by code."""
    return {reason.code: reason.level for reason in only(*messages, as_of=as_of).severity.reasons}


@pytest.mark.parametrize("case", PLACES)
def test_where_it_is_and_what_it_is_beside_makes_a_level(case):
    messages, expected = PLACES[case]
    found = levels(*messages)
    assert {code: level for code, level in found.items() if code != "IMPACT" or "IMPACT" in expected} == expected


SHARES = {
    "a quarter of a county": (("07",), 51_000, {"SHARE": 4}),
    "less": (("07",), 50_999, {}),
    "of another county, which is larger": (("12",), 51_000, {}),
    "in a municipality of the county": (("0780",), 51_000, {"SHARE": 4}),
    "in two counties": (("07", "12"), 51_000, {}),
    "a tenth of the country": (("00",), 1_060_000, {"SHARE": 5}),
    "less than a tenth": (("00",), 1_000_000, {}),
    "more users than inhabitants": (("09",), 90_000, {"SHARE": 4}),
}


@pytest.mark.parametrize("case", SHARES)
def test_a_share_of_the_inhabitants_makes_a_level(case):
    codes, users, expected = SHARES[case]
    found = levels(incident(codes=codes, users=count(users)))
    assert {code: level for code, level in found.items() if code == "SHARE"} == expected


def test_a_share_is_at_most_all_of_them_and_flagged_where_it_would_be_more():
    told = incident(codes=("09",), users=count(90_000))
    (reason,) = [reason for reason in only(told).severity.reasons if reason.code == "SHARE"]
    assert reason.text == "up to 100 % of the inhabitants of Gotlands län: MOBILE_VOICE with OUTAGE"
    assert "OVER_100_PERCENT" in flags(told)
    assert "OVER_100_PERCENT" not in flags(incident(codes=("09",), users=count(50_000)))


MNO_DEGRADED = {"impacts": {VOICE: Impact.DEGRADED}, "users": count(1)}


def everyone(**fields: object) -> list[Envelope]:
    return [incident(actor, **{"users": count(1), **SHARED, **fields}) for actor in MNOS]


WHITE_OUTS = {
    "no network works in a municipality": (everyone(codes=("0780",), **MNO_DEGRADED), {"WHITE_OUT": 4}),
    "one network works": (everyone(codes=("0780",), **MNO_DEGRADED)[:2], {}),
    "all down in a county": (everyone(codes=("07",)), {"ALL_DOWN": 5}),
    "all poor in a county": (everyone(codes=("07",), **MNO_DEGRADED), {}),
    "all down in nearly all of a county": (
        [*everyone(codes=("07",), percent=95)[:2], incident("fjallmobil", codes=("0780",), users=count(1), **SHARED)],
        {"WHITE_OUT": 4},
    ),
    "no network works in two municipalities": (everyone(codes=("0780", "0781"), **MNO_DEGRADED), {"WHITE_OUT": 4}),
}


@pytest.mark.parametrize("case", WHITE_OUTS)
def test_where_no_mobile_network_works_it_is_grave(case):
    messages, expected = WHITE_OUTS[case]
    found = levels(*messages)
    assert {code: level for code, level in found.items() if code in ("WHITE_OUT", "ALL_DOWN")} == expected


def test_a_white_out_makes_every_situation_with_a_part_in_it_grave_and_no_other():
    alone = everyone(codes=("0780",), event_refs=(), **MNO_DEGRADED)
    broadband = incident("kustfiber", codes=("0780",), impacts={Service.FIXED_INTERNET: Impact.OUTAGE}, users=count(1))
    state = fold(*alone[:2], broadband)
    before = {s.id: s.severity.level for s in state.view(LATER, {}, True).situations}
    state.apply(alone[2])
    state.changes(LATER)
    found = {s.members[0]: s.severity.level for s in state.view(LATER, {}, True).situations}
    assert set(before.values()) == {2}
    assert found == {**{e.message.reference: 4 for e in alone}, broadband.message.reference: 2}


FORECAST = {
    "lost by now": ({}, 99, None),
    "lost after a while": ({}, 100, 3),
    "forecast to be lost": ({"restoration": Restoration(expected=at(100))}, 1, 3),
    "not forecast to be lost": ({"restoration": Restoration(expected=at(99))}, 1, None),
    "at the latest": ({"restoration": Restoration(expected=at(99), latest=at(100))}, 1, 3),
    "by the upper end": ({"users": count(100, high=10_000)}, 10, 3),
    "forecast, and late": ({"restoration": Restoration(expected=at(5))}, 100, 3),
    "ten times as much": ({"restoration": Restoration(latest=at(1_000))}, 1, 4),
    "fifty times as much": ({"restoration": Restoration(latest=at(5_000))}, 1, 5),
}


@pytest.mark.parametrize("case", FORECAST)
def test_user_hours_that_were_lost_and_are_forecast_make_a_level(case):
    fields, hours, level = FORECAST[case]
    told = incident(**{"users": count(1_000), "observed_at": at(0), **fields})
    assert levels(told, as_of=at(hours)).get("USER_HOURS") == level


def test_each_is_restored_as_it_forecasts_itself():
    """A small fault that lasts for months says nothing of a large one that is over tomorrow."""
    large = incident("nordtel", users=count(1_000), observed_at=at(0), restoration=Restoration(latest=at(10)), **SHARED)
    small = incident(
        "sveamobil", users=count(1), observed_at=at(0), restoration=Restoration(latest=at(5_000)), **SHARED
    )
    assert "USER_HOURS" not in levels(large, small)


def test_the_feed_says_so_at_the_instant_when_a_level_is_reached():
    state = fold(incident(users=count(1_000), observed_at=at(0)))
    (key,) = [key for key in state.changes(at(1)) if key.startswith("situation/")]
    shown = {}
    for minute in (99 * 60, 100 * 60 - 1, 100 * 60, 100 * 60 + 1):
        changed = state.changes(at(minutes=minute))
        if key in changed:
            shown[minute] = changed[key].severity.level
    assert shown == {99 * 60: 2, 100 * 60: 3}  # at 99 hours it is told that nothing was heard for long


def test_what_an_event_has_cost_asks_for_no_more_frequent_news():
    weekly = {"next_update_at": at(24 * 40)}
    told = incident(users=count(4_800), observed_at=at(0), known_at=at(24 * 35), **weekly)
    situation = only(told, as_of=at(24 * 36))
    assert situation.severity.level == 4
    assert situation.freshness is Freshness.FRESH


def override(level: int | None, id: str = "D-1", revision: int = 1, **fields: object) -> Envelope:
    """A decision of staff on the severity of what nordtel's I-1 is in."""
    opening = {"actor": "samordning", "id": id, "revision": revision, "status": MessageStatus.ACTUAL}
    told = {
        "observed_at": at(minutes=revision),
        "decision": DecisionKind.SEVERITY_OVERRIDE,
        "state": DecisionState.ADOPTED,
        "title": "Nivå",
        "level": level,
        "affects": ("incident/nordtel/I-1",),
    }
    return said(Decision.model_validate(opening | told | fields))


SEED = f"situation/{situation_id('incident/nordtel/I-1')}"
OVERRIDES = {
    "a decision": ([override(4)], 4),
    "lower than computed": ([override(1)], 1),
    "on the situation": ([override(4, affects=(SEED,))], 4),
    "on another": ([override(4, affects=("incident/nordtel/I-2",))], 2),
    "carried out": ([override(4, state=DecisionState.EXECUTED)], 4),
    "proposed": ([override(4, state=DecisionState.PROPOSED)], 2),
    "superseded": ([override(4), override(4, revision=2, state=DecisionState.SUPERSEDED)], 2),
    "without a level": ([override(None)], 2),
    "another kind of decision": ([override(4, decision=DecisionKind.DIRECTION)], 2),
    "until later": ([override(4, until=at(2))], 4),
    "expired": ([override(4, until=at(1))], 2),
    "the latest": ([override(4, "D-1", observed_at=at(0.5)), override(5, "D-2", observed_at=at(0.4))], 4),
    "the latest, unless it has expired": (
        [override(4, "D-1", observed_at=at(0.5), until=at(0.6)), override(5, "D-2", observed_at=at(0.4))],
        5,
    ),
}


@pytest.mark.parametrize("case", OVERRIDES)
def test_what_staff_decide_stands_beside_what_is_computed(case):
    decisions, level = OVERRIDES[case]
    severity = only(incident(users=count(1)), *decisions).severity
    assert (severity.level, severity.computed) == (level, 2)
    assert (severity.override is None) is (level == 2)
    assert [reason.code for reason in severity.reasons] == ["IMPACT"]


def test_an_override_names_its_decision_and_ends_by_the_clock():
    state = fold(incident(users=count(1)), override(5, until=at(2)))
    (situation,) = state.view(at(1), {}, True).situations
    assert situation.severity.override == SeverityOverride(level=5, decision="decision/samordning/D-1", until=at(2))
    state.changes(at(1))
    (key,) = [key for key in state.changes(at(2)) if key.startswith("situation/")]
    assert state.items(at(2))[key].severity.level == 2
    assert state.view(at(1), {}, True).situations[0].severity.level == 5


def test_an_override_by_an_old_name_follows_the_situation():
    older = incident("sveamobil", observed_at=at(-1), users=count(1), **SHARED)
    found = only(incident(users=count(1), **SHARED), older, override(4, affects=(SEED,)))
    assert found.aliases == (SEED.removeprefix("situation/"),)
    assert found.severity.level == 4


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


BY_CUSTOMERS = CountBasis.CUSTOMER_REPORTED
COUNTED = {
    "customers report more than was estimated": ([count(90_000), count(110_000, basis=BY_CUSTOMERS)], 3, True),
    "and say so once more": (
        [count(90_000), count(110_000, basis=BY_CUSTOMERS), count(110_000, basis=BY_CUSTOMERS)],
        3,
        True,
    ),
    "then ever more of them": (
        [count(90_000), count(110_000, basis=BY_CUSTOMERS), count(120_000, basis=BY_CUSTOMERS)],
        4,
        True,
    ),
    "customers report fewer": ([count(110_000), count(90_000, basis=BY_CUSTOMERS)], 3, False),
    "customers alone ever reported": ([count(110_000, basis=BY_CUSTOMERS)], 4, False),
    "ever more customers": ([count(90_000, basis=BY_CUSTOMERS), count(110_000, basis=BY_CUSTOMERS)], 4, True),
    "it is measured to be more": ([count(90_000), count(110_000, basis=CountBasis.MEASURED)], 4, False),
    "from not known": ([count(), count(110_000, basis=BY_CUSTOMERS)], 4, False),
    "customers no longer count": (
        [count(90_000), count(110_000, basis=BY_CUSTOMERS), count(110_000, basis=CountBasis.MEASURED)],
        4,
        False,
    ),
}


@pytest.mark.parametrize("case", COUNTED)
def test_more_reports_by_customers_are_not_more_who_are_cut_off(case):
    told, level, said_so = COUNTED[case]
    found = levels(*(incident(revision=i, codes=("14",), users=users) for i, users in enumerate(told, start=1)))
    assert found["USERS"] == level
    assert ("REPORTING_EFFECT" in found) is said_so


def test_a_held_number_is_shown_as_it_was_told():
    told = [count(90_000), count(110_000, basis=BY_CUSTOMERS)]
    situation = only(*(incident(revision=i, codes=("14",), users=users) for i, users in enumerate(told, start=1)))
    assert situation.users[VOICE].best == 110_000
    assert situation.trend is Trend.UNKNOWN


def test_a_share_is_held_as_well():
    told = [count(50_000), count(60_000, basis=BY_CUSTOMERS)]
    assert "SHARE" not in levels(*(incident(revision=i, users=users) for i, users in enumerate(told, start=1)))


def test_connections_are_judged_by_the_thresholds_of_users_and_devices_by_none():
    def told(scope: CountScope) -> tuple[int, bool, set[str]]:
        severity = only(incident(users=count(200_000, scope))).severity
        return severity.level, severity.lower_bound, {reason.code for reason in severity.reasons}

    assert told(CountScope.CONNECTIONS) == (4, True, {"CONNECTIONS", "IMPACT"})
    assert told(CountScope.DEVICES) == (2, True, {"IMPACT"})
