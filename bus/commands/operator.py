"""`ntsg operator`: a new operator, from its name to a directory with all that it needs to plug in."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bus.commandline import as_json, bus_options, extra, tell
from bus.commands.provision import admin_settings, advertise_option, credentials_option
from bus.errors import InvalidInput
from bus.topics import EXERCISE_SUFFIX, Realm
from bus.vocabulary import Role

if TYPE_CHECKING:
    from bus.provision import Group
    from bus.registry import Actor
    from bus.settings import Settings

ROLES = tuple(role.value for role in Role if role is not Role.UNKNOWN)

actors_option = click.option(
    "--actors",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="The group's actors.toml.",
)
out_option = click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="The bundle, a new directory.  [default: SLUG]"
)


@click.group()
def operator() -> None:
    """Take an operator into the group, and give it what it needs."""


@operator.command("add")
@click.argument("slug")
@click.option("--name", required=True, help="As people call it.")
@click.option("--role", "roles", type=click.Choice(ROLES), multiple=True, required=True, help="Once for each role.")
@actors_option
@out_option
@credentials_option
@advertise_option
@as_json
@bus_options
def operator_add(
    slug: str,
    name: str,
    roles: tuple[str, ...],
    actors: Path,
    out: Path | None,
    credentials: Path | None,
    advertise: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Enter SLUG in actors.toml, provision it in the realm and in its exercise, and write its bundle.

    The bundle holds its passwords, configurations for Python, Java and kcat, the schemas and a guide.

    \b
    Example: ntsg operator add nordtel --name Nordtel --role MNO --role FIXED --actors actors.toml
    """
    with extra("admin"):
        from bus import provision as provisioning
        from bus.registry import read_group

    text = actors.read_text("utf-8")
    if slug in {entry.slug for entry in provisioning.read(actors).entries}:
        raise InvalidInput(f"{slug} is in {actors} already; `ntsg operator bundle {slug}` writes its bundle again")
    entry = f"\n[actors.{slug}]\nname = {json.dumps(name, ensure_ascii=False)}\nroles = {json.dumps(list(roles))}\n"
    group = provisioning.Group(*read_group(text + entry, str(actors)))
    directory = out or Path(slug)
    if directory.exists():
        raise InvalidInput(f"{directory} exists; name another with --out")
    actors.write_text(text + entry, "utf-8")
    tell(f"entered {slug} in {actors}")
    settings = admin_settings(options)
    asyncio.run(provisioned(group, settings, credentials, advertise))
    show_bundle(slug, group, settings, credentials, directory, as_json)


@operator.command("bundle")
@click.argument("slug")
@actors_option
@out_option
@credentials_option
@click.option(
    "--certificates",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Directory of its certificates with their keys, <realm>.pem: a second way in, without a password.",
)
@click.option("--mutual", metavar="HOST:PORT,..", help="Where the bus takes certificates.")
@as_json
@bus_options
def operator_bundle(
    slug: str,
    actors: Path,
    out: Path | None,
    credentials: Path | None,
    certificates: Path | None,
    mutual: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Write the bundle of SLUG again, for example after `ntsg rotate`.

    \b
    Example: ntsg operator bundle nordtel --actors actors.toml --out nordtel-2
             ntsg operator bundle nordtel --actors actors.toml --certificates nordtel-pem --mutual bus.example.net:19192
    """
    with extra("admin"):
        from bus import provision as provisioning
    if (certificates is None) != (mutual is None):
        raise click.UsageError("--certificates and --mutual go together")
    settings = admin_settings(options)
    group = provisioning.read(actors)
    show_bundle(slug, group, settings, credentials, out or Path(slug), as_json, certificates, mutual)


async def provisioned(group: Group, settings: Settings, credentials: Path | None, advertise: str | None) -> None:
    """Make both realms what the group says."""
    from bus import provision as provisioning

    directory = credentials or provisioning.default_credentials()
    for realm in both(settings.realm):
        of_realm = settings.model_copy(update={"realm": str(realm)})
        plan = await provisioning.plan(group, of_realm, directory, now=datetime.now(UTC), bootstrap=advertise)
        tell(f"realm {realm}: {len(plan.actions)} changes")
        await provisioning.carry_out(plan, of_realm, report=tell)


def show_bundle(
    slug: str,
    group: Group,
    settings: Settings,
    credentials: Path | None,
    directory: Path,
    as_json: bool,
    certificates: Path | None = None,
    mutual: str | None = None,
) -> None:
    from bus import provision as provisioning
    from bus.provision.bundle import Mutual, write_bundle

    held = credentials or provisioning.default_credentials()
    realms = both(settings.realm)
    files = {realm: provisioning.credentials_file(held, realm, slug) for realm in realms}
    way = None
    if certificates and mutual:
        found = {realm: certificates / f"{realm}.pem" for realm in realms}
        way = Mutual(mutual, {realm: file for realm, file in found.items() if file.exists()})
        if not way.certificates:
            raise InvalidInput(f"{certificates} holds none of {', '.join(file.name for file in found.values())}")
    written = write_bundle(
        member(group, slug),
        {realm: file for realm, file in files.items() if file.exists()},
        directory,
        now=datetime.now(UTC),
        mutual=way,
    )
    if as_json:
        click.echo(json.dumps({"bundle": str(directory), "files": [str(file) for file in written]}))
    else:
        click.echo(f"{directory}: {len(written)} files; begin with README.md. It holds passwords.")


def member(group: Group, slug: str) -> Actor:
    for actor in group.actors:
        if actor.slug == slug:
            return actor
    raise InvalidInput(f"{slug} is no actor of this group; `ntsg operator add {slug}` makes it one")


def both(realm: str) -> tuple[Realm, ...]:
    """The realm, and the exercise beside it."""
    real = Realm(realm.removesuffix(EXERCISE_SUFFIX))
    return real, Realm(f"{real}{EXERCISE_SUFFIX}")
