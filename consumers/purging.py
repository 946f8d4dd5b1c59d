"""What must not have been said: taking it out of a log that forgets nothing.

The records leave the log that holds them, a placeholder in the place of each. What hubs have written of it and Kafka
keeps is emptied, for them to write anew: the quarantine, and the titles in what alerts have told. Every other record
keeps its offset, time, key, bytes and headers, so what the others say, and were signed to say, is what it was. Hubs
find by themselves that what they remember is of another log, and throw it away.

The feeds are left as they are, so that whoever follows them goes on: the hub that leads next tells there what has
changed, and Kafka removes what that replaces (`max.compaction.lag.ms`).
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bus.envelope import outgoing
from bus.errors import BusError, InvalidInput
from bus.instants import format_instant, from_millis
from bus.provision.administration import Administration, TopicState
from bus.provision.rewriting import Job, Record, Rewritten, hold_back, let_go, unfinished, write_down
from bus.purged import REWRITTEN, Purged, prove
from bus.settings import Settings
from bus.signatures import signs
from bus.topics import Realm, TopicPartition
from bus.transport.kafka import KafkaTransport
from bus.transport.port import Stored
from bus.transport.to_end import records_to_end
from consumers.alerts.watch import read_told
from consumers.quarantine import Place
from consumers.reading import fold_log, input_partitions
from consumers.settling import settlement


@dataclass(frozen=True, slots=True)
class Doomed:
    """A record that is to go."""

    place: Place
    key: str | None
    known_at: datetime
    size: int


@dataclass(frozen=True, slots=True)
class Intent:
    """What a purge would do, after a look at the bus."""

    realm: Realm
    doomed: Sequence[Doomed]
    records: int
    """In the log that they stand in."""
    topics: Mapping[str, TopicState]
    """All that is made anew, the log first."""

    @property
    def log(self) -> str:
        return self.doomed[0].place.topic


async def find(settings: Settings, secret: bytes) -> AsyncIterator[tuple[Place, bool]]:
    """Where on the bus these bytes stand, in a record's key, value or headers, and whether that is an input log.

    Raises InvalidInput for no bytes at all, BusError.
    """
    if not secret:
        raise InvalidInput("nothing to look for: give the text on standard input")
    transport, realm = KafkaTransport(settings), Realm(settings.realm)
    inputs = {partition.topic for partition in await input_partitions(transport, realm)}
    derived = await transport.partitions(_derived(realm))
    for partition in [*(await transport.partitions(inputs)), *derived]:
        async for records in records_to_end(transport, [partition]):
            for record in records:
                parts = (record.key, record.value, *(content for _, content in record.headers))
                if any(secret in part for part in parts if part is not None):
                    yield Place.of(record), partition.topic in inputs


async def intend(settings: Settings, places: Sequence[Place], *, silence: float) -> Intent:
    """Look whether these records can be purged, and what that means. Changes nothing. `silence`: seconds for which no
    hub may have ended a batch; one that leads does so each second.

    Raises InvalidInput for places that are none, or not of one input log; BusError while a hub runs, or a broker with
    a copy of the log is away.
    """
    realm, bus, transport = Realm(settings.realm), Administration(settings), KafkaTransport(settings)
    await bus.check()
    log = _one_log(realm, places)
    wanted = set(places)
    doomed, count = [], 0
    async for record in _in_place(transport, log):
        count += 1
        if Place.of(record) in wanted:
            if Purged.of(record.headers) is not None:
                raise InvalidInput(f"{Place.of(record)} was purged before")
            key = None if record.key is None else record.key.decode(errors="replace")
            doomed.append(Doomed(Place.of(record), key, from_millis(record.timestamp), len(record.value or b"")))
    if missing := sorted(wanted - {each.place for each in doomed}):
        raise InvalidInput(f"there is no record at {', '.join(map(str, missing))}; {log} holds {count}")
    topics = await bus.topics([log, *_remade(realm)])
    for name, state in topics.items():
        if state.partitions != 1:
            raise InvalidInput(f"{name} has {state.partitions} partitions, and must have 1; see `ntsg provision`")
        if state.in_sync < state.replication_factor:
            raise BusError(
                f"{name}: a broker that holds a copy is away, or behind; a purge waits until all are there,"
                " or what must go would stay on its disk"
            )
    await _no_hub_runs(transport, realm, silence)
    return Intent(realm, doomed, count, topics)


async def prepare(
    intent: Intent,
    settings: Settings,
    directory: Path,
    *,
    function: str,
    reason: str,
    now: datetime,
    with_keys: bool = False,
) -> Job:
    """Hold all writers back, and write down what each topic shall hold. From then on there is a job to carry out.

    Raises InvalidInput where one is unfinished, or the directory cannot be written; BusError.
    """
    if unfinished(directory) is not None:
        raise InvalidInput(f"a purge is unfinished in {directory}; end it with `ntsg purge resume`")
    realm, transport = intent.realm, KafkaTransport(settings)
    name = f"purge-{secrets.token_hex(8)}"
    places = {each.place for each in intent.doomed}

    async def rewritten() -> AsyncIterator[Record]:
        found = False
        async for stored in _in_place(transport, intent.log):
            record, place = Record.of(stored), Place.of(stored)
            if place in places:
                found = True
                told = Purged(now, function, reason, prove(record.value)).header()
                record = Record(record.timestamp, None if with_keys else record.key, None, (told,))
            yield _marked(record, name) if found else record

    contents = {
        intent.log: rewritten(),
        realm.alerts: _without_titles(transport, realm),
    }
    await hold_back(realm, intent.topics, settings)
    try:
        topics: list[Rewritten] = []
        for topic, state in intent.topics.items():
            content = contents.get(topic) or _nothing()
            topics.append(await write_down(directory, state, topic, content, in_place=topic == intent.log))
        job = Job(
            id=name,
            realm=str(realm),
            at=now,
            function=function,
            reason=reason,
            places=tuple(sorted(map(str, places))),
            topics=tuple(topics),
        )
        job.save(directory)
    except BaseException:
        await let_go(realm, settings)
        raise
    return job


async def tell_coordination(job: Job, coordination: Settings, now: datetime) -> Sequence[str]:
    """Say on the bus that something was purged, and not what: for each place a decision of the coordination that
    settles the placeholder, which is then counted as held no more. Returns their references. What is told already is
    not told again.
    """
    realm, transport = Realm(job.realm), KafkaTransport(coordination)
    actor = (coordination.user or "").removeprefix(f"{realm}.")
    fold = await fold_log(coordination)
    decisions = [
        settlement(fold, place, actor, reason=job.reason, as_of=now, withdraw=False, function=job.function)
        for place in map(Place.parse, job.places)
        if place not in fold.quarantine.settled
    ]
    async with transport.writer() as writer:
        await writer.send([signs(coordination)(outgoing(realm, decision, now)) for decision in decisions])
    return [decision.reference for decision in decisions]


def told(job: Job) -> str:
    """The act in one line, without what it was about."""
    return f"{job.id}: {', '.join(job.places)} at {format_instant(job.at)} by {job.function}: {job.reason}"


def _remade(realm: Realm) -> tuple[str, ...]:
    """What hubs have made from the log and nobody follows: made anew."""
    return realm.quarantine, realm.alerts


def _derived(realm: Realm) -> tuple[str, ...]:
    """All that hubs make from the log."""
    return realm.view, realm.view_authority, realm.view_peer, *_remade(realm)


def _one_log(realm: Realm, places: Sequence[Place]) -> str:
    topics = {place.topic for place in places}
    if len(topics) != 1 or {place.partition for place in places} != {0}:
        raise InvalidInput("the records of one purge stand in one topic, in partition 0; purge the others after it")
    (log,) = topics
    if realm.parse_input(log) is None:
        raise InvalidInput(f"{log} is no log of an actor's messages in realm {realm}; only those are purged")
    return log


async def _in_place(transport: KafkaTransport, log: str) -> AsyncIterator[Stored]:
    """All records of a log, which has to hold one at every offset: only so can they be put back where they stood."""
    expected = 0
    async for records in records_to_end(transport, [TopicPartition(log, 0)]):
        for record in records:
            if record.offset != expected:
                raise InvalidInput(
                    f"{log} holds no record at offset {expected} (a transaction, or records that were deleted):"
                    " it cannot be written again with its offsets; see docs/administrator.md"
                )
            expected += 1
            yield record


def _marked(record: Record, purge: str) -> Record:
    headers = tuple(header for header in record.headers if header[0] != REWRITTEN)
    return Record(record.timestamp, record.key, record.value, (*headers, (REWRITTEN, purge.encode())))


async def _without_titles(transport: KafkaTransport, realm: Realm) -> AsyncIterator[Record]:
    """What was told, so that nobody is woken again, without operators' words."""
    for key, alert in sorted((await read_told(transport, realm)).items()):
        at = int(alert.told_at.timestamp() * 1000)
        yield Record(at, key.encode(), alert.model_copy(update={"title": ""}).model_dump_json().encode())


async def _nothing() -> AsyncIterator[Record]:
    nothing: tuple[Record, ...] = ()
    for record in nothing:
        yield record


async def _no_hub_runs(transport: KafkaTransport, realm: Realm, silence: float) -> None:
    async with transport.reader({TopicPartition(realm.view, 0): 0}) as reader:
        await reader.assign(await reader.end_offsets())
        deadline = time.monotonic() + silence
        while (left := deadline - time.monotonic()) > 0:
            if await reader.read(timeout=left):
                raise BusError(f"a hub of realm {realm} runs: stop all of them first, and start them when this is done")
            await asyncio.sleep(0)
