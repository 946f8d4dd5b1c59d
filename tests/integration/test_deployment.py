"""The production files, run without containers: the nodes' own start script, with the secrets that the other one makes.

What only a container engine can show (images, volumes, limits, health checks) is not tested here.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bus import provision
from bus.broker.cluster import free_port
from bus.broker.java import runtime
from bus.credentials import Credentials
from bus.errors import AuthenticationFailed, BusError, BusUnavailable
from bus.provision.administration import Administration
from bus.registry import read_group
from bus.settings import Settings
from bus.topics import Kind, Realm
from bus.transport import Outgoing
from bus.transport.connection import Connection
from bus.transport.kafka import KafkaTransport

DOCKER = Path(__file__).parents[2] / "docker"
NODES = (1, 2, 3)
PATIENCE = 120.0

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the certificates are made with openssl")


@dataclass(frozen=True)
class Deployment:
    secrets: Path
    external: str
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
    for _ in range(4 * len(NODES)):
        taken.append(free_port(taken))
    ports = [taken[4 * index : 4 * index + 4] for index in range(len(NODES))]
    voters = ",".join(f"{node}@localhost:{ports[node - 1][1]}" for node in NODES)
    external = ",".join(f"localhost:{ports[node - 1][3]}" for node in NODES)
    processes = []
    try:
        for node in NODES:
            home = secrets.parent / f"node-{node}"
            for part in ("run", "data", "secrets"):
                (home / part).mkdir(parents=True)
            for name in ("ca.pem", "cluster-id", "admin-password", "broker-password"):
                (home / "secrets" / name).symlink_to(secrets / name)
            (home / "secrets" / "node.pem").symlink_to(secrets / f"kafka-{node}.pem")
            client, controller, replication, outside = map(str, ports[node - 1])
            environment = {
                "PATH": f"{tools.java.parent}:{os.environ['PATH']}",
                "NODE_ID": str(node),
                "VOTERS": voters,
                "HOST": "localhost",
                "EXTERNAL_ADDRESS": f"localhost:{outside}",
                "CLIENT_PORT": client,
                "CONTROLLER_PORT": controller,
                "REPLICATION_PORT": replication,
                "EXTERNAL_PORT": outside,
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
        found = Deployment(secrets, external, voters.replace("1@", "").partition(",")[0], tuple(processes))
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


def test_no_password_is_an_argument_or_in_the_environment(deployment: Deployment) -> None:
    passwords = [(deployment.secrets / name).read_bytes() for name in ("admin-password", "broker-password")]
    for process in deployment.processes:
        shown = b"".join(Path(f"/proc/{process.pid}/{part}").read_bytes() for part in ("cmdline", "environ"))
        assert not [password for password in passwords if password in shown]


def test_secrets_are_made_once_and_closed_to_others(secrets: Path) -> None:
    before = {file.name: file.read_bytes() for file in secrets.iterdir()}
    subprocess.run([DOCKER / "make-secrets", "localhost", secrets], check=True, capture_output=True)
    assert {file.name: file.read_bytes() for file in secrets.iterdir()} == before
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert stat.S_IMODE((secrets / "ca-key.pem").stat().st_mode) == 0o400
    assert (secrets / ".gitignore").read_text() == "*\n"
