"""Where each incident is in the picture: its situation, and the link that puts it there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

from consumers.merge.components import Component
from consumers.merge.entities import Entity, incident_of
from consumers.merge.links import Edge
from consumers.merge.situations import as_link
from consumers.merge.view import IncidentPlace


class Places:
    """The places of the incidents, told anew only where something about one changed."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[bytes, datetime, str, bool, Edge | None]] = {}

    def drop(self, ref: str) -> None:
        """The incident has no place any more."""
        self._told.pop(ref, None)

    def update(
        self, component: Component, refs: Collection[str], entities: Mapping[str, Entity], situation: str
    ) -> Iterator[IncidentPlace]:
        """The places of those of the given incidents of a component for which they changed."""
        towards_seed = _towards_seed(component) if refs else {}
        for ref in refs:
            winner = entities[ref].winner
            edge, duplicate = towards_seed.get(ref), ref in component.duplicates
            place = winner.content, winner.known_at, situation, duplicate, edge
            if self._told.get(ref) != place:
                self._told[ref] = place
                incident = incident_of(entities[ref])
                yield IncidentPlace.whole(
                    ref=ref,
                    revision=incident.revision,
                    state=incident.state,
                    title=incident.title,
                    situation=situation,
                    duplicate=duplicate,
                    link=as_link(edge) if edge else None,
                    known_at=winner.known_at,
                )


def _towards_seed(component: Component) -> dict[str, Edge]:
    """Per incident, the first link on its way to the seed along the spanning set."""
    at: defaultdict[str, list[Edge]] = defaultdict(list)
    for edge in component.links:
        at[edge.a].append(edge)
        at[edge.b].append(edge)
    found: dict[str, Edge] = {}
    frontier = [component.seed]
    while frontier:
        ref = frontier.pop()
        for edge in at[ref]:
            other = edge.b if edge.a == ref else edge.a
            if other != component.seed and other not in found:
                found[other] = edge
                frontier.append(other)
    return found
