"""The sending side of the Publisher: one task, one writer, one order.

Whoever submits gets a future; what was submitted meanwhile goes to the bus together, in the order of submission. While
no broker answers, the same records are sent again, on a new writer, until they are stored or their time is up: storing
a record twice does no harm, for equal content is one message to every reader.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import structlog

from bus.errors import AuthenticationFailed, BusError, BusUnavailable
from bus.transport import Outgoing, Position, Transport, Writer

BATCH_RECORDS = 2_000
"""Records that go to the writer in one send, unless a single submission is larger."""

QUEUE_SUBMISSIONS = 2_000
"""Submissions that wait at most; whoever comes after them waits outside."""

RETRY_PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Seconds before the first, second, ... new attempt while the bus is away; the last one stays."""

NAMED = 3
"""Records that an error names; the others it counts."""

CLOSED = "the publisher was closed"

Stored = asyncio.Future[Sequence[Position]]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Submission:
    records: Sequence[Outgoing]
    deadline: float
    stored: Stored


class Sender:
    """Stores records on the bus, in the order of submission. An async context manager.

    `give_up_after`: seconds for which a submission is tried again while no broker answers.

    Entering raises AuthenticationFailed or NotAllowed when the bus is there but lets this user not in. A bus that is
    away does not matter yet.
    """

    def __init__(self, transport: Transport, *, give_up_after: float) -> None:
        self._transport = transport
        self._give_up_after = give_up_after
        self._queue: asyncio.Queue[_Submission | None] = asyncio.Queue(QUEUE_SUBMISSIONS)
        self._stack = AsyncExitStack()
        self._writer: Writer | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._opened()
        except BusUnavailable as error:
            log.warning("bus_away", error=str(error))
        except BaseException:
            await self._stack.aclose()
            raise
        self._task = asyncio.create_task(self._run(), name="publisher-sender")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """What was submitted is still stored, unless the body failed: then what waits is given up."""
        task, self._task = self._task, None
        try:
            if task is not None and kind is None:
                await self._queue.put(None)
                await task
        finally:
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
            await self._stack.aclose()

    async def submit(self, records: Sequence[Outgoing]) -> Stored:
        """Take the records; the future holds their positions once all are stored, or the error.

        Waits while the queue is full. Cancelling the future does not call the records back.
        """
        task = self._task
        if task is None or task.done():
            raise BusError("the publisher is closed; open another")
        loop = asyncio.get_running_loop()
        stored: Stored = loop.create_future()
        await self._queue.put(_Submission(records, loop.time() + self._give_up_after, stored))
        if task.done():  # closed while this one waited outside: nobody takes it from the queue any more
            self._give_up(self._waiting(), CLOSED)
        return stored

    async def _run(self) -> None:
        batch: list[_Submission] = []
        try:
            while not self._take(batch, await self._queue.get()):
                await self._store(batch)
                batch.clear()
            await self._store(batch)
            batch.clear()
        finally:
            self._give_up([*batch, *self._waiting()], CLOSED)

    def _take(self, batch: list[_Submission], first: _Submission | None) -> bool:
        """Fill the batch with what waits already. Returns whether that was the last of all."""
        submission, size = first, 0
        while submission is not None:
            batch.append(submission)
            size += len(submission.records)
            if size >= BATCH_RECORDS or self._queue.empty():
                return False
            submission = self._queue.get_nowait()
        return True

    def _waiting(self) -> list[_Submission]:
        left = [self._queue.get_nowait() for _ in range(self._queue.qsize())]
        return [submission for submission in left if submission is not None]

    async def _store(self, batch: Sequence[_Submission]) -> None:
        """Until every submission is stored, refused by the bus, or past its time."""
        pauses = iter(RETRY_PAUSES)
        waiting = list(batch)
        while waiting:
            try:
                async with asyncio.timeout_at(waiting[0].deadline):
                    await self._send(waiting)
                waiting = []
            except (BusUnavailable, TimeoutError) as error:
                await self._drop_writer()
                now = asyncio.get_running_loop().time()
                late = [submission for submission in waiting if submission.deadline <= now]
                self._give_up(late, f"no broker answered for {self._give_up_after:g} s", error)
                waiting = [submission for submission in waiting if submission.deadline > now]
                if waiting:
                    log.warning("bus_away", error=str(error), records=sum(len(each.records) for each in waiting))
                    pause = next(pauses, RETRY_PAUSES[-1])
                    await asyncio.sleep(min(pause, max(0.0, waiting[0].deadline - now)))
            except AuthenticationFailed as error:
                for submission in waiting:
                    _fail(submission, error)
                waiting = []
            except BusError as error:
                if len(waiting) == 1:
                    _fail(waiting[0], error)
                else:  # one by one, so that only the guilty fails
                    for submission in waiting:
                        await self._store([submission])
                waiting = []

    async def _send(self, waiting: Sequence[_Submission]) -> None:
        writer = await self._opened()
        if len(waiting) == 1:
            positions = await writer.send(waiting[0].records)
        else:
            positions = await writer.send([record for submission in waiting for record in submission.records])
        start = 0
        for submission in waiting:
            end = start + len(submission.records)
            if not submission.stored.done():
                submission.stored.set_result(positions[start:end])
            start = end

    async def _opened(self) -> Writer:
        if self._writer is None:
            self._writer = await self._stack.enter_async_context(self._transport.writer())
        return self._writer

    async def _drop_writer(self) -> None:
        """A new writer starts from a clean count of sequence numbers."""
        self._writer = None
        await self._stack.aclose()

    def _give_up(self, late: Sequence[_Submission], why: str, cause: BaseException | None = None) -> None:
        for submission in late:
            error = BusUnavailable(f"not stored: {_listed(submission.records)}: {why}; send again when the bus is back")
            error.__cause__ = cause
            _fail(submission, error)


def _fail(submission: _Submission, error: BusError) -> None:
    if not submission.stored.done():
        submission.stored.set_exception(error)


def _listed(records: Sequence[Outgoing]) -> str:
    more = len(records) - NAMED
    return ", ".join(map(_name, records[:NAMED])) + (f" and {more} more" if more > 0 else "")


def _name(record: Outgoing) -> str:
    return dict(record.headers).get("ce_id", record.key).decode()
