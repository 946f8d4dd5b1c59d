"""The contract: schemas, models and samples say the same, and a later version cannot break an earlier one."""

from __future__ import annotations

import copy
import dataclasses
import io
import json
import types
import typing
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from importlib.resources import files
from itertools import combinations
from typing import Any

import avro.schema
import fastavro
import pytest
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from pydantic_core import to_jsonable_python

import schemas
from bus import ndjson, vocabulary
from bus.codec import HEADER_LENGTH, Codec, encode
from bus.instants import format_instant
from bus.messages import MESSAGES, Part
from bus.references import Kind
from bus.registry import Actor, ReaderEntry
from consumers.merge.view import ITEM_OF_KEY

MODELS: dict[str, type[Part]] = {
    **{kind.value: model for kind, model in MESSAGES.items()},
    **{f"view-{key}": model for key, model in ITEM_OF_KEY.items()},
    "actor": Actor,
    "reader": ReaderEntry,
}
SAMPLES = files("schemas").joinpath(schemas.LATEST, "samples")


def named_types(schema: Any) -> Iterator[dict[str, Any]]:
    """Every record and enum that a schema defines."""
    match schema:
        case {"type": "record", "fields": fields}:
            yield schema
            for field in fields:
                yield from named_types(field["type"])
        case {"type": "enum"}:
            yield schema
        case {"type": "array", "items": inner} | {"type": "map", "values": inner}:
            yield from named_types(inner)
        case list():
            for branch in schema:
                yield from named_types(branch)


def fields_of(model: type) -> tuple[str, ...]:
    """The fields of a record: of a model, or of the dataclass that a record inside of one is."""
    return tuple(model.model_fields) if issubclass(model, Part) else tuple(f.name for f in dataclasses.fields(model))


def default_of(model: Any, field: str) -> Any:
    """The default that a record's constructor fills in; dataclasses.MISSING where the field is required."""
    info = model.__pydantic_fields__[field]
    return dataclasses.MISSING if info.is_required() else info.get_default(call_default_factory=True)


def parts_of(model: type) -> dict[str, type]:
    """The model and every record and enum inside it, by name."""
    found: dict[str, type] = {model.__name__: model}
    for name, hint in typing.get_type_hints(model, include_extras=True).items():
        if name in fields_of(model):
            for inner in _classes(hint):
                found |= {inner.__name__: inner} if issubclass(inner, StrEnum) else parts_of(inner)
    return found


def is_named(annotation: Any) -> bool:
    return isinstance(annotation, type) and (issubclass(annotation, StrEnum) or dataclasses.is_dataclass(annotation))


def _classes(annotation: Any) -> Iterator[type]:
    if is_named(annotation):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _classes(argument)


