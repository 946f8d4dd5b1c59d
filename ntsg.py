"""The command line: the one place that wires the parts together.

Exit status: 0 done, 1 refused or failed (the reason on standard error), 2 wrong usage. What a command needs is imported
when it runs, so that a publisher's machine needs the core install alone.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module, resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO, TypeVar

import click

from bus.errors import BusUnavailable, NtsgError
from bus.instants import parse_instant
from bus.references import Kind
from bus.settings import CONFIG_VARIABLE, Settings, load_settings
from bus.vocabulary import Audience

if TYPE_CHECKING:
    from bus.broker import Running
    from bus.ndjson import BadLine, Line
    from bus.provision import Plan
    from bus.topics import Realm
    from consumers.merge.explain import Explanation
    from consumers.merge.view import View
    from consumers.public import PublicPicture
    from consumers.words import Words
    from producers.publisher import Receipt
    from producers.scenario import Step

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


class Commands(click.Group):
    """Turns this package's errors into exit status 1 and a plain reason."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except NtsgError as error:
            raise click.ClickException(str(error)) from error
        except ExceptionGroup as group:  # of tasks that ran side by side
            ours, others = group.split(NtsgError)
            if ours is None or others is not None:
                raise
            raise click.ClickException(str(first_of(ours))) from group


def first_of(group: BaseExceptionGroup[NtsgError]) -> NtsgError:
    first = group.exceptions[0]
    return first_of(first) if isinstance(first, BaseExceptionGroup) else first


class InstantType(click.ParamType[datetime]):
    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return value if isinstance(value, datetime) else parse_instant(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


INSTANT = InstantType()
READABLE = click.File("rb")


def bus_options(command: F) -> F:
    """The options that say where the bus is and who asks; the command receives them as `settings`."""
    for option in reversed(
        (
            click.option("--bootstrap", help="Brokers as host:port, separated by commas. [env: NTSG_BOOTSTRAP]"),
            click.option("--realm", help="ntsg is the real picture, ntsg-exercise is for exercises. [env: NTSG_REALM]"),
            click.option("--user", help="SCRAM user. [env: NTSG_USER; its password: NTSG_PASSWORD]"),
            click.option("--password-file", type=click.Path(path_type=Path), help="File that holds the password."),
            click.option("--tls-ca", type=click.Path(path_type=Path), help="CA certificate (PEM); turns TLS on."),
            click.option(
                "--config",
                type=click.Path(path_type=Path),
                help=f"TOML file with these settings, such as a credentials file. [env: {CONFIG_VARIABLE}]",
            ),
        )
    ):
        command = option(command)
    return command


def settings_of(options: dict[str, Any]) -> Settings:
    """The settings of one command. A file given by option stands where the environment's would."""
    config = options.pop("config", None)
    before = os.environ.get(CONFIG_VARIABLE)
    if config is not None:
        os.environ[CONFIG_VARIABLE] = str(config)
    try:
        return load_settings(**options)
    finally:
        if config is not None:
            os.environ.pop(CONFIG_VARIABLE)
            os.environ.update({CONFIG_VARIABLE: before} if before is not None else {})


language_option = click.option(
    "--lang", type=click.Choice(["sv", "en"]), help="Words for people.  [default: your locale's]"
)
audience_option = click.option(
    "--audience",
    type=click.Choice([audience.value for audience in Audience if audience is not Audience.UNKNOWN]),
    default=Audience.FULL.value,
    show_default=True,
    callback=lambda _, __, chosen: Audience(chosen),
    help="As whom to see it; see docs/audiences.md.",
)
KINDS = tuple(kind.value for kind in Kind)
as_json = click.option("--json", "as_json", is_flag=True, help="Print data as JSON.")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="ntsg-bus")
def cli() -> None:
    """One shared picture of what is down, from many telecom operators' reports."""
    from bus.logs import configure

    configure()


# --- the operator's side ---------------------------------------------------------------------------------------------


