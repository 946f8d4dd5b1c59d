"""Who may do what, where, and how fast: the tables of provisioning, and the pure functions that spread them out.

Least privilege, with the broker as the guard. READ and WRITE include DESCRIBE in Kafka; an idempotent producer needs
no right beyond WRITE on its topic.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from bus.registry import Actor, ReaderEntry
from bus.topics import COORDINATION_ONLY, Kind, Realm
from bus.vocabulary import Audience, Role

DAY_MS = 86_400_000
HOUR_MS = 60 * 60 * 1000

RECORD_OF_EVENTS = MappingProxyType(
    {
        "cleanup.policy": "delete",
        "retention.ms": "-1",
        "retention.bytes": "-1",
        "message.timestamp.type": "LogAppendTime",
    }
)
"""Inputs, quarantine, actors, schemas: kept for ever, uncompacted, stamped by the broker. They are the audit record."""

VIEW = MappingProxyType(
    {
        "cleanup.policy": "compact",
        "delete.retention.ms": str(7 * DAY_MS),
        "max.compaction.lag.ms": str(HOUR_MS),
        "message.timestamp.type": "LogAppendTime",
    }
)
"""The merged feed, and the record of alerts: the latest per key. A reader who was away for longer than
`delete.retention.ms` reads it from the start, since the tombstones that it missed may be gone. What was replaced leaves
the disks within an hour or so: what is purged from an input must not live on here."""


@dataclass(frozen=True, slots=True)
class Quota:
    """Bytes a second that one user may send and fetch, at each broker. None: without limit."""

    produce: int | None
    consume: int | None

    @property
    def limits(self) -> dict[str, float]:
        """By Kafka's names."""
        named = {"producer_byte_rate": self.produce, "consumer_byte_rate": self.consume}
        return {name: float(rate) for name, rate in named.items() if rate is not None}


MIB = 1024 * 1024
ACTOR_QUOTA = Quota(produce=2 * MIB, consume=8 * MIB)
"""Some thousand messages a second: an operator's burst passes, one that runs wild does not drown the others."""
COORDINATION_QUOTA = Quota(produce=2 * MIB, consume=64 * MIB)
READER_QUOTA = Quota(produce=MIB, consume=8 * MIB)
FULL_READER_QUOTA = Quota(produce=MIB, consume=64 * MIB)
HUB_QUOTA = Quota(produce=None, consume=None)
"""A hub that is held back makes everyone's picture old."""


class Right(NamedTuple):
    """One access control entry; words as in Kafka's own enums."""

    user: str
    operation: str
    resource: str
    name: str
    pattern: str = "LITERAL"
    permission: str = "ALLOW"
    host: str = "*"

    @property
    def text(self) -> str:
        named = f"{self.name}*" if self.pattern == "PREFIXED" else self.name
        denied = "" if self.permission == "ALLOW" else f"{self.permission} "
        where = "" if self.host == "*" else f" from {self.host}"
        return f"{denied}{self.operation} {self.resource.lower().replace('_', ' ')} {named}{where}"


@dataclass(frozen=True, slots=True)
class Member:
    """An actor or a reader as the broker knows it."""

    slug: str
    user: str
    rights: frozenset[Right]
    quota: Quota


def user_name(realm: Realm, slug: str) -> str:
    """One user per realm and member, so that the exercise's password opens nothing in the real picture.

    No slug and no realm holds a dot, so no user of one realm can be mistaken for another's.
    """
    return f"{realm}.{slug}"


def kinds_of(actor: Actor) -> tuple[Kind, ...]:
    """The kinds that the actor's roles may publish."""
    return tuple(kind for kind in Kind if kind not in COORDINATION_ONLY or Role.COORDINATION in actor.roles)


def wanted_topics(realm: Realm, actors: Iterable[Actor]) -> dict[str, Mapping[str, str]]:
    """The configuration of every topic of the realm, by name. Each has one partition."""
    topics: dict[str, Mapping[str, str]] = dict.fromkeys(
        (realm.actors, realm.schemas, realm.quarantine), RECORD_OF_EVENTS
    )
    topics |= dict.fromkeys((realm.view, realm.view_authority, realm.view_peer, realm.alerts), VIEW)
    for actor in actors:
        topics |= dict.fromkeys((realm.input(kind, actor.slug) for kind in kinds_of(actor)), RECORD_OF_EVENTS)
    return topics


def members(realm: Realm, actors: Iterable[Actor], readers: Iterable[ReaderEntry], now: datetime) -> tuple[Member, ...]:
    """All whose validity has not ended by `now`, sorted by slug."""
    found = [_actor(realm, entry) for entry in actors if not _ended(entry, now)]
    found += [_reader(realm, entry) for entry in readers if not _ended(entry, now)]
    return tuple(sorted(found, key=lambda member: member.slug))


def _ended(entry: Actor | ReaderEntry, now: datetime) -> bool:
    return entry.valid_until is not None and entry.valid_until <= now


def _actor(realm: Realm, actor: Actor) -> Member:
    user = user_name(realm, actor.slug)
    own = [realm.input(kind, actor.slug) for kind in kinds_of(actor)]
    coordinates = Role.COORDINATION in actor.roles
    rights = {Right(user, "WRITE", "TOPIC", topic) for topic in own}
    rights |= {Right(user, "READ", "TOPIC", topic) for topic in own}
    rights |= _reading(realm, user, Audience.FULL if coordinates else Audience.PEER)
    return Member(actor.slug, user, frozenset(rights), COORDINATION_QUOTA if coordinates else ACTOR_QUOTA)


def _reader(realm: Realm, reader: ReaderEntry) -> Member:
    user = user_name(realm, reader.slug)
    rights = _reading(realm, user, reader.audience)
    quota = FULL_READER_QUOTA if reader.audience is Audience.FULL else READER_QUOTA
    if reader.writes_view:
        quota = HUB_QUOTA
        written = (realm.view, realm.view_authority, realm.view_peer, realm.quarantine, realm.alerts)
        rights |= {Right(user, "WRITE", "TOPIC", topic) for topic in written}
        rights.add(Right(user, "WRITE", "TRANSACTIONAL_ID", realm.leader))
    return Member(reader.slug, user, frozenset(rights), quota)


def _reading(realm: Realm, user: str, audience: Audience) -> set[Right]:
    """What an audience may read. PUBLIC and UNKNOWN: nothing on the bus yet."""
    common = (realm.actors, realm.schemas)
    literal = {
        Audience.FULL: (
            *common,
            realm.quarantine,
            realm.view,
            realm.view_authority,
            realm.view_peer,
            realm.alerts,
        ),
        Audience.AUTHORITY: (*common, realm.view_authority),
        Audience.PEER: (*common, realm.view_peer),
    }.get(audience, ())
    rights = {Right(user, "READ", "TOPIC", topic) for topic in literal}
    if literal:
        rights.add(Right(user, "READ", "GROUP", f"{user}.", "PREFIXED"))
    if audience is Audience.FULL:
        # The prefix ends with the dot: `ntsg.incident.v1.` cannot match a topic of `ntsg-exercise`.
        rights |= {Right(user, "READ", "TOPIC", realm.input(kind, ""), "PREFIXED") for kind in Kind}
    return rights
