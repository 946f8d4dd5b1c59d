"""`ntsg purge`: taking out of the log what must not stay in it."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bus.commandline import as_json, bus_options, extra, home, tell
from bus.commands.provision import admin_settings
from bus.errors import InvalidInput

if TYPE_CHECKING:
    from bus.provision.rewriting import Job
    from bus.settings import Settings
    from consumers.purging import Intent
    from consumers.quarantine import Place

directory_option = click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="For the records while topics are made anew.  [default: purges, by realm, under NTSG_HOME]",
)
act_as_option = click.option(
    "--act-as",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Credentials file of the coordination actor: it then tells on the bus that something was purged.",
)


@click.group()
def purge() -> None:
    """Personal data, a secret: what must leave a log that is kept for ever. docs/administrator.md has the procedure."""


@purge.command()
@as_json
@bus_options
def find(as_json: bool, **options: Any) -> None:
    """Say where on the bus a text stands, which comes on standard input (an argument could be seen by others).

    Prints the places in input logs, which `ntsg purge run` takes. What is only in a feed, in quarantine or in alerts is
    told on standard error: that goes after its origin. Exit status 1 when the text is found nowhere.

    \b
    Example: ntsg purge find < secret.txt
    """
    secret = sys.stdin.buffer.read().strip()
    with extra("hub"):
        from consumers.purging import find as finding

    settings = admin_settings(options)

    async def finds() -> int:
        found = 0
        async for place, is_input in finding(settings, secret):
            found += 1
            if is_input:
                click.echo(json.dumps({"place": str(place)}) if as_json else str(place))
            else:
                tell(f"{place} is made from the log, and goes with what it was made from")
        return found

    if not asyncio.run(finds()):
        raise click.ClickException(f"the text stands nowhere on the bus of realm {settings.realm}")


@purge.command("run")
@click.argument("places", nargs=-1, required=True, metavar="PLACE...")
@click.option("--reason", required=True, help="Why, for the record. Never what.")
@click.option("--function", required=True, help="The function that decided it, such as a duty officer's; no person.")
@click.option("--with-keys", is_flag=True, help="The key (actor/id) goes too.")
@click.option("--dry-run", is_flag=True, help="Look at everything, and change nothing.")
@click.option(
    "--silence",
    type=click.FloatRange(min=0),
    default=8.0,
    show_default=True,
    metavar="SECONDS",
    help="How long the feed must have been still: a hub that leads says something each second.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@directory_option
@act_as_option
@bus_options
def run_(
    places: tuple[str, ...],
    reason: str,
    function: str,
    with_keys: bool,
    dry_run: bool,
    silence: float,
    yes: bool,
    directory: Path | None,
    act_as: Path | None,
    **options: Any,
) -> None:
    """Take records out of one actor's log: a placeholder stays, that says when, by whom and why.

    PLACE is topic/partition/offset. Stop all hubs first. Needs the administrator's credentials; broken off, it is ended
    by `ntsg purge resume`. What was there is gone for good: see what else to do in docs/administrator.md.

    \b
    Example: ntsg purge run ntsg.incident.v1.nordtel/0/17 --reason "A name in the text" --function administrator \\
                 --act-as samordning.toml
    """
    with extra("admin"):
        from consumers.purging import intend, prepare

    settings = admin_settings(options)
    intent = asyncio.run(intend(settings, [_place(place) for place in places], silence=silence))
    click.echo(_text(intent))
    if dry_run:
        return
    if not yes:
        click.confirm("Purge them, for good?", abort=True)
    where = _directory(directory, settings)
    now = datetime.now(UTC)
    job = asyncio.run(prepare(intent, settings, where, function=function, reason=reason, now=now, with_keys=with_keys))
    _end(job, where, settings, act_as)


@purge.command()
@directory_option
@act_as_option
@bus_options
def resume(directory: Path | None, act_as: Path | None, **options: Any) -> None:
    """End a purge that was broken off. Where none was, let everybody write again.

    \b
    Example: ntsg purge resume --act-as samordning.toml
    """
    with extra("admin"):
        from bus.provision.rewriting import let_go, unfinished
        from bus.topics import Realm

    settings = admin_settings(options)
    where = _directory(directory, settings)
    job = unfinished(where)
    if job is None:
        asyncio.run(let_go(Realm(settings.realm), settings))
        tell(f"no purge is unfinished in {where}; whoever may write in realm {settings.realm} can")
        return
    if job.realm != settings.realm:
        raise InvalidInput(f"the purge in {where} is of realm {job.realm}; name it with --realm")
    _end(job, where, settings, act_as)


def _end(job: Job, directory: Path, settings: Settings, act_as: Path | None) -> None:
    from bus.credentials import Credentials
    from bus.provision.rewriting import carry_out, clear, let_go
    from bus.topics import Realm
    from consumers.purging import tell_coordination, told

    async def ending() -> None:
        done = await carry_out(job, directory, settings, tell)
        await let_go(Realm(done.realm), settings)
        if act_as is not None:
            coordination = Credentials.read(act_as).settings(done.realm)
            for ref in await tell_coordination(done, coordination, datetime.now(UTC)):
                tell(f"told on the bus as {ref}")
        clear(done, directory)

    asyncio.run(ending())
    click.echo(f"purged. {told(job)}")
    if act_as is None:
        tell("the placeholders count as quarantined until `ntsg quarantine settle` says why they are there")
    tell("start the hubs again; then see to kept reports, backups and receivers as docs/administrator.md says")


def _place(text: str) -> Place:
    from consumers.quarantine import Place

    try:
        return Place.parse(text)
    except ValueError as error:
        raise click.UsageError(f"{text!r} is no place; write topic/partition/offset") from error


def _text(intent: Intent) -> str:
    from bus.instants import format_instant

    lines = [f"{len(intent.doomed)} of {intent.records} records in {intent.log} become placeholders:"]
    lines += [
        f"  {each.place}  {each.key or '(no key)'}  {format_instant(each.known_at)}  {each.size} bytes"
        for each in intent.doomed
    ]
    made = ", ".join(name for name in intent.topics if name != intent.log)
    lines.append(f"Made anew by the hubs from what is left: {made}")
    return "\n".join(lines)


def _directory(directory: Path | None, settings: Settings) -> Path:
    return directory or home() / "purges" / settings.realm
