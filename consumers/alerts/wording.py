"""What a delivery says, in the language of its channel and never above its ceiling."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from bus.instants import format_instant, parse_instant
from bus.topics import Realm
from bus.vocabulary import EmergencyImpact
from consumers.alerts.facts import Fact
from consumers.alerts.rules import Rule
from consumers.alerts.schedule import Delivery, Occasion
from consumers.texts import Says, plain, texts_of
from consumers.words import STOCKHOLM, Words, words_of

__all__ = ["Alert", "worded"]

TEXTS = texts_of("consumers.alerts")


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as it leaves the house. `fields` are for programs; a withheld one names nothing."""

    subject: str
    body: str
    fields: dict[str, str | int | None]

    @property
    def id(self) -> str:
        return str(self.fields["id"])


def worded(delivery: Delivery, realm: Realm, as_of: datetime, link: str | None) -> Alert:
    fact, channel = delivery.fact, delivery.channel
    words = words_of(channel.language)
    says = Says(TEXTS, channel.language)
    mark = fact.tlp.replace("_", "+")
    news = says("withheld", f"TLP:{mark}") if delivery.withheld else _news(fact, says, words)
    status = words.exercise if realm.is_exercise else words.actual
    occasion = says(delivery.occasion, delivery.times - 1)
    subject = plain(f"[{status}] {occasion}{news[:1].upper()}{news[1:]}", 180)
    local = as_of.astimezone(STOCKHOLM)
    lines = [subject, "", says("as_of", f"{local:%Y-%m-%d %H:%M} ({as_of.astimezone(UTC):%H:%M} UTC)")]
    lines.append(says("id", fact.id))
    if link:
        lines.append(says("where", link))
    if fact.answered_by and not delivery.withheld and delivery.occasion is not Occasion.OVER:
        lines.append(says("acknowledge", ", ".join(fact.answered_by[:5])))
    fields: dict[str, str | int | None] = {
        "id": fact.id,
        "occasion": delivery.occasion.value,
        "times": delivery.times,
        "realm": realm.name,
        "exercise": realm.is_exercise,
        "as_of": format_instant(as_of),
        "text": subject,
        "rule": None if delivery.withheld else fact.rule.value,
        "subject": None if delivery.withheld else fact.subject,
        "degree": None if delivery.withheld else fact.degree,
        "tlp": fact.tlp.value,
        "link": link,
    }
    return Alert(subject, "\n".join(lines) + "\n", fields)


def _news(fact: Fact, says: Says, words: Words) -> str:
    title = plain(fact.title, 120)
    match fact.rule:
        case Rule.SEVERITY:
            return says("SEVERITY", fact.detail, words.severity[int(fact.detail)], title)
        case Rule.EMERGENCY:
            return says("EMERGENCY", words.emergencies[EmergencyImpact(fact.detail)], title)
        case Rule.SILENT:
            if not fact.detail:
                return says("never_heard", title)
            return says("SILENT", title, _when(fact.detail))
        case Rule.BUS_LOST:
            return says("BUS_LOST", _when(fact.detail))
        case Rule.QUARANTINE:
            return says("QUARANTINE", fact.detail)
        case Rule.HELD_BACK:
            return says("HELD_BACK", title)
        case Rule.TEST:
            return says("TEST")


def _when(instant: str) -> str:
    return f"{parse_instant(instant).astimezone(STOCKHOLM):%Y-%m-%d %H:%M}"
