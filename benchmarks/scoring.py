"""How well a grouping agrees with the truth: pairwise and B-cubed precision and recall. Pure.

A grouping is what was found; the truth gives every item's label. Both count only the items that they are asked about:
the keys of `truth`. An item that the grouping lacks stands alone.

- Pairwise: of all pairs grouped together, how many belong together; of all that belong together, how many are grouped.
  Large groups weigh by the square of their size.
- B-cubed (Bagga and Baldwin, 1998): the same for each item and its group, averaged over the items.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import comb

METRICS = ("pair_precision", "pair_recall", "bcubed_precision", "bcubed_recall")


@dataclass(frozen=True)
class Score:
    """Each from 0 to 1. Where there is nothing to get wrong, 1."""

    pair_precision: float
    pair_recall: float
    bcubed_precision: float
    bcubed_recall: float


def score(groups: Iterable[Collection[str]], truth: Mapping[str, str]) -> Score:
    """The score of disjoint groups of items against the labels. Raises ValueError for an item in two groups."""
    group_of = _group_of(groups, truth)
    cells = Counter((group_of[item], label) for item, label in truth.items())
    sizes = Counter(group_of.values())
    events = Counter(truth.values())
    right = sum(comb(n, 2) for n in cells.values())
    return Score(
        pair_precision=_share(right, sum(comb(n, 2) for n in sizes.values())),
        pair_recall=_share(right, sum(comb(n, 2) for n in events.values())),
        bcubed_precision=_share(sum(n * n / sizes[group] for (group, _), n in cells.items()), len(truth)),
        bcubed_recall=_share(sum(n * n / events[label] for (_, label), n in cells.items()), len(truth)),
    )


@dataclass(frozen=True)
class Asked:
    """Of what was asked, and of what a grouping misses, how much is right. None where there is nothing to count."""

    right: float | None
    """Of the suggestions, those whose two items belong together."""
    covered: float | None
    """Of the missed pairs, those in two groups of which it is suggested that they are one."""


NOTHING_ASKED = Asked(None, None)


def score_suggestions(
    groups: Iterable[Collection[str]], suggested: Iterable[tuple[str, str]], truth: Mapping[str, str]
) -> Asked:
    """The score of suggestions, each of two items in different groups. Raises ValueError for an item in two groups."""
    group_of = _group_of(groups, truth)
    pairs = {frozenset(pair) for pair in suggested}
    right = [len({truth[item] for item in pair}) == 1 for pair in pairs]
    asked = {frozenset(group_of[item] for item in pair) for pair in pairs}
    missed = covered = 0
    by_label: defaultdict[str, Counter[int | str]] = defaultdict(Counter)
    for item, label in truth.items():
        by_label[label][group_of[item]] += 1
    for sizes in by_label.values():
        for (a, n), (b, m) in combinations(sizes.items(), 2):
            missed += n * m
            covered += n * m if frozenset((a, b)) in asked else 0
    return Asked(sum(right) / len(right) if right else None, covered / missed if missed else None)


def _group_of(groups: Iterable[Collection[str]], truth: Mapping[str, str]) -> dict[str, int | str]:
    found: dict[str, int | str] = {}
    for number, group in enumerate(groups):
        for item in group:
            if item in found:
                raise ValueError(f"{item} is in two groups")
            found[item] = number
    return {item: found.get(item, item) for item in truth}


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 1.0
