"""What is about to fail: how long backup energy lasts, and whether power is back before."""

from __future__ import annotations

import pytest

from bus.messages import Dependency, Energy, Restoration
from bus.vocabulary import Certainty, DependencyKind, IncidentState
from consumers.merge.view import EnergyItem
from tests.merging import at, fold, incident, picture

POWER = "incident/elnat-syd/P"


def power(id: str = "P", expected: float | None = None, **fields):
    forecast = None if expected is None else Restoration(expected=at(expected))
    return incident("elnat-syd", id, restoration=forecast, **fields)


def backed(battery: float | None = 4, fuel: float | None = None, *, named: str | None = POWER, id: str = "A", **fields):
    ends = {"battery_until": battery, "fuel_until": fuel}
    told = {name: at(hour) for name, hour in ends.items() if hour is not None}
    return incident("nordtel", id, energy=Energy(**told, power_incident=named), **fields)


def energy(*messages, hours: float = 1) -> list[EnergyItem]:
    return list(picture(*messages, as_of=at(hours)).energy)


def test_what_runs_out_first_comes_first_and_what_tells_no_end_last():
    told = [
        backed(9, id="A"),
        backed(2, 5, id="B"),
        backed(None, 3, id="C"),
        backed(None, None, id="D"),
        backed(1, id="E", state=IncidentState.RESTORED),
        incident("sveamobil", "F"),
    ]
    found = energy(*told)
    assert [(item.ref, item.backup_until) for item in found] == [
        ("incident/nordtel/C", at(3)),
        ("incident/nordtel/B", at(5)),
        ("incident/nordtel/A", at(9)),
        ("incident/nordtel/D", None),
    ]


def test_whose_it_is_and_where():
    (found,) = energy(backed(codes=("0780", "0781")))
    assert (found.actor, found.areas) == ("nordtel", ("0780", "0781"))


EXHAUSTED = [(backed(1), True), (backed(2), False), (backed(1, 2), False), (backed(None), None)]


@pytest.mark.parametrize(("told", "expected"), EXHAUSTED)
def test_energy_is_exhausted_when_the_last_of_it_is(told, expected):
    (found,) = energy(told, hours=1)
    assert found.exhausted is expected


OUT = Dependency(kind=DependencyKind.POWER, ref="incident/elnat-syd/Q")
RETURN = {
    "before the battery is empty": ([backed(4), power(expected=3)], (True, at(3), 0.0, False)),
    "after it": ([backed(4), power(expected=5.5)], (True, at(5.5), 1.5, True)),
    "at the same time": ([backed(4), power(expected=4)], (True, at(4), 0.0, False)),
    "the latest, where no instant is expected": (
        [backed(4), incident("elnat-syd", "P", restoration=Restoration(latest=at(6)))],
        (True, at(6), 2.0, True),
    ),
    "nobody knows when": ([backed(4), power()], (True, None, None, None)),
    "a forecast that has passed is none": ([backed(4), power(expected=0.5)], (True, None, None, None)),
    "the battery tells no end": ([backed(None), power(expected=5)], (True, at(5), None, None)),
    "power is back": ([backed(4), power(state=IncidentState.RESTORED)], (False, None, None, None)),
    "a power incident that was retracted says nothing": (
        [backed(4), power(state=IncidentState.RETRACTED)],
        (None, None, None, None),
    ),
    "nothing is known of the power incident": ([backed(4)], (None, None, None, None)),
    "none is named": ([backed(4, named=None), power(expected=5)], (None, None, None, None)),
    "it hangs on one": (
        [backed(4, named=None, caused_by=(OUT,)), power("Q", expected=5)],
        (True, at(5), 1.0, True),
    ),
    "which is called unlikely": (
        [
            backed(4, named=None, caused_by=(Dependency(kind=OUT.kind, ref=OUT.ref, certainty=Certainty.UNLIKELY),)),
            power("Q", expected=5),
        ],
        (None, None, None, None),
    ),
    "on two: the last counts": (
        [backed(4, caused_by=(OUT,)), power(expected=3), power("Q", expected=5)],
        (True, at(5), 1.0, True),
    ),
    "on two, of which one has no forecast": (
        [backed(4, caused_by=(OUT,)), power(expected=3), power("Q")],
        (True, None, None, None),
    ),
    "on two, of which one is over": (
        [backed(4, caused_by=(OUT,)), power(expected=5), power("Q", state=IncidentState.CLOSED)],
        (True, at(5), 1.0, True),
    ),
}


@pytest.mark.parametrize("case", RETURN)
def test_when_power_returns_and_whether_that_is_too_late(case):
    messages, expected = RETURN[case]
    found = next(item for item in energy(*messages) if item.actor == "nordtel")
    assert (found.power_is_out, found.power_return, found.gap_hours, found.ends_before_power) == expected


def test_the_clock_and_the_power_company_change_it_as_if_asked_for_the_first_time():
    told = [
        backed(4),
        power(expected=6),
        power("Q"),
        power(expected=9, revision=2),
        backed(2, named="incident/elnat-syd/Q", id="B"),
    ]
    state = fold()
    for number, message in enumerate(told, start=1):
        state.apply(message)
        for hour in (1, 3, 5, 7, 10, 5, 1):
            fresh = fold(*told[:number])
            assert state.view(at(hour), {}, True).energy == fresh.view(at(hour), {}, True).energy


def test_a_feed_tells_it_under_the_name_of_the_incident_until_that_is_over():
    state = fold(backed(4), incident("nordtel", "B"))
    key = "energy/nordtel/A"
    assert {name for name in state.changes(at(1)) if name.startswith("energy/")} == {key}
    assert key not in state.changes(at(3))
    (told,) = (item for name, item in state.changes(at(4)).items() if name == key)
    assert told.exhausted
    state.apply(backed(4, revision=2, state=IncidentState.RESTORED))
    assert state.changes(at(5))[key] is None
