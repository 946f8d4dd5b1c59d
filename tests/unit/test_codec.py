"""From models to bytes and back, and every way in which bytes can be wrong."""

from __future__ import annotations

import copy
import io
import json
from datetime import timedelta, timezone
from importlib.resources import files
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from bus.codec import HEADER_LENGTH, MARKER, Codec, content_hash, encode, fingerprint_of
from bus.errors import (
    CodecError,
    DamagedBody,
    InvalidMessage,
    NotSingleObject,
    UnknownFingerprint,
    WrongSchema,
)
from bus.messages import MESSAGES, Incident, Status
from bus.vocabulary import Service, Tlp
from tests.property.strategies import incidents, messages

SAMPLES = files("schemas").joinpath(schemas.LATEST, "samples")
INCIDENT = SAMPLES.joinpath("incident.avro").read_bytes()
PARSED = {kind: fastavro.parse_schema(schemas.read_schema(kind.value)) for kind in MESSAGES}


@given(messages)
def test_every_message_comes_back(message: Any) -> None:
    decoded, content = Codec().decode(encode(message), type(message))
    assert decoded == message
    assert content == content_hash(encode(message))


@given(messages)
def test_the_canonical_body_is_what_a_generic_writer_writes(message: Any) -> None:
    """Maps sorted, one block per array: fastavro writes the same, given the same order."""

    def plain(value: Any) -> Any:
        match value:
            case dict():
                return {str(key): plain(value[key]) for key in sorted(value)}
            case list() | tuple():
                return [plain(item) for item in value]
        return value

    out = io.BytesIO()
    fastavro.schemaless_writer(out, PARSED[message.kind], plain(message.model_dump()))
    assert out.getvalue() == encode(message)[HEADER_LENGTH:]


@given(incidents(), st.integers(-12, 14))
def test_another_spelling_of_an_instant_gives_the_same_bytes(incident: Incident, hours: int) -> None:
    zone = timezone(timedelta(hours=hours))
    elsewhere = incident.model_copy(update={"observed_at": incident.observed_at.astimezone(zone)})
    assert encode(elsewhere) == encode(incident)


def test_the_order_of_a_map_is_not_in_the_bytes() -> None:
    users = {"by_service": {"MOBILE_DATA": 1, "FIXED_VOICE": 2}, "by_area": {"0780": 1, "0117": 2}}
    turned = {name: dict(reversed(counts.items())) for name, counts in users.items()}
    base = json.loads(SAMPLES.joinpath("incident.json").read_text("utf-8"))
    del base["kind"], base["sent_at"]
    assert encode(Incident.model_validate({**base, "users": users})) == encode(
        Incident.model_validate({**base, "users": turned})
    )


@pytest.mark.parametrize(
    ("damage", "error", "words"),
    [
        (lambda b: b"", NotSingleObject, "nothing"),
        (lambda b: b'{"actor": "nordtel"}', NotSingleObject, "7b22"),
        (lambda b: b[:6], DamagedBody, "6 bytes are too few"),
        (lambda b: MARKER + b"\0" * 8 + b[HEADER_LENGTH:], UnknownFingerprint, "0000000000000000"),
        (lambda b: b[:HEADER_LENGTH], DamagedBody, "cannot be read as Incident"),
        (lambda b: b[:-1], DamagedBody, "cannot be read as Incident"),
        (lambda b: b + b"\0", DamagedBody, "1 bytes are left over"),
        (lambda b: b[:HEADER_LENGTH] + b"\xff" * 40, DamagedBody, "cannot be read as Incident"),
        (lambda b: SAMPLES.joinpath("ack.avro").read_bytes(), WrongSchema, "holds a Ack where a Incident belongs"),
    ],
)
def test_damage_is_told_by_its_kind(damage: Any, error: type[CodecError], words: str) -> None:
    with pytest.raises(error, match=words):
        Codec().decode(damage(INCIDENT), Incident)


