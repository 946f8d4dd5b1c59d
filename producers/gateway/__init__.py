"""The gateway: HTTPS and a form, for operators without Kafka. What it has accepted is on its disk, in an outbox."""

from producers.gateway.gateway import Gateway
from producers.gateway.keys import Key, KeyRing
from producers.gateway.limits import Limits
from producers.gateway.server import serve

__all__ = ["Gateway", "Key", "KeyRing", "Limits", "serve"]
