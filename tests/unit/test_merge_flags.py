"""Odd messages are taken all the same, and their oddness is told with the name of the offender."""

from __future__ import annotations

from itertools import pairwise
from string import Formatter

import pytest

from bus.messages import Dependency, Energy, Sites
from bus.vocabulary import AckAnswer, CountBasis, DependencyKind, IncidentState
from consumers.merge.flags import LEGAL_TRANSITIONS, TEXTS
from consumers.merge.situations import situation_id
from consumers.sentences import sentences_of
from consumers.words import Language
from tests.merging import ack, at, count, flags, fold, incident, measure, must, picture, said

REF = "incident/nordtel/I-1"
NOWHERE = "incident/tretton/Z"


def revisions(*states: str):
    return [incident(revision=i, state=state) for i, state in enumerate(states, start=1)]


def counted(*told):
    return [incident(revision=i, users=users) for i, users in enumerate(told, start=1)]


RAISED = {
    "REVISION_GAP": {
        "one left out": [incident(revision=1), incident(revision=3)],
        "the gap stays though the latest is known": [incident(revision=r) for r in (1, 2, 5)],
    },
    "FUTURE_TIME": {
        "sent after it was known": [incident(sent_at=at(1), known_at=at(minutes=54))],
        "observed after it was known": [incident(observed_at=at(2), sent_at=at(1))],
        "began after it was known": [incident(started_at=at(2), sent_at=at(1))],
        "restored after it was known": [incident(restored_at=at(2), sent_at=at(1))],
        "found after it was known": [incident(detected_at=at(2), sent_at=at(1))],
    },
    "REFERENCE_TO_NOTHING": {
        "related_to": [incident(related_to=(NOWHERE,))],
        "duplicate_of": [incident(duplicate_of=NOWHERE)],
        "a situation that is not there": [measure(targets=("situation/sit-0123456789abcdef",))],
        "caused_by": [incident(caused_by=(Dependency(kind=DependencyKind.POWER, ref=NOWHERE),))],
        "power_incident": [incident(energy=Energy(power_incident=NOWHERE))],
        "a link": [incident(), must("nordtel/I-1", "tretton/Z")],
        "an answer": [ack(NOWHERE, AckAnswer.ACCEPTED)],
        "a measure": [measure(targets=(NOWHERE,))],
        "what was retracted": [
            incident(related_to=(NOWHERE,)),
            incident("tretton", "Z"),
            incident("tretton", "Z", revision=2, state=IncidentState.RETRACTED),
        ],
    },
    "COUNT_JUMP": {
        "ten times as many": counted(count(100), count(1_000)),
        "in an earlier step": counted(count(100), count(1_000), count(1_000)),
    },
    "OVER_100_PERCENT": {
        "more sites out than there are": [incident(sites=Sites(served=10, out=11))],
        "more on backup than there are": [incident(sites=Sites(served=10, on_backup=11))],
    },
    "REVISION_REGRESSION": {
        "a lower one sent later": [incident(revision=2, sent_at=at(1)), incident(revision=1, sent_at=at(2))],
    },
    "EQUIVOCATION": {
        "two titles": [incident(title="Ett"), incident(title="Två")],
        "of an earlier revision": [incident(title="Ett"), incident(title="Två"), incident(revision=2)],
    },
    "DUPLICATE_CYCLE": {"itself": [incident(duplicate_of=REF)]},
}
CASES = [(code, name) for code, cases in RAISED.items() for name in cases]


@pytest.mark.parametrize(("code", "name"), CASES, ids=[f"{code}: {name}" for code, name in CASES])
def test_what_is_odd_is_taken_and_flagged(code, name):
    messages = RAISED[code][name]
    for order in (messages, messages[::-1]):
        found = picture(*order)
        assert [flag.code for flag in found.flags] == [code]
        assert found.flags[0].refs[0] in {e.message.reference for e in messages}
        assert found.flags[0].text


UNREMARKABLE = {
    "one message": [incident()],
    "the first that is known is not the first": [incident(revision=4)],
    "revisions that are instants in milliseconds": [
        said(incident().message.model_copy(update={"revision": 10**12 + r})) for r in (0, 60_000)
    ],
    "late and out of order": [incident(revision=r, sent_at=at(minutes=r)) for r in (3, 1, 2)],
    "a clock five minutes ahead": [incident(sent_at=at(1), known_at=at(minutes=55))],
    "a forecast lies in the future": [incident(next_update_at=at(90))],
    "ten times as many, counted another way": counted(count(100), count(1_000, basis=CountBasis.MEASURED)),
    "not quite ten times as many": counted(count(100), count(999)),
    "from a known zero": counted(count(0), count(1_000)),
    "from an unknown number": counted(None, count(1_000)),
    "ten times fewer": counted(count(1_000), count(1)),
    "all sites out": [incident(sites=Sites(served=10, out=10))],
    "of an unknown number of sites": [incident(sites=Sites(out=10))],
    "a reference to what comes later": [incident(related_to=(NOWHERE,)), incident("tretton", "Z")],
    "a reference to a situation": [incident(), measure(targets=(f"situation/{situation_id(REF)}",))],
    "a reference that a later revision drops": [incident(related_to=(NOWHERE,)), incident(revision=2)],
}


