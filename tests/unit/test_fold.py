"""The fold: what is accepted, what is held, what is judged again, and that no interleaving matters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.messages import Area, ServiceImpact
from bus.purged import Purged, prove
from bus.registry import Actor, ReaderEntry
from bus.topics import Realm
from bus.transport.port import Outgoing, Stored
from bus.vocabulary import AreaKind, Audience, Impact, MessageStatus, Role, Service, Tlp
from consumers.authority import RefusalCode
from consumers.fold import Fold
from consumers.settling import settlement
from tests.group import (
    BEGIN,
    Log,
    entries,
    incident,
    link,
    newer_incident_schema,
    newer_record,
    record,
    schema_record,
    status,
)

REALM = Realm("ntsg")
HOUR = timedelta(hours=1)


def folded(log: Log) -> Fold:
    fold = Fold(log.realm)
    fold.apply(log.records)
    return fold


def codes(fold: Fold) -> list[RefusalCode]:
    return [held.refusal.code for held in fold.quarantine.held.values()]


def moved(record: Outgoing, **fields: object) -> Outgoing:
    return replace(record, **fields)  # type: ignore[arg-type] # the names are those of the fields


GOOD = record(REALM, incident())
assert GOOD.value is not None

FORGED = Purged(BEGIN, "administratör", "Namn i fritext", prove(GOOD.value))
"""The mark that `ntsg purge` writes, as any actor can write it in its own topic."""

BAD: dict[str, tuple[Outgoing, RefusalCode]] = {
    "tombstone": (moved(GOOD, value=None), RefusalCode.NO_VALUE),
    "a tombstone that calls itself purged": (moved(GOOD, value=None, headers=(FORGED.header(),)), RefusalCode.PURGED),
    "nothing": (moved(GOOD, value=b""), RefusalCode.NOT_SINGLE_OBJECT),
    "rubbish": (moved(GOOD, value=b"\x00rubbish"), RefusalCode.NOT_SINGLE_OBJECT),
    "cut short": (moved(GOOD, value=GOOD.value[:40]), RefusalCode.DAMAGED_BODY),
    "trailing bytes": (moved(GOOD, value=GOOD.value + b"\x00"), RefusalCode.DAMAGED_BODY),
    "a fingerprint that nobody holds": (newer_record(REALM, incident()), RefusalCode.UNKNOWN_FINGERPRINT),
    "more than a hub could pass on": (moved(GOOD, value=b"x" * 500_001), RefusalCode.TOO_LARGE),
    "another kind": (moved(GOOD, value=record(REALM, status()).value), RefusalCode.WRONG_SCHEMA),
    "another's name": (moved(record(REALM, incident("sveamobil")), topic=GOOD.topic), RefusalCode.WRONG_OWNER),
    "another's key": (moved(GOOD, key=b"nordtel/I-2"), RefusalCode.WRONG_KEY),
    "no key": (moved(GOOD, key=None), RefusalCode.WRONG_KEY),
    "an exercise": (record(REALM, incident(status=MessageStatus.EXERCISE)), RefusalCode.WRONG_STATUS),
    "a test": (record(REALM, incident(status=MessageStatus.TEST)), RefusalCode.WRONG_STATUS),
    "a stranger": (record(REALM, incident("elnat-syd")), RefusalCode.UNKNOWN_ACTOR),
    "a link by an operator": (record(REALM, link("nordtel")), RefusalCode.NOT_COORDINATION),
    "speaking for another": (record(REALM, incident(on_behalf_of="sveamobil")), RefusalCode.MAY_NOT_SPEAK_FOR),
}


@pytest.mark.parametrize(("bad", "code"), BAD.values(), ids=BAD)
def test_bad_input_is_held_with_its_bytes_and_shown(bad: Outgoing, code: RefusalCode) -> None:
    fold = folded(Log(REALM).group().say(incident(revision=9)).add(bad))
    assert codes(fold) == [code]
    (held,) = fold.quarantine.held.values()
    assert (held.record.key, held.record.value) == (bad.key, bad.value)
    assert held.refusal.text
    assert fold.state.view(BEGIN, {}, True).quarantined == 1
    assert fold.state.digest == folded(Log(REALM).group().say(incident(revision=9))).state.digest
    assert fold.inputs[f"{bad.topic}:0"] == sum(record.topic == bad.topic for record in fold_records(bad))


def fold_records(bad: Outgoing) -> Sequence[Stored]:
    return Log(REALM).group().say(incident(revision=9)).add(bad).records


def test_an_area_that_does_not_exist_is_held() -> None:
    known = incident()
    nowhere = Area(kind=AreaKind.LAN, code="07")
    object.__setattr__(nowhere, "code", "99")  # as a foreign encoder may write it
    unknown = known.model_copy(update={"areas": (nowhere,)})
    fold = folded(Log(REALM).group().say(unknown))
    (held,) = fold.quarantine.held.values()
    assert held.refusal.code is RefusalCode.INVALID_MESSAGE
    assert "areas.0.code" in held.refusal.text


def test_a_mark_of_the_senders_own_is_told_as_a_claim_and_settles_nothing() -> None:
    """What was said stays in the picture, and what calls itself purged is counted until the coordination settles it."""
    log = Log(REALM).group().say(incident()).add(moved(GOOD, value=None, headers=(FORGED.header(),)))
    fold = folded(log)
    ((place, held),) = fold.quarantine.held.items()
    assert held.refusal.text.startswith("marked as purged at 2026")
    assert "proves nothing until the coordination has settled it" in held.refusal.text
    assert len(fold.state.view(BEGIN, {}, True).situations) == 1
    settled = settlement(fold, place, "samordning", reason="Bekräftat", as_of=BEGIN, withdraw=False, function="tib")
    fold.apply(log.say(settled.model_copy(update={"actor": "nordtel"})).records)
    assert sorted(codes(fold)) == [RefusalCode.NOT_COORDINATION, RefusalCode.PURGED]
    assert place not in fold.quarantine.settled
    fold.apply(log.say(settled).records)
    assert place in fold.quarantine.settled


def test_copies_of_a_bad_record_count_once() -> None:
    fold = folded(Log(REALM).group().add(*[moved(GOOD, value=b"rubbish")] * 3))
    assert len(fold.quarantine) == 1
    assert len(fold.quarantine.held) == 3


def test_a_status_realm_takes_only_its_own() -> None:
    exercise = Realm("ntsg-exercise")
    log = Log(exercise).group().say(incident(status=MessageStatus.EXERCISE), incident(revision=2))
    assert codes(folded(log)) == [RefusalCode.WRONG_STATUS]


def test_who_may_speak_for_another_is_heard() -> None:
    log = Log(REALM).group().say(incident("stadsnat", on_behalf_of="kustfiber"), link())
    assert not codes(folded(log))


def test_a_newer_writer_is_understood_once_its_schema_arrives() -> None:
    novel = [{"service": "YET_TO_COME", "aspect": "CONNECTIVITY", "impact": "YET_TO_COME", "percent_affected": None}]
    log = Log(REALM).group()
    log.add(newer_record(REALM, incident(), impacts=novel, tlp="YET_TO_COME"))
    log.add(newer_record(REALM, incident(id="I-2"), status="YET_TO_COME"))
    fold = folded(log)
    assert codes(fold) == [RefusalCode.UNKNOWN_FINGERPRINT] * 2

    log.add(schema_record(REALM, newer_incident_schema()))
    fold.apply(log.records)
    assert codes(fold) == [RefusalCode.WRONG_STATUS], "a status that nobody knows fits no realm"
    (situation,) = fold.state.view(BEGIN, {}, True).situations
    assert situation.services == {Service.UNKNOWN: Impact.UNKNOWN}
    assert situation.tlp in {Tlp.RED, Tlp.UNKNOWN}
    assert fold.state.digest == folded(log).state.digest


@pytest.mark.parametrize("value", [None, b"", b"{", b'{"type": "string"}', b"\xff", b"[]", b'"long"', b"{}"])
def test_a_bad_schema_stops_nothing(value: bytes | None) -> None:
    log = Log(REALM).group().add(Outgoing(REALM.schemas, b"x", value)).say(incident())
    fold = folded(log)
    assert codes(fold) == [RefusalCode.WRONG_SCHEMA]
    assert len(fold.state.view(BEGIN, {}, True).situations) == 1


@pytest.mark.parametrize("value", [None, b"", b"rubbish", GOOD.value])
def test_a_bad_registry_entry_stops_nothing(value: bytes | None) -> None:
    fold = folded(Log(REALM).group().add(Outgoing(REALM.actors, b"x", value)).say(incident()))
    assert len(codes(fold)) == 1
    assert len(fold.state.view(BEGIN, {}, True).situations) == 1


def test_readers_in_the_registry_say_nothing_of_actors() -> None:
    reader = ReaderEntry(slug="nordtel", name="Reader", audience=Audience.FULL)
    log = Log(REALM).add(*entries(REALM, [reader])).say(incident())  # type: ignore[list-item] # both are entries
    assert codes(folded(log)) == [RefusalCode.UNKNOWN_ACTOR]


def test_who_is_entered_later_is_heard_after_all() -> None:
    log = Log(REALM).say(incident(), at=BEGIN)
    fold = folded(log)
    assert codes(fold) == [RefusalCode.UNKNOWN_ACTOR]
    fold.apply(log.group(at=BEGIN + HOUR).records)
    assert not codes(fold)
    assert fold.state.quarantined == 0
    assert fold.state.digest == folded(log).state.digest
    assert not fold.needs_refold


def test_a_record_is_judged_by_the_entry_valid_when_it_was_known() -> None:
    until_then = Actor(slug="nordtel", name="Nordtel", roles=(Role.MNO,), valid_until=BEGIN + HOUR)
    log = Log(REALM).group(until_then)
    log.say(incident(), at=BEGIN).say(incident(revision=2), at=BEGIN + HOUR)
    fold = folded(log)
    assert codes(fold) == [RefusalCode.UNKNOWN_ACTOR]
    assert "was not valid then" in next(iter(fold.quarantine.held.values())).refusal.text


def test_time_in_a_partition_never_goes_back() -> None:
    """A broker's clock was set back: the record is as late as the one before it."""
    until_then = Actor(slug="nordtel", name="Nordtel", roles=(Role.MNO,), valid_until=BEGIN + HOUR)
    log = Log(REALM).group(until_then)
    log.say(incident(), at=BEGIN + HOUR).say(incident(revision=2), at=BEGIN)
    assert codes(folded(log)) == [RefusalCode.UNKNOWN_ACTOR] * 2


