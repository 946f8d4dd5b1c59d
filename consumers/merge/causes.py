"""What the incidents of a situation say of its cause, and who says otherwise."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence

from bus.messages import Cause, Incident
from bus.vocabulary import CauseCategory, CauseDetail
from consumers.merge.restoration import SURENESS
from consumers.merge.told import Told
from consumers.merge.view import CauseCandidate, SituationCause

MOST_CANDIDATES = 5
"""A situation names so many of the causes that are told, the most told first; it tells how many there are."""
MOST_ACTORS = 10
"""So many of those who tell, or dispute, one."""

_UNKNOWN_CAUSES = frozenset({CauseCategory.UNKNOWN, CauseCategory.UNDETERMINED})


def cause_of(members: Sequence[Told], disputers: Callable[[str], Collection[str]]) -> SituationCause:
    """What the members at the root say: those with a known cause that do not point to another member for it.

    Where they name different categories none is picked, and the cause is disputed. Of several details in one category
    the surest stands, then the one told most often. `disputers` tells who disputes the cause of an incident.
    """
    disputed_by = {actor for incident in members for actor in disputers(incident.ref)}
    refs = {incident.ref for incident in members}
    known = [told for told in members if told.incident.cause.category not in _UNKNOWN_CAUSES]
    roots = [told for told in known if not refs & pointed_to(told.incident)] or known
    categories = {told.incident.cause.category for told in roots}
    stands = _surest([told.incident.cause for told in roots]) if len(categories) == 1 else Cause()
    candidates = _candidates(known)
    return SituationCause(
        category=stands.category,
        detail=stands.detail,
        disputed=bool(disputed_by) or len(categories) > 1,
        disputed_by=tuple(sorted(disputed_by)[:MOST_ACTORS]),
        candidates=tuple(candidates[:MOST_CANDIDATES]),
        candidate_count=len(candidates),
        unknown_reports=len(members) - len(known),
    )


def pointed_to(incident: Incident) -> set[str]:
    """The other incidents that it names as what it comes from."""
    refs = {dependency.ref for dependency in incident.caused_by if dependency.ref}
    if incident.energy and incident.energy.power_incident:
        refs.add(incident.energy.power_incident)
    return refs - {incident.reference}


def _surest(causes: Sequence[Cause]) -> Cause:
    told = Counter(cause.detail for cause in causes)
    return min(
        (cause for cause in causes if cause.detail is not CauseDetail.UNKNOWN or len(told) == 1),
        key=lambda cause: (SURENESS[cause.certainty], -told[cause.detail], cause.detail),
    )


def _candidates(known: Sequence[Told]) -> list[CauseCandidate]:
    """Every cause that is told, the most told first, then the surest."""
    by_cause: defaultdict[tuple[CauseCategory, CauseDetail], list[Told]] = defaultdict(list)
    for told in known:
        by_cause[told.incident.cause.category, told.incident.cause.detail].append(told)
    found = [
        CauseCandidate(
            category=category,
            detail=detail,
            certainty=min((told.incident.cause.certainty for told in those), key=SURENESS.__getitem__),
            report_count=len(those),
            actors=tuple(sorted({told.owner for told in those})[:MOST_ACTORS]),
        )
        for (category, detail), those in by_cause.items()
    ]
    return sorted(found, key=lambda c: (-c.report_count, SURENESS[c.certainty], c.category, c.detail))