@cli.command()
@click.argument("file", type=READABLE)
@as_json
def check(file: BinaryIO, as_json: bool) -> None:
    """Validate a file of messages (NDJSON; - reads standard input) and send nothing.

    \b
    Example: ntsg check storm.ndjson
    """
    good, bad = read_messages(file)
    if as_json:
        problems = [problem for line in bad for problem in problems_of(line)]
        click.echo(json.dumps({"file": file.name, "valid": len(good), "problems": problems}, ensure_ascii=False))
    else:
        for line in bad:
            click.echo(line, err=True)
        click.echo(f"{len(good)} valid, {len(bad)} refused")
    sys.exit(1 if bad else 0)


@cli.command()
@click.argument("file", type=READABLE)
@click.option("--strict", is_flag=True, help="Send nothing if any line is refused.")
@click.option(
    "--give-up-after",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="How long to try while no broker answers.  [default: 120]",
)
@bus_options
def publish(file: BinaryIO, strict: bool, give_up_after: float | None, **options: Any) -> None:
    """Publish a file of messages (NDJSON; - reads standard input) as their actor.

    All lines are validated before the first is sent. A receipt per line goes to standard output as JSON; a refused
    line goes to standard error with its number, field and remedy, and makes the exit status 1.

    \b
    Example: ntsg publish --config nordtel.toml --strict storm.ndjson
    """
    from producers.publisher import GIVE_UP_AFTER, Publisher

    settings = settings_of(options)
    good, bad = read_messages(file)
    publisher = Publisher(settings, give_up_after=give_up_after or GIVE_UP_AFTER)
    fitting: list[tuple[int, Line]] = []
    refused = [str(line) for line in bad]
    for number, line in good:
        try:
            publisher.check(line.message)
            fitting.append((number, line))
        except NtsgError as error:
            refused.append(f"line {number}: {error}")
    for text in refused:
        click.echo(text, err=True)
    if refused and strict:
        raise click.ClickException(f"{len(refused)} lines refused; nothing was sent")
    failed = asyncio.run(send_lines(publisher, fitting)) if fitting else 0
    sys.exit(1 if refused or failed else 0)


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


def read_messages(file: BinaryIO) -> tuple[list[tuple[int, Line]], list[BadLine]]:
    """The valid lines with their numbers, and the others."""
    from bus.ndjson import BadLine, read_lines

    good: list[tuple[int, Line]] = []
    bad: list[BadLine] = []
    for number, line in read_lines(file):
        if isinstance(line, BadLine):
            bad.append(line)
        else:
            good.append((number, line))
    return good, bad


def problems_of(line: BadLine) -> Iterator[dict[str, Any]]:
    for path, remedy in line.error.problems:
        yield {"line": line.number, "path": path, "remedy": remedy}


@cli.command()
@click.option("--seed", type=int, required=True, help="Equal seeds give equal crises.")
@click.option(
    "--labels",
    type=click.File("w", encoding="utf-8"),
    metavar="FILE",
    help="Write here which incidents belong together in truth: one JSON object with ref and crisis per line.",
)
@click.option("--crisis", "kind", metavar="KIND", help="Kind of the main event.  [default: the seed chooses]")
@click.option(
    "--noise",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="How much is missing, late or wrong; 0 is the whole truth at once.",
)
def simulate(seed: int, labels: TextIO | None, kind: str | None, noise: float) -> None:
    """A made-up crisis as its operators would tell it: an exercise, as NDJSON on standard output.

    \b
    Example: ntsg simulate --seed 7 --crisis storm --labels truth.ndjson > crisis.ndjson
             ntsg merge --realm ntsg-exercise crisis.ndjson
    """
    from bus.ndjson import write_line
    from producers.simulator import CrisisKind, Noise
    from producers.simulator import simulate as simulated

    if kind is not None and kind not in set(CrisisKind):
        raise click.BadParameter(f"{kind!r}: use one of {', '.join(CrisisKind)}", param_hint="--crisis")
    crisis = simulated(seed, crisis=CrisisKind(kind) if kind else None, noise=Noise().scaled(noise))
    for told in crisis.messages:
        click.echo(write_line(told.message, told.sent_at, told.known_at))
    if labels is not None:
        for ref, event in crisis.labels.items():
            click.echo(json.dumps({"ref": ref, "crisis": event}), file=labels)


