"""Provisioning on a real broker: who may do what is what the broker enforces; a second run changes nothing."""

from __future__ import annotations

import stat
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bus import provision
from bus.broker import Running
from bus.credentials import Credentials
from bus.errors import AuthenticationFailed, BusError, BusUnavailable, InvalidInput, NotAllowed
from bus.provision.actions import CreateUser, RepairTopic
from bus.provision.administration import Administration
from bus.provision.entries import bundled_schemas, logged_entries, logged_schemas
from bus.provision.quotas import read_quotas
from bus.provision.rules import Right, user_name
from bus.registry import Actor, Registry
from bus.settings import Settings
from bus.topics import Kind, Realm, TopicPartition
from bus.transport import Outgoing
from bus.transport.connection import Connection
from bus.transport.kafka import KafkaTransport
from tests.hubs import until


def silent(_: str) -> None:
    """Reports that no test looks at."""


def now() -> datetime:
    return datetime.now(UTC)


async def planned(group: Any, **options: Any) -> provision.Plan:
    return await provision.plan(
        group.members, group.admin, group.credentials, now=now(), **{"quotas": False, **options}
    )


async def write(settings: Settings, topic: str) -> None:
    async with KafkaTransport(settings).writer() as writer:
        await writer.send([Outgoing(topic, b"nordtel/I-1", b"value")])


async def read(settings: Settings, topic: str) -> int:
    """How many records the user finds."""
    partition = TopicPartition(topic, 0)
    found = 0
    async with KafkaTransport(settings).reader({partition: 0}) as reader:
        end = (await reader.end_offsets())[partition]
        while reader.positions()[partition] < end:
            found += len(await reader.read(timeout=1.0))
    return found


async def log_in(settings: Settings) -> None:
    await Connection.of(settings).diagnose()


class TestEnforcement:
    async def test_an_actor_writes_and_reads_its_own_topics(self, group: Any) -> None:
        topic = group.realm.input(Kind.INCIDENT, "nordtel")
        await write(group.settings("nordtel"), topic)
        for slug in ("nordtel", "hub", "room", "samordning"):
            assert await read(group.settings(slug), topic) == 1

    @pytest.mark.parametrize("slug", ["sveamobil", "samordning", "hub", "room", "integrator"])
    async def test_nobody_writes_to_another_actors_topic(self, group: Any, slug: str) -> None:
        with pytest.raises(NotAllowed):
            await write(group.settings(slug), group.realm.input(Kind.INCIDENT, "nordtel"))

    @pytest.mark.parametrize("slug", ["sveamobil", "integrator"])
    async def test_no_peer_reads_anothers_input(self, group: Any, slug: str) -> None:
        with pytest.raises(NotAllowed):
            await read(group.settings(slug), group.realm.input(Kind.INCIDENT, "nordtel"))

    async def test_a_peer_reads_its_projection_registry_and_schemas_and_not_the_whole_view(self, group: Any) -> None:
        settings = group.settings("integrator")
        for topic in (group.realm.view_peer, group.realm.actors, group.realm.schemas):
            await read(settings, topic)
        for topic in (group.realm.view, group.realm.view_authority, group.realm.quarantine):
            with pytest.raises(NotAllowed):
                await read(settings, topic)

    async def test_only_the_hub_leads(self, group: Any) -> None:
        async with KafkaTransport(group.settings("hub")).transaction(group.realm.leader) as transaction:
            await transaction.send([Outgoing(group.realm.view, b"summary", b"value")])
        with pytest.raises(NotAllowed):
            async with KafkaTransport(group.settings("room")).transaction(group.realm.leader):
                pass

    async def test_the_exercise_opens_nothing_in_the_real_picture(self, group: Any, exercise_group: Any) -> None:
        exercise = exercise_group.settings("nordtel")
        await write(exercise, exercise_group.realm.input(Kind.INCIDENT, "nordtel"))
        with pytest.raises(NotAllowed):
            await write(exercise, group.realm.input(Kind.INCIDENT, "nordtel"))
        with pytest.raises(NotAllowed):
            await read(exercise_group.settings("hub"), group.realm.input(Kind.INCIDENT, "nordtel"))
        imposter = exercise.model_copy(update={"user": group.settings("nordtel").user})
        with pytest.raises(AuthenticationFailed):
            await log_in(imposter)


