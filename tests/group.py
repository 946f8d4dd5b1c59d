"""The made-up group for tests of the consumer side: its messages, and a bus in memory on which it is provisioned."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Self

import fastavro
from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form

from bus.codec import MARKER, encode
from bus.envelope import outgoing
from bus.instants import to_millis
from bus.messages import Area, Incident, Link, Message, ServiceImpact, Status
from bus.references import Kind
from bus.registry import Actor
from bus.topics import Realm
from bus.transport.memory import MemoryTransport
from bus.transport.port import Outgoing, Stored
from bus.vocabulary import (
    AreaKind,
    Impact,
    IncidentState,
    LinkRelation,
    MessageStatus,
    OperatorMode,
    Role,
    Service,
)
from consumers.hub.snapshot import Kept
from schemas import Schema, read_schema

BEGIN = datetime(2026, 1, 10, 6, tzinfo=UTC)

ACTORS = (
    Actor(slug="nordtel", name="Nordtel", roles=(Role.MNO,)),
    Actor(slug="sveamobil", name="Sveamobil", roles=(Role.MNO,)),
    Actor(slug="stadsnat", name="Stadsnät", roles=(Role.MUNICIPAL, Role.AGGREGATOR), speaks_for=("kustfiber",)),
    Actor(slug="samordning", name="Samordning", roles=(Role.COORDINATION,)),
)
KINDS = (Kind.INCIDENT, Kind.STATUS, Kind.LINK)


def incident(actor: str = "nordtel", id: str = "I-1", revision: int = 1, **fields: object) -> Incident:
    """An incident with an outage in one county."""
    opening: dict[str, object] = {
        "actor": actor,
        "id": id,
        "revision": revision,
        "status": MessageStatus.ACTUAL,
        "observed_at": BEGIN + timedelta(minutes=revision),
        "state": IncidentState.CONFIRMED,
        "title": "Avbrott",
        "impacts": (ServiceImpact(service=Service.MOBILE_VOICE, impact=Impact.OUTAGE),),
        "areas": (Area(kind=AreaKind.LAN, code="07"),),
    }
    return Incident.model_validate(opening | fields)


def status(actor: str = "nordtel", revision: int = 1) -> Status:
    """A heartbeat."""
    return Status(
        actor=actor,
        id="status",
        revision=revision,
        status=MessageStatus.ACTUAL,
        observed_at=BEGIN + timedelta(minutes=revision),
        mode=OperatorMode.NORMAL,
        nothing_to_report=True,
    )


def link(actor: str = "samordning", id: str = "L-1", a: str = "", b: str = "") -> Link:
    """Coordination says that two incidents are one event."""
    return Link(
        actor=actor,
        id=id,
        revision=1,
        status=MessageStatus.ACTUAL,
        observed_at=BEGIN,
        relation=LinkRelation.MUST_LINK,
        a=a or "incident/nordtel/I-1",
        b=b or "incident/sveamobil/I-1",
    )


def record(realm: Realm, message: Message) -> Outgoing:
    """The record of a message, sent a minute after it was observed."""
    return outgoing(realm, message, message.observed_at + timedelta(minutes=1))


def entries(realm: Realm, actors: Iterable[Actor]) -> list[Outgoing]:
    """The records of registry entries."""
    return [Outgoing(realm.actors, actor.slug.encode(), encode(actor)) for actor in actors]


def make_topics(bus: MemoryTransport, realm: Realm, actors: Iterable[Actor] = ACTORS) -> None:
    """The realm's topics, and those of some actors."""
    for topic in (realm.actors, realm.schemas, realm.quarantine):
        bus.create(topic)
    for topic in (realm.view, realm.view_authority, realm.view_peer, realm.alerts):
        bus.create(topic, compacted=True)
    for actor in actors:
        for kind in KINDS:
            bus.create(realm.input(kind, actor.slug))


async def send(bus: MemoryTransport, *records: Outgoing) -> None:
    async with bus.writer() as writer:
        await writer.send(records)


async def provisioned_memory(realm: Realm) -> MemoryTransport:
    """A bus in memory on which the group is provisioned."""
    bus = MemoryTransport()
    make_topics(bus, realm)
    await send(bus, *entries(realm, ACTORS))
    return bus


class Log:
    """A log under a test's hand: records in the places and at the times that it says."""

    def __init__(self, realm: Realm) -> None:
        self.realm = realm
        self.records: list[Stored] = []

    def add(self, *records: Outgoing, at: datetime = BEGIN) -> Self:
        """Append records, known at this instant."""
        for record in records:
            offset = sum(stored.topic == record.topic for stored in self.records)
            self.records.append(
                Kept(record.topic, 0, offset, to_millis(at), record.key, record.value, tuple(record.headers))
            )
        return self

    def group(self, *actors: Actor, at: datetime = BEGIN) -> Self:
        """Append registry entries; those of the made-up group by default."""
        return self.add(*entries(self.realm, actors or ACTORS), at=at)

    def say(self, *messages: Message, at: datetime = BEGIN) -> Self:
        return self.add(*(record(self.realm, message) for message in messages), at=at)


def newer_incident_schema() -> Schema:
    """A version of the incident schema that is yet to come: more symbols, and one more field."""
    schema = read_schema("incident")
    schema["fields"].append({"name": "novelty", "type": "string", "default": ""})

    def extend(part: object) -> None:
        if isinstance(part, dict):
            if part.get("type") == "enum":
                part["symbols"] = [*part["symbols"], "YET_TO_COME"]
            for inner in part.values():
                extend(inner)
        elif isinstance(part, list):
            for inner in part:
                extend(inner)

    extend(schema)
    return schema


def newer_record(realm: Realm, message: Incident, **fields: object) -> Outgoing:
    """The record of an incident as a newer writer would write it, with these fields in place of the message's."""
    schema = newer_incident_schema()
    out = BytesIO()
    fastavro.schemaless_writer(out, parse_schema(schema), {**message.model_dump(mode="python"), **fields})
    mark = bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))
    return replace(record(realm, message), value=MARKER + mark + out.getvalue())


def schema_record(realm: Realm, schema: Schema) -> Outgoing:
    """A schema as provisioning publishes it."""
    return Outgoing(realm.schemas, str(schema["name"]).encode(), json.dumps(schema).encode())
