"""What a report says around the facts, in Swedish and in English."""

from __future__ import annotations

from consumers.texts import texts_of

__all__ = ["TEXTS"]

TEXTS = texts_of("consumers.report")
