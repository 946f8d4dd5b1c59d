"""One user's connection to the Kafka brokers: safe client settings, clear errors, and questions about the log.

This is the border at which aiokafka's errors become those of `bus.errors`.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any, TypeVar

import structlog
from aiokafka import AIOKafkaClient
from aiokafka import errors as kafka
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.offset import OffsetRequest, OffsetResetStrategy

from bus.errors import (
    AuthenticationFailed,
    BusError,
    BusUnavailable,
    Fenced,
    InvalidSettings,
    NotAllowed,
    TooLarge,
    UnknownTopic,
)
from bus.settings import Settings, Stamp
from bus.topics import TopicPartition
from bus.transport.rights import RightsRequest, may_write

PRODUCT = "ntsg-bus"
"""How this software names itself to the broker (client.id)."""

REQUEST_TIMEOUT = 15.0
"""Seconds until an unanswered request counts as lost and its connection is renewed."""

KNOCK_TIMEOUT = 3.0
"""Seconds that a broker has to let a user in, when the question is what is wrong."""

RETRY_PAUSE = 0.1
"""Seconds between two attempts at something that a broker will do again shortly."""

ERRORS: tuple[tuple[tuple[type[Exception], ...], type[BusError], str], ...] = (
    (
        (
            kafka.TopicAuthorizationFailedError,
            kafka.GroupAuthorizationFailedError,
            kafka.ClusterAuthorizationFailedError,
            kafka.TransactionalIdAuthorizationFailed,
        ),
        NotAllowed,
        "this user has no right to it; rights are given with `ntsg provision`",
    ),
    (
        (
            kafka.AuthenticationFailedError,
            kafka.SaslAuthenticationFailed,
            kafka.UnsupportedSaslMechanismError,
            kafka.IllegalSaslStateError,
        ),
        AuthenticationFailed,
        "check user and password",
    ),
    (
        (kafka.UnknownTopicOrPartitionError, kafka.InvalidTopicError),
        UnknownTopic,
        "the topic does not exist; topics are made with `ntsg provision`",
    ),
    (
        (kafka.MessageSizeTooLargeError, kafka.RecordListTooLargeError, kafka.RecordTooLargeError),
        TooLarge,
        "the broker does not take records of this size; shorten the message",
    ),
    (
        (
            kafka.ProducerFenced,
            kafka.InvalidProducerEpoch,
            kafka.InvalidProducerIdMapping,
            kafka.InvalidTxnState,
        ),
        Fenced,
        "another writer took over, or the transaction took too long; this writer is dead",
    ),
)
"""What an error of the client library means to a caller, and what to do about it. All others: BusUnavailable where
trying again is right, BusError where it is not."""

T = TypeVar("T")
log = structlog.get_logger(__name__)


class Isolation(IntEnum):
    """Where the log ends: at the high watermark, or before the first open transaction."""

    UNCOMMITTED = 0
    COMMITTED = 1


def bus_error(error: BaseException, doing: str) -> BusError:
    """The bus's own error for an error of the client library. `doing` says what was tried, and on what."""
    if isinstance(error, BusError):
        return error
    for classes, bus_class, remedy in ERRORS:
        if isinstance(error, classes):
            return bus_class(f"{doing}: {remedy} ({error})")
    if getattr(error, "retriable", False) or isinstance(error, (OSError, TimeoutError, kafka.KafkaTimeoutError)):
        return BusUnavailable(f"{doing}: the bus does not answer; try again later ({_told(error)})")
    return BusError(f"{doing}: {_told(error)}")


@contextmanager
def mapped(doing: str) -> Iterator[None]:
    """The border: what aiokafka raises inside leaves as an error of `bus.errors`."""
    try:
        yield
    except (kafka.KafkaError, OSError, TimeoutError) as error:
        raise bus_error(error, doing) from error


