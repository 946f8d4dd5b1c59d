"""The operator's side: what publishes to the bus.

from producers import DurablePublisher, Publisher
"""

from producers.outbox import DurablePublisher
from producers.publisher import Publisher, Receipt

__all__ = ["DurablePublisher", "Publisher", "Receipt"]
