"""What of an incident the rules of severity look at, as marks that are put on it: so a rule asks for those that bear a
mark, however many there are, and looks at nobody else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from bus.vocabulary import CauseCategory, Certainty, CountBasis, Impact, Service
from consumers.merge.parties import Party
from consumers.merge.told import Told

FELT = frozenset({Impact.DEGRADED, Impact.OUTAGE})
_MOST_REFS = 10
"""A reason names at most so many references; its text tells how many there are."""

Symptom = tuple[Hashable, ...]
"""What kind of mark it is, and what it says."""

Roll = dict[Symptom, list[str]]
"""The incidents that bear each mark, sorted."""


class Cases(NamedTuple):
    """Incidents that a rule found."""

    number: int
    refs: tuple[str, ...]
    """The first of them, sorted."""


def cases(found: Iterable[str]) -> Cases:
    """From references, each given once."""
    refs = sorted(found)
    return Cases(len(refs), tuple(refs[:_MOST_REFS]))


def bearing(parties: Iterable[Party], roll: Callable[[Party], Roll], symptom: Symptom) -> Cases:
    """Those that bear a mark."""
    lists = [refs for party in parties if (refs := party.once(roll).get(symptom))]
    first = sorted(chain.from_iterable(refs[:_MOST_REFS] for refs in lists))[:_MOST_REFS]
    return Cases(sum(map(len, lists)), tuple(first))


def refs_bearing(parties: Iterable[Party], roll: Callable[[Party], Roll], symptoms: Iterable[Symptom]) -> set[str]:
    """Those that bear any of several marks."""
    wanted = list(symptoms)
    found: set[str] = set()
    for party in parties:
        held = party.once(roll)
        found.update(*(held[symptom] for symptom in wanted if symptom in held))
    return found


def borne(parties: Iterable[Party], roll: Callable[[Party], Roll]) -> set[Symptom]:
    """The marks that any of them bears."""
    return set().union(*(party.once(roll) for party in parties))


def of_opened(party: Party) -> Roll:
    """What the open members tell, who are counted."""
    return _roll(party.opened, _told_by_member)


def of_voices(party: Party) -> Roll:
    """What the open incidents tell, duplicates too."""
    return _roll(party.voices, _told_by_voice)


def of_mobile(party: Party) -> Roll:
    """What they tell of mobile services, by area."""
    return _roll(party.voices, _told_of_mobile)


def _roll(incidents: Iterable[Told], marks: Callable[[Told], Iterable[Symptom]]) -> Roll:
    roll: defaultdict[Symptom, list[str]] = defaultdict(list)
    for told in incidents:
        for mark in marks(told):
            roll[mark].append(told.ref)
    return roll


# The marks


def has(service: Service, impact: Impact) -> Symptom:
    """Its worst impact on the service."""
    return "has", service, impact


def lost(service: Service, impact: Impact) -> Symptom:
    """It told of this loss, at some time."""
    return "lost", service, impact


def rose(basis: CountBasis) -> Symptom:
    """It is counted on this basis, and its number rose, or is only higher than the last on another basis (`held`)."""
    return "rose", basis


def held(basis: CountBasis) -> Symptom:
    """Its number is higher than the last on another basis, and has not grown since it is counted on this one."""
    return "held", basis


def felt(impact: Impact) -> Symptom:
    """It reports the impact, and it is not known that no user of any service with it is affected."""
    return "felt", impact


def calls(impact: object) -> Symptom:
    """Its effect on 112."""
    return "calls", impact


def calls_somewhere(impact: object) -> Symptom:
    """The same, of one that names a municipality, a county or the country."""
    return "calls somewhere", impact


CRITICAL: Symptom = ("critical",)
"""It touches some critical service."""
CLAIMED: Symptom = ("malice claimed",)
CONFIRMED: Symptom = ("malice confirmed",)
WIDE: Symptom = ("malice confirmed", "outage of a county")


def mobile(code: str, impact: Impact) -> Symptom:
    """The worst impact on mobile services, in a place that it names."""
    return "mobile", code, impact


def mobile_nearly_all(code: str, impact: Impact) -> Symptom:
    """The same, where it affects nearly all of the place."""
    return "mobile nearly all", code, impact


def _told_by_member(told: Told) -> Iterator[Symptom]:
    for service, impact in told.impacts.items():
        yield has(service, impact)
    for service, impact in told.course.losses:
        yield lost(service, impact)
    if told.incident.users is not None:
        basis, is_held = told.incident.users.basis, _is_held(told)
        if is_held:
            yield held(basis)
        if is_held or (told.step or 0) > 0:
            yield rose(basis)


def _told_by_voice(told: Told) -> Iterator[Symptom]:
    incident = told.incident
    for service, impact in told.impacts.items():
        yield has(service, impact)
    for impact in set(told.impacts.values()):
        if _is_felt(told, impact):
            yield felt(impact)
    if incident.emergency:
        yield calls(incident.emergency.impact)
        if told.codes:
            yield calls_somewhere(incident.emergency.impact)
    if incident.critical_services:
        yield CRITICAL
    by_malice = incident.cause.category is CauseCategory.MALICIOUS_ACTION
    if incident.malicious or (incident.malicious is None and by_malice):
        yield CLAIMED
        if incident.malicious or incident.cause.certainty is Certainty.OBSERVED:
            yield CONFIRMED
            if _is_felt(told, Impact.OUTAGE) and any(len(code) == 2 for code in told.codes):
                yield WIDE


def _told_of_mobile(told: Told) -> Iterator[Symptom]:
    if told.mobile is not None:
        for code in told.codes:
            yield mobile(code, told.mobile)
    if told.mobile_nearly_all is not None:
        for code in told.codes:
            yield mobile_nearly_all(code, told.mobile_nearly_all)


def _is_held(told: Told) -> bool:
    if told.recount is None or told.incident.users is None:
        return False
    before, first, now = told.recount.before.users or 0, told.recount.first.users or 0, told.incident.users.value or 0
    return before < now <= first


def _is_felt(told: Told, impact: Impact) -> bool:
    services = [service for service, found in told.impacts.items() if found is impact]
    return any(impact not in FELT or told.numbers.get(service) != (0, 0, 0) for service in services)
