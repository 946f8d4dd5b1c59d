"""Somebody has nordtel's password, and nothing else: what of another's they can change is nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bus.envelope import outgoing
from bus.errors import AuthenticationFailed, NotAllowed
from bus.messages import Message
from bus.provision.administration import Administration
from bus.provision.rules import Right, user_name
from bus.topics import Kind
from bus.transport import Outgoing
from bus.transport.kafka import KafkaTransport
from consumers.authority import RefusalCode
from consumers.fold import Fold
from consumers.reading import fold_log
from tests.conftest import ProvisionedGroup
from tests.group import incident, link, status
from tests.hubs import write


async def topics(group: ProvisionedGroup) -> list[str]:
    """Every topic of the realm."""
    partitions = await KafkaTransport(group.admin).partitions()
    return sorted(partition.topic for partition in partitions if partition.topic.startswith(f"{group.realm}."))


def picture(fold: Fold, actor: str) -> dict[str, object]:
    """All that an actor has said, as the picture holds it."""
    found = {}
    for ref in (f"incident/{actor}/I-1", f"status/{actor}/status"):
        entity = fold.state.entity(ref)
        assert entity is not None, ref
        found[ref] = entity.winner.message
    return found


async def test_the_broker_lets_it_write_to_its_own_topics_alone(group: ProvisionedGroup) -> None:
    own = {group.realm.input(kind, "nordtel") for kind in Kind}
    others = [topic for topic in await topics(group) if topic not in own]
    assert {group.realm.view, group.realm.actors, group.realm.quarantine} < set(others)
    assert {group.realm.input(Kind.DECISION, "samordning"), group.realm.input(Kind.INCIDENT, "sveamobil")} < set(others)
    for topic in others:
        async with KafkaTransport(group.settings("nordtel")).writer() as writer:
            with pytest.raises(NotAllowed):
                await writer.send([Outgoing(topic, b"sveamobil/I-1", b"value")])


async def test_the_broker_lets_it_change_no_right_no_user_and_no_feed(group: ProvisionedGroup) -> None:
    thief = Administration(group.settings("nordtel"))
    user = user_name(group.realm, "nordtel")
    with pytest.raises(NotAllowed):
        await thief.grant([Right(user, "WRITE", "TOPIC", group.realm.input(Kind.INCIDENT, "sveamobil"))])
    with pytest.raises(NotAllowed):
        await thief.delete_users([user_name(group.realm, "sveamobil")])
    for reading in (thief.users, thief.rights):
        with pytest.raises(NotAllowed, match="no administrator"):
            await reading()
    with pytest.raises(NotAllowed):
        async with KafkaTransport(group.settings("nordtel")).transaction(group.realm.leader):
            pass
    other = group.settings("nordtel").model_copy(update={"user": user_name(group.realm, "sveamobil")})
    with pytest.raises(AuthenticationFailed):
        async with KafkaTransport(other).writer() as writer:
            await writer.send([Outgoing(group.realm.input(Kind.INCIDENT, "sveamobil"), b"sveamobil/I-1", b"value")])


async def test_what_it_says_in_anothers_name_is_held_and_changes_nothing(group: ProvisionedGroup) -> None:
    await write(group.settings("nordtel"), [incident(), status()])
    await write(group.settings("sveamobil"), [incident(actor="sveamobil"), status(actor="sveamobil")])
    before = await fold_log(group.settings("hub"))

    def forged(message: Message, kind: Kind = Kind.INCIDENT, key: bytes | None = None) -> Outgoing:
        made = outgoing(group.realm, message, datetime.now(UTC))
        return replace(made, topic=group.realm.input(kind, "nordtel"), key=key or made.key)

    records = [
        forged(incident(actor="sveamobil", revision=2, title="Allt fungerar")),
        forged(incident(actor="sveamobil", revision=2, state="RETRACTED"), key=b"nordtel/I-1"),
        forged(incident(actor="nordtel", revision=2), key=b"sveamobil/I-1"),
        forged(incident(id="I-3", on_behalf_of="sveamobil")),
        forged(link(actor="samordning")),
        forged(status(actor="sveamobil", revision=2), Kind.STATUS),
    ]
    async with KafkaTransport(group.settings("nordtel")).writer() as writer:
        await writer.send(records)

    after = await fold_log(group.settings("hub"))
    assert [held.refusal.code for _, held in sorted(after.quarantine.held.items())] == [
        RefusalCode.WRONG_OWNER,
        RefusalCode.WRONG_OWNER,
        RefusalCode.WRONG_KEY,
        RefusalCode.MAY_NOT_SPEAK_FOR,
        RefusalCode.WRONG_SCHEMA,
        RefusalCode.WRONG_OWNER,
    ]
    assert after.state.digest == before.state.digest


async def test_what_it_says_in_its_own_name_changes_nobody_elses_report(group: ProvisionedGroup) -> None:
    """A thief can speak as nordtel, until the password is rotated; of the others' reports each stays what it was."""
    await write(group.settings("nordtel"), [incident(), status()])
    await write(group.settings("sveamobil"), [incident(actor="sveamobil"), status(actor="sveamobil")])
    before = await fold_log(group.settings("hub"))
    other = "incident/sveamobil/I-1"
    await write(
        group.settings("nordtel"),
        [incident(revision=2, state="RETRACTED"), incident(id="I-2", duplicate_of=other, related_to=[other])],
    )
    after = await fold_log(group.settings("hub"))
    assert after.state.digest != before.state.digest
    assert picture(after, "sveamobil") == picture(before, "sveamobil")
