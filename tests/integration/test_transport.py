"""The transport port's promises, held for every adapter; and what only the adapter on Kafka has to do."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from itertools import count
from typing import Any, Protocol

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from pydantic import SecretStr

from bus.broker import Running
from bus.broker.cluster import free_port
from bus.errors import (
    AuthenticationFailed,
    BusError,
    BusUnavailable,
    Fenced,
    InvalidSettings,
    NotAllowed,
    TooLarge,
    UnknownTopic,
)
from bus.settings import Settings
from bus.topics import Realm, TopicPartition
from bus.transport import Outgoing, Reader, Stored, Transport
from bus.transport.connection import Connection
from bus.transport.kafka import KafkaTransport
from bus.transport.memory import MemoryTransport
from bus.transport.port import MAX_RECORD_BYTES

PATIENCE = 60.0
"""Seconds that a condition has to come true. Never what a passing test takes."""


class World(Protocol):
    """One bus with topics of this test's own."""

    transport: Transport

    async def create(self, *, partitions: int = 1, compacted: bool = False) -> str: ...

    async def leave_open(self, transactional_id: str, records: Sequence[Outgoing]) -> None: ...

    def id(self) -> str:
        """A transactional id that nobody uses."""


class MemoryWorld:
    def __init__(self) -> None:
        self.transport = MemoryTransport()
        self._numbers = count(1)

    async def create(self, *, partitions: int = 1, compacted: bool = False) -> str:
        topic = f"t.{next(self._numbers)}"
        self.transport.create(topic, partitions=partitions, compacted=compacted)
        return topic

    async def leave_open(self, transactional_id: str, records: Sequence[Outgoing]) -> None:
        self.transport.leave_open(transactional_id, records)

    def id(self) -> str:
        return f"id-{next(self._numbers)}"


class KafkaWorld:
    def __init__(self, settings: Settings, realm: Realm) -> None:
        self.settings = settings
        self.transport = KafkaTransport(settings)
        self._options = Connection.of(settings).client_options
        self.operator = f"{realm}-nordtel"
        self._prefix = str(realm)
        self._numbers = count(1)
        self._hanging: list[Any] = []

    async def create(self, *, partitions: int = 1, compacted: bool = False) -> str:
        topic = f"{self._prefix}.{next(self._numbers)}"
        configuration = {
            "message.timestamp.type": "LogAppendTime",
            "cleanup.policy": "compact" if compacted else "delete",
        }
        admin = AIOKafkaAdminClient(**self._options)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=configuration)])
        finally:
            await admin.close()
        return topic

    async def leave_open(self, transactional_id: str, records: Sequence[Outgoing]) -> None:
        producer = AIOKafkaProducer(transactional_id=transactional_id, **self._options)
        self._hanging.append(producer)
        await producer.start()
        await producer.begin_transaction()
        for record in records:
            await producer.send_and_wait(record.topic, record.value, record.key)

    def id(self) -> str:
        return f"{self._prefix}-{next(self._numbers)}"

    async def close(self) -> None:
        for producer in self._hanging:
            await producer.stop()


def outgoing(topic: str, *values: str, key: str = "nordtel/I-17") -> list[Outgoing]:
    return [Outgoing(topic, key.encode(), value.encode()) for value in values]


def values(records: Sequence[Stored]) -> list[str]:
    return [(record.value or b"").decode() for record in records]


async def read_all(reader: Reader, *, limit: int = 5_000) -> list[Stored]:
    """Read until the reader is where the log ends now."""
    found: list[Stored] = []
    async with asyncio.timeout(PATIENCE):
        ends = await reader.end_offsets()
        while any(reader.positions()[partition] < end for partition, end in ends.items()):
            found += await reader.read(timeout=1.0, limit=limit)
    return found


async def read_to(reader: Reader, positions: Mapping[TopicPartition, int]) -> list[Stored]:
    """Read until the reader stands exactly there."""
    found: list[Stored] = []
    async with asyncio.timeout(PATIENCE):
        while reader.positions() != positions:
            found += await reader.read(timeout=0.1)
    return found


async def read_until(reader: Reader, last: str) -> list[Stored]:
    """Read until this value comes. (What a transaction stored is seen a moment after it was stored.)"""
    found: list[Stored] = []
    async with asyncio.timeout(PATIENCE):
        while last not in values(found[-1:]):
            found += await reader.read(timeout=1.0)
    return found


