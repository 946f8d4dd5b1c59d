"""What is reported where: upwards it counts, downwards it never rolls."""

from __future__ import annotations

import pytest

from bus import geography
from bus.messages import Area, Emergency
from bus.registry import Actor, Registry
from bus.vocabulary import AreaKind, EmergencyImpact, Impact, IncidentState, NetworkPart, Role, Service
from consumers.merge.view import AreaEmergency, AreaItem
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
    for area in found.values():
        assert (area.impact, area.mobile, area.emergency, area.situations) == ({}, {}, None, ())
        assert not area.all_mobile_down
        assert not area.white_out
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


def test_the_mobile_matrix_leaves_other_services_out():
    found = areas(
        incident("nordtel", "A", codes=("0780",), impacts={Service.FIXED_VOICE: OUTAGE, Service.MOBILE_DATA: DEGRADED}),
        incident("nordtel", "B", codes=("07",), impacts={Service.MOBILE_VOICE: Impact.UNKNOWN}),
        incident("kustfiber", codes=("0780",), impacts={Service.TRANSPORT: OUTAGE}),
    )
    assert found["0780"].impact == {"kustfiber": OUTAGE, "nordtel": OUTAGE}
    assert found["0780"].mobile == found["07"].mobile == {"nordtel": DEGRADED}


def test_an_area_names_a_few_of_its_situations_in_the_feed_and_all_in_the_view():
    state = fold(*(incident("nordtel", f"I-{i}", codes=("0780",)) for i in range(30)))
    item = state.items(at(1))["area/0780"]
    (whole,) = (area for area in state.view(at(1), {}, True).areas if area.code == "0780")
    assert (item.situation_count, len(item.situations)) == (30, 20)
    assert whole.situations[:20] == item.situations
    assert len(set(whole.situations)) == 30


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


# White-out: no mobile network works as it should


def degraded(*codes: str, percent: float | None = None, who=MNOS):
    impacts = {Service.MOBILE_DATA: DEGRADED}
    return [incident(actor, "W", codes=codes, impacts=impacts, percent=percent) for actor in who]


WHITE = {
    "all degraded, in the municipality": (degraded("0780"), {"0780"}),
    "which is no white-out of the county": (degraded("0780", "0781"), {"0780", "0781"}),
    "all down is one": (down("0780"), {"0780"}),
    "some down, the rest degraded": ([*down("0780", who=TWO), *degraded("0780", who=[LAST])], {"0780"}),
    "a county degraded somewhere does not reach down": (
        [*down("0780", who=TWO), *degraded("07", who=[LAST])],
        set(),
    ),
    "a county that is nearly all degraded does": (
        [*down("0780", who=TWO), *degraded("07", who=[LAST], percent=90)],
        {"0780"},
    ),
    "reduced redundancy is not felt": (
        [
            *down("0780", who=TWO),
            incident(LAST, codes=("0780",), impacts={Service.MOBILE_DATA: Impact.REDUCED_REDUNDANCY}),
        ],
        set(),
    ),
    "an unknown impact is no report of one": (
        [*down("0780", who=TWO), incident(LAST, codes=("0780",), impacts={Service.MOBILE_DATA: Impact.UNKNOWN})],
        set(),
    ),
    "one is missing": (degraded("0780", who=TWO), set()),
}


@pytest.mark.parametrize("case", WHITE)
def test_white_out(case):
    messages, expected = WHITE[case]
    assert {code for code, area in areas(*messages).items() if area.white_out} == expected


@pytest.mark.parametrize("case", [*ALL_DOWN, *WHITE])
def test_where_all_networks_are_down_there_is_a_white_out(case):
    messages, _ = {**ALL_DOWN, **WHITE}[case]
    for area in areas(*messages).values():
        assert area.white_out >= area.all_mobile_down


def test_the_last_network_that_works_ends_the_white_out():
    state = fold(*down("0780"))
    assert state.changes(at(1))["area/0780"].white_out
    state.apply(incident(LAST, revision=2, codes=("0780",), state=IncidentState.RESTORED))
    changed = state.changes(at(1))["area/0780"]
    assert not changed.white_out
    assert not changed.all_mobile_down


# 112

E = EmergencyImpact


def call(actor: str, impact: EmergencyImpact, *codes: str, id: str = "E", radiating: bool | None = None, **fields):
    return incident(
        actor, id, codes=codes or ("0780",), emergency=Emergency(impact=impact, ran_radiating=radiating), **fields
    )


def emergency(*messages, code: str = "0780") -> AreaEmergency | None:
    return areas(*messages)[code].emergency


def test_112_is_told_by_whom_and_how_in_the_municipality_and_its_county():
    messages = [
        call("nordtel", E.DEGRADED),
        call("sveamobil", E.LOST_WITH_FALLBACK),
        call("fjallmobil", E.NONE),
        incident("lagpris", codes=("0780",)),
    ]
    found = emergency(*messages)
    assert found == emergency(*messages, code="07")
    assert found.impact is E.LOST_WITH_FALLBACK
    assert found.operators == {"fjallmobil": E.NONE, "nordtel": E.DEGRADED, "sveamobil": E.LOST_WITH_FALLBACK}
    assert found.refs == ("incident/sveamobil/E", "incident/nordtel/E")
    assert found.report_count == 2


