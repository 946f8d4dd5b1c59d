"""Who speaks in a situation: its incidents by whose reports they are.

What a situation says is put together from what each operator says in it: users and user-hours are never shared between
operators, and of all else the worst, the first or the sum counts. So in a situation of many, what one party says is
worked out again only when that party says something else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from operator import is_
from typing import Any, TypeVar

from consumers.merge.components import Component
from consumers.merge.told import Told

A = TypeVar("A")

MANY = 50
"""Incidents from which on a situation is taken apart, and what its parties said is remembered for the next time."""

EVERYONE = ""
"""The name of a party of all: of a few; and of those who cannot be heard apart, for one of them counts other operators'
customers among its own.
"""


class Party:
    """The incidents of one operator in a situation, by the parts that they play."""

    __slots__ = ("_answers", "duplicates", "everyone", "members", "opened", "voices")

    def __init__(self, everyone: Sequence[Told], duplicates: frozenset[str] = frozenset()) -> None:
        self.everyone = everyone
        self.duplicates = duplicates
        """Of the whole situation."""
        self.members = [told for told in everyone if told.ref not in duplicates] if duplicates else everyone
        """All but the duplicates."""
        self.opened = [told for told in self.members if told.is_open]
        """The open members: these are counted."""
        self.voices = [told for told in everyone if told.is_open] if duplicates else self.opened
        """The open members and duplicates."""
        self._answers: dict[Callable[..., Any], Any] = {}

    def once(self, ask: Callable[[Party], A]) -> A:
        """What it says to a question, worked out the first time that it is asked."""
        try:
            answer: A = self._answers[ask]
        except KeyError:
            answer = self._answers[ask] = ask(self)
        return answer

    def says(self, everyone: Sequence[Told], duplicates: frozenset[str]) -> bool:
        """Whether this is just what it says."""
        return (
            len(everyone) == len(self.everyone)
            and duplicates == self.duplicates
            and all(map(is_, everyone, self.everyone))
        )


Parties = Mapping[str, Party]


def is_many(component: Component) -> bool:
    """Whether it is worth to take a situation apart."""
    return len(component.refs) >= MANY


def parties_of(component: Component, told: Mapping[str, Told], before: Parties) -> Parties:
    """The parties of a situation, by name. One that says what it said `before` is the same."""
    reports = [told[ref] for ref in component.refs]
    by_name: dict[str, list[Told]] = {EVERYONE: reports}
    if is_many(component) and not any(report.hosts for report in reports):
        by_name = defaultdict(list)
        for report in reports:
            by_name[report.owner].append(report)
    return {name: _party(everyone, component.duplicates, before.get(name)) for name, everyone in by_name.items()}


def _party(everyone: Sequence[Told], duplicates: frozenset[str], before: Party | None) -> Party:
    return before if before is not None and before.says(everyone, duplicates) else Party(everyone, duplicates)
