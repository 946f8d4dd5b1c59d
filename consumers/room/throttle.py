"""Guessing slowed down: who failed again and again has to wait before the next try, longer each time.

By address, and by account. An address's wait grows to a quarter of an hour. An account's stays short, and does not hold
where that account has signed in before, so that nobody can keep an officer out by failing in their name.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

FREE = 5
"""Failures that cost nothing: people mistype."""
LONGEST_WAIT = {"address": 900.0, "account": 20.0}
"""Seconds."""
FORGOTTEN = 3_600.0
"""Seconds after which failures are forgotten."""
ROOM = 10_000
"""Of each kind that are remembered; beyond that, those that failed longest ago are forgotten."""


@dataclass(slots=True)
class _Failures:
    count: int
    last: float


class Throttle:
    """Remembers failures. `clock` tells seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures: dict[str, OrderedDict[str, _Failures]] = {kind: OrderedDict() for kind in LONGEST_WAIT}
        self._welcome: OrderedDict[tuple[str, str], None] = OrderedDict()

    def wait(self, address: str, account: str) -> float:
        """Seconds until the next try is let in; 0 for now."""
        waits = [self._wait("address", address)]
        if (address, account) not in self._welcome:
            waits.append(self._wait("account", account))
        return max(waits)

    def failed(self, address: str, account: str) -> None:
        now = self._clock()
        for kind, name in (("address", address), ("account", account)):
            known = self._failures[kind]
            before = known.pop(name, None)
            fresh = before is not None and now - before.last < FORGOTTEN
            known[name] = _Failures(before.count + 1 if before is not None and fresh else 1, now)
            _bound(known)

    def succeeded(self, address: str, account: str) -> None:
        """From then on the account's own failures do not hold it up at this address."""
        self._failures["account"].pop(account, None)
        self._welcome.pop((address, account), None)
        self._welcome[address, account] = None
        _bound(self._welcome)

    def _wait(self, kind: str, name: str) -> float:
        failures = self._failures[kind].get(name)
        if failures is None or failures.count < FREE:
            return 0.0
        wait = min(2.0 ** min(failures.count - FREE, 30), LONGEST_WAIT[kind])
        return max(0.0, failures.last + wait - self._clock())


def _bound(known: OrderedDict[Any, Any]) -> None:
    if len(known) > ROOM:
        known.popitem(last=False)
