"""How many are affected: never twice, never a guess for a number that nobody gave."""

from __future__ import annotations

from itertools import permutations

import pytest

from bus.registry import Actor, Registry
from bus.vocabulary import CountScope, Impact, IncidentState, Role, Service
from consumers.merge import parties
from tests.merging import LATER, NOBODY, at, count, fold, incident, numbers, only, picture, users

OWN, HOST, WHOLESALE = CountScope.OWN_SUBSCRIPTIONS, CountScope.INCLUDING_WHOLESALE, CountScope.WHOLESALE_ONLY
VOICE, DATA = Service.MOBILE_VOICE, Service.MOBILE_DATA
NOTHING_KNOWN = (0, None, None)


def report(actor: str, told: object = None, *codes: str, id: str = "I-1", **fields: object):
    """A report into the one situation; `told` is a number, a Users, or None where no number is given."""
    found = count(told) if isinstance(told, int) else told
    return incident(actor, id, codes=codes or ("07",), users=found, event_refs=("storm:alva",), **fields)


ONE_REPORT = {
    "a value": (count(500), (500, 500, 500, 0)),
    "a known zero": (count(0), (0, 0, 0, 0)),
    "nothing": (None, (*NOTHING_KNOWN, 1)),
    "a basis without a number": (count(), (*NOTHING_KNOWN, 1)),
    "a range around a value": (count(500, low=400, high=900), (400, 500, 900, 0)),
    "a range that leaves its value out": (count(500, low=600, high=400), (500, 500, 500, 0)),
    "only an upper end": (count(high=900), (0, 900, 900, 0)),
    "by service": (count(by_service={VOICE: 70}), (70, 70, 70, 0)),
    "by service, before the value": (count(500, by_service={VOICE: 70}), (70, 70, 70, 0)),
    "a known zero by service": (count(500, by_service={VOICE: 0}), (0, 0, 0, 0)),
    "only another service": (count(500, by_service={DATA: 70}), (*NOTHING_KNOWN, 1)),
}


@pytest.mark.parametrize("told", ONE_REPORT)
def test_one_report(told):
    given, expected = ONE_REPORT[told]
    assert users(report("nordtel", given)) == expected


