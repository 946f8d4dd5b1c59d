"""Where the reader of a live picture in a terminal looks: at which situation, in which language; and the keys for it.

The keys are those of the coordination room. A situation that is looked at stays so when the ranking changes.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import Enum, auto

from consumers.merge.view import Situation
from consumers.words import ENGLISH, SWEDISH, Words

__all__ = ["KEYS", "Key", "Looking", "keys_in", "listening"]


class Key(Enum):
    """What a key means."""

    NEXT = auto()
    PREVIOUS = auto()
    LANGUAGE = auto()
    LEAVE = auto()


KEYS = {
    "j": Key.NEXT,
    "\x1b[B": Key.NEXT,
    "\x1bOB": Key.NEXT,
    "k": Key.PREVIOUS,
    "\x1b[A": Key.PREVIOUS,
    "\x1bOA": Key.PREVIOUS,
    "l": Key.LANGUAGE,
    "q": Key.LEAVE,
}
"""By what a terminal sends; arrows send one of two sequences."""

_PIECES = re.compile(r"\x1b[\[O][\d;]*[A-Za-z~]|(?P<begun>\x1b(?:[\[O][\d;]*)?)\Z|.", re.DOTALL)


class Looking:
    """One reader. Keys are told by `press`; `moved` waits for one."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self.chosen: str | None = None
        """Id of a situation; None: the first, whichever it is."""
        self.left = False
        self._situations: Sequence[Situation] = ()
        self._pressed = asyncio.Event()

    def see(self, situations: Sequence[Situation]) -> None:
        """What there is to look at, in the order in which it is shown."""
        self._situations = situations

    def press(self, key: Key) -> None:
        match key:
            case Key.NEXT:
                self._move(1)
            case Key.PREVIOUS:
                self._move(-1)
            case Key.LANGUAGE:
                self.words = ENGLISH if self.words is SWEDISH else SWEDISH
            case Key.LEAVE:
                self.left = True
        self._pressed.set()

    async def moved(self, most: float) -> None:
        """Return when a key was pressed, or after so many seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._pressed.wait(), most)
        self._pressed.clear()

    def _move(self, by: int) -> None:
        if self._situations:
            places = (i for i, s in enumerate(self._situations) if self.chosen in (s.id, *s.aliases))
            place = next(places, 0) + by
            self.chosen = self._situations[max(0, min(place, len(self._situations) - 1))].id


def keys_in(sent: str) -> tuple[list[Key], str]:
    """The keys that mean something, and the beginning of a sequence whose end has not come yet."""
    keys, begun = [], ""
    for piece in _PIECES.finditer(sent):
        begun = piece["begun"] or ""
        if piece[0] in KEYS:
            keys.append(KEYS[piece[0]])
    return keys, begun


@contextmanager
def listening(press: Callable[[Key], None]) -> Iterator[None]:
    """Tell each key while the context lasts; afterwards the terminal is as it was. Without one, no key is heard."""
    if not sys.stdin.isatty():
        yield
        return
    import termios
    import tty

    terminal, loop = sys.stdin.fileno(), asyncio.get_running_loop()
    before, begun = termios.tcgetattr(terminal), ""

    def read() -> None:
        nonlocal begun
        try:
            sent = os.read(terminal, 1024)
        except OSError:
            sent = b""
        if not sent:  # the terminal is gone
            loop.remove_reader(terminal)
        keys, begun = keys_in(begun + sent.decode(errors="ignore"))
        for key in keys:
            press(key)

    tty.setcbreak(terminal)
    loop.add_reader(terminal, read)
    try:
        yield
    finally:
        loop.remove_reader(terminal)
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
