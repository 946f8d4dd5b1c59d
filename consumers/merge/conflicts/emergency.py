"""112 and the loss of all ways round: radio on while the core is down (C07), trouble that only the emergency centre
tells of (C15), a municipality that no mobile operator serves well (C16).

Where that is, the areas say (`white_out`); C16 names the reports. So there is one definition of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from bus import geography
from bus.vocabulary import EMERGENCY_ORDER, MOBILE_SERVICES, EmergencyImpact, Impact, Service
from consumers.merge.conflicts import places
from consumers.merge.conflicts.findings import Finding, Terms, finding, named
from consumers.merge.conflicts.rule import Rule
from consumers.merge.conflicts.things import DEGRADED, Fault, Municipality
from consumers.merge.effects import RANK

_LOST = EMERGENCY_ORDER.index(EmergencyImpact.DEGRADED)
_OUTAGE = RANK[Impact.OUTAGE]


def _holds_phones(fault: Fault, _: Terms) -> bool:
    """Phones stay with a network whose radio they see, though it cannot carry their calls."""
    return fault.is_open and fault.holds_phones


def _tell_radio(fault: Fault, _others: Sequence[object], _: Terms, _as_of: datetime) -> Iterator[Finding]:
    yield finding(
        "C07",
        fault.ref,
        material={"emergency": fault.emergency},
        also={"operator": fault.owner},
        actors=[fault.owner],
        areas=fault.codes,
    )


def _is_told_by_the_centre(fault: Fault, terms: Terms) -> bool:
    if not fault.is_open or fault.owner not in terms.roles.emergency_centres:
        return False
    return _touches_112(fault) or fault.worst_of([Service.EMERGENCY_CALL]) >= DEGRADED


def _touches_112(fault: Fault) -> bool:
    return fault.emergency is not None and EMERGENCY_ORDER.index(fault.emergency) >= _LOST


def _speaks_of_112(_: Fault, report: Fault, terms: Terms) -> bool:
    """Whether it is an operator's report that 112 suffers, or may: it says so, or says nothing of 112 and touches a
    service that carries it.
    """
    roles = terms.roles
    if not report.is_open or report.owner in roles.bystanders or report.owner in roles.emergency_centres:
        return False
    if report.emergency not in (None, EmergencyImpact.UNKNOWN):
        return _touches_112(report)
    return report.worst_of(terms.limits.carries_112) >= DEGRADED


def _places_of(fault: Fault) -> tuple[str, ...]:
    return fault.codes or (geography.COUNTRY,)


def _reports_that_cover(fault: Fault) -> Iterator[str]:
    return places.covering("incident", _places_of(fault))


def _tell_centre(fault: Fault, reports: Sequence[Fault], _: Terms, _as_of: datetime) -> Iterator[Finding]:
    covered = frozenset(code for report in reports for code in report.codes)
    told = frozenset(_places_of(fault))
    untold = told - places.within(told, covered)
    if untold:
        yield finding(
            "C15",
            fault.ref,
            material={"emergency": fault.emergency, "places": named(untold)},
            also={"centre": fault.owner},
            actors=[fault.owner],
            areas=untold,
        )


def _is_any(_thing: Municipality, _: Terms) -> bool:
    return True


def _reports_for(municipality: Municipality) -> Iterator[str]:
    return places.covering("incident", (municipality.code,))


def _is_mobile_trouble(municipality: Municipality, fault: Fault, _: Terms) -> bool:
    return fault.is_open and _mobile_at(fault, municipality) >= DEGRADED


def _mobile_at(fault: Fault, municipality: Municipality) -> int:
    """How bad mobile services are by this report there: told of exactly this place, or of nearly all of a wider one."""
    here = fault.worst_of(MOBILE_SERVICES) if municipality.code in fault.codes else -1
    wider = any(code != municipality.code and geography.contains(code, municipality.code) for code in fault.codes)
    return max(here, fault.mobile_nearly_all if wider else -1)


def _tell_white_out(
    municipality: Municipality, faults: Sequence[Fault], terms: Terms, _as_of: datetime
) -> Iterator[Finding]:
    """One subject per operator, so that a further report of the same says nothing new: the worst, then the eldest."""
    operators = terms.roles.mobile_operators
    told: dict[str, tuple[int, datetime, str]] = {}
    for fault in faults:
        if fault.owner in operators:
            order = (-_mobile_at(fault, municipality), fault.start, fault.ref)
            told[fault.owner] = min(order, told.get(fault.owner, order))
    if operators and told.keys() == operators:
        yield finding(
            "C16",
            None,
            [ref for _, _, ref in told.values()],
            case="OUTAGE" if all(rank == -_OUTAGE for rank, _, _ in told.values()) else "DEGRADED",
            material={"code": municipality.code},
            also={"area": geography.name_of(municipality.code), "count": len(operators)},
            actors=operators,
            areas=[municipality.code],
        )


RULES = (
    Rule(id="C07", about=Fault, applies=_holds_phones, tell=_tell_radio),
    Rule(
        id="C15",
        about=Fault,
        applies=_is_told_by_the_centre,
        among=(Fault,),
        looks=_reports_that_cover,
        meets=_speaks_of_112,
        tell=_tell_centre,
        by_role=True,
    ),
    Rule(
        id="C16",
        about=Municipality,
        applies=_is_any,
        among=(Fault,),
        looks=_reports_for,
        meets=_is_mobile_trouble,
        tell=_tell_white_out,
        by_role=True,
    ),
)
