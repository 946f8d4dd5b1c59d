"""The swift way from bytes to models takes nothing that the full way refuses, and gives what that gives."""

from __future__ import annotations

import io
import math
import struct
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

import fastavro
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, field_validator

import schemas
from bus.codec import HEADER_LENGTH, Codec, encode
from bus.compiled import Surprise, compile_reader
from bus.errors import DamagedBody, InvalidMessage
from bus.messages import Area, Incident, Message, Part, Status, build
from bus.vocabulary import AreaKind
from tests.merging import count, incident, status
from tests.property.whole_records import MODELS, whole

CODEC = Codec()
LONG = 2**63


@cache
def schema_of(model: type[Part]) -> schemas.Schema:
    return next(schema for _, schema in schemas.all_schemas() if schema["name"].rpartition(".")[2] == model.__name__)


@cache
def parsed(model: type[Part]) -> Any:
    def without_logical_types(schema: Any) -> Any:
        if isinstance(schema, dict):
            return {k: without_logical_types(v) for k, v in schema.items() if k != "logicalType"}
        return [without_logical_types(item) for item in schema] if isinstance(schema, list) else schema

    return fastavro.parse_schema(without_logical_types(schema_of(model)))


def fully(value: bytes, model: type[Part]) -> Part | InvalidMessage | None:
    """What fastavro and pydantic make of a record's bytes; None for damage."""
    body = io.BytesIO(value[HEADER_LENGTH:])
    try:
        fields: Any = fastavro.schemaless_reader(body, parsed(model), None)
    except Exception:  # noqa: BLE001 - damaged bytes make fastavro raise nearly anything
        return None
    if body.read():
        return None
    try:
        return build(model, fields)
    except InvalidMessage as error:
        return error


swiftly = cache(lambda model: compile_reader(schema_of(model), model))


def agree(value: bytes, model: type[Part]) -> None:
    expected = fully(value, model)
    try:
        read = swiftly(model)(value, HEADER_LENGTH)
    except Surprise:
        pass
    else:
        assert not isinstance(expected, InvalidMessage)
        assert repr(read) == repr(expected)  # as NaN is not equal to itself, and -0.0 is to 0.0
    if isinstance(expected, InvalidMessage):
        with pytest.raises(InvalidMessage) as refused:
            CODEC.decode(value, model)
        assert refused.value.problems == expected.problems
    elif expected is None:
        with pytest.raises(DamagedBody):
            CODEC.decode(value, model)
    else:
        assert repr(CODEC.decode(value, model)[0]) == repr(expected)


@pytest.mark.parametrize("model", MODELS)
def test_every_schema_of_the_contract_compiles(model: type[Part]) -> None:
    assert swiftly(model)