def ended(actor: str) -> Actor:
    return Actor(slug=actor, name="Nordtel", roles=(Role.MNO,), valid_until=BEGIN - HOUR)


CORRECTIONS: dict[str, Callable[[Log], Log]] = {
    "validity": lambda log: log.group(ended("nordtel")),
    "role": lambda log: log.group(Actor(slug="samordning", name="Samordning", roles=(Role.OTHER,))),
    "speaks_for": lambda log: log.group(Actor(slug="stadsnat", name="Stadsnät", roles=(Role.MUNICIPAL,))),
}


@pytest.mark.parametrize("correct", CORRECTIONS.values(), ids=CORRECTIONS)
def test_what_would_be_refused_now_calls_for_a_fold_from_the_start(correct: Callable[[Log], Log]) -> None:
    log = Log(REALM).group()
    log.say(incident(), incident("stadsnat", on_behalf_of="kustfiber"), link())
    fold = folded(log)
    assert not codes(fold)
    fold.apply(correct(log).records)
    assert fold.needs_refold


def test_a_change_that_refuses_nothing_needs_no_new_fold() -> None:
    log = Log(REALM).group().say(incident())
    fold = folded(log)
    fold.apply(log.group(Actor(slug="nordtel", name="Nordtel AB", roles=(Role.MNO,), cadence_minutes=5)).records)
    fold.apply(log.group(ended("sveamobil")).records)
    assert not fold.needs_refold


