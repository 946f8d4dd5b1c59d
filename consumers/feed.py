"""The integrator's way in: the picture, and every change of it, as whole batches.

    async with Feed(settings) as feed:
        async for change in feed:
            ...

The first change brings the full picture. Half a batch is never shown. What happens on the way (a broker restarts, a
hub takes over) is not seen here, except that nothing comes for a while. A user of the feed needs READ on its topic, and
nothing else.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType, TracebackType
from typing import NamedTuple, Self

import structlog

from bus.codec import Codec
from bus.errors import BusError
from bus.messages import Part
from bus.settings import Settings
from bus.topics import Realm, TopicPartition
from bus.transport.kafka import KafkaTransport
from bus.transport.port import Reader, Stored, Transport
from bus.vocabulary import Audience
from consumers.merge.view import Summary
from consumers.wire import SUMMARY_KEY, read_item, read_summary

AWAY = 6 * 24 * 3600.0
"""Seconds without a record after which the picture is read anew: tombstones are kept for seven days
(delete.retention.ms), so later ones may have gone unseen."""

READ_SECONDS = 1.0
RETRY_SECONDS = 0.5

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """One step of the picture, complete in itself."""

    summary: Summary
    """Totals, and what the picture was made from: `inputs`, `rules`."""
    changed: Mapping[str, Part]
    """The items that are new or different, by key (`situation/<id>`, `incident/<actor>/<id>`, ...)."""
    gone: frozenset[str]
    """The keys that are in the picture no more."""

    @property
    def batch(self) -> int:
        """Rises; consecutive, except where several batches come as one change after a time of catching up."""
        return self.summary.batch

    @property
    def as_of(self) -> datetime:
        return self.summary.as_of

    @property
    def digest(self) -> str:
        return self.summary.digest


class _Batch(NamedTuple):
    values: Mapping[str, bytes | None]
    summary: bytes
    anew: bool
    """Whether the values are the whole picture, and no step from the one before."""


class Feed:
    """The view feed of a realm, as one audience sees it. Enter it, then iterate; for one consumer at a time.

    Raises InvalidSettings for an audience without a feed. Entering raises AuthenticationFailed, NotAllowed,
    UnknownTopic or BusUnavailable; later the feed waits for the bus. Iterating raises CodecError when a hub much newer
    than this package writes the feed.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        audience: Audience = Audience.FULL,
        transport: Transport | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._now = now
        self._transport = transport or KafkaTransport(settings)
        self._partition = TopicPartition(Realm(settings.realm).feed(audience), 0)
        self._codec = Codec()
        self._picture: dict[str, Part] = {}
        self._stack = AsyncExitStack()
        self._reader: Reader | None = None
        self._assembly = _Assembly()
        self._ready: deque[_Batch] = deque()
        self._heard = now()
        self._rewind = False

    @property
    def picture(self) -> Mapping[str, Part]:
        """All items by key, as of the last change that was delivered. A live view: copy what you keep."""
        return MappingProxyType(self._picture)

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Change:
        while not self._ready:
            try:
                await self._read(self._reader or await self._open())
            except BusError as error:
                log.warning("feed_interrupted", topic=self._partition.topic, reason=str(error))
                await self._close()
                await asyncio.sleep(RETRY_SECONDS)
        return self._deliver(self._ready.popleft())

    async def _open(self) -> Reader:
        try:
            self._reader = await self._stack.enter_async_context(
                self._transport.reader({self._partition: self._assembly.position})
            )
            await self._set_goal(self._reader)
        except BaseException:
            await self._close()
            raise
        return self._reader

    async def _close(self) -> None:
        self._reader = None
        await self._stack.aclose()

    async def _set_goal(self, reader: Reader) -> None:
        if self._assembly.catching_up and self._assembly.goal is None:
            self._assembly.goal = (await reader.end_offsets())[self._partition]

    async def _read(self, reader: Reader) -> None:
        # Waiting and taking are apart, so that a cancelled wait loses nothing.
        await self._set_goal(reader)
        if self._rewind:
            await reader.assign({self._partition: 0})
            self._rewind = False
        records = await reader.read(timeout=READ_SECONDS)
        if records and self._now() - self._heard > AWAY:
            self._assembly, self._rewind = _Assembly(), True
        else:
            self._ready.extend(self._assembly.take(records, reader.positions()[self._partition]))
        if records:
            self._heard = self._now()

    def _deliver(self, batch: _Batch) -> Change:
        before = self._picture
        items = {
            key: item
            for key, value in batch.values.items()
            if value is not None and (item := read_item(self._codec, key, value)) is not None
        }
        if batch.anew:
            self._picture = items
            changed = {key: item for key, item in items.items() if before.get(key) != item}
            gone = before.keys() - items.keys()
        else:
            changed = items
            gone = before.keys() & {key for key, value in batch.values.items() if value is None}
            before.update(items)
            for key in gone:
                del before[key]
        return Change(read_summary(self._codec, batch.summary), MappingProxyType(changed), frozenset(gone))


class _Assembly:
    """Puts records together to whole batches.

    While catching up (at the start, and after a hole in the offsets, which compaction or an aborted batch leaves) a
    batch that is read may lack records that a later one replaced: so all up to `goal`, an end of the log that was asked
    for afterwards, becomes one.
    """

    def __init__(self) -> None:
        self.position = 0
        self.catching_up = True
        self.goal: int | None = None
        self._anew = True
        self._values: dict[str, bytes | None] = {}
        self._summary: bytes | None = None
        self._ended = False
        """Whether the last record ended a batch; then one offset, the transaction's mark, is passed over."""

    def take(self, records: Sequence[Stored], position: int) -> Iterator[_Batch]:
        """The batches that these records complete. `position` is the reader's, behind them."""
        for record in records:
            if record.offset > self.position + self._ended and not self.catching_up:
                self.catching_up, self.goal = True, None
            self.position = record.offset + 1
            self._ended = record.key == SUMMARY_KEY
            if self._ended:
                self._summary = record.value
                if self.goal is not None and record.offset >= self.goal:
                    self.catching_up = False  # a batch from behind the goal: all before it is known
                if not self.catching_up:
                    yield from self._batch()
            elif record.key is not None:
                self._values[record.key.decode()] = record.value
        if self.catching_up and self._ended and self.goal is not None and position >= self.goal:
            self.catching_up = False
            yield from self._batch()

    def _batch(self) -> Iterator[_Batch]:
        if self._summary is not None:
            yield _Batch(self._values, self._summary, self._anew)
            self._anew = False
        self._values, self._summary = {}, None
