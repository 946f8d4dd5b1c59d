"""A feed tells its readers the same picture as the log tells the coordination group."""

from __future__ import annotations

import pytest

from bus.errors import BusUnavailable
from bus.settings import Settings
from bus.topics import Realm
from bus.transport.memory import MemoryTransport
from bus.vocabulary import Audience
from consumers.merge import FEEDS, Projections, State, View
from consumers.shown import read_view, view_of
from tests.merging import GROUP, LATER
from tests.unit.test_merge_view import storm


def comparable(view: View) -> View:
    """Without what no feed tells, or not as of now, and with the spanning set of links in one order."""
    untold: dict[str, object] = {"suggestions": (), "user_hours": {}, "user_hours_as_of": None}
    situations = tuple(
        s.model_copy(update=untold | {"links": tuple(sorted(s.links, key=lambda li: (li.a, li.b)))})
        for s in view.situations
    )
    return view.model_copy(update={"situations": situations})


@pytest.mark.parametrize("audience", FEEDS)
def test_the_view_from_a_feed_is_the_view_but_for_what_no_feed_tells(audience: Audience) -> None:
    state = State(Realm())
    state.registry = GROUP
    projections = Projections(state)
    for envelope in storm():
        projections.apply(envelope)
    found = view_of(projections.items(audience, LATER), projections.summary(audience, LATER))
    expected = projections.view(audience, LATER, {}, True)
    assert expected.situations
    assert expected.energy
    assert expected.pending_acks
    assert comparable(found).model_dump_json() == comparable(expected).model_dump_json()


async def test_a_feed_that_nobody_writes_is_told() -> None:
    bus = MemoryTransport()
    bus.create(Realm().view_peer, compacted=True)
    with pytest.raises(BusUnavailable, match="is a hub running"):
        await read_view(Settings(realm="ntsg"), Audience.PEER, patience=0.1, transport=bus)
