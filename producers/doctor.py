"""`ntsg doctor`: what stands between an operator and the bus, asked in the order in which it would fail.

Each question needs the ones before it. An answer says what is well, or what is not and what to do about it. Nothing is
written but, when asked for, one retracted incident in an exercise, which changes no picture.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from bus.codec import fingerprint_of
from bus.errors import BusError, NtsgError
from bus.instants import from_millis, to_millis
from bus.messages import MESSAGES, Area, Incident, ServiceImpact
from bus.settings import Settings
from bus.topics import Realm, TopicPartition
from bus.transport.connection import Connection
from bus.transport.kafka import KafkaTransport
from bus.transport.port import Outgoing, Position, Transport
from bus.vocabulary import AreaKind, Impact, IncidentState, MessageStatus, Service
from producers.speaker import Speaker

__all__ = ["Answer", "Heard", "Verdict", "examine"]

KNOCK_SECONDS = 5.0
SKEW_TOLD = timedelta(seconds=5)
SKEW_ILL = timedelta(minutes=5)
"""From here on the picture flags what this machine says as from the future."""
EXPIRY_TOLD = timedelta(days=30)

Heard = Callable[[TopicPartition, int], Awaitable[bool]]
"""Whether a hub has folded the record at this offset, as its feed says; waits for it for a while."""


class Verdict(StrEnum):
    WELL = "WELL"
    TOLD = "TOLD"
    """Nothing is wrong yet."""
    ILL = "ILL"


@dataclass(frozen=True, slots=True)
class Answer:
    """One question: what was asked, how it is, and what to do where it is not well."""

    asked: str
    verdict: Verdict
    text: str
    remedy: str = ""


def _well(asked: str, text: str) -> Answer:
    return Answer(asked, Verdict.WELL, text)


async def examine(
    settings: Settings, *, round_trip: bool = False, heard: Heard | None = None, transport: Transport | None = None
) -> AsyncIterator[Answer]:
    """The answers, as they come; after one that is ILL and that the rest depends on, no more.

    With `round_trip`, a record is sent to the bus and read back (in an exercise alone), and with `heard` a hub is asked
    for it. Raises InvalidSettings for settings that cannot be used at all.
    """
    speaker = Speaker(settings)
    connection = Connection.of(settings)
    yield _well("settings", f"user {settings.user or '(nobody)'}, realm {settings.realm}, bus {settings.bootstrap}")
    for question in (_names, _ports):
        answer = await question(settings)
        yield answer
        if answer.verdict is Verdict.ILL:
            return
    if settings.tls_ca is not None:
        yield await _encryption(settings, connection.security["ssl_context"])
    try:
        await connection.diagnose()
    except BusError as error:
        yield Answer("login", Verdict.ILL, str(error), "ask your administrator for `ntsg rotate`, if this stays")
        return
    yield _well("login", "the bus knows this user")
    transport = transport or KafkaTransport(settings)
    try:
        topics = frozenset(partition.topic for partition in await transport.partitions())
        yield _own_topics(speaker, topics)
        yield _foreign_topics(speaker, topics)
        yield await _schemas(speaker.realm, transport)
    except BusError as error:
        yield Answer("rights", Verdict.ILL, str(error), "ask your administrator for `ntsg provision`")
        return
    if round_trip:
        async for answer in _round_trip(speaker, transport, heard):
            yield answer


async def _names(settings: Settings) -> Answer:
    loop = asyncio.get_running_loop()
    for host, port in _addresses(settings):
        try:
            await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            return Answer(
                "names",
                Verdict.ILL,
                f"{host} is not found ({error.strerror})",
                "check bootstrap, and your name service",
            )
    return _well("names", "the bus's names are found")


async def _ports(settings: Settings) -> Answer:
    closed = []
    for host, port in _addresses(settings):
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), KNOCK_SECONDS)
        except (OSError, TimeoutError) as error:
            closed.append(f"{host}:{port} ({str(error) or 'no answer'})")
        else:
            writer.close()
    reachable = len(list(_addresses(settings))) - len(closed)
    if not reachable:
        return Answer(
            "ports", Verdict.ILL, f"nobody answers at {', '.join(closed)}", "check the port, and firewalls on the way"
        )
    if closed:
        return Answer(
            "ports",
            Verdict.TOLD,
            f"{reachable} answer, but not {', '.join(closed)}",
            "one may be down: ask, if it stays",
        )
    return _well("ports", f"{reachable} of the bus's addresses answer")


async def _encryption(settings: Settings, context: ssl.SSLContext) -> Answer:
    host, port = next(iter(_addresses(settings)))
    try:
        _, writer = await asyncio.wait_for(
            asyncio.open_connection(host, port, ssl=context, server_hostname=host), KNOCK_SECONDS
        )
    except ssl.SSLCertVerificationError as error:
        return Answer(
            "TLS", Verdict.ILL, f"{host}:{port}: {error.verify_message}", "check tls_ca, and the name in bootstrap"
        )
    except (OSError, TimeoutError) as error:
        return Answer(
            "TLS", Verdict.ILL, f"{host}:{port}: {str(error) or 'no answer'}", "is this the port that speaks TLS?"
        )
    certificate = writer.get_extra_info("peercert") or {}
    writer.close()
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    if until - datetime.now(UTC) < EXPIRY_TOLD:
        return Answer("TLS", Verdict.TOLD, f"the bus's certificate ends {until:%Y-%m-%d}", "tell your administrator")
    return _well("TLS", f"the bus is who it says it is, until {until:%Y-%m-%d}")


def _own_topics(speaker: Speaker, topics: frozenset[str]) -> Answer:
    if speaker.actor is None:
        return Answer("own topics", Verdict.ILL, "no user is named", "use the credentials that you were given")
    own = [topic for topic in topics if (parsed := speaker.realm.parse_input(topic)) and parsed[1] == speaker.actor]
    if not own:
        return Answer(
            "own topics",
            Verdict.ILL,
            f"{speaker.user} sees no topic of its own in realm {speaker.realm}",
            "is this the right realm? Else ask your administrator for `ntsg provision`",
        )
    return _well("own topics", f"{len(own)} to write to")


def _foreign_topics(speaker: Speaker, topics: frozenset[str]) -> Answer:
    """Who has any right to a topic sees it; so who sees none of the others' can neither read nor write them."""
    foreign = [topic for topic in topics if (parsed := speaker.realm.parse_input(topic)) and parsed[1] != speaker.actor]
    if foreign and speaker.realm.quarantine not in topics:
        return Answer(
            "others' topics",
            Verdict.ILL,
            f"{speaker.user} has a right to {foreign[0]}",
            "tell your administrator at once: rights are wider than they should be",
        )
    return _well("others' topics", "read, as the coordination may" if foreign else "closed, as they should be")


