"""What waits, carried in a file: out of a building that is cut off, and sent from elsewhere.

One JSON object per line: who and which realm, then a line for each record with its frame (which proves itself), then
how many they were and the SHA-256 of all lines before. The records are those that would have been sent, down to the
last byte: `observed_at` and `sent_at` are the original ones. Bringing a file in twice, or sending from both places,
does no harm.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bus.errors import InvalidInput
from bus.topics import Realm
from producers.outbox.entry import Kept, Parcel, Unreadable, pack, unpack
from producers.outbox.ledger import Owner

FORMAT = "ntsg-outbox-1"


@dataclass(frozen=True, slots=True)
class Carried:
    """A file that was read."""

    owner: Owner
    parcels: Sequence[Parcel]
    problems: Sequence[str]
    """What of the file is not what was written, by line."""


def write_out(owner: Owner, kept: Sequence[Kept]) -> Iterator[str]:
    """The lines of the file."""
    total = hashlib.sha256()
    for line in _lines(owner, kept):
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"
        total.update(text.encode())
        yield text
    yield json.dumps({"records": len(kept), "sha256": total.hexdigest()}, separators=(",", ":")) + "\n"


def read_in(lines: Iterable[bytes]) -> Carried:
    """What the file holds; what of it is damaged is named, and the rest is good.

    Raises InvalidInput for a file that is none of ours.
    """
    source = iter(lines)
    first = next(source, b"")
    head = _object(first)
    if head is None or head.get("format") != FORMAT:
        raise InvalidInput("not a file of `ntsg outbox export`")
    owner = Owner(str(head.get("realm")), str(head.get("actor")))
    total, ended = hashlib.sha256(first), False
    parcels: list[Parcel] = []
    problems: list[str] = []
    for number, line in enumerate(source, start=2):
        if (found := _object(line)) is not None and "sha256" in found:
            ended = True
            if found["sha256"] != total.hexdigest():
                problems.append(
                    f"line {number}: the file is not what was written; {len(parcels)} records prove themselves"
                )
            continue
        total.update(line)
        try:
            parcels.append(_parcel(found, owner))
        except Unreadable as error:
            named = f"{found.get('ref')}@{found.get('revision')}: " if found else ""
            problems.append(f"line {number}: {named}{error}; export it again")
    if not ended:
        problems.append("the file ends early; export it again for what is missing")
    return Carried(owner, parcels, problems)


def _lines(owner: Owner, kept: Iterable[Kept]) -> Iterator[dict[str, Any]]:
    yield {"format": FORMAT, "realm": owner.realm, "actor": owner.actor}
    for each in kept:
        frame = b64encode(pack(each)).decode()
        yield {"ref": each.parcel.ref, "revision": each.parcel.revision, "frame": frame}


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _parcel(found: dict[str, Any] | None, owner: Owner) -> Parcel:
    if found is None:
        raise Unreadable("not JSON")
    try:
        parcel = unpack(b64decode(str(found.get("frame")), validate=True)).parcel
    except ValueError as error:
        raise Unreadable(f"the frame cannot be read: {error}") from error
    addressed = Realm(owner.realm).parse_input(parcel.record.topic)
    if addressed is None or addressed[1] != owner.actor:
        raise Unreadable(f"is for {parcel.record.topic}, which is not a topic of {owner.actor} in realm {owner.realm}")
    return parcel
