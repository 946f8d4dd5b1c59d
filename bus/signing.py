"""Ed25519: making keys, signing records, checking signatures. Needs the extra `signing` (or `hub`).

A private key lies in a file of its own (PEM, PKCS #8, mode 0600), which never leaves the actor.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import structlog
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from bus.credentials import write_private
from bus.errors import InvalidInput, InvalidSettings
from bus.settings import Stamp, stamp
from bus.signatures import PublicKey, Signature, signed_bytes
from bus.transport.port import Outgoing, Stored

__all__ = ["KeyFile", "Signer", "new_key", "verifies"]

KEYS_AT_HAND = 1_024
"""Public keys that are kept ready for checking."""

log = structlog.get_logger(__name__)


class Signer:
    """Signs records with the private key of one actor."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = PublicKey(key.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"Signer({self.public.id})"

    @classmethod
    def read(cls, path: Path) -> Signer:
        """Raises InvalidSettings, naming the file, when it is missing, or holds no private Ed25519 key."""
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except OSError as error:
            raise InvalidSettings(f"signing_key {path}: {error.strerror}; make one with `ntsg key new`") from error
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise InvalidSettings(
                f"signing_key {path}: not a private key (PEM); make one with `ntsg key new`"
            ) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise InvalidSettings(f"signing_key {path}: not an Ed25519 key; make one with `ntsg key new`")
        return cls(key)

    def sign(self, record: Outgoing) -> Outgoing:
        """The record with its signature."""
        signed = self._key.sign(signed_bytes(record.topic, record.key, record.value))
        return replace(record, headers=(*record.headers, Signature(self.public.id, signed).header()))


class KeyFile:
    """Signs with the key that is in a file at the time, so that whoever puts another there changes over, without a
    restart. One that cannot be used is told, and the key before it goes on signing.

    Raises InvalidSettings when there is none to begin with.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: Stamp = stamp(path)
        self._signer = Signer.read(path)

    def sign(self, record: Outgoing) -> Outgoing:
        """The record with its signature."""
        found = stamp(self._path)
        if found != self._stamp:
            self._stamp = found
            try:
                self._signer = Signer.read(self._path)
                log.info("signing_key_renewed", key=self._signer.public.id)
            except InvalidSettings as error:
                log.warning("signing_key_unusable", reason=str(error), key=self._signer.public.id)
        return self._signer.sign(record)


def new_key(path: Path) -> PublicKey:
    """Make a private key in a new file; returns its public half, for the registry.

    Raises InvalidInput when the file exists, InvalidSettings when it cannot be written.
    """
    if path.exists():
        raise InvalidInput(f"{path} exists; a key is never written over: choose another name")
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    try:
        write_private(path, pem.decode())
    except OSError as error:
        raise InvalidSettings(f"{path} cannot be written: {error.strerror}") from error
    return PublicKey(key.public_key().public_bytes_raw())


def verifies(raw: bytes, signature: Signature, record: Stored) -> bool:
    """Whether the record is as it was when the owner of this public key signed it."""
    try:
        _public(raw).verify(signature.raw, signed_bytes(record.topic, record.key, record.value))
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=KEYS_AT_HAND)
def _public(raw: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(raw)
