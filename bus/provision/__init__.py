"""Provisioning: makes the bus what `actors.toml` says, and says beforehand what it will change.

What should be (`rules`) is compared with what is (`administration`, `entries`); the difference is a `Plan`. Once
it is carried out there is none: a second plan is empty. Nothing is ever deleted from a log; who leaves loses validity,
rights and password, and keeps the topics with all that was said.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from bus.broker import HOME_VARIABLE
from bus.broker.server import replication
from bus.credentials import Credentials, new_password
from bus.errors import InvalidInput, InvalidRegistry, InvalidSettings
from bus.instants import from_millis, to_millis
from bus.provision.actions import (
    Action,
    CreateTopic,
    CreateUser,
    DeleteUser,
    EndPassword,
    Grant,
    LogEntry,
    LogSchema,
    Plan,
    RepairTopic,
    Revoke,
    SetQuota,
    UpdateCredentials,
)
from bus.provision.administration import Administration, TopicState
from bus.provision.entries import (
    Entry,
    bundled_schemas,
    due_entries,
    ended,
    logged_entries,
    logged_schemas,
    records,
)
from bus.provision.rules import Member, Right, members, user_name, wanted_topics
from bus.registry import Actor, ReaderEntry, read_group
from bus.settings import MECHANISMS, Mechanism, Settings
from bus.topics import Realm
from bus.transport.kafka import KafkaTransport

__all__ = [
    "Group",
    "Plan",
    "carry_out",
    "credentials_file",
    "default_credentials",
    "plan",
    "plan_end",
    "read",
    "rotate",
]

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Group:
    """Who is to belong to the realm, as `actors.toml` says."""

    actors: tuple[Actor, ...] = ()
    readers: tuple[ReaderEntry, ...] = ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        return (*self.actors, *self.readers)


def read(file: Path) -> Group:
    """Raises InvalidRegistry, naming the file, the table and the field."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRegistry(f"{file}: cannot be read: {error}") from error
    return Group(*read_group(text, str(file)))


def default_credentials() -> Path:
    """`$NTSG_HOME/credentials`; without the variable, `~/.local/share/ntsg/credentials`."""
    return Path(os.environ.get(HOME_VARIABLE) or "~/.local/share/ntsg").expanduser() / "credentials"


def credentials_file(directory: Path, realm: Realm, slug: str) -> Path:
    """Where the configuration of one actor or reader lies: `<directory>/<realm>/<slug>.toml`."""
    return directory.expanduser().absolute() / str(realm) / f"{slug}.toml"


async def plan(
    group: Group,
    settings: Settings,
    credentials: Path,
    *,
    now: datetime,
    quotas: bool = True,
    bootstrap: str | None = None,
) -> Plan:
    """What has to change so that the realm of `settings` (the administrator's) is what the group says.

    `credentials` is the directory of the password files. `now` ends the validity of who is no longer in the group.
    `bootstrap` is the address that members are told, where it differs from the administrator's. Changes nothing.

    Raises BusError (AuthenticationFailed, NotAllowed, BusUnavailable), InvalidSettings, InvalidRegistry.
    """
    realm = Realm(settings.realm)
    now = from_millis(to_millis(now))
    bus = Administration(settings)
    await bus.check()
    topics = wanted_topics(realm, group.actors)
    brokers = await bus.brokers()
    present = await bus.topics(topics)
    users, rights = await bus.users(), await bus.rights()
    set_quotas = await bus.quotas() if quotas else {}
    transport = KafkaTransport(settings)
    logged = await logged_entries(transport, realm)
    fingerprints = await logged_schemas(transport, realm)

    wanted = members(realm, group.actors, group.readers, now)
    factor, in_sync = replication(brokers)
    topic_actions, topic_notices = _topics(topics, present, factor, in_sync)
    user_actions, user_notices = _users(realm, wanted, users, credentials, bootstrap or settings.bootstrap, now)
    right_actions, right_notices = _rights(realm, wanted, rights)
    actions: list[Action] = [*topic_actions, *user_actions, *right_actions]
    if quotas:
        actions += _quotas(realm, wanted, set_quotas)
    actions += [LogEntry(entry) for entry in due_entries(logged, group.entries, now)]
    actions += [schema for schema in bundled_schemas() if schema.fingerprint not in fingerprints]
    actions += _departures(realm, {member.user for member in wanted}, users, credentials)
    return Plan(realm, tuple(actions), (*topic_notices, *user_notices, *right_notices))


