"""The one ramp of severity: pale slate, sand, amber, vermilion, deep plum.

Ordered by lightness, hence safe for colour blindness and legible in print; there is no green, for *all well* is plain
paper. A colour never stands alone: a numeral and a word stand with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bus.vocabulary import Impact

__all__ = ["RAMP", "RAMP_OF_IMPACT", "Shade"]


@dataclass(frozen=True, slots=True)
class Shade:
    """A colour, and the colour of text that is read on it, as `#rrggbb`."""

    fill: str
    ink: str


RAMP: tuple[Shade, ...] = (
    Shade("#ffffff", "#000000"),
    Shade("#cfd8dc", "#1c2530"),
    Shade("#e6d3a3", "#2b2417"),
    Shade("#f0a830", "#2b1a00"),
    Shade("#d1401f", "#ffffff"),
    Shade("#5b1a4a", "#ffffff"),
)
"""By level, 0 being plain paper."""

RAMP_OF_IMPACT: Mapping[Impact, int] = {
    Impact.NO_IMPACT: 0,
    Impact.REDUCED_REDUNDANCY: 2,
    Impact.DEGRADED: 3,
    Impact.OUTAGE: 4,
}
"""How an area is filled. 5 is for a place without any mobile network; an unknown impact has no colour, but hatching."""
