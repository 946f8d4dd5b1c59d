"""Fixtures on the real thing: one broker for the whole run, a fresh realm for each test that asks for one.

And three Hypothesis profiles, none of which asks how long it takes: `quick` by default; `deep` in CI, the same examples
every time, so that no change is judged by luck; `search` (`HYPOTHESIS_PROFILE=search`), for hours at a desk.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from bus import broker as local_broker
from bus import provision
from bus.broker import Running
from bus.broker.cluster import ADMIN
from bus.broker.process import Process
from bus.credentials import Credentials
from bus.logs import QUIET_LIBRARIES
from bus.registry import read_group
from bus.settings import Settings
from bus.topics import Realm

settings.register_profile("quick", max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "deep", max_examples=50, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
)
settings.register_profile("search", max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "deep" if os.environ.get("CI") else "quick"))

HEAP_MB = 384
PATIENCE = 60.0
ACTORS = """
[actors.nordtel]
name = "Nordtel"
roles = ["MNO", "FIXED"]

[actors.sveamobil]
name = "Sveamobil"
roles = ["MNO"]

[actors.fjallmobil]
name = "Fjällmobil"
roles = ["MNO"]

[actors.tretton]
name = "Tretton"
roles = ["MNO"]

[actors.lagpris]
name = "Lågpris"
roles = ["MVNO"]

[actors.kustfiber]
name = "Kustfiber"
roles = ["TRANSPORT"]

[actors.stadsnat]
name = "Stadsnät"
roles = ["MUNICIPAL", "AGGREGATOR"]
speaks_for = ["*"]

[actors.elnat-syd]
name = "Elnät Syd"
roles = ["POWER"]

[actors.larmcentral]
name = "Larmcentral"
roles = ["PSAP"]

[actors.samordning]
name = "Samordning"
roles = ["COORDINATION"]

[actors.myndighet]
name = "Myndighet"
roles = ["AUTHORITY"]

[readers.hub]
name = "Hub"
audience = "FULL"
writes_view = true

[readers.room]
name = "Coordination room"
audience = "FULL"

[readers.tillsyn]
name = "Tillsyn"
audience = "AUTHORITY"

[readers.integrator]
name = "Integrator"
audience = "PEER"
"""
"""The made-up group of the contract, and its readers."""
_numbers = count(1)


def quiet(_: str) -> None:
    """Tests do not narrate."""


@dataclass
class OwnBroker:
    """A broker that a test may hurt. It keeps its port and its data from start to start."""

    directory: Path
    nodes: int = 1

    def start(self) -> Running:
        return local_broker.start(self.directory, nodes=self.nodes, port=0, heap_mb=HEAP_MB, quick=True, report=quiet)

    def stop(self) -> None:
        local_broker.stop(self.directory, report=quiet)

    def end(self) -> None:
        """Without a farewell: what it holds is not needed any more."""
        for node in range(1, self.nodes + 1):
            if process := Process.recall(self.directory / f"node-{node}" / "pid"):
                process.signal(signal.SIGKILL)
        self.stop()

    def kill(self, node: int = 1, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a node (counted from 1) a signal; SIGKILL by default, and then it is gone for sure."""
        process = Process.recall(self.directory / f"node-{node}" / "pid")
        assert process is not None, f"node {node} of {self.directory} is not running"
        process.signal(number)
        if number is signal.SIGKILL:
            assert process.wait(PATIENCE), f"node {node} of {self.directory} does not die"


@dataclass(frozen=True)
class ProvisionedGroup:
    """A realm with all its users."""

    realm: Realm
    admin: Settings
    members: provision.Group
    credentials: Path

    def settings(self, slug: str) -> Settings:
        """The settings of an actor or a reader by its slug, or of `admin`."""
        if slug == ADMIN:
            return self.admin
        return Credentials.read(provision.credentials_file(self.credentials, self.realm, slug)).settings()


async def provision_group(broker: Running, realm: Realm, credentials: Path, actors: str = ACTORS) -> ProvisionedGroup:
    admin = broker.settings(str(realm))
    members = provision.Group(*read_group(actors))
    # Without quotas, so that no test is slowed by one that it did not ask for.
    plan = await provision.plan(members, admin, credentials, now=datetime.now(UTC), quotas=False)
    await provision.carry_out(plan, admin, report=quiet)
    return ProvisionedGroup(realm, admin, members, credentials)


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """A command that a test runs in this process sets up logging for good; the next test shall not notice."""
    yield
    structlog.reset_defaults()
    for name in QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One real broker with one node, shared by all tests. Do not hurt it: see `own_broker`."""
    own = OwnBroker(tmp_path_factory.mktemp("broker"))
    try:
        yield own.start()
    finally:
        own.end()


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Callable[..., OwnBroker]]:
    """A factory of brokers, not yet started, that this test alone uses and may kill: `own_broker(nodes=1)`."""
    made: list[OwnBroker] = []

    def make(nodes: int = 1) -> OwnBroker:
        made.append(OwnBroker(tmp_path / f"broker-{len(made) + 1}", nodes))
        return made[-1]

    try:
        yield make
    finally:
        for own in made:
            own.end()


@pytest.fixture(scope="session")
def group_toml() -> str:
    """The made-up group as its members would write it: the text of an actors.toml."""
    return ACTORS


@pytest.fixture
def realm() -> Realm:
    """A realm that nobody has used before."""
    return Realm(f"t{next(_numbers)}-{secrets.token_hex(4)}")


@pytest.fixture
def exercise_realm(realm: Realm) -> Realm:
    """The exercise beside `realm`."""
    return Realm(f"{realm}-exercise")


@pytest.fixture
async def group(broker: Running, realm: Realm, tmp_path: Path) -> ProvisionedGroup:
    """The made-up group, provisioned into `realm`."""
    return await provision_group(broker, realm, tmp_path / "credentials")


@pytest.fixture
async def exercise_group(broker: Running, exercise_realm: Realm, tmp_path: Path) -> ProvisionedGroup:
    """The same group, provisioned into `exercise_realm`."""
    return await provision_group(broker, exercise_realm, tmp_path / "credentials")


@pytest.fixture
def provisioned(tmp_path: Path) -> Callable[[Running, Realm], Awaitable[ProvisionedGroup]]:
    """Provisions the made-up group on a broker of the test's own: `await provisioned(running, realm)`."""
    return lambda running, realm: provision_group(running, realm, tmp_path / "credentials")
