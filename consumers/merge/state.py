"""The view as a pure function of messages, registry, rules and a clock, kept up to date message by message.

`apply` takes a message up and notes what it touches; nothing is computed before somebody asks. `changes` computes anew
what was touched and what has aged, and nothing else. Whatever the order and the number of copies in which messages
come, the same set gives the same view: nothing here looks at anything but the set.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from bus.envelope import Envelope
from bus.instants import EPOCH
from bus.messages import Ack, Decision, Incident, Link, Measure, Message, Offer, Part, Request, Work
from bus.references import Kind
from bus.registry import Registry
from bus.topics import Realm
from bus.vocabulary import (
    Audience,
    Freshness,
    IncidentState,
    MeasureState,
    MessageStatus,
    Role,
    SituationState,
    Tlp,
)
from consumers.merge.actors import ActorBook
from consumers.merge.answers import Answers
from consumers.merge.archive import Archive, Aside, Bundle, Observer, Span, Standing, marks, name_of, name_of_key
from consumers.merge.areas import AreaBook, emergencies
from consumers.merge.components import Component, Graph
from consumers.merge.conflicts.book import ConflictBook
from consumers.merge.conflicts.findings import may_be_conflict
from consumers.merge.digest import SetDigest
from consumers.merge.energy import EnergyBook, first_to_end_first
from consumers.merge.entities import Entity
from consumers.merge.explain import Books, Explanation, explain
from consumers.merge.flags import component_flags, entity_flags, references_of
from consumers.merge.freshness import Schedule, stalest
from consumers.merge.grouping import Grouping
from consumers.merge.horizon import Horizon, over_since
from consumers.merge.hours import HoursTotals
from consumers.merge.index import take_out
from consumers.merge.links import Node, node_of
from consumers.merge.measures import MeasureBook
from consumers.merge.overrides import OverrideBook
from consumers.merge.parties import Parties, parties_of
from consumers.merge.pending import PendingBook, in_order
from consumers.merge.places import Places
from consumers.merge.resources import ResourceBook
from consumers.merge.rules import Rules, default_rules
from consumers.merge.severity import urgency
from consumers.merge.situations import Assembled, Surroundings, assemble, ids_of, situation_id
from consumers.merge.told import Told, told_by
from consumers.merge.traces import Read, Trace, unread
from consumers.merge.users import UserTotals
from consumers.merge.view import (
    AreaItem,
    DecisionItem,
    Flag,
    Summary,
    Totals,
    View,
)
from consumers.merge.works import WorkBook


class _Due(NamedTuple):
    """A situation to be made anew."""

    component: Component
    parties: Parties
    changed: Collection[str]
    """Those of its incidents that changed."""


_UNSOUND = frozenset({Freshness.STALE, Freshness.SILENT})


class State:
    """The set of messages of one realm, and the view of it.

    Not for concurrent use. Instants asked for may go back; that costs a full recount of what depends on the clock.
    Traces that hold a body as bytes need `read`, which reads them. With an `archive`, what `archive` finds to be long
    over is held there and not in memory; the result is the same.
    """

    def __init__(
        self, realm: Realm, rules: Rules | None = None, read: Read = unread, archive: Archive | None = None
    ) -> None:
        self._realm = realm
        self._read = read
        self._archive = archive
        self._aside = Aside()
        self._observers: list[Observer] = []
        self._recall: Callable[[Iterable[str]], None] = self._restore_named
        self._heard_aside: Callable[[], Mapping[str, datetime]] = lambda: self._heard_below(ALL)
        self._rules = rules or default_rules()
        self._registry = Registry()
        self.quarantined = 0
        """Records that are held in quarantine; told by whoever judges them, and shown in the view."""

        self._entities: dict[str, Entity] = {}
        self._told: dict[str, Told] = {}
        self._digest = SetDigest()
        self._touched: set[str] = set()
        self._known: set[str] = set()
        """References that lead to something. What was retracted counts as never told."""
        self._mentions: defaultdict[str, set[str]] = defaultdict(set)
        self._mentioned: dict[str, tuple[str, ...]] = {}

        self._horizon = Horizon(self._rules.archive_horizon)
        """Of all but what is told to belong together, which the graph knows."""
        self._graph = Graph(self._rules.shared_key_slack, self._rules.archive_horizon)
        self._grouping = Grouping(self._graph, self._rules)
        self._situations: dict[str, Assembled] = {}
        self._situation_of: dict[str, str] = {}
        self._answering_to: dict[str, str] = {}
        """The situation that answers to an id: its own, or an alias."""
        self._former: dict[str, str] = {}
        """Ids of situations that left the picture, or that their incidents would give: each with its incident."""
        self._renamed: set[str] = set()
        """Ids that lead elsewhere than before, or may."""
        self._ongoing: set[str] = set()
        self._unsound: set[str] = set()
        self._unaged: set[str] = set()
        self._due = Schedule()
        self._unfolding = Schedule()
        """Situations that time alone will change, other than by making them stale."""
        self._leaving = Schedule()
        """When to look whether something may leave the memory."""

        self._answers = Answers()
        self._places = Places()
        self._measures = MeasureBook(self._rules.expiring_measure, self._answers, self._is_over)
        self._works = WorkBook(self._rules.upcoming_work)
        self._conflicts = ConflictBook(self._rules.conflicts, self._answers, self._situations_for)
        self._resources = ResourceBook()
        self._energy = EnergyBook(self._told)
        self._pending = PendingBook(self._told, self._answers, self._winner_known_at)
        self._overrides = OverrideBook()
        self._areas = AreaBook()
        self._actors = ActorBook(self._rules)
        self._totals = UserTotals()
        self._hours = HoursTotals()
        self._mobile_operators: frozenset[str] = frozenset()
        self._networks: frozenset[str] = frozenset()
        """Actors that have a network of their own, those of whom the group has parted included."""
        self._flags: dict[str, list[Flag]] = {}
        self._raised: Counter[str] = Counter()

        self._as_of = EPOCH
        self._items: dict[str, Part] = {}
        self._changed: dict[str, Part | None] = {}
        """Keys of items that may be others than when last told, and what was told then; None where nothing was."""

    # What goes in

    def apply(self, envelope: Envelope) -> bool:
        """Take up a message. Returns whether it told anything new; copies and repeats do not."""
        return self.take(envelope.message.reference, Trace.of(envelope), envelope)

    def take(self, ref: str, trace: Trace, envelope: Envelope | None = None) -> bool:
        """Take up a message about `ref` by its trace. Without its envelope, its body is read when it is asked for."""
        entity = self._find(ref)
        if entity is None:
            self._entities[ref] = Entity(ref, trace, envelope, self._read)
        else:
            held = entity.copy_of(trace)
            if held is not None:
                return self._take_copy(entity, held, trace)
            entity.take(trace, envelope)
        self._touched.add(ref)
        kind, actor, _ = ref.split("/")
        self._digest.add(kind, trace.content)
        self._actors.heard(actor, trace.known_at)
        if trace.gist.on_behalf_of:
            self._actors.heard(trace.gist.on_behalf_of, trace.known_at)
        return True

    def _take_copy(self, entity: Entity, held: Trace, copy: Trace) -> bool:
        """A copy tells something new only where it was sent or known earlier than what is held, or signed better."""
        known = held.with_copy(copy)
        if known == held:
            return False
        entity.take_again(held, known)
        self._touched.add(entity.ref)
        if copy.known_at < held.known_at:
            for actor in _speakers(entity.ref, held):
                if self._actors.last_heard(actor) == held.known_at:
                    self._actors.reheard(actor, self._last_heard(actor))
        return True

    def let_go(self, ref: str) -> None:
        """Be as if nothing had ever been said of this entity. What is said of it again is taken up again."""
        entity = self._find(ref)
        if entity is None:
            return
        del self._entities[ref]
        kind = ref.partition("/")[0]
        heard: dict[str, datetime] = {}
        for trace in entity.traces():
            self._digest.subtract(kind, trace.content)
            for actor in _speakers(ref, trace):
                heard[actor] = max(trace.known_at, heard.get(actor, trace.known_at))
        for actor, known_at in heard.items():
            if self._actors.last_heard(actor) == known_at:
                self._actors.reheard(actor, self._last_heard(actor))
        self._touched.add(ref)

    @property
    def registry(self) -> Registry:
        """Who belongs to the group. Judging messages by it is up to the caller; here it tells roles and cadences."""
        return self._registry

    @registry.setter
    def registry(self, registry: Registry) -> None:
        self._registry = registry

    def entity(self, ref: str) -> Entity | None:
        """All that was said of one thing; None where nothing was."""
        return self._find(ref)

    def holds(self, ref: str, trace: Trace) -> bool:
        """Whether this message was taken up, and not let go since."""
        entity = self._find(ref)
        return entity is not None and entity.copy_of(trace) is not None

    def entities(self) -> Iterable[Entity]:
        """All that was said, by what it was said of."""
        return self._entities.values()

    def twin(self, ceiling: Collection[Tlp]) -> State:
        """A state of the same realm, rules and registry that holds nothing yet but what is laid aside here and may be
        known below a ceiling.
        """
        twin = State(self._realm, self._rules, self._read)
        twin.registry = self._registry
        twin._digest = self._aside.digest(ceiling)
        twin._recall = self._recall
        twin._heard_aside = lambda: self._heard_below(ceiling)
        for actor, known_at in twin._heard_aside().items():
            twin._actors.heard(actor, known_at)
        return twin

    def has_conflict(self, id_: str) -> bool:
        """Whether a conflict stands, at the instant that was last asked for."""
        return self._conflicts.has(id_)

    def turn_to(self, as_of: datetime) -> None:
        """Bring back into memory what the picture as of an instant is made from."""
        self._refresh(as_of)

    def past_among(self, refs: Iterable[str], as_of: datetime) -> set[str]:
        """Those of some entities that have left the picture."""
        self._refresh(as_of)
        return {ref for ref in refs if self._is_past(ref)}

    def _is_past(self, ref: str) -> bool:
        return self._graph.is_past(ref) or self._horizon.is_past(ref)

    # What comes out

    @property
    def realm(self) -> Realm:
        return self._realm

    @property
    def rules(self) -> str:
        """Version and hash of the rules: `<version>:<hash>`."""
        return self._rules.name

    @property
    def thresholds(self) -> Rules:
        """The rules themselves."""
        return self._rules

    @property
    def digest(self) -> str:
        """`sha256:<64 hex>` over the set of messages."""
        return str(self._digest)

    def changes(self, as_of: datetime) -> Mapping[str, Part | None]:
        """The feed's items that differ from when this was last called, by key; None for what is gone."""
        self._refresh(as_of)
        told = sorted(self._changed.items())
        changed = {key: item for key, before in told if (item := self._items.get(key)) != before}
        self._changed.clear()
        return changed

    def items(self, as_of: datetime) -> Mapping[str, Part]:
        """All items of the feed, by key."""
        self._refresh(as_of)
        return dict(sorted(self._items.items()))

    def summary(self, as_of: datetime) -> Summary:
        """What the picture amounts to. `inputs` and `batch` are for the caller to fill in."""
        self._refresh(as_of)
        totals = self._sum_up()
        return Summary.whole(
            as_of=as_of,
            audience=Audience.FULL,
            realm=self._realm.name,
            status=self._status,
            digest=self.digest,
            rules=self.rules,
            inputs={},
            batch=0,
            users=totals.users,
            user_hours=totals.user_hours,
            open_situations=totals.open_situations,
            stale_share=totals.stale_share,
            sector=totals.sector,
            quarantined=self.quarantined,
            withheld={},
        )

    def view(self, as_of: datetime, inputs: Mapping[str, int], settled: bool) -> View:
        """The whole view. `inputs` and `settled` are what the caller knows of the log, and go in as they are."""
        self._refresh(as_of)
        situations = sorted(
            (assembled.at(as_of) for assembled in self._situations.values()),
            key=lambda s: (-s.severity.level, s.started_at, s.id),
        )
        return View.whole(
            as_of=as_of,
            audience=Audience.FULL,
            realm=self._realm.name,
            status=self._status,
            settled=settled,
            digest=self.digest,
            rules=self.rules,
            inputs=dict(sorted(inputs.items())),
            situations=tuple(situations),
            measures=self._of_kind("measure"),
            works=self._of_kind("work"),
            requests=self._of_kind("request"),
            offers=self._of_kind("offer"),
            decisions=self._of_kind("decision"),
            conflicts=self._of_kind("conflict"),
            areas=tuple(self._areas_in_full()),
            actors=self._of_kind("actor"),
            emergency=tuple(emergencies(self._of_kind("area"))),
            totals=self._sum_up(),
            energy=first_to_end_first(self._of_kind("energy")),
            pending_acks=in_order(self._of_kind("pending")),
            flags=tuple(sorted(self._of_kind("flag"), key=lambda f: (f.code, f.refs, f.text))),
            quarantined=self.quarantined,
            withheld={},
        )

    def acknowledged(self, ref: str) -> datetime | None:
        """When the bus knew the latest acknowledgement by the coordination of what the reference names; None: never.

        A situation is acknowledged by any of its ids.
        """
        kind, _, id = ref.partition("/")
        refs = [ref]
        if kind == "situation" and (made := self._situations.get(self._answering_to.get(id, id))) is not None:
            refs = [f"situation/{name}" for name in (made.situation.id, *made.situation.aliases)]
        return max((at for each in refs if (at := self._answers.acknowledged(each, self._registry))), default=None)

    def explain(self, ref: str, as_of: datetime) -> Explanation:
        """How what a reference names came about (`consumers.merge.explain`). Raises UnknownReference."""
        self._find(ref.partition("#")[0])
        self._refresh(as_of)
        books = Books(
            realm=self._realm,
            as_of=as_of,
            digest=self.digest,
            rules=self._rules,
            entities=self._entities,
            told=self._told,
            known=self._known,
            situations=self._situations,
            situation_of=self._situation_of,
            answering_to=self._answering_to,
            mentions=self._mentions,
            answers=self._answers,
            actors=self._actors,
            areas=self._areas,
            mobile_operators=self._mobile_operators,
            is_past=self._is_past,
            ongoing=self._ongoing,
            totals=self._totals.totals(),
            user_hours=self._hours.totals(as_of),
            items=self._items,
        )
        return explain(ref, books)

    @property
    def _status(self) -> MessageStatus:
        return MessageStatus.EXERCISE if self._realm.is_exercise else MessageStatus.ACTUAL

    def _of_kind(self, kind: str) -> tuple[Any, ...]:
        return tuple(self._items[key] for key in sorted(key for key in self._items if key.startswith(f"{kind}/")))

    def _sum_up(self) -> Totals:
        ongoing = len(self._ongoing)
        return Totals(
            users=self._totals.totals(),
            user_hours=self._hours.totals(self._as_of),
            open_situations=ongoing,
            stale_share=round(len(self._unsound) / ongoing, 4) if ongoing else None,
            sector=self._actors.sector(self._measures.freezes),
        )

    def _areas_in_full(self) -> Iterable[AreaItem]:
        for area in self._of_kind("area"):
            all_named = area.situation_count == len(area.situations)
            yield area if all_named else area.model_copy(update={"situations": self._areas.situations_at(area.code)})

    def _winner_known_at(self, ref: str) -> datetime:
        return self._entities[ref].last.known_at

    def voices(self, as_of: datetime) -> Iterable[Told]:
        """What the open incidents tell, duplicates too."""
        self._refresh(as_of)
        return [voice for situation in self._ongoing for voice in self._situations[situation].voices]

    # Bringing it up to date

    def _refresh(self, as_of: datetime) -> None:
        unfolding = self._unfolding.take(as_of)
        if as_of < self._as_of:
            unfolding |= self._situations.keys()
            for book in (
                self._actors,
                self._measures,
                self._works,
                self._conflicts,
                self._resources,
                self._energy,
            ):
                book.rewind()
        self._as_of = as_of
        if self._archive is not None:
            self._restore(self._archive.take_over_after(as_of - self._rules.archive_horizon))
        self._register(as_of)
        touched, self._touched = self._touched | self._horizon.turn(as_of), set()
        stale, flagged = self._take_up(touched)
        stale |= {self._situations[situation].component.seed for situation in unfolding & self._situations.keys()}
        self._reassemble(stale, as_of)
        flagged |= self._pass()
        self._flag(flagged)
        self._age(as_of)
        for ref, resource in self._resources.refresh(as_of):
            self._put(ref, resource)
        for slug, actor in self._actors.refresh(as_of):
            self._put(f"actor/{slug}", actor)
        for ref, measure in self._measures.refresh(as_of):
            self._put(ref, measure)
            self._conflicts.put_measure(ref, measure)
            self._conflicts.look_again([ref])
            self._pending.put_measure(ref, measure)
        for ref, energy in self._energy.refresh(as_of):
            self._put(f"energy/{ref.partition('/')[2]}", energy)
        for id_, pending in self._pending.refresh():
            self._put(f"pending/{id_}", pending)
        for ref, work in self._works.refresh(as_of):
            self._put(ref, work)
        self._recall(f"conflict/{id_}" for id_ in self._conflicts.judge(as_of))
        if self._touched:
            self._refresh(as_of)
            return
        for id_, conflict in self._conflicts.refresh(as_of):
            self._put(f"conflict/{id_}", conflict)

    def _take_up(self, touched: set[str]) -> tuple[set[str], set[str]]:
        """Note what the touched entities say. Returns the incidents whose situations say something new, and the
        entities whose flags may differ.
        """
        stale: set[str] = set()
        flagged: set[str] = set()
        for ref in self._reached(touched):
            entity = self._entities.get(ref)
            if entity is None:
                concerned, mentioning = self._unlearn(ref)
                stale |= concerned
                flagged |= mentioning
                continue
            message = entity.winner.message
            flagged.add(ref)
            self._put_end(ref, over_since(message))
            self._mention(ref, references_of(message))
            if self._learn(ref, message):
                flagged |= self._mentions.get(ref, set())
            match message:
                case Incident():
                    stale.add(ref)
                    told = self._told[ref] = told_by(entity, self._networks)
                    node = node_of(entity)
                    self._graph.put(ref, node)
                    self._recall_holders(node)
                    self._grouping.retell(ref)
                    slips = told.slips.times if told.slips else 0
                    self._actors.put_open(ref, told.owner if told.is_open else None, slips)
                    self._conflicts.put_incident(told)
                    self._energy.put(told)
                    self._pending.put(told)
                    self._measures.look_again([ref])
                case Link():
                    self._graph.put_assertion(ref, message)
                case Ack():
                    stale |= self._answer(self._answers.put(entity, message))
                case Measure():
                    stale |= self._incidents_of(self._measures.put(entity, message))
                case Offer():
                    self._resources.put_offer(entity, message)
                case Request():
                    self._resources.put_request(entity)
                case Work():
                    self._works.put(entity)
                case Decision():
                    past = self._horizon.is_past(ref)
                    affected = self._overrides.drop(ref) if past else self._overrides.put(entity, message)
                    stale |= self._incidents_of(affected)
                    self._put(ref, _decision_item(message, entity))
                case _:
                    self._actors.put_status(entity)
            self._conflicts.put(entity)
        return stale, flagged

    def _unlearn(self, ref: str) -> tuple[set[str], set[str]]:
        """Take an entity that was let go out of all indexes. Returns what it answered or was for; who mentions it."""
        self._horizon.put(ref, None)
        self._mention(ref, ())
        self._put_flags(ref, [])
        self._put(ref, None)
        self._conflicts.drop(ref)
        answered = set[str]()
        match ref.partition("/")[0]:
            case Kind.INCIDENT:
                self._told.pop(ref, None)
                self._graph.put(ref, None)
                self._actors.put_open(ref, None)
                self._energy.drop(ref)
                self._pending.drop(ref)
                self._measures.look_again([ref])
            case Kind.LINK:
                self._graph.put_assertion(ref, None)
            case Kind.ACK:
                answered = self._answer(self._answers.drop(ref))
            case Kind.MEASURE:
                answered = self._incidents_of(self._measures.drop(ref))
            case Kind.WORK:
                self._works.drop(ref)
            case Kind.OFFER | Kind.REQUEST:
                self._resources.drop(ref)
            case Kind.DECISION:
                answered = self._incidents_of(self._overrides.drop(ref))
            case Kind.STATUS:
                self._actors.drop_status(ref)
        return answered, self._mentions.get(ref, set()) if self._unknow(ref) else set()

    def _answer(self, answered: set[str]) -> set[str]:
        """Note what was answered, now or before. Returns the same."""
        self._measures.look_again(answered)
        self._pending.look_again(answered)
        for ref in answered & self._told.keys():
            self._conflicts.put_incident(self._told[ref])
        return answered

    def _reassemble(self, stale: set[str], as_of: datetime) -> None:
        """Make situations anew, each once: those that were put together anew, those that say something new, and those
        around which something changed.
        """
        moved, components = self._grouping.refresh(self._told, as_of)
        before = {ref: self._situation_of.pop(ref, None) for ref in moved}
        due: dict[str, _Due] = {}
        for component in components:
            situation = situation_id(component.seed)
            due[situation] = self._due_for(situation, component, component.refs)
            self._situation_of.update(dict.fromkeys(component.refs, situation))
        for ref in moved:
            if ref not in self._situation_of:
                self._places.drop(ref)
                self._put(ref, None)
        again: defaultdict[str, set[str]] = defaultdict(set)
        for ref in stale - moved:
            if ref in self._situation_of:
                again[self._situation_of[ref]].add(ref)
        due.update((situation, self._due_again(situation, refs)) for situation, refs in again.items())
        gone = {situation for situation in before.values() if situation is not None and situation not in due}
        for situation in self._tell_areas({situation: work.parties for situation, work in due.items()}, gone):
            due[situation] = self._due_again(situation, ())
        suggested = set(map(situation_id, self._grouping.take_suggested()))
        held = {situation: self._forget(situation) for situation in {*gone, *due} & self._situations.keys()}
        for situation, made in held.items():
            if situation in gone or made.component is not due[situation].component:
                self._unname(made)
        for situation, work in due.items():
            self._assemble(work, held.get(situation))
        for situation in (suggested & self._situations.keys()) - due.keys():
            self._suggest_anew(situation)
        for situation in gone:
            self._dissolve(situation)
        self._lead(ref for ref, situation in before.items() if self._situation_of.get(ref) != situation)

    def _due_for(self, situation: str, component: Component, changed: Collection[str]) -> _Due:
        made = self._situations.get(situation)
        return _Due(component, parties_of(component, self._told, made.parties if made else {}), changed)

    def _due_again(self, situation: str, changed: Collection[str]) -> _Due:
        return self._due_for(situation, self._situations[situation].component, changed)

    def _suggest_anew(self, situation: str) -> None:
        """Set the suggestions of a situation of which nothing else changed."""
        made = self._situations[situation]
        self._situations[situation] = made.with_suggestions(self._grouping.suggested(made.component.seed))
        self._unaged.add(situation)

    def _tell_areas(self, due: Mapping[str, Parties], gone: Iterable[str]) -> frozenset[str]:
        """Tell the areas of the situations that are due, and of those that are gone. Returns the situations that are
        due for what is now told of the areas around them.
        """
        for situation in gone:
            self._areas.put(situation, {})
        for situation, parties in due.items():
            self._areas.put(situation, parties)
        for code, area in self._areas.refresh(self._mobile_operators):
            self._put(f"area/{code}", area)
        white_outs = self._areas.white_outs()
        for code in self._areas.flipped:
            self._conflicts.put_white_out(code, holds=code in white_outs)
        return self._areas.situations_around(self._areas.flipped) - due.keys()

    def _lead(self, refs: Iterable[str]) -> None:
        """Incidents, or ids of situations, that lead to another situation than before, or may."""
        for ref in refs:
            self._conflicts.look_again([ref, *self._measures.meant_for(ref)])

    def _pass(self) -> set[str]:
        """Follow what left the picture and what came back. Returns the incidents that did."""
        crossed = self._graph.take_crossed()
        left = {ref for ref in crossed if self._graph.is_past(ref)}
        for ref in crossed:
            name = situation_id(ref)
            self._renamed.add(name)
            if ref in left:
                self._former[name] = ref
            else:
                self._former.pop(name, None)
        for whole in {self._graph.whole(ref) for ref in left}:
            self._leaving.put(min(whole), self._graph.gone_at(min(whole)))
        return crossed

    def _put_end(self, ref: str, since: datetime | None) -> None:
        """Set since when an entity is over."""
        self._horizon.put(ref, since)
        self._leaving.put(ref, self._horizon.gone_at(ref))

    def _flag(self, refs: set[str]) -> None:
        for name in self._renamed:
            refs |= self._mentions.get(f"situation/{name}", set())
            self._measures.look_again([f"situation/{name}"])
            self._lead([f"situation/{name}"])
        self._renamed = set()
        for ref in refs & self._entities.keys():
            past = self._is_past(ref)
            self._put_flags(ref, [] if past else entity_flags(self._entities[ref], self._is_known, self._rules))

    def _assemble(self, work: _Due, before: Assembled | None) -> None:
        """Make a situation, and the items of those of its incidents that changed."""
        component = work.component
        names = ids_of(component)
        wanted = [*component.refs, *(f"situation/{id_}" for id_ in names)]
        measures = {measure for ref in wanted for measure in self._measures.meant_for(ref)}
        standing = self._overrides.standing(wanted, self._as_of)
        suggestions = self._grouping.suggested(component.seed)
        surroundings = Surroundings(suggestions, standing, self._areas.white_outs(), self._areas.all_down())
        made = assemble(
            component,
            work.parties,
            self._told[component.seed].incident.title,
            measures,
            self._answers.answered(),
            self._answers.disputers,
            surroundings,
            self._rules,
            self._as_of,
        )
        situation = made.situation.id
        self._situations[situation] = made
        self._totals.add(made.situation.users)
        renamed = before is None or before.component is not component
        if renamed:
            self._answering_to.update(dict.fromkeys(names, situation))
        if before is None or renamed or before.situation.state is not made.situation.state:
            self._renamed.update(names)
        if made.situation.state is SituationState.ONGOING:
            self._ongoing.add(situation)
            self._hours.add(made.lost.growths)
        self._unfolding.put(situation, made.next_change)
        self._actors.put_situation(
            situation, urgency(made.situation.severity, self._rules), {incident.owner for incident in made.voices}
        )
        self._put_flags(f"situation/{situation}", component_flags(component))
        self._conflicts.put_situation(made.situation)
        for place in self._places.update(component, work.changed, self._entities, situation):
            self._put(place.ref, place)
        self._unaged.add(situation)

    def _forget(self, situation: str) -> Assembled:
        """Take a situation out of the sums, before it is made anew or dissolved. Returns what it was."""
        made = self._situations.pop(situation)
        self._totals.add(made.situation.users, -1)
        if situation in self._ongoing:
            self._ongoing.remove(situation)
            self._hours.add(made.lost.growths, -1)
        self._unsound.discard(situation)
        return made

    def _unname(self, made: Assembled) -> None:
        """Have nothing answer to the names of a situation any more."""
        for name in (made.situation.id, *made.situation.aliases):
            if self._answering_to.get(name) == made.situation.id:
                del self._answering_to[name]
                self._renamed.add(name)

    def _dissolve(self, situation: str) -> None:
        self._actors.put_situation(situation, 0, ())
        self._put_flags(f"situation/{situation}", [])
        self._put(f"situation/{situation}", None)
        self._conflicts.drop(f"situation/{situation}")

    def _age(self, as_of: datetime) -> None:
        """Set the freshness of every situation that was made anew or whose next instant has passed."""
        due = self._unaged | self._due.take(as_of)
        self._unaged = set()
        for situation in due & self._situations.keys():
            made = self._situations[situation]
            freshness, changes_at = stalest(made.clocks, as_of)
            if made.situation.freshness is not freshness:
                aged = made.situation.model_copy(update={"freshness": freshness})
                self._situations[situation] = made = made.with_situation(aged)
            (self._unsound.add if freshness in _UNSOUND else self._unsound.discard)(situation)
            self._due.put(situation, changes_at)
            self._put(f"situation/{situation}", made.situation.summarised())

    def _register(self, as_of: datetime) -> None:
        valid, ended = self._registry.valid_at(as_of), self._registry.ended_by(as_of)
        self._actors.register(valid, ended)
        self._conflicts.register(self._registry, valid)
        mobile_operators = frozenset(actor.slug for actor in valid if Role.MNO in actor.roles)
        if mobile_operators != self._mobile_operators:
            self._mobile_operators = mobile_operators
            self._areas.invalidate()
        roles = self._rules.network_roles
        networks = frozenset(actor.slug for actor in (*valid, *ended) if not roles.isdisjoint(actor.roles))
        changed, self._networks = networks ^ self._networks, networks
        if changed:
            self._touched |= {ref for ref, told in self._told.items() if told.owner in changed}

    def _put(self, key: str, item: Part | None) -> None:
        if item is None or self._horizon.is_past(key):
            if (held := self._items.pop(key, None)) is not None and self._changed.setdefault(key, held) is None:
                del self._changed[key]
        elif (held := self._items.get(key)) != item:
            self._items[key] = item
            self._changed.setdefault(key, held)

    def _put_flags(self, source: str, flags: list[Flag]) -> None:
        """Set the flags that come from one entity or situation. When situations split, two may raise the same one."""
        old = self._flags.pop(source, [])
        if flags:
            self._flags[source] = flags
        self._raised.update(flag.id for flag in flags)
        self._raised.subtract(flag.id for flag in old)
        for flag in flags:
            self._put(f"flag/{flag.id}", flag)
        for flag in old:
            if not self._raised[flag.id]:
                del self._raised[flag.id]
                self._put(f"flag/{flag.id}", None)

    def _mention(self, ref: str, targets: Iterable[str]) -> None:
        for target in self._mentioned.pop(ref, ()):
            take_out(self._mentions, target, ref)
        mentioned = tuple(targets)
        if mentioned:
            self._mentioned[ref] = mentioned
        for target in mentioned:
            self._mentions[target].add(ref)
            self._find(target)

    def _learn(self, ref: str, message: Message) -> bool:
        """Whether references to this entity lead somewhere that led nowhere, or the other way. A retraction unsays."""
        if is_retracted(message):
            return self._unknow(ref)
        if ref in self._known:
            return False
        self._known.add(ref)
        return True

    def _unknow(self, ref: str) -> bool:
        """References to this entity lead nowhere. Returns whether they led to it."""
        if ref not in self._known:
            return False
        self._known.discard(ref)
        return True

    def _is_known(self, ref: str) -> bool:
        kind, _, name = ref.partition("/")
        match kind:
            case "situation":
                return name in self._answering_to or name in self._former
            case "conflict":
                return may_be_conflict(name)
            case "quarantine":
                return True  # what is held is no part of the picture: whoever holds it knows
        return ref in self._known

    def _is_over(self, ref: str) -> bool | None:
        """Of an incident or a situation; None where it leads to nothing."""
        if ref.startswith("situation/"):
            name = ref.removeprefix("situation/")
            situation = self._answering_to.get(name)
            return situation not in self._ongoing if situation else True if name in self._former else None
        told = self._told.get(ref)
        return None if told is None or is_retracted(told.incident) else not told.is_open

    def _incidents_of(self, refs: Iterable[str]) -> set[str]:
        """The incidents themselves, and for a situation one of its members."""
        found = set()
        for ref in refs:
            if ref.startswith("situation/"):
                situation = self._answering_to.get(ref.removeprefix("situation/"))
                if situation:
                    found.add(self._situations[situation].component.seed)
            else:
                found.add(ref)
        return found

    def _situations_for(self, ref: str) -> Iterator[str]:
        """Ids of the situations that something is in: an incident, a situation by any of its ids, or a measure that is
        for one of those.
        """
        for target in (ref, *self._measures.targets_of(ref)):
            names_one = target.startswith("situation/")
            found = (self._answering_to if names_one else self._situation_of).get(target.removeprefix("situation/"))
            if found is not None:
                yield found

    def _last_heard(self, actor: str) -> datetime | None:
        heard = (
            trace.known_at
            for entity in self._entities.values()
            for trace in entity.traces()
            if actor in _speakers(entity.ref, trace)
        )
        return max([*heard, *filter(None, [self._heard_aside().get(actor)])], default=None)

    def _heard_below(self, ceiling: Collection[Tlp]) -> Mapping[str, datetime]:
        """When each actor was last heard in what is laid aside."""
        return {} if self._archive is None else self._aside.heard(ceiling, self._archive)

    # What leaves the memory, and comes back

    def archive(self, clock: datetime) -> None:
        """Let leave the memory what has been over for as long as the archive horizon at `clock`, and what nothing
        refers to that stays. A clock that is behind what was asked for lets leave less.
        """
        if self._archive is None:
            return
        self._refresh(max(clock, self._as_of))
        for ref in self._leaving.take(clock):
            gone_at = self._graph.gone_at(ref) or self._horizon.gone_at(ref)
            if ref not in self._entities or gone_at is None:
                continue
            leaving = self._tied_together(ref, clock) if gone_at <= clock else set()
            if leaving:
                bundle = self._bundle(leaving)
                self._archive.put(bundle)
                self._aside.add(bundle)
                self.lay_aside(leaving)
                for observer in self._observers:
                    observer.left(leaving)
            else:
                self._leaving.put(ref, max(gone_at, clock + self._rules.archive_horizon))
        self._refresh(self._as_of)

    def standing(self) -> Standing:
        """What is to be remembered beside the entities in memory."""
        aside = {mark: digest.dump() for mark, digest in self._aside.digests.items()}
        heard_aside = None if self._aside.last_heard is None else dict(self._aside.last_heard)
        return Standing(self._digest.dump(), self._actors.heard_at(), aside, heard_aside)

    def resume(self, entities: Mapping[str, Sequence[Trace]], standing: Standing) -> None:
        """Go on, with nothing told yet, from what another state of equal rules and archive held in its memory."""
        for ref, traces in entities.items():
            self.bring_back(ref, traces)
        self._digest = SetDigest(standing.digest)
        for actor, known_at in standing.heard.items():
            self._actors.heard(actor, known_at)
        self._aside = Aside(standing)

    def in_memory(self, ref: str) -> Entity | None:
        """The entity, if it is in memory."""
        return self._entities.get(ref)

    def lay_aside(self, refs: Iterable[str]) -> None:
        """Have entities out of memory. The digest holds them all the same."""
        for ref in refs:
            if self._entities.pop(ref, None) is not None:
                self._touched.add(ref)

    def bring_back(self, ref: str, traces: Sequence[Trace]) -> None:
        """Have an entity back that was laid aside."""
        self._entities[ref] = Entity.of(ref, traces, self._read)
        self._touched.add(ref)

    def observe(self, observer: Observer) -> None:
        """Have somebody follow what leaves the memory and what comes back."""
        self._observers.append(observer)

    @property
    def aside(self) -> Aside:
        """What all that left the memory amounts to."""
        return self._aside

    def __len__(self) -> int:
        """Entities in memory."""
        return len(self._entities)

    def _find(self, ref: str) -> Entity | None:
        """The entity, brought back into memory if it left."""
        entity = self._entities.get(ref)
        if entity is None:
            self._restore_named([ref])
            entity = self._entities.get(ref)
        return entity

    def _restore_named(self, refs: Iterable[str]) -> None:
        """Bring back all that answers to a name."""
        if self._archive is not None:
            for ref in refs:
                self._restore(self._archive.take_named(name_of(ref)))

    def _recall_holders(self, node: Node | None) -> None:
        """Bring back all that may hold a shared key of the incident, at a time that meets its own."""
        if self._archive is not None and node is not None:
            slack = self._rules.shared_key_slack
            span = Span(node.start - slack, _LATEST if node.end is None else min(node.end, _LATEST - slack) + slack)
            for key in node.keys:
                self._restore(self._archive.take_holding(name_of_key(key), span))

    def _restore(self, bundles: Iterable[Bundle]) -> None:
        for bundle in bundles:
            self._aside.subtract(bundle)
            for ref, traces in bundle.entities.items():
                self.bring_back(ref, traces)
                for observer in self._observers:
                    observer.came_back(self._entities[ref])

    def _reached(self, touched: set[str]) -> Iterator[str]:
        """What is touched, and what comes back into memory while that is taken up."""
        while touched:
            yield from touched
            touched, self._touched = self._touched, set()

    def _tied_together(self, ref: str, clock: datetime) -> set[str]:
        """All that references and told links tie to an entity; nothing, where some of it must stay in memory."""
        found, frontier = {ref}, [ref]
        while frontier:
            at = frontier.pop()
            tied = self._tied_to(at) if self._may_leave(at, clock) else None
            if tied is None:
                return set()
            frontier += tied - found
            found |= tied
        return found

    def _may_leave(self, ref: str, clock: datetime) -> bool:
        node = self._graph.node(ref)
        since = node.end if node else self._horizon.since(ref)
        return since is not None and clock - since >= self._rules.archive_horizon

    def _tied_to(self, ref: str) -> set[str] | None:
        """Whom an entity refers to, who refers to it, and what is told to belong with it; None where it refers to what
        cannot be found again by a name.
        """
        tied = {*self._graph.whole(ref), *self._mentions.get(ref, ())}
        if ref.startswith(Kind.INCIDENT):
            tied |= self._mentions.get(f"situation/{situation_id(ref)}", set())
        for target in self._mentioned.get(ref, ()):
            kind, _, name = target.partition("/")
            if kind == "situation" and name in self._former:
                tied.add(self._former[name])
            elif kind == "conflict":
                if self.has_conflict(name) or any(observer.has_conflict(name) for observer in self._observers):
                    return None
            elif kind == "situation":
                return None
            elif target in self._entities:
                tied.add(target)
        return tied

    def _bundle(self, refs: set[str]) -> Bundle:
        entities = {ref: tuple(self._entities[ref].traces()) for ref in sorted(refs)}
        names, keys, ends = set[int](), dict[int, Span](), set[datetime]()
        heard: dict[tuple[str, Tlp], datetime] = {}
        for ref, traces in entities.items():
            names.update(map(name_of, (ref, *self._mentioned.get(ref, ()))))
            node = self._graph.node(ref)
            end = node.end if node else self._horizon.since(ref)
            if end is None:
                raise AssertionError(f"{ref} is not over")
            ends.add(end)
            if node is not None:
                held = Span(node.start, end)
                for key in map(name_of_key, node.keys):
                    keys[key] = held.with_(keys.get(key, held))
            for trace, mark in zip(traces, marks(traces), strict=True):
                for actor in _speakers(ref, trace):
                    heard[actor, mark] = max(trace.known_at, heard.get((actor, mark), trace.known_at))
        return Bundle(entities, frozenset(names), keys, heard, max(ends))


ALL = frozenset(Tlp)

_LATEST = datetime.max.replace(tzinfo=UTC)

_RETRACTED = frozenset({IncidentState.RETRACTED, MeasureState.RETRACTED})


def is_retracted(message: Message) -> bool:
    """Whether the entity was told in error: it contributes nothing anywhere but history."""
    return getattr(message, "state", None) in _RETRACTED


def _speakers(ref: str, trace: Trace) -> set[str]:
    """Who was heard by a message: its actor, and whom that spoke for."""
    return {ref.split("/")[1], *filter(None, [trace.gist.on_behalf_of])}


def _decision_item(decision: Decision, entity: Entity) -> DecisionItem:
    fields: dict[str, Any] = dict(decision)
    return DecisionItem.whole(**fields, ref=entity.ref, known_at=entity.winner.known_at)
