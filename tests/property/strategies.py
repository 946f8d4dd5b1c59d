"""Messages drawn from tiny domains, so that ties, clashes and cycles really happen.

`tests/property/test_strategies.py` holds that they do: a strategy that never draws what it is for is a test that
cannot fail.
"""

from __future__ import annotations

import dataclasses
import hashlib
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from bus.codec import content_hash, encode
from bus.envelope import Envelope
from bus.messages import (
    Ack,
    Area,
    Cause,
    Decision,
    Dependency,
    Emergency,
    Energy,
    Incident,
    Link,
    Load,
    Measure,
    Message,
    Offer,
    Quantity,
    Request,
    Restoration,
    ServiceImpact,
    Status,
    Users,
    Work,
)
from bus.registry import Actor, Registry
from bus.vocabulary import (
    AckAnswer,
    AreaKind,
    CauseCategory,
    CauseDetail,
    CountBasis,
    CountScope,
    DecisionKind,
    DecisionState,
    DependencyKind,
    EmergencyImpact,
    Impact,
    IncidentState,
    LinkRelation,
    MeasureState,
    MeasureType,
    MessageStatus,
    NetworkPart,
    OperatorMode,
    QualityAspect,
    RequestState,
    ResourceKind,
    Role,
    Service,
    Tlp,
    WorkState,
)
from consumers.merge.situations import situation_id

START = datetime(2026, 1, 10, 6, 0, tzinfo=UTC)
OPERATORS = ("nordtel", "sveamobil", "elnat-syd")
IDS = ("A", "B")
INCIDENTS = tuple(f"incident/{actor}/{id_}" for actor in OPERATORS for id_ in IDS)
REQUESTS = tuple(f"request/nordtel/{id_}" for id_ in IDS)
NOWHERE = "incident/tretton/Z"
REGISTRY = Registry.of(
    [
        Actor(slug="nordtel", name="Nordtel", roles=(Role.MNO,)),
        Actor(slug="sveamobil", name="Svea Mobil", roles=(Role.MNO,)),
        Actor(slug="elnat-syd", name="Elnät Syd", roles=(Role.POWER,)),
        Actor(slug="samordning", name="Samordning", roles=(Role.COORDINATION,)),
        Actor(slug="fjallmobil", name="Fjäll Mobil", roles=(Role.FIXED,)),
        Actor(slug="lagpris", name="Lågpris", roles=(Role.MVNO,)),
        Actor(slug="larmcentral", name="Larmcentral", roles=(Role.PSAP,)),
    ]
)

hours = st.sampled_from((0, 1, 5, 7, 14, 30)).map(lambda n: START + timedelta(hours=n))
references = st.sampled_from((*INCIDENTS, NOWHERE))
AREAS = (
    Area(kind=AreaKind.COUNTRY, code="00"),
    Area(kind=AreaKind.LAN, code="07"),
    Area(kind=AreaKind.LAN, code="06"),
    Area(kind=AreaKind.KOMMUN, code="0780"),
    Area(kind=AreaKind.KOMMUN, code="0781"),
    Area(kind=AreaKind.OFFSHORE, label="öster om Gotland"),
)
CAUSES = (
    Cause(),
    Cause(category=CauseCategory.NATURAL_PHENOMENON, detail=CauseDetail.WIND),
    Cause(category=CauseCategory.NATURAL_PHENOMENON, detail=CauseDetail.POWER_CUT),
    Cause(category=CauseCategory.SYSTEM_FAILURE, detail=CauseDetail.POWER_CUT),
)
areas = st.sampled_from(AREAS)
emergencies = st.builds(
    Emergency, impact=st.sampled_from(list(EmergencyImpact)), ran_radiating=st.sampled_from((None, False, True))
)
energies = st.builds(Energy, battery_until=st.none() | hours, power_incident=st.none() | references)
restorations = st.builds(Restoration, expected=st.none() | hours, latest=st.none() | hours)
counts = st.sampled_from((None, 0, 10, 9_999, 10_000, 250_000))


def _opening(draw: st.DrawFn, actor: str, id_: str) -> dict[str, object]:
    return {
        "actor": actor,
        "id": id_,
        "revision": draw(st.integers(1, 3)),
        "status": MessageStatus.ACTUAL,
        "observed_at": draw(hours),
        "next_update_at": draw(st.none() | hours),
        "tlp": draw(st.sampled_from((Tlp.AMBER, Tlp.AMBER, Tlp.AMBER, *Tlp))),
    }


