"""Who may say what: whether a readable message is allowed into the picture. Pure.

The broker guards the topic, not what a record says; so every consumer of the log judges again, by the registry entry
valid when the bus knew the record. The hub and `ntsg merge` over files use the same judgement.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bus.messages import Message
from bus.references import Kind
from bus.registry import Registry
from bus.topics import COORDINATION_ONLY, Realm
from bus.vocabulary import Role


class RefusalCode(StrEnum):
    """Why a record is quarantined. Stable: it stands in the headers of the quarantine topic."""

    NO_VALUE = "NO_VALUE"
    """A tombstone. Input topics are logs: what is over is said with a state."""
    TOO_LARGE = "TOO_LARGE"
    """So large that what a hub writes of it would not fit on the bus."""
    NOT_SINGLE_OBJECT = "NOT_SINGLE_OBJECT"
    UNKNOWN_FINGERPRINT = "UNKNOWN_FINGERPRINT"
    """Judged again when the schema arrives on the schemas topic."""
    DAMAGED_BODY = "DAMAGED_BODY"
    WRONG_SCHEMA = "WRONG_SCHEMA"
    INVALID_MESSAGE = "INVALID_MESSAGE"
    WRONG_OWNER = "WRONG_OWNER"
    """The payload's actor does not own the topic."""
    WRONG_KEY = "WRONG_KEY"
    WRONG_STATUS = "WRONG_STATUS"
    """An exercise in the real realm, or the other way round."""
    UNKNOWN_ACTOR = "UNKNOWN_ACTOR"
    """Not in the registry when the bus knew it. This and the next two are judged again when the registry changes."""
    NOT_COORDINATION = "NOT_COORDINATION"
    MAY_NOT_SPEAK_FOR = "MAY_NOT_SPEAK_FOR"


BY_REGISTRY = frozenset({RefusalCode.UNKNOWN_ACTOR, RefusalCode.NOT_COORDINATION, RefusalCode.MAY_NOT_SPEAK_FOR})
"""Refusals that a change of the registry may lift."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a record stays out of the picture: a code for programs, a text with the remedy for people."""

    code: RefusalCode
    text: str


def judge(message: Message, *, known_at: datetime, realm: Realm, registry: Registry | None) -> Refusal | None:
    """Why this message may not enter the picture of the realm; None if it may.

    `known_at` is when the bus knew it. Without a registry nothing is checked but the status.
    """
    if message.status not in realm.statuses:
        fitting = " or ".join(sorted(realm.statuses))
        return Refusal(
            RefusalCode.WRONG_STATUS, f"status {message.status} does not belong in realm {realm}, which takes {fitting}"
        )
    if registry is None:
        return None
    return judge_actor(message.actor, message.kind, message.on_behalf_of, known_at=known_at, registry=registry)


def judge_actor(
    actor: str, kind: Kind, on_behalf_of: str | None, *, known_at: datetime, registry: Registry
) -> Refusal | None:
    """Why the registry forbids this actor to say such a thing at this time; None if it does not."""
    entry = registry.at(actor, known_at)
    if entry is None:
        known = "was not valid then" if actor in registry.actors else "is unknown"
        return Refusal(
            RefusalCode.UNKNOWN_ACTOR, f"{actor} {known} in the registry; enter it in actors.toml and provision"
        )
    if kind in COORDINATION_ONLY and Role.COORDINATION not in entry.roles:
        return Refusal(
            RefusalCode.NOT_COORDINATION, f"a {kind} is for the role COORDINATION, which {actor} does not have"
        )
    if on_behalf_of is not None and on_behalf_of != actor and not entry.may_speak_for(on_behalf_of):
        return Refusal(
            RefusalCode.MAY_NOT_SPEAK_FOR, f"{actor} may not speak for {on_behalf_of}; see speaks_for in actors.toml"
        )
    return None
