"""What the incidents of a situation say of its cause, and who says otherwise."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from bus.messages import Cause, Incident
from bus.vocabulary import CauseCategory, CauseDetail, Certainty
from consumers.merge.parties import Party
from consumers.merge.restoration import SURENESS
from consumers.merge.view import CauseCandidate, SituationCause

MOST_CANDIDATES = 5
"""A situation names so many of the causes that are told, the most told first; it tells how many there are."""
MOST_ACTORS = 10
"""So many of those who tell, or dispute, one."""

Disputers = Callable[[str], Collection[str]]

_UNKNOWN = Cause()
_UNKNOWN_CAUSES = frozenset({CauseCategory.UNKNOWN, CauseCategory.UNDETERMINED})


class _Word(NamedTuple):
    """A known cause, and who tells it how surely."""

    category: CauseCategory
    detail: CauseDetail
    certainty: Certainty
    owner: str


class _Words(NamedTuple):
    """What a party's members say of the cause."""

    refs: frozenset[str]
    """All of them."""
    own: Counter[_Word]
    """Of those that point to no other incident: how many say so."""
    pointing: Sequence[tuple[_Word, set[str]]]
    """Of the others, with what they point to."""


def cause_of(parties: Iterable[Party], disputed: Iterable[str], disputers: Disputers) -> SituationCause:
    """What the members at the root say: those with a known cause that do not point to another member for it.

    Where they name different categories none is picked, and the cause is disputed. Of several details in one category
    the surest stands, then the one told most often. `disputers` tells who disputes the cause of an incident; of those
    that are not `disputed`, nobody does.
    """
    words = [party.once(_words) for party in parties]
    refs = [said.refs for said in words]
    disputed_by = {actor for ref in disputed if any(ref in those for those in refs) for actor in disputers(ref)}
    roots: Counter[_Word] = Counter()
    known: Counter[_Word] = Counter()
    for said in words:
        roots.update(said.own)
        known.update(said.own)
        for word, others in said.pointing:
            known[word] += 1
            if all(others.isdisjoint(those) for those in refs):
                roots[word] += 1
    roots = roots or known
    categories = {word.category for word in roots}
    category, detail = _surest(roots) if len(categories) == 1 else (_UNKNOWN.category, _UNKNOWN.detail)
    candidates = _candidates(known)
    return SituationCause(
        category=category,
        detail=detail,
        disputed=bool(disputed_by) or len(categories) > 1,
        disputed_by=tuple(sorted(disputed_by)[:MOST_ACTORS]),
        candidates=tuple(candidates[:MOST_CANDIDATES]),
        candidate_count=len(candidates),
        unknown_reports=sum(map(len, refs)) - known.total(),
    )


def _words(party: Party) -> _Words:
    own: Counter[_Word] = Counter()
    pointing = []
    for told in party.members:
        cause = told.incident.cause
        if cause.category not in _UNKNOWN_CAUSES:
            word = _Word(cause.category, cause.detail, cause.certainty, told.owner)
            if others := pointed_to(told.incident):
                pointing.append((word, others))
            else:
                own[word] += 1
    return _Words(frozenset([told.ref for told in party.members]), own, pointing)


def pointed_to(incident: Incident) -> set[str]:
    """The other incidents that it names as what it comes from."""
    refs = {dependency.ref for dependency in incident.caused_by if dependency.ref}
    if incident.energy and incident.energy.power_incident:
        refs.add(incident.energy.power_incident)
    return refs - {incident.reference}


def _surest(roots: Counter[_Word]) -> tuple[CauseCategory, CauseDetail]:
    told: Counter[CauseDetail] = Counter()
    for word, times in roots.items():
        told[word.detail] += times
    surest = min(
        (word for word in roots if word.detail is not CauseDetail.UNKNOWN or len(told) == 1),
        key=lambda word: (SURENESS[word.certainty], -told[word.detail], word.detail),
    )
    return surest.category, surest.detail


def _candidates(known: Counter[_Word]) -> list[CauseCandidate]:
    """Every cause that is told, the most told first, then the surest."""
    by_cause: defaultdict[tuple[CauseCategory, CauseDetail], list[tuple[_Word, int]]] = defaultdict(list)
    for word, times in known.items():
        by_cause[word.category, word.detail].append((word, times))
    found = [
        CauseCandidate(
            category=category,
            detail=detail,
            certainty=min((word.certainty for word, _ in those), key=SURENESS.__getitem__),
            report_count=sum(times for _, times in those),
            actors=tuple(sorted({word.owner for word, _ in those})[:MOST_ACTORS]),
        )
        for (category, detail), those in by_cause.items()
    ]
    return sorted(found, key=lambda c: (-c.report_count, SURENESS[c.certainty], c.category, c.detail))
