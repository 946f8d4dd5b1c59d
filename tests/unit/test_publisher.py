"""What the Publisher promises, on a bus in memory: checks, stamps, order, and what happens while no broker answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import FrozenInstanceError, asdict
from datetime import UTC, datetime, timedelta

import pytest

from bus.codec import Codec
from bus.envelope import sent_at
from bus.errors import (
    AuthenticationFailed,
    BusError,
    BusUnavailable,
    InvalidMessage,
    NotAllowed,
    TooLarge,
    UnknownTopic,
)
from bus.messages import Incident
from bus.settings import Settings
from bus.topics import TopicPartition
from bus.transport import Outgoing, Position, Reader, Stored, Transaction, Writer
from bus.transport.memory import MemoryTransport
from bus.vocabulary import MessageStatus
from producers.publisher import Publisher
from producers.sender import QUEUE_SUBMISSIONS
from tests.group import incident

TOPIC = "ntsg.incident.v1.nordtel"
OBSERVED = datetime(2026, 1, 10, 6, tzinfo=UTC)
SETTINGS = Settings(user="ntsg.nordtel")


@pytest.fixture
def bus() -> MemoryTransport:
    transport = MemoryTransport()
    transport.create(TOPIC)
    return transport


async def stored(bus: MemoryTransport, topic: str = TOPIC) -> list[Stored]:
    async with bus.reader({TopicPartition(topic, 0): 0}) as reader:
        return list(await reader.read(timeout=0.1))


def revisions(records: Sequence[Stored]) -> list[tuple[str, int]]:
    codec = Codec()
    messages = [codec.decode(record.value or b"", Incident)[0] for record in records]
    return [(message.id, message.revision) for message in messages]


async def test_a_receipt_says_what_is_stored_where(bus: MemoryTransport) -> None:
    async with Publisher(SETTINGS, transport=bus) as publisher:
        await publisher.publish(incident(id="I-1"))
        receipt = await publisher.publish(incident(id="I-2", revision=7))
    assert asdict(receipt) == {
        "ref": "incident/nordtel/I-2",
        "revision": 7,
        "topic": TOPIC,
        "partition": 0,
        "offset": 1,
    }
    with pytest.raises(FrozenInstanceError):
        receipt.offset = 2  # type: ignore[misc]


async def test_the_record_carries_the_envelope(bus: MemoryTransport) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with Publisher(SETTINGS, transport=bus) as publisher:
        await publisher.publish(incident(id="I-1", revision=3), traceparent=trace)
    [record] = await stored(bus)
    headers = dict(record.headers)
    assert record.key == b"nordtel/I-1"
    assert headers["ce_id"] == b"incident/nordtel/I-1@3"
    assert headers["ce_source"] == b"/actors/nordtel"
    assert headers["traceparent"] == trace.encode()


async def test_sent_at_is_stamped_only_if_absent(bus: MemoryTransport) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    async with Publisher(SETTINGS, transport=bus) as publisher:
        await publisher.publish(incident(id="I-1"), sent_at=OBSERVED)
        await publisher.publish(incident(id="I-2"))
    given, stamped = [sent_at(record.headers) for record in await stored(bus)]
    assert given == OBSERVED
    assert stamped is not None
    assert before <= stamped <= datetime.now(UTC)


async def test_another_actor_is_refused_by_name(bus: MemoryTransport) -> None:
    async with Publisher(SETTINGS, transport=bus) as publisher:
        with pytest.raises(NotAllowed, match=r"incident/sveamobil/I-1@1: user 'ntsg.nordtel' may not .* 'sveamobil'"):
            await publisher.publish(incident(actor="sveamobil"))
    assert not await stored(bus)


@pytest.mark.parametrize("status", [MessageStatus.EXERCISE, MessageStatus.TEST, MessageStatus.UNKNOWN])
async def test_an_exercise_never_reaches_the_real_realm(bus: MemoryTransport, status: MessageStatus) -> None:
    async with Publisher(SETTINGS, transport=bus) as publisher:
        with pytest.raises(InvalidMessage) as refusal:
            await publisher.publish(incident(status=status))
    [(path, remedy)] = refusal.value.problems
    assert path == "status"
    assert "ACTUAL" in remedy


async def test_many_are_stored_in_the_order_given(bus: MemoryTransport) -> None:
    messages = [incident(id=f"I-{n % 7}", revision=n // 7 + 1) for n in range(5_000)]
    async with Publisher(SETTINGS, transport=bus) as publisher:
        receipts = await publisher.publish_many(messages)
    assert [receipt.offset for receipt in receipts] == list(range(5_000))
    assert [(receipt.ref, receipt.revision) for receipt in receipts] == [(m.reference, m.revision) for m in messages]
    assert await publisher_is_closed(publisher)


async def publisher_is_closed(publisher: Publisher) -> bool:
    with pytest.raises(BusError, match="closed"):
        await publisher.publish(incident())
    return True


async def test_concurrent_calls_keep_their_order_and_each_its_receipt(bus: MemoryTransport) -> None:
    async with Publisher(SETTINGS, transport=bus) as publisher:
        receipts = await asyncio.gather(*(publisher.publish(incident(id="I-1", revision=n)) for n in range(1, 301)))
    assert [receipt.revision for receipt in receipts] == list(range(1, 301))
    assert revisions(await stored(bus)) == [("I-1", n) for n in range(1, 301)]


async def test_nothing_published_is_nothing_sent(bus: MemoryTransport) -> None:
    async with Publisher(SETTINGS, transport=bus) as publisher:
        assert await publisher.publish_many([]) == []


async def test_only_the_guilty_fails(bus: MemoryTransport) -> None:
    large = incident(id="I-2", infrastructure_ids=tuple("x" * 1_000 for _ in range(1_100)))
    async with Publisher(SETTINGS, transport=bus) as publisher:
        outcomes = await asyncio.gather(
            publisher.publish(incident(id="I-1")),
            publisher.publish(large),
            publisher.publish(incident(id="I-3")),
            return_exceptions=True,
        )
    assert [type(outcome).__name__ for outcome in outcomes] == ["Receipt", "TooLarge", "Receipt"]
    assert isinstance(outcomes[1], TooLarge)
    assert revisions(await stored(bus)) == [("I-1", 1), ("I-3", 1)]


async def test_an_unknown_topic_says_provision_first() -> None:
    async with Publisher(SETTINGS, transport=MemoryTransport()) as publisher:
        with pytest.raises(UnknownTopic, match=TOPIC):
            await publisher.publish(incident())


class Weather:
    """A transport to a bus that is away at times, as the test says. What it keeps is in `inner`."""

    def __init__(self, inner: MemoryTransport, *failures: BusError | None) -> None:
        self.inner = inner
        self.failures = list(failures)
        self.opened = 0

    def fail(self) -> None:
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[Writer]:
        self.opened += 1
        async with self.inner.writer() as writer:
            yield _Exposed(self, writer)

    def reader(self, positions: Mapping[TopicPartition, int]) -> AbstractAsyncContextManager[Reader]:
        return self.inner.reader(positions)

    def transaction(self, transactional_id: str) -> AbstractAsyncContextManager[Transaction]:
        return self.inner.transaction(transactional_id)

    async def partitions(self, topics: object = None) -> Sequence[TopicPartition]:
        return await self.inner.partitions(None)


class _Exposed:
    def __init__(self, weather: Weather, writer: Writer) -> None:
        self._weather = weather
        self._writer = writer

    async def send(self, records: Sequence[Outgoing]) -> Sequence[Position]:
        self._weather.fail()
        return await self._writer.send(records)


AWAY = BusUnavailable("no broker answers")


async def test_while_the_bus_is_away_it_is_tried_again_on_a_new_writer(bus: MemoryTransport) -> None:
    weather = Weather(bus, AWAY, AWAY)
    async with Publisher(SETTINGS, transport=weather) as publisher:
        receipt = await publisher.publish(incident())
    assert receipt.offset == 0
    assert weather.opened == 3
    assert revisions(await stored(bus)) == [("I-1", 1)]


async def test_giving_up_names_what_is_not_stored(bus: MemoryTransport) -> None:
    weather = Weather(bus, *[AWAY] * 1_000)
    async with Publisher(SETTINGS, transport=weather, give_up_after=0.2) as publisher:
        with pytest.raises(BusUnavailable, match=r"not stored: incident/nordtel/I-9@4.*no broker answered for 0\.2 s"):
            await publisher.publish(incident(id="I-9", revision=4))
    assert not await stored(bus)


async def test_a_wrong_password_is_not_tried_again(bus: MemoryTransport) -> None:
    weather = Weather(bus, AuthenticationFailed("check user and password"))
    async with Publisher(SETTINGS, transport=weather) as publisher:
        with pytest.raises(AuthenticationFailed):
            await publisher.publish(incident())
        assert (await publisher.publish(incident())).offset == 0


async def test_a_body_that_fails_gives_up_what_waits(bus: MemoryTransport) -> None:
    weather = Weather(bus, *[AWAY] * 1_000)
    waiting: list[asyncio.Task[object]] = []

    async def body() -> None:
        async with Publisher(SETTINGS, transport=weather) as publisher:
            waiting.append(asyncio.create_task(publisher.publish(incident())))
            await asyncio.sleep(0)
            raise RuntimeError("the caller's own")

    with pytest.raises(RuntimeError, match="the caller's own"):
        await body()
    with pytest.raises(BusUnavailable, match="the publisher was closed"):
        await waiting[0]


async def test_a_body_that_fails_leaves_nobody_waiting_outside_a_full_queue(bus: MemoryTransport) -> None:
    weather = Weather(bus, *[AWAY] * 1_000)
    waiting: list[asyncio.Task[object]] = []

    async def body() -> None:
        async with Publisher(SETTINGS, transport=weather) as publisher:
            messages = [incident(id=f"I-{number}") for number in range(2 * QUEUE_SUBMISSIONS + 100)]
            waiting.extend(asyncio.create_task(publisher.publish(message)) for message in messages)
            await asyncio.sleep(0)
            raise RuntimeError("the caller's own")

    with pytest.raises(RuntimeError, match="the caller's own"):
        await body()
    outcomes = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 30)
    assert {type(outcome) for outcome in outcomes} == {BusUnavailable}
    assert all("the publisher was closed" in str(outcome) for outcome in outcomes)


async def test_a_cancelled_call_harms_no_other(bus: MemoryTransport) -> None:
    async with Publisher(SETTINGS, transport=bus) as publisher:
        first = asyncio.create_task(publisher.publish(incident(id="I-1")))
        second = asyncio.create_task(publisher.publish(incident(id="I-2")))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).ref == "incident/nordtel/I-2"
    with pytest.raises(asyncio.CancelledError):
        await first
