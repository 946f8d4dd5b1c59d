"""What staff read, in Swedish and in English: one catalogue for the terminal, the room and the report.

A word for each symbol of the vocabulary, so that nobody has to read a constant at three in the morning.
"""

from __future__ import annotations

import locale
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from string import Formatter
from typing import Any
from zoneinfo import ZoneInfo

from bus import geography
from bus.instants import parse_instant
from bus.vocabulary import (
    AckSubject,
    Audience,
    CauseDetail,
    ConflictState,
    CriticalService,
    DecisionKind,
    DecisionState,
    DependencyKind,
    EmergencyImpact,
    Freshness,
    Fulfilment,
    Impact,
    MeasureAlert,
    MeasureEffect,
    MeasureState,
    MeasureType,
    OperatorMode,
    PartnerState,
    Reporting,
    RequestState,
    ResourceKind,
    Role,
    Service,
    SituationState,
    Trend,
    WorkPhase,
)
from consumers.authority import RefusalCode
from consumers.merge.conflicts.texts import TEXTS as CONFLICTS
from consumers.merge.view import Conflict, Reason, ServiceUsers, UserRange

__all__ = ["ENGLISH", "STOCKHOLM", "SWEDISH", "Language", "Words", "preferred", "words_of"]

STOCKHOLM = ZoneInfo("Europe/Stockholm")
THIN_SPACE = "\u202f"


class Language(StrEnum):
    SWEDISH = "sv"
    ENGLISH = "en"


@dataclass(frozen=True)
class Words:
    """The words of one language. `severity` is indexed by level, 0 being *nothing reported*."""

    language: Language
    title: str
    actual: str
    exercise: str
    as_of: str
    age: str
    settled: str
    catching_up: str
    then: str
    picture: str
    lost: str
    nothing_reported: str
    heard: str
    freezes: tuple[str, str]
    no_fallback: str
    holds_phones: str
    ended: str
    unknown: str
    none: str
    at_least: str
    at_most: str
    missing_counts: tuple[str, str]
    regions: str
    without_mobile: str
    affected: str
    silent: str
    conflicts: str
    active_measures: str
    awaiting: str
    quarantined: str
    actors: str
    measures: str
    because: str
    cause: str
    disputed: str
    users: str
    emergency: str
    forecast: str
    no_forecast: str
    between: str
    reports: str
    perhaps: str
    duplicates: tuple[str, str]
    lower_bound: str
    missing_incidents: str
    more: str
    units: Mapping[str, str]
    """What is counted that are no people; `besides` the people."""
    besides: str
    energy: str
    backup: str
    needs: str
    lacking: str
    slips: str
    slipped: tuple[str, str]
    rises: str
    falls: str
    severity: tuple[str, str, str, str, str, str]
    services: Mapping[Service, str]
    impacts: Mapping[Impact, str]
    emergencies: Mapping[EmergencyImpact, str]
    states: Mapping[SituationState, str]
    freshness: Mapping[Freshness, str]
    causes: Mapping[CauseDetail, str]
    measure_types: Mapping[MeasureType, str]
    measure_states: Mapping[MeasureState, str]
    modes: Mapping[OperatorMode, str]
    reporting: Mapping[Reporting, str]
    critical_services: Mapping[CriticalService, str]
    reasons: Mapping[str, str]
    about: Mapping[str, str]
    """What a reason is about, where its numbers are not for this audience."""
    audiences: Mapping[Audience, str]
    withheld: tuple[str, str]
    public_county: str
    public_nothing: str
    public_more: str
    certainty: Mapping[str, str]
    conflict_texts: Mapping[str, str]
    conflict_states: Mapping[ConflictState, str]
    measure_alerts: Mapping[MeasureAlert, str]
    work_phases: Mapping[WorkPhase, str]
    measure_effects: Mapping[MeasureEffect, str]
    resources: Mapping[ResourceKind, str]
    request_states: Mapping[RequestState, str]
    fulfilments: Mapping[Fulfilment, str]
    decision_kinds: Mapping[DecisionKind, str]
    decision_states: Mapping[DecisionState, str]
    dependencies: Mapping[DependencyKind, str]
    partner_states: Mapping[PartnerState, str]
    trends: Mapping[Trend, str]
    roles: Mapping[Role, str]
    ack_subjects: Mapping[AckSubject, str]
    refusals: Mapping[RefusalCode, str]
    """Why a record is quarantined."""
    flags: Mapping[str, str]
    """What is odd in a report, by the flag's code."""

    def reason(self, reason: Reason) -> str:
        """Why a severity is what it is. A rule that this catalogue does not know is told in the merge's own words."""
        if reason.code not in self.reasons:
            return reason.text
        facts = reason.facts
        if not facts.keys() >= _named_in(self.reasons[reason.code]):
            return self.about.get(reason.code, reason.text)
        symbols: dict[str, Mapping[Any, str]] = {
            "service": self.services,
            "impact": self.emergencies if reason.code == "EMERGENCY" else self.impacts,
            "certainty": self.certainty,
        }
        told = {name: symbols[name].get(fact, fact) if name in symbols else fact for name, fact in facts.items()}
        for name in ("high", "out", "hours"):
            if name in facts:
                told[name] = grouped(int(facts[name]))
        if "area" in facts:
            told["area"] = geography.name_of(facts["area"])
        if "services" in facts:
            critical: Mapping[Any, str] = self.critical_services
            told["services"] = ", ".join(critical.get(service, service) for service in facts["services"].split())
        return self.reasons[reason.code].format(**told)

    def conflict(self, conflict: Conflict, near: datetime) -> str:
        """What is wrong, and what staff can do about it, in local time; with dates where it is not the day of `near`.

        A rule that this catalogue does not know is told in the merge's own words, and so is one whose facts were cut.
        """
        text = self.conflict_texts.get(conflict.rule if conflict.case is None else f"{conflict.rule}.{conflict.case}")
        if text is None or not conflict.facts:
            return conflict.text
        symbols: dict[str, Mapping[Any, str]] = {
            "impact": self.impacts,
            "type": self.measure_types,
            "types": self.measure_types,
        }
        told = dict(conflict.facts)
        for name, fact in conflict.facts.items():
            if name in INSTANTS:
                told[name] = self.clock(parse_instant(fact), near=near)
            elif name in symbols:
                told[name] = ", ".join(symbols[name].get(symbol, symbol) for symbol in fact.split())
        return text.format(**told)

    def count(self, number: int | None) -> str:
        """`120 000` with thin spaces; the word for unknown; the word for none."""
        if number is None:
            return self.unknown
        return self.none if number == 0 else grouped(number)

    def span(self, low: int, best: int | None, high: int | None, unknown_reports: int) -> str:
        """A range as people say it: `120 000–180 000`, `at least 12 000 (2 reports without a number)`, `unknown`."""
        if high is None:
            text = self.unknown if low == 0 else f"{self.at_least} {grouped(low)}"
        elif best is None and low == 0:
            text = self.unknown if unknown_reports else self.none if high == 0 else f"{self.at_most} {grouped(high)}"
        elif unknown_reports:
            text = f"{self.at_least} {grouped(low)}"
        elif low == high:
            text = self.count(low)
        else:
            text = f"{grouped(low)}–{grouped(high)}"
        return f"{text} ({counted(self.missing_counts, unknown_reports)})" if unknown_reports else text

    def how_many(self, found: ServiceUsers | UserRange) -> str:
        """How many, as a range; and beside it what is counted in units that are no people."""
        text = self.span(found.low, found.best, found.high, found.unknown_reports)
        units = ", ".join(f"{grouped(number)} {self.units.get(u, u)}" for u, number in found.other_units.items())
        return f"{text}, {self.besides} {units}" if units else text

    def duration(self, length: timedelta) -> str:
        """An age in the unit that matters: `12 s`, `4 min`, `3 h`, `2 d`."""
        seconds = max(0, round(length.total_seconds()))
        for unit, size in (("d", 172_800), ("h", 7_200), ("min", 60)):
            if seconds >= size:
                return f"{seconds // {'d': 86_400, 'h': 3_600, 'min': 60}[unit]} {_UNITS[self.language][unit]}"
        return f"{seconds} s"

    def clock(self, instant: datetime, *, seconds: bool = False, near: datetime | None = None) -> str:
        """Local time in Sweden; with the date where it is not the day of `near`, and the zone where it comes twice."""
        local = instant.astimezone(STOCKHOLM)
        text = local.strftime("%H:%M:%S" if seconds else "%H:%M")
        if near is not None and near.astimezone(STOCKHOLM).date() != local.date():
            text = f"{self.day(local)} {text}"
        return f"{text} {local.tzname()}" if comes_twice(local) else text

    def day(self, date: date) -> str:
        """`11/1` in Swedish, where nobody takes it for the first of November; `11 Jan` in English, where many would."""
        return _DAYS[self.language].format(date=date, month=_MONTHS[date.month - 1])


