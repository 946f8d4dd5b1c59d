"""What the gateway remembers: what each actor said through it, the last that the bus has of each of its entities, and
the answers to named requests.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bus.codec import content_hash, encode
from bus.instants import from_millis, to_millis
from bus.messages import Message
from bus.ndjson import read_line, write_line
from bus.references import Kind

__all__ = ["Answer", "Heard", "Last", "Place", "Records", "Said"]

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
class Heard:
    """A message as the bus has it, however it came there."""

    message: Message
    sent_at: datetime
    content: bytes
    """The sha256 of its body as first written."""
    known_at: datetime

    @property
    def order(self) -> tuple[int, datetime, bytes]:
        """The greatest stands, as in the merge."""
        return self.message.revision, self.sent_at, self.content


@dataclass(frozen=True, slots=True)
class Place:
    """A record in its log: its offset, and a hash of what it is."""

    offset: int
    mark: bytes


@dataclass(frozen=True, slots=True)
class Last:
    """The last that is known of an entity: said here, on the bus, or both."""

    message: Message
    number: int | None
    """Of its receipt; None for what was not said here."""
    known_at: datetime | None
    """When the bus knew it; None for what is not known to have reached it."""


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

    def last(self, actor: str, kind: Kind, id: str) -> Last | None:
        """The last of one entity, wherever it was said; None for one of which nothing is known."""
        said = self.latest(actor, kind, id)
        return _last(said, self._heard(actor, kind, id))

    def recent(self, actor: str, kinds: Collection[Kind], words: str, limit: int) -> list[Last]:
        """The last of each entity, those first that were observed last. `words`: of those alone whose id or title holds
        them, in whatever case.
        """
        words, wanted = words.casefold(), json.dumps([*kinds])
        said = self._connection.execute(
            "SELECT line, max(revision) FROM messages WHERE actor = ? AND kind IN (SELECT value FROM json_each(?))"
            " GROUP BY kind, id ORDER BY number DESC LIMIT ?",
            (actor, wanted, limit),
        )
        messages = [read_line(line).message for line, _ in said]
        names = dict.fromkeys((each.kind, each.id) for each in messages if words in _words(each))
        heard = self._connection.execute(
            "SELECT kind, id FROM heard WHERE actor = ? AND kind IN (SELECT value FROM json_each(?))"
            " AND instr(words, ?) ORDER BY observed_at DESC LIMIT ?",
            (actor, wanted, words, limit),
        )
        names |= dict.fromkeys((Kind(kind), id) for kind, id in heard)
        found = [last for kind, id in names if (last := self.last(actor, kind, id))]
        return sorted(found, key=lambda last: last.message.observed_at, reverse=True)[:limit]

    def hear(self, actor: str, kind: Kind, heard: Iterable[Heard], place: Place) -> None:
        """Keep of each entity what stands, and how far its log was read."""
        with self._connection as connection:
            connection.execute("BEGIN")
            for each in heard:
                before = self._heard(actor, kind, each.message.id)
                if before is not None and before.order >= each.order:
                    continue
                message = each.message
                connection.execute(
                    "INSERT OR REPLACE INTO heard (actor, kind, id, content, known_at, observed_at, words, line)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        *(actor, kind, message.id, each.content, to_millis(each.known_at)),
                        *(to_millis(message.observed_at), _words(message)),
                        write_line(message, each.sent_at),
                    ),
                )
            connection.execute(
                "INSERT OR REPLACE INTO followed (actor, kind, offset, mark) VALUES (?, ?, ?, ?)",
                (actor, kind, place.offset, place.mark),
            )

    def _heard(self, actor: str, kind: Kind, id: str) -> Heard | None:
        row = self._connection.execute(
            "SELECT content, known_at, line FROM heard WHERE actor = ? AND kind = ? AND id = ?", (actor, kind, id)
        ).fetchone()
        if row is None:
            return None
        line, known_at = read_line(row[2]), from_millis(row[1])
        return Heard(line.message, line.sent_at or known_at, row[0], known_at)

    def places(self, actor: str) -> Mapping[Kind, Place]:
        """How far each log of the actor's was read: the last record of it."""
        rows = self._connection.execute("SELECT kind, offset, mark FROM followed WHERE actor = ?", (actor,))
        return {Kind(kind): Place(offset, mark) for kind, offset, mark in rows}

    def newest(self, actor: str) -> int:
        """The highest number of a receipt that is remembered; 0 for none."""
        row = self._connection.execute("SELECT max(number) FROM messages WHERE actor = ?", (actor,)).fetchone()
        return row[0] or 0

    def forget(self, actor: str, kind: Kind, newest: int, waits: Collection[int]) -> None:
        """Forget what a log held, and what was said here up to the receipt `newest` and is not among what `waits`: also
        in the file, whose freed pages are overwritten.
        """
        with self._connection as connection:
            connection.execute("BEGIN")
            connection.execute("DELETE FROM heard WHERE actor = ? AND kind = ?", (actor, kind))
            connection.execute("DELETE FROM followed WHERE actor = ? AND kind = ?", (actor, kind))
            rows = connection.execute(
                "SELECT number FROM messages WHERE actor = ? AND kind = ? AND number <= ?", (actor, kind, newest)
            ).fetchall()
            connection.executemany(
                "DELETE FROM messages WHERE actor = ? AND number = ?",
                [(actor, number) for (number,) in rows if number not in waits],
            )
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

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


def _last(said: Said | None, heard: Heard | None) -> Last | None:
    """What stands of the two, which may be the same."""
    if said is None:
        return None if heard is None else Last(heard.message, None, heard.known_at)
    line = read_line(said.line)
    if heard is None:
        return Last(line.message, said.number, None)
    own = Heard(line.message, line.sent_at or heard.sent_at, content_hash(encode(line.message)), heard.known_at)
    if own.content == heard.content:
        return Last(heard.message, said.number, heard.known_at)
    return (
        Last(own.message, said.number, None) if own.order > heard.order else Last(heard.message, None, heard.known_at)
    )


def _words(message: Message) -> str:
    """What an entity is looked for by."""
    return f"{message.id} {getattr(message, 'title', '')}".casefold()
