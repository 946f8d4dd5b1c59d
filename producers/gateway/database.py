"""The gateway's own memory: keys, sessions, answers given, what each actor said here, and the last that the bus has of
it. SQLite, fully synced.

What it holds beside the keys is convenience: the outboxes have what is to be sent, and the log has the truth.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

from bus.errors import InvalidSettings, NotRemembered

__all__ = ["Database", "connected"]

P = ParamSpec("P")
T = TypeVar("T")

FILE = "gateway.sqlite"
BUSY = 10.0
"""Seconds that a writer waits for another process, which only ever writes a row."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
    id TEXT PRIMARY KEY, actor TEXT NOT NULL, hash BLOB NOT NULL, note TEXT NOT NULL,
    made_at INTEGER NOT NULL, until INTEGER, used_at INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS sessions (
    hash BLOB PRIMARY KEY, key TEXT NOT NULL REFERENCES keys, csrf TEXT NOT NULL, until INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS answers (
    actor TEXT NOT NULL, name TEXT NOT NULL, request BLOB NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL,
    at INTEGER NOT NULL, PRIMARY KEY (actor, name)
) STRICT;
CREATE TABLE IF NOT EXISTS messages (
    actor TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, revision INTEGER NOT NULL, number INTEGER NOT NULL,
    line TEXT NOT NULL, PRIMARY KEY (actor, kind, id, revision)
) STRICT;
CREATE INDEX IF NOT EXISTS messages_by_number ON messages (actor, number);
CREATE TABLE IF NOT EXISTS heard (
    actor TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, content BLOB NOT NULL, known_at INTEGER NOT NULL,
    observed_at INTEGER NOT NULL, words TEXT NOT NULL, line TEXT NOT NULL, PRIMARY KEY (actor, kind, id)
) STRICT;
CREATE INDEX IF NOT EXISTS heard_by_time ON heard (actor, observed_at);
CREATE TABLE IF NOT EXISTS followed (
    actor TEXT NOT NULL, kind TEXT NOT NULL, offset INTEGER NOT NULL, mark BLOB NOT NULL, PRIMARY KEY (actor, kind)
) STRICT;
"""
"""Instants are milliseconds since the epoch."""


@contextmanager
def connected(directory: Path) -> Iterator[sqlite3.Connection]:
    """The database in this directory, made if it is not there; readable by its owner alone.

    Raises InvalidSettings, naming it, when it cannot be had.
    """
    path = directory / FILE
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        connection = sqlite3.connect(path, timeout=BUSY, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA secure_delete = ON")
            connection.executescript(SCHEMA)
            yield connection
        finally:
            connection.close()
    except OSError as error:
        raise InvalidSettings(f"gateway directory {directory}: {error.strerror}; name one of your own") from error
    except sqlite3.DatabaseError as error:
        raise InvalidSettings(f"{path} cannot be used: {error}") from error


class Database:
    """The database for a process with an event loop: one thread does all the work, in order."""

    def __init__(self, connection: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        self._connection = connection
        self._thread = thread

    @classmethod
    @contextmanager
    def open(cls, directory: Path) -> Iterator[Database]:
        """Raises InvalidSettings."""
        with connected(directory) as connection, ThreadPoolExecutor(1, "gateway-database") as thread:
            yield cls(connection, thread)

    @property
    def connection(self) -> sqlite3.Connection:
        """For what `call` is given."""
        return self._connection

    async def call(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do the work in the database's thread. Raises NotRemembered where the disk fails."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: self._do(work, *args, **kwargs))

    def _do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return work(*args, **kwargs)
        except sqlite3.OperationalError as error:
            raise NotRemembered(f"the gateway's disk does not take it ({error}); free some of it") from error
