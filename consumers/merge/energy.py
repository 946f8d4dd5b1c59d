"""How long backup energy lasts, and whether power is back before it runs out.

Told of the open incidents that tell of backup energy, and kept up to date by what is told and by the clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from bus.messages import Incident
from bus.vocabulary import Certainty, DependencyKind, IncidentState
from consumers.merge.forecasts import forecast_of
from consumers.merge.freshness import Schedule
from consumers.merge.index import Index
from consumers.merge.told import Told
from consumers.merge.view import EnergyItem

_LAST = datetime.max.replace(tzinfo=UTC)
_HOUR = timedelta(hours=1)


class EnergyBook:
    """The open incidents that tell of backup energy. `told` has all incidents that are known, by reference."""

    def __init__(self, told: Mapping[str, Told]) -> None:
        self._told = told
        self._backed: set[str] = set()
        self._powered_by = Index()
        self._dirty: set[str] = set()
        self._due = Schedule()

    def put(self, told: Told) -> None:
        """Take up what an incident tells: of its own backup energy, and as the power that others wait for."""
        backed = told.is_open and told.incident.energy is not None
        (self._backed.add if backed else self._backed.discard)(told.ref)
        self._powered_by.put(told.ref, power_incidents(told.incident) if backed else ())
        self._dirty |= {told.ref, *self._powered_by.get(told.ref)}

    def drop(self, ref: str) -> None:
        """Take an incident out."""
        self._backed.discard(ref)
        self._powered_by.put(ref, ())
        self._dirty |= {ref, *self._powered_by.get(ref)}

    def rewind(self) -> None:
        """The clock stands earlier than it did."""
        self._dirty |= self._backed

    def refresh(self, as_of: datetime) -> Iterator[tuple[str, EnergyItem | None]]:
        """Every incident of which something may have changed, by reference; None for one that tells of none."""
        dirty, self._dirty = self._dirty | self._due.take(as_of), set()
        for ref in sorted(dirty):
            yield ref, self._item(ref, as_of) if ref in self._backed else None

    def _item(self, ref: str, as_of: datetime) -> EnergyItem:
        item = _item(self._told[ref], self._told, as_of)
        forecasts = _forecasts(power_incidents(self._told[ref].incident), self._told)
        instants = [item.backup_until, *forecasts]
        self._due.put(ref, min((at for at in instants if at is not None and at > as_of), default=None))
        return item


def first_to_end_first(items: Iterable[EnergyItem]) -> tuple[EnergyItem, ...]:
    """What runs out first comes first, what tells no end last."""
    return tuple(sorted(items, key=lambda item: (item.backup_until or _LAST, item.ref)))


def power_incidents(incident: Incident) -> frozenset[str]:
    """The power incidents that it names as what it suffers from, and does not call unlikely."""
    named = {
        dependency.ref
        for dependency in incident.caused_by
        if dependency.kind is DependencyKind.POWER and dependency.certainty is not Certainty.UNLIKELY
    }
    return frozenset(ref for ref in {*named, incident.energy and incident.energy.power_incident} if ref)


def _item(voice: Told, told: Mapping[str, Told], as_of: datetime) -> EnergyItem:
    incident, energy = voice.incident, voice.incident.energy
    ends = [end for end in (energy.battery_until, energy.fuel_until) if end is not None] if energy else []
    backup_until = max(ends, default=None)
    power_is_out, power_return = _power(power_incidents(incident), told, as_of)
    gap = None if backup_until is None or power_return is None else power_return - backup_until
    return EnergyItem.whole(
        ref=voice.ref,
        actor=voice.owner,
        areas=voice.codes,
        battery_until=energy.battery_until if energy else None,
        fuel_until=energy.fuel_until if energy else None,
        backup_until=backup_until,
        exhausted=None if backup_until is None else backup_until <= as_of,
        power_incident=energy.power_incident if energy else None,
        power_is_out=power_is_out,
        power_return=power_return,
        gap_hours=None if gap is None else round(max(gap, timedelta()) / _HOUR, 2),
        ends_before_power=None if gap is None else gap > timedelta(),
    )


def _power(named: Iterable[str], told: Mapping[str, Told], as_of: datetime) -> tuple[bool | None, datetime | None]:
    """Whether power is out, None where nobody knows; and when the last of its incidents that are open ends. A forecast
    that has passed is none, and where one has none nobody knows.
    """
    known = _known(named, told)
    if not any(one.is_open for one in known):
        return (False if known else None), None
    forecasts = _forecasts(named, told)
    ahead = [forecast for forecast in forecasts if forecast is not None and forecast > as_of]
    return True, max(ahead) if len(ahead) == len(forecasts) else None


def _forecasts(named: Iterable[str], told: Mapping[str, Told]) -> list[datetime | None]:
    """When those of the power incidents that are open are forecast to end."""
    return [forecast_of(one.incident.restoration) for one in _known(named, told) if one.is_open]


def _known(named: Iterable[str], told: Mapping[str, Told]) -> list[Told]:
    """Those that were told of, and not retracted."""
    found = [told[ref] for ref in named if ref in told]
    return [one for one in found if one.incident.state is not IncidentState.RETRACTED]
