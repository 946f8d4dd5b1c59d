"""What a hub has folded, on its own disk, so that it need not ask the bus for all of it again.

A cache and nothing more: the log on the bus is the truth. It names the log, the realm, the rules and the schemas that
it was made with, and the last record of each partition; what does not fit is thrown away whole, and the hub folds from
the start. Losing this file costs time, never a record.

Rows are the records themselves, each with the gist of what it told, so that a hub that starts again need not read
most of them; appended in batches. One batch is one SQLite transaction, so a killed hub leaves a whole snapshot of a
moment before. A running hash over each partition's rows finds a disk that lies.
"""

from __future__ import annotations

import hashlib
import sqlite3
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import structlog

from bus.topics import TopicPartition
from bus.transport.port import Headers, Stored
from consumers.merge import Gist

FORMAT = 5
"""Of the tables below, and of what stands in them. A snapshot of another format is thrown away."""

SENT_AT = "ce_time"
"""The one header that a fold reads."""

LOAD_ROWS = 2_000
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS progress (
    topic TEXT NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL, fingerprint BLOB NOT NULL,
    sum BLOB NOT NULL, PRIMARY KEY (topic, partition)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS record (
    topic TEXT NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL, timestamp INTEGER NOT NULL,
    key BLOB, value BLOB, sent_at BLOB, gist BLOB);
"""
_NUMBERS = struct.Struct("<qqqqqqq").pack
_ABSENT = -1

Row = tuple[str, int, int, int, bytes | None, bytes | None, bytes | None, bytes | None]
"""Topic, partition, offset, timestamp, key, value, what SENT_AT holds, and the dump of the gist."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Origin:
    """What a snapshot was made from and with. One that differs in anything is of no use."""

    log: str
    """Names the log: the fingerprint of the first record of the registry."""
    realm: str
    rules: str
    schemas: str
    """Names the schemas that the package holds, and its release: another may refuse what this one accepts."""


class Kept(NamedTuple):
    """A record as the snapshot keeps it: a `Stored`."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Last(NamedTuple):
    """The last record of a partition that the snapshot holds."""

    offset: int
    fingerprint: bytes


class Damaged(Exception):
    """The file does not hold what was written to it."""


class Snapshot:
    """The snapshot in one directory. For one hub at a time; plain blocking calls, for a thread where that matters."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "snapshot.sqlite"
        self._database = self._connect()
        self._sums = _Sums()

    def close(self) -> None:
        self._database.close()

    def origin(self) -> Origin | None:
        """None for an empty snapshot, or one of another format."""
        try:
            found = dict(self._database.execute("SELECT name, value FROM meta"))
            if found.get("format") != str(FORMAT):
                return None
            return Origin(found["log"], found["realm"], found["rules"], found["schemas"])
        except (sqlite3.DatabaseError, KeyError):
            return None

    def last(self) -> Mapping[TopicPartition, Last]:
        """The last record held, per partition. Raises Damaged."""
        with _readable(self._path):
            rows = self._database.execute("SELECT topic, partition, offset, fingerprint FROM progress")
            return {TopicPartition(topic, partition): Last(offset, mark) for topic, partition, offset, mark in rows}

    def records(self) -> Iterator[Sequence[tuple[Stored, bytes | None]]]:
        """All records in the order in which they were folded, with the dumps of their gists, some thousand at a time.

        Raises Damaged, possibly after many records: then nothing of it is to be trusted.
        """
        with _readable(self._path):
            expected = {
                (topic, partition): sum_
                for topic, partition, sum_ in self._database.execute("SELECT topic, partition, sum FROM progress")
            }
            sums = _Sums()
            cursor = self._database.execute(
                "SELECT topic, partition, offset, timestamp, key, value, sent_at, gist FROM record ORDER BY rowid"
            )
            while rows := cursor.fetchmany(LOAD_ROWS):
                sums.add(rows)
                yield [(_kept(*row), row[-1]) for row in rows]
            if sums.digests() != expected:
                raise Damaged(f"{self._path}: the records are not those that were written")
            self._sums = sums

    def append(self, records: Sequence[tuple[Stored, Gist | None]]) -> None:
        """Take up records that follow those held, in one transaction. Raises OSError or sqlite3.Error (a full disk);
        then nothing more can be appended.
        """
        rows = [_row(record, gist) for record, gist in records]
        last = {(record.topic, record.partition): record for record, _ in records}
        self._sums.add(rows)
        digests = self._sums.digests(last)
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            self._database.executemany(
                "INSERT OR REPLACE INTO progress VALUES (?, ?, ?, ?, ?)",
                [(*place, record.offset, fingerprint(record), digests[place]) for place, record in last.items()],
            )

    def begin(self, origin: Origin) -> None:
        """Throw away what is held, and begin anew."""
        self._database.close()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)
        self._database = self._connect()
        self._sums = _Sums()
        named = {
            "format": str(FORMAT),
            "log": origin.log,
            "realm": origin.realm,
            "rules": origin.rules,
            "schemas": origin.schemas,
        }
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("INSERT INTO meta VALUES (?, ?)", named.items())

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        try:
            _prepare(database)
        except sqlite3.DatabaseError as error:
            log.warning("snapshot_unreadable", path=str(self._path), reason=str(error))
            database.close()
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self._path}{suffix}").unlink(missing_ok=True)
            database = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            _prepare(database)
        return database


