"""Folds of drawn messages, and what must hold of every one, whatever is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from bus.envelope import Envelope
from bus.messages import Part
from bus.topics import Realm
from consumers.merge import State, View
from consumers.merge.rules import Rules
from tests.property.strategies import REGISTRY


def fold(messages: Iterable[Envelope], rules: Rules | None = None) -> State:
    state = State(Realm(), rules)
    state.registry = REGISTRY
    for envelope in messages:
        state.apply(envelope)
    return state


def view(messages: Iterable[Envelope], as_of: datetime, rules: Rules | None = None) -> View:
    return fold(messages, rules).view(as_of, {}, True)


def compare_message_by_message(messages: Sequence[Envelope], clock: Sequence[datetime]) -> None:
    """Incremental = from scratch after every message, asked at an instant each; and the changes, replayed, are the
    items.
    """
    state = fold([])
    replayed: dict[str, Part] = {}
    for count, (envelope, as_of) in enumerate(zip(messages, clock, strict=False), start=1):
        state.apply(envelope)
        for key, item in state.changes(as_of).items():
            if item is None:
                del replayed[key]
            else:
                replayed[key] = item
        scratch = fold(messages[:count])
        assert state.view(as_of, {}, True) == scratch.view(as_of, {}, True)
        assert replayed == scratch.items(as_of)
        assert state.summary(as_of) == scratch.summary(as_of)


def distinct(messages: Iterable[Envelope]) -> dict[str, list[Envelope]]:
    """The messages by entity, copies of one made one, with the earliest instants."""
    by_entity: dict[str, dict[bytes, Envelope]] = {}
    for e in messages:
        held = by_entity.setdefault(e.message.reference, {})
        copy = held.get(e.content, e)
        held[e.content] = replace(e, sent_at=min(e.sent_at, copy.sent_at), known_at=min(e.known_at, copy.known_at))
    return {ref: list(held.values()) for ref, held in by_entity.items()}


def by_order(e: Envelope) -> tuple[int, datetime, bytes]:
    return e.message.revision, e.sent_at, e.content
