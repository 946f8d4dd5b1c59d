"""Where things stand, and where others look for them: the marks of an index by area, asset and reference.

A thing stands at each of its places and within the places around them. Who looks for what overlaps a place looks at
that place, at the places around it, and within it. So neither ever goes through all that there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from bus import geography

_MARKS = 4_096


def standing(kind: str, codes: Iterable[str], assets: Iterable[str] = ()) -> Iterator[str]:
    """The marks of a thing of this kind in these places and on these assets."""
    for code in codes:
        yield from _standing(kind, code)
    for asset in assets:
        yield f"{kind}#{asset}"


def overlapping(kind: str, codes: Iterable[str], assets: Iterable[str] = ()) -> Iterator[str]:
    """Where to look for things of this kind whose place overlaps one of these, or that are on one of the assets."""
    for code in codes:
        yield from _overlapping(kind, code)
    for asset in assets:
        yield f"{kind}#{asset}"


def covering(kind: str, codes: Iterable[str]) -> Iterator[str]:
    """Where to look for things of this kind whose place is one of these or contains it."""
    for code in codes:
        yield from _covering(kind, code)


def exactly(kind: str, code: str) -> str:
    """Where to look for things of this kind at this very place."""
    return f"{kind}={code}"


def common(a: Iterable[str], b: Iterable[str]) -> frozenset[str]:
    """The narrower code of each pair that overlaps."""
    one, other = frozenset(a), frozenset(b)
    return within(one, other) | within(other, one)


def within(inner: frozenset[str], outer: frozenset[str]) -> frozenset[str]:
    """Those that one of the outer is or contains."""
    return frozenset(code for code in inner if code in outer or not outer.isdisjoint(_around(code)))


@lru_cache(maxsize=_MARKS)
def _standing(kind: str, code: str) -> tuple[str, ...]:
    return exactly(kind, code), *(f"{kind}<{outer}" for outer in _around(code))


@lru_cache(maxsize=_MARKS)
def _overlapping(kind: str, code: str) -> tuple[str, ...]:
    return *_covering(kind, code), f"{kind}<{code}"


@lru_cache(maxsize=_MARKS)
def _covering(kind: str, code: str) -> tuple[str, ...]:
    return tuple(exactly(kind, outer) for outer in (code, *_around(code)))


@lru_cache(maxsize=_MARKS)
def _around(code: str) -> tuple[str, ...]:
    """The county of a municipality, and the country."""
    return tuple(sorted({code[:2], geography.COUNTRY} - {code}))
