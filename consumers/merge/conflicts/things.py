"""What the conflict rules look at: of each entity only what bears on them, so that most news changes nothing here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple, TypeAlias

from bus import geography
from bus.messages import Area, Incident, Load, Measure, Offer, Quantity, Request, Restoration, Status, Work
from bus.vocabulary import (
    MOBILE_SERVICES,
    CauseDetail,
    Certainty,
    DependencyKind,
    EmergencyImpact,
    Impact,
    IncidentState,
    MeasureAlert,
    MeasureState,
    MeasureType,
    NetworkPart,
    QualityAspect,
    RequestState,
    ResourceKind,
    Service,
    WorkState,
)
from consumers.merge.conflicts import places
from consumers.merge.effects import RANK
from consumers.merge.entities import owner
from consumers.merge.told import Told
from consumers.merge.view import MeasureItem

REDUCED, DEGRADED = RANK[Impact.REDUCED_REDUNDANCY], RANK[Impact.DEGRADED]


class Fault(NamedTuple):
    """An incident that is not retracted."""

    ref: str
    owner: str
    is_open: bool
    start: datetime
    impacts: Mapping[Service, Impact]
    rank: int
    """How bad its worst impact is."""
    mobile_nearly_all: int
    """The same of those on mobile services that affect nearly all of its places; -1 where none does."""
    codes: tuple[str, ...]
    assets: frozenset[str]
    is_overload: bool
    """It tells of lacking capacity, as cause or as the quality that suffers."""
    is_core: bool
    """It sits in the core network, or comes from one."""
    holds_phones: bool
    """Its radio network still radiates though what is behind it is down."""
    emergency: EmergencyImpact | None
    expected: datetime | None
    """When it is expected to be over."""
    over_by: datetime | None
    """The latest instant at which it is forecast to be over."""
    causes: tuple[str, ...]
    """What it names as its cause."""
    waits_for: tuple[str, ...]
    """Of these, what is not said to be unlikely, and the power incident."""
    power: tuple[str, ...]
    """The power incidents that it names, and does not call unlikely."""
    backup_until: datetime | None
    """When the last backup energy that is told of ends."""
    disputed_by: tuple[str, ...]
    """Acknowledgements that dispute its cause."""

    def marks(self) -> Iterator[str]:
        if self.is_open:
            yield from places.standing("incident", self.codes, self.assets)

    def worst_of(self, services: Iterable[Service]) -> int:
        """How bad its worst impact on one of the services is; -1 where it touches none."""
        return max((RANK[self.impacts[service]] for service in services if service in self.impacts), default=-1)


def fault_of(told: Told, disputed_by: tuple[str, ...]) -> Fault | None:
    incident = told.incident
    if incident.state is IncidentState.RETRACTED:
        return None
    likely = [d for d in incident.caused_by if d.certainty is not Certainty.UNLIKELY]
    energy, emergency = incident.energy, incident.emergency
    power = {d.ref for d in likely if d.kind is DependencyKind.POWER} | {energy.power_incident if energy else None}
    return Fault(
        ref=told.ref,
        owner=told.owner,
        is_open=told.is_open,
        start=told.start,
        impacts=told.impacts,
        rank=RANK[told.worst],
        mobile_nearly_all=-1 if told.mobile_nearly_all is None else RANK[told.mobile_nearly_all],
        codes=told.codes,
        assets=told.assets,
        is_overload=_is_overload(incident),
        is_core=incident.network_part is NetworkPart.CORE
        or any(d.kind is DependencyKind.CORE for d in incident.caused_by),
        holds_phones=told.holds_phones,
        emergency=emergency.impact if emergency else None,
        expected=_expected(incident.restoration),
        over_by=_over_by(incident.restoration),
        causes=_sorted({d.ref for d in incident.caused_by}),
        waits_for=_sorted({d.ref for d in likely} | power),
        power=_sorted(power),
        backup_until=_latest([energy.battery_until, energy.fuel_until]) if energy else None,
        disputed_by=disputed_by,
    )


class Plan(NamedTuple):
    """A planned work."""

    ref: str
    owner: str
    state: WorkState
    rank: int
    impact: Impact
    start: datetime
    end: datetime
    codes: tuple[str, ...]
    assets: frozenset[str]
    services: frozenset[Service]

    @property
    def is_running(self) -> bool:
        """Its operator says that it goes on; so it does, until it says otherwise."""
        return self.state is WorkState.IN_PROCESS

    def marks(self) -> Iterator[str]:
        yield from places.standing("work", self.codes, self.assets)


def plan_of(work: Work) -> Plan:
    running = work.state is WorkState.IN_PROCESS
    return Plan(
        ref=work.reference,
        owner=owner(work),
        state=work.state,
        rank=RANK[work.impact],
        impact=work.impact,
        start=min(work.starts_at, work.observed_at) if running else work.starts_at,
        end=work.ends_at,
        codes=codes_of(work.areas),
        assets=frozenset(work.infrastructure_ids),
        services=frozenset(work.services),
    )


class Action(NamedTuple):
    """A measure that is not retracted."""

    ref: str
    owner: str
    type: MeasureType
    state: MeasureState
    start: datetime
    end: datetime | None
    """When it is planned to end."""
    codes: tuple[str, ...]
    """Where; the country for one that names no place."""
    is_anywhere: bool
    services: frozenset[Service]
    hosts: tuple[str, ...]
    guests: tuple[str, ...]
    """Who is carried: those that it names, or else its own operator if that is no host."""
    depends_on: frozenset[str]
    exceptions: frozenset[str]

    @property
    def is_running(self) -> bool:
        """It is in force until its operator says otherwise, also past its planned end."""
        return self.state is MeasureState.ACTIVE

    @property
    def mobile_services(self) -> frozenset[Service]:
        """The services that roaming is for: those that it names, or else all mobile ones."""
        return self.services or MOBILE_SERVICES

    def marks(self) -> Iterator[str]:
        kind = "freeze" if self.type is MeasureType.MAINTENANCE_FREEZE else "measure"
        yield from places.standing(kind, self.codes, self.depends_on)
        if self.is_anywhere:
            yield ANYWHERE


ANYWHERE = "freeze*"
"""Where freezes that name no place stand: they cover also what has no code, as works at sea."""


def action_of(measure: Measure, first_told: datetime) -> Action | None:
    """`first_told` is when its earliest known revision was observed: the earliest that it can have begun, if it does
    not say.
    """
    if measure.state is MeasureState.RETRACTED:
        return None
    speaker = owner(measure)
    return Action(
        ref=measure.reference,
        owner=speaker,
        type=measure.type,
        state=measure.state,
        start=measure.active_from or first_told,
        end=measure.planned_end,
        codes=codes_of(measure.areas) or (() if measure.areas else (geography.COUNTRY,)),
        is_anywhere=not measure.areas,
        services=frozenset(measure.services),
        hosts=_sorted(measure.hosts),
        guests=_sorted(measure.guests) or (() if speaker in measure.hosts else (speaker,)),
        depends_on=frozenset(measure.depends_on),
        exceptions=frozenset(measure.exceptions),
    )


class Heartbeat(NamedTuple):
    """What an operator says of its load, service by service."""

    ref: str
    owner: str
    load: tuple[Load, ...]

    def marks(self) -> Iterator[str]:
        yield load_of(self.owner)


def load_of(actor: str) -> str:
    """Where to look for an operator's word on its load."""
    return f"load@{actor}"


