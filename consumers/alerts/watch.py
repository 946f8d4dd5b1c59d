"""The alerts of a hub: while it leads, it tells what is due, and keeps on the bus what it has told.

A hub that does not lead tells nothing, with one exception: that it cannot hear the bus. Nobody can agree on who says
that, so each hub that had heard it does; their alerts have the same id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from pydantic import ValidationError

from bus.errors import AlertFailed, BusError
from bus.topics import Realm, TopicPartition
from bus.transport.port import Outgoing, Transport
from bus.transport.to_end import records_to_end
from bus.vocabulary import Audience
from consumers.alerts.facts import Fact, lost_bus, of_hub, of_picture
from consumers.alerts.rules import AlertRules
from consumers.alerts.schedule import Delivery, Told, after, due
from consumers.alerts.sending import send
from consumers.alerts.wording import worded
from consumers.fold import Fold

__all__ = ["Alerter", "Watched"]

LAST_RETRY = timedelta(minutes=5)
DOUBLINGS = 16
"""Of a channel's rest, at most: enough to reach the longest from whatever it began with."""

log = structlog.get_logger(__name__)


class Watched(Protocol):
    """A hub, as its alerts see it."""

    @property
    def realm(self) -> Realm: ...
    @property
    def transport(self) -> Transport: ...
    @property
    def fold(self) -> Fold: ...
    @property
    def leads(self) -> bool: ...
    @property
    def is_settled(self) -> bool: ...
    @property
    def heard_at(self) -> datetime: ...
    @property
    def held_back(self) -> tuple[str, ...]: ...
    def as_of(self) -> datetime: ...


@dataclass(slots=True)
class _Line:
    """How a channel does."""

    failures: int = 0
    reason: str = ""
    not_before: datetime | None = None
    waiting: int = 0


@dataclass(slots=True)
class _Memory:
    """What was told, as long as this hub leads."""

    told: dict[str, Told] = field(default_factory=dict)
    gone_since: dict[str, datetime] = field(default_factory=dict)
    unrecorded: set[str] = field(default_factory=set)
    """Keys of which the bus does not know yet what was told."""


class Alerter:
    """Tells what is due."""

    def __init__(self, hub: Watched, rules: AlertRules) -> None:
        self._hub = hub
        self._rules = rules

        self._memory: _Memory | None = None
        self._alone = _Memory()
        """What this hub has told of itself, which the bus could not keep."""
        self._lines = {channel.name: _Line() for channel in rules.channels}
        self._was_settled = False
        self._trouble = ""

    @property
    def failing(self) -> tuple[str, ...]:
        """The channels that take no alerts, each with the reason and how many wait; and the record, if it fails."""
        failing = [
            f"{name}: {line.reason}; {line.waiting} waiting" for name, line in self._lines.items() if line.failures
        ]
        return (*failing, *([self._trouble] if self._trouble else ()))

    async def run(self) -> None:
        """Look and tell, until cancelled."""
        while True:
            trouble = ""
            try:
                await self._turn()
            except BusError as error:
                trouble = f"{self._hub.realm.alerts}: {error}"
                if trouble != self._trouble:
                    log.warning("alerts_not_recorded", reason=str(error))
            self._trouble = trouble
            await asyncio.sleep(self._rules.look_seconds)

    async def _turn(self) -> None:
        hub, rules = self._hub, self._rules
        self._was_settled = self._was_settled or hub.is_settled
        now = hub.as_of()
        lost = self._was_settled and (now - hub.heard_at).total_seconds() >= rules.rules.lost_seconds
        alone = (lost_bus(hub.fold.state.digest, hub.heard_at),) if lost else ()
        await self._tell(alone, self._alone, {}, now)
        if not (hub.leads and hub.is_settled):
            self._memory = None
            return
        if self._memory is None:
            self._memory = _Memory(await read_told(hub.transport, hub.realm))
        facts = (
            *of_picture(hub.fold.projections.items(Audience.FULL, now), rules.rules),
            *of_hub(hub.held_back, len(hub.fold.quarantine), rules.rules),
        )
        await self._tell(facts, self._memory, self._answered(facts), now)
        await self._record(self._memory)

    def _answered(self, facts: Iterable[Fact]) -> Mapping[str, datetime]:
        state = self._hub.fold.state
        times = {fact.id: [at for ref in fact.answered_by if (at := state.acknowledged(ref))] for fact in facts}
        return {id: max(at) for id, at in times.items() if at}

    async def _tell(
        self, facts: tuple[Fact, ...], memory: _Memory, answered: Mapping[str, datetime], now: datetime
    ) -> None:
        held = {fact.id for fact in facts}
        missing = {told.fact for told in memory.told.values()} - held
        memory.gone_since = {id: memory.gone_since.get(id, now) for id in missing}
        deliveries = list(due(facts, memory.told, memory.gone_since, answered, self._rules, now))
        async with asyncio.TaskGroup() as group:
            for name in self._lines:
                own = [delivery for delivery in deliveries if delivery.channel.name == name]
                group.create_task(self._send_all(own, memory, now, self._lines[name]))

    async def _send_all(self, deliveries: list[Delivery], memory: _Memory, now: datetime, line: _Line) -> None:
        """One after the other; after a failure the channel rests, ever longer."""
        if memory is self._memory:
            line.waiting = len(deliveries)
        if not deliveries or (line.not_before is not None and now < line.not_before):
            return
        for delivery in deliveries:
            alert = worded(delivery, self._hub.realm, now, self._rules.link)
            try:
                await send(alert, delivery.channel, now)
            except AlertFailed as error:
                first = timedelta(seconds=self._rules.retry_seconds)
                rest = min(first * 2 ** min(line.failures, DOUBLINGS), LAST_RETRY)
                line.failures, line.reason, line.not_before = line.failures + 1, str(error), now + rest
                log.warning("alert_failed", alert=alert.id, reason=str(error), again_in=rest.total_seconds())
                return
            line.failures, line.reason, line.not_before = 0, "", None
            line.waiting = max(0, line.waiting - 1)
            log.info("alert_sent", alert=alert.id, channel=delivery.channel.name, occasion=delivery.occasion)
            key = f"{delivery.fact.id}/{delivery.channel.name}"
            told = after(delivery, memory.told.pop(key, None), now)
            if told is not None:
                memory.told[key] = told
            memory.unrecorded.add(key)

    async def _record(self, memory: _Memory) -> None:
        """Let the bus know what was told. What cannot be written now is written at the next turn. Raises BusError."""
        if not memory.unrecorded:
            return
        values = {key: memory.told.get(key) for key in sorted(memory.unrecorded)}
        async with self._hub.transport.writer() as writer:
            await writer.send(
                [
                    Outgoing(self._hub.realm.alerts, key.encode(), told.model_dump_json().encode() if told else None)
                    for key, told in values.items()
                ]
            )
        memory.unrecorded.clear()


async def read_told(transport: Transport, realm: Realm) -> dict[str, Told]:
    """What was told and is not over, by key. Raises BusError."""
    told: dict[str, Told] = {}
    async for records in records_to_end(transport, [TopicPartition(realm.alerts, 0)]):
        for record in records:
            key = (record.key or b"").decode(errors="replace")
            try:
                told[key] = Told.model_validate_json(record.value or b"")
            except ValidationError:  # a tombstone, or what this version cannot read: then it is told again
                told.pop(key, None)
    return told
