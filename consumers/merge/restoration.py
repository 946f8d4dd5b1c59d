"""When a situation is expected to be over, and how far its forecasts can be trusted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from bus.vocabulary import Certainty
from consumers.merge.forecasts import forecast_of
from consumers.merge.told import Told
from consumers.merge.view import ForecastSlip, RestorationRange

MOST_SLIPS = 10
"""A situation lists so many incidents whose forecast slipped, most often first; it tells how many there are."""

SURENESS = {
    Certainty.OBSERVED: 0,
    Certainty.LIKELY: 1,
    Certainty.POSSIBLE: 2,
    Certainty.UNKNOWN: 3,
    Certainty.UNLIKELY: 4,
}
"""Certainties, the surest first."""
_MINUTE = timedelta(minutes=1)


def restoration(incidents: Sequence[Told]) -> RestorationRange:
    """Of the open incidents of a situation, duplicates too."""
    forecasts = [i.incident.restoration for i in incidents if i.incident.restoration]
    named = [f for f in forecasts if f.earliest or f.expected or f.latest]
    slips = sorted(_slips(incidents), key=lambda slip: (-slip.slips, -slip.later_minutes, slip.ref))
    return RestorationRange(
        earliest=min((_first_of(f.earliest, f.expected, f.latest) for f in named), default=None),
        latest=max((_first_of(f.latest, f.expected, f.earliest) for f in named), default=None),
        full_capacity=max((f.full_capacity for f in forecasts if f.full_capacity is not None), default=None),
        certainty=max((f.certainty for f in named), key=SURENESS.__getitem__, default=None),
        missing_forecasts=len(incidents) - len(named),
        slips=sum(slip.slips for slip in slips),
        slipped=tuple(slips[:MOST_SLIPS]),
        slipped_count=len(slips),
    )


def _slips(incidents: Iterable[Told]) -> Iterable[ForecastSlip]:
    for told in incidents:
        if told.slips is not None:
            yield ForecastSlip(
                ref=told.ref,
                actor=told.owner,
                slips=told.slips.times,
                later_minutes=told.slips.later // _MINUTE,
                first=told.slips.first,
                now=forecast_of(told.incident.restoration),
            )


def _first_of(*instants: datetime | None) -> datetime:
    return next(instant for instant in instants if instant is not None)
