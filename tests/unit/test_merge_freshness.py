"""How old what is shown is: DUE, STALE and SILENT at one, two and four times what may be waited for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bus.vocabulary import CriticalService, Freshness, Impact, IncidentState, Service
from tests.merging import at, count, fold, incident, only, picture

VOICE = Service.MOBILE_VOICE
KNOWN = at(minutes=2)
"""When the bus knows the first revision of an incident of these tests."""

OF_LEVEL = {
    1: ({"impacts": {VOICE: Impact.NO_IMPACT}}, 1440),
    2: ({"users": count(10)}, 360),
    3: ({"users": count(0), "critical_services": (CriticalService.RAIL,)}, 120),
    4: ({"users": count(100_000)}, 60),
    5: ({"users": count(1_000_000)}, 30),
}
"""What makes an incident of a severity, and minutes until its next news is due."""


def ages(**fields: object) -> dict[str, timedelta]:
    """From how old on the situation of one incident is DUE, STALE and SILENT, found to the second."""
    state = fold(incident(**fields))
    found = {}
    for freshness in (Freshness.DUE, Freshness.STALE, Freshness.SILENT):
        low, high = 0, 40 * 86_400
        while low < high:
            middle = (low + high) // 2
            told = state.view(KNOWN + timedelta(seconds=middle), {}, True).situations[0].freshness
            reached = list(Freshness).index(told) >= list(Freshness).index(freshness)
            low, high = (low, middle) if reached else (middle + 1, high)
        found[freshness.value] = timedelta(seconds=low)
    return found


def steps(minutes: float) -> dict[str, timedelta]:
    return {name: timedelta(minutes=n * minutes) for name, n in (("DUE", 1), ("STALE", 2), ("SILENT", 4))}


@pytest.mark.parametrize("level", OF_LEVEL)
def test_the_cadence_follows_the_severity(level):
    fields, minutes = OF_LEVEL[level]
    assert only(incident(**fields)).severity.level == level
    assert ages(**fields) == steps(minutes)


@pytest.mark.parametrize(
    ("level", "promised", "counted"),
    [
        (1, 5, 5),
        (2, 10, 10),
        (3, 7 * 1440, 7 * 1440),
        (4, 90, 90),
        (4, 120, 120),
        (4, 121, 120),
        (4, 7 * 1440, 120),
        (5, 20, 20),
        (5, 7 * 1440, 60),
        (5, 0, 30),
        (3, -30, 120),
    ],
)
def test_a_promise_replaces_the_cadence_at_most_twice_as_long_where_it_is_grave(level, promised, counted):
    promise = KNOWN + timedelta(minutes=promised)
    assert ages(**OF_LEVEL[level][0], next_update_at=promise) == steps(counted)


def test_age_counts_from_when_the_bus_last_learnt_something_of_the_incident():
    first, second = incident(users=count(10_000)), incident(revision=2, users=count(10_000), known_at=at(3))
    assert only(first, second, as_of=at(4.9)).freshness is Freshness.FRESH
    late = incident(revision=1, users=count(10_000), title="sent again otherwise", known_at=at(6))
    assert only(first, second, late, as_of=at(7.9)).freshness is Freshness.FRESH


def test_a_copy_that_comes_later_makes_nothing_fresher():
    first = incident(users=count(10_000))
    again = incident(users=count(10_000), known_at=at(5))
    assert only(first, again, as_of=at(5)).freshness is Freshness.STALE


SHARED = {"event_refs": ("storm:alva",)}


def test_a_situation_is_as_fresh_as_its_stalest_open_member():
    old, new = incident(id="A", **SHARED), incident(id="B", known_at=at(20), **SHARED)
    assert only(old, new, as_of=at(20)).freshness is Freshness.STALE
    over = incident(id="A", revision=2, state=IncidentState.RESTORED, **SHARED)
    assert only(old, over, new, as_of=at(20)).freshness is Freshness.FRESH


def test_the_severity_of_the_situation_sets_the_pace_for_every_member():
    grave = incident("sveamobil", users=count(1_000_000), known_at=at(2), **SHARED)
    assert only(incident(**SHARED), grave, as_of=at(2)).freshness is Freshness.STALE
    assert only(incident(**SHARED), as_of=at(2)).freshness is Freshness.FRESH


def test_what_is_over_waits_for_nothing():
    assert only(incident(state=IncidentState.RESTORED), as_of=at(24 * 13)).freshness is Freshness.FRESH


def test_nothing_closes_itself():
    assert only(incident(), as_of=at(24 * 13)).state == "ONGOING"


@pytest.mark.parametrize(
    ("messages", "share"),
    [
        ([], None),
        ([incident(state=IncidentState.CLOSED)], None),
        ([incident(known_at=at(30))], 0.0),
        ([incident(), incident("sveamobil", known_at=at(30))], 0.5),
        ([incident(), incident("sveamobil", state=IncidentState.RESTORED)], 1.0),
    ],
    ids=["nothing", "nothing open", "all fresh", "half", "what is over does not count"],
)
def test_stale_share_is_of_open_situations(messages, share):
    assert picture(*messages, as_of=at(30)).totals.stale_share == share


def test_due_is_not_yet_stale():
    found = picture(incident(), as_of=at(7))
    assert (found.situations[0].freshness, found.totals.stale_share) == (Freshness.DUE, 0.0)


def test_only_what_has_aged_is_told_anew():
    state = fold(incident("nordtel", users=count(10_000)), incident("sveamobil"))
    state.changes(at(1))
    grave = next(s for s in state.view(at(1), {}, True).situations if s.severity.level == 3)
    assert [key for key in state.changes(at(2.5)) if key.startswith("situation/")] == [f"situation/{grave.id}"]
