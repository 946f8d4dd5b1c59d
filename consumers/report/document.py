"""What a report says, before it is paper or page: sections of tables and sentences, in one language.

Text of operators passes through `plain` on its way in: no control characters, nothing that turns the direction of
writing, and no more than a cell holds. It is never markup: template and page are given strings.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Block", "Cell", "Column", "Document", "Fact", "Line", "Lines", "Section", "Table", "plain"]

LONGEST = 600
"""Characters that a cell holds; the data that goes with a report has the whole text."""

_TURNS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def plain(text: str, most: int = LONGEST) -> str:
    """The text on one line, without what could disturb the others; cut where it is longer than `most` characters."""
    kept = "".join(
        " " if sign.isspace() else sign
        for sign in text
        if sign.isspace() or (sign not in _TURNS and unicodedata.category(sign) not in ("Cc", "Cs", "Co", "Cn"))
    )
    joined = " ".join(kept.split())
    return joined if len(joined) <= most else f"{joined[: most - 1].rstrip()}…"


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a cell. With a level of severity, in its colour; its numeral is part of the text."""

    text: str
    level: int | None = None
    strong: bool = False
    note: str = ""
    """What stands small beneath it."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column, and its share of the width."""

    heading: str
    share: float


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that belong together. Without rows, `empty` says what that means."""

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    empty: str
    kind: Literal["table"] = field(default="table", init=False)


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence; with a mark before it where it is one of a kind (`ny`, `värre`)."""

    text: str
    mark: str = ""
    level: int | None = None


@dataclass(frozen=True, slots=True)
class Lines:
    """Sentences, one to a line."""

    lines: tuple[Line, ...]
    title: str = ""
    kind: Literal["lines"] = field(default="lines", init=False)


Block = Table | Lines


@dataclass(frozen=True, slots=True)
class Section:
    number: str
    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """A label and what it says."""

    label: str
    text: str
    level: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A situation report in one language, bounded on its first page."""

    language: str
    title: str
    running: str
    """What stands on every page: the number and the time."""
    status: str
    exercise: bool
    tlp: str
    audience: str
    page_of: tuple[str, str]
    """What stands before the number of a page, and between it and the number of pages."""
    head: tuple[Fact, ...]
    worst: Fact
    summary: Lines
    figures: tuple[Fact, ...]
    changes: Lines
    map_caption: str
    legend: tuple[Fact, ...]
    map_notes: tuple[str, ...]
    sections: tuple[Section, ...]
    closing: Section
    """The last page: how the numbers were made, and what is not known."""
    warning: str
    """Why this is not to be shown as the present; empty where it may be."""
