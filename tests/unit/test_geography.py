"""Sweden's areas: complete, well-formed, and nested as Statistics Sweden's codes say."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus import geography
from bus.geography import COUNTRY, contains, counties, county_of, is_code, kind_of, municipalities, name_of, overlap
from bus.vocabulary import AreaKind

CODES = [COUNTRY, *(place.code for place in (*counties(), *municipalities()))]
codes = st.sampled_from(CODES)


def test_all_of_sweden() -> None:
    assert len(counties()) == 21
    assert len(municipalities()) == 290
    assert len({place.name for place in municipalities()}) == 290
    assert [place.code for place in municipalities()] == sorted(place.code for place in municipalities())
    assert {place.code[:2] for place in municipalities()} == {place.code for place in counties()}


@pytest.mark.parametrize(
    ("code", "name", "kind", "county"),
    [
        ("00", "Sverige", AreaKind.COUNTRY, None),
        ("07", "Kronobergs län", AreaKind.LAN, "07"),
        ("0780", "Växjö", AreaKind.KOMMUN, "07"),
        ("0180", "Stockholm", AreaKind.KOMMUN, "01"),
        ("2584", "Kiruna", AreaKind.KOMMUN, "25"),
    ],
)
def test_known_areas(code: str, name: str, kind: AreaKind, county: str | None) -> None:
    assert is_code(code)
    assert (name_of(code), kind_of(code), county_of(code)) == (name, kind, county)


@pytest.mark.parametrize("code", ["", "0", "780", "0719", "02", "99", "Växjö", " 0780", "00780"])
def test_other_texts_are_no_codes(code: str) -> None:
    assert not is_code(code)
    assert kind_of(code) is None
    with pytest.raises(KeyError):
        name_of(code)


def test_the_country_contains_all_and_a_county_its_own() -> None:
    for code in CODES:
        assert contains(COUNTRY, code)
        assert contains(code, COUNTRY) == (code == COUNTRY)
    for county, municipality in itertools.product(counties(), municipalities()):
        assert contains(county.code, municipality.code) == (county_of(municipality.code) == county.code)
        assert not contains(municipality.code, county.code)


@given(codes, codes, codes)
def test_containment_is_a_partial_order(a: str, b: str, c: str) -> None:
    assert contains(a, a)
    assert a == b or not (contains(a, b) and contains(b, a))
    assert contains(a, c) or not (contains(a, b) and contains(b, c))


@given(codes, codes)
def test_areas_overlap_when_they_share_a_municipality(a: str, b: str) -> None:
    def inside(code: str) -> set[str]:
        return {place.code for place in municipalities() if contains(code, place.code)}

    assert overlap(a, b) == overlap(b, a) == bool(inside(a) & inside(b))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("780", "0780 Växjö"),
        ("00780", "0780 Växjö"),
        ("7", "07 Kronobergs län"),
        ("vaxjo", "0780 Växjö"),
        ("Växjö kommun", "0780 Växjö"),
        ("Kronoberg", "07 Kronobergs län"),
        ("Goteborg", "1480 Göteborg"),
        ("Stokholm", "0180 Stockholm"),
        ("Gotland", "0980 Gotland"),
        ("", ""),
        ("nowhere", ""),
        ("9999", ""),
    ],
)
def test_a_bad_code_is_told_what_was_probably_meant(text: str, meant: str) -> None:
    assert geography.suggest(text) == meant


@given(st.text(max_size=20))
def test_a_suggestion_is_always_a_real_area(text: str) -> None:
    suggestion = geography.suggest(text)
    if suggestion:
        code, name = suggestion.split(" ", 1)
        assert name_of(code) == name


def test_borders_have_two_sides_and_gotland_has_none() -> None:
    for county in counties():
        for other in geography.counties_next_to(county.code):
            assert county.code in geography.counties_next_to(other)
            assert other != county.code
    assert geography.counties_next_to("09") == frozenset()
    assert geography.counties_next_to("25") == {"24"}
    assert geography.counties_next_to("07") == {"06", "08", "10", "12", "13"}
    with pytest.raises(KeyError):
        geography.counties_next_to("0780")
