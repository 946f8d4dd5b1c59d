"""The sentences of an explanation, in Swedish and in English. Words for symbols are in `consumers.words`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any

from bus import geography
from bus.vocabulary import (
    AckAnswer,
    Certainty,
    ConflictState,
    CountBasis,
    CountScope,
    IncidentState,
    LinkBasis,
    ReportedVia,
)
from consumers.merge.flags import name_of_text
from consumers.merge.grounds import ALIKE, NAMED, SHARED
from consumers.merge.users import Standing
from consumers.merge.view import Flag, SituationLink
from consumers.words import Language, grouped, words_of

__all__ = ["Sentences", "sentences_of"]


_COUNTING = frozenset({"COUNT_JUMP", "OVER_100_PERCENT"})
_AMOUNTS = frozenset({"before", "after", "number", "served", "inhabitants"})
"""Of flags that count, the facts that are numbers of users, sites or inhabitants."""


@dataclass(frozen=True)
class Sentences:
    """The sentences of one language. `{x}` is filled in; pairs are for one and for many."""

    # What is asked about, and when
    head: str
    also: str

    # Who said it
    source: str
    on_behalf: str
    via: Mapping[ReportedVia, str]
    states: Mapping[IncidentState, str]

    # Messages
    messages: tuple[str, str]
    current: str
    superseded: str
    outdone: str
    first: str
    unchanged: str
    reordered: str
    became: str
    now_tells: str
    no_longer_tells: str
    in_their_words: str

    # Its course
    began: str
    detected: str
    first_told: str
    restored: str
    after: str
    corrected: str

    # Why it is there
    placed: str
    because: str
    seed: str
    duplicate_here: str
    linked: str
    bases: Mapping[LinkBasis, str]
    fields: Mapping[str, str]
    """What an incident names another by, and what two have in common."""
    gathers: tuple[str, str]
    with_duplicates: tuple[str, str]
    named_after: str
    together: str
    alone: str
    suggested: str
    met: tuple[str, str]
    """Of the checklist, all points, or all but one."""
    alike: Mapping[str, str]
    """What the checklist found, and what is lacking."""
    causes: Mapping[Any, str]
    aliases: tuple[str, str]

    # Severity
    severity: str
    at_least: str
    declared: str
    rule: str
    level_from: str

    # Users
    users: str
    range: str
    nothing_known: str
    adds: str
    adds_less: str
    basis: Mapping[CountBasis, str]
    scope: Mapping[CountScope, str]
    standing: Mapping[Standing, str]
    without_number: str
    duplicate: str
    over: str
    never_added: str
    total: str
    situations_added: tuple[str, str]
    is_over: str

    # User-hours
    user_hours: str
    total_hours: str
    per_hour: str
    course: str
    spell: str
    spell_open: str
    uncovered: str

    # The rest
    cause: str
    claim: str
    certainty: Mapping[Certainty, str]
    points_to: str
    disputed_by: str
    emergency: str
    says: str
    restoration: str
    forecast: str
    slipped: tuple[str, str]
    no_forecast: str
    freshness: str
    awaited: str
    promised: str
    measures: str
    flags: str
    flag_texts: Mapping[str, str]
    """By code, or by code and case."""
    instants: Mapping[str, str]
    """The fields that are instants."""
    names: str
    named_by: str
    leads_to: str
    leads_nowhere: str
    answers: str
    answered: str
    answer_words: Mapping[AckAnswer, str]
    awaits: str
    former: str
    former_past: str
    former_gone: str
    former_went: str
    past: str
    area: str
    area_silent: str
    operator: str
    all_down: str
    white_out: str
    no_white_out: str
    nothing_told: str
    emergency_here: str
    actor: str
    never_heard: str
    holds_open: tuple[str, str]
    announces: str

    # Conflicts
    conflict: str
    conflict_states: Mapping[ConflictState, str]
    more: tuple[str, str]

    def flag(self, flag: Flag) -> str:
        """What is odd. A code that this catalogue does not know is told in the merge's own words."""
        text = self.flag_texts.get(name_of_text(flag.code, flag.case))
        if text is None or not flag.facts.keys() >= {name for _, name, _, _ in Formatter().parse(text) if name}:
            return flag.text
        told = dict(flag.facts)
        for name in _AMOUNTS & told.keys() if flag.code in _COUNTING else ():
            told[name] = grouped(int(told[name]))
        states: Mapping[Any, str] = self.states
        for name in ("from", "to"):
            if name in told:
                told[name] = states.get(told[name], told[name])
        if "fields" in told:
            told["fields"] = ", ".join(self.instants.get(field, field) for field in told["fields"].split(", "))
        return text.format(**told)

    def why(self, link: SituationLink) -> str:
        """What links the two, or may. What the catalogue has no sentence for is told in the merge's own words."""
        facts = link.facts
        if link.code == ALIKE:
            return self._alike(facts)
        if link.code in (NAMED, SHARED) and len(facts) > 1 and facts["field"] in self.fields:
            return self.fields[facts["field"]].format(**facts)
        return link.why

    def _alike(self, facts: Mapping[str, str]) -> str:
        """What the checklist found, and what is lacking."""
        alike, symbols = self.alike, facts["causes"].split()
        what = f" {alike['and']} ".join(self.causes.get(symbol, symbol) for symbol in symbols) or alike["neither"]
        words = [alike["unknown"].format(what) if "unknown" in facts else what]
        if "area" in facts:
            words.append(alike["place"].format(geography.name_of(facts["area"])))
        else:
            words.append(alike["next to" if facts.get("lacking") == "PLACE" else "cores"])
        words.append(alike["starts"].format(facts["minutes"]) if "minutes" in facts else alike["untold"])
        if "restored_together" in facts:
            words.append(alike["restored together"])
        if facts.get("lacking") in alike:
            words.append(alike[facts["lacking"]])
        return "; ".join(words)


