"""What is odd in what was reported. Odd messages are taken all the same: in a crisis dropping is worse than oddness."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import compress, pairwise
from operator import attrgetter

from bus.messages import Ack, Decision, Incident, Link, Measure, Message, Offer, Request
from bus.vocabulary import IncidentState
from consumers.merge.components import Component
from consumers.merge.entities import Entity
from consumers.merge.rules import Rules
from consumers.merge.traces import Gist, Trace
from consumers.merge.view import Flag

_S = IncidentState
_FORWARD = (_S.SUSPECTED, _S.CONFIRMED, _S.MITIGATED, _S.RESTORING, _S.RESTORED, _S.CLOSED)
_BACKWARD = frozenset(
    {
        (_S.MITIGATED, _S.CONFIRMED),
        (_S.RESTORED, _S.CONFIRMED),
        (_S.RESTORED, _S.RESTORING),
        (_S.CLOSED, _S.CONFIRMED),
        (_S.CLOSED, _S.RESTORING),
    }
)
LEGAL_TRANSITIONS = frozenset(
    {(a, b) for rank, a in enumerate(_FORWARD) for b in _FORWARD[rank:]}
    | _BACKWARD
    | {(state, _S.RETRACTED) for state in _S}
    | {(_S.UNKNOWN, state) for state in _S}
    | {(state, _S.UNKNOWN) for state in _S}
)
"""Steps between two known revisions that need no remark: forward at any pace, and reopening."""

_MOST_REFS = 10
"""A flag names at most so many references, so that its record is bounded; its text tells how many there are."""


def flag(code: str, refs: Sequence[str], text: str) -> Flag:
    subjects = "\n".join((code, *refs, text))
    return Flag.whole(
        id="flg-" + hashlib.sha256(subjects.encode()).hexdigest()[:16], code=code, refs=tuple(refs), text=text
    )


def entity_flags(entity: Entity, known: Callable[[str], bool], rules: Rules) -> list[Flag]:
    """Flags of one entity. `known` tells whether a reference leads to something."""
    told = entity.history()
    found = [*_future(entity.ref, told, rules), *_over_100_percent(entity.ref, entity.winner.message, rules)]
    found += _unverified(entity)
    if len(entity) > 1:
        found += [found for rule in _OF_SEVERAL for found in rule(entity.ref, told, rules)]
        found += _equivocation(entity)
        found += _regression(entity)
    found += _dangling(entity, known)
    return found


def component_flags(component: Component) -> list[Flag]:
    """Flags of a situation's make-up."""
    found = [
        flag(
            "DUPLICATE_CYCLE",
            cycle[:_MOST_REFS],
            f"{len(cycle)} say that they duplicate another; {cycle[0]} is counted",
        )
        for cycle in component.cycles
    ]
    found += [
        flag("CONTRADICTION", (link, a, b), f"{link} holds {b} apart from {a}, but a duplicate or MUST_LINK joins them")
        for link, a, b in component.contradictions
    ]
    return found


def references_of(message: Message) -> Iterator[str]:
    """Every reference in a message that should lead to an entity."""
    match message:
        case Incident():
            yield from message.related_to
            yield from (d.ref for d in message.caused_by if d.ref)
            if message.duplicate_of:
                yield message.duplicate_of
            if message.energy and message.energy.power_incident:
                yield message.energy.power_incident
        case Measure() | Request():
            yield from message.targets
        case Offer():
            yield from message.targets
            if message.ref:
                yield message.ref
        case Ack():
            yield message.of
        case Link():
            yield from (message.a, message.b)
        case Decision():
            yield from message.affects


def _unverified(entity: Entity) -> Iterator[Flag]:
    if entity.last.verified is False:
        text = "is not signed, or not rightly; its actor has begun to sign: ask it whether this is its own"
        yield flag("UNVERIFIED", (entity.ref,), text)


def _dangling(entity: Entity, known: Callable[[str], bool]) -> Iterator[Flag]:
    for ref in sorted(set(references_of(entity.winner.message))):
        if not known(ref):
            yield flag("REFERENCE_TO_NOTHING", (entity.ref, ref), f"{ref} is not known here")


