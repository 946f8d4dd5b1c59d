"""What changes in the picture, as it changes, to any number of listeners: server-sent events.

Each batch is put into words once for each audience and then shared by all who listen. An event's id is a mark; who was
cut off comes back with the last one (`Last-Event-ID`) and is told what was missed, or, where too much was, to read
anew. Nothing grows without bound: not the events that are kept, nor what waits for a listener who does not keep up.
Such a one is cut off, and may come back.

    event: changes   {mark, as_of, digest, settled, changed: {key: item}, gone: [key], summary, complete}
    event: anew      {mark}: read the picture as a whole; what was told before does not hold any more
    event: pulse     {mark, as_of, digest, settled, progress, heard_at}: every few seconds, changed or not
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from bus.instants import format_instant
from bus.messages import Part
from bus.vocabulary import Audience
from consumers.fold import Fold
from consumers.merge import FEEDS
from consumers.room.source import Source

PULSE = 2.0
"""Seconds between two signs of life."""
GAP = 0.1
"""Seconds between two events at least: so that a burst becomes few. After a calm, the first comes at once."""
KEPT_EVENTS, KEPT_BYTES = 500, 8_000_000
"""Of each audience, to go on from."""
WAITING = 100
"""Events that may wait for one listener."""
MOST_ITEMS, MOST_BYTES = 500, 400_000
"""In one event. Of more, the keys are told without their items, and `complete` is false."""
MOST_KEYS = 5_000
"""In one event; of more: read anew."""

Changes = Mapping[Audience, Mapping[str, Part | None]]


class Lagging(Exception):
    """The listener does not keep up. What it missed is there when it comes back."""


@dataclass(eq=False, slots=True)
class Listener:
    """One stream, from `Live.listen`."""

    audience: Audience
    queue: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(WAITING))
    lags: bool = False

    def put(self, event: bytes) -> None:
        try:
            self.queue.put_nowait(event)
        except asyncio.QueueFull:
            self.lags = True

    def end(self) -> None:
        """Nothing more comes."""
        self.lags = True
        if self.queue.empty():
            self.queue.put_nowait(b"")


@dataclass(slots=True)
class _Stream:
    """Of one audience."""

    number: int = 0
    pending: dict[str, Part | None] = field(default_factory=dict)
    anew: bool = False
    kept: deque[tuple[int, bytes]] = field(default_factory=deque)
    kept_bytes: int = 0
    begins: int = 0
    """Whoever has heard this number can be told all that came since."""
    listeners: set[Listener] = field(default_factory=set)

    def keep(self, event: bytes) -> None:
        self.kept.append((self.number, event))
        self.kept_bytes += len(event)
        while len(self.kept) > KEPT_EVENTS or self.kept_bytes > KEPT_BYTES:
            self.begins, dropped = self.kept.popleft()
            self.kept_bytes -= len(dropped)

    def forget(self) -> None:
        self.kept.clear()
        self.kept_bytes, self.begins = 0, self.number


class Live:
    """Hears of every batch that the hub computes, and tells it to those who listen."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._boot = secrets.token_hex(4)
        self._streams = {audience: _Stream() for audience in FEEDS}
        self._fold: Fold | None = None
        self._settled = False
        self._ended = False
        self._news = asyncio.Event()
        self.spent = 0.0
        """Seconds that making the last pictures took: a third of the time stays for the log."""

    @property
    def listeners(self) -> int:
        return sum(len(stream.listeners) for stream in self._streams.values())

    def mark(self, audience: Audience) -> str:
        """Names the last event of an audience."""
        return f"{self._boot}-{self._streams[audience].number}"

    def take(self, fold: Fold, changes: Changes) -> None:
        """What differs from the last time; the first time that it is this fold, everything."""
        first, self._fold = fold is not self._fold, fold
        for audience, changed in changes.items():
            stream = self._streams[audience]
            if first:
                stream.anew = True
            stream.pending.update(changed)
            if len(stream.pending) > MOST_KEYS:
                stream.anew = True
            if stream.anew:
                stream.pending.clear()
        self._news.set()

    async def run(self) -> None:
        """Tell until cancelled."""
        beat = time.monotonic()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, beat + PULSE - time.monotonic())):
                    await self._news.wait()
            began = time.monotonic()
            self._news.clear()
            self._tell()
            if began >= beat + PULSE:
                beat = began
                self.beat()
            await asyncio.sleep(max(GAP, 2 * (time.monotonic() - began + self.spent)))
            self.spent = 0.0

    def end(self) -> None:
        """Send all listeners away; they come back to whoever answers then."""
        self._ended = True
        for stream in self._streams.values():
            for listener in stream.listeners:
                listener.end()

    async def listen(self, audience: Audience, last: str | None) -> AsyncGenerator[bytes, None]:
        """Events from now on, after what was missed since the mark `last`. Raises Lagging."""
        stream, listener = self._streams[audience], Listener(audience)
        missed = self._missed(stream, last)
        stream.listeners.add(listener)
        try:
            yield b"retry: 2000\n\n"
            for event in missed:
                yield event
            yield self._pulse_of(audience)
            while not self._ended:
                event = await listener.queue.get()
                if listener.lags:
                    raise Lagging
                yield event
        finally:
            stream.listeners.discard(listener)

    def _missed(self, stream: _Stream, last: str | None) -> list[bytes]:
        if last is None:
            return []
        boot, _, number = last.partition("-")
        heard = int(number) if number.isascii() and number.isdecimal() and len(number) < 16 else -1
        if boot != self._boot or not stream.begins <= heard <= stream.number:
            return [self._anew(stream)]
        return [event for known, event in stream.kept if known > heard]

    def _tell(self) -> None:
        turned = self._settled is not self._source.is_settled
        self._settled = self._source.is_settled
        as_of: datetime | None = None
        for audience, stream in self._streams.items():
            if not (stream.pending or stream.anew or turned):
                continue
            as_of = as_of or self._source.as_of()
            stream.number += 1
            if stream.anew:
                stream.forget()
                event = self._anew(stream)
            else:
                event = self._changes(audience, stream, as_of)
                stream.keep(event)
            stream.pending, stream.anew = {}, False
            for listener in stream.listeners:
                listener.put(event)

    def _changes(self, audience: Audience, stream: _Stream, as_of: datetime) -> bytes:
        items, size = [], 0
        changed = {key: item for key, item in stream.pending.items() if item is not None}
        for key, item in changed.items() if len(changed) <= MOST_ITEMS else ():
            items.append(f"{json.dumps(key)}:{item.model_dump_json()}")
            size += len(items[-1])
            if size > MOST_BYTES:
                break
        complete = len(items) == len(changed)
        told = ",".join(items if complete else [f"{json.dumps(key)}:null" for key in changed])
        summary = self._source.fold.projections.summary(audience, as_of)
        head = {"mark": self.mark(audience), **self._now(audience, as_of)}
        data = (
            f'{json.dumps(head)[:-1]},"changed":{{{told}}},"gone":'
            f"{json.dumps([key for key, item in stream.pending.items() if item is None])}"
            f',"summary":{summary.model_dump_json(exclude={"inputs", "batch"})},"complete":{json.dumps(complete)}}}'
        )
        return _event("changes", data, self.mark(audience))

    def _anew(self, stream: _Stream) -> bytes:
        mark = f"{self._boot}-{stream.number}"
        return _event("anew", json.dumps({"mark": mark}), mark)

    def beat(self) -> None:
        """A sign of life, to all."""
        for audience, stream in self._streams.items():
            if stream.listeners:
                event = self._pulse_of(audience)
                for listener in stream.listeners:
                    listener.put(event)

    def _pulse_of(self, audience: Audience) -> bytes:
        told = {
            "mark": self.mark(audience),
            **self._now(audience, self._source.as_of()),
            "progress": round(self._source.progress, 4),
            "heard_at": format_instant(self._source.heard_at),
        }
        return _event("pulse", json.dumps(told))

    def _now(self, audience: Audience, as_of: datetime) -> dict[str, object]:
        fold = self._source.fold
        state = fold.state if audience is Audience.FULL else fold.projections.of(audience).state
        return {"as_of": format_instant(as_of), "digest": state.digest, "settled": self._source.is_settled}


def _event(name: str, data: str, id: str | None = None) -> bytes:
    """JSON has no line breaks of its own, so one line of data is enough."""
    return f"{f'id: {id}{chr(10)}' if id else ''}event: {name}\ndata: {data}\n\n".encode()
