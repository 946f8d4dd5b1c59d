"""How the actors are doing: who was heard when, who has gone silent, and whose messages are missing."""

from __future__ import annotations

import pytest

from bus.messages import CustomerService, Load, Partner, Staffing
from bus.registry import Actor, Registry
from bus.vocabulary import (
    Freshness,
    IncidentState,
    MeasureState,
    MeasureType,
    OperatorMode,
    PartnerState,
    Reporting,
    Role,
    Service,
    Trend,
)
from consumers.merge.view import ActorItem, Sector
from tests.merging import GROUP, NOBODY, at, count, fold, incident, measure, picture, status


def actors(*messages, as_of=None, registry: Registry = GROUP) -> dict[str, ActorItem]:
    return {item.actor: item for item in picture(*messages, as_of=as_of or at(1), registry=registry).actors}


def test_an_actor_never_heard_is_silent_and_nothing_is_known_of_it():
    found = actors()["nordtel"]
    assert (found.freshness, found.last_heard, found.open_incidents) == (Freshness.SILENT, None, None)
    assert (found.mode, found.missing_incidents, found.staffing) == (None, None, ())


def test_all_that_are_registered_or_heard_are_told_in_order():
    assert list(actors(incident("tretton"))) == sorted([*GROUP.actors, "tretton"])
    assert list(actors(incident("tretton"), registry=NOBODY)) == ["tretton"]


NOTHING = {"nothing_to_report": True}
REPORTING = {
    "never heard": ([], 0, Reporting.NO_REPORT),
    "heard": ([incident()], 1, Reporting.REPORTING),
    "with nothing to report, which is a report": ([status(**NOTHING)], 0, Reporting.NOTHING_TO_REPORT),
    "but holds an incident open": ([status(**NOTHING), incident()], 0, Reporting.REPORTING),
    "and that is over": (
        [status(**NOTHING), incident(state=IncidentState.CLOSED)],
        0,
        Reporting.NOTHING_TO_REPORT,
    ),
    "silent": ([status(**NOTHING)], 2, Reporting.NO_REPORT),
}


@pytest.mark.parametrize("case", REPORTING)
def test_no_report_is_neither_nothing_to_report_nor_a_report(case):
    messages, hours, expected = REPORTING[case]
    assert actors(*messages, as_of=at(hours, 5))["nordtel"].reporting is expected


def test_a_stable_sector_is_told_in_three_numbers():
    freeze = {"type": MeasureType.MAINTENANCE_FREEZE}
    told = [
        *(status(slug, **NOTHING) for slug in ("nordtel", "sveamobil", "kustfiber")),
        status("samordning"),
        status("elnat-syd"),
        *(measure(slug, **freeze) for slug in ("nordtel", "sveamobil")),
        measure("sveamobil", "M-2", **freeze, state=MeasureState.PLANNED),
        measure("kustfiber", **freeze),
        measure("kustfiber", revision=2, **freeze, state=MeasureState.ENDED),
    ]
    state = fold(*told)
    found = state.view(at(0, 10), {}, True).totals.sector
    assert found == Sector(operators=5, reporting=3, nothing_to_report=3, freezes=2)
    assert state.summary(at(0, 10)).sector == found


def test_a_sector_without_a_registry_has_no_operators():
    found = picture(status(), registry=NOBODY).totals.sector
    assert (found.operators, found.reporting) == (0, 0)


def test_an_actor_whose_membership_has_ended_is_shown_as_that():
    ending = Actor(slug="nordtel", name="Nordtel", roles=(Role.MNO,), valid_until=at(1))
    state = fold(incident(), registry=Registry.of([ending]))
    assert state.items(at(0, 59))["actor/nordtel"].ended_at is None
    ended = state.changes(at(1))["actor/nordtel"]
    assert (ended.name, ended.roles, ended.ended_at) == ("Nordtel", (), at(1))
    again = Actor(slug="nordtel", name="Nordtel", roles=(Role.MNO,), valid_from=at(3))
    state.registry = Registry.of([ending, again])
    assert state.items(at(2))["actor/nordtel"].ended_at == at(1)
    assert state.items(at(3))["actor/nordtel"].ended_at is None


