"""The pure merge over files: the picture that a hub would show, had these lines come to it over the bus.

No broker, no clock: the result depends on the set of lines alone, not on their order, nor on how often each is there.
`sent_at` stands in for a `known_at` that a line does not tell, and the other way round; `observed_at` stands in for
both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bus.codec import content_hash, encode
from bus.envelope import Envelope
from bus.instants import EPOCH
from bus.ndjson import BadLine, Line
from bus.registry import Registry
from bus.topics import Realm
from bus.vocabulary import Audience
from consumers.authority import judge
from consumers.merge import Projections, State
from consumers.merge.explain import Explanation
from consumers.merge.view import View
from consumers.public import PublicPicture, public_picture

__all__ = ["explain_lines", "merge_lines", "public_lines"]


@dataclass(frozen=True, slots=True)
class _Judged:
    envelope: Envelope
    accepted: bool


def merge_lines(
    lines: Iterable[Line | BadLine],
    *,
    realm: Realm,
    registry: Registry | None = None,
    as_of: datetime | None = None,
    audience: Audience = Audience.FULL,
) -> View:
    """The view of the lines known by `as_of`, as an audience sees it; without `as_of`, as of the last of those that
    count. Raises KeyError for PUBLIC, which has no view.

    Without a registry nothing is checked but the status, and no rule by role fires. What a hub would quarantine, and
    every line that is no message at all, counts once however often it is there.
    """
    state, as_of = _fold(lines, realm, registry, as_of)
    return Projections(state).view(audience, as_of, {}, True)


def public_lines(
    lines: Iterable[Line | BadLine], *, realm: Realm, registry: Registry | None = None, as_of: datetime | None = None
) -> PublicPicture:
    """What anybody may know of the view that `merge_lines` makes."""
    state, as_of = _fold(lines, realm, registry, as_of)
    return public_picture(Projections(state), as_of)


def explain_lines(
    lines: Iterable[Line | BadLine],
    ref: str,
    *,
    realm: Realm,
    registry: Registry | None = None,
    as_of: datetime | None = None,
) -> Explanation:
    """How what the reference names came about, in the view that `merge_lines` makes. Raises UnknownReference."""
    state, as_of = _fold(lines, realm, registry, as_of)
    return state.explain(ref, as_of)


def _fold(
    lines: Iterable[Line | BadLine], realm: Realm, registry: Registry | None, as_of: datetime | None
) -> tuple[State, datetime]:
    judged: list[_Judged] = []
    unreadable: set[str] = set()
    for line in lines:
        if isinstance(line, BadLine):
            unreadable.add(line.text.strip())
        else:
            judged.append(_judge(line, realm, registry))
    if as_of is None:
        counted = [each for each in judged if each.accepted] or judged
        as_of = max((each.envelope.known_at for each in counted), default=EPOCH)
    state = State(realm)
    if registry is not None:
        state.registry = registry
    refused: set[tuple[str, bytes, datetime, datetime]] = set()
    for each in judged:
        envelope = each.envelope
        if envelope.known_at > as_of:
            continue
        if each.accepted:
            state.apply(envelope)
        else:
            refused.add((envelope.message.kind, envelope.content, envelope.sent_at, envelope.known_at))
    state.quarantined = len(refused) + len(unreadable)
    return state, as_of


def _judge(line: Line, realm: Realm, registry: Registry | None) -> _Judged:
    message = line.message
    known_at = line.known_at or line.sent_at or message.observed_at
    sent_at = line.sent_at or known_at
    refusal = judge(message, known_at=known_at, realm=realm, registry=registry)
    return _Judged(Envelope(message, content_hash(encode(message)), sent_at, known_at), refusal is None)
