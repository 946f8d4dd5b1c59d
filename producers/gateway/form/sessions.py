"""Sessions of the form: a key is exchanged for a cookie that lives for two hours, and ends with its key."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

from bus.instants import to_millis
from producers.gateway.keys import KeyRing

__all__ = ["LIFE", "Session", "Sessions"]

LIFE = timedelta(hours=2)
"""A shift's worth of one crisis meeting; whoever comes back later enters the key again."""


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in, and the token that every page of theirs carries."""

    actor: str
    key: str
    csrf: str

    def sent(self, token: str) -> bool:
        """Whether a form was sent from a page of this session; compared in constant time."""
        return hmac.compare_digest(self.csrf.encode(), token.encode())


class Sessions:
    """The sessions in a gateway's database. The cookie itself is not there, only its hash."""

    def __init__(self, connection: sqlite3.Connection, keys: KeyRing) -> None:
        self._connection = connection
        self._keys = keys

    def begin(self, key: str, now: datetime) -> str:
        """A session for the key of this id; the cookie's value. Sessions that are over are forgotten."""
        self._connection.execute("DELETE FROM sessions WHERE until < ?", (to_millis(now),))
        cookie = secrets.token_urlsafe(32)
        self._connection.execute(
            "INSERT INTO sessions (hash, key, csrf, until) VALUES (?, ?, ?, ?)",
            (_hash(cookie), key, secrets.token_urlsafe(32), to_millis(now + LIFE)),
        )
        return cookie

    def find(self, cookie: str, now: datetime) -> Session | None:
        """The session of a cookie; None when it is over, or its key is."""
        row = self._connection.execute(
            "SELECT key, csrf FROM sessions WHERE hash = ? AND until > ?", (_hash(cookie), to_millis(now))
        ).fetchone()
        key = self._keys.valid(row[0], now) if row else None
        return Session(key.actor, key.id, row[1]) if key else None

    def end(self, cookie: str) -> None:
        self._connection.execute("DELETE FROM sessions WHERE hash = ?", (_hash(cookie),))


def _hash(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode()).digest()
