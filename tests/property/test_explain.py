"""Whatever the picture says can be explained, and the explanation adds up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from consumers.explaining import in_words
from consumers.merge.explain import Explanation
from consumers.merge.situations import situation_id
from consumers.merge.users import Standing
from consumers.words import ENGLISH, SWEDISH
from tests.property.folds import fold
from tests.property.strategies import instants, sets_of_messages


@given(sets_of_messages, instants)
def test_every_number_of_users_is_the_sum_of_what_its_explanation_lists(messages, as_of):
    state = fold(messages)
    for situation in state.view(as_of, {}, True).situations:
        accounts = [s for s in state.explain(f"situation/{situation.id}", as_of).sections if s.section == "users"]
        assert {account.service: {i.impact: i.range for i in account.impacts} for account in accounts} == {
            service: found.by_impact for service, found in situation.users.items()
        }
        for impact in (impact for account in accounts for impact in account.impacts):
            for bound in ("low", "best", "high"):
                told = getattr(impact.range, bound)
                assert told is None or told == sum(getattr(share.adds, bound) for share in impact.shares)
            other = sum(share.standing is Standing.OTHER_UNIT for share in impact.shares)
            assert impact.range.unknown_reports == len(impact.without_number) + other


@given(sets_of_messages, instants, st.sampled_from((SWEDISH, ENGLISH)))
def test_whatever_is_in_the_picture_is_explained_in_words_and_as_json(messages, as_of, words):
    state = fold(messages)
    refs = {e.message.reference for e in messages} | {ref for ref in state.items(as_of) if not ref.startswith("flag/")}
    refs |= {f"situation/{situation_id(ref)}" for ref in refs if ref.startswith("incident/")}
    for ref in refs:
        found = state.explain(ref, as_of)
        assert Explanation.model_validate_json(found.model_dump_json()) == found
        assert in_words(found, words)
