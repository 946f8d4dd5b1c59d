"""The outbox on its disk: one SQLite file, plain blocking calls, for one thread of one process.

What was accepted is never rewritten. `record` holds each as a frame that proves itself; `outcome` says what became of
it, with a mark of its own, so that a disk that lies makes a record be sent again, never be forgotten; `queue` is what
waits, in the order of sending; `entity` is the last that was said of each entity. Each call is one transaction on a
write-ahead log that is synchronised before the call returns (`synchronous=FULL`), so whoever is told that something is
kept may lose power the next moment.

Order is that of `number`, which only rises. No clock orders anything.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from bus.errors import OutboxError, OutboxFull
from bus.instants import from_millis, instant_of
from producers.outbox.entry import (
    Entry,
    EntryState,
    Kept,
    Outcome,
    Parcel,
    Unreadable,
    entry,
    lost,
    mark_of,
    pack,
    unpack,
)
from producers.outbox.urgency import Urgency

FORMAT = 1
"""Of the tables below."""

HISTORY = 10_000
"""Entries that are remembered after the bus has them. Beyond that, and whenever room is short, the oldest go."""

RESERVE = 4 * 1024 * 1024
"""Bytes beyond the limit that are for outcomes alone, so that a full outbox can still be emptied."""

OVERHEAD = 300
"""Bytes that the tables take beside a frame, at most."""

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS record (number INTEGER PRIMARY KEY AUTOINCREMENT, frame BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS outcome (
    number INTEGER PRIMARY KEY, ref TEXT NOT NULL, revision INTEGER NOT NULL, state TEXT NOT NULL,
    partition INTEGER, offset INTEGER, known_at INTEGER, code TEXT, reason TEXT, mark BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS queue (
    number INTEGER PRIMARY KEY, ref TEXT NOT NULL, revision INTEGER NOT NULL, urgency INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS queue_by_urgency ON queue (urgency, number);
CREATE INDEX IF NOT EXISTS queue_by_ref ON queue (ref);
CREATE TABLE IF NOT EXISTS entity (
    ref TEXT PRIMARY KEY, revision INTEGER NOT NULL, is_open INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entity_open ON entity (is_open) WHERE is_open;
"""

