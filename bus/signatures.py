"""What a signed record carries, and which keys may sign: names and forms, no cryptography (that is `bus.signing`).

A signature is a detached Ed25519 signature (RFC 8032) over topic, key and value of a record, in the header
`ntsg_signature`. So not even an administrator of the brokers can write a record that passes for an actor's: the key
that signs never leaves the actor. Public keys stand in the registry, each with the time in which it speaks.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bus.errors import InvalidSettings
from bus.instants import format_instant, parse_instant
from bus.transport.port import Headers, Outgoing

if TYPE_CHECKING:
    from bus.settings import Settings

HEADER = "ntsg_signature"
ALGORITHM = "ed25519"
KEY_BYTES = 32
SIGNATURE_BYTES = 64
DOMAIN = b"ntsg-record-v1"
"""Begins everything that is signed, so that no signature made for something else fits."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key of an actor. It speaks for records known in its span (from inclusive, until exclusive; None: no limit).

    Written `ed25519:<base64 of 32 bytes>`, then ` from=<instant>` and ` until=<instant>` where it has limits.
    """

    raw: bytes
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """Raises ValueError, with what is wrong and what belongs there."""
        head, *limits = text.split() or [""]
        algorithm, colon, encoded = head.partition(":")
        if algorithm != ALGORITHM or not colon:
            raise ValueError(f"{head!r} is no public key; write {ALGORITHM}:<base64>, as `ntsg key new` prints it")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            raise ValueError(f"{head!r} is not base64; copy the line that `ntsg key new` printed") from error
        if len(raw) != KEY_BYTES:
            raise ValueError(
                f"{head!r} has {len(raw)} bytes, not {KEY_BYTES}; copy the line that `ntsg key new` printed"
            )
        spans: dict[str, datetime] = {}
        for limit in limits:
            name, equals, instant = limit.partition("=")
            if name not in ("from", "until") or not equals or name in spans:
                raise ValueError(f"{limit!r} is no limit of a key; write from=<instant> and until=<instant>")
            spans[name] = parse_instant(instant)
        return cls(raw, spans.get("from"), spans.get("until"))

    def __str__(self) -> str:
        limits = (("from", self.valid_from), ("until", self.valid_until))
        told = [f"{name}={format_instant(instant)}" for name, instant in limits if instant is not None]
        return " ".join([f"{ALGORITHM}:{base64.b64encode(self.raw).decode()}", *told])

    @property
    def id(self) -> str:
        """Names the key in signatures: 16 hex digits."""
        return key_id(self.raw)

    def valid_at(self, instant: datetime) -> bool:
        return (self.valid_from is None or self.valid_from <= instant) and (
            self.valid_until is None or instant < self.valid_until
        )


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature as a record carries it: `ed25519;<key id>;<base64>`."""

    key_id: str
    raw: bytes

    def header(self) -> tuple[str, bytes]:
        return HEADER, f"{ALGORITHM};{self.key_id};{base64.b64encode(self.raw).decode()}".encode()

    @classmethod
    def of(cls, headers: Headers) -> Signature | None:
        """The signature of a record; None where it has none. Raises ValueError where it cannot be read."""
        carried = [value for name, value in headers if name == HEADER]
        if not carried:
            return None
        if len(carried) > 1:
            raise ValueError(f"it has {len(carried)} signatures; one belongs there")
        algorithm, key, encoded = carried[0].decode("ascii").split(";")
        raw = base64.b64decode(encoded, validate=True)
        if algorithm != ALGORITHM or len(raw) != SIGNATURE_BYTES:
            raise ValueError(f"it is no {ALGORITHM} signature")
        return cls(key, raw)


def signs(settings: Settings) -> Callable[[Outgoing], Outgoing]:
    """What signs this user's records: with the key that the settings name; without one it leaves them as they are.

    Raises InvalidSettings when there is such a key and it cannot be used.
    """
    if settings.signing_key is None:
        return lambda record: record
    try:
        from bus.signing import KeyFile
    except ModuleNotFoundError as error:
        raise InvalidSettings(
            f"signing_key needs {error.name}, which is not installed: pip install 'ntsg-bus[signing]'"
        ) from error
    return KeyFile(settings.signing_key).sign


def key_id(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:16]


def signed_bytes(topic: str, key: bytes | None, value: bytes | None) -> bytes:
    """What is signed of a record: each part with its length before it, so that none runs into the next."""
    parts = (DOMAIN, topic.encode(), key or b"", value or b"")
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
