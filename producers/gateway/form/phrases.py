"""What the form says, in Swedish and in English. The words that are chosen from are in `producers.words`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bus.references import Kind
from producers.outbox import EntryState
from producers.words import Language

__all__ = ["PHRASES", "Phrases"]


@dataclass(frozen=True)
class Phrases:
    """Everything that a page of the form says of itself."""

    language: Language
    name: str
    other: tuple[str, str]
    """The other language: its code, and its name in itself."""
    exercise: str
    enter: str
    key: str
    key_help: str
    key_refused: str
    wait: str
    leave: str
    signed_in: str
    overview: str
    new: Mapping[Kind, str]
    edit: Mapping[Kind, str]
    yours: str
    nothing_yet: str
    find: str
    find_help: str
    nothing_found: str
    show_all: str
    from_here: str
    from_elsewhere: str
    out_of_date: str
    never_reached: str
    still_reading: str
    revision: str
    update: str
    more_services: str
    groups: Mapping[str, str]
    needed: str
    unknown: str
    choose: str
    choose_all: str
    yes: str
    no: str
    add_area: str
    service_help: str
    send: str
    cancel: str
    mend: str
    missing: str
    unreadable: str
    clock: str
    not_taken: str
    changed: str
    exists: str
    differs: str
    says: str
    says_nothing: str
    send_anyway: str
    begin_again: str
    faults: Mapping[str, str]
    proxy: str
    proxy_help: str
    for_whom: str
    for_self: str
    how: str
    on_behalf: str
    told_otherwise: str
    told_otherwise_help: str
    received: str
    promise: str
    states: Mapping[EntryState, str]
    back: str
    again: str
    expired: str
    not_found: str
    full: str
    too_large: str


PHRASES: Mapping[Language, Phrases] = {
    Language.SWEDISH: Phrases(
        language=Language.SWEDISH,
        name="Rapportera till samverkan",
        other=("en", "English"),
        exercise="ÖVNING",
        enter="Logga in",
        key="Nyckel",
        key_help="Den nyckel som din organisation har fått. Den börjar med ntsg_.",
        key_refused="Nyckeln gäller inte. Kontrollera att hela nyckeln kom med.",
        wait="För många försök. Vänta en minut och försök igen.",
        leave="Logga ut",
        signed_in="Inloggad som",
        overview="Översikt",
        new={
            Kind.INCIDENT: "Ny händelse",
            Kind.MEASURE: "Ny åtgärd",
            Kind.WORK: "Nytt planerat arbete",
            Kind.STATUS: "Eget läge",
        },
        edit={
            Kind.INCIDENT: "Uppdatera händelse",
            Kind.MEASURE: "Uppdatera åtgärd",
            Kind.WORK: "Uppdatera planerat arbete",
            Kind.STATUS: "Uppdatera eget läge",
        },
        yours="Våra rapporter",
        nothing_yet="Inget har rapporterats ännu.",
        find="Sök",
        find_help="Beteckning eller ord i rubriken",
        nothing_found="Inget ärende har det i sin beteckning eller rubrik.",
        show_all="Visa alla",
        from_here="rapporterad härifrån",
        from_elsewhere="rapporterad på annat håll ({via}), nådde samverkan {at}",
        out_of_date="Kan vara inaktuellt: ingen kontakt med samverkan sedan {at}. Det som sedan dess har "
        "rapporterats på annat håll syns inte här. Det går att rapportera ändå.",
        never_reached="Kan vara inaktuellt: ingen kontakt med samverkan ännu. Det som har rapporterats på "
        "annat håll syns kanske inte här. Det går att rapportera ändå.",
        still_reading="Tidigare rapporter hämtas fortfarande. Det som har rapporterats på annat håll syns kanske "
        "inte än.",
        revision="rapport",
        update="Uppdatera",
        more_services="Fler tjänster",
        groups={
            "what": "Vad har hänt",
            "measure": "Åtgärden",
            "work": "Arbetet",
            "own": "Den egna verksamheten",
            "where": "Var",
            "services": "Tjänster och påverkan",
            "how_many": "Hur många",
            "when": "När",
            "cause": "Orsak",
            "more": "Fler uppgifter",
        },
        needed="måste fyllas i",
        unknown="vet inte",
        choose="Välj …",
        choose_all="Kryssa för alla som berörs.",
        yes="ja",
        no="nej",
        add_area="Län eller kommun, eller SCB-kod. 00 är hela landet. Lämna rutor tomma som inte behövs.",
        service_help="Välj påverkan för varje berörd tjänst. Lämna de andra.",
        send="Skicka",
        cancel="Avbryt",
        mend="Inget är skickat än. Rätta det som är markerat:",
        missing="Måste fyllas i.",
        unreadable="Går inte att läsa.",
        clock="Klockan ställs om då: tiden finns inte, eller finns två gånger. Välj en tid utanför den timmen.",
        not_taken="Kan inte tas emot:",
        changed="Inget är skickat: under tiden kom rapport {revision} om samma ärende. Det som ni inte ändrade visas "
        "nu som i den rapporten; det som ni ändrade står kvar. Skicka det, eller börja om.",
        exists="Inget är skickat: {id} är redan rapporterat (rapport {revision}). Det som ni har fyllt i står kvar; "
        "resten visas som i den rapporten. Skicka det som en uppdatering, eller börja om.",
        differs="Här säger ni något annat än rapport {revision}:",
        says="rapport {revision} säger {told}",
        says_nothing="rapport {revision} säger inget",
        send_anyway="Skicka mina ändringar som ny rapport",
        begin_again="Släng mina ändringar och börja om från rapport {revision}",
        faults={
            "areas": "Ange minst ett län eller en kommun (00 för hela landet), om läget inte är misstänkt.",
            "impacts": "Välj påverkan för minst en tjänst.",
            "ends_at": "Måste vara senare än starten.",
            "title": "Högst 120 tecken.",
            "description": "Högst 4 000 tecken.",
            "id": "Bokstäver, siffror, punkt, streck och kolon; högst 64 tecken.",
            "declared_severity": "Ett tal från 1 till 5.",
            "targets": "Skriv som incident/aktör/beteckning.",
            "hosts": "Skriv aktörernas beteckningar, med små bokstäver.",
        },
        proxy="Rapportera åt någon annan",
        proxy_help="När en operatör ringer eller anropar på Rakel. Uppgifterna blir dens, med er som avsändare.",
        for_whom="Vems uppgifter",
        for_self="våra egna",
        how="Hur uppgiften kom",
        on_behalf="åt",
        told_otherwise="Redan rapporterat på annat sätt",
        told_otherwise_help="Antal rapporter (revision) hittills, om ärendet är rapporterat men inte syns här.",
        received="Mottaget",
        promise="Uppgifterna är sparade här och går inte förlorade, även om nätet är nere.",
        states={
            EntryState.WAITING: "väntar på att nå samverkan",
            EntryState.STORED: "har nått samverkan",
            EntryState.REFUSED: "avvisades",
            EntryState.DAMAGED: "måste skickas igen",
        },
        back="Till översikten",
        again="Titta igen",
        expired="Sidan var för gammal. Logga in igen; det du skrev finns kvar om du går tillbaka i webbläsaren.",
        not_found="Sidan finns inte.",
        full="Det får inte plats mer här just nu, och inget är sparat. Ring samverkan.",
        too_large="För mycket text. Korta texterna.",
    ),
    Language.ENGLISH: Phrases(
        language=Language.ENGLISH,
        name="Report to the coordination",
        other=("sv", "Svenska"),
        exercise="EXERCISE",
        enter="Sign in",
        key="Key",
        key_help="The key that your organisation was given. It begins with ntsg_.",
        key_refused="This key is not valid. Check that all of it was pasted.",
        wait="Too many attempts. Wait a minute and try again.",
        leave="Sign out",
        signed_in="Signed in as",
        overview="Overview",
        new={
            Kind.INCIDENT: "New incident",
            Kind.MEASURE: "New measure",
            Kind.WORK: "New planned work",
            Kind.STATUS: "Own status",
        },
        edit={
            Kind.INCIDENT: "Update incident",
            Kind.MEASURE: "Update measure",
            Kind.WORK: "Update planned work",
            Kind.STATUS: "Update own status",
        },
        yours="Our reports",
        nothing_yet="Nothing has been reported yet.",
        find="Search",
        find_help="Id, or words of the title",
        nothing_found="Nothing has that in its id or title.",
        show_all="Show all",
        from_here="reported from here",
        from_elsewhere="reported elsewhere ({via}), reached the coordination {at}",
        out_of_date="May be out of date: no contact with the coordination since {at}. What was reported elsewhere "
        "after that is not shown here. You can report all the same.",
        never_reached="May be out of date: no contact with the coordination yet. What was reported elsewhere may be "
        "missing here. You can report all the same.",
        still_reading="Earlier reports are still being fetched. What was reported elsewhere may be missing yet.",
        revision="report",
        update="Update",
        more_services="More services",
        groups={
            "what": "What happened",
            "measure": "The measure",
            "work": "The work",
            "own": "The operator itself",
            "where": "Where",
            "services": "Services and impact",
            "how_many": "How many",
            "when": "When",
            "cause": "Cause",
            "more": "More details",
        },
        needed="needed",
        unknown="not known",
        choose="Choose …",
        choose_all="Tick all that are affected.",
        yes="yes",
        no="no",
        add_area="County, municipality or SCB code. 00 is the whole country. Leave spare boxes empty.",
        service_help="Choose the impact on each service that suffers. Leave the others.",
        send="Send",
        cancel="Cancel",
        mend="Nothing was sent yet. Mend what is marked:",
        missing="Is needed.",
        unreadable="Cannot be read.",
        clock="The clock is turned then: this time does not exist, or exists twice. Choose one outside of that hour.",
        not_taken="Cannot be taken:",
        changed="Nothing was sent: report {revision} of the same came meanwhile. What you did not change is shown as "
        "that report has it; what you changed is kept. Send it, or begin again.",
        exists="Nothing was sent: {id} was reported before (report {revision}). What you filled in is kept, the rest "
        "is shown as that report has it. Send it as an update, or begin again.",
        differs="Here you say otherwise than report {revision}:",
        says="report {revision} says {told}",
        says_nothing="report {revision} says nothing",
        send_anyway="Send my changes as a new report",
        begin_again="Discard my changes and begin again from report {revision}",
        faults={
            "areas": "Name at least a county or municipality (00 for the country), unless the state is suspected.",
            "impacts": "Choose the impact on at least one service.",
            "ends_at": "Must be later than the start.",
            "title": "At most 120 characters.",
            "description": "At most 4,000 characters.",
            "id": "Letters, digits, dots, hyphens and colons; at most 64 characters.",
            "declared_severity": "A number from 1 to 5.",
            "targets": "Write incident/actor/id.",
            "hosts": "Write the actors' names, in lower case.",
        },
        proxy="Report for somebody else",
        proxy_help="When an operator telephones or calls on Rakel. It counts as theirs, sent by you.",
        for_whom="Whose report",
        for_self="our own",
        how="How it came",
        on_behalf="for",
        told_otherwise="Reported in another way before",
        told_otherwise_help="The number of reports (revision) so far, if it was reported and is not found here.",
        received="Received",
        promise="The report is stored here and will not be lost, even while the network is down.",
        states={
            EntryState.WAITING: "waits to reach the coordination",
            EntryState.STORED: "has reached the coordination",
            EntryState.REFUSED: "was refused",
            EntryState.DAMAGED: "has to be sent again",
        },
        back="To the overview",
        again="Look again",
        expired="The page was too old. Sign in again; what you wrote is there when you go back in the browser.",
        not_found="There is no such page.",
        full="There is no room left here, and nothing was stored. Telephone the coordination.",
        too_large="Too much text. Shorten it.",
    ),
}
