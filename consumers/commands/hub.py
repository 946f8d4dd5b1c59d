"""`ntsg hub`."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import click

from bus.commandline import bus_options, extra, home, settings_of


@click.command()
@click.option(
    "--directory", type=click.Path(path_type=Path), help="For the snapshot.  [default: by realm, under NTSG_HOME]"
)
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to answer at; TLS is for a proxy before it."
)
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8_470, show_default=True, help="0 takes any that is free."
)
@click.option(
    "--accounts",
    type=click.Path(path_type=Path),
    help="Who may enter the room.  [default: room.sqlite in the directory]",
)
@click.option(
    "--act-as",
    type=click.Path(path_type=Path),
    help="Credentials file of the coordination actor.  [default: read only]",
)
@click.option(
    "--alerts",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML file that says whom to wake for what; see `ntsg alerts`.",
)
@click.option("--reports", type=click.Path(path_type=Path), help="For situation reports.  [default: under NTSG_HOME]")
@click.option("--open", "is_open", is_flag=True, help="Whoever sits at this machine may read without an account.")
@bus_options
def hub(
    directory: Path | None,
    host: str,
    port: int,
    accounts: Path | None,
    act_as: Path | None,
    alerts: Path | None,
    reports: Path | None,
    is_open: bool,
    **options: Any,
) -> None:
    """Run a hub: it merges the log, writes the view feed when no other hub does, and serves the coordination room.

    Who may enter is told by `ntsg room`.

    \b
    Example: ntsg hub --config hub.toml --act-as samordning.toml --port 8470
    """
    from bus.logs import configure

    configure(logging.INFO)
    with extra("hub"):
        from bus.topics import Realm
        from consumers.alerts import read_rules
        from consumers.hub import serve
        from consumers.room import Acting, RoomSettings
    settings = settings_of(options)
    place = directory or home() / "hub" / settings.realm
    acting = None if act_as is None else Acting.by(act_as, Realm(settings.realm))
    room = RoomSettings(accounts=accounts, is_open=is_open, acting=acting, reports=reports or home() / "reports")
    rules = read_rules(alerts) if alerts is not None else None
    asyncio.run(serve(settings, directory=place, host=host, port=port, room=room, alerts=rules))
