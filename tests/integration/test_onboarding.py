"""A new operator plugs in: from its name, over its bundle, to a record that a hub has; and what the doctor finds."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import shlex
import shutil
import stat
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import confluent_kafka
import jgo
import pytest
from click.testing import CliRunner

from bus import broker as local_broker
from bus import provision
from bus.broker import Running
from bus.broker.java import KAFKA_VERSION, child_environment, runtime
from bus.credentials import Credentials
from bus.provision.actions import LogSchema
from bus.provision.administration import Administration
from bus.registry import read_group
from bus.settings import CONFIG_VARIABLE, Settings, load_settings
from bus.signing import new_key
from bus.topics import Kind, Realm
from bus.transport.connection import Connection
from bus.transport.kafka import KafkaTransport
from bus.vocabulary import SituationState
from consumers.hub import running_hub
from consumers.merge.view import View
from consumers.reading import fold_log
from ntsg import cli, examined
from producers.doctor import Answer, Verdict, examine
from tests.conftest import HEAP_MB, quiet
from tests.hubs import until

GROUP = """
[actors.sveamobil]
name = "Sveamobil"
roles = ["MNO"]

[readers.hub]
name = "Hub"
audience = "FULL"
writes_view = true
"""
REAL, EXERCISE = Realm("ntsg"), Realm("ntsg-exercise")
PATIENCE = 120.0


@dataclass(frozen=True)
class Place:
    running: Running
    bundle: Path
    credentials: Path
    actors: Path
    said: str
    """By the commands that made it."""

    def held(self, realm: Realm, slug: str = "nordtel") -> Credentials:
        return Credentials.read(self.credentials / str(realm) / f"{slug}.toml")

    def settings(self, realm: Realm, slug: str = "nordtel") -> Settings:
        return self.held(realm, slug).settings()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A broker with TLS, on which `ntsg operator add` has made nordtel."""
    home = tmp_path_factory.mktemp("onboarding")
    actors = home / "actors.toml"
    actors.write_text(GROUP)
    try:
        running = local_broker.start(home / "broker", port=0, heap_mb=HEAP_MB, quick=True, tls=True, report=quiet)
        options = ["--actors", actors, "--out", home / "bundle", "--credentials", home / "credentials"]
        added = ["operator", "add", "nordtel", "--name", "Nordtel", "--role", "MNO", *map(str, options)]
        added += ["--config", str(running.credentials)]
        result = CliRunner().invoke(cli, added)
        assert result.exit_code == 0, result.output
        said = result.output
        again = CliRunner().invoke(cli, added)
        assert (again.exit_code, actors.read_text().count("[actors.nordtel]")) == (1, 1)
        assert "ntsg operator bundle nordtel" in again.output

        (home / "pem").mkdir()
        for realm in (REAL, EXERCISE):
            local_broker.vouch(running.directory, f"{realm}.nordtel", home / "pem" / f"{realm}.pem")
        options = ["--certificates", home / "pem", "--mutual", running.mutual, "--out", home / "with-certificates"]
        bundled = ["operator", "bundle", "nordtel", "--actors", actors, "--credentials", home / "credentials", *options]
        result = CliRunner().invoke(cli, [*map(str, bundled), "--config", str(running.credentials)])
        assert result.exit_code == 0, result.output
        said += again.output + result.output
        yield Place(running, home / "with-certificates", home / "credentials", actors, said)
    finally:
        local_broker.stop(home / "broker", report=quiet)


@pytest.fixture
async def hub(place: Place, tmp_path: Path) -> AsyncIterator[None]:
    async with running_hub(KafkaTransport(place.settings(EXERCISE, "hub")), EXERCISE, tmp_path / "hub") as hub:
        await hub.settled()
        yield


async def answers_to(settings: Settings, *, round_trip: bool = False) -> list[Answer]:
    return [answer async for answer in examine(settings, round_trip=round_trip)]


def ill(answers: Sequence[Answer]) -> list[str]:
    return [answer.asked for answer in answers if answer.verdict is Verdict.ILL]


