"""The picture as each audience may see it: FULL, AUTHORITY, PEER, PUBLIC.

A projection shows nothing of what its audience may not see, not even by what is missing: it is the merge of those
messages alone that the audience may see, and then reduced (`audiences`). So nothing that lies above the ceiling can
show in it, for it was never put in; only `withheld` says how much there is, lest absence read as all clear.

- An entity whose winning message is marked above the ceiling is withheld whole, as if it had never been told.
- Of any other entity, the messages above the ceiling do not count.
- `inputs` are those of the log, since that is what the picture was asked from; the digest is over what is visible.

While nothing lies above the ceiling, an audience shares the full state. From the first message that does, it has a
state of its own, fed with the same traces.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from bus.envelope import Envelope
from bus.messages import Part
from bus.topics import Realm
from bus.vocabulary import Audience
from consumers.merge.audiences import Reduction
from consumers.merge.entities import Entity
from consumers.merge.state import State, is_retracted
from consumers.merge.told import Told
from consumers.merge.traces import Trace
from consumers.merge.view import Summary, View

W = TypeVar("W", View, Summary)

FEEDS = (Audience.FULL, Audience.AUTHORITY, Audience.PEER)
"""The audiences that a feed is written for."""


class Projections:
    """One full state, and the projections of it that somebody has asked for.

    From then on, messages must come in here, and nobody else may ask the full state for its changes.
    """

    def __init__(self, full: State) -> None:
        self._full = full
        self._projections: dict[Audience, Projection] = {}
        full.observe(self)

    def apply(self, envelope: Envelope) -> bool:
        """Take up a message, as `State.apply` does."""
        return self.take(envelope.message.reference, Trace.of(envelope), envelope)

    def take(self, ref: str, trace: Trace, envelope: Envelope | None = None) -> bool:
        """Take up a message about `ref` by its trace, as `State.take` does."""
        news = self._full.take(ref, trace, envelope)
        if news and self._projections:
            entity = self._full.entity(ref)
            for projection in self._projections.values():
                projection.take(entity, trace, envelope)
        return news

    def left(self, refs: Collection[str]) -> None:
        """Entities have left the memory of the full state: they do the same everywhere."""
        for projection in self._projections.values():
            projection.left(refs)

    def came_back(self, entity: Entity) -> None:
        """An entity is back in the memory of the full state."""
        for projection in self._projections.values():
            projection.came_back(entity)

    def of(self, audience: Audience) -> Projection:
        """The projection for an audience. Raises KeyError for FULL, which is the state itself, and for UNKNOWN."""
        if audience not in self._projections:
            self._projections[audience] = Projection(self._full, audience)
        return self._projections[audience]

    def changes(self, as_of: datetime) -> Mapping[Audience, Mapping[str, Part | None]]:
        """The items of each feed that differ from when this was last called, by key; None for what is gone."""
        told = self._full.changes(as_of)
        return {
            audience: told if audience is Audience.FULL else self.of(audience).changes(as_of, told)
            for audience in FEEDS
        }

    def items(self, audience: Audience, as_of: datetime) -> Mapping[str, Part]:
        """All items of a feed, by key."""
        return self._full.items(as_of) if audience is Audience.FULL else self.of(audience).items(as_of)

    def summary(self, audience: Audience, as_of: datetime) -> Summary:
        """What a picture amounts to. `inputs` and `batch` are for the caller to fill in."""
        return self._full.summary(as_of) if audience is Audience.FULL else self.of(audience).summary(as_of)

    def view(self, audience: Audience, as_of: datetime, inputs: Mapping[str, int], settled: bool) -> View:
        """The whole picture. `inputs` and `settled` are what the caller knows of the log, and go in as they are."""
        if audience is Audience.FULL:
            return self._full.view(as_of, inputs, settled)
        return self.of(audience).view(as_of, inputs, settled)


class Projection:
    """The picture of one audience, kept up to date with a full state.

    The public has no items, summary or view, but sentences, made of what the visible incidents tell (`voices`).
    """

    def __init__(self, full: State, audience: Audience) -> None:
        rules = full.thresholds
        self._full = full
        self._audience = audience
        self._may_see = rules.ceilings[audience]
        self._reduce = Reduction(audience, rules.buckets)
        self._own: State | None = None
        """What is visible; None while that is all of it."""
        self._mixed: set[str] = set()
        """Entities of which a message lies above the ceiling."""
        self._withheld: set[str] = set()
        """Entities that are not shown, without what was retracted: that is shown to nobody."""
        self._shown: dict[str, Part] = {}
        self._anew = True
        """Whether all items are to be compared with what was shown: another state has to be asked than before."""
        if full.aside.exceeds(self._may_see) or any(
            trace.gist.tlp not in self._may_see for entity in full.entities() for trace in entity.traces()
        ):
            self._part()

    def take(self, entity: Entity, trace: Trace, envelope: Envelope | None) -> None:
        """The full state has taken up a message."""
        if trace.gist.tlp not in self._may_see:
            if self._own is None:
                self._part()
            else:
                self._judge(entity, self._own)
        elif entity.ref in self._mixed and self._own is not None:
            self._judge(entity, self._own)
        elif self._own is not None:
            self._own.take(entity.ref, trace, envelope)

    def left(self, refs: Collection[str]) -> None:
        """What left the memory of the full state: all that it was tied to went with it, so nobody here misses it."""
        if self._own is not None:
            self._own.lay_aside(refs)
            self._mixed.difference_update(refs)
            self._withheld.difference_update(refs)

    def came_back(self, entity: Entity) -> None:
        """What is back in the memory of the full state. It was never out of the digest."""
        if self._own is not None:
            visible = self._sort(entity)
            if visible:
                self._own.bring_back(entity.ref, visible)

    def changes(self, as_of: datetime, told: Mapping[str, Part | None]) -> Mapping[str, Part | None]:
        """The items that differ from when this was last called, given those of the full state."""
        state = self._state()
        changed = told if state is self._full else state.changes(as_of)
        if self._anew:
            items = state.items(as_of)
            changed = {key: items.get(key) for key in sorted(items.keys() | self._shown.keys())}
            self._anew = False
        return self._show(changed)

    def items(self, as_of: datetime) -> Mapping[str, Part]:
        self._full.turn_to(as_of)
        items = self._state().items(as_of)
        return {key: shown for key, item in items.items() if (shown := self._reduce(item)) is not None}

    def summary(self, as_of: datetime) -> Summary:
        self._full.turn_to(as_of)
        return self._mark(self._state().summary(as_of), as_of)

    def view(self, as_of: datetime, inputs: Mapping[str, int], settled: bool) -> View:
        self._full.turn_to(as_of)
        return self._mark(self._state().view(as_of, inputs, settled), as_of)

    def voices(self, as_of: datetime) -> Iterable[Told]:
        """What the open incidents that are visible tell."""
        self._full.turn_to(as_of)
        return self._state().voices(as_of)

    @property
    def realm(self) -> Realm:
        return self._full.realm

    def withheld(self, as_of: datetime) -> dict[str, int]:
        """How many entities of the full picture are withheld, by reason; what has left that picture does not count."""
        if not self._withheld:
            return {}
        kinds = (ref.partition("/")[0] for ref in self._withheld - self._full.past_among(self._withheld, as_of))
        return {f"tlp:{kind}": count for kind, count in sorted(Counter(kinds).items())}

    def _state(self) -> State:
        """The state to ask, with all that the full one was told besides messages."""
        if self._own is None:
            return self._full
        self._own.registry = self._full.registry
        self._own.quarantined = self._full.quarantined
        return self._own

    def _part(self) -> None:
        """Begin a state of one's own."""
        self._own, self._anew = self._full.twin(self._may_see), True
        for entity in self._full.entities():
            self._judge(entity, self._own)

    def _judge(self, entity: Entity, own: State) -> None:
        """Show what is visible of an entity."""
        visible = self._sort(entity)
        for trace in visible:
            own.take(entity.ref, trace, entity.held(trace))
        if not visible:
            own.let_go(entity.ref)

    def _sort(self, entity: Entity) -> Sequence[Trace]:
        """What is visible of an entity; nothing, where it is withheld."""
        traces = entity.traces()
        visible = [trace for trace in traces if trace.gist.tlp in self._may_see]
        if len(visible) < len(traces):
            self._mixed.add(entity.ref)
        withheld = entity.last.gist.tlp not in self._may_see
        self._count(entity, withheld=withheld)
        return [] if withheld else visible

    def _count(self, entity: Entity, *, withheld: bool) -> None:
        counted = withheld and not is_retracted(entity.winner.message)
        (self._withheld.add if counted else self._withheld.discard)(entity.ref)

    def _show(self, changed: Mapping[str, Part | None]) -> Mapping[str, Part | None]:
        """What differs from what was shown, once it is reduced: a number may move within its bucket."""
        differing: dict[str, Part | None] = {}
        for key, item in changed.items():
            before, now = self._shown.get(key), None if item is None else self._reduce(item)
            if now == before:
                continue
            differing[key] = now
            if now is None:
                del self._shown[key]
            else:
                self._shown[key] = now
        return differing

    def _mark(self, whole: W, as_of: datetime) -> W:
        """A view or a summary as this audience's own."""
        shown = self._reduce(whole)
        if shown is None:
            raise TypeError(f"{self._audience} sees no {type(whole).__name__}")
        return shown.model_copy(update={"audience": self._audience, "withheld": self.withheld(as_of)})
