"""What pictures amounted to, as far as differences ask: many instants in little room, one for each who looked.

The log can tell any of them again. That takes as long as the log is, so a page never waits for it: it says that it is
being made, and asks again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from datetime import datetime

import structlog

from bus.errors import BusError
from bus.vocabulary import Audience
from consumers.room.differences import Measured, differences, measured
from consumers.room.past import NotYet, PastBusy
from consumers.room.pictures import Picture, Pictures
from consumers.room.sight import Difference

PATIENCE = 0.3
"""Seconds that a page waits for one that is being made."""
KEPT, KEPT_THINGS = 200, 400_000
"""Instants that are kept, and things in all of them together."""
COMPARED = 50
"""Comparisons that are kept: many parts of many pages ask for the same."""

Key = tuple[Audience, datetime]

log = structlog.get_logger(__name__)


class Baselines:
    """Remembers them, and has those made that it does not remember."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures
        self._kept: OrderedDict[Key, Measured] = OrderedDict()
        self._making: dict[Key, asyncio.Task[None]] = {}
        self._compared: OrderedDict[tuple[Key, str, datetime], tuple[Difference, ...]] = OrderedDict()

    def keep(self, picture: Picture, instant: datetime) -> None:
        """Remember what was seen at an instant, in a picture that tells the same."""
        self._put((picture.view.audience, instant), measured(picture))

    async def since(self, instant: datetime, now: Picture) -> tuple[Difference, ...] | None:
        """What has changed from then to the picture of now; None while that is being made. Raises NotYet."""
        key = now.view.audience, instant
        if instant > now.view.as_of:
            raise NotYet(f"{instant.isoformat()} lies ahead")
        if key not in self._kept:
            task = self._making.get(key)
            if task is None:
                task = self._making[key] = asyncio.create_task(self._make(key))
                task.add_done_callback(lambda _: self._making.pop(key, None))
            await asyncio.wait([task], timeout=PATIENCE)
            if task.done():
                task.result()
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._compare(key, now)

    async def close(self) -> None:
        """End what is under way."""
        under_way = list(self._making.values())
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    async def _make(self, key: Key) -> None:
        """Not while too much is made, or while the bus does not answer: whoever asks again has it tried again."""
        try:
            self._put(key, measured(await self._pictures.at(*key)))
        except (PastBusy, BusError) as error:
            log.info("baseline_not_made", reason=str(error))

    def _put(self, key: Key, found: Measured) -> None:
        self._kept[key] = found
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and (len(self._kept) > KEPT or sum(map(len, self._kept.values())) > KEPT_THINGS):
            self._kept.popitem(last=False)

    def _compare(self, key: Key, now: Picture) -> tuple[Difference, ...]:
        asked = key, now.mark, now.view.as_of
        if asked not in self._compared:
            self._compared[asked] = differences(self._kept[key], now)
            while len(self._compared) > COMPARED:
                self._compared.popitem(last=False)
        return self._compared[asked]
