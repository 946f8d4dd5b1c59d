"""Looking into an outbox that another process may be delivering: what is in it, without touching it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bus.errors import OutboxError
from producers.outbox.entry import Entry, EntryState, Kept
from producers.outbox.ledger import Ledger, Owner
from producers.outbox.salvage import files


@dataclass(frozen=True, slots=True)
class Looked:
    """An outbox as it was at one moment."""

    owner: Owner
    entries: Sequence[Entry]
    counts: Mapping[EntryState, int]
    unsent: Sequence[Kept]
    """What the bus does not have: waiting or refused, in the order of acceptance."""
    set_aside: Sequence[Path]
    """Broken files that were salvaged."""


def look(directory: Path) -> Looked:
    """Raises OutboxError where there is no outbox, or none that can be read."""
    found = files(directory)
    if not found:
        raise OutboxError(f"{directory} is no outbox; `ntsg publish --outbox` makes one")
    try:
        ledger = Ledger.reading(found[-1])
        try:
            unsent = [*ledger.frames(EntryState.WAITING), *ledger.frames(EntryState.REFUSED)]
            return Looked(
                ledger.owner() or Owner("", ""),
                list(ledger.entries()),
                ledger.counts(),
                sorted(unsent, key=lambda kept: kept.number),
                found[:-1],
            )
        finally:
            ledger.close()
    except sqlite3.DatabaseError as error:
        raise OutboxError(
            f"{found[-1]} cannot be read ({error}); what is readable is salvaged by `ntsg outbox flush`"
        ) from error
