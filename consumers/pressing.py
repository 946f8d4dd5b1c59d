"""What presses besides the situations: the worst of each kind, a line each, in the order of the coordination room.

Measures with something amiss, backup energy, conflicts that nobody has answered, requests that are not met, forecasts
that slipped. A kind of which nothing presses has no line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

from bus.vocabulary import ConflictState, Fulfilment, MeasureAlert
from consumers.merge.view import EnergyItem, ForecastSlip, MeasureItem, RequestItem, View
from consumers.words import Words, grouped

__all__ = ["Pressing", "pressing"]


class Pressing(NamedTuple):
    """The worst of a kind, and how many there are besides."""

    label: str
    text: str
    others: int


_ALERTS = {alert: rank for rank, alert in enumerate(MeasureAlert)}
"""Most pressing first, as a measure carries them."""
_UNMET = (
    Fulfilment.OVERDUE,
    Fulfilment.UNFILLED,
    Fulfilment.UNANSWERED,
    Fulfilment.OFFERED,
    Fulfilment.PARTLY_FILLED,
)
"""What a request may be that is not met, worst first."""


def pressing(view: View, words: Words) -> Iterator[Pressing]:
    """Each line is made from what the view says, and names whose it is."""
    for label, tell in _KINDS:
        told = tell(view, words)
        if told:
            yield Pressing(label(words), told[0], len(told) - 1)


def _measures(view: View, words: Words) -> list[str]:
    found = sorted((m for m in view.measures if m.alerts), key=lambda m: (_ALERTS[m.alerts[0]], m.ref))
    return [_measure(measure, words) for measure in found]


def _measure(measure: MeasureItem, words: Words) -> str:
    amiss = ", ".join(words.measure_alerts[alert] for alert in measure.alerts)
    return f"{words.measure_types[measure.type]} ({measure.actor}): {amiss}"


def _energy(view: View, words: Words) -> list[str]:
    """What ends before power returns, or while nobody knows when it does; in the order in which it ends."""
    at_risk = [item for item in view.energy if item.power_is_out is not False and item.ends_before_power is not False]
    return [_backup(item, item.backup_until, words, view.as_of) for item in at_risk if item.backup_until is not None]


def _backup(item: EnergyItem, end: datetime, words: Words, near: datetime) -> str:
    back = words.unknown if item.power_return is None else words.clock(item.power_return, near=near)
    return words.backup.format(who=_short(item.ref), end=words.clock(end, near=near), back=back)


def _conflicts(view: View, words: Words) -> list[str]:
    standing = [conflict for conflict in view.conflicts if conflict.state is ConflictState.OPEN]
    found = sorted(standing, key=lambda conflict: (-conflict.severity, conflict.rule, conflict.id))
    return [f"{conflict.severity}: {words.conflict(conflict, view.as_of)}" for conflict in found]


def _requests(view: View, words: Words) -> list[str]:
    unmet = [request for request in view.requests if request.fulfilment in _UNMET]
    found = sorted(unmet, key=lambda request: (_UNMET.index(request.fulfilment), request.ref))
    return [_request(request, words) for request in found]


def _request(request: RequestItem, words: Words) -> str:
    text = f"{words.resources[request.resource]} ({request.actor}): {words.fulfilments[request.fulfilment]}"
    if request.missing is None or request.quantity is None:
        return text
    return f"{text}, {words.lacking.format(f'{request.missing:g}', request.quantity.unit)}"


def _slips(view: View, words: Words) -> list[str]:
    slipped = [slip for situation in view.situations for slip in situation.restoration.slipped]
    found = sorted(slipped, key=lambda slip: (-slip.slips, -slip.later_minutes, slip.ref))
    return [_slip(slip, words, view.as_of) for slip in found]


def _slip(slip: ForecastSlip, words: Words, near: datetime) -> str:
    now = words.unknown if slip.now is None else words.clock(slip.now, near=near)
    return words.slipped[slip.slips > 1].format(who=_short(slip.ref), times=grouped(slip.slips), now=now)


def _short(ref: str) -> str:
    return ref.partition("/")[2]


_KINDS: tuple[tuple[Callable[[Words], str], Callable[[View, Words], list[str]]], ...] = (
    (lambda words: words.measures, _measures),
    (lambda words: words.energy, _energy),
    (lambda words: words.conflicts, _conflicts),
    (lambda words: words.needs, _requests),
    (lambda words: words.slips, _slips),
)