_ENTRIES = """
SELECT numbers.number, frame, outcome.ref, outcome.revision, queue.ref, queue.revision,
    state, partition, offset, known_at, code, reason, mark
FROM ({numbers}) AS numbers
LEFT JOIN record USING (number) LEFT JOIN queue USING (number) LEFT JOIN outcome USING (number)
"""
_ALL = _ENTRIES.format(
    numbers="SELECT number FROM record UNION SELECT number FROM outcome UNION SELECT number FROM queue ORDER BY number"
)
_ONE = _ENTRIES.format(numbers="SELECT ? AS number") + (
    "WHERE record.number IS NOT NULL OR queue.number IS NOT NULL OR outcome.number IS NOT NULL"
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose outbox it is: one actor's, in one realm. A report of an exercise never leaves for the real picture."""

    realm: str
    actor: str

    @classmethod
    def of(cls, topic: str) -> Owner:
        """The owner of an input topic."""
        realm, _, _, actor = topic.split(".")
        return cls(realm, actor)


class Ledger:
    """One file. Raises OutboxError where the disk fails, sqlite3.DatabaseError where the file is not what it was."""

    def __init__(self, path: Path, database: sqlite3.Connection, max_bytes: int = 0) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._database = database
        self._remembered = 0

    @classmethod
    def open(cls, path: Path, *, max_bytes: int) -> Ledger:
        """The file to work with, which is made if it is not there. For the holder of the directory's lock."""
        with _written(path):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # the reports are in it
            ledger = cls(path, sqlite3.connect(path, isolation_level=None, check_same_thread=False), max_bytes)
        try:
            with _written(path):
                ledger._prepare()
            ledger._remembered = ledger.counts()[EntryState.STORED]
        except BaseException:
            ledger.close()
            raise
        return ledger

    @classmethod
    def reading(cls, path: Path) -> Ledger:
        """The file to look into, also while another process works with it. Raises sqlite3.DatabaseError."""
        return cls(path, sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True))

    def close(self) -> None:
        self._database.close()

    @property
    def path(self) -> Path:
        return self._path

    # Whose it is

    def owner(self) -> Owner | None:
        """None while nobody has taken it."""
        found = dict(self._database.execute("SELECT name, value FROM meta"))
        return Owner(found["realm"], found["actor"]) if "realm" in found else None

    def take(self, owner: Owner) -> None:
        """Make it this owner's."""
        with self._transaction():
            named = {"realm": owner.realm, "actor": owner.actor}
            self._database.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", named.items())

    # Accepting

    def put(self, parcels: Sequence[Parcel]) -> Sequence[Kept]:
        """Keep all, or none; on disk when this returns. Raises OutboxFull."""
        now, first = instant_of(datetime.now(UTC)), self._highest() + 1
        kept = [Kept(number, now, parcel) for number, parcel in enumerate(parcels, first)]
        frames = [(each.number, pack(each)) for each in kept]
        self._make_room(sum(len(frame) + OVERHEAD for _, frame in frames))
        with self._transaction():
            self._keep(frames, parcels)
        return kept

    def _keep(self, frames: Sequence[tuple[int, bytes]], parcels: Sequence[Parcel]) -> None:
        self._database.executemany("INSERT INTO record VALUES (?, ?)", frames)
        self._database.executemany(
            "UPDATE queue SET urgency = ? WHERE ref = ? AND urgency > ?",
            [(parcel.urgency, parcel.ref, parcel.urgency) for parcel in _most_urgent(parcels)],
        )
        self._database.executemany(
            "INSERT INTO queue VALUES (?, ?, ?, ?)",
            [
                (number, parcel.ref, parcel.revision, urgency)
                for (number, _), (parcel, urgency) in zip(frames, _in_order(parcels), strict=True)
            ],
        )
        self._database.executemany(
            "INSERT INTO entity VALUES (?, ?, ?) ON CONFLICT (ref) DO UPDATE"
            " SET revision = excluded.revision, is_open = excluded.is_open WHERE excluded.revision >= entity.revision",
            [(parcel.ref, parcel.revision, parcel.is_open) for parcel in parcels],
        )

    def contents(self) -> Collection[bytes]:
        """The `content` of everything that is kept: what an import need not bring again."""
        found = set()
        for _, frame in self._database.execute("SELECT number, frame FROM record"):
            try:
                found.add(unpack(frame).parcel.content)
            except Unreadable:
                continue
        return found

    # Sending

    def waiting(self) -> int:
        """How many wait."""
        [(count,)] = self._database.execute("SELECT count(*) FROM queue")
        return int(count)

    def next(self, records: int, size: int) -> Sequence[Kept]:
        """What goes next, in its order: up to `records`, and about `size` bytes. What turns out to be damaged is set
        aside.
        """
        found: list[Kept] = []
        damaged: list[Outcome] = []
        rows = self._database.execute(
            "SELECT number, frame FROM queue LEFT JOIN record USING (number) ORDER BY queue.urgency, number"
        )
        for number, frame in rows:
            try:
                found.append(_whole(number, frame))
            except Unreadable as error:
                damaged.append(self._damage(number, str(error)))
                continue
            size -= len(frame)
            if len(found) == records or size <= 0:
                break
        rows.close()
        if damaged:
            self.settle(damaged)
        return found

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Write down what became of entries, and take them from the queue."""
        with self._transaction():
            self._settle(outcomes)
        self._remembered += sum(outcome.state is EntryState.STORED for outcome in outcomes)
        _say(outcomes)
        self._forget(HISTORY)

    def _settle(self, outcomes: Sequence[Outcome]) -> None:
        self._database.executemany(
            "INSERT OR REPLACE INTO outcome VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [outcome.cells for outcome in outcomes],
        )
        self._database.executemany("DELETE FROM queue WHERE number = ?", [(outcome.number,) for outcome in outcomes])

    def again(self) -> int:
        """Let what the bus refused wait once more. Returns how many."""
        with self._transaction():
            numbers = [
                number
                for (number,) in self._database.execute(
                    "SELECT number FROM outcome WHERE state = ?", (EntryState.REFUSED,)
                )
            ]
            self._database.executemany("DELETE FROM outcome WHERE number = ?", [(number,) for number in numbers])
            self._mend_queue()
        return len(numbers)

    # What is there

    def entries(self, numbers: Iterable[int] | None = None, state: EntryState | None = None) -> Iterator[Entry]:
        """Those of the given numbers, or all, in the order of acceptance."""
        if numbers is None:
            rows: Iterable[tuple[Any, ...]] = self._database.execute(_ALL)
        else:
            rows = (row for number in numbers for row in self._database.execute(_ONE, (number,)))
        for row in rows:
            found = _entry(row)
            if state is None or found.state is state:
                yield found

    def frames(self, state: EntryState) -> Iterator[Kept]:
        """The records in this state, in the order of acceptance; what is damaged is passed over."""
        for found in list(self.entries(state=state)):
            for (frame,) in self._database.execute("SELECT frame FROM record WHERE number = ?", (found.number,)):
                try:
                    yield _whole(found.number, frame)
                except Unreadable:
                    continue

    def counts(self) -> Mapping[EntryState, int]:
        """How many there are in each state. Of STORED: how many are remembered."""
        found = dict.fromkeys(EntryState, 0)
        for state, count in self._database.execute("SELECT state, count(*) FROM outcome GROUP BY state"):
            found[EntryState(state)] = count
        return found | {EntryState.WAITING: self.waiting()}

    def revision(self, ref: str) -> int | None:
        """The highest revision of the entity that was ever accepted here; None for one that never was."""
        for (revision,) in self._database.execute("SELECT revision FROM entity WHERE ref = ?", (ref,)):
            return int(revision)
        return None

    def open_incidents(self) -> int | None:
        """How many incidents are open, by the latest revision of each that was accepted here; None if none ever was."""
        [(count,)] = self._database.execute("SELECT count(*) FROM entity WHERE is_open")
        [(ever,)] = self._database.execute(
            "SELECT EXISTS (SELECT 1 FROM entity WHERE ref >= 'incident/' AND ref < 'incident0')"
        )
        return int(count) if ever else None

    # Whether it is what was written

    def check(self) -> None:
        """Look at the whole file, and at each record that waits. Raises sqlite3.DatabaseError for a file that is
        broken. A record that is not what was written is set aside; an outcome that is not, is forgotten.
        """
        found = [text for (text,) in self._database.execute("PRAGMA integrity_check(3)")]
        if found != ["ok"]:
            raise sqlite3.DatabaseError("; ".join(found))
        with self._transaction():
            doubtful = [
                (cells[0],)
                for *cells, mark in self._database.execute("SELECT * FROM outcome")
                if mark_of(cells) != mark or cells[3] not in set(EntryState)
            ]
            self._database.executemany("DELETE FROM outcome WHERE number = ?", doubtful)
            self._mend_queue()
            damaged = []
            for number, frame in self._database.execute(
                "SELECT number, frame FROM queue LEFT JOIN record USING (number)"
            ):
                try:
                    _whole(number, frame)
                except Unreadable as error:
                    damaged.append(self._damage(number, str(error)))
            self._settle(damaged)
        _say(damaged)

    def restore(
        self,
        owner: Owner | None,
        found: Sequence[Kept],
        outcomes: Sequence[Outcome],
        entities: Sequence[tuple[str, int, bool]],
        highest: int,
    ) -> None:
        """Take up what was salvaged from a broken file. `highest`: no new number may be at or below it."""
        with self._transaction():
            if owner is not None:
                named = {"realm": owner.realm, "actor": owner.actor}
                self._database.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", named.items())
            self._keep([(kept.number, pack(kept)) for kept in found], [kept.parcel for kept in found])
            self._database.executemany(
                "INSERT INTO entity VALUES (?, ?, ?) ON CONFLICT (ref) DO UPDATE"
                " SET revision = excluded.revision, is_open = excluded.is_open"
                " WHERE excluded.revision >= entity.revision",
                entities,
            )
            self._settle(outcomes)
            self._database.execute("DELETE FROM sqlite_sequence WHERE name = 'record'")
            self._database.execute("INSERT INTO sqlite_sequence VALUES ('record', ?)", (highest,))

    def _damage(self, number: int, why: str) -> Outcome:
        known = self._database.execute("SELECT ref, revision FROM queue WHERE number = ?", (number,)).fetchone()
        ref, revision = known or ("", 0)
        return lost(number, ref, revision, why)

    def _mend_queue(self) -> None:
        """Whatever has no outcome waits, and nothing else does."""
        self._database.execute("DELETE FROM queue WHERE number IN (SELECT number FROM outcome)")
        missing = self._database.execute(
            "SELECT number, frame FROM record"
            " WHERE number NOT IN (SELECT number FROM outcome) AND number NOT IN (SELECT number FROM queue)"
        ).fetchall()
        for number, frame in missing:
            try:
                parcel = _whole(number, frame).parcel
            except Unreadable as error:
                self._settle([self._damage(number, str(error))])
            else:
                row = number, parcel.ref, parcel.revision, parcel.urgency
                self._database.execute("INSERT INTO queue VALUES (?, ?, ?, ?)", row)

    # Room

    def _make_room(self, needed: int) -> None:
        if self._used() + needed <= self._max_bytes:
            return
        self._forget(0)
        used = self._used()
        if used + needed > self._max_bytes:
            raise OutboxFull(
                f"{self._path.parent}: {used:,} of {self._max_bytes:,} bytes are taken ({self.waiting():,} messages"
                f" wait), and {needed:,} more do not fit; nothing of this call was kept. Room comes as the bus takes"
                " what waits: see `ntsg outbox list`, carry it out with `ntsg outbox export`, or give the outbox more"
            )

    def _used(self) -> int:
        [(pages,)] = self._database.execute("PRAGMA page_count")
        [(free,)] = self._database.execute("PRAGMA freelist_count")
        [(size,)] = self._database.execute("PRAGMA page_size")
        return int((pages - free) * size)

    def _forget(self, keep: int) -> None:
        """Forget the oldest of what the bus has, but for this many."""
        if self._remembered <= keep + keep // 10:
            return
        with self._transaction():
            oldest = self._database.execute(
                "SELECT number FROM outcome WHERE state = ? ORDER BY number LIMIT ?",
                (EntryState.STORED, self._remembered - keep),
            ).fetchall()
            self._database.executemany("DELETE FROM record WHERE number = ?", oldest)
            self._database.executemany("DELETE FROM outcome WHERE number = ?", oldest)
        self._remembered -= len(oldest)

    def _highest(self) -> int:
        for (number,) in self._database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'record'"):
            return int(number)
        return 0

    # The file

    def _prepare(self) -> None:
        run = self._database.execute
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")
        run("PRAGMA fullfsync = ON")
        run("PRAGMA busy_timeout = 5000")
        [(size,)] = run("PRAGMA page_size")
        run(f"PRAGMA max_page_count = {(self._max_bytes + RESERVE) // size}")
        self._database.executescript(f"BEGIN; {_TABLES} COMMIT;")
        found = dict(run("SELECT name, value FROM meta"))
        if found.get("format", str(FORMAT)) != str(FORMAT):
            raise OutboxError(
                f"{self._path} was written by another release (format {found['format']}); deliver it with that one"
            )
        run("INSERT OR IGNORE INTO meta VALUES ('format', ?)", (str(FORMAT),))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with _written(self._path), self._database as database:
            database.execute("BEGIN IMMEDIATE")
            yield


@contextmanager
def _written(path: Path) -> Iterator[None]:
    """The border: what SQLite says of the disk, as errors of `bus.errors`. What it says of the file's content stays."""
    try:
        yield
    except OSError as error:
        raise OutboxError(f"{path}: cannot be opened: {error.strerror}; look at the disk, and whose it is") from error
    except sqlite3.OperationalError as error:
        code = error.sqlite_errorcode & 0xFF
        if code == sqlite3.SQLITE_FULL:
            raise OutboxFull(f"{path}: the disk is full; nothing of this call was kept: free some of it") from error
        raise OutboxError(f"{path}: the disk does not take it ({error}); nothing of this call was kept") from error


