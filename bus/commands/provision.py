"""`ntsg provision`, `rotate`, `end`: who belongs to the group, and may do what."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bus.commandline import INSTANT, SPAN, as_json, bus_options, extra, settings_of, tell
from bus.instants import format_instant
from bus.settings import Settings

if TYPE_CHECKING:
    from bus.provision import Plan

credentials_option = click.option(
    "--credentials",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the password files go, by realm.  [default: credentials, under NTSG_HOME]",
)
advertise_option = click.option(
    "--advertise", metavar="HOST:PORT,..", help="Address of the bus for the password files.  [default: the bootstrap]"
)


@click.command()
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


@click.command()
@click.argument("slug")
@click.option("--overlap", type=SPAN, default="7d", show_default=True, help="For which the old one still opens.")
@credentials_option
@advertise_option
@bus_options
def rotate(slug: str, overlap: timedelta, credentials: Path | None, advertise: str | None, **options: Any) -> None:
    """Give an actor or a reader a new password, and print the file that holds it.

    The old one opens for the overlap, too, so that nobody is locked out while the new one travels. The first
    `ntsg provision` after that ends it; with --overlap 0m it ends now.

    \b
    Example: ntsg rotate nordtel
             ntsg rotate nordtel --overlap 24h
    """
    with extra("admin"):
        from bus import provision as provisioning
    directory, now = credentials or provisioning.default_credentials(), datetime.now(UTC)
    settings = admin_settings(options)
    click.echo(
        asyncio.run(provisioning.rotate(slug, settings, directory, now=now, overlap=overlap, bootstrap=advertise))
    )
    if overlap:
        tell(f"the password before it opens until the first `ntsg provision` after {format_instant(now + overlap)}")


@click.command()
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
