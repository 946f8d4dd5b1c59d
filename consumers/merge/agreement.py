"""The points of the checklist (`likeness`), one by one: do causes, places and times of two reports agree, and does
anything say that they are two?
"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from bus.vocabulary import CauseDetail, DependencyKind, NetworkPart
from consumers.merge.nature import Nature, nearness
from consumers.merge.rules import Inference as Limits
from consumers.merge.vicinity import Nearness

NO_TIME = timedelta(0)


class Causes(NamedTuple):
    """Two causes that agree, and what is then asked of places and times."""

    differs: bool
    nearness: Nearness
    """How near the places must be at least."""
    starts_within: timedelta
    widens: bool
    """Whether beginning and ending together may stand in for nearer places or times."""
    known: bool = True
    """At least one knows the cause."""


class Measured(NamedTuple):
    """How far apart two are, and how far they may be."""

    gap: timedelta
    within: timedelta
    near: Nearness
    at_most: Nearness
    together: bool
    """They were restored together."""


# --- one operator ----------------------------------------------------------------------------------------------------


def may_be_told_again(a: Nature, b: Nature, limits: Limits, *, wide: bool) -> bool:
    """Of what strikes a network in many places, and others tell of too (`wide`), one operator may tell again; of a
    line, for each of its networks that lost it; and of anything but a machine, where it tells one fault twice.
    """
    if wide and a.by_weather and b.by_weather:
        return True
    if a.detail is not b.detail or a.detail is None:
        return False
    if (wide and a.detail in limits.again) or (a.detail not in limits.machines and is_told_twice(a, b, limits)):
        return True
    return a.detail in limits.line and a.services.isdisjoint(b.services)


def is_told_twice(a: Nature, b: Nature, limits: Limits) -> bool:
    """Two reports of one operator tell one fault: the very same places and services, at one time."""
    if a.codes != b.codes or a.services != b.services or _gap(a, b) > limits.told_twice_within:
        return False
    return a.restored_at is None or b.restored_at is None or restored_together(a, b, limits)


def is_another_fault(known: Nature, new: Nature, limits: Limits) -> bool:
    """One operator's two reports of one service in one place tell two faults, unless one is told twice. Weather may
    strike twice, and where neither knows the cause nothing is said.
    """
    if (known.by_weather and new.by_weather) or (known.detail is None and new.detail is None):
        return False
    if known.municipalities.isdisjoint(new.municipalities) or known.services.isdisjoint(new.services):
        return False
    return abs(known.began - new.began) <= limits.reach and not is_told_twice(known, new, limits)


# --- causes ----------------------------------------------------------------------------------------------------------


def causes_agree(a: Nature, b: Nature, limits: Limits) -> Causes | None:
    """None where they do not, or neither is known."""
    if a.detail is None:
        return _with_unknown(b, a, limits)
    if b.detail is None:
        return _with_unknown(a, b, limits)
    weather = a.by_weather and b.by_weather
    if a.detail is b.detail and (weather or a.detail is not CauseDetail.OTHER):
        return _of_one_cause(a, b, a.detail, limits)
    if weather and a.detail in limits.weather and b.detail in limits.weather:
        within = max(limits.starts_within[a.detail], limits.starts_within[b.detail])
        return Causes(True, Nearness.COUNTY, within, False)
    if any(a.detail in kin and b.detail in kin for kin in limits.kin):
        return Causes(True, Nearness.OVERLAP, limits.kin_within, True)
    if _is_consequence(a, b, limits) or _is_consequence(b, a, limits):
        return Causes(True, Nearness.OVERLAP, limits.overload_after, False)
    return None


def _of_one_cause(a: Nature, b: Nature, detail: CauseDetail, limits: Limits) -> Causes:
    place, within = limits.nearness[detail], limits.starts_within[detail]
    if a.by_weather and b.by_weather:
        place = Nearness.COUNTY
    elif a.by_weather or b.by_weather:
        place, within = Nearness.MUNICIPALITY, min(within, limits.disputed_weather_within)
    return Causes(False, place, within, detail not in limits.machines)


def _with_unknown(known: Nature, unknown: Nature, limits: Limits) -> Causes | None:
    """Who does not know the cause may yet know what it leans on: the power, or a line."""
    detail = known.detail
    if detail is None or detail is CauseDetail.OTHER or not categories_agree(known, unknown):
        return None
    place, within = Nearness.MUNICIPALITY, limits.unknown_within[detail]
    for kinds, details in ((_POWER, limits.weather), (_LINES, limits.line)):
        if not kinds.isdisjoint(unknown.leans_on):
            if detail not in details:
                return None
            place = Nearness.COUNTY if known.by_weather else limits.nearness[detail]
            within = limits.starts_within[detail]
    return Causes(True, place, within, detail not in limits.machines)


def categories_agree(a: Nature, b: Nature) -> bool:
    """The same, or one of the two leaves it open."""
    return a.category is None or b.category is None or a.category is b.category


_POWER = frozenset({DependencyKind.POWER})
_LINES = frozenset({DependencyKind.TRANSPORT_FIBRE, DependencyKind.DARK_FIBRE})


def _is_consequence(victim: Nature, fallen: Nature, limits: Limits) -> bool:
    """Users of a network whose core fell go to the others, whose capacity then does not last (domain: 5.2, 5.6)."""
    return (
        victim.detail is CauseDetail.OVERLOAD
        and victim.short_of_capacity
        and _may_be_core(fallen, limits)
        and not victim.services.isdisjoint(fallen.services)
        and victim.began >= fallen.began - _inexactness(victim, fallen, limits)
    )


def _inexactness(a: Nature, b: Nature, limits: Limits) -> timedelta:
    """By how much one of the two may seem earlier than it was, beside the other."""
    return limits.noticed_within + max(_rounded(a, limits), _rounded(b, limits))


def _rounded(told: Nature, limits: Limits) -> timedelta:
    """By how much the start may be rounded. Nobody tells 14:07 who means about two o'clock."""
    into_the_hour = timedelta(minutes=told.began.minute, seconds=told.began.second, microseconds=told.began.microsecond)
    steps = (step for step in limits.rounded_to if told.tells_start and not into_the_hour % step)
    return next(steps, NO_TIME) / 2


