"""The list of situations: which fit the filter, in the order of the view, and what a row says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from bus import geography
from bus.vocabulary import Service
from consumers.merge.view import Situation, View
from consumers.room.sight import DifferenceKind, Filters, Sight, Wish

__all__ = ["Listing", "Row", "fits", "listed"]

FIRST = 60
"""Situations that are shown at first; the rest is counted, and one click away."""

MOST = 500
"""Situations that are shown when more are asked for. Beyond that a filter helps, and a longer list does not."""

SAMPLED = 25
"""Members that are asked when they were last told; those of the widest storm need not all be."""


@dataclass(frozen=True, slots=True)
class Row:
    """One situation in the list."""

    situation: Situation
    chosen: bool
    updated: datetime | None
    mark: str | None
    """`new` or `worse`, since the visitor last looked."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What the list shows, and of how many."""

    rows: Sequence[Row]
    fitting: int
    total: int
    filtered: bool

    @property
    def more(self) -> int:
        return self.fitting - len(self.rows)


MARKS = {DifferenceKind.NEW: "new", DifferenceKind.WORSE: "worse"}


def listed(sight: Sight, wish: Wish, chosen: Situation | None) -> Listing:
    """The situations that fit, those that staff shall look at first first."""
    situations = sight.view.situations
    fitting = [situation for situation in situations if fits(situation, wish.filters)]
    differences = sight.since.differences if sight.since else ()
    marks = {difference.key: MARKS.get(difference.kind) for difference in differences}
    rows = [
        Row(each, each is chosen, _updated(sight, each), marks.get(f"situation/{each.id}"))
        for each in fitting[: MOST if wish.uncut else FIRST]
    ]
    return Listing(rows, len(fitting), len(situations), wish.filters != Filters())


def fits(situation: Situation, filters: Filters) -> bool:
    """Whether the situation is what the visitor asks to see."""
    if filters.severity is not None and situation.severity.level < filters.severity:
        return False
    if filters.actor and filters.actor not in situation.actors:
        return False
    if filters.service and filters.service not in situation.services:
        return False
    if filters.county and not any(geography.overlap(filters.county, code) for code in situation.areas):
        return False
    return not filters.text or filters.text.casefold() in " ".join(_searched(situation)).casefold()


def _searched(situation: Situation) -> Iterator[str]:
    yield situation.title
    yield situation.id
    yield from situation.members
    yield from situation.duplicates
    yield from map(geography.name_of, situation.areas)


def _updated(sight: Sight, situation: Situation) -> datetime | None:
    """When the bus last learnt what now stands of it."""
    told = (sight.places.get(ref) for ref in situation.members[:SAMPLED])
    return max((place.known_at for place in told if place is not None), default=None)


def operators(view: View) -> Sequence[str]:
    """Whom the filter offers: everybody who has something open."""
    return sorted({actor for situation in view.situations for actor in situation.actors})


def services(view: View) -> Sequence[Service]:
    found = {service for situation in view.situations for service in situation.services}
    return [service for service in Service if service in found]
