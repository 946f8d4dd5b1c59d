"""User-hours: users times the hours for which they lacked a service, over the course of each incident.

The day begins at 06:00; `at(2)` is two hours later. The numbers in the tables were worked out by hand.
"""

from __future__ import annotations

from datetime import datetime

import pytest

from bus.envelope import Envelope
from bus.messages import Incident, Users
from bus.vocabulary import CountBasis, CountScope, Impact, IncidentState, Service
from consumers.merge import State
from consumers.merge.view import HoursRange, ServiceHours
from tests.merging import at, count, fold, incident, only, picture

VOICE = Service.MOBILE_VOICE
STORM = {"event_refs": ("storm:alva",)}
RESTORED, CLOSED, CONFIRMED, RETRACTED = (
    IncidentState.RESTORED,
    IncidentState.CLOSED,
    IncidentState.CONFIRMED,
    IncidentState.RETRACTED,
)
DEGRADED = {VOICE: Impact.DEGRADED}
OVER = {"state": RESTORED, "started_at": at(0), "restored_at": at(4)}


def told(revision: int, hours: float, users: int | Users | None = None, **fields: object) -> Envelope:
    """A revision, observed so many hours into the day."""
    return incident(
        revision=revision,
        observed_at=at(hours),
        users=count(users) if isinstance(users, int) else users,
        **fields,
    )


Range = tuple[float, float | None, float | None, float]
"""Low, best and high user-hours, and the hours of reports without a number."""


def numbers(hours: HoursRange | ServiceHours) -> Range:
    return hours.low, hours.best, hours.high, hours.uncovered_hours


def lost(*messages: Envelope, as_of: datetime, service: Service = VOICE) -> Range:
    """Of the only situation."""
    return numbers(only(*messages, as_of=as_of).user_hours[service])


def exactly(hours: float) -> Range:
    return hours, hours, hours, 0


