"""What operators say of causes, ends and gravity: forecasts that cannot hold (C12), causes that are disputed or go in a
circle (C13), severity that is seen differently (C14), backup energy that ends too soon (C18).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from consumers.merge.conflicts.findings import Finding, Terms, finding
from consumers.merge.conflicts.rule import Rule
from consumers.merge.conflicts.things import Fault, Verdict
from consumers.merge.conflicts.times import earlier


def _has_a_forecast(fault: Fault, _: Terms) -> bool:
    return fault.is_open and fault.expected is not None and bool(fault.waits_for)


def _what_it_waits_for(fault: Fault) -> tuple[str, ...]:
    return fault.waits_for


def _is_later(fault: Fault, other: Fault, _: Terms) -> bool:
    return (
        other.is_open and other.expected is not None and fault.expected is not None and other.expected > fault.expected
    )


def _tell_forecast(fault: Fault, others: Sequence[Fault], _: Terms, _as_of: datetime) -> Iterator[Finding]:
    if others:
        yield finding(
            "C12",
            fault.ref,
            [other.ref for other in others],
            material={
                "expected": fault.expected,
                "awaited": max(other.expected for other in others if other.expected),
            },
            actors=[fault.owner, *(other.owner for other in others)],
            areas=fault.codes,
        )


def _is_disputed(fault: Fault, _: Terms) -> bool:
    return fault.is_open and bool(fault.disputed_by)


def _tell_dispute(fault: Fault, _others: Sequence[object], _: Terms, _as_of: datetime) -> Iterator[Finding]:
    yield finding(
        "C13",
        fault.ref,
        fault.disputed_by,
        case="DISPUTED",
        actors=[fault.owner, *(ref.split("/")[1] for ref in fault.disputed_by)],
        areas=fault.codes,
    )


def _names_causes(fault: Fault, _: Terms) -> bool:
    return fault.is_open and bool(fault.causes)


def _what_it_names(fault: Fault) -> tuple[str, ...]:
    return fault.causes


def _claims_the_same(fault: Fault, other: Fault, _: Terms) -> bool:
    """Told once: of the lesser reference."""
    return other.is_open and fault.ref < other.ref and fault.ref in other.causes


def _tell_cycle(fault: Fault, others: Sequence[Fault], _: Terms, _as_of: datetime) -> Iterator[Finding]:
    if others:
        yield finding(
            "C13",
            fault.ref,
            [other.ref for other in others],
            case="CYCLE",
            actors=[fault.owner, *(other.owner for other in others)],
            areas={code for one in (fault, *others) for code in one.codes},
        )


def _is_seen_differently(verdict: Verdict, terms: Terms) -> bool:
    return abs(verdict.declared - verdict.computed) >= terms.limits.severity_steps


def _tell_severity(verdict: Verdict, _others: Sequence[object], _: Terms, _as_of: datetime) -> Iterator[Finding]:
    yield finding(
        "C14",
        verdict.ref,
        material={"declared": verdict.declared, "computed": verdict.computed},
        actors=verdict.actors,
        areas=verdict.codes,
    )


def _has_backup(fault: Fault, _: Terms) -> bool:
    return fault.is_open and fault.backup_until is not None


def _its_power(fault: Fault) -> tuple[str, ...]:
    return fault.power


def _tell_energy(fault: Fault, power: Sequence[Fault], terms: Terms, as_of: datetime) -> Iterator[Finding]:
    """Power returns when the last power incident that is still open ends. A forecast that has passed is none."""
    ends, out = fault.backup_until, [one for one in power if one.is_open]
    if ends is None or (power and not out):
        return
    forecasts = [one.expected for one in out if one.expected is not None and one.expected > as_of]
    returns = max(forecasts) if out and len(forecasts) == len(out) else None
    if ends < returns if returns else earlier(ends, terms.limits.energy) <= as_of:
        yield finding(
            "C18",
            fault.ref,
            [one.ref for one in out],
            case="BEFORE_POWER" if returns else "SOON",
            material={"backup_until": ends, "power_return": returns},
            actors=[fault.owner, *(one.owner for one in out)],
            areas=fault.codes,
        )


def _turns_of_energy(fault: Fault, power: Sequence[Fault], terms: Terms) -> Iterator[datetime]:
    if fault.backup_until is not None:
        yield earlier(fault.backup_until, terms.limits.energy)
    for one in power:
        if one.expected is not None:
            yield one.expected


RULES = (
    Rule(
        id="C12",
        about=Fault,
        applies=_has_a_forecast,
        among=(Fault,),
        looks=_what_it_waits_for,
        meets=_is_later,
        tell=_tell_forecast,
    ),
    Rule(id="C13", about=Fault, applies=_is_disputed, tell=_tell_dispute),
    Rule(
        id="C13",
        about=Fault,
        applies=_names_causes,
        among=(Fault,),
        looks=_what_it_names,
        meets=_claims_the_same,
        tell=_tell_cycle,
    ),
    Rule(id="C14", about=Verdict, applies=_is_seen_differently, tell=_tell_severity),
    Rule(
        id="C18",
        about=Fault,
        applies=_has_backup,
        among=(Fault,),
        looks=_its_power,
        tell=_tell_energy,
        turns=_turns_of_energy,
    ),
)
