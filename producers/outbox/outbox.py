"""The outbox: what is put is on the disk when `put` returns, and waits there until the bus has it or refuses it.

    async with Outbox.open(Path("/var/lib/ntsg/nordtel"), Owner("ntsg", "nordtel")) as outbox:
        [entry] = await outbox.put([Parcel.of(message, record)])

One directory, one process at a time, any number of callers in it: what they put at the same time reaches the disk
together. Sending is the deliverer's part (`producers.outbox.deliverer`).
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

from bus.errors import InvalidSettings, OutboxError, OutboxFull, OutboxInUse
from producers.outbox.entry import Entry, EntryState, Kept, Outcome, Parcel, entry
from producers.outbox.ledger import Ledger, Owner
from producers.outbox.salvage import open_ledger

MAX_BYTES = 1024 * 1024 * 1024
"""Room on the disk, unless told otherwise: some million reports that wait."""

KNOCK = 0.1
"""Seconds between two looks whether somebody else still has the outbox."""

GROUP_RECORDS = 5_000
"""Records that reach the disk in one transaction, unless a single call brings more."""

P = ParamSpec("P")
T = TypeVar("T")

_Put = tuple[Sequence[Parcel], asyncio.Future[Sequence[Kept]]]


class Outbox:
    """The outbox of one actor in one realm, as `Outbox.open` gives it."""

    def __init__(self, directory: Path, ledger: Ledger, thread: ThreadPoolExecutor) -> None:
        self.directory = directory
        self.owner = ledger.owner()
        """None while nobody has taken it."""
        self._ledger = ledger
        self._thread = thread
        self._waiting = ledger.waiting()
        self._grown = asyncio.Event()
        self._emptied = asyncio.Event()
        self._puts: list[_Put] = []
        self._put = asyncio.Event()
        self._watched: defaultdict[int, list[asyncio.Future[None]]] = defaultdict(list)
        self._closed = False
        self._note()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, directory: Path, owner: Owner | None, *, max_bytes: int = MAX_BYTES, patience: float = 0.0
    ) -> AsyncIterator[Outbox]:
        """The outbox in this directory, which is made if it is not there. `owner`: None for whosever it is.
        `patience`: seconds to wait for somebody else who has it.

        Raises OutboxInUse when another process, or another part of this one, has it; InvalidSettings when it belongs to
        another actor or realm; OutboxError when the disk does not do what is asked. A broken file is salvaged.
        """
        async with _owned(directory, patience):
            with ThreadPoolExecutor(1, "outbox") as thread:
                loop = asyncio.get_running_loop()
                ledger = await loop.run_in_executor(thread, lambda: open_ledger(directory, max_bytes=max_bytes))
                try:
                    _introduce(ledger, owner, directory)
                    outbox = cls(directory, ledger, thread)
                    writing = asyncio.create_task(outbox._write(), name="outbox-writer")
                    try:
                        yield outbox
                    finally:
                        outbox._closed = True
                        outbox._put.set()
                        await writing
                finally:
                    await loop.run_in_executor(thread, ledger.close)

    @property
    def waiting(self) -> int:
        """How many messages wait to be sent."""
        return self._waiting

    async def put(self, parcels: Sequence[Parcel]) -> Sequence[Entry]:
        """Keep these; on disk when this returns. All or none.

        Raises OutboxFull, OutboxError; then nothing of the call is kept. Cancelling a call does not call it back.
        """
        if self._closed:
            raise OutboxError(f"the outbox {self.directory} is closed; open it again")
        kept: asyncio.Future[Sequence[Kept]] = asyncio.get_running_loop().create_future()
        self._puts.append((parcels, kept))
        self._put.set()
        return [entry(each) for each in await kept]

    async def states(self, numbers: Iterable[int]) -> Mapping[int, Entry]:
        """The entries of these numbers. One that is missing was STORED long ago, and is forgotten."""
        found = await self._call(lambda: list(self._ledger.entries(list(numbers))))
        return {each.number: each for each in found}

    async def entries(self, state: EntryState | None = None) -> Sequence[Entry]:
        """All entries that are remembered, or those in one state, in the order of acceptance."""
        return await self._call(lambda: list(self._ledger.entries(state=state)))

    async def counts(self) -> Mapping[EntryState, int]:
        """How many there are in each state; of STORED, how many are remembered."""
        return await self._call(self._ledger.counts)

    async def revision(self, ref: str) -> int | None:
        """The highest revision of the entity that was accepted here; None for one that never was."""
        return await self._call(self._ledger.revision, ref)

    async def open_incidents(self) -> int | None:
        """How many incidents are open, by the latest revision of each that was accepted here; None if none ever was.

        One that was reported on behalf of another operator is that one's.
        """
        return await self._call(self._ledger.open_incidents)

    async def again(self) -> int:
        """Let what the bus refused wait once more. Returns how many."""
        count = await self._call(self._ledger.again)
        self._waiting += count
        self._note()
        return count

    async def frames(self, state: EntryState = EntryState.WAITING) -> Sequence[Kept]:
        """The records in this state, as they are kept."""
        return await self._call(lambda: list(self._ledger.frames(state)))

    async def contents(self) -> Collection[bytes]:
        """The `content` of all that is kept."""
        return await self._call(self._ledger.contents)

    # For whoever delivers

    async def next(self, records: int, size: int) -> Sequence[Kept]:
        """What goes next; waits for something. Up to `records`, and about `size` bytes."""
        while True:
            await self._grown.wait()
            self._grown.clear()
            if found := await self._call(self._ledger.next, records, size):
                self._grown.set()
                return found
            self._waiting = await self._call(self._ledger.waiting)
            self._note()

    async def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Write down what became of entries. Raises OutboxError; then they still wait."""
        await self._call(self._ledger.settle, outcomes)
        self._waiting = await self._call(self._ledger.waiting)
        self._note()
        for outcome in outcomes:
            for watching in self._watched.pop(outcome.number, ()):
                if not watching.done():
                    watching.set_result(None)

    async def settled(self, number: int) -> Entry | None:
        """Wait until the bus has this entry, or refuses it; None for one that is forgotten."""
        watching: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watched[number].append(watching)
        try:
            found = (await self.states([number])).get(number)
            if found is not None and found.state is EntryState.WAITING:
                await watching
                found = (await self.states([number])).get(number)
            return found
        finally:
            self._watch_no_more(number, watching)

    def _watch_no_more(self, number: int, watching: asyncio.Future[None]) -> None:
        """Whoever else watches the entry goes on."""
        others = [each for each in self._watched.pop(number, ()) if each is not watching]
        if others:
            self._watched[number] = others

    async def emptied(self) -> None:
        """Wait until nothing waits to be sent."""
        await self._emptied.wait()

    def _note(self) -> None:
        if self._waiting:
            self._grown.set()
            self._emptied.clear()
        else:
            self._emptied.set()

    async def _write(self) -> None:
        """Bring to the disk what was put, together with what was put meanwhile, until closed."""
        while not self._closed or self._puts:
            await self._put.wait()
            self._put.clear()
            while group := self._group():
                await self._keep(group)

    def _group(self) -> list[_Put]:
        size = taken = 0
        while taken < len(self._puts) and (not taken or size + len(self._puts[taken][0]) <= GROUP_RECORDS):
            size += len(self._puts[taken][0])
            taken += 1
        group, self._puts = self._puts[:taken], self._puts[taken:]
        return group

    async def _keep(self, group: Sequence[_Put]) -> None:
        try:
            kept = await self._call(self._ledger.put, [parcel for parcels, _ in group for parcel in parcels])
            self._waiting += len(kept)
            self._note()
            start = 0
            for parcels, future in group:
                if not future.done():
                    future.set_result(kept[start : start + len(parcels)])
                start += len(parcels)
        except OutboxFull as error:
            if len(group) == 1:
                _fail(group, error)
            else:
                for each in group:  # what fits is kept
                    await self._keep([each])
        except OutboxError as error:
            _fail(group, error)
        finally:
            _fail(group, OutboxError(f"the outbox {self.directory} ended; open it again"))

    async def _call(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(*args, **kwargs))
        except sqlite3.DatabaseError as error:
            raise OutboxError(
                f"{self._ledger.path} is broken ({error}); what is readable is salvaged when the outbox is opened again"
            ) from error