async def plan_end(slug: str, settings: Settings, credentials: Path, *, at: datetime, now: datetime) -> Plan:
    """What has to change so that an actor's or a reader's validity ends at an instant, and its password and rights now.

    Its topics stay. To keep it out, take it out of `actors.toml` too. Changes nothing.

    Raises InvalidInput when there is no such member or `at` lies in the future, and what `plan` raises.
    """
    realm = Realm(settings.realm)
    at, now = from_millis(to_millis(at)), from_millis(to_millis(now))
    if at > now:
        raise InvalidInput(f"{at.isoformat()} lies ahead: set valid_until of {slug} in actors.toml, and provision then")
    bus = Administration(settings)
    await bus.check()
    user = user_name(realm, slug)
    users, rights = await bus.users(), await bus.rights()
    latest = {(e.slug, e.valid_from): e for e in await logged_entries(KafkaTransport(settings), realm)}
    spans = [entry for entry in latest.values() if entry.slug == slug]
    if not spans and user not in users:
        raise InvalidInput(f"no actor or reader {slug!r} in realm {realm}; nothing was ended")
    actions: list[Action] = [LogEntry(entry) for entry in ended(spans, at)]
    held = tuple(sorted(right for right in rights if right.user == user and right.permission == "ALLOW"))
    if held:
        actions.append(Revoke(user, held))
    lifted = (await bus.quotas()).get(user, {})
    if lifted:
        actions.append(SetQuota(user, dict.fromkeys(lifted)))
    if user in users:
        actions.append(DeleteUser(user, credentials_file(credentials, realm, slug)))
    return Plan(realm, tuple(actions))


async def carry_out(plan: Plan, settings: Settings, *, report: Callable[[str], None]) -> None:
    """Do what the plan says, in an order that is safe to break off anywhere: the next plan holds the rest.

    Raises BusError, and InvalidSettings when a credentials file cannot be written.
    """
    if not plan:
        return
    bus = Administration(settings)
    create, repair = _of(CreateTopic, plan), _of(RepairTopic, plan)
    if create or repair:
        report(f"topics: {len(create)} to create, {len(repair)} to repair")
        await bus.create_topics(create)
        await bus.repair_topics(repair)

    grants, revocations = _of(Grant, plan), _of(Revoke, plan)
    if grants or revocations:
        report(f"rights: for {len(grants)} users to grant, for {len(revocations)} to revoke")
        await bus.revoke([right for revoke in revocations for right in revoke.rights])
        await bus.grant([right for grant in grants for right in grant.rights])
    await bus.set_quotas([(quota.user, quota.limits) for quota in _of(SetQuota, plan)])

    for update in _of(UpdateCredentials, plan):
        Credentials.read(update.file).at(update.bootstrap).write(update.file)
    newcomers = _of(CreateUser, plan)
    if newcomers:
        report(f"users: {len(newcomers)} to create")
        # The file comes first: a password that the broker knows and nobody else would be lost.
        created = [_kept(new, plan.realm, settings) for new in newcomers]
        await bus.set_passwords(created)
        await bus.await_login(created[-1])

    written = records(plan.realm, [*_of(LogSchema, plan), *_of(LogEntry, plan)])
    if written:
        report(f"registry and schemas: {len(written)} records to log")
        async with KafkaTransport(settings).writer() as writer:
            await writer.send(written)

    await bus.end_passwords((ending.user, ending.mechanism) for ending in _of(EndPassword, plan))
    departures = _of(DeleteUser, plan)
    await bus.delete_users([departure.user for departure in departures])
    for departure in departures:
        departure.file.unlink(missing_ok=True)