def heartbeat_of(status: Status) -> Heartbeat:
    return Heartbeat(status.reference, owner(status), status.load)


class Need(NamedTuple):
    """A request."""

    ref: str
    owner: str
    state: RequestState
    resource: ResourceKind
    quantity: Quantity | None
    codes: tuple[str, ...]

    def marks(self) -> Iterator[str]:
        return iter(())


def need_of(request: Request) -> Need:
    return Need(
        request.reference,
        owner(request),
        request.state,
        request.resource,
        request.quantity,
        codes_of(request.areas),
    )


class Supply(NamedTuple):
    """An offer."""

    ref: str
    owner: str
    state: RequestState
    resource: ResourceKind
    description: str
    quantity: Quantity | None
    requests: tuple[str, ...]
    """The requests that it names."""

    def marks(self) -> Iterator[str]:
        for request in self.requests:
            yield supply_for(request)
        if self.description:
            yield self.likeness

    @property
    def likeness(self) -> str:
        """Where offers of the same operator stand that read alike."""
        return f"offer@{self.owner}\n{self.resource}\n{self.description}"


def supply_for(request: str) -> str:
    """Where to look for the offers that name a request."""
    return f"offer>{request}"


def supply_of(offer: Offer) -> Supply:
    named = {ref for ref in (offer.ref, *offer.targets) if ref and ref.startswith("request/")}
    words = " ".join(offer.description.casefold().split())
    return Supply(offer.reference, owner(offer), offer.state, offer.resource, words, offer.quantity, _sorted(named))


