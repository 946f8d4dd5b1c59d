"""What looks likely but is not enough to link: questions for staff, who answer by MUST_LINK or CANNOT_LINK.

Two situations may be one when a report of one *resembles* a report of the other (`likeness`): the whole checklist is
met, and yet inference does not join them, for it joins no two groups, guesses between no equals and does not chain; or
one point is lacking, by little. For two that are groups already, more is asked. Of each pair of situations the most
likely pair of reports asks the question, on both sides.

The cost is bounded, however many reports there are. A situation is represented by the first and the last of its reports
of each cause in each place; where it has several faults, by those that know the cause. The representatives stand in
rows by their start, one row for each county (and for each border between two, where weather passes, and one for
vendors' faults), and only those are compared of which few stand between.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple

from bus import geography
from bus.vocabulary import CauseDetail, LinkBasis
from consumers.merge.likeness import Resemblance, ground_of, resemblance
from consumers.merge.links import Edge
from consumers.merge.nature import Nature
from consumers.merge.rules import Rules
from consumers.merge.vicinity import Place, Rows


class Party(NamedTuple):
    """A report that represents its situation."""

    nature: Nature
    situation: str
    """The situation's seed."""
    alone: bool
    """The situation has one fault."""

    @property
    def place(self) -> Place:
        return self.nature.place


class Likely(NamedTuple):
    """Two reports that may tell one event: the least is the most likely."""

    resemblance: Resemblance
    apart: timedelta
    """Between the two starts, as far as they are known."""
    earlier: str
    later: str


