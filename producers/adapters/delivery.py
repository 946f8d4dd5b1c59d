"""What was found in a file, handed to the Publisher: a receipt or a fault for each message."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from bus.errors import BusUnavailable, NtsgError
from producers.adapters.reading import Fault, Found
from producers.publisher import Publisher, Receipt

__all__ = ["Delivery", "deliver"]

AT_ONCE = 1_000
"""Messages that are on their way at one time."""


@dataclass(frozen=True, slots=True)
class Delivery:
    receipts: tuple[Receipt, ...]
    faults: tuple[Fault, ...]


async def deliver(publisher: Publisher, found: Iterable[Found]) -> Delivery:
    """Publish all, each for itself: one that is refused keeps no other back.

    Raises BusUnavailable when the bus is away. What was stored by then does no harm when it is sent again.
    """
    waiting = list(found)
    receipts: list[Receipt] = []
    faults: list[Fault] = []
    for start in range(0, len(waiting), AT_ONCE):
        chunk = waiting[start : start + AT_ONCE]
        outcomes = await asyncio.gather(*(publisher.publish(each.message) for each in chunk), return_exceptions=True)
        away: BusUnavailable | None = None
        for each, outcome in zip(chunk, outcomes, strict=True):
            match outcome:
                case BusUnavailable():
                    away = away or outcome
                case NtsgError():
                    faults.append(Fault(each.place, str(outcome)))
                case BaseException():
                    raise outcome
                case receipt:
                    receipts.append(receipt)
        if away:
            raise away
    return Delivery(tuple(receipts), tuple(faults))
