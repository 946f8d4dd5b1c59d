"""One crisis from one seed: a main event, smaller ones that have nothing to do with it, and faults that coincide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from types import MappingProxyType

from bus.instants import from_millis, to_millis
from bus.messages import Dependency, Incident, Message
from bus.references import Kind, reference
from bus.vocabulary import Certainty, DependencyKind, IncidentState, MessageStatus
from producers.simulator.chance import apart, around, between, happens, seeded, weighted
from producers.simulator.crises import CRISES, any_town, lone_fault
from producers.simulator.faults import CrisisKind, Event, Fault
from producers.simulator.land import new_id, path, towns_of
from producers.simulator.noise import Noise
from producers.simulator.telling import Quote, Report, tell, tell_work

__all__ = ["Crisis", "Simulated", "simulate"]

SEEN_AFTER = timedelta(minutes=5)
"""After so long, others have seen an incident on the bus and can name it."""

ON_THE_WAY = timedelta(seconds=1)
"""Mean time from an operator's hand to the log."""

YEAR = datetime(2026, 1, 1, tzinfo=UTC)
HORIZON = (20.0, 44.0)
"""Hours after the main event's beginning when the telling ends: some of it is over by then, some is not."""

SMALL_EVENTS, LONE_FAULTS = (2, 5), (2, 5)
"""How many smaller events, and lone faults anywhere."""

MOST_COINCIDENCES, PLACES_PER_COINCIDENCE = 4, 6
"""Lone faults at the place and time of the main event: one at least, and more where more places are struck."""

NEAR = 0.3
"""How many of the smaller events, and of the lone faults anywhere, are in the counties around the main one."""

SMALL_KINDS = (
    (CrisisKind.CABLE_CUT, 0.35),
    (CrisisKind.POWER_CUT, 0.35),
    (CrisisKind.FAILED_WORK, 0.15),
    (CrisisKind.VENDOR_FAILURE, 0.08),
    (CrisisKind.OVERLOAD, 0.07),
)
"""What goes on meanwhile, and how often. No storm, for two storms in a day are one storm."""

ONCE_A_DAY = frozenset({CrisisKind.VENDOR_FAILURE})
"""What is too rare to happen twice at once by chance."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """A message, when its actor handed it over, and when the bus knew it."""

    message: Message
    sent_at: datetime
    known_at: datetime


@dataclass(frozen=True, slots=True)
class Crisis:
    """What was told, in the order in which the bus knew it, and the truth."""

    kind: CrisisKind
    """The main event's."""
    messages: tuple[Simulated, ...]
    labels: Mapping[str, str]
    """The event that each incident belongs to, by its reference. The names of the events mean nothing."""


def simulate(
    seed: int,
    *,
    crisis: CrisisKind | None = None,
    noise: Noise | None = None,
    status: MessageStatus = MessageStatus.EXERCISE,
) -> Crisis:
    """The crisis of a seed. Equal arguments give equal crises.

    Without `crisis` the seed chooses the kind of its main event. What happens depends on `seed` and `crisis` alone;
    `noise` (default: `Noise()`) changes only how it is told.
    """
    rng = seeded(seed)
    telling = apart(rng)
    kind = crisis or rng.choice(tuple(CRISES))
    begin = YEAR + between(rng, 0, 365 * 24)
    events = _events(rng, kind, begin)
    until = begin + between(rng, *HORIZON)
    desk = _Desk(noise or Noise(), status)
    names = [f"event-{number}" for number in range(1, len(events) + 1)]
    rng.shuffle(names)
    labels: dict[str, str] = {}
    for name, event in zip(names, events, strict=True):
        labels |= dict.fromkeys(desk.tell_event(apart(telling), event), name)
    messages = _delivered(apart(telling), desk.reports, until, noise or Noise())
    told = {each.message.reference for each in messages}
    return Crisis(kind, messages, MappingProxyType({ref: labels[ref] for ref in sorted(labels) if ref in told}))


