"""The feed as an integrator gets it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from bus.codec import Codec
from bus.errors import AuthenticationFailed, NotAllowed, UnknownFingerprint, UnknownTopic
from bus.messages import Part
from bus.settings import Settings
from bus.topics import Realm, TopicPartition
from bus.transport.memory import MemoryTransport
from bus.transport.port import Outgoing, Reader, Transaction
from bus.transport.port import Writer as Port
from bus.vocabulary import Audience, Freshness, Tlp
from consumers import wire
from consumers.feed import AWAY, Change, Feed
from consumers.merge import State, Summary
from consumers.reading import fold_log
from tests.conftest import ProvisionedGroup
from tests.group import BEGIN, incident
from tests.hubs import Consumer, Hubs, write
from tests.merging import LATER, NOBODY, fold
from tests.merging import status as heartbeat

REALM = Realm("ntsg")
SETTINGS = Settings(realm="ntsg")
PATIENCE = 30.0


def actor(slug: str, freshness: Freshness = Freshness.FRESH) -> Part:
    items = fold(heartbeat(slug), registry=NOBODY).items(LATER)
    return items[f"actor/{slug}"].model_copy(update={"freshness": freshness})


A, B = actor("nordtel"), actor("sveamobil")
A_STALE = actor("nordtel", Freshness.STALE)


class Writer:
    """Writes the feed as a leader does."""

    def __init__(self) -> None:
        self.bus = MemoryTransport()
        self.bus.create(REALM.view, compacted=True)
        self.bus.create(REALM.view_peer, compacted=True)
        self._batch = 0

    def records(self, changes: Mapping[str, Part | None]) -> list[Outgoing]:
        self._batch += 1
        as_of = BEGIN + timedelta(seconds=self._batch)
        summary: Summary = State(REALM).summary(as_of).model_copy(update={"batch": self._batch})
        return list(wire.batch(REALM.view, changes, summary))

    async def write(self, changes: Mapping[str, Part | None]) -> None:
        async with self.bus.transaction("leader") as transaction:
            await transaction.send(self.records(changes))

    def leave_half(self, changes: Mapping[str, Part | None]) -> None:
        """A leader that dies in the middle of a batch."""
        self.bus.leave_open("leader", self.records(changes)[:-1])
        self._batch -= 1


@asynccontextmanager
async def feed(writer: Writer, **options: object) -> AsyncIterator[Feed]:
    async with Feed(SETTINGS, transport=writer.bus, **options) as opened:  # type: ignore[arg-type] # names are Feed's
        yield opened


async def following(opened: Feed) -> Change:
    return await asyncio.wait_for(anext(opened), PATIENCE)


async def test_the_first_change_is_the_full_picture() -> None:
    writer = Writer()
    await writer.write({"actor/nordtel": A_STALE, "actor/sveamobil": B})
    await writer.write({"actor/nordtel": A})
    await writer.write({"actor/sveamobil": None})
    async with feed(writer) as opened:
        change = await following(opened)
        assert (change.batch, change.as_of) == (3, BEGIN + timedelta(seconds=3))
        assert dict(change.changed) == {"actor/nordtel": A} == dict(opened.picture)
        assert change.gone == frozenset()


async def test_each_batch_is_one_change() -> None:
    writer = Writer()
    await writer.write({"actor/nordtel": A})
    async with feed(writer) as opened:
        await following(opened)
        await writer.write({"actor/nordtel": A_STALE, "actor/sveamobil": B})
        await writer.write({"actor/nordtel": None, "actor/tretton": None})
        second, third = await following(opened), await following(opened)
        assert (second.batch, dict(second.changed), second.gone) == (
            2,
            {"actor/nordtel": A_STALE, "actor/sveamobil": B},
            frozenset(),
        )
        assert (third.batch, dict(third.changed), third.gone) == (3, {}, frozenset({"actor/nordtel"}))
        assert dict(opened.picture) == {"actor/sveamobil": B}


async def test_an_empty_feed_waits_for_the_first_batch() -> None:
    writer = Writer()
    async with feed(writer) as opened:
        waiting = asyncio.ensure_future(following(opened))
        await writer.write({"actor/nordtel": A})
        assert dict((await waiting).changed) == {"actor/nordtel": A}


async def test_half_a_batch_is_never_shown() -> None:
    writer = Writer()
    await writer.write({"actor/nordtel": A})
    async with feed(writer) as opened:
        await following(opened)
        writer.leave_half({"actor/nordtel": A_STALE, "actor/sveamobil": B})
        await writer.write({"actor/sveamobil": B})
        change = await following(opened)
        assert (change.batch, dict(change.changed)) == (2, {"actor/sveamobil": B})
        assert dict(opened.picture) == {"actor/nordtel": A, "actor/sveamobil": B}
        await writer.write({"actor/nordtel": A_STALE})
        assert (await following(opened)).batch == 3


async def test_a_batch_that_compaction_thinned_is_not_shown_alone() -> None:
    """The first two batches are read after compaction, which left of the second less than was in it."""
    writer = Writer()
    await writer.write({"actor/nordtel": A})
    async with feed(writer) as opened:
        await following(opened)
        await writer.write({"actor/nordtel": A_STALE, "actor/sveamobil": B})
        await writer.write({"actor/nordtel": A})
        writer.bus.compact(REALM.view)
        change = await following(opened)
        assert change.batch == 3
        assert dict(opened.picture) == {"actor/nordtel": A, "actor/sveamobil": B}


class ChoppedBus:
    """A bus that hands out few records at a time, as a broker does whose answers are full."""

    def __init__(self, bus: MemoryTransport, limit: int) -> None:
        self._bus = bus
        self._limit = limit

    @asynccontextmanager
    async def reader(self, positions: Mapping[TopicPartition, int]) -> AsyncIterator[Reader]:
        async with self._bus.reader(positions) as reader:
            read = reader.read
            reader.read = lambda *, timeout, limit=0: read(timeout=timeout, limit=self._limit)  # type: ignore[method-assign]
            yield reader

    def writer(self) -> AbstractAsyncContextManager[Port]:
        return self._bus.writer()

    def transaction(self, transactional_id: str) -> AbstractAsyncContextManager[Transaction]:
        return self._bus.transaction(transactional_id)

    async def partitions(self, topics: Iterable[str] | None = None) -> Sequence[TopicPartition]:
        return await self._bus.partitions(topics)


@pytest.mark.parametrize("limit", range(1, 8))
@pytest.mark.parametrize("compacted", [False, True])
async def test_however_the_reads_are_cut_batches_are_whole(limit: int, compacted: bool) -> None:
    writer = Writer()
    await writer.write({"actor/nordtel": A, "actor/sveamobil": B})
    async with Feed(SETTINGS, transport=ChoppedBus(writer.bus, limit)) as opened:
        await following(opened)
        for item in (A_STALE, A, A_STALE):
            await writer.write({"actor/nordtel": item, "actor/sveamobil": B})
        await writer.write({"actor/tretton": actor("tretton")})
        if compacted:
            writer.bus.compact(REALM.view)
        change = await following(opened)
        while change.batch < 5:
            assert compacted or len(change.changed) == 2
            change = await following(opened)
        assert dict(opened.picture) == {
            "actor/nordtel": A_STALE,
            "actor/sveamobil": B,
            "actor/tretton": actor("tretton"),
        }


async def test_a_cancelled_wait_loses_nothing() -> None:
    writer = Writer()
    await writer.write({"actor/nordtel": A})
    async with feed(writer) as opened:
        await following(opened)
        waiting = asyncio.ensure_future(anext(opened))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        await writer.write({"actor/sveamobil": B})
        assert (await following(opened)).batch == 2


async def test_away_for_too_long_the_picture_is_read_anew() -> None:
    """Tombstones may have been and gone meanwhile."""
    writer = Writer()
    await writer.write({"actor/nordtel": A, "actor/sveamobil": B})
    now = [0.0]
    async with feed(writer, now=lambda: now[0]) as opened:
        await following(opened)
        await writer.write({"actor/sveamobil": None})
        await writer.write({"actor/nordtel": A_STALE})
        writer.bus.compact(REALM.view)
        now[0] += AWAY + 1
        change = await following(opened)
        assert change.gone == {"actor/sveamobil"}
        assert dict(change.changed) == {"actor/nordtel": A_STALE}
        assert dict(opened.picture) == {"actor/nordtel": A_STALE}


async def test_kinds_of_items_that_are_yet_to_come_are_passed_over() -> None:
    writer = Writer()
    await writer.write({"novelty/x": A, "actor/nordtel": A})
    async with feed(writer) as opened:
        assert dict((await following(opened)).changed) == {"actor/nordtel": A}


async def test_a_feed_in_an_unknown_schema_says_so() -> None:
    writer = Writer()
    async with writer.bus.transaction("leader") as transaction:
        unreadable = Outgoing(REALM.view, b"actor/nordtel", b"\xc3\x01" + b"12345678" + b"body")
        await transaction.send([unreadable, *writer.records({})])
    async with feed(writer) as opened:
        with pytest.raises(UnknownFingerprint) as raised:
            await following(opened)
        assert "upgrade" in "".join(raised.value.__notes__)


async def test_an_integrators_first_consumer(group: ProvisionedGroup, tmp_path: Path) -> None:
    settings = group.settings("room")
    await write(group.settings("nordtel"), [incident()])
    seen: list[str] = []
    with Hubs(group, tmp_path / "hubs") as hubs:
        hubs.start("one")
        async with asyncio.timeout(90):
            async with Feed(settings) as feed:
                async for change in feed:
                    for key, item in change.changed.items():
                        if key.startswith("situation/"):
                            seen.append(f"{change.as_of} {item.title} severity {item.severity.level}")  # type: ignore[attr-defined]
                    if seen:
                        break
    assert len(seen) == 1


async def test_a_competitor_reads_its_projection_and_is_refused_the_whole(
    group: ProvisionedGroup, tmp_path: Path
) -> None:
    secret, open_ = incident(title="hemligt", tlp=Tlp.RED), incident(id="I-2", title="Kabelbrott")
    await write(group.settings("nordtel"), [secret, open_])
    with Hubs(group, tmp_path / "hubs") as hubs:
        await hubs.start("one").leads()
        for reader in ("integrator", "sveamobil"):
            async with Consumer.reading(group.settings(reader), Audience.PEER) as consumer:
                await consumer.shows_the_picture_of(await fold_log(group.settings("hub")))
                assert consumer.changes[-1].summary.withheld == {"tlp:incident": 1}
                titles = {item.title for key, item in consumer.picture.items() if key.startswith("situation/")}  # type: ignore[attr-defined]
                assert titles == {"Kabelbrott"}
            for above in (Audience.FULL, Audience.AUTHORITY):
                with pytest.raises(NotAllowed):
                    async with Feed(group.settings(reader), audience=above):
                        pass


async def test_who_has_no_right_to_the_feed_is_told(group: ProvisionedGroup) -> None:
    with pytest.raises(NotAllowed):
        async with Feed(group.settings("integrator")):
            pass
    wrong = group.settings("room").model_copy(update={"password": group.settings("hub").password})
    with pytest.raises(AuthenticationFailed):
        async with Feed(wrong):
            pass


async def test_a_realm_without_feed_is_told() -> None:
    with pytest.raises(UnknownTopic):
        async with Feed(SETTINGS, transport=MemoryTransport()):
            pass


async def test_the_audience_chooses_the_topic() -> None:
    writer = Writer()
    async with Feed(SETTINGS, transport=writer.bus, audience=Audience.PEER) as opened:
        await writer.write({"actor/nordtel": A})
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(opened), 0.2)


def test_the_wire_reads_what_it_writes() -> None:
    (item, summary) = Writer().records({"actor/nordtel": A})
    assert item.value is not None
    assert summary.value is not None
    assert wire.read_item(Codec(), "actor/nordtel", item.value) == A
    assert wire.read_summary(Codec(), summary.value).batch == 1
