"""`ntsg key`: the keys with which an actor signs its records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bus.commandline import as_json, extra

if TYPE_CHECKING:
    from bus.signatures import PublicKey

FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def key() -> None:
    """Keys that sign an actor's records, so that nobody else can write one that passes for its own."""


@key.command("new")
@click.argument("file", type=FILE)
@as_json
def key_new(file: Path, as_json: bool) -> None:
    """Make a private key in FILE, which stays with you, and print the public one for the administrator.

    \b
    Example: ntsg key new nordtel.key
             (then signing_key = "/etc/ntsg/nordtel.key" in your settings, or NTSG_SIGNING_KEY)
    """
    with extra("signing"):
        from bus.signing import new_key
    show_key(new_key(file), as_json)


@key.command("show")
@click.argument("file", type=FILE)
@as_json
def key_show(file: Path, as_json: bool) -> None:
    """Print the public key of the private one in FILE.

    \b
    Example: ntsg key show nordtel.key
    """
    with extra("signing"):
        from bus.signing import Signer
    show_key(Signer.read(file).public, as_json)


def show_key(public: PublicKey, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"public_key": str(public), "id": public.id}))
    else:
        click.echo(public)
