"""What the merge says: the view as JSON has it, and the bounded items of the feed.

The items are Avro records too (`schemas/<version>/view-*.avsc`, where each field is explained). Numbers follow one
convention: None is *not known*, zero is a known zero. All models are frozen; lists are sorted, so equal views are
equal bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bus.instants import Instant
from bus.messages import CustomerService, Decision, Load, Measure, Offer, Part, Partner, Request, Staffing, Work
from bus.vocabulary import (
    AckSubject,
    Audience,
    CauseCategory,
    CauseDetail,
    Certainty,
    ConflictState,
    EmergencyImpact,
    Freshness,
    Fulfilment,
    Impact,
    IncidentState,
    LinkBasis,
    MeasureAlert,
    MessageStatus,
    OperatorMode,
    Reporting,
    Role,
    SituationState,
    Tlp,
    Trend,
    WorkPhase,
)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a severity is what it is."""

    code: str
    level: int
    text: str
    facts: dict[str, str]
    refs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SeverityOverride:
    """The level that coordination staff decided on, while it holds."""

    level: int
    decision: str
    until: Instant | None


@dataclass(frozen=True, slots=True)
class Severity:
    """How bad it is: what staff decided while that holds, else the greatest level that any rule gives."""

    level: int
    computed: int
    override: SeverityOverride | None
    lower_bound: bool
    declared: int | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class CauseCandidate:
    """A cause that members tell, how many, and who."""

    category: CauseCategory
    detail: CauseDetail
    certainty: Certainty
    report_count: int
    actors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SituationCause:
    """What the members say of the cause."""

    category: CauseCategory
    detail: CauseDetail
    disputed: bool
    disputed_by: tuple[str, ...]
    candidates: tuple[CauseCandidate, ...]
    candidate_count: int
    unknown_reports: int


@dataclass(frozen=True, slots=True)
class UserRange:
    """Affected users as a range."""

    low: int
    best: int | None
    high: int | None
    unknown_reports: int
    other_units: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServiceUsers:
    """Affected users of one service. The plain numbers speak of the worst impact; impacts are never added together."""

    impact: Impact
    low: int
    best: int | None
    high: int | None
    unknown_reports: int
    other_units: dict[str, int]
    by_impact: dict[str, UserRange]


@dataclass(frozen=True, slots=True)
class Sector:
    """How the group's operators keep it informed. One that has nothing to report reports; `freezes` are in force."""

    operators: int
    reporting: int
    nothing_to_report: int
    freezes: int


@dataclass(frozen=True, slots=True)
class HoursRange:
    """User-hours lost, as a range, at an instant that stands beside it; `per_hour` is what each further hour adds."""

    low: float
    best: float | None
    high: float | None
    uncovered_hours: float
    per_hour: UserRange


@dataclass(frozen=True, slots=True)
class ServiceHours:
    """User-hours of one service. The plain numbers speak of the worst impact there was; impacts are never added."""

    impact: Impact
    low: float
    best: float | None
    high: float | None
    uncovered_hours: float
    per_hour: UserRange
    by_impact: dict[str, HoursRange]


@dataclass(frozen=True, slots=True)
class SiteRange:
    """A number of sites as a range. `high` is None where nobody tells it."""

    low: int
    high: int | None
    unknown_reports: int


@dataclass(frozen=True, slots=True)
class SituationSites:
    """Sites of the open incidents. The causes need not add up; sites out without a cause are unexplained."""

    served: SiteRange
    out: SiteRange
    on_backup: SiteRange
    out_by_cause: dict[str, int]
    cause_count: int
    out_unexplained: int | None


@dataclass(frozen=True, slots=True)
class ForecastSlip:
    """An open incident whose forecast moved later: how often, by how much in all, from when to when."""

    ref: str
    actor: str
    slips: int
    later_minutes: int
    first: Instant
    now: Instant | None


@dataclass(frozen=True, slots=True)
class RestorationRange:
    """From the earliest to the latest forecast of the open members."""

    earliest: Instant | None
    latest: Instant | None
    full_capacity: Instant | None
    certainty: Certainty | None
    missing_forecasts: int
    slips: int
    slipped: tuple[ForecastSlip, ...]
    slipped_count: int