def _fail(group: Sequence[_Put], error: OutboxError) -> None:
    for _, future in group:
        if not future.done():
            future.set_exception(error)


@asynccontextmanager
async def _owned(directory: Path, patience: float) -> AsyncIterator[None]:
    """Take the directory, which the lock gives back however the process ends."""
    lock = _lock_in(directory)
    deadline = asyncio.get_running_loop().time() + patience
    try:
        while not _locked(lock):
            if asyncio.get_running_loop().time() >= deadline:
                raise OutboxInUse(
                    f"{directory} is in use by {_holder(lock)}, which delivers it; share its publisher, or end it first"
                )
            await asyncio.sleep(KNOCK)
        os.truncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)


def _lock_in(directory: Path) -> int:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise OutboxError(f"{directory} cannot be an outbox: {error.strerror}; name a directory of your own") from error


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(lock: int) -> str:
    number = os.pread(lock, 20, 0).decode(errors="replace").strip()
    return f"process {number}" if number.isdigit() else "another process"


def _introduce(ledger: Ledger, owner: Owner | None, directory: Path) -> None:
    if owner is None:
        return
    found = ledger.owner()
    if found is None:
        ledger.take(owner)
    elif found != owner:
        raise InvalidSettings(
            f"{directory} is the outbox of {found.actor or 'nobody'} in realm {found.realm}, not of"
            f" {owner.actor or 'nobody'} in realm {owner.realm}; name another directory"
        )
