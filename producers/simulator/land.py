"""Who works where: counties that touch, the made-up operators, and how each of them numbers its incidents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType

from bus import geography
from producers.simulator.chance import token

NEIGHBOURS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "01": ("03", "04"),
        "03": ("01", "19", "21"),
        "04": ("01", "05", "18", "19"),
        "05": ("04", "06", "08", "14", "18"),
        "06": ("05", "07", "08", "13", "14"),
        "07": ("06", "08", "10", "12", "13"),
        "08": ("05", "06", "07", "10"),
        "09": ("08",),  # across the water
        "10": ("07", "08", "12"),
        "12": ("07", "10", "13"),
        "13": ("06", "07", "12", "14"),
        "14": ("05", "06", "13", "17", "18"),
        "17": ("14", "18", "20"),
        "18": ("04", "05", "14", "17", "19", "20"),
        "19": ("03", "04", "18", "20"),
        "20": ("17", "18", "19", "21", "23"),
        "21": ("03", "20", "22", "23"),
        "22": ("21", "23", "24"),
        "23": ("20", "21", "22", "24"),
        "24": ("22", "23", "25"),
        "25": ("24",),
    }
)
"""Counties that share a border."""

MOBILE = ("nordtel", "sveamobil", "fjallmobil", "tretton")
HOSTED, HOST = "lagpris", "sveamobil"
"""The operator without a radio network, and whose network it uses."""
INCUMBENT, COAST_CABLES, TOWN_NETWORKS, GRID = "nordtel", "kustfiber", "stadsnat", "elnat-syd"
COAST = frozenset({"01", "03", "04", "05", "08", "09", "10", "12", "13", "14", "21", "22", "24", "25"})
"""Counties where kustfiber has cables; elsewhere nordtel's carry the traffic."""
GRID_COUNTIES = frozenset({"06", "07", "08", "10", "12", "13"})
"""Counties where the owner of the grid is in the group. Elsewhere nobody tells of the power but its victims."""

ID_FORMS: Mapping[str, Callable[[Random], str]] = MappingProxyType(
    {
        "nordtel": lambda rng: f"INC{rng.randrange(10**7):07}",
        "sveamobil": lambda rng: f"T-{token(rng, 6)}",
        "fjallmobil": lambda rng: f"{rng.randrange(10**5):05}-{token(rng, 2)}",
        "tretton": lambda rng: f"{token(rng, 4)}.{rng.randrange(10**4):04}",
        "kustfiber": lambda rng: f"K{rng.randrange(10**6):06}",
        "elnat-syd": lambda rng: f"AVB-{rng.randrange(10**6):06}",
    }
)
"""How an operator numbers its incidents. The numbers are random: they tell neither order nor event."""


def new_id(rng: Random, actor: str) -> str:
    form = ID_FORMS.get(actor)
    return form(rng) if form else token(rng, 8)


def towns_of(county: str) -> tuple[str, ...]:
    """The codes of a county's municipalities."""
    return tuple(place.code for place in geography.municipalities() if place.code[:2] == county)


def county_of(code: str) -> str:
    return code[:2]


def cable_owner(county: str) -> str:
    return COAST_CABLES if county in COAST else INCUMBENT


def path(rng: Random, county: str, length: int) -> tuple[str, ...]:
    """Counties that follow each other across borders, each once, beginning with the given one."""
    found = [county]
    while len(found) < length:
        ahead = [near for near in NEIGHBOURS[found[-1]] if near not in found]
        if not ahead:
            break
        found.append(rng.choice(ahead))
    return tuple(found)
