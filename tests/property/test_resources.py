"""Requests, offers and backup energy say the same however they come, and whatever the clock has been."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bus.vocabulary import Fulfilment
from tests.property.folds import compare_message_by_message, view
from tests.property.strategies import envelopes, instants, offers, powered, requests

resources = st.lists(envelopes(st.one_of(requests(), offers())), max_size=7)


@given(resources, st.lists(instants, min_size=7, max_size=7))
def test_p14_of_resources(messages, clock):
    compare_message_by_message(messages, clock)


@given(st.lists(envelopes(powered()), max_size=5), st.lists(instants, min_size=5, max_size=5))
def test_p14_of_energy(messages, clock):
    compare_message_by_message(messages, clock)


@given(resources, instants)
def test_what_is_missing_is_what_is_asked_for_and_not_promised(messages, as_of):
    for request in view(messages, as_of).requests:
        if request.quantity is None:
            assert request.offered is request.promised is request.missing is None
        else:
            assert request.promised <= request.offered
            assert request.missing in (None, max(0.0, request.quantity.value - request.promised))
        if request.missing == 0:
            assert request.fulfilment in (Fulfilment.FILLED, Fulfilment.OVER)
