"""One hub at a time writes the feeds and the quarantine topic: leadership by silence.

The leader ends a batch at least each second. A settled hub that has heard none for a while stands: it opens a
transaction under the one fixed id, which aborts what the leader before it left open and fences it, dead or asleep. Only
then does it read what is published, fold at least as far, and publish the difference. Whoever is fenced goes back to
listening. Two leaders at once cannot write; two candidates at once cost a second.

Each audience has a feed of its own. A batch is one transaction over all of them, under one number, so none is ever
ahead of another. Who listens for signs of life listens to the full one.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import structlog

from bus.codec import Codec
from bus.errors import BusError, Fenced
from bus.messages import Part
from bus.topics import Realm, TopicPartition
from bus.transport.port import Outgoing, Transaction, Transport
from bus.transport.to_end import records_to_end
from bus.vocabulary import Audience
from consumers.fold import Fold
from consumers.hub import collector
from consumers.hub.clock import Clock
from consumers.hub.intake import Intake
from consumers.hub.notices import NoticeState, notice, read_notices
from consumers.merge import FEEDS
from consumers.merge.view import Summary
from consumers.quarantine import Held, Place
from consumers.wire import SUMMARY_KEY, Encoder, batch, read_summary

Changes = Mapping[Audience, Mapping[str, Part | None]]
Listener = Callable[[Fold, Changes], None]

YIELD_AFTER = 500
"""Items compared in one go on taking over; then everything else in the hub gets its turn."""

TURN = 0.05
"""Seconds. A picture that took longer to make is followed by so long a turn for everything else in the hub: an answer
takes more than one step of the event loop.
"""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Tempo:
    """Of leadership, in seconds."""

    beat: float = 1.0
    """Between two batches at most, changed or not."""
    gap: float = 0.02
    """Between two batches at least: so that a burst becomes few batches."""
    silence: float = 3.0
    """Without a batch: the leader is gone."""
    spread: float = 1.0
    """Random part on top, so that hubs do not stand all at once."""
    patience: float = 10.0
    """For a new leader to fold as far as the feed has come; then it gives others the chance."""
    listen: float = 0.25


@dataclass(slots=True)
class _Published:
    """What the feeds say at their ends."""

    values: dict[Audience, dict[bytes, bytes]]
    summary: Summary | None
    """Of the full one."""


class Leader:
    """Listens to the feed, and writes all of them when nobody else does."""

    def __init__(
        self, transport: Transport, realm: Realm, intake: Intake, clock: Clock, tempo: Tempo | None = None
    ) -> None:
        self._transport = transport
        self._realm = realm
        self._intake = intake
        self._clock = clock
        self._tempo = tempo or Tempo()
        self._codec = Codec()
        self._feeds = {audience: TopicPartition(realm.feed(audience), 0) for audience in FEEDS}
        self.listeners: list[Listener] = []
        """Told of every change of the picture, whether this hub leads or not, as long as it is settled."""
        self._leads = False
        self._batch = 0
        self._took = 0.0
        """Seconds that the last batch took to be made."""

    @property
    def leads(self) -> bool:
        """Whether this hub writes the feed, as far as it knows: a newer leader may have fenced it already."""
        return self._leads

    async def run(self) -> None:
        """Listen and lead until cancelled."""
        while True:
            try:
                await self._hear_silence()
                await self._lead()
            except Fenced:
                log.info("fenced", batch=self._batch)
            except BusError as error:
                log.warning("leadership_interrupted", reason=str(error))
                await asyncio.sleep(self._tempo.listen)
            finally:
                self._leads = False

    async def _hear_silence(self) -> None:
        """Return when this hub is settled and nobody has ended a batch for long enough.

        The bus must have said that there is nothing more to hear: who cannot hear must not take silence for a fact.
        """
        async with self._transport.reader({self._feeds[Audience.FULL]: 0}) as reader:
            await reader.assign(await reader.end_offsets())
            heard = time.monotonic()
            limit = self._tempo.silence + random.uniform(0, self._tempo.spread)  # noqa: S311 - spreads, guards nothing
            while True:
                records = await reader.read(timeout=self._tempo.listen)
                if any(record.key == SUMMARY_KEY for record in records):
                    heard = time.monotonic()
                await self._keep_ready()
                if not self._intake.settled or time.monotonic() - heard < limit:
                    continue
                if dict(await reader.end_offsets()) == dict(reader.positions()):
                    return

    async def _keep_ready(self) -> None:
        """Compute what changed, though nobody is told: so that taking over does not have to. At the start that is
        everything, so whatever else the hub does gets its turn between one audience and the next.
        """
        if not self._intake.settled or not self._intake.grown.is_set():
            return
        self._intake.grown.clear()
        fold = self._intake.fold
        for audience in FEEDS:
            began = time.monotonic()
            with collector.away():
                fold.projections.prepare(audience, self._clock.as_of(fold))
            if time.monotonic() - began > TURN:
                await asyncio.sleep(TURN)
        if self._is_current(fold):
            self._changes(fold, self._clock.as_of(fold))

    def _changes(self, fold: Fold, as_of: datetime) -> Changes:
        """What differs from the last time. This is the one place that asks, so whoever wants to know is told here."""
        with collector.away():
            changes = fold.projections.changes(as_of)
        for listener in self.listeners:
            listener(fold, changes)
        return changes

    async def _lead(self) -> None:
        async with self._transport.transaction(self._realm.leader) as transaction:
            published = await self._read_feeds()
            notices = await read_notices(self._transport, self._realm)
            if published.summary is not None:
                self._batch = published.summary.batch
                self._clock.not_before(published.summary.as_of)
                if not await self._catch_up(published.summary.inputs):
                    log.warning("leadership_declined", reason="the feed is ahead of this hub")
                    return
            fold = self._intake.fold
            if not self._intake.settled:
                return
            log.info("leading", after_batch=self._batch, items=len(published.values[Audience.FULL]))
            await self._publish_difference(transaction, fold, published, notices)
            self._leads = True
            while await self._news_of(fold):
                await self._publish_changes(transaction, fold)
            log.info("leadership_left", batch=self._batch)

    async def _news_of(self, fold: Fold) -> bool:
        """Wait for something to publish, or for the next beat. False when this fold is not to be published any more."""
        # However long it takes to compute what to publish: a third of the time is left for reading the log.
        gap = min(max(self._tempo.gap, self._took / 2), self._tempo.beat / 2)
        await asyncio.sleep(gap)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._tempo.beat - gap):
                await self._intake.grown.wait()
        return self._is_current(fold)

    def _is_current(self, fold: Fold) -> bool:
        """Whether pictures are to be made of this fold."""
        return self._intake.settled and self._intake.fold is fold

    async def _publish_changes(self, transaction: Transaction, fold: Fold) -> None:
        began = time.monotonic()
        self._intake.grown.clear()
        as_of = self._clock.as_of(fold)
        records = self._notices(fold, fold.quarantine.changes())
        records += self._batches(fold, as_of, self._changes(fold, as_of), Encoder())
        self._took = time.monotonic() - began
        await self._send(transaction, records)

    def _notices(self, fold: Fold, changes: Mapping[Place, Held | None]) -> list[Outgoing]:
        settled = fold.quarantine.settled
        return [notice(self._realm, place, held, settled.get(place)) for place, held in changes.items()]

    async def _publish_difference(
        self, transaction: Transaction, fold: Fold, published: _Published, notices: Mapping[bytes, NoticeState]
    ) -> None:
        """What the feeds must be told to be this fold's pictures, whatever they said before."""
        as_of = self._clock.as_of(fold)
        self._changes(fold, as_of)  # from here on, changes are counted from these items
        fold.quarantine.changes()
        items = {audience: fold.projections.items(audience, as_of) for audience in FEEDS}
        records = self._notices(fold, _untold(fold, notices))
        encoder = Encoder()
        changes: dict[Audience, dict[str, Part | None]] = {}
        for audience, values in published.values.items():
            changes[audience] = {
                key.decode(): None for key in values if key != SUMMARY_KEY and key.decode() not in items[audience]
            }
            for number, (key, item) in enumerate(items[audience].items()):
                if values.get(key.encode()) != encoder(item):
                    changes[audience][key] = item
                if number % YIELD_AFTER == 0:
                    await asyncio.sleep(0)
        records += self._batches(fold, as_of, changes, encoder)
        await self._send(transaction, records)

    def _batches(
        self,
        fold: Fold,
        as_of: datetime,
        changes: Mapping[Audience, Mapping[str, Part | None]],
        encoder: Encoder,
    ) -> Iterator[Outgoing]:
        """The records of one batch, feed by feed."""
        told = {"inputs": fold.inputs, "batch": self._batch + 1}
        for audience, changed in changes.items():
            summary = fold.projections.summary(audience, as_of).model_copy(update=told)
            yield from batch(self._realm.feed(audience), changed, summary, encoder)

    async def _send(self, transaction: Transaction, records: Sequence[Outgoing]) -> None:
        await transaction.send(records)
        self._batch += 1

    async def _read_feeds(self) -> _Published:
        values: dict[str, dict[bytes, bytes]] = {feed.topic: {} for feed in self._feeds.values()}
        async for records in records_to_end(self._transport, self._feeds.values()):
            for record in records:
                if record.key is None:
                    continue
                if record.value is None:
                    values[record.topic].pop(record.key, None)
                else:
                    values[record.topic][record.key] = record.value
        by_audience = {audience: values[feed.topic] for audience, feed in self._feeds.items()}
        last = by_audience[Audience.FULL].get(SUMMARY_KEY)
        return _Published(by_audience, None if last is None else read_summary(self._codec, last))

    async def _catch_up(self, inputs: Mapping[str, int]) -> bool:
        """Whether this hub has folded, or folds in time, at least what the feed's last batch was made from."""
        try:
            async with asyncio.timeout(self._tempo.patience):
                while any(self._intake.fold.inputs.get(name, 0) < offset for name, offset in inputs.items()):
                    self._intake.grown.clear()
                    await self._intake.grown.wait()
        except TimeoutError:
            return False
        return True


def _untold(fold: Fold, notices: Mapping[bytes, NoticeState]) -> Mapping[Place, Held | None]:
    """What the quarantine topic does not say yet, or says otherwise."""
    held, settled = fold.quarantine.held, fold.quarantine.settled
    told = {Place.parse(key.decode()): state for key, state in notices.items()}
    wanted = {place: NoticeState.SETTLED if place in settled else NoticeState.HELD for place in held}
    untold: dict[Place, Held | None] = {
        place: held[place] for place, state in wanted.items() if told.get(place) is not state
    }
    gone = {place for place, state in told.items() if state is not NoticeState.RELEASED and place not in held}
    return untold | dict.fromkeys(sorted(gone))
