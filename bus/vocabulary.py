"""The vocabulary of the field: every enumerated word of the contract.

Each enum equals the Avro enum of the same name in `schemas/`, symbol by symbol; a test holds that. Every one has
UNKNOWN, so that a reader survives a symbol which came after it. UNKNOWN is an answer of its own: not zero, not "no".
"""

from __future__ import annotations

from enum import StrEnum


class MessageStatus(StrEnum):
    """Whether a message speaks of the real world. Never mixed in one view (CAP 1.2 status)."""

    ACTUAL = "ACTUAL"
    EXERCISE = "EXERCISE"
    TEST = "TEST"
    UNKNOWN = "UNKNOWN"


class Tlp(StrEnum):
    """Traffic Light Protocol 2.0: how far a message may travel. UNKNOWN is treated as RED."""

    RED = "RED"
    AMBER_STRICT = "AMBER_STRICT"
    AMBER = "AMBER"
    GREEN = "GREEN"
    CLEAR = "CLEAR"
    UNKNOWN = "UNKNOWN"


class ReportedVia(StrEnum):
    """How the report reached the bus. PROXY_*: staff entered it for an operator whose own feed was down."""

    API = "API"
    UI = "UI"
    PROXY_PHONE = "PROXY_PHONE"
    PROXY_RAKEL = "PROXY_RAKEL"
    IMPORT = "IMPORT"
    UNKNOWN = "UNKNOWN"


class IncidentState(StrEnum):
    """Lifecycle of an incident. RETRACTED: reported in error, contributes nothing. CLOSED: over. Nothing closes
    itself.
    """

    SUSPECTED = "SUSPECTED"
    CONFIRMED = "CONFIRMED"
    MITIGATED = "MITIGATED"
    RESTORING = "RESTORING"
    RESTORED = "RESTORED"
    CLOSED = "CLOSED"
    RETRACTED = "RETRACTED"
    UNKNOWN = "UNKNOWN"


class Impact(StrEnum):
    """Effect on a service, as in MAINTNOTE. REDUCED_REDUNDANCY: users notice nothing, but one more fault would be
    felt. Order, least to worst: NO_IMPACT, UNKNOWN, REDUCED_REDUNDANCY, DEGRADED, OUTAGE.
    """

    NO_IMPACT = "NO_IMPACT"
    REDUCED_REDUNDANCY = "REDUCED_REDUNDANCY"
    DEGRADED = "DEGRADED"
    OUTAGE = "OUTAGE"
    UNKNOWN = "UNKNOWN"


class Service(StrEnum):
    """A service that users or other operators depend on."""

    MOBILE_VOICE = "MOBILE_VOICE"
    MOBILE_DATA = "MOBILE_DATA"
    MOBILE_MESSAGING = "MOBILE_MESSAGING"
    FIXED_VOICE = "FIXED_VOICE"
    FIXED_INTERNET = "FIXED_INTERNET"
    IOT_M2M = "IOT_M2M"
    TV_BROADCAST = "TV_BROADCAST"
    TRANSPORT = "TRANSPORT"
    DARK_FIBRE = "DARK_FIBRE"
    INTERNATIONAL = "INTERNATIONAL"
    INTERCONNECT = "INTERCONNECT"
    IX = "IX"
    DNS = "DNS"
    TIME_SYNC = "TIME_SYNC"
    NUMBER_PLATFORM = "NUMBER_PLATFORM"
    EMERGENCY_CALL = "EMERGENCY_CALL"
    PUBLIC_WARNING = "PUBLIC_WARNING"
    PUBLIC_SAFETY_RADIO = "PUBLIC_SAFETY_RADIO"
    OTHER = "OTHER"
    UNKNOWN = "UNKNOWN"


class QualityAspect(StrEnum):
    """Which quality of the service suffers: coverage (yttäckning) and capacity (kapacitet) recover on different
    clocks.
    """

    COVERAGE = "COVERAGE"
    CAPACITY = "CAPACITY"
    CONNECTIVITY = "CONNECTIVITY"
    LATENCY = "LATENCY"
    SIGNALLING = "SIGNALLING"
    UNKNOWN = "UNKNOWN"


