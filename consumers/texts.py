"""Texts that people read: a package's own, in both languages, and those of operators, made plain.

A package has its texts in a file `texts.toml` beside its modules, with `sv` and `en` for each key.
"""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Mapping
from importlib.resources import files

from consumers.words import Language, counted

__all__ = ["LONGEST", "Says", "Texts", "harmless", "plain", "texts_of"]

Texts = Mapping[str, Mapping[str, str]]
"""By key and language. `{}` is filled in; `one|many` is chosen by a number."""


def texts_of(package: str) -> Texts:
    return tomllib.loads(files(package).joinpath("texts.toml").read_text("utf-8"))


class Says:
    """The texts of one language."""

    def __init__(self, texts: Texts, language: Language) -> None:
        self._texts = texts
        self._language = language.value

    def __call__(self, key: str, *filled: object) -> str:
        """The text, its gaps filled in order."""
        return self._text(key).format(*filled)

    def many(self, key: str, number: int, *filled: object) -> str:
        """The form for so many. The number fills the gap, unless other things are given to."""
        one, _, more = self._text(key).partition("|")
        return (one, more)[number != 1].format(*filled) if filled else counted((one, more), number)

    def _text(self, key: str) -> str:
        return self._texts[key][self._language]


LONGEST = 600
"""Characters that `plain` lets through, unless told."""

_TURNS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_STEERS = frozenset({"Cc", "Cs", "Co", "Cn"})
"""Categories of signs that steer a terminal, or that nobody has given a meaning."""


def harmless(text: str) -> str:
    """The text on one line, without what could steer a terminal or turn the letters; spaces of any width stay."""
    return "".join(_instead(sign) for sign in text)


def _instead(sign: str) -> str:
    category = unicodedata.category(sign)
    if sign.isspace():
        return sign if category == "Zs" else " "
    return "" if sign in _TURNS or category in _STEERS else sign


def plain(text: str, most: int = LONGEST) -> str:
    """The text on one line, without what could disturb the others; cut where it is longer than `most` characters."""
    joined = " ".join(harmless(text).split())
    return joined if len(joined) <= most else f"{joined[: most - 1].rstrip()}…"
