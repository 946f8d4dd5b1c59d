"""`ntsg report`: the situation report, made from the bus or from files, and fetched by its number."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from bus.commandline import INSTANT, READABLE, bus_options, extra, home, settings_of, tell
from bus.settings import Settings
from bus.vocabulary import Audience
from consumers.commands.merge import lines_of, registry_of
from consumers.commands.picture import picture
from consumers.commands.showing import audience_option, language_option, words

if TYPE_CHECKING:
    from consumers.merge.view import View

FORMS = ("pdf", "html", "json", "csv", "geojson")


@click.command()
@click.option("--as-of", type=INSTANT, metavar="TIME", help="What was known then.  [default: now]")
@click.option(
    "--format", "form", type=click.Choice(FORMS), default="pdf", show_default=True, help="csv: a ZIP archive."
)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write.  [default: standard output]"
)
@click.option("--number", type=click.IntRange(min=1), metavar="N", help="Fetch report N as it was, and make none.")
@click.option("--prepared-by", metavar="FUNCTION", help="A function, never a name.  [default: the coordination]")
@click.option("--next-at", type=INSTANT, metavar="TIME", help="When the next report comes.")
@click.option("--files", type=READABLE, multiple=True, help="Merge this file of messages, and ask no bus; repeatable.")
@click.option(
    "--actors",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --files: the group's actors.toml.",
)
@click.option(
    "--archive",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where reports are kept.  [default: reports in $NTSG_HOME]",
)
@audience_option
@language_option
@bus_options
def report(
    as_of: datetime | None,
    form: str,
    out: Path | None,
    number: int | None,
    prepared_by: str | None,
    next_at: datetime | None,
    files: tuple[BinaryIO, ...],
    actors: Path | None,
    archive: Path | None,
    audience: Audience,
    lang: str | None,
    **options: Any,
) -> None:
    """Make the next situation report (lägesrapport), keep it, and write it; or fetch an old one by its number.

    It tells what changed since the report before, for the same audience. All forms of it, in both languages, are kept
    together: ask for others with --number.

    \b
    Example: ntsg report --config room.toml --prepared-by "vakthavande samordnare" --out lage.pdf
             ntsg report --config room.toml --number 4 --lang en --format html --out report-4.html
             ntsg report --files storm.ndjson --actors actors.toml --out lage.pdf
    """
    with extra("hub"):
        from consumers.report import Archive, Form

    if audience is Audience.PUBLIC:
        raise click.UsageError("there is no report for the public; ask `ntsg view --audience PUBLIC`")
    if out is None and sys.stdout.isatty() and form in ("pdf", "csv"):
        raise click.UsageError(f"{form} is not for a terminal; name a file with --out")
    kept = Archive(archive or home() / "reports")
    settings = settings_of(options)
    if number is not None:
        found = kept.fetch(settings.realm, number)
    else:
        view = _merged(files, actors, settings, as_of, audience) if files else _asked(settings, as_of, audience)
        found = kept.issue(view, prepared_by=prepared_by, made_at=datetime.now(UTC), next_at=next_at)
        tell(f"report {found.number} of {found.realm}, as of {found.as_of:%Y-%m-%d %H:%M} UTC")
    content = found.file(Form(form), words(lang).language)
    if out is None:
        sys.stdout.buffer.write(content)
    else:
        out.write_bytes(content)


def _merged(
    files: tuple[BinaryIO, ...], actors: Path | None, settings: Settings, as_of: datetime | None, audience: Audience
) -> View:
    from bus.topics import Realm
    from consumers.files import merge_lines

    realm = Realm(settings.realm)
    lines = lines_of(files, realm)
    return merge_lines(lines, realm=realm, registry=registry_of(actors), as_of=as_of, audience=audience)


def _asked(settings: Settings, as_of: datetime | None, audience: Audience) -> View:
    """From the log, or from the feed of who may not read the log, as `ntsg view` does."""
    if audience is Audience.FULL or as_of is not None:
        return asyncio.run(picture(settings, as_of, audience))
    from consumers.shown import read_view

    return asyncio.run(read_view(settings, audience))