@st.composite
def users(draw: st.DrawFn) -> Users:
    return Users(
        value=draw(counts),
        low=draw(counts),
        high=draw(counts),
        basis=draw(st.sampled_from((CountBasis.ESTIMATED, CountBasis.MEASURED, CountBasis.CUSTOMER_REPORTED))),
        scope=draw(st.sampled_from((CountScope.OWN_SUBSCRIPTIONS, CountScope.INCLUDING_WHOLESALE, CountScope.DEVICES))),
        by_service=draw(st.just({}) | st.just({Service.MOBILE_DATA: 500})),
        by_area=draw(st.just({}) | st.just({"0780": 7, "0781": 5})),
    )


@st.composite
def incidents(draw: st.DrawFn, actors: tuple[str, ...] = OPERATORS) -> Incident:
    actor = draw(st.sampled_from(actors))
    return Incident(
        **_opening(draw, actor, draw(st.sampled_from(IDS))),
        on_behalf_of=draw(st.none() | st.just("fjallmobil")),
        state=draw(st.sampled_from(list(IncidentState))),
        title=draw(st.sampled_from(("Avbrott", "Störning"))),
        started_at=draw(st.none() | hours),
        restored_at=draw(st.none() | hours),
        impacts=(
            ServiceImpact(
                service=draw(st.sampled_from((Service.MOBILE_VOICE, Service.MOBILE_DATA))),
                impact=draw(st.sampled_from(list(Impact))),
                percent_affected=draw(st.sampled_from((None, 50.0, 95.0))),
            ),
        ),
        areas=tuple(draw(st.lists(areas, min_size=1, max_size=2, unique=True))),
        users=draw(st.none() | users()),
        emergency=draw(st.none() | emergencies),
        cause=draw(st.sampled_from(CAUSES)),
        restoration=draw(st.none() | restorations),
        energy=draw(st.none() | energies),
        caused_by=tuple(
            draw(
                st.lists(
                    st.builds(
                        Dependency,
                        kind=st.sampled_from((DependencyKind.POWER, DependencyKind.TRANSPORT_FIBRE)),
                        ref=references,
                    ),
                    max_size=1,
                )
            )
        ),
        related_to=tuple(draw(st.lists(references, max_size=1))),
        duplicate_of=draw(st.none() | references),
        event_refs=tuple(draw(st.lists(st.sampled_from(("storm:1", "storm:2")), max_size=1))),
        infrastructure_ids=tuple(draw(st.lists(st.just("cable:1"), max_size=1))),
    )


@st.composite
def reported(draw: st.DrawFn) -> Incident:
    """An incident of one storm, in one place, that counts users: what it adds to depends on whom it stands beside."""
    incident = draw(incidents(("nordtel", "sveamobil", "lagpris")))
    bare = {"related_to": (), "caused_by": (), "energy": None, "infrastructure_ids": (), "duplicate_of": None}
    revised = {
        "event_refs": ("storm:1",),
        "areas": (draw(areas),),
        "users": draw(st.none() | users()),
        "impacts": (
            dataclasses.replace(incident.impacts[0], impact=draw(st.sampled_from((Impact.OUTAGE, Impact.DEGRADED)))),
        ),
    }
    return incident.model_copy(update=bare | revised)


ASPECTS = (QualityAspect.CONNECTIVITY, QualityAspect.CAPACITY)
TIES = ("energy", "caused_by", "related_to", "duplicate_of", "event_refs", "infrastructure_ids")


LIKELY_CAUSES = (
    *CAUSES,
    Cause(category=CauseCategory.HUMAN_ERROR, detail=CauseDetail.CABLE_CUT),
    Cause(category=CauseCategory.SYSTEM_FAILURE, detail=CauseDetail.OVERLOAD),
    Cause(category=CauseCategory.SYSTEM_FAILURE, detail=CauseDetail.SOFTWARE_BUG),
    Cause(category=CauseCategory.SYSTEM_FAILURE, detail=CauseDetail.POWER_CUT, third_party=False),
    Cause(category=CauseCategory.SYSTEM_FAILURE, detail=CauseDetail.SUPPLIER),
)
minutes = st.sampled_from((0, 10, 35, 100)).map(lambda n: START + timedelta(minutes=n))


