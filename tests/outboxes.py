"""A publisher that is killed again and again, or meets a full disk, and what must be true of the bus afterwards."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bus.codec import Codec
from bus.messages import Incident
from bus.topics import Kind, TopicPartition
from bus.transport import Stored
from bus.transport.kafka import KafkaTransport
from bus.transport.to_end import records_to_end
from consumers.merge import State
from consumers.reading import fold_log
from producers.outbox.entry import EntryState
from producers.outbox.looking import look
from tests.conftest import ProvisionedGroup
from tests.merging import said

_PUBLISHING = """
import asyncio, os, random, resource, signal, sys, time
from pathlib import Path

from bus.errors import OutboxError
from bus.settings import load_settings
from producers import speaker
from producers.outbox import DurablePublisher, ledger
from tests.group import incident
from tests.outboxes import Jumping

directory, receipts = Path(sys.argv[1]), sys.argv[2]
kills, seed, room = map(int, sys.argv[3:])
instants = random.Random(seed)
ledger.datetime = speaker.datetime = Jumping


async def publish(round_):
    out = os.open(receipts, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    async with DurablePublisher(load_settings(), directory) as publisher:
        async def speak(name):
            for revision in range(1, 100_000):
                urgent = {"declared_severity": random.choice((1, 5))}
                entry = await publisher.publish(incident(id=f"I-{round_}-{name}", revision=revision, **urgent))
                os.write(out, f"{entry.ref} {entry.revision} {entry.number}\\n".encode())
        await asyncio.gather(*(speak(name) for name in range(4)))


def until_the_disk_is_full():
    if room:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    try:
        asyncio.run(publish(0))
    except OutboxError as error:
        print(type(error).__name__, error, file=sys.stderr)


if not kills:
    until_the_disk_is_full()
for round_ in range(kills):
    child = os.fork()
    if not child:
        asyncio.run(publish(round_))
    time.sleep(instants.uniform(0, 0.5))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""
"""A publisher whose clock jumps, as fast as it can: forked from a process that has everything imported and killed at an
instant drawn by the seed, as many times as asked; or, without kills, running until its disk takes no more.
"""


class Jumping(datetime):
    """A clock that goes back and forth: each time that it is asked, it says anything between 1970 and 2096."""

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return datetime.fromtimestamp(random.uniform(0, 4e9), UTC)


@dataclass(frozen=True, order=True)
class Receipt:
    ref: str
    revision: int
    number: int


@dataclass(frozen=True)
class Beaten:
    """An outbox whose publisher came to an end that it did not choose."""

    directory: Path
    receipts: Sequence[Receipt]
    said: str


async def killed(group: ProvisionedGroup, place: Path, *, times: int, seed: int) -> Beaten:
    """Publishers of nordtel, killed one after the other at instants drawn by the seed."""
    return await _published(group, place / "outbox", place / "receipts", times, seed, 0)


async def filled(group: ProvisionedGroup, disk: Path, place: Path, *, room: int = 0) -> Beaten:
    """A publisher of nordtel on a disk until that takes no more; `room`: bytes that a file may have there, if not all
    that the disk has. The receipts are noted at `place`.
    """
    return await _published(group, disk / "outbox", place / "receipts", 0, 0, room)


async def _published(
    group: ProvisionedGroup, directory: Path, receipts: Path, kills: int, seed: int, room: int
) -> Beaten:
    settings = group.settings("nordtel")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NTSG_")} | {
        "NTSG_BOOTSTRAP": settings.bootstrap,
        "NTSG_REALM": settings.realm,
        "NTSG_USER": settings.user or "",
        "NTSG_PASSWORD": settings.secret() or "",
    }
    answer = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", _PUBLISHING, *map(str, (directory, receipts, kills, seed, room))],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return Beaten(directory, _noted(receipts), answer.stderr)


def _noted(receipts: Path) -> Sequence[Receipt]:
    whole = receipts.read_text().splitlines(keepends=True) if receipts.exists() else []
    lines = (line.split() for line in whole if line.endswith("\n"))  # the last may have been cut short
    return [Receipt(ref, int(revision), int(number)) for ref, revision, number in lines]


async def nothing_is_lost(group: ProvisionedGroup, directory: Path, receipts: Iterable[Receipt]) -> None:
    """The outbox is empty, and the log holds what it took: all of it, nothing else, and in the order of each entity."""
    looked = look(directory)
    unsent = [entry for entry in looked.entries if entry.state is not EntryState.STORED]
    assert not unsent, unsent[:3]
    kept = {entry.number: (entry.ref, entry.revision) for entry in looked.entries}
    records = await log_of(group)
    codec = Codec()
    messages = [codec.decode(record.value or b"", Incident)[0] for record in records]
    told = [(message.reference, message.revision) for message in messages]
    assert {(receipt.ref, receipt.revision) for receipt in receipts} <= set(told), (
        "a receipt's record is not in the log"
    )
    assert all(kept.get(each.number, (each.ref, each.revision)) == (each.ref, each.revision) for each in receipts)
    assert set(kept.values()) <= set(told)
    by_entity: defaultdict[str, list[int]] = defaultdict(list)
    for ref, revision in dict.fromkeys(told):
        by_entity[ref].append(revision)
    assert all(revisions == sorted(revisions) for revisions in by_entity.values()), "an entity's order was lost"

    fold = await fold_log(group.settings("hub"))
    state = State(group.realm)
    for message in dict(zip(told, messages, strict=True)).values():
        state.apply(said(message))
    assert fold.state.digest == state.digest, "what was sent twice changed the picture"
    view = fold.state.view(datetime.now(UTC), fold.inputs, True)
    shown = {ref for situation in view.situations for ref in (*situation.members, *situation.duplicates)}
    assert {receipt.ref for receipt in receipts} <= shown


async def log_of(group: ProvisionedGroup) -> Sequence[Stored]:
    partition = TopicPartition(group.realm.input(Kind.INCIDENT, "nordtel"), 0)
    found: list[Stored] = []
    async for records in records_to_end(KafkaTransport(group.admin), [partition]):
        found += records
    return found
