"""What stands in the log where a record was purged: its place and its key, no value, and a header that says what was
done to it and not what it said.

`ntsg purge` writes both headers. PURGED is on the placeholder. REWRITTEN is on every record from the first placeholder
on, and names the purge: whoever remembers a record of that part of the log finds that it is no longer the same, and
reads the log anew.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from bus.instants import format_instant, parse_instant
from bus.transport.port import Headers

PURGED = "ntsg_purged"
REWRITTEN = "ntsg_rewritten"

_COST = {"n": 2**14, "r": 8, "p": 1}
_SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Purged:
    """The act: when, by which function and why, and what proves what was there."""

    at: datetime
    function: str
    reason: str
    proof: str
    """`prove` of the value. Whoever has the original can show that it stood here."""

    def header(self) -> tuple[str, bytes]:
        told = {"at": format_instant(self.at), "function": self.function, "reason": self.reason, "proof": self.proof}
        return PURGED, json.dumps(told, ensure_ascii=False).encode()

    @classmethod
    def of(cls, headers: Headers) -> Self | None:
        """What a placeholder says; None for a record that is none, or does not say it as it should."""
        for name, content in headers:
            if name == PURGED:
                try:
                    told = json.loads(content)
                    function, reason, proof = (str(told[part]) for part in ("function", "reason", "proof"))
                    return cls(parse_instant(told["at"]), function, reason, proof)
                except (ValueError, KeyError, TypeError, RecursionError):
                    return None
        return None


def prove(value: bytes | None) -> str:
    """`scrypt;<salt>;<hash>` of a value, in base64. A plain hash would give away a telephone number to whoever tries
    all of them against the rest of the text; this one makes each try dear.
    """
    salt = secrets.token_bytes(_SALT_BYTES)
    return ";".join(("scrypt", b64encode(salt).decode(), b64encode(_hash(value, salt)).decode()))


def proves(proof: str, value: bytes | None) -> bool:
    """Whether this value is what was there."""
    try:
        _, salt, hashed = proof.split(";")
        return hmac.compare_digest(_hash(value, b64decode(salt)), b64decode(hashed))
    except ValueError:
        return False


def _hash(value: bytes | None, salt: bytes) -> bytes:
    return hashlib.scrypt(value or b"", salt=salt, dklen=32, **_COST)
