"""Draws from continuous distributions, for times that fall on no grid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import TypeVar

T = TypeVar("T")

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def seeded(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - to be repeated, not to be secret


def apart(rng: Random) -> Random:
    """A source of its own: however much is drawn from it, the given one goes on alike."""
    return seeded(rng.getrandbits(64))


def around(rng: Random, median_hours: float, spread: float = 0.6) -> timedelta:
    """A length of time, log-normal: positive, half of them below the median, with a long tail."""
    return timedelta(hours=rng.lognormvariate(math.log(median_hours), spread))


def between(rng: Random, low_hours: float, high_hours: float) -> timedelta:
    return timedelta(hours=rng.uniform(low_hours, high_hours))


def happens(rng: Random, probability: float) -> bool:
    return rng.random() < probability


def some(rng: Random, items: Sequence[T], low: int, high: int) -> tuple[T, ...]:
    """From `low` to `high` of the items, in random order; all, where there are fewer."""
    return tuple(rng.sample(items, min(len(items), rng.randint(low, high))))


def weighted(rng: Random, table: Sequence[tuple[T, float]]) -> T:
    return rng.choices([item for item, _ in table], [weight for _, weight in table])[0]


def token(rng: Random, length: int = 5) -> str:
    return "".join(rng.choices(LETTERS, k=length))