async def replay(transport: Transport, *topics: str) -> list[Stored]:
    async with transport.reader(dict.fromkeys(await transport.partitions(topics), 0)) as reader:
        return await read_all(reader)


class TransportContract:
    """Subclassed for every adapter with a fixture `world`."""

    async def test_what_one_writer_sends_is_stored_in_that_order(self, world: World) -> None:
        topic = await world.create()
        sent = [str(n) for n in range(1_000)]
        async with world.transport.writer() as writer:
            positions = [*await writer.send(outgoing(topic, *sent[:3]))]
            for start in range(3, 1_000, 100):
                positions += await writer.send(outgoing(topic, *sent[start : start + 100]))
        records = await replay(world.transport, topic)
        assert values(records) == sent
        assert [(p.topic, p.partition, p.offset, p.timestamp) for p in positions] == [
            (r.topic, r.partition, r.offset, r.timestamp) for r in records
        ]
        assert [p.offset for p in positions] == list(range(1_000))

    async def test_sends_at_the_same_time_each_keep_their_order(self, world: World) -> None:
        topic = await world.create()
        async with world.transport.writer() as writer:
            await asyncio.gather(
                *(writer.send(outgoing(topic, *(f"{n}-{i:03}" for i in range(n * 7)))) for n in range(1, 12))
            )
        found = values(await replay(world.transport, topic))
        assert len(found) == 7 * sum(range(1, 12))
        for n in range(1, 12):
            mine = [value for value in found if value.startswith(f"{n}-")]
            assert mine == sorted(mine)

    async def test_a_key_stays_in_its_partition_and_in_order(self, world: World) -> None:
        topic = await world.create(partitions=4)
        records = [Outgoing(topic, f"nordtel/I-{n % 20}".encode(), str(n).encode()) for n in range(400)]
        async with world.transport.writer() as writer:
            positions = await writer.send(records)
        found = await replay(world.transport, topic)
        assert len({p.partition for p in positions}) > 1
        for key in {record.key for record in records}:
            of_key = [record for record in found if record.key == key]
            assert len({record.partition for record in of_key}) == 1
            assert [int(v) for v in values(of_key)] == [n for n, r in enumerate(records) if r.key == key]
        stored = {(r.partition, r.offset): r.value for r in found}
        assert [stored[p.partition, p.offset] for p in positions] == [record.value for record in records]

    async def test_reads_from_the_position_given(self, world: World) -> None:
        topic = await world.create()
        async with world.transport.writer() as writer:
            await writer.send(outgoing(topic, *"abcdef"))
        async with world.transport.reader({TopicPartition(topic, 0): 4}) as reader:
            assert reader.positions() == {TopicPartition(topic, 0): 4}
            assert values(await read_all(reader)) == ["e", "f"]
            assert reader.positions() == await reader.end_offsets() == {TopicPartition(topic, 0): 6}

    async def test_never_returns_more_than_the_limit(self, world: World) -> None:
        topic, other = await world.create(), await world.create()
        async with world.transport.writer() as writer:
            await writer.send(outgoing(topic, *"abcdef") + outgoing(other, *"uvwxyz"))
        async with world.transport.reader({TopicPartition(topic, 0): 0, TopicPartition(other, 0): 0}) as reader:
            found: list[Stored] = []
            async with asyncio.timeout(PATIENCE):
                while len(found) < 12:
                    records = await reader.read(timeout=1.0, limit=5)
                    assert len(records) <= 5
                    found += records
        assert "".join(values([r for r in found if r.topic == topic])) == "abcdef"
        assert "".join(values([r for r in found if r.topic == other])) == "uvwxyz"

    async def test_an_empty_log_has_an_end_and_nothing_to_read(self, world: World) -> None:
        topic = await world.create()
        async with world.transport.reader({TopicPartition(topic, 0): 0}) as reader:
            assert await reader.end_offsets() == await reader.high_watermarks() == {TopicPartition(topic, 0): 0}
            assert list(await reader.read(timeout=0.05)) == []

    async def test_without_partitions_there_is_nothing_to_read(self, world: World) -> None:
        async with world.transport.reader({}) as reader:
            assert list(await reader.read(timeout=0.05)) == []
            assert reader.positions() == await reader.end_offsets() == await reader.high_watermarks() == {}

    async def test_headers_and_tombstones_pass_through(self, world: World) -> None:
        topic = await world.create(compacted=True)
        headers = (("ce_time", b"2026-01-10T06:00:00Z"), ("traceparent", b"\x00\xff"), ("ce_time", b""))
        async with world.transport.writer() as writer:
            await writer.send([Outgoing(topic, b"situation/s-1", b"full", headers)])
            await writer.send([Outgoing(topic, b"situation/s-1", None)])
            await writer.send([Outgoing(topic, b"situation/s-2", None)] * 40)
        first, second, *rest = await replay(world.transport, topic)
        assert (first.key, first.value, tuple(first.headers)) == (b"situation/s-1", b"full", headers)
        assert (second.key, second.value, tuple(second.headers)) == (b"situation/s-1", None, ())
        assert [record.value for record in rest] == [None] * 40

    async def test_a_reader_is_woken_by_what_arrives(self, world: World) -> None:
        topic = await world.create()
        async with world.transport.reader({TopicPartition(topic, 0): 0}) as reader, world.transport.writer() as writer:
            waiting = asyncio.create_task(self._first(reader))
            await writer.send(outgoing(topic, "now"))
            assert values(await waiting) == ["now"]

    async def test_a_cancelled_read_loses_no_record(self, world: World) -> None:
        topic = await world.create()
        sent = [str(n) for n in range(300)]
        async with world.transport.reader({TopicPartition(topic, 0): 0}) as reader, world.transport.writer() as writer:
            writing = asyncio.create_task(self._one_by_one(writer.send, topic, sent))
            found: list[Stored] = []
            async with asyncio.timeout(PATIENCE):
                while len(found) < len(sent):
                    reading = asyncio.create_task(reader.read(timeout=PATIENCE))
                    await asyncio.wait([reading], timeout=0.003)
                    reading.cancel()
                    with suppress(asyncio.CancelledError):
                        found += await reading
            await writing
        assert values(found) == sent

    async def test_closing_ends_a_wait(self, world: World) -> None:
        topic = await world.create()
        async with asyncio.timeout(PATIENCE):
            async with world.transport.reader({TopicPartition(topic, 0): 0}) as reader:
                waiting = asyncio.create_task(reader.read(timeout=10 * PATIENCE))
                await asyncio.wait([waiting], timeout=0.05)
            with suppress(BusError):
                assert list(await waiting) == []
            with pytest.raises(BusError):
                await reader.read(timeout=0)

    async def test_a_closed_writer_says_so(self, world: World) -> None:
        topic = await world.create()
        async with world.transport.writer() as writer, world.transport.transaction(world.id()) as transaction:
            pass
        with pytest.raises(BusError, match="closed"):
            await writer.send(outgoing(topic, "a"))
        with pytest.raises(BusError, match="closed"):
            await transaction.send(outgoing(topic, "a"))

    async def test_assigning_more_leaves_the_others_where_they_are(self, world: World) -> None:
        topic, other = await world.create(), await world.create()
        first, second = TopicPartition(topic, 0), TopicPartition(other, 0)
        async with world.transport.writer() as writer:
            await writer.send(outgoing(topic, *"abcdef"))
            await writer.send(outgoing(other, *"uvwxyz"))
        async with world.transport.reader({first: 0}) as reader:
            found = [*await self._first(reader, limit=2)]
            await reader.assign({**reader.positions(), second: 3})
            assert reader.positions() == {first: 2, second: 3}
            found += await read_all(reader)
            await reader.assign({first: 5, second: reader.positions()[second]})
            again = await read_all(reader)
            await reader.assign({second: reader.positions()[second]})
            assert reader.positions() == await reader.end_offsets() == {second: 6}
        assert "".join(values([r for r in found if r.topic == topic])) == "abcdef"
        assert "".join(values([r for r in found if r.topic == other])) == "xyz"
        assert values(again) == ["f"]

    async def test_partitions_of_topics_that_exist(self, world: World) -> None:
        one, three = await world.create(), await world.create(partitions=3)
        expected = [TopicPartition(one, 0), *(TopicPartition(three, n) for n in range(3))]
        assert list(await world.transport.partitions([three, one, "no.such.topic"])) == sorted(expected)
        assert set(expected) <= set(await world.transport.partitions())
        assert list(await world.transport.partitions([])) == []

    async def test_what_may_be_written_is_known_without_writing(self, world: World) -> None:
        topic = await world.create()
        assert await world.transport.writable([topic, "no.such.topic"]) == {topic}
        assert await world.transport.writable([]) == frozenset()
        assert await replay(world.transport, topic) == []

    async def test_an_unknown_topic_is_told_at_once(self, world: World) -> None:
        topic = await world.create()
        async with world.transport.writer() as writer, world.transport.transaction(world.id()) as transaction:
            with pytest.raises(UnknownTopic, match=r"no\.such\.topic"):
                await writer.send(outgoing("no.such.topic", "a"))
            with pytest.raises(UnknownTopic):
                await transaction.send(outgoing(topic, "a") + outgoing("no.such.topic", "a"))
            await transaction.send(outgoing(topic, "b"))
            await writer.send(outgoing(topic, "c"))
        with pytest.raises(UnknownTopic):
            async with world.transport.reader({TopicPartition("no.such.topic", 0): 0}):
                pass
        async with world.transport.reader({TopicPartition(topic, 0): 0}) as reader:
            with pytest.raises(UnknownTopic):
                await reader.assign({TopicPartition(topic, 7): 0})
            assert values(await read_until(reader, "c")) == ["b", "c"]

    async def test_a_record_may_be_large_and_not_too_large(self, world: World) -> None:
        topic = await world.create()
        key = b"nordtel/I-17"
        largest = Outgoing(topic, key, b"x" * (MAX_RECORD_BYTES - len(key)))
        too_large = Outgoing(topic, key, b"x" * MAX_RECORD_BYTES)
        async with world.transport.writer() as writer, world.transport.transaction(world.id()) as transaction:
            with pytest.raises(TooLarge, match="nordtel/I-17"):
                await writer.send([*outgoing(topic, "a"), too_large])
            with pytest.raises(TooLarge):
                await transaction.send([*outgoing(topic, "a"), too_large])
            await transaction.send([largest])
            await writer.send([largest])
            await writer.send(outgoing(topic, "end"))
        async with world.transport.reader({TopicPartition(topic, 0): 0}) as reader:
            found = await read_until(reader, "end")
        assert [record.value for record in found] == [largest.value, largest.value, b"end"]

    async def test_a_transaction_is_seen_whole_and_its_marker_takes_an_offset(self, world: World) -> None:
        topic, other = await world.create(), await world.create()
        first, second = TopicPartition(topic, 0), TopicPartition(other, 0)
        async with world.transport.transaction(world.id()) as transaction:
            assert list(await transaction.send([])) == []
            a, b = await transaction.send(outgoing(topic, "a") + outgoing(other, "b"))
            (c,) = await transaction.send(outgoing(topic, "c"))
            many = await transaction.send(outgoing(topic, *(str(n) for n in range(50))))
        assert (a.offset, b.offset, c.offset, many[0].offset) == (0, 0, 2, 4)
        async with world.transport.reader({first: 0, second: 0}) as reader:
            found = await read_to(reader, {first: 55, second: 2})
            assert await reader.end_offsets() == await reader.high_watermarks() == {first: 55, second: 2}
        assert values([r for r in found if r.topic == topic]) == ["a", "c", *(str(n) for n in range(50))]
        assert values([r for r in found if r.topic == other]) == ["b"]
        assert {(r.topic, r.offset, r.timestamp) for r in found if r.offset == 0} == {
            (p.topic, p.offset, p.timestamp) for p in (a, b)
        }

    async def test_a_newer_holder_fences_the_older(self, world: World) -> None:
        topic, transactional_id = await world.create(), world.id()
        async with world.transport.transaction(transactional_id) as older:
            await older.send(outgoing(topic, "a"))
            async with world.transport.transaction(transactional_id) as newer:
                await newer.send(outgoing(topic, "b"))
                for _ in range(2):
                    with pytest.raises(Fenced):
                        await older.send(outgoing(topic, "from the grave"))
                await newer.send(outgoing(topic, "c"))
        async with world.transport.reader({TopicPartition(topic, 0): 0}) as reader:
            assert values(await read_to(reader, {TopicPartition(topic, 0): 6})) == ["a", "b", "c"]

    async def test_an_open_transaction_holds_back_readers_until_it_is_aborted(self, world: World) -> None:
        topic, transactional_id = await world.create(), world.id()
        partition = TopicPartition(topic, 0)
        async with world.transport.writer() as writer:
            await writer.send(outgoing(topic, "before"))
            await world.leave_open(transactional_id, outgoing(topic, "never", "ever"))
            await writer.send(outgoing(topic, "after"))
        async with world.transport.reader({partition: 0}) as reader:
            assert values(await read_all(reader)) == ["before"]
            assert await reader.end_offsets() == {partition: 1}
            assert await reader.high_watermarks() == {partition: 4}
            async with world.transport.transaction(transactional_id) as successor:
                await successor.send(outgoing(topic, "successor"))
            assert values(await read_to(reader, {partition: 7})) == ["after", "successor"]
            assert await reader.end_offsets() == await reader.high_watermarks() == {partition: 7}

    async def test_a_cancelled_transaction_is_stored_whole_or_not_at_all(self, world: World) -> None:
        topic = await world.create()
        async with world.transport.transaction(world.id()) as transaction:
            for n in range(30):
                sending = asyncio.create_task(transaction.send(outgoing(topic, f"{n}-a", f"{n}-b")))
                await asyncio.wait([sending], timeout=n * 0.0003)
                sending.cancel()
            await transaction.send(outgoing(topic, "end"))
        async with world.transport.reader({TopicPartition(topic, 0): 0}) as reader:
            found = values(await read_until(reader, "end"))
        assert found.pop() == "end"
        assert [value[:-1] + "b" for value in found[::2]] == found[1::2]

    async def _first(self, reader: Reader, *, limit: int = 5_000) -> Sequence[Stored]:
        async with asyncio.timeout(PATIENCE):
            while not (found := await reader.read(timeout=1.0, limit=limit)):
                pass
            return found

    async def _one_by_one(
        self, send: Callable[[list[Outgoing]], Awaitable[object]], topic: str, sent: list[str]
    ) -> None:
        for value in sent:
            await send(outgoing(topic, value))


