"""`ntsg broker`: the local Kafka."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bus.commandline import as_json, extra, tell

if TYPE_CHECKING:
    from bus.broker import Running


@click.group()
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
@click.option("--tls/--no-tls", default=None, help="Encrypted, with an authority of its own.  [default: no TLS]")
@broker_directory
@as_json
def broker_start(nodes: str | None, port: int | None, tls: bool | None, directory: Path | None, as_json: bool) -> None:
    """Start it; one that runs already is left as it is.

    \b
    Example: ntsg broker start
             ntsg broker start --tls --directory tls-broker
    """
    with extra("local"):
        from bus import broker as local
    running = local.start(
        directory or local.default_directory(), nodes=int(nodes) if nodes else None, port=port, tls=tls, report=tell
    )
    show_broker(running, as_json)


@broker.command("vouch")
@click.argument("user")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@broker_directory
def broker_vouch(user: str, file: Path, directory: Path | None) -> None:
    """Write a certificate, and its key, with which USER (realm.slug) logs in to a broker with TLS, into a new FILE.

    Name it as tls_certificate in the user's settings, and the address that `ntsg broker status` calls mutual.

    \b
    Example: ntsg broker vouch ntsg.nordtel nordtel.pem
    """
    with extra("local"):
        from bus import broker as local
    local.vouch(directory or local.default_directory(), user, file)
    click.echo(file)


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
        **({"mutual": running.mutual} if running.mutual else {}),
        "nodes": running.nodes,
        "pids": running.pids,
    }
    if as_json:
        click.echo(json.dumps(facts))
    else:
        for name, value in facts.items():
            click.echo(f"{name:<12} {value}")
