"""`ntsg room`: who may enter the coordination room that a hub serves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bus.commandline import INSTANT, as_json, extra, home
from bus.instants import format_instant
from bus.settings import load_settings
from bus.vocabulary import Audience

if TYPE_CHECKING:
    from consumers.room.accounts import Account, Accounts, Token

F = TypeVar("F", bound=Callable[..., Any])
ROLES = ("VIEWER", "OFFICER", "ADMINISTRATOR")
AUDIENCES = ("FULL", "AUTHORITY", "PEER")

audience_option = click.option(
    "--audience", type=click.Choice(AUDIENCES), default="FULL", show_default=True, help="What is shown to it."
)
generate_option = click.option("--generate", is_flag=True, help="Make a password, and print it this once.")


def accounts_options(command: F) -> F:
    """Where the accounts are; the command receives them as `path`."""

    @click.option("--accounts", type=click.Path(path_type=Path), help="The file.  [default: that of the realm's hub]")
    @click.option("--realm", help="Whose hub. [env: NTSG_REALM]")
    @wraps(command)
    def wrapped(*arguments: Any, accounts: Path | None, realm: str | None, **options: Any) -> Any:
        path = accounts or home() / "hub" / load_settings(realm=realm).realm / "room.sqlite"
        return command(*arguments, path=path, **options)

    return wrapped  # type: ignore[return-value]


@contextmanager
def opened(path: Path) -> Iterator[Accounts]:
    with extra("hub"):
        from consumers.room.accounts import Accounts
    accounts = Accounts(path, lambda: datetime.now(UTC))
    try:
        yield accounts
    finally:
        accounts.close()


@click.group()
def room() -> None:
    """Who may enter the coordination room: accounts for people, tokens for machines.

    A running hub sees a change at once; an account or token that ends is sent away within seconds.

    \b
    Example: ntsg room user add kim --role OFFICER --function vakthavande
    """


@room.group()
def user() -> None:
    """Accounts for people.

    \b
    Example: ntsg room user list
    """


@user.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="VIEWER", show_default=True, help="What it may do.")
@audience_option
@click.option("--function", default="", metavar="TEXT", help="As whom it acts, told on the bus; never a person's name.")
@generate_option
@accounts_options
def add_user(name: str, role: str, audience: str, function: str, generate: bool, path: Path) -> None:
    """Make an account. Its password is asked for, or made.

    \b
    Example: ntsg room user add kim --role OFFICER --function vakthavande
             ntsg room user add vagg --audience PEER --generate
    """
    with opened(path) as accounts:
        from consumers.room.sight import RoomRole

        password = _password(generate)
        accounts.add(name, RoomRole(role), Audience(audience), function, password)
    _tell_password(name, password, generate)


@user.command("list")
@as_json
@accounts_options
def list_users(as_json: bool, path: Path) -> None:
    """The accounts.

    \b
    Example: ntsg room user list --json
    """
    with opened(path) as accounts:
        found = accounts.accounts()

    def row(account: Account) -> dict[str, str]:
        return {
            "name": account.name,
            "role": account.role,
            "audience": account.audience,
            "function": account.function,
            "made_at": format_instant(account.made_at),
            "changed_at": format_instant(account.changed_at),
        }

    _print([row(account) for account in found], as_json)


@user.command("rotate")
@click.argument("name")
@generate_option
@accounts_options
def rotate_user(name: str, generate: bool, path: Path) -> None:
    """Give an account another password; its sessions end.

    \b
    Example: ntsg room user rotate kim
    """
    with opened(path) as accounts:
        password = _password(generate)
        accounts.rotate(name, password)
    _tell_password(name, password, generate)


@user.command("end")
@click.argument("name")
@accounts_options
def end_user(name: str, path: Path) -> None:
    """Take an account away; its sessions end.

    \b
    Example: ntsg room user end kim
    """
    with opened(path) as accounts:
        accounts.end(name)
    click.echo(f"{name} ended")


@room.group()
def token() -> None:
    """Tokens for machines, which may read.

    \b
    Example: ntsg room token list
    """


@token.command("add")
@click.argument("name")
@audience_option
@click.option("--until", type=INSTANT, metavar="TIME", help="When it ends.  [default: when it is ended]")
@accounts_options
def add_token(name: str, audience: str, until: datetime | None, path: Path) -> None:
    """Make a token, and print it this once: `Authorization: Bearer <token>`.

    \b
    Example: ntsg room token add karta --audience PEER --until 2026-12-31T00:00+01:00
    """
    with opened(path) as accounts:
        click.echo(accounts.add_token(name, Audience(audience), until))


@token.command("list")
@as_json
@accounts_options
def list_tokens(as_json: bool, path: Path) -> None:
    """The tokens, without their secrets.

    \b
    Example: ntsg room token list --json
    """
    with opened(path) as accounts:
        found = accounts.tokens()

    def row(token: Token) -> dict[str, str | None]:
        return {
            "id": token.id,
            "name": token.name,
            "audience": token.audience,
            "made_at": format_instant(token.made_at),
            "until": None if token.until is None else format_instant(token.until),
            "used_at": None if token.used_at is None else format_instant(token.used_at),
        }

    _print([row(token) for token in found], as_json)


@token.command("end")
@click.argument("id")
@accounts_options
def end_token(id: str, path: Path) -> None:
    """Take a token away, by its id.

    \b
    Example: ntsg room token end 5f0c9a1e
    """
    with opened(path) as accounts:
        accounts.end_token(id)
    click.echo(f"{id} ended")


def _password(generate: bool) -> str:
    from bus.credentials import new_password

    if generate:
        return new_password()
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return password


def _tell_password(name: str, password: str, generate: bool) -> None:
    if generate:
        click.echo(password)
        click.echo(f"the password of {name}: it is not shown again", err=True)
    else:
        click.echo(f"{name} may sign in", err=True)


def _print(rows: Sequence[dict[str, Any]], as_json: bool) -> None:
    """A table as wide as what is in it, or JSON."""
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    if not rows:
        click.echo("none", err=True)
        return
    cells = [list(rows[0]), *([value or "-" for value in row.values()] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    for row in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