SEVERAL = {
    "subscribers of different operators are different people": (
        [report("nordtel", 100), report("sveamobil", 50)],
        (150, 150, 150, 0),
    ),
    "a report without a number is counted as one": (
        [report("nordtel", 100), report("sveamobil"), report("fjallmobil")],
        (100, 100, 100, 2),
    ),
    "one operator, one place: the greatest": (
        [report("nordtel", 100), report("nordtel", 70, id="I-2")],
        (100, 100, 100, 0),
    ),
    "one operator, a county and a municipality in it: the greatest": (
        [report("nordtel", 100, "07"), report("nordtel", 70, "0780", id="I-2")],
        (100, 100, 100, 0),
    ),
    "one operator, places apart: the sum": (
        [report("nordtel", 100, "0780"), report("nordtel", 70, "0781", id="I-2")],
        (170, 170, 170, 0),
    ),
    "one operator, the whole country and a place in it: the greatest": (
        [report("nordtel", 100, "00"), report("nordtel", 70, "0781", id="I-2")],
        (100, 100, 100, 0),
    ),
    "one operator, a place that one report names among others: the greatest": (
        [report("nordtel", 100, "0780", "0781"), report("nordtel", 60, "0781", id="I-2")],
        (100, 100, 100, 0),
    ),
    "one operator, a county and two places in it that have more: the sum of the places": (
        [
            report("nordtel", 100, "07"),
            report("nordtel", 80, "0780", id="I-2"),
            report("nordtel", 70, "0781", id="I-3"),
        ],
        (150, 150, 150, 0),
    ),
    "of two on one of the places the greater": (
        [
            report("nordtel", 100, "07"),
            report("nordtel", 80, "0780", id="I-2"),
            report("nordtel", 70, "0781", id="I-3"),
            report("nordtel", 50, "0780", id="I-0"),
        ],
        (150, 150, 150, 0),
    ),
    "one operator, by municipality in one report alone: the greatest": (
        [
            report("nordtel", 100, "07"),
            report("nordtel", count(90, by_area={"0780": 60, "0781": 60}), "0780", "0781", id="I-2"),
        ],
        (100, 100, 100, 0),
    ),
    "one operator, by municipality: the greatest of each, added": (
        [
            report("nordtel", count(90, by_area={"0780": 60, "0781": 30}), "0780", "0781"),
            report("nordtel", count(90, by_area={"0780": 20, "0781": 70}), "0780", "0781", id="I-2"),
        ],
        (130, 130, 130, 0),
    ),
    "a host takes its wholesale customers in": (
        [report("nordtel", count(1_000, HOST)), report("lagpris", 200)],
        (1_000, 1_000, 1_200, 0),
    ),
    "also from a municipality of its county": (
        [report("nordtel", count(1_000, HOST), "07"), report("lagpris", 200, "0780")],
        (1_000, 1_000, 1_200, 0),
    ),
    "also where the host speaks of the whole country": (
        [report("nordtel", count(1_000, HOST), "00"), report("lagpris", 200, "0780")],
        (1_000, 1_000, 1_200, 0),
    ),
    "a host's count of its own customers is not another's": (
        [report("lagpris", count(1_000, HOST)), report("lagpris", 300, id="I-2")],
        (1_000, 1_000, 1_000, 0),
    ),
    "but not from another county": (
        [report("nordtel", count(1_000, HOST), "07"), report("lagpris", 200, "06")],
        (1_200, 1_200, 1_200, 0),
    ),
    "but not another mobile operator, which has a network of its own": (
        [report("nordtel", count(1_000, HOST)), report("sveamobil", 200)],
        (1_200, 1_200, 1_200, 0),
    ),
    "nor what staff report for one": (
        [report("nordtel", count(1_000, HOST)), report("samordning", 200, on_behalf_of="sveamobil")],
        (1_200, 1_200, 1_200, 0),
    ),
    "one whom the registry does not know may be among its customers": (
        [report("nordtel", count(1_000, HOST)), report("tretton", 200)],
        (1_000, 1_000, 1_200, 0),
    ),
    "two hosts are two": (
        [report("nordtel", count(1_000, HOST)), report("sveamobil", count(400, HOST)), report("lagpris", 200)],
        (1_400, 1_400, 1_600, 0),
    ),
    "wholesale customers alone only widen": (
        [report("nordtel", 1_000), report("kustfiber", count(700, WHOLESALE))],
        (1_000, 1_000, 1_700, 0),
    ),
    "devices are not people": (
        [report("nordtel", 1_000), report("sveamobil", count(700, CountScope.DEVICES))],
        (1_000, 1_000, 1_000, 1),
    ),
    "nor are connections, whose report tells no number of people": (
        [report("nordtel", count(700, CountScope.CONNECTIONS))],
        (*NOTHING_KNOWN, 1),
    ),
    "staff's report for one who does not report counts": (
        [report("samordning", 300, on_behalf_of="sveamobil")],
        (300, 300, 300, 0),
    ),
    "beside the operator's own it only widens": (
        [report("samordning", 300, on_behalf_of="nordtel"), report("nordtel", 100)],
        (100, 100, 400, 0),
    ),
    "beside the operator's own without a number too": (
        [report("samordning", 300, on_behalf_of="nordtel"), report("nordtel")],
        (0, None, 300, 1),
    ),
    "beside the operator's own on another service too": (
        [report("samordning", 300, on_behalf_of="nordtel"), report("nordtel", 9, impacts={DATA: Impact.OUTAGE})],
        (0, None, 300, 0),
    ),
    "elsewhere it counts": (
        [report("samordning", 300, "06", on_behalf_of="nordtel"), report("nordtel", 100, "07")],
        (400, 400, 400, 0),
    ),
    "two proxies of one operator in one place are the same people": (
        [report("samordning", 300, on_behalf_of="nordtel"), report("stadsnat", 200, on_behalf_of="nordtel")],
        (300, 300, 300, 0),
    ),
    "what is restored adds none": (
        [report("nordtel", 100), report("sveamobil", 50, state=IncidentState.RESTORED)],
        (100, 100, 100, 0),
    ),
    "a duplicate adds none": (
        [report("nordtel", 100), report("sveamobil", 50, duplicate_of="incident/nordtel/I-1")],
        (100, 100, 100, 0),
    ),
    "a duplicate of nothing counts": (
        [report("nordtel", 100), report("sveamobil", 50, duplicate_of="incident/nordtel/I-9")],
        (150, 150, 150, 0),
    ),
}


@pytest.mark.parametrize("case", SEVERAL)
def test_several_reports(case):
    messages, expected = SEVERAL[case]
    assert all(users(*order) == expected for order in permutations(messages))


@pytest.mark.parametrize("case", SEVERAL)
def test_a_situation_of_many_is_taken_apart_and_says_the_same(case, monkeypatch):
    monkeypatch.setattr(parties, "MANY", 1)
    messages, expected = SEVERAL[case]
    assert users(*messages) == expected
    assert users(*reversed(messages)) == expected


def test_without_a_registry_anybody_may_be_a_hosts_wholesale_customer():
    told = [report("nordtel", count(1_000, HOST)), report("sveamobil", 200)]
    (found,) = picture(*told, registry=NOBODY).situations
    assert numbers(found.users[VOICE]) == (1_000, 1_000, 1_200, 0)


