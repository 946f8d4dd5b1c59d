"""Links that nobody told: when they are made, and above all when not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bus.messages import Area, Cause
from bus.vocabulary import AreaKind, CauseCategory, CauseDetail, IncidentState
from tests.merging import at, cannot, incident, picture

NATURAL, FAILURE = CauseCategory.NATURAL_PHENOMENON, CauseCategory.SYSTEM_FAILURE
STORM = Cause(category=NATURAL, detail=CauseDetail.WIND)
POWER = Cause(category=NATURAL, detail=CauseDetail.POWER_CUT)
HARDWARE = Cause(category=FAILURE, detail=CauseDetail.HARDWARE_FAILURE)
VAXJO, LJUNGBY = Area(kind=AreaKind.KOMMUN, code="0780"), Area(kind=AreaKind.KOMMUN, code="0781")
KRONOBERG, KALMAR = Area(kind=AreaKind.LAN, code="07"), Area(kind=AreaKind.LAN, code="08")
UNPLACED = Area(kind=AreaKind.OFFSHORE, code="0780", label="öster om Gotland")


def told(actor: str, hours: float = 0, cause: Cause = STORM, *areas: Area, **fields: object):
    fields.setdefault("id", f"I-{actor}")
    return incident(actor, started_at=at(0) + timedelta(hours=hours), cause=cause, areas=areas or (VAXJO,), **fields)


def groups(*messages):
    return sorted(tuple(ref.split("/")[1] for ref in s.members) for s in picture(*messages).situations)


TOGETHER = {
    "one detail, one municipality": [told("nordtel"), told("sveamobil", 1)],
    "a county and a municipality in it": [told("nordtel", 0, STORM, KRONOBERG), told("sveamobil", 1)],
    "weather and the power that it cuts": [told("nordtel", 0, STORM), told("sveamobil", 3, POWER)],
    "a cause that is unknown, in the same municipality": [told("nordtel"), told("sveamobil", 1, Cause())],
    "machines, in the same municipality at once": [told("nordtel", 0, HARDWARE), told("sveamobil", 0.2, HARDWARE)],
}
APART = {
    "one operator": [told("nordtel"), told("nordtel", 1, id="I-2")],
    "another detail": [told("nordtel"), told("sveamobil", 1, HARDWARE)],
    "both causes unknown": [told("nordtel", 0, Cause()), told("sveamobil", 0, Cause())],
    "an unknown cause in the county only": [told("nordtel", 0, STORM, KRONOBERG), told("sveamobil", 1, Cause())],
    "neighbouring municipalities": [told("nordtel"), told("sveamobil", 1, STORM, LJUNGBY)],
    "places without a code": [told("nordtel", 0, STORM, UNPLACED), told("sveamobil", 1, STORM, UNPLACED)],
    "too far apart in time": [told("nordtel"), told("sveamobil", 9)],
    "machines in the county only": [told("nordtel", 0, HARDWARE, KRONOBERG), told("sveamobil", 0, HARDWARE)],
    "other assets": [told("nordtel", infrastructure_ids=("a",)), told("sveamobil", infrastructure_ids=("b",))],
    "begun long after the other was over": [
        told("nordtel", state=IncidentState.CLOSED, restored_at=at(1)),
        told("sveamobil", 4),
    ],
    "held apart by staff": [
        told("nordtel"),
        told("sveamobil", 1),
        cannot("incident/nordtel/I-nordtel", "incident/sveamobil/I-sveamobil"),
    ],
}


@pytest.mark.parametrize("case", TOGETHER)
def test_these_are_one_situation(case: str) -> None:
    assert groups(*TOGETHER[case]) == [("nordtel", "sveamobil")]
    (situation,) = picture(*TOGETHER[case]).situations
    (link,) = situation.links
    assert link.basis == "INFERRED"
    assert "times that meet" in link.why


@pytest.mark.parametrize("case", APART)
def test_these_are_two(case: str) -> None:
    assert len(groups(*APART[case])) == 2


def test_it_does_not_chain() -> None:
    """The third fits the second, which only attached: a slow storm is no blob."""
    first, second, third = told("nordtel"), told("sveamobil", 7), told("tretton", 14)
    assert groups(first, second, third) == [("nordtel", "sveamobil"), ("tretton",)]


def test_an_unknown_cause_bridges_nothing() -> None:
    unknown = told("tretton", 0.1, Cause())
    assert groups(told("nordtel", 0), told("sveamobil", 0.2, HARDWARE), unknown) in (
        [("nordtel", "tretton"), ("sveamobil",)],
        [("nordtel",), ("sveamobil", "tretton")],
    )


def test_a_lone_report_goes_to_the_anchor_that_fits_best() -> None:
    storm = [told("nordtel", 0, STORM, event_refs=("s",)), told("fjallmobil", 0, STORM, event_refs=("s",))]
    power = [told("stadsnat", 1, POWER, event_refs=("p",)), told("kustfiber", 1, POWER, event_refs=("p",))]
    assert groups(*storm, *power, told("sveamobil", 0.5, POWER)) == [
        ("fjallmobil", "nordtel"),
        ("kustfiber", "stadsnat", "sveamobil"),
    ]


def test_two_that_staff_hold_apart_do_not_meet_in_a_third() -> None:
    anchor = [told("nordtel", 0, STORM, event_refs=("s",)), told("fjallmobil", 0, STORM, event_refs=("s",))]
    apart = cannot("incident/sveamobil/I-sveamobil", "incident/tretton/I-tretton")
    assert groups(*anchor, told("sveamobil", 1), told("tretton", 1), apart) == [
        ("fjallmobil", "nordtel", "sveamobil"),
        ("tretton",),
    ]


def test_a_told_link_takes_an_attached_report_away() -> None:
    storm, lone = told("nordtel"), told("sveamobil", 1)
    elsewhere = told("tretton", 1, HARDWARE, KALMAR)
    related = told("sveamobil", 1, revision=2, related_to=("incident/tretton/I-tretton",))
    assert groups(storm, lone, elsewhere) == [("nordtel", "sveamobil"), ("tretton",)]
    # A core of two or more never attaches; the storm alone now attaches to it, for its member in Växjö fits.
    assert groups(storm, lone, related, elsewhere) == [("nordtel", "sveamobil", "tretton")]
