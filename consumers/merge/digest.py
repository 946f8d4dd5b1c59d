"""The digest of a set of messages: equal sets, equal digest, whatever the order and however often each arrived.

Each distinct message becomes a 2048-bit number by SHAKE-256; the numbers are added modulo 2^2048, and the sum is put
through sha256. Adding one message costs the same however many there are. The numbers are long because a sum of short
hashes could be forged: among a few hundred chosen messages one finds subsets with equal sums.
"""

from __future__ import annotations

import hashlib

_BYTES = 256
_MODULUS = 1 << (8 * _BYTES)


class SetDigest:
    """The running sum over a set. Give each distinct message once."""

    __slots__ = ("_sum",)

    def __init__(self, held: bytes = b"") -> None:
        """`held`: what `dump` gave, to go on from there."""
        self._sum = int.from_bytes(held, "big") % _MODULUS

    def add(self, kind: str, content: bytes) -> None:
        """Take up a message by its kind and its content hash."""
        self._sum = (self._sum + _term(kind, content)) % _MODULUS

    def subtract(self, kind: str, content: bytes) -> None:
        """Let a message go that was taken up."""
        self._sum = (self._sum - _term(kind, content)) % _MODULUS

    def merge(self, other: SetDigest) -> None:
        """Take up all that another, disjoint set holds."""
        self._sum = (self._sum + other._sum) % _MODULUS

    def dump(self) -> bytes:
        return self._sum.to_bytes(_BYTES, "big")

    def __str__(self) -> str:
        return "sha256:" + hashlib.sha256(self._sum.to_bytes(_BYTES, "big")).hexdigest()


def _term(kind: str, content: bytes) -> int:
    return int.from_bytes(hashlib.shake_256(kind.encode() + b"\0" + content).digest(_BYTES), "big")
