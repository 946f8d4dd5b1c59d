"""What the adapters have of their own: the in-memory one's tools for tests, and how Kafka's errors are told."""

from __future__ import annotations

import asyncio
from itertools import count
from pathlib import Path

import pytest
from aiokafka import errors as kafka
from pydantic import SecretStr

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
from bus.topics import TopicPartition
from bus.transport import Outgoing, Stored
from bus.transport.connection import Connection, bus_error, mapped
from bus.transport.memory import MemoryTransport

TOPIC = "ntsg.view.v1"
VIEW = TopicPartition(TOPIC, 0)


async def stored(bus: MemoryTransport, partition: TopicPartition = VIEW) -> list[Stored]:
    async with bus.reader({partition: 0}) as reader:
        return list(await reader.read(timeout=0))


async def send(bus: MemoryTransport, *records: Outgoing) -> None:
    async with bus.writer() as writer:
        await writer.send(records)


async def test_the_clock_gives_the_append_time() -> None:
    ticks = count(1_768_024_800_000, 60_000)
    bus = MemoryTransport(clock=lambda: next(ticks))
    bus.create(TOPIC)
    await send(bus, Outgoing(TOPIC, b"a", b"1"), Outgoing(TOPIC, b"b", b"2"))
    await send(bus, Outgoing(TOPIC, b"c", b"3"))
    assert [r.timestamp for r in await stored(bus)] == [1_768_024_800_000, 1_768_024_800_000, 1_768_024_860_000]


async def test_users_share_the_log_and_write_what_they_may() -> None:
    bus = MemoryTransport(may_write=lambda user, topic: user is not None and topic.endswith(f".{user}"))
    own, foreign = "ntsg.incident.v1.nordtel", "ntsg.incident.v1.fjallnet"
    bus.create(own)
    bus.create(foreign)
    nordtel = bus.as_user("nordtel")
    await send(nordtel, Outgoing(own, b"nordtel/I-17", b"1"))
    with pytest.raises(NotAllowed, match="nordtel may not write"):
        await send(nordtel, Outgoing(own, b"nordtel/I-18", b"2"), Outgoing(foreign, b"fjallnet/I-1", b"3"))
    with pytest.raises(NotAllowed, match="nobody"):
        await send(bus, Outgoing(own, b"nordtel/I-17", b"4"))
    assert [r.value for r in await stored(bus, TopicPartition(own, 0))] == [b"1"]


async def test_compaction_keeps_the_latest_of_each_key_and_all_offsets() -> None:
    bus = MemoryTransport()
    bus.create(TOPIC, compacted=True)
    await send(
        bus, *(Outgoing(TOPIC, key, value) for key, value in ((b"a", b"1"), (b"b", b"2"), (b"a", b"3"), (b"b", None)))
    )
    bus.leave_open("ntsg.view-writer", [Outgoing(TOPIC, b"a", b"never")])
    bus.compact(TOPIC)
    async with bus.transaction("ntsg.view-writer") as successor:
        await successor.send([Outgoing(TOPIC, b"c", b"4")])
    async with bus.reader({VIEW: 0}) as reader:
        records = await reader.read(timeout=0)
        assert reader.positions() == await reader.end_offsets() == {VIEW: 8}
    assert [(r.key, r.value, r.offset) for r in records] == [(b"a", b"3", 2), (b"c", b"4", 6)]


async def test_only_a_compacted_topic_is_compacted() -> None:
    bus = MemoryTransport()
    bus.create(TOPIC)
    with pytest.raises(BusError, match="compacted=True"):
        bus.compact(TOPIC)


async def test_creating_a_topic_again_changes_nothing() -> None:
    bus = MemoryTransport()
    bus.create(TOPIC)
    await send(bus, Outgoing(TOPIC, b"a", b"1"))
    bus.create(TOPIC)
    assert len(await stored(bus)) == 1


async def test_no_partition_starves() -> None:
    bus = MemoryTransport()
    bus.create(TOPIC, partitions=3)
    await send(bus, *(Outgoing(TOPIC, str(n).encode(), b"x") for n in range(300)))
    async with bus.reader(dict.fromkeys(await bus.partitions(), 0)) as reader:
        seen = {r.partition for _ in range(3) for r in await reader.read(timeout=0, limit=1)}
    assert seen == {0, 1, 2}


async def test_several_readers_are_woken() -> None:
    bus = MemoryTransport()
    bus.create(TOPIC)
    async with bus.reader({VIEW: 0}) as one, bus.reader({VIEW: 0}) as two:
        waiting = [asyncio.create_task(reader.read(timeout=60)) for reader in (one, two)]
        await send(bus, Outgoing(TOPIC, b"a", b"1"))
        assert [[r.value for r in found] for found in await asyncio.gather(*waiting)] == [[b"1"], [b"1"]]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (kafka.TopicAuthorizationFailedError("t"), NotAllowed),
        (kafka.ClusterAuthorizationFailedError(), NotAllowed),
        (kafka.TransactionalIdAuthorizationFailed("x"), NotAllowed),
        (kafka.SaslAuthenticationFailed("no"), AuthenticationFailed),
        (kafka.UnknownTopicOrPartitionError(), UnknownTopic),
        (kafka.MessageSizeTooLargeError(), TooLarge),
        (kafka.RecordListTooLargeError(), TooLarge),
        (kafka.ProducerFenced(), Fenced),
        (kafka.InvalidProducerEpoch(), Fenced),
        (kafka.KafkaConnectionError("gone"), BusUnavailable),
        (kafka.NodeNotReadyError(), BusUnavailable),
        (kafka.NotEnoughReplicasError(), BusUnavailable),
        (ConnectionRefusedError(111, "refused"), BusUnavailable),
        (TimeoutError(), BusUnavailable),
        (kafka.KafkaError("something else"), BusError),
    ],
)
def test_each_error_of_the_library_asks_for_one_decision(error: Exception, expected: type[BusError]) -> None:
    with pytest.raises(BusError, match=r"^writing to t: .+") as caught, mapped("writing to t"):
        raise error
    assert type(caught.value) is expected
    assert caught.value.__cause__ is error


def test_our_own_errors_pass_the_border_as_they_are() -> None:
    own = TooLarge("the record is too large")
    assert bus_error(own, "writing") is own
    with pytest.raises(TooLarge, match=r"^the record"), mapped("writing"):
        raise own


@pytest.mark.parametrize(
    ("settings", "protocol"),
    [
        (Settings(), "PLAINTEXT"),
        (Settings(user="nordtel", password=SecretStr("made-up")), "SASL_PLAINTEXT"),
    ],
)
def test_connections_without_tls(settings: Settings, protocol: str) -> None:
    options = Connection.of(settings).client_options
    assert (options["security_protocol"], options["client_id"]) == (protocol, "ntsg-bus")


def test_a_certificate_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="tls_ca"):
        Connection.of(Settings(tls_ca=tmp_path / "missing.pem"))
    (tmp_path / "not.pem").write_text("no certificate")
    with pytest.raises(InvalidSettings, match=r"not\.pem"):
        Connection.of(Settings(tls_ca=tmp_path / "not.pem"))
