"""Who may enter the room: local accounts, their sessions, and tokens for machines, in one SQLite file.

A password is kept as its argon2id hash; of a session and of a token, whose entropy leaves nothing to guess, sha256 is
kept. Whoever reads the file can sign in as nobody. Times are in milliseconds since the epoch.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from bus.errors import InvalidInput, InvalidSettings
from bus.instants import from_millis, to_millis
from bus.vocabulary import Audience
from consumers.room.sight import RoomRole, Visitor

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
NAME_FORM = "lower-case letters, digits, and . _ - inside, at most 64"
LONGEST_FUNCTION = 64
SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 1_024
NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$G1sa6UUjUNezdLMJmPcsQw$BgdSh/pWoUGTrqYxyKqQ5B50y/Q1HHADH6qkeG4PzKA"
"""The hash of a password that nobody knows, for names that nobody has: it takes as long to check."""
AUDIENCES = (Audience.FULL, Audience.AUTHORITY, Audience.PEER)
"""Those that the room has a picture for."""

IDLE = {
    RoomRole.VIEWER: timedelta(hours=24),  # a wall has nobody who could click
    RoomRole.OFFICER: timedelta(hours=2),
    RoomRole.ADMINISTRATOR: timedelta(hours=1),
}
"""Without a page that a person asked for, a session ends after this. What a page fetches by itself does not count."""
LONGEST = {
    RoomRole.VIEWER: timedelta(days=7),
    RoomRole.OFFICER: timedelta(hours=14),  # one shift and its handing over
    RoomRole.ADMINISTRATOR: timedelta(hours=8),
}
"""However busy, a session ends after this."""

TOKEN_PREFIX = "ntsg_"  # noqa: S105 - by which a token that leaked is found
NOTED_EVERY = timedelta(minutes=1)
"""How often a sign of life is written down."""

_TABLES = """
CREATE TABLE IF NOT EXISTS accounts (
    name TEXT PRIMARY KEY, role TEXT NOT NULL, audience TEXT NOT NULL, function TEXT NOT NULL, password TEXT NOT NULL,
    made INTEGER NOT NULL, changed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sessions (
    mark BLOB PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE, csrf TEXT NOT NULL,
    opened INTEGER NOT NULL, seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tokens (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, audience TEXT NOT NULL, mark BLOB NOT NULL,
    made INTEGER NOT NULL, until INTEGER, used INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS looked (
    account TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE, realm TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (account, realm)
) STRICT, WITHOUT ROWID;
PRAGMA user_version = 1;
"""

Now = Callable[[], datetime]


class UnknownAccount(InvalidInput):
    """There is no account, or no token, of that name."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may sign in."""

    name: str
    role: RoomRole
    audience: Audience
    function: str
    made_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Token:
    """What a machine signs in with, without its secret."""

    id: str
    name: str
    audience: Audience
    made_at: datetime
    until: datetime | None
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has signed in. `id` is what the browser keeps."""

    id: str = field(repr=False)
    csrf: str = field(repr=False)


class Accounts:
    """The accounts in one file. Not for concurrent use; other processes may change the file meanwhile."""

    def __init__(self, path: Path, now: Now, hasher: PasswordHasher | None = None) -> None:
        """Raises InvalidSettings when the file cannot be opened, or is something else."""
        self._now = now
        self._hasher = hasher or PasswordHasher()  # argon2id, by RFC 9106 for little memory (64 MiB)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._database = sqlite3.connect(path, isolation_level=None, timeout=5.0)
            self._database.execute("PRAGMA foreign_keys = ON")
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.executescript(_TABLES)
        except (OSError, sqlite3.Error) as error:
            raise InvalidSettings(f"accounts file {path}: {error}; name another, or mend its rights") from error

    def close(self) -> None:
        self._database.close()

    # People

    def add(self, name: str, role: RoomRole, audience: Audience, function: str, password: str) -> None:
        """Raises InvalidInput for a name that is taken or not allowed, a password that is too weak, no function."""
        if not NAME.fullmatch(name):
            raise InvalidInput(f"account {name!r}: use {NAME_FORM}")
        if role is not RoomRole.VIEWER and not function.strip():
            raise InvalidInput(f"account {name!r}: name the function that it acts as, such as 'vakthavande'")
        if len(function) > LONGEST_FUNCTION:
            raise InvalidInput(f"account {name!r}: a function has at most {LONGEST_FUNCTION} characters")
        if role is not RoomRole.VIEWER and audience is not Audience.FULL:
            raise InvalidInput(f"account {name!r}: who acts sees the whole picture; use the audience FULL")
        _check_audience(audience)
        check_password(name, password)
        now = self._millis()
        row = name, role.value, audience.value, function.strip(), self._hasher.hash(password), now, now
        try:
            self._database.execute("INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        except sqlite3.IntegrityError as error:
            raise InvalidInput(f"account {name!r} exists; rotate its password, or end it first") from error

    def rotate(self, name: str, password: str) -> None:
        """Give an account another password, and end its sessions. Raises UnknownAccount and InvalidInput."""
        check_password(name, password)
        with self._at_once():
            self._change_one(
                "UPDATE accounts SET password = ?, changed = ? WHERE name = ?",
                (self._hasher.hash(password), self._millis(), name),
                f"there is no account {name!r}; `ntsg room user list` names them",
            )
            self._database.execute("DELETE FROM sessions WHERE account = ?", (name,))

    def end(self, name: str) -> None:
        """Take an account away, with its sessions. Raises UnknownAccount."""
        absent = f"there is no account {name!r}; `ntsg room user list` names them"
        self._change_one("DELETE FROM accounts WHERE name = ?", (name,), absent)

    def accounts(self) -> Sequence[Account]:
        """All of them, by name."""
        rows = self._database.execute(
            "SELECT name, role, audience, function, made, changed FROM accounts ORDER BY name"
        ).fetchall()
        return [
            Account(name, RoomRole(role), Audience(audience), function, from_millis(made), from_millis(changed))
            for name, role, audience, function, made, changed in rows
        ]

    def any(self) -> bool:
        """Whether anybody can sign in at all."""
        return bool(self._database.execute("SELECT EXISTS (SELECT 1 FROM accounts)").fetchone()[0])

    def hash_of(self, name: str) -> str:
        """The hash to check a password against: that of nobody where there is no such account, so that it takes as
        long.
        """
        found = self._database.execute("SELECT password FROM accounts WHERE name = ?", (name,)).fetchone()
        return str(found[0]) if found else NOBODY

    def fits(self, hashed: str, password: str) -> bool:
        """Whether it is the password. Slow on purpose, and asks no file: for a thread."""
        try:
            self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False
        return hashed != NOBODY

    # Sessions

    def open_session(self, name: str, hashed: str) -> Session | None:
        """For an account whose password fitted this hash; None where it was changed or ended meanwhile."""
        session, now = Session(secrets.token_urlsafe(32), secrets.token_urlsafe(32)), self._millis()
        self._drop_old_sessions()
        with self._at_once():
            known = self._database.execute("SELECT 1 FROM accounts WHERE name = ? AND password = ?", (name, hashed))
            if known.fetchone() is None:
                return None
            row = _mark(session.id), name, session.csrf, now, now
            self._database.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?)", row)
        return session

    def visitor(self, session: str, *, by_hand: bool) -> Visitor | None:
        """Who has this session; None where it is over. `by_hand`: a person asked, and the session goes on for that."""
        found = self._database.execute(
            "SELECT name, role, audience, function, csrf, opened, seen FROM sessions JOIN accounts ON name = account"
            " WHERE mark = ?",
            (_mark(session),),
        ).fetchone()
        if found is None:
            return None
        name, role, audience, function, csrf, opened, seen = found
        now, role = self._millis(), RoomRole(role)
        if now >= min(seen + _millis(IDLE[role]), opened + _millis(LONGEST[role])):
            self.close_session(session)
            return None
        if by_hand and now - seen >= _millis(NOTED_EVERY):
            self._database.execute("UPDATE sessions SET seen = ? WHERE mark = ?", (now, _mark(session)))
        return Visitor(name, role, Audience(audience), csrf, function)

    def close_session(self, session: str) -> None:
        self._database.execute("DELETE FROM sessions WHERE mark = ?", (_mark(session),))

    def looked(self, name: str, realm: str) -> datetime | None:
        """The picture of when an account last said that it had seen everything; None where it never did."""
        found = self._database.execute("SELECT at FROM looked WHERE account = ? AND realm = ?", (name, realm))
        return None if (row := found.fetchone()) is None else from_millis(row[0])

    def look(self, name: str, realm: str, at: datetime) -> None:
        """An account has seen the picture of an instant. What it said of a later one stands."""
        self._database.execute(
            "INSERT INTO looked SELECT name, ?, ? FROM accounts WHERE name = ?"
            " ON CONFLICT DO UPDATE SET at = max(at, excluded.at)",
            (realm, to_millis(at), name),
        )

    def _drop_old_sessions(self) -> None:
        oldest = self._millis() - _millis(max(LONGEST.values()))
        self._database.execute("DELETE FROM sessions WHERE opened < ?", (oldest,))

    # Machines

    def add_token(self, name: str, audience: Audience, until: datetime | None = None) -> str:
        """A new token, which is told this once. Raises InvalidInput."""
        if not NAME.fullmatch(name):
            raise InvalidInput(f"token {name!r}: use {NAME_FORM}")
        _check_audience(audience)
        id, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
        token = f"{TOKEN_PREFIX}{id}_{secret}"
        row = id, name, audience.value, _mark(token), self._millis(), None if until is None else to_millis(until)
        self._database.execute(
            "INSERT INTO tokens (id, name, audience, mark, made, until) VALUES (?, ?, ?, ?, ?, ?)", row
        )
        return token

    def end_token(self, id: str) -> None:
        """Raises UnknownAccount."""
        absent = f"there is no token {id!r}; `ntsg room token list` names them"
        self._change_one("DELETE FROM tokens WHERE id = ?", (id,), absent)

    def tokens(self) -> Sequence[Token]:
        """All of them, the oldest first."""
        rows = self._database.execute("SELECT id, name, audience, made, until, used FROM tokens ORDER BY made, id")
        return [
            Token(id, name, Audience(audience), from_millis(made), _instant(until), _instant(used))
            for id, name, audience, made, until, used in rows.fetchall()
        ]

    def machine(self, token: str) -> Visitor | None:
        """Whose token it is; None where it is nobody's, or over."""
        id, now = token.removeprefix(TOKEN_PREFIX).partition("_")[0], self._millis()
        found = self._database.execute(
            "SELECT name, audience, mark, until, used FROM tokens WHERE id = ?", (id,)
        ).fetchone()
        if found is None or not hmac.compare_digest(found[2], _mark(token)):
            return None
        name, audience, _, until, used = found
        if until is not None and now >= until:
            return None
        if used is None or now - used >= _millis(NOTED_EVERY):
            self._database.execute("UPDATE tokens SET used = ? WHERE id = ?", (now, id))
        return Visitor(name, RoomRole.VIEWER, Audience(audience), "")

    @contextmanager
    def _at_once(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def _change_one(self, statement: str, values: tuple[object, ...], absent: str) -> None:
        if self._database.execute(statement, values).rowcount == 0:
            raise UnknownAccount(absent)

    def _millis(self) -> int:
        return to_millis(self._now())


def check_password(name: str, password: str) -> None:
    """Raises InvalidInput for one that is too easily guessed, or too long to be hashed in good time."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InvalidInput(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD:,} characters")
    if name in password.lower() or len(set(password)) < 5:
        raise InvalidInput("that password is too easily guessed: it holds the account's name, or few characters")


def _check_audience(audience: Audience) -> None:
    if audience not in AUDIENCES:
        raise InvalidInput(f"the room has no picture for {audience}; use {', '.join(AUDIENCES)}")


def _mark(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _millis(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)


def _instant(millis: int | None) -> datetime | None:
    return None if millis is None else from_millis(millis)
