"""A sheet of the form: what is asked, in which order, filled from the last revision, and read into the next.

A message is always the whole state. So the sheet lays what was entered over the last revision: what a person did not
touch stays as it was, to the millisecond, and what the form does not ask at all stays too.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bus import geography
from bus.errors import InvalidMessage
from bus.instants import format_instant, parse_instant
from bus.messages import MESSAGES, Message, build
from bus.references import Kind
from bus.vocabulary import AreaKind, Impact, IncidentState, MessageStatus, ReportedVia, Service, Tlp
from producers.adapters.columns import KINDS, STOCKHOLM, Column, Shape, columns_of
from producers.adapters.reading import Importer
from producers.gateway.form.phrases import Phrases
from producers.words import word_of, words_of

__all__ = ["KINDS", "LAYOUT", "Difference", "Entered", "Fault", "Field", "Group", "Sheet"]

IMPACTS = "impacts"
"""The services of an incident, each with an impact of its own; the spreadsheet has one for all."""

LAYOUT: Mapping[Kind, Sequence[tuple[str, Sequence[str]]]] = {
    Kind.INCIDENT: (
        ("what", ("title", "state", "observed_at", "description")),
        ("where", ("areas",)),
        ("services", (IMPACTS, "emergency.impact")),
        ("how_many", ("users.value", "users.low", "users.high", "users.basis", "sites.out", "sites.served")),
        ("when", ("started_at", "restoration.expected", "restored_at", "next_update_at")),
        ("cause", ("cause.category", "cause.detail")),
        (
            "more",
            (
                *("id", "reason", "sites.on_backup", "energy.battery_until", "critical_services", "event_refs"),
                *("infrastructure_ids", "declared_severity", "tlp"),
            ),
        ),
    ),
    Kind.MEASURE: (
        ("measure", ("type", "state", "title", "observed_at", "description")),
        ("where", ("areas",)),
        ("services", ("services",)),
        ("when", ("active_from", "planned_end", "ended_at", "next_update_at")),
        ("more", ("id", "effect", "hosts", "targets", "reason", "tlp")),
    ),
    Kind.WORK: (
        ("work", ("title", "state", "impact", "starts_at", "ends_at", "observed_at", "description")),
        ("where", ("areas",)),
        ("services", ("services",)),
        ("more", ("id", "infrastructure_ids", "reason", "next_update_at", "tlp")),
    ),
    Kind.STATUS: (
        ("own", ("mode", "nothing_to_report", "open_incidents", "observed_at", "next_update_at")),
        ("more", ("reason", "tlp")),
    ),
}
"""What is asked, kind by kind, in groups; `more` is folded away."""

COMMON = (
    *(Service.MOBILE_VOICE, Service.MOBILE_DATA, Service.MOBILE_MESSAGING, Service.FIXED_VOICE),
    *(Service.FIXED_INTERNET, Service.TRANSPORT, Service.EMERGENCY_CALL),
)
"""Services that are shown at once; the others are folded away until one of them is used."""

SPARE_AREAS = 2
LEAST_AREAS = 3
UNTOUCHED = frozenset({"id", "observed_at"})
"""What is never compared: the one stays, the other is now."""
UNKNOWN = "UNKNOWN"
"""The symbol that every vocabulary has for it."""


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that is asked: the column, and what stands in it."""

    column: Column
    values: tuple[str, ...]
    fault: str | None = None

    @property
    def name(self) -> str:
        return self.column.field

    @property
    def value(self) -> str:
        return self.values[0] if self.values else ""


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    fields: tuple[Field | None, ...]
    """None stands where the services with their impacts are asked."""


@dataclass(frozen=True, slots=True)
class Fault:
    field: str
    text: str


Entered = Mapping[str, Sequence[str]]
"""What came back from the browser: values by the field's name."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that a person changed, and the last revision says otherwise."""

    field: str
    heading: str
    told: str
    """What the last revision says, in words; empty for nothing."""


