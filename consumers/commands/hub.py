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
