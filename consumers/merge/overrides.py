"""The severities that coordination staff decide on, which stand in place of the computed ones while they hold."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from bus.messages import Decision
from bus.vocabulary import DecisionKind, DecisionState
from consumers.merge.entities import Entity
from consumers.merge.index import Index
from consumers.merge.view import SeverityOverride

_STANDING = frozenset({DecisionState.ADOPTED, DecisionState.EXECUTED})


class Standing(NamedTuple):
    """The override that holds at an instant, if any, and when that may change."""

    override: SeverityOverride | None
    next_change: datetime | None


NONE = Standing(None, None)


class OverrideBook:
    """The decisions on severities, by what they are about: situations, or incidents for the situation they are in."""

    def __init__(self) -> None:
        self._decisions: dict[str, tuple[Entity, Decision]] = {}
        self._about = Index()

    def put(self, entity: Entity, decision: Decision) -> set[str]:
        """Set a decision. Returns what it was or is about."""
        is_standing = decision.decision is DecisionKind.SEVERITY_OVERRIDE and decision.state in _STANDING
        if not is_standing or decision.level is None:
            return self.drop(entity.ref)
        self._decisions[entity.ref] = entity, decision
        return self._about.put(entity.ref, decision.affects)

    def drop(self, ref: str) -> set[str]:
        """Take a decision out. Returns what it was about."""
        return self._about.put(ref, ()) if self._decisions.pop(ref, None) else set()

    def standing(self, names: Iterable[str], as_of: datetime) -> Standing:
        """What holds for the situation of these references, its own among them: the latest that has not expired."""
        if not self._decisions:
            return NONE
        refs = {ref for name in names for ref in self._about.get(name)}
        held = [self._decisions[ref] for ref in refs]
        current = [(e, d) for e, d in held if d.until is None or d.until > as_of]
        if not current:
            return NONE
        entity, decision = max(current, key=lambda found: (found[1].observed_at, *found[0].last.order, found[0].ref))
        ends = [d.until for _, d in current if d.until is not None]
        override = SeverityOverride(level=decision.level or 0, decision=entity.ref, until=decision.until)
        return Standing(override, min(ends, default=None))
