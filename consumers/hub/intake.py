"""From the log to the fold: follow every partition of the realm, for ever, and say how far that has come.

A hub assigns itself all partitions: no group, hence no rebalance. It reads the registry and the schemas to their ends,
then all the rest, and calls itself settled when it has met the ends that the bus named. A watchdog asks the bus for
those ends again and again; a reader that stands still before them is replaced, and if that does not help, the hub says
that it is not alive.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from bus.errors import ArchiveLost, BusError
from bus.topics import Realm, TopicPartition
from bus.transport.port import Reader, Stored, Transport
from bus.transport.to_end import reached
from consumers.fold import Fold
from consumers.hub.snapshot import Last, fingerprint
from consumers.hub.store import Store
from consumers.reading import input_partitions

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the intake looks, in seconds."""

    look: float = 1.0
    """Between two questions for the ends of the log."""
    discover: float = 5.0
    """Between two looks for new topics."""
    stall: float = 15.0
    """Without progress before an end: the reader is replaced."""
    dead: float = 45.0
    """Without progress before an end: the hub says that it is not alive."""
    unheard: float = 15.0
    """Without an answer from the bus: the hub is not settled any more."""
    held_back: float = 10.0
    """With a transaction open on an input topic: alarm."""
    retry: float = 0.5
    read: float = 0.25


BATCH = 1_000
"""Records folded in one go. Between two batches everything else in the hub gets its turn."""


class Stalled(BusError):
    """The reader stands still before the end of the log."""


