"""The administrator's hands on the cluster: topics, users, rights and quotas, and what of them is there now.

This is the border at which confluent-kafka's errors become those of `bus.errors`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from aiokafka.errors import UnsupportedSaslMechanismError
from pydantic import SecretStr

from bus.credentials import Credentials
from bus.errors import AuthenticationFailed, BusError, BusUnavailable, NotAllowed
from bus.provision.actions import CreateTopic, RepairTopic
from bus.provision.quotas import Limits, read_quotas, set_quotas
from bus.provision.rules import Right
from bus.settings import MECHANISMS, Mechanism, Settings
from bus.transport.connection import Connection
from bus.transport.port import MAX_RECORD_BYTES, Dated

try:
    import confluent_kafka
    import confluent_kafka.admin
except ImportError as error:
    raise BusError("provisioning needs confluent-kafka: pip install 'ntsg-bus[admin]'") from error

kafka: Any = confluent_kafka.admin
"""Untyped, since its type information leaves out the names that it exports."""

ANSWER_SECONDS = 30.0
SCRAM_ITERATIONS = 8192
LOGIN_PAUSE = 0.05
WRITE_SECONDS = 120.0
WRITING = {"acks": "all", "enable.idempotence": True, "message.max.bytes": 2 * MAX_RECORD_BYTES}


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as it is. `config` holds every setting, defaults included; `own`, those that were set for it."""

    partitions: int
    replication_factor: int
    in_sync: int
    """Replicas that hold all of it now."""
    config: Mapping[str, str]
    own: Mapping[str, str]


