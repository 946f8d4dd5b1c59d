"""The operator's way onto the bus: validated, stamped, stored, and a receipt for it.

async with Publisher(settings) as publisher:
    receipt = await publisher.publish(incident)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from types import TracebackType
from typing import Self

from bus.messages import Message
from bus.settings import Settings
from bus.transport import Position, Transport
from bus.transport.kafka import KafkaTransport
from producers.sender import Sender, Stored
from producers.speaker import Speaker

__all__ = ["GIVE_UP_AFTER", "Publisher", "Receipt"]

GIVE_UP_AFTER = 120.0
"""Seconds for which a publish is tried again while no broker answers. Longer than any planned restart of a broker."""

CHUNK = 1_000
"""Messages that `publish_many` hands over at once."""

CHUNKS_UNDER_WAY = 4
"""Chunks that may wait for the broker while the next one is encoded."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The bus has it: acknowledged by all in-sync replicas, at this place of the log."""

    ref: str
    revision: int
    topic: str
    partition: int
    offset: int


class Publisher:
    """Publishes one actor's messages. An async context manager; safe for any number of concurrent callers.

    The actor is the settings' user: a message of another one is refused here, as the broker would refuse it. Messages
    of one caller are stored in the order of its calls; concurrent calls are sent together. While no broker answers,
    sending is tried again for `give_up_after` seconds; cancelling a call does not call its message back. Publishing
    the same message again does no harm. With a `signing_key` in the settings, every record is signed; one that cannot
    be used raises InvalidSettings at once.

    Entering raises AuthenticationFailed for a wrong user or password, InvalidSettings for settings that cannot work.
    A bus that is away at that moment is waited for by each `publish`.
    """

    def __init__(
        self, settings: Settings, *, give_up_after: float = GIVE_UP_AFTER, transport: Transport | None = None
    ) -> None:
        self._speaker = Speaker(settings)
        self._sender = Sender(transport or KafkaTransport(settings), give_up_after=give_up_after)

    async def __aenter__(self) -> Self:
        await self._sender.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._sender.__aexit__(kind, error, trace)

    async def publish(
        self, message: Message, *, sent_at: datetime | None = None, traceparent: str | None = None
    ) -> Receipt:
        """Store one message; returns when the bus has it.

        `sent_at` is when the actor first handed the message over: now, unless it was stamped before. `traceparent` is
        the caller's trace (W3C Trace Context), passed on as it is.

        Raises InvalidMessage (its status does not fit the realm), NotAllowed, UnknownTopic, TooLarge,
        AuthenticationFailed; BusUnavailable, naming the message, when no broker answered for `give_up_after` seconds.
        """
        messages = (message,)
        [receipt] = _receipts(messages, await (await self._submit(messages, sent_at, traceparent)))
        return receipt

    async def publish_many(
        self, messages: Iterable[Message], *, sent_at: datetime | None = None, traceparent: str | None = None
    ) -> list[Receipt]:
        """Store messages in the order given, fastest; receipts in the same order.

        Raises as `publish`, the first error met; the messages before the one refused, and possibly some after it, are
        stored by then.
        """
        receipts: list[Receipt] = []
        under_way: deque[tuple[Sequence[Message], Stored]] = deque()
        try:
            for chunk in _chunks(messages):
                under_way.append((chunk, await self._submit(chunk, sent_at, traceparent)))
                if len(under_way) > CHUNKS_UNDER_WAY:
                    receipts += await _settle(under_way)
            while under_way:
                receipts += await _settle(under_way)
        finally:
            for _, stored in under_way:
                stored.cancel()
        return receipts

    def check(self, message: Message) -> None:
        """What `publish` refuses without asking the bus. Raises InvalidMessage or NotAllowed."""
        self._speaker.check(message)

    async def _submit(self, messages: Sequence[Message], sent_at: datetime | None, traceparent: str | None) -> Stored:
        return await self._sender.submit(self._speaker.records(messages, sent_at, traceparent))


async def _settle(under_way: deque[tuple[Sequence[Message], Stored]]) -> Iterator[Receipt]:
    messages, stored = under_way.popleft()
    return _receipts(messages, await stored)


def _receipts(messages: Sequence[Message], positions: Sequence[Position]) -> Iterator[Receipt]:
    for message, position in zip(messages, positions, strict=True):
        yield Receipt(message.reference, message.revision, position.topic, position.partition, position.offset)


def _chunks(messages: Iterable[Message]) -> Iterator[Sequence[Message]]:
    source = iter(messages)
    while chunk := tuple(islice(source, CHUNK)):
        yield chunk
