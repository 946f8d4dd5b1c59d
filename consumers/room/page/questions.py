"""The fourteen questions that staff must be able to answer at once, and the one place where each has its answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from consumers.room.page.labels import Labels
from consumers.room.page.links import Links
from consumers.room.sight import Tab
from consumers.words import Words

__all__ = ["PLACES", "Place", "questions"]

PLACES: dict[int, tuple[Tab, str, str]] = {
    1: (Tab.NEWS, "part-news", "news"),
    2: (Tab.EMERGENCY, "part-emergency", "emergency"),
    3: (Tab.AREAS, "part-areas", "areas"),
    4: (Tab.SITUATIONS, "d-users", "users"),
    5: (Tab.SITUATIONS, "d-cause", "cause"),
    6: (Tab.SITUATIONS, "d-forecast", "forecast"),
    7: (Tab.ACTORS, "part-actors", "actors"),
    8: (Tab.MEASURES, "course", "measures"),
    9: (Tab.CONFLICTS, "open-conflicts", "conflicts"),
    10: (Tab.NEEDS, "part-needs", "needs"),
    11: (Tab.MEASURES, "soon", "soon"),
    12: (Tab.DECISIONS, "part-decisions", "decisions"),
    13: (Tab.REPORT, "tell", "tell_whom"),
    14: (Tab.SITUATIONS, "part-header", ""),
}
"""By number: the view, the element in it, and the label of its heading. The last is in the header of every view."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer is."""

    told: str
    href: str


def questions(labels: Labels, words: Words, links: Links) -> Iterator[tuple[int, Place]]:
    """The questions by number, each with its place."""
    for number, (tab, element, label) in PLACES.items():
        if not label:
            yield number, Place(f"{labels.at_header}: {words.actual} / {words.exercise}", "")
        elif tab is Tab.SITUATIONS:
            yield number, Place(labels.at_detail.format(labels[label]), f"{links.to(tab=tab)}#{element}")
        else:
            told = labels[tab] if labels[label] == labels[tab] else f"{labels[tab]}: {labels[label]}"
            yield number, Place(told, f"{links.to(tab=tab)}#{element}")
