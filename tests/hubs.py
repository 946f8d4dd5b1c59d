"""Hubs as processes of their own, which a test may kill, and the feed as a consumer reads it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import httpx

from bus.codec import Codec
from bus.messages import Message, Part
from bus.provision import credentials_file
from bus.settings import Settings
from bus.topics import Realm, TopicPartition
from bus.transport.kafka import KafkaTransport
from bus.transport.to_end import records_to_end
from bus.vocabulary import Audience
from consumers.feed import Change, Feed
from consumers.fold import Fold
from consumers.hub import HubStatus
from consumers.wire import SUMMARY_KEY, read_summary
from tests.conftest import ProvisionedGroup
from tests.group import record

PATIENCE = 90.0
"""Seconds that a test waits for something that must happen. No test asks how soon it does."""

_SERVE = """
import asyncio, sys
from pathlib import Path
from bus.settings import load_settings
from consumers.alerts.rules import read_rules
from consumers.hub import serve
from consumers.room import RoomSettings
directory, *alerts = map(Path, sys.argv[1:])
rules = read_rules(alerts[0]) if alerts else None
asyncio.run(serve(load_settings(), directory=directory, room=RoomSettings(is_open=True), alerts=rules))
"""


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not await condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE:.0f} s: {what}"
        await asyncio.sleep(0.05)


@dataclass
class HubProcess:
    """A hub that runs apart from the test."""

    directory: Path
    process: subprocess.Popen[bytes]
    said: Path
    """Where its output is, with that of those before it."""
    _before: int
    """Characters of theirs."""

    @classmethod
    def start(
        cls, directory: Path, credentials: Path, said: Path | None = None, alerts: Path | None = None
    ) -> HubProcess:
        """`credentials` is the file of the user that the hub runs as; `said` takes its output, if its own directory
        is not to; `alerts` is the file that says whom it wakes.
        """
        directory.mkdir(parents=True, exist_ok=True)
        said = said or directory / "output"
        before = len(said.read_text(errors="replace")) if said.exists() else 0
        (directory / "address").unlink(missing_ok=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("NTSG_")}
        with said.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", _SERVE, str(directory), *([str(alerts)] if alerts else [])],
                env={**environment, "NTSG_CONFIG": str(credentials)},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return cls(directory, process, said, before)

    @property
    def output(self) -> str:
        return self.said.read_text(errors="replace")

    @property
    def address(self) -> str:
        """Where it answers: as it wrote down, or said where its disk had no room for that. Empty before it does."""
        with contextlib.suppress(OSError):
            if written := (self.directory / "address").read_text().strip():
                return written
        told = re.findall(r"hub_started +address=(\S+)", self.output[self._before :])
        return told[-1] if told else ""

    async def status(self) -> HubStatus | None:
        """What the hub says of itself; None while it does not answer."""
        assert self.process.poll() is None, f"the hub ended:\n{self.output}"
        with contextlib.suppress(OSError, httpx.HTTPError):
            async with httpx.AsyncClient(base_url=self.address, timeout=2) as client:
                return HubStatus.model_validate_json((await client.get("/v1/digest")).text)
        return None

    async def view(self) -> bytes:
        async with httpx.AsyncClient(base_url=self.address, timeout=30) as client:
            return (await client.get("/v1/view")).content

    async def settled(self) -> HubStatus:
        """Wait until the hub has met the end of the log."""
        return await self.shows(lambda status: status.settled, "settled")

    async def leads(self) -> HubStatus:
        return await self.shows(lambda status: status.leader, "the leader")

    async def shows(self, condition: Callable[[HubStatus], bool], what: str) -> HubStatus:
        found: list[HubStatus] = []

        async def holds() -> bool:
            status = await self.status()
            if status is not None and condition(status):
                found.append(status)
            return bool(found)

        await until(holds, f"{self.directory.name} is {what}; it says:\n{self.output[-3000:]}")
        return found[0]

    def kill(self) -> None:
        """SIGKILL, and gone for sure."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        """However it stands: no process is left."""
        if self.process.poll() is None:
            self.wake()
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


class Hubs:
    """Starts hubs of one realm; leaves none behind."""

    def __init__(self, group: ProvisionedGroup, directory: Path, alerts: Path | None = None) -> None:
        self._alerts = alerts
        self._credentials = credentials_file(group.credentials, group.realm, "hub")
        self._directory = directory
        self._started: list[HubProcess] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for hub in self._started:
            hub.end()

    def start(self, name: str, said: Path | None = None) -> HubProcess:
        """Hubs of one name share a directory, one after the other."""
        self._started.append(HubProcess.start(self._directory / name, self._credentials, said, self._alerts))
        return self._started[-1]


@dataclass
class Consumer:
    """Reads the feed as an integrator does, and checks what it promises at every step."""

    audience: Audience = Audience.FULL
    changes: list[Change] = field(default_factory=list)
    picture: dict[str, Part] = field(default_factory=dict)

    @classmethod
    @contextlib.asynccontextmanager
    async def reading(cls, settings: Settings, audience: Audience = Audience.FULL) -> AsyncIterator[Consumer]:
        consumer = cls(audience)
        task = asyncio.create_task(consumer._run(settings))
        try:
            yield consumer
        finally:
            task.cancel()
            (outcome,) = await asyncio.gather(task, return_exceptions=True)
            assert isinstance(outcome, asyncio.CancelledError), f"the feed ended by itself: {outcome!r}"

    async def _run(self, settings: Settings) -> None:
        async with Feed(settings, audience=self.audience) as feed:
            async for change in feed:
                self._check(change)
                self.picture.update(change.changed)
                for key in change.gone:
                    del self.picture[key]
                assert self.picture == dict(feed.picture)
                self.changes.append(change)

    def _check(self, change: Change) -> None:
        assert change.summary.audience is self.audience
        if not self.changes:
            return
        last = self.changes[-1]
        assert change.batch > last.batch, "the feed went back"  # several may come as one after a time of catching up
        assert change.as_of >= last.as_of, "as_of went back"
        went_back = {p for p, offset in last.summary.inputs.items() if change.summary.inputs.get(p, 0) < offset}
        assert not went_back, "inputs went back"

    async def reaches(self, digest: str) -> Change:
        """Wait for the batch of this digest."""

        async def holds() -> bool:
            return bool(self.changes) and self.changes[-1].digest == digest

        await until(holds, f"the feed reaches {digest}")
        return self.changes[-1]

    async def shows_the_picture_of(self, fold: Fold) -> None:
        """Wait until this consumer's picture is that of its audience, down to the last item."""
        now = datetime.now(UTC)
        last = await self.reaches(fold.projections.summary(self.audience, now).digest)
        assert self.picture == dict(fold.projections.items(self.audience, last.as_of))

    async def goes_on(self) -> None:
        """Wait for the next change."""
        before = len(self.changes)

        async def holds() -> bool:
            return len(self.changes) > before

        await until(holds, "the feed goes on")


async def batches(settings: Settings, audience: Audience = Audience.FULL) -> list[int]:
    """The numbers of the batches on a feed, as committed."""
    transport, codec = KafkaTransport(settings), Codec()
    feed = TopicPartition(Realm(settings.realm).feed(audience), 0)
    return [
        read_summary(codec, record.value).batch
        async for records in records_to_end(transport, [feed])
        for record in records
        if record.key == SUMMARY_KEY and record.value is not None
    ]


async def write(settings: Settings, messages: Sequence[Message]) -> None:
    """Write messages as this user, who must own the topics."""
    async with KafkaTransport(settings).writer() as writer:
        await writer.send([record(Realm(settings.realm), message) for message in messages])
