"""How long a hub takes to be settled: with all history to fold, and with a snapshot of all but what came since."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from benchmarks.corpus import ACTORS, incident
from benchmarks.ground import Site
from benchmarks.result import Row, against, alternate
from bus.transport.kafka import KafkaTransport
from bus.vocabulary import MessageStatus
from consumers.hub import running_hub

GROUP = "start-up"
FULL = "hub settled, folding all history"
SNAPSHOT = "hub settled, from a snapshot"
SINCE = 1_000
"""Messages that came after the snapshot was written."""


async def measure(site: Site, repeats: int) -> list[Row]:
    kept, scratch = site.directory / "snapshot", site.directory / "scratch"
    await settled(site, kept)
    await site.fill([incident(ACTORS[n % len(ACTORS)], 10_000_000 + n, 1, MessageStatus.TEST) for n in range(SINCE)])

    async def full() -> float:
        shutil.rmtree(scratch, ignore_errors=True)
        return await settled(site, scratch)

    async def from_snapshot() -> float:
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.copytree(kept, scratch)
        return await settled(site, scratch)

    values = await alternate({FULL: full, SNAPSHOT: from_snapshot}, repeats)
    return against(GROUP, values, FULL, "s", {})


async def settled(site: Site, directory: Path) -> float:
    """Seconds from nothing to settled."""
    began = time.perf_counter()
    async with running_hub(KafkaTransport(site.settings("hub")), site.realm, directory) as hub:
        await hub.settled()
        return time.perf_counter() - began
