"""The production files, run without containers: the nodes' own start script, with the secrets that the other one makes,
provisioning, and the services by the very commands of the compose file.

What only a container engine can show (images, volumes, limits, health checks) is not tested here.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import yaml

from bus import provision
from bus.broker.cluster import free_port
from bus.broker.java import runtime
from bus.credentials import Credentials
from bus.errors import AuthenticationFailed, BusError, BusUnavailable, NotAllowed
from bus.ndjson import as_object
from bus.provision.administration import Administration
from bus.registry import read_group
from bus.settings import Settings
from bus.topics import Kind, Realm
from bus.transport import Outgoing
from bus.transport.connection import Connection
from bus.transport.kafka import KafkaTransport
from consumers.reading import fold_log
from producers.publisher import Publisher
from tests.group import incident
from tests.hubs import until

DOCKER = Path(__file__).parents[2] / "docker"
COMPOSE = yaml.safe_load((DOCKER.parent / "docker-compose.yml").read_text("utf-8"))
NODES = (1, 2, 3)
PATIENCE = 120.0

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the certificates are made with openssl")


@dataclass(frozen=True)
class Deployment:
    secrets: Path
    external: str
    client: str
    mutual: str
    controllers: str
    processes: tuple[subprocess.Popen[bytes], ...]

    @property
    def ca(self) -> Path:
        return self.secrets / "ca.pem"

    @property
    def admin(self) -> Settings:
        return Settings(
            bootstrap=self.external, user="admin", password_file=self.secrets / "admin-password", tls_ca=self.ca
        )


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("deployment") / "secrets"
    subprocess.run([DOCKER / "make-secrets", "localhost", directory], check=True, capture_output=True)
    return directory


@pytest.fixture(scope="module")
def deployment(secrets: Path) -> Iterator[Deployment]:
    tools = runtime(lambda _: None)
    libs = secrets.parent / "libs"
    libs.mkdir()
    for jar in tools.jars:
        (libs / jar.name).symlink_to(jar)
    taken: list[int] = []
    for _ in range(5 * len(NODES)):
        taken.append(free_port(taken))
    ports = [taken[5 * index : 5 * index + 5] for index in range(len(NODES))]
    voters = ",".join(f"{node}@localhost:{ports[node - 1][1]}" for node in NODES)
    client, _, _, external, mutual = (
        ",".join(f"localhost:{port}" for port in of_listener) for of_listener in zip(*ports, strict=True)
    )
    processes = []
    try:
        for node in NODES:
            home = secrets.parent / f"node-{node}"
            for part in ("run", "data", "secrets"):
                (home / part).mkdir(parents=True)
            for name in ("ca.pem", "cluster-id", "admin-password", "broker-password"):
                (home / "secrets" / name).symlink_to(secrets / name)
            (home / "secrets" / "node.pem").symlink_to(secrets / f"kafka-{node}.pem")
            inside, controller, replication, outside, certified = map(str, ports[node - 1])
            environment = {
                "PATH": f"{tools.java.parent}:{os.environ['PATH']}",
                "NODE_ID": str(node),
                "VOTERS": voters,
                "HOST": "localhost",
                "EXTERNAL_ADDRESS": f"localhost:{outside}",
                "MUTUAL_ADDRESS": f"localhost:{certified}",
                "CLIENT_PORT": inside,
                "CONTROLLER_PORT": controller,
                "REPLICATION_PORT": replication,
                "EXTERNAL_PORT": outside,
                "MUTUAL_PORT": certified,
                "RUN_DIRECTORY": str(home / "run"),
                "DATA_DIRECTORY": str(home / "data"),
                "SECRETS_DIRECTORY": str(home / "secrets"),
                "KAFKA_LIBS": str(libs),
                "LOG_SETTINGS": str(DOCKER / "log4j2.properties"),
                "KAFKA_JAVA_OPTIONS": "-Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1",
            }
            with (home / "log").open("wb") as log:
                processes.append(
                    subprocess.Popen([DOCKER / "kafka-start"], env=environment, stdout=log, stderr=subprocess.STDOUT)
                )
        found = Deployment(
            secrets, external, client, mutual, voters.replace("1@", "").partition(",")[0], tuple(processes)
        )
        asyncio.run(whole(found))
        yield found
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()


async def whole(deployment: Deployment) -> None:
    """Until all nodes have joined."""
    for address in deployment.external.split(","):
        await until_it_listens(int(address.rpartition(":")[2]), deployment)
    bus = Administration(deployment.admin)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert all(process.poll() is None for process in deployment.processes), f"see {deployment.secrets.parent}"
        with suppress(BusUnavailable, AuthenticationFailed):
            await bus.check()
            if await bus.brokers() == len(NODES):
                return
        await asyncio.sleep(0.2)
    raise AssertionError(f"the nodes do not come together; see the logs in {deployment.secrets.parent}")


async def until_it_listens(port: int, deployment: Deployment) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert all(process.poll() is None for process in deployment.processes), f"see {deployment.secrets.parent}"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        await asyncio.sleep(0.1)
    raise AssertionError(f"nobody listens on {port}; see the logs in {deployment.secrets.parent}")


async def test_members_are_provisioned_and_publish_over_tls(
    deployment: Deployment, realm: Realm, group_toml: str
) -> None:
    admin = deployment.admin.model_copy(update={"realm": str(realm)})
    members = provision.Group(*read_group(group_toml))
    credentials = deployment.secrets.parent / "credentials"
    plan = await provision.plan(members, admin, credentials, now=datetime.now(UTC))
    await provision.carry_out(plan, admin, report=lambda _: None)
    assert not await provision.plan(members, admin, credentials, now=datetime.now(UTC))

    topic = realm.input(Kind.INCIDENT, "nordtel")
    state = (await Administration(admin).topics([topic]))[topic]
    assert (state.replication_factor, state.config["min.insync.replicas"]) == (3, "2")
    file = provision.credentials_file(credentials, realm, "nordtel")
    async with KafkaTransport(Credentials.read(file).settings()).writer() as writer:
        await writer.send([Outgoing(topic, b"nordtel/I-1", b"value")])


@dataclass(frozen=True)
class Services:
    """What compose runs beside Kafka, on this machine: its volumes are directories of ours, its ports free ones."""

    home: Path
    secrets: Path
    ports: Mapping[str, str]
    environment: Mapping[str, str]

    def here(self, service: str, word: str) -> str:
        """A word of the compose file, with the paths and ports of this machine."""
        places = {"/run/secrets": str(self.secrets), "0.0.0.0": "127.0.0.1", **self.ports}
        for volume in COMPOSE["services"][service]["volumes"]:
            source, target = re.sub(r"\$\{.*?\}", "actors.toml", volume).split(":")[:2]
            places[target] = str(self.home / Path(source).name)
        for there in sorted(places, key=len, reverse=True):
            word = word.replace(there, places[there])
        return word

    def environment_of(self, service: str) -> dict[str, str]:
        told = COMPOSE["services"][service]["environment"]
        named = {name: self.here(service, value) for name, value in told.items() if "$" not in value}
        return {"NTSG_HOME": self.here(service, "/var/lib/ntsg"), **named, **self.environment}

    def provision(self, *realms: str, **environment: str) -> None:
        done = subprocess.run(
            [DOCKER / "provision-realms", *realms],
            env={**self.environment_of("provision"), "NTSG_HOME": str(self.home), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def ntsg(self, service: str, *words: str) -> str:
        """A command in the place of a service; what it prints."""
        environment = self.environment_of(service)
        return (
            subprocess.run(["ntsg", *words], env=environment, capture_output=True, check=True).stdout.decode().strip()
        )

    def is_healthy(self, service: str) -> bool:
        """What the engine asks."""
        _, _, *words = COMPOSE["services"][service]["healthcheck"]["test"]
        words = [self.here(service, word) for word in words]
        return subprocess.run([sys.executable, *words], capture_output=True, check=False).returncode == 0

    @contextmanager
    def running(self, service: str) -> Iterator[subprocess.Popen[bytes]]:
        """The service's own command, until the body ends; then it has to end well when it is told to."""
        words = shlex.split(re.sub(r"\$\{NTSG_ALERTS:.*?\}", "", COMPOSE["services"][service]["command"]))
        with (self.home / f"{service}.log").open("wb") as log:
            process = subprocess.Popen(
                ["ntsg", *(self.here(service, word) for word in words)],
                env=self.environment_of(service),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            yield process
        finally:
            process.terminate()
            assert process.wait(PATIENCE) == 0, f"see {log.name}"


@pytest.fixture(scope="module")
def services(deployment: Deployment, group_toml: str) -> Services:
    home = deployment.secrets.parent / "services"
    home.mkdir()
    (home / "actors.toml").write_text(group_toml, "utf-8")
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(DOCKER.parent),
        "NTSG_BOOTSTRAP": deployment.client,
        "MEMBERS_BOOTSTRAP": deployment.external,
        "GATEWAY_ACTORS": "stadsnat kustfiber",
        "ACTORS": str(home / "actors.toml"),
    }
    room, gateway = free_port([]), free_port([])
    found = Services(home, deployment.secrets, {"8470": str(room), "8443": str(gateway)}, environment)
    found.provision(*COMPOSE["services"]["provision"]["command"])
    return found


