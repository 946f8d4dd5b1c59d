"""Where the merge keeps what is long over: an archive on disk, of which memory holds the names alone.

Each bundle is a row that does not change: the messages as they came, found by number. Which bundle answers to which
name is in memory too (some hundred bytes each); which one held a shared key is asked of the disk, and only where an
incident began when something in here was not over yet. What was put or taken since the last save is in memory as it is.

A cache like every store of a hub. A bundle that cannot be read back is a loss that only the log can mend: `lost` says
so, and the owner folds from the start.
"""

from __future__ import annotations

import hashlib
import sqlite3
import struct
import weakref
import zlib
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from bus.codec import Codec
from bus.envelope import Envelope
from bus.errors import ArchiveLost, NtsgError
from bus.instants import EPOCH, from_millis, to_millis
from bus.messages import MESSAGES
from bus.references import Kind
from bus.vocabulary import Tlp
from consumers.merge import Signed, Trace
from consumers.merge.archive import Bundle, Span

TABLES = """
CREATE TABLE IF NOT EXISTS bundle (
    id INTEGER PRIMARY KEY, over_since INTEGER NOT NULL, names BLOB NOT NULL, heard TEXT NOT NULL, mark BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS bundle_body (id INTEGER PRIMARY KEY, keys BLOB NOT NULL, entities BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS bundle_key (
    key INTEGER NOT NULL, held_until INTEGER NOT NULL, held_since INTEGER NOT NULL, id INTEGER NOT NULL,
    PRIMARY KEY (key, held_until, held_since, id)) WITHOUT ROWID;
"""
SAVED_AT_ONCE = 2_000
"""Bundles that a temporary shelf holds in memory."""

_SPOKEN = struct.Struct("<qqIB")
"""Of a message: sent_at and known_at in milliseconds, the bytes that follow, and how it was signed."""
_SIGNED = (None, Signed.UNSIGNED, Signed.VERIFIED, Signed.UNVERIFIABLE)
_BUNDLED = struct.Struct("<qqI")
"""Of a bundle, to be hashed: its number, since when it is over (milliseconds), and the bytes of its names."""
_COUNTED = struct.Struct("<HI")
"""Of an entity: the bytes of its reference, and how many messages follow."""


@dataclass(frozen=True, slots=True)
class Unsaved:
    """What was put and taken since the last save."""

    put: Mapping[int, Bundle]
    taken: Mapping[int, Mapping[int, Span]]
    """Each with its shared keys."""