COURSES = {
    "one word, still open": ([told(1, 0, 100)], exactly(1_000)),
    "it began before it was observed": ([told(1, 2, 100, started_at=at(-1))], exactly(1_100)),
    "it began later than the first word said": ([told(1, 0, 100), told(2, 3, 100, started_at=at(1))], exactly(900)),
    "numbers that change hold until the next": ([told(1, 0, 100), told(2, 4, 50), told(3, 6, 200)], exactly(1_300)),
    "until it was restored": ([told(1, 0, 100), told(2, 5, 0, state=RESTORED, restored_at=at(3))], exactly(300)),
    "until it was seen to be over": ([told(1, 0, 100), told(2, 5, 0, state=RESTORED)], exactly(500)),
    "closing later adds nothing": (
        [told(1, 0, 100), told(2, 5, state=RESTORED, restored_at=at(3)), told(3, 9, state=CLOSED, restored_at=at(3))],
        exactly(300),
    ),
    "a restoration told too early, and reopened": (
        [
            told(1, 0, 1_000, started_at=at(-2)),
            told(2, 3, 0, state=RESTORED, restored_at=at(2), started_at=at(-2)),
            told(3, 5, 100, state=CONFIRMED, started_at=at(-2)),
            told(4, 9, 0, state=RESTORED, restored_at=at(8), started_at=at(-2)),
        ],
        exactly(4 * 1_000 + 3 * 100),
    ),
    "reopened from before anybody saw it": (
        [told(1, 0, 100), told(2, 3, state=RESTORED, restored_at=at(2)), told(3, 5, 10, started_at=at(4))],
        exactly(200 + 60),
    ),
    "a correction replaces what was told of that time": (
        [told(1, 0, 10), told(2, 4, 600), told(3, 0, 624), told(4, 6, 605)],
        exactly(6 * 624 + 4 * 605),
    ),
    "a correction of a part": ([told(1, 0, 10), told(2, 4, 600), told(3, 2, 100)], exactly(2 * 10 + 8 * 100)),
    "a correction told after the end replaces the last word": (
        [told(1, 0, 10), told(2, 2, 50), told(3, 5, 50, **OVER), told(4, 9, 80, **OVER)],
        exactly(2 * 10 + 2 * 80),
    ),
    "and again": (
        [told(1, 5, 10, **OVER), told(2, 6, 600, **OVER), told(3, 7, 624, **OVER), told(4, 8, 605, **OVER)],
        exactly(4 * 605),
    ),
    "one for an earlier instant holds from there": (
        [told(1, 0, 10), told(2, 2, 50), told(3, 5, 50, **OVER), told(4, 1, 80, **OVER)],
        exactly(1 * 10 + 3 * 80),
    ),
    "one for before it began, from the start": (
        [told(1, 0, 10), told(2, 2, 50), told(3, 5, 50, **OVER), told(4, -1, 80, **OVER)],
        exactly(4 * 80),
    ),
    "and is not unsaid by another end": (
        [
            told(1, 0, 10),
            told(2, 5, 10, **OVER),
            told(3, 6, 80, **OVER),
            told(4, 7, 80, **OVER | {"restored_at": at(3)}),
        ],
        exactly(3 * 80),
    ),
    "the number with which it was ended is none": ([told(1, 0, 10), told(2, 5, 80, **OVER)], exactly(40)),
    "nor that nobody is left": (
        [told(1, 0, 10), told(2, 5, 10, **OVER), told(3, 6, 0, **OVER)],
        exactly(40),
    ),
    "nor a number of what nobody had lost": (
        [told(1, 0, 10), told(2, 5, 10, **OVER), told(3, 6, 80, **OVER, impacts=DEGRADED)],
        exactly(40),
    ),
    "one of the last of two times": (
        [
            told(1, 0, 10),
            told(2, 2, **OVER | {"restored_at": at(2)}),
            told(3, 3, 10, started_at=at(3)),
            told(4, 5, 10, **OVER),
            told(5, 6, 80, **OVER),
        ],
        exactly(2 * 10 + 80),
    ),
    "told only when it was over": (
        [told(1, 9, 100, state=RESTORED, started_at=at(1), restored_at=at(3))],
        exactly(200),
    ),
    "restored before it was first seen": (
        [told(1, 4, 100, started_at=at(1)), told(2, 5, 0, state=RESTORED, started_at=at(1), restored_at=at(3))],
        exactly(200),
    ),
    "a time without a number": ([told(1, 0), told(2, 4, 100), told(3, 6)], (200, 200, 200, 4 + 4)),
    "no number at all": ([told(1, 0)], (0, None, None, 10)),
    "a known zero": ([told(1, 0, 0)], exactly(0)),
    "a range": ([incident(observed_at=at(0), users=count(100, low=50, high=400))], (500, 1_000, 4_000, 0)),
    "before a retraction nothing counts": (
        [told(1, 0, 100), told(2, 3, state=RETRACTED), told(3, 4, 10)],
        exactly(60),
    ),
    "devices are not people": ([told(1, 0, count(100, CountScope.DEVICES))], (0, None, None, 10)),
    "counted on another basis, then": (
        [told(1, 0, 100), told(2, 4, count(50, basis=CountBasis.MEASURED))],
        exactly(700),
    ),
}


@pytest.mark.parametrize("case", COURSES)
def test_the_course_of_an_incident(case):
    messages, expected = COURSES[case]
    assert lost(*messages, as_of=at(10)) == expected


IMPACTS = {
    "redundancy lost is not felt": (Impact.REDUCED_REDUNDANCY, {}),
    "no impact": (Impact.NO_IMPACT, {}),
    "degraded": (Impact.DEGRADED, {"DEGRADED": exactly(200)}),
    "cut off": (Impact.OUTAGE, {"OUTAGE": exactly(200)}),
    "nobody knows whether they feel it": (Impact.UNKNOWN, {"UNKNOWN": (0, None, None, 2)}),
}