# --- the pure merge --------------------------------------------------------------------------------------------------


@cli.command()
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
    from bus.ndjson import Line
    from bus.registry import Registry, read_group
    from bus.topics import Realm
    from consumers.files import explain_lines, merge_lines, public_lines

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
        raise click.ClickException(f"{refused} lines are no messages; mend them, or count them with --lenient")
    registry = Registry.of(read_group(actors.read_text("utf-8"), str(actors))[0]) if actors else None
    of = Realm(realm)
    foreign = {line.message.status for line in lines if isinstance(line, Line)} - of.statuses
    if foreign:
        hint = "an exercise's realm ends in -exercise; see --realm"
        click.echo(f"note: the realm {of} takes no {' or '.join(sorted(foreign))}: {hint}", err=True)
    if ref is not None and audience is not Audience.FULL:
        raise click.UsageError("--explain speaks of the whole picture; leave --audience out")
    if ref is not None:
        show_why(explain_lines(lines, ref, realm=of, registry=registry, as_of=as_of), as_json, lang)
    elif audience is Audience.PUBLIC:
        show_public(public_lines(lines, realm=of, registry=registry, as_of=as_of), as_json, lang)
    else:
        show(merge_lines(lines, realm=of, registry=registry, as_of=as_of, audience=audience), as_json, lang)


# --- what staff ask --------------------------------------------------------------------------------------------------


@cli.command()
@click.option("--as-of", type=INSTANT, metavar="TIME", help="What was known then.  [default: now]")
@audience_option
@as_json
@language_option
@bus_options
def view(as_of: datetime | None, audience: Audience, as_json: bool, lang: str | None, **options: Any) -> None:
    """The picture, folded from the log; that of authorities and operators (PEER) is read from their feeds.

    Feeds do not tell whose answer is awaited, nor how long energy lasts. With --as-of, and for PUBLIC, every picture is
    folded from the log, which only the coordination group may read.

    \b
    Example: ntsg view --config room.toml
             ntsg view --config room.toml --as-of 2026-01-10T09:00+01:00 --json
             ntsg view --config nordtel.toml --audience PEER
    """
    settings = settings_of(options)
    if audience is Audience.PUBLIC:
        show_public(asyncio.run(public(settings, as_of)), as_json, lang)
    elif audience is Audience.FULL or as_of is not None:
        show(asyncio.run(picture(settings, as_of, audience)), as_json, lang, past=as_of is not None)
    else:
        from consumers.shown import read_view

        show(asyncio.run(read_view(settings, audience)), as_json, lang, fed=True)


@cli.command()
@click.argument("ref")
@click.option("--as-of", type=INSTANT, metavar="TIME", help="Of what was known then.  [default: now]")
@as_json
@language_option
@bus_options
def explain(ref: str, as_of: datetime | None, as_json: bool, lang: str | None, **options: Any) -> None:
    """Why the picture says what it says: from anything in it back to the messages, links and rules behind it.

    REF is a reference (incident/nordtel/I-17, measure/.., work/.., request/.., offer/.., decision/.., ack/.., link/..,
    status/..), situation/ID by any id that it answers or once answered to, area/CODE, actor/SLUG, or totals. With #
    and a part, that part alone:

    \b
      situation/ID#reports              which reports it gathers, and what links them
      situation/ID#severity             each reason with its rule and threshold
      situation/ID#users.MOBILE_VOICE   what each report adds to the number, and why no more
      situation/ID#user_hours.MOBILE_VOICE
                                        the course of each report, and what they amount to
      situation/ID#cause  #emergency  #restoration  #freshness  #measures  #flags
      incident/ACTOR/ID#messages  #timeline  #place  #counts  #answers  #mentions  #flags
      totals#users.MOBILE_VOICE         what each situation adds; likewise #user_hours.MOBILE_VOICE

    \b
    Example: ntsg explain --config room.toml situation/sit-5e0c9c3a7d21b4f6
             ntsg explain --config room.toml incident/nordtel/I-17#messages --as-of 2026-01-10T09:00+01:00
    """
    settings = settings_of(options)

    async def explained() -> Explanation:
        with extra("hub"):
            from consumers.hub.clock import Clock
            from consumers.reading import fold_log
        fold = await fold_log(settings, as_of)
        return fold.state.explain(ref, as_of or Clock().as_of(fold))

    show_why(asyncio.run(explained()), as_json, lang)


