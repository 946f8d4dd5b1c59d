"""The operator's way onto the bus when nothing may be lost: on this disk first, and from there to the bus.

async with DurablePublisher(settings, Path("/var/lib/ntsg/nordtel")) as publisher:
    entry = await publisher.publish(incident)
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from bus.errors import NtsgError
from bus.messages import Message
from bus.settings import Settings
from bus.topics import Realm
from bus.transport import Transport
from bus.transport.kafka import KafkaTransport
from producers.outbox.deliverer import Deliverer
from producers.outbox.entry import Entry, Parcel
from producers.outbox.ledger import Owner
from producers.outbox.outbox import MAX_BYTES, Outbox
from producers.speaker import Speaker

LINGER = 10.0
"""Seconds that leaving gives to what is still waiting. What waits then is on disk, and goes with the next run."""

CHUNK = 1_000
"""Messages that `publish_many` puts on disk at once."""

log = structlog.get_logger(__name__)


class DurablePublisher:
    """Publishes one actor's messages through an outbox. An async context manager; safe for any number of concurrent
    callers.

    `publish` returns when the disk has the message, whether or not the bus answers; a task beside it delivers, most
    urgent first, in order within each entity, for as long as it takes. The process may be killed at any moment after
    that: whoever opens the outbox next goes on.

    `directory` belongs to this actor, in this realm, and to one process at a time. `max_bytes` is the room that it may
    take. Entering waits `patience` seconds for whoever has the outbox; leaving waits `linger` seconds for what is still
    on its way.

    Entering raises OutboxInUse, OutboxError, InvalidSettings. A bus that is away, or refuses the password, does not
    matter to it: `problem` says so.
    """

    def __init__(
        self,
        settings: Settings,
        directory: Path,
        *,
        max_bytes: int = MAX_BYTES,
        linger: float = LINGER,
        patience: float = 0.0,
        transport: Transport | None = None,
    ) -> None:
        self._speaker = Speaker(settings)
        self._directory = directory
        self._max_bytes = max_bytes
        self._linger = linger
        self._patience = patience
        self._transport = transport or KafkaTransport(settings)
        self._stack = AsyncExitStack()
        self._outbox: Outbox | None = None
        self._deliverer: Deliverer | None = None
        self._delivering: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        owner = Owner(self._speaker.realm.name, self._speaker.actor or "")
        opening = Outbox.open(self._directory, owner, max_bytes=self._max_bytes, patience=self._patience)
        self._outbox = await self._stack.enter_async_context(opening)
        self._deliverer = Deliverer(self._outbox, self._transport)
        self._delivering = asyncio.create_task(self._deliverer.run(), name="outbox-deliverer")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._linger and not await self.drained(self._linger):
                log.warning("outbox_left_waiting", waiting=self.outbox.waiting, directory=str(self._directory))
        finally:
            if self._delivering is not None:
                self._delivering.cancel()
                await asyncio.wait([self._delivering])
            await self._stack.aclose()
        if kind is None and self._delivering is not None and not self._delivering.cancelled():
            self._delivering.result()  # it ends by itself only by a fault of ours

    @property
    def realm(self) -> Realm:
        return self._speaker.realm

    @property
    def actor(self) -> str | None:
        """Who publishes; None without a user."""
        return self._speaker.actor

    @property
    def outbox(self) -> Outbox:
        """What is kept, and what became of it."""
        if self._outbox is None:
            raise RuntimeError("enter the publisher first")
        return self._outbox

    @property
    def problem(self) -> NtsgError | None:
        """Why nothing is delivered now; None while all is well."""
        return self._deliverer.problem if self._deliverer else None

    async def publish(
        self, message: Message, *, sent_at: datetime | None = None, traceparent: str | None = None
    ) -> Entry:
        """Take one message; returns when the disk has it. `sent_at` and `traceparent` are those of `Publisher.publish`.

        Raises InvalidMessage (its status does not fit the realm), NotAllowed (another actor), TooLarge; OutboxFull,
        OutboxError. Then it is not kept. Cancelling a call does not call its message back.
        """
        [entry] = await self._put([message], sent_at, traceparent)
        return entry

    async def publish_many(
        self, messages: Iterable[Message], *, sent_at: datetime | None = None, traceparent: str | None = None
    ) -> list[Entry]:
        """Take messages in the order given, fastest. Raises as `publish`; those before the one refused may be kept."""
        entries: list[Entry] = []
        for chunk in _chunks(messages):
            entries += await self._put(chunk, sent_at, traceparent)
        return entries

    async def settled(self, entry: Entry) -> Entry:
        """Wait until the bus has the message, or refuses it: the entry then."""
        return await self.outbox.settled(entry.number) or entry

    async def drained(self, within: float) -> bool:
        """Wait until nothing waits to be sent, up to `within` seconds. Returns whether that is so."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self.outbox.emptied()
        return not self.outbox.waiting

    def check(self, message: Message) -> None:
        """What `publish` refuses without asking anybody. Raises InvalidMessage or NotAllowed."""
        self._speaker.check(message)

    async def _put(
        self, messages: Sequence[Message], sent_at: datetime | None, traceparent: str | None
    ) -> Sequence[Entry]:
        records = self._speaker.records(messages, sent_at, traceparent)
        return await self.outbox.put([Parcel.of(*each) for each in zip(messages, records, strict=True)])


def _chunks(messages: Iterable[Message]) -> Iterator[Sequence[Message]]:
    source = iter(messages)
    while chunk := tuple(islice(source, CHUNK)):
        yield chunk
