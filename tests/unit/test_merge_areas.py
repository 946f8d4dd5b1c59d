"""What is reported where: upwards it counts, downwards it never rolls."""

from __future__ import annotations

import pytest

from bus import geography
from bus.messages import Area
from bus.registry import Actor, Registry
from bus.vocabulary import AreaKind, Impact, IncidentState, Role, Service
from consumers.merge.view import AreaItem
from tests.merging import GROUP, MNOS, NOBODY, at, fold, incident, picture

COUNTIES = [county.code for county in geography.counties()]
OUTAGE, DEGRADED = Impact.OUTAGE, Impact.DEGRADED
ELSEWHERE = (Area(kind=AreaKind.OFFSHORE, label="Östersjön"), Area(kind=AreaKind.SITE, code="0780", label="mast"))


def areas(*messages, registry: Registry = GROUP, as_of=None) -> dict[str, AreaItem]:
    return {area.code: area for area in picture(*messages, registry=registry, as_of=as_of or at(1)).areas}


def struck(*messages) -> dict[str, dict[str, Impact]]:
    return {code: area.impact for code, area in areas(*messages).items() if area.impact}


def test_all_21_counties_are_told_even_of_an_empty_picture():
    found = areas()
    assert list(found) == COUNTIES
    assert len(found) == 21
    assert all((area.impact, area.all_mobile_down, area.situations) == ({}, False, ()) for area in found.values())
    assert found["01"].name == geography.name_of("01")


WHERE = {
    "a municipality counts in its county": (("0780",), {"07", "0780"}),
    "a county does not paint its municipalities": (("07",), {"07"}),
    "the country counts in every county": (("00",), set(COUNTIES)),
    "and in no municipality": (("00", "0780"), {*COUNTIES, "0780"}),
    "two municipalities": (("0780", "0114"), {"07", "0780", "01", "0114"}),
}


@pytest.mark.parametrize("case", WHERE)
def test_where_a_report_counts(case):
    codes, expected = WHERE[case]
    assert struck(incident(codes=codes)) == {code: {"nordtel": OUTAGE} for code in expected}


def test_places_without_a_code_are_in_no_area():
    assert struck(incident(areas=ELSEWHERE)) == {}


def test_a_county_report_does_not_reach_a_municipality_that_another_has_touched():
    found = struck(incident("nordtel", codes=("07",)), incident("sveamobil", codes=("0780",)))
    assert found == {"07": {"nordtel": OUTAGE, "sveamobil": OUTAGE}, "0780": {"sveamobil": OUTAGE}}


def test_the_worst_impact_of_each_operator_is_told():
    found = struck(
        incident("nordtel", "A", codes=("07",), impacts={Service.FIXED_VOICE: DEGRADED}),
        incident("nordtel", "B", codes=("0780",), impacts={Service.MOBILE_DATA: OUTAGE}),
        incident("sveamobil", codes=("07",), impacts={Service.MOBILE_DATA: Impact.UNKNOWN}),
    )
    assert found == {"07": {"nordtel": OUTAGE, "sveamobil": Impact.UNKNOWN}, "0780": {"nordtel": OUTAGE}}


def test_a_report_for_an_operator_counts_as_that_operators():
    assert struck(incident("samordning", on_behalf_of="sveamobil"))["07"] == {"sveamobil": OUTAGE}


def test_a_county_names_the_situations_within_and_around_it():
    found = picture(incident("nordtel", codes=("0780",)), incident("sveamobil", codes=("00",)))
    by_actor = {situation.actors[0]: situation.id for situation in found.situations}
    by_code = {area.code: area.situations for area in found.areas}
    assert by_code["07"] == tuple(sorted(by_actor.values()))
    assert by_code["0780"] == (by_actor["nordtel"],)
    assert by_code["01"] == (by_actor["sveamobil"],)


@pytest.mark.parametrize("state", ["RESTORED", "CLOSED", "RETRACTED"])
def test_what_is_over_leaves_the_municipality_and_the_county_white(state):
    state_ = fold(incident(codes=("0780",)))
    state_.changes(at(1))
    state_.apply(incident(revision=2, codes=("0780",), state=IncidentState(state)))
    changed = state_.changes(at(1))
    assert changed["area/0780"] is None
    assert changed["area/07"].impact == {}


# All mobile networks down


def down(*codes: str, percent: float | None = None, service: Service = Service.MOBILE_VOICE, who=MNOS, **fields):
    return [incident(actor, codes=codes, impacts={service: OUTAGE}, percent=percent, **fields) for actor in who]


TWO = MNOS[:2]
LAST = MNOS[2]
ALL_DOWN = {
    "all, in the municipality": (down("0780"), {"0780"}),
    "all, in the county": (down("07"), {"07"}),
    "outages below never roll up": (down("0780", "0781"), {"0780", "0781"}),
    "a county without a share does not reach down": ([*down("0780", who=TWO), *down("07", who=[LAST])], set()),
    "with 89 % neither": ([*down("0780", who=TWO), *down("07", who=[LAST], percent=89.9)], set()),
    "with 90 % it does": ([*down("0780", who=TWO), *down("07", who=[LAST], percent=90)], {"0780"}),
    "so does the country": ([*down("0780", who=TWO), *down("00", who=[LAST], percent=95)], {"0780"}),
    "all over the country, nearly all": (down("00", percent=90), set(COUNTIES)),
    "all over the country, of unknown share": (down("00"), set()),
    "any mobile service will do": (
        [
            *down("07", who=MNOS[:1], service=Service.MOBILE_DATA),
            *down("07", who=MNOS[1:2], service=Service.MOBILE_MESSAGING),
            *down("07", who=[LAST]),
        ],
        {"07"},
    ),
    "a fixed one will not": ([*down("07", who=TWO), *down("07", who=[LAST], service=Service.FIXED_VOICE)], set()),
    "one is missing": (down("07", who=TWO), set()),
    "one is only degraded": (
        [*down("07", who=TWO), incident(LAST, impacts={Service.MOBILE_VOICE: DEGRADED}, percent=100)],
        set(),
    ),
    "one is back": ([*down("07", who=TWO), *down("07", who=[LAST], state=IncidentState.RESTORED)], set()),
    "one is told of by staff": ([*down("07", who=TWO), incident("samordning", on_behalf_of=LAST)], {"07"}),
    "others without a network do not matter": ([*down("07"), incident("lagpris", codes=("0780",))], {"07"}),
}


@pytest.mark.parametrize("case", ALL_DOWN)
def test_all_mobile_down(case):
    messages, expected = ALL_DOWN[case]
    assert {code for code, area in areas(*messages).items() if area.all_mobile_down} == expected


def test_without_a_registry_no_rule_by_role_fires():
    assert not any(area.all_mobile_down for area in areas(*down("07"), registry=NOBODY).values())


def test_only_operators_valid_at_the_time_are_waited_for():
    registry = Registry.of(
        [
            Actor(slug="nordtel", name="Nordtel", roles=(Role.MNO,)),
            Actor(slug="tretton", name="Tretton", roles=(Role.MNO,), valid_until=at(2)),
        ]
    )
    state = fold(*down("07", who=["nordtel"]), registry=registry)
    assert not state.items(at(1))["area/07"].all_mobile_down
    assert state.changes(at(1)).keys() >= {"area/07"}
    assert state.changes(at(2))["area/07"].all_mobile_down
    assert not state.items(at(1))["area/07"].all_mobile_down