class Intake:
    """Owns the fold. `grown` is set when something was folded, for whoever waits for it."""

    def __init__(
        self,
        transport: Transport,
        realm: Realm,
        store: Store,
        pace: Pace | None = None,
        spare: Callable[[], None] | None = None,
    ) -> None:
        self.fold = Fold(realm)
        self.grown = asyncio.Event()
        self._transport = transport
        self._realm = realm
        self._store = store
        self._pace = pace or Pace()
        self._spare = spare
        self._wanted: frozenset[TopicPartition] = frozenset()
        self._targets: Mapping[TopicPartition, int] | None = None
        self._ends: Mapping[TopicPartition, int] = {}
        self._settled = asyncio.Event()
        self._verified = False
        self._heard = time.monotonic()
        self._standing_since: float | None = None
        self._held_back: dict[TopicPartition, float] = {}

    @property
    def settled(self) -> bool:
        """Whether the hub has met the end of the log, and the bus still answers."""
        return self._settled.is_set()

    async def wait_settled(self) -> None:
        await self._settled.wait()

    @property
    def alive(self) -> bool:
        """False when reading stands still although there is something to read, and a new reader did not help."""
        return self._standing_since is None or time.monotonic() - self._standing_since < self._pace.dead

    @property
    def progress(self) -> float:
        """The share of the log that is folded, 0 to 1, by the ends that the bus last named."""
        if self.settled:
            return 1.0
        if not self._ends:
            return 0.0
        total = sum(self._ends.values())
        done = sum(min(self.fold.position(partition), end) for partition, end in self._ends.items())
        return done / total if total else 1.0

    @property
    def unheard(self) -> float:
        """Seconds since the bus last answered."""
        return time.monotonic() - self._heard

    @property
    def held_back(self) -> tuple[TopicPartition, ...]:
        """Partitions on which an open transaction has hidden records for longer than `Pace.held_back`."""
        limit = time.monotonic() - self._pace.held_back
        return tuple(sorted(partition for partition, since in self._held_back.items() if since < limit))

    async def run(self) -> None:
        """Follow the log until cancelled. Whatever the bus does, this goes on."""
        await self._restore()
        said = ""
        while True:
            try:
                await self._follow()
            except* (BusError, ArchiveLost) as group:
                reason = str(group.exceptions[0])
                if reason != said:
                    log.warning("intake_interrupted", reason=reason)
                said = reason
            if time.monotonic() - self._heard > self._pace.unheard:
                self._unsettle()
            await asyncio.sleep(self._pace.retry)

    async def _follow(self) -> None:
        """Read until something fails, or the log has to be folded from its start."""
        wanted = await input_partitions(self._transport, self._realm)
        if not self._verified:
            await self._verify(wanted)
        if self.fold.needs_refold:
            await self._start_over()
        control = {p for p in wanted if p.topic in (self._realm.actors, self._realm.schemas)}
        async with self._transport.reader(self._positions(control)) as reader:
            # First the registry and the schemas: what they decide then needs no second judgement.
            self._heard_from_bus()
            ends = await reader.end_offsets()
            while not reached(reader.positions(), ends):
                await self._fold(await reader.read(timeout=self._pace.read, limit=BATCH))
            self._wanted = frozenset(wanted)
            await reader.assign(self._positions(wanted))
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._watch(reader)), group.create_task(self._look_for_topics())]
                await self._read(reader)
                for task in tasks:
                    task.cancel()

    async def _read(self, reader: Reader) -> None:
        while not self.fold.needs_refold:
            if len(self._wanted) != len(reader.positions()):
                await reader.assign({**self._positions(self._wanted), **reader.positions()})
            records = await reader.read(timeout=self._pace.read, limit=BATCH)
            if records:
                await self._fold(records)
            if self._targets is not None and not self.settled and reached(reader.positions(), self._targets):
                log.info("settled", digest=self.fold.state.digest, partitions=len(self._wanted))
                self._settled.set()
                self.grown.set()
        await self._start_over()

    async def _fold(self, records: Sequence[Stored]) -> None:
        entered = self.fold.apply(records)
        self.grown.set()
        if self._spare is not None and not self.settled:
            self._spare()
        await self._store.keep(records, entered)
        await asyncio.sleep(0)  # a reader with records at hand returns without giving others their turn

    async def _watch(self, reader: Reader) -> None:
        """Compare positions with the ends of the log. Raises Stalled."""
        opened, seen = time.monotonic(), dict(reader.positions())
        while True:
            try:
                ends, tops = await reader.end_offsets(), await reader.high_watermarks()
            except BusError:
                self._standing_since = None  # no answer: this is not the reader's fault
                if time.monotonic() - self._heard > self._pace.unheard:
                    self._unsettle()
            else:
                self._heard_from_bus()
                self._ends = ends
                if not self.settled and ends.keys() >= self._wanted:
                    self._targets = ends
                positions = dict(reader.positions())
                self._note_progress(opened, moved=reached(positions, ends) or positions != seen)
                self._note_held_back(ends, tops)
                seen = positions
            await asyncio.sleep(self._pace.look)

    async def _look_for_topics(self) -> None:
        while True:
            await asyncio.sleep(self._pace.discover)
            try:
                found = frozenset(await input_partitions(self._transport, self._realm))
            except BusError:
                continue  # the watch sees that the bus does not answer
            if new := found - self._wanted:
                log.info("topics_discovered", topics=sorted({partition.topic for partition in new}))
                self._wanted |= new

    async def _restore(self) -> None:
        """Show what the snapshot holds; whether it is still true, the log must say."""
        self.fold = await self._store.load()
        self.grown.set()

    async def _verify(self, wanted: Iterable[TopicPartition]) -> None:
        """Ask the log whether the snapshot is of it. Otherwise fold from the start."""
        name = await self._name_of_log()
        if not self._store.is_of(name) or not await self._holds(self._store.last, frozenset(wanted)):
            if self._store.last:
                log.warning("snapshot_refused", reason="it is not of this log")
            await self._start_over()
        self._verified = True

    async def _holds(self, last: Mapping[TopicPartition, Last], wanted: frozenset[TopicPartition]) -> bool:
        """Whether the log holds these records in these places."""
        if not wanted.issuperset(last):
            return False
        async with self._transport.reader({partition: place.offset for partition, place in last.items()}) as reader:
            ends = await reader.end_offsets()
            if any(ends[partition] <= place.offset for partition, place in last.items()):
                return False
            missing = dict(last)
            while missing:
                records = await reader.read(timeout=self._pace.stall, limit=BATCH)
                if not records:
                    return False  # what stood there has been deleted
                for record in records:
                    place = missing.pop(TopicPartition(record.topic, record.partition), None)
                    if place is not None and fingerprint(record) != place.fingerprint:
                        return False
        return True

    async def _start_over(self) -> None:
        if self.fold.needs_refold:
            log.warning("folding_from_start", reason=self.fold.needs_refold)
        self._unsettle()
        name = await self._name_of_log()
        self.fold = await self._store.begin(name)
        self.grown.set()

    async def _name_of_log(self) -> str:
        """The fingerprint of the registry's first record, which carries the time of its writing. Waits for one."""
        async with self._transport.reader({TopicPartition(self._realm.actors, 0): 0}) as reader:
            while True:
                if records := await reader.read(timeout=self._pace.read, limit=1):
                    return fingerprint(records[0]).hex()

    def _positions(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, int]:
        return {partition: self.fold.position(partition) for partition in partitions}

    def _heard_from_bus(self) -> None:
        self._heard = time.monotonic()

    def _unsettle(self) -> None:
        if self.settled:
            log.warning("unsettled")
        self._settled.clear()
        self._targets = None

    def _note_progress(self, opened: float, *, moved: bool) -> None:
        """`opened` is when the reader was: a new one gets its time before it is replaced in turn."""
        now = time.monotonic()
        if moved:
            self._standing_since = None
        elif self._standing_since is None:
            self._standing_since = now
        elif now - max(self._standing_since, opened) > self._pace.stall:
            raise Stalled("reading stands still before the end of the log; opening another reader")

    def _note_held_back(self, ends: Mapping[TopicPartition, int], tops: Mapping[TopicPartition, int]) -> None:
        now, before = time.monotonic(), self.held_back
        hidden = {TopicPartition(*partition) for partition, top in tops.items() if top > ends.get(partition, top)}
        self._held_back = {partition: self._held_back.get(partition, now) for partition in hidden}
        if new := set(self.held_back) - set(before):
            log.error("records_held_back", partitions=[str(p) for p in sorted(new)], reason="a transaction stays open")