async def test_the_gateway_takes_reports_and_a_hub_shows_them(services: Services) -> None:
    key = services.ntsg("gateway", "gateway", "key", "add", "stadsnat")
    address = f"https://localhost:{services.ports['8443']}/v1"
    with services.running("gateway") as gateway, services.running("hub-1") as hub:
        for service in ("gateway", "hub-1"):
            await until(
                lambda service=service: asyncio.to_thread(services.is_healthy, service), f"{service} is healthy"
            )
        trusted = ssl.create_default_context(cafile=services.secrets / "ca.pem")
        async with httpx.AsyncClient(verify=trusted, headers={"Authorization": f"Bearer {key}"}) as client:
            answer = await client.post(f"{address}/messages", json=as_object(incident("stadsnat")))
            assert answer.status_code == 202, answer.text
            number = answer.json()["receipts"][0]["number"]

            async def stored() -> bool:
                return bool((await client.get(f"{address}/receipts/{number}")).json()["state"] == "STORED")

            await until(stored, "the bus has what the gateway took")
        assert key not in shown_of(gateway) + shown_of(hub)
    reader = Credentials.read(services.home / "hub-credentials" / "ntsg.toml").settings()
    assert (await fold_log(reader)).state.entity("incident/stadsnat/I-1") is not None