@cli.command()
@click.option("--as-of", type=INSTANT, metavar="TIME", help="Of what was known then.  [default: now]")
@as_json
@bus_options
def digest(as_of: datetime | None, as_json: bool, **options: Any) -> None:
    """The digest of what the log holds: equal in two rooms that look at the same picture.

    \b
    Example: ntsg digest --config room.toml
    """
    found = asyncio.run(picture(settings_of(options), as_of))
    click.echo(
        found.model_dump_json(include={"as_of", "realm", "digest", "rules", "inputs"}) if as_json else found.digest
    )


async def picture(settings: Settings, as_of: datetime | None, audience: Audience = Audience.FULL) -> View:
    with extra("hub"):
        from consumers.hub.clock import Clock
        from consumers.reading import fold_log

    fold = await fold_log(settings, as_of)
    return fold.projections.view(audience, as_of or Clock().as_of(fold), fold.inputs, True)


async def public(settings: Settings, as_of: datetime | None) -> PublicPicture:
    with extra("hub"):
        from consumers.hub.clock import Clock
        from consumers.public import public_picture
        from consumers.reading import fold_log

    fold = await fold_log(settings, as_of)
    return public_picture(fold.projections, as_of or Clock().as_of(fold))


@cli.command()
@audience_option
@language_option
@bus_options
def watch(audience: Audience, lang: str | None, **options: Any) -> None:
    """The picture as it changes, until Ctrl-C; that of authorities and operators (PEER) from their feeds.

    \b
    Example: ntsg watch --config room.toml
             ntsg watch --config nordtel.toml --audience PEER
    """
    if audience is Audience.PUBLIC:
        raise click.UsageError("there is no live picture for the public; ask `ntsg view --audience PUBLIC`")
    with extra("hub"):
        from consumers.watching import Sight, follow, follow_feed

    settings = settings_of(options)
    whole = audience is Audience.FULL

    async def watching() -> None:
        latest: list[Sight] = []

        async def reading() -> None:
            async for sight in follow(settings) if whole else follow_feed(settings, audience):
                latest[:] = [sight]

        async with asyncio.TaskGroup() as group:
            group.create_task(reading())
            await live(lambda: (latest[0].view, latest[0].progress) if latest else None, lang, fed=not whole)

    until_interrupted(watching())


@cli.command()
@click.option("--kind", type=click.Choice(KINDS), help="Only messages of this kind.")
@click.option("--actor", metavar="SLUG", help="Only messages of this actor.")
@click.option("--from-start", is_flag=True, help="Begin with the first message of the log.")
@bus_options
def tail(kind: str | None, actor: str | None, from_start: bool, **options: Any) -> None:
    """Messages as they arrive, decoded, one JSON object per line, until Ctrl-C.

    \b
    Example: ntsg tail --config room.toml --kind incident --actor nordtel
    """
    from bus.ndjson import write_line
    from consumers.reading import tail as follow

    settings = settings_of(options)

    async def tailing() -> None:
        async for heard in follow(settings, Kind(kind) if kind else None, actor, from_start=from_start):
            if heard.envelope is None:
                click.echo(f"{heard.place}: {heard.problem}", err=True)
            else:
                click.echo(write_line(heard.envelope.message, heard.envelope.sent_at, heard.envelope.known_at))

    until_interrupted(tailing())


