"""The columns of the spreadsheet, and the fields of the form: what each means, how it is headed, how it is read.

One table for the reader, the template, the form and the guide. A cell that is empty is unknown; it is never zero and
never "no".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from bus.instants import parse_instant
from bus.references import Kind
from bus.vocabulary import (
    AreaKind,
    CauseCategory,
    CauseDetail,
    CountBasis,
    CriticalService,
    EmergencyImpact,
    Impact,
    IncidentState,
    MeasureEffect,
    MeasureState,
    MeasureType,
    OperatorMode,
    Service,
    Tlp,
    WorkState,
)
from producers.adapters.reading import Importer, area_of, revision_at
from producers.words import Language, symbol_of, words_of

__all__ = [
    "COLUMNS",
    "KINDS",
    "STOCKHOLM",
    "Column",
    "Shape",
    "columns_of",
    "fields_of",
    "header_names",
    "local_instant",
]

STOCKHOLM = ZoneInfo("Europe/Stockholm")
_SEPARATOR = re.compile(r"[;\n]")
_LOCAL = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M")
KINDS = (Kind.INCIDENT, Kind.MEASURE, Kind.WORK, Kind.STATUS)
"""The kinds that a table can hold, a sheet each."""

Read = Callable[[Any, Importer], Any]


class Shape(StrEnum):
    """What a cell holds, for whoever asks for it."""

    TEXT = "text"
    TEXTS = "texts"
    NUMBER = "number"
    INSTANT = "instant"
    CHOICE = "choice"
    CHOICES = "choices"
    FLAG = "flag"
    AREAS = "areas"


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `field` is a path in the message; a message takes it when its kind is in `kinds`."""

    field: str
    swedish: str
    english: str
    kinds: frozenset[Kind]
    read: Read
    swedish_help: str
    english_help: str
    required: bool = False
    words: type[StrEnum] | None = None
    """The vocabulary that one cell is chosen from, if any."""

    def header(self, language: Language) -> str:
        return self.swedish if language is Language.SWEDISH else self.english

    def help(self, language: Language) -> str:
        return self.swedish_help if language is Language.SWEDISH else self.english_help

    @property
    def shape(self) -> Shape:
        if self.words is not None:
            return Shape.CHOICES if self.field in _SEVERAL else Shape.CHOICE
        return _SHAPES[self.read]


def _text(value: Any, _: Importer) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # a spreadsheet makes a number of an id such as 17
    return str(value).strip()


def _texts(value: Any, importer: Importer) -> list[str]:
    return [part.strip() for part in _SEPARATOR.split(_text(value, importer)) if part.strip()]


def _count(value: Any, _: Importer) -> int:
    number = _number(value, _)
    if not number.is_integer():
        raise ValueError(f"{value!r} is not a whole number")
    return int(number)


def _number(value: Any, _: Importer) -> float:
    if isinstance(value, bool):
        raise ValueError("is no number; write digits")  # noqa: TRY004 - of a cell
    text = re.sub(r"[\s\u00a0\u202f]", "", str(value)).replace(",", ".")
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{value!r} is not a number; write digits alone, and leave unknown values empty") from None
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not a number")
    return number