class EmergencyImpact(StrEnum):
    """Effect on calls to 112. Order, least to worst: NONE, UNKNOWN, DEGRADED, LOCATION_LOST, LOST_WITH_FALLBACK
    (phones reach 112 over another network), LOST_NO_FALLBACK.
    """

    NONE = "NONE"
    DEGRADED = "DEGRADED"
    LOST_WITH_FALLBACK = "LOST_WITH_FALLBACK"
    LOST_NO_FALLBACK = "LOST_NO_FALLBACK"
    LOCATION_LOST = "LOCATION_LOST"
    UNKNOWN = "UNKNOWN"


class AreaKind(StrEnum):
    """What an area code means. COUNTRY: code 00. LAN: two-digit county. KOMMUN: four-digit municipality. OFFSHORE
    and SITE have a label and no code that overlaps others.
    """

    COUNTRY = "COUNTRY"
    LAN = "LAN"
    KOMMUN = "KOMMUN"
    OFFSHORE = "OFFSHORE"
    SITE = "SITE"
    UNKNOWN = "UNKNOWN"


class NetworkPart(StrEnum):
    """Where in the network the fault sits."""

    ACCESS = "ACCESS"
    TRANSPORT = "TRANSPORT"
    CORE = "CORE"
    PLATFORM = "PLATFORM"
    INTERCONNECT = "INTERCONNECT"
    UNKNOWN = "UNKNOWN"


class CauseCategory(StrEnum):
    """Root cause category as ENISA has it. UNDETERMINED: looked for, not yet known."""

    SYSTEM_FAILURE = "SYSTEM_FAILURE"
    HUMAN_ERROR = "HUMAN_ERROR"
    NATURAL_PHENOMENON = "NATURAL_PHENOMENON"
    MALICIOUS_ACTION = "MALICIOUS_ACTION"
    UNDETERMINED = "UNDETERMINED"
    UNKNOWN = "UNKNOWN"


class CauseDetail(StrEnum):
    """What happened, in one word."""

    POWER_CUT = "POWER_CUT"
    POWER_SURGE = "POWER_SURGE"
    FUEL_EXHAUSTION = "FUEL_EXHAUSTION"
    COOLING = "COOLING"
    HARDWARE_FAILURE = "HARDWARE_FAILURE"
    SOFTWARE_BUG = "SOFTWARE_BUG"
    FAULTY_CHANGE = "FAULTY_CHANGE"
    CONFIG_ERROR = "CONFIG_ERROR"
    CERT_EXPIRY = "CERT_EXPIRY"
    OVERLOAD = "OVERLOAD"
    CABLE_CUT = "CABLE_CUT"
    SUBSEA_CABLE_CUT = "SUBSEA_CABLE_CUT"
    CABLE_THEFT = "CABLE_THEFT"
    ARSON = "ARSON"
    FIRE = "FIRE"
    FLOOD = "FLOOD"
    WIND = "WIND"
    ICE_SNOW = "ICE_SNOW"
    LANDSLIDE = "LANDSLIDE"
    WILDFIRE = "WILDFIRE"
    DDOS = "DDOS"
    MALWARE = "MALWARE"
    INTRUSION = "INTRUSION"
    HIJACK = "HIJACK"
    SABOTAGE = "SABOTAGE"
    EMI_JAMMING = "EMI_JAMMING"
    GNSS_LOSS = "GNSS_LOSS"
    SECURITY_SHUTDOWN = "SECURITY_SHUTDOWN"
    PROCEDURE_FLAW = "PROCEDURE_FLAW"
    SUPPLIER = "SUPPLIER"
    OTHER = "OTHER"
    UNKNOWN = "UNKNOWN"


class DependencyKind(StrEnum):
    """What the reporter's service depends on."""

    POWER = "POWER"
    TRANSPORT_FIBRE = "TRANSPORT_FIBRE"
    DARK_FIBRE = "DARK_FIBRE"
    SITE_COLOCATION = "SITE_COLOCATION"
    RAN_SHARING = "RAN_SHARING"
    CORE = "CORE"
    ROAMING_HOST = "ROAMING_HOST"
    INTERCONNECT = "INTERCONNECT"
    IX = "IX"
    TIME_SYNC = "TIME_SYNC"
    DNS = "DNS"
    VENDOR = "VENDOR"
    NUMBER_PLATFORM = "NUMBER_PLATFORM"
    SUPPLIER_STAFF = "SUPPLIER_STAFF"
    FUEL = "FUEL"
    ACCESS_ROAD = "ACCESS_ROAD"
    UNKNOWN = "UNKNOWN"


