"""Reading partitions up to where they end now."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

from bus.topics import TopicPartition
from bus.transport.port import Stored, Transport

READ_SECONDS = 1.0
"""How long one read waits for something new, in seconds."""


async def records_to_end(transport: Transport, partitions: Iterable[TopicPartition]) -> AsyncIterator[Sequence[Stored]]:
    """All records of the partitions, in batches, up to where the log ends when reading begins. Raises BusError."""
    starts = dict.fromkeys(partitions, 0)
    if not starts:
        return
    async with transport.reader(starts) as reader:
        ends = await reader.end_offsets()
        while not reached(reader.positions(), ends):
            if records := await reader.read(timeout=READ_SECONDS):
                yield records
            else:
                await reader.end_offsets()  # raises when no broker answers any more


def reached(positions: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]) -> bool:
    """Whether a reader at these positions has met these ends."""
    return all(positions.get(partition, -1) >= end for partition, end in ends.items())
