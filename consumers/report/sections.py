"""The sections of a report after its first page, in the order that Swedish situation reports have.

Each table is a function from the view to its rows; what a table without rows means is said, for *none* and *not told*
are two things.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from bus import geography
from bus.messages import Area
from bus.vocabulary import (
    IMPACT_ORDER,
    CriticalService,
    DecisionKind,
    EmergencyImpact,
    Freshness,
    Impact,
    MeasureType,
    Service,
    Trend,
    WorkPhase,
)
from consumers.merge.view import AreaItem, RequestItem, ServiceHours, Situation
from consumers.report.changes import Changes
from consumers.report.document import Block, Cell, Column, Line, Lines, Section, Table
from consumers.report.drawing import LATE, level_of
from consumers.report.opening import FILLED, changed_lines, ongoing
from consumers.report.telling import Telling
from consumers.texts import plain
from consumers.words import grouped

__all__ = ["closing", "sections"]

HORIZONS = (12, 24, 48, 72)
"""Hours ahead in which shortfalls are counted."""
SOON = frozenset({WorkPhase.UPCOMING, WorkPhase.IN_PROCESS, WorkPhase.OVERRUN})
INFORMING = frozenset({MeasureType.CUSTOMER_INFO, MeasureType.VMA_REQUESTED})
MOST_REASONS = 3

Row = tuple[Cell, ...]


def sections(telling: Telling, changes: Changes | None) -> tuple[Section, ...]:
    """Sections 1 to 11."""
    told: tuple[tuple[Block, ...], ...] = (
        (changed_lines(telling, changes, None),),
        (_situations(telling), _causes(telling)),
        (_services(telling), _load(telling)),
        _places(telling),
        (_critical(telling),),
        (_measures(telling),),
        (_requests(telling), _horizons(telling)),
        (_forecasts(telling), _energy(telling), _works(telling)),
        (_decisions(telling), _conflicts(telling), _pending(telling)),
        (_actors(telling), _flags(telling)),
        (_messages(telling), _service_desk(telling)),
    )
    return tuple(Section(str(n), telling.says(f"s{n}"), blocks) for n, blocks in enumerate(told, start=1))


def _table(telling: Telling, key: str, columns: Iterable[tuple[str, float]], rows: Iterable[Row]) -> Table:
    heads = tuple(Column(telling.says(f"c_{name}"), share) for name, share in columns)
    return Table(key, telling.says(f"t_{key}"), heads, tuple(rows), telling.says(f"e_{key}"))


def _joined(*parts: str) -> Cell:
    return Cell("; ".join(part for part in parts if part))


# 2 Events and causes


def _situations(telling: Telling) -> Table:
    rows = (
        (
            telling.severity(situation),
            Cell(plain(situation.title), note=situation.id),
            _standing(telling, situation),
            Cell(telling.names(situation.actors)),
            Cell(telling.at(situation.started_at)),
            _why(telling, situation),
        )
        for situation in telling.view.situations
    )
    columns = (("level", 1.8), ("situation", 2.5), ("state", 1.7), ("who", 2), ("since", 0.9), ("why", 3.1))
    return _table(telling, "situations", columns, rows)


def _standing(telling: Telling, situation: Situation) -> Cell:
    words = telling.words
    return _joined(
        words.states[situation.state],
        words.emergencies[situation.emergency] if situation.emergency not in (None, EmergencyImpact.NONE) else "",
        words.trends[situation.trend] if situation.trend in (Trend.RISING, Trend.FALLING) else "",
        words.freshness[situation.freshness] if situation.freshness is not Freshness.FRESH else "",
    )


def _why(telling: Telling, situation: Situation) -> Cell:
    says, severity = telling.says, situation.severity
    reasons = [plain(telling.words.reason(reason), 160) for reason in severity.reasons[:MOST_REASONS]]
    decided = says("override", severity.computed) if severity.override else ""
    declared = says("declared", severity.declared) if severity.declared not in (None, severity.level) else ""
    return _joined(*reasons, decided, declared)


def _causes(telling: Telling) -> Table:
    says, words = telling.says, telling.words

    def told(situation: Situation) -> Cell:
        cause = situation.cause
        claims = [f"{words.causes[each.detail]} ({telling.names(each.actors, 5)})" for each in cause.candidates]
        more = cause.candidate_count - len(cause.candidates)
        return _joined(
            *claims,
            words.more.format(more) if more > 0 else "",
            says.many("no_cause_from", cause.unknown_reports) if cause.unknown_reports else "",
        )

    def cause(situation: Situation) -> Cell:
        detail = words.causes[situation.cause.detail]
        if not situation.cause.disputed:
            return Cell(detail)
        by = telling.names(situation.cause.disputed_by, 5)
        return _joined(detail, says("disputed", by) if by else words.disputed)

    rows = ((Cell(plain(s.title)), cause(s), told(s)) for s in telling.view.situations)
    return _table(telling, "causes", (("situation", 2.5), ("cause", 2), ("what", 4)), rows)


# 3 By service


def _services(telling: Telling) -> Table:
    totals = telling.view.totals

    def rows() -> Iterator[Row]:
        for service in Service:
            users = totals.users.get(service)
            if users is None:
                continue
            for impact, number in users.by_impact.items():
                hours = totals.user_hours.get(service)
                yield (
                    Cell(telling.service(service)),
                    Cell(telling.impact(impact)),
                    Cell(telling.words.how_many(number)),
                    Cell(_hours(telling, hours, impact)),
                )

    return _table(telling, "services", (("service", 2), ("impact", 2), ("users", 3.5), ("hours", 3)), rows())


def _hours(telling: Telling, hours: ServiceHours | None, impact: str) -> str:
    told = hours.by_impact.get(impact) if hours else None
    if told is None:
        return telling.words.unknown
    high = None if told.high is None else round(told.high)
    best = None if told.best is None else round(told.best)
    return telling.words.span(round(told.low), best, high, 0)


def _load(telling: Telling) -> Table:
    rows = (
        (
            Cell(telling.name(actor.actor)),
            Cell(telling.service(load.service)),
            Cell(f"{telling.quantity(load.utilisation_percent, '%')}, {telling.words.trends[load.trend]}"),
        )
        for actor in telling.view.actors
        for load in actor.load
    )
    return _table(telling, "load", (("actor", 3), ("service", 3), ("load", 3)), rows)


# 4 By county and municipality


def _places(telling: Telling) -> tuple[Block, ...]:
    """The areas that are told of by themselves; what is told of the whole country is told once."""
    says, view = telling.says, telling.view
    national = [s for s in ongoing(view) if geography.COUNTRY in s.areas and len(s.areas) == 1]
    everywhere = {situation.id for situation in national}
    told, untold = [], []
    for area in sorted(view.areas, key=lambda area: area.code):
        if area.emergency or area.all_mobile_down or area.white_out or not everywhere.issuperset(area.situations):
            told.append(area)
        elif len(area.code) == 2 and not area.impact:
            untold.append(area.name)
    lines = [Line(says("whole_country", f"{plain(s.title)} ({telling.names(s.actors, 4)})")) for s in national]
    if untold:
        lines.append(Line(says("others", ", ".join(untold))))
    columns = (("area", 2.2), ("impact", 1.8), ("operators", 4.2), ("112", 2.4))
    table = _table(telling, "areas", columns, (_place(telling, area) for area in told))
    return (Lines(tuple(lines)), table) if lines else (table,)


def _place(telling: Telling, area: AreaItem) -> Row:
    says, words = telling.says, telling.words
    county = len(area.code) == 2
    by_impact: defaultdict[Impact, list[str]] = defaultdict(list)
    for actor, impact in area.impact.items():
        by_impact[impact].append(telling.name(actor))
    ranked = sorted(by_impact, key=IMPACT_ORDER.index, reverse=True)
    others = [f"{telling.impact(impact)}: {telling.listed(by_impact[impact])}" for impact in ranked]
    emergency = []
    if area.emergency is not None:
        emergency.append(words.emergencies[area.emergency.impact])
        if area.emergency.ran_radiating:
            emergency.append(says("radiating"))
    return (
        Cell(area.name if county else f"– {area.name}", strong=county),
        Cell(says("all_down") if area.all_mobile_down else telling.impact(ranked[0]) if ranked else "", level_of(area)),
        Cell("; ".join(others)),
        _joined(says("white_out") if area.white_out and not area.all_mobile_down else "", *emergency),
    )


# 5 Critical services


def _critical(telling: Telling) -> Table:
    touched: defaultdict[str, list[Situation]] = defaultdict(list)
    for situation in ongoing(telling.view):
        for reason in situation.severity.reasons:
            for function in reason.facts.get("services", "").split() if reason.code == "CRITICAL_SERVICE" else ():
                touched[function].append(situation)
    rows = (
        (
            Cell(telling.words.critical_services[function]),
            Cell("; ".join(plain(situation.title, 90) for situation in touched[function])),
            Cell(telling.areas({code for situation in touched[function] for code in situation.areas})),
        )
        for function in CriticalService
        if function in touched
    )
    return _table(telling, "critical", (("function", 2), ("situation", 4), ("reach", 3)), rows)


# 6 Measures


def _measures(telling: Telling) -> Table:
    words = telling.words
    rows = (
        (
            Cell(f"{_capital(words.measure_types[measure.type])}: {plain(measure.title)}"),
            Cell(telling.name(measure.actor)),
            _joined(words.measure_states[measure.state], *(words.measure_alerts[alert] for alert in measure.alerts)),
            Cell(words.measure_effects[measure.effect]),
            Cell(_areas(telling, measure.areas)),
            Cell(_during(telling, measure.active_from, measure.ended_at or measure.planned_end)),
        )
        for measure in telling.view.measures
    )
    columns = (("measure", 3.2), ("actor", 1.7), ("state", 1.9), ("effect", 1.6), ("area", 1.8), ("time", 1.7))
    return _table(telling, "measures", columns, rows)


def _areas(telling: Telling, areas: Iterable[Area]) -> str:
    named = [telling.area(area.code) if area.code else plain(area.label, 40) for area in areas]
    return telling.listed(named, 4)


def _during(telling: Telling, begin: datetime | None, end: datetime | None) -> str:
    parts = (
        telling.says("from", telling.at(begin)) if begin else "",
        telling.says("until", telling.at(end)) if end else "",
    )
    return " ".join(part for part in parts if part)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


# 7 Resources


def _requests(telling: Telling) -> Table:
    words = telling.words
    rows = (
        (
            Cell(f"{_capital(words.resources[request.resource])}: {plain(request.description, 200)}"),
            Cell(telling.name(request.actor)),
            Cell(_areas(telling, request.areas)),
            Cell(telling.at(request.needed_by)),
            Cell(_asked(telling, request)),
            Cell(telling.quantity(request.promised) if request.promised is not None else ""),
            Cell(telling.quantity(request.missing) if request.missing is not None else ""),
            Cell(words.fulfilments[request.fulfilment]),
        )
        for request in telling.view.requests
    )
    columns = (
        ("resource", 3.2), ("actor", 1.6), ("area", 1.7), ("needed", 1.1), ("asked", 1.2), ("promised", 1.1),
        ("missing", 1), ("state", 1.4),
    )  # fmt: skip
    return _table(telling, "requests", columns, rows)


def _asked(telling: Telling, request: RequestItem) -> str:
    if request.quantity is None:
        return telling.words.unknown
    return telling.quantity(request.quantity.value, request.quantity.unit)


def _horizons(telling: Telling) -> Table:
    """What is short, by when it is needed."""
    as_of, says = telling.view.as_of, telling.says
    short = [request for request in telling.view.requests if request.fulfilment not in FILLED]

    def within(low: int, high: int) -> list[RequestItem]:
        begin, end = as_of + timedelta(hours=low), as_of + timedelta(hours=high)
        return [r for r in short if r.needed_by is not None and begin < r.needed_by <= end]

    late = [r for r in short if r.needed_by is not None and r.needed_by <= as_of]
    bands = [(says("overdue"), late)]
    bands += [(says("within", high), within(low, high)) for low, high in zip((0, *HORIZONS), HORIZONS, strict=False)]
    beyond = as_of + timedelta(hours=HORIZONS[-1])
    bands.append((says("later"), [r for r in short if r.needed_by is None or r.needed_by > beyond]))
    rows = ((Cell(band), Cell(_short(telling, those))) for band, those in bands if those)
    return _table(telling, "horizon", (("horizon", 1.5), ("missing", 5)), rows)


def _short(telling: Telling, requests: Iterable[RequestItem]) -> str:
    def one(request: RequestItem) -> str:
        unit = request.quantity.unit if request.quantity else ""
        amount = f" {telling.quantity(request.missing, unit)}" if request.missing is not None else ""
        return f"{telling.words.resources[request.resource]}{amount} ({telling.name(request.actor)})"

    return "; ".join(one(request) for request in requests)


# 8 Forecast and risks


def _forecasts(telling: Telling) -> Table:
    says = telling.says

    def row(situation: Situation) -> Row:
        back = situation.restoration
        certainty = telling.certainty(back.certainty) if back.certainty else ""
        moved = [
            f"{telling.name(slip.actor)} {says.many('slips', slip.slips, slip.slips, round(slip.later_minutes / 60))}"
            for slip in back.slipped
        ]
        more = back.slipped_count - len(back.slipped)
        return (
            Cell(plain(situation.title)),
            _joined(
                telling.span(back.earliest, back.latest),
                certainty,
                says("back_full", telling.at(back.full_capacity)) if back.full_capacity else "",
                says.many("without", back.missing_forecasts) if back.missing_forecasts else "",
            ),
            Cell(", ".join([*moved, *([telling.words.more.format(more)] if more > 0 else [])])),
        )

    rows = (row(situation) for situation in ongoing(telling.view))
    return _table(telling, "forecasts", (("situation", 3), ("back", 3.5), ("slips", 4)), rows)


def _energy(telling: Telling) -> Table:
    says = telling.says
    rows = (
        (
            Cell(telling.ref(item.ref)),
            Cell(telling.areas(item.areas, 4)),
            _joined(telling.at(item.backup_until), says("backup_gone") if item.exhausted else ""),
            Cell(telling.at(item.power_return)),
            Cell(says("hours", telling.quantity(round(item.gap_hours, 1))) if item.gap_hours else "",
                 4 if item.ends_before_power else None),
        )
        for item in sorted(telling.view.energy, key=lambda item: (item.backup_until is None, item.backup_until))
    )  # fmt: skip
    columns = (("actor", 2.2), ("area", 3), ("backup", 2), ("power", 1.6), ("gap", 1))
    return _table(telling, "energy", columns, rows)


def _works(telling: Telling) -> Table:
    words = telling.words
    soon = sorted((work for work in telling.view.works if work.phase in SOON), key=lambda work: work.starts_at)
    rows = (
        (
            Cell(plain(work.title)),
            Cell(telling.name(work.actor)),
            Cell(words.work_phases[work.phase]),
            Cell(_during(telling, work.starts_at, work.ends_at)),
            Cell(_areas(telling, work.areas)),
            Cell(telling.impact(work.impact)),
        )
        for work in soon
    )
    columns = (("work", 3), ("actor", 1.7), ("state", 1.5), ("time", 2.2), ("area", 1.8), ("impact", 1.6))
    return _table(telling, "works", columns, rows)


# 9 Coordination


def _decisions(telling: Telling) -> Table:
    words, says = telling.words, telling.says
    rows = (
        (
            Cell(words.decision_kinds[decision.decision]),
            Cell(f"{plain(decision.title)}. {plain(decision.text, 400)}".rstrip(" .") + "."),
            Cell(words.decision_states[decision.state]),
            _joined(
                telling.at(decision.observed_at),
                says("until", telling.at(decision.until)) if decision.until else "",
                says("review", telling.at(decision.review_at)) if decision.review_at else "",
            ),
        )
        for decision in telling.view.decisions
    )
    return _table(telling, "decisions", (("what", 1.5), ("decision", 5), ("state", 1.2), ("time", 2.2)), rows)


def _conflicts(telling: Telling) -> Table:
    ranked = sorted(telling.view.conflicts, key=lambda conflict: (-conflict.severity, conflict.rule, conflict.id))
    rows = (
        (
            Cell(conflict.rule),
            telling.level(conflict.severity),
            Cell(_capital(telling.conflict(conflict))),
            Cell(telling.words.conflict_states[conflict.state]),
        )
        for conflict in ranked
    )
    return _table(telling, "conflicts", (("rule", 0.7), ("level", 1.6), ("conflict", 6), ("state", 1.3)), rows)


def _pending(telling: Telling) -> Table:
    rows = (
        (
            Cell(telling.name(pending.actor)),
            Cell(f"{telling.words.ack_subjects[pending.subject]}: {telling.ref(pending.ref)}"),
            Cell(telling.at(pending.since)),
        )
        for pending in telling.view.pending_acks
    )
    columns = (("actor", 2), ("awaited", 4), ("since", 1.2))
    return _table(telling, "pending", columns, rows)


# 10 Uncertainty


def _actors(telling: Telling) -> Table:
    words, says = telling.words, telling.says

    def remarks(missing: int | None, slips: int | None) -> Cell:
        return _joined(
            says.many("missing", missing) if missing and missing > 0 else "",
            says.many("forecast_slips", slips) if slips else "",
        )

    rows = (
        (
            Cell(telling.name(actor.actor), strong=actor.freshness in LATE),
            Cell(words.freshness[actor.freshness], strong=actor.freshness in LATE),
            Cell(
                says("heard_ago", words.duration(telling.view.as_of - actor.last_heard))
                if actor.last_heard
                else says("never_heard")
            ),
            Cell(words.reporting[actor.reporting] if actor.ended_at is None else words.ended),
            Cell(words.modes[actor.mode] if actor.mode else words.unknown),
            remarks(actor.missing_incidents, actor.forecast_slips),
        )
        for actor in telling.view.actors
    )
    columns = (("actor", 2.2), ("fresh", 1.3), ("heard", 1.6), ("state", 2), ("mode", 1.6), ("remark", 2.4))
    return _table(telling, "actors", columns, rows)


def _flags(telling: Telling) -> Table:
    rows = (
        (
            Cell(telling.flag(flag)),
            Cell(telling.listed([telling.ref(ref) for ref in flag.refs], 6)),
        )
        for flag in telling.view.flags
    )
    return _table(telling, "flags", (("remark", 4), ("who", 4)), rows)


# 11 Communication


def _messages(telling: Telling) -> Table:
    words = telling.words
    decided = [
        (
            Cell(plain(f"{decision.title}. {decision.text}", 400)),
            Cell(telling.name(decision.actor)),
            Cell(words.decision_states[decision.state]),
            Cell(_during(telling, None, decision.until)),
        )
        for decision in telling.view.decisions
        if decision.decision is DecisionKind.COMMUNICATION
    ]
    informing = [
        (
            Cell(f"{_capital(words.measure_types[measure.type])}: {plain(measure.title)}"),
            Cell(telling.name(measure.actor)),
            Cell(words.measure_states[measure.state]),
            Cell(_during(telling, measure.active_from, measure.ended_at or measure.planned_end)),
        )
        for measure in telling.view.measures
        if measure.type in INFORMING
    ]
    return _table(
        telling, "messages", (("what", 5), ("actor", 2), ("state", 1.4), ("time", 1.8)), [*decided, *informing]
    )


def _service_desk(telling: Telling) -> Table:
    rows = (
        (
            Cell(telling.name(actor.actor)),
            _joined(
                telling.says("backlog", telling.quantity(told.backlog_hours)) if told.backlog_hours is not None else "",
                plain(told.priorities, 200),
            ),
        )
        for actor in telling.view.actors
        if (told := actor.customer_service) is not None
    )
    return _table(telling, "service_desk", (("actor", 2), ("state", 6)), rows)


# The last page


def closing(telling: Telling) -> Section:
    """How the numbers were made, what is not known, and how to check that two read the same."""
    says, view = telling.says, telling.view
    made = tuple(Line(says(f"made_{number}")) for number in range(1, 6))
    inputs = sum(view.inputs.values())
    proof = (
        Line(says("proof_text")),
        Line(f"{says('digest')}: {view.digest}"),
        Line(f"{says('rules')}: {view.rules}"),
        *((Line(says("read", len(view.inputs), grouped(inputs))),) if view.inputs else ()),
        Line(says("explain")),
    )
    unknown = tuple(Line(text) for text in _unknown(telling))
    blocks = (Lines(made, says("made")), Lines(unknown, says("unknown")), Lines(proof, says("proof")))
    return Section("", says("closing"), blocks)


def _unknown(telling: Telling) -> Iterator[str]:
    says, view = telling.says, telling.view
    open_ = ongoing(view)
    if not view.settled:
        yield says("u_unsettled")
    for service, users in view.totals.users.items():
        if users.unknown_reports:
            yield says.many("u_no_number", users.unknown_reports, users.unknown_reports, telling.service(service))
    if late := [a.actor for a in view.actors if a.freshness in LATE and a.last_heard is not None]:
        yield says("u_silent", telling.names(late))
    if never := [a.actor for a in view.actors if a.last_heard is None and a.ended_at is None]:
        yield says("u_never", telling.names(never))
    if stale := sum(situation.freshness in LATE for situation in open_):
        yield says("u_stale", stale, len(open_))
    if missing := sum(max(0, actor.missing_incidents or 0) for actor in view.actors):
        yield says.many("u_missing", missing)
    if bounds := [plain(s.title, 90) for s in open_ if s.severity.lower_bound]:
        yield says("u_lower", telling.listed(bounds, 6))
    if causes := [plain(s.title, 90) for s in open_ if s.cause.disputed or s.cause.detail == "UNKNOWN"]:
        yield says("u_cause", telling.listed(causes, 6))
    if forecasts := sum(situation.restoration.missing_forecasts for situation in open_):
        yield says.many("u_forecast", forecasts)
    if view.quarantined:
        yield says.many("u_quarantine", view.quarantined)
    if view.withheld:
        yield says.many("u_withheld", sum(view.withheld.values()))
    yield says("u_capacity")
