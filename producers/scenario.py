"""Scenarios: what actors send, and when, told as a script in which each new report repeats all that still holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from bus.messages import Incident, Message, build
from bus.vocabulary import OPEN_INCIDENT_STATES, MessageStatus

__all__ = ["Script", "Step"]

REPORTING_DELAY = timedelta(minutes=2)
"""Facts are this old when they are sent, unless the script says otherwise."""

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Step:
    """A message, and how long after the scenario's start it is sent."""

    after: timedelta
    message: Message


class Script:
    """Collects the steps of a scenario that starts at `start`, with messages of one status."""

    def __init__(self, start: datetime, status: MessageStatus) -> None:
        self._start = start
        self._status = status
        self._steps: list[Step] = []
        self._latest: dict[str, Message] = {}
        self._told_at: dict[str, datetime] = {}

    def at(self, clock: str) -> datetime:
        """The instant `h:mm` after the start; `-h:mm` before it."""
        return self._start + _after(clock)

    def first(self, clock: str, model: type[M], actor: str, id: str, **fields: Any) -> str:
        """The first revision of an entity, sent at `clock` (`h:mm` after the start). Returns its reference."""
        self._add(clock, build(model, self._opening(clock, {"actor": actor, "id": id, "revision": 1}) | fields))
        return self._steps[-1].message.reference

    def next(self, clock: str, ref: str, **changes: Any) -> None:
        """The entity's next revision: everything as before, but for the changes."""
        before = self._latest[ref]
        fields = {name: getattr(before, name) for name in before.model_fields_set if name != "reason"}
        opening = self._opening(clock, {"revision": before.revision + 1})
        self._add(clock, build(type(before), fields | opening | changes))

    def again(self, clock: str, ref: str) -> None:
        """The entity's revision of that hour once more, as a sender does that never saw the receipt."""
        self._steps.append(Step(_after(clock), self._told_by(clock)[ref]))

    def open_incidents(self, clock: str, actor: str) -> int:
        """How many incidents the actor has open at that hour, as far as it has told."""
        told = self._told_by(clock).values()
        return sum(isinstance(m, Incident) and m.actor == actor and m.state in OPEN_INCIDENT_STATES for m in told)

    def steps(self) -> tuple[Step, ...]:
        """All steps in the order of sending."""
        return tuple(sorted(self._steps, key=lambda step: step.after))

    def _told_by(self, clock: str) -> dict[str, Message]:
        """The latest revision of every entity at that hour."""
        return {step.message.reference: step.message for step in self.steps() if step.after <= _after(clock)}

    def _opening(self, clock: str, fields: dict[str, Any]) -> dict[str, Any]:
        return fields | {"status": self._status, "observed_at": self.at(clock) - REPORTING_DELAY}

    def _add(self, clock: str, message: Message) -> None:
        before = self._told_at.get(message.reference, self._start)
        if self._start + _after(clock) < before:
            raise ValueError(f"{message.reference}@{message.revision} at {clock}: its revisions must be told in order")
        self._told_at[message.reference] = self._start + _after(clock)
        self._steps.append(Step(_after(clock), message))
        self._latest[message.reference] = message


def _after(clock: str) -> timedelta:
    hours, _, minutes = clock.lstrip("-").partition(":")
    after = timedelta(hours=int(hours), minutes=int(minutes))
    return -after if clock.startswith("-") else after