class Certainty(StrEnum):
    """How sure the reporter is (CAP 1.2): OBSERVED, LIKELY (over 50 %), POSSIBLE, UNLIKELY."""

    OBSERVED = "OBSERVED"
    LIKELY = "LIKELY"
    POSSIBLE = "POSSIBLE"
    UNLIKELY = "UNLIKELY"
    UNKNOWN = "UNKNOWN"


class CountBasis(StrEnum):
    """How a count of users was obtained. A changed basis is not a changed situation."""

    MEASURED = "MEASURED"
    ESTIMATED = "ESTIMATED"
    MODELLED = "MODELLED"
    CUSTOMER_REPORTED = "CUSTOMER_REPORTED"
    PRELIMINARY = "PRELIMINARY"
    UNKNOWN = "UNKNOWN"


class CountScope(StrEnum):
    """Whose users a count covers. INCLUDING_WHOLESALE: the reporter's own and its wholesale customers'. DEVICES
    and CONNECTIONS are not persons.
    """

    OWN_SUBSCRIPTIONS = "OWN_SUBSCRIPTIONS"
    INCLUDING_WHOLESALE = "INCLUDING_WHOLESALE"
    WHOLESALE_ONLY = "WHOLESALE_ONLY"
    CONNECTIONS = "CONNECTIONS"
    DEVICES = "DEVICES"
    SITES_PROXY = "SITES_PROXY"
    UNKNOWN = "UNKNOWN"


class CriticalService(StrEnum):
    """A service of society that the incident touches."""

    EMERGENCY_112 = "EMERGENCY_112"
    VMA = "VMA"
    HEALTHCARE = "HEALTHCARE"
    POLICE = "POLICE"
    RESCUE = "RESCUE"
    DEFENCE = "DEFENCE"
    PAYMENTS = "PAYMENTS"
    RAIL = "RAIL"
    ROAD = "ROAD"
    AIR = "AIR"
    ENERGY = "ENERGY"
    WATER = "WATER"
    GOVERNMENT = "GOVERNMENT"
    SAFETY_ALARMS = "SAFETY_ALARMS"
    MEDIA = "MEDIA"
    OTHER = "OTHER"
    UNKNOWN = "UNKNOWN"


class MeasureType(StrEnum):
    """What is done. Four kinds of roaming are kept apart: an agreement between operators, national roaming at
    heightened alert, crisis roaming SIM cards, and RAN_WILT (switching radio off so that phones camp elsewhere
    for 112).
    """

    BILATERAL_ROAMING = "BILATERAL_ROAMING"
    NATIONAL_ROAMING_HEIGHTENED_ALERT = "NATIONAL_ROAMING_HEIGHTENED_ALERT"
    CRISIS_ROAMING_SIM = "CRISIS_ROAMING_SIM"
    RAN_WILT = "RAN_WILT"
    CAPACITY_ADDED = "CAPACITY_ADDED"
    TRAFFIC_REROUTE = "TRAFFIC_REROUTE"
    TRAFFIC_PRIORITISATION = "TRAFFIC_PRIORITISATION"
    TRAFFIC_RESTRICTION = "TRAFFIC_RESTRICTION"
    MAINTENANCE_FREEZE = "MAINTENANCE_FREEZE"
    CHANGE_ROLLBACK = "CHANGE_ROLLBACK"
    MOBILE_BASE_STATION = "MOBILE_BASE_STATION"
    BACKUP_POWER = "BACKUP_POWER"
    FUEL_SUPPLY = "FUEL_SUPPLY"
    SATELLITE_BACKHAUL = "SATELLITE_BACKHAUL"
    FIBRE_REPAIR = "FIBRE_REPAIR"
    CREW_DEPLOYED = "CREW_DEPLOYED"
    STAFF_CONTINUITY = "STAFF_CONTINUITY"
    NUMBER_REDIRECT = "NUMBER_REDIRECT"
    OPEN_WIFI = "OPEN_WIFI"
    SPECTRUM_SHARING = "SPECTRUM_SHARING"
    CUSTOMER_INFO = "CUSTOMER_INFO"
    VMA_REQUESTED = "VMA_REQUESTED"
    PHYSICAL_PROTECTION = "PHYSICAL_PROTECTION"
    ISOLATION = "ISOLATION"
    OTHER = "OTHER"
    UNKNOWN = "UNKNOWN"


