"""The map: what is reported for each municipality, and somewhere in each county. Pure.

A municipality is filled where something is reported for exactly it. A county that is told of as a whole is tinted: the
disturbance is somewhere in it, and its municipalities are not painted. Where nothing is reported, plain paper says so;
while an operator of the kind that covers the country is silent, that paper is hatched, for then it is not known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bus import geography
from bus.vocabulary import IMPACT_ORDER, AreaKind, Freshness, Impact, Role
from consumers.land import MAP
from consumers.merge.view import AreaItem, Situation, View
from consumers.room.page.said import RAMP_OF_IMPACT

__all__ = ["Country", "Painted", "Row", "country", "land"]

LATE = frozenset({Freshness.STALE, Freshness.SILENT})
EVERYWHERE = frozenset({Role.MNO, Role.FIXED})
"""Who covers the country: from their silence nothing follows, wherever one looks."""

NO_NETWORK = "5"


@dataclass(frozen=True, slots=True)
class Painted:
    """How an area is filled: a step of the ramp (`0` to `5`, `u` unknown), stale or not."""

    code: str
    name: str
    step: str
    worst: Impact
    stale: bool
    everywhere: bool
    """What is told of it is told of the whole country."""


@dataclass(frozen=True, slots=True)
class Row:
    """An area in the table."""

    area: AreaItem
    county: bool
    mobile_down: int
    """Mobile operators with an outage here."""
    everywhere: bool
    """Nothing is told of it but what is told of the whole country."""


@dataclass(frozen=True, slots=True)
class Country:
    """What is drawn over the land, bottom to top."""

    counties: Sequence[Painted]
    municipalities: Sequence[Painted]
    chosen: Sequence[str]
    """Areas of the chosen situation, to be outlined."""
    unreported: bool
    """Whether where nothing is reported it is unknown how things are."""
    silent: Sequence[str]
    whole: Sequence[Situation]
    """Situations that are told of for the whole country."""


def country(view: View, chosen: Situation | None) -> Country:
    """How the country is to be painted."""
    stale = {situation.id for situation in view.situations if situation.freshness in LATE}
    everywhere = {situation.id for situation in view.situations if geography.COUNTRY in situation.areas}
    painted = [paint for area in view.areas if (paint := _painted(area, stale, everywhere)) is not None]
    silent = [a.actor for a in view.actors if a.freshness in LATE and EVERYWHERE.intersection(a.roles)]
    return Country(
        counties=[paint for paint in painted if geography.kind_of(paint.code) is AreaKind.LAN],
        municipalities=[paint for paint in painted if geography.kind_of(paint.code) is AreaKind.KOMMUN],
        chosen=_outlined(chosen.areas) if chosen is not None else (),
        unreported=bool(silent),
        silent=silent,
        whole=[situation for situation in view.situations if situation.id in everywhere],
    )


def _painted(area: AreaItem, stale: Collection[str], everywhere: Collection[str]) -> Painted | None:
    worst = _worst(area.impact)
    if worst is None or area.code not in MAP.outlines:
        return None
    step = NO_NETWORK if area.all_mobile_down else RAMP_OF_IMPACT[worst]
    old, whole = (bool(area.situations) and all(id_ in ids for id_ in area.situations) for ids in (stale, everywhere))
    return Painted(area.code, area.name, step, worst, old, whole)


def _worst(impacts: Mapping[str, Impact]) -> Impact | None:
    return max(impacts.values(), key=IMPACT_ORDER.index, default=None)


def _outlined(codes: Sequence[str]) -> Sequence[str]:
    """The areas to outline: municipalities, and the counties of which none is named."""
    named = [code for code in codes if code in MAP.outlines]
    return [code for code in named if len(code) == 4 or not any(len(c) == 4 and c[:2] == code for c in named)]


def rows(view: View) -> Sequence[Row]:
    """The areas that are reported for: counties by code, each followed by its municipalities."""
    everywhere = {situation.id for situation in view.situations if geography.COUNTRY in situation.areas}
    mobile = {actor.actor for actor in view.actors if Role.MNO in actor.roles}
    return [*_rows(view.areas, everywhere, mobile)]


def _rows(areas: Sequence[AreaItem], everywhere: Collection[str], mobile: Collection[str]) -> Iterator[Row]:
    for area in sorted(areas, key=lambda area: area.code):
        down = sum(impact is Impact.OUTAGE and owner in mobile for owner, impact in area.mobile.items())
        yield Row(area, len(area.code) == 2, down, all(id_ in everywhere for id_ in area.situations))


def land() -> Sequence[tuple[str, str, str]]:
    """Code, name and outline of every municipality: what lies beneath, and never changes."""
    return [(place.code, place.name, MAP.outlines[place.code].path) for place in geography.municipalities()]


def borders() -> Sequence[tuple[str, str]]:
    """Code and outline of every county, and of the country."""
    codes = [geography.COUNTRY, *(place.code for place in geography.counties())]
    return [(code, MAP.outlines[code].path) for code in codes]