@st.composite
def untied(draw: st.DrawFn) -> Incident:
    """An incident that shares no key and names no other, unless as its duplicate: whether it belongs to another can
    only be inferred.
    """
    incident = draw(incidents())
    fields = Incident.model_fields
    bare = {name: fields[name].get_default(call_default_factory=True) for name in TIES}
    return incident.model_copy(
        update={
            **bare,
            "on_behalf_of": None,
            "duplicate_of": draw(st.sampled_from((None, None, None, INCIDENTS[0], INCIDENTS[2]))),
            "event_refs": draw(st.sampled_from(((), (), (), ("vendor:1",), ("vendor:2",)))),
            "started_at": draw(minutes | minutes | st.none() | st.just(START + timedelta(hours=5))),
            "detected_at": draw(st.none() | minutes),
            "caused_by": draw(st.sampled_from(((), (), (Dependency(kind=DependencyKind.POWER),)))),
            "restored_at": draw(st.sampled_from((None, 6, 9)).map(lambda n: n and START + timedelta(hours=n))),
            "cause": draw(st.sampled_from(LIKELY_CAUSES)),
            "network_part": draw(st.sampled_from((NetworkPart.ACCESS, NetworkPart.CORE, NetworkPart.UNKNOWN))),
            "impacts": tuple(
                dataclasses.replace(impact, aspect=draw(st.sampled_from(ASPECTS))) for impact in incident.impacts
            ),
            "areas": (draw(st.sampled_from((AREAS[1], AREAS[2], AREAS[3], AREAS[3], AREAS[4]))),),
        }
    )


@st.composite
def of_one_cause(draw: st.DrawFn) -> Incident:
    """An incident beside others of its cause, in one place or the next, of whom some are a group: what its operator has
    told of already, it may tell again.
    """
    incident = draw(untied())
    service = draw(st.sampled_from((*[Service.MOBILE_VOICE] * 4, Service.FIXED_VOICE)))
    return incident.model_copy(
        update={
            "actor": draw(st.sampled_from(OPERATORS[:2])),
            "id": draw(st.sampled_from("ABC")),
            "state": draw(st.sampled_from((*[IncidentState.CONFIRMED] * 6, IncidentState.RETRACTED))),
            "started_at": START + timedelta(minutes=draw(st.sampled_from((0, 0, 100)))),
            "restored_at": None,
            "duplicate_of": None,
            "event_refs": draw(st.sampled_from(((), ("power:1",), ("power:1",)))),
            "caused_by": (),
            "cause": Cause(category=CauseCategory.SYSTEM_FAILURE, detail=CauseDetail.POWER_CUT),
            "network_part": NetworkPart.ACCESS,
            "impacts": (ServiceImpact(service=service, impact=Impact.OUTAGE),),
            "areas": draw(st.sampled_from(((AREAS[3],), (AREAS[3],), (AREAS[4],), AREAS[3:5]))),
        }
    )


DOUBTED = tuple(f"incident/{actor}/{id_}" for actor in OPERATORS[:2] for id_ in "ABCDE")


@st.composite
def doubtful(draw: st.DrawFn) -> Incident:
    """An incident that is much like others, of which some are groups already, but often for one thing or another."""
    incident = draw(untied())
    causes = st.sampled_from((*LIKELY_CAUSES[:3], LIKELY_CAUSES[1], LIKELY_CAUSES[1], LIKELY_CAUSES[6]))
    state = st.sampled_from((*[IncidentState.CONFIRMED] * 6, IncidentState.RESTORED, IncidentState.RETRACTED))
    return incident.model_copy(
        update={
            "actor": draw(st.sampled_from(OPERATORS[:2])),
            "id": draw(st.sampled_from("ABCDE")),
            "state": draw(state),
            "tlp": draw(st.sampled_from((Tlp.AMBER, Tlp.AMBER, Tlp.AMBER, Tlp.AMBER_STRICT, Tlp.RED))),
            "started_at": draw(minutes | st.sampled_from((5, 9, 14)).map(lambda n: START + timedelta(hours=n))),
            "duplicate_of": draw(st.sampled_from((*[None] * 8, *DOUBTED[:2]))),
            "event_refs": draw(st.sampled_from(((), (), (), ("storm:1",), ("vendor:1",)))),
            "cause": draw(causes),
            "areas": (draw(st.sampled_from((AREAS[0], AREAS[1], AREAS[1], AREAS[2], AREAS[3], AREAS[4]))),),
        }
    )


