"""Sites out of service: as a range, with what is not explained, and without making anything add up."""

from __future__ import annotations

import pytest

from bus.envelope import Envelope
from bus.messages import Sites
from bus.vocabulary import IncidentState
from consumers.merge.sites import MOST_CAUSES
from consumers.merge.view import SiteRange
from tests.merging import at, incident, only

SHARED = {"event_refs": ("storm:alva",)}


def told(actor: str, id: str = "A", code: str = "0780", **fields: object) -> Envelope:
    assets = fields.pop("infrastructure_ids", ())
    return incident(actor, id, codes=(code,), sites=Sites(**fields), infrastructure_ids=assets, **SHARED)


MASTS = ("ran:syd",)
OUT = {
    "one report": ([told("nordtel", out=40)], (40, 40, 0)),
    "two operators": ([told("nordtel", out=40), told("sveamobil", out=10)], (50, 50, 0)),
    "two operators on shared masts": (
        [
            told("nordtel", out=40, infrastructure_ids=("ran:syd",)),
            told("sveamobil", out=30, infrastructure_ids=("ran:syd",)),
        ],
        (40, 70, 0),
    ),
    "one operator, the same place": ([told("nordtel", "A", out=40), told("nordtel", "B", out=10)], (40, 50, 0)),
    "one operator, two places": ([told("nordtel", "A", out=40), told("nordtel", "B", "0781", out=10)], (50, 50, 0)),
    "a number is missing": ([told("nordtel", out=40), told("sveamobil", served=10)], (40, 40, 1)),
    "every number is missing": ([told("nordtel", served=10)], (0, None, 1)),
    "a known zero": ([told("nordtel", out=0)], (0, 0, 0)),
    "a report that is not about sites": (
        [told("nordtel", out=4), incident("kustfiber", codes=("0780",), **SHARED)],
        (4, 4, 0),
    ),
}


@pytest.mark.parametrize("case", OUT)
def test_sites_out_are_a_range(case):
    messages, expected = OUT[case]
    found = only(*messages).sites
    assert (found.out.low, found.out.high, found.out.unknown_reports) == expected


def test_what_nobody_tells_of_sites_is_not_zero():
    assert only(incident()).sites is None


def test_restored_sites_and_duplicates_are_not_counted():
    again = incident("sveamobil", sites=Sites(out=9), duplicate_of="incident/nordtel/A")
    over = incident("fjallmobil", codes=("0780",), state=IncidentState.RESTORED, sites=Sites(out=9), **SHARED)
    assert only(told("nordtel", out=4), again, over).sites.out == SiteRange(low=4, high=4, unknown_reports=0)


CAUSES = {
    "told for all": ({"out": 40, "out_by_cause": {"power": 31, "transport": 9}}, {"power": 31, "transport": 9}, 0),
    "told for some": ({"out": 40, "out_by_cause": {"power": 31, "transport": 4}}, {"power": 31, "transport": 4}, 5),
    "told for more than there are": (
        {"out": 3, "out_by_cause": {"power": 3, "transport": 2}},
        {"power": 3, "transport": 2},
        0,
    ),
    "told for none": ({"out": 40}, {}, 40),
    "told, of how many is not": ({"out_by_cause": {"power": 3}}, {"power": 3}, None),
}


@pytest.mark.parametrize("case", CAUSES)
def test_causes_are_told_as_they_are_and_what_is_left_over_is_unexplained(case):
    fields, causes, unexplained = CAUSES[case]
    found = only(told("nordtel", **fields)).sites
    assert (found.out_by_cause, found.cause_count, found.out_unexplained) == (causes, len(causes), unexplained)


def test_causes_of_several_operators_are_added():
    found = only(
        told("nordtel", out=4, out_by_cause={"power": 3}),
        told("sveamobil", out=2, out_by_cause={"power": 1, "fibre": 1}),
    ).sites
    assert (found.out_by_cause, found.out_unexplained) == ({"fibre": 1, "power": 4}, 1)


def test_a_situation_lists_the_causes_of_most_sites():
    found = only(told("nordtel", out=900, out_by_cause={f"cause {i:02}": i for i in range(1, 31)})).sites
    assert len(found.out_by_cause) == MOST_CAUSES
    assert min(found.out_by_cause.values()) == 11
    assert found.cause_count == 30


def test_sites_are_those_of_the_latest_word():
    later = incident("nordtel", "A", 2, codes=("0780",), observed_at=at(0.5), sites=Sites(out=3), **SHARED)
    assert only(told("nordtel", out=40), later).sites.out.high == 3
