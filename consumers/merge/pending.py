"""Which answers are waited for, and from whom.

- A *measure* that is not over waits for the hosts and guests that have not accepted it.
- A *cause*: an open incident that names another operator's incident as what it comes from, and does not call that
  unlikely, waits for that operator to accept or dispute the claim, with an answer to the incident that makes it.
- A *duplicate*: an open incident that says it tells the same fault as another operator's waits for that operator to
  confirm or deny it, in the same way.

Who names its own incident, one that is not known here, or one that was retracted, waits for nobody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from bus.vocabulary import AckAnswer, AckSubject, Certainty, IncidentState
from consumers.merge.answers import Answers
from consumers.merge.index import Index
from consumers.merge.measures import WANTS_CONSENT
from consumers.merge.told import Told
from consumers.merge.view import MeasureItem, PendingAck

ANSWERS = {
    AckSubject.CAUSE: frozenset({AckAnswer.CAUSE_ACCEPTED, AckAnswer.CAUSE_DISPUTED}),
    AckSubject.DUPLICATE: frozenset({AckAnswer.DUPLICATE_CONFIRMED, AckAnswer.DUPLICATE_DENIED}),
}
"""What answers a claim, one way or the other."""


class PendingBook:
    """The answers that are waited for, kept up to date by what is told.

    `told` has all incidents that are known, by reference; `since` tells when the bus knew the revision of an incident
    that counts.
    """

    def __init__(self, told: Mapping[str, Told], answers: Answers, since: Callable[[str], datetime]) -> None:
        self._told = told
        self._answers = answers
        self._since = since
        self._measures: dict[str, MeasureItem] = {}
        self._claims = Index()
        """Which incidents claim something of an incident."""
        self._waiting: dict[str, dict[str, PendingAck]] = {}
        """By what is to be answered, and by id."""
        self._dirty: set[str] = set()

    def put(self, told: Told) -> None:
        """Take up what an incident tells: what it claims, and as what others make claims of."""
        self._claims.put(told.ref, [about for _, about in _claimed(told)] if told.is_open else ())
        self._dirty |= {told.ref, *self._claims.get(told.ref)}

    def drop(self, ref: str) -> None:
        """Take an incident out."""
        self._claims.put(ref, ())
        self._dirty |= {ref, *self._claims.get(ref)}

    def put_measure(self, ref: str, item: MeasureItem | None) -> None:
        """Take up a measure as the view shows it; None when it is gone."""
        if item is None:
            self._measures.pop(ref, None)
        else:
            self._measures[ref] = item
        self._dirty.add(ref)

    def look_again(self, refs: Iterable[str]) -> None:
        """What was answered, now or before."""
        self._dirty |= set(refs)

    def refresh(self) -> Iterator[tuple[str, PendingAck | None]]:
        """Every answer that may have changed, by id; None for one that is not waited for any more."""
        dirty, self._dirty = self._dirty, set()
        for ref in sorted(dirty):
            before = self._waiting.pop(ref, {})
            now = {ack.id: ack for ack in self._awaited(ref)}
            if now:
                self._waiting[ref] = now
            yield from now.items()
            yield from ((gone, None) for gone in before.keys() - now.keys())

    def _awaited(self, ref: str) -> Iterator[PendingAck]:
        if ref in self._measures:
            yield from _consents(self._measures[ref], self._answers)
        elif ref in self._told and self._told[ref].is_open:
            yield from self._of_claims(self._told[ref])

    def _of_claims(self, voice: Told) -> Iterator[PendingAck]:
        for subject, about in dict.fromkeys(_claimed(voice)):
            other = self._told.get(about)
            if other is None or other.incident.state is IncidentState.RETRACTED or other.owner == voice.owner:
                continue
            if not self._answers.has_answered(voice.ref, other.owner, ANSWERS[subject]):
                yield _pending(voice.ref, other.owner, subject, about, self._since(voice.ref))


def in_order(acks: Iterable[PendingAck]) -> tuple[PendingAck, ...]:
    """By what they answer, then by whom."""
    return tuple(sorted(acks, key=lambda ack: (ack.ref, ack.actor, ack.subject, ack.about or "")))


def _consents(measure: MeasureItem, answers: Answers) -> Iterator[PendingAck]:
    if measure.state in WANTS_CONSENT:
        for actor in answers.awaited(measure):
            yield _pending(measure.ref, actor, AckSubject.MEASURE, None, measure.known_at)


def _pending(ref: str, actor: str, subject: AckSubject, about: str | None, since: datetime) -> PendingAck:
    named = "\n".join((ref, actor, subject, about or ""))
    id_ = "ans-" + hashlib.sha256(named.encode()).hexdigest()[:16]
    return PendingAck.whole(id=id_, ref=ref, actor=actor, subject=subject, about=about, since=since)


def _claimed(voice: Told) -> Iterator[tuple[AckSubject, str]]:
    """What an incident claims of others: that they cause it, or that they tell of the same fault."""
    incident = voice.incident
    for dependency in incident.caused_by:
        if dependency.ref is not None and dependency.certainty is not Certainty.UNLIKELY:
            yield AckSubject.CAUSE, dependency.ref
    if incident.duplicate_of is not None:
        yield AckSubject.DUPLICATE, incident.duplicate_of
