"""What TM Forum's two interfaces have in common here: JSON documents, events around them, and references in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from bus.instants import FROM_JSON
from producers.adapters.reading import Collector, each

T = TypeVar("T", bound="Resource")

FRAME = frozenset({"href", "@type", "@baseType", "@schemaLocation", "@referredType"})
"""Members that describe the document, not the world."""


class Named(BaseModel):
    """A reference to a service, a resource, a place, a party or another document."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: str | None = None
    name: str | None = None

    @property
    def names(self) -> list[str]:
        """What it may be listed by, the speaking name first."""
        return [text for text in (self.name, self.id) if text]


class Resource(BaseModel):
    """A document of the interface: the members that have a meaning here, and all others as `model_extra`."""

    model_config = ConfigDict(frozen=True, extra="allow", alias_generator=to_camel)

    id: str = Field(min_length=1)

    def left(self) -> dict[str, object]:
        """Members without a field of their own, and without the frame."""
        return {name: value for name, value in (self.model_extra or {}).items() if name not in FRAME}


def resources(content: bytes, model: type[T], member: str, collector: Collector) -> Iterator[tuple[str, T]]:
    """Each document with its path. A document may stand alone, in a list, or in an event as `event.<member>`."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        collector.fault("", f"not JSON: {error}")
        return
    if document == []:
        collector.note("the list is empty: nothing is reported, and what was reported before stays as it is")
    for number, item in each(document):
        path, found = f"[{number}]" if isinstance(document, list) else "", item
        event = item.get("event") if isinstance(item, dict) else None
        if isinstance(event, dict) and isinstance(event.get(member), dict):
            path, found = ".".join(filter(None, (path, "event", member))), event[member]
        try:
            yield path, model.model_validate(found, context={FROM_JSON: True})
        except ValidationError as error:
            for fault in error.errors(include_url=False):
                where = ".".join([*filter(None, (path,)), *map(str, fault["loc"])])
                collector.fault(where, _remedy(fault["type"], fault["msg"], fault.get("ctx", {})))


def _remedy(kind: str, text: str, context: dict[str, Any]) -> str:
    match kind:
        case "missing":
            return "required member is missing"
        case "value_error":
            return str(context["error"])
        case _:
            return f"{text[:1].lower()}{text[1:]}"