class Administration:
    """Questions and changes, as a user who may make them. Opens its connections at the first question."""

    def __init__(self, settings: Settings) -> None:
        """Raises InvalidSettings for settings that cannot work."""
        self._connection = Connection.of(settings)
        options: dict[str, Any] = {
            "bootstrap.servers": settings.bootstrap,
            "client.id": "ntsg-provision",
            "security.protocol": self._connection.security["security_protocol"],
        }
        if settings.user is not None and settings.tls_certificate is None:
            options |= {
                "sasl.mechanism": settings.sasl_mechanism,
                "sasl.username": settings.user,
                "sasl.password": settings.secret(),
            }
        if settings.tls_ca is not None:
            options["ssl.ca.location"] = str(settings.tls_ca)
        if settings.tls_certificate is not None:
            options |= dict.fromkeys(("ssl.certificate.location", "ssl.key.location"), str(settings.tls_certificate))
        self._options = options
        self._client = kafka.AdminClient(options, logger=logging.getLogger(__name__))

    async def check(self) -> None:
        """Return if the administrator can log in. Raises AuthenticationFailed or BusUnavailable."""
        await self._connection.diagnose()

    async def brokers(self) -> int:
        with _mapped("reading the cluster"):
            described = await _answer(self._client.describe_cluster(request_timeout=ANSWER_SECONDS))
        return len(described.nodes)

    async def topics(self, names: Iterable[str]) -> dict[str, TopicState]:
        """Those of the named topics that exist."""
        with _mapped("reading topics"):
            known = (await self._metadata()).topics
            resources = [kafka.ConfigResource(kafka.ResourceType.TOPIC, name) for name in names if name in known]
            answers = self._client.describe_configs(resources, request_timeout=ANSWER_SECONDS) if resources else {}
            configs = {resource.name: await _answer(future) for resource, future in answers.items()}
        return {
            name: TopicState(
                partitions=len(known[name].partitions),
                replication_factor=min(len(partition.replicas) for partition in known[name].partitions.values()),
                in_sync=min(len(partition.isrs) for partition in known[name].partitions.values()),
                config={key: entry.value or "" for key, entry in config.items()},
                own={
                    key: entry.value or ""
                    for key, entry in config.items()
                    if entry.source == kafka.ConfigSource.DYNAMIC_TOPIC_CONFIG.value
                },
            )
            for name, config in configs.items()
        }

    async def _metadata(self) -> Any:
        return await asyncio.to_thread(self._client.list_topics, timeout=ANSWER_SECONDS)

    async def users(self) -> dict[str, frozenset[Mechanism]]:
        """All SCRAM users of the cluster, each with the mechanisms for which it has a password."""
        await self._be_administrator("reading users")
        with _mapped("reading users"):
            found = await _answer(self._client.describe_user_scram_credentials(request_timeout=ANSWER_SECONDS))
        return {
            user: frozenset(
                name for name in MECHANISMS if _scram(name) in {i.mechanism for i in told.scram_credential_infos}
            )
            for user, told in found.items()
        }

    async def _be_administrator(self, doing: str) -> None:
        """Return if this user may ask for users and rights. Raises NotAllowed.

        Without the right, librdkafka 2.16 finds no rights where it was refused, and for users frees memory that it
        never had, which ends the process.
        """
        with _mapped(doing):
            answer = self._client.describe_cluster(include_authorized_operations=True, request_timeout=ANSWER_SECONDS)
            may = (await _answer(answer)).authorized_operations or ()
        if kafka.AclOperation.DESCRIBE not in may:
            raise NotAllowed(f"{doing}: this user is no administrator of the cluster")

    async def rights(self) -> frozenset[Right]:
        """All access control entries of users of the cluster."""
        await self._be_administrator("reading rights")
        every = kafka.AclBindingFilter(
            kafka.ResourceType.ANY,
            None,
            kafka.ResourcePatternType.ANY,
            None,
            None,
            kafka.AclOperation.ANY,
            kafka.AclPermissionType.ANY,
        )
        with _mapped("reading rights"):
            found = await _answer(self._client.describe_acls(every, request_timeout=ANSWER_SECONDS))
        return frozenset(_right(binding) for binding in found if binding.principal.startswith("User:"))

    async def quotas(self) -> dict[str, dict[str, float]]:
        return await read_quotas(self._connection)

    async def create_topics(self, wanted: Iterable[CreateTopic]) -> None:
        topics = [
            kafka.NewTopic(
                topic.name,
                num_partitions=1,
                replication_factor=topic.replication_factor,
                config=dict(topic.config),
            )
            for topic in wanted
        ]
        if topics:
            await _all("creating topic", self._client.create_topics(topics, request_timeout=ANSWER_SECONDS))

    async def repair_topics(self, repairs: Iterable[RepairTopic]) -> None:
        resources = [
            kafka.ConfigResource(
                kafka.ResourceType.TOPIC,
                repair.name,
                incremental_configs=[
                    kafka.ConfigEntry(name, after, incremental_operation=kafka.AlterConfigOpType.SET)
                    for name, (_, after) in repair.changes.items()
                ],
            )
            for repair in repairs
        ]
        if resources:
            answers = self._client.incremental_alter_configs(resources, request_timeout=ANSWER_SECONDS)
            await _all("repairing topic", {resource.name: future for resource, future in answers.items()})

    async def delete_topics(self, names: Iterable[str]) -> None:
        """Delete the topics with all that they hold; returns when the cluster knows them no more. Their files go within
        `log.segment.delete.delay.ms` of the brokers.
        """
        if unwanted := list(names):
            await _all("deleting topic", self._client.delete_topics(unwanted, request_timeout=ANSWER_SECONDS))
            while not (await self._metadata()).topics.keys().isdisjoint(unwanted):  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(LOGIN_PAUSE)

    async def append(self, topic: str, records: Iterable[Dated]) -> None:
        """Write records in this order, each with its own time, to a topic that lets the writer tell the time."""
        with _mapped(f"writing {topic}"):
            await asyncio.to_thread(self._append, topic, records)

    def _append(self, topic: str, records: Iterable[Dated]) -> None:
        failures: list[Any] = []

        def answered(error: Any, _: object) -> None:
            if error is not None:
                failures.append(error)

        producer: Any = confluent_kafka.Producer({**self._options, **WRITING}, logger=logging.getLogger(__name__))
        for record in records:
            while not failures:
                try:
                    headers = [(name, content) for name, content in record.headers]
                    producer.produce(
                        topic,
                        record.value,
                        record.key,
                        partition=0,
                        on_delivery=answered,
                        timestamp=record.timestamp,
                        headers=headers,
                    )
                    producer.poll(0)
                    break
                except BufferError:
                    producer.poll(LOGIN_PAUSE)
        if producer.flush(WRITE_SECONDS):
            raise BusUnavailable(f"writing {topic}: the bus does not answer; try again later")
        if failures:
            raise confluent_kafka.KafkaException(failures[0])

    async def set_passwords(self, credentials: Iterable[Credentials]) -> None:
        """Create the users, or give them these passwords. What they used before with the same mechanism opens nothing
        new from then on.
        """
        wanted = [
            kafka.UserScramCredentialUpsertion(
                each.user, kafka.ScramCredentialInfo(_scram(each.mechanism), SCRAM_ITERATIONS), each.password.encode()
            )
            for each in credentials
        ]
        if wanted:
            answers = self._client.alter_user_scram_credentials(wanted, request_timeout=ANSWER_SECONDS)
            await _all("setting the password of", answers)

    async def await_login(self, credentials: Credentials) -> None:
        """Return when every broker lets this user in with this password, and so has taken up all that came before it:
        brokers apply the cluster's changes in one order, each at its own pace.

        Raises BusUnavailable when a broker does not answer, or refuses for 30 s.
        """
        with _mapped("reading the cluster"):
            nodes = (await _answer(self._client.describe_cluster(request_timeout=ANSWER_SECONDS))).nodes
        for node in nodes:
            address = f"{node.host}:{node.port}"
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await _let_in(Connection.of(credentials.at(address).settings()))
            except TimeoutError as error:
                raise BusUnavailable(f"{address} does not know {credentials.user} yet; try again later") from error

    async def offers(self, mechanism: Mechanism) -> bool:
        """Whether the brokers let anybody in by this mechanism. Raises BusUnavailable."""
        settings = self._connection.settings.model_copy(update={"sasl_mechanism": mechanism, "tls_certificate": None})
        nobody = settings.model_copy(update={"user": "nobody", "password": SecretStr("none")})
        try:
            await Connection.of(nobody).diagnose()
        except AuthenticationFailed as error:
            return not isinstance(error.__cause__, UnsupportedSaslMechanismError)
        return True

    async def delete_users(self, users: Iterable[str]) -> None:
        """With all their passwords."""
        held = await self.users()
        await self.end_passwords((user, mechanism) for user in users for mechanism in held.get(user, ()))

    async def end_passwords(self, passwords: Iterable[tuple[str, Mechanism]]) -> None:
        """End these passwords: they open nothing new from then on. A user without any is none."""
        users: dict[Mechanism, list[str]] = {}
        for user, mechanism in passwords:
            users.setdefault(mechanism, []).append(user)
        for mechanism, named in users.items():  # brokers change a user once in a request
            unwanted = [kafka.UserScramCredentialDeletion(user, _scram(mechanism)) for user in named]
            answers = self._client.alter_user_scram_credentials(unwanted, request_timeout=ANSWER_SECONDS)
            await _all("ending the password of", answers)

    async def grant(self, rights: Iterable[Right]) -> None:
        bindings = [_binding(right) for right in rights]
        if bindings:
            answers = self._client.create_acls(bindings, request_timeout=ANSWER_SECONDS)
            await _all("granting", {_right(binding).text: future for binding, future in answers.items()})

    async def revoke(self, rights: Iterable[Right]) -> None:
        filters = [
            kafka.AclBindingFilter(
                b.restype, b.name, b.resource_pattern_type, b.principal, b.host, b.operation, b.permission_type
            )
            for b in map(_binding, rights)
        ]
        if filters:
            answers = self._client.delete_acls(filters, request_timeout=ANSWER_SECONDS)
            await _all("revoking", {str(each.name): future for each, future in answers.items()})

    async def set_quotas(self, limits: Iterable[tuple[str, Limits]]) -> None:
        await set_quotas(self._connection, limits)