class TestRepeating:
    async def test_a_second_run_changes_nothing(self, group: Any) -> None:
        plan = await planned(group)
        assert (plan.actions, plan.notices) == ((), ())

    async def test_a_plan_alone_changes_nothing(
        self, broker: Running, realm: Realm, tmp_path: Path, group: Any
    ) -> None:
        admin = broker.settings(f"{realm}-unmade")
        plan = await provision.plan(group.members, admin, tmp_path / "c", now=now())
        assert plan
        assert "no change" not in plan.text
        assert not (tmp_path / "c").exists()
        assert not [u for u in await Administration(admin).users() if u.startswith(f"{realm}-unmade.")]

    async def test_a_drifted_topic_is_repaired(self, group: Any) -> None:
        topic = group.realm.input(Kind.INCIDENT, "nordtel")
        drift = RepairTopic(topic, {"retention.ms": ("-1", "1000"), "cleanup.policy": ("delete", "compact")})
        await Administration(group.admin).repair_topics([drift])
        plan = await planned(group)
        assert plan.actions == (
            RepairTopic(topic, {"retention.ms": ("1000", "-1"), "cleanup.policy": ("compact", "delete")}),
        )
        await provision.carry_out(plan, group.admin, report=silent)
        assert not await planned(group)

    async def test_a_right_that_no_rule_gives_is_taken_back_and_a_missing_one_given(self, group: Any) -> None:
        bus = Administration(group.admin)
        user = user_name(group.realm, "nordtel")
        stray = Right(user, "WRITE", "TOPIC", group.realm.input(Kind.INCIDENT, "sveamobil"))
        own = Right(user, "WRITE", "TOPIC", group.realm.input(Kind.INCIDENT, "nordtel"))
        await bus.grant([stray])
        await bus.revoke([own])

        async def held(right: Right, other: Right) -> bool:  # a broker may tell of a change a moment later
            rights = await bus.rights()
            return right in rights and other not in rights

        await until(lambda: held(stray, own), "the rights are disturbed")
        await provision.carry_out(await planned(group), group.admin, report=silent)
        await until(lambda: held(own, stray), "the rights are as they were")

    async def test_a_prohibition_stays_and_is_told(self, group: Any) -> None:
        bus = Administration(group.admin)
        topic = group.realm.input(Kind.INCIDENT, "nordtel")
        await bus.grant([Right(user_name(group.realm, "nordtel"), "WRITE", "TOPIC", topic, permission="DENY")])
        plan = await planned(group)
        assert not plan
        assert "prohibition that stays: DENY WRITE" in plan.notices[0]
        with pytest.raises(NotAllowed):
            await write(group.settings("nordtel"), topic)

    async def test_a_run_that_was_cut_short_is_finished_by_the_next(self, group: Any) -> None:
        await Administration(group.admin).delete_users([user_name(group.realm, "nordtel")])
        password = group.settings("nordtel").secret()
        plan = await planned(group)
        assert [type(action) for action in plan.actions] == [CreateUser]
        await provision.carry_out(plan, group.admin, report=silent)
        assert group.settings("nordtel").secret() == password
        await log_in(group.settings("nordtel"))

    async def test_a_new_address_of_the_bus_is_told_to_the_members(self, group: Any) -> None:
        plan = await planned(group, bootstrap="bus.example:9092")
        assert len(plan.actions) == len(group.members.entries)
        await provision.carry_out(plan, group.admin, report=silent)
        assert group.settings("nordtel").bootstrap == "bus.example:9092"
        assert not await planned(group, bootstrap="bus.example:9092")


