"""Why two incidents are linked, or may belong together: a code with its facts, and the same in plain English.

A code is one of GROUNDS; who says it in another language fills the facts into a sentence of their own.
"""

from __future__ import annotations

from typing import NamedTuple

NAMED = "NAMED"
"""One names the other. Facts: `actor`, who says so, and the `field` that it is said in."""
SHARED = "SHARED"
"""Both have something in common. Facts: the `field` that it stands in, and its `value`."""
ASSERTED = "ASSERTED"
"""Staff say so. Facts: the `link` entity, its `relation`, and its `comment` where it has one."""
ALIKE = "ALIKE"
"""They look like one event. Facts: `causes`, with blanks between, none where neither knows; `unknown`, where one does
not know; `nearness`, and the `area` that shows it; `minutes` between the starts, where both are told;
`restored_together`; and of a suggestion the point that is `lacking`, where one is.
"""
GROUNDS = (NAMED, SHARED, ASSERTED, ALIKE)

LONGEST = 200
"""Characters of a fact, and of the words: free text of any length is quoted, and records are bounded."""


class Ground(NamedTuple):
    """Why two incidents are linked."""

    code: str
    facts: tuple[tuple[str, str], ...]
    text: str
    """In plain English."""

    @classmethod
    def of(cls, code: str, text: str, **facts: str) -> Ground:
        return cls(code, tuple((name, fact[:LONGEST]) for name, fact in facts.items()), text[:LONGEST])
