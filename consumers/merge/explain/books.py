"""What an explanation is made from: what the state of the merge holds, for reading."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bus.messages import Part
from bus.topics import Realm
from consumers.merge.actors import ActorBook
from consumers.merge.answers import Answers
from consumers.merge.areas import AreaBook
from consumers.merge.entities import Entity
from consumers.merge.explain.explanation import Rule, Source
from consumers.merge.rules import Rules
from consumers.merge.situations import Assembled
from consumers.merge.told import Told
from consumers.merge.view import Flag, ServiceHours, ServiceUsers


@dataclass(frozen=True, slots=True)
class Books:
    """What the state holds, brought up to `as_of`."""

    realm: Realm
    as_of: datetime
    digest: str
    rules: Rules
    entities: Mapping[str, Entity]
    told: Mapping[str, Told]
    """What each incident tells, retracted ones too."""
    known: Collection[str]
    """References to entities that were not retracted."""
    situations: Mapping[str, Assembled]
    situation_of: Mapping[str, str]
    answering_to: Mapping[str, str]
    """The situation that answers to an id."""
    mentions: Mapping[str, Collection[str]]
    """Which entities name a reference."""
    answers: Answers
    actors: ActorBook
    areas: AreaBook
    mobile_operators: Collection[str]
    is_past: Callable[[str], bool]
    """Whether an entity has been over for so long that it left the picture."""
    ongoing: Collection[str]
    """The situations that are not over."""
    totals: Mapping[str, ServiceUsers]
    user_hours: Mapping[str, ServiceHours]
    items: Mapping[str, Part]
    """The items of the feed, by key."""

    def source(self, ref: str) -> Source:
        """The message that speaks for an incident."""
        envelope, told = self.entities[ref].winner, self.told[ref]
        return Source(
            ref=ref,
            revision=envelope.message.revision,
            owner=told.owner,
            actor=envelope.message.actor,
            reported_via=envelope.message.reported_via,
            state=told.incident.state,
            observed_at=envelope.message.observed_at,
            known_at=envelope.known_at,
            age_seconds=self.age(envelope.known_at),
        )

    def sources(self, incidents: Iterable[Told]) -> tuple[Source, ...]:
        return tuple(self.source(told.ref) for told in incidents)

    def age(self, known_at: datetime) -> int:
        """In seconds, at `as_of`."""
        return round((self.as_of - known_at).total_seconds())

    def rule(self, name: str) -> Rule:
        """A table of the rules file."""
        return Rule(name, self.rules.thresholds(name))

    def flags(self, refs: Collection[str]) -> tuple[Flag, ...]:
        """The flags that name one of the references."""
        found = (item for item in self.items.values() if isinstance(item, Flag) and not set(refs).isdisjoint(item.refs))
        return tuple(sorted(found, key=lambda flag: (flag.code, flag.refs, flag.text)))

    def where(self, ref: str) -> str | None:
        """The situation that an incident is in, or that answers to a reference to a situation."""
        kind, _, name = ref.partition("/")
        return self.answering_to.get(name) if kind == "situation" else self.situation_of.get(ref)
