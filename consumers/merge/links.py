"""What links two incidents. Bases, strongest first:

- COORDINATION: staff's MUST_LINK and CAUSES.
- EXPLICIT: `duplicate_of`, `related_to`, `caused_by`, a common power incident.
- SHARED_KEY: an equal event key or asset id, with times that meet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from bus.messages import Incident, Link
from bus.vocabulary import OPEN_INCIDENT_STATES, DependencyKind, IncidentState, LinkBasis, LinkRelation
from consumers.merge.entities import Entity, incident_of
from consumers.merge.grounds import ASSERTED, NAMED, SHARED, Ground

STRENGTH = {
    LinkBasis.COORDINATION: 0,
    LinkBasis.EXPLICIT: 1,
    LinkBasis.SHARED_KEY: 2,
    LinkBasis.INFERRED: 3,
}

TYING = frozenset({LinkRelation.MUST_LINK, LinkRelation.CAUSES})


class Key(NamedTuple):
    """Something that incidents have in common: the list it stands in, and its value."""

    field: str
    value: str


class Edge(NamedTuple):
    """A link from `a`, which was told later or tells of the other, to `b`. A firm one stands against CANNOT_LINK."""

    a: str
    b: str
    basis: LinkBasis
    ground: Ground
    firm: bool = False

    @property
    def order(self) -> tuple[int, bool, str, str, str]:
        """Strongest first; the rest only makes the order total."""
        return STRENGTH[self.basis], not self.firm, self.a, self.b, self.ground.text


@dataclass(frozen=True, slots=True)
class Node:
    """What of an incident decides with which others it belongs."""

    ref: str
    start: datetime
    end: datetime | None
    """None while it is open; never before the start, whatever was told."""
    duplicate_of: str | None
    names: tuple[tuple[str, str], ...]
    """Other incidents that it names: the field that names, and the reference."""
    keys: tuple[Key, ...]

    @property
    def seniority(self) -> tuple[datetime, str]:
        """The least of a situation's members by this is its seed."""
        return self.start, self.ref


POWER = "power incident"
ASSETS = "infrastructure_ids"


def node_of(entity: Entity) -> Node | None:
    """The node of an incident; None when it is retracted and so belongs nowhere."""
    incident = incident_of(entity)
    if incident.state is IncidentState.RETRACTED:
        return None
    start = incident.started_at or entity.first.gist.observed_at
    ended = incident.restored_at or incident.observed_at
    return Node(
        ref=entity.ref,
        start=start,
        end=None if incident.state in OPEN_INCIDENT_STATES else max(start, ended),
        duplicate_of=incident.duplicate_of,
        names=tuple(dict.fromkeys((field, ref) for field, ref in _named(incident) if ref != entity.ref)),
        keys=tuple(dict.fromkeys(key for key in _keys(incident) if key.value.strip())),
    )


def _named(incident: Incident) -> Iterator[tuple[str, str]]:
    if incident.duplicate_of:
        yield "duplicate_of", incident.duplicate_of
    for dependency in incident.caused_by:
        if dependency.ref:
            yield "caused_by", dependency.ref
    for ref in incident.related_to:
        yield "related_to", ref


def _keys(incident: Incident) -> Iterator[Key]:
    if incident.energy and incident.energy.power_incident:
        yield Key(POWER, incident.energy.power_incident)
    for dependency in incident.caused_by:
        if dependency.ref and dependency.kind is DependencyKind.POWER:
            yield Key(POWER, dependency.ref)
    for value in incident.event_refs:
        yield Key("event_refs", value)
    for value in incident.infrastructure_ids:
        yield Key(ASSETS, value)


def named_edges(node: Node, known: Iterable[str]) -> Iterator[Edge]:
    """From an incident to those that it names, of the known ones."""
    actor = node.ref.split("/")[1]
    for field, ref in node.names:
        if ref in known:
            ground = Ground.of(NAMED, f"{actor}: {field}", actor=actor, field=field)
            yield Edge(node.ref, ref, LinkBasis.EXPLICIT, ground, firm=field == "duplicate_of")


def asserted_edge(ref: str, said: Link, known: Iterable[str]) -> Edge | None:
    """What staff tie together, where both are known."""
    if said.relation not in TYING or said.a == said.b or said.a not in known or said.b not in known:
        return None
    comment = {"comment": said.comment} if said.comment else {}
    text = f"{ref}: {', '.join((said.relation, *comment.values()))}"
    ground = Ground.of(ASSERTED, text, link=ref, relation=said.relation.value, **comment)
    return Edge(said.a, said.b, LinkBasis.COORDINATION, ground, firm=said.relation is LinkRelation.MUST_LINK)


def common_edges(key: Key, holders: Sequence[Node], slack: timedelta) -> Iterator[Edge]:
    """Links between incidents that have the key in common: enough to join those that meet, never all pairs.

    A power incident joins all that name it, at any time, to itself if it is among them, else to the earliest.
    """
    by_seniority = sorted(holders, key=lambda node: node.seniority)
    ground = Ground.of(SHARED, f"{key.field} {key.value}", field=key.field, value=key.value)
    if key.field == POWER:
        hub = next((node for node in by_seniority if node.ref == key.value), by_seniority[0])
        for node in by_seniority:
            if node is not hub:
                yield Edge(node.ref, hub.ref, LinkBasis.EXPLICIT, ground)
        return
    for later, earlier in meetings(by_seniority, slack):
        yield Edge(later.ref, earlier.ref, LinkBasis.SHARED_KEY, ground)


def meetings(by_seniority: Sequence[Node], slack: timedelta) -> Iterator[tuple[Node, Node]]:
    """Each node with the earliest one before it that it meets, in one sweep.

    Two meet when neither begins more than `slack` after the other has ended. That links all that meet in pairs: what
    two nodes both meet, and began before them, they also meet.
    """
    earliest = 0
    for index, later in enumerate(by_seniority):
        while earliest < index and _over(by_seniority[earliest], later.start - slack):
            earliest += 1
        if earliest < index:
            yield later, by_seniority[earliest]


def _over(node: Node, instant: datetime) -> bool:
    return node.end is not None and node.end < instant
