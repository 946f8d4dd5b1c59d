"""What a report says, before it is paper or page: sections of tables and sentences, in one language.

Text of operators passes through `consumers.texts.plain` on its way in. It is never markup: template and page are given
strings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Block", "Cell", "Column", "Document", "Fact", "Line", "Lines", "Section", "Table"]


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