SWEDISH = Sentences(
    head="{title} ({ref}), läget {as_of}. Bild {digest}, regler {rules}.",
    also="{asked} leder hit.",
    source="{ref} (revision {revision}, {age} gammal{more})",
    on_behalf="åt {owner}",
    via={
        ReportedVia.API: "",
        ReportedVia.UI: "via formulär",
        ReportedVia.PROXY_PHONE: "per telefon via {actor}",
        ReportedVia.PROXY_RAKEL: "per Rakel via {actor}",
        ReportedVia.IMPORT: "inläst av {actor}",
        ReportedVia.UNKNOWN: "okänd väg",
    },
    states={
        IncidentState.SUSPECTED: "misstänkt",
        IncidentState.CONFIRMED: "bekräftad",
        IncidentState.MITIGATED: "lindrad",
        IncidentState.RESTORING: "återställs",
        IncidentState.RESTORED: "återställd",
        IncidentState.CLOSED: "avslutad",
        IncidentState.RETRACTED: "återtagen",
        IncidentState.UNKNOWN: "okänt läge",
    },
    messages=("{} meddelande:", "{} meddelanden, det senaste först:"),
    current="revision {revision}, {age} gammal, gäller",
    superseded="revision {revision}, {age} gammal, ersatt",
    outdone="revision {revision}, {age} gammal, ersatt av ett annat meddelande med samma revision",
    first="det första",
    unchanged="samma uppgifter",
    reordered="i annan ordning",
    became="{field}: {before} blev {after}",
    now_tells="{field}: nu {after}",
    no_longer_tells="{field}: inte längre angivet (var {before})",
    in_their_words="avsändarens skäl: ”{reason}”",
    began="började {at}",
    detected="upptäcktes {at}",
    first_told="blev känd här {at}",
    restored="återställdes {at}",
    after="efter {length}",
    corrected="Antal, revision för revision: {tellings}. Högst var {most}, revision {revision}.",
    placed="Hör till {title} (situation/{situation}).",
    because="Den är där för att",
    seed="Situationen är namngiven efter denna rapport, som började först.",
    duplicate_here="Den berättar om samma fel som en annan rapport: den listas men räknas inte.",
    linked="{a} – {b}: {why} ({basis})",
    bases={
        LinkBasis.COORDINATION: "samordningens ord",
        LinkBasis.EXPLICIT: "utpekat av operatören",
        LinkBasis.SHARED_KEY: "gemensam nyckel, tider som möts",
        LinkBasis.INFERRED: "slutsats av orsak, plats och tid",
        LinkBasis.UNKNOWN: "okänd grund",
    },
    fields={
        "duplicate_of": "{actor} säger att det är samma fel",
        "related_to": "{actor} säger att de hör ihop",
        "caused_by": "{actor} anger den andra som orsak",
        "event_refs": "samma händelse, {value}",
        "infrastructure_ids": "samma anläggning, {value}",
        "power incident": "samma strömavbrott, {value}",
    },
    gathers=("Samlar {} rapport", "Samlar {} rapporter"),
    with_duplicates=("och {} dubblett", "och {} dubbletter"),
    named_after="Namngiven efter {seed}, som började först, {started_at}.",
    together="De hör ihop för att",
    alone="Ingen annan rapport hör hit.",
    suggested="Kanske hör också dessa ihop. Det avgör samordningen, med MUST_LINK eller CANNOT_LINK:",
    met=("alla punkter stämmer", "alla punkter utom en stämmer"),
    alike={
        "and": "och",
        "neither": "ingen av dem vet orsaken",
        "unknown": "{}, den andra vet inte orsaken",
        "place": "båda i {}",
        "next to": "i län som gränsar till varandra",
        "cores": "i flera operatörers kärnnät",
        "starts": "tider som möts, {} min mellan starttiderna",
        "untold": "tider som möts, en starttid är inte angiven",
        "restored together": "återställda samtidigt",
        "OPERATOR": "men båda kommer från samma operatör",
        "PLACE": "men platserna ligger längre ifrån varandra än vad som krävs",
        "TIME": "men starttiderna ligger längre isär än vad som krävs",
    },
    causes=words_of(Language.SWEDISH).causes,
    aliases=("Svarar också på id {}.", "Svarar också på id {}."),
    severity="Allvarlighet {level} {name}{bound}, det högsta som någon regel ger:",
    at_least=" (minst: antal saknas)",
    declared="Operatörerna själva anger som högst {declared}.",
    rule="regel {rule}",
    level_from="{level} från {threshold}",
    users="{service}, {impact}: {range}.",
    range="{best} ({low}–{high})",
    nothing_known="okänt antal",
    adds="{adds} från {source}, {basis}, {scope}",
    adds_less="{source} anger {told}, {basis}: {standing}",
    basis={
        CountBasis.MEASURED: "mätt",
        CountBasis.ESTIMATED: "uppskattat",
        CountBasis.MODELLED: "beräknat",
        CountBasis.CUSTOMER_REPORTED: "efter kundanmälningar",
        CountBasis.PRELIMINARY: "preliminärt",
        CountBasis.UNKNOWN: "okänt räknesätt",
    },
    scope={
        CountScope.OWN_SUBSCRIPTIONS: "egna abonnemang",
        CountScope.INCLUDING_WHOLESALE: "grossistkunders inräknade",
        CountScope.WHOLESALE_ONLY: "bara grossistkunders",
        CountScope.CONNECTIONS: "anslutningar",
        CountScope.DEVICES: "enheter",
        CountScope.SITES_PROXY: "skattat ur sajter",
        CountScope.UNKNOWN: "okänt vilka",
    },
    standing={
        Standing.COUNTED: "räknas",
        Standing.SAME_PEOPLE: "samma människor som i {beside}, som räknas i stället",
        Standing.OWN_NETWORK: "har ett eget nät, och hör inte till grossistkunderna i {beside}",
        Standing.ABSORBED: "ingår i {beside}, som räknar sina grossistkunder; höjer bara övre gränsen",
        Standing.OTHER_UNIT: "räknar {scope}, en egen enhet som inte läggs till människor",
        Standing.NOT_PEOPLE: "räknar inte människor ({scope}); höjer bara övre gränsen",
        Standing.SUPERSEDED: "operatören talar för sig själv i {beside}; höjer bara övre gränsen",
    },
    without_number="{source} anger inget antal",
    duplicate="{source} räknas inte: dubblett",
    over="{source} räknas inte: {state}",
    never_added="Olika påverkan läggs aldrig ihop: det är olika människor.",
    total="Totalt {service}, {impact}: {range}.",
    situations_added=("Från {} situation:", "Från {} situationer, vilkas användare räknas som olika människor:"),
    user_hours="användartimmar {service}, {impact}: {hours}.",
    total_hours="användartimmar totalt {service}, {impact}: {hours}.",
    per_hour="Växer med {number} i timmen.",
    course="{source}, ensam {alone}: {spells}",
    spell="{begin} till {end} {number}",
    spell_open="sedan {begin} {number}",
    uncovered="därtill {length} utan antal",
    is_over="Lägger inget till talen, för den är över.",
    cause="Orsak: {cause}{disputed}.",
    claim="{source}: {detail}, {certainty}{more}",
    certainty={
        Certainty.OBSERVED: "iakttaget",
        Certainty.LIKELY: "troligt",
        Certainty.POSSIBLE: "möjligt",
        Certainty.UNLIKELY: "osannolikt",
        Certainty.UNKNOWN: "okänt hur säkert",
    },
    points_to="pekar på {refs}",
    disputed_by="bestrids av {actors}",
    emergency="{impact}, det värsta som sägs:",
    says="{source}: {what}",
    restoration="Åter: {range}.",
    forecast="{source}: {range}, {certainty}{slipped}",
    slipped=("; flyttad {} gång, först {{first}}", "; flyttad {} gånger, först {{first}}"),
    no_forecast="Ingen prognos från {refs}.",
    freshness="Aktualitet: {freshness}, som den rapport som väntat längst:",
    awaited="{source}: {freshness}, nytt väntas inom {within}{promised}",
    promised=" (utlovat {at})",
    measures="Åtgärder: {refs}.",
    flags="Att märka:",
    flag_texts={
        "CONTRADICTION": "{link} håller isär {b} och {a}, men en dubblett eller MUST_LINK för ihop dem",
        "COUNT_JUMP": "revision {revision} rättar {before} drabbade till {after}",
        "DUPLICATE_CYCLE": "{count} rapporter anger varandra som original; {counted} räknas",
        "EQUIVOCATION": "revision {revision} finns i olika lydelser; den senast sända gäller",
        "FUTURE_TIME": "revision {revision}: {fields} ligger efter att bussen fick meddelandet; går klockan rätt?",
        "ILLEGAL_TRANSITION": "revision {revision} går från {from} till {to}",
        "OVER_100_PERCENT.SITES_OUT": "{number} sajter ur drift, av {served}",
        "OVER_100_PERCENT.SITES_ON_BACKUP": "{number} sajter på reservkraft, av {served}",
        "OVER_100_PERCENT.USERS": "{number} drabbade där det bor {inhabitants}: är det enheter som räknas?",
        "REFERENCE_TO_NOTHING": "{missing} är okänd här",
        "REVISION_GAP": "inget har kommit mellan revision {before} och {after}",
        "REVISION_REGRESSION": "revision {revision} sändes efter revision {counts}, som gäller; "
        "har en räknare gått förlorad?",
        "UNVERIFIED.UNSIGNED": "är inte signerad fast aktören har börjat signera: fråga den om rapporten är dess egen",
        "UNVERIFIED.UNVERIFIABLE": "bär en signatur som inte stämmer: fråga aktören om rapporten är dess egen",
    },
    instants={
        "sent_at": "sändningstiden",
        "observed_at": "observationstiden",
        "started_at": "starttiden",
        "detected_at": "upptäckten",
        "restored_at": "återställningen",
    },
    names="Nämner:",
    named_by="Nämns av {refs}.",
    leads_to="{ref}, i situation/{situation}",
    leads_nowhere="{ref}, som inte är känd här",
    answers="Svar:",
    answered="{actor}: {answer}, {age} sedan{comment}",
    answer_words={
        AckAnswer.RECEIVED: "mottaget",
        AckAnswer.READ: "läst",
        AckAnswer.ACCEPTED: "godtaget",
        AckAnswer.CAUSE_ACCEPTED: "orsaken godtagen",
        AckAnswer.CAUSE_DISPUTED: "orsaken bestridd",
        AckAnswer.DUPLICATE_CONFIRMED: "dubbletten bekräftad",
        AckAnswer.DUPLICATE_DENIED: "ingen dubblett",
        AckAnswer.DISMISSED: "avvisat",
        AckAnswer.UNKNOWN: "okänt svar",
    },
    awaits="Väntar på svar från {actors}.",
    former="Detta id stod en gång. Det kom av {incident}, som återtogs för {age} sedan, revision {revision}{reason}.",
    former_past="Detta id stod en gång. Det kom av {incident}, senast hörd för {age} sedan, revision {revision}. "
    "Allt som hörde ihop med den var över så länge att det lämnade lägesbilden.",
    former_gone="Inget av det som hörde ihop med den finns kvar.",
    former_went="Det som hörde ihop med den finns nu i {situations}.",
    past="Har varit över i {days} dygn och har därför lämnat lägesbilden ({rule}).",
    area="{name}:",
    area_silent="{name}: ingen rapporterad störning. Det är inte detsamma som att allt fungerar.",
    operator="{owner}: {impact}, enligt {sources}",
    all_down="Inget mobilnät fungerar här; för just denna plats rapporteras {words}.",
    white_out="Alla mobilnät är drabbade här; för just denna plats rapporteras {words}.",
    no_white_out="Det sägs inte att alla mobilnät är drabbade just här; för just denna plats rapporteras {words}.",
    nothing_told="inget",
    emergency_here="{impact}, enligt {refs}.",
    actor="{name}: {freshness}, hördes senast för {age} sedan; nytt väntas inom {within}.",
    never_heard="{name}: har aldrig hörts.",
    holds_open=("Har {} öppen rapport: {}.", "Har {} öppna rapporter: {}."),
    announces="Säger sig ha {announced} öppna.",
    conflict="{rule}, nivå {level} ({name}): {text}. Det gäller:",
    conflict_states={
        ConflictState.OPEN: "Ingen i samordningen har svarat.",
        ConflictState.ACKNOWLEDGED: "Kvitterad genom {answer}.",
        ConflictState.DISMISSED: "Avskriven genom {answer}.",
        ConflictState.UNKNOWN: "Läget är okänt.",
    },
    more=("… och {} till", "… och {} till"),
)