def avro_of(annotation: Any) -> Any:
    """The Avro type that an annotation asks for."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return avro_of(arguments[0])
    if origin in (typing.Union, types.UnionType):
        (other,) = (argument for argument in arguments if argument is not types.NoneType)
        return ["null", avro_of(other)]
    if origin is tuple:
        return {"array": avro_of(arguments[0])}
    if origin is dict:
        return {"map": avro_of(arguments[1])}
    if is_named(annotation):
        return str(annotation.__name__)
    return {str: "string", int: "whole", float: "double", bool: "boolean", datetime: "instant"}[annotation]


def shape(schema: Any) -> Any:
    """The same of a schema. int and long are one: Python has one whole number, and the model bounds it."""
    match schema:
        case {"type": "record" | "enum", "name": name}:
            return name
        case {"type": "array", "items": items}:
            return {"array": shape(items)}
        case {"type": "map", "values": values}:
            return {"map": shape(values)}
        case {"logicalType": "timestamp-millis"}:
            return "instant"
        case ["null", other]:
            return ["null", shape(other)]
        case "int" | "long":
            return "whole"
    return schema


@pytest.mark.parametrize("name", MODELS)
def test_model_and_schema_agree_field_by_field_and_symbol_by_symbol(name: str) -> None:
    models = parts_of(MODELS[name])
    checked = set()
    for defined in named_types(schemas.read_schema(name)):
        model = models[defined["name"]]
        checked.add(defined["name"])
        if defined["type"] == "enum":
            assert defined["symbols"] == [symbol.value for symbol in model]
            continue
        hints = typing.get_type_hints(model, include_extras=True)
        fields = {field["name"]: field for field in defined["fields"]}
        assert set(fields) == set(fields_of(model))
        for field_name, field in fields.items():
            assert avro_of(hints[field_name]) == shape(field["type"]), field_name
    assert checked == set(models)


@pytest.mark.parametrize("name", [kind.value for kind in Kind])
def test_defaults_of_model_and_schema_are_equal(name: str) -> None:
    models = parts_of(MODELS[name])
    for defined in [d for d in named_types(schemas.read_schema(name)) if d["type"] == "record"]:
        for field in defined["fields"]:
            default = default_of(models[defined["name"]], field["name"])
            if "default" in field:
                assert to_jsonable_python(default) == field["default"], field["name"]
            else:
                assert default is dataclasses.MISSING, field["name"]


def test_every_schema_has_a_model_and_every_enum_is_in_the_vocabulary() -> None:
    found = dict(schemas.all_schemas())
    assert set(found) == set(MODELS)
    for schema in found.values():
        for defined in named_types(schema):
            if defined["type"] == "enum":
                assert hasattr(vocabulary, defined["name"])


@pytest.mark.parametrize("version", schemas.VERSIONS)
def test_everything_is_documented_and_every_enum_has_unknown_as_default(version: str) -> None:
    for name, schema in schemas.all_schemas(version):
        for defined in named_types(schema):
            assert defined["doc"], (name, defined["name"])
            if defined["type"] == "enum":
                assert defined["default"] == "UNKNOWN"
                assert "UNKNOWN" in defined["symbols"]
            for field in defined.get("fields", ()):
                assert field["doc"], (name, defined["name"], field["name"])


@pytest.mark.parametrize("kind", Kind)
def test_the_head_comes_first(kind: Kind) -> None:
    """Readers may read the head of a record without the rest."""
    fields = [field["name"] for field in schemas.read_schema(kind.value)["fields"]]
    assert fields[:6] == ["actor", "id", "revision", "status", "observed_at", "next_update_at"]


@pytest.mark.parametrize("kind", Kind)
def test_the_sample_round_trips(kind: Kind) -> None:
    text = SAMPLES.joinpath(f"{kind}.json").read_text("utf-8")
    binary = SAMPLES.joinpath(f"{kind}.avro").read_bytes()
    line = ndjson.read_line(text)
    assert encode(line.message) == binary
    decoded, _ = Codec().decode(binary, MESSAGES[kind])
    assert decoded == line.message
    assert ndjson.as_object(decoded, line.sent_at) == json.loads(text)


@pytest.mark.parametrize("kind", Kind)
def test_any_avro_library_reads_the_sample(kind: Kind) -> None:
    """The bytes are plain Avro: a generic reader sees what the JSON says, with instants as instants."""
    sample = json.loads(SAMPLES.joinpath(f"{kind}.json").read_text("utf-8"))
    body = io.BytesIO(SAMPLES.joinpath(f"{kind}.avro").read_bytes()[HEADER_LENGTH:])
    record = fastavro.schemaless_reader(body, schemas.read_schema(kind.value))
    assert body.read() == b""
    assert _as_json(record) == {name: value for name, value in sample.items() if name not in ("kind", "sent_at")}


def _as_json(value: Any) -> Any:
    match value:
        case dict():
            return {name: _as_json(inner) for name, inner in value.items()}
        case list():
            return [_as_json(inner) for inner in value]
        case datetime():
            return format_instant(value)
    return value


def incompatibilities(one: schemas.Schema, other: schemas.Schema) -> list[str]:
    """Why readers of one version cannot read the other's records, in either direction."""
    parsed = [avro.schema.parse(json.dumps(schema)) for schema in (one, other)]
    faults: list[str] = []
    for reader, writer in (parsed, parsed[::-1]):
        result = ReaderWriterCompatibilityChecker().get_compatibility(reader, writer)
        if result.compatibility is not SchemaCompatibilityType.compatible:
            faults += sorted(result.messages)
    return faults


def test_every_version_is_compatible_with_all_earlier_ones() -> None:
    for name in dict(schemas.all_schemas(schemas.VERSIONS[0])):
        for earlier, later in combinations(schemas.VERSIONS, 2):
            assert incompatibilities(schemas.read_schema(name, earlier), schemas.read_schema(name, later)) == []


def changed(change: str) -> schemas.Schema:
    schema = copy.deepcopy(schemas.read_schema("incident"))
    fields = {field["name"]: field for field in schema["fields"]}
    match change:
        case "a field without default":
            schema["fields"].append({"name": "media_interest", "type": "boolean", "doc": "x"})
        case "a required field removed":
            schema["fields"].remove(fields["title"])
        case "another type":
            fields["title"]["type"] = "long"
        case "a symbol removed from an enum without default":
            del fields["state"]["type"]["default"]
            fields["state"]["type"]["symbols"].remove("MITIGATED")
        case "a field with default":
            schema["fields"].append(
                {"name": "media_interest", "type": ["null", "boolean"], "default": None, "doc": "x"}
            )
        case "a new symbol":
            fields["state"]["type"]["symbols"].append("ESCALATED")
    return schema


@pytest.mark.parametrize(
    "change",
    [
        "a field without default",
        "a required field removed",
        "another type",
        "a symbol removed from an enum without default",
    ],
)
def test_the_gate_refuses(change: str) -> None:
    assert incompatibilities(schemas.read_schema("incident"), changed(change))


@pytest.mark.parametrize("change", ["a field with default", "a new symbol"])
def test_the_gate_lets_pass(change: str) -> None:
    assert incompatibilities(schemas.read_schema("incident"), changed(change)) == []