def _may_be_core(fallen: Nature, limits: Limits) -> bool:
    """It says so; or it does not say where, and no line, no weather or power, and no crowd of users is to blame."""
    if fallen.part is not None:
        return fallen.part is NetworkPart.CORE
    from_without = fallen.detail in limits.line or fallen.detail in limits.weather
    return not (from_without or fallen.short_of_capacity)


# --- places and times ------------------------------------------------------------------------------------------------


def measure(a: Nature, b: Nature, found: Causes, limits: Limits) -> Measured:
    """How far apart the two are, and how far they may be."""
    gap, near = _gap(a, b), nearness(a, b)
    together = restored_together(a, b, limits)
    within, at_most = found.starts_within, found.nearness
    if near > Nearness.MUNICIPALITY and not (together or a.by_weather or b.by_weather):
        within = min(within, limits.elsewhere_within)
    if together and found.widens:
        power = a.detail is b.detail is CauseDetail.POWER_CUT  # back for all at once, gone as the batteries last
        if gap <= (limits.restored_together_starts if power else limits.restored_together):
            at_most = max(at_most, Nearness.COUNTY)
        if not found.differs and near <= Nearness.OVERLAP:
            within = max(within, limits.restored_together_starts)
    return Measured(gap, within, near, at_most, together)


def _gap(a: Nature, b: Nature) -> timedelta:
    """Between the two starts, at least."""
    return max(a.began_from - b.began, b.began_from - a.began, NO_TIME)


def restored_together(a: Nature, b: Nature, limits: Limits) -> bool:
    if a.restored_at is None or b.restored_at is None:
        return False
    return abs(a.restored_at - b.restored_at) <= limits.restored_together


def is_vendor_fault(a: Nature, b: Nature, limits: Limits) -> bool:
    """One vendor's fault in two operators' cores."""
    return a.detail in limits.vendor and b.detail in limits.vendor and a.in_core and b.in_core


# --- what says that they are two -------------------------------------------------------------------------------------


def nothing_parts(a: Nature, b: Nature, limits: Limits) -> bool:
    """Nothing that either tells says that they are two."""
    if a.own_plant or b.own_plant or not (keys_agree(a, b) and _assets_agree(a, b, limits)):
        return False
    if not (_parts_agree(a, b, limits) and _ends_agree(a, b, limits)):
        return False
    return not _is_over(a, b, limits) and not _is_over(b, a, limits)


def keys_agree(a: Nature, b: Nature) -> bool:
    """Two that each name a storm, and not the same one, tell of two storms."""
    return a.kinds.isdisjoint(b.kinds) or not a.events.isdisjoint(b.events)


def _assets_agree(a: Nature, b: Nature, limits: Limits) -> bool:
    """Many lean on a cable or a node that work is done on, and name it or not. Of all else, who names an asset has a
    fault in that asset.
    """
    if not (a.assets or b.assets) or not a.assets.isdisjoint(b.assets):
        return True
    if a.assets and b.assets:
        return False
    return (a.by_weather and b.by_weather) or a.detail in limits.line or b.detail in limits.line


def _parts_agree(a: Nature, b: Nature, limits: Limits) -> bool:
    """A vendor's fault that several feel sits in their cores; the overload that follows from it sits elsewhere. A core
    without power has lost its own; when a town's power fails, masts and nodes go down.
    """
    if CauseDetail.OVERLOAD in (a.detail, b.detail):
        return True
    if a.detail in limits.vendor and b.detail in limits.vendor:
        return is_vendor_fault(a, b, limits)
    if a.detail in limits.vendor or b.detail in limits.vendor:
        return a.part is b.part or a.part is None or b.part is None
    if a.detail is b.detail is CauseDetail.POWER_CUT and not (a.by_weather or b.by_weather):
        return (a.part is NetworkPart.CORE) == (b.part is NetworkPart.CORE)
    return True


def _ends_agree(a: Nature, b: Nature, limits: Limits) -> bool:
    """A cable is mended once, power comes back once, and users go home to a network that is up. A storm's places
    come back one by one.
    """
    if a.restored_at is None or b.restored_at is None or a.by_weather or b.by_weather:
        return True
    apart = abs(a.restored_at - b.restored_at)
    return not any(detail and apart > limits.ends_within.get(detail, apart) for detail in (a.detail, b.detail))


def _is_over(earlier: Nature, later: Nature, limits: Limits) -> bool:
    return earlier.end is not None and later.began > earlier.end + _slack(earlier, later, limits)


def _slack(earlier: Nature, later: Nature, limits: Limits) -> timedelta:
    """How long after the one was over the other may yet begin."""
    if earlier.by_weather and later.by_weather:
        return limits.after_end_of_weather
    power = CauseDetail.POWER_CUT in (earlier.detail, later.detail)
    return limits.after_end_of_power if power else limits.after_end
