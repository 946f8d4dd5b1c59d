"""The tiles: what staff ask first, each a number that leads to its place. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from bus import geography
from bus.vocabulary import EMERGENCY_ORDER, ConflictState, EmergencyImpact, MeasureState, Service
from consumers.room.page.labels import Labels
from consumers.room.page.links import Links
from consumers.room.sight import DifferenceKind, Sight, Tab
from consumers.words import Words

__all__ = ["Tile", "tiles"]

RUNNING = frozenset({MeasureState.ACTIVATING, MeasureState.ACTIVE, MeasureState.DEACTIVATING})
HEADLINES = (Service.MOBILE_VOICE, Service.MOBILE_DATA, Service.FIXED_INTERNET, Service.FIXED_VOICE)
"""Services whose users head the picture, the first that anything is told of."""


@dataclass(frozen=True, slots=True)
class Tile:
    name: str
    label: str
    value: str
    more: str
    alarming: bool
    href: str


def tiles(sight: Sight, words: Words, labels: Labels, links: Links) -> Iterator[Tile]:
    """In the order in which they are read. Of a picture that is not whole, what it lacks is not known yet."""
    for tile in _told(sight, words, labels, links):
        lacks = tile.name == "silent" or tile.value in {words.none, labels.not_known, labels.count("active", 0)}
        unknown = lacks and not sight.settled
        yield replace(tile, value=labels.not_known_yet, more="", alarming=False) if unknown else tile


def _told(sight: Sight, words: Words, labels: Labels, links: Links) -> Iterator[Tile]:
    view = sight.view

    def tile(name: str, label: str, value: Any, more: str, alarming: bool, tab: Tab) -> Tile:
        return Tile(name, label, str(value), more, alarming, links.to(tab=tab))

    suffering = _finest({item.code for item in view.emergency if item.impact is not EmergencyImpact.NONE})
    worst = max((item.impact for item in view.emergency), key=_rank, default=None)
    told = words.emergencies[worst].removeprefix("112 ") if worst and suffering else ""
    areas = labels.count("tile_112", len(suffering)) if suffering else labels.not_known
    yield tile("emergency", labels.emergency, areas, told, bool(suffering), Tab.EMERGENCY)

    down = [area for area in view.areas if area.all_mobile_down and len(area.code) == 4]
    names = ", ".join(area.name for area in down[:2]) + (" …" if len(down) > 2 else "")
    number = words.count(len(down)) if down else labels.not_known
    yield tile("mobile", labels.without_mobile, number, names, bool(down), Tab.AREAS)

    service = next((s for s in HEADLINES if s in view.totals.users), None)
    users = view.totals.users.get(service) if service else None
    label = labels.affected.format(words.services[service or Service.MOBILE_VOICE])
    number = words.span(users.low, users.best, users.high, 0) if users else labels.not_known
    missing = users.unknown_reports if users else 0
    said = words.impacts[users.impact] if users else ""
    more = f"{said}, {words.missing_counts[missing != 1].format(missing)}" if missing else said
    yield Tile("affected", label, number, more, False, links.why(f"totals#users.{service}") if users else links.to())

    sector = view.totals.sector
    silent, of = sector.operators - sector.reporting, labels.of.format(sector.operators)
    yield tile("silent", labels.silent_operators, words.count(silent), of, silent > 0, Tab.ACTORS)

    unanswered = sum(conflict.state is ConflictState.OPEN for conflict in view.conflicts)
    more = labels.count("new_count", unanswered)
    count = words.count(len(view.conflicts))
    yield tile("conflicts", labels.conflicts, count, more, unanswered > 0, Tab.CONFLICTS)

    running = sum(measure.state in RUNNING for measure in view.measures)
    alerts = sum(bool(measure.alerts) for measure in view.measures)
    more = f"{alerts} {labels.remarks.lower()}" if alerts else ""
    yield tile("measures", labels.measures, labels.count("active", running), more, False, Tab.MEASURES)

    pending = len(view.pending_acks)
    yield tile("awaiting", labels.awaiting, words.count(pending), "", False, Tab.CONFLICTS)

    yield _news(sight, words, labels, links)


def _news(sight: Sight, words: Words, labels: Labels, links: Links) -> Tile:
    since = sight.since
    if since is None:
        return Tile("news", labels.new_since_unknown, "–", "", False, links.to(tab=Tab.NEWS))
    if since.under_way:
        label = labels.new_since.format(words.clock(since.instant, near=sight.view.as_of))
        return Tile("news", label, "…", labels.under_way, False, links.to(tab=Tab.NEWS))
    kinds = [difference.kind for difference in since.differences]
    new, worse = kinds.count(DifferenceKind.NEW), kinds.count(DifferenceKind.WORSE)
    label = labels.new_since.format(words.clock(since.instant, near=sight.view.as_of))
    more = labels.worse.format(worse) if worse else ""
    return Tile("news", label, words.count(new), more, bool(new or worse), links.to(tab=Tab.NEWS))


def _rank(impact: EmergencyImpact) -> int:
    return EMERGENCY_ORDER.index(impact)


def _finest(codes: set[str]) -> set[str]:
    """Without the counties that are told of for a municipality within them."""
    return {code for code in codes if not any(other != code and geography.contains(code, other) for other in codes)}
