"""Conflicts C01 to C18: each rule speaks when things do not go together, and its nearest neighbour is silent."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import pytest

from bus.envelope import Envelope
from bus.messages import Area, Cause, Dependency, Emergency, Energy, Load, Quantity, Restoration
from bus.registry import Actor, Registry
from bus.vocabulary import (
    AckAnswer,
    AreaKind,
    CauseDetail,
    Certainty,
    ConflictState,
    DecisionState,
    DependencyKind,
    EmergencyImpact,
    Impact,
    IncidentState,
    MeasureState,
    MeasureType,
    NetworkPart,
    RequestState,
    ResourceKind,
    Role,
    Service,
    WorkState,
)
from consumers.merge import default_rules
from consumers.merge.conflicts.texts import TEXTS
from consumers.merge.situations import situation_id
from consumers.merge.view import Conflict
from tests.merging import (
    GROUP,
    LATER,
    MNOS,
    NOBODY,
    ack,
    areas,
    at,
    decision,
    fold,
    incident,
    measure,
    must,
    offer,
    picture,
    request,
    status,
    work,
)

GROUP_WITH_112 = Registry.of(
    [
        *(entry for entries in GROUP.actors.values() for entry in entries),
        Actor(slug="larmcentral", name="Larmcentral", roles=(Role.PSAP,)),
    ]
)
A = "incident/nordtel/A"
FREEZE = {"type": MeasureType.MAINTENANCE_FREEZE, "areas": areas("00")}
ROAMING = {"hosts": ("sveamobil",), "guests": ("nordtel",), "areas": areas("07")}
REROUTE = {"type": MeasureType.TRAFFIC_REROUTE, "depends_on": ("cable:1",)}
CORE_DOWN = incident("nordtel", "A", network_part=NetworkPart.CORE)
POWER_BACK = {"impacts": {Service.OTHER: Impact.OUTAGE}, "restoration": Restoration(expected=at(9))}
ON_BATTERY = Energy(battery_until=at(5), power_incident="incident/elnat-syd/P")
RADIATING = Emergency(impact=EmergencyImpact.UNKNOWN, ran_radiating=True)
SILENT_CALLS = {"codes": ("0780",), "impacts": {Service.EMERGENCY_CALL: Impact.DEGRADED}}


def conflicts(*messages: Envelope, as_of: datetime = LATER, registry: Registry = GROUP_WITH_112) -> dict[str, Conflict]:
    """By rule, or by rule and case. Fails where one is told twice."""
    found = picture(*messages, as_of=as_of, registry=registry).conflicts
    by_code = {f"{c.rule}.{c.case}" if c.case else c.rule: c for c in found}
    assert len(by_code) == len(found)
    return by_code


def overload(id: str = "O", start: datetime = LATER, **fields: object) -> Envelope:
    cause = Cause(detail=CauseDetail.OVERLOAD)
    told = {"cause": cause, "impacts": {Service.MOBILE_VOICE: Impact.DEGRADED}, "started_at": start}
    return incident("sveamobil", id, **told | fields)


def prioritised(**fields: object) -> Envelope:
    return measure("nordtel", "P", **{"type": MeasureType.TRAFFIC_PRIORITISATION, "areas": areas("07"), **fields})


def restricted(**fields: object) -> Envelope:
    return measure("sveamobil", "Q", **{"type": MeasureType.TRAFFIC_RESTRICTION, "areas": areas("0780"), **fields})


def promised(id: str, number: float | None = None, unit: str = "st", **fields: object) -> Envelope:
    return offer("sveamobil", id, quantity=None if number is None else Quantity(value=number, unit=unit), **fields)


def in_the_town(actor: str, impact: Impact = Impact.OUTAGE, **fields: object) -> Envelope:
    return incident(actor, "A", codes=("0780",), impacts={Service.MOBILE_DATA: impact}, **fields)


def _waits_for(ref: str, certainty: Certainty = Certainty.LIKELY) -> tuple[Dependency, ...]:
    return (Dependency(kind=DependencyKind.POWER, ref=ref, certainty=certainty),)


def _back(expected: datetime) -> dict[str, object]:
    return {"restoration": Restoration(expected=expected)}


_THIN = {Service.MOBILE_VOICE: Impact.REDUCED_REDUNDANCY}


class Case(NamedTuple):
    """What is told, and when it is looked at."""

    messages: tuple[Envelope, ...]
    as_of: datetime = LATER
    registry: Registry = GROUP_WITH_112


def told(*messages: Envelope, as_of: datetime = LATER, registry: Registry = GROUP_WITH_112) -> Case:
    return Case(messages, as_of, registry)


FIRES: dict[str, list[Case]] = {
    "C01": [
        told(work(), incident()),
        told(work(areas=areas("0780")), incident(codes=("00",))),
        told(work(areas=(), infrastructure_ids=("cable:1",)), incident(infrastructure_ids=("cable:1",))),
        told(work(state=WorkState.IN_PROCESS), incident(), as_of=at(30)),
        told(work(starts_at=at(80), ends_at=at(90)), incident(), as_of=at(8)),
        told(work(starts_at=at(80), ends_at=at(90)), incident(restoration=Restoration(expected=at(81)))),
        told(work(impact=Impact.REDUCED_REDUNDANCY), incident(impacts={Service.DNS: Impact.DEGRADED})),
    ],
    "C02": [
        told(work(), work("stadsnat", "W-2", starts_at=at(3), ends_at=at(5))),
        told(work(services=(Service.FIXED_VOICE,)), work("stadsnat", services=(Service.FIXED_INTERNET,))),
        told(work(services=(Service.FIXED_VOICE,)), work("stadsnat")),
        told(work(), work("stadsnat", services=(Service.FIXED_VOICE,))),
        told(
            work(state=WorkState.IN_PROCESS),
            work("stadsnat", "W-2", starts_at=at(30), ends_at=at(31)),
            as_of=at(30),
        ),
    ],
    "C03": [
        told(work(), measure(**FREEZE)),
        told(work(areas=(Area(kind=AreaKind.OFFSHORE),)), measure(type=MeasureType.MAINTENANCE_FREEZE)),
        told(work(services=(Service.DNS,)), measure(**FREEZE, services=(Service.DNS, Service.IX))),
        told(work(), measure(**FREEZE, services=(Service.IX,))),
        told(work(state=WorkState.IN_PROCESS), measure(**FREEZE, planned_end=at(1.5)), as_of=at(3)),
        told(work(starts_at=at(200), ends_at=at(201)), measure(**FREEZE, planned_end=at(300))),
        told(work(impact=Impact.NO_IMPACT), measure("kustfiber", **FREEZE)),
    ],
    "C04.INCIDENT": [
        told(measure(**ROAMING), incident("sveamobil")),
        told(measure(**ROAMING), overload(start=at(-1), impacts={Service.MOBILE_DATA: Impact.REDUCED_REDUNDANCY})),
        told(measure(**ROAMING | {"areas": ()}), incident("sveamobil", codes=("0114",))),
        told(
            measure(**ROAMING, services=(Service.FIXED_VOICE,)),
            incident("sveamobil", impacts={Service.FIXED_VOICE: Impact.DEGRADED}),
        ),
    ],
    "C04.LOAD": [
        told(
            measure(**ROAMING),
            status("sveamobil", load=(Load(service=Service.MOBILE_DATA, utilisation_percent=90.0),)),
        ),
    ],
    "C05": [
        told(measure(**ROAMING, active_from=at(0.5)), overload()),
        told(measure(**ROAMING), overload(start=at(0.1))),
    ],
    "C06": [
        told(measure(**ROAMING), CORE_DOWN),
        told(measure(**ROAMING, state=MeasureState.PROPOSED), CORE_DOWN),
        told(measure(**ROAMING | {"guests": ()}), CORE_DOWN),
        told(measure(**ROAMING), incident("nordtel", "A", caused_by=(Dependency(kind=DependencyKind.CORE),))),
    ],
    "C07": [
        told(incident(emergency=RADIATING)),
        told(
            incident(network_part=NetworkPart.CORE, emergency=RADIATING, impacts={Service.MOBILE_DATA: Impact.OUTAGE})
        ),
    ],
    "C08": [
        told(prioritised(), restricted()),
        told(prioritised(), restricted(type=MeasureType.TRAFFIC_REROUTE, state=MeasureState.PLANNED)),
        told(
            prioritised(depends_on=("cable:1",)),
            restricted(depends_on=("cable:1", "cable:2"), areas=areas("0114")),
        ),
        told(prioritised(services=(Service.DNS,)), restricted()),
    ],
    "C09.TWICE": [
        told(request(), promised("O-1"), promised("O-2")),
        told(request(quantity=Quantity(value=2, unit="st")), promised("O-1", 2, "St "), promised("O-2", 1)),
        told(request(quantity=Quantity(value=2, unit="st")), promised("O-1"), promised("O-2")),
    ],
    "C09.SHARED": [
        told(request(), request("fjallmobil"), promised("O-1", targets=("request/fjallmobil/R-1",))),
    ],
    "C09.ALIKE": [
        told(
            request(),
            request("fjallmobil"),
            promised("O-1", description="Vagn 3"),
            promised("O-2", description=" vagn  3", ref="request/fjallmobil/R-1"),
        ),
    ],
    "C10.FORGOTTEN": [
        told(measure(targets=(A,)), incident("nordtel", "A", state=IncidentState.CLOSED)),
        told(measure(targets=(A, "incident/nordtel/Z")), incident("nordtel", "A", state=IncidentState.RESTORED)),
        told(measure(**FREEZE, targets=(A,)), incident("nordtel", "A", state=IncidentState.CLOSED)),
    ],
    "C10.OVERDUE": [
        told(measure(planned_end=LATER)),
        told(measure(**FREEZE, planned_end=at(0.5))),
    ],
    "C11": [
        told(measure(**REROUTE), incident(codes=("0114",), infrastructure_ids=("cable:1",))),
        told(measure(**REROUTE, state=MeasureState.PLANNED), incident(infrastructure_ids=("cable:2", "cable:1"))),
    ],
    "C12": [
        told(
            incident("nordtel", "A", caused_by=_waits_for("incident/elnat-syd/P"), **_back(at(8))),
            incident("elnat-syd", "P", **POWER_BACK),
        ),
        told(
            incident("nordtel", "A", energy=Energy(power_incident="incident/elnat-syd/P"), **_back(at(8))),
            incident("elnat-syd", "P", **POWER_BACK),
        ),
    ],
    "C13.DISPUTED": [
        told(incident("nordtel", "A"), ack(A, AckAnswer.CAUSE_DISPUTED)),
    ],
    "C13.CYCLE": [
        told(
            incident("nordtel", "A", caused_by=_waits_for("incident/kustfiber/A")),
            incident("kustfiber", "A", caused_by=_waits_for(A)),
        ),
    ],
    "C14": [
        told(incident(declared_severity=4)),
        told(incident("nordtel", "A"), incident(declared_severity=5, related_to=(A,))),
    ],
    "C15": [
        told(incident("larmcentral", **SILENT_CALLS)),
        told(incident("larmcentral", **SILENT_CALLS), incident(codes=("0781",))),
        told(incident("larmcentral", **SILENT_CALLS | {"codes": ("07",)}), in_the_town("nordtel")),
        told(incident("larmcentral", **SILENT_CALLS), incident("elnat-syd")),
        told(incident("larmcentral", **SILENT_CALLS), incident(impacts={Service.TV_BROADCAST: Impact.OUTAGE})),
        told(
            incident("larmcentral", **SILENT_CALLS),
            incident(emergency=Emergency(impact=EmergencyImpact.NONE)),
        ),
        told(
            incident(
                "larmcentral",
                impacts={Service.OTHER: Impact.UNKNOWN},
                emergency=Emergency(impact=EmergencyImpact.LOCATION_LOST),
            )
        ),
    ],
    "C16.OUTAGE": [
        told(*(in_the_town(actor) for actor in MNOS)),
        told(*(in_the_town(actor) for actor in MNOS), in_the_town("lagpris", Impact.DEGRADED)),
        told(*(in_the_town(actor) for actor in MNOS[1:]), incident(codes=("07",), percent=90)),
    ],
    "C16.DEGRADED": [
        told(in_the_town("nordtel"), in_the_town("sveamobil", Impact.DEGRADED), in_the_town("fjallmobil")),
    ],
    "C17": [
        told(measure(**REROUTE), incident(impacts=_THIN, infrastructure_ids=("cable:1",))),
        told(measure(**REROUTE), work(infrastructure_ids=("cable:1",))),
    ],
    "C18.BEFORE_POWER": [
        told(incident(energy=ON_BATTERY), incident("elnat-syd", "P", **POWER_BACK)),
        told(
            incident(energy=Energy(battery_until=at(1.5)), caused_by=_waits_for("incident/elnat-syd/P")),
            incident("elnat-syd", "P", **POWER_BACK),
        ),
    ],
    "C18.SOON": [
        told(incident(energy=ON_BATTERY), as_of=at(4)),
        told(incident(energy=ON_BATTERY), as_of=at(6)),
        told(incident(energy=ON_BATTERY), incident("elnat-syd", "P"), as_of=at(4)),
        told(incident(energy=ON_BATTERY), incident("elnat-syd", "P", **_back(at(3))), as_of=at(4)),
    ],
}

SILENT: dict[str, list[Case]] = {
    "C01": [
        told(work("nordtel"), incident()),
        told(work(), incident(impacts={Service.MOBILE_VOICE: Impact.REDUCED_REDUNDANCY})),
        told(work(), incident(state=IncidentState.RESTORED)),
        told(work(), incident(codes=("0114",))),
        told(work(), incident(), as_of=at(4)),
        told(work(impact=Impact.UNKNOWN), incident()),
        told(work(state=WorkState.RESCHEDULED), incident()),
        told(work(starts_at=at(80), ends_at=at(90)), incident(), as_of=at(7.9)),
        told(work(starts_at=at(80), ends_at=at(90)), incident(restoration=Restoration(latest=at(80))), as_of=at(70)),
        told(work(areas=(Area(kind=AreaKind.SITE),)), incident()),
    ],
    "C02": [
        told(work(), work(id="W-2")),
        told(work(), work("stadsnat", starts_at=at(4), ends_at=at(5))),
        told(work(services=(Service.FIXED_VOICE,)), work("stadsnat", services=(Service.MOBILE_VOICE,))),
        told(work(), work("stadsnat", state=WorkState.CANCELLED)),
        told(work(), work("stadsnat", impact=Impact.NO_IMPACT)),
        told(work(), work("stadsnat"), as_of=at(4)),
        told(work(), work("stadsnat", "W-2", starts_at=at(30), ends_at=at(31)), as_of=at(30)),
    ],
    "C03": [
        told(work(), measure(**FREEZE, state=MeasureState.PLANNED)),
        told(work(), measure(**FREEZE, planned_end=at(2))),
        told(work(), measure(**FREEZE, exceptions=("work/kustfiber/W-1",))),
        told(work(), measure(**FREEZE, exceptions=("kustfiber",))),
        told(work(infrastructure_ids=("cable:1",)), measure(**FREEZE, exceptions=("cable:1",))),
        told(work(services=(Service.DNS,)), measure(**FREEZE, services=(Service.IX,))),
        told(work(), measure(type=MeasureType.TRAFFIC_RESTRICTION, areas=areas("00"))),
        told(work(state=WorkState.COMPLETED), measure(**FREEZE)),
        told(work(starts_at=at(200), ends_at=at(201)), measure(**FREEZE)),
    ],
    "C04.INCIDENT": [
        told(measure(**ROAMING), incident("fjallmobil")),
        told(measure(**ROAMING, state=MeasureState.PLANNED), incident("sveamobil")),
        told(measure(**ROAMING), incident("sveamobil", codes=("0114",))),
        told(measure(**ROAMING), incident("sveamobil", impacts={Service.FIXED_VOICE: Impact.OUTAGE})),
        told(measure(**ROAMING), incident("sveamobil", impacts={Service.MOBILE_VOICE: Impact.REDUCED_REDUNDANCY})),
        told(measure(**ROAMING | {"type": MeasureType.OPEN_WIFI}), incident("sveamobil")),
        told(measure(**ROAMING | {"guests": ("nordtel", "sveamobil")}), incident("sveamobil")),
        told(measure(**ROAMING), overload(start=at(-1), impacts={Service.MOBILE_VOICE: Impact.NO_IMPACT})),
    ],
    "C04.LOAD": [
        told(
            measure(**ROAMING),
            status("sveamobil", load=(Load(service=Service.MOBILE_DATA, utilisation_percent=89.0),)),
        ),
        told(
            measure(**ROAMING),
            status("sveamobil", load=(Load(service=Service.DNS, utilisation_percent=99.0),)),
        ),
    ],
    "C05": [
        told(measure(**ROAMING, active_from=at(0.5)), overload(start=at(0.5))),
        told(measure(**ROAMING), incident("sveamobil", started_at=LATER)),
        told(measure(**ROAMING), overload(state=IncidentState.CLOSED)),
    ],
    "C06": [
        told(measure(**ROAMING), incident("nordtel", "A")),
        told(measure(**ROAMING, state=MeasureState.FAILED), CORE_DOWN),
        told(measure(**ROAMING), incident("sveamobil", network_part=NetworkPart.CORE)),
        told(
            measure(**ROAMING),
            incident(network_part=NetworkPart.CORE, impacts={Service.MOBILE_VOICE: Impact.DEGRADED}),
        ),
    ],
    "C07": [
        told(incident(emergency=Emergency(impact=EmergencyImpact.LOST_NO_FALLBACK))),
        told(incident(emergency=Emergency(impact=EmergencyImpact.UNKNOWN, ran_radiating=False))),
        told(incident(emergency=RADIATING, impacts={Service.MOBILE_VOICE: Impact.DEGRADED})),
        told(incident(emergency=RADIATING, state=IncidentState.RESTORED)),
    ],
    "C08": [
        told(prioritised(), restricted(areas=areas("0114"))),
        told(prioritised(), restricted(state=MeasureState.ENDED)),
        told(prioritised(depends_on=("cable:1",)), restricted(depends_on=("cable:2",))),
        told(prioritised(services=(Service.DNS,)), restricted(services=(Service.IX,))),
        told(prioritised(), restricted(type=MeasureType.TRAFFIC_PRIORITISATION)),
    ],
    "C09.TWICE": [
        told(request(), promised("O-1"), promised("O-2", state=RequestState.OFFERED)),
        told(request(quantity=Quantity(value=2, unit="st")), promised("O-1", 1), promised("O-2", 1)),
        told(request(quantity=Quantity(value=1, unit="st")), promised("O-1", 1), promised("O-2", 500, "kVA")),
        told(request(), promised("O-1"), promised("O-2", resource=ResourceKind.FUEL)),
        told(request(quantity=Quantity(value=2, unit="st")), promised("O-1", 3), promised("O-2", -3)),
        told(request(state=RequestState.WITHDRAWN), promised("O-1"), promised("O-2")),
    ],
    "C09.SHARED": [
        told(request(), promised("O-1", targets=("request/fjallmobil/R-1",))),
        told(
            request(),
            request("fjallmobil", state=RequestState.RELEASED),
            promised("O-1", targets=("request/fjallmobil/R-1",)),
        ),
    ],
    "C09.ALIKE": [
        told(request(), promised("O-1", description="Vagn 3"), promised("O-2", description="Vagn 3")),
        told(
            promised("O-1", description="Vagn 3"),
            promised("O-2", description="Vagn 4", ref="request/fjallmobil/R-1"),
        ),
        told(promised("O-1"), promised("O-2", ref="request/fjallmobil/R-1")),
    ],
    "C10.FORGOTTEN": [
        told(measure(targets=(A,)), incident("nordtel", "A")),
        told(measure(targets=(A,), state=MeasureState.ENDED), incident("nordtel", "A", state=IncidentState.CLOSED)),
        told(measure(targets=(A,)), incident("nordtel", "A", state=IncidentState.RETRACTED)),
        told(
            measure(targets=(A, "incident/nordtel/B")),
            incident("nordtel", "A", state=IncidentState.CLOSED),
            incident("nordtel", "B"),
        ),
        told(measure(targets=())),
    ],
    "C10.OVERDUE": [
        told(measure(planned_end=at(1.01))),
        told(measure(planned_end=at(0.5), state=MeasureState.ENDED)),
    ],
    "C11": [
        told(measure(**REROUTE), incident(infrastructure_ids=("cable:2",))),
        told(measure(**REROUTE), incident(infrastructure_ids=("cable:1",), state=IncidentState.CLOSED)),
        told(measure(**REROUTE, state=MeasureState.ENDED), incident(infrastructure_ids=("cable:1",))),
    ],
    "C12": [
        told(
            incident("nordtel", "A", caused_by=_waits_for("incident/elnat-syd/P"), **_back(at(9))),
            incident("elnat-syd", "P", **POWER_BACK),
        ),
        told(
            incident("nordtel", "A", caused_by=_waits_for("incident/elnat-syd/P", Certainty.UNLIKELY), **_back(at(8))),
            incident("elnat-syd", "P", **POWER_BACK),
        ),
        told(
            incident("nordtel", "A", caused_by=_waits_for("incident/elnat-syd/P"), **_back(at(8))),
            incident("elnat-syd", "P", **POWER_BACK, state=IncidentState.RESTORED),
        ),
        told(
            incident("nordtel", "A", caused_by=_waits_for("incident/elnat-syd/P")),
            incident("elnat-syd", "P", **POWER_BACK),
        ),
    ],
    "C13.DISPUTED": [
        told(incident("nordtel", "A"), ack(A, AckAnswer.CAUSE_ACCEPTED)),
        told(
            incident("nordtel", "A"),
            ack(A, AckAnswer.CAUSE_DISPUTED),
            ack(A, AckAnswer.CAUSE_ACCEPTED, id="A-2", observed_at=at(0.5)),
        ),
    ],
    "C13.CYCLE": [
        told(
            incident("nordtel", "A", caused_by=_waits_for("incident/kustfiber/A")),
            incident("kustfiber", "A", caused_by=_waits_for("incident/nordtel/B")),
        ),
    ],
    "C14": [
        told(incident(declared_severity=3)),
        told(incident()),
        told(incident(declared_severity=5, state=IncidentState.CLOSED)),
    ],
    "C15": [
        told(incident("larmcentral", **SILENT_CALLS), registry=GROUP),
        told(incident("larmcentral", **SILENT_CALLS), registry=NOBODY),
        told(incident("larmcentral", **SILENT_CALLS), incident()),
        told(incident("larmcentral", **SILENT_CALLS), incident(codes=("00",))),
        told(
            incident("larmcentral", **SILENT_CALLS),
            incident(impacts={Service.OTHER: Impact.UNKNOWN}, emergency=Emergency(impact=EmergencyImpact.DEGRADED)),
        ),
        told(incident("larmcentral", **SILENT_CALLS | {"impacts": {Service.OTHER: Impact.OUTAGE}})),
    ],
    "C16.OUTAGE": [
        told(*(in_the_town(actor) for actor in MNOS[1:])),
        told(*(in_the_town(actor) for actor in MNOS[1:]), incident(codes=("07",))),
        told(*(in_the_town(actor) for actor in MNOS[1:]), incident(codes=("07",), percent=89)),
        told(*(incident(actor, codes=("07",), percent=100) for actor in MNOS)),
        told(*(in_the_town(actor) for actor in MNOS), registry=NOBODY),
    ],
    "C16.DEGRADED": [
        told(*(in_the_town(actor, Impact.DEGRADED) for actor in MNOS[1:]), in_the_town("nordtel", Impact.UNKNOWN)),
    ],
    "C17": [
        told(measure(**REROUTE), incident(infrastructure_ids=("cable:1",))),
        told(measure(**REROUTE), incident(impacts=_THIN, infrastructure_ids=("cable:2",))),
        told(measure(**REROUTE), work(infrastructure_ids=("cable:1",)), as_of=at(4)),
        told(
            measure(**REROUTE | {"type": MeasureType.SATELLITE_BACKHAUL}),
            incident(impacts=_THIN, infrastructure_ids=("cable:1",)),
        ),
    ],
    "C18.BEFORE_POWER": [
        told(incident(energy=ON_BATTERY), incident("elnat-syd", "P", **_back(at(5)))),
        told(
            incident(energy=Energy(battery_until=at(5), fuel_until=at(9), power_incident=ON_BATTERY.power_incident)),
            incident("elnat-syd", "P", **POWER_BACK),
        ),
    ],
    "C18.SOON": [
        told(incident(energy=ON_BATTERY), as_of=at(3.9)),
        told(incident(energy=ON_BATTERY), incident("elnat-syd", "P", state=IncidentState.RESTORED), as_of=at(4)),
        told(incident(energy=Energy(power_incident=ON_BATTERY.power_incident)), as_of=at(4)),
    ],
}


def cases(of: dict[str, list[Case]]) -> list[object]:
    return [
        pytest.param(code, case, id=f"{code}-{number}")
        for code, found in of.items()
        for number, case in enumerate(found, start=1)
    ]


@pytest.mark.parametrize(("code", "case"), cases(FIRES))
def test_it_says_when_things_do_not_go_together(code: str, case: Case) -> None:
    assert code in conflicts(*case.messages, as_of=case.as_of, registry=case.registry)


@pytest.mark.parametrize(("code", "case"), cases(SILENT))
def test_it_is_silent_when_they_just_do(code: str, case: Case) -> None:
    assert code not in conflicts(*case.messages, as_of=case.as_of, registry=case.registry)


def test_every_rule_and_case_is_tried_has_a_level_and_a_text() -> None:
    assert FIRES.keys() == SILENT.keys() == TEXTS.keys() == default_rules().conflicts.levels.keys()


def test_the_text_says_what_it_is_about() -> None:
    found = conflicts(incident(energy=ON_BATTERY), incident("elnat-syd", "P", **POWER_BACK))["C18.BEFORE_POWER"]
    assert found.text == (
        "backup energy of incident/nordtel/I-1 ends at 2026-01-10T11:00:00Z, before power returns at "
        "2026-01-10T15:00:00Z: send fuel or a generator"
    )
    assert found.subjects == ("incident/elnat-syd/P", "incident/nordtel/I-1")
    assert (found.actors, found.areas, found.severity) == (("elnat-syd", "nordtel"), ("07",), 3)


def test_a_work_has_one_conflict_with_all_that_it_collides_with() -> None:
    found = conflicts(work(), *(incident(actor, codes=("0780",)) for actor in MNOS))["C01"]
    assert found.subjects == (*(f"incident/{actor}/I-1" for actor in sorted(MNOS)), "work/kustfiber/W-1")
    assert found.areas == ("0780",)


def test_the_record_of_a_great_conflict_is_small_and_names_the_work() -> None:
    found = conflicts(work(), *(incident(id=f"I-{i}") for i in range(150)))["C01"]
    assert (len(found.subjects), found.subject_count) == (100, 151)
    assert "work/kustfiber/W-1" in found.subjects


class TestSituations:
    """A conflict names the situations that its subjects are in, by the ids that they have at present."""

    def test_those_of_its_incidents(self) -> None:
        found = picture(work(), incident("nordtel"), incident("sveamobil", codes=("0780",)), registry=GROUP_WITH_112)
        (conflict,) = found.conflicts
        assert conflict.situations == tuple(sorted(s.id for s in found.situations))
        assert conflict.situation_count == len(found.situations) == 2

    def test_the_one_that_it_is_about(self) -> None:
        found = picture(incident(declared_severity=5))
        assert [c.situations for c in found.conflicts if c.rule == "C14"] == [(found.situations[0].id,)]

    def test_that_which_a_measure_is_for(self) -> None:
        of_a, of_b = (situation_id(f"incident/nordtel/{id}") for id in "AB")
        apart = {"id": "B", "codes": ("0114",)}
        told = [incident("nordtel", "A"), incident("nordtel", **apart)]
        for target in ("incident/nordtel/B", f"situation/{of_b}"):
            late = measure(planned_end=at(0.5), targets=(target,))
            assert conflicts(*told, late)["C10.OVERDUE"].situations == (of_b,)
        state = fold(*told, measure(planned_end=at(0.5), targets=("incident/nordtel/B",)))
        state.view(LATER, {}, True)
        state.apply(measure(revision=2, planned_end=at(0.5), targets=(A,)))
        assert [c.situations for c in state.view(LATER, {}, True).conflicts] == [(of_a,)]

    def test_none_where_no_incident_is_concerned(self) -> None:
        found = conflicts(work(), work("stadsnat", "W-2", starts_at=at(3), ends_at=at(5)))["C02"]
        assert (found.situations, found.situation_count) == ((), 0)

    @pytest.mark.parametrize("targets", [A, f"situation/{situation_id(A)}"])
    def test_they_follow_when_situations_join_and_part_again(self, targets: str) -> None:
        elder = incident("kustfiber", "E", codes=("0114",), started_at=at(-5))
        told = [work(), incident("nordtel", "A"), elder, measure("nordtel", planned_end=at(0.5), targets=(targets,))]
        state = fold(*told, registry=GROUP_WITH_112)

        def named() -> dict[str, tuple[str, ...]]:
            return {c.rule: c.situations for c in state.view(LATER, {}, True).conflicts}

        alone, joined = situation_id(A), situation_id(elder.message.reference)
        assert named() == {"C01": (alone,), "C10": (alone,)}
        state.apply(must("nordtel/A", "kustfiber/E"))
        assert named() == {"C01": (joined,), "C10": (joined,)}
        state.apply(must("nordtel/A", "kustfiber/E", revision=2, withdrawn=True))
        assert named() == {"C01": (alone,), "C10": (alone,)}

    def test_at_most_a_hundred_and_how_many_there_are(self) -> None:
        found = conflicts(work(), *(incident(id=f"I-{i}") for i in range(150)))["C01"]
        assert (len(found.situations), found.situation_count) == (100, 150)


def test_what_moves_away_collides_no_more() -> None:
    there = work("stadsnat", areas=areas("0780"), infrastructure_ids=("cable:1",))
    state = fold(work(), there, registry=GROUP)
    assert state.view(LATER, {}, True).conflicts
    state.apply(work("stadsnat", revision=2, areas=areas("0114")))
    assert not state.view(LATER, {}, True).conflicts


def test_two_works_that_collide_are_told_of_once() -> None:
    found = conflicts(work(), work("stadsnat", "W-2", starts_at=at(3), ends_at=at(5)))["C02"]
    assert found.facts["about"] == "work/stadsnat/W-2"


class TestAnswers:
    WORK = (work(), incident())

    def conflict(self, *more: Envelope, as_of: datetime = LATER, registry: Registry = GROUP) -> Conflict:
        return conflicts(*self.WORK, *more, as_of=as_of, registry=registry)["C01"]

    @property
    def ref(self) -> str:
        return f"conflict/{self.conflict().id}"

    def test_a_conflict_is_open_until_staff_answer(self) -> None:
        assert (self.conflict().state, self.conflict().answered_by) == (ConflictState.OPEN, None)

    @pytest.mark.parametrize("answer", [AckAnswer.RECEIVED, AckAnswer.READ, AckAnswer.ACCEPTED])
    def test_staff_acknowledge_it(self, answer: AckAnswer) -> None:
        found = self.conflict(ack(self.ref, answer, "samordning"))
        assert (found.state, found.answered_by) == (ConflictState.ACKNOWLEDGED, "ack/samordning/A-1")

    def test_staff_dismiss_it_with_a_reason(self) -> None:
        dismissed = ack(self.ref, AckAnswer.DISMISSED, "samordning", comment="Reservväg finns")
        assert self.conflict(dismissed).state is ConflictState.DISMISSED
        without = ack(self.ref, AckAnswer.DISMISSED, "samordning", comment=" ")
        assert self.conflict(without).state is ConflictState.ACKNOWLEDGED

    def test_others_do_not_answer_for_staff(self) -> None:
        assert self.conflict(ack(self.ref, AckAnswer.READ, "nordtel")).state is ConflictState.OPEN

    def test_without_a_registry_nobodys_role_is_known(self) -> None:
        found = self.conflict(ack(self.ref, AckAnswer.READ, "nordtel"), registry=NOBODY)
        assert found.state is ConflictState.ACKNOWLEDGED

    def test_what_is_no_answer_to_a_conflict_is_none(self) -> None:
        assert self.conflict(ack(self.ref, AckAnswer.CAUSE_DISPUTED, "samordning")).state is ConflictState.OPEN

    def test_the_latest_answer_counts(self) -> None:
        first = ack(self.ref, AckAnswer.DISMISSED, "samordning", id="A-9", comment="Nej", observed_at=at(0.2))
        last = ack(self.ref, AckAnswer.READ, "samordning", id="A-1", observed_at=at(0.4))
        assert self.conflict(last, first).state is ConflictState.ACKNOWLEDGED

    def test_a_decision_in_force_acknowledges_it(self) -> None:
        found = self.conflict(decision(self.ref))
        assert (found.state, found.answered_by) == (ConflictState.ACKNOWLEDGED, "decision/samordning/D-1")
        proposed = self.conflict(decision(self.ref, state=DecisionState.PROPOSED))
        assert proposed.state is ConflictState.OPEN

    def test_a_decision_holds_until_it_ends(self) -> None:
        state = fold(*self.WORK, decision(self.ref, until=at(1.5)), registry=GROUP)
        states = [state.items(as_of)[self.ref].state for as_of in (at(1), at(1.5), at(1.2))]
        assert states == [ConflictState.ACKNOWLEDGED, ConflictState.OPEN, ConflictState.ACKNOWLEDGED]

    def test_a_decision_that_had_ended_when_first_looked_at_holds_at_an_earlier_instant(self) -> None:
        state = fold(*self.WORK, decision(self.ref, until=at(1.5)), registry=GROUP)
        states = [state.items(as_of)[self.ref].state for as_of in (at(1.8), at(1))]
        assert states == [ConflictState.OPEN, ConflictState.ACKNOWLEDGED]

    def test_it_rises_again_when_its_facts_change_materially(self) -> None:
        answered = ack(self.ref, AckAnswer.ACCEPTED, "samordning")
        moved = self.conflict(answered, work(revision=2, starts_at=at(1.5)))
        another = self.conflict(answered, incident("fjallmobil"))
        assert {moved.state, another.state} == {ConflictState.OPEN}
        assert self.conflict().id not in (moved.id, another.id)

    def test_it_stays_answered_when_they_do_not(self) -> None:
        answered = ack(self.ref, AckAnswer.ACCEPTED, "samordning")
        assert self.conflict(answered, work(revision=2, title="Kabelbyte, etapp 2")).state is ConflictState.ACKNOWLEDGED

    def test_an_answer_to_a_conflict_that_is_gone_is_history(self) -> None:
        answered = ack(self.ref, AckAnswer.ACCEPTED, "samordning")
        assert [f.code for f in picture(answered).flags] == []

    def test_what_can_be_no_conflict_is_flagged(self) -> None:
        wrong = ack("conflict/con-17", AckAnswer.ACCEPTED, "samordning")
        assert [f.code for f in picture(wrong).flags] == ["REFERENCE_TO_NOTHING"]


@pytest.mark.parametrize(("code", "case"), cases(FIRES))
def test_it_comes_and_goes_by_the_clock_as_if_looked_at_for_the_first_time(code: str, case: Case) -> None:
    """At each instant, backwards too, of a state that was asked before."""
    hours = (0, 1, 1.5, 2, 3, 4, 5, 8, 9, 30, 80, 300, 4, 1)
    state = fold(*case.messages, registry=case.registry)
    for hour in hours:
        fresh = fold(*case.messages, registry=case.registry)
        assert state.items(at(hour)) == fresh.items(at(hour))