def test_the_past_is_a_prefix_of_every_partition() -> None:
    log = Log(REALM).group().say(incident(), at=BEGIN)
    then = folded(log)
    log.say(incident(revision=2), at=BEGIN + HOUR)
    log.say(incident("sveamobil"), at=BEGIN)
    log.group(ended("nordtel"), at=BEGIN + HOUR)
    past = Fold(REALM, until=BEGIN)
    past.apply(log.records)
    assert past.inputs == {**then.inputs, f"{REALM}.incident.v1.sveamobil:0": 1}
    assert not codes(past)


def test_folding_twice_is_folding_once() -> None:
    log = Log(REALM).group().say(incident(), status()).add(moved(GOOD, value=b"rubbish"))
    once, twice = folded(log), folded(log)
    twice.apply(log.records)
    assert (twice.inputs, twice.state.digest) == (once.inputs, once.state.digest)
    assert twice.state.view(BEGIN, {}, True) == once.state.view(BEGIN, {}, True)


EVENTS = [
    *entries(REALM, [Actor(slug="nordtel", name="Nordtel", roles=(Role.MNO,))]),
    *entries(REALM, [Actor(slug="samordning", name="Samordning", roles=(Role.COORDINATION,))]),
    *entries(REALM, [Actor(slug="nordtel", name="Nordtel", roles=(Role.MNO,), cadence_minutes=9)]),
    schema_record(REALM, newer_incident_schema()),
    record(REALM, incident()),
    record(REALM, incident(revision=2, impacts=(ServiceImpact(service=Service.DNS, impact=Impact.DEGRADED),))),
    record(REALM, incident()),
    newer_record(REALM, incident(id="I-3")),
    moved(GOOD, value=b"rubbish"),
    record(REALM, incident("sveamobil")),
    record(REALM, status()),
    record(REALM, link()),
]


