"""What somebody may have to be woken for: from what a hub shows, and how it is, to facts with stable names. Pure.

A fact is named by its rule and its subject, so every hub gives it the same id. Its degree rises when it gets
worse: then it is told anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from bus.instants import format_instant
from bus.messages import Part
from bus.vocabulary import EMERGENCY_ORDER, TLP_ORDER, EmergencyImpact, Freshness, SituationState, Tlp
from consumers.alerts.rules import Rule, Thresholds
from consumers.merge.view import ActorItem, AreaItem, SituationSummary

__all__ = ["Fact", "lost_bus", "of_hub", "of_picture"]

_OPEN = frozenset({SituationState.ONGOING, SituationState.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that holds now."""

    rule: Rule
    subject: str
    """Of what: a reference, `area/<code>`, `actor/<slug>/<when last heard>`, a partition."""
    degree: int
    """How bad, on the rule's own scale."""
    tlp: Tlp
    title: str
    """Operators' words or a name; empty where the rule says it all."""
    detail: str = ""
    """A symbol or a number that the sentence needs."""
    answered_by: tuple[str, ...] = ()
    """References: an acknowledgement of any of them by the coordination ends the reminders."""

    @property
    def id(self) -> str:
        return "alert-" + hashlib.sha256(f"{self.rule}\n{self.subject}".encode()).hexdigest()[:16]


def of_picture(items: Mapping[str, Part], thresholds: Thresholds) -> Iterator[Fact]:
    """The facts of the full picture's items, by key."""
    for item in items.values():
        match item:
            case SituationSummary():
                yield from _severe(item, thresholds)
            case AreaItem() if len(item.code) == 2:  # a county tells of its municipalities too
                yield from _without_112(item, items, thresholds)
            case ActorItem():
                yield from _silent(item, thresholds)


def _severe(situation: SituationSummary, thresholds: Thresholds) -> Iterator[Fact]:
    level = situation.severity.level
    if thresholds.severity and level >= thresholds.severity and situation.state in _OPEN:
        ref = f"situation/{situation.id}"
        yield Fact(Rule.SEVERITY, ref, level, situation.tlp, situation.title, str(level), (ref,))


def _without_112(area: AreaItem, items: Mapping[str, Part], thresholds: Thresholds) -> Iterator[Fact]:
    least, told = thresholds.emergency, area.emergency
    if least is None or told is None or _rank(told.impact) < _rank(least):
        return
    refs = tuple(f"situation/{id}" for id in area.situations)
    marks = [item.tlp for ref in refs if isinstance(item := items.get(ref), SituationSummary)]
    tlp = max((Tlp.AMBER, *marks), key=TLP_ORDER.index)
    yield Fact(Rule.EMERGENCY, f"area/{area.code}", _rank(told.impact), tlp, area.name, told.impact.value, refs)


def _rank(impact: EmergencyImpact) -> int:
    return EMERGENCY_ORDER.index(impact)


def _silent(actor: ActorItem, thresholds: Thresholds) -> Iterator[Fact]:
    if actor.freshness is Freshness.SILENT and actor.ended_at is None and set(actor.roles) & set(thresholds.silent):
        heard = "" if actor.last_heard is None else format_instant(actor.last_heard)
        answer = f"status/{actor.actor}/status"
        name = actor.name or actor.actor
        yield Fact(Rule.SILENT, f"actor/{actor.actor}/{heard}", 1, Tlp.AMBER, name, heard, (answer,))


def of_hub(held_back: Iterable[str], quarantined: int, thresholds: Thresholds) -> Iterator[Fact]:
    """The facts of the bus itself, as the leading hub finds it."""
    for partition in held_back:
        yield Fact(Rule.HELD_BACK, partition, 1, Tlp.GREEN, partition)
    if thresholds.quarantined and (degree := quarantined // thresholds.quarantined):
        yield Fact(Rule.QUARANTINE, "quarantine", degree, Tlp.GREEN, "", str(quarantined))


def lost_bus(digest: str, heard_at: datetime) -> Fact:
    """That a hub does not hear the bus any more. Hubs that lost it at the same picture give it the same name."""
    return Fact(Rule.BUS_LOST, digest, 1, Tlp.GREEN, "", format_instant(heard_at.replace(microsecond=0)))
