"""What a room asks of the hub that serves it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from bus.instants import Instant
from bus.messages import Part
from bus.topics import Realm
from bus.transport.port import Transport
from bus.vocabulary import Audience
from consumers.fold import Fold
from consumers.merge.explain import Explanation
from consumers.merge.view import View


class HubStatus(Part):
    """What a hub has folded and how it is, without the picture. Equal `inputs` and `rules` mean equal `digest`."""

    realm: str
    as_of: Instant
    inputs: dict[str, int]
    digest: str
    rules: str
    settled: bool
    """Whether the hub has met the end of the log, and the bus still answers."""
    alive: bool
    """False when reading stands still although there is something to read."""
    leader: bool
    quarantined: int
    held_back: tuple[str, ...]
    """Partitions (`topic:partition`) on which a transaction that stays open hides records."""
    alerts_failing: tuple[str, ...] = ()
    """Channels that take no alerts, each with the reason and how many wait."""


class Source(Protocol):
    """A hub, as its room sees it."""

    @property
    def realm(self) -> Realm: ...
    @property
    def transport(self) -> Transport: ...
    @property
    def fold(self) -> Fold:
        """The live one. It is another object after the hub had to fold from the start."""

    @property
    def is_settled(self) -> bool:
        """Whether the hub has met the end of the log, and the bus still answers."""

    @property
    def progress(self) -> float:
        """The share of the log that is folded, 0 to 1."""

    @property
    def heard_at(self) -> datetime:
        """When the bus last answered this hub."""

    def as_of(self) -> datetime:
        """The hub's now, which never goes back."""

    def view(self, audience: Audience = Audience.FULL) -> View: ...
    def explain(self, ref: str) -> Explanation: ...
    def status(self) -> HubStatus: ...
