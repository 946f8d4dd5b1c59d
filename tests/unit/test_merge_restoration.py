"""When it is over: what the operators forecast, how sure they are, and how often they had to say later."""

from __future__ import annotations

import pytest

from bus.messages import Restoration
from bus.vocabulary import Certainty, IncidentState
from tests.merging import at, incident, only, picture

STORM = {"event_refs": ("storm:alva",)}


def forecasting(actor: str, id: str, revision: int, hour: int | None, **fields):
    forecast = None if hour is None else Restoration(expected=at(hour))
    return incident(actor, id, revision, restoration=forecast, **STORM, **fields)


def test_without_a_forecast_nothing_is_forecast():
    found = only(forecasting("nordtel", "A", 1, None)).restoration
    assert (found.earliest, found.latest, found.full_capacity, found.certainty) == (None, None, None, None)
    assert (found.missing_forecasts, found.slips) == (1, 0)


def test_it_reaches_from_the_first_earliest_to_the_last_latest():
    forecasts = {
        "A": Restoration(earliest=at(3), expected=at(5), latest=at(8)),
        "B": Restoration(earliest=at(4), expected=at(7)),
    }
    found = only(*(incident(id=id, restoration=forecast, **STORM) for id, forecast in forecasts.items())).restoration
    assert (found.earliest, found.latest) == (at(3), at(8))


def test_what_is_expected_stands_for_an_end_that_is_not_told():
    found = only(incident(restoration=Restoration(earliest=at(4), expected=at(7)))).restoration
    assert (found.earliest, found.latest) == (at(4), at(7))


def test_open_incidents_without_a_forecast_are_counted():
    told = [forecasting("nordtel", "A", 1, 5), forecasting("nordtel", "B", 1, None)]
    over = forecasting("nordtel", "C", 1, None, state=IncidentState.RESTORED)
    assert only(*told, over).restoration.missing_forecasts == 1


def test_full_capacity_comes_when_the_last_has_it_and_is_as_sure_as_the_least_sure():
    forecasts = {
        "A": Restoration(expected=at(5), full_capacity=at(30), certainty=Certainty.LIKELY),
        "B": Restoration(latest=at(9), full_capacity=at(20), certainty=Certainty.POSSIBLE),
        "C": Restoration(certainty=Certainty.UNLIKELY),
    }
    found = only(*(incident(id=id, restoration=forecast, **STORM) for id, forecast in forecasts.items())).restoration
    assert (found.full_capacity, found.certainty) == (at(30), Certainty.POSSIBLE)
    assert found.missing_forecasts == 1


SLIPS = {
    "never": ([5, 5, 5], None),
    "once": ([5, 7], (1, 120, at(7))),
    "twice": ([5, 7, 8], (2, 180, at(8))),
    "earlier is no slip": ([5, 4], None),
    "nor set against one": ([5, 7, 6, 8], (2, 240, at(8))),
    "a revision without a forecast hides none": ([5, None, 7], (1, 120, at(7))),
    "nor does one at the end": ([5, 7, None], (1, 120, None)),
    "the latest stands in for the expected": ([5, Restoration(latest=at(6))], (1, 60, at(6))),
    "an earliest alone promises nothing": ([5, Restoration(earliest=at(9))], None),
}


@pytest.mark.parametrize("case", SLIPS)
def test_how_often_a_forecast_slipped_by_how_much_and_to_when(case):
    forecasts, expected = SLIPS[case]
    told = [
        incident(revision=revision, restoration=Restoration(expected=at(said)) if isinstance(said, int) else said)
        for revision, said in enumerate(forecasts, start=1)
    ]
    found = only(*told).restoration
    if expected is None:
        assert (found.slips, found.slipped, found.slipped_count) == (0, (), 0)
    else:
        (slip,) = found.slipped
        assert (slip.slips, slip.later_minutes, slip.now) == expected
        assert (slip.first, found.slips, found.slipped_count) == (at(5), expected[0], 1)


def test_whose_forecast_slipped_is_told_of_the_situation_and_of_the_actor():
    view = picture(
        *(forecasting("nordtel", "A", n, n) for n in (1, 2, 3)),
        *(forecasting("nordtel", "B", n, n) for n in (1, 2)),
        *(forecasting("sveamobil", "C", n, 2 * n) for n in (1, 2)),
        forecasting("sveamobil", "D", 1, 1),
        forecasting("sveamobil", "D", 2, 2, state=IncidentState.RESTORED),
    )
    (situation,) = view.situations
    assert [(slip.ref, slip.actor, slip.slips) for slip in situation.restoration.slipped] == [
        ("incident/nordtel/A", "nordtel", 2),
        ("incident/sveamobil/C", "sveamobil", 1),
        ("incident/nordtel/B", "nordtel", 1),
    ]
    assert situation.restoration.slips == 4
    slips = {actor.actor: actor.forecast_slips for actor in view.actors}
    assert (slips["nordtel"], slips["sveamobil"], slips["fjallmobil"]) == (3, 1, None)


def test_slips_hang_on_revisions_and_not_on_arrival():
    told = [forecasting("nordtel", "A", n, n) for n in (1, 2, 3)]
    assert only(*told[::-1]) == only(*told)
    assert only(*told).restoration.slips == 2


def test_of_many_slips_the_most_frequent_are_named():
    told = [forecasting("nordtel", f"I-{i}", n, n) for i in range(15) for n in (1, 2)]
    found = only(*told, *(forecasting("sveamobil", "Z", n, n) for n in (1, 2, 3))).restoration
    assert (len(found.slipped), found.slipped_count, found.slips) == (10, 16, 17)
    assert found.slipped[0].ref == "incident/sveamobil/Z"
