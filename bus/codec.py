"""The one way from models to bytes and back: Avro single-object encoding.

C3 01, the CRC-64-AVRO fingerprint of the writer's schema (8 bytes, little-endian), then the body. No registry server is
asked: schemas travel with the package and on `<realm>.schemas.v1`, and a newer writer's schema is learnt from there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache
from io import BytesIO
from typing import Any, NamedTuple, TypeVar

import fastavro
from fastavro.schema import SchemaParseException, fingerprint, parse_schema, to_parsing_canonical_form

from bus.canonical import compile_encoder
from bus.compiled import Surprise, compile_reader
from bus.errors import DamagedBody, NotSingleObject, UnknownFingerprint, WrongSchema
from bus.messages import Part, build, every_field
from bus.vocabulary import Service
from schemas import NAMESPACE, VERSIONS, Schema, all_schemas

MARKER = b"\xc3\x01"
HEADER_LENGTH = 10

P = TypeVar("P", bound=Part)
_SERVICES = frozenset(service.value for service in Service)


class _Known(NamedTuple):
    name: str
    writer: Any
    reader: Any | None
    """None when the writer's schema is the one that this package reads: no resolution is needed."""


class _Encoder(NamedTuple):
    header: bytes
    body: Callable[[object], bytes]


class Codec:
    """Encodes and decodes records; holds the schemas that it can read."""

    def __init__(self) -> None:
        self._known: dict[bytes, _Known] = {}
        for version in VERSIONS:
            for _, schema in all_schemas(version):
                self._hold(schema)

    def learn(self, text: str) -> str:
        """Take up a writer's schema (.avsc text). Returns its fingerprint, 16 hex digits as on the wire.

        Raises WrongSchema for what is not an Avro record schema or not one that resolves to a record of the contract.
        """
        try:
            schema = json.loads(text)
            return self._hold(schema)
        except (ValueError, KeyError, TypeError, RecursionError, SchemaParseException) as error:
            raise WrongSchema(f"not a usable Avro schema: {error}") from error

    def holds(self, fingerprint: str) -> bool:
        """Whether a schema with this fingerprint (16 hex digits, as on the wire) is held."""
        return bytes.fromhex(fingerprint) in self._known

    def decode(self, value: bytes, expected: type[P]) -> tuple[P, bytes]:
        """The model in the bytes, and its content hash: the sha256 of the body as first written.

        Raises a CodecError for bytes that cannot be read as `expected`, InvalidMessage for a readable record that
        breaks the contract.
        """
        if value[:2] != MARKER:
            raise NotSingleObject(f"begins with {value[:2].hex() or 'nothing'}, not with the Avro marker c301")
        known = self._known.get(value[2:HEADER_LENGTH])
        if known is None:
            if len(value) < HEADER_LENGTH:
                raise DamagedBody(f"{len(value)} bytes are too few for an Avro single object")
            raise UnknownFingerprint(value[2:HEADER_LENGTH].hex())
        if known.name != expected.__name__:
            raise WrongSchema(f"holds a {known.name} where a {expected.__name__} belongs")
        if known.reader is None:
            try:
                return _reader(expected)(value, HEADER_LENGTH), content_hash(value)
            except Surprise:  # what is wrong with it, if anything, is found on the full way
                pass
        body = BytesIO(value)
        body.seek(HEADER_LENGTH)
        try:
            fields: Any = fastavro.schemaless_reader(body, known.writer, known.reader)
        except Exception as error:  # damaged bytes make fastavro raise nearly anything: EOFError, IndexError, ...
            raise DamagedBody(f"cannot be read as {known.name}: {str(error) or type(error).__name__}") from error
        if body.tell() != len(value):
            raise DamagedBody(f"{len(value) - body.tell()} bytes are left over after the {known.name}")
        if known.reader is not None:
            _degrade_keys(fields)
        return _whole(build(expected, fields)), content_hash(value)

    def _hold(self, schema: Schema) -> str:
        canonical = to_parsing_canonical_form(schema)
        print_ = fingerprint(canonical, "CRC-64-AVRO")
        name = schema["name"].rpartition(".")[2]
        latest = _latest().get(name)
        if schema["type"] != "record" or latest is None:
            raise WrongSchema(f"{schema['name']} is not a record of {NAMESPACE}")
        same = canonical == to_parsing_canonical_form(latest)
        writer = parse_schema(_without_logical_types(schema))
        self._known[bytes.fromhex(print_)] = _Known(
            name, writer, None if same else parse_schema(_without_logical_types(latest))
        )
        return print_


def encode(model: Part) -> bytes:
    """The canonical single-object encoding of a model."""
    encoder = _encoder(type(model).__name__)
    return encoder.header + encoder.body(model)


def content_hash(value: bytes) -> bytes:
    """The identity of a record's content: the sha256 of its body as first written, whatever the framing."""
    return hashlib.sha256(memoryview(value)[HEADER_LENGTH:]).digest()


def fingerprint_of(model: type[Part]) -> str:
    """The fingerprint that records of this model are written with, 16 hex digits as on the wire."""
    return _encoder(model.__name__).header[len(MARKER) :].hex()


@cache
def _latest() -> Mapping[str, Schema]:
    return {schema["name"]: schema for _, schema in all_schemas()}


@cache
def _encoder(name: str) -> _Encoder:
    schema = _latest()[name]
    crc = bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))
    return _Encoder(MARKER + crc, compile_encoder(schema))


@cache
def _reader(model: type[P]) -> Callable[[bytes, int], P]:
    return compile_reader(_latest()[model.__name__], model)


def _whole(model: P) -> P:
    """Every field of a record on the wire was set: one set says so for all of them (a third of a record's memory)."""
    object.__setattr__(model, "__pydantic_fields_set__", every_field(type(model)))
    return model


def _without_logical_types(schema: Any) -> Any:
    """Instants are read as plain milliseconds: the model makes them instants, in one place and faster."""
    match schema:
        case dict():
            return {k: _without_logical_types(v) for k, v in schema.items() if k not in ("logicalType", "doc")}
        case list():
            return [_without_logical_types(item) for item in schema]
    return schema


def _degrade_keys(fields: dict[str, Any]) -> None:
    """A newer writer may count users per a service that this reader does not know: those count as UNKNOWN."""
    users = fields.get("users")
    counts = users.get("by_service") if isinstance(users, dict) else None
    if isinstance(counts, dict):
        for service in [name for name in counts if name not in _SERVICES]:
            counts[Service.UNKNOWN.value] = counts.get(Service.UNKNOWN.value, 0) + counts.pop(service)