def test_each_service_has_its_own_credentials_and_nobody_elses(services: Services) -> None:
    handed = {
        str(file.relative_to(services.home)): stat.S_IMODE(file.stat().st_mode)
        for place in ("hub-credentials", "gateway-credentials")
        for file in (services.home / place).rglob("*.toml")
    }
    realms = ("ntsg", "ntsg-exercise")
    wanted = {f"hub-credentials/{realm}{which}.toml" for realm in realms for which in ("", ".acting")}
    wanted |= {f"gateway-credentials/{realm}/{slug}.toml" for realm in realms for slug in ("stadsnat", "kustfiber")}
    assert handed == dict.fromkeys(wanted, 0o400)
    services.provision("ntsg-exercise", GATEWAY_ACTORS="lagpris")
    assert [file.name for file in (services.home / "gateway-credentials/ntsg-exercise").iterdir()] == ["lagpris.toml"]


def vouched(deployment: Deployment, user: str, file: Path) -> subprocess.CompletedProcess[str]:
    command = [DOCKER / "vouch", user, file, deployment.secrets]
    return subprocess.run(command, check=False, capture_output=True, text=True)


async def test_a_certificate_opens_in_place_of_a_password(
    deployment: Deployment, services: Services, tmp_path: Path
) -> None:
    for realm in ("ntsg", "ntsg-exercise"):
        assert vouched(deployment, f"{realm}.nordtel", tmp_path / f"{realm}.pem").returncode == 0
    assert stat.S_IMODE((tmp_path / "ntsg.pem").stat().st_mode) == 0o600
    assert "never written over" in vouched(deployment, "ntsg.nordtel", tmp_path / "ntsg.pem").stderr
    own = Settings(
        bootstrap=deployment.mutual, user="ntsg.nordtel", tls_ca=deployment.ca, tls_certificate=tmp_path / "ntsg.pem"
    )
    async with Publisher(own) as publisher:
        await publisher.publish(incident())
    exercise = own.model_copy(update={"tls_certificate": tmp_path / "ntsg-exercise.pem"})
    async with Publisher(exercise) as publisher:
        with pytest.raises(NotAllowed):
            await publisher.publish(incident(revision=2))


async def test_nobody_comes_in_without_tls(deployment: Deployment) -> None:
    with pytest.raises(BusError):
        await Connection.of(deployment.admin.model_copy(update={"tls_ca": None})).diagnose()


async def test_a_wrong_password_is_refused(deployment: Deployment) -> None:
    wrong = deployment.admin.model_copy(update={"password_file": deployment.secrets / "broker-password"})
    with pytest.raises(AuthenticationFailed):
        await Connection.of(wrong).diagnose()


async def test_the_administrator_is_nobody_to_the_controllers(deployment: Deployment) -> None:
    with pytest.raises(BusError):
        await Connection.of(deployment.admin.model_copy(update={"bootstrap": deployment.controllers})).diagnose()


def shown_of(process: subprocess.Popen[bytes]) -> str:
    """What every process of the machine may see of this one, and what its own children do."""
    return "".join(Path(f"/proc/{process.pid}/{part}").read_text() for part in ("cmdline", "environ"))


def test_no_password_is_an_argument_or_in_the_environment(deployment: Deployment) -> None:
    passwords = [(deployment.secrets / name).read_text() for name in ("admin-password", "broker-password")]
    for process in deployment.processes:
        assert not [password for password in passwords if password in shown_of(process)]


def test_secrets_are_made_once_and_closed_to_others(secrets: Path) -> None:
    before = {file.name: file.read_bytes() for file in secrets.iterdir()}
    subprocess.run([DOCKER / "make-secrets", "localhost", secrets], check=True, capture_output=True)
    assert {file.name: file.read_bytes() for file in secrets.iterdir()} == before
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert stat.S_IMODE((secrets / "ca-key.pem").stat().st_mode) == 0o400
    assert (secrets / ".gitignore").read_text() == "*\n"
