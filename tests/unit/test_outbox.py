"""What the outbox promises on its own disk, with the bus in memory: kept, ordered, urgent first, bounded, salvaged."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.codec import Codec
from bus.envelope import outgoing, sent_at
from bus.errors import (
    AuthenticationFailed,
    BusUnavailable,
    InvalidInput,
    InvalidSettings,
    NotAllowed,
    OutboxError,
    OutboxFull,
    OutboxInUse,
)
from bus.instants import to_millis
from bus.messages import Emergency, Incident, Message
from bus.topics import Realm
from bus.transport import Outgoing, Position
from bus.transport.memory import MemoryTransport
from bus.vocabulary import EmergencyImpact, Impact, Service
from producers.outbox import DurablePublisher, EntryState, Outbox, Owner, Parcel, Urgency, urgency_of
from producers.outbox.carrying import read_in, write_out
from producers.outbox.entry import Kept, carve, pack, unpack
from producers.outbox.ledger import Ledger
from producers.outbox.looking import look
from producers.outbox.salvage import files, open_ledger
from tests.group import incident, status
from tests.unit.test_publisher import OBSERVED, SETTINGS, TOPIC, Weather, revisions, stored

REALM = Realm("ntsg")
OWNER = Owner("ntsg", "nordtel")
MEGABYTES = 64 * 1024 * 1024


def parcel(message: Message | None = None, **fields: object) -> Parcel:
    message = message or incident(**fields)  # type: ignore[arg-type]
    return Parcel.of(message, outgoing(REALM, message, OBSERVED))


def minor(id: str = "I-1", revision: int = 1) -> Incident:
    return incident(id=id, revision=revision, impacts=[{"service": Service.MOBILE_DATA, "impact": Impact.DEGRADED}])


def emergency(id: str = "I-1", revision: int = 1) -> Incident:
    return incident(id=id, revision=revision, emergency=Emergency(impact=EmergencyImpact.LOST_NO_FALLBACK))


def opened(directory: Path, owner: Owner | None = OWNER) -> AbstractAsyncContextManager[Outbox]:
    return Outbox.open(directory, owner)


def ledger_in(directory: Path, max_bytes: int = MEGABYTES) -> Ledger:
    directory.mkdir(exist_ok=True)
    return open_ledger(directory, max_bytes=max_bytes)


@pytest.fixture
def bus() -> MemoryTransport:
    transport = MemoryTransport()
    transport.create(TOPIC)
    transport.create("ntsg.status.v1.nordtel")
    return transport


# Keeping


async def test_what_has_a_receipt_is_there_when_the_outbox_is_opened_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as outbox:
        [first] = await outbox.put([parcel(id="I-1")])
        [second] = await outbox.put([parcel(id="I-2")])
    assert (first.number, second.number) == (1, 2)
    async with opened(tmp_path) as outbox:
        assert await outbox.entries() == [first, second]
        assert first.state is EntryState.WAITING
        assert outbox.waiting == 2


async def test_the_record_keeps_its_instants_whenever_it_is_sent(tmp_path: Path, bus: MemoryTransport) -> None:
    away = Weather(bus, *[BusUnavailable("no broker answers")] * 2)
    async with DurablePublisher(SETTINGS, tmp_path, transport=away, linger=0) as publisher:
        entry = await publisher.publish(incident(), sent_at=OBSERVED)
        assert entry.sent_at == OBSERVED
    async with DurablePublisher(SETTINGS, tmp_path, transport=bus) as publisher:
        assert await publisher.drained(10)
    [record] = await stored(bus)
    assert sent_at(record.headers) == OBSERVED
    assert Codec().decode(record.value or b"", Incident)[0] == incident()


async def test_callers_who_come_together_get_their_own_numbers(tmp_path: Path) -> None:
    async with opened(tmp_path) as outbox:
        puts = [outbox.put([parcel(id=f"I-{n}"), parcel(id=f"J-{n}")]) for n in range(200)]
        answers = await asyncio.gather(*puts)
    assert [[e.ref[-len(f"I-{n}") :] for e in answer] for n, answer in enumerate(answers)] == [
        [f"I-{n}", f"J-{n}"] for n in range(200)
    ]
    assert [e.number for answer in answers for e in answer] == list(range(1, 401))


async def test_one_process_at_a_time(tmp_path: Path) -> None:
    program = f"""
