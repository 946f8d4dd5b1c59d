"""The durable outbox: what an operator publishes is on its own disk first, and reaches the bus when the bus is there.

`DurablePublisher` is the whole of it. `Outbox` and `Deliverer` are its parts, for a program that serves several actors.
"""

from producers.outbox.deliverer import Deliverer
from producers.outbox.entry import Entry, EntryState, Parcel
from producers.outbox.ledger import Owner
from producers.outbox.outbox import Outbox
from producers.outbox.publisher import DurablePublisher
from producers.outbox.urgency import Urgency, urgency_of

__all__ = [
    "Deliverer",
    "DurablePublisher",
    "Entry",
    "EntryState",
    "Outbox",
    "Owner",
    "Parcel",
    "Urgency",
    "urgency_of",
]