@dataclass(frozen=True)
class Connection:
    """How to reach the brokers as one user. Immutable; opens nothing by itself."""

    bootstrap: str
    user: str | None
    security: Mapping[str, Any] = field(repr=False)
    settings: Settings = field(repr=False)
    states: tuple[Stamp, ...] = field(default=(), repr=False)
    """Of the files that say how the user logs in, as they were read."""

    @classmethod
    def of(cls, settings: Settings) -> Connection:
        """With a certificate, else with a password. Raises InvalidSettings when the password is missing, or a
        certificate or its key cannot be read.
        """
        states = settings.login_states(own=True)
        if settings.tls_certificate is not None and settings.tls_ca is None:
            raise InvalidSettings("tls_certificate goes with tls_ca: name the CA certificate of the bus, too")
        security: dict[str, Any] = {"security_protocol": "SSL" if settings.tls_ca else "PLAINTEXT"}
        if settings.tls_ca is not None:
            security["ssl_context"] = _ssl_context(settings)
        if settings.user is not None and settings.tls_certificate is None:
            password = settings.secret()
            if not password:
                raise InvalidSettings(f"user {settings.user!r} has no password; set password_file")
            security |= {
                "security_protocol": f"SASL_{security['security_protocol']}",
                "sasl_mechanism": settings.sasl_mechanism,
                "sasl_plain_username": settings.user,
                "sasl_plain_password": password,
            }
        return cls(settings.bootstrap, settings.user, security, settings, states)

    def renewed(self) -> Connection:
        """This connection as its files say now how to log in; itself while they are as they were.

        Files that cannot be used just now are told, once, and change nothing.
        """
        states = self.settings.login_states()
        if states == self.states:
            return self
        try:
            found = Connection.of(self.settings.renewed())
        except InvalidSettings as error:
            log.warning("credentials_unusable", user=self.user, reason=str(error))
            return replace(self, states=states)
        log.info("credentials_renewed", user=self.user)
        return found

    @property
    def client_options(self) -> dict[str, Any]:
        """What every aiokafka client of this connection is made with."""
        return {
            "bootstrap_servers": self.bootstrap,
            "client_id": PRODUCT,
            "request_timeout_ms": int(REQUEST_TIMEOUT * 1000),
            "retry_backoff_ms": int(RETRY_PAUSE * 1000),
            **self.security,
        }

    async def open(self, start: Callable[[], Coroutine[Any, Any, object]], *, timeout: float) -> None:
        """Start a client: `start` is its method. Says which of broker, password or right is missing.

        aiokafka says of all of them "Unable to bootstrap" and no more; hence the second look.
        """
        doing = f"connecting to {self.bootstrap}"
        with mapped(doing):
            async with asyncio.timeout(timeout):
                try:
                    await start()
                except kafka.KafkaConnectionError:
                    await self.diagnose()
                    await start()  # the broker came up between the two looks

    async def diagnose(self) -> None:
        """Return if some broker lets this user in; otherwise raise what the first meaningful obstacle is.

        Raises AuthenticationFailed or BusUnavailable.
        """
        seen: list[BusError] = []
        for host, port, _ in collect_hosts(self.bootstrap):
            try:
                async with asyncio.timeout(KNOCK_TIMEOUT):
                    await self._knock(host, port)
            except (kafka.KafkaError, OSError, TimeoutError) as error:
                seen.append(self._obstacle(f"{host}:{port}", error))
            else:
                return
        raise next((error for error in seen if isinstance(error, AuthenticationFailed)), seen[0])

    async def brokers(self) -> list[tuple[str, int]]:
        """Where the bus sends its clients: the address that each broker names as its own. Raises BusError."""
        client = AIOKafkaClient(**self.client_options)
        try:
            with mapped("asking for the brokers"):
                await client.bootstrap()
                return sorted((broker.host, broker.port) for broker in client.cluster.brokers())
        finally:
            await client.close()

    async def _knock(self, host: str, port: int) -> None:
        timeout_ms = int(REQUEST_TIMEOUT * 1000)
        connection = await create_conn(host, port, client_id=PRODUCT, request_timeout_ms=timeout_ms, **self.security)
        try:
            await connection.send(MetadataRequest([]))  # nobody's connection is refused at its first request
        finally:
            await connection.close()

    def _obstacle(self, address: str, error: Exception) -> BusError:
        found = bus_error(error, f"connecting to {address} as {self.user or 'nobody'}")
        if isinstance(error, ssl.SSLError):
            found = BusUnavailable(f"{address}: no TLS connection; check port and tls_ca ({error})")
        elif isinstance(error, kafka.KafkaConnectionError):  # it listens, but hangs up on what we say
            found = (
                AuthenticationFailed(f"{address} hangs up on a connection without a user; set user and password_file")
                if self.user is None
                else BusUnavailable(f"{address} hangs up; check that the port is the broker's, and tls_ca ({error})")
            )
        found.__cause__ = error
        return found


@dataclass(frozen=True, slots=True)
class TopicMetadata:
    """What the cluster says of one topic: its partitions, and the broker that leads each."""

    leaders: Mapping[int, int]