class MeasureState(StrEnum):
    """Lifecycle of a measure. DECLINED and FAILED stay visible; RETRACTED was reported in error."""

    PROPOSED = "PROPOSED"
    REQUESTED = "REQUESTED"
    AGREED = "AGREED"
    DECLINED = "DECLINED"
    PLANNED = "PLANNED"
    ACTIVATING = "ACTIVATING"
    ACTIVE = "ACTIVE"
    DEACTIVATING = "DEACTIVATING"
    ENDED = "ENDED"
    FAILED = "FAILED"
    RETRACTED = "RETRACTED"
    UNKNOWN = "UNKNOWN"


class MeasureEffect(StrEnum):
    """Whether the measure helps, as its owner sees it."""

    NOT_ASSESSED = "NOT_ASSESSED"
    EFFECTIVE = "EFFECTIVE"
    PARTIAL = "PARTIAL"
    INEFFECTIVE = "INEFFECTIVE"
    HARMFUL = "HARMFUL"
    UNKNOWN = "UNKNOWN"


class ActivationMode(StrEnum):
    """How the measure reaches the user's phone."""

    AUTOMATIC = "AUTOMATIC"
    MANUAL_BY_USER = "MANUAL_BY_USER"
    SIM_BASED = "SIM_BASED"
    UNKNOWN = "UNKNOWN"


class DeclineReason(StrEnum):
    """Why a measure was declined."""

    TECHNICALLY_INFEASIBLE = "TECHNICALLY_INFEASIBLE"
    HOST_CAPACITY = "HOST_CAPACITY"
    LEGAL = "LEGAL"
    SECURITY = "SECURITY"
    COST = "COST"
    OTHER = "OTHER"
    UNKNOWN = "UNKNOWN"


class WorkState(StrEnum):
    """Lifecycle of a planned work (MAINTNOTE status)."""

    TENTATIVE = "TENTATIVE"
    CONFIRMED = "CONFIRMED"
    IN_PROCESS = "IN_PROCESS"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    RESCHEDULED = "RESCHEDULED"
    UNKNOWN = "UNKNOWN"


class OperatorMode(StrEnum):
    """How the operator itself is running."""

    NORMAL = "NORMAL"
    REDUCED = "REDUCED"
    CRISIS = "CRISIS"
    UNKNOWN = "UNKNOWN"


class PartnerState(StrEnum):
    """How a partner or supplier is delivering."""

    NORMAL = "NORMAL"
    REDUCED = "REDUCED"
    UNAVAILABLE = "UNAVAILABLE"
    UNKNOWN = "UNKNOWN"


class Trend(StrEnum):
    """Direction of a value."""

    FALLING = "FALLING"
    STEADY = "STEADY"
    RISING = "RISING"
    UNKNOWN = "UNKNOWN"


class AckAnswer(StrEnum):
    """The answer to something addressed to the actor."""

    RECEIVED = "RECEIVED"
    READ = "READ"
    ACCEPTED = "ACCEPTED"
    CAUSE_ACCEPTED = "CAUSE_ACCEPTED"
    CAUSE_DISPUTED = "CAUSE_DISPUTED"
    DUPLICATE_CONFIRMED = "DUPLICATE_CONFIRMED"
    DUPLICATE_DENIED = "DUPLICATE_DENIED"
    DISMISSED = "DISMISSED"
    UNKNOWN = "UNKNOWN"


class LinkRelation(StrEnum):
    """What coordination staff say about two incidents. CANNOT_LINK holds b apart from a."""

    MUST_LINK = "MUST_LINK"
    CANNOT_LINK = "CANNOT_LINK"
    CAUSES = "CAUSES"
    UNKNOWN = "UNKNOWN"


class DecisionKind(StrEnum):
    """What a coordination decision is about."""

    DIRECTION = "DIRECTION"
    COORDINATION = "COORDINATION"
    RESOURCE = "RESOURCE"
    COMMUNICATION = "COMMUNICATION"
    ACTIVATION = "ACTIVATION"
    SEVERITY_OVERRIDE = "SEVERITY_OVERRIDE"
    NOTE = "NOTE"
    UNKNOWN = "UNKNOWN"


