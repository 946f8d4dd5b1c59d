"""What left the memory for the disk is there as it was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bus.codec import Codec
from bus.vocabulary import Audience
from consumers.fold import Fold
from consumers.merge import FEEDS
from consumers.shelf import TemporaryShelf
from tests.property.strategies import instants
from tests.property.test_recall import REALM, logs


@given(logs(), st.data())
def test_a_fold_with_a_shelf_is_one_without(log, data):
    codec = Codec()
    shelved = Fold(REALM, codec, shelf=TemporaryShelf(codec, saved_at_once=data.draw(st.integers(1, 2))))
    whole = Fold(REALM)
    for record in log:
        shelved.apply([record])
        whole.apply([record])
        if data.draw(st.booleans()):
            shelved.state.archive(data.draw(instants))
        if data.draw(st.booleans()):
            as_of = data.draw(instants)
            assert shelved.state.view(as_of, {}, True) == whole.state.view(as_of, {}, True)
    as_of, audience = data.draw(instants), data.draw(st.sampled_from(FEEDS))
    assert shelved.state.digest == whole.state.digest
    assert shelved.projections.view(audience, as_of, {}, True) == whole.projections.view(audience, as_of, {}, True)
    assert shelved.projections.items(Audience.FULL, as_of) == whole.projections.items(Audience.FULL, as_of)
