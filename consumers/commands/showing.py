"""How commands print the picture: for programs, for people, once or live."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from bus.commandline import extra
from bus.vocabulary import Audience

if TYPE_CHECKING:
    from consumers.merge.explain import Explanation
    from consumers.merge.view import View
    from consumers.public import PublicPicture
    from consumers.words import Words

language_option = click.option(
    "--lang", type=click.Choice(["sv", "en"]), help="Words for people.  [default: your locale's]"
)
audience_option = click.option(
    "--audience",
    type=click.Choice([audience.value for audience in Audience if audience is not Audience.UNKNOWN]),
    default=Audience.FULL.value,
    show_default=True,
    callback=lambda _, __, chosen: Audience(chosen),
    help="As whom to see it; see docs/audiences.md.",
)


def show_why(found: Explanation, as_json: bool, lang: str | None) -> None:
    """Print an explanation, for programs or for people."""
    if as_json:
        click.echo(found.model_dump_json())
        return
    from consumers.explaining import in_words

    click.echo(in_words(found, words(lang), width=min(shutil.get_terminal_size().columns, WIDEST)))


WIDEST = 120
"""Columns of text that are still easily read."""


def show(found: View, as_json: bool, lang: str | None, *, past: bool = False) -> None:
    """Print a picture, for programs or for people."""
    if as_json:
        click.echo(found.model_dump_json())
        return
    with extra("hub"):
        from rich.console import Console

        from consumers.terminal import Moment, Picture
    Console().print(Picture(found, words(lang), Moment(past=past)))


def show_public(found: PublicPicture, as_json: bool, lang: str | None) -> None:
    """Print what anybody may know: a sentence per line."""
    click.echo(found.model_dump_json() if as_json else "\n".join(found.text[words(lang).language]))


async def live(latest: Callable[[], tuple[View, float] | None], lang: str | None, *, keys: bool = False) -> None:
    """Show the latest picture and its progress on the whole screen, over and over, until cancelled.

    With keys (`consumers.looking`), until the reader leaves. Where there is no screen, there are none, and the picture
    is printed each time that it is another.
    """
    with extra("hub"):
        from rich.console import Console
        from rich.live import Live

        from consumers.looking import Looking, listening
        from consumers.terminal import Moment, Picture
    console = Console()
    looking = Looking(words(lang))
    printed = ""
    with (
        listening(looking.press) if keys and console.is_terminal else nullcontext(),
        Live(console=console, screen=True, auto_refresh=False) if console.is_terminal else nullcontext() as screen,
    ):
        while not looking.left:
            if found := latest():
                current, progress = found
                looking.see(current.situations)
                if screen is not None:
                    moment = Moment(now=datetime.now(UTC), progress=progress)
                    shown = Picture(current, looking.words, moment, console.height, looking.chosen)
                    screen.update(shown, refresh=True)
                elif current.digest != printed:
                    console.print(Picture(current, looking.words, Moment(progress=progress)))
                    printed = current.digest
            await looking.moved(REFRESH_SECONDS)


REFRESH_SECONDS = 0.25


def words(lang: str | None) -> Words:
    from consumers.words import Language, preferred, words_of

    return words_of(Language(lang) if lang else preferred())
