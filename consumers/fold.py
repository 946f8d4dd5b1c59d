"""From the log to the picture: `Fold` takes the records of a realm, in any interleaving of partitions, and keeps the
state of the merge. No I/O, no clock.

Every record is decoded, its sender's authority is judged, and it enters the state or the quarantine. Registry and
schemas are logs too, folded here like the rest: when one of them grows, what they refused is judged again. The result
at equal `inputs` is equal, whatever the order in which the partitions were read. One event cannot be folded forwards:
an entry of the registry that forbids what was accepted under the one before. Then `needs_refold` says so, and the
owner folds the log from its start.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from bus.codec import Codec
from bus.envelope import MAX_MESSAGE_BYTES, Envelope, sent_at, too_large
from bus.errors import (
    CodecError,
    DamagedBody,
    InvalidMessage,
    NotSingleObject,
    UnknownFingerprint,
    WrongSchema,
)
from bus.instants import EPOCH, from_millis, to_millis
from bus.messages import MESSAGES, Decision, Message
from bus.references import Kind, record_key, reference
from bus.registry import Actor, ReaderEntry, Registry
from bus.topics import Realm, TopicPartition
from bus.transport.port import Stored
from bus.vocabulary import SignaturePolicy
from consumers.authority import (
    Refusal,
    RefusalCode,
    asks_more,
    judge,
    judge_actor,
    judge_signature,
    judge_without_value,
)
from consumers.merge import Projections, Signed, Standing, State, Trace
from consumers.quarantine import Held, Place, Quarantine, settled_by
from consumers.shelf import Shelf

_CODES: dict[type[CodecError], RefusalCode] = {
    NotSingleObject: RefusalCode.NOT_SINGLE_OBJECT,
    UnknownFingerprint: RefusalCode.UNKNOWN_FINGERPRINT,
    DamagedBody: RefusalCode.DAMAGED_BODY,
    WrongSchema: RefusalCode.WRONG_SCHEMA,
}

ROOM = 5_000
"""Entities that may be in memory before anybody looks whether some may leave."""


class Entered(NamedTuple):
    """A message that told the picture something new."""

    place: Place
    ref: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Remembered:
    """All that a fold had in its memory, to go on from there."""

    records: Sequence[tuple[Stored, int]]
    """Those that are no message of the picture: registry, schemas, what is held. Each with its known_at (milliseconds),
    in the order in which they were folded.
    """
    entities: Mapping[str, Sequence[Trace]]
    standing: Standing
    positions: Mapping[TopicPartition, tuple[int, int]]
    """The next offset of each partition, and its greatest append time (milliseconds)."""
    accepted: Mapping[tuple[TopicPartition, str | None], array[int]]
    """When what was accepted was known, by on_behalf_of."""


@dataclass(slots=True)
class _Lane:
    """One partition, and what its topic says of the records in it."""

    partition: TopicPartition
    take: Callable[[_Lane, Stored, datetime], None]
    kind: Kind = Kind.INCIDENT
    owner: str = ""
    model: type[Message] = Message
    of: str = ""
    """What every reference to an entity of the topic begins with."""
    next_offset: int = 0
    known_millis: int = -1
    known_at: datetime = EPOCH
    ended: bool = False
    accepted: dict[str | None, array[int]] = field(default_factory=dict)
    """The known_at (milliseconds) of what was accepted, by on_behalf_of: all that it takes to judge it again."""


class Fold:
    """The picture of a realm, as far as records were applied.

    With `until`, only what the bus knew by then is folded: a prefix of every partition. Learnt schemas stay in `codec`,
    so each fold over another prefix wants a codec of its own (the default).

    With a `shelf`, made for the same codec, what is long over leaves the memory for it as the log goes on.
    """

    def __init__(
        self, realm: Realm, codec: Codec | None = None, *, until: datetime | None = None, shelf: Shelf | None = None
    ) -> None:
        self.realm = realm
        self.state = State(realm, read=self._read, archive=shelf)
        self.projections = Projections(self.state)
        """What each audience may see of the state."""
        self.quarantine = Quarantine()
        self._shelf = shelf
        self._room = ROOM
        self._forbids_past = False
        self._codec = codec or Codec()
        self._until = None if until is None else to_millis(until)
        self._lanes: dict[tuple[str, int], _Lane | None] = {}
        self._entries: dict[tuple[int, int], Actor] = {}
        self._registry = Registry()
        self._registry_grew = False
        self._entered: list[Entered] = []
        self.state.registry = self._registry

    @property
    def registry(self) -> Registry:
        return self._registry

    @property
    def needs_refold(self) -> str | None:
        """Why this cannot go on, and the log has to be folded from its start."""
        if self._forbids_past:
            return "the registry now forbids what was accepted before"
        return "what is long over cannot be read back" if self._shelf is not None and self._shelf.lost else None

    @property
    def inputs(self) -> Mapping[str, int]:
        """The next offset of every partition that holds a record, as `topic:partition`, sorted. Equal inputs are equal
        sets of records (an empty topic adds none, so it is not named).
        """
        return {str(lane.partition): lane.next_offset for lane in self._folded()}

    @property
    def known_at(self) -> datetime | None:
        """The greatest known_at folded; None before the first record."""
        return max((lane.known_at for lane in self._folded() if lane.known_millis >= 0), default=None)

    def position(self, partition: TopicPartition) -> int:
        """The next offset to fold."""
        lane = self._lanes.get(partition)
        return lane.next_offset if lane is not None else 0

    def apply(self, records: Iterable[Stored]) -> Sequence[Entered]:
        """Fold records, those of one partition in the order of their offsets. What was folded before, and topics that
        are no input of this realm, are passed over.

        Returns what entered the picture, also from records that were held until now. May raise ArchiveLost.
        """
        entered: list[Entered] = []
        self._entered = entered
        for record in records:
            if (lane := self._lane_for(record)) is not None:
                lane.take(lane, record, lane.known_at)
        self._settle_registry()
        self.state.quarantined = len(self.quarantine)
        self._lay_aside()
        return entered

    def resume(self, remembered: Remembered) -> None:
        """Go on, with nothing folded yet, from what a fold of equal origin had come to."""
        control = (self.realm.actors, self.realm.schemas)
        self._take_again(kept for kept in remembered.records if kept[0].topic in control)
        self.state.resume(remembered.entities, remembered.standing)
        for ref in remembered.entities:
            if ref.startswith(f"{Kind.DECISION}/"):
                self._settle_held(ref)
        self._take_again(kept for kept in remembered.records if kept[0].topic not in control)
        for partition, (next_offset, known_millis) in remembered.positions.items():
            if (lane := self._lane(partition)) is not None:
                lane.next_offset, lane.known_millis, lane.known_at = (
                    next_offset,
                    known_millis,
                    from_millis(known_millis),
                )
                lane.accepted.clear()
        for (partition, on_behalf_of), accepted in remembered.accepted.items():
            if (lane := self._lane(partition)) is not None:
                lane.accepted[on_behalf_of] = accepted
        self.state.quarantined = len(self.quarantine)

    def _take_again(self, kept: Iterable[tuple[Stored, int]]) -> None:
        for record, known_millis in kept:
            if (lane := self._lane(record)) is not None:
                lane.take(lane, record, from_millis(known_millis))
        self._settle_registry()

    @property
    def partitions(self) -> Sequence[TopicPartition]:
        """Those that were folded."""
        return [lane.partition for lane in self._folded()]

    def known_millis(self, partition: TopicPartition) -> int:
        """The greatest append time in the partition so far, in milliseconds; -1 before its first record."""
        lane = self._lanes.get(partition)
        return lane.known_millis if lane is not None else -1

    def accepted(self, partition: TopicPartition) -> Mapping[str | None, array[int]]:
        """When what was accepted was known, by on_behalf_of: it grows at its ends."""
        lane = self._lanes.get(partition)
        return lane.accepted if lane is not None else {}

    def _lay_aside(self) -> None:
        """Let go what is long over, by the time that the log tells, once there is twice what could not leave."""
        if self._shelf is not None and len(self.state) > self._room and self.known_at is not None:
            self.state.archive(self.known_at)
            self._room = 2 * len(self.state) + ROOM

    def _lane(self, of: Stored | TopicPartition) -> _Lane | None:
        try:
            return self._lanes[of.topic, of.partition]
        except KeyError:
            return self._open(TopicPartition(of.topic, of.partition))

    def _lane_for(self, record: Stored) -> _Lane | None:
        """Where a record belongs, brought up to it; None if it is to be passed over."""
        lane = self._lane(record)
        if lane is None or lane.ended or record.offset < lane.next_offset:
            return None
        if record.timestamp > lane.known_millis:
            if self._until is not None and record.timestamp > self._until:
                lane.ended = True
                return None
            lane.known_millis = record.timestamp
            lane.known_at = from_millis(record.timestamp)
        lane.next_offset = record.offset + 1
        return lane

    def _folded(self) -> list[_Lane]:
        lanes = (lane for lane in self._lanes.values() if lane is not None and lane.next_offset)
        return sorted(lanes, key=lambda lane: lane.partition)

    def _open(self, partition: TopicPartition) -> _Lane | None:
        lane: _Lane | None = None
        if partition.topic == self.realm.actors:
            lane = _Lane(partition, self._take_entry)
        elif partition.topic == self.realm.schemas:
            lane = _Lane(partition, self._take_schema)
        elif parsed := self.realm.parse_input(partition.topic):
            kind, owner = parsed
            lane = _Lane(partition, self._take_message, kind, owner, MESSAGES[kind], reference(kind, owner, ""))
        self._lanes[partition] = lane
        return lane

    def _take_message(self, lane: _Lane, record: Stored, known_at: datetime) -> None:
        if self._registry_grew:
            self._settle_registry()
        if record.value is None:
            self._hold(record, known_at, judge_without_value(record))
            return
        if len(record.value) > MAX_MESSAGE_BYTES:
            self._hold(record, known_at, Refusal(RefusalCode.TOO_LARGE, too_large(record.value)))
            return
        try:
            message, content = self._codec.decode(record.value, lane.model)
        except (CodecError, InvalidMessage) as error:
            self._hold_unreadable(record, known_at, error)
            return
        refusal = self._misplaced(lane, record, message) or judge(
            message, known_at=known_at, realm=self.realm, registry=self._registry
        )
        signed = None
        if refusal is None and lane.owner in self._registry.signing:
            refusal, signed = self._judge_signature(lane, record, known_at)
        if refusal is not None:
            self._hold(record, known_at, refusal)
            return
        self._remember(lane, message.on_behalf_of, known_at)
        envelope = Envelope(message, content, sent_at(record.headers) or known_at, known_at)
        trace = Trace.of(envelope, record.value, signed)
        ref = lane.of + message.id
        if self.projections.take(ref, trace, envelope):
            self._entered.append(Entered(Place.of(record), ref, content))
            if lane.kind is Kind.DECISION:
                self._settle_held(ref)

    def _judge_signature(self, lane: _Lane, record: Stored, known_at: datetime) -> tuple[Refusal | None, Signed | None]:
        """Why the record stays out, and how it is signed: None where nobody asks."""
        entry = self._registry.at(lane.owner, known_at)
        policy = SignaturePolicy.OFF if entry is None else entry.policy_at(known_at)
        if policy is SignaturePolicy.OFF:
            return None, None
        refusal = judge_signature(record, lane.owner, known_at=known_at, registry=self._registry)
        if refusal is None:
            return None, Signed.VERIFIED
        if policy is SignaturePolicy.REQUIRE:
            return refusal, None
        return None, Signed.UNSIGNED if refusal.code is RefusalCode.UNSIGNED else Signed.UNVERIFIABLE

    def _settle_held(self, ref: str) -> None:
        """What is held is settled as the standing word on a decision says. One that settles stays in memory."""
        entity = self.state.entity(ref)
        if entity is not None and isinstance(decision := entity.winner.message, Decision):
            self.quarantine.settle(ref, settled_by(decision, self.realm))

    def _read(self, kind: str, value: bytes) -> Message:
        return self._codec.decode(value, MESSAGES[Kind(kind)])[0]

    def _misplaced(self, lane: _Lane, record: Stored, message: Message) -> Refusal | None:
        if message.actor != lane.owner:
            text = f"says that it is from {message.actor}, on the topic of {lane.owner}"
            return Refusal(RefusalCode.WRONG_OWNER, text)
        key = record_key(message.actor, message.id)
        if record.key != key:
            found = repr(record.key.decode(errors="replace")) if record.key is not None else "no key"
            return Refusal(RefusalCode.WRONG_KEY, f"has {found} for its key where {key.decode()!r} belongs")
        return None

    def _take_entry(self, _: _Lane, record: Stored, known_at: datetime) -> None:
        try:
            if record.value is None:
                raise NotSingleObject("a record without value; the registry is a log: end a validity instead")
            entry = _read_entry(self._codec, record.value)
        except (CodecError, InvalidMessage) as error:
            self._hold_unreadable(record, known_at, error)
            return
        if entry is not None:
            self._entries[record.partition, record.offset] = entry
            self._registry_grew = True

    def _take_schema(self, _: _Lane, record: Stored, known_at: datetime) -> None:
        try:
            fingerprint = self._codec.learn((record.value or b"").decode())
        except (CodecError, UnicodeDecodeError) as error:
            self._hold(record, known_at, Refusal(RefusalCode.WRONG_SCHEMA, f"not a schema: {error}"))
            return
        self._judge_again(self.quarantine.release_for_schema(fingerprint))

    def _settle_registry(self) -> None:
        """Judge by the registry as it is now, whom it refused and whom it let in."""
        if not self._registry_grew:
            return
        self._registry_grew = False
        before = self._registry
        self._registry = Registry.of(entry for _, entry in sorted(self._entries.items(), key=lambda found: found[0]))
        self.state.registry = self._registry
        self._forbids_past = self._forbids_past or any(
            self._refused_now(lane, before)
            for lane in self._lanes.values()
            if lane is not None and before.actors.get(lane.owner) != self._registry.actors.get(lane.owner)
        )
        self._judge_again(self.quarantine.release_for_registry())

    def _refused_now(self, lane: _Lane, before: Registry) -> bool:
        return any(
            judge_actor(lane.owner, lane.kind, on_behalf_of, known_at=known_at, registry=self._registry)
            or asks_more(before, self._registry, lane.owner, known_at)
            for on_behalf_of, known in lane.accepted.items()
            for known_at in map(from_millis, known)
        )

    def _remember(self, lane: _Lane, on_behalf_of: str | None, known_at: datetime) -> None:
        known = lane.accepted.get(on_behalf_of)
        if known is None:
            known = lane.accepted[on_behalf_of] = array("q")
        millis = lane.known_millis if known_at is lane.known_at else to_millis(known_at)
        if not known or known[-1] != millis:
            known.append(millis)

    def _judge_again(self, released: Iterable[Held]) -> None:
        for held in released:
            lane = self._lanes[held.record.topic, held.record.partition]
            if lane is not None:
                lane.take(lane, held.record, held.known_at)

    def _hold_unreadable(self, record: Stored, known_at: datetime, error: CodecError | InvalidMessage) -> None:
        if isinstance(error, InvalidMessage):
            refusal = Refusal(RefusalCode.INVALID_MESSAGE, str(error))
        else:
            refusal = Refusal(_CODES[type(error)], str(error))
        self._hold(record, known_at, refusal, error.fingerprint if isinstance(error, UnknownFingerprint) else None)

    def _hold(self, record: Stored, known_at: datetime, refusal: Refusal, fingerprint: str | None = None) -> None:
        self.quarantine.hold(Held(record, known_at, refusal, fingerprint))


def _read_entry(codec: Codec, value: bytes) -> Actor | None:
    """An entry of the registry; None for a reader's, who says nothing that could be judged."""
    try:
        return codec.decode(value, Actor)[0]
    except WrongSchema:
        codec.decode(value, ReaderEntry)
        return None
