"""The log itself, read without a hub: the picture as of an instant, and messages as they arrive."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bus.codec import Codec
from bus.envelope import Envelope, sent_at
from bus.errors import CodecError, InvalidMessage, NotAllowed, UnknownTopic
from bus.instants import from_millis
from bus.messages import MESSAGES
from bus.references import Kind
from bus.settings import Settings
from bus.topics import Realm, TopicPartition
from bus.transport.kafka import KafkaTransport
from bus.transport.port import Stored, Transport
from bus.transport.to_end import READ_SECONDS, records_to_end
from consumers.fold import Fold
from consumers.quarantine import Place
from consumers.shelf import TemporaryShelf


@dataclass(frozen=True, slots=True)
class Heard:
    """A record of an input topic: the message that it carries, or why it cannot be read."""

    place: Place
    envelope: Envelope | None
    problem: str | None


async def fold_log(settings: Settings, as_of: datetime | None = None, *, transport: Transport | None = None) -> Fold:
    """The fold of the realm's log up to its end, or of what the bus knew by `as_of`. What was over for long by then is
    not in memory, so it may be a long log.

    Asks no hub. Raises UnknownTopic for a realm that was never provisioned, and other BusErrors.
    """
    realm = Realm(settings.realm)
    transport = transport or KafkaTransport(settings)
    codec = Codec()
    fold = Fold(realm, codec, until=as_of, shelf=TemporaryShelf(codec))
    inputs = await all_partitions(transport, realm)
    control = [partition for partition in inputs if partition.topic in (realm.actors, realm.schemas)]
    for partitions in (control, [partition for partition in inputs if partition not in control]):
        async for records in records_to_end(transport, partitions):
            fold.apply(records)
    return fold


async def tail(
    settings: Settings,
    kind: Kind | None = None,
    actor: str | None = None,
    *,
    from_start: bool = False,
    transport: Transport | None = None,
) -> AsyncGenerator[Heard, None]:
    """Messages of the realm as they arrive, of one kind or actor or of all, without end. Nobody's authority is judged.

    Topics that are made later are not followed. `known_at` is the append time. Raises UnknownTopic when nothing in the
    realm fits, and other BusErrors.
    """
    realm = Realm(settings.realm)
    transport = transport or KafkaTransport(settings)
    codec = Codec()
    followed = {
        partition: parsed
        for partition in await input_partitions(transport, realm)
        if (parsed := realm.parse_input(partition.topic)) and kind in (None, parsed[0]) and actor in (None, parsed[1])
    }
    if not followed:
        raise UnknownTopic(
            f"realm {realm} has no topic for kind {kind or 'any'} of actor {actor or 'any'}; see `ntsg provision`"
        )
    async for records in records_to_end(transport, await transport.partitions([realm.schemas])):
        _learn(codec, records)
    schemas = dict.fromkeys(await transport.partitions([realm.schemas]), 0)
    async with transport.reader({**dict.fromkeys(followed, 0), **schemas}) as reader:
        if not from_start:
            await reader.assign({**await reader.end_offsets(), **schemas})
        while True:
            records = await reader.read(timeout=READ_SECONDS)
            _learn(codec, (record for record in records if record.topic == realm.schemas))
            for record in records:
                if parsed := followed.get(TopicPartition(record.topic, record.partition)):
                    yield _heard(codec, record, parsed[0])


async def input_partitions(transport: Transport, realm: Realm) -> Sequence[TopicPartition]:
    """Everything that the picture of the realm is made from: messages, registry, schemas.

    Raises UnknownTopic for a realm that was never provisioned.
    """
    own = (realm.actors, realm.schemas)
    found = [TopicPartition(*partition) for partition in await transport.partitions()]
    inputs = [partition for partition in found if partition.topic in own or realm.parse_input(partition.topic)]
    if realm.actors not in {partition.topic for partition in inputs}:
        raise UnknownTopic(f"{realm.actors} does not exist, or this user may not see it; run `ntsg provision`")
    return inputs


async def all_partitions(transport: Transport, realm: Realm) -> Sequence[TopicPartition]:
    """The same, for whoever makes the picture of it.

    Raises NotAllowed, too, for a user who may read a part of it alone: a picture made from that looks like all clear.
    """
    partitions = await input_partitions(transport, realm)
    if realm.quarantine not in {partition.topic for partition in await transport.partitions()}:
        raise NotAllowed(
            f"this user may not read all of realm {realm}, which is for the coordination group; "
            "see your own picture with --audience"
        )
    return partitions


def _learn(codec: Codec, records: Iterable[Stored]) -> None:
    for record in records:
        try:
            codec.learn((record.value or b"").decode())
        except (CodecError, UnicodeDecodeError):
            continue  # the hubs hold it in quarantine and say so


def _heard(codec: Codec, record: Stored, kind: Kind) -> Heard:
    known_at = from_millis(record.timestamp)
    try:
        message, content = codec.decode(record.value or b"", MESSAGES[kind])
    except (CodecError, InvalidMessage) as error:
        return Heard(Place.of(record), None, str(error))
    return Heard(Place.of(record), Envelope(message, content, sent_at(record.headers) or known_at, known_at), None)
