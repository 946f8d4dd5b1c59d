"""Addresses within the page. All state is in them, so that a link shows a colleague the same thing."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from consumers.room.sight import Tab, Wish

__all__ = ["Links"]


class Links:
    """Addresses that differ from the one that is shown in what they are asked to."""

    def __init__(self, wish: Wish) -> None:
        self._wish = wish

    def to(self, **changes: Any) -> str:
        """Another view keeps language, time and filter."""
        return f"/?{self._wish.but(uncut=False, **changes).query()}"

    def uncut(self) -> str:
        """The same, with the list uncut."""
        return f"/?{self._wish.but(uncut=True).query()}"

    def why(self, ref: str) -> str:
        """Where what the reference names is explained."""
        return self.to(tab=Tab.WHY, selected=ref)

    def open(self, ref: str) -> str:
        """The reference opened among the situations."""
        return self.to(tab=Tab.SITUATIONS, selected=ref)

    def hidden(self, **changes: Any) -> list[tuple[str, str]]:
        """The same as the hidden fields of a form that adds its own."""
        return parse_qsl(self._wish.but(**changes).query())
