"""What a hub has folded, on its own disk, so that it need not ask the bus for all of it again.

A cache and nothing more: the log on the bus is the truth. It names the log, the realm, the rules and the schemas that
it was made with, and the last record of each partition; what does not fit is thrown away whole, and the hub folds from
the start. Losing this file costs time, never a record.

It holds what the hub has in memory (the messages of what is current, each with its gist, and the records that are no
message of the picture), what it amounts to, and the shelf of what is long over, which the hub reads when it is asked
for. So a start takes time by what is current, not by history. One write is one SQLite transaction, so a killed hub
leaves a whole snapshot of a moment before. Each row carries a mark of what it holds, and the sum of all marks is kept:
a disk that lies is found.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import struct
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from bus import signatures
from bus.codec import Codec
from bus.instants import from_millis, to_millis
from bus.purged import PURGED, REWRITTEN
from bus.topics import TopicPartition
from bus.transport.port import Headers, Stored
from bus.vocabulary import Tlp
from consumers import shelf
from consumers.fold import Remembered
from consumers.merge import Gist, Signed, Standing, Trace
from consumers.quarantine import Place
from consumers.shelf import Shelf, Unsaved

FORMAT = 11
"""Of the tables below, and of what stands in them. A snapshot of another format is thrown away."""

HEADERS = ("ce_time", signatures.HEADER, PURGED)
"""Those that a fold reads, in the order of their columns."""

CHUNK = 512
"""Instants in a row of `accepted`."""

_TABLES = f"""
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS progress (
    topic TEXT NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL, known_at INTEGER NOT NULL,
    fingerprint BLOB NOT NULL, mark BLOB NOT NULL, PRIMARY KEY (topic, partition)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS accepted (
    topic TEXT NOT NULL, partition INTEGER NOT NULL, on_behalf_of TEXT NOT NULL, chunk INTEGER NOT NULL,
    known_at BLOB NOT NULL, mark BLOB NOT NULL, PRIMARY KEY (topic, partition, on_behalf_of, chunk)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS record (
    topic TEXT NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL, timestamp INTEGER NOT NULL,
    known_at INTEGER NOT NULL, key BLOB, value BLOB, sent_at BLOB, signature BLOB, purged BLOB,
    mark BLOB NOT NULL, UNIQUE (topic, partition, offset));
CREATE TABLE IF NOT EXISTS message (
    ref TEXT NOT NULL, content BLOB NOT NULL, sent_at INTEGER NOT NULL, known_at INTEGER NOT NULL,
    body BLOB NOT NULL, gist BLOB NOT NULL, signed TEXT, mark BLOB NOT NULL, UNIQUE (ref, content));
{shelf.TABLES}"""

_SUM = 16
_MODULUS = 1 << (8 * _SUM)

Cell = str | int | bytes | None
Row = tuple[Cell, ...]

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


class Progress(NamedTuple):
    """How far a partition was folded: its last record, and its greatest append time in milliseconds."""

    last: Stored
    known_millis: int


class Grown(NamedTuple):
    """Instants of what was accepted in a partition, from the beginning of a chunk to the end of all."""

    partition: TopicPartition
    on_behalf_of: str | None
    chunk: int
    millis: bytes


@dataclass(frozen=True, slots=True)
class Changes:
    """What a fold has come to since the last write."""

    records: Sequence[tuple[Stored, int]]
    """Those that are no message of the picture, each with its known_at in milliseconds."""
    released: Sequence[Place]
    """Where such records stood that have become messages."""
    told: Sequence[tuple[str, Trace]]
    """Messages that are new, or of which an earlier copy was found, of entities in memory."""
    moved: Mapping[str, Sequence[Trace]]
    """All messages of entities that came back into memory; none for those that left."""
    unsaved: Unsaved
    progress: Sequence[Progress]
    accepted: Sequence[Grown]
    standing: Standing


class Damaged(Exception):
    """The file does not hold what was written to it."""


class Snapshot:
    """The snapshot in one directory. For one hub at a time; plain blocking calls, for a thread where that matters.

    A file that is broken is thrown away. Raises sqlite3.OperationalError where the disk fails: then it stays. Without
    a directory it is in memory, and gone with the hub.
    """

    def __init__(self, directory: Path | None) -> None:
        self._path = directory / "snapshot.sqlite" if directory is not None else Path(":memory:")
        self._database = self._connect()
        self._sum = 0

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
        """The last record folded, per partition. Raises Damaged."""
        with _readable(self._path):
            rows = self._database.execute("SELECT topic, partition, offset, fingerprint FROM progress")
            return {TopicPartition(topic, partition): Last(offset, mark) for topic, partition, offset, mark in rows}

    def shelf(self, codec: Codec) -> Shelf:
        """The shelf in it, for one fold. It reads by a connection of its own. Raises Damaged."""
        with _readable(self._path):
            return Shelf(sqlite3.connect(self._path, isolation_level=None, check_same_thread=False), codec)

    def load(self) -> Remembered | None:
        """What was in memory; None before the first write. Raises Damaged."""
        with _readable(self._path):
            meta = dict(self._database.execute("SELECT name, value FROM meta"))
            if "sum" not in meta:
                return None
            reading = _Reading(self._database)
            entities: defaultdict[str, list[Trace]] = defaultdict(list)
            for ref, content, sent_at, known_at, body, gist, signed in reading.rows("message"):
                instants = from_millis(sent_at), from_millis(known_at)
                told = None if signed is None else Signed(signed)
                entities[ref].append(Trace(Gist.load(gist), content, *instants, body, told))
            records = [
                (Kept(topic, partition, offset, timestamp, key, value, _headers(*headers)), known_at)
                for topic, partition, offset, timestamp, known_at, key, value, *headers in reading.rows("record")
            ]
            positions = {
                TopicPartition(topic, partition): (offset + 1, known_at)
                for topic, partition, offset, known_at, _ in reading.rows("progress")
            }
            accepted: defaultdict[tuple[TopicPartition, str | None], array[int]] = defaultdict(lambda: array("q"))
            for topic, partition, on_behalf_of, _, known_at in reading.rows("accepted"):
                accepted[TopicPartition(topic, partition), on_behalf_of or None].frombytes(known_at)
            self._sum = (reading.sum + _number(_mark("standing", (meta["standing"],)))) % _MODULUS
            if f"{self._sum:032x}" != meta["sum"]:
                raise Damaged(f"{self._path}: some of what was written is missing")
            return Remembered(records, entities, _standing(meta["standing"]), positions, accepted)

    def write(self, changes: Changes) -> None:
        """Take up what has changed, in one transaction. Raises OSError or sqlite3.Error (a full disk); then nothing
        more can be written.
        """
        with self._database as database:
            database.execute("BEGIN IMMEDIATE")
            writing = _Writing(database, self._sum)
            writing.delete("record", "topic = ? AND partition = ? AND offset = ?", changes.released)
            writing.delete("message", "ref = ?", [(ref,) for ref in changes.moved])
            writing.delete("message", "ref = ? AND content = ?", [(ref, trace.content) for ref, trace in changes.told])
            moved = ((ref, trace) for ref, traces in changes.moved.items() for trace in traces)
            writing.insert("message", [_message(ref, trace) for ref, trace in [*moved, *changes.told]])
            writing.insert("record", [_record(record, known_millis) for record, known_millis in changes.records])
            shelf.save(database, changes.unsaved)
            for progress in changes.progress:
                writing.put_progress(progress)
            for grown in changes.accepted:
                writing.put_accepted(grown)
            writing.put_standing(changes.standing)
        self._sum = writing.sum

    def begin(self, origin: Origin) -> None:
        """Throw away what is held, and begin anew."""
        self._database.close()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)
        self._database = self._connect()
        self._sum = 0
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
        except sqlite3.OperationalError:
            database.close()
            raise
        except sqlite3.DatabaseError as error:
            log.warning("snapshot_unreadable", path=str(self._path), reason=str(error))
            database.close()
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self._path}{suffix}").unlink(missing_ok=True)
            database = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            _prepare(database)
        return database


class _Reading:
    """Reads rows, and looks whether each is what was written."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self.sum = 0

    def rows(self, table: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a table in the order of writing, or of their key, without their marks. Raises Damaged."""
        for *row, mark in self._database.execute(f"SELECT * FROM {table}"):  # noqa: S608 - one of our own tables
            if _mark(table, row) != mark:
                raise Damaged(f"a row of {table} is not what was written")
            self.sum += _number(mark)
            yield tuple(row)


class _Writing:
    """Writes and deletes rows, and keeps the sum of their marks."""

    def __init__(self, database: sqlite3.Connection, sum_: int) -> None:
        self._database = database
        self.sum = sum_

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        marks = [_mark(table, row) for row in rows]
        if rows:
            places = ", ".join("?" * (len(rows[0]) + 1))
            marked = [(*row, mark) for row, mark in zip(rows, marks, strict=True)]
            self._database.executemany(f"INSERT INTO {table} VALUES ({places})", marked)  # noqa: S608 - as above
            self.sum += sum(map(_number, marks))

    def delete(self, table: str, where: str, keys: Iterable[Sequence[Cell]]) -> None:
        for key in keys:
            found = self._database.execute(f"SELECT mark FROM {table} WHERE {where}", key).fetchall()  # noqa: S608
            if found:
                self._database.execute(f"DELETE FROM {table} WHERE {where}", key)  # noqa: S608
                self.sum -= sum(_number(mark) for (mark,) in found)

    def put_progress(self, progress: Progress) -> None:
        last = progress.last
        self.delete("progress", "topic = ? AND partition = ?", [(last.topic, last.partition)])
        row = last.topic, last.partition, last.offset, progress.known_millis, fingerprint(last)
        self.insert("progress", [row])

    def put_standing(self, standing: Standing) -> None:
        for (held,) in self._database.execute("SELECT value FROM meta WHERE name = 'standing'"):
            self.sum -= _number(_mark("standing", (held,)))
        text = _standing_text(standing)
        self.sum = (self.sum + _number(_mark("standing", (text,)))) % _MODULUS
        named = {"standing": text, "sum": f"{self.sum:032x}"}
        self._database.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", named.items())

    def put_accepted(self, grown: Grown) -> None:
        (topic, partition), behalf = grown.partition, grown.on_behalf_of or ""
        self.delete(
            "accepted",
            "topic = ? AND partition = ? AND on_behalf_of = ? AND chunk >= ?",
            [(topic, partition, behalf, grown.chunk)],
        )
        size = CHUNK * 8
        pieces = [grown.millis[start : start + size] for start in range(0, len(grown.millis), size)]
        rows = [(topic, partition, behalf, chunk, piece) for chunk, piece in enumerate(pieces, grown.chunk)]
        self.insert("accepted", rows)


def fingerprint(record: Stored) -> bytes:
    """The identity of a record in its place: equal only for the same record of the same log (16 bytes). A log that was
    rewritten by a purge is another one from there on.
    """
    purge = (value for name, value in record.headers if name == REWRITTEN)
    row = (record.topic, record.partition, record.offset, record.timestamp, record.key, record.value, *purge)
    return _mark("log", row)


def _mark(table: str, row: Iterable[Cell]) -> bytes:
    """A hash over a row, in which no two cells run into one another."""
    parts = [table.encode()]
    for cell in row:
        match cell:
            case None:
                parts.append(b"-")
            case int():
                parts.append(b"i%d;" % cell)
            case str():
                spelled = cell.encode()
                parts += (b"s%d:" % len(spelled), spelled)
            case _:
                parts += (b"b%d:" % len(cell), cell)
    return hashlib.blake2b(b"".join(parts), digest_size=_SUM).digest()


def _number(mark: bytes) -> int:
    return int.from_bytes(mark, "big")


def _message(ref: str, trace: Trace) -> Row:
    if not isinstance(trace.body, bytes):
        raise TypeError(f"{ref} is held as a message; a snapshot keeps bytes")
    instants = to_millis(trace.sent_at), to_millis(trace.known_at)
    return ref, trace.content, *instants, trace.body, trace.gist.dump(), trace.signed


def _record(record: Stored, known_millis: int) -> Row:
    headers = [next((value for name, value in record.headers if name == kept), None) for kept in HEADERS]
    row = record.topic, record.partition, record.offset, record.timestamp
    return *row, known_millis, record.key, record.value, *headers


def _headers(*values: bytes | None) -> Headers:
    return tuple((name, value) for name, value in zip(HEADERS, values, strict=True) if value is not None)


def _standing_text(standing: Standing) -> str:
    aside = standing.heard_aside
    return json.dumps(
        {
            "digest": standing.digest.hex(),
            "heard": {actor: to_millis(at) for actor, at in sorted(standing.heard.items())},
            "aside": {mark: dump.hex() for mark, dump in sorted(standing.aside.items())},
            "heard_aside": None
            if aside is None
            else [[actor, mark, to_millis(at)] for (actor, mark), at in sorted(aside.items())],
        }
    )


def _standing(text: str) -> Standing:
    found = json.loads(text)
    aside = found["heard_aside"]
    return Standing(
        digest=bytes.fromhex(found["digest"]),
        heard={actor: from_millis(millis) for actor, millis in found["heard"].items()},
        aside={Tlp(mark): bytes.fromhex(dump) for mark, dump in found["aside"].items()},
        heard_aside=None
        if aside is None
        else {(actor, Tlp(mark)): from_millis(millis) for actor, mark, millis in aside},
    )


def _prepare(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    database.executescript(_TABLES)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turns what SQLite says of a broken file, and what does not read as it should, into Damaged."""
    try:
        yield
    except (sqlite3.DatabaseError, TypeError, KeyError, ValueError, struct.error) as error:
        raise Damaged(f"{path}: {error}") from error