class DecisionState(StrEnum):
    """Lifecycle of a decision."""

    PROPOSED = "PROPOSED"
    ADOPTED = "ADOPTED"
    DECLINED = "DECLINED"
    SUPERSEDED = "SUPERSEDED"
    EXECUTED = "EXECUTED"
    UNKNOWN = "UNKNOWN"


class ResourceKind(StrEnum):
    """A resource that can be asked for or offered."""

    MOBILE_GENERATOR = "MOBILE_GENERATOR"
    FUEL = "FUEL"
    BATTERY = "BATTERY"
    MOBILE_BASE_STATION = "MOBILE_BASE_STATION"
    SATELLITE_BACKHAUL = "SATELLITE_BACKHAUL"
    MICROWAVE_LINK = "MICROWAVE_LINK"
    FIBRE_SPLICE_CREW = "FIBRE_SPLICE_CREW"
    FIELD_TECHNICIAN = "FIELD_TECHNICIAN"
    TREE_CLEARING = "TREE_CLEARING"
    ACCESS_PERMIT = "ACCESS_PERMIT"
    ESCORT = "ESCORT"
    HELICOPTER = "HELICOPTER"
    TRACKED_VEHICLE = "TRACKED_VEHICLE"
    SPARE_PARTS = "SPARE_PARTS"
    SPECTRUM_ACCESS = "SPECTRUM_ACCESS"
    TRANSPORT_CAPACITY = "TRANSPORT_CAPACITY"
    CRISIS_ROAMING_SIM = "CRISIS_ROAMING_SIM"
    RAKEL_TERMINAL = "RAKEL_TERMINAL"
    STAFF_POOL = "STAFF_POOL"
    LODGING = "LODGING"
    OTHER = "OTHER"
    UNKNOWN = "UNKNOWN"


class RequestState(StrEnum):
    """Lifecycle of a request for, or an offer of, a resource."""

    OPEN = "OPEN"
    OFFERED = "OFFERED"
    COMMITTED = "COMMITTED"
    EN_ROUTE = "EN_ROUTE"
    DEPLOYED = "DEPLOYED"
    RELEASED = "RELEASED"
    UNFILLED = "UNFILLED"
    WITHDRAWN = "WITHDRAWN"
    UNKNOWN = "UNKNOWN"


class Fulfilment(StrEnum):
    """How a request for a resource stands, by what is promised to it and by the clock."""

    UNANSWERED = "UNANSWERED"
    OFFERED = "OFFERED"
    PARTLY_FILLED = "PARTLY_FILLED"
    FILLED = "FILLED"
    OVERDUE = "OVERDUE"
    UNFILLED = "UNFILLED"
    OVER = "OVER"
    UNKNOWN = "UNKNOWN"


class Reporting(StrEnum):
    """Whether an actor keeps the group informed. That it has nothing to report is a report; NO_REPORT is not knowing:
    it was never heard, or has gone silent.
    """

    REPORTING = "REPORTING"
    NOTHING_TO_REPORT = "NOTHING_TO_REPORT"
    NO_REPORT = "NO_REPORT"
    UNKNOWN = "UNKNOWN"


class AckSubject(StrEnum):
    """What an answer is waited for to: consent to a measure, a claim of cause, a claim that two tell of one fault."""

    MEASURE = "MEASURE"
    CAUSE = "CAUSE"
    DUPLICATE = "DUPLICATE"
    UNKNOWN = "UNKNOWN"


class SituationState(StrEnum):
    """ONGOING while a member is open; RESTORED when none is; CLOSED when all are closed."""

    ONGOING = "ONGOING"
    RESTORED = "RESTORED"
    CLOSED = "CLOSED"
    UNKNOWN = "UNKNOWN"


class Freshness(StrEnum):
    """How current what is shown is: DUE, STALE and SILENT at one, two and four times the cadence."""

    FRESH = "FRESH"
    DUE = "DUE"
    STALE = "STALE"
    SILENT = "SILENT"
    UNKNOWN = "UNKNOWN"


class MeasureAlert(StrEnum):
    """What is amiss with a measure. INEFFECTIVE: it failed, or does not help. OVERDUE, EXPIRING: active past its
    planned end, or near it. FORGOTTEN: active, and all that it is for is over. UNCONFIRMED: a host or guest has not
    accepted it.
    """

    INEFFECTIVE = "INEFFECTIVE"
    OVERDUE = "OVERDUE"
    EXPIRING = "EXPIRING"
    FORGOTTEN = "FORGOTTEN"
    UNCONFIRMED = "UNCONFIRMED"
    UNKNOWN = "UNKNOWN"


