"""What people who report choose from, in Swedish and in English: the words of the spreadsheet and of the form.

Here a word stands in a list of its like, and must say by itself what is chosen: "mobil: samtal", where the picture,
which has the services side by side, says "tal". Within one vocabulary no two symbols share a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from types import MappingProxyType

from bus.vocabulary import (
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
    ReportedVia,
    Service,
    Tlp,
    WorkState,
)

__all__ = ["Language", "symbol_of", "word_of", "words_of"]


class Language(StrEnum):
    SWEDISH = "sv"
    ENGLISH = "en"


_SWEDISH: Mapping[type[StrEnum], Mapping[StrEnum, str]] = {
    Service: {
        Service.MOBILE_VOICE: "mobil: samtal",
        Service.MOBILE_DATA: "mobil: data",
        Service.MOBILE_MESSAGING: "mobil: sms",
        Service.FIXED_VOICE: "fast telefoni",
        Service.FIXED_INTERNET: "fast bredband",
        Service.IOT_M2M: "uppkopplade saker (M2M)",
        Service.TV_BROADCAST: "tv-distribution",
        Service.TRANSPORT: "transportnät",
        Service.DARK_FIBRE: "svartfiber",
        Service.INTERNATIONAL: "utlandsförbindelser",
        Service.INTERCONNECT: "samtrafik",
        Service.IX: "knutpunkt (IX)",
        Service.DNS: "namnuppslagning (DNS)",
        Service.TIME_SYNC: "tid och synkronisering",
        Service.NUMBER_PLATFORM: "nummertjänster",
        Service.EMERGENCY_CALL: "nödsamtal till 112",
        Service.PUBLIC_WARNING: "VMA",
        Service.PUBLIC_SAFETY_RADIO: "blåljusradio",
        Service.OTHER: "annan tjänst",
        Service.UNKNOWN: "okänt vilken tjänst",
    },
    Impact: {
        Impact.OUTAGE: "avbrott",
        Impact.DEGRADED: "försämrat",
        Impact.REDUCED_REDUNDANCY: "minskad redundans",
        Impact.NO_IMPACT: "ingen påverkan",
        Impact.UNKNOWN: "okänd påverkan",
    },
    IncidentState: {
        IncidentState.SUSPECTED: "misstänkt",
        IncidentState.CONFIRMED: "bekräftat",
        IncidentState.MITIGATED: "lindrat",
        IncidentState.RESTORING: "återställs",
        IncidentState.RESTORED: "återställt",
        IncidentState.CLOSED: "avslutat",
        IncidentState.RETRACTED: "återtaget (felrapport)",
        IncidentState.UNKNOWN: "okänt läge",
    },
    EmergencyImpact: {
        EmergencyImpact.NONE: "112 opåverkat",
        EmergencyImpact.DEGRADED: "112 försämrat",
        EmergencyImpact.LOCATION_LOST: "112 utan position",
        EmergencyImpact.LOST_WITH_FALLBACK: "112 bara via annat nät",
        EmergencyImpact.LOST_NO_FALLBACK: "112 nås inte",
        EmergencyImpact.UNKNOWN: "112 okänt",
    },
    CauseCategory: {
        CauseCategory.SYSTEM_FAILURE: "tekniskt fel",
        CauseCategory.HUMAN_ERROR: "mänskligt misstag",
        CauseCategory.NATURAL_PHENOMENON: "naturhändelse",
        CauseCategory.MALICIOUS_ACTION: "angrepp eller skadegörelse",
        CauseCategory.UNDETERMINED: "utreds",
        CauseCategory.UNKNOWN: "okänd",
    },
    CauseDetail: {
        CauseDetail.POWER_CUT: "strömavbrott",
        CauseDetail.POWER_SURGE: "överspänning",
        CauseDetail.FUEL_EXHAUSTION: "slut på bränsle",
        CauseDetail.COOLING: "kylfel",
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
        CauseDetail.SUPPLIER: "fel hos leverantör",
        CauseDetail.OTHER: "annan orsak",
        CauseDetail.UNKNOWN: "okänd orsak",
    },
    CountBasis: {
        CountBasis.MEASURED: "uppmätt",
        CountBasis.ESTIMATED: "uppskattat",
        CountBasis.MODELLED: "beräknat i modell",
        CountBasis.CUSTOMER_REPORTED: "felanmälningar från kunder",
        CountBasis.PRELIMINARY: "preliminärt",
        CountBasis.UNKNOWN: "okänt räknesätt",
    },
    CriticalService: {
        CriticalService.EMERGENCY_112: "112",
        CriticalService.VMA: "VMA",
        CriticalService.HEALTHCARE: "hälso- och sjukvård",
        CriticalService.POLICE: "polis",
        CriticalService.RESCUE: "räddningstjänst",
        CriticalService.DEFENCE: "försvar",
        CriticalService.PAYMENTS: "betalningar",
        CriticalService.RAIL: "järnväg",
        CriticalService.ROAD: "vägtrafik",
        CriticalService.AIR: "flyg",
        CriticalService.ENERGY: "energi",
        CriticalService.WATER: "vatten och avlopp",
        CriticalService.GOVERNMENT: "offentlig förvaltning",
        CriticalService.SAFETY_ALARMS: "trygghetslarm",
        CriticalService.MEDIA: "medier",
        CriticalService.OTHER: "annan verksamhet",
        CriticalService.UNKNOWN: "okänd verksamhet",
    },
    MeasureType: {
        MeasureType.BILATERAL_ROAMING: "roaming mellan operatörer",
        MeasureType.NATIONAL_ROAMING_HEIGHTENED_ALERT: "nationell roaming vid höjd beredskap",
        MeasureType.CRISIS_ROAMING_SIM: "krisroaming med SIM-kort",
        MeasureType.RAN_WILT: "radion stängs så att 112 går via annat nät",
        MeasureType.CAPACITY_ADDED: "mer kapacitet",
        MeasureType.TRAFFIC_REROUTE: "omledd trafik",
        MeasureType.TRAFFIC_PRIORITISATION: "prioriterad trafik",
        MeasureType.TRAFFIC_RESTRICTION: "begränsad trafik",
        MeasureType.MAINTENANCE_FREEZE: "förändringsstopp",
        MeasureType.CHANGE_ROLLBACK: "ändring återtagen",
        MeasureType.MOBILE_BASE_STATION: "mobil basstation",
        MeasureType.BACKUP_POWER: "reservkraft",
        MeasureType.FUEL_SUPPLY: "drivmedelsförsörjning",
        MeasureType.SATELLITE_BACKHAUL: "satellitförbindelse",
        MeasureType.FIBRE_REPAIR: "fiberlagning",
        MeasureType.CREW_DEPLOYED: "tekniker på plats",
        MeasureType.STAFF_CONTINUITY: "förstärkt bemanning",
        MeasureType.NUMBER_REDIRECT: "nummer omstyrda",
        MeasureType.OPEN_WIFI: "öppet wifi",
        MeasureType.SPECTRUM_SHARING: "delat spektrum",
        MeasureType.CUSTOMER_INFO: "kundinformation",
        MeasureType.VMA_REQUESTED: "VMA begärt",
        MeasureType.PHYSICAL_PROTECTION: "fysiskt skydd",
        MeasureType.ISOLATION: "isolering",
        MeasureType.OTHER: "annan åtgärd",
        MeasureType.UNKNOWN: "okänd åtgärd",
    },
    MeasureState: {
        MeasureState.PROPOSED: "föreslagen",
        MeasureState.REQUESTED: "begärd",
        MeasureState.AGREED: "överenskommen",
        MeasureState.DECLINED: "avböjd",
        MeasureState.PLANNED: "planerad",
        MeasureState.ACTIVATING: "startas",
        MeasureState.ACTIVE: "aktiv",
        MeasureState.DEACTIVATING: "avvecklas",
        MeasureState.ENDED: "avslutad",
        MeasureState.FAILED: "misslyckad",
        MeasureState.RETRACTED: "återtagen (felrapport)",
        MeasureState.UNKNOWN: "okänt läge",
    },
    MeasureEffect: {
        MeasureEffect.NOT_ASSESSED: "inte bedömd",
        MeasureEffect.EFFECTIVE: "hjälper",
        MeasureEffect.PARTIAL: "hjälper delvis",
        MeasureEffect.INEFFECTIVE: "hjälper inte",
        MeasureEffect.HARMFUL: "skadar",
        MeasureEffect.UNKNOWN: "okänd effekt",
    },
    WorkState: {
        WorkState.TENTATIVE: "preliminärt",
        WorkState.CONFIRMED: "bestämt",
        WorkState.IN_PROCESS: "pågår",
        WorkState.COMPLETED: "klart",
        WorkState.CANCELLED: "inställt",
        WorkState.RESCHEDULED: "flyttat",
        WorkState.UNKNOWN: "okänt läge",
    },
    OperatorMode: {
        OperatorMode.NORMAL: "normal drift",
        OperatorMode.REDUCED: "reducerad drift",
        OperatorMode.CRISIS: "krisläge",
        OperatorMode.UNKNOWN: "okänd drift",
    },
    Tlp: {
        Tlp.RED: "RED – bara samordningen",
        Tlp.AMBER_STRICT: "AMBER+STRICT – även myndigheter",
        Tlp.AMBER: "AMBER – även andra operatörer, avrundat",
        Tlp.GREEN: "GREEN – inom sektorn",
        Tlp.CLEAR: "CLEAR – får berättas för alla",
        Tlp.UNKNOWN: "okänd spridning",
    },
    ReportedVia: {
        ReportedVia.API: "eget system",
        ReportedVia.UI: "formuläret",
        ReportedVia.PROXY_PHONE: "telefon",
        ReportedVia.PROXY_RAKEL: "Rakel",
        ReportedVia.IMPORT: "inläst fil",
        ReportedVia.UNKNOWN: "okänd väg",
    },
}

_ENGLISH: Mapping[type[StrEnum], Mapping[StrEnum, str]] = {
    Service: {
        Service.MOBILE_VOICE: "mobile: calls",
        Service.MOBILE_DATA: "mobile: data",
        Service.MOBILE_MESSAGING: "mobile: text messages",
        Service.IOT_M2M: "connected things (M2M)",
        Service.TV_BROADCAST: "television distribution",
        Service.IX: "exchange point (IX)",
        Service.DNS: "name resolution (DNS)",
        Service.TIME_SYNC: "time and synchronisation",
        Service.NUMBER_PLATFORM: "number services",
        Service.EMERGENCY_CALL: "emergency calls to 112",
        Service.OTHER: "another service",
        Service.UNKNOWN: "unknown which service",
    },
    Impact: {Impact.UNKNOWN: "unknown impact"},
    IncidentState: {
        IncidentState.RETRACTED: "retracted (reported in error)",
        IncidentState.UNKNOWN: "unknown state",
    },
    EmergencyImpact: {
        EmergencyImpact.NONE: "112 unaffected",
        EmergencyImpact.DEGRADED: "112 degraded",
        EmergencyImpact.LOCATION_LOST: "112 without position",
        EmergencyImpact.LOST_WITH_FALLBACK: "112 by another network alone",
        EmergencyImpact.LOST_NO_FALLBACK: "112 unreachable",
        EmergencyImpact.UNKNOWN: "112 unknown",
    },
    CauseCategory: {
        CauseCategory.MALICIOUS_ACTION: "attack or vandalism",
        CauseCategory.UNDETERMINED: "under investigation",
    },
    CauseDetail: {
        CauseDetail.COOLING: "cooling failure",
        CauseDetail.CERT_EXPIRY: "expired certificate",
        CauseDetail.CONFIG_ERROR: "configuration error",
        CauseDetail.ICE_SNOW: "ice and snow",
        CauseDetail.DDOS: "denial of service",
        CauseDetail.EMI_JAMMING: "jamming",
        CauseDetail.GNSS_LOSS: "loss of satellite navigation",
        CauseDetail.SUPPLIER: "failure at a supplier",
        CauseDetail.OTHER: "another cause",
        CauseDetail.UNKNOWN: "unknown cause",
    },
    CountBasis: {
        CountBasis.CUSTOMER_REPORTED: "reported by customers",
        CountBasis.UNKNOWN: "unknown way of counting",
    },
    CriticalService: {
        CriticalService.EMERGENCY_112: "112",
        CriticalService.VMA: "public warning",
        CriticalService.RESCUE: "rescue services",
        CriticalService.OTHER: "another service of society",
        CriticalService.UNKNOWN: "unknown service of society",
    },
    MeasureType: {
        MeasureType.BILATERAL_ROAMING: "roaming between operators",
        MeasureType.NATIONAL_ROAMING_HEIGHTENED_ALERT: "national roaming at heightened alert",
        MeasureType.CRISIS_ROAMING_SIM: "crisis roaming by SIM card",
        MeasureType.RAN_WILT: "radio off so that 112 uses another network",
        MeasureType.CREW_DEPLOYED: "technicians on site",
        MeasureType.OPEN_WIFI: "open Wi-Fi",
        MeasureType.CUSTOMER_INFO: "customer information",
        MeasureType.VMA_REQUESTED: "public warning requested",
        MeasureType.OTHER: "another measure",
        MeasureType.UNKNOWN: "unknown measure",
    },
    MeasureState: {
        MeasureState.RETRACTED: "retracted (reported in error)",
        MeasureState.UNKNOWN: "unknown state",
    },
    MeasureEffect: {
        MeasureEffect.EFFECTIVE: "helps",
        MeasureEffect.PARTIAL: "helps in part",
        MeasureEffect.INEFFECTIVE: "does not help",
        MeasureEffect.HARMFUL: "does harm",
        MeasureEffect.UNKNOWN: "unknown effect",
    },
    WorkState: {WorkState.IN_PROCESS: "under way", WorkState.UNKNOWN: "unknown state"},
    OperatorMode: {
        OperatorMode.NORMAL: "normal running",
        OperatorMode.REDUCED: "reduced running",
        OperatorMode.CRISIS: "crisis mode",
        OperatorMode.UNKNOWN: "unknown running",
    },
    Tlp: {
        Tlp.RED: "RED – coordination alone",
        Tlp.AMBER_STRICT: "AMBER+STRICT – authorities too",
        Tlp.AMBER: "AMBER – other operators too, rounded",
        Tlp.GREEN: "GREEN – within the sector",
        Tlp.CLEAR: "CLEAR – may be told to everyone",
        Tlp.UNKNOWN: "unknown distribution",
    },
    ReportedVia: {
        ReportedVia.API: "own system",
        ReportedVia.UI: "the form",
        ReportedVia.PROXY_PHONE: "telephone",
        ReportedVia.PROXY_RAKEL: "Rakel",
        ReportedVia.IMPORT: "a file",
        ReportedVia.UNKNOWN: "unknown way",
    },
}
"""Where the symbol itself, in lower case, does not read well."""


@cache
def words_of(vocabulary: type[StrEnum], language: Language) -> Mapping[StrEnum, str]:
    """The word of every symbol, in the order in which a list shows them: UNKNOWN last."""
    told = (_SWEDISH if language is Language.SWEDISH else _ENGLISH)[vocabulary]
    words = {symbol: told.get(symbol) or symbol.lower().replace("_", " ") for symbol in [*told, *vocabulary]}
    if language is Language.ENGLISH:
        words = {symbol: words[symbol] for symbol in _SWEDISH[vocabulary]}
    return MappingProxyType(words)


def word_of(symbol: StrEnum, language: Language) -> str:
    return words_of(type(symbol), language)[symbol]


def symbol_of(vocabulary: type[StrEnum], word: str) -> StrEnum | None:
    """The symbol by its own name or by its word in either language, without regard to case; None for anything else."""
    return _symbols(vocabulary).get(" ".join(word.split()).casefold())


@cache
def _symbols(vocabulary: type[StrEnum]) -> Mapping[str, StrEnum]:
    found = {
        word.casefold(): symbol for language in Language for symbol, word in words_of(vocabulary, language).items()
    }
    return found | {symbol.value.casefold(): symbol for symbol in vocabulary}