def _equivocation(entity: Entity) -> Iterator[Flag]:
    for revision in entity.equivocated:
        yield flag(
            "EQUIVOCATION", (entity.ref,), f"revision {revision} was told in different ways; the latest sent counts"
        )


COUNTED = 10**12
"""Revisions from here on are the milliseconds of a source that counts none, and say nothing of what lies between."""


def _gap(ref: str, told: Sequence[Trace], _: Rules) -> Iterator[Flag]:
    for before, after in pairwise(trace.gist.revision for trace in told):
        if before + 1 < after < COUNTED:
            yield flag("REVISION_GAP", (ref,), f"nothing was received between revisions {before} and {after}")


_INSTANTS = ("sent_at", "observed_at", "started_at", "detected_at", "restored_at")


def _future(ref: str, told: Sequence[Trace], rules: Rules) -> Iterator[Flag]:
    for trace in told:
        gist, known_at = trace.gist, trace.known_at
        instants = (trace.sent_at, gist.observed_at, gist.started_at, gist.detected_at, gist.restored_at)
        ahead = [at is not None and at > known_at and at - known_at > rules.future for at in instants]
        if any(ahead):
            late = compress(_INSTANTS, ahead)
            text = f"revision {gist.revision}: {', '.join(late)} lies after the bus knew it; is the clock right?"
            yield flag("FUTURE_TIME", (ref,), text)


def _transition(ref: str, told: Sequence[Trace], _: Rules) -> Iterator[Flag]:
    for before, after in _steps(told):
        if before.state and after.state and (before.state, after.state) not in LEGAL_TRANSITIONS:
            text = f"revision {after.revision} goes from {before.state} to {after.state}"
            yield flag("ILLEGAL_TRANSITION", (ref,), text)


def _regression(entity: Entity) -> Iterator[Flag]:
    winner = entity.last
    late = [
        trace
        for trace in entity.traces()
        if trace.sent_at > winner.sent_at and trace.gist.revision < winner.gist.revision
    ]
    if late:
        lost = max(late, key=attrgetter("order")).gist.revision
        text = (
            f"revision {lost} was sent after revision {winner.gist.revision}, which counts; "
            "was a revision counter lost?"
        )
        yield flag("REVISION_REGRESSION", (entity.ref,), text)


def _count_jump(ref: str, told: Sequence[Trace], rules: Rules) -> Iterator[Flag]:
    for before, after in _steps(told):
        old, new = before.users, after.users
        if old and new and before.basis is after.basis and new >= rules.count_jump_factor * old:
            text = f"revision {after.revision} corrects {old} users to {new}"
            yield flag("COUNT_JUMP", (ref,), text)


def _over_100_percent(ref: str, message: Message, rules: Rules) -> Iterator[Flag]:
    if not isinstance(message, Incident):
        return
    yield from _over_inhabitants(ref, message, rules)
    if message.sites and message.sites.served is not None:
        for name in ("out", "on_backup"):
            number = getattr(message.sites, name)
            if number is not None and number > message.sites.served:
                text = f"{number} sites {name.replace('_', ' ')}, of {message.sites.served} served"
                yield flag("OVER_100_PERCENT", (ref,), text)


def _over_inhabitants(ref: str, incident: Incident, rules: Rules) -> Iterator[Flag]:
    codes = {area.code for area in incident.areas if area.code is not None}
    if incident.users is None or not codes or len(codes) < len(incident.areas) or not codes <= rules.population.keys():
        return
    inhabitants = sum(rules.population[code] for code in codes)
    users = max([incident.users.value or 0, *incident.users.by_service.values()])
    if users > inhabitants:
        text = f"{users} users, where {inhabitants} live: does it count devices?"
        yield flag("OVER_100_PERCENT", (ref,), text)


_Rule = Callable[[str, Sequence[Trace], Rules], Iterator[Flag]]

_OF_SEVERAL: tuple[_Rule, ...] = (_gap, _transition, _count_jump)
"""Rules about what was told, revision by revision, that need two messages to find anything."""


def _steps(told: Sequence[Trace]) -> Iterator[tuple[Gist, Gist]]:
    return pairwise(trace.gist for trace in told)
