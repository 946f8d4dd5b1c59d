"""What an outbox lives through: its process's death at any instant, the broker's, a full disk, and a clock that jumps.

The receipts are compared with the outbox, with the log, and with the view. `make chaos` kills 200 times; a run of all
tests has time for fewer. NTSG_KILLS and NTSG_SEED choose.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path

import pytest

from bus.broker import Running
from bus.topics import Realm
from producers.outbox import DurablePublisher, Entry
from tests.chaos.conftest import Disk
from tests.conftest import OwnBroker, ProvisionedGroup
from tests.group import incident
from tests.hubs import PATIENCE, until
from tests.outboxes import Jumping, Receipt, filled, killed, log_of, nothing_is_lost

KILLS = int(os.environ.get("NTSG_KILLS", "20"))
SEED = int(os.environ.get("NTSG_SEED", "112"))


def receipts_of(entries: list[Entry]) -> list[Receipt]:
    return [Receipt(entry.ref, entry.revision, entry.number) for entry in entries]


async def delivered(group: ProvisionedGroup, directory: Path) -> None:
    async with DurablePublisher(group.settings("nordtel"), directory) as publisher:
        assert await publisher.drained(PATIENCE), publisher.problem


@pytest.mark.timeout(100 + 3 * KILLS)
async def test_killed_at_any_instant_nothing_that_had_a_receipt_is_lost(
    group: ProvisionedGroup, tmp_path: Path
) -> None:
    """Where in its work a publisher is when its instant comes differs from run to run; what is promised does not."""
    found = await killed(group, tmp_path, times=KILLS, seed=SEED)
    assert len(found.receipts) > KILLS, "it was killed before it said anything"
    await delivered(group, found.directory)
    await nothing_is_lost(group, found.directory, found.receipts)


async def test_a_disk_that_is_full_refuses_and_what_had_a_receipt_arrives(
    group: ProvisionedGroup, tmp_path: Path, disk: Disk
) -> None:
    small = disk(1_000_000)
    found = await filled(group, small.directory, tmp_path)
    assert "OutboxFull" in found.said
    assert "the disk is full; nothing of this call was kept" in found.said
    assert len(found.receipts) > 20
    small.free()
    await delivered(group, found.directory)
    await nothing_is_lost(group, found.directory, found.receipts)


async def test_a_file_that_may_not_grow_refuses_and_what_had_a_receipt_arrives(
    group: ProvisionedGroup, tmp_path: Path
) -> None:
    found = await filled(group, tmp_path, tmp_path, room=1_000_000)
    assert "OutboxError" in found.said
    assert "the disk does not take it" in found.said
    assert "nothing of this call was kept" in found.said
    assert len(found.receipts) > 20
    await delivered(group, found.directory)
    await nothing_is_lost(group, found.directory, found.receipts)


async def test_published_while_the_broker_is_down_and_killed_while_it_delivers(
    own_broker: Callable[..., OwnBroker],
    provisioned: Callable[[Running, Realm], Awaitable[ProvisionedGroup]],
    realm: Realm,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From its first message to its last the publisher's clock goes back and forth, and nothing is ordered by it."""
    broker = own_broker()
    group = await provisioned(broker.start(), realm)
    broker.stop()
    settings, directory = group.settings("nordtel"), tmp_path / "outbox"
    entries: list[Entry] = []
    monkeypatch.setattr("producers.outbox.ledger.datetime", Jumping)
    monkeypatch.setattr("producers.speaker.datetime", Jumping)

    async with DurablePublisher(settings, directory, linger=0) as publisher:
        for start in range(0, 3_000, 300):
            entries += await publisher.publish_many(
                incident(id=f"I-{n % 50}", revision=n // 50 + 1) for n in range(start, start + 300)
            )

        async def noticed() -> bool:
            return publisher.problem is not None

        await until(noticed, "the publisher says that no broker answers")
        assert publisher.outbox.waiting == len(entries)

    await asyncio.to_thread(broker.start)
    async with DurablePublisher(settings, directory) as publisher:

        async def begun() -> bool:
            return publisher.outbox.waiting < len(entries)

        await until(begun, "the first batch is delivered")
        broker.kill()
        entries += await publisher.publish_many(incident(id=f"J-{n}") for n in range(500))
        await asyncio.to_thread(broker.start)
        assert await publisher.drained(PATIENCE), publisher.problem
    stamps = [entry.accepted_at for entry in entries if entry.accepted_at]
    assert any(later < earlier for earlier, later in pairwise(stamps)), "the clock never jumped"
    await nothing_is_lost(group, directory, receipts_of(entries))
    assert len(await log_of(group)) >= len(entries)
