"""When an operator says that it will be back, and how often it had to say later.

A revision's forecast is the expected instant, or the latest where no expected one is told; an earliest one alone
promises nothing. A forecast slips when a revision names a later instant than the last revision before it that named
one. What moves earlier is no slip, and is not set against one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from bus.messages import Restoration


class Slips(NamedTuple):
    """How often, and by how much in all, the forecast of one incident moved later."""

    times: int
    later: timedelta
    first: datetime
    """The first forecast."""


def forecast_of(restoration: Restoration | None) -> datetime | None:
    """What a revision forecasts; None where it promises nothing."""
    return None if restoration is None else restoration.expected or restoration.latest


def slips_of(forecasts: Iterable[datetime | None]) -> Slips | None:
    """From the forecasts of an incident's revisions, rising. None where none slipped."""
    told = [forecast for forecast in forecasts if forecast is not None]
    steps = [after - before for before, after in pairwise(told) if after > before]
    return Slips(len(steps), sum(steps, timedelta()), told[0]) if steps else None
