"""Links that nobody told: different operators, compatible causes, overlapping areas, and times that meet.

An inferred link is a checklist, not a weight, and it does not chain. A *core* is what the told links make. A core of
two or more is an *anchor*; a lone incident is one too, unless an inferred link joins it to a core of two or more, or to
a lone incident that is its senior. A lone incident that is no anchor attaches to the anchor that fits it best, judged
against the anchor's core alone; with no anchor in reach it stays alone. Nothing attaches to what attached. So a change
reaches two steps at most, and the result depends on the set of incidents alone.

What staff hold apart (CANNOT_LINK a b) is never joined: neither to the other's core, nor by way of a third. Where both
would attach to one anchor, b stays alone.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from bus import geography
from bus.messages import Cause
from bus.vocabulary import CauseCategory, CauseDetail, LinkBasis
from consumers.merge.links import Edge
from consumers.merge.rules import Inference as Limits

_LATEST = "\uffff"
"""Sorts after every reference."""


@dataclass(frozen=True, slots=True)
class Nature:
    """What of an incident is compared with another's."""

    ref: str
    owner: str
    start: datetime
    end: datetime | None
    """None while it is open."""
    detail: CauseDetail | None
    """What caused it; None where that is not known."""
    codes: tuple[str, ...]
    assets: frozenset[str]
    """The shared assets that it names."""
    held_from: frozenset[str]
    """Incidents that staff hold this one apart from (the a of a CANNOT_LINK a b)."""
    holds_off: frozenset[str]
    """Incidents that staff hold apart from this one (the b)."""

    @property
    def seniority(self) -> tuple[datetime, str]:
        return self.start, self.ref


def known_detail(cause: Cause) -> CauseDetail | None:
    """What caused an incident, in one word; None where category or detail is not known."""
    unknown = cause.category in _UNKNOWN_CATEGORIES or cause.detail in _UNKNOWN_DETAILS
    return None if unknown else cause.detail


_UNKNOWN_CATEGORIES = frozenset({CauseCategory.UNKNOWN, CauseCategory.UNDETERMINED})
_UNKNOWN_DETAILS = frozenset({CauseDetail.UNKNOWN, CauseDetail.OTHER})


def why_linked(a: Nature, b: Nature, limits: Limits) -> str | None:
    """The checklist: why the two are linked, or None where a point of it fails."""
    details = [detail for detail in (a.detail, b.detail) if detail is not None]
    if a.owner == b.owner or not details:
        return None
    if abs(a.start - b.start) > max(limits.starts_within[detail] for detail in details):
        return None
    if _is_long_over(a, b, limits) or _is_long_over(b, a, limits):
        return None
    if a.assets and b.assets and a.assets.isdisjoint(b.assets):
        return None
    if len(details) == 2 and a.detail is not b.detail and not limits.together.issuperset(details):
        return None
    closely = len(details) == 1 or not limits.same_municipality.isdisjoint(details)
    common = municipalities(a.codes) & municipalities(b.codes) if closely else overlaps(a.codes, b.codes)
    if not common:
        return None
    cause = f"{details[0]}, the other unknown" if len(details) == 1 else " and ".join(sorted(set(details)))
    return f"{cause}; both in {min(common)}; times that meet"


def municipalities(codes: Iterable[str]) -> set[str]:
    return {code for code in codes if len(code) == 4}


def overlaps(a: Iterable[str], b: Collection[str]) -> set[str]:
    """The narrower code of each pair that overlaps."""
    return {max(one, other, key=len) for one in a for other in b if geography.overlap(one, other)}


def _is_long_over(earlier: Nature, later: Nature, limits: Limits) -> bool:
    return earlier.end is not None and later.start > earlier.end + limits.after_end


class Fit(NamedTuple):
    """How well a lone incident fits a member of an anchor: the least is the best."""

    detail_differs: bool
    area_differs: bool
    apart: timedelta
    """Between the two starts."""
    seed: tuple[datetime, str]
    """Of the anchor: its least member."""
    member: str
    why: str