@st.composite
def answered(draw: st.DrawFn) -> Link:
    """Staff's answer to whether two of those belong together."""
    a, b = draw(st.permutations(DOUBTED[:6]))[:2]
    relation = draw(st.sampled_from((LinkRelation.CANNOT_LINK, LinkRelation.CANNOT_LINK, LinkRelation.MUST_LINK)))
    return draw(links()).model_copy(update={"relation": relation, "a": a, "b": b, "tlp": Tlp.AMBER})


@st.composite
def area_reports(draw: st.DrawFn) -> Incident:
    """An incident on a mobile network, in few places, so that all operators are often down at once."""
    incident = draw(incidents(("nordtel", "sveamobil")))
    service = st.sampled_from((Service.MOBILE_VOICE, Service.MOBILE_VOICE, Service.MOBILE_DATA, Service.FIXED_VOICE))
    impact = ServiceImpact(
        service=draw(service),
        impact=draw(st.sampled_from((Impact.OUTAGE, Impact.OUTAGE, Impact.DEGRADED, Impact.UNKNOWN))),
        percent_affected=draw(st.sampled_from((None, 50.0, 95.0))),
    )
    return incident.model_copy(
        update={
            "on_behalf_of": draw(st.sampled_from((None, None, "sveamobil"))),
            "state": draw(st.sampled_from((*[IncidentState.CONFIRMED] * 4, IncidentState.RESTORED))),
            "impacts": (impact,),
            "areas": (draw(st.sampled_from((AREAS[0], AREAS[1], AREAS[3], AREAS[3], AREAS[4]))),),
            "emergency": draw(st.none() | emergencies),
        }
    )


@st.composite
def powered(draw: st.DrawFn) -> Incident:
    """An incident that hangs on a power incident, or that one."""
    incident = draw(incidents(("nordtel", "elnat-syd")))
    power = f"incident/elnat-syd/{draw(st.sampled_from(IDS))}"
    return incident.model_copy(
        update={
            "on_behalf_of": None,
            "state": draw(st.sampled_from((*[IncidentState.CONFIRMED] * 3, IncidentState.CLOSED))),
            "energy": Energy(battery_until=draw(hours), power_incident=power) if incident.actor == "nordtel" else None,
        }
    )


@st.composite
def links(draw: st.DrawFn) -> Link:
    return Link(
        **_opening(draw, "samordning", draw(st.sampled_from(("L1", "L2")))),
        relation=draw(st.sampled_from(list(LinkRelation))),
        a=draw(references),
        b=draw(references),
        withdrawn=draw(st.booleans()),
    )


@st.composite
def measures(draw: st.DrawFn) -> Measure:
    return Measure(
        **_opening(draw, draw(st.sampled_from(OPERATORS)), "M"),
        type=MeasureType.BILATERAL_ROAMING,
        state=draw(st.sampled_from((MeasureState.ACTIVE, MeasureState.RETRACTED))),
        title="Roaming",
        targets=tuple(draw(st.lists(references, max_size=1))),
        hosts=draw(st.sampled_from(((), ("sveamobil",)))),
    )


@st.composite
def decisions(draw: st.DrawFn) -> Decision:
    """On severities, for incidents and situations; some expire."""
    named = references | references.map(lambda ref: f"situation/{situation_id(ref)}")
    return Decision(
        **_opening(draw, "samordning", draw(st.sampled_from(("D1", "D2")))),
        decision=draw(st.sampled_from((DecisionKind.SEVERITY_OVERRIDE, DecisionKind.NOTE))),
        state=draw(st.sampled_from((DecisionState.ADOPTED, DecisionState.ADOPTED, DecisionState.SUPERSEDED))),
        title="Nivå",
        level=draw(st.none() | st.integers(1, 5)),
        until=draw(st.none() | hours),
        affects=tuple(draw(st.lists(named, min_size=1, max_size=2))),
    )


