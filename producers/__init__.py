"""The operator's side: what publishes to the bus.

from producers import Publisher
"""

from producers.publisher import Publisher, Receipt

__all__ = ["Publisher", "Receipt"]
