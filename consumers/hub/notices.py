"""The quarantine topic: what is held, with its bytes unchanged and the reason in headers.

A log keyed `topic/partition/offset`. A record that is held is put there with `ntsg_state` HELD; when a schema or the
registry has released it, a notice without value follows, RELEASED; when staff have settled it, one that names their
decision, SETTLED. So the last notice of a key tells what holds now.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum

from bus.errors import TooLarge
from bus.instants import format_instant
from bus.topics import Realm
from bus.transport.port import Outgoing, Transport
from bus.transport.to_end import records_to_end
from consumers.quarantine import Held, Place


class NoticeState(StrEnum):
    HELD = "HELD"
    RELEASED = "RELEASED"
    SETTLED = "SETTLED"


STATE, SETTLED_BY, REASON, TEXT, KNOWN_AT, LEFT_OUT = (
    "ntsg_state",
    "ntsg_settled_by",
    "ntsg_reason",
    "ntsg_text",
    "ntsg_known_at",
    "ntsg_value_left_out",
)
"""Headers of a notice. LEFT_OUT: the value is not here (too large with these headers, or one of a flood); the original
stands in its own topic, where the key says."""

TEXT_LIMIT = 1_000
"""Characters of a reason: a hostile record must not write long texts here."""


def notice(realm: Realm, place: Place, held: Held | None, settled_by: str | None = None) -> Outgoing:
    """The notice that a record is held, settled by a decision, or (None) held no longer."""
    key = str(place).encode()
    if held is not None and settled_by is not None:
        headers = ((STATE, NoticeState.SETTLED.encode()), (SETTLED_BY, settled_by.encode()))
        return Outgoing(realm.quarantine, key, None, headers)
    if held is None:
        return Outgoing(realm.quarantine, key, None, ((STATE, NoticeState.RELEASED.encode()),))
    said = (
        (STATE, NoticeState.HELD.encode()),
        (REASON, held.refusal.code.encode()),
        (TEXT, held.refusal.text[:TEXT_LIMIT].encode(errors="replace")),
        (KNOWN_AT, format_instant(held.known_at).encode()),
    )
    whole = Outgoing(realm.quarantine, key, held.record.value, said)
    if not held.left_out:
        with suppress(TooLarge):
            whole.check_size()
            return whole
    return Outgoing(realm.quarantine, key, b"", (*said, (LEFT_OUT, b"true")))


async def read_notices(transport: Transport, realm: Realm) -> Mapping[bytes, NoticeState]:
    """The last state of every key on the quarantine topic. Raises BusError."""
    states: dict[bytes, NoticeState] = {}
    async for records in records_to_end(transport, await transport.partitions([realm.quarantine])):
        for record in records:
            state = dict(record.headers).get(STATE)
            if record.key is not None and state is not None:
                states[record.key] = NoticeState(state.decode())
    return states