class Inference:
    """Which lone incidents attach to which anchor, kept up to date piece by piece."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._natures: dict[str, Nature] = {}
        self._core: dict[str, frozenset[str]] = {}
        """The core of each incident."""
        self._seeds: dict[str, tuple[datetime, str]] = {}
        """The least member of each incident's core."""
        self._everyone = _Places()
        self._lone = _Places()
        """Only lone incidents attach, so that what changes near them concerns these alone."""
        self._dirty: set[str] = set()
        self._anchors: set[str] = set()
        """Lone incidents that are anchors."""
        self._best: dict[str, Edge] = {}
        """The best fit of each lone incident that is no anchor."""

    def attached(self, ref: str) -> Edge | None:
        """The link by which a lone incident attaches to an anchor; None where it does not."""
        best = self._best.get(ref)
        if best is None:
            return None
        core = self._core[best.b]
        for other in self._natures[ref].held_from:
            rival = self._best.get(other)
            if rival is not None and self._core[rival.b] == core:
                return None
        return best

    def put(self, ref: str, nature: Nature | None, core: frozenset[str], seed: tuple[datetime, str]) -> None:
        """Set what an incident is, and the core that it is in; None takes it out."""
        if self._natures.get(ref) == nature and self._core.get(ref) == core and self._seeds.get(ref) == seed:
            return
        self._dirty |= {ref, *self._lone_in_reach(ref)}
        self._take_out(ref)
        if nature is not None:
            self._natures[ref], self._core[ref], self._seeds[ref] = nature, core, seed
            self._everyone.add(nature)
            if len(core) == 1:
                self._lone.add(nature)
            self._dirty |= {ref, *self._lone_in_reach(ref)}

    def refresh(self) -> set[str]:
        """The incidents whose attachment may have changed."""
        again: set[str] = set()
        for ref in self._dirty:
            was, is_now = ref in self._anchors, self._is_anchor(ref)
            if was != is_now:
                (self._anchors.add if is_now else self._anchors.discard)(ref)
                again.update(self._lone_in_reach(ref))
        looked_at = self._dirty | again
        for ref in looked_at:
            edge = self._find_best(ref)
            if edge is None:
                self._best.pop(ref, None)
            else:
                self._best[ref] = edge
        self._dirty = set()
        rivals = {other for ref in looked_at if ref in self._natures for other in self._natures[ref].holds_off}
        return looked_at | rivals

    def _take_out(self, ref: str) -> None:
        nature = self._natures.pop(ref, None)
        if nature is None:
            return
        self._everyone.discard(nature)
        if len(self._core[ref]) == 1:
            self._lone.discard(nature)
        del self._core[ref], self._seeds[ref]

    def _is_lone(self, ref: str) -> bool:
        return len(self._core.get(ref, ())) == 1

    def _is_anchor(self, ref: str) -> bool:
        """Of a lone incident: nothing that it could attach to is in reach."""
        if not self._is_lone(ref):
            return False
        nature = self._natures[ref]
        return not any(
            (not self._is_lone(other.ref) or other.seniority < nature.seniority) and self._why(nature, other)
            for other in self._in_reach(nature)
        )

    def _find_best(self, ref: str) -> Edge | None:
        if not self._is_lone(ref) or ref in self._anchors:
            return None
        nature = self._natures[ref]
        fits = [
            Fit(
                other.detail is not nature.detail,
                not set(other.codes) & set(nature.codes),
                abs(other.start - nature.start),
                self._seeds[other.ref],
                other.ref,
                why,
            )
            for other in self._in_reach(nature)
            if (other.ref in self._anchors or not self._is_lone(other.ref)) and (why := self._why(nature, other))
        ]
        if not fits:
            return None
        best = min(fits)
        return Edge(ref, best.member, LinkBasis.INFERRED, best.why)

    def _why(self, nature: Nature, other: Nature) -> str | None:
        apart = nature.held_from | nature.holds_off
        if apart and not apart.isdisjoint(self._core[other.ref]):
            return None
        return why_linked(nature, other, self._limits)

    def _lone_in_reach(self, ref: str) -> Iterator[str]:
        nature = self._natures.get(ref)
        if nature is not None:
            yield from (other.ref for other in self._near(nature, self._lone))

    def _in_reach(self, nature: Nature) -> Iterator[Nature]:
        return self._near(nature, self._everyone)

    def _near(self, nature: Nature, places: _Places) -> Iterator[Nature]:
        """Those of other operators on overlapping areas that began at about the same time: who may be linked at all."""
        seen = {nature.ref}
        for ref in places.near(nature.codes, nature.start, self._limits.longest):
            if ref not in seen:
                seen.add(ref)
                if self._natures[ref].owner != nature.owner:
                    yield self._natures[ref]


class _Places:
    """Incidents by the codes that they name, each code's by seniority."""

    def __init__(self) -> None:
        self._at: defaultdict[str, list[tuple[datetime, str]]] = defaultdict(list)
        self._below: defaultdict[str, set[str]] = defaultdict(set)
        """Codes that are named, by the county and the country around them."""

    def add(self, nature: Nature) -> None:
        for code in nature.codes:
            insort(self._at[code], nature.seniority)
            for outer in _around(code):
                self._below[outer].add(code)

    def discard(self, nature: Nature) -> None:
        for code in nature.codes:
            held = self._at[code]
            del held[bisect_left(held, nature.seniority)]
            if not held:
                del self._at[code]
                for outer in _around(code):
                    self._below[outer].discard(code)

    def near(self, codes: Iterable[str], start: datetime, within: timedelta) -> Iterator[str]:
        """Those on areas that overlap the codes, which began within that time of the start. May name one twice."""
        overlapping = {outer for code in codes for outer in (code, *_around(code))}
        overlapping |= {inner for code in codes for inner in self._below.get(code, ())}
        for code in overlapping:
            held = self._at.get(code, [])
            for _, ref in held[bisect_left(held, (start - within, "")) : bisect_right(held, (start + within, _LATEST))]:
                yield ref


def _around(code: str) -> set[str]:
    return {code[:2], geography.COUNTRY} - {code}
