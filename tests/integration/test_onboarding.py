"""A new operator plugs in: from its name, over its bundle, to a record that a hub has; and what the doctor finds."""

from __future__ import annotations

import shutil
import stat
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import jgo
import pytest
from click.testing import CliRunner

from bus import broker as local_broker
from bus.broker import Running
from bus.broker.java import KAFKA_VERSION, child_environment, runtime
from bus.certificates import Authority
from bus.credentials import Credentials
from bus.settings import CONFIG_VARIABLE, Settings, load_settings
from bus.topics import Realm
from bus.transport.kafka import KafkaTransport
from consumers.hub import running_hub
from consumers.reading import fold_log
from ntsg import cli, examined
from producers.doctor import Answer, Verdict, examine
from tests.conftest import HEAP_MB, quiet

GROUP = '[readers.hub]\nname = "Hub"\naudience = "FULL"\nwrites_view = true\n'
REAL, EXERCISE = Realm("ntsg"), Realm("ntsg-exercise")


@dataclass(frozen=True)
class Place:
    running: Running
    bundle: Path
    credentials: Path

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
        again = CliRunner().invoke(cli, added)
        assert (again.exit_code, actors.read_text().count("[actors.nordtel]")) == (1, 1)
        assert "ntsg operator bundle nordtel" in again.output
        yield Place(running, home / "bundle", home / "credentials")
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
    secret = Credentials.read(place.bundle / "ntsg.toml").password
    holders = [file for file in place.bundle.rglob("*") if file.is_file() and secret in file.read_text("utf-8")]
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
        *("settings", "names", "ports", "TLS", "login", "own topics", "others' topics", "schemas"),
        *("round trip", "clock", "hub"),
    ]
    assert answers[-1].verdict is Verdict.WELL


def test_kafkas_own_tools_get_in_with_the_bundle(place: Place, tmp_path: Path) -> None:
    java = runtime(quiet)
    console = jgo.build(f"org.apache.kafka:kafka-tools:{KAFKA_VERSION}")  # not among what the broker needs
    arguments = ["-XX:TieredStopAtLevel=1", "org.apache.kafka.tools.consumer.ConsoleConsumer"]
    arguments += ["--bootstrap-server", place.running.bootstrap, "--topic", EXERCISE.actors]
    arguments += ["--partition", "0", "--offset", "earliest", "--max-messages", "1", "--timeout-ms", "60000"]
    arguments += ["--command-config", f"{EXERCISE}.java.properties"]
    done = subprocess.run(
        replace(java, jars=(*java.jars, *console.all_jars)).command(arguments, tmp_path / "java"),
        cwd=place.bundle,
        env=child_environment(),
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.stdout.startswith(b"\xc3\x01"), done.stderr.decode()


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


async def test_the_doctor_sees_a_bus_that_is_not_vouched_for(place: Place, tmp_path: Path) -> None:
    stranger = Authority.of(tmp_path).certificate_file
    answers = await answers_to(place.settings(EXERCISE).model_copy(update={"tls_ca": stranger}))
    assert ill(answers)[0] == "TLS"


async def test_the_doctor_sees_rights_that_are_too_wide(place: Place) -> None:
    """The administrator sees every topic of the realm: nothing that an operator's user may."""
    admin = place.running.settings(str(EXERCISE))
    answers = await answers_to(admin)
    assert "own topics" in ill(answers)


async def test_the_doctor_writes_nothing_into_the_real_picture(place: Place) -> None:
    answers = await answers_to(place.settings(REAL), round_trip=True)
    assert (answers[-1].asked, answers[-1].verdict) == ("round trip", Verdict.TOLD)
    fold = await fold_log(place.settings(REAL, "hub"))
    assert set(fold.inputs) == {f"{REAL.actors}:0", f"{REAL.schemas}:0"}
