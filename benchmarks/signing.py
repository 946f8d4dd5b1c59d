"""What signatures cost: signing beside encoding, checking beside decoding. No broker."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.corpus import START, incidents
from benchmarks.result import Row, against
from bus.codec import Codec
from bus.envelope import outgoing
from bus.messages import Incident
from bus.signatures import Signature
from bus.signing import KeyFile, Signer, new_key, verifies
from bus.topics import Realm
from consumers.hub.snapshot import Kept

GROUP = "signing"
ACTOR = "nordtel"
ENCODE, DECODE = "encode", "decode and check"


def measure(count: int) -> list[Row]:
    realm = Realm("ntsg")
    messages = list(incidents(count, (ACTOR,)))
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "key"
        new_key(file)
        return _measured(realm, messages, KeyFile(file), Signer.read(file))


def _measured(realm: Realm, messages: list[Incident], key_file: KeyFile, signer: Signer) -> list[Row]:
    records = [outgoing(realm, message, START) for message in messages]
    stored = [Kept(r.topic, 0, 0, 0, r.key, r.value, tuple(r.headers)) for r in map(signer.sign, records)]
    codec, key = Codec(), signer.public.raw

    def check() -> None:
        for record in stored:
            signature = Signature.of(record.headers)
            if signature is None or not verifies(key, signature, record):
                raise AssertionError("a signature of our own does not hold")

    rates = {
        ENCODE: lambda: [outgoing(realm, message, START) for message in messages],
        "sign": lambda: [key_file.sign(record) for record in records],
        DECODE: lambda: [codec.decode(record.value or b"", Incident) for record in stored],
        "check a signature": check,
    }
    values = {what: len(records) / _seconds(work) for what, work in rates.items()}
    return [
        *against(GROUP, {name: values[name] for name in (ENCODE, "sign")}, ENCODE, "records/s", {}),
        *against(GROUP, {name: values[name] for name in (DECODE, "check a signature")}, DECODE, "records/s", {}),
    ]


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
