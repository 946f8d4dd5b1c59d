"""When a situation is expected to be over, and how far its forecasts can be trusted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from bus.vocabulary import Certainty
from consumers.merge.forecasts import forecast_of
from consumers.merge.parties import Party
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


class _Forecasts(NamedTuple):
    """What open incidents forecast."""

    incidents: int
    named: int
    """How many name an instant."""
    earliest: datetime | None
    latest: datetime | None
    full_capacity: datetime | None
    certainty: Certainty | None
    """The least sure."""
    slips: int
    slipped: Sequence[ForecastSlip]
    """Those that slipped most often."""
    slipped_count: int


def restoration(parties: Iterable[Party]) -> RestorationRange:
    """Of the open incidents of a situation, duplicates too."""
    found = [party.once(_forecasts) for party in parties]
    return RestorationRange(
        earliest=min((f.earliest for f in found if f.earliest is not None), default=None),
        latest=max((f.latest for f in found if f.latest is not None), default=None),
        full_capacity=max((f.full_capacity for f in found if f.full_capacity is not None), default=None),
        certainty=max((f.certainty for f in found if f.certainty is not None), key=SURENESS.__getitem__, default=None),
        missing_forecasts=sum(f.incidents - f.named for f in found),
        slips=sum(f.slips for f in found),
        slipped=_most_often(slip for f in found for slip in f.slipped),
        slipped_count=sum(f.slipped_count for f in found),
    )


def _forecasts(party: Party) -> _Forecasts:
    forecasts = [i.incident.restoration for i in party.voices if i.incident.restoration]
    named = [f for f in forecasts if f.earliest or f.expected or f.latest]
    slips = list(_slips(party.voices))
    return _Forecasts(
        incidents=len(party.voices),
        named=len(named),
        earliest=min((_first_of(f.earliest, f.expected, f.latest) for f in named), default=None),
        latest=max((_first_of(f.latest, f.expected, f.earliest) for f in named), default=None),
        full_capacity=max((f.full_capacity for f in forecasts if f.full_capacity is not None), default=None),
        certainty=max((f.certainty for f in named), key=SURENESS.__getitem__, default=None),
        slips=sum(slip.slips for slip in slips),
        slipped=_most_often(slips),
        slipped_count=len(slips),
    )


def _most_often(slips: Iterable[ForecastSlip]) -> tuple[ForecastSlip, ...]:
    return tuple(sorted(slips, key=lambda slip: (-slip.slips, -slip.later_minutes, slip.ref))[:MOST_SLIPS])


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
