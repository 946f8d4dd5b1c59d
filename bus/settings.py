"""Settings: by option, environment (`NTSG_...`) or a TOML file, in that order."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, PrivateAttr, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from bus.errors import InvalidSettings

CONFIG_VARIABLE = "NTSG_CONFIG"

Mechanism = Literal["SCRAM-SHA-512", "SCRAM-SHA-256"]
"""Kafka keeps one password of a user for each: while one follows another, both open."""
MECHANISMS: tuple[Mechanism, ...] = ("SCRAM-SHA-512", "SCRAM-SHA-256")

LOGIN = ("password", "password_file", "sasl_mechanism", "tls_ca", "tls_certificate")
"""How a user proves who it is: what changes in a running process when its file does."""


Stamp = tuple[int, int, int] | None
"""What tells one state of a file from another; None where there is no file."""


def stamp(path: Path) -> Stamp:
    """The state in which a file is now: whoever replaces it changes that."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _addresses(text: str) -> str:
    for address in text.split(","):
        host, _, port = address.strip().rpartition(":")
        if not host or not port.isascii() or not port.isdigit():
            raise ValueError(f"{address.strip()!r} is no address; write host:port, several separated by commas")
    return text


class Settings(BaseSettings):
    """Where the bus is, and who is asking. Without a user the connection is anonymous; no provisioned bus allows it.

    Paths in a file are relative to that file, so that a directory can be moved as a whole.
    """

    model_config = SettingsConfigDict(env_prefix="NTSG_", frozen=True, extra="ignore", toml_file=None)

    bootstrap: Annotated[str, AfterValidator(_addresses)] = Field(
        "127.0.0.1:9092", description="brokers as host:port, separated by commas"
    )
    realm: str = Field("ntsg", description="ntsg is the real picture, ntsg-exercise is for exercises")
    user: str | None = Field(None, description="SCRAM user")
    password: SecretStr | None = Field(None, description="SCRAM password; a password_file is better")
    password_file: Path | None = Field(None, description="file that holds the password")
    sasl_mechanism: Mechanism = Field("SCRAM-SHA-512", description="which of the user's two passwords this is")
    tls_ca: Path | None = Field(None, description="CA certificate (PEM); with it the connection uses TLS")
    tls_certificate: Path | None = Field(None, description="key and certificate (PEM) to log in with, not a password")
    signing_key: Path | None = Field(None, description="private key (PEM) that signs what is published")
    _file: Path | None = PrivateAttr(None)
    _state: Stamp = PrivateAttr(None)
    _fixed: frozenset[str] = PrivateAttr(frozenset())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the names are pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = os.environ.get(CONFIG_VARIABLE)
        toml = (_File(settings_cls, Path(file)),) if file else ()
        return (init_settings, env_settings, *toml)

    def kept_in(self, file: Path, state: Stamp, fixed: Collection[str] = ()) -> Self:
        """These settings, which know from now on that they are from this file, as it was in that state; but for those
        `fixed` elsewhere.
        """
        self._file, self._state, self._fixed = file.absolute(), state, frozenset(fixed)
        return self

    def login_states(self, *, own: bool = False) -> tuple[Stamp, ...]:
        """The states of the files that say how this user logs in, as they are now. With `own`, the settings' own file
        as it was when they were read.
        """
        named = (self.password_file, self.tls_ca, self.tls_certificate)
        first = self._state if own or self._file is None else stamp(self._file)
        return first, *(stamp(file) for file in named if file is not None)

    def renewed(self) -> Settings:
        """These settings, logging in as their file says now. Themselves where they are from none.

        Raises InvalidSettings when the file cannot be used, or is another user's by now.
        """
        if self._file is None:
            return self
        state = stamp(self._file)
        told = read_file(self._file)
        if told.get("user", self.user) != self.user:
            raise InvalidSettings(f"{self._file} is of user {told['user']} by now; start anew to be that one")
        kept = {name: getattr(self, name) for name in Settings.model_fields}
        for name in set(LOGIN) - self._fixed:
            kept[name] = told.get(name, Settings.model_fields[name].default)
        return _made(kept).kept_in(self._file, state, self._fixed)

    def secret(self) -> str | None:
        """The password, from wherever it was given.

        Raises InvalidSettings if the password file cannot be read.
        """
        if self.password is not None:
            return self.password.get_secret_value()
        if self.password_file is None:
            return None
        try:
            return self.password_file.read_text().strip()
        except OSError as error:
            raise InvalidSettings(
                f"password_file {self.password_file}: {error.strerror}; check the path and its mode"
            ) from error


class _File(TomlConfigSettingsSource):
    """The TOML file, with its paths as seen from where it lies."""

    def __call__(self) -> dict[str, Any]:
        return _seen_from(Path(os.environ[CONFIG_VARIABLE]), super().__call__())


PATHS = frozenset(name for name, setting in Settings.model_fields.items() if setting.annotation == Path | None)
"""The settings that name a file."""


def read_file(file: Path) -> dict[str, Any]:
    """The settings in a TOML file, with paths as seen from where it lies. Raises InvalidSettings."""
    try:
        return _seen_from(file, tomllib.loads(file.read_text("utf-8")))
    except OSError as error:
        raise InvalidSettings(f"{file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"{file}: not TOML: {error}") from error


def _seen_from(file: Path, named: dict[str, Any]) -> dict[str, Any]:
    directory = file.absolute().parent
    return {
        name: str(directory / value) if name in PATHS and isinstance(value, str) else value
        for name, value in named.items()
    }


def load_settings(**options: Any) -> Settings:
    """Settings from options that were given (None means not given), environment and file.

    Raises InvalidSettings, naming the setting.
    """
    file = os.environ.get(CONFIG_VARIABLE)
    if file and not Path(file).is_file():
        raise InvalidSettings(f"{CONFIG_VARIABLE} names {file}, which is not a file")
    if file:
        read_file(Path(file))  # says where a fault is, and what it is
    given = {name: value for name, value in options.items() if value is not None}
    state = stamp(Path(file)) if file else None
    made = _made(given)
    elsewhere = {name for name in LOGIN if name in given or f"NTSG_{name.upper()}" in os.environ}
    return made.kept_in(Path(file), state, elsewhere) if file else made


def _made(named: dict[str, Any]) -> Settings:
    try:
        return Settings(**named)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors()
        )
        raise InvalidSettings(faults) from error
