"""The envelope: what goes with a record beside its facts, as CloudEvents attributes in Kafka headers.

`ce_time` is `sent_at`, when the actor first handed the record over; it is stamped once and never again. `known_at` is
the broker's append time, and is not in the headers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bus.codec import encode, fingerprint_of
from bus.errors import TooLarge
from bus.instants import format_instant, parse_instant
from bus.messages import Message
from bus.references import record_key
from bus.topics import Realm
from bus.transport.port import Headers, Outgoing

MAX_MESSAGE_BYTES = 500_000
"""Of an encoded message. Half of what the bus takes: what hubs write of it, with their own fields, fits as well."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message as it was received: with when it was sent, when the bus knew it, and its content hash."""

    message: Message
    content: bytes
    """sha256 of the Avro body as first written (32 bytes): two messages with equal content are copies of one."""
    sent_at: datetime
    known_at: datetime


def outgoing(realm: Realm, message: Message, sent_at: datetime, traceparent: str | None = None) -> Outgoing:
    """The Kafka record that carries the message to its actor's topic. Raises TooLarge above MAX_MESSAGE_BYTES."""
    value = encode(message)
    if len(value) > MAX_MESSAGE_BYTES:
        raise TooLarge(f"{message.reference}@{message.revision}: {too_large(value)}")
    return Outgoing(
        topic=realm.input(message.kind, message.actor),
        key=record_key(message.actor, message.id),
        value=value,
        headers=_headers(message, sent_at, traceparent),
    )


def too_large(value: bytes) -> str:
    """What is wrong with a message of this size, and what to do."""
    return f"has {len(value):,} bytes; a message takes {MAX_MESSAGE_BYTES:,}: shorten its texts and lists, or split it"


def sent_at(headers: Headers) -> datetime | None:
    """`ce_time` of the record; None where the writer stamped none, or nothing that can be read as an instant."""
    for name, value in headers:
        if name == "ce_time":
            try:
                return parse_instant(value.decode())
            except ValueError:
                return None
    return None


def _headers(message: Message, sent: datetime, traceparent: str | None) -> Sequence[tuple[str, bytes]]:
    attributes = [
        ("ce_specversion", b"1.0"),
        ("ce_type", f"ntsg.{message.kind}.v1".encode()),
        ("ce_source", f"/actors/{message.actor}".encode()),
        ("ce_id", f"{message.reference}@{message.revision}".encode()),
        ("ce_time", format_instant(sent).encode()),
        ("ce_dataschema", f"urn:avro:crc64:{fingerprint_of(type(message))}".encode()),
        ("content-type", b"application/avro"),
    ]
    if traceparent:
        attributes.append(("traceparent", traceparent.encode()))
    return attributes
