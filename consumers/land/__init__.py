"""The geometry of Sweden: outlines for drawing, and GeoJSON, by area code (README.md says how it was made)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal, TypedDict

__all__ = ["MAP", "Geometry", "Map", "Outline", "geojson_geometry"]

Position = list[float]
"""Longitude and latitude, in degrees of WGS 84."""


class Geometry(TypedDict):
    """A geometry of GeoJSON (RFC 7946)."""

    type: Literal["MultiPolygon"]
    coordinates: list[list[list[Position]]]


@dataclass(frozen=True, slots=True)
class Outline:
    """How an area is drawn. Kilometres, from the map's north-western corner to the east and to the south."""

    code: str
    path: str
    """The data of an SVG path, to be filled by the rule `evenodd`."""
    label: tuple[float, float]
    """A point well inside of the area's largest part."""


@dataclass(frozen=True, slots=True)
class Map:
    view_box: tuple[float, float, float, float]
    outlines: Mapping[str, Outline]
    """By code: the country (`00`), its counties and its municipalities."""


def _read(name: str) -> Any:
    return json.loads(files("consumers.land").joinpath(name).read_text("utf-8"))


def _map() -> Map:
    told = _read("map.json")
    left, top, width, height = told["view_box"]
    outlines = {c: Outline(c, area["path"], (area["label"][0], area["label"][1])) for c, area in told["areas"].items()}
    return Map((left, top, width, height), MappingProxyType(outlines))


MAP = _map()


@cache
def _geometries() -> dict[str, list[list[list[Position]]]]:
    told: dict[str, list[list[list[Position]]]] = _read("geometry.json")
    return told


def geojson_geometry(code: str) -> Geometry:
    """The area as a GeoJSON geometry. Raises KeyError for an unknown code."""
    return {"type": "MultiPolygon", "coordinates": _geometries()[code]}
