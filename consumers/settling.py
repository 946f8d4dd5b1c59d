"""Settling what is held in quarantine: looking at the original, and the decision that says that it is dealt with.

Nothing is written twice. The original stands in the input log, where its place says; what settles it is a decision of
the coordination, on the record beside all others, with the picture that it was based on.
"""

from __future__ import annotations

import difflib
import hashlib
from datetime import datetime

from bus.codec import Codec
from bus.errors import CodecError, InvalidInput, InvalidMessage, UnknownReference
from bus.messages import MESSAGES, BasedOn, Decision, Message
from bus.references import is_reference, reference
from bus.topics import Kind, Realm, TopicPartition
from bus.transport.port import Stored, Transport
from bus.vocabulary import DecisionKind, DecisionState, Tlp
from consumers.fold import Fold
from consumers.quarantine import Held, Place, settled_by

READ_SECONDS = 10.0
"""How long the bus has to give the original."""


def held_at(fold: Fold, name: str) -> tuple[Place, Held]:
    """What is held at `topic/partition/offset`. Raises UnknownReference, naming the nearest."""
    held = {str(place): place for place in fold.quarantine.held}
    if name not in held:
        raise UnknownReference(name, difflib.get_close_matches(name, held, n=3))
    return held[name], fold.quarantine.held[held[name]]


async def original(transport: Transport, place: Place) -> Stored:
    """The record as it was written. Raises UnknownReference where there is none (any more), and BusErrors."""
    partition = TopicPartition(place.topic, place.partition)
    async with transport.reader({partition: place.offset}) as reader:
        if (await reader.end_offsets())[partition] > place.offset:
            for record in await reader.read(timeout=READ_SECONDS, limit=1):
                if record.offset == place.offset:
                    return record
    raise UnknownReference(str(place), ())


def message_in(realm: Realm, record: Stored) -> Message | None:
    """The message in a record of an input topic, whoever may have sent it; None where it cannot be read."""
    addressed = realm.parse_input(record.topic)
    if addressed is None or record.value is None:
        return None
    try:
        return Codec().decode(record.value, MESSAGES[addressed[0]])[0]
    except (CodecError, InvalidMessage):
        return None


def settlement(
    fold: Fold, place: Place, actor: str, *, reason: str, as_of: datetime, withdraw: bool, function: str | None
) -> Decision:
    """The decision by which `actor` settles what is held at a place, or takes that back.

    Raises InvalidInput when there is nothing to settle, or nothing to take back.
    """
    realm, ref = fold.realm, place.reference(fold.realm)
    if not is_reference(ref):
        raise InvalidInput(f"{place}: its name is too long for a decision")
    id_ = f"Q-{hashlib.sha256(ref.encode()).hexdigest()[:16]}"
    entity = fold.state.entity(reference(Kind.DECISION, actor, id_))
    before = entity.winner.message if entity is not None else None
    stands = isinstance(before, Decision) and place in set(settled_by(before, realm))
    if stands is not withdraw:
        raise InvalidInput(f"{place} is settled already" if stands else f"{place} is not settled by {actor}")
    return Decision(
        actor=actor,
        id=id_,
        revision=before.revision + 1 if before is not None else 1,
        status=min(realm.statuses),
        observed_at=as_of,
        tlp=Tlp.RED,
        decision=DecisionKind.NOTE,
        state=DecisionState.SUPERSEDED if withdraw else DecisionState.ADOPTED,
        title=f"Karantän: {ref.removeprefix('quarantine/')}"[:120],
        text=reason,
        affects=(ref,),
        based_on=BasedOn(digest=fold.state.digest, as_of=as_of),
        by_function=function,
    )
