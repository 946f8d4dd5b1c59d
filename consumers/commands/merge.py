"""`ntsg merge`: the pure merge over files."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from bus.commandline import INSTANT, READABLE, as_json, read_messages
from bus.vocabulary import Audience
from consumers.commands.showing import audience_option, language_option, show, show_public, show_why

if TYPE_CHECKING:
    from bus.ndjson import BadLine, Line
    from bus.registry import Registry
    from bus.topics import Realm


@click.command()
@click.argument("files", type=READABLE, nargs=-1, required=True)
@click.option("--as-of", type=INSTANT, metavar="TIME", help="What was known by then.  [default: the last line's time]")
@click.option(
    "--actors",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The group's actors.toml; without it nobody's authority is checked.",
)
@click.option("--realm", default="ntsg", show_default=True, envvar="NTSG_REALM", help="Whose statuses are right.")
@click.option("--lenient", is_flag=True, help="Count lines that are no messages as quarantined, and go on.")
@click.option("--explain", "ref", metavar="REF", help="In place of the picture, why it says so; see `ntsg explain -h`.")
@audience_option
@as_json
@language_option
def merge(
    files: tuple[BinaryIO, ...],
    as_of: datetime | None,
    actors: Path | None,
    realm: str,
    lenient: bool,
    ref: str | None,
    audience: Audience,
    as_json: bool,
    lang: str | None,
) -> None:
    """Merge files of messages (NDJSON; - reads standard input) into the picture. No bus is asked.

    A line may carry known_at, when the bus would have known it; without it sent_at stands in, without both
    observed_at. Neither the order of the lines nor repeated lines change the result.

    \b
    Example: ntsg merge --actors actors.toml --as-of 2026-01-10T09:00Z --json storm.ndjson
             ntsg merge storm.ndjson --explain totals
    """
    from bus.topics import Realm
    from consumers.files import explain_lines, merge_lines, public_lines

    of = Realm(realm)
    lines = lines_of(files, of, lenient=lenient)
    registry = registry_of(actors)
    if ref is not None and audience is not Audience.FULL:
        raise click.UsageError("--explain speaks of the whole picture; leave --audience out")
    if ref is not None:
        show_why(explain_lines(lines, ref, realm=of, registry=registry, as_of=as_of), as_json, lang)
    elif audience is Audience.PUBLIC:
        show_public(public_lines(lines, realm=of, registry=registry, as_of=as_of), as_json, lang)
    else:
        show(merge_lines(lines, realm=of, registry=registry, as_of=as_of, audience=audience), as_json, lang)


def lines_of(files: Iterable[BinaryIO], realm: Realm, *, lenient: bool = False) -> list[Line | BadLine]:
    """The lines of all files. Refuses those that are no messages, unless they shall be counted."""
    from bus.ndjson import Line

    lines: list[Line | BadLine] = []
    refused = 0
    for file in files:
        good, bad = read_messages(file)
        lines += [line for _, line in good]
        lines += bad
        refused += len(bad)
        if not lenient:
            for line in bad:
                click.echo(f"{file.name}: {line}", err=True)
    if refused and not lenient:
        remedy = "mend them, or count them with `ntsg merge --lenient`"
        raise click.ClickException(f"{refused} lines are no messages; {remedy}")
    foreign = {line.message.status for line in lines if isinstance(line, Line)} - realm.statuses
    if foreign:
        hint = "an exercise's realm ends in -exercise; see --realm"
        click.echo(f"note: the realm {realm} takes no {' or '.join(sorted(foreign))}: {hint}", err=True)
    return lines


def registry_of(actors: Path | None) -> Registry | None:
    """The group's registry as a file has it."""
    from bus.registry import Registry, read_group

    return Registry.of(read_group(actors.read_text("utf-8"), str(actors))[0]) if actors else None
