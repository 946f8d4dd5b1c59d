"""What every adapter is given and gives back: messages, faults that name their place, and what was left over.

An adapter is a plain function from bytes to a `Reading`. It asks no clock and keeps no memory, so that the same file
gives the same messages on every machine, however often it is read. That is what makes importing twice harmless.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from bus import geography
from bus.errors import InvalidMessage
from bus.instants import to_millis
from bus.messages import Message, build
from bus.vocabulary import AreaKind, MessageStatus, ReportedVia, Service, Tlp
from producers.adapters.translations import Translations

MOST_BYTES = 20_000_000
"""Of a file. Larger ones are refused unread."""

DESCRIPTION_LENGTH = 4_000
TITLE_LENGTH = 120
READABLE_LENGTH = 40
"""Characters of a source's own name that an id keeps."""

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Importer:
    """In whose name the messages are made, and what is said where the source is silent.

    `areas` are SCB codes for what names no place, `services` for what names no service.
    """

    actor: str
    status: MessageStatus = MessageStatus.ACTUAL
    tlp: Tlp = Tlp.AMBER
    areas: tuple[str, ...] = ()
    services: tuple[Service, ...] = ()
    translations: Translations = field(default_factory=Translations)

    def opening(self, id: str, revision: int, observed_at: datetime) -> dict[str, Any]:
        """The fields that open every message."""
        return {
            "actor": self.actor,
            "id": id,
            "revision": revision,
            "status": self.status,
            "observed_at": observed_at,
            "tlp": self.tlp,
            "reported_via": ReportedVia.IMPORT,
        }

    def places(self, texts: Iterable[str]) -> list[dict[str, Any]]:
        """Areas for what the source calls places: by translation, by code or exact name, else as a labelled site."""
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for text in texts:
            codes = self.translations.areas(text)
            for area in [area_of(code) for code in codes] or [{"kind": AreaKind.SITE, "label": text}]:
                found.setdefault((area.get("code", ""), area.get("label", "")), area)
        return list(found.values()) or [area_of(code) for code in self.areas]


@dataclass(frozen=True, slots=True)
class Fault:
    """What cannot be taken, where it stands in the source, and what to do."""

    place: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.remedy}" if self.place else self.remedy


@dataclass(frozen=True, slots=True)
class Found:
    """A message, and where in the source it was found."""

    place: str
    message: Message


@dataclass(frozen=True, slots=True)
class Reading:
    """All that a file holds. `notes` tell what was understood and yet is not sent, or was cut, and why."""

    found: tuple[Found, ...] = ()
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def refused(cls, remedy: str, place: str = "") -> Reading:
        return cls(faults=(Fault(place, remedy),))


class Collector:
    """Gathers a Reading while a source is read through."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int], Found] = {}
        self._faults: list[Fault] = []
        self._notes: list[str] = []

    def add(self, place: str, model: type[M], fields: dict[str, Any], names: Mapping[str, str] | None = None) -> None:
        """Build the message; its faults are told under `place`, with `names` for the source's own names of fields."""
        for name, limit in (("title", TITLE_LENGTH), ("description", DESCRIPTION_LENGTH)):
            text = fields.get(name)
            if isinstance(text, str) and len(text) > limit:
                fields[name] = cut(text, limit)
                self.note(f"{place}: {name} has {len(text)} characters and was cut to {limit}; the source has all")
        try:
            message = build(model, fields)
        except InvalidMessage as error:
            for path, remedy in error.problems:
                field_name = (names or {}).get(path.split(".")[0], path)
                self.fault(", ".join(filter(None, (place, field_name))), remedy)
            return
        version = (message.reference, message.revision)
        before = self._found.setdefault(version, Found(place, message))
        if before.message != message:
            self.fault(
                place,
                f"{message.reference} is told at {before.place} as well, otherwise and for the same moment; "
                "give the later one its own time, or keep one",
            )

    def fault(self, place: str, remedy: str) -> None:
        self._faults.append(Fault(place, remedy))

    def note(self, text: str) -> None:
        self._notes.append(text)

    def reading(self) -> Reading:
        return Reading(tuple(self._found.values()), tuple(self._faults), tuple(self._notes))


def identity(*names: str) -> str:
    """A stable id for what a source names by `names`, the last of which stays readable.

    Equal names give equal ids on every machine; the digest keeps apart what cleaning would make alike.
    """
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", names[-1]).strip("-._")[:READABLE_LENGTH] or "x"
    digest = hashlib.sha256("\x00".join(names).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{readable}:{digest[:10]}"


def revision_at(instant: datetime) -> int:
    """The revision of a source that counts none: the moment of its statement, in milliseconds since 1970.

    What is said later has the higher one, and what is said again has the same.
    """
    return max(1, to_millis(instant))


def area_of(code: str) -> dict[str, Any]:
    """The fields of an area by its SCB code; an unknown code is left for the model to refuse."""
    return {"kind": geography.kind_of(code) or AreaKind.KOMMUN, "code": code}


def kept(text: str | None, left: Mapping[str, object]) -> str:
    """A description: the source's own text, then a line for each thing that has no field of its own here."""
    lines = [text.strip()] if text and text.strip() else []
    lines += [f"{name}: {written}" for name, value in left.items() if (written := _written(value))]
    return "\n".join(lines)


def cut(text: str, limit: int) -> str:
    """The text, not longer than `limit`, with an ellipsis where something is missing."""
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def line_of(text: str) -> str:
    """The text on one line."""
    return " ".join(text.split())


def _written(value: object) -> str:
    if value is None or value in ("", [], {}, ()):
        return ""
    return line_of(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def each(value: object) -> Iterator[tuple[int, object]]:
    """The items of a list with their numbers; anything else is a list of one."""
    yield from enumerate(value if isinstance(value, list) else [value])
