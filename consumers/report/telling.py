"""What every part of a report tells alike: names in place of slugs, local times, levels, numbers, lists that end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bus import geography
from bus.references import is_reference, split_reference
from bus.vocabulary import Certainty, Impact, Service, Tlp
from consumers.merge.view import Conflict, Flag, Situation, View
from consumers.report.document import Cell
from consumers.report.texts import TEXTS
from consumers.sentences import sentences_of
from consumers.texts import Says, plain
from consumers.words import STOCKHOLM, Language, Words, words_of

__all__ = ["Telling"]

_REFERENCE = re.compile(r"\b[a-z]+/[a-z][a-z0-9-]*/[A-Za-z0-9._:-]+")
NO_BREAK = "\u00a0"
TLP_NAMES = {Tlp.AMBER_STRICT: "TLP:AMBER+STRICT", Tlp.UNKNOWN: "TLP:RED"}


@dataclass(frozen=True)
class Telling:
    """One view in one language."""

    view: View
    language: Language

    @property
    def words(self) -> Words:
        return words_of(self.language)

    @property
    def says(self) -> Says:
        return Says(TEXTS, self.language)

    def name(self, actor: str) -> str:
        return plain(self._names.get(actor) or actor, 60)

    @property
    def _names(self) -> dict[str, str | None]:
        return {actor.actor: actor.name for actor in self.view.actors}

    def names(self, actors: Iterable[str], most: int = 12) -> str:
        return self.listed([self.name(actor) for actor in actors], most)

    def listed(self, texts: Sequence[str], most: int = 12) -> str:
        """The texts with commas; what is beyond `most` is counted."""
        if len(texts) <= most:
            return ", ".join(texts)
        return f"{', '.join(texts[:most])} {self.words.more.format(len(texts) - most)}"

    def ref(self, ref: str) -> str:
        """A reference as people say it: `NordTel I-17`."""
        if not is_reference(ref):
            return plain(ref, 80)
        kind, actor, id = split_reference(ref)
        return f"{self.name(actor)} {id}" if actor else f"{kind} {id}"

    def without_references(self, text: str) -> str:
        return plain(_REFERENCE.sub(lambda found: self.ref(found[0]), text))

    def flag(self, flag: Flag) -> str:
        """What is odd, and the numbers by which."""
        facts = self.without_references(sentences_of(self.language).flag(flag))
        kind = self.words.flags.get(flag.code)
        return plain(f"{kind}: {facts}" if kind else facts, 200)

    def conflict(self, conflict: Conflict) -> str:
        known = self._names
        facts = {name: self._named(fact, known) for name, fact in conflict.facts.items()}
        return self.without_references(
            self.words.conflict(conflict.model_copy(update={"facts": facts}), self.view.as_of)
        )

    def _named(self, fact: str, known: dict[str, str | None]) -> str:
        """A fact that holds slugs alone, with names for them."""
        slugs = fact.split()
        return ", ".join(self.name(slug) for slug in slugs) if slugs and all(slug in known for slug in slugs) else fact

    def at(self, instant: datetime | None) -> str:
        """Local time, with the date where it is another day."""
        told = self.words.unknown if instant is None else self.words.clock(instant, near=self.view.as_of)
        return told.replace(" ", NO_BREAK)

    def stamp(self, instant: datetime) -> str:
        """Local date and time, and the same in UTC: for what must not be mistaken."""
        local, utc = instant.astimezone(STOCKHOLM), instant.astimezone(UTC)
        same = local.date() == utc.date()
        return self.says("utc", f"{local:%Y-%m-%d %H:%M}", f"{utc:%H:%M}" if same else f"{utc:%Y-%m-%d %H:%M}")

    def span(self, earliest: datetime | None, latest: datetime | None) -> str:
        if earliest is None or latest is None:
            return self.words.no_forecast
        if earliest == latest:
            return self.at(earliest)
        return self.words.between.format(self.at(earliest), self.at(latest))

    def level(self, level: int, *, at_least: bool = False) -> Cell:
        bound = f" ({self.words.lower_bound})" if at_least and level else ""
        return Cell(f"{level or '–'}{NO_BREAK}{self.words.severity[level]}{bound}", level)

    def severity(self, situation: Situation) -> Cell:
        return self.level(situation.severity.level, at_least=situation.severity.lower_bound)

    def area(self, code: str) -> str:
        return geography.name_of(code) if geography.is_code(code) else plain(code, 40)

    def areas(self, codes: Iterable[str], most: int = 6) -> str:
        """Municipalities first, and counties only where none of their municipalities is named."""
        codes = list(codes)
        finest = [c for c in codes if not any(other != c and geography.contains(c, other) for other in codes)]
        return self.listed([self.area(code) for code in sorted(finest)], most) or self.words.unknown

    def certainty(self, certainty: Certainty) -> str:
        return sentences_of(self.language).certainty[certainty]

    def impact(self, impact: str) -> str:
        return self.words.impacts[Impact(impact)]

    def service(self, service: str) -> str:
        return self.words.services[Service(service)]

    def quantity(self, value: float | None, unit: str = "") -> str:
        if value is None:
            return self.words.unknown
        number = f"{value:g}".replace(".", "," if self.language is Language.SWEDISH else ".")
        return f"{number} {plain(unit, 20)}".strip()

    @staticmethod
    def tlp(mark: Tlp) -> str:
        return TLP_NAMES.get(mark, f"TLP:{mark}")