@cli.command()
@click.option(
    "--directory", type=click.Path(path_type=Path), help="For the snapshot.  [default: by realm, under NTSG_HOME]"
)
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address of the API; nobody is asked who they are."
)
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8_470, show_default=True, help="0 takes any that is free."
)
@bus_options
def hub(directory: Path | None, host: str, port: int, **options: Any) -> None:
    """Run a hub: it merges the log, writes the view feed when no other hub does, and answers over HTTP.

    \b
    Example: ntsg hub --config hub.toml --port 8470
    """
    from bus.logs import configure

    configure(logging.INFO)
    with extra("hub"):
        from consumers.hub import serve
    settings = settings_of(options)
    asyncio.run(serve(settings, directory=directory or home() / "hub" / settings.realm, host=host, port=port))


# --- the bus ---------------------------------------------------------------------------------------------------------


@cli.group()
def broker() -> None:
    """The local Kafka, for a laptop, tests and the demo."""


broker_directory = click.option(
    "--directory", type=click.Path(path_type=Path), help="Where its data are.  [default: broker, under NTSG_HOME]"
)


@broker.command("start")
@click.option("--nodes", type=click.Choice(["1", "3"]), help="Fixed for the life of the directory.  [default: 1]")
@click.option(
    "--port", type=click.IntRange(1, 65_535), help="Of the first node.  [default: 19092, or one that is free]"
)
@broker_directory
@as_json
def broker_start(nodes: str | None, port: int | None, directory: Path | None, as_json: bool) -> None:
    """Start it; one that runs already is left as it is.

    \b
    Example: ntsg broker start
    """
    with extra("local"):
        from bus import broker as local
    running = local.start(
        directory or local.default_directory(), nodes=int(nodes) if nodes else None, port=port, report=tell
    )
    show_broker(running, as_json)


@broker.command("stop")
@broker_directory
def broker_stop(directory: Path | None) -> None:
    """Stop it; its data stay.

    \b
    Example: ntsg broker stop
    """
    with extra("local"):
        from bus import broker as local
    stopped = local.stop(directory or local.default_directory(), report=tell)
    click.echo("stopped" if stopped else "no local broker was running")


@broker.command("status")
@broker_directory
@as_json
def broker_status(directory: Path | None, as_json: bool) -> None:
    """Whether it runs and where; exit status 1 if it does not.

    \b
    Example: ntsg broker status --json
    """
    with extra("local"):
        from bus import broker as local
    running = local.status(directory or local.default_directory())
    if running is None:
        raise click.ClickException("no local broker is running; start it with `ntsg broker start`")
    show_broker(running, as_json)


def show_broker(running: Running, as_json: bool) -> None:
    facts = {
        "bootstrap": running.bootstrap,
        "credentials": str(running.credentials),
        "cluster_id": running.cluster_id,
        "nodes": running.nodes,
        "pids": running.pids,
    }
    if as_json:
        click.echo(json.dumps(facts))
    else:
        for name, value in facts.items():
            click.echo(f"{name:<12} {value}")


credentials_option = click.option(
    "--credentials",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the password files go, by realm.  [default: credentials, under NTSG_HOME]",
)
advertise_option = click.option(
    "--advertise", metavar="HOST:PORT,..", help="Address of the bus for the password files.  [default: the bootstrap]"
)


