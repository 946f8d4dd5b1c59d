"""The chosen situation in detail: its reports by operator, what they depend on, how they came to say it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bus.messages import Incident
from bus.references import split_reference
from bus.vocabulary import DependencyKind, EmergencyImpact, IncidentState, MeasureState
from consumers.merge import Signed
from consumers.merge.situations import situation_id
from consumers.merge.view import (
    Conflict,
    DecisionItem,
    EmergencyItem,
    MeasureItem,
    PendingAck,
    RequestItem,
    Situation,
    SituationLink,
    View,
)
from consumers.room.sight import Sight

__all__ = ["Detail", "Member", "Telling", "chosen_of", "detail_of"]

MOST = 40
"""Reports that are shown; the rest is counted."""

LATEST = 40
"""Revisions that the timeline shows."""

RUNNING = frozenset({MeasureState.ACTIVATING, MeasureState.ACTIVE, MeasureState.DEACTIVATING})


@dataclass(frozen=True, slots=True)
class Member:
    """A report that belongs to the situation."""

    ref: str
    actor: str
    title: str
    state: IncidentState | None
    revision: int | None
    known_at: datetime | None
    link: SituationLink | None
    seed: bool
    duplicate: bool
    signed: Signed | None


@dataclass(frozen=True, slots=True)
class Telling:
    """A revision: who told what, when, and why it differs from the one before."""

    known_at: datetime
    ref: str
    actor: str
    revision: int
    reason: str
    title: str
    state: IncidentState


@dataclass(frozen=True, slots=True)
class Detail:
    """What the page shows of one situation, beside what the situation says itself."""

    situation: Situation
    members: Sequence[Member]
    more_members: int
    dependencies: Sequence[tuple[DependencyKind, int, Sequence[str]]]
    """What the members say that they depend on: how many do, and on which incidents."""
    emergency: Sequence[EmergencyItem]
    measures: Sequence[MeasureItem]
    conflicts: Sequence[Conflict]
    decisions: Sequence[DecisionItem]
    requests: Sequence[RequestItem]
    pending: Sequence[PendingAck]
    timeline: Sequence[Telling]
    more_tellings: int
    others: Sequence[Situation]
    """Situations that it could be joined with."""


def chosen_of(view: View, selected: str | None) -> Situation | None:
    """The situation that is selected, by its id, one of its aliases, or one of its reports; without a selection, the
    first.
    """
    if selected is None or selected.partition("/")[0] not in {"situation", "incident"}:
        return view.situations[0] if view.situations else None
    name = selected.removeprefix("situation/")
    return next(
        (
            situation
            for situation in view.situations
            if name == situation.id
            or name in situation.aliases
            or selected in situation.members
            or selected in situation.duplicates
        ),
        None,
    )


def detail_of(sight: Sight, situation: Situation) -> Detail:
    view = sight.view
    refs = {*situation.members, *situation.duplicates}
    own = {*refs, f"situation/{situation.id}", *(f"situation/{alias}" for alias in situation.aliases)}
    every = [*_members(sight, situation)]
    tellings = sorted(
        _tellings(sight), key=lambda telling: (telling.known_at, telling.ref, telling.revision), reverse=True
    )
    named = set(situation.measures)
    return Detail(
        situation=situation,
        members=every[:MOST],
        more_members=max(0, len(every) - MOST),
        dependencies=_dependencies(sight, situation),
        emergency=[
            item
            for item in view.emergency
            if item.impact is not EmergencyImpact.NONE and not refs.isdisjoint(item.refs)
        ],
        measures=sorted((m for m in view.measures if m.ref in named), key=lambda m: (m.state not in RUNNING, m.ref)),
        conflicts=[c for c in view.conflicts if not own.isdisjoint(c.subjects)],
        decisions=[d for d in view.decisions if not own.isdisjoint(d.affects)],
        requests=[r for r in view.requests if not own.isdisjoint(r.targets)],
        pending=[p for p in view.pending_acks if p.ref in refs],
        timeline=tellings[:LATEST],
        more_tellings=max(0, len(tellings) - LATEST),
        others=[other for other in view.situations if other is not situation][:MOST],
    )


def _members(sight: Sight, situation: Situation) -> Iterator[Member]:
    """By operator, and the one that began first at the head of its operator's."""
    links = {link.a: link for link in reversed(situation.links)}
    duplicates = frozenset(situation.duplicates)
    for ref in sorted((*situation.members, *situation.duplicates), key=lambda ref: split_reference(ref)[1:]):
        place = sight.places.get(ref)
        seed = situation_id(ref) == situation.id
        link = place.link if place is not None and place.link is not None else links.get(ref)
        yield Member(
            ref=ref,
            actor=split_reference(ref)[1],
            title=place.title if place else "",
            state=place.state if place else None,
            revision=place.revision if place else None,
            known_at=place.known_at if place else None,
            link=None if seed else link,
            seed=seed,
            duplicate=ref in duplicates,
            signed=report.signed if (report := sight.reports.get(ref)) is not None else None,
        )


def _tellings(sight: Sight) -> Iterator[Telling]:
    for ref, report in sight.reports.items():
        for envelope in report.revisions:
            message = envelope.message
            if isinstance(message, Incident):
                yield Telling(
                    envelope.known_at,
                    ref,
                    message.actor,
                    message.revision,
                    message.reason or "",
                    message.title,
                    message.state,
                )


def _dependencies(sight: Sight, situation: Situation) -> Sequence[tuple[DependencyKind, int, Sequence[str]]]:
    counts: Counter[DependencyKind] = Counter()
    refs: dict[DependencyKind, set[str]] = {}
    for ref in situation.members:
        report = sight.reports.get(ref)
        if report is None or not isinstance(report.current.message, Incident):
            continue
        for dependency in report.current.message.caused_by:
            counts[dependency.kind] += 1
            refs.setdefault(dependency.kind, set()).update([dependency.ref] if dependency.ref else [])
    return [(kind, count, sorted(refs[kind])) for kind, count in counts.most_common()]


def by_operator(members: Sequence[Member]) -> Mapping[str, Sequence[Member]]:
    """The members under their operators, in order."""
    grouped: dict[str, list[Member]] = {}
    for member in members:
        grouped.setdefault(member.actor, []).append(member)
    return grouped
