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
from consumers.merge.traces import Gist, Signed, Trace
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


TEXTS = {
    "CONTRADICTION": "{link} holds {b} apart from {a}, but a duplicate or MUST_LINK joins them",
    "COUNT_JUMP": "revision {revision} corrects {before} users to {after}",
    "DUPLICATE_CYCLE": "{count} say that they duplicate another; {counted} is counted",
    "EQUIVOCATION": "revision {revision} was told in different ways; the latest sent counts",
    "FUTURE_TIME": "revision {revision}: {fields} lies after the bus knew it; is the clock right?",
    "ILLEGAL_TRANSITION": "revision {revision} goes from {from} to {to}",
    "OVER_100_PERCENT.SITES_OUT": "{number} sites out, of {served} served",
    "OVER_100_PERCENT.SITES_ON_BACKUP": "{number} sites on backup, of {served} served",
    "OVER_100_PERCENT.USERS": "{number} users, where {inhabitants} live: does it count devices?",
    "REFERENCE_TO_NOTHING": "{missing} is not known here",
    "REVISION_GAP": "nothing was received between revisions {before} and {after}",
    "REVISION_REGRESSION": "revision {revision} was sent after revision {counts}, which counts; was a revision counter "
    "lost?",
    "UNVERIFIED.UNSIGNED": "is not signed; its actor has begun to sign: ask it whether this is its own",
    "UNVERIFIED.UNVERIFIABLE": "carries a signature that is not right: ask its actor whether this is its own",
}
"""What each flag says in English, given its facts: by code, or by code and case. Staff read it in their language."""


def flag(code: str, refs: Sequence[str], case: str | None = None, **facts: object) -> Flag:
    told = {name: str(fact) for name, fact in sorted(facts.items())}
    text = TEXTS[name_of_text(code, case)].format(**told)
    subjects = "\n".join((code, *refs, text))
    return Flag.whole(
        id="flg-" + hashlib.sha256(subjects.encode()).hexdigest()[:16],
        code=code,
        case=case,
        refs=tuple(refs),
        text=text,
        facts=told,
    )


def name_of_text(code: str, case: str | None) -> str:
    """What the text of a flag is found by."""
    return code if case is None else f"{code}.{case}"


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
        flag("DUPLICATE_CYCLE", cycle[:_MOST_REFS], count=len(cycle), counted=cycle[0]) for cycle in component.cycles
    ]
    found += [flag("CONTRADICTION", (link, a, b), link=link, a=a, b=b) for link, a, b in component.contradictions]
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
    signed = entity.last.signed
    if signed is not None and signed is not Signed.VERIFIED:
        yield flag("UNVERIFIED", (entity.ref,), signed.value)


def _dangling(entity: Entity, known: Callable[[str], bool]) -> Iterator[Flag]:
    for ref in sorted(set(references_of(entity.winner.message))):
        if not known(ref):
            yield flag("REFERENCE_TO_NOTHING", (entity.ref, ref), missing=ref)


def _equivocation(entity: Entity) -> Iterator[Flag]:
    for revision in entity.equivocated:
        yield flag("EQUIVOCATION", (entity.ref,), revision=revision)


COUNTED = 10**12
"""Revisions from here on are the milliseconds of a source that counts none, and say nothing of what lies between."""


def _gap(ref: str, told: Sequence[Trace], _: Rules) -> Iterator[Flag]:
    for before, after in pairwise(trace.gist.revision for trace in told):
        if before + 1 < after < COUNTED:
            yield flag("REVISION_GAP", (ref,), before=before, after=after)


_INSTANTS = ("sent_at", "observed_at", "started_at", "detected_at", "restored_at")


def _future(ref: str, told: Sequence[Trace], rules: Rules) -> Iterator[Flag]:
    for trace in told:
        gist, known_at = trace.gist, trace.known_at
        instants = (trace.sent_at, gist.observed_at, gist.started_at, gist.detected_at, gist.restored_at)
        if max(filter(None, instants)) <= known_at:
            continue
        ahead = [at is not None and at > known_at and at - known_at > rules.future for at in instants]
        if any(ahead):
            late = compress(_INSTANTS, ahead)
            yield flag("FUTURE_TIME", (ref,), revision=gist.revision, fields=", ".join(late))


def _transition(ref: str, told: Sequence[Trace], _: Rules) -> Iterator[Flag]:
    for before, after in _steps(told):
        if before.state and after.state and (before.state, after.state) not in LEGAL_TRANSITIONS:
            steps = {"from": before.state, "to": after.state}
            yield flag("ILLEGAL_TRANSITION", (ref,), revision=after.revision, **steps)


def _regression(entity: Entity) -> Iterator[Flag]:
    winner = entity.last
    late = [
        trace
        for trace in entity.traces()
        if trace.sent_at > winner.sent_at and trace.gist.revision < winner.gist.revision
    ]
    if late:
        lost = max(late, key=attrgetter("order")).gist.revision
        yield flag("REVISION_REGRESSION", (entity.ref,), revision=lost, counts=winner.gist.revision)


def _count_jump(ref: str, told: Sequence[Trace], rules: Rules) -> Iterator[Flag]:
    for before, after in _steps(told):
        old, new = before.users, after.users
        if old and new and before.basis is after.basis and new >= rules.count_jump_factor * old:
            yield flag("COUNT_JUMP", (ref,), revision=after.revision, before=old, after=new)


def _over_100_percent(ref: str, message: Message, rules: Rules) -> Iterator[Flag]:
    if not isinstance(message, Incident):
        return
    yield from _over_inhabitants(ref, message, rules)
    if message.sites and message.sites.served is not None:
        for name in ("out", "on_backup"):
            number = getattr(message.sites, name)
            if number is not None and number > message.sites.served:
                case = f"SITES_{name.upper()}"
                yield flag("OVER_100_PERCENT", (ref,), case, number=number, served=message.sites.served)


def _over_inhabitants(ref: str, incident: Incident, rules: Rules) -> Iterator[Flag]:
    codes = {area.code for area in incident.areas if area.code is not None}
    if incident.users is None or not codes or len(codes) < len(incident.areas) or not codes <= rules.population.keys():
        return
    inhabitants = sum(rules.population[code] for code in codes)
    users = max([incident.users.value or 0, *incident.users.by_service.values()])
    if users > inhabitants:
        yield flag("OVER_100_PERCENT", (ref,), "USERS", number=users, inhabitants=inhabitants)


_Rule = Callable[[str, Sequence[Trace], Rules], Iterator[Flag]]

_OF_SEVERAL: tuple[_Rule, ...] = (_gap, _transition, _count_jump)
"""Rules about what was told, revision by revision, that need two messages to find anything."""


def _steps(told: Sequence[Trace]) -> Iterator[tuple[Gist, Gist]]:
    return pairwise(trace.gist for trace in told)
