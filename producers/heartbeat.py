"""The heartbeat: an actor's `status` at its cadence, from a source that is read anew each time.

It is sent so that silence means something. Hence it never says more than what is known now: a source that cannot be
read, or does not say what it should, is told to whoever runs it, and nothing is sent for it. The last good status is
not repeated, for that would be fresh in name alone; in everybody's picture the actor becomes DUE, then STALE, which is
the truth about what it tells.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bus.errors import InvalidInput, InvalidMessage, InvalidSettings, NtsgError
from bus.instants import to_millis
from bus.messages import Status, build
from bus.references import Kind, reference
from bus.vocabulary import MessageStatus
from producers.outbox import DurablePublisher, Entry

__all__ = ["Heartbeat", "Source", "command", "file", "keep_beating"]

Failed = Callable[[NtsgError], None]

Source = Callable[[], Awaitable[str]]
"""Gives the facts of the moment, as TOML or as one JSON object. Raises InvalidInput."""

COMMAND_TIMEOUT = 30.0
"""Seconds that a command has to say how the operator is."""

STAMPED = ("kind", "actor", "id", "revision", "status", "observed_at", "sent_at", "next_update_at")
"""What the heartbeat says itself; a source that says it too is mistaken about what it is for."""

SESSION = 5.0
"""Seconds for which the outbox stays open after a beat, while the bus does not take what waits."""

LOOK = 60.0
"""Seconds until it is tried again."""

ERROR_TEXT = 300
"""Characters of a failed command's own words that are passed on."""


def file(path: Path) -> Source:
    """The content of a file."""

    async def read() -> str:
        try:
            return await asyncio.to_thread(path.read_text, "utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(
                f"{path}: cannot be read ({error}); write how you are into it, as TOML or JSON"
            ) from error

    return read


def command(line: str) -> Source:
    """What a command prints; no shell is asked. Raises InvalidSettings for a line that is no command."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise InvalidSettings(f"{line!r} is no command: {error}") from error
    if not words:
        raise InvalidSettings("the command is empty; name a program that prints how you are")

    async def run() -> str:
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(*words, stdout=pipe, stderr=pipe)
        except OSError as error:
            raise InvalidInput(f"{words[0]}: cannot be run ({error.strerror})") from error
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT):
                said, complaint = await process.communicate()
        except TimeoutError as error:
            raise InvalidInput(f"{words[0]}: said nothing for {COMMAND_TIMEOUT:g} s") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            words_of_it = complaint.decode(errors="replace").strip()[:ERROR_TEXT]
            raise InvalidInput(f"{words[0]}: ended with status {process.returncode}: {words_of_it}")
        try:
            return said.decode()
        except UnicodeDecodeError as error:
            raise InvalidInput(f"{words[0]}: what it prints is not UTF-8") from error

    return run


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """One actor's heartbeat, by one outbox, which knows the last revision and which incidents are open."""

    source: Source
    every: timedelta
    """Promised as `next_update_at`; whoever calls `beat` keeps it."""

    async def beat(self, publisher: DurablePublisher) -> Entry:
        """Read the source, and publish what it says as of now.

        `open_incidents` is what the source gives, else how many of those that the outbox accepted are not over; unknown
        for an outbox that never had any. `nothing_to_report` is false while one is open, whatever the source says; else
        it is what the source says, or whether none is open. The revision is the milliseconds of now, or one more than
        the last where that is higher: it rises also when the outbox was lost, or the clock jumped back.

        Raises InvalidInput when the source cannot be read, or says what it should not (with the path of the field);
        OutboxError. Then nothing is sent.
        """
        facts = _facts(await self.source())
        return await publisher.publish(await self._status(publisher, facts))

    async def _status(self, publisher: DurablePublisher, facts: Mapping[str, Any]) -> Status:
        if mistaken := sorted(set(STAMPED) & facts.keys()):
            raise InvalidMessage(tuple((name, "the heartbeat says this itself; leave it out") for name in mistaken))
        now, ref = datetime.now(UTC), reference(Kind.STATUS, publisher.actor or "", "status")
        last = await publisher.outbox.revision(ref) or 0
        held = facts["open_incidents"] if "open_incidents" in facts else await publisher.outbox.open_incidents()
        stamped = {
            "actor": publisher.actor,
            "id": "status",
            "revision": max(last + 1, to_millis(now)),
            "status": MessageStatus.EXERCISE if publisher.realm.is_exercise else MessageStatus.ACTUAL,
            "observed_at": now,
            "next_update_at": now + self.every,
            "open_incidents": held,
            "nothing_to_report": False if held else facts.get("nothing_to_report", held == 0),
        }
        return build(Status, {**facts, **stamped}, from_json=True)


async def keep_beating(
    heartbeat: Heartbeat, publisher: Callable[[], DurablePublisher], told: Callable[[Entry], None], failed: Failed
) -> None:
    """Beat at the heartbeat's cadence until cancelled.

    `publisher` is opened for each beat and closed after it, so that others on this machine may use the outbox between
    two. What waits in it is delivered on the occasion; while something waits, that is tried each `LOOK` seconds.
    `failed` is told why a beat was not sent, or is not delivered; then it goes on.
    """
    clock = asyncio.get_running_loop().time
    due = clock()
    while True:
        is_due, waiting = clock() >= due, False
        if is_due:
            due = clock() + heartbeat.every.total_seconds()
        try:
            async with publisher() as opened:
                if is_due:
                    try:
                        told(await heartbeat.beat(opened))
                    except NtsgError as error:
                        failed(error)
                waiting = not await opened.drained(SESSION)
                if waiting and opened.problem is not None:
                    failed(opened.problem)
        except NtsgError as error:
            failed(error)
        await asyncio.sleep(max(0.0, min(due - clock(), LOOK if waiting else due)))


def _facts(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # of JSON and of TOML
        raise InvalidInput(f"neither TOML nor a JSON object: {error}") from error
    if not isinstance(found, dict) or not found:
        raise InvalidInput('says nothing; write at least the mode: mode = "NORMAL"')
    return found
