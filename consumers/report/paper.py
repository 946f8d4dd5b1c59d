"""The report as PDF. The document goes to the template as data, so that no text of anybody is ever read as markup.

The same document gives the same bytes: the fonts are those that come with the compiler, and the time is the report's.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import datetime
from importlib.resources import files
from typing import Any

import typst

from consumers.ramp import RAMP
from consumers.report.document import Document

__all__ = ["pdf_of"]

LONG = re.compile(r"\S{28}(?=\S)")
BREAK = "\u200b"
"""Where a word that is longer than a column may be broken."""


def pdf_of(document: Document, drawing: str, made_at: datetime) -> bytes:
    """The document as a tagged PDF. `drawing` is the map, as SVG."""
    return typst.compile(
        files("consumers.report").joinpath("report.typ").read_bytes(),
        format="pdf",
        ignore_system_fonts=True,
        timestamp=made_at.replace(microsecond=0),
        sys_inputs={
            "document": json.dumps(_breakable(asdict(document)), ensure_ascii=False),
            "ramp": json.dumps([[shade.fill, shade.ink] for shade in RAMP]),
            "map": drawing,
        },
    )


def _breakable(told: Any) -> Any:
    match told:
        case str():
            return LONG.sub(lambda found: f"{found[0]}{BREAK}", told)
        case dict():
            return {name: _breakable(each) for name, each in told.items()}
        case list() | tuple():
            return [_breakable(each) for each in told]
    return told
