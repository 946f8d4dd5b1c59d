"""An answer to *why does the picture say so?*: from a number back to the messages that it was made of.

An explanation is a list of sections, each about one thing that the view says of its subject. Every section names the
messages behind it with their revision and age, and the rules that were used with their thresholds. Numbers follow the
view's convention: None is *not known*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from bus.instants import Instant
from bus.messages import Cause, Part, Restoration
from bus.vocabulary import (
    AckAnswer,
    CountBasis,
    CountScope,
    EmergencyImpact,
    Freshness,
    Impact,
    IncidentState,
    ReportedVia,
    Service,
)
from consumers.merge.users import Standing
from consumers.merge.view import (
    AreaEmergency,
    Conflict,
    Flag,
    HoursRange,
    Severity,
    SituationCause,
    SituationLink,
    UserRange,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that was used: its table in the rules file, and what that says."""

    name: str
    thresholds: dict[str, str]


@dataclass(frozen=True, slots=True)
class Source:
    """The report that speaks for an incident: which message it is, and how old."""

    ref: str
    revision: int
    owner: str
    """Whose report it is: the operator that it speaks for, else the actor that sent it."""
    actor: str
    reported_via: ReportedVia
    state: IncidentState
    observed_at: Instant
    known_at: Instant
    age_seconds: int
    """`as_of` minus `known_at`."""


@dataclass(frozen=True, slots=True)
class Change:
    """A field that a revision told differently from the one before. None: it was not told."""

    field: str
    before: JsonValue
    after: JsonValue


MessageStanding = Literal["COUNTS", "SUPERSEDED", "OUTDONE"]
"""COUNTS: it speaks for the entity. SUPERSEDED: a higher revision does. OUTDONE: another message of the same revision
was sent later, or has the greater content hash.
"""


@dataclass(frozen=True, slots=True)
class Statement:
    """One message about an entity."""

    revision: int
    standing: MessageStanding
    actor: str
    on_behalf_of: str | None
    reported_via: ReportedVia
    observed_at: Instant
    sent_at: Instant
    known_at: Instant
    age_seconds: int
    content: str
    """The first 16 hex digits of the content hash: which record of the log it is."""
    reason: str | None
    """Why this revision differs from the one before, in its sender's words."""
    changes: tuple[Change, ...]
    """Against what counts of the revision before. Empty for the first."""


class Messages(Part):
    """Everything that was said of an entity, revision by revision."""

    section: Literal["messages"] = "messages"
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class TellingOfUsers:
    """A number of users as a revision told it."""

    revision: int
    observed_at: Instant
    value: int
    basis: CountBasis


class Timeline(Part):
    """When an incident began, was noticed, was told and ended, and how its number of users was corrected."""

    section: Literal["timeline"] = "timeline"
    started_at: Instant | None
    detected_at: Instant | None
    first_known_at: Instant
    """When the bus first knew of it."""
    restored_at: Instant | None
    unnoticed_seconds: int | None
    """From its beginning until it was detected."""
    untold_seconds: int | None
    """From its beginning until the bus knew."""
    users: tuple[TellingOfUsers, ...]
    """Each revision that told a number, rising."""
    most: TellingOfUsers | None
    """The greatest of these."""


class Place(Part):
    """Which situation an incident is in, and why: the links that lead from it to the situation's seed."""

    section: Literal["place"] = "place"
    situation: str
    title: str
    seed: str
    duplicate: bool
    path: tuple[SituationLink, ...]
    suggestions: tuple[SituationLink, ...]
    """With what it may belong together too."""
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Mention:
    """An entity that another one names."""

    ref: str
    known: bool
    """False: nothing is known by that reference, or it was retracted."""
    situation: str | None
    """Where it leads to in the picture, for incidents and situations."""


class Mentions(Part):
    """What an entity names, and what names it."""

    section: Literal["mentions"] = "mentions"
    names: tuple[Mention, ...]
    named_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """An acknowledgement."""

    ref: str
    actor: str
    answer: AckAnswer
    comment: str
    known_at: Instant
    age_seconds: int


class Answers(Part):
    """Who answered, and who has not yet."""

    section: Literal["answers"] = "answers"
    given: tuple[Answer, ...]
    awaited: tuple[str, ...]


class Flags(Part):
    """What is odd about it."""

    section: Literal["flags"] = "flags"
    flags: tuple[Flag, ...]


