"""`ntsg import` and `ntsg spool`: from files in other formats to messages."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import click

from bus.commandline import READABLE, bus_options, extra, run, settings_of, tell, until_interrupted
from bus.errors import InvalidSettings
from bus.references import Kind
from bus.vocabulary import MessageStatus, Service, Tlp

if TYPE_CHECKING:
    from bus.settings import Settings
    from producers.adapters import Importer, Reading
    from producers.publisher import Publisher

F = TypeVar("F", bound=Callable[..., Any])

FORMATS = ("notice", "cap", "tmf656", "tmf642", "csv", "xlsx")


def source_options(command: F) -> F:
    """How a file is read, and what is said where it is silent."""
    for option in reversed(
        (
            click.option(
                "--format", type=click.Choice(FORMATS), help="Of the file.  [default: by its name and beginning]"
            ),
            click.option("--provider", metavar="NAME", help="Whose e-mail a notice is.  [default: by its sender]"),
            click.option(
                "--kind",
                type=click.Choice(["incident", "measure", "work", "status"]),
                help="What the rows of a CSV file are.  [default: by its headers]",
            ),
            click.option("--actor", metavar="NAME", help="In whose name.  [default: the user]"),
            click.option("--area", "areas", multiple=True, metavar="CODE", help="Where a source names no place."),
            click.option(
                "--service",
                "services",
                multiple=True,
                type=click.Choice([service.value for service in Service]),
                metavar="SERVICE",
                help="Where a source names no service.",
            ),
            click.option(
                "--tlp", type=click.Choice([tlp.value for tlp in Tlp if tlp is not Tlp.UNKNOWN]), default="AMBER"
            ),
            click.option(
                "--translations",
                type=click.Path(exists=True, dir_okay=False, path_type=Path),
                help="TOML file: circuits, places and services of the source, in our words.",
            ),
        )
    ):
        command = option(command)
    return command


outbox_option = click.option(
    "--outbox",
    "outbox",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the messages in this durable outbox first; what the bus does not take now, it gets later.",
)


@click.command("import")
@click.argument("file", type=READABLE, required=False)
@click.option("--dry-run", is_flag=True, help="Print the messages as NDJSON, and send nothing.")
@click.option("--strict", is_flag=True, help="Send nothing if anything is refused.")
@click.option(
    "--template",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write an empty table (.xlsx, or .csv of one --kind) to fill in, and end.",
)
@click.option("--lang", type=click.Choice(["sv", "en"]), default="sv", show_default=True, help="Of the template.")
@outbox_option
@click.option(
    "--give-up-after",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="How long to try while no broker answers.  [default: 120; with --outbox 10]",
)
@source_options
@bus_options
def import_(
    file: BinaryIO | None,
    dry_run: bool,
    strict: bool,
    template: Path | None,
    lang: str,
    outbox: Path | None,
    give_up_after: float | None,
    **options: Any,
) -> None:
    """Import planned-work notices, CAP alerts, TMF656 problems, TMF642 alarms, CSV or Excel, as their actor.

    What cannot be taken is named on standard error by its row and column or its path, and makes the exit status 1; the
    rest is sent. Importing the same file again does no harm. docs/adapters.md says what becomes of each field.

    With --outbox, a receipt says that this machine's disk has the message, and its `state` whether the bus has it too.

    \b
    Example: ntsg import --config nordtel.toml --area 12 maintenance.eml
             ntsg import --config nordtel.toml --outbox /var/lib/ntsg/nordtel reports.xlsx
             ntsg import --actor nordtel --dry-run reports.xlsx
             ntsg import --template reports.xlsx
    """
    if template is not None:
        _write_template(template, options["kind"], lang)
        return
    if file is None:
        raise click.UsageError("name the FILE to import, or a --template to write")
    read, settings = _reader(options, unnamed=dry_run)
    name = Path(file.name).name
    reading = read(file.read(), name)
    for fault in reading.faults:
        click.echo(f"{name}: {fault}", err=True)
    for note in reading.notes:
        tell(f"{name}: note: {note}")
    failed = bool(reading.faults)
    if dry_run:
        from bus.ndjson import write_line

        for found in reading.found:
            click.echo(write_line(found.message))
    elif failed and strict:
        raise click.ClickException(f"{len(reading.faults)} refused; nothing was sent")
    elif reading.found:
        failed = bool(run(_sending(settings, reading, name, outbox, give_up_after))) or failed
    sys.exit(1 if failed else 0)


@click.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--once", is_flag=True, help="Import what is there now, and end.")
@click.option("--strict", is_flag=True, help="Send nothing of a file in which anything is refused.")
@click.option(
    "--poll",
    type=click.FloatRange(min=0.05),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="Between two looks into the folder.",
)
@outbox_option
@source_options
@bus_options
def spool(directory: Path, once: bool, strict: bool, poll: float, outbox: Path | None, **options: Any) -> None:
    """Watch a folder and import what is dropped there; runs until Ctrl-C.

    Imported files move to done/ with their receipts, others to refused/ with the reason beside them. A crash loses
    nothing: what was taken is read again. While the bus is away, files wait; with --outbox they do not, their messages
    wait in the outbox, which belongs to this process meanwhile and is delivered by it.

    \b
    Example: ntsg spool --config nordtel.toml --area 12 /var/spool/ntsg
             ntsg spool --config nordtel.toml --outbox /var/lib/ntsg/nordtel /var/spool/ntsg
    """
    read, settings = _reader(options, unnamed=False)
    until_interrupted(_watch(directory, read, settings, once, strict, poll, outbox))


async def _watch(
    directory: Path,
    read: Callable[[bytes, str], Reading],
    settings: Settings,
    once: bool,
    strict: bool,
    poll: float,
    outbox: Path | None,
) -> None:
    from producers.adapters.spool import Spool
    from producers.outbox import DurablePublisher
    from producers.publisher import Publisher

    publisher = Publisher(settings) if outbox is None else DurablePublisher(settings, outbox)
    watched = Spool(directory, read, publisher, strict=strict)
    with watched.opened():
        tell(f"watching {directory}")
        async with publisher:
            if once:
                await watched.work_off()
                watched.take(settled=False)
                await watched.work_off()
            else:
                await watched.run(poll=poll)


def _reader(options: dict[str, Any], *, unnamed: bool) -> tuple[Callable[[bytes, str], Reading], Settings]:
    """The adapters with their options. `unnamed`: an actor may be made up of nothing but its name, without a user."""
    with extra("adapters"):
        import circuit_maintenance_parser  # noqa: F401 - so that what is missing is said before a file is touched
        import defusedxml  # noqa: F401
        import openpyxl  # noqa: F401
    from producers import adapters

    names = ("format", "provider", "kind", "actor", "areas", "services", "tlp", "translations")
    chosen = {name: options.pop(name) for name in names}
    settings = settings_of(options)
    importer = _importer(chosen, settings, unnamed)
    read = partial(
        adapters.read,
        importer=importer,
        format=adapters.Format(chosen["format"]) if chosen["format"] else None,
        provider=chosen["provider"],
        kind=Kind(chosen["kind"]) if chosen["kind"] else None,
    )
    return read, settings


def _importer(chosen: dict[str, Any], settings: Settings, unnamed: bool) -> Importer:
    from bus import geography
    from bus.topics import Realm
    from producers.adapters import Importer, Translations

    realm = Realm(settings.realm)
    actor = chosen["actor"] or (settings.user and settings.user.removeprefix(f"{realm}."))
    if not actor:
        raise InvalidSettings(
            "whose messages are they? name the actor with --actor"
            + ("" if unnamed else ", or give its credentials file with --config")
        )
    for code in chosen["areas"]:
        if not geography.is_code(code):
            near = geography.suggest(code)
            raise InvalidSettings(f"--area {code}: no SCB code" + (f"; did you mean {near}?" if near else ""))
    return Importer(
        actor=actor,
        status=MessageStatus.EXERCISE if realm.is_exercise else MessageStatus.ACTUAL,
        tlp=Tlp(chosen["tlp"]),
        areas=chosen["areas"],
        services=tuple(map(Service, chosen["services"])),
        translations=Translations.read(chosen["translations"]) if chosen["translations"] else Translations(),
    )


def _sending(
    settings: Settings, reading: Reading, name: str, outbox: Path | None, give_up_after: float | None
) -> Coroutine[Any, Any, int]:
    from bus.ndjson import Line
    from producers.commands.publish import keep_lines
    from producers.outbox.publisher import LINGER, DurablePublisher
    from producers.publisher import GIVE_UP_AFTER, Publisher

    if outbox is None:
        return _send(Publisher(settings, give_up_after=give_up_after or GIVE_UP_AFTER), reading, name)
    patience = give_up_after or LINGER
    publisher = DurablePublisher(settings, outbox, linger=0, patience=patience)
    return keep_lines(publisher, [(f"{name}: {each.place}", Line(each.message)) for each in reading.found], patience)


async def _send(publisher: Publisher, reading: Reading, name: str) -> int:
    """Publish, print the receipts, and name what the bus refused. Returns how many it refused."""
    from producers.adapters.delivery import deliver, written

    async with publisher:
        delivery = await deliver(publisher, reading.found)
    for receipt in delivery.receipts:
        click.echo(written(receipt))
    for fault in delivery.faults:
        click.echo(f"{name}: {fault}", err=True)
    return len(delivery.faults)


def _write_template(path: Path, kind: str | None, lang: str) -> None:
    with extra("adapters"):
        from producers.adapters.template import csv_template, excel_template
    from producers.words import Language

    language = Language(lang)
    match path.suffix.lower():
        case ".xlsx":
            content = excel_template(language)
        case ".csv":
            content = csv_template(Kind(kind or "incident"), language).encode("utf-8-sig")
        case _:
            raise click.UsageError("--template: end the name in .xlsx or .csv")
    try:
        with path.open("xb") as file:
            file.write(content)
    except OSError as error:
        raise InvalidSettings(f"{path}: {error.strerror}; the template is not written") from error
    tell(f"wrote {path}")