class Sheet:
    """The sheet for one entity: a new one, or the next revision of `last`.

    `status` is what the realm takes.
    """

    def __init__(self, kind: Kind, actor: str, status: MessageStatus, last: Message | None, phrases: Phrases) -> None:
        self.kind = kind
        self.actor = actor
        self.status = status
        self.last = last
        self.phrases = phrases
        self._columns = {column.field: column for column in columns_of(kind)}
        self._base: dict[str, Any] = last.model_dump(mode="json") if last is not None else {}

    @staticmethod
    def new_draft() -> str:
        return secrets.token_hex(5)

    @property
    def revision(self) -> int:
        """The revision that the sheet was filled from; 0 for a new one."""
        return self.last.revision if self.last is not None else 0

    def groups(self, entered: Entered | None = None, faults: Sequence[Fault] = ()) -> list[Group]:
        """The fields with what was entered or, without that, what the last revision says."""
        told = {fault.field: fault.text for fault in reversed(faults)}
        return [
            Group(name, tuple(self._field(field, entered, told.get(field)) for field in fields))
            for name, fields in LAYOUT[self.kind]
        ]

    def impacts(self, entered: Entered | None = None) -> dict[Service, str]:
        """The impact that stands beside each service; empty for none."""
        if entered is not None:
            return {service: (entered.get(f"impact.{service}") or [""])[0] for service in Service}
        found = {each["service"]: each["impact"] for each in self._base.get(IMPACTS, ())}
        return {service: found.get(service.value, "") for service in Service}

    def shown(self) -> dict[str, list[str]]:
        """What stands in the fields before anybody has touched them. Sent along with the page, it tells later what was
        touched, whatever has become of the entity meanwhile.
        """
        told = {column.field: list(_written(column, _at(self._base, column.field))) for column in self._asked()}
        told |= {f"impact.{service}": [impact] for service, impact in self.impacts().items() if impact}
        told["on_behalf_of"] = [self._base["on_behalf_of"]] if self._base.get("on_behalf_of") else []
        return {field: values for field, values in told.items() if values and field not in UNTOUCHED}

    def over(self, entered: Entered, before: Entered | None) -> tuple[Entered, Sequence[Difference]]:
        """What was entered over a page that showed `before`, laid over the last revision, which is another one by now:
        what was not touched is as the last revision says. With it, where a person and the last revision differ.

        `before`: None where the page did not tell; then all of it counts as touched.
        """
        now, found, differences = self.shown(), dict(entered), []
        for field in [*now, *(each for each in entered if each not in now)]:
            own, last = _filled(entered, field), now.get(field, [])
            if field in UNTOUCHED or field not in self._fields():
                continue
            if before is not None and own == _filled(before, field):
                found[field] = last
            elif own != last and (before is None or last != _filled(before, field)):
                differences.append(Difference(field, self.heading(field), self._told(field, last)))
        return found, differences

    def read(self, entered: Entered, draft: str, based_on: int) -> tuple[Message | None, list[Fault]]:
        """The next revision, or what is wrong with what was entered.

        `draft` makes a new one's id when none is entered, and is the same when the same page is sent twice.
        """
        fields = dict(self._base)
        faults: list[Fault] = []
        for column in self._asked():
            self._lay(fields, column, entered, faults)
        if self.kind is Kind.INCIDENT:
            fields[IMPACTS] = list(self._impacts(entered))
            needed = {IMPACTS: fields[IMPACTS], "areas": fields.get("areas") or _suspected(fields)}
            told = {fault.field for fault in faults}
            faults += [
                Fault(name, self.phrases.faults[name]) for name in needed if not needed[name] and name not in told
            ]
        self._open(fields, entered, draft, based_on, faults)
        if faults:
            return None, faults
        try:
            return build(MESSAGES[self.kind], _without_nothing(fields), from_json=True), []
        except InvalidMessage as error:
            return None, [self._fault(path, remedy) for path, remedy in error.problems]

    def heading(self, field: str) -> str:
        """What a field is called on the page."""
        if field == IMPACTS:
            return self.phrases.groups["services"]
        if field in self._columns:
            return self._columns[field].header(self.phrases.language)
        if field.startswith("impact."):
            return word_of(Service(field.removeprefix("impact.")), self.phrases.language)
        if field == "on_behalf_of":
            return self.phrases.for_whom
        return self.phrases.told_otherwise if field == "earlier" else field

    def _fields(self) -> frozenset[str]:
        """The names of all that the page asks."""
        impacts = [f"impact.{service}" for service in Service] if self.kind is Kind.INCIDENT else []
        return frozenset(["on_behalf_of", *impacts, *(column.field for column in self._asked())])

    def _told(self, field: str, values: Sequence[str]) -> str:
        """What stands in a field, in words."""
        column = self._columns.get(field)
        words: Mapping[str, str] = {}
        if field.startswith("impact."):
            words = {symbol.value: word for symbol, word in words_of(Impact, self.phrases.language).items()}
        elif column is not None and column.words is not None:
            words = {symbol.value: word for symbol, word in words_of(column.words, self.phrases.language).items()}
        elif column is not None and column.shape is Shape.FLAG:
            words = {"ja": self.phrases.yes, "nej": self.phrases.no}
        elif column is not None and column.shape is Shape.INSTANT:
            words = {value: value.replace("T", " ") for value in values}
        return ", ".join(words.get(value, value) for value in values)

    def _asked(self) -> Iterator[Column]:
        for _, fields in LAYOUT[self.kind]:
            yield from (self._columns[field] for field in fields if field != IMPACTS)

    def _field(self, field: str, entered: Entered | None, fault: str | None) -> Field | None:
        if field == IMPACTS:
            return None
        column = self._columns[field]
        values = tuple(entered.get(field, ())) if entered is not None else self._shown(column)
        if column.shape is Shape.AREAS:
            filled = tuple(value for value in values if value.strip())
            values = (*filled, *[""] * max(SPARE_AREAS, LEAST_AREAS - len(filled)))
        return Field(column, values, fault)

    def _shown(self, column: Column) -> tuple[str, ...]:
        """What stands in a field before anybody has touched it."""
        if column.field == "observed_at":
            return (_local(datetime.now(UTC)),)
        return _written(column, _at(self._base, column.field))

    def _lay(self, fields: dict[str, Any], column: Column, entered: Entered, faults: list[Fault]) -> None:
        """Lay one field over what was said last; one that was not touched is left alone."""
        values = tuple(value.strip() for value in entered.get(column.field, ()) if value.strip())
        before = _written(column, _at(self._base, column.field))
        if column.field == "id":
            return
        if self.last is not None and column.field != "observed_at" and values == before:
            return
        if not values:
            if column.required and column.field != "observed_at":
                faults.append(Fault(column.field, self.phrases.missing))
            _put(fields, column.field, None)
            return
        try:
            _put(fields, column.field, _json(column.read(";".join(values), Importer(actor=self.actor))))
        except ValueError as error:
            text = self.phrases.clock if "clock" in str(error) else self.phrases.unreadable
            faults.append(Fault(column.field, f"{text} {column.help(self.phrases.language)}"))

    def _impacts(self, entered: Entered) -> Iterator[dict[str, Any]]:
        """An item for each service that was chosen; what is beside the impact of one (share, aspect) stays."""
        before: dict[str, list[dict[str, Any]]] = {}
        for each in self._base.get(IMPACTS, ()):
            before.setdefault(each["service"], []).append(each)
        for service, impact in self.impacts(entered).items():
            if not impact:
                continue
            said = before.get(service.value, [])
            if said and said[0]["impact"] == impact:
                yield from said
            else:
                yield {**(said[0] if said else {}), "service": service.value, "impact": impact}

    def _open(self, fields: dict[str, Any], entered: Entered, draft: str, based_on: int, faults: list[Fault]) -> None:
        """The fields that open every message."""
        own = (entered.get("id") or [""])[0].strip()
        earlier = (entered.get("earlier") or [""])[0].strip()
        if earlier and not (earlier.isascii() and earlier.isdecimal() and len(earlier) < 19):
            faults.append(Fault("earlier", f"{self.phrases.unreadable} {self.phrases.told_otherwise_help}"))
            earlier = ""
        fields |= {
            "actor": self.actor,
            "id": self.last.id if self.last else "status" if self.kind is Kind.STATUS else own or f"F-{draft}",
            "revision": max(based_on, int(earlier or 0)) + 1,
            "status": self.status.value,
            "observed_at": fields.get("observed_at") or format_instant(datetime.now(UTC)),
            "on_behalf_of": (entered.get("on_behalf_of") or [""])[0] or None,
        }
        via = (entered.get("reported_via") or [""])[0]
        proxied = fields["on_behalf_of"] is not None and via in (ReportedVia.PROXY_PHONE, ReportedVia.PROXY_RAKEL)
        fields["reported_via"] = via if proxied else ReportedVia.UI.value
        if fields.get("tlp") is None:
            fields["tlp"] = Tlp.AMBER.value

    def _fault(self, path: str, remedy: str) -> Fault:
        """A fault of the message, said in the form's language, at the field that it concerns."""
        name = path.split(".")[0]
        field = next((f for f in (path, name, *self._columns) if f in self._columns and f.split(".")[0] == name), name)
        return Fault(field, self.phrases.faults.get(name) or f"{self.phrases.not_taken} {remedy}")


