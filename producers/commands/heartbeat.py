"""`ntsg heartbeat`: the status of an operator, at its cadence."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bus.commandline import bus_options, run, settings_of, tell, until_interrupted
from bus.errors import NtsgError
from producers.commands.outbox import outbox_option

if TYPE_CHECKING:
    from producers.heartbeat import Heartbeat
    from producers.outbox import DurablePublisher, Entry


@click.command()
@click.option(
    "--file", "path", type=click.Path(dir_okay=False, path_type=Path), help="Says how you are; read each time."
)
@click.option("--command", "line", metavar="COMMAND", help="Prints how you are; run each time, without a shell.")
@click.option(
    "--every",
    type=click.FloatRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    metavar="MINUTES",
    help="The cadence. The group expects a status each 15 minutes, unless its registry says otherwise.",
)
@click.option("--once", is_flag=True, help="Beat once, and end: for those who have a timer of their own.")
@outbox_option
@bus_options
def heartbeat(path: Path | None, line: str | None, every: float, once: bool, directory: Path, **options: Any) -> None:
    """Say at your cadence that you are there, and how: so that your silence means something. Until Ctrl-C.

    The file, or what the command prints, is TOML or one JSON object with fields of a status (mode, staffing, partners,
    load, ...). Open incidents are counted from the outbox unless open_incidents is given. What cannot be read is told,
    and nothing is sent for it: the last status is never repeated as if it were fresh.

    \b
    Example: ntsg heartbeat --config nordtel.toml --outbox /var/lib/ntsg/nordtel --file status.toml
             ntsg heartbeat --config nordtel.toml --outbox /var/lib/ntsg/nordtel --once --command ./how-are-we
    """
    from producers import heartbeat as source
    from producers.heartbeat import Heartbeat, keep_beating
    from producers.outbox import DurablePublisher

    if (path is None) == (line is None):
        raise click.UsageError("say where the status comes from: either --file or --command")
    settings = settings_of(options)
    if settings.user is None:
        raise click.UsageError("whose heartbeat is it? give your credentials file with --config")
    beating = Heartbeat(source.file(path) if path else source.command(line or ""), timedelta(minutes=every))

    def publisher() -> DurablePublisher:
        return DurablePublisher(settings, directory, linger=0, patience=PATIENCE)

    if once:
        run(_once(beating, publisher))
    else:
        until_interrupted(keep_beating(beating, publisher, _print, _tell))


PATIENCE = 30.0
"""Seconds that a beat waits for another process to be done with the outbox."""

DELIVERY = 10.0
"""Seconds that a single beat waits for the bus."""


async def _once(beating: Heartbeat, publisher: Callable[[], DurablePublisher]) -> None:
    async with publisher() as opened:
        entry = await beating.beat(opened)
        await opened.drained(DELIVERY)
        latest = await opened.outbox.states([entry.number])
        _print(latest.get(entry.number, entry))
        if opened.problem is not None:
            tell(f"not delivered yet: {opened.problem}")


def _print(entry: Entry) -> None:
    click.echo(json.dumps(entry.receipt, separators=(",", ":")))


def _tell(error: NtsgError) -> None:
    tell(f"no heartbeat: {error}")
