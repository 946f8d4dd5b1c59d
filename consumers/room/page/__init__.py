"""The pages of the room: HTML from what there is to see, who looks and what is wished for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from consumers.room.sight import Draft, Sent, Sight, Visitor, Wish
from consumers.room.static import Static
from consumers.words import words_of

__all__ = ["PARTS", "STATIC", "Page"]

STATIC = Path(__file__).parent / "static"
PARTS = ("header", "tiles", "list", "detail", "map", "timeline")
"""The fragments that can be asked for by name."""


class Page:
    """Renders. `static` gives the addresses of the files that pages refer to."""

    def __init__(self, static: Static | None = None) -> None:
        self.static = static or Static(STATIC)
        self._templates = Environment(
            loader=PackageLoader("consumers.room.page"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals["static"] = self.static.url

    def whole(self, sight: Sight, visitor: Visitor, wish: Wish) -> str:
        """The document."""
        return self._render("whole", wish, {"sight": sight, "visitor": visitor, "parts": PARTS})

    def part(self, name: str, sight: Sight, visitor: Visitor, wish: Wish) -> str:
        """One fragment. Raises KeyError for a name that is not in PARTS."""
        if name not in PARTS:
            raise KeyError(name)
        return self._render("part", wish, {"sight": sight, "visitor": visitor, "name": name})

    def login(self, wish: Wish, problem: str | None, csrf: str) -> str:
        """Where somebody says who they are; `problem`: why the last time failed, in the language wished for."""
        return self._render("login", wish, {"problem": problem, "csrf": csrf})

    def confirm(self, draft: Draft, sight: Sight, visitor: Visitor, wish: Wish) -> str:
        """What will be sent, before it is sent."""
        return self._render("confirm", wish, {"draft": draft, "sight": sight, "visitor": visitor})

    def receipt(self, sent: Sent, sight: Sight, visitor: Visitor, wish: Wish) -> str:
        """What was sent."""
        return self._render("receipt", wish, {"sent": sent, "sight": sight, "visitor": visitor})

    def problem(self, status: int, text: str, wish: Wish) -> str:
        """Why there is no answer."""
        return self._render("problem", wish, {"status": status, "text": text})

    def _render(self, name: str, wish: Wish, values: Mapping[str, Any]) -> str:
        words = words_of(wish.language)
        return self._templates.get_template(f"{name}.html").render({"wish": wish, "words": words, **values})