class SituationSummary(Part):
    """A situation in the feed: bounded in size, with counts in place of lists. Key situation/<id>."""

    id: str
    title: str
    state: SituationState
    actors: tuple[str, ...]
    severity: Severity
    trend: Trend
    services: dict[str, Impact]
    areas: tuple[str, ...]
    cause: SituationCause
    users: dict[str, ServiceUsers]
    user_hours: dict[str, ServiceHours]
    user_hours_as_of: Instant | None
    sites: SituationSites | None
    emergency: EmergencyImpact | None
    restoration: RestorationRange
    measures: tuple[str, ...]
    freshness: Freshness
    tlp: Tlp
    started_at: Instant
    member_count: int
    duplicate_count: int
    alias_count: int
    link_count: int
    suggestion_count: int


@dataclass(frozen=True, slots=True)
class SituationLink:
    """Two incidents of one situation, and why they are in it; or of two that may be one, and why they may.

    `why` says in English what `code` and `facts` say for all languages (`grounds`).
    """

    a: str
    b: str
    basis: LinkBasis
    why: str
    code: str
    facts: dict[str, str]


class IncidentPlace(Part):
    """Where an incident is in the picture. Key incident/<actor>/<id>."""

    ref: str
    revision: int
    state: IncidentState
    title: str
    situation: str
    duplicate: bool
    link: SituationLink | None
    known_at: Instant


class MeasureItem(Measure):
    """A measure as the view shows it. Key measure/<actor>/<id>."""

    ref: str
    confirmed: bool
    alerts: tuple[MeasureAlert, ...]
    known_at: Instant


class WorkItem(Work):
    """A planned work as the view shows it. Key work/<actor>/<id>."""

    ref: str
    phase: WorkPhase
    known_at: Instant


class RequestItem(Request):
    """A request as the view shows it. Key request/<actor>/<id>."""

    ref: str
    offers: tuple[str, ...]
    offer_count: int
    offered: float | None
    promised: float | None
    missing: float | None
    fulfilment: Fulfilment
    known_at: Instant


class OfferItem(Offer):
    """An offer as the view shows it. Key offer/<actor>/<id>. `offer` is its own reference, `ref` the request's."""

    offer: str
    known_at: Instant


class DecisionItem(Decision):
    """A decision as the view shows it. Key decision/<actor>/<id>."""

    ref: str
    known_at: Instant


class Conflict(Part):
    """Things that do not go together. Key conflict/<id>."""

    id: str
    rule: str
    case: str | None
    severity: int
    subjects: tuple[str, ...]
    subject_count: int
    text: str
    facts: dict[str, str]
    state: ConflictState
    answered_by: str | None
    actors: tuple[str, ...]
    areas: tuple[str, ...]
    situations: tuple[str, ...]
    situation_count: int


@dataclass(frozen=True, slots=True)
class AreaEmergency:
    """What is told of calls to 112 in an area."""

    impact: EmergencyImpact
    fallback: bool | None
    operators: dict[str, EmergencyImpact]
    ran_radiating: tuple[str, ...]
    refs: tuple[str, ...]
    report_count: int


class AreaItem(Part):
    """What is reported for an area. Key area/<code>."""

    code: str
    name: str
    impact: dict[str, Impact]
    mobile: dict[str, Impact]
    all_mobile_down: bool
    white_out: bool
    emergency: AreaEmergency | None
    situations: tuple[str, ...]
    situation_count: int


class ActorItem(Part):
    """How an actor is doing. Key actor/<slug>."""

    actor: str
    name: str | None
    roles: tuple[Role, ...]
    ended_at: Instant | None
    freshness: Freshness
    reporting: Reporting
    last_heard: Instant | None
    mode: OperatorMode | None
    nothing_to_report: bool | None
    open_incidents: int | None
    missing_incidents: int | None
    forecast_slips: int | None
    staffing: tuple[Staffing, ...]
    partners: tuple[Partner, ...]
    load: tuple[Load, ...]
    remote_work_percent: float | None
    customer_service: CustomerService | None
    status_known_at: Instant | None


class Flag(Part):
    """Something odd in what was reported. Key flag/<id>."""

    id: str
    code: str
    case: str | None
    refs: tuple[str, ...]
    text: str
    facts: dict[str, str]


class Summary(Part):
    """The last record of each batch: what the batch amounts to. Key summary."""

    as_of: Instant
    audience: Audience
    realm: str
    status: MessageStatus
    digest: str
    rules: str
    inputs: dict[str, int]
    batch: int
    users: dict[str, ServiceUsers]
    user_hours: dict[str, ServiceHours]
    open_situations: int
    stale_share: float | None
    sector: Sector
    quarantined: int
    withheld: dict[str, int]


