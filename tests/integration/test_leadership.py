"""One hub at a time writes the feed; whatever becomes of it, the feed goes on without a gap and never back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bus.vocabulary import Audience, Tlp
from consumers.reading import fold_log
from tests.group import incident
from tests.hubs import Consumer, HubProcess, Hubs, batches, write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import ProvisionedGroup


MARKS = (Tlp.AMBER, Tlp.CLEAR, Tlp.RED, Tlp.AMBER, Tlp.AMBER_STRICT)
READERS = {Audience.FULL: "room", Audience.AUTHORITY: "tillsyn", Audience.PEER: "integrator"}


@pytest.fixture
def hubs(group: ProvisionedGroup, tmp_path: Path) -> Iterator[Hubs]:
    with Hubs(group, tmp_path / "hubs") as started:
        yield started


@asynccontextmanager
async def reporting(group: ProvisionedGroup) -> AsyncIterator[None]:
    """An operator who goes on reporting, whatever happens to the hubs."""

    async def report() -> None:
        revision = 0
        while True:
            revision += 1
            told = incident(id=f"I-{revision % 7}", revision=revision, tlp=MARKS[revision % len(MARKS)])
            await write(group.settings("nordtel"), [told])

    task = asyncio.create_task(report())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def assert_no_gap(numbers: list[int]) -> None:
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def leader_and_follower(hubs: Hubs) -> tuple[HubProcess, HubProcess]:
    leader = hubs.start("first")
    await leader.leads()
    follower = hubs.start("second")
    assert not (await follower.settled()).leader
    return leader, follower


async def test_the_other_takes_over_from_the_killed(
    group: ProvisionedGroup, hubs: Hubs, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every audience sees its feed go on, and ends with the picture that is its own."""
    leader, follower = await leader_and_follower(hubs)
    async with AsyncExitStack() as stack:
        consumers = [
            await stack.enter_async_context(Consumer.reading(group.settings(reader), audience))
            for audience, reader in READERS.items()
        ]
        consumer = consumers[0]
        await consumer.goes_on()
        async with reporting(group):
            await consumer.goes_on()
            killed_at = time.monotonic()
            leader.kill()
            await follower.leads()
            with capsys.disabled():
                print(f"\ntaken over {time.monotonic() - killed_at:.1f} s after SIGKILL")  # noqa: T201 - for people to read
            await consumer.goes_on()
        fold = await fold_log(group.settings("hub"))
        for each in consumers:
            await each.shows_the_picture_of(fold)
    for audience, reader in READERS.items():
        assert_no_gap(await batches(group.settings(reader), audience))


async def test_the_frozen_leader_writes_nothing_when_it_wakes(
    group: ProvisionedGroup, hubs: Hubs, capsys: pytest.CaptureFixture[str]
) -> None:
    leader, follower = await leader_and_follower(hubs)
    async with Consumer.reading(group.settings("room")) as consumer:
        await consumer.goes_on()
        async with reporting(group):
            frozen_at = time.monotonic()
            leader.freeze()
            await follower.leads()
            with capsys.disabled():
                print(f"\ntaken over {time.monotonic() - frozen_at:.1f} s after SIGSTOP")  # noqa: T201 - for people to read
            await consumer.goes_on()
            leader.wake()
            await leader.shows(lambda status: not status.leader, "a follower")
            await consumer.goes_on()
        fold = await fold_log(group.settings("hub"))
        last = await consumer.reaches(fold.state.digest)
        assert consumer.picture == dict(fold.state.items(last.as_of))
        assert (await follower.leads()).digest == fold.state.digest
    assert_no_gap(await batches(group.settings("room")))


async def test_a_hub_that_joins_does_not_depose(group: ProvisionedGroup, hubs: Hubs) -> None:
    leader, _ = await leader_and_follower(hubs)
    third = hubs.start("third")
    await third.settled()
    async with Consumer.reading(group.settings("room")) as consumer:
        for _ in range(5):
            await consumer.goes_on()
    assert (await leader.leads()).leader
    assert "fenced" not in leader.output
