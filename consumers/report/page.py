"""The report as one HTML page: the same document as on paper, complete in itself, for a screen and for a printer.

Everything is escaped; the page asks nobody for anything, and its policy forbids scripts.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template

from consumers.ramp import RAMP
from consumers.report.document import Document

__all__ = ["html_of"]


def html_of(document: Document, drawing: str) -> bytes:
    """The document as HTML. `drawing` is the map, as SVG: made from codes and numbers alone, so it stands as it is."""
    return _template().render(told=document, drawing=drawing, ramp=RAMP).encode()


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=False)
    return environment.from_string(files("consumers.report").joinpath("report.html").read_text("utf-8"))