@pytest.mark.parametrize("model", MODELS)
def test_every_record_is_read_swiftly_and_comes_back_whole(model: type[Part]) -> None:
    @given(whole(model))
    def every_record(record: Part) -> None:
        value = encode(record)
        decoded, _ = CODEC.decode(value, model)
        assert decoded == record == fully(value, model)
        assert type(decoded) is model
        assert decoded.model_fields_set == set(model.model_fields)
        assert encode(decoded) == value
        if not any(isinstance(number, int) and abs(number) >= LONG // 2 for number in numbers(record)):
            assert swiftly(model)(value, HEADER_LENGTH) == record

    every_record()


def numbers(value: Any) -> list[Any]:
    match value:
        case BaseModel():
            return numbers(dict(value))
        case dict():
            return [found for item in value.values() for found in numbers(item)]
        case tuple():
            return [found for item in value for found in numbers(item)]
        case int() | float():
            return [value]
        case str() | None:
            return []
    return [found for name in getattr(value, "__slots__", ()) for found in numbers(getattr(value, name))]


@pytest.mark.parametrize("model", MODELS)
def test_whatever_is_done_to_the_bytes_both_ways_say_the_same(model: type[Part]) -> None:
    bits = st.sampled_from((b"", b"\0", b"\1", b"\2", b"\3", b"\x7e", b"\x80\0", b"\x80\1", b"\xff", b"\xff" * 12))

    @given(whole(model), st.data())
    def damaged(record: Part, data: st.DataObject) -> None:
        value = encode(record)
        for _ in range(data.draw(st.integers(1, 3))):
            at = data.draw(st.integers(HEADER_LENGTH, len(value)))
            taken = data.draw(st.sampled_from((0, 1, 1, 2, 8, 1_000)))
            value = value[:at] + data.draw(bits | st.binary(max_size=3)) + value[at + taken :]
        agree(value, model)
        agree(encode(record), model)  # nothing of the damage is remembered

    damaged()


ODD_TEXTS = """
nordtel Nordtel status I-1 00 07 0780 9999 incident/nordtel/I-1 MOBILE_VOICE HOLOGRAPHY
"""
odd_texts = st.sampled_from(
    (*ODD_TEXTS.split(), "", "nordtel\n", "x" * 121, "é" * 64, "sha256:" + "0" * 64, "\u2028", "\0")
)
odd_longs = st.sampled_from((0, 1, -1, 5, 6, 63, 64, 2**31, -(2**31) - 1, LONG - 1, -LONG, LONG // 2, 253402300800000))
odd_doubles = st.sampled_from((0.0, -0.0, 50.0, 100.0, 100.01, -1.0, math.nan, math.inf, -math.inf, 5e-324))


@pytest.mark.parametrize("model", MODELS)
def test_readable_records_with_odd_values_are_judged_alike(model: type[Part]) -> None:
    @given(whole(model), st.data())
    def odd_values(record: Part, data: st.DataObject) -> None:
        fields: Any = fastavro.schemaless_reader(io.BytesIO(encode(record)[HEADER_LENGTH:]), parsed(model), None)
        definitions = _named(parsed(model))
        for field in data.draw(st.lists(st.sampled_from(parsed(model)["fields"]), min_size=1, max_size=2)):
            fields[field["name"]] = data.draw(_odd_value(field["type"], definitions))
        out = io.BytesIO()
        fastavro.schemaless_writer(out, parsed(model), fields)
        agree(encode(record)[:HEADER_LENGTH] + out.getvalue(), model)

    odd_values()


def _named(schema: Any) -> dict[str, Any]:
    match schema:
        case {"type": "record", "name": name, "fields": fields}:
            return {name: schema} | {k: v for field in fields for k, v in _named(field["type"]).items()}
        case {"type": "enum", "name": name}:
            return {name: schema}
        case {"type": "array", "items": inner} | {"type": "map", "values": inner} | ["null", inner]:
            return _named(inner)
    return {}


def _odd_value(schema: Any, named: dict[str, Any]) -> st.SearchStrategy[Any]:
    match schema:
        case ["null", inner]:
            return st.none() | _odd_value(inner, named)
        case {"type": "record", "fields": fields}:
            return st.fixed_dictionaries({field["name"]: _odd_value(field["type"], named) for field in fields})
        case {"type": "enum", "symbols": symbols}:
            return st.sampled_from(symbols)
        case {"type": "array", "items": inner}:
            return st.lists(_odd_value(inner, named), max_size=2)
        case {"type": "map", "values": inner}:
            return st.dictionaries(odd_texts, _odd_value(inner, named), max_size=2)
        case {"type": str() as inner}:
            return _odd_value(inner, named)
        case str() if schema in named:
            return _odd_value(named[schema], named)
        case "int":
            return odd_longs.map(lambda number: max(-(2**31), min(number, 2**31 - 1)))
    return {"string": odd_texts, "long": odd_longs, "double": odd_doubles, "boolean": st.booleans()}[schema]


INCIDENT = encode(incident(users=count(5, by_area={"0780": 5})).message)


@given(st.integers(0, len(INCIDENT)), st.binary(min_size=1, max_size=2))
@example(10, b"\xff")
def test_a_byte_of_an_incident_changed(position: int, changed: bytes) -> None:
    agree(
        INCIDENT[: HEADER_LENGTH + position] + changed + INCIDENT[HEADER_LENGTH + position + len(changed) :], Incident
    )


def test_what_is_not_utf_8_is_damage() -> None:
    value = INCIDENT.replace(b"nordtel", b"nordte\xff")
    assert value != INCIDENT
    with pytest.raises(DamagedBody):
        CODEC.decode(value, Incident)
    agree(value, Incident)


def test_a_length_beyond_the_end_is_damage_even_where_the_rest_was_read_before() -> None:
    """The last text of a record, cut off, is one that is known; its length is not."""
    known = incident(energy={"power_incident": "incident/nordtel/I-1"}).message
    CODEC.decode(encode(known), Incident)
    longer = encode(incident(energy={"power_incident": "incident/nordtel/I-10"}).message)
    for end in range(HEADER_LENGTH, len(longer)):
        agree(longer[:end], Incident)
    agree(longer, Incident)
    agree(encode(known), Incident)


def test_what_repeats_is_made_once() -> None:
    first, second = (CODEC.decode(encode(incident(id=name).message), Incident)[0] for name in ("A", "B"))
    assert first.areas is second.areas
    assert first.cause is second.cause
    assert isinstance(first, Message)


def test_numbers_of_users_are_nobody_elses() -> None:
    """Dicts can be changed, so they are not shared."""
    first, second = (CODEC.decode(INCIDENT, Incident)[0].users for _ in range(2))
    assert first == second
    assert first is not second


class _Lax(BaseModel):
    name: str

    @field_validator("name")
    @classmethod
    def _trimmed(cls, name: str) -> str:
        return name.strip()


class _Configured(BaseModel):
    model_config = {"str_strip_whitespace": True}
    name: str


class _Limited(BaseModel):
    name: Annotated[str | None, Field(max_length=3)]


@dataclass
class _Slotless:
    name: str


class _Holder(BaseModel):
    part: _Slotless


STRING = {"name": "name", "type": "string"}


@pytest.mark.parametrize(
    ("model", "field"),
    [
        (_Lax, STRING),
        (_Configured, STRING),
        (_Limited, {"name": "name", "type": ["null", "string"]}),
        (_Holder, {"name": "part", "type": {"type": "record", "name": "x._Slotless", "fields": [STRING]}}),
        (_Holder, STRING),
    ],
)
def test_what_there_is_no_rule_for_is_not_compiled(model: type[BaseModel], field: Any) -> None:
    with pytest.raises(TypeError, match="no rule for"):
        compile_reader({"type": "record", "name": f"x.{model.__name__}", "fields": [field]}, model)


def test_a_double_has_one_spelling_in_the_picture() -> None:
    """-0.0 is equal to 0.0: what was read before must not stand for it."""
    percent = struct.pack("<d", 0.0)
    value = encode(incident(percent=0.0).message)
    agree(value, Incident)
    agree(value.replace(percent, struct.pack("<d", -0.0)), Incident)


def test_the_checks_of_a_whole_record_are_kept() -> None:
    heartbeat = encode(status().message)
    agree(heartbeat.replace(b"status", b"statue"), Status)
    nowhere = encode(Incident.model_construct(**{**dict(incident().message), "areas": ()}))
    agree(nowhere, Incident)
    misfit = object.__new__(Area)
    for name, value in {"kind": AreaKind.LAN, "code": "0780", "label": ""}.items():
        object.__setattr__(misfit, name, value)
    agree(encode(Incident.model_construct(**{**dict(incident().message), "areas": (misfit,)})), Incident)