def _filled(entered: Entered, field: str) -> list[str]:
    return [value.strip() for value in entered.get(field, ()) if value.strip()]


def changed(before: Message, after: Message) -> bool:
    """Whether two messages say different things, their revision and time aside."""
    loose = {"revision", "observed_at"}
    return before.model_dump(exclude=loose) != after.model_dump(exclude=loose)


def _written(column: Column, value: Any) -> tuple[str, ...]:
    """A value as it stands in the field."""
    match column.shape:
        case _ if value is None or value == "":
            return ()
        case Shape.INSTANT:
            return (_local(parse_instant(value)),)
        case Shape.CHOICES:
            return tuple(value)
        case Shape.TEXTS:
            return ("; ".join(value),) if value else ()
        case Shape.AREAS:
            return tuple(_place(area) for area in value)
        case Shape.FLAG:
            return ("ja" if value else "nej",)
        case Shape.NUMBER:
            return (f"{value:g}" if isinstance(value, float) else str(value),)
        case _:
            return (" ".join(str(value).split()) if column.field != "description" else str(value).strip(),)


def _suspected(fields: Mapping[str, Any]) -> bool:
    """Whether an incident may do without a place."""
    return fields.get("state") in (None, IncidentState.SUSPECTED)


def _place(area: Mapping[str, Any]) -> str:
    code = area.get("code")
    if code and area["kind"] in (AreaKind.COUNTRY, AreaKind.LAN, AreaKind.KOMMUN):
        return geography.name_of(code)
    return f"site: {area.get('label') or code or ''}"


def _local(instant: datetime) -> str:
    """As a browser's field for a time wants it."""
    return instant.astimezone(STOCKHOLM).strftime("%Y-%m-%dT%H:%M")


def _at(fields: Mapping[str, Any], path: str) -> Any:
    outer, _, inner = path.partition(".")
    value = fields.get(outer)
    return (value or {}).get(inner) if inner else value


def _put(fields: dict[str, Any], path: str, value: Any) -> None:
    """Set a field; of an inner one, the record around it is copied first."""
    outer, _, inner = path.partition(".")
    fields[outer] = {**(fields.get(outer) or {}), inner: value} if inner else value


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, list):
        return [_json(each) for each in value]
    return value


def _without_nothing(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Without unknown values, and without records that hold nothing else."""
    found: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, dict):
            inner = _without_nothing(value)
            if any(each not in ({}, [], "", UNKNOWN) for each in inner.values()) or "impact" in inner:
                found[name] = inner
        elif value is not None:
            found[name] = value
    return found