def test_the_bundle_has_all_and_is_closed_to_others(place: Place) -> None:
    names = {str(file.relative_to(place.bundle)) for file in place.bundle.rglob("*") if file.is_file()}
    for realm in (REAL, EXERCISE):
        assert {f"{realm}.toml", f"{realm}.java.properties", f"{realm}.kcat.conf"} <= names
    assert {"README.md", "ca.pem", "schemas/1.0/incident.avsc"} <= names
    assert stat.S_IMODE(place.bundle.stat().st_mode) == 0o700
    password = Credentials.read(place.bundle / "ntsg.toml").password.encode()
    secrets = (password, b"PRIVATE KEY")
    files = [file for file in place.bundle.rglob("*") if file.is_file()]
    holders = [file for file in files if any(secret in file.read_bytes() for secret in secrets)]
    assert {file.suffix for file in holders} == {".toml", ".properties", ".conf", ".pem"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in holders} == {0o600}
    assert "ntsg-exercise.incident.v1.nordtel" in (place.bundle / "README.md").read_text()


@pytest.mark.usefixtures("hub")
async def test_from_the_bundle_to_a_hub(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(place.bundle, moved)
    monkeypatch.setenv(CONFIG_VARIABLE, str(moved / "ntsg-exercise.toml"))
    assert load_settings().tls_ca == moved / "ca.pem"
    answers = await examined(load_settings(), round_trip=True, quiet=True)
    assert ill(answers) == []
    assert [answer.asked for answer in answers] == [
        *("settings", "names", "ports", "TLS", "login", "brokers", "own topics", "others' topics", "schemas"),
        *("round trip", "clock", "hub"),
    ]
    assert answers[-1].verdict is Verdict.WELL


def secrets_of(place: Place) -> set[str]:
    """Every password and private key that there is."""
    files = [*place.credentials.rglob("*.toml"), place.running.credentials]
    keys = [*place.bundle.glob("*.pem"), *(place.running.directory / "tls").glob("*-key.pem")]
    bodies = [re.findall(r"PRIVATE KEY-----\n(.*?)\n-----END", file.read_text(), re.DOTALL) for file in keys]
    found = {Credentials.read(file).password for file in files}
    return found | {line for body in bodies for line in "".join(body).splitlines() if len(line) > 20}


def test_no_secret_is_ever_told(place: Place, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not by a command, not by one that fails, not in our logs at their loudest, and not in the broker's."""
    caplog.set_level(logging.DEBUG)
    secrets, said = secrets_of(place), [place.said]
    own, wrong = place.credentials / "ntsg" / "kustfiber.toml", tmp_path / "wrong.toml"
    key, report = tmp_path / "own.key", tmp_path / "report.ndjson"
    report.write_text((place.bundle / "try.ndjson").read_text("utf-8"), "utf-8")
    admin = ["--credentials", place.credentials, "--config", place.running.credentials]

    def run(*words: object, status: int = 0) -> None:
        result = CliRunner().invoke(cli, list(map(str, words)))
        assert result.exit_code == status, result.output
        said.append(f"{result.output} {result.exception!r}")

    add = ["operator", "add", "kustfiber", "--name", "Kustfiber", "--role", "TRANSPORT", "--actors", place.actors]
    run(*add, "--out", tmp_path / "bundle", *admin)
    secrets |= secrets_of(place)
    replace(Credentials.read(own), password="of-nobody-at-all").write(wrong)
    run("rotate", "kustfiber", *admin)
    run("provision", place.actors, "--dry-run", "--json", *admin)
    run("operator", "bundle", "kustfiber", "--actors", place.actors, "--out", tmp_path / "again", "--json", *admin)
    run("key", "new", key)
    run("key", "show", key, "--json")
    run("doctor", "--config", own, "--json")
    run("doctor", "--config", wrong, status=1)
    run("publish", "--config", own, report, status=1)
    secrets |= secrets_of(place) | {"of-nobody-at-all", key.read_text().splitlines()[1]}
    run("end", "kustfiber", *admin)
    said.append(
        f"{Credentials.read(wrong)!r} {Credentials.read(wrong).settings()!r} {KafkaTransport(place.settings(REAL))!r}"
    )
    logs = [file.read_text(errors="replace") for file in place.running.directory.rglob("*.log")]
    assert logs
    everything = "\n".join([*said, caplog.text, *logs])
    assert len(secrets) > 10
    assert not [secret for secret in secrets if secret in everything]


@dataclass(frozen=True)
class Newcomer:
    """Somebody with a bundle, a shell and what its guide asks for; and nothing else of ours."""

    directory: Path
    environment: dict[str, str]

    @property
    def guide(self) -> str:
        return (self.directory / "README.md").read_text("utf-8")

    def command(self, beginning: str) -> str:
        """The one command of the guide that begins so, as it stands there."""
        code = "".join(re.findall(r"^    (.*\n)", self.guide, re.MULTILINE)).replace("\\\n", "")
        [found] = [line for line in code.splitlines() if line.startswith(beginning)]
        return found

    async def follows(self, beginning: str) -> str:
        """Do what the guide says there; what is printed."""
        return await self.runs(self.command(beginning))

    async def runs(self, command: str, *, refused: bool = False) -> str:
        process = await asyncio.create_subprocess_shell(
            command,
            cwd=self.directory,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(PATIENCE):
            output, complaint = await process.communicate()
        assert (process.returncode != 0) is refused, complaint.decode()
        return (complaint if refused else output).decode(errors="replace")


@pytest.fixture
def newcomer(place: Place, tmp_path: Path) -> Newcomer:
    moved = tmp_path / "elsewhere"
    shutil.copytree(place.bundle, moved)
    (moved / "bus").symlink_to(Path(sys.prefix))  # step 1, which this environment has done
    tools = tmp_path / "tools"
    tools.mkdir()
    java = runtime(quiet)
    console = jgo.build(f"org.apache.kafka:kafka-tools:{KAFKA_VERSION}")  # not among what the broker needs
    for name, main in (("consumer", "consumer.ConsoleConsumer"), ("producer", "ConsoleProducer")):
        arguments = ["-XX:TieredStopAtLevel=1", f"org.apache.kafka.tools.{main}"]
        command = replace(java, jars=(*java.jars, *console.all_jars)).command(arguments, tools / name)
        script = tools / f"kafka-console-{name}.sh"
        script.write_text(f'#!/bin/sh\nexec {shlex.join(map(str, command))} "$@"\n')
        script.chmod(0o755)
    # kcat on a librdkafka that can: the one that travels with confluent-kafka.
    [librdkafka] = Path(confluent_kafka.__file__).parents[1].glob("confluent_kafka.libs/librdkafka*")
    (tools / "librdkafka.so.1").symlink_to(librdkafka)
    environment = child_environment() | {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "LD_LIBRARY_PATH": str(tools),
        "NTSG_CONFIG": f"{EXERCISE}.toml",
    }
    return Newcomer(moved, environment)


@pytest.mark.usefixtures("hub")
async def test_the_guide_works_word_by_word(place: Place, newcomer: Newcomer) -> None:
    assert newcomer.command("export NTSG_CONFIG") == f"export NTSG_CONFIG={newcomer.environment['NTSG_CONFIG']}"
    assert "\nX" not in await newcomer.follows("bus/bin/ntsg doctor --round-trip")
    assert await newcomer.follows("bus/bin/ntsg check") == "1 valid, 0 refused\n"
    first = json.loads(await newcomer.follows("bus/bin/ntsg publish try.ndjson"))
    assert (first["ref"], first["revision"]) == ("incident/nordtel/TRY-1", 1)

    report = newcomer.directory / "try.ndjson"
    for before, after in (('"revision": 1', '"revision": 2'), ('"CONFIRMED"', '"CLOSED"')):
        assert after in newcomer.guide
        assert before in report.read_text("utf-8")
        report.write_text(report.read_text("utf-8").replace(before, after), "utf-8")
    second = json.loads(await newcomer.follows("bus/bin/ntsg publish try.ndjson"))
    assert (second["revision"], second["offset"]) == (2, first["offset"] + 1)

    async def is_closed() -> bool:
        told = await newcomer.runs(f"{newcomer.command('bus/bin/ntsg view')} --json")
        found = View.model_validate_json(told)
        assert (found.quarantined, found.flags) == (0, ())
        return [(s.members, s.state) for s in found.situations] == [((first["ref"],), SituationState.CLOSED)]

    await until(is_closed, "the others see that it is closed")
    assert "ok login" in await newcomer.runs(f"NTSG_CONFIG={REAL}.toml bus/bin/ntsg doctor")

    await newcomer.follows("kcat -F ntsg-exercise.kcat.conf -P")
    listed = await newcomer.follows("kcat -F ntsg-exercise.kcat.conf -C")
    assert len(re.findall(r"^nordtel/TRY-1: \d+ bytes$", listed, re.MULTILINE)) == 3
    consumer = newcomer.command("kafka-console-consumer.sh")
    printed = await newcomer.runs(f"{consumer} --formatter-property print.key=true --max-messages 1")
    assert printed.startswith("nordtel/")

    fold = await fold_log(place.settings(EXERCISE, "hub"))  # what kcat wrote is the report of before, told again
    view = fold.state.view(datetime.now(UTC), fold.inputs, True)
    assert (view.quarantined, view.flags) == (0, ())
    assert [(s.members, s.state) for s in view.situations] == [((first["ref"],), SituationState.CLOSED)]


async def test_a_certificate_opens_the_own_topics_and_no_others(place: Place, newcomer: Newcomer) -> None:
    """To kcat and to Kafka's own tools: without a password, on the listener that takes certificates."""
    kcat = f"kcat -F {REAL}.mutual.kcat.conf -P -k nordtel/TRY-1 -t"
    java = f"kafka-console-producer.sh --bootstrap-server {place.running.mutual} --command-config "
    java += f"{REAL}.mutual.java.properties --topic"
    await newcomer.runs(f"{kcat} {REAL.input(Kind.OFFER, 'nordtel')} try.avro")
    await newcomer.runs(f"echo a line | {java} {REAL.input(Kind.OFFER, 'nordtel')}")
    assert "Topic authorization" in await newcomer.runs(
        f"{kcat} {REAL.input(Kind.OFFER, 'sveamobil')} try.avro", refused=True
    )
    told = await newcomer.runs(f"NTSG_CONFIG={REAL}.mutual.toml bus/bin/ntsg doctor")
    assert "\nX" not in told


@pytest.mark.parametrize(
    ("change", "asked"),
    [
        ({"bootstrap": "no-such-host.invalid:9092"}, "names"),
        ({"bootstrap": "127.0.0.1:1"}, "ports"),
        ({"password": "wrong"}, "login"),
        ({"realm": "nowhere-exercise"}, "own topics"),
    ],
)
async def test_the_doctor_names_what_is_wrong_and_what_to_do(place: Place, change: dict[str, str], asked: str) -> None:
    answers = await answers_to(replace(place.held(EXERCISE), **change).settings())  # type: ignore[arg-type] # texts all
    assert ill(answers)[0] == asked
    assert all(answer.remedy for answer in answers if answer.verdict is not Verdict.WELL)


async def test_the_doctor_says_which_realm_is_the_right_one(place: Place) -> None:
    answers = await answers_to(replace(place.held(EXERCISE), realm="ntsg").settings())
    assert answers[-1].asked == "others' topics"
    assert "some in ntsg-exercise" in answers[-2].text


async def test_the_doctor_sees_that_the_bus_sends_its_clients_elsewhere(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def elsewhere(_: Connection) -> list[tuple[str, int]]:
        """What brokers say that name a wrong address as their own."""
        return [("no-such-host.invalid", 9092)]

    monkeypatch.setattr(Connection, "brokers", elsewhere)
    answers = await answers_to(place.settings(EXERCISE))
    assert ill(answers) == ["brokers"]
    assert "advertised.listeners" in answers[-1].remedy


async def test_the_doctor_sees_that_the_rights_are_gone(place: Place) -> None:
    admin = Administration(place.running.settings())
    await admin.revoke([right for right in await admin.rights() if right.user == f"{REAL}.sveamobil"])

    async def gone() -> bool:
        answers = await answers_to(place.settings(REAL, "sveamobil"))
        return ill(answers) == ["own topics"] and "`ntsg provision`" in answers[-2].remedy

    await until(gone, "the doctor says that the rights are gone")


async def test_the_doctor_sees_that_one_right_to_write_is_gone(place: Place) -> None:
    """What it may still read, it sees: that alone does not say that it may write there."""
    admin, topic = Administration(place.running.settings()), f"{EXERCISE}.work.v1.sveamobil"
    await admin.revoke([right for right in await admin.rights() if (right.name, right.operation) == (topic, "WRITE")])

    async def told() -> bool:
        answers = await answers_to(place.settings(EXERCISE, "sveamobil"))
        return ill(answers) == ["own topics"] and f"may read {topic} and not write there" in answers[-2].text

    await until(told, "the doctor names the topic that it may not write to")


async def provisioned(place: Place, realm: Realm, actor: str = "", *, schemas: bool = True) -> Credentials:
    """nordtel in a realm of its own, with these lines in the group's file."""
    group = provision.Group(*read_group(f'[actors.nordtel]\nname = "Nordtel"\nroles = ["MNO"]\n{actor}'))
    admin = place.running.settings(str(realm))
    plan = await provision.plan(group, admin, place.credentials, now=datetime.now(UTC), quotas=False)
    kept = tuple(action for action in plan.actions if schemas or not isinstance(action, LogSchema))
    await provision.carry_out(replace(plan, actions=kept), admin, report=quiet)
    return place.held(realm)


async def test_the_doctor_sees_schemas_that_the_realm_does_not_hold(place: Place) -> None:
    own = await provisioned(place, Realm("old-exercise"), schemas=False)
    answers = await answers_to(own.settings())
    assert ill(answers) == ["schemas"]
    assert "incident" in answers[-1].text
    assert "quarantine" in answers[-1].remedy


async def test_the_doctor_sees_what_the_group_asks_of_signatures(place: Place, tmp_path: Path) -> None:
    known, unknown = tmp_path / "known.key", tmp_path / "unknown.key"
    asks = f'signatures = "REQUIRE"\npublic_keys = ["{new_key(known)}"]'
    own = await provisioned(place, Realm("signed-exercise"), asks)
    new_key(unknown)
    last = [(await answers_to(replace(own, signing_key=key).settings()))[-1] for key in (None, unknown, known)]
    assert [(answer.asked, answer.verdict) for answer in last] == [
        ("signature", Verdict.ILL),
        ("signature", Verdict.ILL),
        ("signature", Verdict.WELL),
    ]
    assert "ntsg key new" in last[0].remedy
    assert f"ntsg key show {unknown}" in last[1].remedy


@pytest.mark.parametrize(
    ("ahead", "verdict", "told"),
    [
        (timedelta(minutes=1), Verdict.TOLD, "ahead of"),
        (timedelta(minutes=10), Verdict.ILL, "ahead of"),
        (timedelta(minutes=-10), Verdict.ILL, "behind"),
    ],
)
async def test_the_doctor_sees_a_clock_that_is_wrong(
    place: Place, monkeypatch: pytest.MonkeyPatch, ahead: timedelta, verdict: Verdict, told: str
) -> None:
    class Wrong(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + ahead

    monkeypatch.setattr("producers.doctor.speaking.datetime", Wrong)
    [clock] = [a for a in await answers_to(place.settings(EXERCISE), round_trip=True) if a.asked == "clock"]
    assert (clock.verdict, told in clock.text, "NTP" in clock.remedy) == (verdict, True, True)


async def test_the_doctor_tells_the_administrator_that_it_is_no_operator(place: Place) -> None:
    """It sees every topic of the realm: nothing that an operator's user may."""
    answers = await answers_to(place.running.settings(str(EXERCISE)))
    assert "own topics" in ill(answers)


async def test_the_doctor_writes_nothing_into_the_real_picture(place: Place) -> None:
    answers = await answers_to(place.settings(REAL), round_trip=True)
    assert (answers[-1].asked, answers[-1].verdict) == ("round trip", Verdict.TOLD)
    fold = await fold_log(place.settings(REAL, "hub"))
    assert f"{REAL.input(Kind.INCIDENT, 'nordtel')}:0" not in fold.inputs
