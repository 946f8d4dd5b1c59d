"""Topics that are to hold other records than they do: written down whole before the first of them is touched.

The one thing in this package that deletes from a log; `ntsg purge` alone uses it. A job is a directory: what each topic
shall hold, a file each, and `job.json`, which appears last and says that the files are whole. From then on a run that
is broken off anywhere is taken up where it was, as often as it takes: a topic that holds what it shall is left alone,
any other is deleted, made again and written. Nobody else may write meanwhile: a DENY holds all users back.
"""

from __future__ import annotations

import hashlib
import json
import os
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from bus.credentials import Credentials, new_password, write_private
from bus.errors import BusError, InvalidInput
from bus.instants import Instant
from bus.provision.actions import CreateTopic, RepairTopic
from bus.provision.administration import Administration, TopicState
from bus.provision.rules import Right, user_name
from bus.settings import Settings
from bus.topics import Realm, TopicPartition
from bus.transport.kafka import KafkaTransport
from bus.transport.port import Stored
from bus.transport.to_end import records_to_end

STAMP = "message.timestamp.type"
JOB = "job.json"

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it shall stand in the log. `timestamp` in milliseconds since the epoch."""

    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()

    @classmethod
    def of(cls, stored: Stored) -> Self:
        return cls(stored.timestamp, stored.key, stored.value, tuple(stored.headers))

    def line(self) -> bytes:
        headers = [(name, _text(content)) for name, content in self.headers]
        return json.dumps([self.timestamp, _text(self.key), _text(self.value), headers]).encode() + b"\n"

    @classmethod
    def parse(cls, line: bytes) -> Self:
        timestamp, key, value, headers = json.loads(line)
        named = tuple((name, _bytes(content) or b"") for name, content in headers)
        return cls(timestamp, _bytes(key), _bytes(value), named)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rewritten(_Part):
    """What a topic shall be. `in_place`: each record keeps its offset, so the topic is a log that others remember."""

    name: str
    in_place: bool
    records: int
    sha256: str
    """Of the file that holds the records."""
    config: dict[str, str]
    replication_factor: int


class Job(_Part):
    """A rewriting that has begun. `written`: every topic is as it shall be, and others may write again."""

    id: str
    realm: str
    at: Instant
    function: str
    reason: str
    places: tuple[str, ...]
    topics: tuple[Rewritten, ...]
    written: bool = False

    def save(self, directory: Path) -> None:
        write_private(directory / JOB, self.model_dump_json(indent=1) + "\n")


def unfinished(directory: Path) -> Job | None:
    """The job of a directory; None where none has begun. Raises InvalidInput for one that cannot be read."""
    try:
        return Job.model_validate_json((directory / JOB).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise InvalidInput(f"{directory / JOB} cannot be read ({error}); restore it: topics may be gone") from error


async def write_down(
    directory: Path, state: TopicState, name: str, records: AsyncIterator[Record], *, in_place: bool
) -> Rewritten:
    """Put what a topic shall hold on disk, for good. Raises InvalidInput where that fails."""
    total, count, file = hashlib.sha256(), 0, directory / _file(name)
    try:
        with _private(file) as lines:
            async for record in records:
                line = record.line()
                total.update(line)
                count += lines.write(line) > 0
            lines.flush()
            os.fsync(lines.fileno())
    except OSError as error:
        raise InvalidInput(f"{file} cannot be written: {error.strerror}; name another --directory") from error
    return Rewritten(
        name=name,
        in_place=in_place,
        records=count,
        sha256=total.hexdigest(),
        config={**state.own, STAMP: state.config[STAMP]},
        replication_factor=state.replication_factor,
    )


async def carry_out(job: Job, directory: Path, settings: Settings, report: Report) -> Job:
    """Make every topic what it shall be. Broken off anywhere, it is run again.

    Raises InvalidInput where a file is not what was written down, BusError.
    """
    if job.written:
        return job
    for topic in job.topics:
        _check(topic, directory / _file(topic.name))
    bus, transport = Administration(settings), KafkaTransport(settings)
    for topic in job.topics:
        file = directory / _file(topic.name)
        if not await _holds(bus, transport, topic, file):
            await _write(bus, transport, topic, file, report)
        report(f"{topic.name}: holds what it shall, {topic.records} records")
    job = job.model_copy(update={"written": True})
    job.save(directory)
    return job


def clear(job: Job, directory: Path) -> None:
    """Remove what was written down; the job last."""
    for topic in job.topics:
        (directory / _file(topic.name)).unlink(missing_ok=True)
    (directory / JOB).unlink()


async def hold_back(realm: Realm, topics: Iterable[str], settings: Settings) -> None:
    """Return when no broker lets anybody but administrators write to these topics any more."""
    bus = Administration(settings)
    await bus.grant(_prohibitions(topics))
    probe = Credentials(settings.bootstrap, f"{user_name(realm, '')}-purge", new_password(), None, settings.tls_ca)
    # Brokers take up changes in one order: who lets this user in has taken up the prohibition, too.
    await bus.set_passwords([probe])
    try:
        await bus.await_login(probe)
    finally:
        await bus.delete_users([probe.user])


async def let_go(realm: Realm, settings: Settings) -> None:
    """Let users write again, as their rights say: lifts what `hold_back` has forbidden in this realm."""
    bus = Administration(settings)
    rights = await bus.rights()
    await bus.revoke(rights & set(_prohibitions(right.name for right in rights if right.name.startswith(f"{realm}."))))


def _prohibitions(topics: Iterable[str]) -> list[Right]:
    return [Right("*", "WRITE", "TOPIC", topic, permission="DENY") for topic in topics]


async def _write(bus: Administration, transport: KafkaTransport, topic: Rewritten, file: Path, report: Report) -> None:
    states = await bus.topics([topic.name])
    if topic.name in states:
        if topic.in_place and await _length(transport, topic.name) > topic.records:
            raise BusError(
                f"{topic.name} has grown since it was written down; nothing of it was touched: remove {file.parent},"
                " let users write again by `ntsg purge resume`, and begin anew"
            )
        await bus.delete_topics([topic.name])
        report(f"{topic.name}: deleted")
    await bus.create_topics([CreateTopic(topic.name, topic.config | {STAMP: "CreateTime"}, topic.replication_factor)])
    await bus.append(topic.name, _records(file))
    await bus.repair_topics([RepairTopic(topic.name, {STAMP: ("CreateTime", topic.config[STAMP])})])
    if not await _holds(bus, transport, topic, file):
        raise BusError(f"{topic.name} does not hold what was written to it; run `ntsg purge resume`")


async def _holds(bus: Administration, transport: KafkaTransport, topic: Rewritten, file: Path) -> bool:
    """Whether the topic is what it shall be, down to the last record."""
    state = (await bus.topics([topic.name])).get(topic.name)
    if state is None or state.own != topic.config:
        return False
    wanted, offset = _records(file), 0
    async for records in records_to_end(transport, [TopicPartition(topic.name, 0)]):
        for record in records:
            if next(wanted, None) != Record.of(record) or (topic.in_place and record.offset != offset):
                return False
            offset += 1
    return next(wanted, None) is None


async def _length(transport: KafkaTransport, name: str) -> int:
    partition = TopicPartition(name, 0)
    async with transport.reader({partition: 0}) as reader:
        return (await reader.high_watermarks())[partition]


def _records(file: Path) -> Iterator[Record]:
    with file.open("rb") as lines:
        yield from map(Record.parse, lines)


def _private(file: Path) -> BinaryIO:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _check(topic: Rewritten, file: Path) -> None:
    try:
        with file.open("rb") as lines:
            found = hashlib.file_digest(lines, "sha256").hexdigest()
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}; restore it") from error
    if found != topic.sha256:
        raise InvalidInput(f"{file} is not what was written down: its SHA-256 differs; restore it")


def _file(topic: str) -> str:
    return f"{topic}.ndjson"


def _text(content: bytes | None) -> str | None:
    return None if content is None else b64encode(content).decode()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text)
