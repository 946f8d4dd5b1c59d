"""Credentials on disk: one small TOML file per user, readable by its owner alone.

Each file is a complete configuration (`NTSG_CONFIG=<file>`) for the one user that it names. A file is replaced as a
whole or not at all, so a reader never meets half a password.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from pydantic import SecretStr

from bus.errors import InvalidSettings
from bus.instants import format_instant, parse_instant
from bus.settings import MECHANISMS, Mechanism, Settings, Stamp, stamp

PASSWORD_BYTES = 32
"""Entropy of a generated password, in bytes: no dictionary and no iteration count matters at this length."""


def new_password() -> str:
    """A password of letters, digits, `-` and `_`: safe unquoted in TOML, JAAS, properties and shell alike."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


def write_private(path: Path, text: str) -> None:
    """Replace the file atomically and durably, with mode 0600 from its first byte on; makes missing directories (0700).

    Raises OSError.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def as_toml(named: Mapping[str, str | None]) -> str:
    """A document of these settings; those without a value are left out."""
    # JSON's string is a TOML basic string too, escapes included.
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in named.items() if value)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who connects, where, and with which password. `realm` is None for the administrator, who serves all realms."""

    bootstrap: str
    user: str
    password: str = field(repr=False)
    realm: str | None = None
    tls_ca: Path | None = None
    signing_key: Path | None = None
    mechanism: Mechanism = "SCRAM-SHA-512"
    previous_until: datetime | None = None
    """Until when the password before this one opens, too. None: it does not, or there was none."""
    file: Path | None = field(default=None, compare=False, repr=False)
    """Where they were read."""
    state: Stamp = field(default=None, compare=False, repr=False)
    """Of that file then."""

    @classmethod
    def read(cls, path: Path) -> Credentials:
        """Raises InvalidSettings, naming the file, when it is missing, unreadable or incomplete."""
        state = stamp(path)
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
            ca, signing_key = document.get("tls_ca"), document.get("signing_key")
            previous_until = document.get("previous_until")
            return cls(
                bootstrap=document["bootstrap"],
                user=document["user"],
                password=document["password"],
                realm=document.get("realm"),
                tls_ca=path.absolute().parent / ca if ca else None,
                signing_key=path.absolute().parent / signing_key if signing_key else None,
                mechanism=MECHANISMS[MECHANISMS.index(document.get("sasl_mechanism", MECHANISMS[0]))],
                previous_until=parse_instant(previous_until) if previous_until else None,
                file=path,
                state=state,
            )
        except OSError as error:
            raise InvalidSettings(f"credentials file {path}: {error.strerror}") from error
        except KeyError as error:
            raise InvalidSettings(f"credentials file {path}: {error.args[0]} is missing; rotate the user") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InvalidSettings(f"credentials file {path}: not TOML; rotate the user") from error
        except ValueError as error:
            raise InvalidSettings(f"credentials file {path}: {error}; rotate the user") from error

    def write(self, path: Path) -> None:
        """Raises InvalidSettings, naming the file, when it cannot be written."""
        named = {
            "bootstrap": self.bootstrap,
            "realm": self.realm,
            "user": self.user,
            "password": self.password,
            "sasl_mechanism": self.mechanism if self.mechanism != MECHANISMS[0] else None,
            "previous_until": format_instant(self.previous_until) if self.previous_until else None,
            "tls_ca": str(self.tls_ca) if self.tls_ca else None,
            "signing_key": str(self.signing_key) if self.signing_key else None,
        }
        try:
            write_private(path, as_toml(named))
        except OSError as error:
            raise InvalidSettings(f"credentials file {path} cannot be written: {error}") from error

    def at(self, bootstrap: str) -> Credentials:
        return replace(self, bootstrap=bootstrap)

    def settings(self, realm: str | None = None) -> Settings:
        made = Settings(
            bootstrap=self.bootstrap,
            realm=realm or self.realm or "ntsg",
            user=self.user,
            password=SecretStr(self.password),
            password_file=None,
            sasl_mechanism=self.mechanism,
            tls_ca=self.tls_ca,
            tls_certificate=None,
            signing_key=self.signing_key,
        )
        return made.kept_in(self.file, self.state) if self.file else made