async def rotate(
    slug: str,
    settings: Settings,
    credentials: Path,
    *,
    now: datetime,
    overlap: timedelta = timedelta(0),
    bootstrap: str | None = None,
) -> Path:
    """Give an actor or a reader of the realm a new password; returns the file that holds it.

    For the time of the `overlap` the old one opens, too: whoever has it changes over in between, and misses nothing.
    The first provisioning after that ends it. Without an overlap it opens nothing new from now on. (Connections that
    are open already live until they end.) A user has two passwords at most: rotating in an overlap ends the older one.

    Raises InvalidInput when there is no such user, or the brokers do not let a second password open; and BusError. Then
    the old password is still the right one.
    """
    realm = Realm(settings.realm)
    bus = Administration(settings)
    await bus.check()
    user = user_name(realm, slug)
    users = await bus.users()
    if user not in users:
        raise InvalidInput(f"no user {user!r} on the bus: check the name, or provision it first")
    file = credentials_file(credentials, realm, slug)
    held = _held(file)
    last = held.mechanism if held else min(users[user], key=MECHANISMS.index)
    fresh = replace(
        _fresh(user, realm, settings, bootstrap or settings.bootstrap),
        signing_key=held.signing_key if held else None,
        mechanism=_other(last) if overlap else last,
        previous_until=now + overlap if overlap else None,
    )
    if not await bus.offers(fresh.mechanism):
        raise InvalidInput(
            f"the brokers do not take {fresh.mechanism}, by which a second password could open beside the first: "
            "name it in their sasl.enabled.mechanisms, or rotate with --overlap 0m"
        )
    staged = file.with_suffix(".toml.next")
    # Written before the broker knows it and moved after: at each moment a right password is in one of the two files.
    fresh.write(staged)
    await bus.set_passwords([fresh])
    if overlap:  # the file has the old one, which opens, until every broker knows the new one
        await bus.await_login(fresh)
        staged.replace(file)
    else:
        staged.replace(file)
        await bus.end_passwords((user, mechanism) for mechanism in users[user] - {fresh.mechanism})
        await bus.await_login(fresh)
    return file


def _held(file: Path) -> Credentials | None:
    """What the file holds; None where it cannot be used."""
    try:
        return Credentials.read(file)
    except InvalidSettings:
        return None


def _other(mechanism: Mechanism) -> Mechanism:
    return next(each for each in MECHANISMS if each != mechanism)


def _topics(
    wanted: Mapping[str, Mapping[str, str]], present: Mapping[str, TopicState], factor: int, in_sync: int
) -> tuple[list[Action], list[str]]:
    actions: list[Action] = []
    notices: list[str] = []
    for name, rule in wanted.items():
        config = {**rule, "min.insync.replicas": str(in_sync)}
        state = present.get(name)
        if state is None:
            actions.append(CreateTopic(name, config, factor))
            continue
        drifted = {key: (state.config.get(key, ""), value) for key, value in config.items()}
        drifted = {key: (before, after) for key, (before, after) in drifted.items() if before != after}
        if drifted:
            actions.append(RepairTopic(name, drifted))
        if state.partitions != 1:
            notices.append(
                f"{name} has {state.partitions} partitions and must have 1: its order is lost; write to a new realm"
            )
        if state.replication_factor < factor:
            notices.append(
                f"{name} has {state.replication_factor} replica(s) where {factor} are possible: "
                "reassign with Kafka's kafka-reassign-partitions"
            )
    return actions, notices


