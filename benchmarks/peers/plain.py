"""The plain part of the work, and what a peer needs around it. Imports nothing but fastavro and the schemas: it runs in
the peers' environment.

Decode every record; keep per incident the greatest by (revision, sent_at, hash); count per situation key how many
incidents name it now. No checks, no authority, no severity, no users, no picture: what any first version does.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from fastavro import schemaless_reader
from fastavro.schema import parse_schema

from schemas import read_schema

HEADER_LENGTH = 10
"""Of an Avro single object: two bytes of marker, eight of fingerprint."""

Headers = Iterable[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Task:
    """What a peer is asked to do, as it stands in the environment of its process."""

    bootstrap: str
    user: str
    password: str
    topics: tuple[str, ...]
    count: int
    """Records in all topics together."""

    @classmethod
    def given(cls) -> Task:
        """Raises KeyError, naming the variable that is missing."""
        return cls(
            os.environ["PEERS_BOOTSTRAP"],
            os.environ["PEERS_USER"],
            os.environ["PEERS_PASSWORD"],
            tuple(os.environ["PEERS_TOPICS"].split(",")),
            int(os.environ["PEERS_COUNT"]),
        )

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PEERS_BOOTSTRAP": self.bootstrap,
            "PEERS_USER": self.user,
            "PEERS_PASSWORD": self.password,
            "PEERS_TOPICS": ",".join(self.topics),
            "PEERS_COUNT": str(self.count),
        }

    @property
    def librdkafka(self) -> dict[str, str]:
        """How clients built on librdkafka connect; `bootstrap.servers` aside, which each takes in its own way."""
        return {
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": self.user,
            "sasl.password": self.password,
        }


class Plain:
    """The work, and the clock of it: from the first record taken to the last."""

    def __init__(self, count: int) -> None:
        self._schema: Any = parse_schema(read_schema("incident"))
        self._count = count
        self._current: dict[tuple[str, str], tuple[tuple[int, bytes, bytes], dict[str, Any]]] = {}
        self._situations: Counter[str] = Counter()
        self._taken = 0
        self._began = self._ended = (0.0, 0.0)
        gc.disable()  # in favour of the peers: the hub keeps the collector away from what it holds, too

    @property
    def done(self) -> bool:
        return self._taken >= self._count

    def take(self, value: bytes, headers: Headers) -> None:
        """One record, in whatever order."""
        if not self._taken:
            self._began = now()
        incident: Any = schemaless_reader(BytesIO(value[HEADER_LENGTH:]), self._schema, None)
        sent_at = next((text for name, text in headers if name == "ce_time"), b"")
        order = (incident["revision"], sent_at, hashlib.sha256(memoryview(value)[HEADER_LENGTH:]).digest())
        entity = (incident["actor"], incident["id"])
        held = self._current.get(entity)
        if held is None or order > held[0]:
            if held is not None:
                self._count_in(held[1], -1)
            self._count_in(incident, 1)
            self._current[entity] = (order, incident)
        self._taken += 1
        if self._taken == self._count:
            self._ended = now()

    def _count_in(self, incident: dict[str, Any], by: int) -> None:
        if incident["event_refs"]:
            self._situations[incident["event_refs"][0]] += by

    @property
    def outcome(self) -> str:
        """A hash of all that was found: peers that did the same work say the same."""
        held = sorted((entity, order) for entity, (order, _) in self._current.items())
        counts = sorted((key, count) for key, count in self._situations.items() if count)
        return hashlib.sha256(repr((held, counts)).encode()).hexdigest()

    def report(self) -> None:
        """Say on one line of stdout what was done. Raises RuntimeError if records are missing."""
        if self._taken != self._count:
            raise RuntimeError(f"{self._taken} of {self._count} records were taken")
        seconds, processor = (end - begin for begin, end in zip(self._began, self._ended, strict=True))
        report(self._count, seconds, processor, len(self._current), self.outcome)


def now() -> tuple[float, float]:
    """Seconds by the clock, and of processor time of all threads of this process."""
    return time.perf_counter(), time.process_time()


def report(records: int, seconds: float, processor: float, incidents: int, outcome: str = "") -> None:
    """The one line that the runner reads."""
    said = {
        "records": records,
        "seconds": seconds,
        "processor": processor,
        "incidents": incidents,
        "outcome": outcome,
    }
    print(json.dumps(said), flush=True)