class Inquiry:
    """Questions about topics and offsets, on a connection of their own.

    Brokers answer one connection in order: on a reader's own one, a question would wait for the fetch before it.
    """

    def __init__(self, connection: Connection, client: Any, timeout: float) -> None:
        self._connection = connection
        self._client = client
        self._timeout = timeout

    @classmethod
    @asynccontextmanager
    async def open(cls, connection: Connection, *, timeout: float) -> AsyncIterator[Inquiry]:
        client = AIOKafkaClient(**connection.client_options)
        try:
            await connection.open(client.bootstrap, timeout=timeout)
            yield cls(connection, client, timeout)
        finally:
            await client.close()

    async def topics(self, names: Iterable[str] | None = None) -> Mapping[str, TopicMetadata]:
        """The given topics that exist, or all that this user may see.

        Raises NotAllowed for a named topic that this user may not see; BusUnavailable.
        """
        wanted = None if names is None else sorted(set(names))
        if wanted == []:
            return {}
        return await self._persist("reading topic metadata", lambda: self._topics(wanted))

    async def end_offsets(
        self, partitions: Iterable[TopicPartition], isolation: Isolation
    ) -> Mapping[TopicPartition, int]:
        """Where the log of each partition ends now. Raises UnknownTopic, NotAllowed, BusUnavailable."""
        wanted = tuple(partitions)
        if not wanted:
            return {}
        return await self._persist("reading end offsets", lambda: self._end_offsets(wanted, isolation))

    async def writable(self, names: Iterable[str]) -> frozenset[str]:
        """Those of the topics that this user may write to. Raises BusUnavailable."""
        wanted = sorted(set(names))
        if not wanted:
            return frozenset()
        return await self._persist("asking for rights", lambda: self._writable(wanted))

    async def _writable(self, wanted: list[str]) -> frozenset[str]:
        answer = await self._client.send(self._client.get_random_node(), RightsRequest(wanted))
        return frozenset(
            topic for code, topic, _, _, operations in answer.topics if code == 0 and may_write(operations)
        )

    async def _topics(self, wanted: list[str] | None) -> Mapping[str, TopicMetadata]:
        return await topic_metadata(self._client, wanted)

    async def _end_offsets(
        self, wanted: tuple[TopicPartition, ...], isolation: Isolation
    ) -> Mapping[TopicPartition, int]:
        topics = await topic_metadata(self._client, sorted({partition.topic for partition in wanted}))
        by_leader: dict[int, dict[str, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
        for topic, partition in wanted:
            if topic not in topics or partition not in topics[topic].leaders:
                raise UnknownTopic(f"{topic}:{partition} does not exist; topics are made with `ntsg provision`")
            leader = topics[topic].leaders[partition]
            by_leader[leader][topic].append((partition, OffsetResetStrategy.LATEST))
        answers = await asyncio.gather(
            *(
                self._client.send(leader, OffsetRequest(-1, isolation, list(asked.items())))
                for leader, asked in by_leader.items()
            )
        )
        ends: dict[TopicPartition, int] = {}
        for answer in answers:
            for topic, found in answer.topics:
                for partition, code, _timestamp, offset, *_ in found:
                    _raise_for(code, topic)
                    ends[TopicPartition(topic, partition)] = offset
        return ends

    async def _persist(self, doing: str, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Ask until answered: leaders move and brokers restart."""
        last: Exception | None = None
        try:
            async with asyncio.timeout(self._timeout):
                while True:
                    try:
                        return await ask()
                    except kafka.KafkaError as error:
                        if not error.retriable:
                            raise bus_error(error, doing) from error
                        last = error
                        await self._client.force_metadata_update()
                        await asyncio.sleep(RETRY_PAUSE)
        except TimeoutError:
            await self._connection.diagnose()
            raise bus_error(last or TimeoutError(f"no answer within {self._timeout:g} s"), doing) from last


async def topic_metadata(client: Any, names: list[str] | None) -> Mapping[str, TopicMetadata]:
    """Ask any broker. Unknown topics are left out; one that this user may not see raises."""
    answer = await client.send(client.get_random_node(), MetadataRequest(names, allow_auto_topic_creation=False))
    found: dict[str, TopicMetadata] = {}
    for code, topic, internal, partitions in answer.topics:
        if code == kafka.UnknownTopicOrPartitionError.errno or internal:
            continue
        _raise_for(code, topic)
        found[topic] = TopicMetadata({partition: leader for _, partition, leader, *_ in partitions})
    return found


def _raise_for(code: int, topic: str) -> None:
    error = kafka.for_code(code)
    if error is not kafka.NoError:
        raise error(topic)


def _ssl_context(settings: Settings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(settings.tls_ca))
    except (OSError, ssl.SSLError) as error:
        raise InvalidSettings(f"tls_ca {settings.tls_ca}: not a readable PEM certificate ({error})") from error
    if settings.tls_certificate is not None:
        try:
            context.load_cert_chain(settings.tls_certificate)
        except (OSError, ssl.SSLError) as error:
            raise InvalidSettings(
                f"tls_certificate {settings.tls_certificate}: no key and certificate in one PEM file ({error})"
            ) from error
    return context


def _told(error: BaseException) -> str:
    return str(error) or type(error).__name__
