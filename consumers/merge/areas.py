"""What is reported where: per county and municipality, by operator, and where people do not reach 112.

A county's impact includes its municipalities', and a report for the whole country counts in every county. Downwards it
never rolls: "somewhere in the county" does not paint the municipalities. That no operator works here (`white_out`,
`all_mobile_down`) is said only of exactly this place, or of a wider one of which nearly all is affected.

Kept as tallies, so that a change costs what changed, however much is reported.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bus import geography
from bus.vocabulary import EMERGENCY_ORDER, IMPACT_ORDER, EmergencyImpact, Impact
from consumers.merge.effects import RANK
from consumers.merge.parties import Parties, Party
from consumers.merge.view import AreaEmergency, AreaItem, EmergencyItem

MOST_SITUATIONS = 20
"""An area names at most so many situations, so that its record is bounded; it tells how many there are."""
MOST_REFS = 10
"""So many of the reports that tell of 112, worst first."""

_COUNTIES = frozenset(county.code for county in geography.counties())
_NOTHING = -1
"""The rank of what is not told."""
_DEGRADED, _DOWN = RANK[Impact.DEGRADED], RANK[Impact.OUTAGE]
_CALLS = {impact: rank for rank, impact in enumerate(EMERGENCY_ORDER)}
_FELT = _CALLS[EmergencyImpact.DEGRADED]
_WITH_FALLBACK, _NO_FALLBACK = _CALLS[EmergencyImpact.LOST_WITH_FALLBACK], _CALLS[EmergencyImpact.LOST_NO_FALLBACK]


class _Report(NamedTuple):
    """What the open incidents of one situation say of one place. Said twice, it is said once. Impacts are ranks."""

    code: str
    owner: str
    worst: int
    mobile: int
    mobile_nearly_all: int


class _Call(NamedTuple):
    """What one open incident says of 112 in one place. `impact` is a rank."""

    code: str
    owner: str
    impact: int
    holds_phones: bool
    ref: str


_NO_CALLS: frozenset[_Call] = frozenset()


def _reports(party: Party) -> frozenset[_Report]:
    return frozenset(
        [
            _Report(code, told.owner, RANK[told.worst], _rank(told.mobile), _rank(told.mobile_nearly_all))
            for told in party.voices
            for code in told.codes
        ]
    )


def _calls(party: Party) -> frozenset[_Call]:
    return frozenset(
        [
            _Call(code, told.owner, _CALLS[told.incident.emergency.impact], told.holds_phones, told.ref)
            for told in party.voices
            if told.incident.emergency is not None
            for code in told.codes
        ]
    )


class _Ranks:
    """How often each operator tells each rank of an order."""

    __slots__ = ("_counts", "_steps")

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._counts: dict[str, list[int]] = {}

    def __bool__(self) -> bool:
        return bool(self._counts)

    def count(self, owner: str, rank: int, sign: int) -> None:
        if rank == _NOTHING:
            return
        counts = self._counts.get(owner)
        if counts is None:
            counts = self._counts[owner] = [0] * self._steps
        counts[rank] += sign
        if not any(counts):
            del self._counts[owner]

    def worst(self) -> dict[str, int]:
        """The greatest rank of each operator, by operator."""
        return {owner: self.worst_of(owner) for owner in sorted(self._counts)}

    def worst_of(self, owner: str) -> int:
        counts = self._counts.get(owner, ())
        return max((rank for rank, times in enumerate(counts) if times), default=_NOTHING)


class _Calls:
    """What is told of 112 in one place."""

    __slots__ = ("_effects", "_holding", "_ranks")

    def __init__(self) -> None:
        self._ranks = _Ranks(len(EMERGENCY_ORDER))
        self._holding: Counter[str] = Counter()
        self._effects: list[tuple[int, str]] = []
        """Those that tell of an effect, worst first: the rank with its sign turned, and the reference."""

    def count(self, call: _Call, sign: int) -> None:
        self._ranks.count(call.owner, call.impact, sign)
        if call.holds_phones:
            self._holding[call.owner] += sign
            if not self._holding[call.owner]:
                del self._holding[call.owner]
        if call.impact >= _FELT or call.holds_phones:
            effect = -call.impact, call.ref
            if sign > 0:
                insort(self._effects, effect)
            else:
                del self._effects[bisect_left(self._effects, effect)]

    def __bool__(self) -> bool:
        return bool(self._ranks)

    def told(self, *, cut_off: bool) -> AreaEmergency | None:
        """None where nobody speaks of 112. `cut_off`: no other network is there that phones could fall over to."""
        worst = self._ranks.worst()
        if not worst:
            return None
        rank = max(worst.values())
        return AreaEmergency(
            impact=EMERGENCY_ORDER[rank],
            fallback=False if cut_off else True if rank == _WITH_FALLBACK else None,
            operators={owner: EMERGENCY_ORDER[told] for owner, told in worst.items()},
            ran_radiating=tuple(sorted(self._holding)),
            refs=tuple(dict.fromkeys(ref for _, ref in self._effects[:MOST_REFS])),
            report_count=len(self._effects),
        )

    def are_cut_off(self, *, all_mobile_down: bool) -> bool:
        """Whether calls to 112 fail here and no other network takes them: an operator says so, its radio keeps the
        phones, or all mobile networks are down.
        """
        rank = max(self._ranks.worst().values(), default=_NOTHING)
        return rank == _NO_FALLBACK or bool(self._holding) or (rank == _WITH_FALLBACK and all_mobile_down)


class _Tally:
    """What is said of one place, counted by situations."""

    __slots__ = ("calls", "mobile", "mobile_here", "mobile_nearly_all", "ranks", "reports", "situations")

    def __init__(self) -> None:
        self.ranks = _Ranks(len(IMPACT_ORDER))
        """Of any service, reported here or where it counts as here."""
        self.mobile = _Ranks(len(IMPACT_ORDER))
        """Of mobile services alone."""
        self.mobile_here = _Ranks(len(IMPACT_ORDER))
        """Of mobile services, for exactly this place."""
        self.mobile_nearly_all = _Ranks(len(IMPACT_ORDER))
        """Of those, what affects nearly all of it, and so each area in it."""
        self.calls = _Calls()
        self.reports: Counter[str] = Counter()
        """Per situation, how much it says of this place."""
        self.situations: list[str] = []

    def count(self, situation: str, report: _Report, sign: int, *, exactly: bool) -> None:
        self.ranks.count(report.owner, report.worst, sign)
        self.mobile.count(report.owner, report.mobile, sign)
        if exactly:
            self.mobile_here.count(report.owner, report.mobile, sign)
            self.mobile_nearly_all.count(report.owner, report.mobile_nearly_all, sign)
        if not self.reports[situation]:
            insort(self.situations, situation)
        self.reports[situation] += sign
        if not self.reports[situation]:
            del self.reports[situation]
            del self.situations[bisect_left(self.situations, situation)]


class AreaBook:
    """The open incidents' reports by area, and which areas changed."""

    def __init__(self) -> None:
        self._said: dict[str, frozenset[_Report]] = {}
        self._called: dict[str, dict[str, frozenset[_Call]]] = {}
        """By situation and party."""
        self._tallies: defaultdict[str, _Tally] = defaultdict(_Tally)
        self._dirty: set[str] = set(_COUNTIES)
        self._white_outs: set[str] = set()
        self._all_down: set[str] = set()
        self._cut_off: set[str] = set()
        self.flipped: frozenset[str] = frozenset()
        """The areas whose white-out, or all-mobile-down, began or ended with the last refresh."""

    def put(self, situation: str, parties: Parties) -> None:
        """Set what the open incidents of a situation tell; of nobody, takes it out."""
        before = self._said.pop(situation, frozenset())
        now = frozenset[_Report]().union(*(party.once(_reports) for party in parties.values()))
        if now:
            self._said[situation] = now
        for report in now - before:
            self._count(situation, report, 1)
        for report in before - now:
            self._count(situation, report, -1)
        called = {name: calls for name, party in parties.items() if (calls := party.once(_calls))}
        if called or situation in self._called:
            self._put_calls(situation, called)

    def invalidate(self) -> None:
        """Everything is to be told anew: who counts as a mobile network operator has changed."""
        self._dirty |= _COUNTIES | self._tallies.keys()

    def refresh(self, mobile_operators: frozenset[str]) -> Iterator[tuple[str, AreaItem | None]]:
        """Every area that may have changed; None for a municipality that nothing is reported for any more."""
        dirty, self._dirty = self._dirty - {geography.COUNTRY}, set()
        self.flipped = frozenset(code for code in dirty if self._judge(code, mobile_operators))
        dirty |= {code[:2] for code in dirty - _COUNTIES if self._judge_calls(code)}
        for code in dirty & _COUNTIES:
            self._judge_calls(code)
        return ((code, self._item(code)) for code in sorted(dirty))

    def white_outs(self) -> frozenset[str]:
        """The areas where every mobile network operator reports DEGRADED or worse, as of the last refresh."""
        return frozenset(self._white_outs)

    def all_down(self) -> frozenset[str]:
        """The areas where every mobile network operator reports an outage, as of the last refresh."""
        return frozenset(self._all_down)

    def situations_at(self, code: str) -> tuple[str, ...]:
        """All situations with a report that counts here, by id."""
        return tuple(self._tallies[code].situations) if code in self._tallies else ()

    def situations_around(self, codes: Iterable[str]) -> frozenset[str]:
        """All situations with a report for one of the areas, for a place in it, or for what it lies in."""
        wider = {outer for code in codes for outer in (code, code[:2], geography.COUNTRY)}
        return frozenset(situation for code in wider for situation in self.situations_at(code))

    def _count(self, situation: str, report: _Report, sign: int) -> None:
        counted = _counted_in(report.code)
        for code in counted:
            self._tallies[code].count(situation, report, sign, exactly=code == report.code)
        self._dirty |= counted
        if report.mobile_nearly_all >= _DEGRADED and len(report.code) == 2:
            self._dirty |= {code for code in self._tallies if geography.contains(report.code, code)}

    def mobile_at(self, operator: str, code: str) -> Impact | None:
        """The worst that an operator reports of mobile services for exactly this place, or for nearly all of a wider
        one; None where it reports nothing.
        """
        rank = self._mobile_at(operator, code) if code in self._tallies else _NOTHING
        return None if rank == _NOTHING else IMPACT_ORDER[rank]

    def _put_calls(self, situation: str, now: dict[str, frozenset[_Call]]) -> None:
        before = self._called.pop(situation, {})
        if now:
            self._called[situation] = now
        for name in now.keys() | before.keys():
            told, held = now.get(name, _NO_CALLS), before.get(name, _NO_CALLS)
            if told is not held:
                self._count_calls(told - held, 1)
                self._count_calls(held - told, -1)

    def _count_calls(self, calls: Iterable[_Call], sign: int) -> None:
        for call in calls:
            counted = _counted_in(call.code)
            for code in counted:
                self._tallies[code].calls.count(call, sign)
            self._dirty |= counted

    def _judge(self, code: str, mobile_operators: frozenset[str]) -> bool:
        """Whether an area's white-out or all-mobile-down has begun or ended."""
        told = bool(self._tallies[code].ranks)
        least = min((self._mobile_at(owner, code) for owner in mobile_operators if told), default=_NOTHING)
        return any([_flip(self._white_outs, code, least >= _DEGRADED), _flip(self._all_down, code, least >= _DOWN)])

    def _mobile_at(self, operator: str, code: str) -> int:
        """The worst that an operator reports of mobile services for this place, or for nearly all of one around it."""
        wider = {code[:2], geography.COUNTRY} - {code}
        ranks = [self._tallies[outer].mobile_nearly_all.worst_of(operator) for outer in wider if outer in self._tallies]
        return max([self._tallies[code].mobile_here.worst_of(operator), *ranks])

    def _judge_calls(self, code: str) -> bool:
        """Whether it has changed that nothing takes the calls to 112 here. A county's includes its municipalities'."""
        calls = self._tallies[code].calls
        cut_off = bool(calls) and calls.are_cut_off(all_mobile_down=code in self._all_down)
        if code in _COUNTIES:
            cut_off = cut_off or any(other[:2] == code for other in self._cut_off if len(other) == 4)
        return _flip(self._cut_off, code, cut_off)

    def _item(self, code: str) -> AreaItem | None:
        tally = self._tallies[code]
        if not tally.ranks and code not in _COUNTIES:
            del self._tallies[code]
            return None
        return AreaItem.whole(
            code=code,
            name=geography.name_of(code),
            impact=_impacts(tally.ranks),
            mobile=_impacts(tally.mobile),
            all_mobile_down=code in self._all_down,
            white_out=code in self._white_outs,
            emergency=tally.calls.told(cut_off=code in self._cut_off),
            situations=tuple(tally.situations[:MOST_SITUATIONS]),
            situation_count=len(tally.situations),
        )


def emergencies(areas: Iterable[AreaItem]) -> Iterator[EmergencyItem]:
    """The areas where calls to 112 suffer, or phones are kept from falling over to another network."""
    for area in areas:
        told = area.emergency
        if told is not None and told.report_count:
            yield EmergencyItem(
                code=area.code,
                name=area.name,
                impact=told.impact,
                fallback=told.fallback,
                operators=told.operators,
                ran_radiating=told.ran_radiating,
                refs=told.refs,
                report_count=told.report_count,
            )


def _counted_in(code: str) -> set[str] | frozenset[str]:
    """The areas in which a report for this one counts."""
    return {code, code[:2]} if code != geography.COUNTRY else _COUNTIES | {code}


def _rank(impact: Impact | None) -> int:
    return _NOTHING if impact is None else RANK[impact]


def _impacts(ranks: _Ranks) -> dict[str, Impact]:
    return {owner: IMPACT_ORDER[rank] for owner, rank in ranks.worst().items()}


def _flip(members: set[str], name: str, belongs: bool) -> bool:
    """Put a name into a set, or take it out. Returns whether that changed anything."""
    if belongs is (name in members):
        return False
    (members.add if belongs else members.discard)(name)
    return True
