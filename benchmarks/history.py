"""Ten years of incidents, of which few are open: what the hub's fold needs for them, beside decoding alone.

Each phase is a process of its own, so that its memory is its own: fold everything and write the snapshot, start from
the snapshot, and look back to the middle. The log is generated as it is read; equal arguments give an equal one.
"""

from __future__ import annotations

import heapq
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fastavro
from fastavro.schema import parse_schema

from benchmarks.corpus import ACTORS, incident
from benchmarks.result import Row
from bus.codec import HEADER_LENGTH, Codec, encode
from bus.envelope import outgoing
from bus.instants import to_millis
from bus.messages import Incident
from bus.registry import Actor
from bus.topics import Realm
from bus.transport.port import Stored
from bus.vocabulary import IncidentState, MessageStatus, Role
from consumers.fold import Fold
from consumers.hub import collector
from consumers.hub.snapshot import Kept, Origin, Snapshot
from consumers.hub.store import WRITE_ROWS, Memory
from consumers.shelf import TemporaryShelf
from schemas import read_schema

GROUP = "history"
REALM = Realm("history-exercise")
COUNT = 200_000
"""Incidents. The decade of a national group is 2,000,000 (`--incidents`)."""
OF_WHICH_OPEN = 400
"""One of so many is still open at the end, however long ago it began: of 2,000,000, 5,000."""
YEARS = 10
BEGIN = datetime(2016, 1, 1, tzinfo=UTC)
LASTING = timedelta(hours=9)
AT_ONCE = 1_000
ORIGIN = Origin("history", str(REALM), "rules", "schemas")


def log(count: int) -> Iterator[Stored]:
    """The registry, and two messages of each incident, in the order in which the bus knew them: at the beginning, and
    when it is over. The open ones are spread evenly, and correct their numbers instead.
    """
    for offset, slug in enumerate(ACTORS):
        entry = Actor(slug=slug, name=slug, roles=(Role.MNO,))
        yield Kept(REALM.actors, 0, offset, to_millis(BEGIN), slug.encode(), encode(entry), ())
    step = timedelta(days=365 * YEARS) / count
    offsets = dict.fromkeys(ACTORS, 0)
    ending: list[tuple[datetime, int]] = []
    for number in range(count):
        began = BEGIN + number * step
        while ending and ending[0][0] <= began:
            yield _record(*heapq.heappop(ending), 2, offsets)
        yield _record(began, number, 1, offsets)
        heapq.heappush(ending, (began + LASTING, number))
    while ending:
        yield _record(*heapq.heappop(ending), 2, offsets)


def _record(known_at: datetime, number: int, revision: int, offsets: dict[str, int]) -> Stored:
    actor = ACTORS[number % len(ACTORS)]
    over = revision == 2 and number % OF_WHICH_OPEN != 0
    told: Incident = incident(actor, number, revision, MessageStatus.TEST).model_copy(
        update={
            "observed_at": known_at,
            "next_update_at": None,
            "started_at": known_at - (LASTING if revision == 2 else timedelta()),
            "detected_at": known_at - (LASTING if revision == 2 else timedelta()),
            "state": IncidentState.CLOSED if over else IncidentState.CONFIRMED,
            "restored_at": known_at if over else None,
            "energy": None,
            "restoration": None,
            "event_refs": (f"event:{number // 3}",),
            "infrastructure_ids": (f"site:{number % 50_000}",),
        }
    )
    out = outgoing(REALM, told, known_at)
    offsets[actor] += 1
    return Kept(out.topic, 0, offsets[actor] - 1, to_millis(known_at), out.key, out.value, tuple(out.headers))


def batches(count: int) -> Iterator[Sequence[Stored]]:
    records = log(count)
    while batch := list(islice(records, AT_ONCE)):
        yield batch


