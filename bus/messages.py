"""The messages that actors publish, as frozen models: equal, field by field, to the Avro schemas in `schemas/`.

Meaning, units and sources of every field stand once, in the `doc` of the schema. A message has three equal forms: the
Avro record on the wire, the model here, and one JSON object per line (`bus.ndjson`). None means *unknown*, never zero
and never false.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic.dataclasses import dataclass
from pydantic_core import ErrorDetails

from bus import geography
from bus.errors import InvalidMessage
from bus.instants import FROM_JSON, Instant
from bus.references import ACTOR_PATTERN, ID_PATTERN, REFERENCE_FORM, REFERENCE_PATTERN, Kind, reference
from bus.vocabulary import (
    AckAnswer,
    ActivationMode,
    AreaKind,
    CauseCategory,
    CauseDetail,
    Certainty,
    CountBasis,
    CountScope,
    CriticalService,
    DecisionKind,
    DecisionState,
    DeclineReason,
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
    ReportedVia,
    RequestState,
    ResourceKind,
    Service,
    Tlp,
    Trend,
    WorkState,
)

_LONG = 2**63 - 1
_INT = 2**31 - 1


def _known_area(code: str) -> str:
    if not geography.is_code(code):
        raise ValueError(_unknown_area(code))
    return code


def _unknown_area(code: str) -> str:
    near = geography.suggest(code)
    return f"unknown area code {code!r}{f'; did you mean {near}?' if near else ''} Codes are SCB's, zero-padded"


Slug = Annotated[str, StringConstraints(pattern=ACTOR_PATTERN)]
EntityId = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Reference = Annotated[str, StringConstraints(pattern=REFERENCE_PATTERN)]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Title = Annotated[str, StringConstraints(max_length=120)]
Description = Annotated[str, StringConstraints(max_length=4000)]
AreaCode = Annotated[str, AfterValidator(_known_area)]
Count = Annotated[int, Field(strict=True, ge=0, le=_LONG)]
Int32 = Annotated[int, Field(strict=True, ge=0, le=_INT)]
Revision = Annotated[int, Field(strict=True, ge=1, le=_LONG)]
Level = Annotated[int, Field(strict=True, ge=1, le=5)]
Amount = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Percent = Annotated[float, Field(strict=True, ge=0, le=100, allow_inf_nan=False)]


_CLOSED = ConfigDict(extra="forbid")


class Part(BaseModel):
    """Base of all records that travel by themselves: frozen, and closed to unknown fields.

    A record inside of one is a dataclass with slots: validated in the same way, in a third of the memory.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def whole(cls, **fields: Any) -> Self:
        """A record of fields that are known to be right: all must be given, and nothing is checked.

        What `model_construct` is for, in a quarter of the time. Raises KeyError for a field that is missing.
        """
        made = cls.__new__(cls)
        object.__setattr__(made, "__dict__", {name: fields[name] for name in cls.__pydantic_fields__})
        object.__setattr__(made, "__pydantic_fields_set__", every_field(cls))
        object.__setattr__(made, "__pydantic_extra__", None)
        object.__setattr__(made, "__pydantic_private__", None)
        return made


@cache
def every_field(model: type[Part]) -> set[str]:
    """The names of a record's fields: what was set of one that came whole. Shared, so not to be changed."""
    return set(model.model_fields)


class Message(Part):
    """The fields that open every message."""

    kind: ClassVar[Kind]

    actor: Slug
    id: EntityId
    revision: Revision
    status: MessageStatus
    observed_at: Instant
    next_update_at: Instant | None = None
    tlp: Tlp = Tlp.AMBER
    reported_via: ReportedVia = ReportedVia.API
    on_behalf_of: Slug | None = None
    reason: str | None = None

    @property
    def reference(self) -> str:
        """How other messages name this entity: `kind/actor/id`."""
        return reference(self.kind, self.actor, self.id)


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class ServiceImpact:
    """The effect on one service."""

    service: Service
    aspect: QualityAspect = QualityAspect.CONNECTIVITY
    impact: Impact
    percent_affected: Percent | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class Area:
    """A place, by SCB code where it has one."""

    kind: AreaKind
    code: str | None = None
    label: str = ""

    @model_validator(mode="after")
    def _code_fits_kind(self) -> Area:
        if self.kind in _CODED and (self.code is None or geography.kind_of(self.code) is not self.kind):
            raise ValueError(_misfit(self))
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class Users:
    """How many are affected. Null numbers are unknown; 0 is a known zero."""

    value: Count | None = None
    low: Count | None = None
    high: Count | None = None
    basis: CountBasis = CountBasis.UNKNOWN
    scope: CountScope = CountScope.UNKNOWN
    by_service: dict[Service, Count] = Field(default_factory=dict)
    by_area: dict[AreaCode, Count] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class Sites:
    """Radio or access sites in the named areas."""

    served: Count | None = None
    out: Count | None = None
    on_backup: Count | None = None
    out_by_cause: dict[str, Count] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class Energy:
    """How long backup energy lasts."""

    battery_until: Instant | None = None
    fuel_until: Instant | None = None
    power_incident: Reference | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class Emergency:
    """The effect on calls to 112."""

    impact: EmergencyImpact
    ran_radiating: StrictBool | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class Cause:
    """What caused it, as far as the reporter knows."""

    category: CauseCategory = CauseCategory.UNKNOWN
    detail: CauseDetail = CauseDetail.UNKNOWN
    certainty: Certainty = Certainty.UNKNOWN
    third_party: StrictBool | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class Dependency:
    """Something that this incident is a consequence of."""

    kind: DependencyKind
    ref: Reference | None = None
    certainty: Certainty = Certainty.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class Restoration:
    """The forecast. full_capacity is the second clock: coverage back is not capacity back."""

    earliest: Instant | None = None
    expected: Instant | None = None
    latest: Instant | None = None
    full_capacity: Instant | None = None
    certainty: Certainty = Certainty.UNKNOWN


