"""Topic names: `<realm>.<kind>.v1.<actor>` for input, and a few that belong to the realm as a whole."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from bus.errors import InvalidSettings
from bus.references import Kind
from bus.vocabulary import Audience, MessageStatus

__all__ = ["COORDINATION_ONLY", "EXERCISE_SUFFIX", "Kind", "Realm", "TopicPartition"]

_KINDS = {kind.value: kind for kind in Kind}

_REAL = frozenset({MessageStatus.ACTUAL})
_EXERCISE = frozenset({MessageStatus.EXERCISE, MessageStatus.TEST})

EXERCISE_SUFFIX = "-exercise"

COORDINATION_ONLY = frozenset({Kind.LINK, Kind.DECISION})
"""Kinds that only an actor with the role COORDINATION may publish."""


class TopicPartition(NamedTuple):
    """A partition of a topic; written `topic:partition` in the view's `inputs`."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}"


@dataclass(frozen=True, slots=True)
class Realm:
    """One closed world of topics. `ntsg` is the real picture; a name that ends in `-exercise` is for exercises."""

    name: str = "ntsg"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,63}", self.name):
            raise InvalidSettings(
                f"realm {self.name!r}: use lower-case letters, digits and hyphens, beginning with a letter"
            )

    def __str__(self) -> str:
        return self.name

    @property
    def is_exercise(self) -> bool:
        return self.name.endswith(EXERCISE_SUFFIX)

    @property
    def statuses(self) -> frozenset[MessageStatus]:
        """The message statuses that fit this realm."""
        return _EXERCISE if self.is_exercise else _REAL

    def input(self, kind: Kind, actor: str) -> str:
        return f"{self.name}.{kind}.v1.{actor}"

    def parse_input(self, topic: str) -> tuple[Kind, str] | None:
        """The kind and the owner of an input topic of this realm; None for any other topic."""
        match topic.split("."):
            case [realm, kind, "v1", actor] if realm == self.name and kind in _KINDS:
                return _KINDS[kind], actor
        return None

    @property
    def actors(self) -> str:
        return f"{self.name}.actors.v1"

    @property
    def schemas(self) -> str:
        return f"{self.name}.schemas.v1"

    @property
    def view(self) -> str:
        return f"{self.name}.view.v1"

    @property
    def view_authority(self) -> str:
        return f"{self.name}.view-authority.v1"

    @property
    def view_peer(self) -> str:
        return f"{self.name}.view-peer.v1"

    def feed(self, audience: Audience) -> str:
        """The feed that an audience reads. Raises InvalidSettings for one that has none."""
        feeds = {
            Audience.FULL: self.view,
            Audience.AUTHORITY: self.view_authority,
            Audience.PEER: self.view_peer,
        }
        if audience not in feeds:
            raise InvalidSettings(f"there is no feed for the audience {audience}; use {', '.join(feeds)}")
        return feeds[audience]

    @property
    def quarantine(self) -> str:
        return f"{self.name}.quarantine.v1"

    @property
    def alerts(self) -> str:
        """What the leading hub has told whom: so that the next one does not tell it again."""
        return f"{self.name}.alerts.v1"

    @property
    def leader(self) -> str:
        """The transactional id of the hub that writes the feed and the quarantine topic."""
        return f"{self.name}.view-writer"
