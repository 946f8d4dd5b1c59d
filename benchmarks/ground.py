"""Where it is measured: a real broker of its own, with realms and users made by provisioning, without quotas."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.corpus import ACTORS, START
from bus import broker, provision
from bus.broker import Running
from bus.credentials import Credentials
from bus.envelope import outgoing
from bus.messages import Message
from bus.registry import read_group
from bus.settings import Settings
from bus.topics import Realm
from bus.transport.kafka import KafkaTransport

GROUP = "".join(f'[actors.{slug}]\nname = "{slug}"\nroles = ["MNO", "COORDINATION"]\n' for slug in ACTORS) + (
    '[readers.hub]\nname = "Hub"\naudience = "FULL"\nwrites_view = true\n'
    '[readers.reader]\nname = "Reader"\naudience = "FULL"\n'
)
SENT_AT_ONCE = 2_000


@dataclass(frozen=True)
class Ground:
    """A running broker and room for files, for the time of a run."""

    running: Running
    directory: Path

    async def realm(self, name: str) -> Site:
        """A fresh realm with all its users. Its name ends in `-exercise`."""
        realm = Realm(f"{name}-exercise")
        credentials = self.directory / "credentials"
        admin = self.running.settings(str(realm))
        plan = await provision.plan(
            provision.Group(*read_group(GROUP)), admin, credentials, now=datetime.now(UTC), quotas=False
        )
        await provision.carry_out(plan, admin, report=lambda _: None)
        return Site(realm, admin, credentials, self.directory / str(realm))


@dataclass(frozen=True)
class Site:
    """One realm."""

    realm: Realm
    admin: Settings
    credentials: Path
    directory: Path

    def key(self, slug: str) -> Path:
        return provision.credentials_file(self.credentials, self.realm, slug)

    def settings(self, slug: str) -> Settings:
        return Credentials.read(self.key(slug)).settings()

    async def fill(self, messages: Sequence[Message]) -> None:
        """Store the messages as the administrator, whoever their actor is."""
        records = [outgoing(self.realm, message, START) for message in messages]
        async with KafkaTransport(self.admin).writer() as writer:
            for start in range(0, len(records), SENT_AT_ONCE):
                await writer.send(records[start : start + SENT_AT_ONCE])


@asynccontextmanager
async def ground() -> AsyncIterator[Ground]:
    with TemporaryDirectory(prefix="ntsg-bench-") as temporary:
        place = Path(temporary)
        running = await asyncio.to_thread(broker.start, place / "broker", heap_mb=512, report=lambda _: None)
        try:
            yield Ground(running, place)
        finally:
            await asyncio.to_thread(broker.stop, place / "broker", report=lambda _: None)
