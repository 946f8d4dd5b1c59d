"""When things go on, and whether two of them do at once.

What somebody says goes on, goes on until they say otherwise, also past its planned end. Where nobody told an end, it is
taken to last so long from now as the rules say (`ahead`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_BEGINNING = datetime.min.replace(tzinfo=UTC)


class Span(NamedTuple):
    """From `start` until before `end`; None: nobody knows. One that is running does not end by the clock."""

    start: datetime
    end: datetime | None
    is_running: bool = False

    def is_over(self, as_of: datetime) -> bool:
        return not self.is_running and self.end is not None and self.end <= as_of

    def goes_on(self, as_of: datetime) -> bool:
        return self.start <= as_of and not self.is_over(as_of)

    def begins_before_end_of(self, other: Span, as_of: datetime, ahead: timedelta) -> bool:
        return self.start - as_of <= ahead if other.end is None else self.start < other.end


def meet(a: Span, b: Span, as_of: datetime, ahead: timedelta) -> bool:
    """Whether neither is over, and both go on now or will at some time."""
    if a.is_over(as_of) or b.is_over(as_of):
        return False
    if a.goes_on(as_of) and b.goes_on(as_of):
        return True
    return a.begins_before_end_of(b, as_of, ahead) and b.begins_before_end_of(a, as_of, ahead)


def turning_points(span: Span, ahead: timedelta) -> Iterator[datetime]:
    """The instants at which what it meets may change, by the clock alone."""
    yield earlier(span.start, ahead)
    yield span.start
    if span.end is not None:
        yield span.end


def earlier(instant: datetime, by: timedelta) -> datetime:
    """So long before the instant, or the beginning of time."""
    return instant - by if instant - _BEGINNING > by else _BEGINNING
