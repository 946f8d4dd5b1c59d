"""Which alerts are due to whom: once per fact, again while nobody acknowledges it, once more when it is over. Pure.

What was told is a record per fact and channel. At least once: a hub that dies between telling and recording is followed
by one that tells it again, under the same id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bus.instants import Instant, format_instant
from bus.messages import Part
from bus.vocabulary import TLP_ORDER, Tlp
from consumers.alerts.facts import Fact
from consumers.alerts.rules import AlertRules, Channel, Rule

__all__ = ["Delivery", "Occasion", "Told", "after", "due", "trial"]


PRESSING = (Rule.EMERGENCY, Rule.SEVERITY, Rule.BUS_LOST, Rule.SILENT, Rule.HELD_BACK, Rule.QUARANTINE, Rule.TEST)
"""What goes first where a channel is to be told much: it takes one alert after the other, and may be slow."""


class Occasion(StrEnum):
    """Why something is told now."""

    NEW = "NEW"
    WORSE = "WORSE"
    AGAIN = "AGAIN"
    """Nobody has acknowledged it."""
    OVER = "OVER"


class Told(Part):
    """What a channel was told of a fact: the value of a record on the alerts topic."""

    fact: str
    channel: str
    rule: Rule
    subject: str
    degree: int
    tlp: Tlp
    title: str
    detail: str
    told_at: Instant
    worst_at: Instant
    """When this degree was first told: an acknowledgement counts from then on."""
    times: int

    @property
    def key(self) -> str:
        return f"{self.fact}/{self.channel}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """An alert that is due to a channel. `withheld`: what it is about is above the channel's ceiling."""

    fact: Fact
    channel: Channel
    occasion: Occasion
    times: int
    """Which telling of this degree it is, from 1."""
    withheld: bool


def due(
    facts: Iterable[Fact],
    told: Mapping[str, Told],
    gone_since: Mapping[str, datetime],
    answered: Mapping[str, datetime],
    rules: AlertRules,
    now: datetime,
) -> Iterator[Delivery]:
    """What is to be told now, to each channel the most pressing first.

    `told` is by key; `gone_since`, by the fact's id, since when what was told does not hold; `answered`, by the fact's
    id, when the bus knew the latest acknowledgement.
    """
    held = {fact.id: fact for fact in sorted(facts, key=lambda fact: (PRESSING.index(fact.rule), -fact.degree))}
    for channel in rules.channels:
        for fact in held.values():
            if fact.rule not in channel.rules:
                continue
            before = told.get(f"{fact.id}/{channel.name}")
            if before is None:
                yield _delivery(fact, channel, Occasion.NEW, 1)
            elif fact.degree > before.degree:
                yield _delivery(fact, channel, Occasion.WORSE, 1)
            elif _is_ignored(before, answered.get(fact.id), rules, now):
                yield _delivery(fact, channel, Occasion.AGAIN, before.times + 1)
        for before in told.values():
            since = gone_since.get(before.fact)
            if before.channel != channel.name or before.fact in held or since is None:
                continue
            if now - since >= timedelta(seconds=rules.hold_seconds):
                yield _delivery(_remembered(before), channel, Occasion.OVER, 1)


def _delivery(fact: Fact, channel: Channel, occasion: Occasion, times: int) -> Delivery:
    withheld = TLP_ORDER.index(fact.tlp) > TLP_ORDER.index(channel.ceiling)
    return Delivery(fact, channel, occasion, times, withheld)


def trial(channel: Channel, now: datetime) -> Delivery:
    """A test of the channel: about nothing, and so above no ceiling."""
    fact = Fact(Rule.TEST, format_instant(now), 0, Tlp.CLEAR, "")
    return Delivery(fact, channel, Occasion.NEW, 1, withheld=False)


def _is_ignored(before: Told, answered: datetime | None, rules: AlertRules, now: datetime) -> bool:
    if not rules.resend_minutes or (answered is not None and answered >= before.worst_at):
        return False
    return now - before.told_at >= timedelta(minutes=rules.resend_minutes)


def _remembered(told: Told) -> Fact:
    return Fact(told.rule, told.subject, told.degree, told.tlp, told.title, told.detail)


def after(delivery: Delivery, before: Told | None, now: datetime) -> Told | None:
    """What is on record once it was told; None when it is over, and need not be remembered."""
    if delivery.occasion is Occasion.OVER:
        return None
    again = delivery.occasion is Occasion.AGAIN and before is not None
    fact = delivery.fact
    return Told(
        fact=fact.id,
        channel=delivery.channel.name,
        rule=fact.rule,
        subject=fact.subject,
        degree=fact.degree,
        tlp=fact.tlp,
        title=fact.title,
        detail=fact.detail,
        told_at=now,
        worst_at=before.worst_at if again and before is not None else now,
        times=delivery.times,
    )
