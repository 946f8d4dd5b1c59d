"""The storm is a pure function of its start, fit to publish, and tells what the demo is there to show."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from importlib import resources

import pytest

from bus.codec import Codec, encode
from bus.messages import Incident, Status
from bus.ndjson import Line
from bus.references import Kind
from bus.registry import Registry, read_group
from bus.topics import Realm
from bus.vocabulary import EmergencyImpact, IncidentState, MessageStatus
from consumers.authority import judge
from consumers.files import merge_lines
from producers.scenario import Script
from producers.storm import storm

START = datetime(2026, 1, 10, 6, tzinfo=UTC)
STEPS = storm(START)
NINTH_HOUR = timedelta(hours=9, minutes=5)


def test_equal_starts_give_equal_storms() -> None:
    assert storm(START) == STEPS
    assert storm(START + timedelta(days=1)) != STEPS


def test_its_size_is_what_the_demo_promises() -> None:
    assert 200 <= len(STEPS) <= 300
    assert len({step.message.actor for step in STEPS}) >= 8
    assert {step.message.kind for step in STEPS} == set(Kind)
    assert STEPS[-1].after <= timedelta(hours=25)


def test_steps_come_in_order_and_revisions_rise_one_by_one() -> None:
    assert [step.after for step in STEPS] == sorted(step.after for step in STEPS)
    revisions: defaultdict[str, list[int]] = defaultdict(list)
    for step in STEPS:
        if step.message.revision not in revisions[step.message.reference]:
            revisions[step.message.reference].append(step.message.revision)
    assert all(found == list(range(1, len(found) + 1)) for found in revisions.values())


def test_nothing_is_observed_after_it_was_sent() -> None:
    assert all(step.message.observed_at <= START + step.after for step in STEPS)


def test_every_message_is_one_that_its_actor_may_send() -> None:
    text = resources.files("producers").joinpath("actors.toml").read_text("utf-8")
    registry = Registry.of(read_group(text)[0])
    realm = Realm("demo-exercise")
    for step in STEPS:
        assert judge(step.message, known_at=START, realm=realm, registry=registry) is None
        assert Codec().decode(encode(step.message), type(step.message))[0] == step.message


@pytest.mark.parametrize("status", [MessageStatus.ACTUAL, MessageStatus.EXERCISE])
def test_all_messages_have_the_status_asked_for(status: MessageStatus) -> None:
    assert {step.message.status for step in storm(START, status)} == {status}


def test_it_tells_of_a_duplicate_a_retraction_a_repeat_and_a_place_without_112() -> None:
    incidents = [step.message for step in STEPS if isinstance(step.message, Incident)]
    assert any(incident.duplicate_of for incident in incidents)
    assert any(incident.state is IncidentState.RETRACTED for incident in incidents)
    assert max(Counter(encode(step.message) for step in STEPS).values()) == 2
    assert any(i.emergency and i.emergency.impact is EmergencyImpact.LOST_NO_FALLBACK for i in incidents)


def test_heartbeats_say_how_many_incidents_are_open() -> None:
    told = {s.message.actor: s.message for s in STEPS if isinstance(s.message, Status) and s.after == NINTH_HOUR}
    assert told["nordtel"].open_incidents == 5
    assert told["samordning"].nothing_to_report


def test_the_gotland_cable_stays_out_of_the_storm() -> None:
    lines = [Line(step.message, START + step.after) for step in STEPS]
    view = merge_lines(lines, realm=Realm("demo-exercise"), as_of=START + timedelta(hours=8))
    situation_of = {ref: situation.id for situation in view.situations for ref in situation.members}
    assert situation_of["incident/kustfiber/K-2"] == situation_of["incident/nordtel/I-105"]
    assert situation_of["incident/kustfiber/K-2"] != situation_of["incident/kustfiber/K-1"]
    assert situation_of["incident/elnat-syd/P-1"] == situation_of["incident/nordtel/I-101"]
    assert [area.code for area in view.areas if area.impact and area.code == "0767"] == ["0767"]


def test_a_script_refuses_to_tell_an_entity_backwards() -> None:
    script = Script(START, MessageStatus.EXERCISE)
    fields = {"mode": "NORMAL", "nothing_to_report": True}
    ref = script.first("2:00", Status, "nordtel", "status", **fields)
    with pytest.raises(ValueError, match="in order"):
        script.next("1:00", ref)
