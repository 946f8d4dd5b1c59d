"""How current what is shown is. Without new messages it only gets worse.

The age of an entity is `as_of` less the `known_at` of its latest accepted message: DUE, STALE and SILENT at one, two
and four times the cadence. Nothing closes itself; things only age.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bus.instants import from_millis, to_millis
from bus.vocabulary import Freshness
from consumers.merge.rules import Rules

_MILLISECOND = timedelta(milliseconds=1)
_NEVER = to_millis(datetime.max.replace(tzinfo=UTC))
"""No instant that the calendar knows is later."""

_STEPS = ((4, Freshness.SILENT), (2, Freshness.STALE), (1, Freshness.DUE))
ORDER = {Freshness.FRESH: 0, Freshness.DUE: 1, Freshness.STALE: 2, Freshness.SILENT: 3}


class Clock(NamedTuple):
    """What the age of one thing is measured by."""

    known_at: datetime
    cadence: timedelta

    def freshness(self, as_of: datetime) -> Freshness:
        age = as_of - self.known_at
        return next((step for times, step in _STEPS if age >= times * self.cadence), Freshness.FRESH)

    def next_change(self, as_of: datetime) -> datetime | None:
        """The first instant after `as_of` at which it is less fresh; None when it is SILENT."""
        instants = (self.known_at + times * self.cadence for times, _ in reversed(_STEPS))
        return next((instant for instant in instants if instant > as_of), None)


def expected_within(known_at: datetime, promise: datetime | None, level: int, rules: Rules) -> timedelta:
    """The cadence of an incident in a situation of this severity.

    A promised next update replaces it, from a set severity on at most so many times the default. A promise that had
    passed when it was known is none.
    """
    default = rules.cadence[level]
    if promise is None or promise <= known_at:
        return default
    promised = promise - known_at
    return min(promised, rules.promise_cap_factor * default) if level >= rules.promise_capped_from else promised


class Clocks:
    """The clocks of many things, of which the least fresh counts."""

    __slots__ = ("_steps",)

    def __init__(self, clocks: Iterable[Clock]) -> None:
        held = [(to_millis(clock.known_at), clock.cadence // _MILLISECOND) for clock in clocks]
        self._steps = [(sorted([known + times * cadence for known, cadence in held]), step) for times, step in _STEPS]
        """When each of them takes each step, in milliseconds since the epoch."""

    def freshness(self, now: int) -> Freshness:
        """With nothing to wait for: FRESH."""
        return next((step for instants, step in self._steps if instants and instants[0] <= now), Freshness.FRESH)

    def next_change(self, now: int) -> int:
        """The first instant after now at which one of them is less fresh."""
        places = ((instants, bisect_right(instants, now)) for instants, _ in self._steps)
        return min((instants[place] for instants, place in places if place < len(instants)), default=_NEVER)


def stalest(clocks: Sequence[Clocks], as_of: datetime) -> tuple[Freshness, datetime | None]:
    """The freshness of the least fresh, and when that may next change. With nothing to wait for: FRESH, for ever."""
    now = to_millis(as_of)
    worst = max((those.freshness(now) for those in clocks), key=ORDER.__getitem__, default=Freshness.FRESH)
    change = min((those.next_change(now) for those in clocks), default=_NEVER)
    return worst, from_millis(change) if change < _NEVER else None


class Schedule:
    """When things are next to be looked at. Each has at most one entry that counts, so it does not grow with use."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, str]] = []
        self._next: dict[str, datetime] = {}

    def put(self, name: str, instant: datetime | None) -> None:
        """Look at it at the instant at the latest; looking too early does no harm."""
        if instant is not None and (name not in self._next or instant < self._next[name]):
            self._next[name] = instant
            heapq.heappush(self._heap, (instant, name))

    def take(self, as_of: datetime) -> set[str]:
        """What is due, and now off the schedule."""
        due: set[str] = set()
        while self._heap and self._heap[0][0] <= as_of:
            instant, name = heapq.heappop(self._heap)
            if self._next.get(name) == instant:
                del self._next[name]
                due.add(name)
        return due
