"""What staff ask: `ntsg view`, `explain`, `digest`, `watch`, `tail`."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from bus.commandline import INSTANT, as_json, bus_options, extra, settings_of, until_interrupted
from bus.references import Kind
from bus.settings import Settings
from bus.vocabulary import Audience
from consumers.commands.showing import audience_option, language_option, live, show, show_public, show_why

if TYPE_CHECKING:
    from consumers.merge.explain import Explanation
    from consumers.merge.view import View
    from consumers.public import PublicPicture

KINDS = tuple(kind.value for kind in Kind)


@click.command()
@click.option("--as-of", type=INSTANT, metavar="TIME", help="What was known then.  [default: now]")
@audience_option
@as_json
@language_option
@bus_options
def view(as_of: datetime | None, audience: Audience, as_json: bool, lang: str | None, **options: Any) -> None:
    """The picture, folded from the log; that of authorities and operators (PEER) is read from their feeds.

    With --as-of, and for PUBLIC, every picture is folded from the log, which only the coordination group may read.

    \b
    Example: ntsg view --config room.toml
             ntsg view --config room.toml --as-of 2026-01-10T09:00+01:00 --json
             ntsg view --config nordtel.toml --audience PEER
    """
    settings = settings_of(options)
    if audience is Audience.PUBLIC:
        show_public(asyncio.run(public(settings, as_of)), as_json, lang)
    elif audience is Audience.FULL or as_of is not None:
        show(asyncio.run(picture(settings, as_of, audience)), as_json, lang, past=as_of is not None)
    else:
        from consumers.shown import read_view

        show(asyncio.run(read_view(settings, audience)), as_json, lang)


@click.command()
@click.argument("ref")
@click.option("--as-of", type=INSTANT, metavar="TIME", help="Of what was known then.  [default: now]")
@as_json
@language_option
@bus_options
def explain(ref: str, as_of: datetime | None, as_json: bool, lang: str | None, **options: Any) -> None:
    """Why the picture says what it says: from anything in it back to the messages, links and rules behind it.

    REF is a reference (incident/nordtel/I-17, measure/.., work/.., request/.., offer/.., decision/.., ack/.., link/..,
    status/..), situation/ID by any id that it answers or once answered to, area/CODE, actor/SLUG, or totals. With #
    and a part, that part alone:

    \b
      situation/ID#reports              which reports it gathers, and what links them
      situation/ID#severity             each reason with its rule and threshold
      situation/ID#users.MOBILE_VOICE   what each report adds to the number, and why no more
      situation/ID#user_hours.MOBILE_VOICE
                                        the course of each report, and what they amount to
      situation/ID#cause  #emergency  #restoration  #freshness  #measures  #flags
      incident/ACTOR/ID#messages  #timeline  #place  #counts  #answers  #mentions  #flags
      totals#users.MOBILE_VOICE         what each situation adds; likewise #user_hours.MOBILE_VOICE

    \b
    Example: ntsg explain --config room.toml situation/sit-5e0c9c3a7d21b4f6
             ntsg explain --config room.toml incident/nordtel/I-17#messages --as-of 2026-01-10T09:00+01:00
    """
    settings = settings_of(options)

    async def explained() -> Explanation:
        with extra("hub"):
            from consumers.hub.clock import Clock
            from consumers.reading import fold_log
        fold = await fold_log(settings, as_of)
        return fold.state.explain(ref, as_of or Clock().as_of(fold))

    show_why(asyncio.run(explained()), as_json, lang)


@click.command()
@click.option("--as-of", type=INSTANT, metavar="TIME", help="Of what was known then.  [default: now]")
@as_json
@bus_options
def digest(as_of: datetime | None, as_json: bool, **options: Any) -> None:
    """The digest of what the log holds: equal in two rooms that look at the same picture.

    \b
    Example: ntsg digest --config room.toml
    """
    found = asyncio.run(picture(settings_of(options), as_of))
    click.echo(
        found.model_dump_json(include={"as_of", "realm", "digest", "rules", "inputs"}) if as_json else found.digest
    )


async def picture(settings: Settings, as_of: datetime | None, audience: Audience = Audience.FULL) -> View:
    with extra("hub"):
        from consumers.hub.clock import Clock
        from consumers.reading import fold_log

    fold = await fold_log(settings, as_of)
    return fold.projections.view(audience, as_of or Clock().as_of(fold), fold.inputs, True)


async def public(settings: Settings, as_of: datetime | None) -> PublicPicture:
    with extra("hub"):
        from consumers.hub.clock import Clock
        from consumers.public import public_picture
        from consumers.reading import fold_log

    fold = await fold_log(settings, as_of)
    return public_picture(fold.projections, as_of or Clock().as_of(fold))


@click.command()
@audience_option
@language_option
@bus_options
def watch(audience: Audience, lang: str | None, **options: Any) -> None:
    """The picture as it changes; that of authorities and operators (PEER) from their feeds.

    In a terminal, j and k or the arrows choose the situation that is shown in detail, l changes the language, and q
    or Ctrl-C leaves. Elsewhere the picture is printed each time that it is another, until Ctrl-C.

    \b
    Example: ntsg watch --config room.toml
             ntsg watch --config nordtel.toml --audience PEER
    """
    if audience is Audience.PUBLIC:
        raise click.UsageError("there is no live picture for the public; ask `ntsg view --audience PUBLIC`")
    with extra("hub"):
        from consumers.watching import Sight, follow, follow_feed

    settings = settings_of(options)
    whole = audience is Audience.FULL

    async def watching() -> None:
        latest: list[Sight] = []

        async def reading() -> None:
            async for sight in follow(settings) if whole else follow_feed(settings, audience):
                latest[:] = [sight]

        async with asyncio.TaskGroup() as group:
            reader = group.create_task(reading())
            await live(lambda: (latest[0].view, latest[0].progress) if latest else None, lang, keys=True)
            reader.cancel()

    until_interrupted(watching())


@click.command()
@click.option("--kind", type=click.Choice(KINDS), help="Only messages of this kind.")
@click.option("--actor", metavar="SLUG", help="Only messages of this actor.")
@click.option("--from-start", is_flag=True, help="Begin with the first message of the log.")
@bus_options
def tail(kind: str | None, actor: str | None, from_start: bool, **options: Any) -> None:
    """Messages as they arrive, decoded, one JSON object per line, until Ctrl-C.

    \b
    Example: ntsg tail --config room.toml --kind incident --actor nordtel
    """
    from bus.ndjson import write_line
    from consumers.reading import tail as follow

    settings = settings_of(options)

    async def tailing() -> None:
        async for heard in follow(settings, Kind(kind) if kind else None, actor, from_start=from_start):
            if heard.envelope is None:
                click.echo(f"{heard.place}: {heard.problem}", err=True)
            else:
                click.echo(write_line(heard.envelope.message, heard.envelope.sent_at, heard.envelope.known_at))

    until_interrupted(tailing())