class TestPasswords:
    def test_each_lies_in_a_private_file_of_its_own(self, group: Any) -> None:
        files = sorted((group.credentials / str(group.realm)).iterdir())
        assert [file.stem for file in files] == sorted(entry.slug for entry in group.members.entries)
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        passwords = {Credentials.read(file).password for file in files}
        assert len(passwords) == len(files)

    async def test_none_is_told(self, broker: Running, realm: Realm, tmp_path: Path, group: Any) -> None:
        admin = broker.settings(f"{realm}-told")
        said: list[str] = []
        plan = await provision.plan(group.members, admin, tmp_path / "c", now=now())
        await provision.carry_out(plan, admin, report=said.append)
        text = f"{plan.text} {plan!r} {said}"
        files = list((tmp_path / "c").rglob("*.toml"))
        assert files
        assert not [file for file in files if Credentials.read(file).password in text]

    async def test_rotating_makes_the_old_one_useless(self, group: Any) -> None:
        old = group.settings("nordtel")
        file = await provision.rotate("nordtel", group.admin, group.credentials, now=now())
        assert file == provision.credentials_file(group.credentials, group.realm, "nordtel")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        new = group.settings("nordtel")
        assert new.secret() != old.secret()
        await log_in(new)
        with pytest.raises(AuthenticationFailed):
            await log_in(old)
        assert not await planned(group)

    async def test_rotating_a_stranger_is_refused(self, group: Any) -> None:
        with pytest.raises(InvalidInput, match="no user"):
            await provision.rotate("nobody", group.admin, group.credentials, now=now())
        assert not provision.credentials_file(group.credentials, group.realm, "nobody").exists()

    async def test_a_lost_file_is_told_and_never_replaced_in_silence(self, group: Any) -> None:
        file = provision.credentials_file(group.credentials, group.realm, "nordtel")
        file.unlink()
        plan = await planned(group)
        assert not plan
        assert "rotate nordtel" in plan.notices[0]
        await provision.rotate("nordtel", group.admin, group.credentials, now=now())
        await log_in(group.settings("nordtel"))
        assert (await planned(group)).notices == ()

    async def test_anothers_file_is_told(self, group: Any) -> None:
        file = provision.credentials_file(group.credentials, group.realm, "nordtel")
        replace(Credentials.read(file), user="somebody").write(file)
        assert "is of user somebody" in (await planned(group)).notices[0]


