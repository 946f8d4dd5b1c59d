"""A watched folder: what is dropped there is imported, and afterwards lies in `done/` or in `refused/` with the reason.

    DIR/            drop files here: complete, or under a name that begins with a dot or ends in .part until they are
    DIR/taken/      the file that is being worked on
    DIR/done/       sent; beside each file, its receipts
    DIR/refused/    not sent, or not all of it; beside each file, why

A file moves by renaming alone, so it is in exactly one of these places at any instant. A crash leaves it in `taken/`,
where the next start finds it and reads it again: the same file gives the same messages, so sending twice does no harm.
While the bus is away nothing is refused; the file waits. With a publisher that has an outbox, the file waits only while
the outbox takes no more: what this machine's disk has is done with here, and the outbox sends it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from bus.credentials import write_private
from bus.errors import BusUnavailable, InvalidSettings, OutboxError
from producers.adapters.delivery import Delivery, deliver, written
from producers.adapters.reading import MOST_BYTES, Fault, Reading
from producers.outbox import DurablePublisher, Entry
from producers.publisher import Publisher, Receipt

__all__ = ["Spool"]

UNFINISHED = (".part", ".tmp", ".crdownload", "~")
"""Ends of names under which programs write what is not complete yet."""

PAUSES = (1.0, 2.0, 5.0, 15.0, 30.0)
"""Seconds before the next attempt while the bus is away; the last one stays."""

log = structlog.get_logger(__name__)

Reader = Callable[[bytes, str], Reading]


class Spool:
    """Imports what is dropped into a folder, one file after the other, oldest first.

    `read` gives the messages of a file by its content and its name. With `strict`, a file with any fault is not sent at
    all; without, what is right in it is sent.
    """

    def __init__(
        self, directory: Path, read: Reader, publisher: Publisher | DurablePublisher, *, strict: bool = False
    ) -> None:
        self._directory = directory
        self._read = read
        self._publisher = publisher
        self._strict = strict
        self._seen: dict[str, tuple[int, int]] = {}

    @contextmanager
    def opened(self) -> Iterator[None]:
        """The folder is this process's alone. Raises InvalidSettings where another has it, or it cannot be made."""
        try:
            for name in ("taken", "done", "refused"):
                (self._directory / name).mkdir(parents=True, exist_ok=True)
            lock = os.open(self._directory / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise InvalidSettings(f"spool {self._directory}: {error.strerror}: {error.filename}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InvalidSettings(f"spool {self._directory}: another process watches it; end that one first") from error
        else:
            yield
        finally:
            os.close(lock)

    async def run(self, *, poll: float = 2.0) -> None:
        """Until cancelled. `poll` is the time between two looks, in seconds.

        A file is taken when it has not changed from one look to the next.
        """
        while True:
            await self.work_off()
            self.take(settled=True)
            if not self._waiting():
                await asyncio.sleep(poll)

    def take(self, *, settled: bool) -> None:
        """Move what was dropped to `taken/`: all of it or, with `settled`, what is as it was at the last look."""
        before, self._seen = self._seen, {}
        for path in sorted(self._directory.iterdir(), key=lambda path: (_stamp(path), path.name)):
            if path.name.startswith(".") or path.name.endswith(UNFINISHED) or not (path.is_symlink() or path.is_file()):
                continue
            state = path.lstat()
            self._seen[path.name] = (state.st_size, state.st_mtime_ns)
            if not settled or before.get(path.name) == self._seen[path.name]:
                path.rename(_free(self._directory / "taken", path.name))

    async def work_off(self) -> None:
        """Import all that was taken. While the bus is away, or a disk takes no more, wait and try again."""
        pauses = iter(PAUSES)
        while waiting := self._waiting():
            try:
                await self._import(waiting[0])
                pauses = iter(PAUSES)
            except (BusUnavailable, OutboxError, OSError) as error:
                away = "bus_away" if isinstance(error, BusUnavailable) else "disk_away"
                log.warning(away, file=waiting[0].name, error=str(error))
                await asyncio.sleep(next(pauses, PAUSES[-1]))

    def _waiting(self) -> list[Path]:
        taken = self._directory / "taken"
        return sorted(
            (path for path in taken.iterdir() if not path.name.startswith(".")),
            key=lambda path: (_stamp(path), path.name),
        )

    async def _import(self, path: Path) -> None:
        reading = self._reading(path)
        if reading.faults and self._strict:
            self._refuse(path, reading.faults, ())
            return
        delivery = await deliver(self._publisher, reading.found) if reading.found else Delivery((), ())
        if faults := (*reading.faults, *delivery.faults):
            self._refuse(path, faults, delivery.receipts)
        else:
            self._finish(path, delivery.receipts, reading.notes)

    def _reading(self, path: Path) -> Reading:
        if path.is_symlink() or not path.is_file():
            return Reading.refused("is a link or no file; drop the file itself")
        try:
            if path.stat().st_size > MOST_BYTES:
                return Reading.refused(f"has more than {MOST_BYTES:,} bytes; split it")
            return self._read(path.read_bytes(), path.name)
        except OSError as error:
            return Reading.refused(f"cannot be read: {error.strerror}")
        except Exception as error:
            log.exception("adapter_failed", file=path.name)
            return Reading.refused(f"could not be read, which is an error of this program: {type(error).__name__}")

    def _finish(self, path: Path, receipts: tuple[Receipt | Entry, ...], notes: tuple[str, ...]) -> None:
        target = _free(self._directory / "done", path.name)
        lines = [f"{written(receipt)}\n" for receipt in receipts]
        write_private(target.with_name(f"{target.name}.receipts"), "".join(lines))
        path.rename(target)
        log.info("file_imported", file=path.name, messages=len(receipts), notes=len(notes))

    def _refuse(self, path: Path, faults: tuple[Fault, ...], receipts: tuple[Receipt | Entry, ...]) -> None:
        target = _free(self._directory / "refused", path.name)
        write_private(target.with_name(f"{target.name}.reason"), _reason(path.name, faults, receipts))
        path.rename(target)
        log.warning("file_refused", file=path.name, faults=len(faults), sent=len(receipts))


def _reason(name: str, faults: tuple[Fault, ...], receipts: tuple[Receipt | Entry, ...]) -> str:
    sent = [f"  {receipt.ref} revision {receipt.revision}" for receipt in receipts]
    lines = [
        f"{name}: not imported; mend it and drop it again." if not sent else f"{name}: not all of it was imported.",
        *(f"  {fault}" for fault in faults),
        *(
            [f"Sent, {len(sent)} in all (mend the rest and drop the whole file again, which does no harm):"]
            if sent
            else []
        ),
        *sent,
    ]
    return "".join(f"{line}\n" for line in lines)


def _free(directory: Path, name: str) -> Path:
    """A path of that name, or the first of `name.2`, `name.3`, ... that is not taken."""
    candidate, number = directory / name, 1
    while candidate.exists() or candidate.is_symlink():
        number += 1
        stem, dot, suffix = name.rpartition(".")
        candidate = directory / (f"{stem}.{number}.{suffix}" if dot and stem else f"{name}.{number}")
    return candidate


def _stamp(path: Path) -> int:
    try:
        return path.lstat().st_mtime_ns
    except OSError:  # gone meanwhile
        return 0