@pytest.mark.parametrize("case", UNREMARKABLE)
def test_what_is_not_odd(case):
    assert flags(*UNREMARKABLE[case]) == []


def test_a_reference_that_comes_to_lead_somewhere_is_flagged_no_more():
    state = fold(incident(related_to=(NOWHERE,)))
    (key,) = (key for key in state.changes(at(1)) if key.startswith("flag/"))
    state.apply(incident("tretton", "Z"))
    assert state.changes(at(1))[key] is None


LEGAL = [
    ("SUSPECTED", "CONFIRMED", "MITIGATED", "RESTORING", "RESTORED", "CLOSED"),
    ("SUSPECTED", "RESTORED"),
    ("SUSPECTED", "CLOSED"),
    ("CONFIRMED", "CONFIRMED"),
    ("MITIGATED", "CONFIRMED"),
    ("RESTORED", "CONFIRMED"),
    ("RESTORED", "RESTORING"),
    ("CLOSED", "CONFIRMED"),
    ("CLOSED", "RESTORING"),
    *((state.value, "RETRACTED") for state in IncidentState),
]
ILLEGAL = [
    ("CONFIRMED", "SUSPECTED"),
    ("MITIGATED", "SUSPECTED"),
    ("RESTORING", "CONFIRMED"),
    ("RESTORING", "MITIGATED"),
    ("RESTORED", "SUSPECTED"),
    ("RESTORED", "MITIGATED"),
    ("CLOSED", "SUSPECTED"),
    ("CLOSED", "MITIGATED"),
    ("CLOSED", "RESTORED"),
    ("RETRACTED", "CONFIRMED"),
    ("RETRACTED", "CLOSED"),
]


@pytest.mark.parametrize("states", LEGAL, ids=" ".join)
def test_forward_at_any_pace_and_reopening_need_no_remark(states):
    assert "ILLEGAL_TRANSITION" not in flags(*revisions(*states))
    assert set(pairwise(states)) <= LEGAL_TRANSITIONS


@pytest.mark.parametrize("states", ILLEGAL, ids=" ".join)
def test_other_steps_back_are_flagged_and_stand(states):
    found = picture(*revisions(*states))
    assert [(flag.code, flag.refs) for flag in found.flags] == [("ILLEGAL_TRANSITION", (REF,))]
    assert len(found.situations) == 1


def test_a_gap_is_filled_by_the_late_message():
    assert flags(*(incident(revision=r, sent_at=at(minutes=r)) for r in (1, 3, 2))) == []


@pytest.mark.parametrize("language", Language)
def test_every_text_is_said_in_every_language_with_the_same_facts(language):
    said_there = sentences_of(language).flag_texts
    assert said_there.keys() == TEXTS.keys()
    for name, text in TEXTS.items():
        assert _facts_in(said_there[name]) == _facts_in(text)


def _facts_in(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


SAID = {
    "revision 2 rättar 10 drabbade till 12\N{NARROW NO-BREAK SPACE}000": counted(count(10), count(12_000)),
    "revision 2 går från bekräftad till misstänkt": revisions("CONFIRMED", "SUSPECTED"),
    "12 sajter på reservkraft, av 10": [incident(sites=Sites(served=10, on_backup=12))],
    "revision 1: starttiden ligger efter att bussen fick meddelandet; går klockan rätt?": [
        incident(started_at=at(2), sent_at=at(1))
    ],
    f"{NOWHERE} är okänd här": [incident(related_to=(NOWHERE,))],
}


@pytest.mark.parametrize("sentence", SAID)
def test_staff_read_it_in_their_language(sentence):
    (found,) = picture(*SAID[sentence]).flags
    assert sentences_of(Language.SWEDISH).flag(found) == sentence


def test_what_a_newer_hub_says_is_told_in_its_own_words():
    (found,) = picture(*counted(count(10), count(12_000))).flags
    says = sentences_of(Language.SWEDISH)
    for changed in ({"code": "NEWER"}, {"case": "NEWER"}, {"facts": {}}):
        assert says.flag(found.model_copy(update=changed)) == found.text