@pytest.mark.parametrize("case", IMPACTS)
def test_only_what_users_feel_is_lost(case):
    impact, expected = IMPACTS[case]
    hours = only(told(1, 0, 100, impacts={VOICE: impact}), as_of=at(2)).user_hours
    assert {name: numbers(part) for name, part in (hours[VOICE].by_impact if hours else {}).items()} == expected


def test_what_was_cut_off_and_what_was_degraded_are_told_apart_and_the_worse_comes_first():
    hours = only(told(1, 0, 100), told(2, 4, 50, impacts=DEGRADED), as_of=at(10)).user_hours[VOICE]
    assert (hours.impact, numbers(hours)) == (Impact.OUTAGE, exactly(400))
    assert {name: numbers(part) for name, part in hours.by_impact.items()} == {
        "OUTAGE": exactly(400),
        "DEGRADED": exactly(300),
    }
    assert hours.per_hour.best == 0
    assert hours.by_impact["DEGRADED"].per_hour.best == 50


def side(
    actor: str, id: str, users: int, begin: float = 0, end: float | None = None, **fields: object
) -> list[Envelope]:
    """An incident of the storm, open from one hour to another."""
    scope = fields.pop("scope", CountScope.OWN_SUBSCRIPTIONS)
    fields = {**STORM, "users": count(users, scope), "started_at": at(begin), **fields}
    found = [incident(actor, id, observed_at=at(begin), **fields)]
    if end is not None:
        found.append(incident(actor, id, 2, observed_at=at(end), state=RESTORED, restored_at=at(end), **fields))
    return found


HOST = CountScope.INCLUDING_WHOLESALE
TOGETHER = {
    "operators have different users": ([*side("nordtel", "A", 100), *side("sveamobil", "A", 10)], exactly(1_100)),
    "one operator, the same place, at the same time": (
        [*side("nordtel", "A", 100, codes=("0780",)), *side("nordtel", "B", 60, codes=("0780",))],
        exactly(1_000),
    ),
    "one operator, the same place, one after the other": (
        [*side("nordtel", "A", 100, 0, 4, codes=("0780",)), *side("nordtel", "B", 60, 6, codes=("0780",))],
        exactly(400 + 240),
    ),
    "one operator, the same place, in part at the same time": (
        [*side("nordtel", "A", 100, 0, 4, codes=("0780",)), *side("nordtel", "B", 60, 2, codes=("0780",))],
        exactly(400 + 360),
    ),
    "one operator, other places": (
        [*side("nordtel", "A", 100, codes=("0780",)), *side("nordtel", "B", 60, codes=("0781",))],
        exactly(1_600),
    ),
    "a county and two of its municipalities": (
        [
            *side("nordtel", "A", 100, codes=("07",)),
            *side("nordtel", "B", 60, codes=("0780",)),
            *side("nordtel", "C", 60, 5, codes=("0781",)),
        ],
        exactly(5 * 100 + 5 * 120),
    ),
    "a county and a municipality of another": (
        [
            *side("nordtel", "A", 100, codes=("07",)),
            *side("nordtel", "B", 60, codes=("0680",)),
            *side("nordtel", "C", 10, codes=("00",)),
        ],
        exactly(1_600),
    ),
    "several municipalities in one report": (
        [*side("nordtel", "A", 100, codes=("0780", "0781")), *side("nordtel", "B", 60, codes=("0781",))],
        exactly(1_000),
    ),
    "a host counts its wholesale customers": (
        [*side("nordtel", "A", 32_000_000, scope=HOST, codes=("00",)), *side("lagpris", "A", 7_000_000)],
        (320_000_000, 320_000_000, 390_000_000, 0),
    ),
    "not another mobile operator": (
        [*side("nordtel", "A", 100, scope=HOST, codes=("00",)), *side("sveamobil", "A", 10)],
        exactly(1_100),
    ),
    "but for as long as its own report lasts": (
        [*side("nordtel", "A", 100, 2, 5, scope=HOST, codes=("00",)), *side("lagpris", "A", 10)],
        (300 + 70, 300 + 70, 300 + 70 + 30, 0),
    ),
    "and where it is": (
        [*side("nordtel", "A", 100, scope=HOST, codes=("06",)), *side("lagpris", "A", 10, codes=("0780",))],
        exactly(1_100),
    ),
    "staff report for an operator until it does": (
        [
            *side("samordning", "P", 100, on_behalf_of="fjallmobil"),
            *side("fjallmobil", "A", 50, 4),
        ],
        (400 + 300, 400 + 300, 400 + 300 + 600, 0),
    ),
    "a duplicate counts nothing": (
        [*side("nordtel", "A", 100), *side("sveamobil", "B", 70, duplicate_of="incident/nordtel/A")],
        exactly(1_000),
    ),
    "what is over stays lost": ([*side("nordtel", "A", 100, 0, 1), *side("sveamobil", "A", 10)], exactly(200)),
}


