"""Purging on real Kafka: what must go leaves every file, all else stays what it was, and nothing is lost on the way."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from bus import provision
from bus.broker import Running
from bus.errors import BusError, BusUnavailable, InvalidInput, NotAllowed, UnknownTopic
from bus.messages import Area
from bus.provision.actions import RepairTopic
from bus.provision.administration import Administration
from bus.provision.rules import VIEW
from bus.purged import REWRITTEN, Purged, proves
from bus.settings import Settings
from bus.signatures import Signature
from bus.signing import new_key
from bus.topics import Kind, Realm, TopicPartition
from bus.transport.kafka import KafkaTransport
from bus.transport.port import Outgoing, Stored
from bus.transport.to_end import records_to_end
from bus.vocabulary import AreaKind
from consumers.authority import RefusalCode
from consumers.fold import Fold
from consumers.merge import FEEDS
from consumers.purging import intend
from consumers.quarantine import Place
from consumers.reading import fold_log
from ntsg import cli
from producers.gateway import Gateway, following
from producers.gateway.gateway import Author
from producers.publisher import Publisher
from tests.conftest import ACTORS, ProvisionedGroup, provision_group
from tests.group import incident
from tests.hubs import Consumer, Hubs, until, write

REASON = "Namn och nummer i beskrivningen"
SECRET = "Anna Andersson 070-1740605"
NORTH = Area(kind=AreaKind.LAN, code="25")
BEGAN = datetime(2026, 1, 10, 5, tzinfo=UTC)
GONE = f"Ring {SECRET}, hon vet"


async def log_of(group: ProvisionedGroup, topic: str) -> list[Stored]:
    transport = KafkaTransport(group.admin)
    return [r async for records in records_to_end(transport, [TopicPartition(topic, 0)]) for r in records]


def holds(directory: Path, text: str) -> list[str]:
    """The files below a directory that hold a text."""
    found = []
    for file in directory.rglob("*"):
        try:
            if file.is_file() and text.encode() in file.read_bytes():
                found.append(str(file.relative_to(directory)))
        except FileNotFoundError:
            continue  # deleted while we look
    return found


async def ntsg(group: ProvisionedGroup, *arguments: str, given: str = "") -> tuple[int, str]:
    """A command of the administrator, as it ended."""
    environment = {"NTSG_CONFIG": str(group.credentials / "admin.toml"), "NTSG_REALM": str(group.realm)}
    result = await asyncio.to_thread(CliRunner().invoke, cli, arguments, input=given, env=environment)
    return result.exit_code, result.output


@pytest.fixture
async def signing(broker: Running, realm: Realm, tmp_path: Path) -> ProvisionedGroup:
    """The group, in which nordtel signs; the administrator's credentials lie beside theirs."""
    public = new_key(tmp_path / "nordtel.key")
    signs = f'[actors.nordtel]\nsignatures = "REQUIRE"\npublic_keys = ["{public}"]'
    group = await provision_group(broker, realm, tmp_path / "credentials", ACTORS.replace("[actors.nordtel]", signs))
    (group.credentials / "admin.toml").write_text(broker.credentials.read_text())
    return group


def own_of(group: ProvisionedGroup, tmp_path: Path) -> Settings:
    """As nordtel, which signs."""
    return group.settings("nordtel").model_copy(update={"signing_key": tmp_path / "nordtel.key"})


async def forgets_soon(group: ProvisionedGroup) -> None:
    """Have the brokers remove from the feeds what was replaced, within seconds in place of an hour."""
    lag = "max.compaction.lag.ms"
    changes = {lag: (VIEW[lag], "1000")}
    feeds = (group.realm.feed(audience) for audience in FEEDS)
    await Administration(group.admin).repair_topics([RepairTopic(feed, changes) for feed in feeds])


async def said(group: ProvisionedGroup, tmp_path: Path) -> None:
    """What nordtel says: a secret in a first revision, in an incident of its own, and in what nobody can read."""
    own = own_of(group, tmp_path)
    async with Publisher(own) as publisher:
        await publisher.publish(incident(id="I-1"))
        await publisher.publish(incident(id="I-2", description=GONE, started_at=BEGAN))
        await publisher.publish(incident(id="I-9", title=GONE, areas=(NORTH,)))
        await publisher.publish(incident(id="I-2", revision=2, description="Ring driftcentralen", started_at=BEGAN))
        await publisher.publish(incident(id="I-3"))
    async with KafkaTransport(own).writer() as writer:
        await writer.send([Outgoing(group.realm.input(Kind.INCIDENT, "nordtel"), b"nordtel/I-4", GONE.encode())])
    await write(group.settings("sveamobil"), [incident("sveamobil")])


