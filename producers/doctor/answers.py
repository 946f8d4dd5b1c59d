"""What the doctor says: a question, how it is, and what to do where it is not well."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    WELL = "WELL"
    TOLD = "TOLD"
    """Nothing is wrong yet."""
    ILL = "ILL"


@dataclass(frozen=True, slots=True)
class Answer:
    """One question: what was asked, how it is, and what to do where it is not well."""

    asked: str
    verdict: Verdict
    text: str
    remedy: str = ""


def well(asked: str, text: str) -> Answer:
    return Answer(asked, Verdict.WELL, text)


def told(asked: str, text: str, remedy: str) -> Answer:
    return Answer(asked, Verdict.TOLD, text, remedy)


def ill(asked: str, text: str, remedy: str) -> Answer:
    return Answer(asked, Verdict.ILL, text, remedy)
