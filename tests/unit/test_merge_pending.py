"""Which answers are waited for: consent to measures, and what is claimed of another operator's incident."""

from __future__ import annotations

import pytest

from bus.messages import Dependency
from bus.vocabulary import AckAnswer, AckSubject, Certainty, DependencyKind, IncidentState, MeasureState
from tests.merging import LATER, ack, at, fold, incident, measure, picture

A = AckAnswer
CABLE = "incident/kustfiber/C"
OURS = "incident/nordtel/I-1"


def cable(**fields):
    return incident("kustfiber", "C", **fields)


def victim(ref: str = CABLE, certainty: Certainty = Certainty.LIKELY, **fields):
    fibre = Dependency(kind=DependencyKind.TRANSPORT_FIBRE, ref=ref, certainty=certainty)
    return incident("nordtel", caused_by=(fibre,), **fields)


def pending(*messages) -> list[tuple[str, str, AckSubject]]:
    return [(found.ref, found.actor, found.subject) for found in picture(*messages).pending_acks]


WAITED = [(OURS, "kustfiber", AckSubject.CAUSE)]
CLAIMS = {
    "a cause that another is said to be": ([victim(), cable()], WAITED),
    "also where that is over": ([victim(), cable(state=IncidentState.CLOSED)], WAITED),
    "accepted": ([victim(), cable(), ack(OURS, A.CAUSE_ACCEPTED, "kustfiber")], []),
    "disputed is answered too": ([victim(), cable(), ack(OURS, A.CAUSE_DISPUTED, "kustfiber")], []),
    "read is not answered": ([victim(), cable(), ack(OURS, A.READ, "kustfiber")], WAITED),
    "another's answer is not": ([victim(), cable(), ack(OURS, A.CAUSE_ACCEPTED, "sveamobil")], WAITED),
    "an answer to another incident is not": ([victim(), cable(), ack(CABLE, A.CAUSE_ACCEPTED, "kustfiber")], WAITED),
    "one that it calls unlikely": ([victim(certainty=Certainty.UNLIKELY), cable()], []),
    "one that is not known here": ([victim()], []),
    "one that was retracted": ([victim(), cable(state=IncidentState.RETRACTED)], []),
    "its own": ([victim("incident/nordtel/I-2"), incident("nordtel", "I-2")], []),
    "when it is over itself": ([victim(state=IncidentState.RESTORED), cable()], []),
    "a report on behalf of the other is its own": (
        [incident("samordning", on_behalf_of="kustfiber", caused_by=victim().message.caused_by), cable()],
        [],
    ),
}


@pytest.mark.parametrize("case", CLAIMS)
def test_a_claim_of_cause_waits_for_the_one_who_is_said_to_cause_it(case):
    messages, expected = CLAIMS[case]
    assert pending(*messages) == expected


TWICE = [(OURS, "kustfiber", AckSubject.DUPLICATE)]
DUPLICATES = {
    "of another's": ([], TWICE),
    "confirmed": ([ack(OURS, A.DUPLICATE_CONFIRMED, "kustfiber")], []),
    "denied": ([ack(OURS, A.DUPLICATE_DENIED, "kustfiber")], []),
    "an answer about the cause is another": ([ack(OURS, A.CAUSE_ACCEPTED, "kustfiber")], TWICE),
}


@pytest.mark.parametrize("case", DUPLICATES)
def test_a_duplicate_of_anothers_incident_waits_for_its_word(case):
    answers, expected = DUPLICATES[case]
    assert pending(cable(), incident("nordtel", duplicate_of=CABLE), *answers) == expected


def test_a_duplicate_of_its_own_incident_waits_for_nobody():
    assert pending(incident("nordtel", "I-2"), incident("nordtel", duplicate_of="incident/nordtel/I-2")) == []


def test_it_says_about_what_and_since_when_whatever_the_order():
    told = [victim(known_at=at(2)), victim(revision=2, known_at=at(3)), cable()]
    (found,) = picture(*told, as_of=at(4)).pending_acks
    assert (found.about, found.since) == (CABLE, at(3))
    assert picture(*told[::-1], as_of=at(4)).pending_acks == (found,)


def test_a_measure_waits_for_those_who_have_not_accepted_it():
    told = measure(hosts=("sveamobil",), guests=("fjallmobil",))
    accepted = ack("measure/nordtel/M-1", A.ACCEPTED)
    assert pending(told, accepted) == [("measure/nordtel/M-1", "fjallmobil", AckSubject.MEASURE)]
    assert pending(told, measure(revision=2, state=MeasureState.ENDED, hosts=("sveamobil",))) == []


def test_a_feed_tells_each_answer_by_itself_until_it_is_given():
    told = measure(hosts=("sveamobil",), guests=("fjallmobil",))
    state = fold(told, victim(), cable())
    waited = {key: item for key, item in state.changes(LATER).items() if key.startswith("pending/")}
    assert sorted(item.actor for item in waited.values()) == ["fjallmobil", "kustfiber", "sveamobil"]
    assert waited.keys() == {f"pending/{item.id}" for item in waited.values()}
    state.apply(ack("measure/nordtel/M-1", A.ACCEPTED))
    state.apply(ack(OURS, A.CAUSE_DISPUTED, "kustfiber", id="A-2"))
    gone = {waited[key].actor for key, item in state.changes(LATER).items() if key in waited and item is None}
    assert gone == {"sveamobil", "kustfiber"}


def test_who_is_waited_for_follows_what_is_told_of_the_other_incident():
    state = fold(victim())
    assert state.view(LATER, {}, True).pending_acks == ()
    state.apply(cable())
    assert [found.actor for found in state.view(LATER, {}, True).pending_acks] == ["kustfiber"]
    state.apply(cable(revision=2, state=IncidentState.RETRACTED))
    assert state.view(LATER, {}, True).pending_acks == ()
