"""Who may say what: whether a readable message is allowed into the picture. Pure.

The broker guards the topic, not what a record says; so every consumer of the log judges again, by the registry entry
valid when the bus knew the record. The hub and `ntsg merge` over files use the same judgement.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bus.instants import format_instant
from bus.messages import Message
from bus.purged import Purged
from bus.references import Kind
from bus.registry import Registry
from bus.signatures import Signature
from bus.topics import COORDINATION_ONLY, Realm
from bus.transport.port import Stored
from bus.vocabulary import Role, SignaturePolicy


class RefusalCode(StrEnum):
    """Why a record is quarantined. Stable: it stands in the headers of the quarantine topic."""

    NO_VALUE = "NO_VALUE"
    """A tombstone. Input topics are logs: what is over is said with a state."""
    PURGED = "PURGED"
    """Marked as the placeholder of what an administrator took out of the log. Whoever may write there may write the
    mark too: only a decision of the coordination on its place confirms it.
    """
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
    UNSIGNED = "UNSIGNED"
    """The registry requires a signature. This and the next are judged again when the registry changes, too."""
    BAD_SIGNATURE = "BAD_SIGNATURE"
    """Not made with a key of the actor that was valid when the bus knew the record, or not over this record."""


BY_REGISTRY = frozenset(
    {
        RefusalCode.UNKNOWN_ACTOR,
        RefusalCode.NOT_COORDINATION,
        RefusalCode.MAY_NOT_SPEAK_FOR,
        RefusalCode.UNSIGNED,
        RefusalCode.BAD_SIGNATURE,
    }
)
"""Refusals that a change of the registry may lift."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a record stays out of the picture: a code for programs, a text with the remedy for people."""

    code: RefusalCode
    text: str


def judge_without_value(record: Stored) -> Refusal:
    """Why a record without value stays out: its mark says that it was purged, or it is what nobody should write."""
    purged = Purged.of(record.headers)
    if purged is None:
        return Refusal(RefusalCode.NO_VALUE, "a record without value; what is over is said with a state")
    done = f"marked as purged at {format_instant(purged.at)} by {purged.function}: {purged.reason}"
    return Refusal(
        RefusalCode.PURGED,
        f"{done}; the mark proves nothing until the coordination has settled it, so ask the administrator first;"
        " its sender may say again what may be said",
    )


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


def judge_signature(record: Stored, actor: str, *, known_at: datetime, registry: Registry) -> Refusal | None:
    """Why the signature of the actor's record, or that it has none, is not what the registry asks for; None if it is.

    What to do about it is said by the actor's policy.
    """
    entry = registry.at(actor, known_at)
    keys = {} if entry is None else entry.keys_at(known_at)
    try:
        signature = Signature.of(record.headers)
    except ValueError as error:
        return Refusal(RefusalCode.BAD_SIGNATURE, f"the signature cannot be read: {error}; have {actor} send it again")
    if signature is None:
        return Refusal(
            RefusalCode.UNSIGNED,
            f"{actor} has to sign its records, and this one is not; set signing_key and send it again",
        )
    if signature.key_id not in keys:
        return Refusal(
            RefusalCode.BAD_SIGNATURE,
            f"signed with key {signature.key_id}, which the registry does not hold for {actor} at that time;"
            " enter it in actors.toml and provision, or ask who wrote this",
        )
    from bus.signing import verifies  # most groups sign nothing, and then need no cryptography

    if not verifies(keys[signature.key_id], signature, record):
        return Refusal(
            RefusalCode.BAD_SIGNATURE,
            f"the signature does not fit: {actor} never signed this record in this place; ask who wrote it",
        )
    return None


def asks_more(before: Registry, after: Registry, actor: str, known_at: datetime) -> bool:
    """Whether signatures that were good enough under one registry may not be under the other."""
    was, is_now = before.at(actor, known_at), after.at(actor, known_at)
    if is_now is None or is_now.policy_at(known_at) is not SignaturePolicy.REQUIRE:
        return False
    if was is None or was.policy_at(known_at) is not SignaturePolicy.REQUIRE:
        return True
    return not was.keys_at(known_at).items() <= is_now.keys_at(known_at).items()