import asyncio
from pathlib import Path
from producers.outbox import Outbox
async def main():
    async with Outbox.open(Path({str(tmp_path)!r}), None):
        pass
asyncio.run(main())
"""
    async with opened(tmp_path):
        with pytest.raises(OutboxInUse, match="is in use by process"):
            async with opened(tmp_path):
                pytest.fail("let in twice")
        answer = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", program], capture_output=True, text=True, check=False
        )
        assert "OutboxInUse" in answer.stderr
    async with opened(tmp_path):
        pass


async def test_an_exercise_never_leaves_by_the_real_outbox(tmp_path: Path) -> None:
    async with opened(tmp_path):
        pass
    with pytest.raises(
        InvalidSettings, match="is the outbox of nordtel in realm ntsg, not of nordtel in realm ntsg-ex"
    ):
        async with opened(tmp_path, Owner("ntsg-exercise", "nordtel")):
            pytest.fail("let in")


def open_to_others(directory: Path) -> list[Path]:
    return [path for path in directory.iterdir() if path.stat().st_mode & 0o077]


async def test_nobody_else_may_read_what_is_kept(tmp_path: Path) -> None:
    async with opened(tmp_path) as outbox:
        await outbox.put([parcel()])
        assert open_to_others(tmp_path) == []


async def test_entries_are_asked_for_by_number(tmp_path: Path) -> None:
    async with opened(tmp_path) as outbox:
        kept = await outbox.put([parcel(id=f"I-{n}") for n in range(5)])
        assert await outbox.states([2, 9, 4]) == {2: kept[1], 4: kept[3]}


async def test_a_directory_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutboxError, match="cannot be an outbox"):
        async with opened(tmp_path / "file" / "outbox"):
            pytest.fail("opened")


# Order


def drained(ledger: Ledger) -> list[tuple[str, int]]:
    """All that waits, in the order in which it would be sent, one by one."""
    found = []
    while batch := ledger.next(1, MEGABYTES):
        found += [(kept.parcel.ref.rpartition("/")[2], kept.parcel.revision) for kept in batch]
        ledger.settle([kept.became(EntryState.REFUSED, code="X") for kept in batch])
    return found


def test_emergencies_go_first_and_take_their_earlier_revisions_along(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    ledger.put([parcel(minor("I-1", 1)), parcel(minor("I-2", 1)), parcel(minor("I-3", 1))])
    ledger.put([parcel(incident(id="I-4"))])
    ledger.put([parcel(emergency("I-2", 2)), parcel(minor("I-2", 3))])
    assert drained(ledger) == [("I-2", 1), ("I-2", 2), ("I-4", 1), ("I-1", 1), ("I-3", 1), ("I-2", 3)]
    ledger.close()


@settings(max_examples=20, deadline=None)
@given(
    puts=st.lists(
        st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from((minor, incident, emergency))), max_size=4),
        max_size=6,
    ),
    sent=st.lists(st.integers(0, 3), min_size=6, max_size=6),
)
def test_each_entity_is_sent_in_order_whatever_is_urgent(
    puts: Sequence[Sequence[tuple[str, object]]], sent: Sequence[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    ledger = ledger_in(tmp_path_factory.mktemp("outbox"))
    counts: dict[str, int] = {}
    order: list[tuple[str, int]] = []
    for put, count in zip(puts, sent, strict=False):
        parcels = []
        for name, make in put:
            counts[name] = counts.get(name, 0) + 1
            parcels.append(parcel(make(id=name, revision=counts[name])))  # type: ignore[operator]
        ledger.put(parcels)
        batch = ledger.next(count, MEGABYTES) if count else []
        order += [(kept.parcel.ref[-1], kept.parcel.revision) for kept in batch]
        ledger.settle([kept.became(EntryState.REFUSED, code="X") for kept in batch])
    order += drained(ledger)
    ledger.close()
    assert sorted(order) == sorted((name, n) for name, count in counts.items() for n in range(1, count + 1))
    for name in counts:
        assert [revision for found, revision in order if found == name] == list(range(1, counts[name] + 1))


@pytest.mark.parametrize(
    ("message", "urgency"),
    [
        (emergency(), Urgency.EMERGENCY),
        (minor(), Urgency.ORDINARY),
        (incident(), Urgency.SEVERE),
        (incident(state="CLOSED"), Urgency.ORDINARY),
        (incident(state="CLOSED", declared_severity=4), Urgency.SEVERE),
        (incident(emergency=Emergency(impact=EmergencyImpact.NONE), state="RESTORED"), Urgency.ORDINARY),
        (incident(impacts=[{"service": "PUBLIC_WARNING", "impact": "DEGRADED"}]), Urgency.EMERGENCY),
        (status(), Urgency.ORDINARY),
    ],
)
def test_what_is_urgent(message: Message, urgency: Urgency) -> None:
    assert urgency_of(message) is urgency


# Delivering


async def test_what_was_sent_says_where_it_is(tmp_path: Path, bus: MemoryTransport) -> None:
    async with DurablePublisher(SETTINGS, tmp_path, transport=bus) as publisher:
        await publisher.publish(incident(id="I-1"))
        entry = await publisher.settled(await publisher.publish(incident(id="I-2")))
    assert (entry.state, entry.topic, entry.partition, entry.offset) == (EntryState.STORED, TOPIC, 0, 1)
    assert entry.known_at is not None
    assert revisions(await stored(bus)) == [("I-1", 1), ("I-2", 1)]


async def test_who_asks_while_an_outcome_is_written_takes_it_from_no_other(tmp_path: Path) -> None:
    async with opened(tmp_path) as outbox:
        [entry] = await outbox.put([parcel()])
        [kept] = await outbox.next(1, MEGABYTES)
        earlier = asyncio.create_task(outbox.settled(entry.number))
        await asyncio.sleep(0)
        await outbox.states([entry.number])  # asked after it: it has its answer, and waits
        outcome = kept.became(EntryState.STORED, Position(TOPIC, 0, 0, to_millis(OBSERVED)))
        writing = asyncio.create_task(outbox.settle([outcome]))
        later = asyncio.create_task(outbox.settled(entry.number))
        await writing
        for asking in (earlier, later):
            found = await asyncio.wait_for(asking, 30)
            assert found is not None
            assert found.state is EntryState.STORED


async def test_leaving_sends_what_the_bus_takes(tmp_path: Path, bus: MemoryTransport) -> None:
    async with DurablePublisher(SETTINGS, tmp_path, transport=bus) as publisher:
        await publisher.publish_many(incident(id=f"I-{n}") for n in range(3_000))
    assert revisions(await stored(bus)) == [(f"I-{n}", 1) for n in range(3_000)]


async def test_while_the_bus_is_away_it_is_tried_again(tmp_path: Path, bus: MemoryTransport) -> None:
    away, shut = BusUnavailable("no broker answers"), AuthenticationFailed("check user and password")
    weather = Weather(bus, away, shut, away)
    async with DurablePublisher(SETTINGS, tmp_path, transport=weather) as publisher:
        entry = await publisher.publish(incident())
        assert (await publisher.settled(entry)).state is EntryState.STORED
        assert publisher.problem is None
    assert weather.opened == 4


async def test_what_is_refused_is_named_and_blocks_nothing(tmp_path: Path) -> None:
    bus = MemoryTransport(may_write=lambda user, topic: "status" not in topic)
    bus.create(TOPIC)
    bus.create("ntsg.status.v1.nordtel")
    async with DurablePublisher(SETTINGS, tmp_path, transport=bus) as publisher:
        messages = [incident(id="I-1"), status(), incident(id="I-2")]
        entries = [await publisher.settled(entry) for entry in await publisher.publish_many(messages)]
    assert [entry.state for entry in entries] == [EntryState.STORED, EntryState.REFUSED, EntryState.STORED]
    assert entries[1].code == "NotAllowed"
    assert "may not write" in (entries[1].reason or "")
    freed = MemoryTransport()
    freed.create("ntsg.status.v1.nordtel")
    async with DurablePublisher(SETTINGS, tmp_path, transport=freed) as publisher:
        assert await publisher.outbox.again() == 1
        assert (await publisher.settled(entries[1])).state is EntryState.STORED


class Picky(MemoryTransport):
    """Refuses one record of a topic, for a reason of its own."""

    def _check(self, records: Sequence[Outgoing]) -> None:
        from bus.errors import TooLarge

        if any(record.key == b"nordtel/I-3" for record in records):
            raise TooLarge("the record nordtel/I-3 is too large")


async def test_only_the_guilty_record_is_refused(tmp_path: Path) -> None:
    bus = Picky()
    bus.create(TOPIC)
    async with DurablePublisher(SETTINGS, tmp_path, transport=bus) as publisher:
        entries = await publisher.publish_many(incident(id=f"I-{n}") for n in range(10))
        states = [(await publisher.settled(entry)).state for entry in entries]
    assert [n for n, state in enumerate(states) if state is EntryState.REFUSED] == [3]
    assert revisions(await stored(bus)) == [(f"I-{n}", 1) for n in range(10) if n != 3]


async def test_what_publish_refuses_is_not_kept(tmp_path: Path, bus: MemoryTransport) -> None:
    async with DurablePublisher(SETTINGS, tmp_path, transport=bus) as publisher:
        with pytest.raises(NotAllowed, match="may not publish as 'sveamobil'"):
            await publisher.publish(incident(actor="sveamobil"))
        assert await publisher.outbox.entries() == []


async def test_the_clock_orders_nothing(tmp_path: Path, bus: MemoryTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    class Jumping(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.fromtimestamp(random.Random().uniform(0, 4e9), UTC)

    monkeypatch.setattr("producers.outbox.ledger.datetime", Jumping)
    monkeypatch.setattr("producers.speaker.datetime", Jumping)
    away = Weather(bus, *[BusUnavailable("no broker answers")] * 1_000)
    async with DurablePublisher(SETTINGS, tmp_path, transport=away, linger=0) as publisher:
        for n in range(1, 30):
            await publisher.publish(incident(revision=n))
    async with DurablePublisher(SETTINGS, tmp_path, transport=bus) as publisher:
        assert await publisher.drained(10)
    assert revisions(await stored(bus)) == [("I-1", n) for n in range(1, 30)]


# Room


async def test_a_full_outbox_refuses_and_keeps_what_it_has(tmp_path: Path, bus: MemoryTransport) -> None:
    away = Weather(bus, *[BusUnavailable("no broker answers")] * 1_000)
    async with DurablePublisher(SETTINGS, tmp_path, transport=away, max_bytes=300_000, linger=0) as publisher:
        reports = [incident(id=f"I-{n}", description="x" * 3_000) for n in range(100)]
        outcomes = [await asyncio.gather(publisher.publish(each), return_exceptions=True) for each in reports]
        entries = [outcome for [outcome] in outcomes if not isinstance(outcome, BaseException)]
        assert 30 < len(entries) < 100
        assert isinstance(outcomes[-1][0], OutboxFull)
        assert "ntsg outbox export" in str(outcomes[-1][0])
        assert await publisher.outbox.entries() == entries
    async with DurablePublisher(SETTINGS, tmp_path, transport=bus, max_bytes=300_000) as publisher:
        assert await publisher.drained(10)
        await publisher.publish(incident(id="I-last"))  # room has come, at the cost of what is remembered
    assert len(await stored(bus)) == len(entries) + 1


async def test_of_calls_that_come_together_only_what_does_not_fit_fails(tmp_path: Path) -> None:
    async with Outbox.open(tmp_path, OWNER, max_bytes=300_000) as outbox:
        small, large = [parcel(id="I-1")], [parcel(id=f"I-{n}", description="x" * 4_000) for n in range(100)]
        outcomes = await asyncio.gather(outbox.put(small), outbox.put(large), outbox.put(small), return_exceptions=True)
        assert [isinstance(outcome, OutboxFull) for outcome in outcomes] == [False, True, False]
        assert len(await outbox.entries()) == 2


def test_a_disk_that_is_full_keeps_all_or_nothing(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    ledger.put([parcel(id="I-1")])
    [(pages,)] = ledger._database.execute("PRAGMA page_count")
    ledger._database.execute(f"PRAGMA max_page_count = {pages + 4}")
    with pytest.raises(OutboxFull, match="the disk is full"):
        ledger.put([parcel(id=f"J-{n}", description="x" * 3_000) for n in range(20)])
    assert [entry.ref for entry in ledger.entries()] == ["incident/nordtel/I-1"]
    [kept] = ledger.put([parcel(id="I-2")])
    assert kept.number == 2
    ledger.close()


def test_what_the_bus_has_is_forgotten_in_the_end_and_numbers_go_on(tmp_path: Path) -> None:
    from bus.transport import Position

    ledger = ledger_in(tmp_path)
    for start in range(0, 12_000, 4_000):
        kept = ledger.put([parcel(minor(f"I-{start + n}")) for n in range(4_000)])
        ledger.settle([each.became(EntryState.STORED, Position(TOPIC, 0, 1, 2)) for each in kept])
    assert ledger.counts()[EntryState.STORED] == 10_000
    ledger._forget(0)
    ledger.close()
    ledger = ledger_in(tmp_path)
    assert list(ledger.entries()) == []
    assert ledger.put([parcel()])[0].number == 12_001
    assert ledger.revision("incident/nordtel/I-7") == 1
    assert ledger.open_incidents() == 12_000
    ledger.close()


# Damage


def waiting_in(directory: Path, count: int) -> Path:
    ledger = ledger_in(directory)
    ledger.take(OWNER)
    ledger.put([parcel(minor(f"I-{n}")) for n in range(count)])
    ledger.close()
    return files(directory)[-1]


def test_a_flipped_bit_is_found_and_named(tmp_path: Path) -> None:
    path = waiting_in(tmp_path, 20)
    raw = bytearray(path.read_bytes())
    place = raw.rindex(b"nordtel/I-7", 0, raw.rindex(b"ce_id", 0, raw.rindex(b"I-7@1")))
    raw[place + 12] ^= 1
    path.write_bytes(raw)
    ledger = ledger_in(tmp_path)
    damaged = list(ledger.entries(state=EntryState.DAMAGED))
    assert [(entry.ref, entry.revision) for entry in damaged] == [("incident/nordtel/I-7", 1)]
    assert "publish it again" in (damaged[0].reason or "")
    assert ledger.waiting() == 19
    ledger.close()


@pytest.mark.parametrize("page", [0, 1, 5, 9])
def test_a_broken_page_costs_what_stood_on_it_alone(tmp_path: Path, page: int) -> None:
    """Page 0 holds the head of the file: no table can be read, and yet the records are found."""
    path = waiting_in(tmp_path, 200)
    whole = path.read_bytes()
    on_page = {kept.number for kept in carve(whole[page * 4096 : (page + 1) * 4096])}
    path.write_bytes(whole[: page * 4096] + b"\xaa" * 4096 + whole[(page + 1) * 4096 :])
    ledger = ledger_in(tmp_path)
    found = {entry.number: entry for entry in ledger.entries()}
    kept = {number for number, entry in found.items() if entry.state is EntryState.WAITING}
    lost = {number: entry for number, entry in found.items() if entry.state is EntryState.DAMAGED}
    assert kept >= set(range(1, 201)) - on_page
    assert kept.isdisjoint(lost)
    if page:
        assert kept | lost.keys() == set(range(1, 201)), "what is lost is named"
        assert all(entry.ref.startswith("incident/nordtel/I-") for entry in lost.values())
    assert ledger.put([parcel()])[0].number > 200
    assert ledger.owner() == OWNER, "an exercise must not leave by what is salvaged, either"
    assert files(tmp_path)[0] == path, "the broken file is set aside"
    ledger.close()


def test_a_file_that_is_no_database_at_all_is_set_aside(tmp_path: Path) -> None:
    path = waiting_in(tmp_path, 3)
    path.write_bytes(b"not a database" * 1_000)
    ledger = ledger_in(tmp_path)
    assert list(ledger.entries()) == []
    assert len(files(tmp_path)) == 2
    ledger.close()


def test_an_outcome_that_lies_makes_the_record_be_sent_again(tmp_path: Path) -> None:
    path = waiting_in(tmp_path, 2)
    ledger = ledger_in(tmp_path)
    ledger.settle([kept.became(EntryState.REFUSED, code="NotAllowed") for kept in ledger.next(1, MEGABYTES)])
    ledger.close()
    database = sqlite3.connect(path)
    database.execute("UPDATE outcome SET state = 'STORED'")
    database.commit()
    database.close()
    ledger = ledger_in(tmp_path)
    assert [entry.state for entry in ledger.entries()] == [EntryState.WAITING] * 2
    assert ledger.waiting() == 2
    ledger.close()


@settings(deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=200), st.integers(0, 2_000))
def test_frames_prove_themselves(before: bytes, after: bytes, bit: int) -> None:
    kept = Kept(7, OBSERVED, parcel())
    frame = pack(kept)
    assert unpack(frame).parcel.content == kept.parcel.content
    assert [found.number for found in carve(before + frame + after)] == [7]
    changed = bytearray(frame)
    changed[bit // 8 % len(frame)] ^= 1 << bit % 8
    assert list(carve(bytes(changed))) == []


# Carrying


async def test_what_is_carried_out_arrives_as_it_was_and_once(tmp_path: Path, bus: MemoryTransport) -> None:
    async with opened(tmp_path / "here") as outbox:
        await outbox.put([parcel(id="I-1"), parcel(id="I-2")])
    looked = look(tmp_path / "here")
    lines = [line.encode() for line in write_out(looked.owner, looked.unsent)]
    carried = read_in(lines)
    assert (carried.owner, carried.problems) == (OWNER, [])
    async with opened(tmp_path / "there", carried.owner) as outbox:
        await outbox.put(carried.parcels)
        assert {each.content for each in carried.parcels} <= set(await outbox.contents())
    async with DurablePublisher(SETTINGS, tmp_path / "there", transport=bus) as publisher:
        assert await publisher.drained(10)
    [first, _] = await stored(bus)
    record = carried.parcels[0].record
    assert (first.key, first.value, tuple(first.headers)) == (record.key, record.value, tuple(record.headers))


def test_a_carried_file_that_is_damaged_gives_what_proves_itself(tmp_path: Path) -> None:
    waiting_in(tmp_path, 3)
    looked = look(tmp_path)
    lines = [line.encode() for line in write_out(looked.owner, looked.unsent)]
    place = len(lines[2]) // 2
    damaged = lines[2][:place] + (b"A" if lines[2][place : place + 1] != b"A" else b"B") + lines[2][place + 1 :]
    carried = read_in([*lines[:2], damaged, *lines[3:]])
    assert [each.ref[-3:] for each in carried.parcels] == ["I-0", "I-2"]
    assert "line 3: incident/nordtel/I-1@1:" in carried.problems[0]
    assert "not what was written" in carried.problems[1]
    early = read_in(lines[:3])
    assert len(early.parcels) == 2
    assert "ends early" in early.problems[0]
    with pytest.raises(InvalidInput, match="not a file of"):
        read_in([b"{}\n"])


def test_a_carried_file_speaks_for_its_actor_alone(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    kept = ledger.put([parcel(incident(actor="sveamobil"))])
    ledger.close()
    carried = read_in([line.encode() for line in write_out(OWNER, kept)])
    assert carried.parcels == []
    assert "not a topic of nordtel" in carried.problems[0]
