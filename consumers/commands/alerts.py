"""`ntsg alerts`: trying whom a file of rules would wake, and for what."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bus.commandline import as_json, bus_options, extra, settings_of
from bus.errors import AlertFailed
from bus.settings import Settings

if TYPE_CHECKING:
    from consumers.alerts.rules import AlertRules
    from consumers.alerts.schedule import Delivery

rules_argument = click.argument("rules", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group()
def alerts() -> None:
    """Alerts: whom a hub wakes for what (`ntsg hub --alerts RULES`). docs/administrator.md describes the file."""


@alerts.command("test")
@rules_argument
@click.option("--channel", "names", multiple=True, metavar="NAME", help="Only this one; repeatable.")
@click.option("--dry-run", is_flag=True, help="Print what would be sent, and send nothing.")
@click.option("--realm", default="ntsg", show_default=True, envvar="NTSG_REALM", help="Whose alerts these are.")
def test(rules: Path, names: tuple[str, ...], dry_run: bool, realm: str) -> None:
    """Send a test alert through every channel of RULES, and say which took it. Needs no bus and no hub.

    \b
    Example: ntsg alerts test alerts.toml
             ntsg alerts test alerts.toml --channel jour --dry-run
    """
    from bus.topics import Realm

    with extra("hub"):
        from consumers.alerts.rules import read_rules
        from consumers.alerts.schedule import trial
        from consumers.alerts.sending import send
        from consumers.alerts.wording import worded

    found, now, of = read_rules(rules), datetime.now(UTC), Realm(realm)
    unknown = set(names) - {channel.name for channel in found.channels}
    if unknown:
        known = ", ".join(channel.name for channel in found.channels)
        raise click.UsageError(f"{rules} has no channel {', '.join(sorted(unknown))}; it has {known}")
    failed = 0
    for channel in found.channels:
        if names and channel.name not in names:
            continue
        alert = worded(trial(channel, now), of, now, found.link)
        if dry_run:
            click.echo(f"{channel.name} ({channel.kind}, at most TLP:{channel.ceiling}):\n{alert.body}")
            continue
        try:
            asyncio.run(send(alert, channel, now))
            click.echo(f"{channel.name}: taken")
        except AlertFailed as error:
            failed += 1
            click.echo(str(error), err=True)
    if failed:
        raise click.ClickException(f"{failed} of the channels took no alert")


@alerts.command("show")
@rules_argument
@as_json
@bus_options
def show(rules: Path, as_json: bool, **options: Any) -> None:
    """What RULES would tell whom, were a hub to begin now. Reads the log, and sends nothing.

    What was told before is on the bus; this does not look there.

    \b
    Example: ntsg alerts show alerts.toml --config room.toml
    """
    from bus.topics import Realm

    settings = settings_of(options)
    with extra("hub"):
        from consumers.alerts.rules import read_rules
        from consumers.alerts.wording import worded

    found, realm = read_rules(rules), Realm(settings.realm)
    deliveries, now = asyncio.run(_due(found, settings))
    for delivery in deliveries:
        alert = worded(delivery, realm, now, found.link)
        if as_json:
            click.echo(json.dumps({"channel": delivery.channel.name, **alert.fields}, ensure_ascii=False))
        else:
            click.echo(f"{delivery.channel.name}: {alert.subject}")


async def _due(rules: AlertRules, settings: Settings) -> tuple[Sequence[Delivery], datetime]:
    from bus.vocabulary import Audience
    from consumers.alerts.facts import of_hub, of_picture
    from consumers.alerts.schedule import due
    from consumers.hub.clock import Clock
    from consumers.reading import fold_log

    fold = await fold_log(settings)
    now = Clock().as_of(fold)
    items = fold.projections.items(Audience.FULL, now)
    facts = (*of_picture(items, rules.rules), *of_hub((), len(fold.quarantine), rules.rules))
    return tuple(due(facts, {}, {}, {}, rules, now)), now
