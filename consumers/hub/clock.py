"""The hub's `as_of`: the later of the wall clock and what the log says, and never back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from bus.instants import EPOCH, from_millis, to_millis
from consumers.fold import Fold

Now = Callable[[], datetime]


def wall_clock() -> datetime:
    return datetime.now(UTC)


class Clock:
    """Gives each picture its instant. A wall clock that is set back, or a leader before us whose clock was ahead, makes
    it stand still and never turn.
    """

    def __init__(self, now: Now = wall_clock) -> None:
        self._now = now
        self._floor = EPOCH

    def now(self) -> datetime:
        """What the wall clock says."""
        return self._now()

    def as_of(self, fold: Fold) -> datetime:
        """Now, for a picture of what this fold holds; in whole milliseconds."""
        self.not_before(from_millis(to_millis(self._now())))
        if fold.known_at is not None:
            self.not_before(fold.known_at)
        return self._floor

    def not_before(self, instant: datetime) -> None:
        self._floor = max(self._floor, instant)
