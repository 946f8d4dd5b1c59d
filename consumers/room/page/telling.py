"""Differences and messages in words: what was and what is, and what will be sent, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from bus.instants import parse_instant
from bus.messages import Message
from bus.vocabulary import (
    ConflictState,
    DecisionKind,
    DecisionState,
    EmergencyImpact,
    Freshness,
    Fulfilment,
    Impact,
    MeasureState,
    OperatorMode,
    RequestState,
    ResourceKind,
    Service,
    SituationState,
    Trend,
)
from consumers.room.page.labels import LABELS, Labels
from consumers.words import Words, grouped

__all__ = ["fields", "told"]

_DAY = timedelta(days=1)
_SWITCH = frozenset({"true", "false"})
OPENING = frozenset({"actor", "id", "status", "observed_at", "reported_via", "kind"})
"""Fields that every message has, and that are told elsewhere or say nothing to the reader."""


def told(reason: tuple[str, str | None, str | None], words: Words, labels: Labels, near: datetime) -> str:
    """`severity 3 → 4` in the reader's words. What has no word is told as it is."""
    what, before, now = reason
    name, _, of = what.partition(".")
    label = labels[name] if name in LABELS else name.replace("_", " ")
    if now in _SWITCH:
        return label if now == "true" else f"{label}: {labels.no}"
    symbol = _symbols(words)
    if of:
        label += f", {symbol.get(of, of)}"
    was, is_now = (_value(value, words, symbol, near) for value in (before, now))
    if before is None:
        return f"{label}: {is_now}" if now is not None else label
    return f"{label}: {was} → {is_now}"


def _value(value: str | None, words: Words, symbols: Mapping[str, str], near: datetime) -> str:
    if value is None:
        return words.unknown
    if value.isdecimal():
        return grouped(int(value))
    with suppress(ValueError):
        return words.clock(parse_instant(value), near=near)
    return symbols.get(value, value)


def _symbols(words: Words) -> Mapping[str, str]:
    """The words of the vocabularies that differences speak in. Where two share a symbol, they share its meaning."""
    tables: tuple[tuple[type, Mapping[Any, str]], ...] = (
        (Trend, words.trends),
        (Fulfilment, words.fulfilments),
        (RequestState, words.request_states),
        (DecisionState, words.decision_states),
        (DecisionKind, words.decision_kinds),
        (ResourceKind, words.resources),
        (OperatorMode, words.modes),
        (MeasureState, words.measure_states),
        (ConflictState, words.conflict_states),
        (SituationState, words.states),
        (Freshness, words.freshness),
        (Service, words.services),
        (Impact, words.impacts),
        (EmergencyImpact, words.emergencies),
    )
    return {symbol.value: word for _, table in tables for symbol, word in table.items()}


def fields(message: Message, before: Message | None, words: Words) -> Iterator[tuple[str, str, str | None]]:
    """Each field that a message tells: its name in the contract, what it says, and what it said before."""
    earlier = before.model_dump() if before is not None else {}
    for name, value in message.model_dump().items():
        if name in OPENING or value in (None, "", (), [], {}):
            continue
        was = earlier.get(name)
        yield name, _shown(value, words), None if before is None or was == value else _shown(was, words)


def _shown(value: Any, words: Words) -> str:
    match value:
        case None:
            return words.unknown
        case bool():
            return str(value).lower()
        case datetime():
            return words.clock(value, near=value - _DAY)
        case dict():
            return ", ".join(
                f"{name} {_shown(inner, words)}" for name, inner in value.items() if inner not in (None, "")
            )
        case list() | tuple():
            return "; ".join(_shown(inner, words) for inner in value)
    return str(value)
