"""Sweden's counties (län) and municipalities (kommuner), by Statistics Sweden's codes, and which contains which.

Codes are zero-padded strings: `00` the country, two digits a county, four digits a municipality whose first two are
its county. Source: Statistics Sweden (SCB), open data under CC0; names and codes as of 2025.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from bus.vocabulary import AreaKind

COUNTRY = "00"


@dataclass(frozen=True, slots=True)
class Place:
    """A county or municipality, or the country."""

    code: str
    name: str

    @property
    def kind(self) -> AreaKind:
        if self.code == COUNTRY:
            return AreaKind.COUNTRY
        return AreaKind.LAN if len(self.code) == 2 else AreaKind.KOMMUN


def _read() -> dict[str, Place]:
    lines = files("bus").joinpath("geography.tsv").read_text("utf-8").splitlines()
    return {code: Place(code, name) for code, name in (line.split("\t") for line in lines)}


_PLACES = _read()
_COUNTIES = tuple(place for place in _PLACES.values() if place.kind is AreaKind.LAN)
_MUNICIPALITIES = tuple(place for place in _PLACES.values() if place.kind is AreaKind.KOMMUN)


def counties() -> tuple[Place, ...]:
    """The 21 counties, by code."""
    return _COUNTIES


def municipalities() -> tuple[Place, ...]:
    """The 290 municipalities, by code."""
    return _MUNICIPALITIES


def is_code(code: str) -> bool:
    return code in _PLACES


def kind_of(code: str) -> AreaKind | None:
    """What kind of area the code names; None where SCB has no such code."""
    place = _PLACES.get(code)
    return place.kind if place else None


def name_of(code: str) -> str:
    """The area's name. Raises KeyError for an unknown code."""
    return _PLACES[code].name


def county_of(code: str) -> str | None:
    """The county that a county or municipality lies in; None for the country."""
    return None if code == COUNTRY else code[:2]


def contains(outer: str, inner: str) -> bool:
    """Whether `outer` is `inner` or contains it."""
    return outer in (inner, COUNTRY) or (len(outer) == 2 and inner != COUNTRY and inner[:2] == outer)


def overlap(a: str, b: str) -> bool:
    """Whether the two are equal or one contains the other."""
    return contains(a, b) or contains(b, a)


@cache
def suggest(text: str) -> str:
    """The code that was probably meant, as `0780 Växjö`; empty when nothing is near."""
    by_name = {place.name.casefold(): place for place in _PLACES.values()}
    if text.isdigit() and text.lstrip("0"):
        for padded in (text.zfill(2), text.zfill(4)):
            if padded in _PLACES:
                return f"{padded} {_PLACES[padded].name}"
    near = difflib.get_close_matches(text.casefold(), by_name, 1)
    place = by_name[near[0]] if near else _PLACES.get(next(iter(difflib.get_close_matches(text, _PLACES, 1)), ""))
    return f"{place.code} {place.name}" if place else ""