class Shelf:
    """An `Archive` over tables in a database. `codec` reads the messages again: that of the fold it belongs to."""

    def __init__(self, database: sqlite3.Connection, codec: Codec) -> None:
        """Raises sqlite3.Error or ValueError where the database does not hold what was saved in it."""
        self.lost = False
        self.moved: set[str] = set()
        """References of what was put or taken since `unsaved` was last asked."""
        self._database = database
        self._codec = codec
        self._answering: dict[int, int | tuple[int, ...]] = {}
        self._put: dict[int, Bundle] = {}
        self._saving: Mapping[int, Bundle] = {}
        self._taken: dict[int, Mapping[int, Span]] = {}
        """What is on disk, or will be, and is not here any more: each with its shared keys."""
        self._held: defaultdict[int, set[int]] = defaultdict(set)
        """Bundles that are not saved, by shared key."""
        self._latest = EPOCH
        """Nothing here was over later."""
        self._next = 1
        for number, over_since, names, mark in database.execute("SELECT id, over_since, names, mark FROM bundle"):
            if zlib.crc32(names, number & 0xFFFFFFFF) != int.from_bytes(mark[:4], "little"):
                raise ValueError(f"bundle {number} is not what was saved")
            self._latest = max(self._latest, from_millis(over_since))
            self._next = max(self._next, number + 1)
            for name in array("q", names):
                self._answer(name, number)

    def __len__(self) -> int:
        """Names that are answered to."""
        return len(self._answering)

    # The archive

    def put(self, bundle: Bundle) -> None:
        number = self._next
        self._next += 1
        self._put[number] = bundle
        self._latest = max(self._latest, bundle.over_since)
        for name in bundle.names:
            self._answer(name, number)
        for key in bundle.keys:
            self._held[key].add(number)
        self.moved.update(bundle.entities)

    def take_named(self, name: int) -> Iterable[Bundle]:
        numbers = self._answering.get(name)
        if numbers is None:
            return ()
        return [self._take(number) for number in (numbers if isinstance(numbers, tuple) else (numbers,))]

    def take_holding(self, key: int, span: Span) -> Iterable[Bundle]:
        if span.first > self._latest:
            return ()
        numbers = {number for number in self._held.get(key, ()) if self._unsaved(number).keys[key].meets(span)}
        with self._reading():
            rows = self._database.execute(
                "SELECT id FROM bundle_key WHERE key = ? AND held_until >= ? AND held_since <= ?",
                (key, *map(to_millis, span)),
            )
            numbers |= {number for (number,) in rows}
        return [self._take(number) for number in sorted(numbers) if number not in self._taken]

    def take_over_after(self, instant: datetime) -> Iterable[Bundle]:
        if instant >= self._latest:
            return ()
        unsaved = {**self._saving, **self._put}
        numbers = {number for number, bundle in unsaved.items() if bundle.over_since > instant}
        with self._reading():
            rows = self._database.execute("SELECT id FROM bundle WHERE over_since > ?", (to_millis(instant),))
            numbers |= {number for (number,) in rows}
        return [self._take(number) for number in sorted(numbers) if number not in self._taken]

    def heard(self) -> Iterable[Mapping[tuple[str, Tlp], datetime]]:
        unsaved = {**self._saving, **self._put}
        yield from (bundle.heard for number, bundle in unsaved.items() if number not in self._taken)
        with self._reading():
            for number, heard in self._database.execute("SELECT id, heard FROM bundle"):
                if number not in self._taken and number not in unsaved:
                    yield _heard(heard)

    # The disk

    def unsaved(self) -> Unsaved:
        """What is to be saved now. It stays at hand until `saved`."""
        self._saving, self._put = self._put, {}
        self.moved = set()
        return Unsaved(self._saving, dict(self._taken))

    def saved(self, unsaved: Unsaved) -> None:
        """It is on disk."""
        for number in unsaved.taken:
            del self._taken[number]
        for number, bundle in unsaved.put.items():
            for key in bundle.keys:
                self._drop_held(key, number)
        self._saving = {}

    def _take(self, number: int) -> Bundle:
        if number in self._put:
            bundle = self._put.pop(number)
        else:
            bundle = self._saving[number] if number in self._saving else self._load(number)
            self._taken[number] = bundle.keys
        for name in bundle.names:
            self._forget(name, number)
        for key in bundle.keys:
            self._drop_held(key, number)
        self.moved.update(bundle.entities)
        return bundle

    def _unsaved(self, number: int) -> Bundle:
        return self._put[number] if number in self._put else self._saving[number]

    def _drop_held(self, key: int, number: int) -> None:
        held = self._held.get(key)
        if held is not None:
            held.discard(number)
            if not held:
                del self._held[key]

    def _answer(self, name: int, number: int) -> None:
        others = self._answering.get(name)
        if others is None:
            self._answering[name] = number
        else:
            self._answering[name] = (*(others if isinstance(others, tuple) else (others,)), number)

    def _forget(self, name: int, number: int) -> None:
        numbers = self._answering[name]
        left = tuple(other for other in numbers if other != number) if isinstance(numbers, tuple) else ()
        if len(left) > 1:
            self._answering[name] = left
        elif left:
            self._answering[name] = left[0]
        else:
            del self._answering[name]

    def _load(self, number: int) -> Bundle:
        with self._reading():
            row = self._database.execute(
                "SELECT over_since, names, heard, mark, keys, entities"
                " FROM bundle JOIN bundle_body USING (id) WHERE id = ?",
                (number,),
            ).fetchone()
            if row is None:
                raise ValueError(f"bundle {number} is missing")
            over_since, names, heard, mark, keys, entities = row
            if _mark(number, over_since, names, heard, keys, entities) != mark:
                raise ValueError(f"bundle {number} is not what was saved")
            held = array("q", keys)
            return Bundle(
                entities=dict(_entities(entities, self._codec)),
                names=frozenset(array("q", names)),
                keys=dict(zip(held[::3], map(_span, held[1::3], held[2::3]), strict=True)),
                heard=_heard(heard),
                over_since=from_millis(over_since),
            )

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, ValueError, struct.error, NtsgError) as error:
            self.lost = True
            raise ArchiveLost(f"what is long over cannot be read back: {error}; folding from the start") from error


class TemporaryShelf(Shelf):
    """A shelf for a fold that is not kept: in a file that has no name, and is gone with the shelf. It lies where the
    system has temporary files (SQLITE_TMPDIR, TMPDIR).
    """

    def __init__(self, codec: Codec, saved_at_once: int = SAVED_AT_ONCE) -> None:
        self._own = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._own.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {TABLES}")
        self._saved_at_once = saved_at_once
        super().__init__(self._own, codec)
        weakref.finalize(self, self._own.close)

    def put(self, bundle: Bundle) -> None:
        super().put(bundle)
        if len(self._put) >= self._saved_at_once:
            unsaved = self.unsaved()
            with self._reading():
                self._own.execute("BEGIN")
                save(self._own, unsaved)
                self._own.execute("COMMIT")
            self.saved(unsaved)