class Reports(Part):
    """Which reports a situation gathers, and what links them."""

    section: Literal["reports"] = "reports"
    seed: str
    """The report that began first, after which the situation is named."""
    started_at: Instant
    aliases: tuple[str, ...]
    members: tuple[Source, ...]
    duplicates: tuple[Source, ...]
    links: tuple[SituationLink, ...]
    suggestions: tuple[SituationLink, ...]
    rules: tuple[Rule, ...]


class SeverityAccount(Part):
    """Why a situation is as severe as it is."""

    section: Literal["severity"] = "severity"
    severity: Severity
    rules: tuple[Rule, ...]
    """One for each reason, in the same order."""


LeftOutBecause = Literal["DUPLICATE", "OVER"]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A report that adds nothing, whatever it tells."""

    source: Source
    because: LeftOutBecause


@dataclass(frozen=True, slots=True)
class Share:
    """What one report adds to a number of users, and why it adds no more."""

    source: Source
    basis: CountBasis
    scope: CountScope
    told: UserRange
    """What it tells itself."""
    adds: UserRange
    standing: Standing
    beside: str | None
    """Because of which report it does not count in full."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What one report adds to the users of one service and impact."""

    service: Service
    impact: Impact
    share: Share | None
    """None: it tells no number, and is counted as such."""


class Counts(Part):
    """What an incident adds to the numbers of its situation."""

    section: Literal["counts"] = "counts"
    situation: str
    counted: tuple[Counted, ...]
    left_out: LeftOutBecause | None


@dataclass(frozen=True, slots=True)
class UsersOfImpact:
    """Users with one impact. `range` is the sum of what the shares add."""

    impact: Impact
    range: UserRange
    shares: tuple[Share, ...]
    without_number: tuple[Source, ...]


