"""Links that nobody told: when they are made, and above all when not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bus.messages import Area, Cause, Dependency, ServiceImpact
from bus.vocabulary import (
    AreaKind,
    CauseCategory,
    CauseDetail,
    DependencyKind,
    Impact,
    IncidentState,
    NetworkPart,
    QualityAspect,
    Service,
)
from tests import group
from tests.merging import at, cannot, fold, incident, picture, said

NATURAL, FAILURE = CauseCategory.NATURAL_PHENOMENON, CauseCategory.SYSTEM_FAILURE
HUMAN = CauseCategory.HUMAN_ERROR
STORM = Cause(category=NATURAL, detail=CauseDetail.WIND)
POWER = Cause(category=NATURAL, detail=CauseDetail.POWER_CUT)
LOCAL_POWER = Cause(category=FAILURE, detail=CauseDetail.POWER_CUT)
OWN_POWER = Cause(category=FAILURE, detail=CauseDetail.POWER_CUT, third_party=False)
HARDWARE = Cause(category=FAILURE, detail=CauseDetail.HARDWARE_FAILURE)
BUG = Cause(category=FAILURE, detail=CauseDetail.SOFTWARE_BUG)
OVERLOAD = Cause(category=FAILURE, detail=CauseDetail.OVERLOAD)
CABLE = Cause(category=HUMAN, detail=CauseDetail.CABLE_CUT)
THEFT = Cause(category=CauseCategory.MALICIOUS_ACTION, detail=CauseDetail.CABLE_THEFT)
MOBILE = Service.MOBILE_VOICE, Service.MOBILE_DATA
MAINS = Dependency(kind=DependencyKind.POWER)
FAILURE_UNKNOWN = Cause(category=FAILURE)
OTHER = Cause(category=FAILURE, detail=CauseDetail.OTHER)
OWN_OTHER = Cause(category=FAILURE, detail=CauseDetail.OTHER, third_party=False)
SUPPLIER = Cause(category=FAILURE, detail=CauseDetail.SUPPLIER)
VAXJO, LJUNGBY = Area(kind=AreaKind.KOMMUN, code="0780"), Area(kind=AreaKind.KOMMUN, code="0781")
OPEN_POWER = Cause(category=CauseCategory.UNDETERMINED, detail=CauseDetail.POWER_CUT)
KRONOBERG, KALMAR = Area(kind=AreaKind.LAN, code="07"), Area(kind=AreaKind.LAN, code="08")
BORGHOLM = Area(kind=AreaKind.KOMMUN, code="0885")
UNPLACED = Area(kind=AreaKind.OFFSHORE, code="0780", label="öster om Gotland")
CORE, ACCESS = NetworkPart.CORE, NetworkPart.ACCESS


def told(actor: str, hours: float = 0, cause: Cause = STORM, *areas: Area, **fields: object):
    fields.setdefault("id", f"I-{actor}")
    fields.setdefault("started_at", at(0) + timedelta(hours=hours))
    return incident(actor, cause=cause, areas=areas or (VAXJO,), **fields)


def over(hours: float) -> dict[str, object]:
    """Restored so many hours into the day."""
    return {"state": IncidentState.CLOSED, "restored_at": at(hours)}


def short_of_capacity(actor: str, hours: float, *areas: Area, cause: Cause = OVERLOAD, **fields: object):
    impacts = (ServiceImpact(service=Service.MOBILE_VOICE, impact=Impact.DEGRADED, aspect=QualityAspect.CAPACITY),)
    fields.setdefault("id", f"I-{actor}")
    return said(group.incident(actor, impacts=impacts, started_at=at(hours), cause=cause, areas=areas, **fields))


def of(actor: str, hours: float, service: Service, cause: Cause = CABLE, **fields: object):
    """An outage of one service."""
    impacts = (ServiceImpact(service=service, impact=Impact.OUTAGE),)
    return said(group.incident(actor, impacts=impacts, started_at=at(hours), cause=cause, areas=(VAXJO,), **fields))


def groups(*messages):
    return sorted(tuple(ref.split("/")[1] for ref in s.members) for s in picture(*messages).situations)


TOGETHER = {
    "one detail, one municipality": [told("nordtel"), told("sveamobil", 1)],
    "a county and a municipality in it": [told("nordtel", 0, STORM, KRONOBERG), told("sveamobil", 1)],
    "weather in neighbouring municipalities of a county": [told("nordtel"), told("sveamobil", 1, STORM, LJUNGBY)],
    "weather and the power that it cuts": [told("nordtel", 0, STORM), told("sveamobil", 3, POWER)],
    "a cause that is unknown, in the same municipality": [told("nordtel"), told("sveamobil", 1, Cause())],
    "a cause of which only the category is known": [
        told("nordtel", 0, LOCAL_POWER),
        told("sveamobil", 1, FAILURE_UNKNOWN),
    ],
    "an unknown cause in the county, where the power is gone": [
        told("nordtel", 0, LOCAL_POWER, KRONOBERG),
        told("sveamobil", 1, Cause(), LJUNGBY, caused_by=(MAINS,)),
    ],
    "what broke, and who broke it": [told("nordtel", 0, CABLE), told("sveamobil", 0.2, THEFT, KRONOBERG)],
    "machines, in the same municipality at once": [told("nordtel", 0, HARDWARE), told("sveamobil", 0.2, HARDWARE)],
    "a start that is not told, and so lies before the report": [
        told("nordtel", 0, CABLE),
        told("sveamobil", 0, CABLE, started_at=None, observed_at=at(2)),
    ],
    "a cable that some name": [told("nordtel", 0, CABLE, infrastructure_ids=("a",)), told("sveamobil", 0.1, CABLE)],
    "begun far apart, restored together": [
        told("nordtel", 0, CABLE, **over(6)),
        told("sveamobil", 2, CABLE, **over(6.2)),
    ],
    "an unknown cause in the county, begun and restored together": [
        told("nordtel", 0, CABLE, **over(6)),
        told("sveamobil", 0.1, Cause(), KRONOBERG, **over(6.1)),
    ],
    "the overload where users go when another's core falls": [
        told("nordtel", 0, BUG, KRONOBERG, network_part=CORE),
        short_of_capacity("sveamobil", 0.5, VAXJO),
    ],
    "the overload in an access network, of a bug that is not said to be in the core": [
        told("nordtel", 0, BUG, KRONOBERG),
        short_of_capacity("sveamobil", 0.5, VAXJO, network_part=ACCESS),
    ],
    "an overload that seems to come first, for operators round their times": [
        told("nordtel", 0.5, BUG, network_part=CORE),
        short_of_capacity("sveamobil", 0, VAXJO),
    ],
    "short of capacity, and no cause known for it": [
        short_of_capacity("nordtel", 0, VAXJO),
        short_of_capacity("sveamobil", 0.5, VAXJO, cause=Cause()),
    ],
    "short of capacity for another cause than any on the list, in one's own access network": [
        told("nordtel", 0, BUG, KRONOBERG, network_part=CORE),
        short_of_capacity("sveamobil", 0.5, VAXJO, cause=OWN_OTHER, network_part=ACCESS),
    ],
    "one vendor's fault in two cores at once, wherever they are": [
        told("nordtel", 0, BUG, KRONOBERG, network_part=CORE),
        told("sveamobil", 0.6, BUG, KALMAR, network_part=CORE),
    ],
    "a bug, and whose bug it was, in the cores of whole counties": [
        told("nordtel", 0, BUG, KRONOBERG),
        told("sveamobil", 0.2, SUPPLIER, KALMAR),
    ],
    "a power cut on batteries that run out while others are on generators": [
        told("nordtel", 0, LOCAL_POWER, **over(1)),
        told("sveamobil", 2.9, LOCAL_POWER),
    ],
    "power cuts in neighbouring municipalities, back at once": [
        told("nordtel", 0, LOCAL_POWER, **over(6)),
        told("sveamobil", 3.5, LOCAL_POWER, LJUNGBY, **over(6.4)),
    ],
    "a power cut in the county, hours later, back at once": [
        told("nordtel", 0, LOCAL_POWER, KRONOBERG, **over(6)),
        told("sveamobil", 3, LOCAL_POWER, **over(6.4)),
    ],
    "an unknown cause where the power is gone, hours later": [
        told("nordtel", 0, LOCAL_POWER),
        told("sveamobil", 3, Cause(), caused_by=(MAINS,)),
    ],
    "power that is gone, and what is behind it left open": [
        told("nordtel", 0, OPEN_POWER),
        told("sveamobil", 3, LOCAL_POWER),
    ],
    "a storm's power cut, and within two hours one that is not said to be the storm's": [
        told("nordtel", 0, POWER),
        told("sveamobil", 1.9, LOCAL_POWER),
    ],
    "two cores without power, in one house": [
        told("nordtel", 0, LOCAL_POWER, network_part=CORE),
        told("sveamobil", 0, LOCAL_POWER, network_part=CORE),
    ],
    "overload that ends soon after another's": [
        told("nordtel", 0, OVERLOAD, **over(3)),
        told("sveamobil", 0.5, OVERLOAD, **over(4.9)),
    ],
    "a storm's places, which come back one by one": [
        told("nordtel", 0, POWER, **over(4)),
        told("sveamobil", 1, POWER, **over(20)),
    ],
}
APART = {
    "one operator": [told("nordtel"), told("nordtel", 1.1, id="I-2")],
    "one operator, in another town": [told("nordtel"), told("nordtel", 0, STORM, LJUNGBY, id="I-2")],
    "one operator, and other services": [of("nordtel", 0, s, BUG, id=s) for s in MOBILE],
    "one operator, with ends that lie apart": [
        told("nordtel", 0, CABLE, **over(3)),
        told("nordtel", 0, CABLE, **over(3.6), id="I-2"),
    ],
    "one operator, two machines": [told("nordtel", 0, HARDWARE), told("nordtel", 0, HARDWARE, id="I-2")],
    "a storm's power cut, and hours later one that is not said to be the storm's": [
        told("nordtel", 0, POWER),
        told("sveamobil", 2.1, LOCAL_POWER),
    ],
    "a core that has lost its own power, where a town has none": [
        told("nordtel", 0, LOCAL_POWER),
        told("sveamobil", 0, LOCAL_POWER, network_part=CORE),
    ],
    "overload that goes on when another is long over": [
        told("nordtel", 0, OVERLOAD, **over(3)),
        told("sveamobil", 0.5, OVERLOAD, **over(5.1)),
    ],
    "a bug in two access networks": [told(a, 0, BUG, network_part=ACCESS) for a in ("nordtel", "sveamobil")],
    "an overload that came ten minutes before, by clocks that are exact": [
        told("nordtel", 0.4, BUG, network_part=CORE),
        short_of_capacity("sveamobil", 0.2, VAXJO),
    ],
    "another detail": [told("nordtel"), told("sveamobil", 1, HARDWARE)],
    "both causes unknown": [told("nordtel", 0, Cause()), told("sveamobil", 0, Cause())],
    "another cause than any on the list": [told("nordtel", 0, LOCAL_POWER), told("sveamobil", 0, OTHER)],
    "an unknown detail of another category": [told("nordtel"), told("sveamobil", 1, FAILURE_UNKNOWN)],
    "an unknown cause in the county only": [told("nordtel", 0, STORM, KRONOBERG), told("sveamobil", 1, Cause())],
    "weather in neighbouring counties": [told("nordtel"), told("sveamobil", 1, STORM, BORGHOLM)],
    "power cuts in neighbouring municipalities": [
        told("nordtel", 0, LOCAL_POWER),
        told("sveamobil", 1, LOCAL_POWER, LJUNGBY),
    ],
    "a storm's power cut and another in the county only": [
        told("nordtel", 0, POWER, KRONOBERG),
        told("sveamobil", 1, LOCAL_POWER),
    ],
    "places without a code": [told("nordtel", 0, STORM, UNPLACED), told("sveamobil", 1, STORM, UNPLACED)],
    "too far apart in time": [told("nordtel"), told("sveamobil", 9)],
    "a start that is not told, reported too late": [
        told("nordtel", 0, CABLE),
        told("sveamobil", 0, CABLE, started_at=None, observed_at=at(4)),
    ],
    "machines in the county only": [told("nordtel", 0, HARDWARE, KRONOBERG), told("sveamobil", 0, HARDWARE)],
    "other assets": [told("nordtel", infrastructure_ids=("a",)), told("sveamobil", infrastructure_ids=("b",))],
    "a power cut in an asset that the other does not name": [
        told("nordtel", 0, LOCAL_POWER, infrastructure_ids=("a",)),
        told("sveamobil", 0, LOCAL_POWER),
    ],
    "a power cut in the operator's own access network": [
        told("nordtel", 0, LOCAL_POWER),
        told("sveamobil", 0, OWN_POWER, network_part=ACCESS),
    ],
    "an unknown cause where the power is gone, and a cable": [
        told("nordtel", 0, CABLE),
        told("sveamobil", 0, Cause(), caused_by=(MAINS,)),
    ],
    "two shared keys of one kind": [
        told("nordtel", 0, LOCAL_POWER, event_refs=("power:1",)),
        told("sveamobil", 0, LOCAL_POWER, event_refs=("power:2",)),
    ],
    "a bug in a core and one in an access network": [
        told("nordtel", 0, BUG, network_part=CORE),
        told("sveamobil", 0, BUG, network_part=ACCESS),
    ],
    "an overload that came before": [
        told("nordtel", 1, BUG, network_part=CORE),
        short_of_capacity("sveamobil", 0, VAXJO),
    ],
    "an overload far from the fallen core": [
        told("nordtel", 0, BUG, network_part=CORE),
        short_of_capacity("sveamobil", 0.5, LJUNGBY),
    ],
    "one vendor's fault in two cores, not at once": [
        told("nordtel", 0, BUG, KRONOBERG, network_part=CORE),
        told("sveamobil", 0.7, BUG, KALMAR, network_part=CORE),
    ],
    "a bug in a municipality, of which it is not said that it is in the core": [
        told("nordtel", 0, BUG, KRONOBERG, network_part=CORE),
        told("sveamobil", 0, BUG, BORGHOLM),
    ],
    "an overload, and a cable that was cut": [
        told("nordtel", 0, CABLE),
        short_of_capacity("sveamobil", 0.5, VAXJO),
    ],
    "a cable that was mended, and one that hours later was not": [
        told("nordtel", 0, CABLE, **over(3)),
        told("sveamobil", 0.1, CABLE, **over(5.1)),
    ],
    "a power cut that was over when another went on for hours": [
        told("nordtel", 0, LOCAL_POWER, **over(3)),
        told("sveamobil", 0, LOCAL_POWER, **over(6.1)),
    ],
    "a machine that was mended long before another": [
        told("nordtel", 0, HARDWARE, **over(3)),
        told("sveamobil", 0, HARDWARE, **over(5.1)),
    ],
    "an unknown cause in the municipality of a power cut, hours later": [
        told("nordtel", 0, LOCAL_POWER),
        told("sveamobil", 1.1, Cause()),
    ],
    "a power cut somewhere in the county, hours later": [
        told("nordtel", 0, LOCAL_POWER, KRONOBERG),
        told("sveamobil", 2.6, LOCAL_POWER),
    ],
    "begun long after the other was over": [told("nordtel", **over(1)), told("sveamobil", 4)],
    "a power cut that began after the other was over": [
        told("nordtel", 0, LOCAL_POWER, **over(1)),
        told("sveamobil", 3.1, LOCAL_POWER),
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


def test_the_link_says_what_the_checklist_found() -> None:
    (situation,) = picture(
        told("nordtel", 0, CABLE, **over(6)), told("sveamobil", 0.2, CABLE, LJUNGBY, **over(6.2))
    ).situations
    (link,) = situation.links
    assert link.why == "CABLE_CUT; both in county 07; times that meet, starts 12 min apart, restored together"


def test_it_does_not_chain() -> None:
    """The third fits the second, which only attached: a slow storm is no blob."""
    first, second, third = told("nordtel"), told("sveamobil", 7), told("tretton", 14)
    assert groups(first, second, third) == [("nordtel", "sveamobil"), ("tretton",)]


def test_an_unknown_cause_bridges_nothing() -> None:
    """Nor is it guessed which of two it belongs to."""
    unknown = told("tretton", 0.1, Cause())
    assert groups(told("nordtel", 0, CABLE), told("sveamobil", 0.2, HARDWARE), unknown) == [
        ("nordtel",),
        ("sveamobil",),
        ("tretton",),
    ]


def test_weather_is_everywhere_so_that_either_of_two_anchors_will_do() -> None:
    first = [told(actor, 0, STORM, event_refs=("a",)) for actor in ("nordtel", "fjallmobil")]
    second = [told(actor, 1, STORM, event_refs=("b",)) for actor in ("kustfiber", "stadsnat")]
    assert groups(*first, *second, told("sveamobil", 0.2)) == [
        ("fjallmobil", "nordtel", "sveamobil"),
        ("kustfiber", "stadsnat"),
    ]


def test_who_knows_the_cause_and_most_places_is_the_anchor() -> None:
    """The earliest does not know what struck it, and the others share no municipality with each other."""
    unknown = told("tretton", 0, Cause(), VAXJO)
    owner = told("kustfiber", 0.1, LOCAL_POWER, VAXJO, LJUNGBY)
    riders = told("nordtel", 0.2, LOCAL_POWER, VAXJO), told("sveamobil", 0.3, LOCAL_POWER, LJUNGBY)
    assert groups(unknown, owner, *riders) == [("kustfiber", "nordtel", "sveamobil", "tretton")]


def test_a_fault_that_is_told_twice_attaches_as_one() -> None:
    again = told("sveamobil", 1, LOCAL_POWER, id="I-again", duplicate_of="incident/sveamobil/I-sveamobil")
    first = told("sveamobil", 1, HARDWARE)  # the duplicate alone knows better
    anchor = told("nordtel", 0, LOCAL_POWER, event_refs=("p",)), told("tretton", 0, LOCAL_POWER, event_refs=("p",))
    (situation,) = picture(*anchor, first, again).situations
    assert situation.duplicates == ("incident/sveamobil/I-again",)


def test_who_does_not_know_the_cause_does_not_speak_for_those_who_do() -> None:
    known = told("nordtel", 0, CABLE, LJUNGBY, event_refs=("c",))
    unknown = told("sveamobil", 0, Cause(), VAXJO, event_refs=("c",))
    assert groups(known, unknown, told("tretton", 0.1, LOCAL_POWER, VAXJO)) == [("nordtel", "sveamobil"), ("tretton",)]


def test_what_several_operators_tell_of_one_vendor_s_fault_is_bound_to_no_place() -> None:
    bug = [
        told("nordtel", 0, BUG, KRONOBERG, network_part=CORE, event_refs=("vendor:1",)),
        told("sveamobil", 0.1, BUG, KALMAR, network_part=CORE, event_refs=("vendor:1",)),
    ]
    far, town = Area(kind=AreaKind.LAN, code="25"), Area(kind=AreaKind.KOMMUN, code="2580")
    assert groups(*bug, told("tretton", 1.2, BUG, far, network_part=CORE)) == [("nordtel", "sveamobil", "tretton")]
    assert groups(*bug, told("tretton", 1.2, BUG, far)) == [("nordtel", "sveamobil", "tretton")]
    assert groups(*bug, told("tretton", 1.2, BUG, far, network_part=ACCESS)) == [("nordtel", "sveamobil"), ("tretton",)]
    assert groups(*bug, told("tretton", 1.2, BUG, town)) == [("nordtel", "sveamobil"), ("tretton",)]


def test_of_a_storm_that_others_tell_of_an_operator_may_tell_again() -> None:
    """Not of a storm that it tells of alone, nor of a cable: who tells two faults means two."""
    again = told("nordtel", 1.1, STORM, LJUNGBY, id="I-2")
    storm = [told("nordtel", 0, STORM, event_refs=("s",)), told("fjallmobil", 0, STORM, BORGHOLM, event_refs=("s",))]
    assert groups(*storm, again) == [("fjallmobil", "nordtel", "nordtel")]
    alone = [told("nordtel", 0, STORM, id=name, event_refs=("s",)) for name in ("I-1", "I-3")]
    assert groups(*alone, again) == [("nordtel",), ("nordtel", "nordtel")]
    places = {"nordtel": VAXJO, "fjallmobil": BORGHOLM}
    cables = [told(actor, 0, CABLE, place, event_refs=("c",)) for actor, place in places.items()]
    elsewhere = told("nordtel", 0, CABLE, LJUNGBY, id="I-2")
    assert groups(*cables, elsewhere) == [("fjallmobil", "nordtel"), ("nordtel",)]


def test_an_operator_may_tell_one_fault_twice() -> None:
    """The very same places and services, at one time. Who tells two machines means two."""
    twice = [told("nordtel", 0, CABLE, **over(4)), told("nordtel", 1, CABLE, **over(4.4), id="I-2")]
    assert groups(*twice) == [("nordtel", "nordtel")]


def test_of_a_place_that_it_has_told_of_an_operator_tells_another_fault() -> None:
    """Unless it tells one twice, or of weather, which may strike twice."""
    known = [told(actor, 0, LOCAL_POWER, event_refs=("p",)) for actor in ("nordtel", "fjallmobil")]
    both, one, two = ("fjallmobil", "nordtel"), ("nordtel",), ("fjallmobil", "nordtel", "nordtel")

    def with_power(hours: float, *areas: Area) -> list[tuple[str, ...]]:
        return groups(*known, told("nordtel", hours, LOCAL_POWER, *areas, id="I-2"))

    assert with_power(1) == [two]
    assert with_power(1.1) == [both, one]
    assert with_power(0.1, VAXJO, LJUNGBY) == [both, one]
    assert with_power(0.1, KRONOBERG) == [two]
    storm = [told(actor, 0, STORM, event_refs=("s",)) for actor in ("nordtel", "fjallmobil")]
    assert groups(*storm, told("nordtel", 3, STORM, id="I-2")) == [two]


def test_what_an_operator_has_told_counts_as_long_as_it_stands() -> None:
    known = [told(actor, 0, LOCAL_POWER, event_refs=("p",)) for actor in ("tretton", "fjallmobil")]
    state = fold(*known, told("nordtel", 1.5, LOCAL_POWER, id="I-2"))

    def sizes() -> list[int]:
        return sorted(len(situation.members) for situation in state.view(at(12), {}, True).situations)

    assert sizes() == [3]
    own = {"id": "I-1", "event_refs": ("p",)}
    state.apply(told("nordtel", 0, LOCAL_POWER, **own))
    assert sizes() == [1, 3]
    state.apply(told("nordtel", 0, LOCAL_POWER, BORGHOLM, **own, revision=2))
    assert sizes() == [4]
    state.apply(told("nordtel", 0, LOCAL_POWER, **own, revision=3))
    assert sizes() == [1, 3]
    state.apply(told("nordtel", 0, LOCAL_POWER, **own, revision=4, state=IncidentState.RETRACTED, reason="Fel."))
    assert sizes() == [3]


@pytest.mark.parametrize("cause", [LOCAL_POWER, OVERLOAD], ids=["power", "overload"])
def test_so_it_may_of_a_power_cut_and_an_overload(cause: Cause) -> None:
    known = [told(actor, 0, cause, VAXJO, LJUNGBY, event_refs=("p",)) for actor in ("tretton", "fjallmobil")]
    own, again = told("nordtel", 0, cause, event_refs=("p",)), told("nordtel", 1, cause, LJUNGBY, id="I-2")
    assert groups(*known, own, again) == [("fjallmobil", "nordtel", "nordtel", "tretton")]
    alone = [told("nordtel", 0, cause, KRONOBERG, id=name, event_refs=("p",)) for name in ("I-1", "I-3")]
    assert groups(*alone, again) == [("nordtel",), ("nordtel", "nordtel")]


def test_of_a_cable_an_operator_may_tell_for_each_of_its_networks() -> None:
    """What each lost tells that they are two networks, and not two cables."""
    mobile, fixed = of("nordtel", 0, Service.MOBILE_VOICE, id="I-1"), of("nordtel", 0.1, Service.FIXED_VOICE, id="I-2")
    assert groups(mobile, fixed) == [("nordtel", "nordtel")]
    assert groups(mobile, of("nordtel", 0.7, Service.FIXED_VOICE, id="I-2")) == [("nordtel",), ("nordtel",)]
    machines = [of("nordtel", 0, s, HARDWARE, id=s) for s in (Service.MOBILE_VOICE, Service.FIXED_VOICE)]
    assert groups(*machines) == [("nordtel",), ("nordtel",)]


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
