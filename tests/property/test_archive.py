"""No result depends on what happens to be in memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bus.envelope import Envelope
from bus.messages import Part
from bus.topics import Realm
from bus.vocabulary import Audience
from consumers.merge import FEEDS, Projections, State
from tests.archives import DictArchive
from tests.property.folds import view
from tests.property.strategies import CLASHES, REGISTRY, answers, envelopes, instants, late, past

clashing = st.sampled_from(sorted(CLASHES)).flatmap(lambda of: st.one_of(*CLASHES[of]))
told = st.lists(envelopes(past()) | envelopes(past()) | envelopes(clashing) | envelopes(), min_size=3, max_size=9)


@st.composite
def answered(draw: st.DrawFn) -> list[Envelope]:
    """Messages that may collide, with answers to conflicts that stand at some time, in any order."""
    messages = draw(st.lists(envelopes(clashing), min_size=2, max_size=6))
    ids = sorted(
        {conflict.id for as_of in draw(st.lists(instants, max_size=2)) for conflict in view(messages, as_of).conflicts}
    )
    said = draw(st.lists(envelopes(answers(ids)), min_size=1, max_size=3)) if ids else []
    return draw(st.permutations([*messages, *said]))


clocks = late | late | instants
"""Mostly so late that something is out of memory when the next message comes."""


def projected(archive: DictArchive | None) -> tuple[State, Projections]:
    state = State(Realm(), archive=archive)
    state.registry = REGISTRY
    return state, Projections(state)


@given(told | answered(), st.data())
def test_a_state_that_archives_is_one_that_never_does(messages, data):
    """Whatever is told late, however the clock moves, and whoever asks whenever."""
    state, archiving = projected(DictArchive())
    kept, keeping = projected(None)
    replayed: dict[Audience, dict[str, Part | None]] = {audience: {} for audience in FEEDS}
    for envelope in messages:
        assert archiving.apply(envelope) == keeping.apply(envelope)
        if data.draw(st.booleans()):
            state.archive(data.draw(clocks))
        if data.draw(st.booleans()):
            as_of = data.draw(clocks)
            keeping.changes(as_of)
            for audience, changes in archiving.changes(as_of).items():
                replayed[audience] |= changes
                shown = {key: item for key, item in replayed[audience].items() if item is not None}
                assert shown == keeping.items(audience, as_of)
        if data.draw(st.booleans()):
            compare(archiving, keeping, data.draw(st.sampled_from(FEEDS)), data.draw(clocks))
    as_of = data.draw(clocks)
    state.archive(data.draw(clocks))
    assert state.digest == kept.digest
    for audience in FEEDS:
        compare(archiving, keeping, audience, as_of)


def compare(archiving: Projections, keeping: Projections, audience: Audience, as_of) -> None:
    assert archiving.view(audience, as_of, {}, True) == keeping.view(audience, as_of, {}, True)
    assert archiving.summary(audience, as_of) == keeping.summary(audience, as_of)
    assert archiving.items(audience, as_of) == keeping.items(audience, as_of)
