"""`ntsg room`: accounts and tokens, made beside a hub, by people who shall not type a password into a command."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bus.errors import InvalidSettings
from consumers.room import Accounts
from ntsg import cli

Run = Callable[..., Result]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "room.sqlite"


@pytest.fixture
def run(file: Path) -> Run:
    return lambda *words, **options: CliRunner().invoke(cli, ["room", *words, "--accounts", str(file)], **options)


def test_an_account_is_made_listed_rotated_and_ended(run: Run, file: Path) -> None:
    made = run("user", "add", "kim", "--role", "OFFICER", "--function", "vakthavande", "--generate")
    assert made.exit_code == 0, made.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    password = made.stdout.strip()
    assert password.encode() not in file.read_bytes()
    [account] = json.loads(run("user", "list", "--json").stdout)
    assert (account["name"], account["role"], account["audience"], account["function"]) == (
        "kim", "OFFICER", "FULL", "vakthavande",
    )  # fmt: skip
    assert "vakthavande" in run("user", "list").stdout
    rotated = run("user", "rotate", "kim", "--generate").stdout.strip()
    accounts = Accounts(file, lambda: datetime.now(UTC))
    assert accounts.fits(accounts.hash_of("kim"), rotated)
    assert not accounts.fits(accounts.hash_of("kim"), password)
    assert not accounts.fits(accounts.hash_of("nobody"), password)
    accounts.close()
    assert run("user", "end", "kim").exit_code == 0
    assert json.loads(run("user", "list", "--json").stdout) == []


def test_a_password_is_asked_for_twice_and_never_shown(run: Run) -> None:
    typed = "ett riktigt långt lösenord"
    made = run("user", "add", "kim", input=f"{typed}\n{typed}\n")
    assert made.exit_code == 0, made.stderr
    assert typed not in made.output


@pytest.mark.parametrize(
    ("words", "typed", "reason"),
    [
        (("user", "add", "Kim Kim"), "", "use lower-case letters"),
        (("user", "add", "kim"), "kort", "12 to"),
        (("user", "add", "kim"), "kim heter jag alltså", "easily guessed"),
        (("user", "add", "kim"), "aaaaaaaaaaaaaaaa", "easily guessed"),
        (("user", "add", "kim", "--role", "OFFICER"), "ett riktigt långt lösenord", "name the function"),
        (
            ("user", "add", "kim", "--role", "OFFICER", "--function", "x", "--audience", "PEER"),
            "ett riktigt långt lösenord",
            "sees the whole picture",
        ),
        (("user", "rotate", "kim"), "ett riktigt långt lösenord", "no account 'kim'"),
        (("user", "end", "kim"), "", "no account 'kim'"),
        (("token", "add", "../x"), "", "use lower-case letters"),
        (("token", "end", "x"), "", "no token 'x'"),
    ],
)
def test_what_is_refused_says_why(run: Run, words: tuple[str, ...], typed: str, reason: str) -> None:
    refused = run(
        *words, *(() if typed or words[:2] != ("user", "add") else ("--generate",)), input=f"{typed}\n{typed}\n"
    )
    assert refused.exit_code == 1
    assert reason in refused.stderr


def test_a_token_is_shown_once(run: Run, file: Path) -> None:
    token = run("token", "add", "karta", "--audience", "PEER", "--until", "2126-01-01T00:00Z").stdout.strip()
    assert token.encode() not in file.read_bytes()
    listed = run("token", "list", "--json").stdout
    [kept] = json.loads(listed)
    assert token not in listed
    assert (kept["name"], kept["audience"], kept["until"]) == ("karta", "PEER", "2126-01-01T00:00:00Z")
    assert run("token", "end", kept["id"]).exit_code == 0
    assert "none" in run("token", "list").stderr


def test_a_file_that_is_something_else_is_named(tmp_path: Path) -> None:
    (tmp_path / "room.sqlite").write_text("not a database, but rather long for what it is" * 50)
    with pytest.raises(InvalidSettings, match=r"room\.sqlite"):
        Accounts(tmp_path / "room.sqlite", lambda: datetime.now(UTC))
