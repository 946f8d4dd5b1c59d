"""Messages with equal content are one message, sent and known as early as the earliest copy of it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import permutations

import pytest

from bus.codec import encode
from bus.messages import Message
from bus.topics import Realm
from bus.vocabulary import IncidentState
from consumers.merge import State, Trace
from tests.merging import GROUP, LATER, at, count, flags, fold, incident, only, picture, users

FIRST = incident(revision=1, title="Avbrott")
COPIES = (
    replace(FIRST, sent_at=at(minutes=5), known_at=at(minutes=5)),
    replace(FIRST, sent_at=at(minutes=3), known_at=at(minutes=30)),
    replace(FIRST, sent_at=at(minutes=9), known_at=at(minutes=4)),
)


@pytest.mark.parametrize("order", list(permutations(COPIES)))
def test_copies_in_any_order_are_one_message_with_the_earliest_times(order):
    state = fold(*order)
    (place,) = (item for key, item in state.items(at(hours=1)).items() if key.startswith("incident/"))
    assert place.known_at == at(minutes=4)
    assert state.digest == fold(COPIES[0]).digest
    assert picture(*order) == picture(replace(FIRST, sent_at=at(minutes=3), known_at=at(minutes=4)))


def test_the_earliest_sent_at_of_a_copy_decides_an_equivocation():
    one, other = incident(title="Ett", sent_at=at(minutes=10)), incident(title="Två", sent_at=at(minutes=8))
    assert only(one, other).title == "Ett"
    assert only(one, other, replace(one, sent_at=at(minutes=6))).title == "Två"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_contents_at_one_revision_the_later_sent_stands_and_both_are_told_of(order):
    told = (incident(title="Ett", sent_at=at(minutes=10)), incident(title="Två", sent_at=at(minutes=8)))
    messages = [told[i] for i in order]
    assert only(*messages).title == "Ett"
    assert flags(*messages) == ["EQUIVOCATION"]


def test_sent_at_once_the_greater_content_hash_stands():
    one, other = incident(title="Ett"), incident(title="Två")
    assert only(one, other).title == max(one, other, key=lambda e: e.content).message.title


def test_a_higher_revision_stands_however_early_it_was_sent():
    assert (
        only(incident(revision=2, title="Ny", sent_at=at(minutes=1)), incident(sent_at=at(9), title="Gammal")).title
        == "Ny"
    )


def test_equal_facts_in_other_bytes_are_no_equivocation_but_another_message():
    respelt = replace(FIRST, content=hashlib.sha256(b"another spelling").digest())
    assert flags(FIRST, respelt) == []
    assert fold(FIRST, respelt).digest != fold(FIRST).digest
    assert only(FIRST, respelt).members == ("incident/nordtel/I-1",)


def test_a_retraction_that_arrives_before_the_update_it_follows_still_stands():
    retracted = incident(revision=5, state=IncidentState.RETRACTED)
    assert picture(retracted, incident(revision=4)).situations == ()


def test_applying_tells_news_from_repeats():
    state = fold(COPIES[0])
    assert not state.apply(COPIES[0])
    assert state.apply(COPIES[1])
    assert state.apply(incident(title="Annat"))


def test_a_late_lower_revision_changes_no_numbers():
    newest = incident(revision=3, users=count(100))
    assert users(newest, incident(revision=2, users=count(9_000), sent_at=at(5))) == users(newest) == (100, 100, 100, 0)


def test_of_what_was_replaced_only_what_is_asked_for_is_read():
    read: list[bytes] = []

    def reading(kind: str, value: bytes) -> Message:
        read.append(value)
        return held[value]

    told = [*(incident(revision=n) for n in range(1, 6)), incident(revision=5, title="Annat", sent_at=at(minutes=1))]
    held = {encode(envelope.message): envelope.message for envelope in told}
    state = State(Realm(), read=reading)
    state.registry = GROUP
    for envelope in told[:5]:
        state.take(envelope.message.reference, Trace.of(envelope, encode(envelope.message)))
    assert read == []
    assert state.view(LATER, {}, True) == picture(*told[:5])
    assert read == [encode(told[4].message)], "the winner alone"
    state.take(told[5].message.reference, Trace.of(told[5], encode(told[5].message)))
    assert state.view(LATER, {}, True) == picture(*told)
    earlier = replace(told[4], sent_at=at(minutes=0))
    state.take(earlier.message.reference, Trace.of(earlier, encode(earlier.message)))
    (situation,) = state.view(LATER, {}, True).situations
    assert situation.title == "Annat", "it was never the winner before"
