"""The Publisher on real Kafka, as the users that provisioning made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from bus.broker import Running
from bus.codec import Codec
from bus.errors import AuthenticationFailed, BusUnavailable, NotAllowed, TooLarge, UnknownTopic
from bus.messages import Incident, Link
from bus.settings import Settings
from bus.topics import Kind, Realm, TopicPartition
from bus.transport.kafka import KafkaTransport
from bus.vocabulary import LinkRelation, MessageStatus
from producers.publisher import Publisher
from tests.group import incident

if TYPE_CHECKING:
    from tests.conftest import OwnBroker, ProvisionedGroup


async def stored_revisions(settings: Settings, topic: str) -> list[int]:
    """The revisions on a topic, in the order of the log, duplicates included."""
    partition = TopicPartition(topic, 0)
    codec = Codec()
    found: list[int] = []
    async with KafkaTransport(settings).reader({partition: 0}) as reader:
        end = (await reader.end_offsets())[partition]
        while reader.positions()[partition] < end:
            found += [codec.decode(r.value or b"", Incident)[0].revision for r in await reader.read(timeout=1)]
    return found


async def test_receipts_are_places_in_the_log(group: ProvisionedGroup) -> None:
    async with Publisher(group.settings("nordtel")) as publisher:
        receipts = await publisher.publish_many(incident(revision=n) for n in range(1, 2_501))
        last = await publisher.publish(incident(revision=2_501))
    topic = group.realm.input(Kind.INCIDENT, "nordtel")
    assert [receipt.offset for receipt in receipts] == list(range(2_500))
    assert (last.topic, last.partition, last.offset) == (topic, 0, 2_500)
    assert await stored_revisions(group.admin, topic) == list(range(1, 2_502))


async def test_the_broker_refuses_what_the_role_may_not_say(group: ProvisionedGroup) -> None:
    link = Link(
        actor="nordtel",
        id="L-1",
        revision=1,
        status=MessageStatus.ACTUAL,
        observed_at=datetime(2026, 1, 10, 6, tzinfo=UTC),
        relation=LinkRelation.MUST_LINK,
        a="incident/nordtel/I-1",
        b="incident/sveamobil/I-1",
    )
    async with Publisher(group.settings("nordtel")) as publisher:
        with pytest.raises(NotAllowed, match=r"link\.v1\.nordtel"):
            await publisher.publish(link)
        assert (await publisher.publish(incident())).offset == 0


async def test_a_wrong_password_says_so_at_once(group: ProvisionedGroup) -> None:
    wrong = group.settings("nordtel").model_copy(update={"password": SecretStr("wrong")})
    with pytest.raises(AuthenticationFailed, match="user and password"):
        async with Publisher(wrong):
            pytest.fail("let in")


async def test_a_realm_that_is_not_there_says_provision_first(group: ProvisionedGroup) -> None:
    elsewhere = group.admin.model_copy(update={"realm": "nowhere", "user": "admin"})
    async with Publisher(elsewhere) as publisher:
        with pytest.raises(UnknownTopic, match="provision"):
            await publisher.publish(incident(actor="admin"))


async def test_too_large_says_so_and_hurts_nobody_else(group: ProvisionedGroup) -> None:
    large = incident(id="I-2", infrastructure_ids=tuple("x" * 1_000 for _ in range(1_200)))
    async with Publisher(group.settings("nordtel")) as publisher:
        outcomes = await asyncio.gather(publisher.publish(incident()), publisher.publish(large), return_exceptions=True)
        assert isinstance(outcomes[1], TooLarge)
        assert not isinstance(outcomes[0], BaseException)


async def test_no_broker_is_a_clear_error_that_names_the_message() -> None:
    nowhere = Settings(bootstrap="127.0.0.1:1", user="ntsg.nordtel", password=SecretStr("x"))
    async with Publisher(nowhere, give_up_after=0.5) as publisher:
        with pytest.raises(BusUnavailable, match=r"not stored: incident/nordtel/I-1@1"):
            await publisher.publish(incident())


async def test_a_broker_killed_in_the_middle_loses_nothing(
    own_broker: Callable[..., OwnBroker],
    provisioned: Callable[[Running, Realm], Awaitable[ProvisionedGroup]],
    realm: Realm,
) -> None:
    broker = own_broker()
    group = await provisioned(broker.start(), realm)
    total, kill_at = 3_000, 1_000
    acknowledged: list[int] = []
    half_way = asyncio.Event()

    async def publish_all(publisher: Publisher) -> None:
        for start in range(1, total, 20):
            receipts = await asyncio.gather(
                *(publisher.publish(incident(revision=n)) for n in range(start, start + 20))
            )
            acknowledged.extend(receipt.revision for receipt in receipts)
            if len(acknowledged) >= kill_at:
                half_way.set()

    async def hurt() -> None:
        await half_way.wait()
        broker.kill()
        await asyncio.to_thread(broker.start)

    async with Publisher(group.settings("nordtel")) as publisher:
        await asyncio.gather(publish_all(publisher), hurt())
    found = await stored_revisions(group.admin, realm.input(Kind.INCIDENT, "nordtel"))
    assert acknowledged == list(range(1, total + 1))
    assert list(dict.fromkeys(found)) == acknowledged
