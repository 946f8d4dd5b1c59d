"""`ntsg outbox`: what waits on this machine, sending it, and carrying it out."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import click

from bus.commandline import READABLE, as_json, bus_options, run, settings_of, tell
from bus.errors import InvalidInput, OutboxError
from bus.instants import format_instant

if TYPE_CHECKING:
    from producers.outbox import Entry

F = TypeVar("F")

OUTBOX = "NTSG_OUTBOX"
DIRECTORY = click.Path(file_okay=False, path_type=Path)

PATIENCE = 10.0
"""Seconds that a command waits for another process, such as a heartbeat, to be done with the outbox."""

outbox_option = click.option(
    "--outbox", "directory", type=DIRECTORY, envvar=OUTBOX, required=True, help=f"Its directory. [env: {OUTBOX}]"
)


@click.group()
def outbox() -> None:
    """The durable outbox: what was accepted on this machine, and has to reach the bus."""


@outbox.command(name="list")
@outbox_option
@click.option("--all", "everything", is_flag=True, help="Also what the bus has, as far as it is remembered.")
@as_json
def list_entries(directory: Path, everything: bool, as_json: bool) -> None:
    """What waits, what the bus refused and why, and what the disk lost. Also while another process delivers.

    \b
    Example: ntsg outbox list --outbox /var/lib/ntsg/nordtel
    """
    from producers.outbox.entry import EntryState
    from producers.outbox.looking import look

    looked = look(directory)
    shown = [entry for entry in looked.entries if everything or entry.state is not EntryState.STORED]
    if as_json:
        for entry in shown:
            click.echo(json.dumps(as_object(entry), ensure_ascii=False))
        return
    for entry in shown:
        click.echo(as_line(entry))
    counts = ", ".join(f"{count} {state.lower()}" for state, count in looked.counts.items())
    click.echo(f"{counts}; {looked.owner.actor} in realm {looked.owner.realm}")
    for path in looked.set_aside:
        click.echo(f"a broken file was salvaged, and is set aside: {path}", err=True)


@outbox.command()
@outbox_option
@click.option("--refused", is_flag=True, help="Try again what the bus refused, too.")
@click.option(
    "--give-up-after",
    type=click.FloatRange(min=0, min_open=True),
    default=120.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to try; what waits then still waits.",
)
@bus_options
def flush(directory: Path, refused: bool, give_up_after: float, **options: Any) -> None:
    """Send what waits, most urgent first, until nothing does.

    \b
    Example: ntsg outbox flush --outbox /var/lib/ntsg/nordtel --config nordtel.toml
    """
    from producers.outbox import DurablePublisher, EntryState

    settings = settings_of(options)

    async def flushing() -> tuple[int, int, str]:
        async with DurablePublisher(settings, directory, linger=0, patience=PATIENCE) as publisher:
            if refused:
                await publisher.outbox.again()
            await publisher.drained(give_up_after)
            counts = await publisher.outbox.counts()
            return counts[EntryState.WAITING], counts[EntryState.REFUSED], str(publisher.problem or "")

    waiting, refusals, problem = run(flushing())
    if waiting:
        raise click.ClickException(f"{waiting} still wait: {problem or 'the time was too short'}")
    tell("nothing waits" + (f"; {refusals} are refused: see `ntsg outbox list`" if refusals else ""))
    sys.exit(1 if refusals else 0)


@outbox.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@outbox_option
def export(file: Path, directory: Path) -> None:
    """Write what waits, or was refused, to a file to carry and send from elsewhere. It stays here as well.

    The file holds the reports in clear, at their own TLP: treat it so. Sending from both places does no harm.

    \b
    Example: ntsg outbox export --outbox /var/lib/ntsg/nordtel /media/usb/nordtel.ntsg
             ntsg outbox import --outbox ./carried /media/usb/nordtel.ntsg
             ntsg outbox flush --outbox ./carried --config nordtel.toml
    """
    from bus.credentials import write_private
    from producers.outbox.carrying import write_out
    from producers.outbox.looking import look

    looked = look(directory)
    try:
        write_private(file, "".join(write_out(looked.owner, looked.unsent)))
    except OSError as error:
        raise OutboxError(f"{file} cannot be written: {error.strerror}; choose another place") from error
    tell(f"{len(looked.unsent)} messages of {looked.owner.actor} in realm {looked.owner.realm} are in {file}")


@outbox.command(name="import")
@click.argument("file", type=READABLE)
@outbox_option
def import_file(file: BinaryIO, directory: Path) -> None:
    """Take over what another outbox exported. What is here already is not taken twice.

    \b
    Example: ntsg outbox import --outbox ./carried /media/usb/nordtel.ntsg
    """
    from producers.outbox import Outbox
    from producers.outbox.carrying import read_in

    try:
        carried = read_in(file)
    except InvalidInput as error:
        raise InvalidInput(f"{file.name}: {error}") from error

    async def importing() -> int:
        async with Outbox.open(directory, carried.owner, patience=PATIENCE) as box:
            known = await box.contents()
            new = [parcel for parcel in carried.parcels if parcel.content not in known]
            if new:
                await box.put(new)
            return len(new)

    new = asyncio.run(importing())
    for problem in carried.problems:
        click.echo(f"{file.name}: {problem}", err=True)
    tell(f"{new} messages taken, {len(carried.parcels) - new} were here already; send them with `ntsg outbox flush`")
    sys.exit(1 if carried.problems else 0)


def as_object(entry: Entry) -> dict[str, Any]:
    """An entry as JSON."""
    instants = {name: getattr(entry, name) for name in ("accepted_at", "sent_at", "known_at")}
    return asdict(entry) | {
        "urgency": None if entry.urgency is None else entry.urgency.name,
        **{name: None if instant is None else format_instant(instant) for name, instant in instants.items()},
    }


def as_line(entry: Entry) -> str:
    named = f"{entry.state:<8} {entry.ref or f'entry {entry.number}'}@{entry.revision}"
    match entry.reason, entry.offset:
        case str() as reason, _:
            return f"{named}  {reason}"
        case _, int() as offset:
            return f"{named}  {entry.topic} {entry.partition} {offset}"
    accepted = f"accepted {format_instant(entry.accepted_at)}" if entry.accepted_at else ""
    return f"{named}  {accepted}  {entry.urgency.name.lower() if entry.urgency is not None else ''}".rstrip()
