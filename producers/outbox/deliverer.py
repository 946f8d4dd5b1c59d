"""Delivering an outbox: one task, one writer, most urgent first, for as long as it takes.

While the bus is away, or does not let this user in, everything waits and is tried again, for days if need be. What the
bus refuses for good is set aside by name, and never blocks the rest. A record that was sent, and whose receipt was lost
with the connection or the process, is sent again: equal content is one message to every reader.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from itertools import chain, repeat

import structlog

from bus.errors import AuthenticationFailed, BusError, BusUnavailable, NotAllowed, NtsgError, OutboxError, UnknownTopic
from bus.transport import Transport, Writer
from producers.outbox.entry import EntryState, Kept, Outcome
from producers.outbox.outbox import Outbox

BATCH_RECORDS = 1_000
"""Records that are under way at one time: what is more urgent waits for no more than these."""

BATCH_BYTES = 4 * 1024 * 1024

PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0)
"""Seconds before the first, second, ... new attempt; the last one stays. Each is shortened by chance, by up to half, so
that not all operators knock at once when the bus is back."""

NOT_ITS_FAULT = (BusUnavailable, AuthenticationFailed)
"""What stops all records alike: they wait."""

OF_THE_TOPIC = (NotAllowed, UnknownTopic)
"""What is refused to all records of a topic alike."""

log = structlog.get_logger(__name__)


class Deliverer:
    """Delivers one outbox over one transport. `run` it as a task beside whatever puts."""

    def __init__(self, outbox: Outbox, transport: Transport) -> None:
        self._outbox = outbox
        self._transport = transport
        self._unwritten: list[Outcome] = []
        self.problem: NtsgError | None = None
        """Why nothing is delivered now; None while all is well."""

    async def run(self) -> None:
        """Deliver until cancelled. Whatever the bus and the disk do, this goes on."""
        pauses = _pauses()
        while True:
            try:
                async with self._transport.writer() as writer:
                    self._recover()
                    while True:
                        await self._deliver(writer)
                        self._recover()
                        pauses = _pauses()
            except (BusError, OutboxError) as error:
                self._stumble(error)
            await asyncio.sleep(next(pauses))

    async def _deliver(self, writer: Writer) -> None:
        """One batch, and its outcomes on disk."""
        await self._write_down()  # a disk that is full must not make the same records be sent again and again
        await self._send(writer, await self._outbox.next(BATCH_RECORDS, BATCH_BYTES))
        await self._write_down()

    async def _send(self, writer: Writer, batch: Sequence[Kept]) -> None:
        """Send these, in their order; where the bus refuses something, find out what."""
        if not batch:
            return
        try:
            positions = await writer.send([kept.parcel.record for kept in batch])
        except NOT_ITS_FAULT:
            raise
        except BusError as error:
            topics = dict.fromkeys(kept.parcel.record.topic for kept in batch)
            if len(topics) > 1:
                for topic in topics:
                    await self._send(writer, [kept for kept in batch if kept.parcel.record.topic == topic])
            elif len(batch) == 1 or isinstance(error, OF_THE_TOPIC):
                code, reason = type(error).__name__, str(error)
                self._unwritten += [kept.became(EntryState.REFUSED, code=code, reason=reason) for kept in batch]
            else:
                half = len(batch) // 2
                await self._send(writer, batch[:half])
                await self._send(writer, batch[half:])
        else:
            self._unwritten += [
                kept.became(EntryState.STORED, position) for kept, position in zip(batch, positions, strict=True)
            ]

    async def _write_down(self) -> None:
        if self._unwritten:
            await self._outbox.settle(self._unwritten)
            self._unwritten = []

    def _recover(self) -> None:
        if self.problem is not None:
            log.warning("outbox_delivers_again", waiting=self._outbox.waiting)
        self.problem = None

    def _stumble(self, error: NtsgError) -> None:
        if str(error) != str(self.problem):
            log.warning("outbox_not_delivered", reason=str(error), waiting=self._outbox.waiting)
        self.problem = error


def _pauses() -> Iterator[float]:
    for pause in chain(PAUSES, repeat(PAUSES[-1])):
        yield pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads, guards nothing
