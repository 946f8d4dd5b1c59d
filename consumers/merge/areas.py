"""What is reported where: per county and municipality, by operator.

A county's impact includes its municipalities', and a report for the whole country counts in every county. Downwards it
never rolls: "somewhere in the county" does not paint the municipalities.

Kept as tallies, so that a change costs what changed, however much is reported.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bus import geography
from bus.vocabulary import IMPACT_ORDER
from consumers.merge.effects import RANK
from consumers.merge.told import Told
from consumers.merge.view import AreaItem

_COUNTIES = frozenset(county.code for county in geography.counties())


class _Report(NamedTuple):
    """What the open incidents of one situation say of one place. Said twice, it is said once."""

    code: str
    owner: str
    rank: int
    mobile_down: bool
    mobile_down_nearly_all: bool


class _Tally:
    """What is said of one place, counted by situations."""

    __slots__ = ("down", "nearly_all_down", "ranks", "reports", "situations")

    def __init__(self) -> None:
        self.ranks: defaultdict[str, list[int]] = defaultdict(lambda: [0] * len(IMPACT_ORDER))
        """Per operator, how often each impact is reported here, or where it counts as here."""
        self.down: Counter[str] = Counter()
        self.nearly_all_down: Counter[str] = Counter()
        """Per operator, how often mobile outages are reported for exactly this place."""
        self.reports: Counter[str] = Counter()
        """Per situation, how much it says of this place."""
        self.situations: list[str] = []

    def count(self, situation: str, report: _Report, sign: int, *, exactly: bool) -> None:
        ranks = self.ranks[report.owner]
        ranks[report.rank] += sign
        if not any(ranks):
            del self.ranks[report.owner]
        if exactly:
            self.down[report.owner] += sign * report.mobile_down
            self.nearly_all_down[report.owner] += sign * report.mobile_down_nearly_all
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
        self._tallies: defaultdict[str, _Tally] = defaultdict(_Tally)
        self._dirty: set[str] = set(_COUNTIES)

    def put(self, situation: str, incidents: Iterable[Told]) -> None:
        """Set the open incidents of a situation; none takes it out."""
        old = self._said.pop(situation, frozenset())
        new = frozenset(
            _Report(code, told.owner, RANK[told.worst], told.mobile_down, told.mobile_down_nearly_all)
            for told in incidents
            for code in told.codes
        )
        if new:
            self._said[situation] = new
        for report in new - old:
            self._count(situation, report, 1)
        for report in old - new:
            self._count(situation, report, -1)

    def invalidate(self) -> None:
        """Everything is to be told anew: who counts as a mobile network operator has changed."""
        self._dirty |= _COUNTIES | self._tallies.keys()

    def refresh(self, mobile_operators: frozenset[str]) -> Iterator[tuple[str, AreaItem | None]]:
        """Every area that may have changed; None for a municipality that nothing is reported for any more."""
        dirty, self._dirty = self._dirty - {geography.COUNTRY}, set()
        for code in sorted(dirty):
            yield code, self._item(code, mobile_operators)

    def _count(self, situation: str, report: _Report, sign: int) -> None:
        counted = {report.code, report.code[:2]} if report.code != geography.COUNTRY else {report.code, *_COUNTIES}
        for code in counted:
            self._tallies[code].count(situation, report, sign, exactly=code == report.code)
        self._dirty |= counted
        if report.mobile_down_nearly_all and len(report.code) == 2:
            self._dirty |= {code for code in self._tallies if geography.contains(report.code, code)}

    def _item(self, code: str, mobile_operators: frozenset[str]) -> AreaItem | None:
        tally = self._tallies[code]
        if not tally.ranks and code not in _COUNTIES:
            del self._tallies[code]
            return None
        worst = {owner: max(rank for rank, times in enumerate(ranks) if times) for owner, ranks in tally.ranks.items()}
        return AreaItem.model_construct(
            code=code,
            name=geography.name_of(code),
            impact={owner: IMPACT_ORDER[rank] for owner, rank in sorted(worst.items())},
            all_mobile_down=bool(mobile_operators) and all(self._is_without(owner, code) for owner in mobile_operators),
            situations=tuple(tally.situations),
        )

    def _is_without(self, operator: str, code: str) -> bool:
        if self._tallies[code].down[operator]:
            return True
        wider = {code[:2], geography.COUNTRY} - {code}
        return any(self._tallies[outer].nearly_all_down[operator] for outer in wider if outer in self._tallies)
