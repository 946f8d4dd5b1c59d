"""What has changed between two pictures of one audience: new or worse first, each with what of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bus.instants import format_instant
from bus.messages import Part
from bus.vocabulary import EMERGENCY_ORDER, IMPACT_ORDER, Freshness, SituationState
from consumers.merge.view import (
    ActorItem,
    AreaItem,
    Conflict,
    DecisionItem,
    MeasureItem,
    OfferItem,
    RequestItem,
    Situation,
    WorkItem,
)
from consumers.room.pictures import Picture
from consumers.room.sight import Difference, DifferenceKind

Values = Mapping[str, Any]
Order = Callable[[Any], Any]

_FRESHNESS = (Freshness.FRESH, Freshness.DUE, Freshness.STALE, Freshness.SILENT)
_STATES = (SituationState.CLOSED, SituationState.RESTORED, SituationState.ONGOING)

WORSE: Mapping[str, Order] = {
    "severity": lambda level: level,
    "state": lambda state: _STATES.index(state) if state in _STATES else None,
    "emergency": lambda impact: -1 if impact is None else EMERGENCY_ORDER.index(impact),
    "impact": lambda impact: -1 if impact is None else IMPACT_ORDER.index(impact),
    "freshness": _FRESHNESS.index,
    "areas": lambda number: number,
    "members": lambda number: number,
    "restoration": lambda latest: latest,
    "all_mobile_down": bool,
    "white_out": bool,
}
"""Of what there is a better and a worse: by which it is measured. All else only differs."""
_ORDER = {
    kind: rank
    for rank, kind in enumerate(
        (DifferenceKind.NEW, DifferenceKind.WORSE, DifferenceKind.BETTER, DifferenceKind.CHANGED, DifferenceKind.GONE)
    )
}


@dataclass(frozen=True, slots=True)
class Measure:
    """What of a thing is compared."""

    title: str
    level: int
    values: Values
    blank: bool
    """There is nothing to tell of it: an area of which nothing is reported."""


Measured = Mapping[str, Measure]
"""By key: `situation/<id>`, `area/<code>`, ..."""


def measured(picture: Picture) -> Measured:
    """All that is compared of a picture."""
    return {key: _measure(item) for key, item in _things(picture)}


def differences(before: Measured, now: Picture) -> tuple[Difference, ...]:
    """By kind, then the most severe, then by key. A situation that only answers to another id is the same."""
    old, new = dict(before), measured(now)
    for key in list(old):
        kind, _, id = key.partition("/")
        situation = now.situation(id) if kind == "situation" else None
        if situation is not None and f"situation/{situation.id}" not in old:
            old[f"situation/{situation.id}"] = old.pop(key)
    found = [difference for key in old.keys() | new.keys() if (difference := _compare(key, old.get(key), new.get(key)))]
    return tuple(sorted(found, key=lambda d: (_ORDER[d.kind], -new[d.key].level if d.key in new else 0, d.key)))


def _compare(key: str, old: Measure | None, new: Measure | None) -> Difference | None:
    if old is None or new is None:
        shown = new or old
        if shown is None or shown.blank:
            return None
        kind = DifferenceKind.NEW if new is not None else DifferenceKind.GONE
        return Difference(key, kind, shown.title, ())
    reasons = []
    directions = set()
    for what, now in new.values.items():
        was = old.values[what]
        if was == now:
            continue
        reasons.append((what, _said(was), _said(now)))
        directions.add(_direction(what, was, now))
    if not reasons:
        return None
    if DifferenceKind.WORSE in directions:
        kind = DifferenceKind.WORSE
    else:
        kind = DifferenceKind.BETTER if directions == {DifferenceKind.BETTER} else DifferenceKind.CHANGED
    return Difference(key, kind, new.title, tuple(reasons))


def _direction(what: str, was: Any, now: Any) -> DifferenceKind:
    measure = WORSE.get(what)
    if measure is None:
        return DifferenceKind.CHANGED
    before, after = measure(was), measure(now)
    if before is None or after is None or before == after:
        return DifferenceKind.CHANGED
    return DifferenceKind.WORSE if after > before else DifferenceKind.BETTER


def _things(picture: Picture) -> Iterator[tuple[str, Part]]:
    view = picture.view
    yield from ((f"situation/{situation.id}", situation) for situation in view.situations)
    yield from ((f"conflict/{conflict.id}", conflict) for conflict in view.conflicts)
    yield from ((f"area/{area.code}", area) for area in view.areas)
    yield from ((f"actor/{actor.actor}", actor) for actor in view.actors)
    named: Iterable[MeasureItem | WorkItem | RequestItem | DecisionItem]
    for named in (view.measures, view.works, view.requests, view.decisions):
        yield from ((item.ref, item) for item in named)
    yield from ((offer.offer, offer) for offer in view.offers)


def _measure(item: Part) -> Measure:
    return Measure(_title(item), _level(item), _values(item), isinstance(item, AreaItem) and not item.impact)


def _values(item: Part) -> Values:
    match item:
        case Situation():
            return {
                "severity": item.severity.level,
                "state": item.state,
                "emergency": item.emergency,
                "freshness": item.freshness,
                "areas": len(item.areas),
                "members": len(item.members),
                "restoration": item.restoration.latest,
            }
        case AreaItem():
            return {
                "impact": max(item.impact.values(), key=IMPACT_ORDER.index, default=None),
                "emergency": item.emergency.impact if item.emergency else None,
                "all_mobile_down": item.all_mobile_down,
                "white_out": item.white_out,
            }
        case ActorItem():
            return {"freshness": item.freshness, "mode": item.mode}
        case Conflict():
            return {"conflict": item.state}
        case MeasureItem():
            return {"measure": item.state, "effect": item.effect, "planned_end": item.planned_end}
        case WorkItem():
            return {"work": item.state, "starts_at": item.starts_at, "ends_at": item.ends_at}
        case RequestItem():
            return {"request": item.state, "fulfilment": item.fulfilment}
        case OfferItem():
            return {"offer": item.state}
        case DecisionItem():
            return {"decision": item.state, "revision": item.revision}
    return {}


def _title(item: Part) -> str:
    match item:
        case Situation() | MeasureItem() | WorkItem() | DecisionItem():
            return item.title
        case AreaItem():
            return item.name
        case ActorItem():
            return item.name or item.actor
        case Conflict():
            return item.rule
        case RequestItem() | OfferItem():
            return item.resource.value
    return ""


def _level(item: Part) -> int:
    match item:
        case Situation():
            return item.severity.level
        case Conflict():
            return item.severity
    return 0


def _said(value: Any) -> str | None:
    match value:
        case None:
            return None
        case datetime():
            return format_instant(value)
        case bool():
            return str(value).lower()
    return str(value)