def _events(rng: Random, kind: CrisisKind, begin: datetime) -> list[Event]:
    """The main event first."""
    town = any_town(rng)
    main = CRISES[kind](rng, begin, town, True)
    events = [main]
    small = [each for each in SMALL_KINDS if each[0] is not kind or kind not in ONCE_A_DAY]
    for _ in range(rng.randint(*SMALL_EVENTS)):
        draw = CRISES[weighted(rng, small)]
        events.append(draw(rng, begin + between(rng, -8, 16), _somewhere(rng, town), False))
    struck = {place for fault in main.faults for place in fault.places}
    for _ in range(rng.randint(1, min(MOST_COINCIDENCES, 1 + len(struck) // PLACES_PER_COINCIDENCE))):
        fault = rng.choice(main.faults)
        place, keys = rng.choice(fault.places), fault.event_refs[:1]
        events.append(lone_fault(rng, fault.began + between(rng, -2, 5), place, keys))
    events += (
        lone_fault(rng, begin + between(rng, -8, 16), _somewhere(rng, town)) for _ in range(rng.randint(*LONE_FAULTS))
    )
    return events


def _somewhere(rng: Random, town: str) -> str:
    near = rng.choice(towns_of(rng.choice(path(rng, town[:2], 3))))
    return near if happens(rng, NEAR) else any_town(rng)


class _Desk:
    """Tells events, each fault under an id of its operator."""

    def __init__(self, noise: Noise, status: MessageStatus) -> None:
        self.reports: list[Report] = []
        self._noise = noise
        self._status = status
        self._refs: set[str] = set()

    def tell_event(self, rng: Random, event: Event) -> list[str]:
        """The references of the incidents under which the event's faults were told."""
        told: list[_Told] = []
        named: list[str] = []
        for fault in event.faults:
            chances = apart(rng)
            quotes = tuple(_quotes(chances, event, fault, told, self._noise))
            first = self._tell(chances, event, fault, quotes)
            told.append(first)
            named.append(first.ref)
            twice, anew = happens(chances, self._noise.told_twice), happens(chances, 0.5)
            if first.withdrawn_at and anew:
                named.append(self._tell(chances, event, fault, quotes, not_before=first.withdrawn_at).ref)
            elif twice:
                named.append(self._tell(chances, event, fault, quotes, duplicate_of=first.ref).ref)
        if event.work:
            self.reports += tell_work(rng, event.work, self._new_id(rng, Kind.WORK, event.work.actor), self._status)
        return named

    def _tell(
        self,
        rng: Random,
        event: Event,
        fault: Fault,
        quotes: tuple[Quote, ...],
        *,
        duplicate_of: str | None = None,
        not_before: datetime | None = None,
    ) -> _Told:
        id = self._new_id(rng, Kind.INCIDENT, fault.actor)
        reports = tell(
            rng,
            fault,
            id,
            self._noise,
            quotes=quotes,
            unquoted=event.unquoted,
            duplicate_of=duplicate_of,
            not_before=not_before,
            status=self._status,
        )
        self.reports += reports
        return _Told(reference(Kind.INCIDENT, fault.actor, id), reports)

    def _new_id(self, rng: Random, kind: Kind, actor: str) -> str:
        while True:
            id = new_id(rng, actor)
            ref = reference(kind, actor, id)
            if ref not in self._refs:
                self._refs.add(ref)
                return id


@dataclass(frozen=True, slots=True)
class _Told:
    """A fault under one id."""

    ref: str
    reports: tuple[Report, ...]

    @property
    def withdrawn_at(self) -> datetime | None:
        last = self.reports[-1]
        retracted = isinstance(last.message, Incident) and last.message.state is IncidentState.RETRACTED
        return last.sent_at if retracted else None


def _quotes(rng: Random, event: Event, fault: Fault, told: list[_Told], noise: Noise) -> Iterator[Quote]:
    """What ties the fault to others, as its operator could tell."""
    for key in fault.event_refs:
        yield Quote(fault.began if key == fault.owns else event.named_at, event_refs=(key,), own=key == fault.owns)
    for asset in fault.infrastructure_ids:
        own = asset == fault.owns
        yield Quote(fault.began if own else event.named_at, infrastructure_ids=(asset,), own=own)
    if event.mistakable and happens(rng, noise.key_wrong):
        yield Quote(event.named_at, event_refs=event.mistakable)
    if fault.source is None:
        return
    source = told[fault.source]
    seen = source.reports[0].sent_at + SEEN_AFTER
    match fault.dependency:
        case None:
            yield Quote(seen, related_to=(source.ref,))
        case DependencyKind.POWER if happens(rng, 0.5):
            yield Quote(seen, power_incident=source.ref)
        case kind:
            yield Quote(seen, caused_by=(Dependency(kind=kind, ref=source.ref, certainty=Certainty.LIKELY),))


def _delivered(rng: Random, reports: list[Report], until: datetime, noise: Noise) -> tuple[Simulated, ...]:
    """The reports as the bus knew them by then: each operator's in its own order, held up while its uplink is down."""
    found: list[Simulated] = []
    for actor in sorted({report.message.actor for report in reports}):
        own = sorted((r for r in reports if r.message.actor == actor), key=lambda r: (r.sent_at, r.message.id))
        down_from = until - between(rng, 0, HORIZON[1])
        down_until = down_from + around(rng, 2.5) if happens(rng, noise.uplink_down) else down_from
        known_at = own[0].sent_at
        for report in own:
            waits_until = down_until if down_from <= report.sent_at < down_until else report.sent_at
            known_at = max(known_at, waits_until + rng.expovariate(1) * ON_THE_WAY)
            found.append(Simulated(report.message, _cut(report.sent_at), _cut(known_at)))
    found.sort(key=lambda each: (each.known_at, each.sent_at, each.message.reference))
    return tuple(each for each in found if each.known_at <= until)


def _cut(instant: datetime) -> datetime:
    """To the millisecond, as instants are on the wire."""
    return from_millis(to_millis(instant))
