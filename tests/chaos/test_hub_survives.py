"""What the hub lives through: its own death at any moment, and the broker's."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bus.broker import Running
from bus.topics import Realm
from consumers.hub.snapshot import Origin, Snapshot
from consumers.hub.store import Store
from consumers.reading import fold_log
from tests.chaos.conftest import Disk
from tests.conftest import OwnBroker, ProvisionedGroup
from tests.group import incident
from tests.hubs import Consumer, Hubs, until, write

ROUNDS = 4


@pytest.fixture
def hubs(group: ProvisionedGroup, tmp_path: Path) -> Iterator[Hubs]:
    with Hubs(group, tmp_path / "hubs") as started:
        yield started


async def test_killed_at_any_moment_the_same_digest(group: ProvisionedGroup, hubs: Hubs) -> None:
    """The moments differ from run to run; what is promised does not."""
    for round_ in range(ROUNDS):
        hub = hubs.start("one")
        await hub.shows(lambda status: True, "answering")
        await write(
            group.settings("nordtel"),
            [incident(id=f"I-{n % 400}", revision=round_ * 1000 + n) for n in range(1, 1000)],
        )
        await asyncio.sleep(random.uniform(0, 1.5))
        hub.kill()
    fold = await fold_log(group.settings("hub"))
    hub = hubs.start("one")
    last = await hub.shows(lambda status: status.settled and status.inputs == dict(fold.inputs), "settled at the end")
    assert last.digest == fold.state.digest
    assert "snapshot_loaded" in hub.output
    assert "snapshot_damaged" not in hub.output
    assert "snapshot_refused" not in hub.output


async def test_the_broker_dies_and_comes_back_while_hub_and_consumer_read(
    own_broker: Callable[..., OwnBroker],
    provisioned: Callable[[Running, Realm], Awaitable[ProvisionedGroup]],
    realm: Realm,
    tmp_path: Path,
) -> None:
    broker = own_broker()
    group = await provisioned(broker.start(), realm)
    with Hubs(group, tmp_path / "hubs") as hubs:
        hub = hubs.start("one")
        await hub.leads()
        async with Consumer.reading(group.settings("room")) as consumer:
            await write(group.settings("nordtel"), [incident()])
            await consumer.goes_on()
            broker.kill()
            broker.start()
            await write(group.settings("nordtel"), [incident(revision=2), incident(id="I-2")])
            fold = await fold_log(group.settings("hub"))
            last = await consumer.reaches(fold.state.digest)
            assert consumer.picture == dict(fold.state.items(last.as_of))
            assert (await hub.leads()).settled


async def test_a_hub_whose_disk_runs_full_shows_all_the_same(
    group: ProvisionedGroup, tmp_path: Path, disk: Disk
) -> None:
    """It shows all when the disk runs full, when it starts on a full disk, and goes on from what it had kept when the
    disk is freed.
    """
    small, said = disk(1_000_000), tmp_path / "said"
    with Hubs(group, small.directory) as hubs:
        hub = hubs.start("one", said)
        await hub.settled()
        await write(group.settings("nordtel"), [incident(id=f"I-{n}") for n in range(3_000)])
        fold = await fold_log(group.settings("hub"))

        async def shows_all() -> None:
            last = await hub.shows(lambda status: status.inputs == dict(fold.inputs), "at the end of the log")
            assert last.digest == fold.state.digest

        async def complains() -> bool:
            return "snapshot_not_written" in hub.output

        await shows_all()
        await until(complains, "the hub says that its disk is full")
        hub.kill()
        small.fill()
        hub = hubs.start("one", said)
        await shows_all()
        hub.kill()
        small.free()
        before = len(hub.output)
        hub = hubs.start("one", said)
        await shows_all()
        assert "snapshot_loaded" in hub.output[before:]
        assert "snapshot_not_written" not in hub.output[before:]


async def test_a_snapshot_that_a_full_disk_does_not_open_is_left_alone(disk: Disk) -> None:
    small = disk(200_000)
    snapshot = Snapshot(small.directory)
    snapshot.begin(Origin(log="log", realm="ntsg", rules="rules", schemas="schemas"))
    snapshot.close()
    before = (small.directory / "snapshot.sqlite").read_bytes()
    small.fill()
    with capture_logs() as logs:
        fold = await Store(small.directory, Realm("ntsg")).load()
    assert not fold.inputs
    assert [entry["event"] for entry in logs] == ["snapshot_not_written"]
    assert (small.directory / "snapshot.sqlite").read_bytes() == before


async def test_a_hub_that_starts_before_the_broker_waits_for_it(
    own_broker: Callable[..., OwnBroker],
    provisioned: Callable[[Running, Realm], Awaitable[ProvisionedGroup]],
    realm: Realm,
    tmp_path: Path,
) -> None:
    broker = own_broker()
    group = await provisioned(broker.start(), realm)
    await write(group.settings("nordtel"), [incident()])
    broker.stop()
    with Hubs(group, tmp_path / "hubs") as hubs:
        hub = hubs.start("one")
        assert not (await hub.shows(lambda status: True, "answering")).settled
        broker.start()
        assert (await hub.settled()).digest == (await fold_log(group.settings("hub"))).state.digest
