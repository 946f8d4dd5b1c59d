"""Which answers are waited for, and from whom.

- A *measure* that is not over waits for the hosts and guests that have not accepted it.
- A *cause*: an open incident that names another operator's incident as what it comes from, and does not call that
  unlikely, waits for that operator to accept or dispute the claim, with an answer to the incident that makes it.
- A *duplicate*: an open incident that says it tells the same fault as another operator's waits for that operator to
  confirm or deny it, in the same way.

Who names its own incident, one that is not known here, or one that was retracted, waits for nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from bus.vocabulary import AckAnswer, AckSubject, Certainty, IncidentState
from consumers.merge.answers import Answers
from consumers.merge.measures import WANTS_CONSENT
from consumers.merge.told import Told
from consumers.merge.view import MeasureItem, PendingAck

ANSWERS = {
    AckSubject.CAUSE: frozenset({AckAnswer.CAUSE_ACCEPTED, AckAnswer.CAUSE_DISPUTED}),
    AckSubject.DUPLICATE: frozenset({AckAnswer.DUPLICATE_CONFIRMED, AckAnswer.DUPLICATE_DENIED}),
}
"""What answers a claim, one way or the other."""


def pending_acks(
    measures: Iterable[MeasureItem],
    voices: Iterable[Told],
    told: Mapping[str, Told],
    answers: Answers,
    since: Callable[[str], datetime],
) -> tuple[PendingAck, ...]:
    """By what they answer, then by whom. `voices` are the open incidents, `told` all; `since` tells when the bus knew
    the revision of an incident that counts.
    """
    found = [*_consents(measures, answers), *_claims(voices, told, answers, since)]
    return tuple(sorted(found, key=lambda ack: (ack.ref, ack.actor, ack.subject, ack.about or "")))


def _consents(measures: Iterable[MeasureItem], answers: Answers) -> Iterator[PendingAck]:
    for measure in measures:
        if measure.state in WANTS_CONSENT:
            for actor in answers.awaited(measure):
                yield PendingAck(measure.ref, actor, AckSubject.MEASURE, None, measure.known_at)


def _claims(
    voices: Iterable[Told], told: Mapping[str, Told], answers: Answers, since: Callable[[str], datetime]
) -> Iterator[PendingAck]:
    for voice in voices:
        for subject, about in dict.fromkeys(_claimed(voice)):
            other = told.get(about)
            if other is None or other.incident.state is IncidentState.RETRACTED or other.owner == voice.owner:
                continue
            if not answers.has_answered(voice.ref, other.owner, ANSWERS[subject]):
                yield PendingAck(voice.ref, other.owner, subject, about, since(voice.ref))


def _claimed(voice: Told) -> Iterator[tuple[AckSubject, str]]:
    """What an incident claims of others: that they cause it, or that they tell of the same fault."""
    incident = voice.incident
    for dependency in incident.caused_by:
        if dependency.ref is not None and dependency.certainty is not Certainty.UNLIKELY:
            yield AckSubject.CAUSE, dependency.ref
    if incident.duplicate_of is not None:
        yield AckSubject.DUPLICATE, incident.duplicate_of
