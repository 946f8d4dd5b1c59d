"""Messages as lines of JSON: what is taken, and what is refused with place and remedy."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given

import schemas
from bus.errors import InvalidMessage
from bus.ndjson import BadLine, Line, read_line, read_lines, write_line
from bus.references import Kind
from bus.vocabulary import Tlp
from tests.property.strategies import START, messages

SAMPLES = files("schemas").joinpath(schemas.LATEST, "samples")


def sample(of: str = "incident", /, **changes: Any) -> str:
    return json.dumps({**json.loads(SAMPLES.joinpath(f"{of}.json").read_text("utf-8")), **changes})


@given(messages)
def test_a_line_comes_back(message: Any) -> None:
    assert read_line(write_line(message, START)) == Line(message, START, None)


def problems(text: str) -> list[tuple[str, str]]:
    with pytest.raises(InvalidMessage) as caught:
        read_line(text)
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("{", "", "not JSON"),
        ("nonsense", "", "not JSON"),
        ("[1]", "", "an array"),
        ('"x"', "", "a string"),
        ("null", "", "null"),
        ("{}", "kind", "required field is missing; use one of incident"),
        (sample(kind="accident"), "kind", "unknown kind 'accident'"),
        (sample(kind=7), "kind", "unknown kind 7"),
        (sample(stat="CONFIRMED"), "stat", "unknown field"),
        (sample(state="DONE"), "state", "unknown symbol 'DONE'; use one of 'SUSPECTED'"),
        (sample(state=None), "state", "required field is missing"),
        (sample(observed_at="2026-01-10T06:00:00"), "observed_at", "has no offset"),
        (sample(observed_at="yesterday"), "observed_at", "not an ISO 8601 instant"),
        (sample(observed_at=1768024800000), "observed_at", "must be an ISO 8601 instant"),
        (sample(sent_at="2026-01-10T06:00:00"), "sent_at", "has no offset"),
        (sample(known_at=5), "known_at", "must be an ISO 8601 instant"),
        (sample(revision="2"), "revision", "valid integer"),
        (sample(revision=0), "revision", "greater than or equal to 1"),
        (sample(revision=True), "revision", "valid integer"),
        (sample(actor="Nordtel AB"), "actor", "does not match"),
        (sample(title="x" * 121), "title", "at most 120"),
        (sample(impacts=[]), "impacts", "at least 1"),
        (sample(areas=[]), "areas", "only in state SUSPECTED"),
        (sample(areas=[{"kind": "KOMMUN", "code": "780"}]), "areas.0.code", "did you mean 0780 Växjö?"),
        (sample(areas=[{"kind": "KOMMUN", "code": "07"}]), "areas.0.code", "takes a four-digit municipality code"),
        (sample(areas=[{"kind": "LAN"}]), "areas.0.code", "needs a two-digit county code"),
        (sample(areas=[{"kind": "LAN", "code": "02"}]), "areas.0.code", "unknown area code '02'"),
        (sample(related_to=["I-17"]), "related_to.0", "is not a reference; write kind/actor/id"),
        (sample(declared_severity=6), "declared_severity", "less than or equal to 5"),
        (sample(users={"by_area": {"9999": 1}}), "users.by_area.9999", "unknown area code '9999'"),
        (sample("work", ends_at="2026-01-11T00:00:00Z"), "ends_at", "must lie after starts_at"),
        (sample("status", id="S"), "id", "with id 'status'"),
    ],
)
def test_bad_input_names_the_place_and_the_remedy(text: str, path: str, words: str) -> None:
    (problem,) = problems(text)
    assert problem[0] == path
    assert words in problem[1]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_is_refused(number: str) -> None:
    assert problems(sample("request").replace("30.0", number))


def test_a_field_given_twice_has_no_meaning() -> None:
    text = sample().replace('"state":', '"state": "SUSPECTED", "state":', 1)
    assert problems(text) == [("state", "given twice in one object; keep one")]


def test_all_faults_of_a_line_are_told_at_once() -> None:
    assert [path for path, _ in problems(sample(state="DONE", actor="X", revision=-1))] == [
        "actor",
        "revision",
        "state",
    ]


def test_hostile_nesting_is_refused_and_not_a_crash() -> None:
    assert problems("[" * 100_000)


def test_null_is_absent_and_a_default_holds() -> None:
    line = read_line(sample(tlp=None, users=None, reason=None))
    assert line.message.tlp is Tlp.AMBER
    assert line.message.users is None  # type: ignore[attr-defined]


def test_instants_are_cut_to_the_millisecond_and_kept_in_utc() -> None:
    line = read_line(sample(observed_at="2026-01-10T07:00:00.1239+01:00"))
    assert line.message.observed_at.isoformat() == "2026-01-10T06:00:00.123000+00:00"


def test_lines_are_numbered_and_blank_ones_passed_over() -> None:
    good, bad = sample().encode(), b"{"
    found = dict(read_lines([b"\n", good, b"  \n", bad, b"\xff\xfe" + good]))
    assert isinstance(found[2], Line)
    assert isinstance(found[4], BadLine)
    assert str(found[4]).startswith("line 4: not JSON")
    assert isinstance(found[5], BadLine)


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_can_be_written_with_its_required_fields_alone(kind: Kind) -> None:
    required = {field["name"] for field in schemas.read_schema(kind.value)["fields"] if "default" not in field}
    if kind is Kind.INCIDENT:
        required.add("areas")
    whole = json.loads(SAMPLES.joinpath(f"{kind}.json").read_text("utf-8"))
    line = read_line(json.dumps({"kind": kind.value, **{name: whole[name] for name in required}}))
    assert line.message.kind is kind