class Situation(Part):
    """One event as the group sees it: the incidents that belong together, and what they amount to."""

    id: str
    aliases: tuple[str, ...]
    title: str
    state: SituationState
    members: tuple[str, ...]
    duplicates: tuple[str, ...]
    actors: tuple[str, ...]
    severity: Severity
    trend: Trend
    services: dict[str, Impact]
    areas: tuple[str, ...]
    cause: SituationCause
    users: dict[str, ServiceUsers]
    user_hours: dict[str, ServiceHours]
    user_hours_as_of: Instant | None
    sites: SituationSites | None
    emergency: EmergencyImpact | None
    restoration: RestorationRange
    links: tuple[SituationLink, ...]
    suggestions: tuple[SituationLink, ...]
    measures: tuple[str, ...]
    freshness: Freshness
    tlp: Tlp
    started_at: Instant

    def summarised(self) -> SituationSummary:
        """The same for the feed: counts in place of lists that grow with the event."""
        shared = {name: getattr(self, name) for name in SituationSummary.model_fields if name in Situation.model_fields}
        return SituationSummary.whole(
            **shared,
            member_count=len(self.members),
            duplicate_count=len(self.duplicates),
            alias_count=len(self.aliases),
            link_count=len(self.links),
            suggestion_count=len(self.suggestions),
        )


@dataclass(frozen=True, slots=True)
class EmergencyItem:
    """An area where calls to 112 suffer: what its `emergency` says, for those who ask about 112 alone."""

    code: str
    name: str
    impact: EmergencyImpact
    fallback: bool | None
    operators: dict[str, EmergencyImpact]
    ran_radiating: tuple[str, ...]
    refs: tuple[str, ...]
    report_count: int


class EnergyItem(Part):
    """How long an open incident's backup energy lasts, and when power returns. Key energy/<actor>/<id>."""

    ref: str
    actor: str
    areas: tuple[str, ...]
    battery_until: Instant | None
    fuel_until: Instant | None
    backup_until: Instant | None
    exhausted: bool | None
    power_incident: str | None
    power_is_out: bool | None
    power_return: Instant | None
    gap_hours: float | None
    ends_before_power: bool | None


class PendingAck(Part):
    """An answer that is waited for. Key pending/<id>."""

    id: str
    ref: str
    actor: str
    subject: AckSubject
    about: str | None
    since: Instant


@dataclass(frozen=True, slots=True)
class Totals:
    """What the open situations amount to. `stale_share` is None when none is open."""

    users: dict[str, ServiceUsers]
    user_hours: dict[str, ServiceHours]
    open_situations: int
    stale_share: float | None
    sector: Sector


class View(Part):
    """The coordination view: a pure function of messages, registry, rules and `as_of`."""

    as_of: Instant
    audience: Audience
    realm: str
    status: MessageStatus
    settled: bool
    digest: str
    rules: str
    inputs: dict[str, int]
    situations: tuple[Situation, ...]
    measures: tuple[MeasureItem, ...]
    works: tuple[WorkItem, ...]
    requests: tuple[RequestItem, ...]
    offers: tuple[OfferItem, ...]
    decisions: tuple[DecisionItem, ...]
    conflicts: tuple[Conflict, ...]
    areas: tuple[AreaItem, ...]
    actors: tuple[ActorItem, ...]
    emergency: tuple[EmergencyItem, ...]
    totals: Totals
    energy: tuple[EnergyItem, ...]
    pending_acks: tuple[PendingAck, ...]
    flags: tuple[Flag, ...]
    quarantined: int
    withheld: dict[str, int]


Item = (
    SituationSummary
    | IncidentPlace
    | MeasureItem
    | WorkItem
    | RequestItem
    | OfferItem
    | DecisionItem
    | Conflict
    | AreaItem
    | ActorItem
    | EnergyItem
    | PendingAck
    | Flag
)
"""A record of the feed, other than the summary that ends a batch."""

ITEM_OF_KEY: dict[str, type[Part]] = {
    "situation": SituationSummary,
    "incident": IncidentPlace,
    "measure": MeasureItem,
    "work": WorkItem,
    "request": RequestItem,
    "offer": OfferItem,
    "decision": DecisionItem,
    "conflict": Conflict,
    "area": AreaItem,
    "actor": ActorItem,
    "energy": EnergyItem,
    "pending": PendingAck,
    "flag": Flag,
    "summary": Summary,
}
"""Which model the value of a feed record is, by the first part of its key."""
