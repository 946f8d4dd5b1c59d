"""The live picture for a terminal: straight from the log, with no hub asked, or from the feed of an audience."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from bus.errors import BusUnavailable
from bus.instants import EPOCH
from bus.settings import Settings
from bus.topics import Realm, TopicPartition
from bus.transport.kafka import KafkaTransport
from bus.transport.port import Reader, Transport
from bus.transport.to_end import reached
from bus.vocabulary import Audience
from consumers.feed import Feed
from consumers.fold import Fold
from consumers.hub.clock import Clock
from consumers.merge.view import View
from consumers.reading import all_partitions
from consumers.shown import view_of

__all__ = ["Sight", "follow", "follow_feed"]


@dataclass(frozen=True, slots=True)
class Sight:
    """A picture, and the share of the log that is in it (0 to 1). While the bus is away, its `as_of` stands still."""

    view: View
    progress: float


async def follow(settings: Settings, *, every: float = 1.0, transport: Transport | None = None) -> AsyncIterator[Sight]:
    """The picture about every `every` seconds, for as long as it is asked for.

    Topics that are made meanwhile are not followed. Raises UnknownTopic for a realm that was never provisioned, and
    other BusErrors at the beginning; later the picture waits for the bus.
    """
    realm = Realm(settings.realm)
    transport = transport or KafkaTransport(settings)
    clock, loop = Clock(), asyncio.get_running_loop()
    as_of, shown_at = EPOCH, -every
    while True:
        fold = Fold(realm)
        partitions = await all_partitions(transport, realm)
        async with transport.reader(dict.fromkeys(partitions, 0)) as reader:
            ends: Mapping[TopicPartition, int] = await reader.end_offsets()
            while not fold.needs_refold:
                fold.apply(await reader.read(timeout=every))
                if loop.time() - shown_at < every:
                    continue
                ends, heard = await _ends(reader, ends)
                as_of = clock.as_of(fold) if heard else as_of
                positions = reader.positions()
                whole = reached(positions, ends)
                view = await asyncio.to_thread(fold.state.view, as_of, fold.inputs, whole)  # meanwhile keys are heard
                yield Sight(view, _share(positions, ends))
                shown_at = loop.time()


async def follow_feed(
    settings: Settings, audience: Audience, *, transport: Transport | None = None
) -> AsyncIterator[Sight]:
    """The picture that the feed of an audience shows, whenever it changes, for as long as it is asked for.

    Raises what `Feed` raises.
    """
    async with Feed(settings, audience=audience, transport=transport) as feed:
        async for change in feed:
            yield Sight(view_of(feed.picture, change.summary), 1.0)


async def _ends(reader: Reader, before: Mapping[TopicPartition, int]) -> tuple[Mapping[TopicPartition, int], bool]:
    """Where the log ends now, and whether the bus could say so."""
    try:
        return await reader.end_offsets(), True
    except BusUnavailable:
        return before, False


def _share(positions: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]) -> float:
    total = sum(ends.values())
    read = sum(min(positions.get(partition, 0), end) for partition, end in ends.items())
    return read / total if total else 1.0
