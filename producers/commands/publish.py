"""`ntsg check` and `ntsg publish`: files of messages."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from bus.commandline import READABLE, as_json, bus_options, read_messages, run, settings_of, tell
from bus.errors import BusUnavailable, NtsgError, OutboxError

if TYPE_CHECKING:
    from bus.ndjson import BadLine, Line
    from bus.settings import Settings
    from producers.outbox import DurablePublisher


NO_MESSAGE = "there is no message; write one JSON object on each line"


@click.command()
@click.argument("file", type=READABLE)
@as_json
def check(file: BinaryIO, as_json: bool) -> None:
    """Validate a file of messages (NDJSON; - reads standard input) and send nothing.

    \b
    Example: ntsg check storm.ndjson
    """
    good, bad = read_messages(file)
    nothing = not good and not bad
    if as_json:
        problems = [problem for line in bad for problem in problems_of(line)]
        problems += [{"line": 1, "path": "", "remedy": NO_MESSAGE}] if nothing else []
        click.echo(json.dumps({"file": file.name, "valid": len(good), "problems": problems}, ensure_ascii=False))
    else:
        for line in bad:
            click.echo(line, err=True)
        if nothing:
            click.echo(NO_MESSAGE, err=True)
        click.echo(f"{len(good)} valid, {len(bad)} refused")
    sys.exit(1 if bad or nothing else 0)


@click.command()
@click.argument("file", type=READABLE)
@click.option("--strict", is_flag=True, help="Send nothing if any line is refused.")
@click.option(
    "--outbox",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the messages in this durable outbox first; what the bus does not take now, it gets later.",
)
@click.option(
    "--give-up-after",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="How long to try while no broker answers.  [default: 120; with --outbox 10]",
)
@bus_options
def publish(file: BinaryIO, strict: bool, directory: Path | None, give_up_after: float | None, **options: Any) -> None:
    """Publish a file of messages (NDJSON; - reads standard input) as their actor.

    All lines are validated before the first is sent. A receipt per line goes to standard output as JSON; a refused
    line goes to standard error with its number, field and remedy, and makes the exit status 1.

    With --outbox, a receipt says that this machine's disk has the message, and its `state`: STORED with its place when
    the bus has it too, WAITING when it has yet to reach it (`ntsg outbox flush`).

    \b
    Example: ntsg publish --config nordtel.toml --strict storm.ndjson
             ntsg publish --config nordtel.toml --outbox /var/lib/ntsg/nordtel storm.ndjson
    """
    from producers.speaker import Speaker

    settings = settings_of(options)
    good, bad = read_messages(file)
    if not good and not bad:
        raise click.ClickException(f"{NO_MESSAGE}; nothing was sent")
    speaker = Speaker(settings)
    fitting: list[tuple[int, Line]] = []
    refused = [str(line) for line in bad]
    for number, line in good:
        try:
            speaker.check(line.message)
            fitting.append((number, line))
        except NtsgError as error:
            refused.append(f"line {number}: {error}")
    for text in refused:
        click.echo(text, err=True)
    if refused and strict:
        raise click.ClickException(f"{len(refused)} lines refused; nothing was sent")
    failed = run(_sending(settings, fitting, directory, give_up_after)) if fitting else 0
    sys.exit(1 if refused or failed else 0)


def _sending(
    settings: Settings, lines: list[tuple[int, Line]], directory: Path | None, give_up_after: float | None
) -> Coroutine[Any, Any, int]:
    from producers.outbox.publisher import LINGER, DurablePublisher
    from producers.publisher import GIVE_UP_AFTER, Publisher

    if directory is None:
        return send_lines(Publisher(settings, give_up_after=give_up_after or GIVE_UP_AFTER), lines)
    patience = give_up_after or LINGER
    publisher = DurablePublisher(settings, directory, linger=0, patience=patience)
    return keep_lines(publisher, [(f"line {number}", line) for number, line in lines], patience)


async def keep_lines(publisher: DurablePublisher, lines: Sequence[tuple[str, Line]], patience: float) -> int:
    """Keep the lines, each with its place, send what the bus takes within `patience` seconds, and print a receipt for
    each. Returns how many were refused.

    Raises OutboxError when the outbox takes no more: what has no receipt was not kept.
    """
    from producers.outbox import EntryState

    failed = waiting = 0
    async with publisher:
        deadline = asyncio.get_running_loop().time() + patience
        for start in range(0, len(lines), LINES_AT_ONCE):
            chunk = lines[start : start + LINES_AT_ONCE]
            outcomes = await asyncio.gather(
                *(publisher.publish(line.message, sent_at=line.sent_at) for _, line in chunk), return_exceptions=True
            )
            await publisher.drained(deadline - asyncio.get_running_loop().time())
            latest = await publisher.outbox.states(
                [each.number for each in outcomes if not isinstance(each, BaseException)]
            )
            full: OutboxError | None = None
            for (place, _), outcome in zip(chunk, outcomes, strict=True):
                match outcome:
                    case OutboxError():
                        full = full or outcome
                    case NtsgError():
                        failed += 1
                        click.echo(f"{place}: {outcome}", err=True)
                    case BaseException():
                        raise outcome
                    case entry:
                        found = latest.get(entry.number, entry)
                        failed += found.state is EntryState.REFUSED
                        waiting += found.state is EntryState.WAITING
                        click.echo(json.dumps(found.receipt, separators=(",", ":")))
                        if found.reason:
                            click.echo(f"{place}: {found.reason}", err=True)
            if full:
                raise full
        if waiting:
            tell(f"{waiting} wait on this disk: {publisher.problem or 'not yet sent'}; `ntsg outbox flush` sends them")
    return failed


async def send_lines(publisher: Any, lines: list[tuple[int, Line]]) -> int:
    """Publish the lines, print a receipt for each, and say which the bus refused. Returns how many it refused.

    Raises BusUnavailable when the bus is away: what has no receipt was not confirmed.
    """
    failed = 0
    async with publisher:
        for start in range(0, len(lines), LINES_AT_ONCE):
            chunk = lines[start : start + LINES_AT_ONCE]
            outcomes = await asyncio.gather(
                *(publisher.publish(line.message, sent_at=line.sent_at) for _, line in chunk), return_exceptions=True
            )
            away: BusUnavailable | None = None
            for (number, _), outcome in zip(chunk, outcomes, strict=True):
                match outcome:
                    case BusUnavailable():
                        away = away or outcome
                    case NtsgError():
                        failed += 1
                        click.echo(f"line {number}: {outcome}", err=True)
                    case BaseException():
                        raise outcome
                    case receipt:
                        click.echo(json.dumps(asdict(receipt), separators=(",", ":")))
            if away:
                raise away
    return failed


LINES_AT_ONCE = 1_000
"""Lines of a file that are on their way at one time; each gets a receipt or a reason of its own."""


def problems_of(line: BadLine) -> Iterator[dict[str, Any]]:
    for path, remedy in line.error.problems:
        yield {"line": line.number, "path": path, "remedy": remedy}
