"""Publishers that report without a pause, while something happens around them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from structlog.testing import capture_logs

from tests.group import incident
from tests.hubs import until


@dataclass
class Speaking:
    """Somebody who reports one revision after the other. What is refused ends it with the error."""

    id: str
    publisher: Any
    receipts: list[Any] = field(default_factory=list)
    falls_silent: bool = False
    """After what it says now: a publish that is cancelled may reach the disk all the same."""

    async def run(self) -> None:
        for revision in count(1):
            if self.falls_silent:
                return
            self.receipts.append(await self.publisher.publish(incident(id=self.id, revision=revision)))
            await asyncio.sleep(0.001)  # others have their turn


@asynccontextmanager
async def speaking(*speakers: Speaking) -> AsyncIterator[Callable[[str], Awaitable[None]]]:
    """They all speak while the body runs; what is handed out waits until each has said ten things more."""
    async with asyncio.TaskGroup() as group:
        for speaker in speakers:
            group.create_task(speaker.run())

        async def go_on(what: str) -> None:
            before = [len(speaker.receipts) for speaker in speakers]

            async def further() -> bool:
                return all(len(speaker.receipts) >= had + 10 for speaker, had in zip(speakers, before, strict=True))

            await until(further, what)

        await go_on("all speak")
        yield go_on
        for speaker in speakers:
            speaker.falls_silent = True


@contextmanager
def told(event: str) -> Iterator[Callable[[int], Awaitable[None]]]:
    """Waits until so many log lines have told this."""
    with capture_logs() as lines:

        async def often_enough(count: int) -> None:
            async def said() -> bool:
                return sum(line["event"] == event for line in lines) >= count

            await until(said, f"{count} times {event}")

        yield often_enough