def test_of_112_nobody_speaks():
    assert emergency(incident("nordtel", codes=("0780",))) is None
    assert picture(incident("nordtel", codes=("0780",))).emergency == ()


def test_112_in_the_county_does_not_reach_its_municipalities():
    messages = [call("nordtel", E.LOST_NO_FALLBACK, "07"), incident("sveamobil", codes=("0780",))]
    assert emergency(*messages) is None
    assert emergency(*messages, code="07").impact is E.LOST_NO_FALLBACK


def test_112_that_works_again_leaves_nothing_behind():
    restored = call("nordtel", E.LOST_NO_FALLBACK, revision=2, state=IncidentState.RESTORED)
    assert emergency(call("nordtel", E.LOST_NO_FALLBACK), restored, incident("sveamobil", codes=("0780",))) is None


FALLBACK = {
    "as told": ([call("nordtel", E.LOST_WITH_FALLBACK)], True),
    "none, as told": ([call("nordtel", E.LOST_NO_FALLBACK)], False),
    "one operator without is enough": (
        [call("nordtel", E.LOST_NO_FALLBACK), call("sveamobil", E.LOST_WITH_FALLBACK)],
        False,
    ),
    "none where all networks are down": ([*down("0780"), call("nordtel", E.LOST_WITH_FALLBACK)], False),
    "not where only some are": ([*down("0780", who=TWO), call("nordtel", E.LOST_WITH_FALLBACK)], True),
    "none where the radio keeps the phones": ([call("nordtel", E.LOST_WITH_FALLBACK, radiating=True)], False),
    "not told where calls get through": ([call("nordtel", E.LOCATION_LOST)], None),
    "not told where nothing is known": ([call("nordtel", E.UNKNOWN)], None),
    "elsewhere in the county": (
        [call("nordtel", E.LOST_NO_FALLBACK, "0781"), call("nordtel", E.DEGRADED, id="D")],
        None,
    ),
}


@pytest.mark.parametrize("case", FALLBACK)
def test_whether_phones_reach_112_over_another_network(case):
    messages, expected = FALLBACK[case]
    assert emergency(*messages).fallback is expected


def test_a_county_has_no_fallback_where_one_of_its_municipalities_has_none():
    messages = [*down("0780"), call("nordtel", E.LOST_WITH_FALLBACK)]
    assert emergency(*messages, code="07").fallback is False
    state = fold(*messages)
    state.changes(at(1))
    state.apply(incident(LAST, revision=2, codes=("0780",), state=IncidentState.RESTORED))
    assert state.changes(at(1))["area/07"].emergency.fallback is True


RADIATING = {
    "with voice down": ({Service.MOBILE_VOICE: OUTAGE}, NetworkPart.UNKNOWN, True, True),
    "with the core down": ({Service.MOBILE_DATA: OUTAGE}, NetworkPart.CORE, True, True),
    "with data alone down": ({Service.MOBILE_DATA: OUTAGE}, NetworkPart.ACCESS, True, False),
    "with voice degraded": ({Service.MOBILE_VOICE: DEGRADED}, NetworkPart.CORE, True, False),
    "switched off": ({Service.MOBILE_VOICE: OUTAGE}, NetworkPart.CORE, False, False),
    "not told": ({Service.MOBILE_VOICE: OUTAGE}, NetworkPart.CORE, None, False),
}


@pytest.mark.parametrize("case", RADIATING)
def test_a_radio_network_that_radiates_without_a_core_keeps_phones_from_112(case):
    impacts, part, radiating, holds = RADIATING[case]
    messages = [call("nordtel", E.UNKNOWN, impacts=impacts, network_part=part, radiating=radiating)]
    assert emergency(*messages).ran_radiating == (("nordtel",) if holds else ())
    assert [item.code for item in picture(*messages).emergency] == (["07", "0780"] if holds else [])


def test_what_is_asked_of_112_is_answered_by_area():
    view = picture(call("nordtel", E.LOST_NO_FALLBACK), call("sveamobil", E.NONE, "0781"))
    assert [(item.code, item.name, item.impact) for item in view.emergency] == [
        ("07", geography.name_of("07"), E.LOST_NO_FALLBACK),
        ("0780", "Växjö", E.LOST_NO_FALLBACK),
    ]
    assert view.emergency[1].refs == ("incident/nordtel/E",)


def test_the_reports_of_112_in_an_area_are_counted_and_some_are_named_worst_first():
    messages = [call("nordtel", E.DEGRADED, id=f"D-{i:02}") for i in range(30)]
    found = emergency(*messages, call("sveamobil", E.LOST_NO_FALLBACK))
    assert (found.report_count, len(found.refs), found.refs[0]) == (31, 10, "incident/sveamobil/E")
