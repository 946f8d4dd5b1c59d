"""The picture as each audience may see it: FULL, AUTHORITY, PEER, PUBLIC.

A projection shows nothing of what its audience may not see, not even by what is missing: it is the merge of those
messages alone that the audience may see, and then reduced (`audiences`). So nothing that lies above the ceiling can
show in it, for it was never put in; only `withheld` says how much there is, lest absence read as all clear.

- An entity whose winning message is marked above the ceiling is withheld whole, as if it had never been told.
- Of any other entity, the messages above the ceiling do not count.
- `inputs` are those of the log, since that is what the picture was asked from; the digest is over what is visible.

Ceilings are nested, so each audience looks at the state of the one that may see next more. From the first message in it
that lies above its own ceiling on, it has a state of its own, fed with the same traces.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from bus.envelope import Envelope
from bus.messages import Part
from bus.topics import Realm
from bus.vocabulary import Audience, Tlp
from consumers.merge.audiences import Reduction
from consumers.merge.entities import Entity
from consumers.merge.state import State, is_retracted
from consumers.merge.told import Told
from consumers.merge.traces import Trace
from consumers.merge.view import Summary, View

W = TypeVar("W", View, Summary)

ALL = frozenset(Tlp)
FEEDS = (Audience.FULL, Audience.AUTHORITY, Audience.PEER)
"""The audiences that a feed is written for."""


class Projections:
    """One full state, and the projections of it that somebody has asked for.

    From then on, messages must come in here, and nobody else may ask the full state for its changes.
    """

    def __init__(self, full: State) -> None:
        self._full = full
        self._ceilings: list[Ceiling] = []
        """Those asked for, the highest first, none between them left out."""
        self._projections: dict[Audience, Projection] = {}
        full.observe(self)

    def apply(self, envelope: Envelope) -> bool:
        """Take up a message, as `State.apply` does."""
        return self.take(envelope.message.reference, Trace.of(envelope), envelope)

    def take(self, ref: str, trace: Trace, envelope: Envelope | None = None) -> bool:
        """Take up a message about `ref` by its trace, as `State.take` does."""
        news = self._full.take(ref, trace, envelope)
        if news:
            for ceiling in self._ceilings:
                ceiling.take(ref, trace, envelope)
        return news

    def left(self, refs: Collection[str]) -> None:
        """Entities have left the memory of the full state: they do the same everywhere."""
        for ceiling in self._ceilings:
            ceiling.left(refs)

    def came_back(self, entity: Entity) -> None:
        """An entity is back in the memory of the full state."""
        for ceiling in self._ceilings:
            ceiling.came_back(entity.ref)

    def has_conflict(self, id_: str) -> bool:
        """Whether a conflict stands in what lies below a ceiling."""
        return any(ceiling.has_conflict(id_) for ceiling in self._ceilings)

    def of(self, audience: Audience) -> Projection:
        """The projection for an audience. Raises KeyError for FULL, which is the state itself, and for UNKNOWN."""
        if audience not in self._projections:
            self._open(audience)
        return self._projections[audience]

    def prepare(self, audience: Audience, as_of: datetime) -> None:
        """Bring the picture of one audience up to date. Once that is done for each, `changes` has little left to do; it
        tells the same without.
        """
        self._full.turn_to(as_of)
        if audience is not Audience.FULL:
            self.of(audience).state.turn_to(as_of)

    def changes(self, as_of: datetime) -> Mapping[Audience, Mapping[str, Part | None]]:
        """The items of each feed that differ from when this was last called, by key; None for what is gone."""
        projections = [self.of(audience) for audience in FEEDS if audience is not Audience.FULL]
        self._full.turn_to(as_of)
        states = dict.fromkeys((self._full, *(projection.state for projection in projections)))
        told = {state: state.changes(as_of) for state in states}
        shown = {projection.audience: projection.changes(as_of, told[projection.state]) for projection in projections}
        return {Audience.FULL: told[self._full], **shown}

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

    def _open(self, audience: Audience) -> None:
        rules = self._full.thresholds
        by_height = sorted(rules.ceilings, key=lambda below: len(rules.ceilings[below]), reverse=True)
        for below in by_height[len(self._ceilings) : by_height.index(audience) + 1]:
            ceiling = Ceiling(self._full, self._ceilings[-1] if self._ceilings else None, rules.ceilings[below])
            self._ceilings.append(ceiling)
            self._projections[below] = Projection(below, ceiling, Reduction(below, rules.buckets))


class Ceiling:
    """What lies at or below a ceiling, as a state; `above` is the next higher ceiling, None under the full state."""

    def __init__(self, full: State, above: Ceiling | None, may_see: frozenset[Tlp]) -> None:
        self._full = full
        self._above = above
        self._may_see = may_see
        self._own: State | None = None
        """None while nothing that is visible above lies above this one too."""
        self._mixed: set[str] = set()
        """Entities of which a message that is visible above lies above this ceiling."""
        self._withheld: set[str] = set()
        """Entities that this ceiling withholds, without what was retracted: that is shown to nobody."""
        source, hidden = self._source(), ALL - may_see if above is None else above.may_see - may_see
        held = (trace.gist.tlp for entity in source.entities() for trace in entity.traces())
        if full.aside.holds(hidden) or not hidden.isdisjoint(held):
            self._part(source)

    @property
    def state(self) -> State:
        """What is visible, with all that the full state was told besides messages."""
        if self._own is None:
            return self._source()
        self._own.registry = self._full.registry
        self._own.quarantined = self._full.quarantined
        return self._own

    @property
    def full(self) -> State:
        return self._full

    @property
    def may_see(self) -> frozenset[Tlp]:
        return self._may_see

    def take(self, ref: str, trace: Trace, envelope: Envelope | None) -> None:
        """The full state, and every ceiling above, have taken up a message."""
        source = self._source()
        visible = trace.gist.tlp in self._may_see
        if self._own is not None:
            if visible and not self._is_mixed(ref):
                self._own.take(ref, trace, envelope)
            else:
                self._judge(ref, source, self._own)
        elif (not visible and source.holds(ref, trace)) or (self._is_mixed(ref) and self._hides_of(ref, source)):
            self._part(source)

    def left(self, refs: Collection[str]) -> None:
        """What left the memory of the full state: all that it was tied to went with it, so nobody here misses it."""
        if self._own is not None:
            self._own.lay_aside(refs)
            self._mixed.difference_update(refs)
            self._withheld.difference_update(refs)

    def came_back(self, ref: str) -> None:
        """What is back in the memory of the full state, and of every ceiling above. It was never out of the digest."""
        entity = self._source().entity(ref)
        if self._own is not None and entity is not None and (visible := self._sort(entity)):
            self._own.bring_back(ref, visible)

    def has_conflict(self, id_: str) -> bool:
        """Whether a conflict stands here that need not stand above."""
        return self._own is not None and self._own.has_conflict(id_)

    def withheld(self) -> set[str]:
        """The entities that are not shown here."""
        return self._withheld | (self._above.withheld() if self._above else set())

    def _source(self) -> State:
        return self._full if self._above is None else self._above.state

    def _hides_of(self, ref: str, source: State) -> bool:
        """Whether the state above holds a message of this entity that lies above this ceiling: what was withheld there
        as a whole may be visible again, with all that was said of it before.
        """
        entity = source.entity(ref)
        return entity is not None and any(trace.gist.tlp not in self._may_see for trace in entity.traces())

    def _is_mixed(self, ref: str) -> bool:
        return ref in self._mixed or (self._above is not None and self._above._is_mixed(ref))

    def _part(self, source: State) -> None:
        """Begin a state of one's own."""
        self._own = self._full.twin(self._may_see)
        for entity in source.entities():
            self._judge(entity.ref, source, self._own)

    def _judge(self, ref: str, source: State, own: State) -> None:
        """Show what is visible of an entity, if anything is."""
        self._withheld.discard(ref)
        entity = source.entity(ref)
        if entity is None or not (visible := self._sort(entity)):
            own.let_go(ref)
            return
        for trace in visible:
            own.take(ref, trace, entity.held(trace))

    def _sort(self, entity: Entity) -> Sequence[Trace]:
        """What is visible of an entity that is visible above; nothing, where it is withheld here."""
        traces = entity.traces()
        visible = [trace for trace in traces if trace.gist.tlp in self._may_see]
        if len(visible) < len(traces):
            self._mixed.add(entity.ref)
        withheld = entity.last.gist.tlp not in self._may_see
        counts = withheld and not is_retracted(entity.winner.message)
        (self._withheld.add if counts else self._withheld.discard)(entity.ref)
        return () if withheld else visible


