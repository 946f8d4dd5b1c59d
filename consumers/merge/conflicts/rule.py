"""The form of a conflict rule: what it is about, where it looks, what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from consumers.merge.conflicts.findings import Finding, Terms

About = TypeVar("About")
Other = TypeVar("Other")


def _nowhere(_: Any) -> Iterable[str]:
    return ()


def _never(_thing: Any, _others: Any, _terms: Terms) -> Iterable[datetime]:
    return ()


def _always(_thing: Any, _other: Any, _terms: Terms) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Generic[About, Other]):
    """A rule about one thing, and others that it may not go together with. Each function is pure."""

    id: str
    about: type[About]
    applies: Callable[[About, Terms], bool]
    """Whether the rule looks at this thing at all."""
    among: tuple[type[Any], ...] = ()
    """Of which types the others are."""
    looks: Callable[[About], Iterable[str]] = _nowhere
    """Where to look for the others: the marks under which they stand, or their references."""
    meets: Callable[[About, Other, Terms], bool] = _always
    """Whether another, once found, counts. Does not look at the clock."""
    tell: Callable[[About, Sequence[Other], Terms, datetime], Iterator[Finding]]
    """What it says of the thing and all others that count, in whatever order they come, as of an instant."""
    turns: Callable[[About, Sequence[Other], Terms], Iterable[datetime]] = _never
    """The instants from which it may say something else by the clock alone."""
    by_role: bool = False
    """It asks who is what, so it judges anew when the registry changes."""
