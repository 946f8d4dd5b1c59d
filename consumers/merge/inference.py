"""Links that nobody told: lone reports attach to what they look like, and nothing chains.

`likeness` says when two reports look like one event. Here it is decided which of them are joined. A *core* is what the
told links make. A core that tells one fault alone, once or with duplicates, is a *lone fault*; every other core is an
*anchor*. A lone fault is an anchor too, unless it looks like a member of a greater core, or like a lone fault that
ranks above it: who knows the cause ranks above who does not, then who names more places, then who began first. A lone
fault that is no anchor attaches to the anchor that it is most like, judged against the anchor's core alone; with none
in reach it stays alone. Nor does it attach where its own operator tells of the same place already, for that is another
fault. Where two anchors are as good it stays alone too, for a wrong merge hides an outage, except that weather is
everywhere. Nothing attaches to what attached. So a change reaches two steps at most, and the result depends on the set
of incidents alone.

What staff hold apart (CANNOT_LINK a b) is never joined: neither to the other's core, nor by way of a third. Where both
would attach to one anchor, b stays alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from bus.vocabulary import LinkBasis
from consumers.merge.agreement import is_another_fault
from consumers.merge.index import take_out
from consumers.merge.likeness import Likeness, ground_of, likeness
from consumers.merge.links import Edge
from consumers.merge.nature import Nature
from consumers.merge.rules import Inference as Limits
from consumers.merge.vicinity import Nearness, Vicinity


@dataclass(frozen=True, slots=True)
class Standing:
    """An incident, and the core that it is in."""

    nature: Nature
    core: str
    """The core's seed."""
    lone: bool
    """The core tells one fault alone."""
    wide: bool
    """Several operators tell of the core."""


class Rank(NamedTuple):
    """Which of two lone faults that look like one event is the anchor: the lesser."""

    cause_unknown: bool
    places: int
    """Minus the number of places that it names."""
    start: datetime
    ref: str


class Fit(NamedTuple):
    """How well a lone fault fits a member of an anchor: the least is the best."""

    cause_differs: bool
    nearness: Nearness
    ended_apart: bool
    lone: bool
    """Of the anchor: one that several reports make is the surer one."""
    apart: timedelta
    """Between the two starts, as far as they are known."""
    start: datetime
    member: str
    ref: str
    """The one of the lone fault's reports that fits."""

    @property
    def grade(self) -> tuple[Likeness, bool]:
        """Two anchors of one grade are equally likely."""
        return Likeness(self.cause_differs, self.nearness, self.ended_apart), self.lone


