"""What a page of the room is made from: who looks, what there is to see, and what of it is wished for.

All of it is frozen data; a page is a function of the three. What a visitor may not see is not in the sight.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from bus import geography
from bus.envelope import Envelope
from bus.instants import format_instant, parse_instant
from bus.messages import Message
from bus.references import ACTOR_PATTERN, is_reference
from bus.vocabulary import Audience, Service
from consumers.alerts.rules import AlertRules
from consumers.merge import Signed
from consumers.merge.explain import Explanation
from consumers.merge.view import IncidentPlace, View
from consumers.quarantine import Held
from consumers.words import STOCKHOLM, Language

__all__ = [
    "Alerting",
    "Difference",
    "DifferenceKind",
    "Draft",
    "Filed",
    "Filters",
    "Report",
    "RoomRole",
    "Sent",
    "Sight",
    "Since",
    "Tab",
    "Tick",
    "Visitor",
    "Wish",
    "local_time",
]


class RoomRole(StrEnum):
    """What an account may do. Each may do what those before it may."""

    VIEWER = "VIEWER"
    OFFICER = "OFFICER"
    """Acts: decides, links, answers, asks for resources."""
    ADMINISTRATOR = "ADMINISTRATOR"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks."""

    name: str
    """Of the account; empty for one who is not asked who they are."""
    role: RoomRole
    audience: Audience
    csrf: str = field(repr=False)
    """Goes with every form as `csrf`. Empty for machines, which have no session that could be ridden on."""
    function: str = ""
    """As whom the account acts (for example `vakthavande`): a function, never a person. Told on the bus."""

    @property
    def has_account(self) -> bool:
        """Whether it is a person who has signed in."""
        return bool(self.csrf)

    @property
    def is_unnamed(self) -> bool:
        """Whether it is somebody who was not asked who they are."""
        return not self.name

    @property
    def may_act(self) -> bool:
        return self.role is not RoomRole.VIEWER


@dataclass(frozen=True, slots=True)
class Report:
    """An incident as it is told: the message that counts, and every message so far, the first revision first."""

    current: Envelope
    revisions: tuple[Envelope, ...]
    signed: Signed | None = None
    """How the message that counts is signed; None where its actor need not sign."""


@dataclass(frozen=True, slots=True)
class Filed:
    """A situation report that was made, and is kept."""

    number: int
    as_of: datetime
    digest: str
    prepared_by: str
    files: Mapping[str, str]
    """Where each form is fetched, by name: `pdf`, `html`, `json`, ..."""


