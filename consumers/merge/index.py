"""Which entities point at a target."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


def take_out(sets: dict[K, set[str]], name: K, member: str) -> None:
    """Take a member out of the set under a name, and the set with its last: what is long over leaves nothing behind."""
    held = sets.get(name)
    if held is not None:
        held.discard(member)
        if not held:
            del sets[name]


class Index:
    """Which entities point at a target, kept up to date as they change their minds."""

    def __init__(self) -> None:
        self._sources: defaultdict[str, set[str]] = defaultdict(set)
        self._targets: dict[str, frozenset[str]] = {}

    def put(self, source: str, targets: Iterable[str | None]) -> set[str]:
        """Set what a source points at. Returns the targets that it pointed at before or does now."""
        old = self._targets.pop(source, frozenset())
        new = frozenset(target for target in targets if target)
        for target in old:
            take_out(self._sources, target, source)
        for target in new:
            self._sources[target].add(source)
        if new:
            self._targets[source] = new
        return set(old | new)

    def get(self, target: str) -> set[str]:
        return self._sources.get(target, set())

    def targets_of(self, source: str) -> frozenset[str]:
        """What a source points at."""
        return self._targets.get(source, frozenset())
