"""What was probably meant by a reference that leads nowhere."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from itertools import islice

from bus import geography
from consumers.merge.explain.books import Books

_OFFERED = 5
_COMPARED = 20_000
"""Comparing takes its time; a picture may hold a million references."""


_EXPLAINED = frozenset({"area", "actor", "conflict"})
"""Items of the feed that are no entities, and have an explanation."""


def nearest(ref: str, books: Books) -> Sequence[str]:
    """Known references that are written most like this one, best first."""
    candidates = dict.fromkeys(islice(_candidates(ref, books), _COMPARED))
    return difflib.get_close_matches(ref, candidates, _OFFERED)


def _candidates(ref: str, books: Books) -> Iterator[str]:
    """Those that share a part with it come first."""
    kind, _, name = ref.partition("/")
    if kind == "area" and (meant := geography.suggest(name)):
        yield f"area/{meant.split()[0]}"
    parts = set(ref.split("/")[1:])
    yield from (known for known in books.entities if not parts.isdisjoint(known.split("/")[1:]))
    yield from (f"situation/{id_}" for id_ in books.answering_to)
    yield from (key for key in books.items if key.partition("/")[0] in _EXPLAINED)
    yield from books.entities
