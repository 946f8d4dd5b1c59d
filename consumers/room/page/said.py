"""How the page says levels, instants, ages, numbers and references: text that is safe to show, with its explanation.

All of it is markup made by escaping what goes in: what operators write never becomes anything but text.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from markupsafe import Markup

from bus import geography
from bus.instants import format_instant
from bus.references import Kind
from bus.vocabulary import EmergencyImpact, Freshness, Impact, LinkBasis
from consumers.merge.view import Conflict, ServiceUsers, SituationLink, UserRange
from consumers.room.page.labels import Labels
from consumers.room.page.links import Links
from consumers.sentences import sentences_of
from consumers.words import Words

__all__ = ["RAMP_OF_EMERGENCY", "RAMP_OF_IMPACT", "Said"]

RAMP_OF_IMPACT: Mapping[Impact, str] = {
    Impact.NO_IMPACT: "0",
    Impact.UNKNOWN: "u",
    Impact.REDUCED_REDUNDANCY: "2",
    Impact.DEGRADED: "3",
    Impact.OUTAGE: "4",
}
"""The step of the one ramp that an impact is shown with; u is hatched."""

RAMP_OF_EMERGENCY: Mapping[EmergencyImpact, str] = {
    EmergencyImpact.NONE: "0",
    EmergencyImpact.UNKNOWN: "u",
    EmergencyImpact.DEGRADED: "3",
    EmergencyImpact.LOCATION_LOST: "3",
    EmergencyImpact.LOST_WITH_FALLBACK: "4",
    EmergencyImpact.LOST_NO_FALLBACK: "5",
}

KINDS = tuple(f"{kind}/" for kind in Kind)
LATE = frozenset({Freshness.STALE, Freshness.SILENT, Freshness.UNKNOWN})
HIGHEST = 5
LONGEST = 160
"""Characters of a reference or name that are shown; the contract bounds them, hostile input may not."""


class Said:
    """Says things in one language, as of one instant."""

    def __init__(
        self, words: Words, labels: Labels, links: Links, as_of: datetime, names: Mapping[str, str | None]
    ) -> None:
        self._words = words
        self._labels = labels
        self._links = links
        self._as_of = as_of
        self._names = names

    def level(self, level: int, *, lower_bound: bool = False) -> Markup:
        """A numeral, a word and a colour."""
        bound = Markup('<span class="bound">≥</span>') if lower_bound and level < HIGHEST else ""
        return Markup('<span class="level l{}"><b>{}{}</b> {}</span>').format(
            level, bound, level or "–", self._words.severity[level]
        )

    def numeral(self, level: int) -> Markup:
        """The same where there is no room for the word; it is there for those who hear the page."""
        return Markup('<span class="level l{}"><b>{}</b><span class="heard"> {}</span></span>').format(
            level, level or "–", self._words.severity[level]
        )

    def impact(self, impact: Impact) -> Markup:
        return Markup('<span class="chip l{}">{}</span>').format(RAMP_OF_IMPACT[impact], self._words.impacts[impact])

    def emergency(self, impact: EmergencyImpact) -> Markup:
        return Markup('<span class="chip l{}">{}</span>').format(
            RAMP_OF_EMERGENCY[impact], self._words.emergencies[impact]
        )

    def freshness(self, freshness: Freshness) -> Markup:
        late = " late" if freshness in LATE else ""
        return Markup('<span class="fresh{}">{}</span>').format(late, self._words.freshness[freshness])

    def at(
        self, instant: datetime, *, seconds: bool = False, focus: bool = False, near: datetime | None = None
    ) -> Markup:
        """Local time, with the date where it is another day than that of `near` (without it, of the picture). UTC
        stands beside it for who hovers or focuses.
        """
        local = self._words.clock(instant, seconds=seconds, near=near or self._as_of)
        tab = Markup(' tabindex="0"') if focus else ""
        return Markup('<time datetime="{}" title="{utc}" data-utc="{utc}"{}>{}</time>').format(
            format_instant(instant), tab, local, utc=self.utc(instant)
        )

    def utc(self, instant: datetime) -> str:
        """`10/1 13:20:05 UTC`."""
        moment = instant.astimezone(UTC)
        return f"{self._words.day(moment)} {moment:%H:%M:%S} UTC"

    def age(self, instant: datetime) -> Markup:
        """How long ago, in words."""
        return Markup('<time datetime="{}" title="{}">{}</time>').format(
            format_instant(instant), self.utc(instant), self._words.duration(self._as_of - instant)
        )

    def distance(self, instant: datetime) -> str:
        """`in 3 h`, `4 min ago`."""
        ahead = instant - self._as_of
        form = self._labels.in_time if ahead >= timedelta() else self._labels.ago
        return form.format(self._words.duration(abs(ahead)))

    def conflict(self, conflict: Conflict) -> str:
        """What is wrong, and what staff can do about it, as a sentence."""
        text = short(self._words.conflict(conflict, self._as_of))
        return text if text.startswith(KINDS) else text[:1].upper() + text[1:]

    def linked(self, link: SituationLink) -> str:
        """Why two reports are linked. Of the coordination's word, what they said themselves."""
        if link.basis is LinkBasis.COORDINATION:
            return link.why.partition(", ")[2] or self._labels.by_coordination
        return short(sentences_of(self._words.language).why(link))

    def users(self, users: ServiceUsers | UserRange) -> str:
        return self._words.how_many(users)

    def bare(self, users: ServiceUsers | UserRange) -> str:
        """The range without the count of reports that tell no number."""
        return self._words.span(users.low, users.best, users.high, 0)

    def actor(self, slug: str) -> str:
        """The name that the registry gives an actor, else its slug."""
        return (self._names.get(slug) or slug)[:LONGEST]

    def actors(self, slugs: tuple[str, ...] | list[str]) -> str:
        return ", ".join(map(self.actor, slugs))

    def area(self, code: str) -> str:
        return geography.name_of(code)

    def areas(self, codes: tuple[str, ...] | list[str]) -> str:
        return ", ".join(map(geography.name_of, codes)) or self._words.unknown

    def places(self, areas: object) -> str:
        """The areas of a message: by name where they have a code, else as their sender calls them."""
        named = [
            geography.name_of(area.code) if area.code else area.label
            for area in areas  # type: ignore[attr-defined]
        ]
        return ", ".join(filter(None, named)) or self._words.unknown

    def why(self, ref: str, text: str | None = None) -> Markup:
        """What is shown, as a link to where it comes from."""
        shown = short(ref)[:LONGEST] if text is None else text
        return Markup('<a class="why" href="{}">{}</a>').format(self._links.why(ref), shown)


def short(ref: str) -> str:
    """Incidents are most of what is named: `nordtel/I-17` for `incident/nordtel/I-17`."""
    return ref.replace("incident/", "")