def _instant(value: Any, _: Importer) -> datetime:
    if isinstance(value, datetime):
        return local_instant(value)
    text = str(value).strip()
    for form in _LOCAL:
        try:
            return local_instant(datetime.strptime(text, form))  # noqa: DTZ007 - local_instant gives it its zone
        except ValueError as error:
            if "clock" in str(error):
                raise
    try:
        return parse_instant(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a time; write for example 2026-01-10 06:00") from None


def local_instant(naive: datetime) -> datetime:
    """Swedish local time as an instant. Raises ValueError in the two hours of the year in which the clock is turned."""
    first, second = (naive.replace(tzinfo=STOCKHOLM, fold=fold).astimezone(UTC) for fold in (0, 1))
    shown = first.astimezone(STOCKHOLM).replace(tzinfo=None)
    if shown != naive:
        raise ValueError(f"{naive:%Y-%m-%d %H:%M} does not exist: the clock was put forward; mend the hour")
    if first != second:
        raise ValueError(
            f"{naive:%Y-%m-%d %H:%M} was twice: the clock was put back; write it with its offset, as in "
            f"{naive:%Y-%m-%dT%H:%M}+02:00 or +01:00"
        )
    return first


def _symbol(vocabulary: type[StrEnum]) -> Read:
    def read(value: Any, _: Importer) -> StrEnum:
        symbol = symbol_of(vocabulary, str(value))
        if symbol is None:
            raise ValueError(f"{str(value)!r} is none of the choices, which are {_choices(vocabulary)}")
        return symbol

    return read


def _choices(vocabulary: type[StrEnum]) -> str:
    return "; ".join(words_of(vocabulary, Language.SWEDISH).values())


def _symbols(vocabulary: type[StrEnum]) -> Read:
    one = _symbol(vocabulary)
    return lambda value, importer: [one(part, importer) for part in _texts(value, importer)]


def _flag(value: Any, _: Importer) -> bool:
    match str(value).strip().casefold():
        case "ja" | "yes" | "true" | "sant" | "1":
            return True
        case "nej" | "no" | "false" | "falskt" | "0":
            return False
    raise ValueError(f"{value!r} is neither ja nor nej; leave it empty when it is unknown")


def _areas(value: Any, importer: Importer) -> list[dict[str, Any]]:
    """Codes or names. A code that a spreadsheet made a number of has lost its zero, which is given back."""
    found: list[dict[str, Any]] = []
    for part in _texts(value, importer):
        if part.casefold().startswith(_SITE):
            found.append({"kind": AreaKind.SITE, "label": part[len(_SITE) :].strip()})
            continue
        codes = importer.translations.areas(part) or importer.translations.areas(f"0{part}" if part.isdecimal() else "")
        if not codes:
            raise ValueError(
                f"{part!r} is no county or municipality; write its SCB code or its whole name, or site: and a name"
            )
        found += [area_of(code) for code in codes]
    return found


_SITE = "site:"
_ALL = frozenset(KINDS)
_INCIDENT, _MEASURE, _WORK, _STATUS = (frozenset({kind}) for kind in KINDS)
_TITLED = _INCIDENT | _MEASURE | _WORK

_SEMICOLONS = ("flera skiljs med semikolon", "separate several by semicolons")

COLUMNS: tuple[Column, ...] = (
    Column(
        "id", "Beteckning", "Id", _TITLED, _text,
        "Eget ärendenummer, samma genom hela händelsen. Bokstäver, siffror, punkt, streck och kolon.",
        "Your own ticket, the same throughout. Letters, digits, dots, hyphens and colons.",
        required=True,
    ),
    Column(
        "observed_at", "Gäller från", "As of", _ALL, _instant,
        "När uppgifterna gällde, svensk tid. Det avgör vilken uppgift som är senast.",
        "When the facts held, Swedish time. It decides which report is the latest.",
        required=True,
    ),
    Column(
        "state", "Läge", "State", _INCIDENT, _symbol(IncidentState),
        "Var i förloppet händelsen är.", "Where in its course the incident is.",
        required=True, words=IncidentState,
    ),
    Column(
        "type", "Åtgärd", "Measure", _MEASURE, _symbol(MeasureType),
        "Vad som görs.", "What is done.",
        required=True, words=MeasureType,
    ),
    Column(
        "state", "Läge", "State", _MEASURE, _symbol(MeasureState),
        "Hur långt åtgärden har kommit.", "How far the measure has come.",
        required=True, words=MeasureState,
    ),
    Column(
        "state", "Läge", "State", _WORK, _symbol(WorkState),
        "Hur långt arbetet har kommit.", "How far the work has come.",
        required=True, words=WorkState,
    ),
    Column(
        "mode", "Driftläge", "Mode", _STATUS, _symbol(OperatorMode),
        "Hur det är med den egna verksamheten.", "How the operator itself is doing.",
        required=True, words=OperatorMode,
    ),
    Column(
        "nothing_to_report", "Inget att rapportera", "Nothing to report", _STATUS, _flag,
        "Ja eller nej.", "Yes or no.", required=True,
    ),
    Column(
        "open_incidents", "Antal öppna händelser", "Open incidents", _STATUS, _count,
        "Hur många händelser som är öppna just nu.", "How many incidents are open right now.",
    ),
    Column(
        "title", "Rubrik", "Title", _TITLED, _text,
        "Högst 120 tecken. Rubriken når fler än resten: inga siffror och inga namn på anläggningar.",
        "At most 120 characters. It travels further than the rest: no numbers and no names of assets.",
        required=True,
    ),
    Column(
        "services", "Tjänster", "Services", _TITLED, _symbols(Service),
        f"Berörda tjänster, {_SEMICOLONS[0]}.", f"Affected services; {_SEMICOLONS[1]}.", words=Service,
    ),
    Column(
        "impact", "Påverkan", "Impact", _INCIDENT | _WORK, _symbol(Impact),
        "Värsta påverkan på tjänsterna.", "The worst effect on the services.", words=Impact, required=True,
    ),
    Column(
        "percent_affected", "Andel berörda (%)", "Share affected (%)", _INCIDENT, _number,
        "0 till 100.", "0 to 100.",
    ),
    Column(
        "areas", "Områden", "Areas", _TITLED, _areas,
        f"Län eller kommuner, som SCB-kod eller hela namnet, {_SEMICOLONS[0]}. 00 är hela landet.",
        f"Counties or municipalities, by SCB code or whole name; {_SEMICOLONS[1]}. 00 is the whole country.",
    ),
    Column(
        "users.value", "Berörda användare", "Users affected", _INCIDENT, _count,
        "Tomt är okänt; 0 är att ingen berörs.", "Empty is unknown; 0 is that nobody is affected.",
    ),
    Column("users.low", "Minst", "At least", _INCIDENT, _count, "Om talet är osäkert.", "Where the number is unsure."),
    Column("users.high", "Högst", "At most", _INCIDENT, _count, "Om talet är osäkert.", "Where the number is unsure."),
    Column(
        "users.basis", "Räknesätt", "Basis", _INCIDENT, _symbol(CountBasis),
        "Hur talet har tagits fram.", "How the number was obtained.", words=CountBasis,
    ),
    Column(
        "sites.served", "Siter i området", "Sites in the area", _INCIDENT, _count,
        "Hur många siter som finns där.", "How many sites there are.",
    ),
    Column("sites.out", "Siter nere", "Sites out", _INCIDENT, _count, "Hur många som är nere.", "How many are out."),
    Column(
        "sites.on_backup", "Siter på reservkraft", "Sites on backup", _INCIDENT, _count,
        "Hur många som går på reservkraft.", "How many run on backup power.",
    ),
    Column(
        "energy.battery_until", "Batteri till", "Battery until", _INCIDENT, _instant,
        "När batterierna tar slut, svensk tid.", "When the batteries run out, Swedish time.",
    ),
    Column(
        "emergency.impact", "Nödsamtal 112", "Emergency calls 112", _INCIDENT, _symbol(EmergencyImpact),
        "Om människor når 112.", "Whether people reach 112.", words=EmergencyImpact,
    ),
    Column(
        "critical_services", "Samhällsviktigt", "Services of society", _INCIDENT, _symbols(CriticalService),
        f"Verksamhet som drabbas, {_SEMICOLONS[0]}.", f"Services of society that suffer; {_SEMICOLONS[1]}.",
        words=CriticalService,
    ),
    Column(
        "cause.category", "Slag av orsak", "Kind of cause", _INCIDENT, _symbol(CauseCategory),
        "Grundorsaken i stort.", "The root cause at large.", words=CauseCategory,
    ),
    Column(
        "cause.detail", "Orsak", "Cause", _INCIDENT, _symbol(CauseDetail),
        "Vad som har hänt.", "What happened.", words=CauseDetail,
    ),
    Column(
        "started_at", "Började", "Started", _INCIDENT, _instant,
        "När störningen började, svensk tid.", "When the disturbance began, Swedish time.",
    ),
    Column(
        "restored_at", "Återställdes", "Restored", _INCIDENT, _instant,
        "När tjänsten var tillbaka, svensk tid.", "When the service was back, Swedish time.",
    ),
    Column(
        "restoration.expected", "Väntas klart", "Expected back", _INCIDENT, _instant,
        "Prognos för när tjänsten är tillbaka, svensk tid.", "Forecast of when the service is back, Swedish time.",
    ),
    Column(
        "active_from", "Gäller fr.o.m.", "Active from", _MEASURE, _instant,
        "När åtgärden börjar gälla, svensk tid.", "When the measure takes effect, Swedish time.",
    ),
    Column(
        "planned_end", "Planerat slut", "Planned end", _MEASURE, _instant,
        "Svensk tid.", "Swedish time.",
    ),
    Column("ended_at", "Upphörde", "Ended", _MEASURE, _instant, "Svensk tid.", "Swedish time."),
    Column(
        "effect", "Effekt", "Effect", _MEASURE, _symbol(MeasureEffect),
        "Om åtgärden hjälper.", "Whether the measure helps.", words=MeasureEffect,
    ),
    Column(
        "hosts", "Värdar", "Hosts", _MEASURE, _texts,
        f"Aktörer vars nät används, {_SEMICOLONS[0]}.", f"Actors whose network is used; {_SEMICOLONS[1]}.",
    ),
    Column(
        "targets", "Avser", "Targets", _MEASURE, _texts,
        f"Händelser som åtgärden avser, som incident/aktör/beteckning, {_SEMICOLONS[0]}.",
        f"Incidents that the measure is for, as incident/actor/id; {_SEMICOLONS[1]}.",
    ),
    Column(
        "starts_at", "Från", "Starts", _WORK, _instant,
        "När arbetet börjar, svensk tid.", "When the work begins, Swedish time.", required=True,
    ),
    Column(
        "ends_at", "Till", "Ends", _WORK, _instant,
        "När arbetet slutar, svensk tid.", "When the work ends, Swedish time.", required=True,
    ),
    Column(
        "event_refs", "Gemensam händelse", "Shared event", _INCIDENT, _texts,
        f"Överenskomna nycklar, som storm:namn, {_SEMICOLONS[0]}.",
        f"Agreed keys, such as storm:name; {_SEMICOLONS[1]}.",
    ),
    Column(
        "infrastructure_ids", "Gemensam anläggning", "Shared asset", _INCIDENT | _WORK, _texts,
        f"Överenskomna beteckningar, {_SEMICOLONS[0]}.", f"Agreed ids; {_SEMICOLONS[1]}.",
    ),
    Column(
        "declared_severity", "Egen bedömning (1–5)", "Own assessment (1–5)", _INCIDENT, _count,
        "1 ingen till 5 katastrofal.", "1 none to 5 catastrophic.",
    ),
    Column(
        "next_update_at", "Nästa rapport", "Next report", _ALL, _instant,
        "När nästa uppgift kommer, svensk tid.", "When the next report comes, Swedish time.",
    ),
    Column(
        "reason", "Varför ändrad", "Why changed", _ALL, _text,
        "Om något rättas eller tas tillbaka.", "Where something is corrected or taken back.",
    ),
    Column(
        "tlp", "Spridning (TLP)", "Distribution (TLP)", _ALL, _symbol(Tlp),
        "Hur långt uppgifterna får gå. Tomt är AMBER.", "How far it may travel. Empty is AMBER.", words=Tlp,
    ),
    Column(
        "description", "Beskrivning", "Description", _TITLED, _text,
        "Det som inte ryms någon annanstans.", "What has no place of its own.",
    ),
)  # fmt: skip
"""All columns, in the order in which the template shows them."""

_SEVERAL = frozenset({"services", "critical_services"})
_SHAPES: Mapping[Read, Shape] = {
    _text: Shape.TEXT,
    _texts: Shape.TEXTS,
    _count: Shape.NUMBER,
    _number: Shape.NUMBER,
    _instant: Shape.INSTANT,
    _flag: Shape.FLAG,
    _areas: Shape.AREAS,
}
_EFFECT = ("services", "impact", "percent_affected")


def columns_of(kind: Kind) -> tuple[Column, ...]:
    return tuple(column for column in COLUMNS if kind in column.kinds)


def fields_of(kind: Kind, cells: Mapping[str, Any], importer: Importer) -> dict[str, Any]:
    """The fields of a message from the values of a row, by the column's field."""
    fields: dict[str, Any] = {}
    for path, value in cells.items():
        outer, _, inner = path.partition(".")
        if inner:
            fields.setdefault(outer, {})[inner] = value
        else:
            fields[path] = value
    observed_at: datetime = fields.pop("observed_at")
    id = fields.pop("id", "status")
    if kind is Kind.INCIDENT:
        services, impact, percent = (fields.pop(name, None) for name in _EFFECT)
        fields["impacts"] = [
            {"service": service, "impact": impact, "percent_affected": percent}
            for service in services or importer.services or (Service.UNKNOWN,)
        ]
    elif kind in _WORK | _MEASURE:
        fields.setdefault("services", list(importer.services))
    if kind is not Kind.STATUS:
        fields.setdefault("areas", importer.places(()))
    return importer.opening(id, revision_at(observed_at), observed_at) | fields


def header_names(columns: Iterable[Column]) -> Mapping[str, Column]:
    """Columns by everything that may head them: both languages and the field's own name, in lower case."""
    return {name.casefold(): column for column in columns for name in (column.swedish, column.english, column.field)}