class TestMemory(TransportContract):
    @pytest.fixture
    def world(self) -> MemoryWorld:
        return MemoryWorld()


class TestKafka(TransportContract):
    @pytest.fixture
    async def world(self, broker: Running, realm: Realm) -> AsyncIterator[KafkaWorld]:
        world = KafkaWorld(broker.settings(), realm)
        yield world
        await world.close()


USER, PASSWORD = "nordtel", "made-up"


@pytest.fixture
async def kafka(broker: Running, realm: Realm) -> AsyncIterator[KafkaWorld]:
    world = KafkaWorld(broker.settings(), realm)
    yield world
    await world.close()


def operator(world: KafkaWorld, password: str = PASSWORD) -> KafkaTransport:
    return KafkaTransport(
        Settings(bootstrap=world.settings.bootstrap, user=world.operator, password=SecretStr(password)),
        delivery_timeout=20,
    )


def grant(world: KafkaWorld, rights: Mapping[str, Sequence[AclOperation]]) -> None:
    """Make the operator known, with these rights to topics."""
    security = Connection.of(world.settings).security
    admin = AdminClient(
        {
            "bootstrap.servers": world.settings.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": security["sasl_plain_username"],
            "sasl.password": security["sasl_plain_password"],
        }
    )
    scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    changes: list[Any] = [
        *admin.alter_user_scram_credentials(
            [UserScramCredentialUpsertion(world.operator, scram, PASSWORD.encode())]
        ).values(),
        *admin.create_acls(
            [
                AclBinding(
                    ResourceType.TOPIC,
                    topic,
                    ResourcePatternType.LITERAL,
                    f"User:{world.operator}",
                    "*",
                    operation,
                    AclPermissionType.ALLOW,
                )
                for topic, operations in rights.items()
                for operation in operations
            ]
        ).values(),
    ]
    for change in changes:
        change.result(PATIENCE)


