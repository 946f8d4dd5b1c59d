"""How the actors are doing: when last heard, in which mode, what they hold open, and what they say of themselves."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta

from bus.messages import Status
from bus.references import Kind, reference
from bus.registry import Actor
from bus.vocabulary import Freshness, Reporting
from consumers.merge.entities import Entity, order, owner
from consumers.merge.freshness import Clock, Schedule
from consumers.merge.rules import Rules
from consumers.merge.view import ActorItem, Sector


class ActorBook:
    """What is known of each actor. Reports on behalf of an operator count as that operator's."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._last_heard: dict[str, datetime] = {}
        self._statuses: defaultdict[str, dict[str, Entity]] = defaultdict(dict)
        self._told_by: dict[str, str] = {}
        self._open: defaultdict[str, dict[str, int]] = defaultdict(dict)
        """The open incidents of each, and how often the forecast of each slipped."""
        self._slips: Counter[str] = Counter()
        self._held_by: dict[str, str] = {}
        self._severities: defaultdict[str, Counter[int]] = defaultdict(Counter)
        """Of each, in how many situations of each level it has open members."""
        self._in_situation: dict[str, tuple[int, frozenset[str]]] = {}
        self._registered: dict[str, Actor] = {}
        self._ended: dict[str, Actor] = {}
        self._bystanders = rules.conflicts.not_operators
        self._reporting: dict[str, Reporting] = {}
        self._dirty: set[str] = set()
        self._due = Schedule()

    def heard(self, actor: str, known_at: datetime) -> None:
        """A message of this actor, or one on its behalf, was known at the instant."""
        last = self._last_heard.get(actor)
        if last is None or known_at > last:
            self._last_heard[actor] = known_at
            self._dirty.add(actor)

    def reheard(self, actor: str, last_heard: datetime | None) -> None:
        """Correct when the actor was last heard: an earlier copy of its latest message has come to light, or that
        message is gone. None: it never was.
        """
        if last_heard is None:
            self._last_heard.pop(actor, None)
        else:
            self._last_heard[actor] = last_heard
        self._dirty.add(actor)

    def heard_at(self) -> dict[str, datetime]:
        """When each actor was last heard."""
        return dict(self._last_heard)

    def last_heard(self, actor: str) -> datetime | None:
        return self._last_heard.get(actor)

    def put_status(self, entity: Entity) -> None:
        """Take up a status, which is that of the operator on whose behalf it was sent, if it was."""
        self.drop_status(entity.ref)
        now = owner(entity.winner.message)
        self._told_by[entity.ref] = now
        self._statuses[now][entity.ref] = entity
        self._dirty.add(now)

    def drop_status(self, ref: str) -> None:
        """Take a status out."""
        before = self._told_by.pop(ref, None)
        if before is not None:
            del self._statuses[before][ref]
            self._dirty.add(before)

    def put_open(self, ref: str, actor: str | None, slips: int = 0) -> None:
        """Which operator holds this incident open, and how often its forecast slipped; None when it is over."""
        before = self._held_by.pop(ref, None)
        if before is not None:
            self._slips[before] -= self._open[before].pop(ref)
            self._dirty.add(before)
        if actor is not None:
            self._held_by[ref] = actor
            self._open[actor][ref] = slips
            self._slips[actor] += slips
            self._dirty.add(actor)

    def put_situation(self, situation: str, level: int, actors: Iterable[str]) -> None:
        """Which operators have open members in a situation, and how severe it is; none takes it out."""
        before, now = self._in_situation.pop(situation, (0, frozenset())), (level, frozenset(actors))
        if now[1]:
            self._in_situation[situation] = now
        if now == before:
            return
        for (severity, concerned), sign in ((before, -1), (now, 1)):
            for actor in concerned:
                self._severities[actor][severity] += sign
                self._dirty.add(actor)

    def cadence(self, actor: str) -> timedelta:
        """Within which time the actor is expected to be heard again."""
        if reference(Kind.STATUS, actor, "status") in self._statuses[actor]:
            registered = self._registered.get(actor)
            minutes = registered.cadence_minutes if registered else None
            return self._rules.heartbeat if minutes is None else timedelta(minutes=minutes)
        worst = max((level for level, situations in self._severities[actor].items() if situations), default=0)
        return self._rules.cadence[worst] if worst else self._rules.quiet_actor

    def held_open_by(self, actor: str) -> Collection[str]:
        """The incidents that an operator holds open."""
        return self._open.get(actor, frozenset())

    def register(self, actors: Iterable[Actor], ended: Iterable[Actor]) -> None:
        """Which actors are registered at present, and which were."""
        registered, past = ({actor.slug: actor for actor in entries} for entries in (actors, ended))
        for now, before in ((registered, self._registered), (past, self._ended)):
            self._dirty |= {slug for slug in {*now, *before} if now.get(slug) != before.get(slug)}
        self._registered, self._ended = registered, past

    def sector(self, freezes: int) -> Sector:
        """How the group's operators keep it informed, as of the last refresh."""
        operators = [slug for slug, actor in self._registered.items() if not self._bystanders.issuperset(actor.roles)]
        told = Counter(self._reporting.get(slug, Reporting.NO_REPORT) for slug in operators)
        return Sector(
            operators=len(operators),
            reporting=len(operators) - told[Reporting.NO_REPORT],
            nothing_to_report=told[Reporting.NOTHING_TO_REPORT],
            freezes=freezes,
        )

    def rewind(self) -> None:
        """Everything is to be told anew: the clock stands earlier than it did."""
        self._dirty |= {*self._registered, *self._last_heard}

    def refresh(self, as_of: datetime) -> Iterator[tuple[str, ActorItem | None]]:
        """Every actor that may have changed; None for one that is not registered any more and was never heard."""
        self._dirty |= self._due.take(as_of)
        for actor in sorted(self._dirty):
            if actor in self._registered or actor in self._last_heard:
                item = self._item(actor, as_of)
                self._reporting[actor] = item.reporting
                yield actor, item
            else:
                self._reporting.pop(actor, None)
                yield actor, None
        self._dirty.clear()

    def _item(self, actor: str, as_of: datetime) -> ActorItem:
        registered, ended = self._registered.get(actor), self._ended.get(actor)
        member, heard = registered or ended, self._last_heard.get(actor)
        entity = max(self._statuses[actor].values(), key=_latest, default=None)
        status = entity.winner.message if entity else None
        told = status if isinstance(status, Status) else None
        held = len(self._open[actor])
        announced = told.open_incidents if told else None
        freshness = self._freshness(actor, heard, as_of)
        return ActorItem.whole(
            actor=actor,
            name=member.name if member else None,
            roles=registered.roles if registered else (),
            ended_at=ended.valid_until if ended else None,
            freshness=freshness,
            reporting=_reporting(freshness, nothing=bool(told and told.nothing_to_report) and not held),
            last_heard=heard,
            mode=told.mode if told else None,
            nothing_to_report=told.nothing_to_report if told else None,
            open_incidents=None if heard is None else held,
            forecast_slips=None if heard is None else self._slips[actor],
            missing_incidents=None if announced is None else announced - held,
            staffing=told.staffing if told else (),
            partners=told.partners if told else (),
            load=told.load if told else (),
            remote_work_percent=told.remote_work_percent if told else None,
            customer_service=told.customer_service if told else None,
            status_known_at=entity.latest_known_at if entity else None,
        )

    def _freshness(self, actor: str, heard: datetime | None, as_of: datetime) -> Freshness:
        if heard is None:
            return Freshness.SILENT
        clock = Clock(heard, self.cadence(actor))
        self._due.put(actor, clock.next_change(as_of))
        return clock.freshness(as_of)


def _reporting(freshness: Freshness, *, nothing: bool) -> Reporting:
    if freshness is Freshness.SILENT:
        return Reporting.NO_REPORT
    return Reporting.NOTHING_TO_REPORT if nothing else Reporting.REPORTING


def _latest(entity: Entity) -> tuple[datetime, tuple[int, datetime, bytes]]:
    """Of several statuses of one operator, its own and what others told on its behalf, the latest observed speaks."""
    return entity.winner.message.observed_at, order(entity.winner)