ENGLISH = Sentences(
    head="{title} ({ref}), as of {as_of}. Picture {digest}, rules {rules}.",
    also="{asked} leads here.",
    source="{ref} (revision {revision}, {age} old{more})",
    on_behalf="for {owner}",
    via={
        ReportedVia.API: "",
        ReportedVia.UI: "by form",
        ReportedVia.PROXY_PHONE: "by telephone through {actor}",
        ReportedVia.PROXY_RAKEL: "by Rakel radio through {actor}",
        ReportedVia.IMPORT: "imported by {actor}",
        ReportedVia.UNKNOWN: "by an unknown way",
    },
    states={state: state.lower() for state in IncidentState} | {IncidentState.UNKNOWN: "unknown state"},
    messages=("{} message:", "{} messages, the latest first:"),
    current="revision {revision}, {age} old, counts",
    superseded="revision {revision}, {age} old, superseded",
    outdone="revision {revision}, {age} old, gave way to another message of the same revision",
    first="the first",
    unchanged="the same facts",
    reordered="in another order",
    became="{field}: {before} became {after}",
    now_tells="{field}: now {after}",
    no_longer_tells="{field}: no longer told (was {before})",
    in_their_words="the sender's reason: “{reason}”",
    began="began {at}",
    detected="detected {at}",
    first_told="known here {at}",
    restored="restored {at}",
    after="after {length}",
    corrected="Users, revision by revision: {tellings}. The most was {most}, revision {revision}.",
    placed="Belongs to {title} (situation/{situation}).",
    because="It is there because",
    seed="The situation is named after this report, which began first.",
    duplicate_here="It tells the same fault as another report: it is listed, and not counted.",
    linked="{a} – {b}: {why} ({basis})",
    bases={
        LinkBasis.COORDINATION: "coordination's word",
        LinkBasis.EXPLICIT: "named by the operator",
        LinkBasis.SHARED_KEY: "shared key, times that meet",
        LinkBasis.INFERRED: "inferred from cause, place and time",
        LinkBasis.UNKNOWN: "unknown ground",
    },
    fields={
        "duplicate_of": "{actor} says that it is the same fault",
        "related_to": "{actor} says that they belong together",
        "caused_by": "{actor} names the other as the cause",
        "event_refs": "the same event, {value}",
        "infrastructure_ids": "the same asset, {value}",
        "power incident": "the same power cut, {value}",
    },
    gathers=("Gathers {} report", "Gathers {} reports"),
    with_duplicates=("and {} duplicate", "and {} duplicates"),
    named_after="Named after {seed}, which began first, {started_at}.",
    together="They belong together because",
    alone="No other report belongs here.",
    suggested="These may belong together too. That is for coordination to say, by MUST_LINK or CANNOT_LINK:",
    met=("all points are met", "all points but one are met"),
    alike={
        "and": "and",
        "neither": "neither knows the cause",
        "unknown": "{}, the other does not know the cause",
        "place": "both in {}",
        "next to": "in counties next to each other",
        "cores": "in several operators' cores",
        "starts": "times that meet, starts {} min apart",
        "untold": "times that meet, a start not told",
        "restored together": "restored together",
        "OPERATOR": "but one operator tells both",
        "PLACE": "but the places are further apart than asked",
        "TIME": "but the starts are further apart than asked",
    },
    causes=words_of(Language.ENGLISH).causes,
    aliases=("Answers to id {} as well.", "Answers to ids {} as well."),
    severity="Severity {level} {name}{bound}, the greatest that any rule gives:",
    at_least=" (at least: numbers are missing)",
    declared="The operators themselves declare {declared} at most.",
    rule="rule {rule}",
    level_from="{level} from {threshold}",
    users="{service}, {impact}: {range}.",
    range="{best} ({low}–{high})",
    nothing_known="unknown number",
    adds="{adds} from {source}, {basis}, {scope}",
    adds_less="{source} tells {told}, {basis}: {standing}",
    basis={
        CountBasis.MEASURED: "measured",
        CountBasis.ESTIMATED: "estimated",
        CountBasis.MODELLED: "modelled",
        CountBasis.CUSTOMER_REPORTED: "by customers' reports",
        CountBasis.PRELIMINARY: "preliminary",
        CountBasis.UNKNOWN: "counted in an unknown way",
    },
    scope={
        CountScope.OWN_SUBSCRIPTIONS: "own subscriptions",
        CountScope.INCLUDING_WHOLESALE: "wholesale customers' included",
        CountScope.WHOLESALE_ONLY: "wholesale customers' only",
        CountScope.CONNECTIONS: "connections",
        CountScope.DEVICES: "devices",
        CountScope.SITES_PROXY: "reckoned from sites",
        CountScope.UNKNOWN: "not said whose",
    },
    standing={
        Standing.COUNTED: "counts",
        Standing.SAME_PEOPLE: "the same people as in {beside}, which counts instead",
        Standing.OWN_NETWORK: "has a network of its own, so is none of the wholesale customers in {beside}",
        Standing.ABSORBED: "contained in {beside}, which counts its wholesale customers; only widens the upper end",
        Standing.OTHER_UNIT: "counts {scope}, a unit of its own that is not added to people",
        Standing.NOT_PEOPLE: "does not count people ({scope}); only widens the upper end",
        Standing.SUPERSEDED: "the operator speaks for itself in {beside}; only widens the upper end",
    },
    without_number="{source} tells no number",
    duplicate="{source} is not counted: a duplicate",
    over="{source} is not counted: {state}",
    never_added="Different impacts are never added: they are different people.",
    total="In total {service}, {impact}: {range}.",
    situations_added=("From {} situation:", "From {} situations, whose users count as different people:"),
    user_hours="user-hours of {service}, {impact}: {hours}.",
    total_hours="user-hours in total of {service}, {impact}: {hours}.",
    per_hour="Growing by {number} an hour.",
    course="{source}, alone {alone}: {spells}",
    spell="{begin} to {end} {number}",
    spell_open="since {begin} {number}",
    uncovered="besides, {length} without a number",
    is_over="Adds nothing to the numbers, for it is over.",
    cause="Cause: {cause}{disputed}.",
    claim="{source}: {detail}, {certainty}{more}",
    certainty={
        Certainty.OBSERVED: "observed",
        Certainty.LIKELY: "likely",
        Certainty.POSSIBLE: "possible",
        Certainty.UNLIKELY: "unlikely",
        Certainty.UNKNOWN: "not said how sure",
    },
    points_to="points to {refs}",
    disputed_by="disputed by {actors}",
    emergency="{impact}, the worst that is said:",
    says="{source}: {what}",
    restoration="Back: {range}.",
    forecast="{source}: {range}, {certainty}{slipped}",
    slipped=("; moved later {} time, at first {{first}}", "; moved later {} times, at first {{first}}"),
    no_forecast="No forecast from {refs}.",
    freshness="How current: {freshness}, as the report that has waited longest:",
    awaited="{source}: {freshness}, news expected within {within}{promised}",
    promised=" (promised for {at})",
    measures="Measures: {refs}.",
    flags="To be noted:",
    flag_texts={
        "CONTRADICTION": "{link} holds {b} apart from {a}, but a duplicate or MUST_LINK joins them",
        "COUNT_JUMP": "revision {revision} corrects {before} users to {after}",
        "DUPLICATE_CYCLE": "{count} reports say that they duplicate each other; {counted} is counted",
        "EQUIVOCATION": "revision {revision} was told in different ways; the latest sent counts",
        "FUTURE_TIME": "revision {revision}: {fields} lies after the bus knew it; is the clock right?",
        "ILLEGAL_TRANSITION": "revision {revision} goes from {from} to {to}",
        "OVER_100_PERCENT.SITES_OUT": "{number} sites out, of {served}",
        "OVER_100_PERCENT.SITES_ON_BACKUP": "{number} sites on backup power, of {served}",
        "OVER_100_PERCENT.USERS": "{number} users, where {inhabitants} live: does it count devices?",
        "REFERENCE_TO_NOTHING": "{missing} is not known here",
        "REVISION_GAP": "nothing was received between revisions {before} and {after}",
        "REVISION_REGRESSION": "revision {revision} was sent after revision {counts}, which counts; "
        "was a counter lost?",
        "UNVERIFIED.UNSIGNED": "is not signed, though its actor has begun to sign: ask whether this is its own",
        "UNVERIFIED.UNVERIFIABLE": "carries a signature that is not right: ask its actor whether this is its own",
    },
    instants={
        "sent_at": "when it was sent",
        "observed_at": "when it was observed",
        "started_at": "the start",
        "detected_at": "the detection",
        "restored_at": "the restoration",
    },
    names="Names:",
    named_by="Named by {refs}.",
    leads_to="{ref}, in situation/{situation}",
    leads_nowhere="{ref}, which is not known here",
    answers="Answers:",
    answered="{actor}: {answer}, {age} ago{comment}",
    answer_words={answer: answer.lower().replace("_", " ") for answer in AckAnswer},
    awaits="Waits for an answer from {actors}.",
    former="This id once stood. It came from {incident}, which was retracted {age} ago, revision {revision}{reason}.",
    former_past="This id once stood. It came from {incident}, last heard {age} ago, revision {revision}. "
    "All that belonged with it was over for so long that it left the picture.",
    former_gone="Nothing of what belonged with it is left.",
    former_went="What belonged with it is now in {situations}.",
    past="Has been over for {days} days, and so has left the picture ({rule}).",
    area="{name}:",
    area_silent="{name}: no disturbance reported. That is not the same as everything working.",
    operator="{owner}: {impact}, by {sources}",
    all_down="No mobile network works here; for exactly this place, operators report: {words}.",
    white_out="All mobile networks suffer here; for exactly this place, operators report: {words}.",
    no_white_out="It is not said that all mobile networks suffer exactly here; for this place, they report: {words}.",
    nothing_told="nothing",
    emergency_here="{impact}, by {refs}.",
    actor="{name}: {freshness}, last heard {age} ago; expected to be heard within {within}.",
    never_heard="{name}: never heard.",
    holds_open=("Holds {} report open: {}.", "Holds {} reports open: {}."),
    announces="Says that it has {announced} open.",
    conflict="{rule}, level {level} ({name}): {text}. It concerns:",
    conflict_states={
        ConflictState.OPEN: "Nobody of the coordination has answered.",
        ConflictState.ACKNOWLEDGED: "Acknowledged by {answer}.",
        ConflictState.DISMISSED: "Dismissed by {answer}.",
        ConflictState.UNKNOWN: "Its state is unknown.",
    },
    more=("… and {} more", "… and {} more"),
)

_CATALOGUE = {Language.SWEDISH: SWEDISH, Language.ENGLISH: ENGLISH}


def sentences_of(language: Language) -> Sentences:
    return _CATALOGUE[language]
