"""Credentials on disk: complete, private, whole or not at all."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from bus.credentials import Credentials, new_password, write_private
from bus.errors import InvalidSettings
from bus.settings import CONFIG_VARIABLE, load_settings

WHOLE = Credentials("127.0.0.1:19092", "ntsg.nordtel", 'p"ä\\ss\n', "ntsg", Path("/ca with space.pem"))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    WHOLE.write(tmp_path / "a" / "nordtel.toml")
    assert Credentials.read(tmp_path / "a" / "nordtel.toml") == WHOLE


def test_the_file_is_a_configuration_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "nordtel.toml"
    WHOLE.write(file)
    monkeypatch.setenv(CONFIG_VARIABLE, str(file))
    assert load_settings().model_dump() == WHOLE.settings().model_dump()


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    WHOLE.write(tmp_path / "a" / "nordtel.toml")
    assert stat.S_IMODE((tmp_path / "a" / "nordtel.toml").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700


def test_a_file_that_was_open_to_others_is_closed(tmp_path: Path) -> None:
    file = tmp_path / "nordtel.toml"
    file.touch(mode=0o644)
    write_private(file, "x")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_cannot_be_replaced_stays_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "nordtel.toml").mkdir()
    with pytest.raises(OSError, match=r"nordtel\.toml"):
        write_private(tmp_path / "nordtel.toml", "x")
    assert [path.name for path in tmp_path.iterdir()] == ["nordtel.toml"]


def test_no_repr_shows_the_password() -> None:
    password = new_password()
    shown = Credentials("b:1", "u", password)
    assert password not in f"{shown!r} {shown} {shown.settings()!r}"


def test_passwords_need_no_quoting_anywhere() -> None:
    assert all(character.isalnum() or character in "-_" for _ in range(50) for character in new_password())


@pytest.mark.parametrize(
    ("text", "told"),
    [("bootstrap = 'a:1'\nuser = 'u'", "password is missing"), ("not toml", "not TOML"), (None, "No such file")],
)
def test_a_file_that_does_not_serve_is_named(tmp_path: Path, text: str | None, told: str) -> None:
    file = tmp_path / "nordtel.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InvalidSettings, match=rf"nordtel\.toml: {told}"):
        Credentials.read(file)