def killed_midway(group: ProvisionedGroup, log: str, arguments: list[str]) -> None:
    """Begin the purge, and kill it when it has deleted the log."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NTSG_")}
    environment |= {"NTSG_CONFIG": str(group.credentials / "admin.toml"), "NTSG_REALM": str(group.realm)}
    command = [sys.executable, "-m", "ntsg", "purge", "run", *arguments]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stderr is not None
        told = []
        for line in process.stderr:
            told.append(line.decode())
            if told[-1] == f"{log}: deleted\n":
                process.kill()
    assert process.returncode == -signal.SIGKILL, told


def check_log(now: list[Stored], original: list[Stored]) -> None:
    """Everything stands where it stood, with its time and signature; placeholders prove what they replace."""
    assert [(r.offset, r.timestamp, r.key) for r in now] == [(r.offset, r.timestamp, r.key) for r in original]
    for record, was in zip(now, original, strict=True):
        if record.offset in (1, 2, 5):
            purged = Purged.of(record.headers)
            assert purged is not None
            assert (record.value, purged.reason) == (None, REASON)
            assert proves(purged.proof, was.value)
            assert not proves(purged.proof, b"something else")
        else:
            assert record.value == was.value
            assert [header for header in record.headers if header[0] != REWRITTEN] == list(was.headers)
            assert Signature.of(record.headers) is not None
    marks = [dict(record.headers).get(REWRITTEN) for record in now]
    assert marks[0] is None, "what was remembered of the log before the first placeholder is still true"
    assert len(set(marks[1:])) == 1


def picture(fold: Fold, at: datetime) -> dict[str, object]:
    """All but what the purge was about: an incident in the north, and one record that nobody could read."""
    view = fold.state.view(at, fold.inputs, True).model_dump(mode="json")
    flags = [flag for flag in view["flags"] if flag["refs"] != ["incident/nordtel/I-2"]]
    return {
        "inputs": view["inputs"],
        "situations": [each for each in view["situations"] if "incident/nordtel/I-9" not in each["members"]],
        "areas": [area for area in view["areas"] if area["code"] != NORTH.code],
        "actors": [actor for actor in view["actors"] if actor["actor"] != "nordtel"],
        "conflicts": view["conflicts"],
        "flags": flags,
    }


async def shows(consumer: Consumer, key: str) -> bool:
    return key in consumer.picture


async def lost(consumer: Consumer, key: str) -> bool:
    return key not in consumer.picture


async def nowhere(directory: Path) -> bool:
    return not holds(directory, SECRET)


async def test_what_is_purged_is_nowhere_and_all_else_is_what_it_was(
    signing: ProvisionedGroup, broker: Running, tmp_path: Path
) -> None:
    group, realm, log = signing, signing.realm, signing.realm.input(Kind.INCIDENT, "nordtel")
    await said(group, tmp_path)
    places = [f"{log}/0/{offset}" for offset in (1, 2, 5)]
    act_as = str(provision.credentials_file(group.credentials, realm, "samordning"))
    asked = ["--reason", REASON, "--function", "administratör", "--directory", str(tmp_path / "job"), "--yes"]

    with Hubs(group, tmp_path) as hubs:
        hub = hubs.start("hub")
        await hub.leads()
        async with Consumer.reading(group.settings("hub")) as consumer:
            await until(lambda: shows(consumer, "incident/nordtel/I-9"), "the feed tells of the incident")
            await hub.shows(lambda status: status.quarantined == 1, "holding what nobody can read")
            before, original = await fold_log(group.settings("hub")), await log_of(group, log)
            at = datetime.now(UTC)
            assert holds(broker.directory, SECRET)
            assert holds(hub.directory, SECRET)

            code, output = await ntsg(group, "purge", "run", *places, *asked, "--silence", "3")
            assert (code, "a hub of realm" in output) == (1, True), output
            hub.end()

            code, output = await ntsg(group, "purge", "find", given=f"{SECRET}\n")
            assert code == 0
            assert set(places) == {
                line for line in output.splitlines() if line.startswith(f"{log}/") and " " not in line
            }
            code, output = await ntsg(group, "purge", "run", *places, *asked, "--silence", "0", "--dry-run")
            assert (code, "3 of 6 records" in output) == (0, True), output
            assert await log_of(group, log) == original

            await asyncio.to_thread(killed_midway, group, log, [*places, *asked, "--silence", "0"])
            with pytest.raises((NotAllowed, UnknownTopic, BusUnavailable)):
                await write(group.settings("nordtel"), [incident(id="I-5")])
            await write(group.settings("sveamobil"), [incident("sveamobil", revision=2)])  # nobody else waits
            code, output = await ntsg(
                group, "purge", "resume", "--directory", str(tmp_path / "job"), "--act-as", act_as
            )
            assert (code, REASON in output) == (0, True), output
            assert list((tmp_path / "job").iterdir()) == []

            check_log(await log_of(group, log), original)
            assert (await Administration(group.admin).topics([log]))[log].config["message.timestamp.type"] == (
                "LogAppendTime"
            )
            code, output = await ntsg(group, "purge", "find", given=SECRET)
            assert [line for line in output.splitlines() if line.startswith(f"{log}/")] == []
            hub = hubs.start("hub")
            status = await hub.leads()
            assert not holds(hub.directory, SECRET)
            assert status.quarantined == 0  # the decisions of the coordination have settled it
            await until(lambda: lost(consumer, "incident/nordtel/I-9"), "whoever follows the feed loses it too")
            assert SECRET not in (await hub.view()).decode()
            async with Publisher(own_of(group, tmp_path)) as publisher:
                await publisher.publish(incident(id="I-5"))
            await hub.shows(lambda status: status.inputs[f"{log}:0"] == 7, "told that operators may write again")
            await forgets_soon(group)
            await until(lambda: nowhere(broker.directory), "the brokers remove what was replaced or deleted")
            assert (await ntsg(group, "purge", "find", given=SECRET))[0] == 1

    after = await fold_log(group.settings("hub"), at)
    held = {str(place): found.refusal for place, found in after.quarantine.held.items()}
    assert {place: refusal.code for place, refusal in held.items()} == dict.fromkeys(places, RefusalCode.PURGED)
    assert all(REASON in refusal.text and "administratör" in refusal.text for refusal in held.values())
    assert picture(before, at) == picture(after, at)

    now = await fold_log(group.settings("hub"))
    assert len(now.quarantine.settled) == len(places)
    assert len(now.quarantine) == 0


async def test_a_gateway_that_runs_forgets_it_by_itself(
    broker: Running, group: ProvisionedGroup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "RENEWED", 1.0)
    (group.credentials / "admin.toml").write_text(broker.credentials.read_text())
    log = group.realm.input(Kind.INCIDENT, "nordtel")
    await write(group.settings("nordtel"), [incident(id="I-1", description=GONE), incident(id="I-2")])
    served = tmp_path / "served"
    served.mkdir()
    own = provision.credentials_file(group.credentials, group.realm, "nordtel")
    (served / "nordtel.toml").write_bytes(own.read_bytes())
    async with Gateway.open(tmp_path / "gateway", served) as gateway:

        async def known(id: str) -> bool:
            return await gateway.last(Author("nordtel", "test"), Kind.INCIDENT, id) is not None

        async def forgotten() -> bool:
            return not await known("I-1")

        await until(lambda: known("I-2"), "the gateway has read the log")
        assert holds(tmp_path / "gateway", SECRET)
        asked = ["--reason", REASON, "--function", "administratör", "--directory", str(tmp_path / "job"), "--yes"]
        code, output = await ntsg(group, "purge", "run", f"{log}/0/0", *asked, "--silence", "0")
        assert code == 0, output
        await until(forgotten, "the gateway has found that the log was rewritten")
        await until(lambda: known("I-2"), "the gateway has read the log again")
        assert holds(tmp_path / "gateway", SECRET) == []


async def test_what_cannot_be_purged_is_refused_and_touched_by_nobody(group: ProvisionedGroup) -> None:
    realm, log = group.realm, group.realm.input(Kind.INCIDENT, "nordtel")
    await write(group.settings("nordtel"), [incident()])
    other = realm.input(Kind.INCIDENT, "sveamobil")
    for places, said_ in (
        ([Place(log, 0, 7)], "there is no record at"),
        ([Place(log, 0, 0), Place(other, 0, 0)], "stand in one topic"),
        ([Place(realm.actors, 0, 0)], "is no log of an actor's messages"),
    ):
        with pytest.raises(InvalidInput, match=said_):
            await intend(group.admin, places, silence=0)
    async with KafkaTransport(group.admin).transaction(realm.leader) as transaction:  # leaves its mark at an offset
        await transaction.send([Outgoing(other, b"sveamobil/I-1", b"?")])
        await transaction.send([Outgoing(other, b"sveamobil/I-1", b"?")])
    with pytest.raises(InvalidInput, match="no record at offset 1"):
        await intend(group.admin, [Place(other, 0, 0)], silence=0)
    with pytest.raises(BusError):
        await intend(group.settings("hub"), [Place(log, 0, 0)], silence=0)
