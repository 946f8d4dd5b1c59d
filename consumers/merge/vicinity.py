"""Incidents by place and time: who is near whom at all. Pure bookkeeping, no judgement."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import IntEnum

from bus import geography

_LATEST = "\uffff"
"""Sorts after every reference."""


class Nearness(IntEnum):
    """How near two sets of places are to each other, nearest first."""

    MUNICIPALITY = 0
    """A municipality in common."""
    OVERLAP = 1
    """One names the county, or the country, that the other lies in."""
    COUNTY = 2
    """Other municipalities of one county."""
    APART = 3


Place = tuple[datetime, str]
"""Where a reference stands in order: its instant, then itself."""


class Rows:
    """References in rows, one for each key, in order of their instant. Two meet when few stand between them in a row.

    So each meets a bounded number, however many there are, and by no order but that of their instants.
    """

    def __init__(self, window: int) -> None:
        self._window = window
        self._rows: defaultdict[str, list[Place]] = defaultdict(list)

    def add(self, key: str, places: Sequence[Place]) -> Iterator[tuple[str, str]]:
        """The pairs that references stand between in the row, now that they are added, so that they meet there no
        more. Where nobody stood before, there are none.
        """
        row = self._rows[key]
        if not row:
            row.extend(sorted(places))
            return
        for place in places:
            index = bisect_left(row, place)
            before, after = self._around(row, index, index)
            row.insert(index, place)
            yield from self._across(before, after)

    def met(self, key: str, place: Place, but: Container[str] = ()) -> list[str]:
        """Whom a reference that stands in the row meets there: those before it, `but` for some, and those after."""
        row = self._rows[key]
        index = bisect_left(row, place)
        before, after = self._around(row, index, index + 1)
        return [ref for ref in before if ref not in but] + after

    def discard(self, key: str, place: Place) -> list[tuple[str, str]]:
        """The pairs that meet in the row now that a reference stands between them no more."""
        row = self._rows[key]
        index = bisect_left(row, place)
        before, after = self._around(row, index, index + 1)
        del row[index]
        if not row:
            del self._rows[key]
        return self._across(before, after)

    def meet(self, key: str, a: Place, b: Place) -> bool:
        """Whether two that stand in a row meet there."""
        row = self._rows[key]
        return abs(bisect_left(row, a) - bisect_left(row, b)) <= self._window

    def _around(self, row: list[Place], low: int, high: int) -> tuple[list[str], list[str]]:
        before = row[max(0, low - self._window) : low]
        return [ref for _, ref in before], [ref for _, ref in row[high : high + self._window]]

    def _across(self, before: list[str], after: list[str]) -> list[tuple[str, str]]:
        """The pairs that are a window apart without the one between."""
        apart = len(before) - self._window
        return [(before[apart + n], after[n]) for n in range(max(0, -apart), min(self._window, len(after)))]


class Vicinity:
    """References under the keys where they can be met, each key's by instant.

    A key is an area's code; or any other word, under which only those meet that share it.
    """

    def __init__(self) -> None:
        self._at: defaultdict[str, list[tuple[datetime, str]]] = defaultdict(list)
        self._below: defaultdict[str, set[str]] = defaultdict(set)
        """Keys that are held, by the county and the country around them."""

    def add(self, ref: str, keys: Iterable[str], instant: datetime) -> None:
        for key in keys:
            insort(self._at[key], (instant, ref))
            for outer in _around(key):
                self._below[outer].add(key)

    def discard(self, ref: str, keys: Iterable[str], instant: datetime) -> None:
        for key in keys:
            held = self._at.get(key, [])
            place = bisect_left(held, (instant, ref))
            if place < len(held) and held[place] == (instant, ref):
                del held[place]
                if not held:
                    del self._at[key]
                    for outer in _around(key):
                        self._below[outer].discard(key)

    def near(self, keys: Iterable[str], instant: datetime, within: timedelta) -> Iterator[str]:
        """Those that began within that time of the instant, in a county that the keys name or lie in, or countrywide,
        or under one of the keys. Each once; of those under one key, the nearest in time first.
        """
        seen: set[str] = set()
        earliest, latest = (instant - within, ""), (instant + within, _LATEST)
        for key in self._keys_near(keys):
            held = self._at.get(key)
            if held:
                low, high = bisect_left(held, earliest), bisect_right(held, latest)
                for ref in _outward(held, low, bisect_left(held, (instant, ""), low, high), high, instant):
                    if ref not in seen:
                        seen.add(ref)
                        yield ref

    def _keys_near(self, keys: Iterable[str]) -> set[str]:
        found: set[str] = set()
        for key in keys:
            around = _around(key)
            found |= {key, *around}
            outer = key if key == geography.COUNTRY else key[:2]
            if outer == key or around:
                found |= self._below.get(outer, set())
        return found


def _around(key: str) -> set[str]:
    return {key[:2], geography.COUNTRY} - {key} if geography.is_code(key) else set()


def _outward(held: list[tuple[datetime, str]], low: int, middle: int, high: int, instant: datetime) -> Iterator[str]:
    """From the middle to both ends, by the distance from the instant."""
    before, after = middle - 1, middle
    while before >= low and after < high:
        if instant - held[before][0] <= held[after][0] - instant:
            yield held[before][1]
            before -= 1
        else:
            yield held[after][1]
            after += 1
    while before >= low:
        yield held[before][1]
        before -= 1
    while after < high:
        yield held[after][1]
        after += 1