def fold_all(count: int, directory: Path) -> dict[str, float]:
    """Fold the log as a hub does, and write its snapshot. The time of making the log is not counted."""
    collector.begin()
    snapshot = Snapshot(directory)
    snapshot.begin(ORIGIN)
    memory, took, decoding, decoded = Memory.on(snapshot, REALM), 0.0, 0.0, 0
    schema: Any = parse_schema(read_schema("incident"))
    for number, batch in enumerate(batches(count)):
        began = time.perf_counter()
        memory.note(batch, memory.fold.apply(batch))
        if len(memory) > WRITE_ROWS:
            _write(memory, snapshot)
        collector.spare()
        took += time.perf_counter() - began
        if number % 10 == 1:  # beside it, so that a slow minute of the machine hurts both alike
            began = time.perf_counter()
            for record in batch:
                fastavro.schemaless_reader(BytesIO((record.value or b"")[HEADER_LENGTH:]), schema, None)
            decoding += time.perf_counter() - began
            decoded += len(batch)
    began = time.perf_counter()
    memory.fold.state.archive(memory.fold.known_at or BEGIN)
    memory.fold.state.changes(memory.fold.known_at or BEGIN)
    _write(memory, snapshot)
    took += time.perf_counter() - began
    size = sum(file.stat().st_size for file in directory.iterdir())
    return {
        "seconds": took,
        "rate": 2 * count / took,
        "decode": decoded / decoding,
        "megabytes": _peak(),
        "entities": len(memory.fold.state),
        "disk": size / 1e6,
    }


def start(_: int, directory: Path) -> dict[str, float]:
    """From the snapshot to the first picture."""
    collector.begin()
    began = time.perf_counter()
    snapshot = Snapshot(directory)
    remembered = snapshot.load()
    memory = Memory.on(snapshot, REALM)
    if remembered is not None:
        memory.resume(remembered)
    memory.fold.state.changes(memory.fold.known_at or BEGIN)
    return {"seconds": time.perf_counter() - began, "megabytes": _peak(), "entities": len(memory.fold.state)}


def look_back(count: int, _: Path) -> dict[str, float]:
    """The picture of half-way through, from the log alone."""
    collector.begin()
    then = BEGIN + timedelta(days=365 * YEARS) / 2
    codec, took = Codec(), 0.0
    fold = Fold(REALM, codec, until=then, shelf=TemporaryShelf(codec))
    for batch in batches(count):
        if batch[0].timestamp > to_millis(then):
            break
        began = time.perf_counter()
        fold.apply(batch)
        collector.spare()
        took += time.perf_counter() - began
    began = time.perf_counter()
    view = fold.state.view(then, fold.inputs, True)
    took += time.perf_counter() - began
    return {"seconds": took, "megabytes": _peak(), "situations": len(view.situations)}


PHASES = {"fold": fold_all, "start": start, "back": look_back}


def measure(count: int) -> list[Row]:
    with TemporaryDirectory(prefix="ntsg-history-") as directory:
        fold, begun, back = (_in_a_process(phase, count, directory) for phase in PHASES)
    ratio = fold["rate"] / fold["decode"]
    of = f"{count:,} incidents in {YEARS} years, {count // OF_WHICH_OPEN:,} open"
    return [
        Row(GROUP, f"decode-only, fastavro: {of}", fold["decode"], "messages/s", 1.0),
        Row(GROUP, "hub: fold and write the snapshot", fold["rate"], "messages/s", ratio, ">= 0.70"),
        Row(GROUP, "  peak memory", fold["megabytes"], "MB", None, "<= 1,500"),
        Row(GROUP, "  entities in memory at the end", fold["entities"], ""),
        Row(GROUP, "  snapshot on disk", fold["disk"], "MB"),
        Row(GROUP, "hub: start from the snapshot", begun["seconds"], "s", begun["seconds"] / fold["seconds"]),
        Row(GROUP, "  peak memory", begun["megabytes"], "MB", None, "<= 1,500"),
        Row(GROUP, "look back to the middle", back["seconds"], "s", back["seconds"] / fold["seconds"]),
        Row(GROUP, "  peak memory", back["megabytes"], "MB", None, "<= 1,500"),
        Row(GROUP, "  situations then", back["situations"], ""),
    ]


def _in_a_process(phase: str, count: int, directory: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.history", phase, str(count), directory]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _write(memory: Memory, snapshot: Snapshot) -> None:
    changes = memory.changes()
    snapshot.write(changes)
    memory.written(changes)


def _peak() -> float:
    """Of this process, in MB."""
    scale = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


if __name__ == "__main__":
    name, incidents, place = sys.argv[1:]
    print(json.dumps(PHASES[name](int(incidents), Path(place))))
