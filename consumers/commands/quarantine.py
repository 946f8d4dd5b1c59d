"""`ntsg quarantine`: what is held, why, its original bytes, and settling it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bus.commandline import as_json, bus_options, extra, settings_of, tell
from bus.errors import InvalidInput, InvalidSettings
from bus.instants import format_instant
from bus.settings import Settings

if TYPE_CHECKING:
    from consumers.fold import Fold
    from consumers.quarantine import Held, Place

SHOWN_BYTES = 256
"""Of an original that cannot be read; --output writes all of it."""


@click.group()
def quarantine() -> None:
    """What was read from the log and refused: held, counted, and settled by staff."""


@quarantine.command(name="list")
@click.option("--all", "everything", is_flag=True, help="Also what staff have settled.")
@as_json
@bus_options
def list_held(everything: bool, as_json: bool, **options: Any) -> None:
    """What is held now, and why. What a schema, a key or a registry entry allows is released by itself.

    \b
    Example: ntsg quarantine list --config room.toml
    """
    fold = asyncio.run(_folded(settings_of(options)))
    settled = fold.quarantine.settled
    for place, held in sorted(fold.quarantine.held.items()):
        if everything or place not in settled:
            found = _told(place, held, settled.get(place))
            click.echo(json.dumps(found, ensure_ascii=False) if as_json else _line(found))
    if not as_json:
        tell(f"{len(fold.quarantine)} held, {len(settled)} settled")


@quarantine.command()
@click.argument("place")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the original bytes here.")
@as_json
@bus_options
def show(place: str, output: Path | None, as_json: bool, **options: Any) -> None:
    """One held record: why, and the original as it stands in the log, decoded where it can be read.

    PLACE is topic/partition/offset, as listed.

    \b
    Example: ntsg quarantine show --config room.toml ntsg.incident.v1.nordtel/0/17 --output original.avro
    """
    from bus.ndjson import as_object
    from bus.transport.kafka import KafkaTransport
    from consumers.settling import held_at, message_in, original
    from consumers.texts import harmless

    settings = settings_of(options)

    async def showing() -> tuple[dict[str, Any], bytes]:
        fold = await _folded(settings)
        at, held = held_at(fold, place)
        record = await original(KafkaTransport(settings), at)
        message = message_in(fold.realm, record)
        value = record.value or b""
        key = None if record.key is None else record.key.decode(errors="replace")
        headers = {name: content.decode(errors="replace") for name, content in record.headers}
        told = _told(at, held, fold.quarantine.settled.get(at)) | {
            "key": key,
            "headers": headers,
            "bytes": len(value),
            "message": None if message is None else as_object(message),
            "hex": value[:SHOWN_BYTES].hex() if message is None else None,
        }
        return told, value

    told, value = asyncio.run(showing())
    if output is not None:
        try:
            output.write_bytes(value)
        except OSError as error:
            raise InvalidInput(f"{output} cannot be written: {error.strerror}; choose another place") from error
        tell(f"{len(value)} bytes are in {output}")
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    click.echo(_line(told))
    for name in ("key", "bytes", "headers", "message", "hex"):
        if told[name] is not None:
            said = told[name] if isinstance(told[name], str | int) else json.dumps(told[name], ensure_ascii=False)
            click.echo(harmless(f"  {name:<8} {said}"))


@quarantine.command()
@click.argument("place")
@click.option("--reason", required=True, help="What was done about it, in words for the record.")
@click.option("--function", help="The function that acted, such as a duty officer's; never a person.")
@click.option("--withdraw", is_flag=True, help="Take a settlement back: the record counts as held again.")
@bus_options
def settle(place: str, reason: str, function: str | None, withdraw: bool, **options: Any) -> None:
    """Say that a held record is dealt with, and how. It is a decision of the coordination, TLP RED, on the record.

    The record stays in the log and is judged again if a schema, a key or the registry changes; it is counted no more.
    Needs the credentials of an actor with the role COORDINATION.

    \b
    Example: ntsg quarantine settle --config samordning.toml ntsg.incident.v1.nordtel/0/17 --reason "Sent again as I-18"
    """
    from bus.envelope import outgoing
    from bus.signatures import signs
    from bus.transport.kafka import KafkaTransport
    from consumers.settling import held_at, settlement

    settings = settings_of(options)
    if settings.user is None:
        raise InvalidSettings("who settles it? give the credentials of a coordination actor with --config")
    actor = settings.user.removeprefix(f"{settings.realm}.")

    async def settling() -> str:
        fold = await _folded(settings)
        at, _ = held_at(fold, place)
        now = datetime.now(UTC)
        decision = settlement(fold, at, actor, reason=reason, as_of=now, withdraw=withdraw, function=function)
        async with KafkaTransport(settings).writer() as writer:
            await writer.send([signs(settings)(outgoing(fold.realm, decision, now))])
        return decision.reference

    ref = asyncio.run(settling())
    tell(f"{place}: {'counts as held again' if withdraw else 'settled'} by {ref}")


async def _folded(settings: Settings) -> Fold:
    with extra("hub"):
        from consumers.reading import fold_log
    return await fold_log(settings)


def _told(place: Place, held: Held, settled_by: str | None) -> dict[str, Any]:
    return {
        "place": str(place),
        "known_at": format_instant(held.known_at),
        "code": held.refusal.code.value,
        "text": held.refusal.text,
        "waits_for_schema": held.fingerprint,
        "released_by_itself": held.may_be_released,
        "settled_by": settled_by,
    }


def _line(told: dict[str, Any]) -> str:
    from consumers.texts import harmless

    settled = f"  settled by {told['settled_by']}" if told["settled_by"] else ""
    return harmless(f"{told['place']}  {told['known_at']}  {told['code']}: {told['text']}{settled}")
