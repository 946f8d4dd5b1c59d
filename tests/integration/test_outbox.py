"""The outbox on real Kafka, as an operator uses it: in Python, and on the command line."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bus import provision
from bus.messages import Link
from bus.ndjson import write_line
from bus.topics import Kind
from bus.vocabulary import LinkRelation, MessageStatus
from consumers.reading import fold_log
from producers.outbox import DurablePublisher, EntryState
from tests.group import BEGIN, incident
from tests.integration.test_publish import stored_revisions

if TYPE_CHECKING:
    from tests.conftest import ProvisionedGroup

Ntsg = Callable[..., Awaitable[subprocess.CompletedProcess[str]]]


@pytest.fixture
def ntsg(group: ProvisionedGroup) -> Ntsg:
    """Runs `ntsg` as nordtel's machine does."""
    key = provision.credentials_file(group.credentials, group.realm, "nordtel")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NTSG_")}

    async def run(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "ntsg", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            env=environment | {"NTSG_CONFIG": str(key)} | variables,
        )

    return run


async def test_entries_are_places_in_the_log(group: ProvisionedGroup, tmp_path: Path) -> None:
    async with DurablePublisher(group.settings("nordtel"), tmp_path) as publisher:
        kept = await publisher.publish_many(incident(revision=n) for n in range(1, 2_501))
        assert await publisher.drained(60)
        entries = await publisher.outbox.states(entry.number for entry in kept)
    assert [entries[entry.number].offset for entry in kept] == list(range(2_500))
    topic = group.realm.input(Kind.INCIDENT, "nordtel")
    assert await stored_revisions(group.admin, topic) == list(range(1, 2_501))


async def test_what_the_broker_refuses_is_kept_and_named(group: ProvisionedGroup, tmp_path: Path) -> None:
    link = Link(
        actor="nordtel",
        id="L-1",
        revision=1,
        status=MessageStatus.ACTUAL,
        observed_at=BEGIN,
        relation=LinkRelation.MUST_LINK,
        a="incident/nordtel/I-1",
        b="incident/sveamobil/I-1",
    )
    async with DurablePublisher(group.settings("nordtel"), tmp_path) as publisher:
        entries = [await publisher.settled(each) for each in await publisher.publish_many([link, incident()])]
    assert [entry.state for entry in entries] == [EntryState.REFUSED, EntryState.STORED]
    assert entries[0].code == "NotAllowed"


async def test_out_by_hand_and_in_from_elsewhere(group: ProvisionedGroup, ntsg: Ntsg, tmp_path: Path) -> None:
    """The network is gone: the reports leave on a stick, and are sent from another place, twice. Later the first
    machine sends them as well.
    """
    here, there, stick = tmp_path / "here", tmp_path / "there", tmp_path / "stick.ntsg"
    lines = tmp_path / "storm.ndjson"
    lines.write_text("".join(write_line(incident(id=f"I-{n}"), sent_at=BEGIN) + "\n" for n in range(5)), "utf-8")
    nowhere = {"NTSG_BOOTSTRAP": "127.0.0.1:1"}

    kept = await ntsg("publish", "--outbox", here, "--give-up-after", 0.1, lines, **nowhere)
    assert kept.returncode == 0, kept.stderr
    receipts = [json.loads(line) for line in kept.stdout.splitlines()]
    assert [(receipt["ref"], receipt["state"]) for receipt in receipts] == [
        (f"incident/nordtel/I-{n}", "WAITING") for n in range(5)
    ]
    assert "5 wait on this disk" in kept.stderr
    stuck = await ntsg("outbox", "flush", "--outbox", here, "--give-up-after", 0.1, **nowhere)
    assert (stuck.returncode, "5 still wait" in stuck.stderr) == (1, True)

    assert (await ntsg("outbox", "export", "--outbox", here, stick)).returncode == 0
    assert stick.stat().st_mode & 0o077 == 0, "the reports are in it"
    taken = await ntsg("outbox", "import", "--outbox", there, stick)
    assert (taken.returncode, "5 messages taken, 0 were here already" in taken.stderr) == (0, True)
    again = await ntsg("outbox", "import", "--outbox", there, stick)
    assert (again.returncode, "0 messages taken, 5 were here already" in again.stderr) == (0, True)
    sent = await ntsg("outbox", "flush", "--outbox", there)
    assert sent.returncode == 0, sent.stderr
    digest = (await fold_log(group.settings("hub"))).state.digest

    late = await ntsg("outbox", "flush", "--outbox", here)
    assert late.returncode == 0, late.stderr
    fold = await fold_log(group.settings("hub"))
    assert fold.state.digest == digest, "sent from both places, and one picture"
    listed = await ntsg("outbox", "list", "--all", "--json", "--outbox", here)
    entries = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [(entry["state"], entry["sent_at"]) for entry in entries] == [("STORED", "2026-01-10T06:00:00Z")] * 5


async def test_a_receipt_says_stored_when_the_bus_is_there(ntsg: Ntsg, tmp_path: Path) -> None:
    lines = tmp_path / "storm.ndjson"
    lines.write_text(write_line(incident()) + "\n" + write_line(incident(actor="sveamobil")) + "\n", "utf-8")
    answer = await ntsg("publish", "--outbox", tmp_path / "outbox", lines)
    [receipt] = [json.loads(line) for line in answer.stdout.splitlines()]
    assert (receipt["state"], receipt["offset"], receipt["number"]) == ("STORED", 0, 1)
    assert answer.returncode == 1
    assert "line 2: incident/sveamobil/I-1@1: user" in answer.stderr


async def test_what_is_imported_goes_by_the_outbox(group: ProvisionedGroup, ntsg: Ntsg, tmp_path: Path) -> None:
    """By hand while the bus is away, and from a watched folder when it is there: the log has it all."""
    outbox, folder, table = tmp_path / "outbox", tmp_path / "spool", tmp_path / "storm.csv"
    head, row = "id;observed_at;state;title;impact;areas\n", "{};2026-01-10 06:00;bekräftat;Nere;avbrott;07\n"
    table.write_text(head + row.format("I-1") + row.format("I/2"), "utf-8")
    folder.mkdir()
    (folder / "a.csv").write_text(head + row.format("I-3"), "utf-8")

    kept = await ntsg("import", "--outbox", outbox, "--give-up-after", 0.1, table, NTSG_BOOTSTRAP="127.0.0.1:1")
    assert (kept.returncode, "storm.csv: row 3" in kept.stderr) == (1, True)
    [receipt] = [json.loads(line) for line in kept.stdout.splitlines()]
    assert (receipt["ref"], receipt["state"], receipt["number"]) == ("incident/nordtel/I-1", "WAITING", 1)
    assert "1 wait on this disk" in kept.stderr

    watched = await ntsg("spool", "--once", "--outbox", outbox, folder)
    assert watched.returncode == 0, watched.stderr
    receipt = json.loads((folder / "done" / "a.csv.receipts").read_text())
    assert (receipt["ref"], receipt["number"]) == ("incident/nordtel/I-3", 2)
    view = (await fold_log(group.settings("hub"))).state
    assert view.entity("incident/nordtel/I-1")
    assert view.entity("incident/nordtel/I-3")
    listed = await ntsg("outbox", "list", "--all", "--json", "--outbox", outbox)
    assert [json.loads(line)["state"] for line in listed.stdout.splitlines()] == ["STORED", "STORED"]