def comes_twice(local: datetime) -> bool:
    """Whether the clock shows this time twice, in the night when it is put back."""
    return local.replace(fold=0).utcoffset() > local.replace(fold=1).utcoffset()  # type: ignore[operator]


INSTANTS = frozenset(
    {"awaited", "backup_until", "ends_at", "expected", "planned_end", "power_return", "since", "starts_at"}
)
"""Facts of conflicts that are instants."""

_DAYS = {Language.SWEDISH: "{date.day}/{date.month}", Language.ENGLISH: "{date.day} {month}"}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UNITS = {
    Language.SWEDISH: {"d": "d", "h": "tim", "min": "min"},
    Language.ENGLISH: {"d": "d", "h": "h", "min": "min"},
}


def counted(forms: tuple[str, str], number: int) -> str:
    """The form for one, or the form for many."""
    return forms[number != 1].format(number)


@cache
def _named_in(template: str) -> frozenset[str]:
    """The facts that a text asks for."""
    return frozenset(name for _, name, _, _ in Formatter().parse(template) if name)


def grouped(number: int) -> str:
    return f"{number:,}".replace(",", THIN_SPACE)


SWEDISH = Words(
    language=Language.SWEDISH,
    title="Gemensam lägesbild",
    actual="SKARPT LÄGE",
    exercise="ÖVNING",
    as_of="läget",
    age="ålder",
    settled="i takt ✓",
    catching_up="LÄSER IN {}, visa inte som nuläge",
    then="DÅ {}, inte nuläge",
    picture="bild",
    lost="FÖRBINDELSEN BRUTEN sedan {}",
    nothing_reported="ingen rapporterad störning",
    heard="{} av {} operatörer rapporterar",
    freezes=("{} förändringsstopp", "{} förändringsstopp"),
    no_fallback="ingen reserv",
    holds_phones="radion håller kvar telefonerna: {}",
    ended="inte längre med",
    unknown="okänt",
    none="inga",
    at_least="minst",
    at_most="högst",
    missing_counts=("{} rapport saknar antal", "{} rapporter saknar antal"),
    regions="områden",
    without_mobile="Inget nät",
    affected="Utan",
    silent="Tysta",
    conflicts="Konflikter",
    active_measures="Åtgärder",
    awaiting="Väntar",
    quarantined="Karantän",
    actors="Aktörer",
    measures="Åtgärder",
    because="Nivå",
    cause="Orsak",
    disputed="omtvistad",
    users="Drabbade",
    emergency="112",
    forecast="Åter",
    no_forecast="ingen prognos",
    between="mellan {} och {}",
    reports="Rapporter",
    perhaps="Kanske även",
    duplicates=("{} dubblett", "{} dubbletter"),
    lower_bound="minst",
    missing_incidents="{} saknas",
    more="… {} till",
    units={"CONNECTIONS": "anslutningar", "DEVICES": "enheter"},
    besides="därtill",
    energy="Reservkraft",
    backup="{who} tar slut {end}, ström åter {back}",
    needs="Behov",
    lacking="saknas {} {}",
    slips="Prognoser",
    slipped=("{who} senarelagd en gång, nu {now}", "{who} senarelagd {times} gånger, nu {now}"),
    rises="stigande",
    falls="avtagande",
    severity=("Inget rapporterat", "Ingen", "Obetydlig", "Betydande", "Avsevärd", "Katastrofal"),
    services={
        Service.MOBILE_VOICE: "tal",
        Service.MOBILE_DATA: "mobildata",
        Service.MOBILE_MESSAGING: "sms",
        Service.FIXED_VOICE: "fast telefoni",
        Service.FIXED_INTERNET: "bredband",
        Service.IOT_M2M: "uppkopplade saker",
        Service.TV_BROADCAST: "tv",
        Service.TRANSPORT: "transportnät",
        Service.DARK_FIBRE: "svartfiber",
        Service.INTERNATIONAL: "utlandsförbindelser",
        Service.INTERCONNECT: "samtrafik",
        Service.IX: "knutpunkt",
        Service.DNS: "namnuppslagning",
        Service.TIME_SYNC: "tid",
        Service.NUMBER_PLATFORM: "nummertjänster",
        Service.EMERGENCY_CALL: "112-samtal",
        Service.PUBLIC_WARNING: "VMA",
        Service.PUBLIC_SAFETY_RADIO: "blåljusradio",
        Service.OTHER: "annat",
        Service.UNKNOWN: "okänd tjänst",
    },
    impacts={
        Impact.NO_IMPACT: "ingen påverkan",
        Impact.REDUCED_REDUNDANCY: "minskad redundans",
        Impact.DEGRADED: "försämrat",
        Impact.OUTAGE: "avbrott",
        Impact.UNKNOWN: "okänd påverkan",
    },
    emergencies={
        EmergencyImpact.NONE: "112 opåverkat",
        EmergencyImpact.UNKNOWN: "112 okänt",
        EmergencyImpact.DEGRADED: "112 försämrat",
        EmergencyImpact.LOCATION_LOST: "112 utan position",
        EmergencyImpact.LOST_WITH_FALLBACK: "112 med reserv",
        EmergencyImpact.LOST_NO_FALLBACK: "112 NÅS INTE",
    },
    states={
        SituationState.ONGOING: "pågår",
        SituationState.RESTORED: "återställd",
        SituationState.CLOSED: "avslutad",
        SituationState.UNKNOWN: "okänt läge",
    },
    freshness={
        Freshness.FRESH: "aktuell",
        Freshness.DUE: "väntas",
        Freshness.STALE: "inaktuell",
        Freshness.SILENT: "tyst",
        Freshness.UNKNOWN: "okänd",
    },
    causes={
        CauseDetail.POWER_CUT: "strömavbrott",
        CauseDetail.POWER_SURGE: "överspänning",
        CauseDetail.FUEL_EXHAUSTION: "slut på bränsle",
        CauseDetail.COOLING: "kyla",
        CauseDetail.HARDWARE_FAILURE: "fel i utrustning",
        CauseDetail.SOFTWARE_BUG: "programfel",
        CauseDetail.FAULTY_CHANGE: "felaktig ändring",
        CauseDetail.CONFIG_ERROR: "felaktig inställning",
        CauseDetail.CERT_EXPIRY: "utgånget certifikat",
        CauseDetail.OVERLOAD: "överlast",
        CauseDetail.CABLE_CUT: "kabelbrott",
        CauseDetail.SUBSEA_CABLE_CUT: "brott på sjökabel",
        CauseDetail.CABLE_THEFT: "kabelstöld",
        CauseDetail.ARSON: "mordbrand",
        CauseDetail.FIRE: "brand",
        CauseDetail.FLOOD: "översvämning",
        CauseDetail.WIND: "vind",
        CauseDetail.ICE_SNOW: "is och snö",
        CauseDetail.LANDSLIDE: "skred",
        CauseDetail.WILDFIRE: "skogsbrand",
        CauseDetail.DDOS: "överbelastningsangrepp",
        CauseDetail.MALWARE: "skadlig kod",
        CauseDetail.INTRUSION: "intrång",
        CauseDetail.HIJACK: "kapning",
        CauseDetail.SABOTAGE: "sabotage",
        CauseDetail.EMI_JAMMING: "störsändning",
        CauseDetail.GNSS_LOSS: "bortfall av satellitnavigering",
        CauseDetail.SECURITY_SHUTDOWN: "avstängning av säkerhetsskäl",
        CauseDetail.PROCEDURE_FLAW: "brist i rutin",
        CauseDetail.SUPPLIER: "leverantör",
        CauseDetail.OTHER: "annat",
        CauseDetail.UNKNOWN: "okänd",
    },
    measure_types={
        MeasureType.BILATERAL_ROAMING: "roaming mellan operatörer",
        MeasureType.NATIONAL_ROAMING_HEIGHTENED_ALERT: "nationell roaming, höjd beredskap",
        MeasureType.CRISIS_ROAMING_SIM: "krisroaming med SIM-kort",
        MeasureType.RAN_WILT: "radion stängs för 112",
        MeasureType.CAPACITY_ADDED: "mer kapacitet",
        MeasureType.TRAFFIC_REROUTE: "trafik omledd",
        MeasureType.TRAFFIC_PRIORITISATION: "trafik prioriterad",
        MeasureType.TRAFFIC_RESTRICTION: "trafik begränsad",
        MeasureType.MAINTENANCE_FREEZE: "förändringsstopp",
        MeasureType.CHANGE_ROLLBACK: "ändring återtagen",
        MeasureType.MOBILE_BASE_STATION: "mobil basstation",
        MeasureType.BACKUP_POWER: "reservkraft",
        MeasureType.FUEL_SUPPLY: "bränsle",
        MeasureType.SATELLITE_BACKHAUL: "satellitförbindelse",
        MeasureType.FIBRE_REPAIR: "fiberlagning",
        MeasureType.CREW_DEPLOYED: "lag ute",
        MeasureType.STAFF_CONTINUITY: "bemanning",
        MeasureType.NUMBER_REDIRECT: "nummer omstyrda",
        MeasureType.OPEN_WIFI: "öppet wifi",
        MeasureType.SPECTRUM_SHARING: "delat spektrum",
        MeasureType.CUSTOMER_INFO: "kundinformation",
        MeasureType.VMA_REQUESTED: "VMA begärt",
        MeasureType.PHYSICAL_PROTECTION: "fysiskt skydd",
        MeasureType.ISOLATION: "isolering",
        MeasureType.OTHER: "annat",
        MeasureType.UNKNOWN: "okänd åtgärd",
    },
    measure_states={
        MeasureState.PROPOSED: "föreslagen",
        MeasureState.REQUESTED: "begärd",
        MeasureState.AGREED: "överenskommen",
        MeasureState.DECLINED: "avböjd",
        MeasureState.PLANNED: "planerad",
        MeasureState.ACTIVATING: "startar",
        MeasureState.ACTIVE: "aktiv",
        MeasureState.DEACTIVATING: "avslutas",
        MeasureState.ENDED: "avslutad",
        MeasureState.FAILED: "misslyckad",
        MeasureState.RETRACTED: "återtagen",
        MeasureState.UNKNOWN: "okänt läge",
    },
    modes={
        OperatorMode.NORMAL: "normal drift",
        OperatorMode.REDUCED: "reducerad drift",
        OperatorMode.CRISIS: "krisläge",
        OperatorMode.UNKNOWN: "okänd drift",
    },
    reporting={
        Reporting.REPORTING: "rapporterar",
        Reporting.NOTHING_TO_REPORT: "inget att rapportera",
        Reporting.NO_REPORT: "ingen rapport",
        Reporting.UNKNOWN: "okänt",
    },
    critical_services={
        CriticalService.EMERGENCY_112: "112",
        CriticalService.VMA: "VMA",
        CriticalService.HEALTHCARE: "vård",
        CriticalService.POLICE: "polis",
        CriticalService.RESCUE: "räddningstjänst",
        CriticalService.DEFENCE: "försvar",
        CriticalService.PAYMENTS: "betalningar",
        CriticalService.RAIL: "järnväg",
        CriticalService.ROAD: "väg",
        CriticalService.AIR: "flyg",
        CriticalService.ENERGY: "energi",
        CriticalService.WATER: "vatten",
        CriticalService.GOVERNMENT: "förvaltning",
        CriticalService.SAFETY_ALARMS: "trygghetslarm",
        CriticalService.MEDIA: "medier",
        CriticalService.OTHER: "annat",
        CriticalService.UNKNOWN: "okänd verksamhet",
    },
    reasons={
        "CONNECTIONS": "{high} anslutningar med {impact}, {service}; hur många människor säger ingen",
        "USERS": "upp till {high} med {impact}, {service}",
        "IMPACT": "{impact} (rapporter: {count})",
        "EMERGENCY": "{impact} (rapporter: {count})",
        "REPORTING_EFFECT": "möjlig rapporteringseffekt: fler kunder anmäler fel (rapporter: {count})",
        "USER_HOURS": "minst {hours} användartimmar med {impact} enligt prognos och övre gräns, {service}",
        "SHARE": "upp till {percent} % av invånarna i {area}: {impact}, {service}",
        "SITES": "{out} sajter ur drift",
        "SITES_ALL": "en operatörs alla sajter ur drift i {area}",
        "SITES_SHARE": "{percent} % av sajterna ur drift i {area}",
        "REDUNDANCY_AGAIN": "två fel inom {hours} timmar på förbindelser vars redundans är en nationell fråga",
        "REDUNDANCY": "{service} utan redundans: ett fel till skulle märkas",
        "CRITICAL_SERVICE": "berör {services}",
        "MALICIOUS": "angrepp {certainty} (rapporter: {count})",
        "MALICIOUS_OUTAGE": "bekräftat angrepp med avbrott i ett helt län eller mer (rapporter: {count})",
        "WHITE_OUT": "inget mobilnät fungerar som det ska i {area} (kommuner: {areas})",
        "ALL_DOWN": "alla mobilnät nere i hela {area} (län: {areas})",
    },
    about={
        "CONNECTIONS": "många anslutningar",
        "USERS": "många drabbade",
        "USER_HOURS": "många användartimmar, enligt prognos",
        "SHARE": "en stor del av invånarna",
        "SITES": "många sajter ur drift",
        "SITES_SHARE": "en stor del av ett läns sajter ur drift",
        "REDUNDANCY_AGAIN": "två fel tätt efter varandra på förbindelser vars redundans är en nationell fråga",
    },
    audiences={
        Audience.FULL: "hela bilden",
        Audience.AUTHORITY: "för myndigheter",
        Audience.PEER: "för operatörer",
        Audience.PUBLIC: "för allmänheten",
        Audience.UNKNOWN: "okänd mottagare",
    },
    withheld=("{} uppgift visas inte här", "{} uppgifter visas inte här"),
    public_county="{}, på en eller flera platser: {}.",
    public_nothing="Ingen störning är offentligt rapporterad.",
    public_more="Alla uppgifter är inte offentliga. Fråga din operatör om läget hos dig.",
    certainty={"confirmed": "bekräftat", "suspected": "misstänkt"},
    conflict_texts={
        "C01": "{about} ({impact}, {starts_at} till {ends_at}) planeras där andra har störningar (antal: {count}): "
        "skjut upp det, eller kom överens med dem",
        "C02": "{about} ({impact}, {starts_at} till {ends_at}) sammanfaller med andras arbeten på samma slags tjänst "
        "(antal: {count}): flytta ett av dem, eller kontrollera att en reservväg finns kvar",
        "C03": "{about} ({impact}, {starts_at} till {ends_at}) ligger i ett förändringsstopp: skjut upp det, eller "
        "begär undantag",
        "C04.INCIDENT": "{about} leder användare till {hosts}, som själv har störningar där ({impact}): kontrollera "
        "att värden kan bära dem",
        "C04.LOAD": "{about} leder användare till {hosts}, vars nät är nästan fullt: kontrollera att värden kan bära "
        "dem",
        "C05": "{hosts} är överlastad efter att {about} började ({since}): är roamingen orsaken? Begränsa den eller "
        "avsluta den",
        "C06": "{about} kan inte hjälpa {guests}, vars eget kärnnät är nere: välj en annan åtgärd",
        "C07": "{operator} sänder ännu radio medan samtal inte går fram ({about}): telefoner söker inget annat nät för "
        "112. Begär att radion stängs av",
        "C08": "{about} ({type}) motverkas av andras åtgärder ({types}): enas om vilken som ska gälla",
        "C09.ALIKE": "{about} beskriver samma sak som operatörens erbjudanden till andra begäranden (antal: {count}): "
        "är det en och samma, lovad två gånger?",
        "C09.SHARED": "{about} är lovat till flera begäranden (antal: {count}): enas om vem som får det",
        "C09.TWICE": "{about} är lovad mer än den ber om (erbjudanden: {count}): frigör ett för andra",
        "C10.FORGOTTEN": "{about} ({type}) är aktiv, men det den var till för är över: ska den avslutas?",
        "C10.OVERDUE": "{about} ({type}) är aktiv efter sitt planerade slut, {planned_end}: ska den avslutas eller "
        "förlängas?",
        "C11": "{about} ({type}) är beroende av infrastruktur som är störd (rapporter: {count}): välj en annan väg",
        "C12": "{about} väntas vara över {expected}, men väntar på något som väntas dröja till {awaited}: begär en ny "
        "prognos",
        "C13.CYCLE": "{about} och andra anger varandra som orsak: fråga vilken som kom först",
        "C13.DISPUTED": "orsaken som {about} anger är omtvistad: för de två samman",
        "C14": "{about} anges som allvarlighet {declared} och beräknas till {computed}: fråga vad operatörerna vet som "
        "inte är rapporterat, eller förbiser",
        "C15": "{centre} har problem med 112 som ingen operatör där rapporterar ({about}): fråga alla operatörer där",
        "C16.DEGRADED": "alla {count} mobiloperatörer har störningar i {area}: inget nät att falla tillbaka på",
        "C16.OUTAGE": "alla {count} mobiloperatörer är nere i {area}: ingen kan ringa 112 med mobiltelefon",
        "C17": "{about} ({type}) leder till en väg utan reserv (antal: {count}): ett fel till skulle stoppa den",
        "C18.BEFORE_POWER": "reservkraften för {about} tar slut {backup_until}, innan strömmen är åter "
        "{power_return}: skicka bränsle eller ett aggregat",
        "C18.SOON": "reservkraften för {about} tar slut {backup_until}, och ingen säger när strömmen är åter: skicka "
        "bränsle eller ett aggregat",
    },
    conflict_states={
        ConflictState.OPEN: "obesvarad",
        ConflictState.ACKNOWLEDGED: "kvitterad",
        ConflictState.DISMISSED: "avskriven",
        ConflictState.UNKNOWN: "okänt läge",
    },
    measure_alerts={
        MeasureAlert.INEFFECTIVE: "hjälper inte",
        MeasureAlert.OVERDUE: "har passerat sitt slut",
        MeasureAlert.EXPIRING: "löper snart ut",
        MeasureAlert.FORGOTTEN: "det den var till för är över",
        MeasureAlert.UNCONFIRMED: "inte bekräftad av motparten",
        MeasureAlert.UNKNOWN: "okänd anmärkning",
    },
    work_phases={
        WorkPhase.LATER: "senare",
        WorkPhase.UPCOMING: "inom 72 timmar",
        WorkPhase.IN_PROCESS: "pågår",
        WorkPhase.OVERRUN: "drar över tiden",
        WorkPhase.OVER: "över",
        WorkPhase.UNKNOWN: "okänt läge",
    },
    measure_effects={
        MeasureEffect.NOT_ASSESSED: "effekt inte bedömd",
        MeasureEffect.EFFECTIVE: "hjälper",
        MeasureEffect.PARTIAL: "hjälper delvis",
        MeasureEffect.INEFFECTIVE: "hjälper inte",
        MeasureEffect.HARMFUL: "skadar",
        MeasureEffect.UNKNOWN: "okänd effekt",
    },
    resources={
        ResourceKind.MOBILE_GENERATOR: "elverk",
        ResourceKind.FUEL: "drivmedel",
        ResourceKind.BATTERY: "batterier",
        ResourceKind.MOBILE_BASE_STATION: "mobil basstation",
        ResourceKind.SATELLITE_BACKHAUL: "satellitförbindelse",
        ResourceKind.MICROWAVE_LINK: "radiolänk",
        ResourceKind.FIBRE_SPLICE_CREW: "skarvlag för fiber",
        ResourceKind.FIELD_TECHNICIAN: "fälttekniker",
        ResourceKind.TREE_CLEARING: "röjning av träd",
        ResourceKind.ACCESS_PERMIT: "tillträde",
        ResourceKind.ESCORT: "eskort",
        ResourceKind.HELICOPTER: "helikopter",
        ResourceKind.TRACKED_VEHICLE: "bandvagn",
        ResourceKind.SPARE_PARTS: "reservdelar",
        ResourceKind.SPECTRUM_ACCESS: "frekvenser",
        ResourceKind.TRANSPORT_CAPACITY: "kapacitet i transportnät",
        ResourceKind.CRISIS_ROAMING_SIM: "SIM-kort för krisroaming",
        ResourceKind.RAKEL_TERMINAL: "Rakelterminaler",
        ResourceKind.STAFF_POOL: "personal",
        ResourceKind.LODGING: "logi",
        ResourceKind.OTHER: "annat",
        ResourceKind.UNKNOWN: "okänd resurs",
    },
    request_states={
        RequestState.OPEN: "öppen",
        RequestState.OFFERED: "erbjuden",
        RequestState.COMMITTED: "utlovad",
        RequestState.EN_ROUTE: "på väg",
        RequestState.DEPLOYED: "på plats",
        RequestState.RELEASED: "återlämnad",
        RequestState.UNFILLED: "kunde inte fyllas",
        RequestState.WITHDRAWN: "återtagen",
        RequestState.UNKNOWN: "okänt läge",
    },
    fulfilments={
        Fulfilment.UNANSWERED: "utan svar",
        Fulfilment.OFFERED: "erbjuden, inte utlovad",
        Fulfilment.PARTLY_FILLED: "delvis fylld",
        Fulfilment.FILLED: "fylld",
        Fulfilment.OVERDUE: "försenad",
        Fulfilment.UNFILLED: "kunde inte fyllas",
        Fulfilment.OVER: "över",
        Fulfilment.UNKNOWN: "okänt läge",
    },
    decision_kinds={
        DecisionKind.DIRECTION: "inriktning",
        DecisionKind.COORDINATION: "samordning",
        DecisionKind.RESOURCE: "resurs",
        DecisionKind.COMMUNICATION: "kommunikation",
        DecisionKind.ACTIVATION: "aktivering",
        DecisionKind.SEVERITY_OVERRIDE: "beslutad allvarlighet",
        DecisionKind.NOTE: "anteckning",
        DecisionKind.UNKNOWN: "okänt slag",
    },
    decision_states={
        DecisionState.PROPOSED: "föreslaget",
        DecisionState.ADOPTED: "fattat",
        DecisionState.DECLINED: "avslaget",
        DecisionState.SUPERSEDED: "ersatt",
        DecisionState.EXECUTED: "verkställt",
        DecisionState.UNKNOWN: "okänt läge",
    },
    dependencies={
        DependencyKind.POWER: "elnät",
        DependencyKind.TRANSPORT_FIBRE: "transportfiber",
        DependencyKind.DARK_FIBRE: "svartfiber",
        DependencyKind.SITE_COLOCATION: "delad sajt",
        DependencyKind.RAN_SHARING: "delat radionät",
        DependencyKind.CORE: "kärnnät",
        DependencyKind.ROAMING_HOST: "värdnät för roaming",
        DependencyKind.INTERCONNECT: "samtrafik",
        DependencyKind.IX: "knutpunkt",
        DependencyKind.TIME_SYNC: "tidssynkronisering",
        DependencyKind.DNS: "namnuppslagning",
        DependencyKind.VENDOR: "systemleverantör",
        DependencyKind.NUMBER_PLATFORM: "nummerplattform",
        DependencyKind.SUPPLIER_STAFF: "leverantörens personal",
        DependencyKind.FUEL: "drivmedel",
        DependencyKind.ACCESS_ROAD: "framkomlig väg",
        DependencyKind.UNKNOWN: "okänt beroende",
    },
    partner_states={
        PartnerState.NORMAL: "normalt",
        PartnerState.REDUCED: "nedsatt",
        PartnerState.UNAVAILABLE: "inte tillgänglig",
        PartnerState.UNKNOWN: "okänt",
    },
    trends={
        Trend.FALLING: "avtagande",
        Trend.STEADY: "oförändrat",
        Trend.RISING: "stigande",
        Trend.UNKNOWN: "okänd riktning",
    },
    roles={
        Role.MNO: "mobiloperatör",
        Role.MVNO: "virtuell mobiloperatör",
        Role.FIXED: "fast nät",
        Role.TRANSPORT: "transportnät",
        Role.MUNICIPAL: "stadsnät",
        Role.IX: "knutpunkt",
        Role.BROADCAST: "utsändning",
        Role.RAIL: "järnvägstele",
        Role.POWER: "elnät",
        Role.PUBLIC_SAFETY: "blåljusnät",
        Role.PSAP: "larmcentral",
        Role.AUTHORITY: "myndighet",
        Role.DEFENCE: "försvar",
        Role.AGGREGATOR: "rapporterar åt andra",
        Role.COORDINATION: "samordning",
        Role.OTHER: "annan",
        Role.UNKNOWN: "okänd roll",
    },
    ack_subjects={
        AckSubject.MEASURE: "medverkan i en åtgärd",
        AckSubject.CAUSE: "utpekad som orsak",
        AckSubject.DUPLICATE: "utpekad som dubblett",
        AckSubject.UNKNOWN: "okänd fråga",
    },
    refusals={
        RefusalCode.NO_VALUE: "tomt meddelande",
        RefusalCode.PURGED: "märkt som utrensat ur loggen",
        RefusalCode.TOO_LARGE: "för stort",
        RefusalCode.NOT_SINGLE_OBJECT: "går inte att läsa",
        RefusalCode.UNKNOWN_FINGERPRINT: "okänt schema, prövas igen när det kommer",
        RefusalCode.DAMAGED_BODY: "skadat innehåll",
        RefusalCode.WRONG_SCHEMA: "fel slags meddelande för ämnet",
        RefusalCode.INVALID_MESSAGE: "ogiltiga uppgifter",
        RefusalCode.WRONG_OWNER: "avsändaren äger inte ämnet",
        RefusalCode.WRONG_KEY: "fel nyckel",
        RefusalCode.WRONG_STATUS: "övning i skarpt läge, eller tvärtom",
        RefusalCode.UNKNOWN_ACTOR: "okänd aktör, prövas igen när registret ändras",
        RefusalCode.NOT_COORDINATION: "bara samordningen får säga detta",
        RefusalCode.MAY_NOT_SPEAK_FOR: "får inte tala för den andra",
        RefusalCode.UNSIGNED: "saknar den signatur som krävs",
        RefusalCode.BAD_SIGNATURE: "signaturen stämmer inte",
    },
    flags={
        "UNVERIFIED": "inte styrkt med signatur",
        "EQUIVOCATION": "olika uppgifter med samma revision",
        "REVISION_GAP": "en revision saknas",
        "FUTURE_TIME": "tid i framtiden",
        "ILLEGAL_TRANSITION": "ovanligt byte av läge",
        "REFERENCE_TO_NOTHING": "pekar på något okänt",
        "DUPLICATE_CYCLE": "dubbletter pekar på varandra",
        "CONTRADICTION": "samordningens ord motsäger varandra",
        "COUNT_JUMP": "antalet ändrades mycket",
        "OVER_100_PERCENT": "mer än alla invånare",
        "REVISION_REGRESSION": "lägre revision sänd senare: en räknare har gått förlorad",
    },
)

