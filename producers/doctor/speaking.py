"""Once the bus lets the user in: its rights, the realm's schemas, and the way of a record, there and back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

from bus.codec import Codec, fingerprint_of
from bus.errors import BusError, NtsgError
from bus.instants import from_millis, to_millis
from bus.messages import MESSAGES, Area, Incident, ServiceImpact
from bus.registry import Actor, Registry
from bus.settings import Settings
from bus.topics import Realm, TopicPartition
from bus.transport.kafka import KafkaTransport
from bus.transport.port import Outgoing, Position, Stored, Transport
from bus.vocabulary import AreaKind, Impact, IncidentState, MessageStatus, Service, SignaturePolicy
from producers.doctor.answers import Answer, Verdict, ill, told, well
from producers.speaker import Speaker

READ_SECONDS = 5.0
SKEW_TOLD = timedelta(seconds=5)
SKEW_ILL = timedelta(minutes=5)
"""From here on the picture flags what this machine says as from the future."""

Heard = Callable[[TopicPartition, int], Awaitable[bool]]
"""Whether a hub has folded the record at this offset, as its feed says; waits for it for a while."""


async def speak(
    settings: Settings, *, round_trip: bool, heard: Heard | None, transport: Transport | None
) -> AsyncIterator[Answer]:
    """The answers, as they come."""
    speaker = Speaker(settings)
    transport = transport or KafkaTransport(settings)
    try:
        topics = frozenset(partition.topic for partition in await transport.partitions())
        own = _own_topics(speaker, topics, await transport.writable(_own(speaker, topics)))
        yield own
        yield _foreign_topics(speaker, topics)
        if own.verdict is Verdict.ILL:
            return
        yield await _schemas(speaker.realm, transport)
        if (signature := await _signature(settings, speaker, transport)) is not None:
            yield signature
    except BusError as error:
        yield ill("rights", str(error), "ask your administrator for `ntsg provision`")
        return
    if round_trip:
        async for answer in _round_trip(speaker, transport, heard):
            yield answer


def _own(speaker: Speaker, topics: frozenset[str]) -> list[str]:
    return sorted(
        topic for topic in topics if (parsed := speaker.realm.parse_input(topic)) and parsed[1] == speaker.actor
    )


def _own_topics(speaker: Speaker, topics: frozenset[str], writable: frozenset[str]) -> Answer:
    own = _own(speaker, topics)
    if closed := [topic for topic in own if topic not in writable]:
        return ill(
            "own topics",
            f"{speaker.user} may read {', '.join(closed)} and not write there",
            "ask your administrator for `ntsg provision`: a right of this user is gone",
        )
    if own:
        return well("own topics", f"{len(own)} to write to")
    elsewhere = sorted({topic.partition(".")[0] for topic in topics} - {speaker.realm.name})
    if elsewhere:
        return ill(
            "own topics",
            f"{speaker.user} has none in realm {speaker.realm}, but some in {', '.join(elsewhere)}",
            f"is realm {speaker.realm} meant? Take the credentials file of the realm that is",
        )
    return ill(
        "own topics",
        f"{speaker.user} may write to none, nor see any",
        "ask your administrator for `ntsg provision`: the rights of this user are gone",
    )


def _foreign_topics(speaker: Speaker, topics: frozenset[str]) -> Answer:
    """Who has any right to a topic sees it; so who sees none of the others' can neither read nor write them."""
    foreign = [topic for topic in topics if (parsed := speaker.realm.parse_input(topic)) and parsed[1] != speaker.actor]
    if foreign and speaker.realm.quarantine not in topics:
        return ill(
            "others' topics",
            f"{speaker.user} has a right to {foreign[0]}",
            "tell your administrator at once: rights are wider than they should be",
        )
    return well("others' topics", "read, as the coordination may" if foreign else "closed, as they should be")


async def _schemas(realm: Realm, transport: Transport) -> Answer:
    held = {(record.key or b"").decode(errors="replace") for record in await _read(transport, realm.schemas)}
    missing = sorted(kind for kind, model in MESSAGES.items() if fingerprint_of(model) not in held)
    if missing:
        return ill(
            "schemas",
            f"the realm does not hold this version's schema of {', '.join(missing)}",
            "what you send waits in quarantine until your administrator runs `ntsg provision` of this version",
        )
    return well("schemas", "the realm holds those that this version writes")


