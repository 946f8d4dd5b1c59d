"""`ntsg doctor`: what stands between an operator and the bus, asked in the order in which it would fail.

Each question needs the ones before it. An answer says what is well, or what is not and what to do about it. Nothing is
written but, when asked for, one retracted incident in an exercise, which changes no picture.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from bus.settings import Settings
from bus.transport import Transport
from producers.doctor.answers import Answer, Verdict
from producers.doctor.reaching import reach
from producers.doctor.speaking import Heard, speak

__all__ = ["Answer", "Heard", "Verdict", "examine"]


async def examine(
    settings: Settings, *, round_trip: bool = False, heard: Heard | None = None, transport: Transport | None = None
) -> AsyncIterator[Answer]:
    """The answers, as they come; after one that is ILL and that the rest depends on, no more.

    With `round_trip`, a record is sent to the bus and read back (in an exercise alone), and with `heard` a hub is asked
    for it. Raises InvalidSettings for settings that cannot be used at all.
    """
    lost = False
    async for answer in reach(settings):
        yield answer
        lost = answer.verdict is Verdict.ILL
    if not lost:
        async for answer in speak(settings, round_trip=round_trip, heard=heard, transport=transport):
            yield answer
