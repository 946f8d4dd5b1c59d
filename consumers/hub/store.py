"""The snapshot beside the fold: loads it at the start, and writes what was folded, off the event loop's path."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version as release
from pathlib import Path

import structlog

from bus.errors import NtsgError
from bus.topics import Realm, TopicPartition
from bus.transport.port import Stored
from consumers.fold import Fold
from consumers.hub.snapshot import Damaged, Last, Origin, Snapshot
from consumers.merge import Gist
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
        self._snapshot = Snapshot(directory)
        self._origin = self._snapshot.origin()
        self._last: Mapping[TopicPartition, Last] = {}
        self._waiting: list[tuple[Stored, Gist | None]] = []
        self._turn = asyncio.Lock()
        self._failed = False

    @property
    def last(self) -> Mapping[TopicPartition, Last]:
        """The last record of each partition that was loaded."""
        return self._last

    def is_of(self, name: str, fold: Fold) -> bool:
        """Whether the snapshot was made from the log of this name, by the rules and schemas of this fold."""
        return self._origin == _origin(name, fold)

    async def load(self) -> Fold:
        """A fold of what the snapshot holds; an empty one, if that is nothing that can be trusted."""
        fold = Fold(self._realm)
        if self._origin is None:
            return fold
        if self._origin != _origin(self._origin.log, fold):
            log.warning("snapshot_refused", reason="it was made by other rules or schemas, or for another realm")
            return fold
        try:
            last = self._snapshot.last()
            for records in self._snapshot.records():
                fold.recall(records)
                await asyncio.sleep(0)
        except (Damaged, NtsgError, ValueError) as error:
            # What is damaged is known for sure at the end; before that, it may be of no sense to the fold.
            log.warning("snapshot_damaged", reason=str(error))
            self._origin = None
            return Fold(self._realm)
        self._last = last
        log.info("snapshot_loaded", digest=fold.state.digest, partitions=len(last))
        return fold

    async def begin(self, name: str, fold: Fold) -> None:
        """Throw the snapshot away, and begin one of the log of this name."""
        async with self._turn:
            self._waiting.clear()
            self._last = {}
            self._origin = _origin(name, fold)
            try:
                self._snapshot.begin(self._origin)
            except (OSError, sqlite3.Error) as error:
                self._fail(error)

    async def keep(self, records: Sequence[Stored], gists: Sequence[Gist | None]) -> None:
        """Have the records written soon, with the gists that folding them gave. They follow those kept before."""
        if self._failed:
            return
        self._waiting.extend(zip(records, gists, strict=True))
        if len(self._waiting) > WRITE_ROWS:
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
            records, self._waiting = self._waiting, []
            if not records or self._failed:
                return
            writing = asyncio.create_task(asyncio.to_thread(self._snapshot.append, records))
            try:
                await asyncio.shield(writing)
            except (OSError, sqlite3.Error) as error:
                self._fail(error)
            except asyncio.CancelledError:
                # A thread cannot be cancelled, and the file is not ours until it ends.
                await asyncio.gather(writing, return_exceptions=True)
                raise

    def _fail(self, error: Exception) -> None:
        log.error("snapshot_not_written", reason=str(error), remedy="free the disk and restart the hub")
        self._failed = True
        self._waiting.clear()


def _origin(name: str, fold: Fold) -> Origin:
    return Origin(log=name, realm=fold.realm.name, rules=fold.state.rules, schemas=_schemas())


@cache
def _schemas() -> str:
    """Names the schemas of this package, all versions, and its release."""
    text = json.dumps(
        [release("ntsg-bus"), [[version, list(all_schemas(version))] for version in VERSIONS]], sort_keys=True
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]
