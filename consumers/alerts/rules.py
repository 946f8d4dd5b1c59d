"""Whom to wake for what: the rules of alerts, as a TOML file has them.

resend_minutes = 15
link = "https://rummet.example"      # opened from an alert; optional

[rules]
severity = 4                         # situations from this level; 0: none
silent = ["MNO", "FIXED", "TRANSPORT", "PSAP"]   # operators with one of these roles
emergency = "LOST_NO_FALLBACK"       # 112, from this effect
quarantined = 10                     # each so many records that the bus could not take
lost_seconds = 60                    # a hub that has not heard from the bus for so long

[[channels]]
name = "jour"
kind = "webhook"
url = "https://larm.example/ntsg"
secret_file = "/etc/ntsg/jour.secret"
ceiling = "AMBER"
language = "sv"

[[channels]]
name = "mejl"
kind = "email"
host = "smtp.example"
sender = "ntsg@example.org"
to = ["vakthavande@example.org"]     # of functions, never of persons
rules = ["SEVERITY", "EMERGENCY"]    # without it: all
"""

from __future__ import annotations

import tomllib
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from bus.errors import InvalidSettings
from bus.vocabulary import EmergencyImpact, Role, Tlp
from consumers.words import Language

__all__ = ["AlertRules", "Channel", "EmailChannel", "Rule", "Thresholds", "WebhookChannel", "read_rules"]


class Rule(StrEnum):
    """What an alert is about. TEST: somebody tries whether alerts arrive."""

    SEVERITY = "SEVERITY"
    EMERGENCY = "EMERGENCY"
    SILENT = "SILENT"
    HELD_BACK = "HELD_BACK"
    QUARANTINE = "QUARANTINE"
    BUS_LOST = "BUS_LOST"
    TEST = "TEST"


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Thresholds(_Closed):
    """From when on something is an alert."""

    severity: int = Field(4, ge=0, le=5)
    silent: tuple[Role, ...] = (Role.MNO, Role.FIXED, Role.TRANSPORT, Role.MUNICIPAL, Role.PSAP)
    emergency: EmergencyImpact | None = EmergencyImpact.LOST_NO_FALLBACK
    quarantined: int = Field(10, ge=0)
    lost_seconds: float = Field(60.0, gt=0)


class _Channel(_Closed):
    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")
    ceiling: Tlp = Tlp.AMBER
    """The highest mark that may travel this way. Of what is above, it is only told that there is something."""
    language: Language = Language.SWEDISH
    rules: tuple[Rule, ...] = tuple(Rule)
    tls_ca: Path | None = None
    """CA certificate (PEM) of the other side; without it, those that the system trusts."""
    timeout_seconds: float = Field(10.0, gt=0)

    @field_validator("ceiling")
    @classmethod
    def _is_a_mark(cls, ceiling: Tlp) -> Tlp:
        if ceiling is Tlp.UNKNOWN:
            raise ValueError(f"must be one of {', '.join(mark for mark in Tlp if mark is not Tlp.UNKNOWN)}")
        return ceiling


class WebhookChannel(_Channel):
    """A POST of JSON, signed. Without TLS to this machine alone."""

    kind: Literal["webhook"]
    url: str = Field(repr=False)  # some carry a token
    secret_file: Path

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url: must be an address such as https://larm.example/ntsg")
        if parts.scheme == "http" and not _is_here(parts.hostname):
            raise ValueError("url: without TLS an alert goes to this machine alone; use https")
        return self


class EmailChannel(_Channel):
    """Mail by SMTP with STARTTLS. Without TLS to this machine alone."""

    kind: Literal["email"]
    host: str
    port: int = Field(587, ge=1, le=65_535)
    starttls: bool = True
    user: str | None = None
    password_file: Path | None = None
    sender: str
    to: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        if not self.starttls and not _is_here(self.host):
            raise ValueError("starttls: without TLS an alert goes to this machine alone")
        for address in (self.sender, *self.to):
            if address.count("@") != 1 or any(sign.isspace() for sign in address) or not address.isprintable():
                raise ValueError(f"{address!r} is not an address for mail")
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file go together")
        return self


Channel = WebhookChannel | EmailChannel


class AlertRules(_Closed):
    """Everything that the file says."""

    resend_minutes: float = Field(15.0, ge=0)
    """What nobody acknowledged is told again after so many; 0: never."""
    hold_seconds: float = Field(120.0, ge=0)
    """How long something must be gone before it is told to be over: what flickers wakes nobody twice."""
    look_seconds: float = Field(2.0, gt=0)
    """How often a hub looks whether something is due."""
    retry_seconds: float = Field(5.0, gt=0)
    """How long a channel rests that took nothing; after each further failure twice as long, five minutes at most."""
    link: str | None = Field(None, pattern=r"^https?://\S+$")
    rules: Thresholds = Thresholds()
    channels: tuple[Annotated[Channel, Field(discriminator="kind")], ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [channel.name for channel in self.channels]
        if len(names) != len(set(names)):
            raise ValueError("channels: two have the same name")
        return self


def read_rules(file: Path) -> AlertRules:
    """The rules of a file. Raises InvalidSettings, naming the field, or the secret that cannot be read."""
    try:
        rules = AlertRules.model_validate(tomllib.loads(file.read_text("utf-8")))
    except OSError as error:
        raise InvalidSettings(f"{file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"{file} is not TOML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise InvalidSettings(f"{file}: {faults}") from error
    for channel in rules.channels:
        secret = channel.secret_file if isinstance(channel, WebhookChannel) else channel.password_file
        if secret is not None:
            read_secret(secret)
    return rules


def read_secret(file: Path) -> str:
    """What a file of one secret holds. Raises InvalidSettings where that is nothing."""
    try:
        secret = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"the secret in {file} cannot be read; check path and mode") from error
    if not secret:
        raise InvalidSettings(f"{file} holds no secret")
    return secret


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
