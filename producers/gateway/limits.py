"""How much one key, and one address, may ask of the gateway."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass

from producers.outbox.outbox import MAX_BYTES

__all__ = ["Buckets", "Limits"]

MOST_BUCKETS = 10_000
"""Askers that are remembered; the one that asked least recently is forgotten, and starts afresh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Defaults that no operator meets by hand, and few by machine."""

    rate: float = 20.0
    """Requests a second that a key may make for long."""
    burst: int = 100
    """Requests that it may make at once."""
    failures_per_minute: float = 10.0
    """Wrong keys a minute from one address, before it has to wait."""
    body_bytes: int = 5_000_000
    lines: int = 1_000
    """Messages of one request."""
    outbox_bytes: int = MAX_BYTES
    """Room that what waits of one actor may take on the disk."""
    body_seconds: float = 30.0
    """For a request's body to arrive."""


class Buckets:
    """A bucket of `burst` tokens for each asker, which fills by `rate` a second."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, asker: str, now: float, tokens: float = 1.0) -> int:
        """Take tokens; 0 when there were enough, else the whole seconds to wait until there are."""
        left = self._left(asker, now)
        wait = 0 if left >= tokens else math.ceil((tokens - left) / self._rate)
        self._buckets[asker] = (left if wait else left - tokens, now)
        self._buckets.move_to_end(asker)
        if len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return wait

    def empty(self, asker: str, now: float) -> int:
        """The whole seconds to wait until there is a token; 0 when there is one. Takes nothing."""
        left = self._left(asker, now)
        return 0 if left >= 1 else math.ceil((1 - left) / self._rate)

    def _left(self, asker: str, now: float) -> float:
        left, then = self._buckets.get(asker, (self._burst, now))
        return min(self._burst, left + (now - then) * self._rate)
