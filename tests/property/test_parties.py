"""A situation that is taken apart says what it says in one piece."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumers.merge import parties
from tests.property.folds import fold
from tests.property.strategies import START, acks, decisions, envelopes, incidents, instants, reported

EVENT = "storm:one"
"""What all of them name, so that there is one situation."""
AFTER = START + timedelta(days=2)


@st.composite
def of_one_event(draw: st.DrawFn):
    incident = draw(reported() | incidents())
    return incident.model_copy(update={"event_refs": (EVENT,)})


storms = st.lists(envelopes(of_one_event() | of_one_event() | acks() | decisions()), min_size=2, max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(storms, st.lists(instants, min_size=12, max_size=12))
def test_parties_that_are_remembered_say_what_all_say_together(monkeypatch, messages, clock):
    with monkeypatch.context() as patch:
        patch.setattr(parties, "MANY", 1)
        apart = fold([])
        views = []
        for envelope, as_of in zip(messages, clock, strict=False):
            apart.apply(envelope)
            views.append(apart.view(as_of, {}, True))
        views.append(apart.view(AFTER, {}, True))
    for count, found in enumerate(views[:-1], start=1):
        assert fold(messages[:count]).view(found.as_of, {}, True) == found
    assert fold(messages).view(AFTER, {}, True) == views[-1]
