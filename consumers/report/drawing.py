"""The map of a report, as SVG: how each municipality and county suffers, by what is reported for it.

A municipality is filled where something is reported for exactly it. A county is dotted: somewhere in it. (Not paler: a
pale colour of the ramp would look like another.) Hatched: the impact is unknown, or all that is told of the place is
stale. Plain: nothing is reported, which is not *all is well*.
"""

from __future__ import annotations

from collections.abc import Iterator

from bus import geography
from bus.vocabulary import IMPACT_ORDER, AreaKind, Freshness, Impact
from consumers.land import MAP
from consumers.merge.view import AreaItem, View
from consumers.ramp import RAMP, RAMP_OF_IMPACT

__all__ = ["LATE", "level_of", "map_of"]

LATE = frozenset({Freshness.STALE, Freshness.SILENT})
NO_NETWORK = 5
_STROKES = {AreaKind.COUNTRY: ("#000000", 1.6), AreaKind.LAN: ("#222222", 1.4), AreaKind.KOMMUN: ("#b8bec4", 0.5)}
_PATTERNS = (
    '<pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<path d="M0 0V7" stroke="#3a3a3a" stroke-width="1.8"/></pattern>'
) + "".join(
    f'<pattern id="dots{level}" width="9" height="9" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    f'<circle cx="4.5" cy="4.5" r="3" fill="{shade.fill}"/></pattern>'
    for level, shade in enumerate(RAMP)
)


def map_of(view: View) -> str:
    """The country as the view tells of it."""
    stale = {situation.id for situation in view.situations if situation.freshness in LATE}
    box = " ".join(f"{edge - 4 if place < 2 else edge + 8:g}" for place, edge in enumerate(MAP.view_box))
    parts = [*_fills(view, stale), *_borders()]
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}"><defs>{_PATTERNS}</defs>{"".join(parts)}</svg>'


def level_of(area: AreaItem) -> int | None:
    """The step of the ramp that says what is reported for the area; None where nothing or an unknown impact is."""
    if area.all_mobile_down:
        return NO_NETWORK
    return max((step for impact in area.impact.values() if (step := RAMP_OF_IMPACT.get(impact))), default=None)


def _fills(view: View, stale: set[str]) -> Iterator[str]:
    areas = {area.code: area for area in view.areas}
    for code, outline in MAP.outlines.items():
        area = areas.get(code)
        if area is None or not area.impact:
            continue
        if (level := level_of(area)) is not None:
            whole = geography.kind_of(code) is not AreaKind.LAN
            fill = RAMP[level].fill if whole else f"url(#dots{level})"
            under = f'<path d="{outline.path}" fill-rule="evenodd" fill="#ffffff"/>' if whole else ""
            yield f'{under}<path d="{outline.path}" fill-rule="evenodd" fill="{fill}"/>'
        worst = max(area.impact.values(), key=IMPACT_ORDER.index)
        if worst is Impact.UNKNOWN or (area.situations and stale.issuperset(area.situations)):
            yield f'<path d="{outline.path}" fill-rule="evenodd" fill="url(#hatch)"/>'


def _borders() -> Iterator[str]:
    """Municipalities first, so that the borders of counties lie over theirs."""
    for kind in (AreaKind.KOMMUN, AreaKind.LAN, AreaKind.COUNTRY):
        colour, width = _STROKES[kind]
        lines = "".join(o.path for code, o in MAP.outlines.items() if geography.kind_of(code) is kind)
        yield f'<path d="{lines}" fill="none" stroke="{colour}" stroke-width="{width}"/>'