@st.composite
def acks(draw: st.DrawFn) -> Ack:
    return Ack(
        **_opening(draw, draw(st.sampled_from(OPERATORS)), draw(st.sampled_from(IDS))),
        of=draw(references | st.just("measure/nordtel/M")),
        answer=draw(st.sampled_from(list(AckAnswer))),
    )


def _resource(draw: st.DrawFn) -> dict[str, object]:
    units = st.builds(Quantity, value=st.sampled_from((1.0, 2.0)), unit=st.sampled_from(("st", "st", "kVA")))
    return {
        "resource": draw(st.sampled_from((ResourceKind.FUEL, ResourceKind.FUEL, ResourceKind.BATTERY))),
        "quantity": draw(st.none() | units),
        "state": draw(st.sampled_from((RequestState.OPEN, RequestState.OPEN, *RequestState))),
        "until": draw(st.none() | hours),
    }


@st.composite
def requests(draw: st.DrawFn) -> Request:
    opening = _opening(draw, "nordtel", draw(st.sampled_from(IDS)))
    targets = tuple(draw(st.lists(references, max_size=1)))
    return Request(**opening, **_resource(draw), needed_by=draw(st.none() | hours), targets=targets)


@st.composite
def offers(draw: st.DrawFn) -> Offer:
    opening = _opening(draw, draw(st.sampled_from(OPERATORS)), draw(st.sampled_from(IDS)))
    promised = st.sampled_from((RequestState.COMMITTED, *RequestState))
    told = {**_resource(draw), "state": draw(promised)}
    return Offer(**opening, **told, ref=draw(st.sampled_from((*REQUESTS, *REQUESTS, NOWHERE, INCIDENTS[0], None))))


@st.composite
def statuses(draw: st.DrawFn) -> Status:
    return Status(
        **_opening(draw, draw(st.sampled_from(OPERATORS)), "status"),
        mode=draw(st.sampled_from(list(OperatorMode))),
        nothing_to_report=draw(st.booleans()),
        open_incidents=draw(st.none() | st.integers(0, 2)),
    )


@st.composite
def troubles(draw: st.DrawFn) -> Incident:
    """An incident that measures, works and other incidents easily collide with: mostly open, in few places."""
    incident = draw(incidents((*OPERATORS, "larmcentral")))
    impact = ServiceImpact(
        service=draw(st.sampled_from((Service.MOBILE_VOICE, Service.MOBILE_DATA, Service.EMERGENCY_CALL))),
        aspect=draw(st.sampled_from((QualityAspect.CONNECTIVITY, QualityAspect.CAPACITY))),
        impact=draw(st.sampled_from((Impact.OUTAGE, Impact.OUTAGE, Impact.DEGRADED, Impact.REDUCED_REDUNDANCY))),
    )
    energy = st.builds(Energy, battery_until=hours, fuel_until=st.none() | hours, power_incident=st.none() | references)
    return incident.model_copy(
        update={
            "state": draw(st.sampled_from((*[IncidentState.CONFIRMED] * 4, IncidentState.RESTORED))),
            "impacts": (impact,),
            "areas": (draw(st.sampled_from((AREAS[0], AREAS[1], AREAS[3], AREAS[3]))),),
            "network_part": draw(st.sampled_from((NetworkPart.CORE, NetworkPart.CORE, NetworkPart.UNKNOWN))),
            "infrastructure_ids": draw(st.sampled_from(((), ("cable:1",), ("cable:1",)))),
            "energy": draw(st.none() | energy),
            "restoration": draw(st.none() | st.builds(Restoration, expected=hours, latest=st.none() | hours)),
            "declared_severity": draw(st.sampled_from((None, 1, 5))),
        }
    )


@st.composite
def works(draw: st.DrawFn) -> Work:
    starts_at = draw(hours)
    return Work(
        **_opening(draw, draw(st.sampled_from(OPERATORS)), draw(st.sampled_from(IDS))),
        state=draw(st.sampled_from((WorkState.CONFIRMED, WorkState.IN_PROCESS, WorkState.CANCELLED))),
        impact=draw(st.sampled_from((Impact.OUTAGE, Impact.REDUCED_REDUNDANCY, Impact.NO_IMPACT))),
        title="Arbete",
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=draw(st.sampled_from((2, 90)))),
        areas=tuple(draw(st.lists(areas, max_size=1))),
        services=draw(st.sampled_from(((), (Service.MOBILE_VOICE,), (Service.DNS,)))),
        infrastructure_ids=draw(st.sampled_from(((), ("cable:1",)))),
    )