class DifferenceKind(StrEnum):
    """How something in the picture differs from before."""

    NEW = "NEW"
    WORSE = "WORSE"
    BETTER = "BETTER"
    CHANGED = "CHANGED"
    GONE = "GONE"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it was. `reasons` name what of it: symbols, with what was and what is."""

    key: str
    """`situation/<id>`, `conflict/<id>`, `measure/..`, `actor/..`, `area/..`: as in the feed."""
    kind: DifferenceKind
    title: str
    reasons: tuple[tuple[str, str | None, str | None], ...]
    """What, before, now: `("severity", "3", "4")`. None: not known, or not there."""


@dataclass(frozen=True, slots=True)
class Since:
    """What has changed from an instant to the picture that is shown; new and worse first."""

    instant: datetime
    differences: tuple[Difference, ...]
    under_way: bool = False
    """It is not told yet: what the picture was then is being made."""


@dataclass(frozen=True, slots=True)
class Tick:
    """How many messages the bus came to know within a span that begins at `at`."""

    at: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Alerting:
    """Whom this hub wakes for what, and what is in the way of it."""

    rules: AlertRules
    failing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sight:
    """What there is to see, for one audience. As of `view.as_of`."""

    view: View
    mark: str
    """Names what is shown, for the stream: `GET /v1/changes` with `Last-Event-ID: <mark>` goes on from here."""
    progress: float
    """The share of the log that is in it, 0 to 1. Below 1 while the hub catches up: no picture of now."""
    heard_at: datetime
    """When the bus last answered the hub."""
    past: bool = False
    """A picture of what was known then; `view.settled` says nothing of now."""
    places: Mapping[str, IncidentPlace] = field(default_factory=dict)
    """The incidents by reference: title, state, revision, when known, and why they are where they are."""
    reports: Mapping[str, Report] = field(default_factory=dict)
    """What the members of the selected situation tell, by reference. For the audience FULL alone; else empty."""
    since: Since | None = None
    """Where it is wished for."""
    ticks: tuple[Tick, ...] = ()
    """The last days of the log."""
    explanation: Explanation | None = None
    """Of what is selected, for the tab WHY. None: nothing is known of it."""
    nearest: tuple[str, ...] = ()
    """What was probably meant, where nothing is known."""
    held: tuple[Held, ...] = ()
    """What is in quarantine and not dealt with, the latest first, for the tab QUARANTINE."""
    settled_held: tuple[tuple[Held, str], ...] = ()
    """What is there and dealt with, each with the decision that says so."""
    own: tuple[Envelope, ...] = ()
    """What the coordination has said that no list of the picture shows: links and acknowledgements that stand, the
    latest first. For the audience FULL alone.
    """
    filed: tuple[Filed, ...] | None = None
    """The situation reports so far, the latest first, for the tab REPORT. None: this hub keeps none."""
    public: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What may be told to anybody, as sentences by language, for the tab REPORT."""
    alerts: Alerting | None = None
    """Of this hub, for the tab ALERTS. For the audience FULL alone. None: it wakes nobody."""
    acting_as: str | None = None
    """The coordination actor whose credentials this hub holds. None: nobody can act here."""

    @property
    def settled(self) -> bool:
        """Whether it may be shown as the picture of now, or of then."""
        return self.past or self.view.settled


@dataclass(frozen=True, slots=True)
class Draft:
    """An act as it will be sent, if whoever previewed it confirms: `POST /acts` with `draft` and `csrf`."""

    message: Message
    """Down to the last field."""
    changes: Message | None
    """What it takes the place of; None where it says something new."""
    token: str = field(repr=False)
    """Goes with the form as `draft`. Holds for this session and for some minutes."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An act that is on the bus."""

    message: Message
    topic: str
    partition: int
    offset: int
    known_at: datetime
    shown: bool
    """Whether the picture of this hub has it already."""
    outdone: bool
    """Somebody else's act on the same thing was sent at the same time, and counts instead."""


class Tab(StrEnum):
    """The views of the room."""

    SITUATIONS = "situations"
    NEWS = "news"
    AREAS = "areas"
    EMERGENCY = "emergency"
    MEASURES = "measures"
    ACTORS = "actors"
    CONFLICTS = "conflicts"
    NEEDS = "needs"
    DECISIONS = "decisions"
    QUARANTINE = "quarantine"
    REPORT = "report"
    ALERTS = "alerts"
    WHY = "why"
    """What is selected, explained."""
    HELP = "help"