@settings(deadline=None)
@given(st.permutations(range(len(EVENTS))))
def test_the_interleaving_of_partitions_does_not_matter(order: Sequence[int]) -> None:
    """Partitions are read in any order; within each, offsets rise."""
    log = Log(REALM).add(*EVENTS)
    by_topic: dict[str, list[Stored]] = {}
    for stored in log.records:
        by_topic.setdefault(stored.topic, []).append(stored)
    interleaved = [by_topic[log.records[place].topic].pop(0) for place in order]
    fold = Fold(REALM)
    for stored in interleaved:
        fold.apply([stored])
    reference = folded(log)
    assert not fold.needs_refold
    assert fold.inputs == reference.inputs
    assert sorted(codes(fold)) == sorted(codes(reference))
    assert fold.state.view(BEGIN, fold.inputs, True) == reference.state.view(BEGIN, reference.inputs, True)


def test_a_flood_of_rubbish_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumers.quarantine.MEMORY", 10)
    log = Log(REALM).group().add(*(moved(GOOD, value=b"rubbish %d" % n) for n in range(3)))
    log.add(newer_record(REALM, incident()))
    fold = folded(log)
    assert len(fold.quarantine) == 4
    kept = [held.record.value for held in fold.quarantine.held.values()]
    assert kept[0] == b"rubbish 0"
    assert kept[1:3] == [None, None], "their places are known, their bytes stand in the log"
    assert kept[3], "what a schema may yet release is kept whole"
    fold.apply(log.add(schema_record(REALM, newer_incident_schema())).records)
    assert len(fold.quarantine) == 3
