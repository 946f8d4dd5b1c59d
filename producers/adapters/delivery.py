"""What was found in a file, handed to a publisher: a receipt or a fault for each message.

Of a `Publisher` a receipt says that the bus has the message, of a `DurablePublisher` that this machine's disk has it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from bus.errors import BusUnavailable, NtsgError, OutboxError
from producers.adapters.reading import Fault, Found
from producers.outbox import DurablePublisher, Entry
from producers.publisher import Publisher, Receipt

__all__ = ["Delivery", "deliver", "written"]

AT_ONCE = 1_000
"""Messages that are on their way at one time."""


@dataclass(frozen=True, slots=True)
class Delivery:
    receipts: tuple[Receipt | Entry, ...]
    faults: tuple[Fault, ...]


async def deliver(publisher: Publisher | DurablePublisher, found: Iterable[Found]) -> Delivery:
    """Publish all, each for itself: one that is refused keeps no other back.

    Raises BusUnavailable when the bus is away, OutboxError when the outbox takes no more. What was stored or kept by
    then does no harm when it is sent again.
    """
    waiting = list(found)
    receipts: list[Receipt | Entry] = []
    faults: list[Fault] = []
    for start in range(0, len(waiting), AT_ONCE):
        chunk = waiting[start : start + AT_ONCE]
        outcomes = await asyncio.gather(*(publisher.publish(each.message) for each in chunk), return_exceptions=True)
        away: BusUnavailable | OutboxError | None = None
        for each, outcome in zip(chunk, outcomes, strict=True):
            match outcome:
                case BusUnavailable() | OutboxError():
                    away = away or outcome
                case NtsgError():
                    faults.append(Fault(each.place, str(outcome)))
                case BaseException():
                    raise outcome
                case Receipt() | Entry():
                    receipts.append(outcome)
        if away:
            raise away
    return Delivery(tuple(receipts), tuple(faults))


def written(receipt: Receipt | Entry) -> str:
    """A receipt as JSON."""
    told = receipt.receipt if isinstance(receipt, Entry) else asdict(receipt)
    return json.dumps(told, separators=(",", ":"))
