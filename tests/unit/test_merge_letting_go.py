"""What a state lets go of leaves no trace: of every kind of thing, one by one, and told again."""

from __future__ import annotations

import pytest

from bus.envelope import Envelope
from consumers.merge import State
from tests.merging import LATER, fold, incident, status
from tests.unit.test_merge_view import storm

REFS = sorted({envelope.message.reference for envelope in storm()})


def without(*refs: str) -> list[Envelope]:
    return [envelope for envelope in storm() if envelope.message.reference not in refs]


def settled(*messages: Envelope) -> State:
    """A state that has been asked before."""
    state = fold(*messages)
    state.changes(LATER)
    return state


def assert_same(state: State, other: State) -> None:
    assert state.digest == other.digest
    assert state.items(LATER) == other.items(LATER)
    assert state.view(LATER, {}, True).model_dump_json() == other.view(LATER, {}, True).model_dump_json()


@pytest.mark.parametrize("ref", REFS)
def test_it_is_as_if_it_had_never_been_told(ref: str) -> None:
    state = settled(*storm())
    state.let_go(ref)
    assert_same(state, fold(*without(ref)))


@pytest.mark.parametrize("ref", REFS)
def test_told_again_it_is_back(ref: str) -> None:
    state = settled(*storm())
    state.let_go(ref)
    state.changes(LATER)
    for envelope in storm():
        state.apply(envelope)
    assert_same(state, fold(*storm()))


def test_all_can_go() -> None:
    state = settled(*storm())
    for count, ref in enumerate(REFS, start=1):
        state.let_go(ref)
        assert_same(state, fold(*without(*REFS[:count])))


def test_what_was_never_told_can_be_let_go() -> None:
    state = settled(*storm())
    state.let_go("incident/tretton/Z")
    assert_same(state, fold(*storm()))


def test_an_actor_was_last_heard_when_it_last_said_what_is_still_there() -> None:
    state = settled(status(), incident(revision=7))
    state.let_go("incident/nordtel/I-1")
    assert_same(state, fold(status()))
