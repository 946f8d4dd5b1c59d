"""`ntsg gateway`: HTTPS and the form for operators without Kafka, and the keys that open them."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bus.commandline import SPAN, as_json, extra, tell, until_interrupted
from bus.instants import format_instant

if TYPE_CHECKING:
    from producers.gateway import Key

DIRECTORY = click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="NTSG_GATEWAY",
    required=True,
    help="Of the gateway: keys, outboxes, what was said. [env: NTSG_GATEWAY]",
)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(invoke_without_command=True)
@click.pass_context
@click.option("--directory", type=click.Path(file_okay=False, path_type=Path), envvar="NTSG_GATEWAY", help="See key.")
@click.option(
    "--credentials",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Directory with the credentials file of each actor to serve.",
)
@click.option("--actors", type=_FILE, help="The group's actors.toml: who may speak for whom.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Other than loopback needs a certificate.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8443, show_default=True)
@click.option("--tls-cert", type=_FILE, help="Certificate chain (PEM).")
@click.option("--tls-key", type=_FILE, help="Its private key (PEM).")
@click.option(
    "--rate", type=click.FloatRange(min=0.1), default=20.0, show_default=True, help="Requests a second, per key."
)
def gateway(context: click.Context, /, **options: Any) -> None:
    """Serve operators without Kafka: POST /v1/messages, a form for people, receipts. Runs until Ctrl-C.

    A receipt says that this machine's disk has the message, in the outbox of its actor; it reaches the bus when the bus
    is there. The API is described at /v1/openapi.json; the form is at /.

    \b
    Example: ntsg gateway --directory /var/lib/ntsg/gateway --credentials /etc/ntsg/ntsg \\
                 --host 0.0.0.0 --tls-cert chain.pem --tls-key key.pem
             ntsg gateway key add nordtel --directory /var/lib/ntsg/gateway
    """
    if context.invoked_subcommand is not None:
        return
    for name in ("directory", "credentials"):
        if options[name] is None:
            raise click.UsageError(f"Missing option '--{name}'.", context)
    with extra("gateway"):
        import jinja2  # noqa: F401 - so that what is missing is said before anything is opened
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    until_interrupted(_serve(**options))


async def _serve(
    directory: Path,
    credentials: Path,
    actors: Path | None,
    host: str,
    port: int,
    tls_cert: Path | None,
    tls_key: Path | None,
    rate: float,
) -> None:
    from producers.gateway import Gateway, Limits
    from producers.gateway.server import checked_address, serve

    checked_address(host, tls_cert, tls_key)
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(
            Gateway.open(directory, credentials, actors=actors, limits=Limits(rate=rate, burst=int(rate * 5)))
        )
        scheme = "https" if tls_cert else "http"
        tell(f"the gateway answers at {scheme}://{host}:{port}/ for realm {opened.realm}")
        await serve(opened, host, port, certificate=tls_cert, key=tls_key)


@gateway.group()
def key() -> None:
    """The API keys: 256 random bits for an actor, shown once, kept as a hash."""


@key.command()
@click.argument("actor")
@click.option("--note", default="", help="What or who it is for, for the list. No secrets.")
@DIRECTORY
def add(actor: str, note: str, directory: Path) -> None:
    """Make a key for an actor, and print it: now, and never again.

    \b
    Example: ntsg gateway key add nordtel --note "driftcentralen" --directory /var/lib/ntsg/gateway
    """
    from producers.gateway.database import connected
    from producers.gateway.keys import KeyRing

    with connected(directory) as connection:
        made, written = KeyRing(connection).add(actor, datetime.now(UTC), note)
    tell(f"key {made.id} for {made.actor}; it is shown only this once:")
    click.echo(written)


@key.command()
@click.argument("id")
@click.option("--overlap", type=SPAN, default="7d", show_default=True, help="For which the old one still opens.")
@DIRECTORY
def rotate(id: str, overlap: timedelta, directory: Path) -> None:
    """Make a new key in place of an old one, which ends after the overlap.

    \b
    Example: ntsg gateway key rotate 3kd82jx0 --overlap 24h --directory /var/lib/ntsg/gateway
    """
    from producers.gateway.database import connected
    from producers.gateway.keys import KeyRing

    with connected(directory) as connection:
        ring = KeyRing(connection)
        now = datetime.now(UTC)
        made, written = ring.rotate(id, now, overlap)
        tell(f"key {made.id} for {made.actor} follows {id}, which ends {format_instant(now + overlap)}:")
    click.echo(written)


@key.command()
@click.argument("id")
@DIRECTORY
def end(id: str, directory: Path) -> None:
    """Let a key end now, with all that was opened with it.

    \b
    Example: ntsg gateway key end 3kd82jx0 --directory /var/lib/ntsg/gateway
    """
    from producers.gateway.database import connected
    from producers.gateway.keys import KeyRing

    with connected(directory) as connection:
        ended = KeyRing(connection).end(id, datetime.now(UTC))
    tell(f"key {ended.id} of {ended.actor} has ended")


@key.command(name="list")
@click.option("--actor", help="Only this one's.")
@as_json
@DIRECTORY
def list_keys(actor: str | None, as_json: bool, directory: Path) -> None:
    """The keys with their ids, never their secrets.

    \b
    Example: ntsg gateway key list --directory /var/lib/ntsg/gateway
    """
    from producers.gateway.database import connected
    from producers.gateway.keys import KeyRing

    with connected(directory) as connection:
        keys = KeyRing(connection).all(actor)
    for each in keys:
        click.echo(json.dumps(_as_object(each), ensure_ascii=False) if as_json else _as_line(each))


def _as_object(key: Key) -> dict[str, Any]:
    return {
        name: format_instant(value) if isinstance(value, datetime) else value for name, value in asdict(key).items()
    }


def _as_line(key: Key) -> str:
    told = [f"made {format_instant(key.made_at)}"]
    if key.until:
        told.append(f"{'ends' if key.valid_at(datetime.now(UTC)) else 'ended'} {format_instant(key.until)}")
    told.append(f"last used {format_instant(key.used_at)}" if key.used_at else "never used")
    return "  ".join(filter(None, (key.id, key.actor, ", ".join(told), key.note)))
