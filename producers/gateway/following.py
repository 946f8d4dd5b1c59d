"""What an actor has said in any way: the last of each entity, read from its own topics with its own credentials.

So the form goes on from the last report, wherever that was made. The log has no index and is never cut: it is read
through once, and from there on as it grows. While the bus is away, what is kept stays, and `standing` tells its age.

A hub judges by the whole registry. Here what is plainly no report of the actor's is left out: what cannot be read,
names another actor, has another key or status, or lacks the signature that the registry asks for.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

import structlog

from bus.codec import Codec
from bus.envelope import sent_at
from bus.errors import BusError, CodecError, InvalidMessage, NotRemembered, NtsgError, OutboxError, UnknownFingerprint
from bus.instants import from_millis
from bus.messages import MESSAGES
from bus.purged import REWRITTEN
from bus.references import Kind, record_key
from bus.registry import Registry
from bus.signatures import Signature
from bus.topics import Realm, TopicPartition
from bus.transport import Transport
from bus.transport.port import Reader, Stored
from bus.transport.to_end import reached, records_to_end
from bus.vocabulary import SignaturePolicy
from producers.adapters.columns import KINDS
from producers.gateway.database import Database
from producers.gateway.records import Heard, Place, Records
from producers.outbox.entry import EntryState
from producers.outbox.outbox import Outbox

__all__ = ["Follower", "Standing", "following"]

AT_ONCE = 500
"""Records that are read and kept at one time: what answers requests meanwhile waits for no more than these."""

PACE = 0.5
"""Seconds between two looks at where the log ends."""

RENEWED = 60.0
"""Seconds after which it is looked whether the log is still the one that was read, or was rewritten by a purge."""

PAUSE = 5.0
"""Seconds before the bus is asked again, after it did not answer."""

FRESH = timedelta(seconds=15)
"""How old a look at the end of the log may be, for what is kept to count as all there is."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """How far what is kept can be relied on."""

    at: datetime | None
    """When the log was last read to its end; None for never since the start."""
    current: bool
    """Whether that was just now."""
    reading: bool
    """Whether the bus answers, and its log is still being read through."""


class Follower:
    """Follows the topics of one actor, of the kinds that the form knows. `run` it as a task."""

    def __init__(
        self, realm: Realm, actor: str, transport: Transport, database: Database, registry: Registry, outbox: Outbox
    ) -> None:
        self._actor = actor
        self._realm = realm
        self._transport = transport
        self._database = database
        self._records = Records(database.connection)
        self._registry = registry
        self._outbox = outbox
        self._codec = Codec()
        self._met_at: datetime | None = None
        self._looked = 0.0
        self._problem: NtsgError | None = None
        self._news = asyncio.Condition()

    @property
    def standing(self) -> Standing:
        met = self._met_at
        current = self._problem is None and met is not None and datetime.now(UTC) - met < FRESH
        return Standing(met, current, self._problem is None and not current)

    async def confirmed(self, within: float) -> bool:
        """Wait until the log has been read to where it ends now, up to `within` seconds. Returns whether it has."""
        asked = asyncio.get_running_loop().time()
        if not self.standing.current:  # whoever waits for a bus that is away, or for years of reports, waits in vain
            return False
        try:
            async with asyncio.timeout(within), self._news:
                await self._news.wait_for(lambda: self._looked >= asked or self._problem is not None)
        except TimeoutError:
            return False
        return self._problem is None

    async def run(self) -> None:
        """Follow until cancelled. Whatever the bus and the disk do, this goes on."""
        while True:
            try:
                await self._follow()
            except (BusError, NotRemembered, OutboxError) as error:
                if str(error) != str(self._problem):
                    log.warning("not_followed", actor=self._actor, reason=str(error))
                self._problem = error
                await self._tell()
                await asyncio.sleep(PAUSE)

    async def _follow(self) -> None:
        """For as long as one look at the log holds."""
        clock = asyncio.get_running_loop().time
        kinds = {self._realm.input(kind, self._actor): kind for kind in KINDS}
        found = await self._transport.partitions(kinds)
        places = await self._database.call(self._records.places, self._actor)
        begun = {each: places[kinds[each.topic]] for each in found if kinds[each.topic] in places}
        starts = {each: begun[each].offset if each in begun else 0 for each in found}
        taken: dict[TopicPartition, int] = {}
        until = clock() + RENEWED
        async with self._transport.reader(starts) as reader:
            for partition, end in (await reader.end_offsets()).items():
                if partition in begun and end <= begun[partition].offset:
                    await self._begin_anew(reader, partition, kinds[partition.topic])
                    del begun[partition]
            while clock() < until:
                looked, ends = clock(), await reader.end_offsets()
                while not reached(reader.positions(), ends):
                    if not await self._take(reader, kinds, begun, taken, timeout=1.0):
                        await reader.end_offsets()  # raises when no broker answers any more
                self._problem, self._met_at, self._looked = None, datetime.now(UTC), looked
                await self._tell()
                await self._take(reader, kinds, begun, taken, timeout=PACE)

    async def _take(
        self,
        reader: Reader,
        kinds: Mapping[str, Kind],
        begun: dict[TopicPartition, Place],
        taken: dict[TopicPartition, int],
        *,
        timeout: float,
    ) -> bool:
        """Keep what comes next. What was read before begins with the last record that was kept, and offsets rise; or
        the log is another one. Returns whether anything came.
        """
        records = await reader.read(timeout=timeout, limit=AT_ONCE)
        for partition, group in groupby(records, lambda record: TopicPartition(record.topic, record.partition)):
            kind, batch = kinds[partition.topic], list(group)
            if (before := begun.pop(partition, None)) is not None:
                if _place(batch[0]) != before:
                    await self._begin_anew(reader, partition, kind)
                    continue
                taken[partition] = before.offset
                del batch[0]
            if batch and batch[0].offset <= taken.get(partition, -1):
                await self._begin_anew(reader, partition, kind)
                taken.pop(partition)
            elif batch:
                taken[partition] = batch[-1].offset
                heard = [each for each in [await self._heard(record, kind) for record in batch] if each is not None]
                await self._database.call(self._records.hear, self._actor, kind, heard, _place(batch[-1]))
        return bool(records)

    async def _begin_anew(self, reader: Reader, partition: TopicPartition, kind: Kind) -> None:
        """The log is not the one that was read: something was purged from it, and is forgotten here as well."""
        log.warning("log_was_rewritten", topic=partition.topic)
        newest = await self._database.call(self._records.newest, self._actor)
        waits = {
            entry.number
            for state in (EntryState.WAITING, EntryState.REFUSED)
            for entry in await self._outbox.entries(state)
        }
        await self._database.call(self._records.forget, self._actor, kind, newest, waits)
        await reader.assign({**reader.positions(), partition: 0})

    async def _heard(self, record: Stored, kind: Kind) -> Heard | None:
        """The report in a record; None for what is none of this actor's."""
        if record.value is None:
            return None
        model = MESSAGES[kind]
        try:
            try:
                message, content = self._codec.decode(record.value, model)
            except UnknownFingerprint:
                await self._learn()
                message, content = self._codec.decode(record.value, model)
        except (CodecError, InvalidMessage) as error:
            log.warning("report_not_readable", topic=record.topic, offset=record.offset, reason=type(error).__name__)
            return None
        known_at = from_millis(record.timestamp)
        if (
            message.actor != self._actor
            or record.key != record_key(self._actor, message.id)
            or message.status not in self._realm.statuses
            or not self._is_signed(record, known_at)
        ):
            log.warning("report_not_own", topic=record.topic, offset=record.offset)
            return None
        return Heard(message, sent_at(record.headers) or known_at, content, known_at)

    def _is_signed(self, record: Stored, known_at: datetime) -> bool:
        """Whether the record has the signature that the registry asks for, if it asks for one."""
        entry = self._registry.at(self._actor, known_at)
        if entry is None or entry.policy_at(known_at) is not SignaturePolicy.REQUIRE:
            return True
        from bus.signing import verifies  # most groups sign nothing, and then need no cryptography

        try:
            signature = Signature.of(record.headers)
        except ValueError:
            return False
        key = None if signature is None else entry.keys_at(known_at).get(signature.key_id)
        return signature is not None and key is not None and verifies(key, signature, record)

    async def _learn(self) -> None:
        """Take up the schemas that the bus holds."""
        async for records in records_to_end(self._transport, await self._transport.partitions([self._realm.schemas])):
            for record in records:
                with suppress(CodecError, UnicodeDecodeError):  # what is no schema explains nothing
                    self._codec.learn((record.value or b"").decode())

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()


@asynccontextmanager
async def following(follower: Follower) -> AsyncIterator[Follower]:
    """The follower, at work."""
    task = asyncio.create_task(follower.run(), name="gateway-follower")
    try:
        yield follower
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()  # it ends by itself only by a fault of ours


def _place(record: Stored) -> Place:
    """Where a record stands, and what it is: equal only for the same record of the same log. A log that was rewritten
    by a purge is another one from there on.
    """
    mark = hashlib.sha256()
    for part in _parts(record):
        mark.update(b"-" if part is None else len(part).to_bytes(8, "big") + part)
    return Place(record.offset, mark.digest())


def _parts(record: Stored) -> Iterator[bytes | None]:
    yield record.timestamp.to_bytes(8, "big", signed=True)
    yield record.key
    yield record.value
    yield from (value for name, value in record.headers if name == REWRITTEN)
