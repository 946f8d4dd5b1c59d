"""The command line: gathers the commands, and is the one place that wires the parts of all rooms together (the demo).

Exit status: 0 done, 1 refused or failed (the reason on standard error), 2 wrong usage. What a command needs is imported
when it runs, so that a publisher's machine needs the core install alone.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module, resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bus.commandline import INSTANT, Commands, as_json, bus_options, extra, run, settings_of, tell
from bus.commands.broker import broker
from bus.commands.key import key
from bus.commands.operator import operator
from bus.commands.provision import end, provision, rotate
from bus.settings import Settings
from bus.vocabulary import Audience
from consumers.commands.alerts import alerts
from consumers.commands.hub import hub
from consumers.commands.merge import merge
from consumers.commands.picture import digest, explain, tail, view, watch
from consumers.commands.purge import purge
from consumers.commands.quarantine import quarantine
from consumers.commands.report import report
from consumers.commands.room import room
from consumers.commands.showing import language_option, live, show
from producers.commands.gateway import gateway
from producers.commands.heartbeat import heartbeat
from producers.commands.importing import import_, spool
from producers.commands.outbox import outbox
from producers.commands.publish import check, publish
from producers.commands.simulate import simulate

if TYPE_CHECKING:
    from bus.broker import Running
    from bus.topics import Realm
    from consumers.merge.view import View
    from producers.doctor import Answer
    from producers.publisher import Receipt
    from producers.scenario import Step


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="ntsg-bus")
def cli() -> None:
    """One shared picture of what is down, from many telecom operators' reports."""
    from bus.logs import configure

    configure()


for command in (
    *(check, publish, import_, spool, gateway, outbox, heartbeat, simulate),
    *(merge, view, explain, digest, report, watch, tail, hub, room, quarantine, alerts),
    *(broker, provision, rotate, end, key, operator, purge),
):
    cli.add_command(command)


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


@cli.command()
@click.option(
    "--round-trip", is_flag=True, help="Send a retracted incident, read it back, and ask a hub (exercise only)."
)
@as_json
@bus_options
def doctor(round_trip: bool, as_json: bool, **options: Any) -> None:
    """Find out what stands between this machine and the bus, and what to do about it.

    Names, ports, TLS, login, rights to your own topics and to none of the others', schemas; with --round-trip the way
    to the bus and to a hub, and the clock. Exit status 1 if something is wrong.

    \b
    Example: ntsg doctor --config ntsg-exercise.toml --round-trip
    """
    settings = settings_of(options)
    answers = asyncio.run(examined(settings, round_trip, quiet=as_json))
    if as_json:
        click.echo(json.dumps([asdict(answer) for answer in answers]))
    sys.exit(1 if any(answer.verdict == "ILL" for answer in answers) else 0)


async def examined(settings: Settings, round_trip: bool, *, quiet: bool) -> list[Answer]:
    from bus.topics import TopicPartition
    from consumers.feed import Feed
    from producers.doctor import examine

    async def heard(partition: TopicPartition, offset: int) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(HUB_SECONDS), Feed(settings, audience=Audience.PEER) as feed:
                async for change in feed:
                    if change.summary.inputs.get(str(partition), 0) > offset:
                        return True
        return False

    answers = []
    async for answer in examine(settings, round_trip=round_trip, heard=heard):
        answers.append(answer)
        if not quiet:
            click.echo(f"{SIGNS[answer.verdict]} {answer.asked:<15} {answer.text}")
            if answer.remedy:
                click.echo(f"  {'':<15} -> {answer.remedy}")
    return answers


HUB_SECONDS = 15.0
"""For a hub to say that it has a record; it says something each second."""

SIGNS = {"WELL": "ok", "TOLD": "? ", "ILL": "X "}


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
    from consumers.room import ACCOUNTS, Acting, RoomSettings
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
        acting = Acting(KafkaTransport(settings("samordning")), realm, "samordning")
        room = RoomSettings(is_open=True, acting=acting, reports=directory / "reports")
        async with running_hub(KafkaTransport(settings("hub")), realm, directory, room=room) as hub:
            await hub.settled()
            tell(f"the room is open at {hub.address}; credentials: {credentials / str(realm)}")
            tell(f"to act in it, sign in at {hub.address}/login as {officer(directory / ACCOUNTS)}")
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


def officer(accounts_file: Path) -> str:
    """Somebody who may act in the demo's room: name and password."""
    from consumers.room import Accounts
    from consumers.room.sight import RoomRole

    password = secrets.token_hex(8)
    accounts = Accounts(accounts_file, lambda: datetime.now(UTC))
    try:
        accounts.add("vakt", RoomRole.OFFICER, Audience.FULL, "vakthavande", password)
    finally:
        accounts.close()
    return f"vakt, password {password}"


def main() -> None:
    cli()


if __name__ == "__main__":
    main()