async def _let_in(connection: Connection) -> None:
    while True:
        with suppress(AuthenticationFailed):
            return await connection.diagnose()
        await asyncio.sleep(LOGIN_PAUSE)


def _scram(mechanism: Mechanism) -> Any:
    return kafka.ScramMechanism[mechanism.replace("-", "_")]


def _binding(right: Right) -> Any:
    return kafka.AclBinding(
        kafka.ResourceType[right.resource],
        right.name,
        kafka.ResourcePatternType[right.pattern],
        f"User:{right.user}",
        right.host,
        kafka.AclOperation[right.operation],
        kafka.AclPermissionType[right.permission],
    )


def _right(binding: Any) -> Right:
    return Right(
        user=binding.principal.removeprefix("User:"),
        operation=binding.operation.name,
        resource=binding.restype.name,
        name=binding.name,
        pattern=binding.resource_pattern_type.name,
        permission=binding.permission_type.name,
        host=binding.host,
    )


async def _answer(future: Future[Any]) -> Any:
    return await asyncio.wrap_future(future)


async def _all(doing: str, answers: Mapping[str, Future[Any]]) -> None:
    """Wait for every answer, then raise the first error if there is one."""
    outcomes = await asyncio.gather(*map(asyncio.wrap_future, answers.values()), return_exceptions=True)
    for subject, outcome in zip(answers, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            with _mapped(f"{doing} {subject}"):
                raise outcome


@contextmanager
def _mapped(doing: str) -> Iterator[None]:
    try:
        yield
    except confluent_kafka.KafkaException as exception:
        codes, error = confluent_kafka.KafkaError, exception.args[0]
        code, said = error.code(), error.str()
        if code in (codes._AUTHENTICATION, codes.SASL_AUTHENTICATION_FAILED):
            raise AuthenticationFailed(f"{doing}: check the administrator's user and password ({said})") from exception
        if code in (codes.CLUSTER_AUTHORIZATION_FAILED, codes.TOPIC_AUTHORIZATION_FAILED):
            raise NotAllowed(f"{doing}: this user is no administrator of the cluster ({said})") from exception
        if error.retriable() or code in (codes._TRANSPORT, codes._TIMED_OUT, codes._ALL_BROKERS_DOWN):
            raise BusUnavailable(f"{doing}: the bus does not answer; try again later ({said})") from exception
        raise BusError(f"{doing}: the broker refuses: {said}") from exception
