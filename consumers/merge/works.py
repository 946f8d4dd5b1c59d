"""Planned works as the view shows them: to come, going on, over the time that was planned, or over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from bus.messages import Work
from bus.vocabulary import WorkPhase, WorkState
from consumers.merge.entities import Entity
from consumers.merge.freshness import Schedule
from consumers.merge.view import WorkItem

_OVER = frozenset({WorkState.COMPLETED, WorkState.CANCELLED, WorkState.RESCHEDULED})


class WorkBook:
    """The works, and where in their time each is."""

    def __init__(self, upcoming: timedelta) -> None:
        self._upcoming = upcoming
        self._entities: dict[str, Entity] = {}
        self._dirty: set[str] = set()
        self._due = Schedule()

    def put(self, entity: Entity) -> None:
        self._entities[entity.ref] = entity
        self._dirty.add(entity.ref)

    def drop(self, ref: str) -> None:
        """Take a work out."""
        if self._entities.pop(ref, None) is not None:
            self._dirty.add(ref)

    def rewind(self) -> None:
        """The clock stands earlier than it did."""
        self._dirty |= self._entities.keys()

    def refresh(self, as_of: datetime) -> Iterator[tuple[str, WorkItem | None]]:
        """Every work that may have changed; None for one that is gone."""
        dirty, self._dirty = self._dirty | self._due.take(as_of), set()
        for ref in sorted(dirty):
            entity = self._entities.get(ref)
            yield ref, self._item(entity, as_of) if entity else None

    def _item(self, entity: Entity, as_of: datetime) -> WorkItem | None:
        work = entity.winner.message
        if not isinstance(work, Work):
            return None
        begins = work.starts_at if work.starts_at - as_of <= self._upcoming else work.starts_at - self._upcoming
        instants = (begins, work.starts_at, work.ends_at)
        self._due.put(entity.ref, min((instant for instant in instants if instant > as_of), default=None))
        fields: dict[str, Any] = dict(work)
        phase = phase_of(work, as_of, self._upcoming)
        return WorkItem.model_construct(**fields, ref=entity.ref, phase=phase, known_at=entity.winner.known_at)


def phase_of(work: Work, as_of: datetime, upcoming: timedelta) -> WorkPhase:
    """Where in its time a work is. What its operator says goes on does so until it says otherwise."""
    if work.state in _OVER:
        return WorkPhase.OVER
    if work.state is WorkState.IN_PROCESS:
        return WorkPhase.IN_PROCESS if as_of < work.ends_at else WorkPhase.OVERRUN
    if as_of >= work.ends_at:
        return WorkPhase.OVER
    if as_of >= work.starts_at:
        return WorkPhase.IN_PROCESS
    return WorkPhase.UPCOMING if work.starts_at - as_of <= upcoming else WorkPhase.LATER
