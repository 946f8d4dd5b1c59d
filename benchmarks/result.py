"""What a measurement says, and how repeats become one number."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from statistics import median

Measure = Callable[[], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `ratio` is to the base of its group; `aim` is what the project wants of it."""

    group: str
    what: str
    value: float
    unit: str
    ratio: float | None = None
    aim: str = ""


async def alternate(measures: Mapping[str, Measure], repeats: int) -> dict[str, float]:
    """The median of each, measured in turns, so that a slow minute of the machine hurts all alike."""
    found: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(repeats):
        for name, measure in measures.items():
            gc.collect()
            found[name].append(await measure())
    return {name: median(values) for name, values in found.items()}


def against(group: str, values: Mapping[str, float], base: str, unit: str, aims: Mapping[str, str]) -> list[Row]:
    return [Row(group, name, value, unit, value / values[base], aims.get(name, "")) for name, value in values.items()]
