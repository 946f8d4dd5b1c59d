"""How long backup energy lasts, and whether power is back before it runs out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from bus.messages import Incident
from bus.vocabulary import Certainty, DependencyKind, IncidentState
from consumers.merge.forecasts import forecast_of
from consumers.merge.told import Told
from consumers.merge.view import EnergyItem

_LAST = datetime.max.replace(tzinfo=UTC)
_HOUR = timedelta(hours=1)


def timeline(voices: Iterable[Told], told: Mapping[str, Told], as_of: datetime) -> tuple[EnergyItem, ...]:
    """Of the open incidents that tell of backup energy: what runs out first comes first, what tells no end last.

    `told` has all incidents that are known, by reference.
    """
    items = (_item(voice, told, as_of) for voice in voices if voice.incident.energy is not None)
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
    return EnergyItem(
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
    known = [told[ref] for ref in named if ref in told and told[ref].incident.state is not IncidentState.RETRACTED]
    out = [one for one in known if one.is_open]
    if not out:
        return (False if known else None), None
    forecasts = [forecast_of(one.incident.restoration) for one in out]
    ahead = [forecast for forecast in forecasts if forecast is not None and forecast > as_of]
    return True, max(ahead) if len(ahead) == len(out) else None
