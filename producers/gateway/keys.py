"""API keys: 256 random bits for an actor, shown once, kept as a hash, ended at once or after an overlap.

A key is written `ntsg_<id>_<secret>`. The id is public and finds the key; the secret is compared as a hash, in constant
time, also where there is no such id. A plain hash is enough: 256 random bits are not to be guessed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from bus.errors import InvalidSettings, UnknownKey
from bus.instants import from_millis, to_millis
from bus.references import ACTOR_PATTERN

__all__ = ["Key", "KeyRing"]

SECRET_BYTES = 32
USED_EVERY = timedelta(minutes=1)
"""How exactly the last use of a key is written down."""

_WRITTEN = re.compile(r"ntsg_([a-z0-9]{8})_([A-Za-z0-9_-]{43})")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_NOBODY = hashlib.sha256(b"").digest()


@dataclass(frozen=True, slots=True)
class Key:
    """What may be known of a key by whoever administers it."""

    id: str
    actor: str
    note: str
    made_at: datetime
    until: datetime | None
    used_at: datetime | None

    def valid_at(self, instant: datetime) -> bool:
        return self.until is None or instant < self.until


class KeyRing:
    """The keys in a gateway's database. Another process may change them at any time; the next request sees it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, actor: str, now: datetime, note: str = "") -> tuple[Key, str]:
        """A new key, and what it is written as, which is told here and never again.

        Raises InvalidSettings for a name that no actor can have.
        """
        if not re.fullmatch(ACTOR_PATTERN, actor):
            raise InvalidSettings(f"{actor!r} cannot be an actor; names match {ACTOR_PATTERN}")
        id = "".join(secrets.choice(_ALPHABET) for _ in range(8))
        secret = secrets.token_urlsafe(SECRET_BYTES)
        self._connection.execute(
            "INSERT INTO keys (id, actor, hash, note, made_at) VALUES (?, ?, ?, ?, ?)",
            (id, actor, _hash(secret), note, to_millis(now)),
        )
        return self._get(id), f"ntsg_{id}_{secret}"

    def rotate(self, id: str, now: datetime, overlap: timedelta) -> tuple[Key, str]:
        """A new key for the same actor; the old one ends after the overlap. Raises UnknownKey."""
        old = self._get(id)
        if not old.valid_at(now):
            raise UnknownKey(f"the key {id} has ended; add a new one")
        made = self.add(old.actor, now, old.note)
        self.end(id, min(now + overlap, old.until or now + overlap))
        return made

    def end(self, id: str, at: datetime) -> Key:
        """Let a key end, with the sessions that were opened with it. Raises UnknownKey."""
        self._get(id)
        self._connection.execute("UPDATE keys SET until = ? WHERE id = ?", (to_millis(at), id))
        return self._get(id)

    def all(self, actor: str | None = None) -> list[Key]:
        """By actor, then by age."""
        rows = self._connection.execute(
            f"{_SELECT} WHERE ?1 IS NULL OR actor = ?1 ORDER BY actor, made_at, id", (actor,)
        )
        return [_key(row) for row in rows]

    def open(self, written: str, now: datetime) -> Key | None:
        """The key that this is; None for anything that opens nothing, in the same time whatever is wrong with it."""
        match = _WRITTEN.fullmatch(written)
        id, secret = match.groups() if match else ("", "")
        row = self._connection.execute("SELECT hash FROM keys WHERE id = ?", (id,)).fetchone()
        right = hmac.compare_digest(row[0] if row else _NOBODY, _hash(secret))
        return self.valid(id, now) if right and row else None

    def valid(self, id: str, now: datetime) -> Key | None:
        """The key of this id, if it is valid now; its use is written down."""
        row = self._connection.execute(f"{_SELECT} WHERE id = ?", (id,)).fetchone()
        key = _key(row) if row else None
        if key is None or not key.valid_at(now):
            return None
        if key.used_at is None or now - key.used_at >= USED_EVERY:
            with suppress(sqlite3.OperationalError):  # a disk that is full shuts nobody out
                self._connection.execute("UPDATE keys SET used_at = ? WHERE id = ?", (to_millis(now), id))
        return key

    def _get(self, id: str) -> Key:
        row = self._connection.execute(f"{_SELECT} WHERE id = ?", (id,)).fetchone()
        if row is None:
            raise UnknownKey(f"no key has the id {id!r}; `ntsg gateway key list` shows them")
        return _key(row)


_SELECT = "SELECT id, actor, note, made_at, until, used_at FROM keys"


def _key(row: tuple[str, str, str, int, int | None, int | None]) -> Key:
    id, actor, note, made_at, until, used_at = row
    return Key(id, actor, note, from_millis(made_at), _instant(until), _instant(used_at))


def _instant(millis: int | None) -> datetime | None:
    return None if millis is None else from_millis(millis)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