def save(database: sqlite3.Connection, unsaved: Unsaved) -> None:
    """Write it, as part of the transaction that is open. Raises sqlite3.Error."""
    gone = [(number,) for number in unsaved.taken]
    database.executemany("DELETE FROM bundle WHERE id = ?", gone)
    database.executemany("DELETE FROM bundle_body WHERE id = ?", gone)
    database.executemany(
        "DELETE FROM bundle_key WHERE key = ? AND held_until = ? AND held_since = ? AND id = ?",
        _keys(unsaved.taken.items()),
    )
    rows = []
    for number, bundle in unsaved.put.items():
        over_since, names = to_millis(bundle.over_since), array("q", sorted(bundle.names)).tobytes()
        heard = " ".join(f"{actor} {mark} {to_millis(at)}" for (actor, mark), at in sorted(bundle.heard.items()))
        spans = sorted(bundle.keys.items())
        keys = array("q", [n for key, held in spans for n in (key, *map(to_millis, held))]).tobytes()
        entities = b"".join(_spelled(bundle))
        mark = _mark(number, over_since, names, heard, keys, entities)
        rows.append((number, over_since, names, heard, mark, keys, entities))
    database.executemany("INSERT INTO bundle VALUES (?, ?, ?, ?, ?)", [row[:5] for row in rows])
    database.executemany("INSERT INTO bundle_body VALUES (?, ?, ?)", [(row[0], *row[5:]) for row in rows])
    held = _keys((number, bundle.keys) for number, bundle in unsaved.put.items())
    database.executemany("INSERT INTO bundle_key VALUES (?, ?, ?, ?)", held)


def _keys(bundles: Iterable[tuple[int, Mapping[int, Span]]]) -> Sequence[tuple[int, int, int, int]]:
    """Rows of bundle_key, in its order: it grows everywhere, so neighbours had better come together."""
    return sorted(
        (key, to_millis(held.last), to_millis(held.first), number)
        for number, keys in bundles
        for key, held in keys.items()
    )


def _span(first: int, last: int) -> Span:
    return Span(from_millis(first), from_millis(last))


def _mark(number: int, over_since: int, names: bytes, heard: str, keys: bytes, entities: bytes) -> bytes:
    """Finds a disk that lies: 4 bytes over what is read at the start, 16 over all."""
    whole = hashlib.blake2b(_BUNDLED.pack(number, over_since, len(names)), digest_size=16)
    for part in (names, heard.encode(), b"\0", keys, entities):
        whole.update(part)
    return zlib.crc32(names, number & 0xFFFFFFFF).to_bytes(4, "little") + whole.digest()


def _heard(told: str) -> dict[tuple[str, Tlp], datetime]:
    words = iter(told.split())
    return {
        (actor, Tlp(mark)): from_millis(int(millis)) for actor, mark, millis in zip(words, words, words, strict=True)
    }


def _spelled(bundle: Bundle) -> Iterator[bytes]:
    for ref, traces in bundle.entities.items():
        name = ref.encode()
        yield _COUNTED.pack(len(name), len(traces))
        yield name
        for trace in traces:
            if not isinstance(trace.body, bytes):
                raise TypeError(f"{ref} is held as a message; a shelf keeps bytes")
            signed = _SIGNED.index(trace.signed)
            yield _SPOKEN.pack(to_millis(trace.sent_at), to_millis(trace.known_at), len(trace.body), signed)
            yield trace.body


def _entities(spelled: bytes, codec: Codec) -> Iterator[tuple[str, tuple[Trace, ...]]]:
    position = 0
    while position < len(spelled):
        length, count = _COUNTED.unpack_from(spelled, position)
        position += _COUNTED.size
        ref = spelled[position : position + length].decode()
        position += length
        model, traces = MESSAGES[Kind(ref.partition("/")[0])], []
        for _ in range(count):
            sent_at, known_at, size, signed = _SPOKEN.unpack_from(spelled, position)
            position += _SPOKEN.size
            body = spelled[position : position + size]
            position += size
            message, content = codec.decode(body, model)
            envelope = Envelope(message, content, from_millis(sent_at), from_millis(known_at))
            traces.append(Trace.of(envelope, body, _SIGNED[signed]))
        yield ref, tuple(traces)
