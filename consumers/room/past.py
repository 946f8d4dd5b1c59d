"""Pictures of the past: what the bus knew at an instant, folded anew from a prefix of its log.

Reading happens on the event loop, folding and merging in a thread, so that the live picture goes on. A few are kept.
Folding takes as long as the log is; so one is made at a time, and only a few may wait.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime

from bus.codec import Codec
from bus.errors import NtsgError
from bus.messages import Part
from bus.transport.to_end import records_to_end
from bus.vocabulary import Audience
from consumers.fold import Fold
from consumers.merge.explain import Explanation
from consumers.merge.view import View
from consumers.public import PublicPicture, public_picture
from consumers.reading import input_partitions
from consumers.room.source import Source
from consumers.shelf import TemporaryShelf

KEPT = 4
"""Instants whose fold stays in memory."""
KEPT_ENTITIES = 200_000
"""In all of them together; the one that was asked for last stays whatever its size."""
WAITING = 8
"""Instants that may wait to be folded."""
SLICE = 500
"""Records folded at a time."""


class NotYet(NtsgError):
    """The instant lies ahead."""


class PastBusy(NtsgError):
    """Too many pictures of the past are asked for at once. Trying again later is right."""


class Then:
    """The fold of one instant. What is asked of it is asked in a thread, one after the other."""

    def __init__(self, fold: Fold, instant: datetime) -> None:
        self.fold = fold
        self._instant = instant
        self._views: dict[Audience, tuple[View, Mapping[str, Part]]] = {}
        self._turn = asyncio.Lock()

    def __len__(self) -> int:
        return len(self.fold.state)

    async def view(self, audience: Audience) -> View:
        async with self._turn:
            if audience not in self._views:
                self._views[audience] = await asyncio.to_thread(self._view, audience)
            return self._views[audience][0]

    def items(self, audience: Audience) -> Mapping[str, Part]:
        """As a feed would have had them, by key. Raises KeyError before its view was asked for."""
        return self._views[audience][1]

    async def explain(self, ref: str) -> Explanation:
        """Raises UnknownReference."""
        async with self._turn:
            return await asyncio.to_thread(self.fold.state.explain, ref, self._instant)

    async def public(self) -> PublicPicture:
        async with self._turn:
            return await asyncio.to_thread(public_picture, self.fold.projections, self._instant)

    def _view(self, audience: Audience) -> tuple[View, Mapping[str, Part]]:
        projections = self.fold.projections
        view = projections.view(audience, self._instant, self.fold.inputs, True)
        return view, projections.items(audience, self._instant)


class Past:
    """Makes them, and keeps the last ones."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._kept: OrderedDict[datetime, Then] = OrderedDict()
        self._making: dict[datetime, asyncio.Task[Then]] = {}
        self._turn = asyncio.Lock()

    async def at(self, instant: datetime) -> Then:
        """Raises NotYet, PastBusy and what reading the bus raises."""
        if instant > self._source.as_of():
            raise NotYet(f"{instant.isoformat()} lies ahead")
        if (kept := self._kept.get(instant)) is not None:
            self._kept.move_to_end(instant)
            return kept
        making = self._making.get(instant)
        if making is None:
            if len(self._making) >= WAITING:
                raise PastBusy("too many pictures of the past are being made; ask again in a moment")
            making = self._making[instant] = asyncio.create_task(self._make(instant))
            making.add_done_callback(lambda task: self._made(instant, task))
        return await asyncio.shield(making)

    async def close(self) -> None:
        """End what is under way."""
        under_way = list(self._making.values())
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    def _made(self, instant: datetime, task: asyncio.Task[Then]) -> None:
        self._making.pop(instant, None)
        if not task.cancelled():
            task.exception()  # whoever still waits is told; nobody may be left

    async def _make(self, instant: datetime) -> Then:
        async with self._turn:
            then = Then(await self._fold(instant), instant)
            self._kept[instant] = then
            while len(self._kept) > KEPT or (
                len(self._kept) > 1 and sum(len(kept) for kept in self._kept.values()) > KEPT_ENTITIES
            ):
                self._kept.popitem(last=False)
            return then

    async def _fold(self, instant: datetime) -> Fold:
        transport, realm, codec = self._source.transport, self._source.realm, Codec()
        fold = Fold(realm, codec, until=instant, shelf=TemporaryShelf(codec))
        inputs = await input_partitions(transport, realm)
        control = [partition for partition in inputs if partition.topic in (realm.actors, realm.schemas)]
        for partitions in (control, [partition for partition in inputs if partition not in control]):
            async for records in records_to_end(transport, partitions):
                for start in range(0, len(records), SLICE):
                    await asyncio.to_thread(fold.apply, records[start : start + SLICE])
        return fold