@dataclass(frozen=True, slots=True)
class Filters:
    """Which part of the picture. None: all of it."""

    county: str | None = None
    """Two digits."""
    service: Service | None = None
    actor: str | None = None
    severity: int | None = None
    """At least."""
    text: str | None = None
    """What titles, places and references are searched for."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What of the picture is to be shown: all that a link needs to show a colleague the same."""

    language: Language = Language.SWEDISH
    tab: Tab = Tab.SITUATIONS
    selected: str | None = None
    """What is opened: a reference, `area/<code>`, `actor/<slug>` or `totals`. `#` and a section narrow down what is
    explained of it.
    """
    filters: Filters = Filters()
    as_of: datetime | None = None
    """The picture that was known then. None: now."""
    since: datetime | None = None
    """Tell what changed from then on."""
    wall: bool = False
    """For a screen on a wall: nothing to click, larger type."""
    uncut: bool = False
    """The list, where it would be cut."""
    ignored: tuple[str, ...] = ()
    """Parameters that could not be read, and were passed over."""

    @classmethod
    def of(cls, parameters: Mapping[str, str], language: Language = Language.SWEDISH) -> Wish:
        """From the parameters of a URL. What cannot be read is passed over, and named in `ignored`; so is what nobody
        knows, without being named. `language` is that of the browser.
        """
        read: dict[str, Any] = {}
        ignored: list[str] = []
        for name, reader in _READERS.items():
            if text := parameters.get(name):
                try:
                    read[name] = reader(text)
                except ValueError:
                    ignored.append(name)
        again = read.pop("again", False)
        if (at := read.pop("at", None)) is not None:
            read["as_of"] = at.replace(fold=int(again)).astimezone(UTC)
        filters = Filters(**{name: read.pop(name) for name in _FILTERS if name in read})
        read["language"] = read.pop("lang", language)
        return cls(**read, filters=filters, ignored=tuple(ignored))

    def query(self) -> str:
        """The same as the query of a URL, without the question mark; the language always, other defaults never."""
        told: dict[str, str] = {"lang": self.language.value}
        if self.tab is not Tab.SITUATIONS:
            told["tab"] = self.tab.value
        if self.selected is not None:
            told["selected"] = self.selected
        for name in _FILTERS:
            if (value := getattr(self.filters, name)) is not None:
                told[name] = str(value)
        for name in ("as_of", "since"):
            if (instant := getattr(self, name)) is not None:
                told[name] = format_instant(instant)
        told |= {name: "1" for name in ("wall", "uncut") if getattr(self, name)}
        return urlencode(told)

    def but(self, **changes: Any) -> Wish:
        """The same wish, but for these fields; those of the filters may be named directly."""
        filters = {name: changes.pop(name) for name in _FILTERS if name in changes}
        return replace(self, **changes | ({"filters": replace(self.filters, **filters)} if filters else {}))


def _selected(text: str) -> str:
    ref, sign, section = text.partition("#")
    kind, _, name = ref.partition("/")
    if sign and not re.fullmatch(SECTION_PATTERN, section):
        raise ValueError(text)
    if (
        ref == "totals"
        or is_reference(ref)
        or (kind == "area" and geography.is_code(name))
        or (kind == "actor" and _slug(name))
    ):
        return text
    raise ValueError(text)


def _county(text: str) -> str:
    if len(text) == 2 and geography.is_code(text) and text != geography.COUNTRY:
        return text
    raise ValueError(text)


def _slug(text: str) -> str:
    if re.fullmatch(ACTOR_PATTERN, text):
        return text
    raise ValueError(text)


def _severity(text: str) -> int:
    if text in {"1", "2", "3", "4", "5"}:
        return int(text)
    raise ValueError(text)


def _text(text: str) -> str:
    if (found := " ".join(text.split())) and found.isprintable():
        return found[:LONGEST_TEXT]
    raise ValueError(text)


def local_time(instant: datetime | None) -> str:
    """As a form of the page tells an instant: local time in Sweden, to the minute; empty where there is none."""
    return "" if instant is None else f"{instant.astimezone(STOCKHOLM):%Y-%m-%dT%H:%M}"


def _local(text: str) -> datetime:
    """The instant of a local time, which the clock must show that night; of two, the first."""
    local = datetime.fromisoformat(text)
    if local.tzinfo is not None:
        raise ValueError(text)
    at = local.replace(tzinfo=STOCKHOLM)
    if at.astimezone(UTC).astimezone(STOCKHOLM).replace(tzinfo=None, fold=0) != local:
        raise ValueError(text)
    return at


def _switch(text: str) -> bool:
    if text == "1":
        return True
    raise ValueError(text)


SECTION_PATTERN = r"[a-z_]{1,32}(\.[A-Z0-9_]{1,32})?"
"""A part of an explanation, as in `totals#users.MOBILE_VOICE`."""

LONGEST_TEXT = 80
"""Characters that are searched for."""

_FILTERS = ("county", "service", "actor", "severity", "text")
_READERS: Mapping[str, Callable[[str], Any]] = {
    "lang": Language,
    "tab": Tab,
    "selected": _selected,
    "county": _county,
    "service": Service,
    "actor": _slug,
    "severity": _severity,
    "text": _text,
    "as_of": parse_instant,
    "at": _local,
    "again": _switch,
    "since": parse_instant,
    "wall": _switch,
    "uncut": _switch,
}
