"""Measures and works over 72 hours as lanes of bars, with positions in per cent of the width. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bus.vocabulary import MeasureState, MeasureType, WorkPhase
from consumers.merge.view import View
from consumers.words import STOCKHOLM

__all__ = ["Bar", "Course", "course"]

BEFORE = timedelta(hours=12)
AFTER = timedelta(hours=60)
STEP = timedelta(hours=12)
"""Hours between the lines of the scale."""

DEAD = frozenset({MeasureState.DECLINED, MeasureState.RETRACTED, MeasureState.FAILED})


@dataclass(frozen=True, slots=True)
class Bar:
    """One lane. `left` and `width` in per cent; `open`: no end is told, and the bar runs out of the picture."""

    ref: str
    title: str
    actor: str
    kind: str
    left: float
    width: float
    open: bool
    begins: datetime | None
    ends: datetime | None


@dataclass(frozen=True, slots=True)
class Course:
    """The lanes, the freezes as bands across them, the scale, and where now is."""

    bars: Sequence[Bar]
    freezes: Sequence[Bar]
    """Among the bars, too, each in a lane of its own."""
    scale: Sequence[tuple[float, datetime]]
    now: float


def course(view: View) -> Course:
    """From 12 hours before the picture to 60 hours after it."""
    begin, end = view.as_of - BEFORE, view.as_of + AFTER
    every = sorted([*_measures(view), *_works(view)], key=lambda each: (each[0], each[2].ref))
    bars: list[Bar] = []
    freezes: list[Bar] = []
    for starts, ends, bar in every:
        if starts >= end or (ends is not None and ends <= begin):
            continue
        left = max(0.0, _share(starts - begin))
        right = 100.0 if ends is None else min(100.0, _share(ends - begin))
        drawn = Bar(
            bar.ref, bar.title, bar.actor, bar.kind, round(left, 2), round(max(0.6, right - left), 2), ends is None,
            bar.begins, bar.ends,
        )  # fmt: skip
        (freezes if bar.kind == "freeze" else bars).append(drawn)
    return Course([*freezes, *bars], freezes, tuple(_scale(begin, end)), _share(BEFORE))


def _share(length: timedelta) -> float:
    return length / (BEFORE + AFTER) * 100


def _scale(begin: datetime, end: datetime) -> Iterator[tuple[float, datetime]]:
    """Midnights and noons of Sweden; a day of a change of clocks is as long as it is."""
    local = begin.astimezone(STOCKHOLM).replace(hour=0, minute=0, second=0, microsecond=0)
    day = local.date()
    while True:
        for hour in (0, 12):
            instant = datetime(day.year, day.month, day.day, hour, tzinfo=STOCKHOLM)
            if instant >= end:
                return
            if instant > begin:
                yield round(_share(instant - begin), 2), instant
        day += timedelta(days=1)


def _measures(view: View) -> Iterator[tuple[datetime, datetime | None, Bar]]:
    for measure in view.measures:
        if measure.state in DEAD:
            continue
        starts = measure.active_from or measure.requested_at or measure.known_at
        ends = measure.ended_at or measure.planned_end
        if measure.type is MeasureType.MAINTENANCE_FREEZE:
            kind = "freeze"
        else:
            kind = "active" if measure.state is MeasureState.ACTIVE else "planned"
        if measure.state is MeasureState.ENDED:
            kind, ends = "ended", ends or measure.known_at
        yield starts, ends, _bare(measure.ref, measure.title, measure.actor, kind, measure.active_from, ends)


def _works(view: View) -> Iterator[tuple[datetime, datetime | None, Bar]]:
    for work in view.works:
        if work.phase is not WorkPhase.OVER:
            bar = _bare(work.ref, work.title, work.actor, "work", work.starts_at, work.ends_at)
            yield work.starts_at, work.ends_at, bar


def _bare(ref: str, title: str, actor: str, kind: str, begins: datetime | None, ends: datetime | None) -> Bar:
    return Bar(ref, title, actor, kind, 0.0, 0.0, ends is None, begins, ends)