class Suggestions:
    """Which situations may be one, kept up to date piece by piece. A situation goes by its seed."""

    def __init__(self, rules: Rules) -> None:
        self._limits = rules.inference
        self._margins = rules.suggestions
        self._reach = rules.inference.reach * rules.suggestions.starts_factor
        self._parties: dict[str, Party] = {}
        self._ties: defaultdict[str, dict[str, Resemblance]] = defaultdict(dict)
        """Whom each representative resembles, both ways."""
        self._of: defaultdict[str, set[str]] = defaultdict(set)
        """The representatives of each situation."""
        self._held: dict[str, Party] = {}
        """Reports that staff hold apart from others, whether or not they represent anything."""
        self._held_of: defaultdict[str, set[str]] = defaultdict(set)
        self._rows = Rows(rules.suggestions.window)
        self._dirty: set[str] = set()
        self._chosen: dict[str, tuple[Edge, ...]] = {}

    def of(self, situation: str) -> tuple[Edge, ...]:
        """The suggestions of a situation, strongest first, as of the last refresh."""
        return self._chosen.get(situation, ())

    def put(self, refs: Iterable[str], situations: Iterable[tuple[str, Sequence[Nature], bool]]) -> None:
        """Set which situations some reports make: seed, reports, and whether they tell one fault. Of the reports, those
        in no situation are gone.
        """
        new: dict[str, Party] = {}
        held: dict[str, Party] = {}
        for seed, natures, alone in situations:
            self._dirty.add(seed)
            for nature in _representatives(natures, alone):
                new[nature.ref] = Party(nature, seed, alone)
            for nature in natures:
                if nature.held_from or nature.holds_off:
                    held[nature.ref] = Party(nature, seed, alone)
        touched = set(refs)
        self._put_held(touched, held)
        changed = [ref for ref in touched if self._parties.get(ref) != new.get(ref)]
        for ref in changed:
            if ref in self._parties:
                self._leave(ref)
        self._enter([new[ref] for ref in changed if ref in new])

    def refresh(self) -> set[str]:
        """The situations whose suggestions have changed."""
        dirty, self._dirty = self._dirty, set()
        changed = set()
        for situation in dirty:
            chosen = tuple(self._choose(situation))
            if chosen != self.of(situation):
                changed.add(situation)
                self._chosen.pop(situation, None)
                if chosen:
                    self._chosen[situation] = chosen
        return changed

    def _put_held(self, refs: set[str], held: dict[str, Party]) -> None:
        """Set which of some reports are held apart from others. What they were apart from, or are, is asked anew."""
        for ref in refs & self._held.keys():
            party = self._held[ref]
            self._dirty.update(self._opposite(party))
            self._held_of[party.situation].discard(ref)
            if not self._held_of[party.situation]:
                del self._held_of[party.situation]
        for ref in refs:
            self._held.pop(ref, None)
        for ref, party in held.items():
            self._held[ref] = party
            self._held_of[party.situation].add(ref)
        for party in held.values():
            self._dirty.update(self._opposite(party))

    def _opposite(self, party: Party) -> Iterator[str]:
        """The situations that a report is held apart from."""
        for other in party.nature.held_from | party.nature.holds_off:
            if other in self._held:
                yield self._held[other].situation

    def _enter(self, parties: Sequence[Party]) -> None:
        """Have them all stand in their rows before any is compared: who meets in the end is compared once."""
        rows: defaultdict[str, list[Place]] = defaultdict(list)
        for party in parties:
            ref = party.nature.ref
            self._parties[ref] = party
            self._of[party.situation].add(ref)
            for key in self._keys(party.nature):
                rows[key].append(party.place)
        apart = {pair for key, places in rows.items() for pair in self._rows.add(key, places) if self._tied(*pair)}
        for a, b in apart:
            if not self._meet(a, b):
                self._untie(a, b)
        entering = {party.nature.ref for party in parties}
        for party in parties:
            near: set[str] = set()
            for key in self._keys(party.nature):
                near.update(self._rows.met(key, party.place, but=entering))  # the earlier of two looks at the later
            for other in near:
                self._compare(party, self._parties[other])

    def _tied(self, a: str, b: str) -> bool:
        return b in self._ties.get(a, ())

    def _leave(self, ref: str) -> None:
        party = self._parties[ref]
        for other in list(self._ties.get(ref, ())):
            self._untie(ref, other)
        for a, b in {pair for key in self._keys(party.nature) for pair in self._rows.discard(key, party.place)}:
            self._compare(self._parties[a], self._parties[b])
        del self._parties[ref]
        self._dirty.add(party.situation)
        self._of[party.situation].discard(ref)
        if not self._of[party.situation]:
            del self._of[party.situation]

    def _compare(self, a: Party, b: Party) -> None:
        one, other = a.nature, b.nature
        if a.situation == b.situation or abs(one.began - other.began) > self._reach:
            return
        found = resemblance(one, other, self._limits, self._margins)
        if found is None or not (a.alone or b.alone or found.joins_groups):
            return
        self._ties[one.ref][other.ref] = self._ties[other.ref][one.ref] = found
        self._dirty |= {a.situation, b.situation}

    def _untie(self, a: str, b: str) -> None:
        for one, other in ((a, b), (b, a)):
            del self._ties[one][other]
            if not self._ties[one]:
                del self._ties[one]
            self._dirty.add(self._parties[one].situation)

    def _meet(self, a: str, b: str) -> bool:
        one, other = self._parties[a], self._parties[b]
        common = set(self._keys(one.nature)).intersection(self._keys(other.nature))
        return any(self._rows.meet(key, one.place, other.place) for key in common)

    def _keys(self, nature: Nature) -> tuple[str, ...]:
        """The rows that a report stands in."""
        keys = _rows_of(nature.counties, geography.COUNTRY in nature.codes, nature.by_weather)
        if nature.in_core and nature.detail in self._limits.vendor:
            return (*keys, "vendor")
        return keys

    def _choose(self, situation: str) -> Iterator[Edge]:
        apart = {seed for ref in self._held_of.get(situation, ()) for seed in self._opposite(self._held[ref])}
        best: dict[str, Likely] = {}
        for ref in self._of.get(situation, ()):
            for other, found in self._ties.get(ref, {}).items():
                rival = self._parties[other].situation
                likely = _likely(self._parties[ref], self._parties[other], found)
                if rival not in apart and (rival not in best or likely < best[rival]):
                    best[rival] = likely
        for likely in sorted(best.values())[: self._margins.most]:
            later, earlier = self._parties[likely.later].nature, self._parties[likely.earlier].nature
            ground = ground_of(later, earlier, self._limits, likely.resemblance.lacking)
            yield Edge(later.ref, earlier.ref, LinkBasis.INFERRED, ground)


@lru_cache(maxsize=10_000)
def _rows_of(counties: frozenset[str], everywhere: bool, by_weather: bool) -> tuple[str, ...]:
    """One row for each county; for weather, one for each border too."""
    if everywhere:
        counties = frozenset(county.code for county in geography.counties())
    borders = {f"{min(c, n)}|{max(c, n)}" for c in counties for n in geography.counties_next_to(c)}
    return tuple(sorted(counties | borders if by_weather else counties))


def _likely(a: Party, b: Party, found: Resemblance) -> Likely:
    (began, earlier), (begins, later) = sorted((a.place, b.place))
    return Likely(found, begins - began, earlier, later)


def _representatives(natures: Iterable[Nature], alone: bool) -> Iterable[Nature]:
    """The first and the last of each cause in each place. In a group, those who know the cause speak for it."""
    first: dict[tuple[str, CauseDetail | None], Nature] = {}
    last: dict[tuple[str, CauseDetail | None], Nature] = {}
    for nature in natures:
        if alone or nature.knows_cause:
            place = nature.place
            for code in nature.codes:
                key = code, nature.detail
                if key not in first or place < first[key].place:
                    first[key] = nature
                if key not in last or place > last[key].place:
                    last[key] = nature
    return {nature.ref: nature for nature in (*first.values(), *last.values())}.values()