async def _schemas(realm: Realm, transport: Transport) -> Answer:
    partition = TopicPartition(realm.schemas, 0)
    held: set[str] = set()
    async with transport.reader({partition: 0}) as reader:
        end = (await reader.end_offsets())[partition]
        while reader.positions()[partition] < end:
            held |= {
                (record.key or b"").decode(errors="replace") for record in await reader.read(timeout=KNOCK_SECONDS)
            }
    missing = sorted(kind for kind, model in MESSAGES.items() if fingerprint_of(model) not in held)
    if missing:
        return Answer(
            "schemas",
            Verdict.ILL,
            f"the realm does not hold this version's schema of {', '.join(missing)}",
            "what you send waits in quarantine until your administrator runs `ntsg provision` of this version",
        )
    return _well("schemas", "the realm holds those that this version writes")


async def _round_trip(speaker: Speaker, transport: Transport, heard: Heard | None) -> AsyncIterator[Answer]:
    if not speaker.realm.is_exercise:
        yield Answer(
            "round trip",
            Verdict.TOLD,
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
        yield Answer("round trip", Verdict.ILL, str(error), "see the error; ask your administrator, if it stays")
        return
    if not same:
        yield Answer("round trip", Verdict.ILL, f"{position.topic} holds something else", "who else writes as you?")
        return
    yield _well("round trip", f"stored at offset {position.offset} after {took.total_seconds():.2f} s, and read back")
    yield _clock(position, took)
    if heard is not None:
        if await heard(TopicPartition(position.topic, position.partition), position.offset):
            yield _well("hub", "a hub has it")
        else:
            yield Answer("hub", Verdict.TOLD, "no hub says that it has it", "is a hub running for the exercise?")


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
        records = await reader.read(timeout=KNOCK_SECONDS, limit=1)
        return records[0].value if records else None


def _clock(position: Position, took: timedelta) -> Answer:
    """The broker stamped the record some time between its sending and its answer."""
    ahead = datetime.now(UTC) - from_millis(position.timestamp)
    if -SKEW_TOLD < ahead < SKEW_TOLD + took:
        return _well("clock", "as the bus's")
    verdict = Verdict.ILL if abs(ahead) > SKEW_ILL else Verdict.TOLD
    way = "ahead of" if ahead > timedelta(0) else "behind"
    return Answer("clock", verdict, f"about {abs(ahead).total_seconds():.0f} s {way} the bus's", "synchronise it (NTP)")


def _addresses(settings: Settings) -> Iterable[tuple[str, int]]:
    for address in settings.bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        yield host.strip("[]"), int(port)
