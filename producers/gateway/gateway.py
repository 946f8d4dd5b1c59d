"""The gateway without HTTP: the actors that it serves, each with an outbox, and who may speak for whom."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import structlog

from bus.credentials import Credentials
from bus.errors import InvalidSettings, NotAllowed, NotRemembered
from bus.messages import Message
from bus.ndjson import Line
from bus.references import Kind
from bus.registry import Actor, Registry, read_group
from bus.settings import Settings
from bus.topics import Realm
from bus.transport import Transport
from bus.transport.kafka import KafkaTransport
from producers.gateway.database import Database
from producers.gateway.following import Follower, Standing, following
from producers.gateway.keys import Key, KeyRing
from producers.gateway.limits import Buckets, Limits
from producers.gateway.records import Last, Records
from producers.outbox import DurablePublisher, Entry, EntryState, Parcel
from producers.speaker import Speaker

__all__ = ["Author", "Gateway"]

log = structlog.get_logger(__name__)

TransportOf = Callable[[Settings], Transport]


@dataclass(frozen=True, slots=True)
class Author:
    """Who asks: an actor, by a key of its."""

    actor: str
    key: str


@dataclass(frozen=True, slots=True)
class _Member:
    """An actor that is served."""

    speaker: Speaker
    publisher: DurablePublisher
    follower: Follower


@dataclass
class Gateway:
    """What the HTTP side asks of. Open it with `Gateway.open`."""

    realm: Realm
    database: Database
    keys: KeyRing
    records: Records
    registry: Registry
    limits: Limits
    _members: Mapping[str, _Member]
    asking: Buckets = field(init=False)
    failing: Buckets = field(init=False)
    answering: set[tuple[str, str]] = field(default_factory=set)
    """Named requests (actor, Idempotency-Key) that are being answered now."""

    def __post_init__(self) -> None:
        self.asking = Buckets(self.limits.rate, self.limits.burst)
        self.failing = Buckets(self.limits.failures_per_minute / 60, self.limits.failures_per_minute)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        directory: Path,
        credentials: Path,
        *,
        actors: Path | None = None,
        limits: Limits | None = None,
        transport: TransportOf | None = None,
    ) -> AsyncIterator[Gateway]:
        """Serve every actor whose credentials file lies in `credentials`, from outboxes under `directory`.

        `actors` is the group's actors.toml: without it, nobody may speak for another. `transport`: for tests.

        Raises InvalidSettings, OutboxInUse, OutboxError.
        """
        settings = served(credentials)
        realms = {each.realm for each in settings.values()}
        if len(realms) != 1:
            raise InvalidSettings(
                f"{credentials}: files of several realms ({', '.join(sorted(realms))}); one gateway each"
            )
        realm, registry = Realm(realms.pop()), registered(actors)
        async with AsyncExitStack() as stack:
            database = stack.enter_context(Database.open(directory))
            bounds, members = limits or Limits(), {}
            for actor, each in settings.items():
                bus = (transport or KafkaTransport)(each)
                outbox = directory / "outboxes" / actor
                publisher = await stack.enter_async_context(
                    DurablePublisher(each, outbox, max_bytes=bounds.outbox_bytes, transport=bus)
                )
                follower = Follower(realm, actor, bus, database, registry, publisher.outbox)
                members[actor] = _Member(Speaker(each), publisher, await stack.enter_async_context(following(follower)))
            yield cls(
                realm=realm,
                database=database,
                keys=KeyRing(database.connection),
                records=Records(database.connection),
                registry=registry,
                limits=bounds,
                _members=members,
            )

    def serves(self, key: Key) -> bool:
        """Whether there are credentials for the key's actor."""
        return key.actor in self._members

    def registered(self, actor: str) -> Actor | None:
        """The registry's entry of the actor now; None without one."""
        return self.registry.at(actor, datetime.now(UTC))

    def may_speak_for(self, actor: str) -> Sequence[Actor]:
        """The actors in whose name this one may report what they tell it."""
        entry = self.registered(actor)
        others = self.registry.valid_at(datetime.now(UTC))
        return [other for other in others if entry and other.slug != actor and entry.may_speak_for(other.slug)]

    def check(self, author: Author, message: Message) -> None:
        """Raises NotAllowed for another's message, and for one on behalf of whom the author does not speak; and what
        `Speaker.check` raises.
        """
        if message.actor != author.actor:
            raise NotAllowed(f"{message.reference}: this key speaks for {author.actor}, not for {message.actor}")
        other = message.on_behalf_of
        if other is not None and other not in {each.slug for each in self.may_speak_for(author.actor)}:
            raise NotAllowed(f"{message.reference}: {author.actor} may not speak for {other}; leave on_behalf_of out")
        self._members[author.actor].speaker.check(message)

    async def publish(self, author: Author, lines: Sequence[Line], traceparent: str | None = None) -> Sequence[Entry]:
        """Keep the messages, all or none; on disk when this returns.

        Raises as `check`, and TooLarge, OutboxFull, OutboxError; then nothing is kept.
        """
        member, now = self._members[author.actor], datetime.now(UTC)
        parcels = []
        for line in lines:
            self.check(author, line.message)
            [record] = member.speaker.records([line.message], line.sent_at or now, traceparent)
            parcels.append(Parcel.of(line.message, record))
        entries = await member.publisher.outbox.put(parcels)
        said = [(entry.number, line.message, line.sent_at or now) for entry, line in zip(entries, lines, strict=True)]
        try:
            await self.database.call(self.records.keep, said)
        except NotRemembered as error:  # they are in the outbox, and that is what a receipt says
            log.warning("messages_not_remembered", actor=author.actor, messages=len(said), reason=str(error))
        return entries

    async def entry(self, author: Author, number: int) -> Entry | None:
        """What became of a receipt; None for a number that was never given to this actor."""
        found = (await self._members[author.actor].publisher.outbox.states([number])).get(number)
        if found is not None:
            return found
        said = await self.database.call(self.records.numbered, author.actor, number)
        return Entry(number, said[0], said[1], EntryState.STORED) if said else None

    async def waiting(self, author: Author) -> Sequence[Entry]:
        """What has yet to reach the bus, and what it refused."""
        outbox = self._members[author.actor].publisher.outbox
        return [*await outbox.entries(EntryState.WAITING), *await outbox.entries(EntryState.REFUSED)]

    async def last(self, author: Author, kind: Kind, id: str) -> Last | None:
        """The last that is known of an entity, wherever it was said; None for nothing."""
        return await self.database.call(self.records.last, author.actor, kind, id)

    async def looked(self, author: Author, within: float) -> bool:
        """Look at the bus for what the actor has said in other ways, for up to `within` seconds. Returns whether all of
        it is known now.
        """
        return await self._members[author.actor].follower.confirmed(within)

    def standing(self, author: Author) -> Standing:
        """How far it can be relied on that what is known is all there is."""
        return self._members[author.actor].follower.standing

    async def revision(self, author: Author, reference: str) -> int:
        """The highest revision of an entity that was accepted here; 0 for a new one."""
        return await self._members[author.actor].publisher.outbox.revision(reference) or 0

    async def settled(self, author: Author, entry: Entry, within: float) -> Entry:
        """The entry once the bus has it or refuses it, or as it is after `within` seconds."""
        try:
            async with asyncio.timeout(within):
                return await self._members[author.actor].publisher.settled(entry)
        except TimeoutError:
            return entry

    def problems(self) -> Mapping[str, str]:
        """Why nothing is delivered for an actor now. Empty while all is well."""
        found = {actor: member.publisher.problem for actor, member in self._members.items()}
        return {actor: type(problem).__name__ for actor, problem in found.items() if problem is not None}

    def throttled(self, asker: str) -> int:
        """The seconds that an asker has to wait; 0 for none."""
        return self.asking.take(asker, time.monotonic())


def served(credentials: Path) -> dict[str, Settings]:
    """The settings of each actor, by the credentials files of a directory. Raises InvalidSettings."""
    try:
        files = sorted(credentials.glob("*.toml"))
    except OSError as error:
        raise InvalidSettings(f"credentials {credentials}: {error.strerror}") from error
    if not files:
        raise InvalidSettings(
            f"{credentials} holds no credentials file (*.toml); put one there for each actor to serve"
        )
    found: dict[str, Settings] = {}
    for file in files:
        settings = Credentials.read(file).settings()
        found[(settings.user or "").removeprefix(f"{settings.realm}.")] = settings
    return found


def registered(actors: Path | None) -> Registry:
    """The registry in an actors.toml; an empty one without a file. Raises InvalidSettings, InvalidRegistry."""
    if actors is None:
        return Registry()
    try:
        text = actors.read_text("utf-8")
    except OSError as error:
        raise InvalidSettings(f"{actors}: {error.strerror}") from error
    members, _ = read_group(text, str(actors))
    return Registry.of(members)