@st.composite
def actions(draw: st.DrawFn) -> Measure:
    """A measure that may collide with something."""
    types = (
        MeasureType.BILATERAL_ROAMING,
        MeasureType.MAINTENANCE_FREEZE,
        MeasureType.TRAFFIC_PRIORITISATION,
        MeasureType.TRAFFIC_RESTRICTION,
        MeasureType.TRAFFIC_REROUTE,
    )
    states = (MeasureState.ACTIVE, MeasureState.ACTIVE, MeasureState.PROPOSED, MeasureState.ENDED)
    return Measure(
        **_opening(draw, draw(st.sampled_from(OPERATORS)), draw(st.sampled_from(IDS))),
        type=draw(st.sampled_from(types)),
        state=draw(st.sampled_from((*states, MeasureState.RETRACTED))),
        title="Åtgärd",
        areas=tuple(draw(st.lists(areas, max_size=1))),
        targets=tuple(draw(st.lists(references, max_size=1))),
        hosts=draw(st.sampled_from(((), ("sveamobil",), ("nordtel", "sveamobil")))),
        guests=draw(st.sampled_from(((), ("nordtel",)))),
        active_from=draw(st.none() | hours),
        planned_end=draw(st.none() | hours),
        depends_on=draw(st.sampled_from(((), ("cable:1",)))),
        exceptions=draw(st.sampled_from(((), ("cable:1", "nordtel")))),
    )


@st.composite
def roaming(draw: st.DrawFn) -> Measure:
    """Nordtel's users in Svea Mobil's network, or soon."""
    measure = draw(actions())
    state = draw(st.sampled_from((MeasureState.ACTIVE, MeasureState.ACTIVE, MeasureState.PROPOSED)))
    parties = {"hosts": ("sveamobil",), "guests": draw(st.sampled_from(((), ("nordtel",))))}
    return measure.model_copy(update={"type": MeasureType.BILATERAL_ROAMING, "state": state, **parties})


@st.composite
def steering(draw: st.DrawFn) -> Measure:
    """Traffic led over the one cable, or given way there."""
    types = (MeasureType.TRAFFIC_REROUTE, MeasureType.TRAFFIC_PRIORITISATION)
    update = {"type": draw(st.sampled_from(types)), "state": MeasureState.ACTIVE, "depends_on": ("cable:1",)}
    return draw(actions()).model_copy(update=update)


@st.composite
def loads(draw: st.DrawFn) -> Status:
    percent = draw(st.sampled_from((None, 50.0, 99.0)))
    load = Load(service=Service.MOBILE_DATA, utilisation_percent=percent)
    return draw(statuses()).model_copy(update={"load": (load,)})


@st.composite
def needs(draw: st.DrawFn) -> Request:
    return Request(
        **_opening(draw, draw(st.sampled_from(OPERATORS)), draw(st.sampled_from(IDS))),
        resource=ResourceKind.FUEL,
        quantity=draw(st.none() | st.just(Quantity(value=2.0, unit="m3"))),
        state=draw(st.sampled_from((RequestState.OPEN, RequestState.OPEN, RequestState.WITHDRAWN))),
    )


@st.composite
def promises(draw: st.DrawFn) -> Offer:
    asked = st.sampled_from(("request/nordtel/A", "request/nordtel/A", "request/sveamobil/A"))
    return Offer(
        **_opening(draw, draw(st.sampled_from(OPERATORS)), draw(st.sampled_from(IDS))),
        resource=ResourceKind.FUEL,
        quantity=draw(st.none() | st.sampled_from((1.0, 2.0)).map(lambda n: Quantity(value=n, unit="m3"))),
        description=draw(st.sampled_from(("", "Tank 3"))),
        state=draw(st.sampled_from((RequestState.COMMITTED, RequestState.DEPLOYED, RequestState.OFFERED))),
        ref=draw(asked),
        targets=tuple(draw(st.lists(asked, max_size=1))),
    )