async def _signature(settings: Settings, speaker: Speaker, transport: Transport) -> Answer | None:
    """None where nothing is signed and nobody asks for it."""
    codec, now = Codec(), datetime.now(UTC)
    entries = [
        codec.decode(record.value or b"", Actor)[0]
        for record in await _read(transport, speaker.realm.actors)
        if record.key == (speaker.actor or "").encode()
    ]
    own = Registry.of(entries).at(speaker.actor or "", now)
    if own is None:
        return ill("signature", f"{speaker.actor} is no member now", "ask your administrator: the registry says so")
    asked = own.policy_at(now)
    verdict = Verdict.ILL if asked is SignaturePolicy.REQUIRE else Verdict.TOLD
    if settings.signing_key is None:
        if asked is SignaturePolicy.OFF:
            return None
        fate = "waits in quarantine" if verdict is Verdict.ILL else "is marked as not verified"
        return Answer(
            "signature", verdict, f"what you do not sign {fate}", "`ntsg key new`, and name the key as signing_key"
        )
    from bus.signing import Signer

    key = Signer.read(settings.signing_key).public.id
    if key in own.keys_at(now):
        return well("signature", f"with key {key}, which the group knows")
    return Answer(
        "signature",
        verdict,
        f"the group does not know key {key}",
        f"give your administrator the line that `ntsg key show {settings.signing_key}` prints",
    )


async def _read(transport: Transport, topic: str) -> list[Stored]:
    """All of a topic of one partition, up to now."""
    partition = TopicPartition(topic, 0)
    found: list[Stored] = []
    async with transport.reader({partition: 0}) as reader:
        end = (await reader.end_offsets())[partition]
        while reader.positions()[partition] < end:
            found += await reader.read(timeout=READ_SECONDS)
    return found


async def _round_trip(speaker: Speaker, transport: Transport, heard: Heard | None) -> AsyncIterator[Answer]:
    if not speaker.realm.is_exercise:
        yield told(
            "round trip",
            f"not in {speaker.realm}, which is the real picture",
            "use the exercise's settings",
        )
        return
    if speaker.actor is None:
        return
    try:
        record, position, took = await _send(speaker, transport)
        same = await _read_back(transport, position) == record.value
    except NtsgError as error:
        yield ill("round trip", str(error), "see the error; ask your administrator, if it stays")
        return
    if not same:
        yield ill("round trip", f"{position.topic} holds something else", "who else writes as you?")
        return
    yield well("round trip", f"stored at offset {position.offset} after {took.total_seconds():.2f} s, and read back")
    yield _clock(position, took)
    if heard is not None:
        if await heard(TopicPartition(position.topic, position.partition), position.offset):
            yield well("hub", "a hub has it")
        else:
            yield told("hub", "no hub says that it has it", "is a hub running for the exercise?")


async def _send(speaker: Speaker, transport: Transport) -> tuple[Outgoing, Position, timedelta]:
    now = datetime.now(UTC)
    incident = Incident(
        actor=str(speaker.actor),
        id="doctor",
        revision=to_millis(now),
        status=MessageStatus.EXERCISE,
        observed_at=now,
        state=IncidentState.RETRACTED,
        title="ntsg doctor",
        impacts=(ServiceImpact(service=Service.OTHER, impact=Impact.NO_IMPACT),),
        areas=(Area(kind=AreaKind.COUNTRY, code="00"),),
        reason="to see whether records arrive",
    )
    [record] = speaker.records([incident], now)
    async with transport.writer() as writer:
        began = datetime.now(UTC)
        [position] = await writer.send([record])
        return record, position, datetime.now(UTC) - began


async def _read_back(transport: Transport, position: Position) -> bytes | None:
    async with transport.reader({TopicPartition(position.topic, position.partition): position.offset}) as reader:
        records = await reader.read(timeout=READ_SECONDS, limit=1)
        return records[0].value if records else None


def _clock(position: Position, took: timedelta) -> Answer:
    """The broker stamped the record some time between its sending and its answer."""
    ahead = datetime.now(UTC) - from_millis(position.timestamp)
    if -SKEW_TOLD < ahead < SKEW_TOLD + took:
        return well("clock", "as the bus's")
    verdict = Verdict.ILL if abs(ahead) > SKEW_ILL else Verdict.TOLD
    way = "ahead of" if ahead > timedelta(0) else "behind"
    return Answer("clock", verdict, f"about {abs(ahead).total_seconds():.0f} s {way} the bus's", "synchronise it (NTP)")