def _users(
    realm: Realm,
    wanted: Iterable[Member],
    present: Mapping[str, frozenset[Mechanism]],
    directory: Path,
    bootstrap: str,
    now: datetime,
) -> tuple[list[Action], list[str]]:
    actions: list[Action] = []
    notices: list[str] = []
    for member in wanted:
        file = credentials_file(directory, realm, member.slug)
        try:
            held = Credentials.read(file)
        except InvalidSettings as error:
            held = None
            if member.user in present and not isinstance(error.__cause__, FileNotFoundError):
                notices.append(str(error))
                continue
        if held is not None and held.user != member.user:
            notices.append(f"{file} is of user {held.user}, not {member.user}: move it away, then rotate {member.slug}")
        elif member.user not in present:
            actions.append(CreateUser(member.user, file, bootstrap, held is not None))
        elif held is None:
            notices.append(f"user {member.user} exists, but {file} does not: restore it, or rotate {member.slug}")
        else:
            if held.bootstrap != bootstrap:
                actions.append(UpdateCredentials(member.user, file, bootstrap))
            others = present[member.user] - {held.mechanism}
            if others and held.previous_until is None:
                notices.append(
                    f"{member.user} has two passwords, and {file} does not say until when: "
                    f"`ntsg rotate {member.slug} --overlap 0m` leaves it a new one"
                )
            elif held.previous_until is not None and held.previous_until <= now:
                actions += [EndPassword(member.user, other, held.previous_until) for other in sorted(others)]
    return actions, notices


def _rights(realm: Realm, wanted: Iterable[Member], present: Iterable[Right]) -> tuple[list[Action], list[str]]:
    """Rights that are missing are granted, rights of the realm's users that no rule gives are revoked.

    A DENY is somebody's deliberate act, in haste perhaps; it stays, and is told.
    """
    due = {right for member in wanted for right in member.rights}
    held = {right for right in present if _is_of(realm, right.user)}
    denied = {right for right in held if right.permission != "ALLOW"}
    actions: list[Action] = [Grant(user, rights) for user, rights in _by_user(due - held)]
    actions += [Revoke(user, rights) for user, rights in _by_user(held - due - denied)]
    return actions, [f"{right.user} is under a prohibition that stays: {right.text}" for right in sorted(denied)]


def _quotas(realm: Realm, wanted: Iterable[Member], present: Mapping[str, Mapping[str, float]]) -> list[Action]:
    due = {member.user: member.quota.limits for member in wanted}
    actions: list[Action] = []
    for user in sorted(due.keys() | {user for user in present if _is_of(realm, user)}):
        limits, held = due.get(user, {}), present.get(user, {})
        changes: dict[str, float | None] = {name: rate for name, rate in limits.items() if held.get(name) != rate}
        changes |= dict.fromkeys(held.keys() - limits.keys())
        if changes:
            actions.append(SetQuota(user, changes))
    return actions


def _departures(realm: Realm, wanted: set[str], present: Iterable[str], directory: Path) -> list[Action]:
    gone = sorted(user for user in present if _is_of(realm, user) and user not in wanted)
    return [DeleteUser(user, credentials_file(directory, realm, user.partition(".")[2])) for user in gone]


def _is_of(realm: Realm, user: str) -> bool:
    return user.startswith(user_name(realm, ""))


def _by_user(rights: Iterable[Right]) -> list[tuple[str, tuple[Right, ...]]]:
    users: dict[str, list[Right]] = {}
    for right in sorted(rights):
        users.setdefault(right.user, []).append(right)
    return [(user, tuple(held)) for user, held in users.items()]


def _kept(new: CreateUser, realm: Realm, settings: Settings) -> Credentials:
    """The newcomer's credentials, in its file."""
    fresh = _fresh(new.user, realm, settings, new.bootstrap)
    held = Credentials.read(new.file) if new.has_password else fresh
    kept = replace(fresh, password=held.password, mechanism=held.mechanism)
    kept.write(new.file)
    return kept


def _fresh(user: str, realm: Realm, settings: Settings, bootstrap: str) -> Credentials:
    ca = settings.tls_ca.absolute() if settings.tls_ca else None
    return Credentials(bootstrap, user, new_password(), str(realm), ca)


def _of(action: type[A], plan: Plan) -> list[A]:
    return [each for each in plan.actions if isinstance(each, action)]