CLASHES: dict[str, tuple[st.SearchStrategy[Message], ...]] = {
    "works": (troubles(), works(), works(), actions()),
    "roaming": (troubles(), troubles(), roaming(), loads()),
    "measures": (troubles(), actions(), steering(), steering(), works()),
    "places": (troubles(), area_reports(), area_reports()),
    "causes": (troubles(), troubles(), acks()),
    "resources": (needs(), promises(), promises()),
}
"""Messages that collide, by what they collide in: drawn apart, so that they do often."""


@st.composite
def answers(draw: st.DrawFn, conflicts: list[str]) -> Message:
    """What somebody says to a conflict of these ids."""
    named = f"conflict/{draw(st.sampled_from(conflicts))}"
    if draw(st.booleans()):
        return Decision(
            **_opening(draw, "samordning", draw(st.sampled_from(IDS))),
            decision=DecisionKind.NOTE,
            state=draw(st.sampled_from((DecisionState.ADOPTED, DecisionState.PROPOSED))),
            title="Beslut",
            until=draw(st.none() | hours),
            affects=(named,),
        )
    return Ack(
        **_opening(draw, draw(st.sampled_from(("samordning", "nordtel"))), draw(st.sampled_from(IDS))),
        of=named,
        answer=draw(st.sampled_from((AckAnswer.READ, AckAnswer.DISMISSED, AckAnswer.UNKNOWN))),
        comment=draw(st.sampled_from(("", "Känt"))),
    )


messages: st.SearchStrategy[Message] = st.one_of(
    incidents(),
    incidents(),
    untied(),
    untied(),
    untied(),
    untied(),
    links(),
    measures(),
    acks(),
    statuses(),
    decisions(),
    requests(),
    offers(),
)


@st.composite
def envelopes(draw: st.DrawFn, of: st.SearchStrategy[Message] = messages) -> Envelope:
    message = draw(of)
    sent_at = message.observed_at + timedelta(minutes=draw(st.sampled_from((-30, 0, 1))))
    return Envelope(
        message=message,
        content=content_hash(encode(message)),
        sent_at=sent_at,
        known_at=sent_at + timedelta(minutes=draw(st.sampled_from((0, 1, 90)))),
    )


@st.composite
def past(draw: st.DrawFn) -> Message:
    """Something that is over, or that may be tied to it."""
    tied = st.one_of(links(), measures(), acks(), decisions(), works(), actions(), needs(), promises())
    message = draw(incidents() | untied() | tied)
    if isinstance(message, Incident):
        bare = {name: Incident.model_fields[name].get_default(call_default_factory=True) for name in TIES}
        ties = st.sampled_from(({}, bare, bare | {"event_refs": ("storm:1",)}, bare | {"event_refs": ("storm:1",)}))
        states = st.sampled_from((IncidentState.CONFIRMED, IncidentState.RESTORED, IncidentState.CLOSED))
        begun = {"started_at": draw(st.none() | hours), "on_behalf_of": None}
        return message.model_copy(update={**draw(ties), **begun, "state": draw(states)})
    if isinstance(message, Measure):
        state = draw(st.sampled_from((MeasureState.ACTIVE, MeasureState.ENDED, MeasureState.RETRACTED)))
        target = draw(references | references.map(situation_of))
        return message.model_copy(update={"state": state, "targets": (target,)})
    return message


def situation_of(ref: str) -> str:
    return f"situation/{situation_id(ref)}"


sets_of_messages = st.lists(envelopes(), max_size=9)
recent = st.sampled_from((0, 2, 8, 40)).map(lambda n: START + timedelta(hours=n))
"""Instants at which nothing has been over for long."""
instants = recent | st.sampled_from((340, 347, 500)).map(lambda n: START + timedelta(hours=n))
"""At the later ones some of what is over has left the picture, or all of it."""
late = st.sampled_from((347, 347, 500)).map(lambda n: START + timedelta(hours=n))


def tampered(envelope: Envelope) -> Envelope:
    """The same message with other bytes, as a foreign encoder may spell it."""
    return Envelope(envelope.message, hashlib.sha256(envelope.content).digest(), envelope.sent_at, envelope.known_at)