ENGLISH = Words(
    language=Language.ENGLISH,
    title="Common picture",
    actual="REAL",
    exercise="EXERCISE",
    as_of="as of",
    age="age",
    settled="up to date ✓",
    catching_up="CATCHING UP {}, do not show as the present",
    then="THEN {}, not the present",
    picture="picture",
    lost="CONNECTION LOST since {}",
    nothing_reported="no disturbance reported",
    heard="{} of {} operators report",
    freezes=("{} maintenance freeze", "{} maintenance freezes"),
    no_fallback="no fallback",
    holds_phones="radio keeps the phones: {}",
    ended="no longer a member",
    unknown="unknown",
    none="none",
    at_least="at least",
    at_most="at most",
    missing_counts=("{} report without a number", "{} reports without a number"),
    regions="areas",
    without_mobile="No mobile",
    affected="Lacks",
    silent="Silent",
    conflicts="Conflicts",
    active_measures="Measures",
    awaiting="Awaiting",
    quarantined="Rejected",
    actors="Actors",
    measures="Measures",
    because="Level",
    cause="Cause",
    disputed="disputed",
    users="Affected",
    emergency="112",
    forecast="Back",
    no_forecast="no forecast",
    between="between {} and {}",
    reports="Reports",
    perhaps="Perhaps also",
    duplicates=("{} duplicate", "{} duplicates"),
    lower_bound="at least",
    missing_incidents="{} missing",
    more="… {} more",
    units={"CONNECTIONS": "connections", "DEVICES": "devices"},
    besides="besides",
    energy="Backup power",
    backup="{who} ends {end}, power back {back}",
    needs="Needs",
    lacking="{} {} missing",
    slips="Forecasts",
    slipped=("{who} moved later once, now {now}", "{who} moved later {times} times, now {now}"),
    rises="rising",
    falls="falling",
    severity=("Nothing reported", "None", "Minor", "Significant", "Considerable", "Catastrophic"),
    services={
        Service.MOBILE_VOICE: "voice",
        Service.MOBILE_DATA: "mobile data",
        Service.MOBILE_MESSAGING: "messaging",
        Service.FIXED_VOICE: "fixed voice",
        Service.FIXED_INTERNET: "broadband",
        Service.IOT_M2M: "connected things",
        Service.TV_BROADCAST: "television",
        Service.TRANSPORT: "transport",
        Service.DARK_FIBRE: "dark fibre",
        Service.INTERNATIONAL: "international links",
        Service.INTERCONNECT: "interconnect",
        Service.IX: "exchange point",
        Service.DNS: "name resolution",
        Service.TIME_SYNC: "time",
        Service.NUMBER_PLATFORM: "number services",
        Service.EMERGENCY_CALL: "112 calls",
        Service.PUBLIC_WARNING: "public warning",
        Service.PUBLIC_SAFETY_RADIO: "public safety radio",
        Service.OTHER: "other",
        Service.UNKNOWN: "unknown service",
    },
    impacts={
        Impact.NO_IMPACT: "no impact",
        Impact.REDUCED_REDUNDANCY: "reduced redundancy",
        Impact.DEGRADED: "degraded",
        Impact.OUTAGE: "outage",
        Impact.UNKNOWN: "unknown impact",
    },
    emergencies={
        EmergencyImpact.NONE: "112 unaffected",
        EmergencyImpact.UNKNOWN: "112 unknown",
        EmergencyImpact.DEGRADED: "112 degraded",
        EmergencyImpact.LOCATION_LOST: "112 without position",
        EmergencyImpact.LOST_WITH_FALLBACK: "112 by fallback",
        EmergencyImpact.LOST_NO_FALLBACK: "112 UNREACHABLE",
    },
    states={
        SituationState.ONGOING: "ongoing",
        SituationState.RESTORED: "restored",
        SituationState.CLOSED: "closed",
        SituationState.UNKNOWN: "unknown state",
    },
    freshness={
        Freshness.FRESH: "fresh",
        Freshness.DUE: "due",
        Freshness.STALE: "stale",
        Freshness.SILENT: "silent",
        Freshness.UNKNOWN: "unknown",
    },
    causes={detail: detail.lower().replace("_", " ") for detail in CauseDetail}
    | {CauseDetail.DDOS: "denial of service", CauseDetail.GNSS_LOSS: "loss of satellite navigation"},
    measure_types={kind: kind.lower().replace("_", " ") for kind in MeasureType}
    | {
        MeasureType.BILATERAL_ROAMING: "roaming between operators",
        MeasureType.NATIONAL_ROAMING_HEIGHTENED_ALERT: "national roaming, heightened alert",
        MeasureType.CRISIS_ROAMING_SIM: "crisis roaming by SIM card",
        MeasureType.RAN_WILT: "radio off for 112",
        MeasureType.VMA_REQUESTED: "public warning requested",
        MeasureType.OPEN_WIFI: "open Wi-Fi",
    },
    measure_states={state: state.lower() for state in MeasureState},
    modes={
        OperatorMode.NORMAL: "normal running",
        OperatorMode.REDUCED: "reduced running",
        OperatorMode.CRISIS: "crisis mode",
        OperatorMode.UNKNOWN: "unknown running",
    },
    reporting={
        Reporting.REPORTING: "reports",
        Reporting.NOTHING_TO_REPORT: "nothing to report",
        Reporting.NO_REPORT: "no report",
        Reporting.UNKNOWN: "unknown",
    },
    critical_services={
        CriticalService.EMERGENCY_112: "112",
        CriticalService.VMA: "public warning",
        CriticalService.HEALTHCARE: "healthcare",
        CriticalService.POLICE: "police",
        CriticalService.RESCUE: "rescue services",
        CriticalService.DEFENCE: "defence",
        CriticalService.PAYMENTS: "payments",
        CriticalService.RAIL: "rail",
        CriticalService.ROAD: "road",
        CriticalService.AIR: "air",
        CriticalService.ENERGY: "energy",
        CriticalService.WATER: "water",
        CriticalService.GOVERNMENT: "government",
        CriticalService.SAFETY_ALARMS: "safety alarms",
        CriticalService.MEDIA: "media",
        CriticalService.OTHER: "other",
        CriticalService.UNKNOWN: "unknown service of society",
    },
    reasons={
        "CONNECTIONS": "{high} connections with {impact}, {service}; of how many people, nobody tells",
        "USERS": "up to {high} with {impact}, {service}",
        "IMPACT": "{impact} (reports: {count})",
        "EMERGENCY": "{impact} (reports: {count})",
        "REPORTING_EFFECT": "reporting effect possible: more customers report faults (reports: {count})",
        "USER_HOURS": "at least {hours} user-hours of {impact} by forecast and upper end, {service}",
        "SHARE": "up to {percent} % of the inhabitants of {area}: {impact}, {service}",
        "SITES": "{out} sites out of service",
        "SITES_ALL": "every site of an operator out of service in {area}",
        "SITES_SHARE": "{percent} % of the sites out of service in {area}",
        "REDUNDANCY_AGAIN": "two faults within {hours} hours on links whose redundancy is a national matter",
        "REDUNDANCY": "{service} without redundancy: one more fault would be felt",
        "CRITICAL_SERVICE": "touches {services}",
        "MALICIOUS": "attack {certainty} (reports: {count})",
        "MALICIOUS_OUTAGE": "confirmed attack with an outage of a whole county or more (reports: {count})",
        "WHITE_OUT": "no mobile network works properly in {area} (municipalities: {areas})",
        "ALL_DOWN": "all mobile networks down in the whole of {area} (counties: {areas})",
    },
    about={
        "CONNECTIONS": "many connections",
        "USERS": "many affected",
        "USER_HOURS": "many user-hours, as forecast",
        "SHARE": "a large share of the inhabitants",
        "SITES": "many sites out of service",
        "SITES_SHARE": "a large share of a county's sites out of service",
        "REDUNDANCY_AGAIN": "two faults soon after each other on links whose redundancy is a national matter",
    },
    audiences={
        Audience.FULL: "the whole picture",
        Audience.AUTHORITY: "for authorities",
        Audience.PEER: "for operators",
        Audience.PUBLIC: "for the public",
        Audience.UNKNOWN: "unknown audience",
    },
    withheld=("{} item is not shown here", "{} items are not shown here"),
    public_county="{}, in one place or more: {}.",
    public_nothing="No disturbance is publicly reported.",
    public_more="Not all that is known is public. Ask your operator how things are where you are.",
    certainty={"confirmed": "confirmed", "suspected": "suspected"},
    conflict_texts=CONFLICTS,
    conflict_states={
        ConflictState.OPEN: "open",
        ConflictState.ACKNOWLEDGED: "acknowledged",
        ConflictState.DISMISSED: "dismissed",
        ConflictState.UNKNOWN: "unknown state",
    },
    measure_alerts={
        MeasureAlert.INEFFECTIVE: "does not help",
        MeasureAlert.OVERDUE: "past its end",
        MeasureAlert.EXPIRING: "ends soon",
        MeasureAlert.FORGOTTEN: "what it was for is over",
        MeasureAlert.UNCONFIRMED: "not confirmed by the other side",
        MeasureAlert.UNKNOWN: "unknown remark",
    },
    work_phases={
        WorkPhase.LATER: "later",
        WorkPhase.UPCOMING: "within 72 hours",
        WorkPhase.IN_PROCESS: "in process",
        WorkPhase.OVERRUN: "over time",
        WorkPhase.OVER: "over",
        WorkPhase.UNKNOWN: "unknown state",
    },
    measure_effects={
        MeasureEffect.NOT_ASSESSED: "effect not assessed",
        MeasureEffect.EFFECTIVE: "helps",
        MeasureEffect.PARTIAL: "helps in part",
        MeasureEffect.INEFFECTIVE: "does not help",
        MeasureEffect.HARMFUL: "does harm",
        MeasureEffect.UNKNOWN: "unknown effect",
    },
    resources={kind: kind.lower().replace("_", " ") for kind in ResourceKind}
    | {
        ResourceKind.MOBILE_GENERATOR: "mobile generators",
        ResourceKind.CRISIS_ROAMING_SIM: "SIM cards for crisis roaming",
        ResourceKind.RAKEL_TERMINAL: "Rakel radios",
        ResourceKind.UNKNOWN: "unknown resource",
    },
    request_states={state: state.lower().replace("_", " ") for state in RequestState},
    fulfilments={
        Fulfilment.UNANSWERED: "unanswered",
        Fulfilment.OFFERED: "offered, not promised",
        Fulfilment.PARTLY_FILLED: "partly filled",
        Fulfilment.FILLED: "filled",
        Fulfilment.OVERDUE: "overdue",
        Fulfilment.UNFILLED: "could not be filled",
        Fulfilment.OVER: "over",
        Fulfilment.UNKNOWN: "unknown state",
    },
    decision_kinds={kind: kind.lower() for kind in DecisionKind}
    | {DecisionKind.SEVERITY_OVERRIDE: "severity as decided", DecisionKind.UNKNOWN: "unknown kind"},
    decision_states={state: state.lower() for state in DecisionState},
    dependencies={kind: kind.lower().replace("_", " ") for kind in DependencyKind}
    | {
        DependencyKind.POWER: "power grid",
        DependencyKind.RAN_SHARING: "shared radio network",
        DependencyKind.IX: "exchange point",
        DependencyKind.DNS: "name resolution",
        DependencyKind.UNKNOWN: "unknown dependency",
    },
    partner_states={state: state.lower() for state in PartnerState},
    trends={trend: trend.lower() for trend in Trend} | {Trend.UNKNOWN: "unknown direction"},
    roles={
        Role.MNO: "mobile operator",
        Role.MVNO: "virtual mobile operator",
        Role.FIXED: "fixed network",
        Role.TRANSPORT: "transport network",
        Role.MUNICIPAL: "municipal network",
        Role.IX: "exchange point",
        Role.BROADCAST: "broadcasting",
        Role.RAIL: "rail telecom",
        Role.POWER: "power grid",
        Role.PUBLIC_SAFETY: "public safety network",
        Role.PSAP: "emergency centre",
        Role.AUTHORITY: "authority",
        Role.DEFENCE: "defence",
        Role.AGGREGATOR: "reports for others",
        Role.COORDINATION: "coordination",
        Role.OTHER: "other",
        Role.UNKNOWN: "unknown role",
    },
    ack_subjects={
        AckSubject.MEASURE: "taking part in a measure",
        AckSubject.CAUSE: "named as the cause",
        AckSubject.DUPLICATE: "named as a duplicate",
        AckSubject.UNKNOWN: "unknown question",
    },
    refusals={
        RefusalCode.NO_VALUE: "empty message",
        RefusalCode.PURGED: "marked as purged from the log",
        RefusalCode.TOO_LARGE: "too large",
        RefusalCode.NOT_SINGLE_OBJECT: "cannot be read",
        RefusalCode.UNKNOWN_FINGERPRINT: "unknown schema, judged again when that arrives",
        RefusalCode.DAMAGED_BODY: "damaged",
        RefusalCode.WRONG_SCHEMA: "wrong kind of message for the topic",
        RefusalCode.INVALID_MESSAGE: "invalid facts",
        RefusalCode.WRONG_OWNER: "the sender does not own the topic",
        RefusalCode.WRONG_KEY: "wrong key",
        RefusalCode.WRONG_STATUS: "exercise among the real, or the other way round",
        RefusalCode.UNKNOWN_ACTOR: "unknown actor, judged again when the registry changes",
        RefusalCode.NOT_COORDINATION: "for coordination alone to say",
        RefusalCode.MAY_NOT_SPEAK_FOR: "may not speak for the other",
        RefusalCode.UNSIGNED: "lacks the signature that is required",
        RefusalCode.BAD_SIGNATURE: "the signature does not fit",
    },
    flags={
        "UNVERIFIED": "not verified by a signature",
        "EQUIVOCATION": "different facts under one revision",
        "REVISION_GAP": "a revision is missing",
        "FUTURE_TIME": "a time in the future",
        "ILLEGAL_TRANSITION": "unusual change of state",
        "REFERENCE_TO_NOTHING": "points to what is not known",
        "DUPLICATE_CYCLE": "duplicates point to each other",
        "CONTRADICTION": "coordination contradicts itself",
        "COUNT_JUMP": "the number changed much",
        "OVER_100_PERCENT": "more than all inhabitants",
        "REVISION_REGRESSION": "a lower revision sent later: a counter was lost",
    },
)

_CATALOGUE = {words.language: words for words in (SWEDISH, ENGLISH)}


def words_of(language: Language) -> Words:
    return _CATALOGUE[language]


def preferred() -> Language:
    """By the user's locale: English where it says so, otherwise Swedish."""
    name = locale.setlocale(locale.LC_MESSAGES, "") or ""
    return Language.ENGLISH if name.startswith("en") else Language.SWEDISH