def fingerprint(record: Stored) -> bytes:
    """The identity of a record in its place: equal only for the same record of the same log (16 bytes)."""
    spelled = _spelled(record.partition, record.offset, record.timestamp, record.key, record.value, None, None)
    return hashlib.blake2b(spelled, digest_size=16, key=hashlib.sha256(record.topic.encode()).digest()).digest()


class _Sums:
    """A running hash over the rows of each partition."""

    def __init__(self) -> None:
        self._running: dict[tuple[str, int], hashlib.blake2b] = {}

    def add(self, rows: Iterable[Row]) -> None:
        running = self._running
        for row in rows:
            try:
                sum_ = running[row[0], row[1]]
            except KeyError:
                sum_ = running[row[0], row[1]] = hashlib.blake2b(digest_size=16)
            sum_.update(_spelled(*row[1:]))

    def digests(self, places: Iterable[tuple[str, int]] | None = None) -> Mapping[tuple[str, int], bytes]:
        """The hashes so far, of these places or of all."""
        return {place: self._running[place].digest() for place in (self._running if places is None else places)}


def _spelled(
    partition: int,
    offset: int,
    timestamp: int,
    key: bytes | None,
    value: bytes | None,
    sent_at: bytes | None,
    gist: bytes | None,
) -> bytes:
    """One spelling for each record: no two run into one another."""
    numbers = _NUMBERS(
        partition,
        offset,
        timestamp,
        _ABSENT if key is None else len(key),
        _ABSENT if value is None else len(value),
        _ABSENT if sent_at is None else len(sent_at),
        _ABSENT if gist is None else len(gist),
    )
    return b"".join((numbers, key or b"", value or b"", sent_at or b"", gist or b""))


def _row(record: Stored, gist: Gist | None) -> Row:
    sent_at = None
    for name, value in record.headers:
        if name == SENT_AT:
            sent_at = value
            break
    dump = None if gist is None else gist.dump()
    return record.topic, record.partition, record.offset, record.timestamp, record.key, record.value, sent_at, dump


def _kept(
    topic: str,
    partition: int,
    offset: int,
    timestamp: int,
    key: bytes | None,
    value: bytes | None,
    sent_at: bytes | None,
    _: bytes | None,
) -> Kept:
    headers = ((SENT_AT, sent_at),) if sent_at is not None else ()
    return Kept(topic, partition, offset, timestamp, key, value, headers)


def _prepare(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    database.executescript(_TABLES)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turns what SQLite says of a broken file into Damaged."""
    try:
        yield
    except (sqlite3.DatabaseError, TypeError, struct.error) as error:
        raise Damaged(f"{path}: {error}") from error
