"""The actor registry: who belongs to the group, in which roles, from when until when.

People write `actors.toml`; provisioning puts it on `<realm>.actors.v1`, an uncompacted log that is an input of the
view like any other. A record is judged by the entry valid at its `known_at`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, TypeVar

from pydantic import Field, StringConstraints, ValidationError, model_validator

from bus.errors import InvalidRegistry
from bus.instants import FROM_JSON, Instant
from bus.messages import Part
from bus.references import ACTOR_PATTERN
from bus.signatures import PublicKey
from bus.vocabulary import Audience, Role, SignaturePolicy

Slug = Annotated[str, StringConstraints(pattern=ACTOR_PATTERN)]
ANYONE = "*"


class _Entry(Part):
    slug: Slug
    name: str = Field(min_length=1, max_length=120)
    valid_from: Instant | None = None
    valid_until: Instant | None = None

    @model_validator(mode="after")
    def _ends_after_start(self) -> _Entry:
        if self.valid_from and self.valid_until and self.valid_until < self.valid_from:
            raise ValueError("valid_until lies before valid_from")
        return self

    def valid_at(self, instant: datetime) -> bool:
        return (self.valid_from is None or self.valid_from <= instant) and (
            self.valid_until is None or instant < self.valid_until
        )


class Actor(_Entry):
    """An actor, over one span of validity (from inclusive, until exclusive; None: without limit)."""

    roles: tuple[Role, ...] = ()
    public_keys: tuple[str, ...] = ()
    cadence_minutes: Annotated[int, Field(ge=1, le=10_080)] | None = None
    speaks_for: tuple[str, ...] = ()
    signatures: SignaturePolicy = SignaturePolicy.OFF
    signed_since: Instant | None = None
    """From when the policy holds (None: always): what was known before is not asked for a signature."""

    @model_validator(mode="after")
    def _keys_can_be_read(self) -> Actor:
        try:
            _parsed(self.public_keys)
        except ValueError as error:
            raise ValueError(f"public_keys: {error}") from error
        return self

    def policy_at(self, instant: datetime) -> SignaturePolicy:
        """What is asked of a record that the bus knew at that instant."""
        if self.signed_since is not None and instant < self.signed_since:
            return SignaturePolicy.OFF
        return SignaturePolicy.REQUIRE if self.signatures is SignaturePolicy.UNKNOWN else self.signatures

    def keys_at(self, instant: datetime) -> Mapping[str, bytes]:
        """The public keys that spoke for this actor then, by their ids."""
        return {key.id: key.raw for key in _parsed(self.public_keys) if key.valid_at(instant)}

    def may_speak_for(self, other: str) -> bool:
        return Role.COORDINATION in self.roles or other in self.speaks_for or ANYONE in self.speaks_for


@lru_cache
def _parsed(keys: tuple[str, ...]) -> tuple[PublicKey, ...]:
    return tuple(map(PublicKey.parse, keys))


class ReaderEntry(_Entry):
    """A reader: a hub, a staff tool or an integrator, with what it may see."""

    audience: Audience
    writes_view: bool = False
    """A hub: it may write the feed and the quarantine topic."""


@dataclass(frozen=True)
class Registry:
    """The actors, by slug and span. Two entries of one actor with the same `valid_from` are one entry, corrected."""

    actors: Mapping[str, tuple[Actor, ...]] = field(default_factory=dict)
    signing: frozenset[str] = frozenset()
    """The actors whose records are asked, at any time, whether they are signed."""

    @classmethod
    def of(cls, entries: Iterable[Actor]) -> Registry:
        """From entries in the order in which they were logged: a later one corrects the earlier of the same span."""
        spans: dict[str, dict[datetime | None, Actor]] = {}
        for entry in entries:
            spans.setdefault(entry.slug, {})[entry.valid_from] = entry
        earliest = datetime.min.replace(tzinfo=UTC)
        return cls(
            {
                slug: tuple(sorted(found.values(), key=lambda e: e.valid_from or earliest, reverse=True))
                for slug, found in sorted(spans.items())
            },
            frozenset(
                slug
                for slug, found in spans.items()
                if any(entry.signatures is not SignaturePolicy.OFF for entry in found.values())
            ),
        )

    def at(self, slug: str, instant: datetime) -> Actor | None:
        """The entry of this actor that is valid at the instant; of overlapping spans, the one that began last."""
        for entry in self.actors.get(slug, ()):
            if entry.valid_at(instant):
                return entry
        return None

    def valid_at(self, instant: datetime) -> tuple[Actor, ...]:
        """All actors valid at the instant, sorted by slug."""
        return tuple(entry for slug in self.actors if (entry := self.at(slug, instant)))

    def ended_by(self, instant: datetime) -> tuple[Actor, ...]:
        """The last entry of each actor whose validity has ended and that is not valid again, sorted by slug."""
        ended = []
        for slug, entries in self.actors.items():
            over = [entry for entry in entries if entry.valid_until is not None and entry.valid_until <= instant]
            if over and self.at(slug, instant) is None:
                ended.append(max(over, key=lambda entry: entry.valid_until or instant))
        return tuple(ended)


E = TypeVar("E", bound=_Entry)


def read_group(text: str, source: str = "actors.toml") -> tuple[tuple[Actor, ...], tuple[ReaderEntry, ...]]:
    """Actors and readers from the text of an actors.toml.

    Raises InvalidRegistry, naming the table and the field.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidRegistry(f"{source}: not TOML: {error}") from error
    if unknown := sorted(document.keys() - {"actors", "readers"}):
        raise InvalidRegistry(f"{source}: unknown table {unknown[0]!r}; use [actors.<slug>] and [readers.<slug>]")
    actors = tuple(_entries(Actor, "actors", document, source))
    readers = tuple(_entries(ReaderEntry, "readers", document, source))
    if shared := {a.slug for a in actors} & {r.slug for r in readers}:
        raise InvalidRegistry(f"{source}: {min(shared)!r} is both an actor and a reader; give the reader another name")
    return actors, readers


def _entries(model: type[E], table: str, document: dict[str, Any], source: str) -> Iterable[E]:
    section = document.get(table, {})
    if not isinstance(section, dict):
        raise InvalidRegistry(f"{source}: {table} must be tables of the form [{table}.<slug>]")
    for slug, fields in section.items():
        if not isinstance(fields, dict):
            raise InvalidRegistry(f"{source}: {table}.{slug} must be a table")
        try:
            yield model.model_validate({**fields, "slug": slug}, context={FROM_JSON: True})
        except ValidationError as error:
            fault = error.errors()[0]
            path = ".".join([table, slug, *(str(part) for part in fault["loc"])])
            raise InvalidRegistry(f"{source}: {path}: {fault['msg']}") from error