class Verdict(NamedTuple):
    """How bad a situation is, by its operators and by the rules."""

    ref: str
    declared: int
    computed: int
    actors: tuple[str, ...]
    codes: tuple[str, ...]

    def marks(self) -> Iterator[str]:
        return iter(())


class Alarm(NamedTuple):
    """What is amiss with an active measure: it is forgotten, or past its planned end."""

    ref: str
    measure: str
    owner: str
    type: MeasureType
    alerts: tuple[MeasureAlert, ...]
    planned_end: datetime | None
    targets: tuple[str, ...]
    codes: tuple[str, ...]

    def marks(self) -> Iterator[str]:
        return iter(())


def alarm_of(item: MeasureItem) -> Alarm:
    """From a measure as the view shows it."""
    alerts = tuple(alert for alert in item.alerts if alert in _ALARMING)
    return Alarm(
        ref=alarm_for(item.ref),
        measure=item.ref,
        owner=owner(item),
        type=item.type,
        alerts=alerts,
        planned_end=item.planned_end,
        targets=_sorted(item.targets),
        codes=codes_of(item.areas),
    )


def alarm_for(measure: str) -> str:
    """What an alarm is called beside its measure."""
    return f"alarm/{measure}"


_ALARMING = frozenset({MeasureAlert.FORGOTTEN, MeasureAlert.OVERDUE})


class Municipality(NamedTuple):
    """A municipality in which no mobile network works as it should."""

    ref: str
    code: str

    def marks(self) -> Iterator[str]:
        return iter(())


Thing: TypeAlias = Fault | Plan | Action | Heartbeat | Need | Supply | Verdict | Alarm | Municipality


def codes_of(areas: Iterable[Area]) -> tuple[str, ...]:
    """The SCB codes, sorted. Places without a code are in none."""
    return _sorted({area.code for area in areas if area.code and geography.kind_of(area.code) is area.kind})


def _is_overload(incident: Incident) -> bool:
    return incident.cause.detail is CauseDetail.OVERLOAD or any(
        i.aspect is QualityAspect.CAPACITY and i.impact is not Impact.NO_IMPACT for i in incident.impacts
    )


def _expected(forecast: Restoration | None) -> datetime | None:
    return (forecast.expected or forecast.latest or forecast.earliest) if forecast else None


def _over_by(forecast: Restoration | None) -> datetime | None:
    return (forecast.latest or forecast.expected or forecast.earliest) if forecast else None


def _latest(instants: Iterable[datetime | None]) -> datetime | None:
    return max((instant for instant in instants if instant is not None), default=None)


def _sorted(names: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(sorted({name for name in names if name}))
