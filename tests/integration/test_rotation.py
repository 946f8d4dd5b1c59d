"""New secrets in place of old ones, and the end of an actor, on a real broker, while reports go out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bus import provision
from bus.broker import Running
from bus.credentials import Credentials
from bus.errors import AuthenticationFailed, BusError
from bus.provision.actions import EndPassword
from bus.provision.administration import Administration
from bus.registry import read_group
from bus.settings import Settings
from bus.signing import Signer, new_key
from bus.topics import Realm
from bus.transport.connection import Connection
from bus.transport.kafka import KafkaTransport
from bus.vocabulary import SituationState
from consumers.authority import RefusalCode
from consumers.reading import fold_log
from producers.outbox import DurablePublisher
from producers.publisher import Publisher
from tests.conftest import ACTORS, ProvisionedGroup, provision_group, quiet
from tests.group import incident, record
from tests.hubs import until
from tests.outboxes import Receipt, nothing_is_lost
from tests.speaking import Speaking, speaking, told

WEEK = timedelta(days=7)


def now() -> datetime:
    return datetime.now(UTC)


async def may_log_in(settings: Settings) -> bool:
    try:
        await Connection.of(settings).diagnose()
    except AuthenticationFailed:
        return False
    return True


async def is_locked_out(settings: Settings) -> bool:
    return not await may_log_in(settings)


async def planned(group: ProvisionedGroup, at: datetime) -> provision.Plan:
    return await provision.plan(group.members, group.admin, group.credentials, now=at, quotas=False)


async def test_a_new_password_while_reports_go_out(group: ProvisionedGroup, tmp_path: Path) -> None:
    """Twice, so that each of the two places of a password is left once."""
    first, outbox = group.settings("nordtel"), tmp_path / "outbox"
    async with DurablePublisher(first, outbox) as durable, Publisher(first) as direct:
        kept, sent = Speaking("I-kept", durable), Speaking("I-sent", direct)
        async with speaking(kept, sent) as go_on:
            for _ in range(2):
                old = group.settings("nordtel")
                with told("credentials_renewed") as often_enough:
                    moment = now()
                    await provision.rotate("nordtel", group.admin, group.credentials, now=moment, overlap=WEEK)
                    await often_enough(2)
                new = group.settings("nordtel")
                assert (new.secret(), new.sasl_mechanism) != (old.secret(), old.sasl_mechanism)
                await go_on("reports go out with the new password")
                assert await may_log_in(old)

                assert not await planned(group, moment + WEEK - timedelta(seconds=1))
                plan = await planned(group, moment + WEEK)
                assert [type(action) for action in plan.actions] == [EndPassword]
                await provision.carry_out(plan, group.admin, report=quiet)
                await until(lambda old=old: is_locked_out(old), "the old password opens nothing any more")
                assert await may_log_in(new)
                assert not await planned(group, moment + WEEK)
                await go_on("reports go out without the old one")
        assert await durable.drained(60), durable.problem
    async with Publisher(first) as late:  # settings from before both changes, and connections that are new
        await late.publish(incident(id="I-late"))
    await nothing_is_lost(group, outbox, [Receipt(e.ref, e.revision, e.number) for e in kept.receipts])
    fold = await fold_log(group.settings("hub"))
    entity = fold.state.entity("incident/nordtel/I-sent")
    assert entity is not None
    assert entity.winner.message.revision >= len(sent.receipts)
    assert len(fold.quarantine.held) == 0


async def test_a_file_that_cannot_be_used_is_told_and_the_reports_go_on(group: ProvisionedGroup) -> None:
    file = provision.credentials_file(group.credentials, group.realm, "nordtel")
    whole = file.read_text()
    async with Publisher(group.settings("nordtel")) as publisher, speaking(Speaking("I-1", publisher)) as go_on:
        for unusable in ('password = "cut sho', whole.replace("nordtel", "sveamobil")):
            with told("credentials_unusable") as often_enough:
                file.write_text(unusable)
                await often_enough(1)
            await go_on("reports go out with what was there before")


async def test_without_an_overlap_the_old_password_ends_at_once(group: ProvisionedGroup) -> None:
    old = group.settings("nordtel")
    await provision.rotate("nordtel", group.admin, group.credentials, now=now(), overlap=WEEK)
    second = group.settings("nordtel")
    await provision.rotate("nordtel", group.admin, group.credentials, now=now())
    for gone in (old, second):
        await until(lambda gone=gone: is_locked_out(gone), "both old passwords open nothing")
    assert await may_log_in(group.settings("nordtel"))
    held = await Administration(group.admin).users()
    assert held[second.user or ""] == {group.settings("nordtel").sasl_mechanism}


async def test_who_leaves_in_an_overlap_leaves_no_password_behind(group: ProvisionedGroup) -> None:
    old = group.settings("nordtel")
    await provision.rotate("nordtel", group.admin, group.credentials, now=now(), overlap=WEEK)
    new, moment = group.settings("nordtel"), now()
    plan = await provision.plan_end("nordtel", group.admin, group.credentials, at=moment, now=moment)
    await provision.carry_out(plan, group.admin, report=quiet)
    for gone in (old, new):
        await until(lambda gone=gone: is_locked_out(gone), "neither password opens anything")
    assert new.user not in await Administration(group.admin).users()


async def test_two_passwords_of_which_no_file_tells_are_noticed(group: ProvisionedGroup) -> None:
    await provision.rotate("nordtel", group.admin, group.credentials, now=now(), overlap=WEEK)
    file = provision.credentials_file(group.credentials, group.realm, "nordtel")
    replace(Credentials.read(file), previous_until=None).write(file)
    plan = await planned(group, now())
    assert not plan
    assert "--overlap 0m" in plan.notices[0]


async def test_a_new_signing_key_while_reports_go_out(broker: Running, realm: Realm, tmp_path: Path) -> None:
    key, following = tmp_path / "nordtel.key", tmp_path / "following.key"
    before, after = new_key(key), new_key(following)

    def actors(*keys: str) -> str:
        listed = ", ".join(f'"{each}"' for each in keys)
        signs = f'[actors.nordtel]\nsignatures = "REQUIRE"\npublic_keys = [{listed}]'
        return ACTORS.replace("[actors.nordtel]", signs)

    group = await provision_group(broker, realm, tmp_path / "credentials", actors(str(before)))

    async def entered(*keys: str) -> None:
        members = provision.Group(*read_group(actors(*keys)))
        plan = await provision.plan(members, group.admin, group.credentials, now=now(), quotas=False)
        await provision.carry_out(plan, group.admin, report=quiet)

    own = group.settings("nordtel").model_copy(update={"signing_key": key})
    old = Signer.read(key)
    async with Publisher(own) as publisher:
        speaker = Speaking("I-1", publisher)
        async with speaking(speaker) as go_on:
            await entered(str(before), str(after))
            with told("signing_key_renewed") as often_enough:
                following.replace(key)
                await often_enough(1)
            await go_on("reports go out with the new key")
            await entered(str(replace(before, valid_until=now())), str(after))
            await go_on("the old key speaks no more")
    async with KafkaTransport(group.admin).writer() as writer:
        await writer.send([old.sign(record(realm, incident(id="I-2")))])

    fold = await fold_log(group.settings("hub"))
    assert [held.refusal.code for held in fold.quarantine.held.values()] == [RefusalCode.BAD_SIGNATURE]
    entity = fold.state.entity("incident/nordtel/I-1")
    assert entity is not None
    assert entity.winner.message.revision >= len(speaker.receipts)
    assert fold.state.entity("incident/nordtel/I-2") is None


async def test_who_leaves_can_do_no_more_and_what_it_said_stays(group: ProvisionedGroup) -> None:
    own = group.settings("nordtel")
    async with Publisher(own) as publisher:
        await publisher.publish(incident())
        published = now()

        async def later() -> bool:  # the end falls into another millisecond than the report
            return now() - published > timedelta(milliseconds=2)

        await until(later, "time goes on")
        moment = now()
        plan = await provision.plan_end("nordtel", group.admin, group.credentials, at=moment, now=moment)
        await provision.carry_out(plan, group.admin, report=quiet)
        with pytest.raises(BusError):  # on the connection that it has
            await publisher.publish(incident(revision=2))
    assert not await may_log_in(own)
    async with KafkaTransport(group.admin).writer() as writer:
        await writer.send([record(group.realm, incident(revision=3))])

    fold = await fold_log(group.settings("hub"))
    view = fold.state.view(now(), fold.inputs, True)
    [actor] = [actor for actor in view.actors if actor.actor == "nordtel"]
    assert actor.ended_at is not None
    assert abs(actor.ended_at - moment) < timedelta(milliseconds=1)
    [situation] = view.situations
    assert (situation.members, situation.state) == (("incident/nordtel/I-1",), SituationState.ONGOING)
    assert [held.refusal.code for held in fold.quarantine.held.values()] == [RefusalCode.UNKNOWN_ACTOR]