class Incident(Message):
    """A disturbance, or the risk of one, in the reporter's own network or service. Full state in every revision."""

    kind: ClassVar[Kind] = Kind.INCIDENT

    state: IncidentState
    title: Title
    description: Description = ""
    started_at: Instant | None = None
    detected_at: Instant | None = None
    restored_at: Instant | None = None
    impacts: Annotated[tuple[ServiceImpact, ...], Field(min_length=1)]
    areas: tuple[Area, ...] = ()
    network_part: NetworkPart = NetworkPart.UNKNOWN
    users: Users | None = None
    sites: Sites | None = None
    energy: Energy | None = None
    emergency: Emergency | None = None
    critical_services: tuple[CriticalService, ...] = ()
    cause: Cause = Cause()
    caused_by: tuple[Dependency, ...] = ()
    related_to: tuple[Reference, ...] = ()
    duplicate_of: Reference | None = None
    event_refs: tuple[str, ...] = ()
    infrastructure_ids: tuple[str, ...] = ()
    restoration: Restoration | None = None
    declared_severity: Level | None = None
    malicious: StrictBool | None = None
    regulatory_refs: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _has_a_place(self) -> Incident:
        if not self.areas and self.state is not IncidentState.SUSPECTED:
            raise ValueError(
                "areas: may be empty only in state SUSPECTED; name at least the county, or 00 for the country"
            )
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class Quantity:
    """An amount with its unit."""

    value: Annotated[float, Field(strict=True, allow_inf_nan=False)]
    unit: str


class Measure(Message):
    """Something done, or proposed, so that the network stays stable."""

    kind: ClassVar[Kind] = Kind.MEASURE

    type: MeasureType
    state: MeasureState
    effect: MeasureEffect = MeasureEffect.NOT_ASSESSED
    title: Title
    description: Description = ""
    areas: tuple[Area, ...] = ()
    services: tuple[Service, ...] = ()
    targets: tuple[Reference, ...] = ()
    hosts: tuple[Slug, ...] = ()
    guests: tuple[Slug, ...] = ()
    authority: str | None = None
    requested_at: Instant | None = None
    active_from: Instant | None = None
    planned_end: Instant | None = None
    ended_at: Instant | None = None
    activation: ActivationMode = ActivationMode.AUTOMATIC
    quantity: Quantity | None = None
    depends_on: tuple[str, ...] = ()
    decline_reason: DeclineReason | None = None
    exceptions: tuple[str, ...] = ()


class Work(Message):
    """Planned work, in MAINTNOTE terms."""

    kind: ClassVar[Kind] = Kind.WORK

    state: WorkState
    impact: Impact
    title: Title
    description: Description = ""
    starts_at: Instant
    ends_at: Instant
    areas: tuple[Area, ...] = ()
    services: tuple[Service, ...] = ()
    infrastructure_ids: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _ends_after_start(self) -> Work:
        if self.ends_at <= self.starts_at:
            raise ValueError("ends_at: must lie after starts_at")
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class Staffing:
    """Staff of one function."""

    function: str
    available_percent: Amount | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class Partner:
    """A partner or supplier that the operator depends on."""

    name: str
    state: PartnerState


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class Load:
    """Load on one service."""

    service: Service
    utilisation_percent: Amount | None = None
    trend: Trend = Trend.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class CustomerService:
    """State of customer service."""

    backlog_hours: Amount | None = None
    priorities: str = ""


class Status(Message):
    """How the operator itself is doing: the heartbeat, and the continuity of staff and functions.

    One entity per actor, with id `status`.
    """

    kind: ClassVar[Kind] = Kind.STATUS

    mode: OperatorMode
    nothing_to_report: StrictBool
    open_incidents: Int32 | None = None
    staffing: tuple[Staffing, ...] = ()
    partners: tuple[Partner, ...] = ()
    load: tuple[Load, ...] = ()
    remote_work_percent: Percent | None = None
    customer_service: CustomerService | None = None

    @model_validator(mode="after")
    def _one_per_actor(self) -> Status:
        if self.id != "status":
            raise ValueError("id: an actor has one status entity, with id 'status'")
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class BasedOn:
    """The picture seen when deciding."""

    digest: Digest
    as_of: Instant


