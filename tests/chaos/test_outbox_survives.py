"""What an outbox lives through: its process's death at any instant, the broker's, a full disk, and a clock that jumps.

`NTSG_KILLS` asks for more deaths than a run of all tests has time for.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bus.broker import Running
from bus.topics import Realm
from producers.outbox import DurablePublisher, Entry
from tests.conftest import OwnBroker, ProvisionedGroup
from tests.group import incident
from tests.hubs import PATIENCE, until
from tests.outboxes import Receipt, beaten, log_of, nothing_is_lost

KILLS = int(os.environ.get("NTSG_KILLS", "25"))


def receipts_of(entries: list[Entry]) -> list[Receipt]:
    return [Receipt(entry.ref, entry.revision, entry.number) for entry in entries]


async def delivered(group: ProvisionedGroup, directory: Path) -> None:
    async with DurablePublisher(group.settings("nordtel"), directory) as publisher:
        assert await publisher.drained(PATIENCE), publisher.problem


@pytest.mark.timeout(100 + 3 * KILLS)
async def test_killed_at_any_instant_nothing_that_had_a_receipt_is_lost(
    group: ProvisionedGroup, tmp_path: Path
) -> None:
    """The instants differ from run to run; what is promised does not."""
    found = await beaten(group, tmp_path, kills=KILLS)
    assert len(found.receipts) > KILLS, "it was killed before it said anything"
    await delivered(group, found.directory)
    await nothing_is_lost(group, found.directory, found.receipts)


async def test_a_full_disk_refuses_and_what_had_a_receipt_arrives(group: ProvisionedGroup, tmp_path: Path) -> None:
    found = await beaten(group, tmp_path, kills=1, room=1_000_000)
    assert "OutboxError" in found.said
    assert "the disk does not take it" in found.said
    assert "nothing of this call was kept" in found.said
    assert len(found.receipts) > 20
    await delivered(group, found.directory)
    await nothing_is_lost(group, found.directory, found.receipts)


class Jumping(datetime):
    """A clock that says anything between 1970 and 2096."""

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return datetime.fromtimestamp(random.uniform(0, 4e9), UTC)


async def test_published_while_the_broker_is_down_and_killed_while_it_delivers(
    own_broker: Callable[..., OwnBroker],
    provisioned: Callable[[Running, Realm], Awaitable[ProvisionedGroup]],
    realm: Realm,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker = own_broker()
    group = await provisioned(broker.start(), realm)
    broker.stop()
    settings, directory = group.settings("nordtel"), tmp_path / "outbox"
    entries: list[Entry] = []

    with monkeypatch.context() as clock:
        clock.setattr("producers.outbox.ledger.datetime", Jumping)
        clock.setattr("producers.speaker.datetime", Jumping)
        async with DurablePublisher(settings, directory, linger=0) as publisher:
            for start in range(0, 3_000, 300):
                entries += await publisher.publish_many(
                    incident(id=f"I-{n % 50}", revision=n // 50 + 1) for n in range(start, start + 300)
                )

            async def noticed() -> bool:
                return publisher.problem is not None

            await until(noticed, "the publisher says that no broker answers")

    await asyncio.to_thread(broker.start)
    async with DurablePublisher(settings, directory) as publisher:

        async def begun() -> bool:
            return publisher.outbox.waiting < len(entries)

        await until(begun, "the first batch is delivered")
        broker.kill()
        entries += await publisher.publish_many(incident(id=f"J-{n}") for n in range(500))
        await asyncio.to_thread(broker.start)
        assert await publisher.drained(PATIENCE), publisher.problem
    await nothing_is_lost(group, directory, receipts_of(entries))
    assert len(await log_of(group)) >= len(entries)
