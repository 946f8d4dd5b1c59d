"""Messages as NDJSON: one JSON object per line, flat, with `kind` and the envelope's `sent_at` and `known_at`.

Absent and null mean unknown. Unknown fields, fields given twice, naive times, NaN and infinity are refused, each with
the path of the field and what to do about it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from pydantic_core import to_jsonable_python

from bus.errors import InvalidMessage
from bus.instants import format_instant, instant_of
from bus.messages import MESSAGES, Message, build
from bus.references import Kind

_KINDS = {kind.value: kind for kind in Kind}


@dataclass(frozen=True, slots=True)
class Line:
    """A message as a line holds it. `sent_at` and `known_at` are None where the line does not tell."""

    message: Message
    sent_at: datetime | None = None
    known_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is not a valid message. `number` counts from 1."""

    number: int
    error: InvalidMessage
    text: str

    def __str__(self) -> str:
        return "\n".join(
            f"line {self.number}: {path}: {remedy}" if path else f"line {self.number}: {remedy}"
            for path, remedy in self.error.problems
        )


def read_lines(lines: Iterable[bytes | str]) -> Iterator[tuple[int, Line | BadLine]]:
    """Each line that is not blank, with its number, as a message or as what is wrong with it."""
    for number, raw in enumerate(lines, start=1):
        text = raw if isinstance(raw, str) else raw.decode("utf-8", "surrogateescape")
        if not text.strip():
            continue
        try:
            yield number, read_line(text)
        except InvalidMessage as error:
            yield number, BadLine(number, error, text.rstrip("\r\n"))


def read_line(text: str) -> Line:
    """The message in one line of JSON. Raises InvalidMessage."""
    fields = _read_object(text)
    kind = fields.pop("kind", None)
    if not isinstance(kind, str) or kind not in _KINDS:
        words = ", ".join(_KINDS)
        _refuse(
            "kind",
            f"required field is missing; use one of {words}"
            if kind is None
            else f"unknown kind {kind!r}; use one of {words}",
        )
    instants = {name: _instant(name, fields.pop(name, None)) for name in ("sent_at", "known_at")}
    return Line(build(MESSAGES[_KINDS[kind]], fields, from_json=True), **instants)


def write_line(message: Message, sent_at: datetime | None = None, known_at: datetime | None = None) -> str:
    """One line of JSON, without line end. Fields in the contract's order, unknown ones left out as null."""
    return json.dumps(as_object(message, sent_at, known_at), ensure_ascii=False, separators=(",", ":"))


def as_object(message: Message, sent_at: datetime | None = None, known_at: datetime | None = None) -> dict[str, Any]:
    """The JSON object of a message, as plain Python values ready for `json.dumps`."""
    envelope = {"sent_at": sent_at, "known_at": known_at}
    return {
        "kind": message.kind.value,
        **{name: format_instant(instant) for name, instant in envelope.items() if instant is not None},
        **to_jsonable_python(message),
    }


def _read_object(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        _refuse("", f"not JSON: {error.msg} at column {error.colno}; each line is one JSON object")
    except RecursionError:
        _refuse("", "nested too deeply")
    except ValueError as error:  # an integer of thousands of digits
        _refuse("", f"not JSON: {error}")
    if not isinstance(document, dict):
        _refuse(
            "", f"not a JSON object but {_JSON_NAMES.get(type(document), 'something else')}; each line is one object"
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        _refuse("", f"not UTF-8 at column {error.start + 1}; save the file as UTF-8")
    return document


_JSON_NAMES = {
    list: "an array",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    type(None): "null",
}


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Absent and null are the same, so nulls are dropped here; a field given twice has no one meaning."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            _refuse(name, "given twice in one object; keep one")
        found[name] = value
    return {name: value for name, value in found.items() if value is not None}


def _no_constant(word: str) -> NoReturn:
    _refuse("", f"{word} is not a number; leave an unknown value out")


def _instant(name: str, value: object) -> datetime | None:
    if value is None:
        return None
    try:
        return instant_of(value)
    except ValueError as error:
        _refuse(name, str(error))


def _refuse(path: str, remedy: str) -> NoReturn:
    raise InvalidMessage(((path, remedy),))
