"""Incidents by place and time: who is near whom at all. Pure bookkeeping, no judgement."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator
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
