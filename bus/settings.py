"""Settings: by option, environment (`NTSG_...`) or a TOML file, in that order."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from bus.errors import InvalidSettings

CONFIG_VARIABLE = "NTSG_CONFIG"


class Settings(BaseSettings):
    """Where the bus is, and who is asking. Without a user the connection is anonymous; no provisioned bus allows it.

    Paths in a file are relative to that file, so that a directory can be moved as a whole.
    """

    model_config = SettingsConfigDict(env_prefix="NTSG_", frozen=True, extra="ignore", toml_file=None)

    bootstrap: str = Field("127.0.0.1:9092", description="brokers as host:port, separated by commas")
    realm: str = Field("ntsg", description="ntsg is the real picture, ntsg-exercise is for exercises")
    user: str | None = Field(None, description="SCRAM user")
    password: SecretStr | None = Field(None, description="SCRAM password; a password_file is better")
    password_file: Path | None = Field(None, description="file that holds the password")
    tls_ca: Path | None = Field(None, description="CA certificate (PEM); with it the connection uses TLS")
    tls_certificate: Path | None = Field(None, description="key and certificate (PEM) to log in with, not a password")
    signing_key: Path | None = Field(None, description="private key (PEM) that signs what is published")

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
        directory = Path(os.environ[CONFIG_VARIABLE]).absolute().parent
        return {
            name: str(directory / value) if name in PATHS and isinstance(value, str) else value
            for name, value in super().__call__().items()
        }


PATHS = frozenset(name for name, setting in Settings.model_fields.items() if setting.annotation == Path | None)
"""The settings that name a file."""


def load_settings(**options: Any) -> Settings:
    """Settings from options that were given (None means not given), environment and file.

    Raises InvalidSettings, naming the setting.
    """
    file = os.environ.get(CONFIG_VARIABLE)
    if file and not Path(file).is_file():
        raise InvalidSettings(f"{CONFIG_VARIABLE} names {file}, which is not a file")
    try:
        return Settings(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InvalidSettings(faults) from error
