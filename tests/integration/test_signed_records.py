"""Signed records on real Kafka: what an administrator's rights are worth against a key that the actor alone has."""

from __future__ import annotations

from pathlib import Path

from bus.broker import Running
from bus.signing import new_key
from bus.topics import Realm
from bus.transport.kafka import KafkaTransport
from consumers.authority import RefusalCode
from consumers.reading import fold_log
from producers.publisher import Publisher
from tests.conftest import ACTORS, provision_group
from tests.group import incident, record


async def test_what_an_administrator_forges_is_quarantined(broker: Running, realm: Realm, tmp_path: Path) -> None:
    public = new_key(tmp_path / "nordtel.key")
    signs = f'[actors.nordtel]\nsignatures = "REQUIRE"\npublic_keys = ["{public}"]'
    group = await provision_group(broker, realm, tmp_path / "credentials", ACTORS.replace("[actors.nordtel]", signs))
    own = group.settings("nordtel").model_copy(update={"signing_key": tmp_path / "nordtel.key"})
    async with Publisher(own) as publisher:
        await publisher.publish(incident())

    forged = record(realm, incident(revision=2, title="Allt fungerar"))
    async with KafkaTransport(group.admin).writer() as writer:
        await writer.send([forged])
    async with Publisher(group.settings("nordtel")) as publisher:  # the password alone, stolen
        await publisher.publish(incident(id="I-2"))

    fold = await fold_log(group.settings("hub"))
    assert [held.refusal.code for held in fold.quarantine.held.values()] == [RefusalCode.UNSIGNED] * 2
    entity = fold.state.entity("incident/nordtel/I-1")
    assert entity is not None
    assert entity.winner.message.revision == 1
    assert fold.state.entity("incident/nordtel/I-2") is None
