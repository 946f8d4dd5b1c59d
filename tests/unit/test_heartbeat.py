"""What a heartbeat says, and when it rather says nothing. The bus is in memory, the outbox is real."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bus.codec import Codec
from bus.errors import BusUnavailable, InvalidInput, InvalidSettings, NtsgError
from bus.messages import Message, Status
from bus.settings import Settings
from bus.transport.memory import MemoryTransport
from bus.vocabulary import MessageStatus, OperatorMode
from producers.heartbeat import Heartbeat, command, file, keep_beating
from producers.outbox import DurablePublisher, Entry
from tests.group import incident
from tests.hubs import until
from tests.unit.test_publisher import SETTINGS, TOPIC, Weather, stored

STATUS = "ntsg.status.v1.nordtel"
EVERY = timedelta(minutes=5)


@pytest.fixture
def bus() -> MemoryTransport:
    transport = MemoryTransport()
    transport.create(TOPIC)
    transport.create(STATUS)
    return transport


@pytest.fixture
def publisher(tmp_path: Path, bus: MemoryTransport) -> Callable[[], DurablePublisher]:
    return lambda: DurablePublisher(SETTINGS, tmp_path / "outbox", transport=bus)


@pytest.fixture
def told(
    tmp_path: Path, publisher: Callable[[], DurablePublisher], bus: MemoryTransport
) -> Callable[..., Awaitable[Status]]:
    """The status that a source leads to, after these messages."""

    async def beat(text: str, *messages: Message) -> Status:
        path = tmp_path / "status"
        path.write_text(text, "utf-8")
        async with publisher() as opened:
            await opened.publish_many(messages)
            await Heartbeat(file(path), EVERY).beat(opened)
        return (await statuses(bus))[-1]

    return beat


async def statuses(bus: MemoryTransport) -> list[Status]:
    codec = Codec()
    return [codec.decode(record.value or b"", Status)[0] for record in await stored(bus, STATUS)]


Told = Callable[..., Awaitable[Status]]


async def test_it_says_what_the_source_says_as_of_now(told: Told) -> None:
    found = await told('mode = "REDUCED"\n[[staffing]]\nfunction = "drift"\navailable_percent = 80.0\n')
    assert (found.mode, found.staffing[0].function) == (OperatorMode.REDUCED, "drift")
    assert datetime.now(UTC) - found.observed_at < timedelta(minutes=1)
    assert found.next_update_at == found.observed_at + EVERY
    assert found.status is MessageStatus.ACTUAL
    assert (await told('{"mode": "CRISIS"}')).mode is OperatorMode.CRISIS


async def test_open_incidents_are_those_that_the_outbox_took_and_that_are_not_over(told: Told) -> None:
    never = await told('mode = "NORMAL"')
    assert (never.open_incidents, never.nothing_to_report) == (None, False), "unknown is not zero"
    closed, proxy = incident(id="I-2", state="CLOSED"), incident(id="I-3", on_behalf_of="kustfiber")
    one = await told('mode = "NORMAL"\nnothing_to_report = true', incident(), closed, proxy)
    assert (one.open_incidents, one.nothing_to_report) == (1, False), "an open incident is something to report"
    none = await told('mode = "NORMAL"', incident(revision=2, state="CLOSED"))
    assert (none.open_incidents, none.nothing_to_report) == (0, True)
    denied = await told('mode = "NORMAL"\nnothing_to_report = false')
    assert (denied.open_incidents, denied.nothing_to_report) == (0, False)
    given = await told('mode = "NORMAL"\nopen_incidents = 3')
    assert (given.open_incidents, given.nothing_to_report) == (3, False)


async def test_revisions_rise_over_restarts_clocks_and_a_lost_outbox(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Earlier(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime(1999, 12, 31, tzinfo=UTC)

    revisions = [(await told('mode = "NORMAL"')).revision for _ in range(3)]
    monkeypatch.setattr("producers.heartbeat.datetime", Earlier)
    revisions.append((await told('mode = "NORMAL"')).revision)
    assert sorted(set(revisions)) == revisions
    assert revisions[3] == revisions[2] + 1
    assert revisions[0] >= 10**12, "counted in milliseconds: a new outbox begins above a lost one"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("mode = ", "neither TOML nor a JSON object"),
        ("{", "neither TOML nor a JSON object"),
        ("", "says nothing"),
        ('mod = "NORMAL"', "mod: unknown field"),
        ('mode = "FINE"', "mode: unknown symbol 'FINE'"),
        ('mode = "NORMAL"\nrevision = 7', "revision: the heartbeat says this itself"),
        ("open_incidents = 0", "mode: required field is missing"),
        ('mode = "NORMAL"\nopen_incidents = -1', "open_incidents: "),
    ],
)
async def test_what_a_source_gets_wrong_is_named_and_nothing_is_sent(
    told: Told, bus: MemoryTransport, text: str, complaint: str
) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        await told(text)
    assert await statuses(bus) == []


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("/no/such/program", "cannot be run"),
        ("sh -c 'echo broken >&2; exit 3'", "ended with status 3: broken"),
        (r"printf '\377'", "not UTF-8"),
    ],
)
async def test_a_command_that_fails_says_how(line: str, complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        await command(line)()
    with pytest.raises(InvalidSettings, match="is no command"):
        command("'")


async def test_a_command_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("producers.heartbeat.COMMAND_TIMEOUT", 0.1)
    with pytest.raises(InvalidInput, match=r"said nothing for 0\.1 s"):
        await command("sleep 600")()


async def test_a_bad_file_is_told_and_the_last_status_is_not_repeated(
    tmp_path: Path, publisher: Callable[[], DurablePublisher], bus: MemoryTransport
) -> None:
    path, told, failed = tmp_path / "status.toml", list[Entry](), list[NtsgError]()
    path.write_text('mode = "NORMAL"', "utf-8")
    beating = asyncio.create_task(
        keep_beating(Heartbeat(file(path), timedelta(seconds=0.05)), publisher, told.append, failed.append)
    )

    async def beaten() -> bool:
        return len(told) > 1

    async def complained() -> bool:
        return len(failed) > 2

    try:
        await until(beaten, "two beats")
        path.write_text("mode = ", "utf-8")
        await until(complained, "three complaints")
        sent = len(told)
        assert "neither TOML" in str(failed[0])
        path.write_text('{"mode": "CRISIS"}', "utf-8")
        await until(beaten_again(told, sent), "it goes on when the file is mended")
    finally:
        beating.cancel()
        await asyncio.wait([beating])
    modes = [status.mode for status in await statuses(bus)]
    assert modes[sent - 1 :][:2] == [OperatorMode.NORMAL, OperatorMode.CRISIS]


def beaten_again(told: list[Entry], before: int) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        return len(told) > before

    return holds


async def test_while_the_bus_is_away_beats_wait_and_the_outbox_is_free_between_two(
    tmp_path: Path, bus: MemoryTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("producers.heartbeat.SESSION", 0.01)
    away = Weather(bus, *[BusUnavailable("no broker answers")] * 10_000)
    told, failed = list[Entry](), list[NtsgError]()

    def publisher() -> DurablePublisher:
        return DurablePublisher(SETTINGS, tmp_path, transport=away, linger=0, patience=30)

    source = command("""printf 'mode="NORMAL"'""")
    beating = asyncio.create_task(
        keep_beating(Heartbeat(source, timedelta(seconds=0.3)), publisher, told.append, failed.append)
    )
    try:
        await until(beaten_again(told, 1), "two beats")
        async with DurablePublisher(SETTINGS, tmp_path, transport=bus, patience=30) as other:
            await other.publish(incident())
            assert await other.drained(10)
    finally:
        beating.cancel()
        await asyncio.wait([beating])
    assert any("no broker answers" in str(error) for error in failed)
    assert len(await statuses(bus)) >= 2


async def test_an_exercise_has_a_heartbeat_of_its_own(tmp_path: Path) -> None:
    bus = MemoryTransport()
    bus.create("ntsg-exercise.status.v1.nordtel")
    exercise = Settings(realm="ntsg-exercise", user="ntsg-exercise.nordtel")
    async with DurablePublisher(exercise, tmp_path / "outbox", transport=bus) as publisher:
        await Heartbeat(command("""printf 'mode="NORMAL"'"""), EVERY).beat(publisher)
    [record] = await stored(bus, "ntsg-exercise.status.v1.nordtel")
    assert Codec().decode(record.value or b"", Status)[0].status is MessageStatus.EXERCISE
