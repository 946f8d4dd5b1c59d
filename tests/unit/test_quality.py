"""The measure of the merge can itself be trusted: known groupings give known values, and bad ones bad values."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.quality import (
    END,
    MIDDLE,
    Measured,
    account,
    crisis_of,
    measure,
    standing,
    summarise,
    table,
    truth_of,
)
from benchmarks.scoring import METRICS, NOTHING_ASKED, Asked, Score, score, score_suggestions
from bus.vocabulary import IncidentState

TRUTH = {"a": "one", "b": "one", "c": "two"}
PERFECT = Score(1, 1, 1, 1)


def test_the_truth_is_perfect() -> None:
    assert score([["a", "b"], ["c"]], TRUTH) == PERFECT
    assert score([], {}) == PERFECT


def test_all_in_one_group_has_full_recall_and_poor_precision() -> None:
    assert score([["a", "b", "c"]], TRUTH) == Score(
        pair_precision=pytest.approx(1 / 3), pair_recall=1, bcubed_precision=pytest.approx(5 / 9), bcubed_recall=1
    )


def test_each_on_its_own_has_full_precision_and_poor_recall() -> None:
    assert score([["a"], ["b"], ["c"]], TRUTH) == Score(
        pair_precision=1, pair_recall=0, bcubed_precision=1, bcubed_recall=pytest.approx(2 / 3)
    )


def test_groups_that_cross_the_truth() -> None:
    truth = {"a": "one", "b": "one", "c": "two", "d": "two"}
    assert score([["a", "c"], ["b", "d"]], truth) == Score(0, 0, 0.5, 0.5)


def test_an_item_without_a_group_stands_alone_and_one_without_a_label_does_not_count() -> None:
    assert score([["a", "b"]], TRUTH) == PERFECT
    assert score([["a", "b", "retracted"], ["c"]], TRUTH) == PERFECT


def test_an_item_in_two_groups_is_refused() -> None:
    with pytest.raises(ValueError, match="a is in two groups"):
        score([["a", "b"], ["a"]], TRUTH)


def test_of_suggestions_it_is_told_how_many_are_right_and_how_much_of_what_is_missed_they_ask_about() -> None:
    truth = {"a": "one", "b": "one", "c": "one", "d": "two", "e": "two"}
    groups = [["a", "b"], ["c"], ["d"], ["e"]]
    assert score_suggestions(groups, [("b", "c"), ("c", "b"), ("c", "d")], truth) == Asked(right=0.5, covered=2 / 3)
    assert score_suggestions(groups, [], truth) == Asked(right=None, covered=0)
    assert score_suggestions([["a"]], [], {"a": "one"}) == NOTHING_ASKED


labellings = st.dictionaries(st.sampled_from("abcdefgh"), st.tuples(st.integers(0, 3), st.integers(0, 3)))


@given(labellings)
def test_pairs_are_counted_as_one_counts_them_by_hand(items: dict[str, tuple[int, int]]) -> None:
    truth = {item: str(label) for item, (label, _) in items.items()}
    groups: defaultdict[int, list[str]] = defaultdict(list)
    for item, (_, group) in items.items():
        groups[group].append(item)
    together = {pair for group in groups.values() for pair in combinations(sorted(group), 2)}
    belong = {(a, b) for a, b in combinations(sorted(truth), 2) if truth[a] == truth[b]}
    found = score(groups.values(), truth)
    assert found.pair_precision == (len(together & belong) / len(together) if together else 1)
    assert found.pair_recall == (len(together & belong) / len(belong) if belong else 1)


@given(labellings, st.permutations(range(4)))
def test_the_names_of_the_labels_do_not_matter(items: dict[str, tuple[int, int]], names: list[int]) -> None:
    groups: defaultdict[int, list[str]] = defaultdict(list)
    for item, (_, group) in items.items():
        groups[group].append(item)
    plain = {item: str(label) for item, (label, _) in items.items()}
    renamed = {item: f"event-{names[label]}" for item, (label, _) in items.items()}
    assert score(groups.values(), plain) == score(groups.values(), renamed)


# --- on simulated crises ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_a_merge_that_joins_too_much_is_found_out(seed: int) -> None:
    crisis = crisis_of(seed, 1.0)
    truth = truth_of(crisis.messages, crisis.labels)
    blob = score([truth.keys()], truth)
    assert blob.pair_precision < 0.7
    assert blob.bcubed_precision < 0.7
    assert blob.pair_recall == 1


@pytest.mark.parametrize("seed", range(12))
def test_what_is_fully_told_is_fully_found(seed: int) -> None:
    (_, end) = measure(seed, 0.0)
    assert end.when == END
    assert end.score.pair_recall == 1


def test_a_measurement_is_repeatable_and_looks_twice() -> None:
    assert measure(1, 1.0) == measure(1, 1.0)
    assert [each.when for each in measure(1, 1.0)] == [MIDDLE, END]
    assert all(0 <= getattr(each.score, metric) <= 1 for each in measure(1, 1.0) for metric in METRICS)


def test_retracted_incidents_do_not_count() -> None:
    for seed in range(30):
        crisis = crisis_of(seed, 1.0)
        stand, truth = standing(crisis.messages), truth_of(crisis.messages, crisis.labels)
        retracted = {ref for ref, incident in stand.items() if incident.state is IncidentState.RETRACTED}
        assert truth.keys() == stand.keys() - retracted


def test_the_summary_tells_mean_and_worst_of_all_and_of_each_kind() -> None:
    found = [
        Measured(0, "storm", 1.0, END, PERFECT),
        Measured(1, "storm", 1.0, END, Score(0.5, 0.8, 1, 1)),
        Measured(2, "overload", 1.0, END, Score(0.9, 0.7, 1, 1)),
    ]
    rows = {(row.kind, row.metric): row for row in summarise(found)}
    assert (rows["all", "pair_precision"].mean, rows["all", "pair_precision"].worst_seed) == (pytest.approx(0.8), 1)
    assert (rows["storm", "pair_recall"].mean, rows["storm", "pair_recall"].worst) == (pytest.approx(0.9), 0.8)
    assert rows["overload", "pair_recall"].crises == 1
    assert "0.800 / 0.500 (  1)" in table(list(rows.values()))


def test_the_account_names_what_was_missed_with_its_facts() -> None:
    told = next(text for text in (account(seed, 2.0) for seed in range(12)) if "missed in" in text)
    assert told.startswith("seed ")
    assert "incident/" in told