class Inference:
    """Which lone faults attach to which anchor, kept up to date piece by piece.

    A lone fault goes by the seed of its core, as the core itself does.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._standing: dict[str, Standing] = {}
        self._lone: defaultdict[str, set[str]] = defaultdict(set)
        """The reports of each lone fault."""
        self._rank: dict[str, Rank] = {}
        self._anchors: set[str] = set()
        """Lone faults that are anchors."""
        self._seniors: dict[str, str] = {}
        """Of a lone fault that looks like others above it, one of those."""
        self._juniors: defaultdict[str, set[str]] = defaultdict(set)
        self._fits: defaultdict[str, dict[str, Fit]] = defaultdict(dict)
        """The best fit of each lone fault to each anchor in reach, itself aside."""
        self._best: dict[str, Fit] = {}
        self._own: defaultdict[tuple[str, str, str], set[str]] = defaultdict(set)
        """Of each core that is no lone fault, what each operator tells there of each municipality."""
        self._held: set[str] = set()
        """Reports that staff hold apart from others."""

        self._of_cores = _Crowd(limits)
        self._of_lone = _Crowd(limits)
        self._of_anchors = _Crowd(limits)
        """Of lone faults that are anchors."""

        self._dirty: set[str] = set()
        """Lone faults of which a report changed, came or went."""
        self._lost: defaultdict[str, set[str]] = defaultdict(set)
        """Anchors to which the best fit of a lone fault is no more."""
        self._new: defaultdict[str, set[str]] = defaultdict(set)
        """Members of anchors that a lone fault has not been compared with."""
        self._recored = False

    def attached(self, core: str) -> Edge | None:
        """The link by which a lone fault attaches to an anchor; None where it does not."""
        fit = self._best.get(core)
        if fit is None:
            return None
        anchor = self._standing[fit.member].core
        for ref in self._lone[core]:
            for other in self._standing[ref].nature.held_from:
                rival = self._best.get(self._core_of(other))
                if rival is not None and self._standing[rival.member].core == anchor:
                    return None
        natures = self._standing[fit.ref].nature, self._standing[fit.member].nature
        return Edge(fit.ref, fit.member, LinkBasis.INFERRED, ground_of(*natures, self._limits))

    def nature(self, ref: str) -> Nature:
        """What of an incident is compared. Raises KeyError where it is not in the picture."""
        return self._standing[ref].nature

    def put(self, ref: str, standing: Standing | None) -> bool:
        """Set what an incident is, and the core that it is in; None takes it out. Returns whether that is new."""
        old = self._standing.get(ref)
        if old == standing:
            return False
        if (old and old.core) != (standing and standing.core):
            self._recored = True
        if old is not None:
            self._leave(ref, old)
        if standing is not None:
            self._enter(ref, standing)
        return True

    def refresh(self) -> set[str]:
        """The cores of lone faults whose attachment may have changed."""
        if self._recored:
            self._dirty |= {self._standing[ref].core for ref in self._held if self._standing[ref].lone}
        looked_at = self._dirty | self._step_down()
        looked_at |= self._compare_anew(self._of_cores)
        self._appoint(looked_at & self._lone.keys())
        looked_at |= self._compare_anew(self._of_anchors)
        for core in looked_at:
            self._choose(core)
        self._dirty, self._recored = set(), False
        rivals = {
            self._core_of(other)
            for core in looked_at
            for ref in self._lone.get(core, ())
            for other in self._standing[ref].nature.holds_off
        }
        return looked_at | rivals

    # Who is where

    def _enter(self, ref: str, standing: Standing) -> None:
        self._standing[ref] = standing
        nature = standing.nature
        if nature.held_from or nature.holds_off:
            self._held.add(ref)
        if standing.lone:
            self._lone[standing.core].add(ref)
            self._of_lone.add(nature)
            self._dirty.add(standing.core)
        else:
            self._of_cores.add(nature)
            for code in nature.municipalities:
                self._own[standing.core, nature.owner, code].add(ref)
            self._offer(ref)

    def _leave(self, ref: str, old: Standing) -> None:
        if old.lone:
            self._dirty.add(old.core)
            self._of_lone.discard(old.nature)
            if old.core in self._anchors:
                self._withdraw(ref)
                self._of_anchors.discard(old.nature)
            take_out(self._lone, old.core, ref)
        else:
            self._withdraw(ref)
            for code in old.nature.municipalities:
                take_out(self._own, (old.core, old.nature.owner, code), ref)
            self._of_cores.discard(old.nature)
        self._held.discard(ref)
        del self._standing[ref]

    def _offer(self, member: str) -> None:
        """A member of an anchor is there to be compared with; and of its own operator, less may fit there than did."""
        for core, is_own in self._lone_near(member):
            self._new[core].add(member)
            if is_own:
                self._lost[core].add(self._standing[member].core)

    def _withdraw(self, member: str) -> None:
        """A member of an anchor is there no more, or not as it was; and of its own operator, more may fit there."""
        anchor = self._standing[member].core
        for core, is_own in self._lone_near(member):
            fit = self._fits.get(core, {}).get(anchor)
            if is_own or (fit is not None and fit.member == member):
                self._lost[core].add(anchor)

    def _lone_near(self, ref: str) -> Iterator[tuple[str, bool]]:
        """The lone faults that may look like a report, and whether its own operator tells them beside a group."""
        mine = self._standing[ref]
        for other in self._of_lone.near(mine.nature):
            standing = self._standing[other]
            yield standing.core, not mine.lone and standing.nature.owner == mine.nature.owner

    def _core_of(self, ref: str) -> str:
        standing = self._standing.get(ref)
        return standing.core if standing else ""

    # Who is an anchor

    def _step_down(self) -> set[str]:
        """Of lone faults that changed, forget what followed from what they were. Returns whose seniors they were."""
        again: set[str] = set()
        for core in self._dirty:
            if core in self._anchors:
                for ref in self._lone.get(core, ()):
                    self._withdraw(ref)
                    nature = self._standing[ref].nature
                    self._of_anchors.discard(nature)
                self._anchors.discard(core)
            for junior in self._juniors.pop(core, set()):
                del self._seniors[junior]
                again.add(junior)
            self._set_senior(core, None)
            self._rank.pop(core, None)
            self._fits.pop(core, None)
            if core in self._lone:
                self._rank[core] = self._rank_of(core)
        return again

    def _rank_of(self, core: str) -> Rank:
        natures = [self._standing[ref].nature for ref in self._lone[core]]
        first = min(natures, key=lambda nature: (nature.start, nature.ref))
        return Rank(
            not any(nature.knows_cause for nature in natures),
            -len({code for nature in natures for code in nature.codes}),
            first.start,
            first.ref,
        )

    def _appoint(self, cores: set[str]) -> None:
        """Find out which lone faults are anchors, of those given and of the anchors that they may rank above."""
        self._shake(self._dirty & cores)
        for core in sorted(cores):
            was, is_now = core in self._anchors, self._is_anchor(core)
            if was != is_now:
                self._settle(core, is_now)

    def _shake(self, changed: set[str]) -> None:
        """Anchors that look like a lone fault that changed and ranks above them are anchors no more."""
        for core in sorted(changed):
            rank = self._rank[core]
            for ref in self._lone[core]:
                for other in list(self._of_anchors.near(self._standing[ref].nature)):
                    below = self._standing[other]
                    if below.core not in self._anchors or rank >= self._rank[below.core]:
                        continue
                    if self._fit(below.nature, self._standing[ref]):
                        self._set_senior(below.core, core)
                        self._settle(below.core, False)

    def _settle(self, core: str, is_anchor: bool) -> None:
        for ref in self._lone[core]:
            nature = self._standing[ref].nature
            if is_anchor:
                self._of_anchors.add(nature)
                self._offer(ref)
            else:
                self._withdraw(ref)
                self._of_anchors.discard(nature)
        (self._anchors.add if is_anchor else self._anchors.discard)(core)

    def _is_anchor(self, core: str) -> bool:
        if any(not fit.lone for fit in self._fits.get(core, {}).values()):
            self._set_senior(core, None)
            return False
        senior = self._seniors.get(core)
        if senior is None:
            senior = self._find_senior(core)
            self._set_senior(core, senior)
        return senior is None

    def _find_senior(self, core: str) -> str | None:
        rank = self._rank[core]
        for crowd in (self._of_anchors, self._of_lone):
            for ref in self._lone[core]:
                nature = self._standing[ref].nature
                for other in crowd.near(nature):
                    standing = self._standing[other]
                    if standing.core != core and self._rank[standing.core] < rank and self._fit(nature, standing):
                        return standing.core
        return None

    def _set_senior(self, core: str, senior: str | None) -> None:
        old = self._seniors.pop(core, None)
        if old is not None:
            take_out(self._juniors, old, core)
        if senior is not None:
            self._seniors[core] = senior
            self._juniors[senior].add(core)

    # Who fits whom

    def _compare_anew(self, crowd: _Crowd) -> set[str]:
        """Compare the lone faults that changed with all there, and the others with what changed of anchors. Returns
        those others.
        """
        for core in self._dirty & self._lone.keys():
            for ref in self._lone[core]:
                self._compare(core, crowd.near(self._standing[ref].nature))
        lost, new = self._lost, self._new
        self._lost, self._new = defaultdict(set), defaultdict(set)
        others = ((lost.keys() | new.keys()) & self._lone.keys()) - self._dirty
        for core in others:
            self._look_again(core, lost.get(core, set()))
            self._compare(core, new.get(core, ()))
        return others

    def _look_again(self, core: str, anchors: set[str]) -> None:
        """Find the best fit to each of the anchors anew."""
        for anchor in anchors:
            self._fits[core].pop(anchor, None)
        if anchors:
            for ref in self._lone[core]:
                for crowd in (self._of_cores, self._of_anchors):
                    near = crowd.near(self._standing[ref].nature)
                    self._compare(core, (other for other in near if self._standing[other].core in anchors))

    def _compare(self, core: str, members: Iterable[str]) -> None:
        """Note where one of the members fits better than what was found so far."""
        fits = self._fits[core]
        natures = [self._standing[ref].nature for ref in self._lone[core]]
        for member in members:
            standing = self._standing.get(member)
            if standing is None or standing.core == core:
                continue
            for nature in natures:
                held = fits.get(standing.core)
                if held is None or _at_best(nature, standing) < held:
                    fit = self._fit(nature, standing)
                    if fit is not None and (held is None or fit < held):
                        fits[standing.core] = fit

    def _fit(self, nature: Nature, other: Standing) -> Fit | None:
        if not other.lone and not other.nature.knows_cause:
            return None  # in a core of several faults, those who know the cause speak for it
        if self._held_apart(nature, other.core):
            return None
        alike = likeness(nature, other.nature, self._limits, wide=other.wide)
        if alike is None or (not other.lone and self._is_another_fault(nature, other.core)):
            return None
        return Fit(
            *alike,
            other.lone,
            abs(nature.began - other.nature.began),
            other.nature.start,
            other.nature.ref,
            nature.ref,
        )

    def _is_another_fault(self, nature: Nature, core: str) -> bool:
        """Its operator tells of this place in the core already, and of another fault."""
        return any(
            is_another_fault(self._standing[ref].nature, nature, self._limits)
            for code in nature.municipalities
            for ref in self._own.get((core, nature.owner, code), ())
        )

    def _held_apart(self, nature: Nature, core: str) -> bool:
        if not nature.held_from and not nature.holds_off:
            return False
        return any(self._core_of(other) == core for other in nature.held_from | nature.holds_off)

    def _choose(self, core: str) -> None:
        self._best.pop(core, None)
        if core not in self._lone or core in self._anchors:
            return
        fits = sorted(self._fits.get(core, {}).values())
        if not fits:
            return
        ambiguous = len(fits) > 1 and fits[0].grade == fits[1].grade
        if not ambiguous or self._standing[fits[0].ref].nature.by_weather:
            self._best[core] = fits[0]


class _Crowd:
    """Incidents of whom any that may look like a given one are quickly found."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._knowing, self._unknowing = Vicinity(), Vicinity()
        """Those who know the cause, and those who do not: of these no two are alike."""

    def add(self, nature: Nature) -> None:
        self._side(nature).add(nature.ref, self._keys(nature), nature.began)

    def discard(self, nature: Nature) -> None:
        self._side(nature).discard(nature.ref, self._keys(nature), nature.began)

    def near(self, nature: Nature) -> Iterator[str]:
        place = self._keys(nature), nature.began, self._limits.reach
        yield from self._knowing.near(*place)
        if nature.detail is not None:
            yield from self._unknowing.near(*place)

    def _side(self, nature: Nature) -> Vicinity:
        return self._unknowing if nature.detail is None else self._knowing

    def _keys(self, nature: Nature) -> tuple[str, ...]:
        """Where it can be met: at its places, and of a vendor's fault in a core among all such."""
        if nature.in_core and nature.detail in self._limits.vendor:
            return (*nature.codes, "vendor")
        return nature.codes


def _at_best(nature: Nature, other: Standing) -> tuple[bool, Nearness, bool, bool, timedelta]:
    """No fit of the two is better: what is known of it without going through the list."""
    return (
        nature.detail is not other.nature.detail,
        Nearness.MUNICIPALITY,
        nature.restored_at is None or other.nature.restored_at is None,
        other.lone,
        abs(nature.began - other.nature.began),
    )
