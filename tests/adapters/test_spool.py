"""The watched folder: a file is in exactly one place at any instant, and a crash loses nothing."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bus.codec import Codec
from bus.errors import InvalidSettings
from bus.messages import Incident
from bus.settings import Settings
from bus.topics import Realm, TopicPartition
from bus.transport import Transport
from bus.transport.kafka import KafkaTransport
from bus.transport.memory import MemoryTransport
from producers.adapters import Importer, Reading, read
from producers.adapters.spool import Spool
from producers.outbox import DurablePublisher
from producers.publisher import Publisher
from tests.conftest import ProvisionedGroup
from tests.hubs import until

TOPIC = "ntsg.incident.v1.nordtel"
HEAD = "id;observed_at;state;title;impact;areas\n"
ROW = "{};2026-01-10 06:00;bekräftat;Nere;avbrott;07\n"
PATIENCE = 60.0

Run = Callable[..., Awaitable[None]]


def reader(content: bytes, name: str) -> Reading:
    if name.startswith("trip"):
        raise ZeroDivisionError
    return read(content, name, Importer(actor="nordtel"))


@pytest.fixture
def bus() -> MemoryTransport:
    transport = MemoryTransport()
    transport.create(TOPIC)
    return transport


@pytest.fixture
def run(tmp_path: Path, bus: MemoryTransport) -> Run:
    """Imports once what is in the folder."""

    async def once(*, strict: bool = False, settled: bool = False, looks: int = 1) -> None:
        publisher = Publisher(Settings(user="ntsg.nordtel"), transport=bus)
        spool = Spool(tmp_path, reader, publisher, strict=strict)
        with spool.opened():
            async with publisher:
                await spool.work_off()
                for _ in range(looks):
                    spool.take(settled=settled)
                await spool.work_off()

    return once


def drop(directory: Path, name: str, *rows: str) -> None:
    (directory / name).write_text(HEAD + "".join(ROW.format(row) for row in rows), "utf-8")


def where(directory: Path) -> set[str]:
    return {str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file() and p.name != ".lock"}


async def ids(bus: MemoryTransport | KafkaTransport, topic: str = TOPIC) -> list[str]:
    async with bus.reader({TopicPartition(topic, 0): 0}) as source:
        ends = await source.end_offsets()
        found: list[str] = []
        while len(found) < ends[TopicPartition(topic, 0)]:
            found += [Codec().decode(r.value or b"", Incident)[0].id for r in await source.read(timeout=5)]
        return found


async def test_what_is_right_is_sent_and_lies_with_its_receipts(tmp_path: Path, bus: MemoryTransport, run: Run) -> None:
    drop(tmp_path, "a.csv", "I-1", "I-2")
    await run()
    assert where(tmp_path) == {"done/a.csv", "done/a.csv.receipts"}
    receipts = [json.loads(line) for line in (tmp_path / "done/a.csv.receipts").read_text().splitlines()]
    assert [receipt["ref"] for receipt in receipts] == ["incident/nordtel/I-1", "incident/nordtel/I-2"]
    assert await ids(bus) == ["I-1", "I-2"]


async def test_what_is_wrong_lies_with_the_reason_and_keeps_nothing_back(
    tmp_path: Path, bus: MemoryTransport, run: Run
) -> None:
    drop(tmp_path, "a.csv", "I/1", "I-2")
    drop(tmp_path, "trip.csv", "I-3")
    (tmp_path / "b.pdf").write_bytes(b"%PDF")
    (tmp_path / "c.csv").symlink_to(tmp_path / "b.pdf")
    await run()
    names = {"a.csv", "b.pdf", "c.csv", "trip.csv"}
    assert where(tmp_path) >= {f"refused/{name}.reason" for name in names}
    assert {p.name for p in (tmp_path / "refused").iterdir()} == names | {f"{name}.reason" for name in names}
    reason = (tmp_path / "refused/a.csv.reason").read_text()
    assert "row 2, column id: " in reason or "row 2, column Beteckning: " in reason
    assert "incident/nordtel/I-2 revision" in reason
    assert "not recognised" in (tmp_path / "refused/b.pdf.reason").read_text()
    assert "is a link" in (tmp_path / "refused/c.csv.reason").read_text()
    assert "ZeroDivisionError" in (tmp_path / "refused/trip.csv.reason").read_text()
    assert await ids(bus) == ["I-2"]


async def test_strict_sends_nothing_of_a_file_with_a_fault(tmp_path: Path, bus: MemoryTransport, run: Run) -> None:
    drop(tmp_path, "a.csv", "I/1", "I-2")
    await run(strict=True)
    assert "mend it and drop it again" in (tmp_path / "refused/a.csv.reason").read_text()
    assert await ids(bus) == []


async def test_what_is_still_being_written_is_left_alone(tmp_path: Path, run: Run) -> None:
    for name in (".a.csv", "b.csv.part"):
        drop(tmp_path, name, "I-1")
    drop(tmp_path, "c.csv", "I-1")
    await run(settled=True)
    assert where(tmp_path) == {".a.csv", "b.csv.part", "c.csv"}
    await run(settled=True, looks=2)
    assert where(tmp_path) == {".a.csv", "b.csv.part", "done/c.csv", "done/c.csv.receipts"}


async def test_with_an_outbox_a_file_is_done_when_the_disk_has_it(tmp_path: Path, bus: MemoryTransport) -> None:
    """Also while the bus is away. One that the outbox has no room for waits where it was taken to."""
    folder, settings = tmp_path / "spool", Settings(user="ntsg.nordtel")
    away = KafkaTransport(Settings(bootstrap="127.0.0.1:1"))

    @asynccontextmanager
    async def watched(transport: Transport, **options: int) -> AsyncIterator[tuple[Spool, DurablePublisher]]:
        outbox = DurablePublisher(settings, tmp_path / "outbox", transport=transport, linger=0, **options)
        async with outbox as publisher:
            spool = Spool(folder, reader, publisher)
            with spool.opened():
                spool.take(settled=False)
                yield spool, publisher

    folder.mkdir()
    drop(folder, "a.csv", "I-1", "I-2")
    async with watched(away, max_bytes=1) as (spool, _):
        with capture_logs() as logs:
            working = asyncio.create_task(spool.work_off())

            async def refused() -> bool:
                return "disk_away" in [entry["event"] for entry in logs]

            await until(refused, "the outbox has no room")
            working.cancel()
            await asyncio.wait([working])
    assert where(folder) == {"taken/a.csv"}

    async with watched(away) as (spool, _):
        await spool.work_off()
    assert where(folder) == {"done/a.csv", "done/a.csv.receipts"}
    receipts = [json.loads(line) for line in (folder / "done/a.csv.receipts").read_text().splitlines()]
    assert [(each["ref"][-3:], each["state"], each["number"]) for each in receipts] == [
        ("I-1", "WAITING", 1), ("I-2", "WAITING", 2)
    ]  # fmt: skip

    async with watched(bus) as (_, publisher):
        assert await publisher.drained(PATIENCE)
    assert await ids(bus) == ["I-1", "I-2"]


async def test_two_files_of_one_name_are_kept(tmp_path: Path, run: Run) -> None:
    for row in ("I-1", "I-2"):
        drop(tmp_path, "a.csv", row)
        await run()
    assert where(tmp_path) >= {"done/a.csv", "done/a.2.csv"}
    assert "I-2" in (tmp_path / "done/a.2.csv").read_text()


async def test_a_folder_has_one_process(tmp_path: Path, bus: MemoryTransport, run: Run) -> None:
    with (
        Spool(tmp_path, reader, Publisher(Settings(user="ntsg.nordtel"), transport=bus)).opened(),
        pytest.raises(InvalidSettings, match="another process watches it"),
    ):
        await run()


async def test_a_killed_spool_loses_nothing(group: ProvisionedGroup, realm: Realm, tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    folder.mkdir()
    names = [f"I-{number}" for number in range(40)]
    for name in names:
        drop(folder, f"{name}.csv", name)
    credentials = group.credentials / str(realm) / "nordtel.toml"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NTSG_")}
    command = [sys.executable, "-m", "ntsg", "spool", "--config", str(credentials), "--poll", "0.05", str(folder)]

    async def watched(done: int) -> None:
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)  # noqa: ASYNC220
        try:
            async with asyncio.timeout(PATIENCE):
                while len(list((folder / "done").glob("*.csv"))) < done:
                    assert process.poll() is None
                    await asyncio.sleep(0.01)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()

    for done in (1, 15, 40):
        (folder / "done").mkdir(exist_ok=True)
        await watched(done)
    assert {path.stem for path in (folder / "done").glob("*.csv")} == set(names)
    assert not list((folder / "taken").iterdir())
    assert not list((folder / "refused").iterdir())
    found = await ids(KafkaTransport(group.admin), f"{realm}.incident.v1.nordtel")
    assert set(found) == set(names)