def _say(outcomes: Iterable[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.state is not EntryState.STORED:
            log.warning("outbox_set_aside", number=outcome.number, state=outcome.state.value, reason=outcome.reason)


def _whole(number: int, frame: bytes | None) -> Kept:
    if frame is None:
        raise Unreadable("its record is missing")
    kept = unpack(frame)
    if kept.number != number:
        raise Unreadable(f"the frame is that of entry {kept.number}")
    return kept


def _entry(row: tuple[Any, ...]) -> Entry:
    number, frame, ref, revision, queued_ref, queued_revision, *became, mark = row
    state, partition, offset, known_at, code, reason = became
    state = EntryState(state) if state and mark_of((number, ref, revision, *became)) == mark else EntryState.WAITING
    try:
        found = entry(_whole(number, frame), state)
    except Unreadable as error:
        damage = lost(number, ref or queued_ref or "", revision or queued_revision or 0, str(error))
        return Entry(
            number, damage.ref, damage.revision, state=damage.state, code=damage.code, reason=reason or damage.reason
        )
    if state is EntryState.WAITING:
        return found
    at = None if known_at is None else from_millis(known_at)
    return replace(found, partition=partition, offset=offset, known_at=at, code=code, reason=reason)


def _most_urgent(parcels: Iterable[Parcel]) -> Iterable[Parcel]:
    """Of each entity, the most urgent."""
    found: dict[str, Parcel] = {}
    for parcel in parcels:
        if parcel.ref not in found or parcel.urgency < found[parcel.ref].urgency:
            found[parcel.ref] = parcel
    return found.values()


def _in_order(parcels: Sequence[Parcel]) -> Iterable[tuple[Parcel, Urgency]]:
    """Each with the urgency that it is queued with: at least that of any later one of its entity."""
    found: list[tuple[Parcel, Urgency]] = []
    urgencies: dict[str, Urgency] = {}
    for parcel in reversed(parcels):
        urgency = min(parcel.urgency, urgencies.get(parcel.ref, parcel.urgency))
        urgencies[parcel.ref] = urgency
        found.append((parcel, urgency))
    return reversed(found)
