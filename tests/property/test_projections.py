"""P12: no projection shows what is above its audience's ceiling, and each says what it withheld.

Shown as non-interference: a projection is that of the visible messages alone, whatever else there is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.codec import content_hash, encode
from bus.envelope import Envelope
from bus.messages import Part, Users
from bus.topics import Realm
from bus.vocabulary import Audience, Tlp
from consumers.merge import FEEDS, Projections, State, View, default_rules
from consumers.merge.state import is_retracted
from consumers.public import public_picture
from tests.property.strategies import REGISTRY, envelopes, incidents, instants, sets_of_messages
from tests.property.test_merge import by_order, distinct, fold

PROJECTED = (Audience.AUTHORITY, Audience.PEER)
MAY_SEE = {
    Audience.AUTHORITY: {Tlp.CLEAR, Tlp.GREEN, Tlp.AMBER, Tlp.AMBER_STRICT},
    Audience.PEER: {Tlp.CLEAR, Tlp.GREEN, Tlp.AMBER},
    Audience.PUBLIC: {Tlp.CLEAR},
}
SECRET = "hemligt"
SECRET_NUMBER = 7_654_321

audiences = st.sampled_from(PROJECTED)


def projected(messages: Iterable[Envelope]) -> Projections:
    state = State(Realm())
    state.registry = REGISTRY
    projections = Projections(state)
    for e in messages:
        projections.apply(e)
    return projections


def view(messages: Iterable[Envelope], audience: Audience, as_of: datetime) -> View:
    return projected(messages).view(audience, as_of, {}, True)


def visible(messages: Iterable[Envelope], audience: Audience, as_of: datetime) -> tuple[list[Envelope], dict[str, int]]:
    """What the audience may see of the messages, and how many entities of the picture are withheld from it: read
    plainly.
    """
    kept: list[Envelope] = []
    withheld: list[str] = []
    for told in distinct(messages).values():
        winner = max(told, key=by_order).message
        if winner.tlp in MAY_SEE[audience]:
            kept += [e for e in told if e.message.tlp in MAY_SEE[audience]]
        elif not is_retracted(winner):
            withheld.append(winner.reference)
    past = fold(messages).past_among(withheld, as_of)
    return kept, dict(Counter(f"tlp:{ref.partition('/')[0]}" for ref in withheld if ref not in past))


@given(sets_of_messages, audiences, instants)
def test_p12_a_projection_is_that_of_the_visible_messages_alone(messages, audience, as_of):
    kept, withheld = visible(messages, audience, as_of)
    found, alone = view(messages, audience, as_of), view(kept, audience, as_of)
    assert found.withheld == withheld
    assert alone.withheld == {}
    assert found.model_copy(update={"withheld": {}}).model_dump_json() == alone.model_dump_json()


@given(sets_of_messages, instants, st.booleans())
def test_p12_the_public_hears_what_is_clear_and_nothing_else(messages, as_of, others_asked):
    kept, withheld = visible(messages, Audience.PUBLIC, as_of)
    projections = projected([])
    if others_asked:
        projections.changes(as_of)
    for e in messages:
        projections.apply(e)
    found, alone = public_picture(projections, as_of), public_picture(projected(kept), as_of)
    assert found.counties == alone.counties
    assert found.complete is not bool(withheld)


@st.composite
def secrets(draw: st.DrawFn, audience: Audience) -> Envelope:
    """A report that the audience may not see, of an incident of its own, or not the last word on another."""
    tlp = draw(st.sampled_from(sorted(set(Tlp) - MAY_SEE[audience])))
    told = draw(envelopes(incidents()))
    fields = {
        "tlp": tlp,
        "id": SECRET,
        "title": SECRET,
        "event_refs": (*told.message.event_refs, SECRET),
        "infrastructure_ids": (SECRET, "cable:1"),
        "users": Users(value=SECRET_NUMBER),
    }
    message = told.message.model_copy(update=fields)
    return Envelope(message, content_hash(encode(message)), told.sent_at, told.known_at)


@given(sets_of_messages, audiences, instants, st.data())
def test_p12_nothing_of_what_is_withheld_is_in_any_byte(messages, audience, as_of, data):
    added = data.draw(st.lists(secrets(audience), min_size=1, max_size=3))
    told = data.draw(st.permutations([*messages, *added]))
    projections = projected(told)
    shown = projections.view(audience, as_of, {}, True).model_dump_json().encode()
    shown += b"".join(map(encode, projections.items(audience, as_of).values()))
    shown += encode(projections.summary(audience, as_of))
    assert SECRET.encode() not in shown
    assert str(SECRET_NUMBER).encode() not in shown
    before = view(messages, audience, as_of).model_copy(update={"withheld": {}})
    assert view(told, audience, as_of).model_copy(update={"withheld": {}}) == before


@given(sets_of_messages, audiences, instants, st.data())
def test_p12_what_was_marked_higher_before_its_last_word_counts_for_nothing(messages, audience, as_of, data):
    """An earlier revision above the ceiling, of an entity whose last word is below it."""
    last = data.draw(envelopes(incidents()))
    last = Envelope(
        last.message.model_copy(update={"revision": 9, "tlp": Tlp.AMBER}), b"\x09" * 32, last.sent_at, last.known_at
    )
    earlier = data.draw(secrets(audience))
    earlier = Envelope(
        earlier.message.model_copy(update={"actor": last.message.actor, "id": last.message.id}),
        b"\x08" * 32,
        earlier.sent_at,
        earlier.known_at,
    )
    told = data.draw(st.permutations([*messages, last, earlier]))
    assert view(told, audience, as_of) == view([*messages, last], audience, as_of)
    assert SECRET not in view(told, audience, as_of).model_dump_json()


@st.composite
def remarked(draw: st.DrawFn) -> Envelope:
    """One of few reports that are told again and again with other marks: what is visible goes, and comes back."""
    told = draw(envelopes(incidents(("nordtel",))))
    fields = {
        "id": draw(st.sampled_from(("A", "B"))),
        "revision": draw(st.integers(1, 6)),
        "tlp": draw(st.sampled_from((Tlp.AMBER, Tlp.AMBER, Tlp.AMBER_STRICT, Tlp.RED))),
    }
    message = told.message.model_copy(update=fields)
    return Envelope(message, content_hash(encode(message)), told.sent_at, told.known_at)


remarked_often = st.lists(remarked() | remarked() | envelopes(), min_size=4, max_size=9)


@given(remarked_often, st.lists(instants, min_size=9, max_size=9), st.data())
def test_p14_each_feed_message_by_message_is_from_scratch(messages, clock, data):
    """Whenever a projection is asked for first, and whatever is above the ceiling by then; prepared or not."""
    projections = projected([])
    replayed: dict[Audience, dict[str, Part]] = {audience: {} for audience in FEEDS}
    begun = False
    for count, (envelope, as_of) in enumerate(zip(messages, sorted(clock), strict=False), start=1):
        projections.apply(envelope)
        begun = begun or data.draw(st.booleans())
        if not begun:
            continue
        for audience in data.draw(st.lists(st.sampled_from(FEEDS), max_size=2)):
            projections.prepare(audience, as_of)
        for audience, changed in projections.changes(as_of).items():
            replay(replayed[audience], changed)
        scratch = projected(messages[:count])
        for audience in FEEDS:
            assert replayed[audience] == projections.items(audience, as_of) == scratch.items(audience, as_of)
            assert projections.summary(audience, as_of) == scratch.summary(audience, as_of)
            assert projections.view(audience, as_of, {}, True) == scratch.view(audience, as_of, {}, True)


def replay(picture: dict[str, Part], changed: Mapping[str, Part | None]) -> None:
    """A feed tells no change that is none."""
    for key, item in changed.items():
        assert picture.get(key) != item
        if item is None:
            del picture[key]
        else:
            picture[key] = item


@given(sets_of_messages, instants)
def test_full_withholds_nothing(messages, as_of):
    assert view(messages, Audience.FULL, as_of) == fold(messages).view(as_of, {}, True)
    assert view(messages, Audience.FULL, as_of).withheld == {}


@given(sets_of_messages, audiences, instants)
def test_no_asset_is_named(messages, audience, as_of):
    assert "cable:1" not in view(messages, audience, as_of).model_dump_json()


@given(sets_of_messages, instants)
def test_competitors_learn_numbers_in_buckets_that_hold_the_truth(messages, as_of):
    edges = {0, *default_rules().buckets}
    kept, _ = visible(messages, Audience.PEER, as_of)
    full = {s.id: s for s in view(kept, Audience.FULL, as_of).situations}
    peer = view(messages, Audience.PEER, as_of)
    for found, truth in [(peer.totals.users, view(kept, Audience.FULL, as_of).totals.users)] + [
        (s.users, full[s.id].users) for s in peer.situations
    ]:
        for service, users in found.items():
            for shown, exact in [(users, truth[service])] + [
                (part, truth[service].by_impact[impact]) for impact, part in users.by_impact.items()
            ]:
                assert shown.best is None
                assert shown.low in edges
                assert shown.low <= exact.low
                assert shown.high is None or (shown.high in edges and exact.high <= shown.high)
                assert shown.unknown_reports == exact.unknown_reports


@pytest.mark.parametrize("audience", PROJECTED)
@given(secret=st.data(), as_of=instants)
def test_p12_the_mark_alone_decides(audience, secret, as_of):
    """The same report, marked so that the audience may see it, is seen."""
    told = secret.draw(secrets(audience))
    opened = Envelope(told.message.model_copy(update={"tlp": Tlp.AMBER}), b"\x01" * 32, told.sent_at, told.known_at)
    assert view([told], audience, as_of).situations == ()
    assert len(view([opened], audience, as_of).situations) == len(view([opened], Audience.FULL, as_of).situations)
