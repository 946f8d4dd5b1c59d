"""One crisis from one seed: a main event, smaller ones that have nothing to do with it, and faults that coincide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from types import MappingProxyType

from bus.geography import COUNTRY
from bus.messages import Dependency, Incident, Message
from bus.references import Kind, reference
from bus.vocabulary import Certainty, DependencyKind, MessageStatus
from producers.simulator.chance import around, between, happens
from producers.simulator.crises import CRISES, any_town, lone_fault
from producers.simulator.faults import CrisisKind, Event, Fault
from producers.simulator.land import new_id, path, towns_of
from producers.simulator.noise import Noise
from producers.simulator.telling import Quote, Report, tell, tell_work

__all__ = ["Crisis", "Simulated", "simulate"]

YEAR = datetime(2026, 1, 1, tzinfo=UTC)
HORIZON = (20.0, 44.0)
"""Hours after the main event's beginning when the telling ends: some of it is over by then, some is not."""

SMALL_EVENTS, COINCIDENCES, LONE_FAULTS = (3, 6), (2, 4), (2, 5)
"""How many smaller events; lone faults at the place and time of the main event; and lone faults anywhere."""

NEAR = 0.4
"""How many of the smaller events, and of the lone faults anywhere, are in the counties around the main one."""

SMALL_KINDS = tuple(kind for kind in CRISES if kind is not CrisisKind.STORM)
"""Two storms in a day are one storm."""


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


@dataclass(frozen=True, slots=True)
class _Told:
    """One id under which a fault is told."""

    ref: str
    reports: tuple[Report, ...]


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
    rng = Random(seed)
    telling = Random(rng.getrandbits(64))
    kind = crisis or rng.choice(tuple(CRISES))
    begin = YEAR + between(rng, 0, 365 * 24)
    events = _events(rng, kind, begin)
    until = begin + between(rng, *HORIZON)
    bench = _Bench(noise or Noise(), status)
    labels: dict[str, str] = {}
    names = [f"event-{number}" for number in range(1, len(events) + 1)]
    rng.shuffle(names)
    for name, event in zip(names, events, strict=True):
        coincides = event is not events[0] and len(event.faults) == 1
        labels |= dict.fromkeys(bench.tell_event(Random(telling.getrandbits(64)), event, events[0] if coincides else None), name)
    messages = _delivered(Random(telling.getrandbits(64)), bench.reports, until, noise or Noise())
    told = {each.message.reference for each in messages}
    return Crisis(kind, messages, MappingProxyType({ref: labels[ref] for ref in sorted(labels) if ref in told}))


def _events(rng: Random, kind: CrisisKind, begin: datetime) -> list[Event]:
    """The main event first."""
    town = any_town(rng)
    main = CRISES[kind](rng, begin, town, True)
    events = [main]
    for _ in range(rng.randint(*SMALL_EVENTS)):
        draw = CRISES[rng.choice(SMALL_KINDS)]
        events.append(draw(rng, begin + between(rng, -8, 16), _somewhere(rng, town), False))
    for _ in range(rng.randint(*COINCIDENCES)):
        fault = rng.choice(main.faults)
        events.append(lone_fault(rng, fault.began + between(rng, -2, 5), rng.choice(fault.places)))
    for _ in range(rng.randint(*LONE_FAULTS)):
        events.append(lone_fault(rng, begin + between(rng, -8, 16), _somewhere(rng, town)))
    return events


def _somewhere(rng: Random, town: str) -> str:
    near = rng.choice(towns_of(rng.choice(path(rng, town[:2], 3))))
    return near if happens(rng, NEAR) else any_town(rng)