class TestKafkaErrors:
    """Each failure is told as what it is, with what to do."""

    async def test_no_broker(self) -> None:
        nobody = Settings(bootstrap=f"127.0.0.1:{free_port(())}", user=USER, password=SecretStr(PASSWORD))
        transport = KafkaTransport(nobody, answer_timeout=5)
        with pytest.raises(BusUnavailable, match=r"127\.0\.0\.1"):
            await transport.partitions()
        for opening in (transport.writer(), transport.reader({}), transport.transaction("x")):
            with pytest.raises(BusUnavailable):
                async with opening:
                    pass

    async def test_wrong_password(self, kafka: KafkaWorld) -> None:
        grant(kafka, {await kafka.create(): [AclOperation.READ]})
        await until_let_in(operator(kafka))
        transport = operator(kafka, "wrong")
        with pytest.raises(AuthenticationFailed, match=kafka.operator) as caught:
            await transport.partitions()
        assert "wrong" not in str(caught.value)
        for opening in (transport.writer(), transport.reader({}), transport.transaction("x")):
            with pytest.raises(AuthenticationFailed):
                async with opening:
                    pass

    async def test_no_user(self, kafka: KafkaWorld) -> None:
        with pytest.raises(AuthenticationFailed, match="password_file"):
            await KafkaTransport(Settings(bootstrap=kafka.settings.bootstrap), answer_timeout=5).partitions()

    async def test_no_password(self) -> None:
        with pytest.raises(InvalidSettings, match="password_file"):
            KafkaTransport(Settings(user=USER))

    async def test_the_password_is_in_no_repr(self) -> None:
        assert PASSWORD not in repr(Connection.of(Settings(user=USER, password=SecretStr(PASSWORD))))

    async def test_rights(self, kafka: KafkaWorld) -> None:
        own, foreign, visible = await kafka.create(), await kafka.create(), await kafka.create()
        grant(kafka, {own: [AclOperation.WRITE], visible: [AclOperation.DESCRIBE]})
        transport = operator(kafka)
        await until_let_in(transport)
        async with transport.writer() as writer:
            await writer.send(outgoing(own, "a"))
            for topic in (foreign, visible):
                for amount in (1, 40):
                    with pytest.raises(NotAllowed, match=topic):
                        await writer.send(outgoing(topic, *["x"] * amount))
            await writer.send(outgoing(own, "b"))
            results = await asyncio.gather(
                *(writer.send(outgoing(topic, f"c{n}")) for n in range(10) for topic in (own, visible)),
                return_exceptions=True,
            )
            assert [type(result) for result in results[1::2]] == [NotAllowed] * 10
            assert all(not isinstance(result, BaseException) for result in results[::2])
        with pytest.raises(NotAllowed, match=foreign):
            async with transport.reader({TopicPartition(foreign, 0): 0}):
                pass
        async with transport.reader({TopicPartition(own, 0): 0}) as reader:
            with pytest.raises(NotAllowed, match=own):
                await read_all(reader)
        with pytest.raises(NotAllowed):
            async with transport.transaction(kafka.id()):
                pass
        assert set(await transport.partitions()) == {TopicPartition(own, 0), TopicPartition(visible, 0)}
        assert await transport.writable([own, foreign, visible]) == {own}
        found = values(await replay(kafka.transport, own))
        assert found[:2] == ["a", "b"]
        assert set(found[2:]) == {f"c{n}" for n in range(10)}
        assert await replay(kafka.transport, foreign, visible) == []