class Ack(Message):
    """An answer to something: read, accepted, disputed."""

    kind: ClassVar[Kind] = Kind.ACK

    of: Reference
    of_revision: Revision | None = None
    answer: AckAnswer
    comment: str = ""
    based_on: BasedOn | None = None
    by_function: str | None = None


class Link(Message):
    """Coordination staff's word on how two incidents belong together. Coordination only."""

    kind: ClassVar[Kind] = Kind.LINK

    relation: LinkRelation
    a: Reference
    b: Reference
    comment: str = ""
    withdrawn: StrictBool = False
    based_on: BasedOn | None = None
    by_function: str | None = None


class Decision(Message):
    """A coordination decision, with the picture that it was based on. Coordination only."""

    kind: ClassVar[Kind] = Kind.DECISION

    decision: DecisionKind
    state: DecisionState
    title: Title
    text: str = ""
    level: Level | None = None
    until: Instant | None = None
    affects: tuple[Reference, ...] = ()
    based_on: BasedOn | None = None
    review_at: Instant | None = None
    by_function: str | None = None


class Request(Message):
    """A resource that is needed."""

    kind: ClassVar[Kind] = Kind.REQUEST

    resource: ResourceKind
    quantity: Quantity | None = None
    description: Description = ""
    areas: tuple[Area, ...] = ()
    needed_by: Instant | None = None
    until: Instant | None = None
    state: RequestState
    targets: tuple[Reference, ...] = ()
    based_on: BasedOn | None = None
    by_function: str | None = None


class Offer(Message):
    """A resource that is offered, in answer to a request or unasked."""

    kind: ClassVar[Kind] = Kind.OFFER

    resource: ResourceKind
    quantity: Quantity | None = None
    description: Description = ""
    areas: tuple[Area, ...] = ()
    needed_by: Instant | None = None
    until: Instant | None = None
    state: RequestState
    targets: tuple[Reference, ...] = ()
    ref: Reference | None = None
    eta: Instant | None = None


MESSAGES: dict[Kind, type[Message]] = {
    model.kind: model for model in (Incident, Measure, Work, Status, Ack, Link, Decision, Request, Offer)
}
"""The model of each kind."""

_CODED = frozenset({AreaKind.COUNTRY, AreaKind.LAN, AreaKind.KOMMUN})
_CODE_FORM = {
    AreaKind.COUNTRY: "00",
    AreaKind.LAN: "a two-digit county code",
    AreaKind.KOMMUN: "a four-digit municipality code",
}


def _misfit(area: Area) -> str:
    form = _CODE_FORM[area.kind]
    if area.code is None:
        return f"code: kind {area.kind} needs {form}"
    if geography.is_code(area.code):
        return f"code: {area.code} ({geography.name_of(area.code)}) is not of kind {area.kind}, which takes {form}"
    return f"code: {_unknown_area(area.code)}"


M = TypeVar("M", bound=Part)


def build(model: type[M], fields: dict[str, Any], *, from_json: bool = False) -> M:
    """A model from plain fields.

    With `from_json`, numbers are refused as instants. Otherwise an int is milliseconds since the epoch, as in Avro.
    Raises InvalidMessage, with the path and the remedy of every fault.
    """
    try:
        return model.model_validate(fields, context={FROM_JSON: True} if from_json else None)
    except ValidationError as error:
        raise InvalidMessage(tuple(_explain(error.errors(include_url=False)))) from error


def _explain(faults: list[ErrorDetails]) -> Iterable[tuple[str, str]]:
    deeper = {fault["loc"][:1] for fault in faults if len(fault["loc"]) > 1}
    for fault in faults:
        path = ".".join(str(part) for part in fault["loc"] if part != "[key]")
        given, context = fault["input"], fault.get("ctx", {})
        match fault["type"]:
            case "too_short" if fault["loc"] in deeper:
                continue  # its items were refused one by one
            case "too_short":
                yield path, f"needs at least {context['min_length']} item"
            case "missing":
                yield path, "required field is missing"
            case "extra_forbidden":
                yield path, "unknown field; remove it or mend its name"
            case "enum":
                yield path, f"unknown symbol {given!r}; use one of {context['expected']}"
            case "string_pattern_mismatch" if context["pattern"] == REFERENCE_PATTERN:
                yield path, f"{given!r} is not a reference; write {REFERENCE_FORM}"
            case "string_pattern_mismatch":
                yield path, f"{given!r} does not match {context['pattern']}"
            case "value_error":
                inner, colon, remedy = str(context["error"]).partition(": ")
                nested = bool(colon) and inner.isidentifier()
                yield (".".join(filter(None, (path, inner))), remedy) if nested else (path, str(context["error"]))
            case _:
                yield path, f"{fault['msg'][0].lower()}{fault['msg'][1:]}"
