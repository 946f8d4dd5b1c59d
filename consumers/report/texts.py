"""What a report says around the facts, in Swedish and in English: the texts of `texts.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files

from consumers.words import Language, counted

__all__ = ["TEXTS", "Says"]


def _read() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(files("consumers.report").joinpath("texts.toml").read_text("utf-8"))


TEXTS = _read()
"""By key and language."""


class Says:
    """The texts of one language."""

    def __init__(self, language: Language) -> None:
        self._language = language.value

    def __call__(self, key: str, *filled: object) -> str:
        """The text, its gaps filled in order."""
        return self._text(key).format(*filled)

    def many(self, key: str, number: int, *filled: object) -> str:
        """The form for so many. The number fills the gap, unless other things are given to."""
        one, _, more = self._text(key).partition("|")
        return (one, more)[number != 1].format(*filled) if filled else counted((one, more), number)

    def _text(self, key: str) -> str:
        return TEXTS[key][self._language]
