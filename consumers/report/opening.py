"""The first page of a report: head, summary, figures, what changed. Bounded, so that it stays one page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from bus.vocabulary import (
    TLP_ORDER,
    ConflictState,
    EmergencyImpact,
    Fulfilment,
    MeasureState,
    Service,
    SituationState,
    Tlp,
)
from consumers.merge.view import Situation, View
from consumers.ramp import RAMP_OF_IMPACT
from consumers.report.changes import Change, Changes, Difference
from consumers.report.document import Fact, Line, Lines
from consumers.report.drawing import LATE
from consumers.report.telling import Telling
from consumers.texts import plain

__all__ = ["changed_lines", "figures", "legend", "summary", "tlp_of", "unfilled", "worst"]

MOST_CHANGES = 7
UNDERWAY = frozenset({MeasureState.ACTIVATING, MeasureState.ACTIVE, MeasureState.DEACTIVATING})
LOST = frozenset({EmergencyImpact.LOST_NO_FALLBACK})
FILLED = frozenset({Fulfilment.FILLED, Fulfilment.OVER})
HEADLINE_SERVICES = (Service.MOBILE_VOICE, Service.MOBILE_DATA, Service.FIXED_INTERNET, Service.FIXED_VOICE)


def tlp_of(view: View) -> Tlp:
    """How far the picture may travel: no further than any part of it. What actors tell of themselves is AMBER, unless
    they say otherwise, and the picture does not tell.
    """
    marks = [situation.tlp for situation in view.situations]
    for items in (view.measures, view.works, view.requests, view.offers, view.decisions):
        marks += [item.tlp for item in items]
    return max((Tlp.AMBER, *marks), key=TLP_ORDER.index)


def worst(telling: Telling) -> Fact:
    situation = next(iter(ongoing(telling.view)), None)
    level = situation.severity.level if situation else 0
    bound = situation is not None and situation.severity.lower_bound
    return Fact(telling.says("sector"), telling.level(level, at_least=bound).text, level)


def ongoing(view: View) -> list[Situation]:
    """Open situations, worst first."""
    return [s for s in view.situations if s.state in (SituationState.ONGOING, SituationState.UNKNOWN)]


def summary(telling: Telling) -> Lines:
    """Five lines at most: the worst, 112, users, forecast, what needs doing."""
    told = (each(telling) for each in (_event, _calls, _users, _back, _to_do))
    return Lines(tuple(Line(text) for text in told if text), telling.says("summary"))


def _event(telling: Telling) -> str:
    says, view, sector = telling.says, telling.view, telling.view.totals.sector
    reporting = says("reporting", sector.reporting, sector.operators)
    if not (open_ := ongoing(view)):
        return f"{says('quiet')}; {reporting}."
    first = open_[0]
    told = says("worst", plain(first.title, 100), telling.severity(first).text)
    return f"{told} {says.many('situations', len(open_))}; {reporting}."


def _calls(telling: Telling) -> str:
    says, emergency = telling.says, telling.view.emergency
    suffering = [item for item in emergency if item.impact not in (EmergencyImpact.NONE, EmergencyImpact.UNKNOWN)]
    lost = [item.code for item in suffering if item.impact in LOST]
    where_none = [area.name for area in telling.view.areas if area.all_mobile_down]
    parts = []
    if where_none:
        parts.append(says("no_mobile", telling.listed(where_none, 4)))
    if not suffering:
        return " ".join([says("emergency_none"), *parts])
    rest = [item.code for item in suffering if item.code not in _above(lost)]
    if lost:
        parts.insert(0, says("emergency_lost", telling.areas(lost, 4)))
        if rest:
            parts.insert(1, says("emergency_also", telling.areas(rest, 4)))
    else:
        parts.insert(0, says("emergency_some", telling.areas(rest, 4)))
    return " ".join(parts)


def _above(codes: Iterable[str]) -> set[str]:
    return {part for code in codes for part in (code, code[:2])}


def _users(telling: Telling) -> str:
    told = []
    for service in HEADLINE_SERVICES:
        users = telling.view.totals.users.get(service)
        if users is not None and (users.high or users.low or users.unknown_reports):
            number = telling.words.how_many(users)
            told.append(f"{telling.service(service)} {number}, {telling.impact(users.impact)}")
    if told:
        return telling.says("users", "; ".join(told))
    return telling.says("users_none") if ongoing(telling.view) else ""


def _back(telling: Telling) -> str:
    open_ = ongoing(telling.view)
    if not open_:
        return ""
    ends = [s.restoration for s in open_ if s.restoration.latest is not None]
    if not ends:
        return telling.says("no_forecast")
    earliest = min(end.earliest for end in ends if end.earliest is not None)
    latest = max(end.latest for end in ends if end.latest is not None)
    told = [telling.span(earliest, latest)]
    if full := max((end.full_capacity for end in ends if end.full_capacity), default=None):
        told.append(telling.says("back_full", telling.at(full)))
    if slips := sum(end.slips for end in ends):
        told.append(telling.says.many("slipped", slips))
    return telling.says("back", "; ".join(told))


def _to_do(telling: Telling) -> str:
    says, view = telling.says, telling.view
    parts = []
    short = [item.backup_until for item in view.energy if item.ends_before_power and item.backup_until is not None]
    if short:
        parts.append(says("energy_first", len(short), telling.at(min(short))).rstrip("."))
    if requests := unfilled(view):
        parts.append(says.many("unfilled", requests))
    if conflicts := unanswered(view):
        parts.append(says.many("open_conflicts", conflicts))
    if view.pending_acks:
        parts.append(says.many("to_answer", len(view.pending_acks)))
    return f"{_capital('; '.join(parts))}." if parts else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def unfilled(view: View) -> int:
    return sum(request.fulfilment not in FILLED for request in view.requests)


def unanswered(view: View) -> int:
    return sum(conflict.state is ConflictState.OPEN for conflict in view.conflicts)


def figures(telling: Telling) -> tuple[Fact, ...]:
    """The tiles of the room, on paper."""
    says, view = telling.says, telling.view
    calls = {item.code for item in view.emergency if item.impact is not EmergencyImpact.NONE}
    finest = [code for code in calls if not any(other != code and other.startswith(code) for other in calls)]
    down = [area for area in view.areas if area.all_mobile_down and len(area.code) == 4]
    voice = view.totals.users.get(Service.MOBILE_VOICE)
    number = telling.words.none if voice is None else telling.words.span(voice.low, voice.best, voice.high, 0)
    return (
        Fact(says("figure_112"), says.many("areas", len(finest)) if finest else telling.words.none),
        Fact(says("figure_mobile"), says.many("municipalities", len(down)) if down else telling.words.none),
        Fact(says("figure_voice"), number),
        Fact(says("figure_silent"), telling.words.count(sum(actor.freshness in LATE for actor in view.actors))),
        Fact(says("figure_measures"), telling.words.count(sum(m.state in UNDERWAY for m in view.measures))),
        Fact(says("figure_requests"), telling.words.count(unfilled(view))),
        Fact(says("figure_conflicts"), telling.words.count(unanswered(view))),
    )


def legend(telling: Telling) -> tuple[Fact, ...]:
    steps = [Fact(telling.impact(impact), "", level) for impact, level in RAMP_OF_IMPACT.items() if level]
    return (Fact(telling.says("legend_5"), "", 5), *reversed(steps))


def changed_lines(telling: Telling, changes: Changes | None, most: int | None = MOST_CHANGES) -> Lines:
    """What changed, one line each; beyond `most`, how many more."""
    says = telling.says
    title = says("changes")
    if changes is None:
        return Lines((Line(says("changes_first")),), title)
    if not changes.any:
        return Lines((Line(says("changes_none", telling.at(changes.since))),), title)
    lines = list(_changed(telling, changes))
    if most is not None and len(lines) > most:
        more = Line(says.many("changes_more", len(lines) - most))
        lines = [*lines[:most], more]
    return Lines(tuple(lines), title)


def _changed(telling: Telling, changes: Changes) -> Iterator[Line]:
    says = telling.says
    for change in changes.situations:
        yield Line(_change(telling, change), says(change.kind), change.level)
    for conflict in changes.new_conflicts:
        yield Line(_capital(plain(telling.conflict(conflict), 160)), says("new_conflict"), conflict.severity)
    for measure in changes.started_measures:
        kind = _capital(telling.words.measure_types[measure.type])
        yield Line(f"{kind}: {plain(measure.title, 90)} ({telling.name(measure.actor)})", says("started"))
    for measure in changes.ended_measures:
        kind = _capital(telling.words.measure_types[measure.type])
        yield Line(f"{kind}: {plain(measure.title, 90)} ({telling.name(measure.actor)})", says("ended"))
    for conflict in changes.changed_conflicts:
        yield Line(_capital(plain(telling.conflict(conflict), 160)), says("changed_conflict"), conflict.severity)
    for conflict in changes.past_conflicts:
        yield Line(f"{conflict.rule}: {plain(telling.conflict(conflict), 120)}", says("past_conflict"))


def _change(telling: Telling, change: Change) -> str:
    told = "; ".join(_difference(telling, difference) for difference in change.differences)
    return f"{plain(change.title, 90)}{f': {told}' if told else ''}"


def _difference(telling: Telling, difference: Difference) -> str:
    says, words = telling.says, telling.words

    def symbol(value: str | None) -> str:
        if difference.what == "emergency":
            return words.emergencies[EmergencyImpact(value or EmergencyImpact.NONE)]
        if difference.what == "forecast":
            return telling.at(datetime.fromisoformat(str(value)))
        if difference.what == "severity":
            return str(value)
        if difference.what.startswith("users/"):
            return words.count(int(str(value)))
        return says("not_reported") if value is None else telling.impact(value)

    if difference.what == "emergency":
        return f"{symbol(difference.before)} → {symbol(difference.now)}"
    labels = {"severity": says("level"), "forecast": says("back_at")}
    service = difference.what.removeprefix("users/")
    label = labels.get(difference.what) or telling.service(service)
    return says("from_to", label, symbol(difference.before), symbol(difference.now))