class Projection:
    """The picture of one audience: what lies below its ceiling, reduced.

    The public has no items, summary or view, but sentences, made of what the visible incidents tell (`voices`).
    """

    def __init__(self, audience: Audience, ceiling: Ceiling, reduce: Reduction) -> None:
        self.audience = audience
        self._ceiling = ceiling
        self._reduce = reduce
        self._shown: dict[str, Part] = {}
        self._compared: State | None = None
        """The state that `_shown` was told by."""

    @property
    def state(self) -> State:
        """What this audience may see, before it is reduced."""
        return self._ceiling.state

    @property
    def realm(self) -> Realm:
        return self._ceiling.full.realm

    def changes(self, as_of: datetime, told: Mapping[str, Part | None]) -> Mapping[str, Part | None]:
        """The items that differ from when this was last called, given those of the state."""
        state = self.state
        if state is not self._compared:
            items = state.items(as_of)
            told = {key: items.get(key) for key in sorted(items.keys() | self._shown.keys())}
            self._compared = state
        return self._show(told)

    def items(self, as_of: datetime) -> Mapping[str, Part]:
        self._ceiling.full.turn_to(as_of)
        items = self.state.items(as_of)
        return {key: shown for key, item in items.items() if (shown := self._reduce(item)) is not None}

    def summary(self, as_of: datetime) -> Summary:
        self._ceiling.full.turn_to(as_of)
        return self._mark(self.state.summary(as_of), as_of)

    def view(self, as_of: datetime, inputs: Mapping[str, int], settled: bool) -> View:
        self._ceiling.full.turn_to(as_of)
        return self._mark(self.state.view(as_of, inputs, settled), as_of)

    def voices(self, as_of: datetime) -> Iterable[Told]:
        """What the open incidents that are visible tell."""
        self._ceiling.full.turn_to(as_of)
        return self.state.voices(as_of)

    def withheld(self, as_of: datetime) -> dict[str, int]:
        """How many entities of the full picture are withheld, by reason; what has left that picture does not count."""
        withheld = self._ceiling.withheld()
        if not withheld:
            return {}
        kinds = (ref.partition("/")[0] for ref in withheld - self._ceiling.full.past_among(withheld, as_of))
        return {f"tlp:{kind}": count for kind, count in sorted(Counter(kinds).items())}

    def _show(self, told: Mapping[str, Part | None]) -> Mapping[str, Part | None]:
        """What differs from what was shown, once it is reduced: a number may move within its bucket."""
        differing: dict[str, Part | None] = {}
        for key, item in told.items():
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
            raise TypeError(f"{self.audience} sees no {type(whole).__name__}")
        return shown.model_copy(update={"audience": self.audience, "withheld": self.withheld(as_of)})
