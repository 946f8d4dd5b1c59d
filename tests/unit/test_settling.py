"""What is held in quarantine and settled by staff: counted no more, still held, and all of it a function of the log."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from bus.errors import InvalidInput, UnknownReference
from bus.messages import Decision
from bus.topics import Kind, Realm
from bus.transport.port import Outgoing, Stored
from bus.vocabulary import DecisionKind, DecisionState, MessageStatus
from consumers.fold import Fold
from consumers.hub.notices import NoticeState, notice
from consumers.quarantine import Place
from consumers.settling import held_at, message_in, settlement
from tests.group import (
    ACTORS,
    BEGIN,
    Log,
    entries,
    incident,
    newer_incident_schema,
    newer_record,
    record,
    schema_record,
)

REALM = Realm("ntsg")
TOPIC = REALM.input(Kind.INCIDENT, "nordtel")
RUBBISH = Outgoing(TOPIC, b"nordtel/I-1", b"rubbish")
FIRST = "quarantine/incident.v1.nordtel:0:0"


def decision(revision: int = 1, actor: str = "samordning", **fields: object) -> Decision:
    opening: dict[str, object] = {
        "actor": actor,
        "id": "Q-1",
        "revision": revision,
        "status": MessageStatus.ACTUAL,
        "observed_at": BEGIN,
        "decision": DecisionKind.NOTE,
        "state": DecisionState.ADOPTED,
        "title": "Karantän",
        "text": "Sänd på nytt.",
        "affects": (FIRST,),
    }
    return Decision.model_validate(opening | fields)


def folded(records: list[Stored]) -> Fold:
    fold = Fold(REALM)
    fold.apply(records)
    return fold


def test_what_is_settled_is_held_and_not_counted() -> None:
    log = Log(REALM).group().add(RUBBISH, Outgoing(TOPIC, b"nordtel/I-2", b"other"))
    assert len(folded(log.records).quarantine) == 2
    fold = folded(log.say(decision()).records)
    assert (len(fold.quarantine), len(fold.quarantine.held)) == (1, 2)
    assert fold.quarantine.settled == {Place(TOPIC, 0, 0): "decision/samordning/Q-1"}
    view = fold.state.view(BEGIN, fold.inputs, True)
    assert (view.quarantined, view.flags) == (1, ())


@pytest.mark.parametrize(
    "withdrawn",
    [
        decision(2, state=DecisionState.SUPERSEDED),
        decision(2, state=DecisionState.EXECUTED),
        decision(2, until=BEGIN + timedelta(days=900)),
        decision(2, affects=("quarantine/incident.v1.nordtel:0:7",)),
    ],
)
def test_a_decision_that_stands_no_more_settles_nothing(withdrawn: Decision) -> None:
    log = Log(REALM).group().add(RUBBISH).say(decision(), withdrawn)
    assert len(folded(log.records).quarantine) == 1
    assert len(folded(log.say(decision(3)).records).quarantine) == 0


def test_only_the_coordination_settles() -> None:
    fold = folded(Log(REALM).group().add(RUBBISH).say(decision(actor="nordtel")).records)
    assert len(fold.quarantine) == 2, "the record, and the decision of one who may not decide"


def test_copies_count_once_and_are_settled_together() -> None:
    log = Log(REALM).group().add(RUBBISH).say(decision()).add(RUBBISH)
    fold = folded(log.records)
    assert len(fold.quarantine) == 0
    assert fold.quarantine.settled.keys() == {Place(TOPIC, 0, 0), Place(TOPIC, 0, 1)}
    assert all(held is not None for held in fold.quarantine.changes().values())


@pytest.mark.parametrize("seed", range(20))
def test_no_interleaving_of_partitions_matters(seed: int) -> None:
    log = Log(REALM).group().add(RUBBISH, newer_record(REALM, incident())).say(decision(affects=(FIRST[:-1] + "1",)))
    log.say(decision(2, affects=(FIRST,))).add(RUBBISH, schema_record(REALM, newer_incident_schema()))
    lanes: dict[str, list[Stored]] = {}
    for stored in log.records:
        lanes.setdefault(stored.topic, []).append(stored)
    chance, fold = random.Random(seed), Fold(REALM)
    while lanes:
        topic = chance.choice(sorted(lanes))
        fold.apply([lanes[topic].pop(0)])
        if not lanes[topic]:
            del lanes[topic]
    whole = folded(log.records)
    assert (
        (len(fold.quarantine), fold.quarantine.settled)
        == (len(whole.quarantine), whole.quarantine.settled)
        == (
            0,
            {Place(TOPIC, 0, 0): "decision/samordning/Q-1", Place(TOPIC, 0, 2): "decision/samordning/Q-1"},
        )
    )


def test_what_is_settled_is_still_judged_again() -> None:
    log = Log(REALM).group().add(newer_record(REALM, incident())).say(decision())
    fold = folded(log.records)
    assert len(fold.quarantine) == 0
    fold.quarantine.changes()
    fold.apply(Log(REALM).add(schema_record(REALM, newer_incident_schema())).records)
    assert fold.quarantine.changes() == {Place(TOPIC, 0, 0): None}
    assert len(fold.state.view(BEGIN, fold.inputs, True).situations) == 1


def test_the_notice_names_the_decision() -> None:
    fold = folded(Log(REALM).group().add(RUBBISH).say(decision()).records)
    [(place, held)] = fold.quarantine.changes().items()
    told = notice(REALM, place, held, fold.quarantine.settled[place])
    assert (told.key, told.value) == (f"{TOPIC}/0/0".encode(), None)
    assert dict(told.headers) == {
        "ntsg_state": NoticeState.SETTLED.encode(),
        "ntsg_settled_by": b"decision/samordning/Q-1",
    }


def test_settling_is_a_decision_and_can_be_taken_back() -> None:
    log = Log(REALM).group().add(RUBBISH)

    def settled(fold: Fold, *, withdraw: bool = False) -> Decision:
        place, _ = held_at(fold, f"{TOPIC}/0/0")
        return settlement(
            fold, place, "samordning", reason="Sänd på nytt.", as_of=BEGIN, withdraw=withdraw, function="Vakthavande"
        )

    fold = folded(log.records)
    made = settled(fold)
    assert (made.affects, made.revision, made.based_on is not None) == ((FIRST,), 1, True)
    assert made.based_on is not None
    assert made.based_on.digest == fold.state.digest
    with pytest.raises(InvalidInput, match="is not settled by samordning"):
        settled(fold, withdraw=True)
    fold = folded(log.say(made).records)
    assert len(fold.quarantine) == 0
    with pytest.raises(InvalidInput, match="is settled already"):
        settled(fold)
    back = settled(fold, withdraw=True)
    assert (back.revision, back.id) == (2, made.id)
    fold = folded(log.say(back).records)
    assert len(fold.quarantine) == 1
    assert settled(fold).revision == 3


def test_what_is_not_held_cannot_be_settled() -> None:
    fold = folded(Log(REALM).group().add(RUBBISH).records)
    with pytest.raises(UnknownReference, match=r"did you mean ntsg\.incident\.v1\.nordtel/0/0"):
        held_at(fold, f"{TOPIC}/0/1")


def test_what_can_be_read_is_shown_whoever_sent_it() -> None:
    log = Log(REALM).add(record(REALM, incident()), RUBBISH)
    assert [message_in(REALM, stored) for stored in log.records] == [incident(), None]
    log = Log(REALM).add(*entries(REALM, ACTORS[:1]))
    assert message_in(REALM, log.records[0]) is None
