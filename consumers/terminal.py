"""The picture in a terminal: header, tiles, list, detail, and what presses besides, in the order of the coordination
room. Usable at 80x24.

Severity is a numeral, a word and a colour, never a colour alone; there is no green, for "all well" is plain paper.
What is unknown is said in words. Text of operators is never markup, and steers nothing (`consumers.texts.harmless`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.style import Style
from rich.table import Table
from rich.text import Text

from bus import geography
from bus.vocabulary import (
    Audience,
    EmergencyImpact,
    Freshness,
    MeasureState,
    MessageStatus,
    Service,
    Trend,
)
from consumers.merge.view import ActorItem, ServiceUsers, Situation, View
from consumers.pressing import Pressing, pressing
from consumers.ramp import RAMP
from consumers.texts import harmless
from consumers.words import Words, counted

__all__ = ["Moment", "Picture"]

SHADES: tuple[Style, ...] = (Style(), *(Style(color=shade.ink, bgcolor=shade.fill) for shade in RAMP[1:]))
"""By level; 0: plain."""

ALARM = Style(bold=True, reverse=True)
EXERCISE = Style(color="#000000", bgcolor="#f5d90a", bold=True)
QUIET = Style(dim=True)
STRIPES = "▞"

LATE = frozenset({Freshness.STALE, Freshness.SILENT})
UNDERWAY = frozenset({MeasureState.ACTIVATING, MeasureState.ACTIVE, MeasureState.DEACTIVATING})
LOST_AFTER = timedelta(seconds=10)
WIDE = 100
"""Columns from which a situation's second line joins the first, and actors get a table."""

FEW = 2
"""Actors that a list names; more are counted."""

MAIN_SERVICES = 3
"""Services that a list names."""

HEADER_AND_TILES = 7
DETAIL_LINES = 9
"""Lines that the chosen situation and what presses besides get on a short screen; the list takes what is left."""
LEAST_DETAIL = 5
"""Lines of them that are the situation's in any case: its title, why it is so grave, users, cause, forecast."""

TALL = 40
"""Lines from which there is room for every fact, and for the actors."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When the reader looks, and what is known of the stream behind the picture.

    `now` makes the age of a live picture; None for a picture of the past or from files. `progress` is the share of
    the log that is folded, 0 to 1, while catching up.
    """

    now: datetime | None = None
    past: bool = False
    progress: float | None = None


