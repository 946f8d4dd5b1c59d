"""The snapshot beside the fold: loads it at the start, and writes what was folded, off the event loop's path."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import version as release
from pathlib import Path

import structlog

from bus.codec import Codec
from bus.errors import NtsgError
from bus.instants import to_millis
from bus.topics import Realm, TopicPartition
from bus.transport.port import Stored
from consumers.fold import Entered, Fold, Remembered
from consumers.hub.snapshot import CHUNK, Changes, Damaged, Grown, Last, Origin, Progress, Snapshot
from consumers.merge import default_rules
from consumers.quarantine import Place
from consumers.shelf import Shelf
from schemas import VERSIONS, all_schemas

WRITE_INTERVAL = 1.0
"""Seconds between two writes: what a killed hub has to read again from the bus."""

WRITE_ROWS = 20_000
"""Records that wait for a write at most; then folding waits for the disk."""

log = structlog.get_logger(__name__)


class Store:
    """Keeps the snapshot of one hub. A disk that fails ends the keeping, not the hub."""

    def __init__(self, directory: Path, realm: Realm) -> None:
        self._realm = realm
        self._last: Mapping[TopicPartition, Last] = {}
        self._memory: Memory | None = None
        self._turn = asyncio.Lock()
        self._failed = False
        self._snapshot = self._opened(directory)
        self._origin = self._snapshot.origin()

    @property
    def last(self) -> Mapping[TopicPartition, Last]:
        """The last record of each partition that was loaded."""
        return self._last

    def is_of(self, name: str) -> bool:
        """Whether the snapshot was made from the log of this name, by the rules and schemas of today."""
        return self._memory is not None and self._origin == _origin(name, self._realm)

    async def load(self) -> Fold:
        """A fold of what the snapshot holds; an empty one, if that is nothing that can be trusted."""
        if self._origin is None:
            return Fold(self._realm)
        if self._origin != _origin(self._origin.log, self._realm):
            log.warning("snapshot_refused", reason="it was made by other rules or schemas, or for another realm")
            return Fold(self._realm)
        try:
            last, remembered = self._snapshot.last(), await asyncio.to_thread(self._snapshot.load)
            memory = Memory.on(self._snapshot, self._realm)
            if remembered is not None:
                memory.resume(remembered)
        except (Damaged, NtsgError, ValueError) as error:
            # What is damaged is known for sure at the end; before that, it may be of no sense to the fold.
            log.warning("snapshot_damaged", reason=str(error))
            self._origin = None
            return Fold(self._realm)
        self._last, self._memory = last, memory
        log.info("snapshot_loaded", digest=memory.fold.state.digest, partitions=len(last))
        return memory.fold

    async def begin(self, name: str) -> Fold:
        """Throw the snapshot away, and begin one of the log of this name, for the fold that is returned."""
        async with self._turn:
            self._last, self._memory = {}, None
            self._origin = _origin(name, self._realm)
            if not self._failed:
                try:
                    self._snapshot.begin(self._origin)
                    self._memory = Memory.on(self._snapshot, self._realm)
                except (OSError, sqlite3.Error, Damaged) as error:
                    self._fail(error)
            return Fold(self._realm) if self._memory is None else self._memory.fold

    async def keep(self, records: Sequence[Stored], entered: Sequence[Entered]) -> None:
        """Have what was folded written soon, with what of it entered the picture."""
        if self._memory is None or self._failed:
            return
        self._memory.note(records, entered)
        if len(self._memory) > WRITE_ROWS:
            await self._write()

    async def run(self) -> None:
        """Write at intervals until cancelled, and a last time then."""
        try:
            while True:
                await asyncio.sleep(WRITE_INTERVAL)
                await self._write()
        finally:
            await self._write()
            self._snapshot.close()

    async def _write(self) -> None:
        async with self._turn:
            memory = self._memory
            if memory is None or self._failed or not len(memory) or memory.fold.needs_refold:
                return
            changes = memory.changes()
            writing = asyncio.create_task(asyncio.to_thread(self._snapshot.write, changes))
            try:
                await asyncio.shield(writing)
                memory.written(changes)
            except (OSError, sqlite3.Error) as error:
                self._fail(error)
            except asyncio.CancelledError:
                # A thread cannot be cancelled, and the file is not ours until it ends.
                await asyncio.gather(writing, return_exceptions=True)
                if writing.exception() is None:
                    memory.written(changes)
                raise

    def _opened(self, directory: Path) -> Snapshot:
        """The snapshot of the directory; where its disk does not let it be opened, an empty one that is not kept."""
        try:
            return Snapshot(directory)
        except sqlite3.OperationalError as error:
            self._fail(error)
            return Snapshot(None)

    def _fail(self, error: Exception) -> None:
        log.error("snapshot_not_written", reason=str(error), remedy="free the disk and restart the hub")
        self._failed = True


class Memory:
    """One fold, and what of it is not on disk yet."""

    def __init__(self, fold: Fold, shelf: Shelf) -> None:
        self.fold = fold
        self._shelf = shelf
        self._records: list[tuple[Stored, int]] = []
        self._released: set[Place] = set()
        self._told: dict[tuple[str, bytes], None] = {}
        self._progress: dict[TopicPartition, Stored] = {}
        self._noted: dict[TopicPartition, int] = {}
        """The next offset of each partition."""
        self._accepted: dict[tuple[TopicPartition, str | None], int] = {}
        """How many instants are on disk."""

    @classmethod
    def on(cls, snapshot: Snapshot, realm: Realm) -> Memory:
        """Of an empty fold that has its shelf in a snapshot. Raises Damaged."""
        codec = Codec()
        shelf = snapshot.shelf(codec)
        return cls(Fold(realm, codec, shelf=shelf), shelf)

    def resume(self, remembered: Remembered) -> None:
        """Go on from what is on disk."""
        self._accepted = {key: len(millis) for key, millis in remembered.accepted.items()}
        self._noted = {partition: next_offset for partition, (next_offset, _) in remembered.positions.items()}
        self.fold.resume(remembered)

    def __len__(self) -> int:
        """Messages and other records that wait."""
        return len(self._records) + len(self._told) + len(self._progress)

    def note(self, records: Sequence[Stored], entered: Sequence[Entered]) -> None:
        """Take up what was folded, with what of it, or of what was held before, entered the picture."""
        fold = self.fold
        control, held = (fold.realm.actors, fold.realm.schemas), fold.quarantine.held
        places = set()
        for record in records:
            partition, place = TopicPartition(record.topic, record.partition), Place.of(record)
            if record.offset < self._noted.get(partition, 0):
                continue  # read twice, and passed over by the fold
            self._noted[partition] = record.offset + 1
            places.add(place)
            self._progress[partition] = record
            if place in held:
                self._records.append((record, to_millis(held[place].known_at)))
            elif record.topic in control:
                self._records.append((record, fold.known_millis(partition)))
        for place, ref, content in entered:
            self._told[ref, content] = None
            if place not in places:
                self._released.add(place)

    def changes(self) -> Changes:
        """What is to be written now."""
        state = self.fold.state
        moved = {
            ref: () if (entity := state.in_memory(ref)) is None else tuple(entity.traces()) for ref in self._shelf.moved
        }
        told = [
            (ref, trace)
            for ref, content in self._told
            if ref not in moved and (entity := state.in_memory(ref)) is not None and (trace := entity.trace(content))
        ]
        changes = Changes(
            records=[kept for kept in self._records if Place.of(kept[0]) not in self._released],
            released=sorted(self._released),
            told=told,
            moved=moved,
            unsaved=self._shelf.unsaved(),
            progress=[Progress(last, self.fold.known_millis(at)) for at, last in self._progress.items()],
            accepted=list(self._grown()),
            standing=state.standing(),
        )
        self._records, self._released, self._told, self._progress = [], set(), {}, {}
        return changes

    def written(self, changes: Changes) -> None:
        """It is on disk."""
        self._shelf.saved(changes.unsaved)

    def _grown(self) -> Iterator[Grown]:
        for partition in self.fold.partitions:  # all of them: what is released may stand where nothing was read
            for on_behalf_of, millis in self.fold.accepted(partition).items():
                key = partition, on_behalf_of
                chunk = self._accepted.get(key, 0) // CHUNK
                if len(millis) > self._accepted.get(key, 0):
                    yield Grown(partition, on_behalf_of, chunk, millis[chunk * CHUNK :].tobytes())
                    self._accepted[key] = len(millis)


def _origin(name: str, realm: Realm) -> Origin:
    return Origin(log=name, realm=realm.name, rules=default_rules().name, schemas=_schemas())


@cache
def _schemas() -> str:
    """Names the schemas of this package, all versions, and its release."""
    text = json.dumps(
        [release("ntsg-bus"), [[version, list(all_schemas(version))] for version in VERSIONS]], sort_keys=True
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]
