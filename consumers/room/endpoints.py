"""How a question is asked over HTTP: its address, its parameters, and what the answer is, as data.

Both come from this: how a request is read, and the OpenAPI document that tells programs how to ask.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from bus.vocabulary import Audience

JSON, GEOJSON, EVENTS = "application/json", "application/geo+json", "text/event-stream"


class Refused(Exception):
    """A question that is not answered."""

    def __init__(self, status: HTTPStatus, text: str, nearest: tuple[str, ...] = ()) -> None:
        self.status = status
        self.nearest = nearest
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Parameter:
    """What may be asked for. `read` raises ValueError."""

    name: str
    doc: str
    read: Callable[[str], Any]
    schema: dict[str, Any]
    place: str = "query"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it was asked: who sees what, and the parameters that were given."""

    request: Request
    audience: Audience
    given: dict[str, Any]

    def filter(self, name: str) -> Any:
        return self.given.get(name)


Answerer = Callable[[Question], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One question."""

    path: str
    name: str
    doc: str
    parameters: Sequence[Parameter]
    answer: Any
    """The model of the answer; None where it has none."""
    answerer: Answerer
    media_type: str = JSON
    full_only: bool = False
    """Told to the audience FULL alone: single reports are not reduced for others."""
    may_lack: bool = False
    """Whether there may be nothing of that name (404)."""
    is_tagged: bool = True
    """Whether the answer is of a picture, which has an ETag."""

    @property
    def of_an_instant(self) -> bool:
        """Whether it can be asked of the past: of a time that has not been there is no picture."""
        return any(parameter.name == "as_of" for parameter in self.parameters)


def choice(name: str, doc: str, symbols: Iterable[Any]) -> Parameter:
    allowed = [str(symbol) for symbol in symbols]

    def read(given: str) -> str:
        if given not in allowed:
            raise ValueError(f"use one of {', '.join(allowed)}")
        return given

    return Parameter(name, doc, read, {"type": "string", "enum": allowed})


def whole(name: str, doc: str, low: int, high: int) -> Parameter:
    def read(given: str) -> int:
        if not (given.isascii() and given.isdecimal() and len(given) < 10 and low <= int(given) <= high):
            raise ValueError(f"use a whole number from {low} to {high}")
        return int(given)

    return Parameter(name, doc, read, {"type": "integer", "minimum": low, "maximum": high})


def text(name: str, doc: str, longest: int, place: str = "query", *, required: bool = False) -> Parameter:
    def read(given: str) -> str:
        if not 0 < len(given) <= longest:
            raise ValueError(f"use 1 to {longest} characters")
        return given

    return Parameter(name, doc, read, {"type": "string", "minLength": 1, "maxLength": longest}, place, required)
