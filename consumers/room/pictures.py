"""The picture for each audience, made once and shared by all who look: now, and as it was known at an instant."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from bus.envelope import Envelope
from bus.messages import Ack, Link, Message, Part
from bus.references import Kind, reference
from bus.vocabulary import AckAnswer, Audience
from consumers.fold import Fold
from consumers.merge.explain import Explanation
from consumers.merge.view import IncidentPlace, Situation, View
from consumers.public import PublicPicture, public_picture
from consumers.room.live import Live
from consumers.room.past import Past, Then
from consumers.room.source import Source

KEPT = 1.0
"""Seconds that a picture is shown for, if nothing changes: its `as_of` is no older."""
SPARED = 3.0
"""In a burst a picture is shown for this many times what it cost to make, so that making it does not eat up the hub."""


@dataclass(frozen=True)
class Picture:
    """All that one audience sees at one instant."""

    view: View
    fold: Fold
    mark: str
    then: Then | None = None
    """Where it is a picture of the past."""

    @property
    def past(self) -> bool:
        return self.then is not None

    @cached_property
    def items(self) -> Mapping[str, Part]:
        """As the feed has them, by key."""
        if self.then is not None:
            return self.then.items(self.view.audience)
        return self.fold.projections.items(self.view.audience, self.view.as_of)

    async def explain(self, ref: str) -> Explanation:
        """How something in it came about. Raises UnknownReference."""
        if self.then is not None:
            return await self.then.explain(ref)
        return self.fold.state.explain(ref, self.view.as_of)

    def own(self, actor: str) -> tuple[Envelope, ...]:
        """The links and acknowledgements of an actor that stand, the latest first."""
        if actor not in self._own:
            opening = tuple(reference(kind, actor, "") for kind in (Kind.LINK, Kind.ACK))
            said = (entity.winner for entity in self.fold.state.entities() if entity.ref.startswith(opening))
            standing = [envelope for envelope in said if _stands(envelope.message)]
            self._own[actor] = tuple(sorted(standing, key=lambda envelope: envelope.known_at, reverse=True))
        return self._own[actor]

    @cached_property
    def _own(self) -> dict[str, tuple[Envelope, ...]]:
        return {}

    @cached_property
    def places(self) -> Mapping[str, IncidentPlace]:
        return {item.ref: item for item in self.items.values() if isinstance(item, IncidentPlace)}

    @cached_property
    def json(self) -> bytes:
        return self.view.model_dump_json().encode()

    @cached_property
    def etag(self) -> str:
        """Weak: equal ones show the same; only `as_of`, and what grows with it, may be later."""
        view = self.view
        instant = f"@{view.as_of.isoformat()}" if self.past else f"-{self.mark}{'' if view.settled else '-unsettled'}"
        return f"{view.digest[7:23]}-{view.audience}{instant}"

    async def public(self) -> PublicPicture:
        """What anybody may know of it."""
        if self.then is not None:
            return await self.then.public()
        return public_picture(self.fold.projections, self.view.as_of)

    def situation(self, id: str) -> Situation | None:
        """By its id, or one that it once answered to."""
        return self._by_name.get(id)

    @cached_property
    def _by_name(self) -> Mapping[str, Situation]:
        own = {situation.id: situation for situation in self.view.situations}
        return {alias: situation for situation in self.view.situations for alias in situation.aliases} | own


def _stands(message: Message) -> bool:
    match message:
        case Link():
            return not message.withdrawn
        case Ack():
            return message.answer is not AckAnswer.UNKNOWN
    return False


class Pictures:
    """Hands them out."""

    def __init__(self, source: Source, live: Live, past: Past) -> None:
        self._source = source
        self._live = live
        self._past = past
        self._now: dict[Audience, tuple[Picture, str, float, float]] = {}
        """With the digest of the full picture, what it cost to make, and when it was made, in seconds."""

    def now(self, audience: Audience) -> Picture:
        """The picture of now. It has at least all that the last event told."""
        mark, fold = self._live.mark(audience), self._source.fold
        held = self._now.get(audience)
        if held is not None:
            picture, digest, cost, made = held
            age = time.monotonic() - made
            limit = KEPT if digest == fold.state.digest else SPARED * cost
            if picture.mark == mark and picture.fold is fold and age < limit:
                return picture
        began = time.monotonic()
        picture = Picture(self._source.view(audience), fold, mark)
        cost = time.monotonic() - began
        self._live.spent += cost
        self._now[audience] = picture, fold.state.digest, cost, began
        return picture

    async def at(self, audience: Audience, instant: datetime | None) -> Picture:
        """The picture that was known at an instant; without one, of now. Raises NotYet, PastBusy and BusErrors."""
        if instant is None:
            return self.now(audience)
        then = await self._past.at(instant)
        return Picture(await then.view(audience), then.fold, "past", then)