def test_who_has_a_network_follows_the_registry_and_who_leaves_the_group_keeps_it():
    """Svea Mobil resells until hour 3, has a network from then on, and leaves the group at hour 5."""
    reseller = Actor(slug="sveamobil", name="Svea Mobil", roles=(Role.MVNO,), valid_until=at(3))
    mobile = reseller.model_copy(update={"roles": (Role.MNO,), "valid_from": at(3), "valid_until": at(5)})
    told = [report("nordtel", count(1_000, HOST)), report("sveamobil", 200)]
    state = fold(*told, registry=Registry.of([reseller, mobile]))
    best = [state.view(at(hour), {}, True).situations[0].users[VOICE].best for hour in (1, 4, 6, 2)]
    assert best == [1_000, 1_200, 1_200, 1_000]


def test_connections_and_devices_are_units_of_their_own():
    """Of one operator on overlapping areas the greatest, of several the sum; over situations added, as people are."""
    lines, machines = CountScope.CONNECTIONS, CountScope.DEVICES
    told = [
        report("nordtel", 1_000),
        report("sveamobil", count(700, lines)),
        report("sveamobil", count(500, lines), "0780", id="I-2"),
        report("kustfiber", count(40, lines)),
        report("lagpris", count(9, machines)),
        incident("kustfiber", "K", codes=("25",), users=count(3, lines)),
    ]
    for order in (told, told[::-1]):
        found = picture(*order)
        (storm,) = (s.users[VOICE] for s in found.situations if len(s.members) > 1)
        assert storm.other_units == storm.by_impact["OUTAGE"].other_units == {"CONNECTIONS": 740, "DEVICES": 9}
        assert numbers(storm) == (1_000, 1_000, 1_000, 4)
        assert found.totals.users[VOICE].other_units == {"CONNECTIONS": 743, "DEVICES": 9}
    assert fold(*told, *(report("sveamobil", 5, id=i, revision=2) for i in ("I-1", "I-2"))).view(
        LATER, {}, True
    ).totals.users[VOICE].other_units == {"CONNECTIONS": 43, "DEVICES": 9}


def test_services_are_never_added():
    found = only(report("nordtel", 100, impacts={VOICE: Impact.OUTAGE, DATA: Impact.OUTAGE})).users
    assert {service: told.best for service, told in found.items()} == {"MOBILE_VOICE": 100, "MOBILE_DATA": 100}


def test_impacts_are_never_added_and_the_plain_numbers_speak_of_the_worst():
    degraded = report("sveamobil", 9_000, impacts={VOICE: Impact.DEGRADED})
    found = only(report("nordtel", 100), degraded).users[VOICE]
    assert (found.impact, numbers(found)) == (Impact.OUTAGE, (100, 100, 100, 0))
    assert {impact: part.best for impact, part in found.by_impact.items()} == {"OUTAGE": 100, "DEGRADED": 9_000}


def test_no_impact_has_no_users():
    assert only(report("nordtel", 100, impacts={VOICE: Impact.NO_IMPACT})).users == {}


def test_a_host_does_not_absorb_another_impact():
    degraded = report("lagpris", 200, impacts={VOICE: Impact.DEGRADED})
    found = only(report("nordtel", count(1_000, HOST)), degraded).users[VOICE]
    assert numbers(found.by_impact["DEGRADED"]) == (200, 200, 200, 0)


def test_the_range_stays_in_order_where_reports_overlap_in_a_chain():
    """Which of them are added must not be chosen one way for `low` and another for `best`."""
    low, best, high, _ = users(
        report("nordtel", count(10, low=10), "0780", "0781", id="A"),
        report("nordtel", count(11, low=9), "0781", "0760", id="B"),
        report("nordtel", count(10, low=10), "0760", "0761", id="C"),
    )
    assert low <= best <= high


def test_a_host_elsewhere_in_the_picture_absorbs_nothing():
    found = picture(incident("nordtel", users=count(1_000, HOST)), incident("lagpris", users=count(200))).totals.users[
        VOICE
    ]
    assert numbers(found) == (1_200, 1_200, 1_200, 0)


def test_totals_add_the_situations_and_keep_what_is_unknown():
    found = picture(
        incident("nordtel", "A", users=count(100, low=50, high=150)),
        incident("nordtel", "B", codes=("06",)),
        incident("nordtel", "C", codes=("06",), impacts={VOICE: Impact.DEGRADED}, users=count(7)),
    ).totals.users[VOICE]
    assert (found.impact, numbers(found)) == (Impact.OUTAGE, (50, 100, 150, 1))
    assert numbers(found.by_impact["DEGRADED"]) == (7, 7, 7, 0)


def test_totals_of_reports_that_all_lack_a_number_are_unknown_and_never_zero():
    found = picture(incident("nordtel", "A"), incident("nordtel", "B", codes=("06",))).totals.users[VOICE]
    assert numbers(found) == (*NOTHING_KNOWN, 2)