@pytest.mark.parametrize("case", TOGETHER)
def test_no_user_is_counted_twice_at_any_time(case):
    messages, expected = TOGETHER[case]
    assert lost(*messages, as_of=at(10)) == expected


@pytest.mark.parametrize("case", TOGETHER)
def test_each_further_hour_adds_the_users_of_now(case):
    situation = only(*TOGETHER[case][0], as_of=at(10))
    rate, users = situation.user_hours[VOICE].per_hour, situation.users[VOICE].by_impact["OUTAGE"]
    if case != "a county and a municipality of another":  # users: the narrow ones, or the widest, but not both
        assert rate == users


def test_hours_are_as_of_any_instant():
    messages = [told(1, 0, 100), told(2, 4, 50), told(3, 6, state=RESTORED)]
    state = fold(*messages)
    for hours, expected in ((8, 500), (1, 100), (5, 450), (4, 400), (100, 500), (0, 0)):
        (situation,) = state.view(at(hours), {}, True).situations
        assert numbers(situation.user_hours[VOICE]) == exactly(expected)
        assert situation.user_hours_as_of == at(hours)
    assert state.view(at(-1), {}, True).situations[0].user_hours == {}


def test_totals_are_of_the_open_situations():
    hours = picture(
        told(1, 0, 100),
        *side("sveamobil", "A", 10),
        *side("fjallmobil", "A", 5, 0, 1, event_refs=("storm:elsa",), codes=("25",)),
        as_of=at(10),
    ).totals.user_hours
    assert numbers(hours[VOICE]) == exactly(1_100)
    assert hours[VOICE].per_hour.best == 110


def feed(state: State, hours: float) -> ServiceHours:
    (item,) = [item for key, item in state.items(at(hours)).items() if key.startswith("situation/")]
    assert item.user_hours_as_of == at(4)
    return item.user_hours[VOICE]


def test_the_feed_tells_hours_as_of_the_last_change_and_what_each_further_hour_adds():
    state = fold(told(1, 0, 100), told(2, 4, 50))
    state.changes(at(5))
    assert (feed(state, 5).best, feed(state, 5).per_hour.best) == (400, 50)
    assert not [key for key in state.changes(at(5, 1)) if key.startswith("situation/")]
    assert feed(state, 5.5) == feed(state, 5)


def test_a_word_on_what_is_to_come_counts_when_it_comes():
    state = fold(told(1, 0, 100), told(2, 6, 50))
    state.changes(at(5))
    (key,) = [key for key in state.changes(at(7)) if key.startswith("situation/")]
    assert state.items(at(7))[key].user_hours[VOICE].per_hour.best == 50


def test_an_incident_reads_the_same_whatever_was_told_first():
    messages = COURSES["a restoration told too early, and reopened"][0]
    assert isinstance(messages[0].message, Incident)
    assert lost(*reversed(messages), as_of=at(10)) == lost(*messages, as_of=at(10))
