"""Handing records to an aiokafka producer, and what becomes of each: the machinery under the writers.

Whole batches where many records go to one partition, which is twice as fast as a future for each record.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, zip_longest
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka import errors as kafka
from aiokafka.partitioner import DefaultPartitioner

from bus.errors import UnknownTopic
from bus.topics import TopicPartition
from bus.transport.connection import RETRY_PAUSE, Connection, topic_metadata
from bus.transport.port import Outgoing, Position

BATCH_BYTES = 262_144
"""Size of a producer batch. The client has one request in flight per broker, so small batches make a slow writer."""

BATCH_FROM = 16
"""Records for one partition in one send, from which whole batches are cheaper than a future for each record."""

CLOSE_GRACE = 2.0
"""Seconds that closing waits for an answer that is under way."""

NEW_TOPIC_LOOKS = 10
"""How often to look again for a topic: one made a moment ago may not have reached this broker."""

SAFE_PRODUCER = {"acks": "all", "enable_idempotence": True, "max_batch_size": BATCH_BYTES}

_partition_by_key = DefaultPartitioner()


class Delivery(NamedTuple):
    """What will tell where one record went: a future of its own, or that of its batch and the place in it."""

    future: asyncio.Future[Any]
    place_in_batch: int | None
    sent_at: int

    def position(self) -> Position:
        """Where the record was stored."""
        stored = self.future.result()
        if stored.offset < 0:  # a repetition that the broker recognised, but no longer knows where it is
            raise kafka.UnknownProducerId
        at = stored.timestamp if stored.timestamp >= 0 else self.sent_at  # topics without LogAppendTime
        return Position(stored.topic, stored.partition, stored.offset + (self.place_in_batch or 0), at)


class Batch(NamedTuple):
    """A full batch for one partition, and the places of its records in what was sent."""

    lane: TopicPartition
    builder: Any
    places: list[int]


async def start_producer(connection: Connection, timeout: float, options: Mapping[str, Any]) -> Any:
    """A producer with these options. Raises AuthenticationFailed, NotAllowed, BusUnavailable; then nothing is left."""
    producer = AIOKafkaProducer(**options, **connection.client_options)
    try:
        await connection.open(producer.start, timeout=timeout)
    except BaseException:
        await abandon(producer)
        raise
    return producer


async def abandon(producer: Any) -> None:
    """End a producer without delivering what it still holds. Its own `stop()` flushes first, which without a broker
    takes for ever, and trips over a sender that ended by itself.
    """
    sender = producer._sender.sender_task
    if sender is not None and not sender.done():
        sender.cancel()
        done, _ = await asyncio.wait([sender], timeout=CLOSE_GRACE)
        if not done:
            sender.cancel()
            await asyncio.wait([sender])
    held = producer._message_accumulator
    held.fail_all(kafka.ProducerClosed())
    for batch in chain(held._pending_batches, *held._batches.values()):
        if batch._drain_waiter.done() and not batch._drain_waiter.cancelled():
            batch._drain_waiter.exception()  # looked at, so that asyncio does not complain that nobody did
    await producer.stop()


async def enqueue(producer: Any, records: Sequence[Outgoing]) -> Sequence[Delivery]:
    """Hand the records to the client, in order; what tells of each comes back in the order given."""
    deliveries: list[Delivery | None] = [None] * len(records)
    now = int(time.time() * 1000)
    batches: list[list[Batch]] = []
    try:
        for lane, places in (await _lanes(producer, records)).items():
            if len(places) < BATCH_FROM:
                for place in places:
                    record = records[place]
                    future = await producer.send(
                        lane.topic,
                        record.value,
                        key=record.key,
                        partition=lane.partition,
                        timestamp_ms=now,
                        headers=list(record.headers),
                    )
                    deliveries[place] = Delivery(future, None, now)
            else:
                batches.append(_batches(producer, lane, records, places, now))
        for batch in filter(None, chain.from_iterable(zip_longest(*batches))):  # the lanes take turns
            future = await producer.send_batch(batch.builder, batch.lane.topic, partition=batch.lane.partition)
            for index, place in enumerate(batch.places):
                deliveries[place] = Delivery(future, index, now)
    except BaseException:
        _disown(deliveries)
        raise
    return [delivery for delivery in deliveries if delivery is not None]


async def _lanes(producer: Any, records: Sequence[Outgoing]) -> Mapping[TopicPartition, list[int]]:
    """The places of the records, by the partition that they go to: the key decides, as in every Kafka client."""
    partitions: dict[str, list[int]] = {}
    lanes: dict[TopicPartition, list[int]] = defaultdict(list)
    for place, record in enumerate(records):
        topic = record.topic
        if topic not in partitions:
            partitions[topic] = await _known_partitions(producer, topic)
        known = partitions[topic]
        chosen = known[0] if len(known) == 1 else _partition_by_key(record.key, known, known)
        lanes[TopicPartition(topic, chosen)].append(place)
    return lanes


async def _known_partitions(producer: Any, topic: str) -> list[int]:
    known = producer.client.cluster.partitions_for_topic(topic)
    if known is None:
        looks = 0
        while looks < NEW_TOPIC_LOOKS:
            try:
                if topic in await topic_metadata(producer.client, [topic]):
                    break
                looks += 1
            except kafka.KafkaError as error:
                if not error.retriable:
                    raise
                # The broker that was asked is down; another one will answer. How long to ask is the writer's to say.
            await asyncio.sleep(RETRY_PAUSE)
        else:
            raise UnknownTopic(f"{topic} does not exist; topics are made with `ntsg provision`")
        known = await producer.partitions_for(topic)
    return sorted(known)


def _batches(
    producer: Any, lane: TopicPartition, records: Sequence[Outgoing], places: Sequence[int], now: int
) -> list[Batch]:
    batches: list[Batch] = []
    builder = None
    for place in places:
        record = records[place]
        while builder is None or not builder.append(
            timestamp=now, key=record.key, value=record.value, headers=list(record.headers)
        ):
            if builder is not None:
                builder.close()
            builder = producer.create_batch()
            batches.append(Batch(lane, builder, []))
        batches[-1].places.append(place)
    if builder is not None:
        builder.close()
    return batches


async def positions_of(deliveries: Sequence[Delivery]) -> Sequence[Position]:
    """Wait for all; raises aiokafka's error of the first that failed."""
    if deliveries:
        try:
            await asyncio.wait({delivery.future for delivery in deliveries})
        except asyncio.CancelledError:
            _disown(deliveries)
            raise
    failed = [delivery.future.exception() for delivery in deliveries]
    for error in failed:
        if error is not None:
            raise error
    return [delivery.position() for delivery in deliveries]


def _disown(deliveries: Iterable[Delivery | None]) -> None:
    """Nobody will ask for these any more: asyncio need not complain when they fail."""
    for delivery in deliveries:
        if delivery is not None:
            delivery.future.add_done_callback(lambda future: future.cancelled() or future.exception())