async def test_a_log_that_is_shorter_than_what_was_read_of_it_is_read_from_its_start(kafka: KafkaWorld) -> None:
    """It was deleted and made anew. Until the client has found the start, there is a position, too."""
    topic = await kafka.create()
    async with kafka.transport.writer() as writer:
        await writer.send(outgoing(topic, "a"))
    partition = TopicPartition(topic, 0)
    async with asyncio.timeout(PATIENCE), kafka.transport.reader({partition: 7}) as reader:
        reading = asyncio.create_task(reader.read(timeout=PATIENCE))
        while not reading.done():
            assert reader.positions()[partition] in (0, 1, 7)
            await asyncio.sleep(0)
        assert (values(await reading), reader.positions()) == (["a"], {partition: 1})


async def until_let_in(transport: KafkaTransport) -> None:
    """A new user reaches the broker a little after the administrator was told that it is made."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(AuthenticationFailed):
                if await transport.partitions():
                    return


class TestBrokerFailures:
    """A broker of this test's own dies, freezes and returns."""

    async def test_sends_and_reads_outlive_a_broker_that_is_killed_and_returns(
        self, own_broker: Callable[..., Any], realm: Realm
    ) -> None:
        own = own_broker()
        world = KafkaWorld((await asyncio.to_thread(own.start)).settings(), realm)
        topic = await world.create()
        acknowledged: list[str] = []
        enough = asyncio.Event()

        async def write() -> None:
            async with world.transport.writer() as writer:
                n = 0
                while not (enough.is_set() and n % 50 == 0):
                    batch = [str(i) for i in range(n, n + (1 if n % 50 else 50))]
                    await writer.send(outgoing(topic, *batch))
                    acknowledged.extend(batch)
                    n += len(batch)

        async with asyncio.timeout(3 * PATIENCE), world.transport.reader({TopicPartition(topic, 0): 0}) as reader:
            writing = asyncio.create_task(write())
            found = [*await TransportContract()._first(reader)]
            own.kill()
            await asyncio.to_thread(own.start)
            before = len(acknowledged)
            while len(acknowledged) < before + 500:
                found += await reader.read(timeout=0.2)
                if writing.done():
                    writing.result()
            enough.set()
            await writing
            found += await read_all(reader)
        assert values(found) == acknowledged

    async def test_without_a_broker_everything_ends_with_a_clear_error(
        self, own_broker: Callable[..., Any], realm: Realm
    ) -> None:
        own = own_broker()
        world = KafkaWorld((await asyncio.to_thread(own.start)).settings(), realm)
        topic = await world.create()
        transport = KafkaTransport(world.settings, delivery_timeout=1.5, answer_timeout=1.5)
        partition = TopicPartition(topic, 0)
        async with (
            asyncio.timeout(3 * PATIENCE),
            transport.writer() as writer,
            transport.transaction(world.id()) as transaction,
            transport.reader({partition: 0}) as reader,
        ):
            await writer.send(outgoing(topic, "a"))
            await transaction.send(outgoing(topic, "b"))
            assert values(await read_until(reader, "b")) == ["a", "b"]
            own.kill()
            assert list(await reader.read(timeout=0.1)) == []
            with pytest.raises(BusUnavailable):
                await reader.end_offsets()
            with pytest.raises(BusUnavailable):
                await transport.partitions()
            with pytest.raises(BusUnavailable):
                await writer.send(outgoing(topic, "c"))
            with pytest.raises(BusUnavailable):
                await transaction.send(outgoing(topic, "d"))
            with pytest.raises(Fenced):
                await transaction.send(outgoing(topic, "e"))
            await asyncio.to_thread(own.start)
            while True:
                with suppress(BusUnavailable):
                    await writer.send(outgoing(topic, "f"))
                    break
            found = values(await read_until(reader, "f"))
        assert set(found) <= {"c", "f"}  # "c" was not acknowledged, and may be there

    async def test_closing_does_not_wait_for_a_frozen_broker(
        self, own_broker: Callable[..., Any], realm: Realm
    ) -> None:
        own = own_broker()
        world = KafkaWorld((await asyncio.to_thread(own.start)).settings(), realm)
        topic = await world.create()
        transport = KafkaTransport(world.settings, delivery_timeout=100 * PATIENCE)
        async with asyncio.timeout(PATIENCE):
            try:
                async with (
                    transport.transaction(world.id()) as transaction,
                    transport.writer() as writer,
                    transport.reader({TopicPartition(topic, 0): 0}),
                ):
                    await writer.send(outgoing(topic, "a"))
                    await transaction.send(outgoing(topic, "b"))
                    own.kill(number=signal.SIGSTOP)
                    waiting = await self._unanswered(lambda: writer.send(outgoing(topic, "c")))
                    sending = [waiting, asyncio.create_task(transaction.send(outgoing(topic, "d")))]
                    await asyncio.wait(sending, timeout=0.1)
                outcomes = await asyncio.gather(*sending, return_exceptions=True)
                assert [type(outcome) for outcome in outcomes] == [BusUnavailable, BusUnavailable]
            finally:
                own.kill(number=signal.SIGCONT)

    async def _unanswered(self, send: Callable[[], Coroutine[Any, Any, object]]) -> asyncio.Task[object]:
        """A send that the broker does not answer: the signal that freezes it takes a moment."""
        while (await asyncio.wait([sending := asyncio.create_task(send())], timeout=0.5))[0]:
            await sending
        return sending