class UsersAccount(Part):
    """How a situation's users of one service come about. Impacts, worst first, are never added together."""

    section: Literal["users"] = "users"
    service: Service
    impacts: tuple[UsersOfImpact, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class SituationShare:
    """What one situation adds to a total."""

    situation: str
    title: str
    adds: UserRange


@dataclass(frozen=True, slots=True)
class TotalOfImpact:
    """A total of users with one impact. `range` is the sum of what the situations add."""

    impact: Impact
    range: UserRange
    situations: tuple[SituationShare, ...]


class TotalAccount(Part):
    """How the total of users of one service comes about: the situations' users are added, as different people."""

    section: Literal["total"] = "total"
    service: Service
    impacts: tuple[TotalOfImpact, ...]


@dataclass(frozen=True, slots=True)
class Spell:
    """A time in which a report told one number. `end` None: it still does. `told` None: it told none."""

    begin: Instant
    end: Instant | None
    told: UserRange | None


@dataclass(frozen=True, slots=True)
class HoursOfReport:
    """The course of one report, and the user-hours that it would amount to if it were the only one."""

    source: Source
    spells: tuple[Spell, ...]
    alone: HoursRange


@dataclass(frozen=True, slots=True)
class HoursOfImpact:
    """User-hours with one impact. Nobody is counted twice, so they may be fewer than the reports', added."""

    impact: Impact
    hours: HoursRange
    reports: tuple[HoursOfReport, ...]


class HoursAccount(Part):
    """How a situation's user-hours of one service come about. Impacts, worst first, are never added together."""

    section: Literal["user_hours"] = "user_hours"
    service: Service
    impacts: tuple[HoursOfImpact, ...]


@dataclass(frozen=True, slots=True)
class SituationHours:
    """What one situation adds to a total of user-hours."""

    situation: str
    title: str
    hours: HoursRange


@dataclass(frozen=True, slots=True)
class TotalHoursOfImpact:
    """A total of user-hours with one impact: the sum of what the ongoing situations add."""

    impact: Impact
    hours: HoursRange
    situations: tuple[SituationHours, ...]


class TotalHoursAccount(Part):
    """How the total of user-hours of one service comes about."""

    section: Literal["total_hours"] = "total_hours"
    service: Service
    impacts: tuple[TotalHoursOfImpact, ...]


@dataclass(frozen=True, slots=True)
class CauseClaim:
    """What one member says of the cause."""

    source: Source
    cause: Cause
    points_to: tuple[str, ...]
    """Other incidents that it names as its cause."""
    disputed_by: tuple[str, ...]


class CauseAccount(Part):
    """Whose words the cause is."""

    section: Literal["cause"] = "cause"
    cause: SituationCause
    claims: tuple[CauseClaim, ...]


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one open report forecasts."""

    source: Source
    restoration: Restoration
    slips: int
    """How often it moved later."""
    first: Instant | None
    """What was forecast at first, where it moved."""


class RestorationAccount(Part):
    """Whose forecasts the range is made of."""

    section: Literal["restoration"] = "restoration"
    earliest: Instant | None
    latest: Instant | None
    forecasts: tuple[Forecast, ...]
    without_forecast: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class EmergencyWord:
    """What one open report says of calls to 112."""

    source: Source
    impact: EmergencyImpact


class EmergencyAccount(Part):
    """Who says what of calls to 112; the worst stands."""

    section: Literal["emergency"] = "emergency"
    impact: EmergencyImpact
    words: tuple[EmergencyWord, ...]


@dataclass(frozen=True, slots=True)
class Awaited:
    """News that is expected of one open report."""

    source: Source
    within_seconds: int
    """How long its news stays fresh."""
    promised_at: Instant | None
    freshness: Freshness


class FreshnessAccount(Part):
    """How current it is: as the stalest open report, which comes first."""

    section: Literal["freshness"] = "freshness"
    freshness: Freshness
    awaited: tuple[Awaited, ...]
    rules: tuple[Rule, ...]


class MeasuresAccount(Part):
    """Which measures concern it."""

    section: Literal["measures"] = "measures"
    measures: tuple[str, ...]


class Past(Part):
    """It has been over for so long that it left the picture. It still answers, and comes back when it is spoken of."""

    section: Literal["past"] = "past"
    rules: tuple[Rule, ...]


FormerBecause = Literal["RETRACTED", "PAST"]
"""RETRACTED: the report after which it was named was reported in error. PAST: it was over for so long that it left."""


class Former(Part):
    """An id that once stood: after which report it was, and what became of that."""

    section: Literal["former"] = "former"
    because: FormerBecause
    incident: str
    revision: int
    """The report's last."""
    reason: str | None
    known_at: Instant
    situations: tuple[str, ...]
    """Where the reports are now that it named, that named it, or that shared a key with it."""
    named_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OperatorWord:
    """What one operator's open reports say of an area."""

    owner: str
    impact: Impact
    mobile: Impact | None
    """Of mobile services alone. None: it tells of none."""
    sources: tuple[Source, ...]


class AreaAccount(Part):
    """Who reports what for an area, and who reports nothing."""

    section: Literal["area"] = "area"
    code: str
    name: str
    operators: tuple[OperatorWord, ...]
    mobile_here: dict[str, Impact | None]
    """What each mobile network operator reports for exactly this area, or for nearly all of a wider one: of this,
    `white_out` and `all_mobile_down` are made. None: nothing.
    """
    white_out: bool
    all_mobile_down: bool
    emergency: AreaEmergency | None
    situations: tuple[str, ...]


class ActorAccount(Part):
    """When an actor was last heard, and what it holds open."""

    section: Literal["actor"] = "actor"
    actor: str
    name: str | None
    freshness: Freshness
    last_heard: Instant | None
    within_seconds: int | None
    """Within which time it is expected to be heard again."""
    announced: int | None
    """Open incidents by its own word."""
    open_reports: tuple[Source, ...]
    rules: tuple[Rule, ...]


class ConflictAccount(Part):
    """What does not go together, where that is in the picture, and by which rules."""

    section: Literal["conflict"] = "conflict"
    conflict: Conflict
    subjects: tuple[Mention, ...]
    rules: tuple[Rule, ...]


Section = Annotated[
    Messages
    | Timeline
    | Place
    | Mentions
    | Answers
    | Flags
    | Reports
    | SeverityAccount
    | Counts
    | UsersAccount
    | TotalAccount
    | HoursAccount
    | TotalHoursAccount
    | CauseAccount
    | RestorationAccount
    | EmergencyAccount
    | FreshnessAccount
    | MeasuresAccount
    | Former
    | Past
    | AreaAccount
    | ActorAccount
    | ConflictAccount,
    Field(discriminator="section"),
]


class Explanation(Part):
    """How what a reference names came about, at an instant."""

    asked: str
    """As it was asked."""
    ref: str
    """What that leads to: of an alias, the situation that answers to it."""
    title: str | None
    as_of: Instant
    realm: str
    digest: str
    rules: str
    """Version and hash of the rules."""
    sections: tuple[Section, ...]
