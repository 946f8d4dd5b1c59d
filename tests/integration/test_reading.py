"""The log, read without a hub."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest

from bus.errors import UnknownTopic
from bus.references import Kind
from bus.settings import Settings
from bus.topics import Realm
from bus.transport.memory import MemoryTransport
from bus.transport.port import Outgoing
from consumers.reading import Heard, fold_log, tail
from tests.group import (
    incident,
    newer_incident_schema,
    newer_record,
    provisioned_memory,
    record,
    schema_record,
    send,
    status,
)

REALM = Realm("ntsg")
SETTINGS = Settings(realm="ntsg")
PATIENCE = 30.0


def heard(
    bus: MemoryTransport, kind: Kind | None = None, actor: str | None = None, *, from_start: bool = True
) -> aclosing[AsyncGenerator[Heard, None]]:
    return aclosing(tail(SETTINGS, kind, actor, from_start=from_start, transport=bus))


async def following(messages: AsyncIterator[Heard]) -> Heard:
    return await asyncio.wait_for(anext(messages), PATIENCE)


async def test_tail_gives_messages_as_they_arrive() -> None:
    bus = await provisioned_memory(REALM)
    await send(bus, record(REALM, incident()))
    async with heard(bus) as messages:
        first = await following(messages)
        assert first.envelope is not None
        assert first.envelope.message == incident()
        await send(bus, record(REALM, status()))
        second = await following(messages)
        assert second.envelope is not None
        assert (second.envelope.message, second.problem) == (status(), None)


async def test_tail_takes_only_what_is_asked_for() -> None:
    bus = await provisioned_memory(REALM)
    await send(bus, record(REALM, status()), record(REALM, incident("sveamobil")), record(REALM, incident()))
    async with heard(bus, Kind.INCIDENT, "nordtel") as messages:
        only = await following(messages)
        assert only.envelope is not None
        assert only.envelope.message == incident()


async def test_tail_begins_now_unless_told_otherwise() -> None:
    bus = await provisioned_memory(REALM)
    await send(bus, record(REALM, incident()))
    async with heard(bus, from_start=False) as messages:
        waiting = asyncio.ensure_future(following(messages))
        while not waiting.done():
            await send(bus, record(REALM, incident(revision=2)))
            await asyncio.wait([waiting], timeout=0.05)
        envelope = waiting.result().envelope
        assert envelope is not None
        assert envelope.message.revision == 2


async def test_tail_says_what_cannot_be_read_and_learns_schemas() -> None:
    bus = await provisioned_memory(REALM)
    await send(bus, Outgoing(REALM.input(Kind.INCIDENT, "nordtel"), b"nordtel/I-1", b"rubbish"))
    async with heard(bus, Kind.INCIDENT) as messages:
        assert "Avro marker" in str((await following(messages)).problem)
        await send(bus, newer_record(REALM, incident()))
        assert "schema" in str((await following(messages)).problem)
        await send(bus, schema_record(REALM, newer_incident_schema()))
        await send(bus, newer_record(REALM, incident()))
        assert (await following(messages)).problem is None


async def test_a_realm_that_was_never_provisioned_is_told() -> None:
    with pytest.raises(UnknownTopic, match="ntsg provision"):
        await fold_log(SETTINGS, transport=MemoryTransport())
    with pytest.raises(UnknownTopic, match="tretton"):
        async with heard(await provisioned_memory(REALM), actor="tretton") as messages:
            await following(messages)
