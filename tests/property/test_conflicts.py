"""Conflicts kept up to date pair by pair are those of a plain reading, and do not depend on order or history."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus import geography
from bus.envelope import Envelope
from bus.vocabulary import IncidentState
from consumers.merge import View
from consumers.merge.conflicts import places
from tests.property.folds import compare_message_by_message, fold, view
from tests.property.strategies import CLASHES, answers, envelopes, instants, links, troubles

CODES = ("00", "07", "06", "0780", "0781", "0680")


def clashes(of: str, max_size: int = 7) -> st.SearchStrategy[list[Envelope]]:
    return st.lists(envelopes(st.one_of(CLASHES[of])), max_size=max_size)


@st.composite
def answered(draw: st.DrawFn, of: str) -> list[Envelope]:
    """Messages that collide, and answers to some of the conflicts that they make, in any order."""
    told = draw(clashes(of))
    ids = [conflict.id for conflict in view(told, draw(instants)).conflicts]
    said = draw(st.lists(envelopes(answers(ids)), max_size=3)) if ids else []
    return draw(st.permutations([*told, *said]))


@pytest.mark.parametrize("of", CLASHES)
@given(data=st.data())
def test_p14_of_conflicts(of, data):
    """The clock may go back, too."""
    messages = data.draw(answered(of))
    clock = data.draw(st.lists(instants, min_size=len(messages), max_size=len(messages)))
    compare_message_by_message(messages, clock)


FAMILIES = st.sampled_from(sorted(CLASHES))


@given(data=st.data(), of=FAMILIES, as_of=instants)
def test_p1_of_conflicts(data, of, as_of):
    messages = data.draw(answered(of))
    shuffled = data.draw(st.permutations(messages))
    assert view(shuffled, as_of).conflicts == view(messages, as_of).conflicts


@given(data=st.data(), of=FAMILIES, published=envelopes(troubles()), as_of=instants)
def test_p13_of_conflicts(data, of, published, as_of):
    """Published and retracted is never published."""
    ref = published.message.reference
    others = [envelope for envelope in data.draw(clashes(of)) if envelope.message.reference != ref]
    retracted = published.message.model_copy(update={"state": IncidentState.RETRACTED, "revision": 9})
    unsaid = Envelope(retracted, b"\x02" * 32, published.sent_at, published.known_at)
    found, expected = view([*others, published, unsaid], as_of), view(others, as_of)
    assert (found.conflicts, found.measures, found.works) == (expected.conflicts, expected.measures, expected.works)


@given(st.lists(envelopes(st.one_of([of for family in CLASHES.values() for of in family])), max_size=9), instants)
def test_every_conflict_has_an_id_of_its_own_and_stays_small(messages, as_of):
    found = view(messages, as_of).conflicts
    assert len({conflict.id for conflict in found}) == len(found)
    assert all(conflict.subjects == tuple(sorted(set(conflict.subjects))) for conflict in found)


def _leads_to(ref: str, found: View) -> set[str]:
    """The situations that something is in or is for: read plainly."""
    kind, _, name = ref.partition("/")
    if kind == "measure":
        targets = [target for item in found.measures if item.ref == ref for target in item.targets]
        return {id_ for target in targets if not target.startswith("measure/") for id_ in _leads_to(target, found)}
    if kind == "situation":
        return {s.id for s in found.situations if name in (s.id, *s.aliases)}
    return {s.id for s in found.situations if ref in s.members or ref in s.duplicates}


@given(st.data(), instants)
def test_a_conflict_names_the_situations_that_its_subjects_lead_to(data, as_of):
    messages = data.draw(answered(data.draw(FAMILIES)))
    said = data.draw(st.lists(envelopes(links()), max_size=3))
    found = view([*messages, *said], as_of)
    for conflict in found.conflicts:
        expected = sorted({id_ for ref in conflict.subjects for id_ in _leads_to(ref, found)})
        assert conflict.situations == tuple(expected)
        assert conflict.situation_count == len(expected)


@given(st.lists(envelopes(st.one_of(CLASHES["places"])), max_size=7), instants)
def test_a_white_out_of_a_municipality_is_one_for_areas_and_for_conflicts(messages, as_of):
    found = view(messages, as_of)
    outs = {area.code: "OUTAGE" if area.all_mobile_down else "DEGRADED" for area in found.areas if area.white_out}
    told = {conflict.facts["code"]: conflict.case for conflict in found.conflicts if conflict.rule == "C16"}
    assert told == {code: case for code, case in outs.items() if len(code) == 4}


@given(st.data())
def test_what_was_let_go_collides_with_nothing(data):
    messages = data.draw(answered(data.draw(FAMILIES)))
    as_of, state = data.draw(instants), fold(messages)
    state.items(data.draw(instants))
    gone = data.draw(st.sets(st.sampled_from([e.message.reference for e in messages]))) if messages else set()
    for ref in gone:
        state.let_go(ref)
    kept = fold(envelope for envelope in messages if envelope.message.reference not in gone)
    assert state.items(as_of) == kept.items(as_of)


@given(st.sampled_from(CODES), st.sampled_from(CODES))
def test_who_looks_for_what_overlaps_finds_it(code, other):
    looked_at = set(places.overlapping("incident", [code]))
    assert looked_at.isdisjoint(places.standing("incident", [other])) is not geography.overlap(code, other)
    covered = set(places.covering("incident", [code]))
    assert covered.isdisjoint({places.exactly("incident", other)}) is not geography.contains(other, code)
    narrower = {code if geography.contains(other, code) else other} if geography.overlap(code, other) else set()
    assert places.common([code], [other]) == narrower