@dataclass(frozen=True)
class Picture:
    """A view as rich prints it. `height` in lines bounds it (a live screen); without it everything is printed.

    `chosen` is the id of the situation to show in detail; without it, the first.
    """

    view: View
    words: Words
    moment: Moment = Moment()
    height: int | None = None
    chosen: str | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        yield from _header(self.view, self.words, self.moment, width)
        yield _tiles(self.view, self.words, width)
        situations = self.view.situations
        if not situations:
            yield _nothing(self.view, self.words)
        else:
            chosen = next((s for s in situations if self.chosen in (s.id, *s.aliases)), situations[0])
            besides = list(pressing(self.view, self.words))
            detail = max(LEAST_DETAIL, DETAIL_LINES - len(besides)) if self._compact else None
            yield _list(situations, chosen, self.words, width, self._room_for_list(width, len(besides)))
            yield _detail(chosen, self.view, self.words, detail)
            yield _besides(besides, self.words, compact=self._compact)
        if not self._compact:
            yield _actors(self.view, self.words)

    @property
    def _compact(self) -> bool:
        """Whether the screen is short: then each fact gets one line, cut where it ends."""
        return self.height is not None and self.height < TALL

    def _room_for_list(self, width: int, besides: int) -> int | None:
        """How many situations fit."""
        if self.height is None:
            return None
        below = max(DETAIL_LINES, LEAST_DETAIL + besides)
        lines = max(2, self.height - HEADER_AND_TILES - bool(self.view.withheld) - below - 1)
        return max(1, lines if width >= WIDE else lines // 2)


def _header(view: View, words: Words, moment: Moment, width: int) -> Iterator[RenderableType]:
    exercise = view.status is not MessageStatus.ACTUAL
    worst = max((s.severity.level for s in view.situations), default=0)
    status = Text(f" {words.exercise if exercise else words.actual} ", EXERCISE if exercise else Style(bold=True))
    as_of = f"{words.as_of} {words.clock(view.as_of, seconds=True, near=moment.now)}"
    name = [status, Text(words.title, Style(bold=True)), _level(worst, words)]
    lost = moment.now is not None and moment.now - view.as_of > LOST_AFTER
    state = [
        Text(as_of),
        *([Text(f"{words.age} {words.duration(moment.now - view.as_of)}")] if moment.now else []),
        *([] if lost or moment.past else [_progress(view, words, moment)]),
        Text(f"{words.picture} {view.digest.removeprefix('sha256:')[:6]}", QUIET),
    ]
    if exercise:
        yield Text(STRIPES * width, EXERCISE, no_wrap=True)
    if view.audience is not Audience.FULL:
        name.append(Text(words.audiences[view.audience], Style(bold=True)))
    yield from [_barred([*name, *state])] if width >= WIDE else [_barred(name), _barred(state)]
    if view.withheld:
        yield Text(counted(words.withheld, sum(view.withheld.values())), ALARM)
    if moment.past:
        yield Text(f" {words.then.format(words.clock(view.as_of, near=moment.now))} ".center(width), ALARM)
    elif lost:
        yield Text(f" {words.lost.format(words.clock(view.as_of, near=moment.now))} ".center(width), ALARM)


def _barred(parts: Sequence[Text]) -> Text:
    return Text(" │ ").join(parts)


def _progress(view: View, words: Words, moment: Moment) -> Text:
    if view.settled:
        return Text(words.settled)
    share = "" if moment.progress is None else f"{moment.progress * 100:.0f} %"
    return Text(f" {words.catching_up.format(share)} ", ALARM)


def _level(level: int, words: Words) -> Text:
    return Text(f" {level or '–'} {words.severity[level]} ", SHADES[level])


def _tiles(view: View, words: Words, width: int) -> RenderableType:
    voice = view.totals.users.get(Service.MOBILE_VOICE)
    emergencies = _finest({item.code for item in view.emergency})
    tiles = (
        (words.emergency, f"{len(emergencies)} {words.regions}", bool(emergencies)),
        (words.without_mobile, *_counted(sum(area.all_mobile_down for area in view.areas))),
        (f"{words.affected} {words.services[Service.MOBILE_VOICE]}", _best(voice, words), False),
        (words.silent, *_counted(sum(actor.freshness in LATE for actor in view.actors))),
        (words.conflicts, *_counted(len(view.conflicts))),
        (words.active_measures, str(sum(m.state in UNDERWAY for m in view.measures)), False),
        (words.awaiting, str(len(view.pending_acks)), False),
        (words.quarantined, *_counted(view.quarantined)),
    )
    table = Table.grid(padding=(0, 1), expand=width < WIDE)
    for _ in tiles:
        table.add_column(no_wrap=True)
    table.add_row(*(Text(label, QUIET) for label, _, _ in tiles))
    table.add_row(*(Text(value, Style(bold=True, underline=alarming)) for _, value, alarming in tiles))
    return Padding(table, (0, 0, 1, 0))


def _finest(codes: set[str]) -> set[str]:
    """Without the counties that are told of for a municipality within them."""
    return {code for code in codes if not any(other != code and geography.contains(code, other) for other in codes)}


def _counted(number: int) -> tuple[str, bool]:
    return str(number), number > 0


def _best(users: ServiceUsers | None, words: Words) -> str:
    if users is None:
        return words.none
    return words.span(users.low, users.best, users.high, 0)


def _nothing(view: View, words: Words) -> Text:
    sector = view.totals.sector
    facts = [words.nothing_reported, words.heard.format(sector.reporting, sector.operators)]
    if sector.freezes:
        facts.append(counted(words.freezes, sector.freezes))
    return Text(f"{'; '.join(facts)}\n")


def _list(
    situations: Sequence[Situation], chosen: Situation, words: Words, width: int, room: int | None
) -> RenderableType:
    shown = situations if room is None else _around(situations, chosen, room)
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(width=1)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    wide = width >= WIDE
    if wide:
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for situation in shown:
        title = Text(harmless(situation.title), Style(bold=situation is chosen, dim=situation.freshness in LATE))
        facts = Text(harmless(_facts(situation, words)), Style(dim=situation.freshness in LATE))
        mark = Text("›" if situation is chosen else " ")
        level = _level(situation.severity.level, words)
        if wide:
            table.add_row(mark, level, title, facts)
        else:
            table.add_row(mark, level, title)
            table.add_row("", "", facts)
    if len(shown) < len(situations):
        table.add_row("", Text(words.more.format(len(situations) - len(shown)), QUIET))
    return Padding(table, (0, 0, 1, 0))


def _around(situations: Sequence[Situation], chosen: Situation, room: int) -> Sequence[Situation]:
    """As many as there is room for, with a line less where some are left out; the chosen one is always among them."""
    if len(situations) <= room:
        return situations
    fit = max(1, room - 1)
    first = max(0, situations.index(chosen) - fit + 1)
    return situations[first : first + fit]


def _facts(situation: Situation, words: Words) -> str:
    """The second line: 112, where to, who, what, how current."""
    trends = {Trend.RISING: f"↗ {words.rises}", Trend.FALLING: f"↘ {words.falls}"}
    actors, services = situation.actors, [service for service in Service if service in situation.services]
    parts = [
        words.emergencies[situation.emergency] if situation.emergency not in (None, EmergencyImpact.NONE) else "",
        trends.get(situation.trend, words.states[situation.state]),
        ", ".join(actors) if len(actors) <= FEW else f"{len(actors)} {words.actors.lower()}",
        ", ".join(words.services[service] for service in services[:MAIN_SERVICES]),
        words.freshness[situation.freshness] if situation.freshness is not Freshness.FRESH else "",
    ]
    return " · ".join(part for part in parts if part)


def _detail(situation: Situation, view: View, words: Words, lines: int | None) -> RenderableType:
    """In so many lines at most, each fact in one; without a limit, whole."""
    severity, compact = situation.severity, lines is not None
    head = Text.assemble(
        _level(severity.level, words),
        (f" {harmless(situation.title)}", Style(bold=True)),
        (f"  {words.lower_bound} {severity.level}" if severity.lower_bound else "", QUIET),
        ("" if compact else f"  situation/{situation.id}", QUIET),
        no_wrap=compact,
        overflow="ellipsis",
    )
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(style=QUIET, no_wrap=True)
    table.add_column(ratio=1, no_wrap=compact, overflow="ellipsis" if compact else "fold")
    for label, facts in islice(_rows(situation, view, words), None if lines is None else lines - 1):
        if compact:
            table.add_row(label, Text(harmless(" · ".join(facts))))
        else:
            for place, fact in enumerate(facts):
                table.add_row("" if place else label, Text(harmless(fact)))
    return Padding(Group(head, table), (0, 0, 0 if compact else 1, 0))


def _besides(found: Sequence[Pressing], words: Words, *, compact: bool) -> RenderableType:
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(style=QUIET, no_wrap=True)
    table.add_column(ratio=1, no_wrap=compact, overflow="ellipsis" if compact else "fold")
    table.add_column(style=QUIET, no_wrap=True)
    for label, text, others in found:
        table.add_row(label, Text(harmless(text)), words.more.format(others) if others else "")
    return Padding(table, (0, 0, 0 if compact or not found else 1, 0))


def _rows(situation: Situation, view: View, words: Words) -> Iterator[tuple[str, Sequence[str]]]:
    """What is known of a situation, by label. A label without facts is left out, unless not knowing is the news."""
    reasons = [f"{reason.level}: {words.reason(reason)}" for reason in situation.severity.reasons[:2]]
    if reasons:
        yield words.because, reasons
    users = [_affected(service, situation, words) for service in Service if service in situation.users]
    yield words.users, users or [words.unknown]
    emergency = [words.emergencies[situation.emergency]] if situation.emergency is not None else []
    refs = {*situation.members, *situation.duplicates}
    here = [item for item in view.emergency if not refs.isdisjoint(item.refs)]
    if any(item.fallback is False for item in here):
        emergency.append(words.no_fallback)
    if holding := sorted({actor for item in here for actor in item.ran_radiating}):
        emergency.append(words.holds_phones.format(", ".join(holding)))
    disputed = f" ({words.disputed})" if situation.cause.disputed else ""
    yield words.cause, [words.causes[situation.cause.detail] + disputed, *emergency]
    yield words.forecast, [_forecast(situation, words, view.as_of)]
    yield words.regions.capitalize(), [", ".join(map(geography.name_of, situation.areas)) or words.unknown]
    active = [measure for measure in view.measures if measure.ref in situation.measures and measure.state in UNDERWAY]
    if active:
        named = (f"{words.measure_types[m.type]} ({m.actor}, {words.measure_states[m.state]})" for m in active)
        yield words.measures, ["; ".join(named)]
    duplicates = f" ({counted(words.duplicates, len(situation.duplicates))})" if situation.duplicates else ""
    yield words.reports, [", ".join(ref.partition("/")[2] for ref in situation.members) + duplicates]
    if others := [ref for link in situation.suggestions for ref in (link.a, link.b) if ref not in refs]:
        yield words.perhaps, [", ".join(ref.partition("/")[2] for ref in others)]


def _affected(service: Service, situation: Situation, words: Words) -> str:
    users = situation.users[service]
    number = words.how_many(users)
    return f"{words.services[service]} {number} ({words.impacts[users.impact]})"


def _forecast(situation: Situation, words: Words, near: datetime) -> str:
    earliest, latest = situation.restoration.earliest, situation.restoration.latest
    if earliest is None or latest is None:
        return words.no_forecast
    if earliest == latest:
        return words.clock(earliest, near=near)
    return words.between.format(words.clock(earliest, near=near), words.clock(latest, near=near))


def _actors(view: View, words: Words) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for actor in view.actors:
        table.add_row(*_actor(actor, words, view.as_of))
    return Group(Text(words.actors, Style(bold=True)), table)


def _actor(actor: ActorItem, words: Words, as_of: datetime) -> Iterator[Text]:
    late = actor.freshness in LATE
    yield Text(harmless(actor.name or actor.actor), Style(dim=late))
    yield Text(words.freshness[actor.freshness], Style(underline=late))
    yield Text(words.duration(as_of - actor.last_heard) if actor.last_heard else words.unknown, QUIET)
    yield Text(words.modes[actor.mode] if actor.mode else "")
    yield Text(words.reporting[actor.reporting] if actor.ended_at is None else words.ended, QUIET)
    yield Text(words.missing_incidents.format(actor.missing_incidents) if (actor.missing_incidents or 0) > 0 else "")