class WorkPhase(StrEnum):
    """Where in its time a planned work is. UPCOMING: it begins within 72 hours. OVERRUN: its operator says that it
    goes on, past the end of its window. OVER: done, called off, moved, or its window has passed.
    """

    LATER = "LATER"
    UPCOMING = "UPCOMING"
    IN_PROCESS = "IN_PROCESS"
    OVERRUN = "OVERRUN"
    OVER = "OVER"
    UNKNOWN = "UNKNOWN"


class ConflictState(StrEnum):
    """What staff have made of a conflict. DISMISSED: it needs nothing, and the answer says why."""

    OPEN = "OPEN"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    DISMISSED = "DISMISSED"
    UNKNOWN = "UNKNOWN"


class LinkBasis(StrEnum):
    """Why two incidents are in one situation, strongest first."""

    COORDINATION = "COORDINATION"
    EXPLICIT = "EXPLICIT"
    SHARED_KEY = "SHARED_KEY"
    INFERRED = "INFERRED"
    UNKNOWN = "UNKNOWN"


class Role(StrEnum):
    """What an actor is in the group."""

    MNO = "MNO"
    MVNO = "MVNO"
    FIXED = "FIXED"
    TRANSPORT = "TRANSPORT"
    MUNICIPAL = "MUNICIPAL"
    IX = "IX"
    BROADCAST = "BROADCAST"
    RAIL = "RAIL"
    POWER = "POWER"
    PUBLIC_SAFETY = "PUBLIC_SAFETY"
    PSAP = "PSAP"
    AUTHORITY = "AUTHORITY"
    DEFENCE = "DEFENCE"
    AGGREGATOR = "AGGREGATOR"
    COORDINATION = "COORDINATION"
    OTHER = "OTHER"
    UNKNOWN = "UNKNOWN"


class SignaturePolicy(StrEnum):
    """What becomes of an actor's records that are not signed, or not rightly."""

    OFF = "OFF"
    """Signatures are not looked at."""
    WARN = "WARN"
    """They count, and the picture says that they are not verified."""
    REQUIRE = "REQUIRE"
    """They are quarantined."""
    UNKNOWN = "UNKNOWN"
    """Counts as REQUIRE."""


class Audience(StrEnum):
    """What a reader may see."""

    FULL = "FULL"
    AUTHORITY = "AUTHORITY"
    PEER = "PEER"
    PUBLIC = "PUBLIC"
    UNKNOWN = "UNKNOWN"


IMPACT_ORDER: tuple[Impact, ...] = (
    Impact.NO_IMPACT,
    Impact.UNKNOWN,
    Impact.REDUCED_REDUNDANCY,
    Impact.DEGRADED,
    Impact.OUTAGE,
)
"""Impacts from least to worst."""

EMERGENCY_ORDER: tuple[EmergencyImpact, ...] = (
    EmergencyImpact.NONE,
    EmergencyImpact.UNKNOWN,
    EmergencyImpact.DEGRADED,
    EmergencyImpact.LOCATION_LOST,
    EmergencyImpact.LOST_WITH_FALLBACK,
    EmergencyImpact.LOST_NO_FALLBACK,
)
"""Effects on 112 from least to worst."""

TLP_ORDER: tuple[Tlp, ...] = (Tlp.CLEAR, Tlp.GREEN, Tlp.AMBER, Tlp.AMBER_STRICT, Tlp.RED, Tlp.UNKNOWN)
"""From what may travel furthest to what may not travel; UNKNOWN counts as RED."""

OPEN_INCIDENT_STATES: frozenset[IncidentState] = frozenset(
    {
        IncidentState.SUSPECTED,
        IncidentState.CONFIRMED,
        IncidentState.MITIGATED,
        IncidentState.RESTORING,
        IncidentState.UNKNOWN,
    }
)
"""States in which an incident is open. RESTORED is not open; UNKNOWN is, for it may be."""

MOBILE_SERVICES: frozenset[Service] = frozenset({Service.MOBILE_VOICE, Service.MOBILE_DATA, Service.MOBILE_MESSAGING})
