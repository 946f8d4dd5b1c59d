"""Replays a scenario onto the bus: each actor with its own credentials, each message when its hour comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from bus.settings import Settings
from producers.publisher import Publisher, Receipt
from producers.scenario import Step

__all__ = ["replay"]

Told = Callable[[Step, Receipt], None]


async def replay(
    steps: Sequence[Step], start: datetime, settings: Mapping[str, Settings], *, pace: float, told: Told
) -> None:
    """Publish the steps of a scenario that started at `start`, stamped with the scenario's time.

    `settings` holds each actor's. `pace` is how many seconds of the scenario pass in one. `told` is called with each
    receipt. Raises what `Publisher.publish` raises; then nobody sends any more.
    """
    begun = asyncio.get_running_loop().time()
    by_actor: dict[str, list[Step]] = {}
    for step in steps:
        by_actor.setdefault(step.message.actor, []).append(step)

    async def speak(actor: str) -> None:
        async with Publisher(settings[actor]) as publisher:
            for step in by_actor[actor]:
                due = begun + step.after.total_seconds() / pace
                await asyncio.sleep(due - asyncio.get_running_loop().time())
                told(step, await publisher.publish(step.message, sent_at=start + step.after))

    async with asyncio.TaskGroup() as group:
        for actor in by_actor:
            group.create_task(speak(actor), name=f"replay-{actor}")
