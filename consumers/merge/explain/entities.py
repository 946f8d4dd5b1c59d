"""An entity explained: what was said of it, where it is in the picture, and what has to do with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import pairwise

from pydantic import JsonValue
from pydantic_core import to_jsonable_python

from bus.messages import Incident, Measure, Message
from bus.vocabulary import IncidentState
from consumers.merge.entities import Entity
from consumers.merge.explain.books import Books
from consumers.merge.explain.explanation import (
    Answer,
    Answers,
    Change,
    Flags,
    Former,
    FormerBecause,
    Mention,
    Mentions,
    Messages,
    MessageStanding,
    Past,
    Section,
    Statement,
    TellingOfUsers,
    Timeline,
)
from consumers.merge.explain.numbers import counts
from consumers.merge.explain.situations import place
from consumers.merge.flags import references_of
from consumers.merge.situations import situation_id

_TOLD_ANYWAY = frozenset({"revision", "observed_at", "reason"})
"""Fields that a statement has for itself."""


def explain_entity(entity: Entity, books: Books) -> Iterator[Section]:
    ref, message = entity.ref, entity.winner.message
    yield Messages(statements=tuple(_statements(entity, books)))
    if isinstance(message, Incident):
        yield _timeline(entity, message)
    if books.is_past(ref):
        yield Past(rules=(books.rule("archive"),))
    if situation := books.situation_of.get(ref):
        made = books.situations[situation]
        yield place(ref, made, books)
        yield counts(ref, made, books)
    answers = Answers(given=tuple(answers_given(ref, books)), awaited=_awaited(message, books))
    if answers.given or answers.awaited:
        yield answers
    names, named_by = tuple(mentions(references_of(message), books)), sorted(books.mentions.get(ref, ()))
    if names or named_by:
        yield Mentions(names=names, named_by=tuple(named_by))
    if flags := books.flags({ref}):
        yield Flags(flags=flags)


def _statements(entity: Entity, books: Books) -> Iterator[Statement]:
    """Every distinct message, the one that counts first."""
    envelopes = entity.envelopes()
    winners = {envelope.message.revision: envelope for envelope in envelopes}
    before = {later: winners[earlier].message for earlier, later in pairwise(winners)}
    for envelope in reversed(envelopes):
        message = envelope.message
        standing: MessageStanding = "COUNTS" if envelope is envelopes[-1] else "SUPERSEDED"
        yield Statement(
            revision=message.revision,
            standing=standing if envelope is winners[message.revision] else "OUTDONE",
            actor=message.actor,
            on_behalf_of=message.on_behalf_of,
            reported_via=message.reported_via,
            observed_at=message.observed_at,
            sent_at=envelope.sent_at,
            known_at=envelope.known_at,
            age_seconds=books.age(envelope.known_at),
            content=envelope.content.hex()[:16],
            reason=message.reason,
            changes=tuple(changes(before[message.revision], message)) if message.revision in before else (),
        )


def changes(before: Message, after: Message) -> Iterator[Change]:
    """The fields that differ, by path, in the order of the contract."""
    old, new = dict(_leaves(to_jsonable_python(before))), dict(_leaves(to_jsonable_python(after)))
    for field in dict.fromkeys((*new, *old)):
        if field not in _TOLD_ANYWAY and old.get(field) != new.get(field):
            yield Change(field, old.get(field), new.get(field))


def _leaves(value: JsonValue, path: str = "") -> Iterator[tuple[str, JsonValue]]:
    """The fields of nested records by path. Lists are told as a whole, and what is unknown not at all."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name)
    elif value is not None and value != []:
        yield path, value


def _timeline(entity: Entity, incident: Incident) -> Timeline:
    first_known_at = min(trace.known_at for trace in entity.traces())
    users = tuple(
        TellingOfUsers(gist.revision, gist.observed_at, gist.users, gist.basis)
        for gist in (trace.gist for trace in entity.history())
        if gist.users is not None and gist.basis is not None
    )
    return Timeline(
        started_at=incident.started_at,
        detected_at=incident.detected_at,
        first_known_at=first_known_at,
        restored_at=incident.restored_at,
        unnoticed_seconds=_seconds(incident.started_at, incident.detected_at),
        untold_seconds=_seconds(incident.started_at, first_known_at),
        users=users,
        most=max(users, key=lambda telling: telling.value, default=None),
    )


def _seconds(begin: datetime | None, end: datetime | None) -> int | None:
    return None if begin is None or end is None else round((end - begin).total_seconds())


def answers_given(ref: str, books: Books) -> Iterator[Answer]:
    """The acknowledgements of a reference."""
    for envelope, ack in books.answers.given(ref):
        yield Answer(
            ref=ack.reference,
            actor=ack.on_behalf_of or ack.actor,
            answer=ack.answer,
            comment=ack.comment,
            known_at=envelope.known_at,
            age_seconds=books.age(envelope.known_at),
        )


def _awaited(message: Message, books: Books) -> tuple[str, ...]:
    return books.answers.awaited(message) if isinstance(message, Measure) else ()


def mentions(refs: Iterable[str], books: Books) -> Iterator[Mention]:
    """Where each reference leads to."""
    for ref in sorted(set(refs)):
        situation = books.where(ref)
        yield Mention(ref, known=ref in books.known or situation is not None, situation=situation)


def explain_former(id_: str, books: Books) -> Former | None:
    """What became of a situation that was named after a report that is retracted or past; None where there was none."""
    for ref, told in books.told.items():
        retracted = told.incident.state is IncidentState.RETRACTED
        if (retracted or books.is_past(ref)) and situation_id(ref) == id_:
            return _former(ref, "RETRACTED" if retracted else "PAST", books)
    return None


def _former(ref: str, because: FormerBecause, books: Books) -> Former:
    entity = books.entities[ref]
    winner = entity.winner
    earlier = [envelope.message for envelope in entity.envelopes()]
    related = {other for message in earlier for other in references_of(message)} | set(books.mentions.get(ref, ()))
    keys = {key for message in earlier if isinstance(message, Incident) for key in _shared_keys(message)}
    related |= {other for other, told in books.told.items() if not keys.isdisjoint(_shared_keys(told.incident))}
    situations = {situation for other in related if (situation := books.where(other))}
    return Former(
        because=because,
        incident=ref,
        revision=winner.message.revision,
        reason=winner.message.reason,
        known_at=winner.known_at,
        situations=tuple(sorted(situations)),
        named_by=tuple(sorted(books.mentions.get(f"situation/{situation_id(ref)}", ()))),
    )


def _shared_keys(incident: Incident) -> frozenset[str]:
    return frozenset((*incident.event_refs, *incident.infrastructure_ids))
