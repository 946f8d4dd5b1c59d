"""What is measured with: incidents with all fields of the contract, about 440 bytes each, in made-up actors' topics."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from bus.messages import (
    Area,
    Cause,
    Dependency,
    Emergency,
    Energy,
    Incident,
    Restoration,
    ServiceImpact,
    Sites,
    Users,
)
from bus.vocabulary import (
    AreaKind,
    CauseCategory,
    CauseDetail,
    Certainty,
    CountBasis,
    CountScope,
    DependencyKind,
    EmergencyImpact,
    Impact,
    IncidentState,
    MessageStatus,
    NetworkPart,
    QualityAspect,
    Service,
)

ACTORS = (
    "elnat-syd",
    "fjallmobil",
    "kustfiber",
    "lagpris",
    "larmcentral",
    "myndighet",
    "nordtel",
    "samordning",
    "stadsnat",
    "sveamobil",
    "tretton",
)
REVISIONS = 5
"""Messages per incident, with a rising revision: four of five are replaced."""

PER_EVENT = 10
"""Incidents that share an event key, and so make one situation."""

START = datetime(2026, 1, 10, 6, tzinfo=UTC)
COUNTIES = ("06", "07", "08", "10", "12", "13", "14")


def incidents(
    count: int, actors: tuple[str, ...] = ACTORS, status: MessageStatus = MessageStatus.TEST
) -> Iterator[Incident]:
    """`count` messages in the order of sending; equal arguments give equal messages."""
    entities = max(1, count // REVISIONS)
    for position in range(count):
        revision, entity = divmod(position, entities)
        yield incident(actors[entity % len(actors)], entity, revision + 1, status)


def incident(actor: str, entity: int, revision: int, status: MessageStatus, start: datetime = START) -> Incident:
    began = start + timedelta(seconds=entity // PER_EVENT * 7)
    county = COUNTIES[entity % len(COUNTIES)]
    users = 1_000 + entity % 900 * 10 + revision
    return Incident.model_construct(
        actor=actor,
        id=f"I-{entity}",
        revision=revision,
        status=status,
        observed_at=began + timedelta(minutes=10 * revision),
        next_update_at=began + timedelta(minutes=10 * revision + 60),
        reason="Ny räkning.",
        state=IncidentState.CONFIRMED if revision < REVISIONS else IncidentState.RESTORING,
        title="Mobilnätet utan täckning i delar av länet",
        description="Sajter utan ström. Reservkraft på väg till de sajter som bär 112.",
        started_at=began,
        detected_at=began + timedelta(minutes=1),
        impacts=(
            ServiceImpact(
                service=Service.MOBILE_VOICE,
                aspect=QualityAspect.COVERAGE,
                impact=Impact.OUTAGE,
                percent_affected=35.0,
            ),
            ServiceImpact(service=Service.MOBILE_DATA, aspect=QualityAspect.CAPACITY, impact=Impact.DEGRADED),
        ),
        areas=(Area(kind=AreaKind.LAN, code=county), Area(kind=AreaKind.LAN, code=COUNTIES[entity % 3])),
        network_part=NetworkPart.ACCESS,
        users=Users(
            value=users,
            low=users - 100,
            high=users + 100,
            basis=CountBasis.ESTIMATED,
            scope=CountScope.OWN_SUBSCRIPTIONS,
            by_service={Service.MOBILE_VOICE: users, Service.MOBILE_DATA: users},
            by_area={county: users},
        ),
        sites=Sites(served=120, out=40 - revision, on_backup=30, out_by_cause={"power": 31, "transport": 4}),
        energy=Energy(battery_until=began + timedelta(hours=4), fuel_until=began + timedelta(hours=12)),
        emergency=Emergency(impact=EmergencyImpact.LOST_WITH_FALLBACK, ran_radiating=False),
        cause=Cause(
            category=CauseCategory.NATURAL_PHENOMENON,
            detail=CauseDetail.POWER_CUT,
            certainty=Certainty.LIKELY,
            third_party=True,
            text="Strömavbrott.",
        ),
        caused_by=(Dependency(kind=DependencyKind.POWER, certainty=Certainty.LIKELY),),
        event_refs=(f"storm:{entity // PER_EVENT}",),
        infrastructure_ids=(f"site:{entity}",),
        restoration=Restoration(
            expected=began + timedelta(hours=8), latest=began + timedelta(hours=12), certainty=Certainty.POSSIBLE
        ),
        declared_severity=3,
    )
