"""What the gateway remembers of what was said through it: each actor's messages, and the answers to named requests."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bus.instants import to_millis
from bus.messages import Message
from bus.ndjson import read_line, write_line
from bus.references import Kind

__all__ = ["Answer", "Records", "Said"]

ANSWERS_KEPT = timedelta(days=2)
"""How long a named request (Idempotency-Key) may be repeated and gets the same answer."""


@dataclass(frozen=True, slots=True)
class Said:
    """A message as it was accepted; `number` is that of its receipt."""

    number: int
    line: str

    @property
    def message(self) -> Message:
        return read_line(self.line).message


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to a request. `request` is its hash."""

    request: bytes
    status: int
    body: bytes


class Records:
    """The messages and answers in a gateway's database."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def keep(self, said: Iterable[tuple[int, Message, datetime]]) -> None:
        """Remember messages by the number of their receipt. Of one revision said twice, the last counts."""
        rows = [
            (message.actor, message.kind, message.id, message.revision, number, write_line(message, sent_at))
            for number, message, sent_at in said
        ]
        with self._connection as connection:
            connection.execute("BEGIN")
            connection.executemany(
                "INSERT OR REPLACE INTO messages (actor, kind, id, revision, number, line) VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )

    def latest(self, actor: str, kind: Kind, id: str) -> Said | None:
        """The highest revision of one entity; None for one of which nothing was said here."""
        row = self._connection.execute(
            "SELECT number, line FROM messages WHERE actor = ? AND kind = ? AND id = ? ORDER BY revision DESC LIMIT 1",
            (actor, kind, id),
        ).fetchone()
        return Said(*row) if row else None

    def all_latest(self, actor: str, kind: Kind | None, after: str, limit: int) -> list[tuple[str, Said]]:
        """The highest revision of each entity, by `kind/id`, beginning behind `after`; with that name."""
        rows = self._connection.execute(
            "SELECT kind || '/' || id AS name, number, line, max(revision) FROM messages"
            " WHERE actor = ?1 AND (?2 IS NULL OR kind = ?2) AND kind || '/' || id > ?3"
            " GROUP BY kind, id ORDER BY name LIMIT ?4",
            (actor, kind, after, limit),
        )
        return [(name, Said(number, line)) for name, number, line, _ in rows]

    def numbered(self, actor: str, number: int) -> tuple[str, int] | None:
        """The reference and revision that a receipt is for; None where no receipt has this number."""
        row = self._connection.execute(
            "SELECT kind || '/' || actor || '/' || id, revision FROM messages WHERE actor = ? AND number = ?",
            (actor, number),
        ).fetchone()
        return (row[0], row[1]) if row else None

    def answer(self, actor: str, name: str) -> Answer | None:
        row = self._connection.execute(
            "SELECT request, status, body FROM answers WHERE actor = ? AND name = ?", (actor, name)
        ).fetchone()
        return Answer(*row) if row else None

    def remember(self, actor: str, name: str, answer: Answer, now: datetime) -> None:
        """Remember an answer, and forget those that are old."""
        self._connection.execute("DELETE FROM answers WHERE at < ?", (to_millis(now - ANSWERS_KEPT),))
        self._connection.execute(
            "INSERT OR REPLACE INTO answers (actor, name, request, status, body, at) VALUES (?, ?, ?, ?, ?, ?)",
            (actor, name, answer.request, answer.status, answer.body, to_millis(now)),
        )
