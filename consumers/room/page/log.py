"""The strip at the bottom: the log as a line of time, with a tick where something was told, and the instant that is
shown. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from consumers.room.sight import Sight, local_time
from consumers.words import STOCKHOLM, comes_twice

__all__ = ["Log", "log_of"]

WIDTH = 1000
HEIGHT = 22
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Log:
    """Ticks as x and height in the strip's own units; the slider in minutes since `begin`."""

    begin: datetime | None
    ticks: Sequence[tuple[float, float]]
    minutes: int
    value: int
    local: str
    """The instant shown, as a form's local date and time."""
    again: bool
    """It is the second time that the clock shows this, in the night when it is put back."""
    twin: datetime | None
    """The other instant at which the clock shows the same; None in all other nights, and while it is not yet."""
    back: datetime
    on: datetime | None
    """An hour later; None where that is not yet."""


def log_of(sight: Sight, now: datetime) -> Log:
    """The log up to now. `now` is the hub's, also while a past picture is shown."""
    shown = sight.view.as_of
    begin = min((tick.at for tick in sight.ticks), default=None)
    length = (now - begin) if begin is not None else timedelta()
    most = max((tick.count for tick in sight.ticks), default=1)
    ticks = [
        (round((tick.at - begin) / length * WIDTH, 1), round(4 + (HEIGHT - 4) * tick.count / most, 1))
        for tick in sight.ticks
        if begin is not None and length and tick.count
    ]
    minutes = int(length / timedelta(minutes=1))
    value = minutes if not sight.past or begin is None else int((shown - begin) / timedelta(minutes=1))
    later = shown + HOUR
    at_clock = shown.astimezone(STOCKHOLM)
    twin = shown + (-HOUR if at_clock.fold else HOUR) if sight.past and comes_twice(at_clock) else None
    return Log(
        begin=begin,
        ticks=ticks,
        minutes=minutes,
        value=max(0, min(minutes, value)),
        local=local_time(shown),
        again=bool(at_clock.fold),
        twin=twin if twin is not None and twin < now else None,
        back=(shown - HOUR).replace(second=0, microsecond=0),
        on=later if sight.past and later < now else None,
    )