@given(st.data())
def test_no_bytes_whatever_raise_anything_else(data: st.DataObject) -> None:
    """Bytes are a message, or one of the errors that a caller can take; never a crash."""
    head = data.draw(st.sampled_from((b"", MARKER, INCIDENT[:HEADER_LENGTH])))
    position = data.draw(st.integers(0, len(INCIDENT)))
    changed = (
        INCIDENT[:position] + data.draw(st.binary(max_size=8)) + INCIDENT[position + data.draw(st.integers(0, 8)) :]
    )
    for value in (head + data.draw(st.binary(max_size=60)), changed):
        try:
            message, _ = Codec().decode(value, Incident)
        except (CodecError, InvalidMessage):
            continue
        assert isinstance(message, Incident)


def test_readable_bytes_that_break_the_contract_name_the_field() -> None:
    record = fastavro.schemaless_reader(io.BytesIO(INCIDENT[HEADER_LENGTH:]), schemas.read_schema("incident"))
    for field, value, path in (
        ("revision", 0, "revision"),
        ("areas", [{"kind": "KOMMUN", "code": "9999", "label": ""}], "areas.0.code"),
        ("impacts", [], "impacts"),
        ("actor", "Nordtel AB", "actor"),
        ("declared_severity", 9, "declared_severity"),
    ):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, schemas.read_schema("incident"), {**record, field: value})
        with pytest.raises(InvalidMessage) as caught:
            Codec().decode(INCIDENT[:HEADER_LENGTH] + out.getvalue(), Incident)
        assert [problem[0] for problem in caught.value.problems] == [path]


def newer_schema() -> schemas.Schema:
    """A later version: a symbol more in some enums, and a field more."""
    schema = copy.deepcopy(schemas.read_schema("incident"))
    fields = {field["name"]: field for field in schema["fields"]}
    fields["tlp"]["type"]["symbols"].append("ULTRAVIOLET")
    fields["status"]["type"]["symbols"].append("REHEARSAL")
    service = fields["impacts"]["type"]["items"]["fields"][0]["type"]
    service["symbols"].insert(0, "HOLOGRAPHY")
    schema["fields"].append({"name": "media_interest", "type": ["null", "boolean"], "default": None, "doc": "x"})
    return schema


def write_newer(**changes: Any) -> tuple[str, bytes]:
    schema = newer_schema()
    record: Any = fastavro.schemaless_reader(io.BytesIO(INCIDENT[HEADER_LENGTH:]), schemas.read_schema("incident"))
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, {**record, "media_interest": True, **changes})
    text = json.dumps(schema)
    return text, MARKER + bytes.fromhex(Codec().learn(text)) + out.getvalue()


def test_a_newer_version_is_unknown_until_its_schema_is_learnt_and_then_degrades() -> None:
    text, value = write_newer(
        tlp="ULTRAVIOLET",
        impacts=[{"service": "HOLOGRAPHY", "aspect": "COVERAGE", "impact": "OUTAGE", "percent_affected": None}],
        users={"value": 7, "low": None, "high": None, "basis": "MEASURED", "scope": "DEVICES", "by_area": {}}
        | {"by_service": {"HOLOGRAPHY": 5, "UNKNOWN": 2}},
    )
    codec = Codec()
    with pytest.raises(UnknownFingerprint) as caught:
        codec.decode(value, Incident)
    assert not codec.holds(caught.value.fingerprint)
    assert codec.learn(text) == caught.value.fingerprint
    incident, content = codec.decode(value, Incident)
    assert incident.tlp is Tlp.UNKNOWN
    assert incident.impacts[0].service is Service.UNKNOWN
    assert incident.users is not None
    assert incident.users.by_service == {Service.UNKNOWN: 7}
    assert content == content_hash(value), "the content is that of the bytes as first written"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "7",
        '{"type": "string"}',
        '{"type":"record","name":"ntsg.v1.Unheard","fields":[]}',
        '{"type":"record"}',
    ],
)
def test_what_is_no_schema_of_the_contract_is_not_learnt(text: str) -> None:
    with pytest.raises(WrongSchema):
        Codec().learn(text)


def test_the_fingerprint_on_the_wire_is_the_schemas() -> None:
    assert INCIDENT[2:HEADER_LENGTH].hex() == fingerprint_of(Incident)
    assert fingerprint_of(Incident) != fingerprint_of(Status)