@cli.command()
@click.argument("actors", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Print the plan and change nothing.")
@click.option("--no-quotas", is_flag=True, help="Leave byte rates alone.")
@credentials_option
@advertise_option
@as_json
@bus_options
def provision(
    actors: Path,
    dry_run: bool,
    no_quotas: bool,
    credentials: Path | None,
    advertise: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Make the realm what actors.toml says: topics, users, rights, quotas, registry, schemas.

    Asked as the administrator; without settings, the local broker's. A second run changes nothing. Passwords go to
    files that their owner alone may read, never to the screen.

    \b
    Example: ntsg provision actors.toml --dry-run
             ntsg provision actors.toml --realm ntsg-exercise
    """
    with extra("admin"):
        from bus import provision as provisioning

    async def provisioned() -> Plan:
        settings = admin_settings(options)
        directory = credentials or provisioning.default_credentials()
        plan = await provisioning.plan(
            provisioning.read(actors),
            settings,
            directory,
            now=datetime.now(UTC),
            quotas=not no_quotas,
            bootstrap=advertise,
        )
        if not dry_run:
            await provisioning.carry_out(plan, settings, report=tell)
        return plan

    show_plan(asyncio.run(provisioned()), as_json)


@cli.command()
@click.argument("slug")
@credentials_option
@advertise_option
@bus_options
def rotate(slug: str, credentials: Path | None, advertise: str | None, **options: Any) -> None:
    """Give an actor or a reader a new password, and print the file that holds it.

    \b
    Example: ntsg rotate nordtel
    """
    with extra("admin"):
        from bus import provision as provisioning
    directory = credentials or provisioning.default_credentials()
    click.echo(asyncio.run(provisioning.rotate(slug, admin_settings(options), directory, bootstrap=advertise)))


@cli.command()
@click.argument("slug")
@click.option("--at", type=INSTANT, metavar="TIME", help="When its validity ends, not in the future.  [default: now]")
@click.option("--dry-run", is_flag=True, help="Print the plan and change nothing.")
@credentials_option
@as_json
@bus_options
def end(slug: str, at: datetime | None, dry_run: bool, credentials: Path | None, as_json: bool, **options: Any) -> None:
    """End an actor's or a reader's validity, rights and password. What it said stays.

    \b
    Example: ntsg end tretton --at 2026-02-01T00:00Z
    """
    with extra("admin"):
        from bus import provision as provisioning

    async def ended() -> Plan:
        settings, now = admin_settings(options), datetime.now(UTC)
        directory = credentials or provisioning.default_credentials()
        plan = await provisioning.plan_end(slug, settings, directory, at=at or now, now=now)
        if not dry_run:
            await provisioning.carry_out(plan, settings, report=tell)
        return plan

    show_plan(asyncio.run(ended()), as_json)


def show_plan(plan: Plan, as_json: bool) -> None:
    if as_json:
        actions = [{"action": type(action).__name__, "text": action.text} for action in plan.actions]
        click.echo(json.dumps({"realm": str(plan.realm), "actions": actions, "notices": plan.notices}))
    else:
        click.echo(plan.text)


def admin_settings(options: dict[str, Any]) -> Settings:
    """The administrator's settings: those given, else those of the local broker that runs."""
    settings = settings_of(options)
    if settings.user is not None:
        return settings
    from bus import broker as local

    running = local.status(local.default_directory())
    if running is None:
        raise click.ClickException(
            "no administrator: name one with --config or --user, or start the local broker with `ntsg broker start`"
        )
    return running.settings(settings.realm)


# --- all of it on one machine ----------------------------------------------------------------------------------------


@cli.command()
@click.option("--once", is_flag=True, help="End with the storm, print the last picture and its digest.")
@click.option("--start", type=INSTANT, metavar="TIME", help="When the storm begins.  [default: so that it ends now]")
@click.option(
    "--pace",
    type=click.FloatRange(min=0, min_open=True),
    default=1.5,
    show_default=True,
    metavar="HOURS",
    help="Hours of the storm that pass in a second.",
)
@click.option("--realm", help="A fresh one, ending in -exercise.  [default: demo-<time>-exercise]")
@as_json
@language_option
def demo(once: bool, start: datetime | None, pace: float, realm: str | None, as_json: bool, lang: str | None) -> None:
    """See it all on this machine: a real Kafka, ten made-up actors with a password each, a winter storm, the picture.

    It is an exercise throughout. A local broker that runs is used, and stays; otherwise one is started and leaves
    nothing behind. Ctrl-C ends everything.

    \b
    Example: ntsg demo
             ntsg demo --once --start 2026-01-10T06:00Z
    """
    from bus.topics import Realm

    for name, module in (("local", "jgo"), ("admin", "bus.provision"), ("hub", "consumers.terminal")):
        with extra(name):
            import_module(module)
    fresh = Realm(realm or f"demo-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}-exercise")
    if not fresh.is_exercise:
        raise click.UsageError(f"realm {fresh}: the demo is an exercise; choose a name that ends in -exercise")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with demo_broker() as running:
            found = run(play(running, fresh, start, pace, once, lang))
    except KeyboardInterrupt:
        tell("ended")
        sys.exit(130 if once else 0)
    show(found, as_json, lang)
    if not as_json:
        click.echo(f"digest {found.digest}")


@contextmanager
def demo_broker() -> Iterator[Running]:
    """The local broker: the one that runs, else one of our own, which ends with the body and takes its data along."""
    from bus import broker as local

    if running := local.status(local.default_directory()):
        tell(f"using the local broker at {running.bootstrap}")
        yield running
        return
    with tempfile.TemporaryDirectory(prefix="ntsg-demo-") as directory:
        try:
            yield local.start(Path(directory), quick=True, heap_mb=384, report=tell)
        finally:
            local.stop(Path(directory), report=tell)


async def play(
    running: Running, realm: Realm, start: datetime | None, pace: float, once: bool, lang: str | None
) -> View:
    """Provision the made-up group, run a hub, replay the storm, show the picture. Returns the last one."""
    from bus import provision as provisioning
    from bus.credentials import Credentials
    from bus.registry import read_group
    from bus.transport.kafka import KafkaTransport
    from consumers.hub import running_hub
    from producers.replay import replay
    from producers.storm import storm

    admin = running.settings(str(realm))
    group = provisioning.Group(*read_group(resources.files("producers").joinpath("actors.toml").read_text("utf-8")))
    with tempfile.TemporaryDirectory(prefix="ntsg-demo-") as temporary:
        credentials = Path(temporary) / "credentials"
        plan = await provisioning.plan(group, admin, credentials, now=datetime.now(UTC), quotas=False)
        tell(f"provisioning realm {realm}: {len(group.actors)} actors, {len(group.readers)} readers")
        await provisioning.carry_out(plan, admin, report=tell)

        def settings(slug: str) -> Settings:
            return Credentials.read(provisioning.credentials_file(credentials, realm, slug)).settings()

        begin = start or datetime.now(UTC).replace(microsecond=0) - storm(datetime.now(UTC))[-1].after
        steps = storm(begin)
        ends: dict[str, int] = {}

        def told(step: Step, receipt: Receipt) -> None:
            lane = f"{receipt.topic}:{receipt.partition}"
            ends[lane] = max(ends.get(lane, 0), receipt.offset + 1)
            stored = sum(ends.values())
            if not on_screen and (stored % 25 == 0 or stored == len(steps)):
                tell(f"{stored} of {len(steps)} messages, {step.after} into the storm")

        on_screen = sys.stdout.isatty()
        directory = Path(temporary) / "hub"
        async with running_hub(KafkaTransport(settings("hub")), realm, directory) as hub:
            await hub.settled()
            tell(f"the hub answers at {hub.address}/v1/view; reader's credentials: {credentials / str(realm)}")
            async with asyncio.TaskGroup() as group_of_tasks:
                screen = group_of_tasks.create_task(live(lambda: (hub.view(), 1.0), lang)) if on_screen else None
                actors = {actor.slug: settings(actor.slug) for actor in group.actors}
                await replay(steps, begin, actors, pace=pace * 3600, told=told)
                while any(  # noqa: ASYNC110 - the hub tells nobody what it has folded
                    hub.status().inputs.get(lane, 0) < end for lane, end in ends.items()
                ):
                    await asyncio.sleep(0.05)
                if screen is not None:
                    if not once:
                        await screen
                    screen.cancel()
            return hub.view()


# --- what the commands share -----------------------------------------------------------------------------------------


def show_why(found: Explanation, as_json: bool, lang: str | None) -> None:
    """Print an explanation, for programs or for people."""
    if as_json:
        click.echo(found.model_dump_json())
        return
    from consumers.explaining import in_words

    click.echo(in_words(found, words(lang), width=min(shutil.get_terminal_size().columns, WIDEST)))


WIDEST = 120
"""Columns of text that are still easily read."""


def show(found: View, as_json: bool, lang: str | None, *, past: bool = False, fed: bool = False) -> None:
    """Print a picture, for programs or for people; `fed`: from a feed, without what no feed tells."""
    if as_json:
        click.echo(found.model_dump_json(exclude=untold(fed)))
        return
    with extra("hub"):
        from rich.console import Console

        from consumers.terminal import Moment, Picture
    Console().print(Picture(found, words(lang), Moment(past=past, fed=fed)))


def untold(fed: bool) -> set[str] | None:
    """The parts of a view that its source does not tell of."""
    if not fed:
        return None
    from consumers.shown import FED_NOT

    return set(FED_NOT)


def show_public(found: PublicPicture, as_json: bool, lang: str | None) -> None:
    """Print what anybody may know: a sentence per line."""
    click.echo(found.model_dump_json() if as_json else "\n".join(found.text[words(lang).language]))


async def live(latest: Callable[[], tuple[View, float] | None], lang: str | None, *, fed: bool = False) -> None:
    """Show the latest picture and its progress on the whole screen, over and over, until cancelled.

    Where there is no screen, print the picture each time that it is another.
    """
    with extra("hub"):
        from rich.console import Console
        from rich.live import Live

        from consumers.terminal import Moment, Picture
    console = Console()
    chosen = words(lang)
    printed = ""
    with Live(console=console, screen=True, auto_refresh=False) if console.is_terminal else nullcontext() as screen:
        while True:
            if found := latest():
                current, progress = found
                if screen is not None:
                    moment = Moment(now=datetime.now(UTC), progress=progress, fed=fed)
                    screen.update(Picture(current, chosen, moment, height=console.height), refresh=True)
                elif current.digest != printed:
                    console.print(Picture(current, chosen, Moment(progress=progress, fed=fed)))
                    printed = current.digest
            await asyncio.sleep(REFRESH_SECONDS)


REFRESH_SECONDS = 0.25


def words(lang: str | None) -> Words:
    from consumers.words import Language, preferred, words_of

    return words_of(Language(lang) if lang else preferred())


def until_interrupted(work: Coroutine[Any, Any, None]) -> None:
    """Run what only ends with Ctrl-C or SIGTERM, which is its proper end."""
    with suppress(KeyboardInterrupt):
        run(work)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run the work; SIGTERM ends it as Ctrl-C does: cancelled, cleaned up, KeyboardInterrupt."""

    async def terminable() -> T:
        task = asyncio.current_task()
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    try:
        return asyncio.run(terminable())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # the loop leaves the system's behind


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Imports that need an extra of the distribution: says which one is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"this needs {error.name}, which is not installed: pip install 'ntsg-bus[{name}]'"
        ) from error


def home() -> Path:
    """`$NTSG_HOME`; without the variable, `~/.local/share/ntsg`."""
    return Path(os.environ.get("NTSG_HOME") or "~/.local/share/ntsg").expanduser()


def tell(text: str) -> None:
    """Progress goes to standard error, so that standard output stays data."""
    click.echo(text, err=True)


def main() -> None:
    cli()


if __name__ == "__main__":
    main()
