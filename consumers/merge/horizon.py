"""What has been over for so long that it leaves the picture: the archive horizon.

Nothing is closed by this, and nothing is forgotten: what left still counts in the digest, still answers to its
reference, and comes back as soon as something new is said of it, or the clock stands earlier.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from bus.instants import EPOCH
from bus.messages import Decision, Incident, Measure, Message, Offer, Request, Status, Work
from bus.vocabulary import DecisionState, IncidentState, MeasureState, RequestState, WorkState
from consumers.merge.freshness import Schedule

_LAST = datetime.max.replace(tzinfo=UTC)


def over_since(message: Message) -> datetime | None:
    """Since when what this message speaks for is over; None while it is not.

    An incident is over with all that is tied to it, which it cannot know: None, unless it is retracted. An answer or a
    link is an event, over as soon as it was said; what it brings about stands for as long as what it is about.
    """
    rule = _OVER.get(type(message))
    return message.observed_at if rule is None else rule(message)


def _measure(measure: Measure) -> datetime | None:
    if measure.state is MeasureState.ENDED:
        return measure.ended_at or measure.observed_at
    return measure.observed_at if measure.state in _ENDED_MEASURES else None


def _work(work: Work) -> datetime | None:
    """Work that never began is over with its window; once begun, only when its owner says so."""
    if work.state in _ENDED_WORKS:
        return work.observed_at
    return None if work.state is WorkState.IN_PROCESS else work.ends_at


def _resource(asked: Request | Offer) -> datetime | None:
    """What nobody committed is over when its time is; what was committed, only when its owner says so."""
    if asked.state in _ENDED_REQUESTS:
        return asked.observed_at
    return None if asked.state in _COMMITTED else asked.until


def _decision(decision: Decision) -> datetime | None:
    return decision.observed_at if decision.state in _ENDED_DECISIONS else decision.until


def _incident(incident: Incident) -> datetime | None:
    return incident.observed_at if incident.state is IncidentState.RETRACTED else None


_ENDED_MEASURES = frozenset({MeasureState.FAILED, MeasureState.DECLINED, MeasureState.RETRACTED})
_ENDED_WORKS = frozenset({WorkState.COMPLETED, WorkState.CANCELLED, WorkState.RESCHEDULED})
_ENDED_REQUESTS = frozenset({RequestState.RELEASED, RequestState.UNFILLED, RequestState.WITHDRAWN})
_COMMITTED = frozenset({RequestState.COMMITTED, RequestState.EN_ROUTE, RequestState.DEPLOYED})
_ENDED_DECISIONS = frozenset({DecisionState.DECLINED, DecisionState.SUPERSEDED, DecisionState.EXECUTED})

_OVER: dict[type[Message], Callable[[Any], datetime | None]] = {
    Incident: _incident,
    Measure: _measure,
    Work: _work,
    Request: _resource,
    Offer: _resource,
    Decision: _decision,
    Status: lambda _: None,
}
"""By kind; kinds that are not here are events."""


class Horizon:
    """Since when things are over, and which of them have been so for as long as the horizon, or longer."""

    def __init__(self, horizon: timedelta) -> None:
        self._horizon = horizon
        self._over: dict[str, datetime] = {}
        self._as_of = EPOCH
        self._due = Schedule()

    def put(self, name: str, since: datetime | None) -> None:
        """Set since when a thing is over; None while it is not, or is gone."""
        if since is None:
            self._over.pop(name, None)
        else:
            self._over[name] = since
            self._watch(name)

    def since(self, name: str) -> datetime | None:
        return self._over.get(name)

    def gone_at(self, name: str) -> datetime | None:
        """When it leaves the picture, or left it; None if that is never."""
        since = self._over.get(name)
        return None if since is None or since > _LAST - self._horizon else since + self._horizon

    def is_past(self, name: str) -> bool:
        """Whether it has left the picture, at the instant that was last turned to."""
        since = self._over.get(name)
        return since is not None and self._as_of - since >= self._horizon

    def turn(self, as_of: datetime) -> set[str]:
        """Set the clock. Returns all that left the picture or came back by that, and maybe more."""
        crossed = self._due.take(as_of) & self._over.keys()
        past = {name for name in self._over if self.is_past(name)} if as_of < self._as_of else set()
        self._as_of = as_of
        crossed |= {name for name in past if not self.is_past(name)}
        for name in crossed:
            self._watch(name)
        return crossed

    def _watch(self, name: str) -> None:
        if not self.is_past(name):
            self._due.put(name, self.gone_at(name))