class TestRegistry:
    async def test_the_log_says_what_the_file_says(self, group: Any) -> None:
        transport = KafkaTransport(group.settings("integrator"))
        assert sorted(await logged_entries(transport, group.realm), key=lambda entry: entry.slug) == sorted(
            group.members.entries, key=lambda entry: entry.slug
        )
        assert len(await logged_schemas(transport, group.realm)) == len(bundled_schemas())

    async def test_taking_an_actor_out_ends_it_and_keeps_its_topics(self, group: Any) -> None:
        topic = group.realm.input(Kind.INCIDENT, "nordtel")
        await write(group.settings("nordtel"), topic)
        settings = group.settings("nordtel")
        rest = tuple(actor for actor in group.members.actors if actor.slug != "nordtel")
        moment = now()
        plan = await provision.plan(
            replace(group.members, actors=rest), group.admin, group.credentials, now=moment, quotas=False
        )
        await provision.carry_out(plan, group.admin, report=silent)

        logged = await logged_entries(KafkaTransport(group.admin), group.realm)
        registry = Registry.of(entry for entry in logged if isinstance(entry, Actor))
        assert registry.at("nordtel", moment + timedelta(seconds=1)) is None
        assert registry.at("nordtel", moment - timedelta(seconds=1)) is not None
        with pytest.raises(AuthenticationFailed):
            await log_in(settings)
        user = user_name(group.realm, "nordtel")
        assert not [right for right in await Administration(group.admin).rights() if right.user == user]
        assert not provision.credentials_file(group.credentials, group.realm, "nordtel").exists()
        assert await read(group.settings("hub"), topic) == 1
        again = replace(group.members, actors=rest)
        assert not await provision.plan(again, group.admin, group.credentials, now=now(), quotas=False)

    @pytest.mark.parametrize("slug", ["nordtel", "integrator"])
    async def test_ending_takes_validity_password_and_rights(self, group: Any, slug: str) -> None:
        settings, moment = group.settings(slug), now()
        plan = await provision.plan_end(slug, group.admin, group.credentials, at=moment, now=moment)
        await provision.carry_out(plan, group.admin, report=silent)
        with pytest.raises(AuthenticationFailed):
            await log_in(settings)
        latest = {entry.slug: entry for entry in await logged_entries(KafkaTransport(group.admin), group.realm)}
        until = latest[slug].valid_until
        assert until is not None
        assert moment - timedelta(milliseconds=1) < until <= moment
        assert not await provision.plan_end(slug, group.admin, group.credentials, at=now(), now=now())

    async def test_an_open_connection_loses_its_rights_at_once(self, group: Any) -> None:
        topic = group.realm.input(Kind.INCIDENT, "nordtel")
        async with KafkaTransport(group.settings("nordtel")).writer() as writer:
            await writer.send([Outgoing(topic, b"nordtel/I-1", b"1")])
            moment = now()
            plan = await provision.plan_end("nordtel", group.admin, group.credentials, at=moment, now=moment)
            await provision.carry_out(plan, group.admin, report=silent)
            with pytest.raises(BusError):
                await writer.send([Outgoing(topic, b"nordtel/I-1", b"2")])
        assert await read(group.settings("hub"), topic) == 1

    async def test_ending_ahead_of_time_or_a_stranger_is_refused(self, group: Any) -> None:
        with pytest.raises(InvalidInput, match="valid_until of nordtel"):
            await provision.plan_end(
                "nordtel", group.admin, group.credentials, at=now() + timedelta(hours=1), now=now()
            )
        with pytest.raises(InvalidInput, match="no actor or reader 'nobody'"):
            await provision.plan_end("nobody", group.admin, group.credentials, at=now(), now=now())


async def test_quotas_are_set_once_and_lifted_with_their_user(group: Any) -> None:
    connection, user = Connection.of(group.admin), user_name(group.realm, "nordtel")
    await provision.carry_out(await planned(group, quotas=True), group.admin, report=silent)
    quotas = await read_quotas(connection)
    assert quotas[user] == {"producer_byte_rate": 2 * 1024**2, "consumer_byte_rate": 8 * 1024**2}
    assert user_name(group.realm, "hub") not in quotas
    assert not await planned(group, quotas=True)
    plan = await provision.plan_end("nordtel", group.admin, group.credentials, at=now(), now=now())
    await provision.carry_out(plan, group.admin, report=silent)
    assert user not in await read_quotas(connection)


class TestFaults:
    async def test_a_wrong_administrators_password(self, group: Any) -> None:
        wrong = group.settings("admin").model_copy(update={"user": "nobody"})
        with pytest.raises(AuthenticationFailed):
            await provision.plan(group.members, wrong, group.credentials, now=now())

    async def test_no_administrator(self, group: Any) -> None:
        with pytest.raises(NotAllowed):
            await provision.plan(group.members, group.settings("nordtel"), group.credentials, now=now())

    async def test_no_broker(self, group: Any) -> None:
        nowhere = group.admin.model_copy(update={"bootstrap": "127.0.0.1:1"})
        with pytest.raises(BusUnavailable):
            await provision.plan(group.members, nowhere, group.credentials, now=now())


async def test_three_nodes_get_three_copies(
    own_broker: Callable[..., Any], provisioned: Callable[..., Awaitable[Any]], realm: Realm
) -> None:
    running = own_broker(nodes=3).start()
    group = await provisioned(running, realm)
    topics = await Administration(group.admin).topics([realm.view, realm.input(Kind.INCIDENT, "nordtel")])
    assert {(t.replication_factor, t.config["min.insync.replicas"]) for t in topics.values()} == {(3, "2")}
    for address in running.bootstrap.split(","):
        await write(
            group.settings("nordtel").model_copy(update={"bootstrap": address}), realm.input(Kind.INCIDENT, "nordtel")
        )
    assert not await planned(group)
