"""Opening the outbox's file, and what to do when it is broken: what is readable is kept and goes on its way, the file
is set aside, and what is lost is named.

The files of an outbox are `outbox-1.sqlite`, `outbox-2.sqlite`, ...; the one with the highest number is in use. A
broken one is followed by the next, which appears under its name when it is complete: a process that is killed in the
middle of salvaging begins again. The broken file stays, for whoever can read more of it.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from bus.errors import OutboxError
from bus.transport import Position
from producers.outbox.entry import EntryState, Kept, Outcome, Unreadable, carve, lost, unpack
from producers.outbox.ledger import Ledger, Owner

CHUNK = 64 * 1024 * 1024
"""Bytes of a broken file that are searched at one time; twice the overlap is the largest frame."""

OVERLAP = 1024 * 1024

GAP = 1_000_000
"""Numbers left out after the highest that was found, where the file does not tell which were given away."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Salvaged:
    """What could be read of a broken file."""

    owner: Owner | None = None
    kept: dict[int, Kept] = field(default_factory=dict)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    queued: dict[int, tuple[str, int]] = field(default_factory=dict)
    """What it says of what waits: reference and revision."""
    entities: dict[str, tuple[int, bool]] = field(default_factory=dict)
    sequence: int | None = None

    @property
    def missing(self) -> Sequence[tuple[int, str, int]]:
        """What waited, and cannot be read any more: number, reference and revision."""
        known = self.kept.keys() | self.outcomes.keys()
        return [(number, *named) for number, named in sorted(self.queued.items()) if number not in known]

    @property
    def highest(self) -> int:
        found = max([0, *self.kept, *self.outcomes, *self.queued])
        return max(found, self.sequence) if self.sequence is not None else found + GAP


def files(directory: Path) -> list[Path]:
    """The files of the outbox; the last one is in use, those before it are set aside."""
    found = ((re.fullmatch(r"outbox-(\d+)\.sqlite", path.name), path) for path in directory.glob("outbox-*.sqlite"))
    return [path for _, path in sorted((int(name[1]), path) for name, path in found if name)]


def open_ledger(directory: Path, *, max_bytes: int) -> Ledger:
    """The outbox's file, whole: looked through, and salvaged if it must be. For the holder of the directory's lock.

    Raises OutboxError when the disk does not do what is asked.
    """
    existing = files(directory)
    path = existing[-1] if existing else directory / "outbox-1.sqlite"
    try:
        return _checked(path, max_bytes)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise OutboxError(f"{path}: cannot be opened ({error})") from error
        log.warning("outbox_broken", path=str(path), reason=str(error))
    try:
        return _checked(_replacement(path, salvage(path), max_bytes), max_bytes)
    except (sqlite3.DatabaseError, OSError) as error:
        raise OutboxError(f"{path} is broken, and cannot be salvaged here: {error}; mend the disk") from error


def salvage(path: Path) -> Salvaged:
    """All that can be read of a broken file, by its tables and by its bytes."""
    found = Salvaged()
    with suppress(sqlite3.DatabaseError):
        database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            _read_tables(database, found)
        finally:
            database.close()
    for raw in (path, Path(f"{path}-wal")):
        if raw.exists():
            for kept in _carved(raw):
                found.kept.setdefault(kept.number, kept)
    for kept in found.kept.values():
        found.owner = found.owner or Owner.of(kept.parcel.record.topic)
    return found


def _checked(path: Path, max_bytes: int) -> Ledger:
    new = not path.exists()
    ledger = Ledger.open(path, max_bytes=max_bytes)
    try:
        ledger.check()
    except BaseException:
        ledger.close()
        raise
    if new:
        _synchronise(path.parent)
    return ledger


def _replacement(broken: Path, found: Salvaged, max_bytes: int) -> Path:
    """The next file, with what was found, under its name when it is complete."""
    number = int(broken.stem.removeprefix("outbox-")) + 1
    path, making = broken.with_name(f"outbox-{number}.sqlite"), broken.with_name("salvage.sqlite")
    for suffix in ("", "-wal", "-shm"):
        Path(f"{making}{suffix}").unlink(missing_ok=True)
    ledger = Ledger.open(making, max_bytes=max(max_bytes, 2 * broken.stat().st_size))
    try:
        why = f"cannot be read any more, and {broken.name} is what is left of it"
        damaged = [lost(*missing, why) for missing in found.missing]
        kept = [found.kept[each] for each in sorted(found.kept)]
        entities = [(ref, revision, is_open) for ref, (revision, is_open) in found.entities.items()]
        ledger.restore(found.owner, kept, [*found.outcomes.values(), *damaged], entities, found.highest)
    finally:
        ledger.close()  # the last connection that closes takes the write-ahead log into the file
    making.replace(path)
    _synchronise(path.parent)
    log.warning(
        "outbox_salvaged", path=str(path), set_aside=str(broken), kept=len(kept), lost=[each.ref for each in damaged]
    )
    return path


def _read_tables(database: sqlite3.Connection, found: Salvaged) -> None:
    meta = dict(_rows(database, "SELECT name, value FROM meta"))
    if meta.keys() >= {"realm", "actor"}:
        found.owner = Owner(meta["realm"], meta["actor"])
    for _, sequence in _rows(database, "SELECT name, seq FROM sqlite_sequence WHERE name = 'record'"):
        found.sequence = sequence
    for number, ref, revision, _ in _rows(database, "SELECT * FROM queue NOT INDEXED"):
        found.queued[number] = ref, revision
    for ref, revision, is_open in _rows(database, "SELECT ref, revision, is_open FROM entity"):
        found.entities[ref] = revision, bool(is_open)
    for row in _rows(database, "SELECT * FROM outcome"):
        outcome = _outcome(row)
        if outcome is not None:
            found.outcomes[outcome.number] = outcome
    numbers = found.queued.keys() | found.outcomes.keys()
    for order in ("ASC", "DESC"):  # from both ends to where the file breaks
        query = f"SELECT number FROM record ORDER BY number {order}"  # noqa: S608 - one of two words
        numbers |= {number for (number,) in _rows(database, query)}
    for number in sorted(numbers):
        for (frame,) in _rows(database, "SELECT frame FROM record WHERE number = ?", number):
            with suppress(Unreadable):
                found.kept[number] = unpack(frame)


def _rows(database: sqlite3.Connection, query: str, *values: Any) -> Iterator[tuple[Any, ...]]:
    """The rows up to the place where the file breaks."""
    with suppress(sqlite3.DatabaseError):
        yield from database.execute(query, values)


def _outcome(row: tuple[Any, ...]) -> Outcome | None:
    *cells, mark = row
    number, ref, revision, state, partition, offset, known_at, code, reason = cells
    if state not in set(EntryState):
        return None
    position = None if offset is None else Position("", partition, offset, known_at)
    outcome = Outcome(number, ref, revision, EntryState(state), position, code, reason)
    return outcome if outcome.cells[-1] == mark else None


def _carved(path: Path) -> Iterator[Kept]:
    with path.open("rb") as file:
        before = b""
        while raw := file.read(CHUNK):
            yield from carve(before + raw)
            before = raw[-OVERLAP:]


def _synchronise(directory: Path) -> None:
    """Have the name of a new file on the disk, too."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
