"""A winter storm over Småland and Halland, as ten actors report it during a day and a night. All of it is made up.

The grid falls first and comes back last; sites live on batteries and then on diesel; a fibre ring breaks twice; the
numbers begin as unknown, grow, and fall with a long tail; forecasts slip; one report is sent twice, one is told twice,
one is retracted, and a cable on Gotland has nothing to do with any of it. Staff are few, for it is a winter of flu.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from bus.messages import (
    Ack,
    Area,
    Cause,
    CustomerService,
    Decision,
    Dependency,
    Emergency,
    Energy,
    Incident,
    Link,
    Load,
    Measure,
    Offer,
    Partner,
    Quantity,
    Request,
    Restoration,
    ServiceImpact,
    Sites,
    Staffing,
    Status,
    Users,
    Work,
)
from bus.vocabulary import (
    AckAnswer,
    AreaKind,
    CauseCategory,
    CauseDetail,
    Certainty,
    CountBasis,
    CountScope,
    CriticalService,
    DecisionKind,
    DecisionState,
    DependencyKind,
    EmergencyImpact,
    Impact,
    IncidentState,
    LinkRelation,
    MeasureEffect,
    MeasureState,
    MeasureType,
    MessageStatus,
    NetworkPart,
    OperatorMode,
    PartnerState,
    QualityAspect,
    RequestState,
    ResourceKind,
    Service,
    Tlp,
    Trend,
    WorkState,
)
from producers.scenario import Script, Step

__all__ = ["storm"]

STORM = "storm:vinterstorm-syd"
GRID = "power:elnat-syd-P-1"
GRID_WEST = "power:elnat-syd-P-2"
RING = "fibre:ring-syd"
SHARED_RADIO = "ran:delat-syd"
GOTLAND_CABLE = "fibre:gotland-ost"
MARKARYD = Area(kind=AreaKind.KOMMUN, code="0767")
"""For some hours nobody has coverage here: the place where 112 cannot be reached at all."""

SUSPECTED, CONFIRMED = IncidentState.SUSPECTED, IncidentState.CONFIRMED
RESTORING, RESTORED, CLOSED = IncidentState.RESTORING, IncidentState.RESTORED, IncidentState.CLOSED
OUTAGE, DEGRADED = Impact.OUTAGE, Impact.DEGRADED
VOICE, DATA, FIXED, INTERNET = (
    Service.MOBILE_VOICE,
    Service.MOBILE_DATA,
    Service.FIXED_VOICE,
    Service.FIXED_INTERNET,
)

TURN = "9:00"
"""From here on, more is mended than falls."""

BATTERY = timedelta(hours=4)
"""How long a site lives without the grid, as the group reckons."""

HEARTBEATS = ("0:05", "3:05", "6:05", "9:05", "12:05", "15:05", "18:05", "21:05", "24:05")
"""When each actor says how it is doing itself."""

STAFF: dict[str, tuple[int, ...]] = {
    "nordtel": (78, 74, 70, 68, 66, 66, 64, 68, 70),
    "sveamobil": (82, 80, 78, 74, 72, 70, 70, 72, 74),
    "fjallmobil": (85, 85, 80, 78, 75, 72, 72, 75, 78),
    "tretton": (90, 88, 85, 82, 80, 80, 78, 80, 82),
    "lagpris": (88, 88, 86, 84, 84, 82, 82, 84, 85),
    "kustfiber": (72, 70, 66, 60, 58, 58, 60, 64, 66),
    "stadsnat": (80, 78, 76, 72, 70, 70, 70, 72, 74),
    "elnat-syd": (84, 80, 76, 70, 64, 62, 62, 66, 70),
    "larmcentral": (92, 90, 88, 84, 82, 82, 84, 86, 88),
    "samordning": (95, 95, 90, 88, 86, 86, 86, 88, 90),
}
"""Staff at work in operations, per cent, at each heartbeat. It is a winter of flu."""

VOICE_LOAD = (41, 63, 78, 84, 82, 74, 66, 52, 44)
"""Load on what still works of mobile voice, per cent: people call each other in a storm."""


def storm(start: datetime, status: MessageStatus = MessageStatus.EXERCISE) -> tuple[Step, ...]:
    """The steps of the storm, in the order of sending. Equal arguments give equal steps."""
    script = Script(start, status)
    grid, grid_west = _power(script)
    nordtel = _nordtel(script, grid)
    ring = _fibre(script)
    _mobile(script, grid, grid_west, nordtel)
    _municipal(script, ring)
    _emergency_calls(script, nordtel)
    _gotland(script)
    _faulty_change(script)
    _resources(script, nordtel, grid)
    _coordination(script, nordtel, grid, grid_west)
    _heartbeats(script)
    return script.steps()


def _power(script: Script) -> tuple[str, str]:
    def customers(value: int, basis: CountBasis = CountBasis.MEASURED) -> Users:
        return Users(
            value=value,
            low=value * 9 // 10,
            high=value * 11 // 10,
            basis=basis,
            scope=CountScope.CONNECTIONS,
            by_service={Service.OTHER: value},
        )

    opening: dict[str, Any] = {
        "state": CONFIRMED,
        "impacts": (ServiceImpact(service=Service.OTHER, impact=OUTAGE),),
        "cause": _wind("Träd över luftledningar."),
        "energy": None,
        "critical_services": (CriticalService.ENERGY,),
    }
    grid = script.first(
        "0:00",
        Incident,
        "elnat-syd",
        "P-1",
        title="Strömavbrott i Kronoberg, Jönköping och Kalmar",
        started_at=script.at("-0:20"),
        areas=_counties("07", "06", "08"),
        event_refs=(STORM, GRID),
        **opening,
    )
    for clock, value, state, expected, reason in (
        ("0:40", 61_000, CONFIRMED, None, "Första räkningen."),
        ("1:30", 148_000, CONFIRMED, None, "Två regionledningar till ur drift."),
        ("2:45", 236_000, CONFIRMED, "20:00", "Stormen når Kalmar län."),
        ("4:10", 268_000, CONFIRMED, "26:00", "Prognosen skjuts: vägar är spärrade av träd."),
        ("6:20", 241_000, RESTORING, "30:00", "Regionledning i drift, men fler lokala fel än väntat."),
        ("9:30", 187_000, RESTORING, "34:00", "Prognosen skjuts: besiktning från luften först i dagsljus."),
        ("13:15", 122_000, RESTORING, "34:00", None),
        ("17:00", 74_000, RESTORING, "36:00", None),
        ("20:40", 38_500, RESTORING, "36:00", None),
        ("23:50", 17_800, RESTORING, "40:00", "Enstaka kunder längst ut på nätet tar längst tid."),
    ):
        script.next(
            clock,
            grid,
            users=customers(value, CountBasis.ESTIMATED if value == 61_000 else CountBasis.MEASURED),
            state=state,
            restoration=_forecast(script, expected),
            reason=reason,
        )
    grid_west = script.first(
        "1:10",
        Incident,
        "elnat-syd",
        "P-2",
        title="Strömavbrott i Halland",
        started_at=script.at("0:55"),
        areas=(*_counties("13"), _place("1315")),
        event_refs=(STORM, GRID_WEST),
        **opening,
    )
    for clock, value, state, expected in (
        ("2:00", 32_000, CONFIRMED, "12:00"),
        ("4:40", 41_500, CONFIRMED, "16:00"),
        ("8:00", 26_000, RESTORING, "18:00"),
        ("12:30", 11_200, RESTORING, "20:00"),
        ("18:30", 2_100, RESTORING, "22:00"),
        ("22:10", 0, RESTORED, None),
    ):
        changes: dict[str, Any] = {"restored_at": script.at("22:00")} if state is RESTORED else {}
        script.next(
            clock,
            grid_west,
            users=customers(value),
            state=state,
            restoration=_forecast(script, expected),
            **changes,
        )
    return grid, grid_west


def _nordtel(script: Script, grid: str) -> str:
    mobile = script.first(
        "0:12",
        Incident,
        "nordtel",
        "I-101",
        state=SUSPECTED,
        title="Larm från mobilsajter i Kronoberg",
        started_at=script.at("0:05"),
        detected_at=script.at("0:06"),
        impacts=(ServiceImpact(service=VOICE, aspect=QualityAspect.COVERAGE, impact=DEGRADED),),
        areas=_counties("07"),
        network_part=NetworkPart.ACCESS,
        event_refs=(STORM,),
    )
    script.next(
        "0:50",
        mobile,
        state=CONFIRMED,
        title="Mobilnätet utan täckning i delar av Kronoberg och Jönköpings län",
        areas=(*_counties("07", "06"), _place("0781"), MARKARYD),
        impacts=_mobile_impacts(OUTAGE, DEGRADED, 22),
        sites=Sites(served=420, out=64, on_backup=181, out_by_cause={"power": 51, "transport": 6}),
        energy=Energy(battery_until=script.at("4:30"), power_incident=grid),
        cause=_power_cut(),
        caused_by=(Dependency(kind=DependencyKind.POWER, ref=grid, certainty=Certainty.LIKELY),),
        event_refs=(STORM, GRID),
        reason="Bekräftat i fält.",
    )
    for clock, voice, out, backup, battery, percent, expected, reason in (
        ("1:40", 38_000, 96, 214, "4:30", 31, None, "Första skattningen av antal."),
        ("2:50", 74_000, 131, 205, "5:30", 42, "18:00", "Fler sajter på batteri slår ut."),
        ("4:35", 118_000, 197, 122, "6:00", 55, "22:00", "Batterierna är slut på en tredjedel av sajterna."),
        ("6:30", 126_000, 204, 88, "9:30", 57, "26:00", "Prognosen skjuts i takt med elnätets."),
        ("9:00", 109_000, 171, 94, "12:00", 49, "26:00", "Mobila elverk i drift på 31 sajter."),
        ("11:45", 83_000, 128, 91, "16:00", 38, "26:00", None),
        ("14:50", 57_000, 84, 76, "20:00", 27, "28:00", "Prognosen skjuts: ett reservaggregat havererade."),
        ("18:10", 31_000, 46, 58, "24:00", 15, "28:00", None),
        ("21:30", 12_400, 19, 40, "28:00", 7, "28:00", None),
        ("24:00", 4_900, 8, 22, "32:00", 3, "30:00", "Kvar är sajter längst ut på elnätet."),
    ):
        script.next(
            clock,
            mobile,
            state=_phase(script, clock),
            users=_users(voice, CountScope.INCLUDING_WHOLESALE, services=(VOICE, DATA)),
            sites=Sites(
                served=420, out=out, on_backup=backup, out_by_cause={"power": out * 4 // 5, "transport": out // 10}
            ),
            energy=Energy(battery_until=script.at(battery), power_incident=grid),
            impacts=_mobile_impacts(OUTAGE, DEGRADED, percent),
            restoration=_forecast(script, expected, full="34:00"),
            emergency=Emergency(
                impact=EmergencyImpact.LOST_WITH_FALLBACK if out > 90 else EmergencyImpact.DEGRADED,
                ran_radiating=False,
            ),
            critical_services=(CriticalService.EMERGENCY_112, CriticalService.HEALTHCARE)
            if out > 90
            else (CriticalService.EMERGENCY_112,),
            reason=reason,
        )
    fixed = script.first(
        "0:35",
        Incident,
        "nordtel",
        "I-102",
        state=SUSPECTED,
        title="Fast telefoni och bredband: samband med elavbrottet",
        started_at=script.at("0:10"),
        impacts=(
            ServiceImpact(service=FIXED, impact=OUTAGE),
            ServiceImpact(service=INTERNET, impact=OUTAGE),
        ),
        areas=_counties("07", "08"),
        network_part=NetworkPart.ACCESS,
        cause=_power_cut(Certainty.POSSIBLE),
        event_refs=(STORM, GRID),
    )
    for clock, value, basis, expected, reason in (
        ("2:10", 52_000, CountBasis.MODELLED, None, "Beräknat ur stationer utan ström."),
        ("5:15", 88_000, CountBasis.MODELLED, "30:00", None),
        ("8:20", 79_000, CountBasis.CUSTOMER_REPORTED, "36:00", "Räknas nu efter felanmälan, som förutsätter ström."),
        ("12:40", 84_500, CountBasis.CUSTOMER_REPORTED, "48:00", "Fler kan anmäla när strömmen kommer tillbaka."),
        ("16:45", 61_000, CountBasis.CUSTOMER_REPORTED, "48:00", None),
        ("20:50", 36_000, CountBasis.CUSTOMER_REPORTED, "60:00", "Prognosen skjuts: stolplinjer måste byggas om."),
        ("23:40", 24_300, CountBasis.CUSTOMER_REPORTED, "60:00", None),
    ):
        script.next(
            clock,
            fixed,
            state=_phase(script, clock),
            users=_users(value, CountScope.OWN_SUBSCRIPTIONS, basis, services=(FIXED, INTERNET)),
            restoration=_forecast(script, expected),
            reason=reason,
        )
    transport = script.first(
        "2:20",
        Incident,
        "nordtel",
        "I-103",
        state=CONFIRMED,
        title="Transportnätet Ljungby–Växjö går på en väg",
        started_at=script.at("2:12"),
        impacts=(ServiceImpact(service=Service.TRANSPORT, impact=Impact.REDUCED_REDUNDANCY),),
        areas=(_place("0781"), _place("0780")),
        network_part=NetworkPart.TRANSPORT,
        infrastructure_ids=(RING,),
        event_refs=(STORM,),
        caused_by=(
            Dependency(kind=DependencyKind.DARK_FIBRE, ref="incident/kustfiber/K-1", certainty=Certainty.LIKELY),
        ),
    )
    script.next(
        "5:50",
        transport,
        title="Transportnätet Ljungby–Växjö är avbrutet",
        impacts=(ServiceImpact(service=Service.TRANSPORT, impact=OUTAGE),),
        reason="Även den andra vägen är av.",
    )
    script.next(
        "10:40", transport, impacts=(ServiceImpact(service=Service.TRANSPORT, impact=DEGRADED),), state=RESTORING
    )
    script.next("18:00", transport, state=RESTORED, restored_at=script.at("17:50"))
    script.next("23:20", transport, state=CLOSED)
    twin = script.first(
        "1:20",
        Incident,
        "nordtel",
        "I-104",
        state=CONFIRMED,
        title="Mobilstörning Markaryd",
        started_at=script.at("0:30"),
        impacts=_mobile_impacts(OUTAGE, OUTAGE, None),
        areas=(MARKARYD,),
        users=_users(6_200, CountScope.OWN_SUBSCRIPTIONS, services=(VOICE, DATA)),
    )
    script.next("3:25", twin, duplicate_of=mobile, reason="Samma fel som I-101, anmält av två skift.")
    script.next("19:10", twin, state=CLOSED, reason="Följs under I-101.")
    script.again("1:41", mobile)
    return mobile


def _fibre(script: Script) -> str:
    ring = script.first(
        "1:55",
        Incident,
        "kustfiber",
        "K-1",
        state=SUSPECTED,
        title="Ringen i syd: larm mellan Alvesta och Ljungby",
        started_at=script.at("1:48"),
        impacts=(ServiceImpact(service=Service.DARK_FIBRE, impact=Impact.REDUCED_REDUNDANCY),),
        areas=(_place("0764"), _place("0781")),
        network_part=NetworkPart.TRANSPORT,
        infrastructure_ids=(RING,),
        event_refs=(STORM,),
        tlp=Tlp.AMBER_STRICT,
    )
    for clock, state, impact, expected, title, reason in (
        (
            "3:00",
            CONFIRMED,
            Impact.REDUCED_REDUNDANCY,
            "12:00",
            "Fiberbrott mellan Alvesta och Ljungby",
            "Mätt till 14 km från Alvesta.",
        ),
        (
            "5:40",
            CONFIRMED,
            OUTAGE,
            "16:00",
            "Ringen i syd är bruten på två ställen",
            "Stolplinje nere norr om Ljungby.",
        ),
        (
            "8:50",
            CONFIRMED,
            OUTAGE,
            "16:00",
            "Ringen i syd är bruten på två ställen",
            "Skarvlag på plats, väntar på röjning.",
        ),
        ("10:30", RESTORING, DEGRADED, "17:00", "Ringen i syd: ena brottet skarvat", None),
        (
            "14:20",
            RESTORING,
            DEGRADED,
            "19:00",
            "Ringen i syd: ena brottet skarvat",
            "Prognosen skjuts: vägen till brottet är spärrad.",
        ),
        ("17:40", RESTORED, Impact.NO_IMPACT, None, "Ringen i syd är hel, provisoriskt", "Provisorisk kabel på mark."),
    ):
        done: dict[str, Any] = {"restored_at": script.at("17:35")} if state is RESTORED else {}
        script.next(
            clock,
            ring,
            state=state,
            title=title,
            impacts=(ServiceImpact(service=Service.DARK_FIBRE, impact=impact),),
            cause=_wind("Träd över stolplinje."),
            restoration=_forecast(script, expected),
            reason=reason,
            **done,
        )
    script.next("23:00", ring, state=CLOSED)
    repair = script.first(
        "3:10",
        Measure,
        "kustfiber",
        "M-1",
        type=MeasureType.FIBRE_REPAIR,
        state=MeasureState.PLANNED,
        title="Skarvlag till brottet söder om Alvesta",
        areas=(_place("0764"),),
        targets=(ring,),
        depends_on=(RING,),
    )
    script.next("5:20", repair, state=MeasureState.ACTIVE, active_from=script.at("5:10"))
    script.next("17:45", repair, state=MeasureState.ENDED, ended_at=script.at("17:35"), effect=MeasureEffect.EFFECTIVE)
    work = script.first(
        "0:25",
        Work,
        "kustfiber",
        "W-12",
        state=WorkState.CONFIRMED,
        impact=Impact.REDUCED_REDUNDANCY,
        title="Byte av linjekort i Växjö",
        starts_at=script.at("16:00"),
        ends_at=script.at("20:00"),
        areas=(_place("0780"),),
        services=(Service.TRANSPORT,),
        infrastructure_ids=(RING,),
    )
    script.next(
        "4:50",
        work,
        state=WorkState.RESCHEDULED,
        starts_at=script.at("256:00"),
        ends_at=script.at("260:00"),
        reason="Flyttas till efter stormen.",
    )
    return ring


_Row = tuple[str, int, int, int, str | None]
"""When; users, sites out, sites on batteries; when it is expected back."""


def _mobile(script: Script, grid: str, grid_west: str, nordtel: str) -> None:
    def incident(
        actor: str,
        id: str,
        begin: str,
        title: str,
        areas: tuple[Area, ...],
        served: int,
        rows: tuple[_Row, ...],
        end: tuple[str, str] | None = None,
        power: str = grid,
        changes: Mapping[str, dict[str, Any]] = MappingProxyType({}),
        **fields: Any,
    ) -> str:
        ref = script.first(
            begin,
            Incident,
            actor,
            id,
            state=SUSPECTED,
            title=title,
            started_at=script.at(begin),
            impacts=_mobile_impacts(DEGRADED, DEGRADED, None),
            areas=areas,
            network_part=NetworkPart.ACCESS,
            **fields,
        )
        for clock, users, out, backup, expected in rows:
            script.next(
                clock,
                ref,
                state=_phase(script, clock),
                impacts=_mobile_impacts(OUTAGE, DEGRADED, round(100 * out / served)),
                users=_users(users, CountScope.OWN_SUBSCRIPTIONS, services=(VOICE, DATA)),
                sites=Sites(served=served, out=out, on_backup=backup, out_by_cause={"power": out * 9 // 10}),
                energy=Energy(battery_until=script.at(clock) + BATTERY, power_incident=power),
                cause=_power_cut(),
                restoration=_forecast(script, expected, full="36:00"),
                **changes.get(clock, {}),
            )
        if end:
            script.next(end[0], ref, state=RESTORED, restored_at=script.at(end[0]), users=None)
            script.next(end[1], ref, state=CLOSED)
        return ref

    svea = incident(
        "sveamobil",
        "I-7",
        "0:40",
        "Täckningsbortfall i Kronoberg och Kalmar län",
        (*_counties("07", "08"), MARKARYD),
        120,
        (
            ("1:25", 21_000, 24, 61, None),
            ("3:05", 46_000, 40, 55, "16:00"),
            ("5:05", 61_500, 58, 31, "20:00"),
            ("8:10", 58_000, 52, 30, "24:00"),
            ("9:45", 51_000, 45, 30, "24:00"),
            ("12:20", 37_000, 33, 29, "26:00"),
            ("16:30", 19_500, 18, 24, "26:00"),
            ("21:10", 7_800, 7, 15, "28:00"),
        ),
        event_refs=(STORM, GRID),
        infrastructure_ids=(SHARED_RADIO,),
        related_to=(nordtel,),
        changes={"9:45": {"areas": _counties("07", "08"), "reason": "Täckning åter i Markaryd med mobilt elverk."}},
    )
    incident(
        "tretton",
        "I-3",
        "0:45",
        "Delat radionät nere i Kronoberg",
        (_place("0780"), _place("0764"), _place("0781"), MARKARYD),
        96,
        (
            ("1:50", 14_000, 19, 44, None),
            ("3:40", 29_000, 34, 41, "16:00"),
            ("6:50", 38_000, 45, 22, "22:00"),
            ("10:15", 27_500, 31, 26, "22:00"),
            ("15:30", 11_000, 12, 19, "23:00"),
        ),
        ("22:45", "23:55"),
        event_refs=(STORM,),
        infrastructure_ids=(SHARED_RADIO,),
    )
    incident(
        "fjallmobil",
        "I-21",
        "1:00",
        "Mobilstörning Halland och västra Småland",
        (*_counties("13"), _place("0662"), _place("0683"), MARKARYD),
        88,
        (
            ("2:15", 9_500, 11, 37, None),
            ("4:20", 17_200, 22, 30, "14:00"),
            ("7:30", 15_800, 18, 27, "18:00"),
            ("11:10", 9_900, 11, 25, "20:00"),
            ("16:15", 4_100, 5, 16, "21:00"),
        ),
        ("21:20", "23:45"),
        power=grid_west,
        event_refs=(STORM, GRID_WEST),
    )
    mistaken = script.first(
        "1:35",
        Incident,
        "fjallmobil",
        "I-22",
        state=CONFIRMED,
        title="Avbrott i Halmstad",
        started_at=script.at("1:20"),
        impacts=_mobile_impacts(OUTAGE, OUTAGE, 100),
        areas=(_place("1380"),),
        users=_users(41_000, CountScope.OWN_SUBSCRIPTIONS, services=(VOICE, DATA)),
    )
    script.next(
        "3:20",
        mistaken,
        state=IncidentState.RETRACTED,
        reason="Felaktigt larm: övervakningen tappade sin egen förbindelse.",
    )
    mvno = script.first(
        "2:05",
        Incident,
        "lagpris",
        "L-1",
        state=CONFIRMED,
        title="Våra kunder saknar nät i Kronoberg",
        started_at=script.at("0:30"),
        impacts=_mobile_impacts(OUTAGE, OUTAGE, None),
        areas=_counties("07"),
        users=_users(9_000, CountScope.OWN_SUBSCRIPTIONS, services=(VOICE, DATA)),
        caused_by=(Dependency(kind=DependencyKind.CORE, ref=nordtel, certainty=Certainty.OBSERVED),),
    )
    for clock, value in (("5:30", 14_500), ("10:05", 12_800), ("15:45", 6_900), ("22:00", 1_700)):
        script.next(clock, mvno, users=_users(value, CountScope.OWN_SUBSCRIPTIONS, services=(VOICE, DATA)))
    info = script.first(
        "4:05",
        Measure,
        "lagpris",
        "M-1",
        type=MeasureType.CUSTOMER_INFO,
        state=MeasureState.ACTIVE,
        title="Information till kunder: ring 112 även utan eget nät",
        targets=(mvno,),
        active_from=script.at("4:00"),
    )
    script.next("22:05", info, state=MeasureState.ENDED, ended_at=script.at("22:00"))
    masts = script.first(
        "5:55",
        Measure,
        "fjallmobil",
        "M-4",
        type=MeasureType.MOBILE_BASE_STATION,
        state=MeasureState.PLANNED,
        title="Mobil basstation till Hylte",
        areas=(_place("1315"),),
        services=(VOICE, DATA),
        targets=("incident/fjallmobil/I-21",),
        quantity=Quantity(value=1, unit="st"),
    )
    script.next("9:40", masts, state=MeasureState.ACTIVE, active_from=script.at("9:30"), effect=MeasureEffect.PARTIAL)
    script.next("21:25", masts, state=MeasureState.ENDED, ended_at=script.at("21:20"), effect=MeasureEffect.EFFECTIVE)
    planned = script.first(
        "0:30",
        Work,
        "tretton",
        "W-5",
        state=WorkState.CONFIRMED,
        impact=DEGRADED,
        title="Programuppgradering av basstationer i Växjö",
        starts_at=script.at("20:00"),
        ends_at=script.at("23:00"),
        areas=(_place("0780"),),
        services=(VOICE, DATA),
    )
    script.next("3:50", planned, state=WorkState.CANCELLED, reason="Samordningens förändringsstopp.")
    backup = script.first(
        "2:25",
        Measure,
        "sveamobil",
        "M-1",
        type=MeasureType.BACKUP_POWER,
        state=MeasureState.ACTIVATING,
        title="Mobila elverk till nyckelsajter",
        areas=_counties("07", "08"),
        targets=(svea,),
        quantity=Quantity(value=8, unit="elverk"),
    )
    script.next("4:25", backup, state=MeasureState.ACTIVE, active_from=script.at("4:15"), effect=MeasureEffect.PARTIAL)
    script.next("23:15", backup, quantity=Quantity(value=3, unit="elverk"), effect=MeasureEffect.EFFECTIVE)


def _municipal(script: Script, ring: str) -> None:
    city = script.first(
        "2:30",
        Incident,
        "stadsnat",
        "S-1",
        state=CONFIRMED,
        title="Stadsnätet i Ljungby utan förbindelse uppåt",
        started_at=script.at("2:14"),
        impacts=(ServiceImpact(service=INTERNET, impact=DEGRADED),),
        areas=(_place("0781"),),
        network_part=NetworkPart.TRANSPORT,
        event_refs=(STORM,),
    )
    script.next(
        "6:00",
        city,
        impacts=(ServiceImpact(service=INTERNET, impact=OUTAGE), ServiceImpact(service=FIXED, impact=OUTAGE)),
        users=_users(8_700, CountScope.CONNECTIONS, CountBasis.MEASURED, services=(INTERNET,)),
        critical_services=(CriticalService.SAFETY_ALARMS, CriticalService.HEALTHCARE),
        caused_by=(Dependency(kind=DependencyKind.DARK_FIBRE, ref=ring, certainty=Certainty.LIKELY),),
        infrastructure_ids=(RING,),
        reason="Ringen är bruten på två ställen; trygghetslarmen ligger på nätet.",
    )
    script.next(
        "10:50",
        city,
        state=RESTORING,
        impacts=(ServiceImpact(service=INTERNET, impact=DEGRADED),),
        users=_users(2_900, CountScope.CONNECTIONS, CountBasis.MEASURED, services=(INTERNET,)),
    )
    script.next("17:55", city, state=RESTORED, restored_at=script.at("17:40"), users=None)
    script.next("22:50", city, state=CLOSED)
    wifi = script.first(
        "7:10",
        Measure,
        "stadsnat",
        "M-1",
        type=MeasureType.OPEN_WIFI,
        state=MeasureState.ACTIVE,
        title="Öppet wifi på trygghetspunkter i Växjö och Ljungby",
        areas=(_place("0780"), _place("0781")),
        services=(INTERNET,),
        active_from=script.at("7:00"),
        quantity=Quantity(value=11, unit="trygghetspunkter"),
    )
    script.next("19:20", wifi, state=MeasureState.ENDED, ended_at=script.at("19:00"), effect=MeasureEffect.EFFECTIVE)
    confirmed = script.first(
        "6:10", Ack, "stadsnat", "A-1", of=ring, answer=AckAnswer.CAUSE_ACCEPTED, comment="Stämmer med vår mätning."
    )
    script.again("6:11", confirmed)


def _emergency_calls(script: Script, nordtel: str) -> None:
    calls = script.first(
        "1:05",
        Incident,
        "larmcentral",
        "A-1",
        state=CONFIRMED,
        title="Färre samtal till 112 än väntat från Kronoberg",
        started_at=script.at("0:40"),
        impacts=(ServiceImpact(service=Service.EMERGENCY_CALL, impact=DEGRADED),),
        areas=_counties("07"),
        emergency=Emergency(impact=EmergencyImpact.DEGRADED),
        critical_services=(CriticalService.EMERGENCY_112,),
        event_refs=(STORM,),
    )
    script.next(
        "4:45",
        calls,
        title="112 nås inte med Nordtel i delar av Kronoberg; andra nät bär samtalen",
        emergency=Emergency(impact=EmergencyImpact.LOST_WITH_FALLBACK, ran_radiating=False),
        areas=(*_counties("07"), MARKARYD, _place("0781")),
        caused_by=(Dependency(kind=DependencyKind.CORE, ref=nordtel, certainty=Certainty.LIKELY),),
    )
    script.next(
        "7:20",
        calls,
        title="112 nås inte alls i Markaryd",
        emergency=Emergency(impact=EmergencyImpact.LOST_NO_FALLBACK, ran_radiating=False),
        impacts=(ServiceImpact(service=Service.EMERGENCY_CALL, impact=OUTAGE),),
        critical_services=(CriticalService.EMERGENCY_112, CriticalService.SAFETY_ALARMS),
        reason="Ingen operatör har täckning i tätorten.",
    )
    script.next(
        "9:50",
        calls,
        title="112 nås i Markaryd över ett nät",
        emergency=Emergency(impact=EmergencyImpact.LOST_WITH_FALLBACK, ran_radiating=True),
        impacts=(ServiceImpact(service=Service.EMERGENCY_CALL, impact=DEGRADED),),
    )
    script.next("14:10", calls, state=RESTORING, emergency=Emergency(impact=EmergencyImpact.DEGRADED))
    script.next(
        "20:20", calls, state=RESTORED, restored_at=script.at("20:00"), emergency=Emergency(impact=EmergencyImpact.NONE)
    )
    script.first("5:00", Ack, "larmcentral", "K-1", of=nordtel, answer=AckAnswer.READ)


def _gotland(script: Script) -> None:
    cable = script.first(
        "6:40",
        Incident,
        "kustfiber",
        "K-2",
        state=CONFIRMED,
        title="Avgrävd kabel söder om Visby",
        started_at=script.at("6:31"),
        impacts=(ServiceImpact(service=Service.TRANSPORT, impact=OUTAGE),),
        areas=(_place("0980"),),
        network_part=NetworkPart.TRANSPORT,
        cause=Cause(
            category=CauseCategory.HUMAN_ERROR,
            detail=CauseDetail.CABLE_CUT,
            certainty=Certainty.OBSERVED,
            third_party=True,
            text="Grävmaskin vid vägarbete.",
        ),
        infrastructure_ids=(GOTLAND_CABLE,),
    )
    broadband = script.first(
        "7:00",
        Incident,
        "nordtel",
        "I-105",
        state=CONFIRMED,
        title="Bredband nere på södra Gotland",
        started_at=script.at("6:32"),
        impacts=(ServiceImpact(service=INTERNET, impact=OUTAGE),),
        areas=(_place("0980"),),
        users=_users(3_400, CountScope.OWN_SUBSCRIPTIONS, CountBasis.MEASURED, services=(INTERNET,)),
        infrastructure_ids=(GOTLAND_CABLE,),
    )
    script.next("9:20", cable, state=RESTORING, restoration=_forecast(script, "15:00"))
    script.next("15:10", cable, state=RESTORED, restored_at=script.at("15:00"))
    script.next("15:20", broadband, state=RESTORED, restored_at=script.at("15:05"), users=None)
    script.next("19:40", cable, state=CLOSED)
    script.next("19:50", broadband, state=CLOSED)


def _faulty_change(script: Script) -> None:
    messages = script.first(
        "7:50",
        Incident,
        "tretton",
        "I-4",
        state=CONFIRMED,
        title="Sms kommer fram sent i hela landet",
        started_at=script.at("7:30"),
        impacts=(ServiceImpact(service=Service.MOBILE_MESSAGING, aspect=QualityAspect.LATENCY, impact=DEGRADED),),
        areas=(Area(kind=AreaKind.COUNTRY, code="00"),),
        network_part=NetworkPart.PLATFORM,
        cause=Cause(
            category=CauseCategory.SYSTEM_FAILURE,
            detail=CauseDetail.FAULTY_CHANGE,
            certainty=Certainty.LIKELY,
            text="Ändring i sms-centralen under natten.",
        ),
        users=_users(640_000, CountScope.OWN_SUBSCRIPTIONS, services=(Service.MOBILE_MESSAGING,)),
    )
    rollback = script.first(
        "8:15",
        Measure,
        "tretton",
        "M-1",
        type=MeasureType.CHANGE_ROLLBACK,
        state=MeasureState.ACTIVE,
        title="Nattens ändring tas tillbaka",
        services=(Service.MOBILE_MESSAGING,),
        targets=(messages,),
        active_from=script.at("8:10"),
    )
    script.next("9:25", rollback, state=MeasureState.ENDED, ended_at=script.at("9:20"), effect=MeasureEffect.EFFECTIVE)
    script.next("9:55", messages, state=RESTORED, restored_at=script.at("9:45"), users=None)


def _resources(script: Script, nordtel: str, grid: str) -> None:
    generators = Quantity(value=30, unit="elverk")
    need = script.first(
        "3:15",
        Request,
        "nordtel",
        "R-1",
        resource=ResourceKind.MOBILE_GENERATOR,
        quantity=generators,
        description="Elverk 20 till 40 kVA på släp, med bränsle för tolv timmar.",
        areas=_counties("07", "06"),
        needed_by=script.at("8:00"),
        state=RequestState.OPEN,
        targets=(nordtel,),
    )
    for actor, clock, count, eta, deployed in (
        ("sveamobil", "3:45", 6, "7:00", "7:25"),
        ("stadsnat", "4:15", 4, "8:00", "8:30"),
        ("elnat-syd", "5:10", 10, "9:00", "10:20"),
    ):
        offer = script.first(
            clock,
            Offer,
            actor,
            "O-1",
            resource=ResourceKind.MOBILE_GENERATOR,
            quantity=Quantity(value=count, unit="elverk"),
            state=RequestState.OFFERED,
            ref=need,
            eta=script.at(eta),
        )
        script.next(deployed, offer, state=RequestState.DEPLOYED)
    script.next("5:25", need, state=RequestState.COMMITTED, reason="20 av 30 tillsagda.")
    script.next("10:35", need, state=RequestState.DEPLOYED, quantity=Quantity(value=20, unit="elverk"))
    trees = script.first(
        "5:45",
        Request,
        "kustfiber",
        "R-1",
        resource=ResourceKind.TREE_CLEARING,
        description="Röjning längs väg till brottet norr om Ljungby.",
        areas=(_place("0781"),),
        needed_by=script.at("9:00"),
        state=RequestState.OPEN,
        targets=("incident/kustfiber/K-1",),
    )
    script.next("14:25", trees, state=RequestState.EN_ROUTE, reason="Försenad: laget hjälper först sjukhuset.")
    script.next("16:40", trees, state=RequestState.DEPLOYED)
    backup = script.first(
        "2:35",
        Measure,
        "nordtel",
        "M-1",
        type=MeasureType.BACKUP_POWER,
        state=MeasureState.PLANNED,
        title="Elverk till mobilsajter, mobilnätet först",
        areas=_counties("07", "06"),
        services=(VOICE, DATA),
        targets=(nordtel,),
        quantity=Quantity(value=12, unit="elverk"),
    )
    script.next("4:30", backup, state=MeasureState.ACTIVE, active_from=script.at("4:20"), effect=MeasureEffect.PARTIAL)
    script.next("10:45", backup, quantity=Quantity(value=31, unit="elverk"), effect=MeasureEffect.EFFECTIVE)
    script.next("22:20", backup, quantity=Quantity(value=14, unit="elverk"))
    roaming = script.first(
        "4:55",
        Measure,
        "nordtel",
        "M-2",
        type=MeasureType.BILATERAL_ROAMING,
        state=MeasureState.REQUESTED,
        title="Nordtels kunder i Sveamobils nät i Markaryd och Ljungby",
        areas=(MARKARYD, _place("0781")),
        services=(VOICE, Service.MOBILE_MESSAGING),
        targets=(nordtel,),
        hosts=("sveamobil",),
        guests=("nordtel",),
        requested_at=script.at("4:50"),
    )
    script.first(
        "5:35",
        Ack,
        "sveamobil",
        "A-1",
        of=roaming,
        of_revision=1,
        answer=AckAnswer.ACCEPTED,
        comment="Tal och sms; data tas inte emot.",
    )
    script.next(
        "6:25", roaming, state=MeasureState.ACTIVE, active_from=script.at("6:15"), planned_end=script.at("30:00")
    )
    script.next("8:40", roaming, effect=MeasureEffect.PARTIAL, reason="Värden går på batteri på två av fem sajter.")
    script.next("22:30", roaming, state=MeasureState.ENDED, ended_at=script.at("22:15"), effect=MeasureEffect.EFFECTIVE)
    script.first(
        "8:05", Ack, "elnat-syd", "A-1", of=nordtel, answer=AckAnswer.CAUSE_ACCEPTED, comment="Sajterna ligger på P-1."
    )
    fuel = script.first(
        "9:10",
        Measure,
        "elnat-syd",
        "M-1",
        type=MeasureType.FUEL_SUPPLY,
        state=MeasureState.ACTIVE,
        title="Gemensam bränslerunda för elverk",
        areas=_counties("07"),
        targets=(grid,),
        active_from=script.at("9:00"),
    )
    script.next("21:40", fuel, effect=MeasureEffect.EFFECTIVE)


def _coordination(script: Script, nordtel: str, grid: str, grid_west: str) -> None:
    script.first(
        "2:40",
        Link,
        "samordning",
        "L-1",
        relation=LinkRelation.MUST_LINK,
        a=grid,
        b=grid_west,
        comment="Samma storm; elnätet bekräftar.",
    )
    script.first(
        "3:30",
        Link,
        "samordning",
        "L-2",
        relation=LinkRelation.CAUSES,
        a="incident/kustfiber/K-1",
        b="incident/nordtel/I-103",
        comment="Fiberägare och hyrestagare överens per telefon.",
    )
    freeze = script.first(
        "3:35",
        Measure,
        "samordning",
        "M-1",
        type=MeasureType.MAINTENANCE_FREEZE,
        state=MeasureState.ACTIVE,
        title="Förändringsstopp i transport- och kärnnät",
        areas=_counties("06", "07", "08", "13"),
        active_from=script.at("3:35"),
        planned_end=script.at("36:00"),
        exceptions=("Reparation av pågående fel",),
    )
    script.next("21:00", freeze, planned_end=script.at("48:00"), reason="Förlängs ett halvt dygn.")
    priority = script.first(
        "4:00",
        Decision,
        "samordning",
        "D-1",
        decision=DecisionKind.COORDINATION,
        state=DecisionState.PROPOSED,
        title="Elverk först till sajter som bär 112 i Kronoberg",
        text="Ordning: sajter utan annat nät, sedan sajter vid vård och räddningstjänst, sedan efter antal.",
        affects=(nordtel, "incident/sveamobil/I-7"),
    )
    script.next("4:20", priority, state=DecisionState.ADOPTED, review_at=script.at("10:00"))
    script.next("11:00", priority, state=DecisionState.EXECUTED)
    script.first(
        "7:40",
        Decision,
        "samordning",
        "D-2",
        decision=DecisionKind.COMMUNICATION,
        state=DecisionState.ADOPTED,
        title="Gemensamt budskap: gå till trygghetspunkt om 112 inte svarar",
        text="Gäller Markaryd tills täckning är bekräftad av två operatörer.",
        affects=("incident/larmcentral/A-1",),
        until=script.at("20:00"),
    )
    script.first(
        "14:00",
        Decision,
        "samordning",
        "D-3",
        decision=DecisionKind.NOTE,
        state=DecisionState.ADOPTED,
        title="Siffror för fast telefoni räknas nu efter felanmälan",
        text="Uppgången klockan tolv beror sannolikt på att fler kan anmäla.",
        affects=("incident/nordtel/I-102",),
    )


def _heartbeats(script: Script) -> None:
    """Told last, for each says how many incidents its actor has open at that hour."""
    for position, clock in enumerate(HEARTBEATS):
        for actor, staff in STAFF.items():
            fields = _status(actor, position, staff[position], script.open_incidents(clock, actor))
            if position == 0:
                script.first(clock, Status, actor, "status", **fields)
            else:
                script.next(clock, f"status/{actor}/status", **fields)


def _status(actor: str, position: int, staff: int, open_incidents: int) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "mode": OperatorMode.NORMAL if position == 0 or actor == "lagpris" else OperatorMode.CRISIS,
        "open_incidents": open_incidents,
        "nothing_to_report": open_incidents == 0,
        "staffing": (Staffing(function="drift", available_percent=float(staff)),),
        "remote_work_percent": 55.0 if actor in ("lagpris", "tretton") else 35.0,
    }
    if actor in ("nordtel", "sveamobil", "fjallmobil", "tretton"):
        load = VOICE_LOAD[position]
        before = VOICE_LOAD[max(0, position - 1)]
        trend = Trend.RISING if load > before else Trend.FALLING if load < before else Trend.STEADY
        fields["load"] = (Load(service=VOICE, utilisation_percent=float(load), trend=trend),)
        fields["customer_service"] = CustomerService(
            backlog_hours=float(min(6, position * 2) if position < 6 else 9 - position),
            priorities="Vård och trygghetslarm först" if position else "",
        )
    if actor in ("kustfiber", "nordtel"):
        short = 1 <= position <= 6
        fields["partners"] = (
            Partner(name="Fältservice Syd", state=PartnerState.REDUCED if short else PartnerState.NORMAL),
        )
        fields["staffing"] += (
            Staffing(function="fält", available_percent=float(staff - 12), note="Många sjuka." if short else ""),
        )
    return fields


def _phase(script: Script, clock: str) -> IncidentState:
    return RESTORING if script.at(clock) >= script.at(TURN) else CONFIRMED


def _counties(*codes: str) -> tuple[Area, ...]:
    return tuple(Area(kind=AreaKind.LAN, code=code) for code in codes)


def _place(code: str) -> Area:
    return Area(kind=AreaKind.KOMMUN, code=code)


def _mobile_impacts(voice: Impact, data: Impact, percent: float | None) -> tuple[ServiceImpact, ...]:
    share = None if percent is None else float(percent)
    return (
        ServiceImpact(service=VOICE, aspect=QualityAspect.COVERAGE, impact=voice, percent_affected=share),
        ServiceImpact(service=DATA, aspect=QualityAspect.CAPACITY, impact=data, percent_affected=share),
    )


def _users(
    value: int,
    scope: CountScope,
    basis: CountBasis = CountBasis.ESTIMATED,
    *,
    services: tuple[Service, ...],
) -> Users:
    """A count with the margin that its basis deserves, the same for each of the services."""
    margin = 0 if basis is CountBasis.MEASURED else value * 15 // 100
    return Users(
        value=value,
        low=value - margin,
        high=value + margin,
        basis=basis,
        scope=scope,
        by_service=dict.fromkeys(services, value),
    )


def _wind(text: str) -> Cause:
    return Cause(
        category=CauseCategory.NATURAL_PHENOMENON, detail=CauseDetail.WIND, certainty=Certainty.OBSERVED, text=text
    )


def _power_cut(certainty: Certainty = Certainty.LIKELY) -> Cause:
    return Cause(
        category=CauseCategory.NATURAL_PHENOMENON,
        detail=CauseDetail.POWER_CUT,
        certainty=certainty,
        third_party=True,
    )


def _forecast(script: Script, expected: str | None, full: str | None = None) -> Restoration | None:
    if expected is None:
        return None
    return Restoration(
        expected=script.at(expected),
        full_capacity=script.at(full) if full else None,
        certainty=Certainty.POSSIBLE,
    )
