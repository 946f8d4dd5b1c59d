"""The logs of the realm itself: who belongs to it (`<realm>.actors.v1`) and which schemas it speaks.

Both only ever grow. What `actors.toml` says now is compared with what the log says, and the difference is appended.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.resources import files

from bus.codec import Codec, encode
from bus.errors import CodecError, InvalidMessage, InvalidRegistry, WrongSchema
from bus.provision.actions import LogEntry, LogSchema
from bus.registry import Actor, ReaderEntry
from bus.topics import Realm, TopicPartition
from bus.transport.port import Outgoing, Stored, Transport
from bus.transport.to_end import records_to_end
from schemas import VERSIONS, all_schemas

_EARLIEST = datetime.min.replace(tzinfo=UTC)

Entry = Actor | ReaderEntry


def due_entries(logged: Iterable[Entry], wanted: Iterable[Entry], now: datetime) -> tuple[Entry, ...]:
    """What must be appended so that the log says what is wanted.

    `logged` in the order of the log; a later entry corrects the earlier of the same span (slug and `valid_from`).
    Each wanted entry becomes the last span of its slug: what began before it ends where it begins, what was to begin
    after it never does. Who is no longer wanted ends now.
    """
    spans: dict[str, dict[datetime | None, Entry]] = {}
    for entry in logged:
        spans.setdefault(entry.slug, {})[entry.valid_from] = entry
    wanted_by_slug = {entry.slug: entry for entry in wanted}
    due: list[Entry] = []
    for slug in sorted(spans.keys() | wanted_by_slug.keys()):
        held, last = spans.get(slug, {}), wanted_by_slug.get(slug)
        if last is None:
            due += ended(held.values(), now)
            continue
        due += ended((other for other in held.values() if other.valid_from != last.valid_from), _begin(last))
        if held.get(last.valid_from) != last:
            due.append(last)
    return tuple(due)


def ended(entries: Iterable[Entry], at: datetime) -> Iterator[Entry]:
    """The entries that reach beyond that instant, cut there; one that begins after it is left with no span at all."""
    for entry in entries:
        until = max(at, _begin(entry))
        if entry.valid_until is None or entry.valid_until > until:
            yield entry.model_copy(update={"valid_until": until})


def _begin(entry: Entry) -> datetime:
    return entry.valid_from or _EARLIEST


async def logged_entries(transport: Transport, realm: Realm) -> tuple[Entry, ...]:
    """Every entry of the realm's registry, in the order of the log. Empty if the topic does not exist yet.

    Raises InvalidRegistry for a record that cannot be read, BusError.
    """
    codec = Codec()
    return tuple([_entry(codec, record) for record in await _read_all(transport, realm.actors)])


def _entry(codec: Codec, record: Stored) -> Entry:
    value = record.value or b""
    try:
        try:
            return codec.decode(value, Actor)[0]
        except WrongSchema:
            return codec.decode(value, ReaderEntry)[0]
    except (CodecError, InvalidMessage) as error:
        place = f"{record.topic}:{record.partition} offset {record.offset}"
        raise InvalidRegistry(
            f"{place} cannot be read ({error}); is a newer version of this software in use?"
        ) from error


async def logged_schemas(transport: Transport, realm: Realm) -> frozenset[str]:
    """The fingerprints (16 hex digits) on the realm's schemas topic."""
    return frozenset([(record.key or b"").decode() for record in await _read_all(transport, realm.schemas)])


def bundled_schemas() -> tuple[LogSchema, ...]:
    """Every schema that travels with this package, of every version."""
    codec = Codec()
    found = []
    for version in VERSIONS:
        for name, _ in all_schemas(version):
            avsc = files("schemas").joinpath(version, f"{name}.avsc").read_text("utf-8")
            found.append(LogSchema(f"{name} {version}", codec.learn(avsc), avsc))
    return tuple(found)


def records(realm: Realm, actions: Iterable[LogEntry | LogSchema]) -> list[Outgoing]:
    """What is written to the log for these actions."""
    return [
        Outgoing(realm.actors, action.entry.slug.encode(), encode(action.entry))
        if isinstance(action, LogEntry)
        else Outgoing(realm.schemas, action.fingerprint.encode(), action.avsc.encode())
        for action in actions
    ]


async def _read_all(transport: Transport, topic: str) -> Sequence[Stored]:
    """All records of a topic with one partition, as of now; none if there is no such topic."""
    if not await transport.partitions([topic]):
        return ()
    return [record async for records in records_to_end(transport, [TopicPartition(topic, 0)]) for record in records]