OPEN = [incident(id="A"), incident(id="B"), incident(id="C", state=IncidentState.RESTORED)]
HELD = {
    "heard, with nothing open": ([OPEN[2]], 0, None),
    "restored is not open": (OPEN, 2, None),
    "a duplicate is open": ([OPEN[0], incident(id="D", duplicate_of="incident/nordtel/A")], 2, None),
    "retracted is not": ([OPEN[0], incident(id="A", revision=2, state=IncidentState.RETRACTED)], 0, None),
    "as announced": ([*OPEN, status(open_incidents=2)], 2, 0),
    "fewer than announced": ([*OPEN, status(open_incidents=5)], 2, 3),
    "more than announced": ([*OPEN, status(open_incidents=0)], 2, -2),
    "none announced, which is known": ([status(open_incidents=0)], 0, 0),
    "not announced": ([*OPEN, status()], 2, None),
    "announced no more": ([*OPEN, status(open_incidents=5), status(revision=2)], 2, None),
    "told by staff on its behalf": ([OPEN[0], incident("samordning", on_behalf_of="nordtel")], 2, None),
}


@pytest.mark.parametrize("case", HELD)
def test_open_and_missing_incidents(case):
    messages, held, missing = HELD[case]
    found = actors(*messages)["nordtel"]
    assert (found.open_incidents, found.missing_incidents) == (held, missing)


def test_what_is_told_on_behalf_is_not_the_tellers():
    found = actors(incident("samordning", on_behalf_of="nordtel", known_at=at(minutes=9)))
    assert found["samordning"].open_incidents == 0
    assert found["nordtel"].last_heard == found["samordning"].last_heard == at(minutes=9)


QUIET = incident("kustfiber", state=IncidentState.CLOSED)
CADENCE = {
    "one that sends heartbeats": ("nordtel", [status()], 15),
    "one whose cadence is agreed": ("kustfiber", [status("kustfiber")], 60),
    "an agreed cadence before the first heartbeat": ("kustfiber", [QUIET], 24 * 60),
    "nothing open, no heartbeats": ("nordtel", [incident(state=IncidentState.CLOSED)], 24 * 60),
    "by its worst open severity": ("nordtel", [incident(users=count(100_000))], 60),
    "not by what is over": (
        "nordtel",
        [incident(), incident(id="B", users=count(1_000_000), state=IncidentState.RESTORED)],
        360,
    ),
    "heartbeats before severity": ("nordtel", [status(), incident(users=count(10))], 15),
    "severity of the situation, whoever makes it grave": (
        "nordtel",
        [incident(event_refs=("e",)), incident("sveamobil", users=count(1_000_000), event_refs=("e",))],
        30,
    ),
}


@pytest.mark.parametrize("case", CADENCE)
def test_how_long_an_actor_may_be_quiet(case):
    actor, messages, minutes = CADENCE[case]
    state = fold(*messages)

    def freshness(age: float) -> Freshness:
        return next(item for item in state.view(at(minutes=2 + age), {}, True).actors if item.actor == actor).freshness

    for times, before, after in (
        (1, Freshness.FRESH, Freshness.DUE),
        (2, Freshness.DUE, Freshness.STALE),
        (4, Freshness.STALE, Freshness.SILENT),
    ):
        assert (freshness(times * minutes - 0.1), freshness(times * minutes)) == (before, after)


def test_any_message_is_a_sign_of_life_and_a_copy_is_none():
    heartbeat = status()
    later = incident(known_at=at(3))
    assert actors(heartbeat, later)["nordtel"].last_heard == at(3)
    assert actors(later, incident(known_at=at(9)))["nordtel"].last_heard == at(3)


def test_an_earlier_copy_corrects_when_it_was_last_heard():
    state = fold(incident(known_at=at(3)), status())
    state.changes(at(4))
    state.apply(incident(known_at=at(2)))
    assert state.changes(at(4))["actor/nordtel"].last_heard == at(2)


def test_a_retraction_is_a_sign_of_life():
    gone = incident(revision=2, state=IncidentState.RETRACTED, known_at=at(3))
    assert actors(incident(), gone)["nordtel"].last_heard == at(3)


def test_the_latest_word_of_an_actor_on_itself_is_told_as_it_is():
    told = {
        "mode": OperatorMode.CRISIS,
        "staffing": (Staffing(function="drift", available_percent=60.0),),
        "partners": (Partner(name="Entreprenör", state=PartnerState.REDUCED),),
        "load": (Load(service=Service.MOBILE_DATA, utilisation_percent=92.5, trend=Trend.RISING),),
        "remote_work_percent": 80.0,
        "customer_service": CustomerService(backlog_hours=3.5, priorities="larmkunder"),
    }
    found = actors(status(), status(revision=2, **told))["nordtel"]
    assert {name: getattr(found, name) for name in told} == told


def test_a_cadence_agreed_later_counts_at_once():
    state = fold(status(), registry=NOBODY)
    assert state.changes(at(minutes=30))["actor/nordtel"].freshness is Freshness.DUE
    state.registry = Registry.of([Actor(slug="nordtel", name="Nordtel", cadence_minutes=60)])
    assert state.changes(at(minutes=30))["actor/nordtel"].freshness is Freshness.FRESH
