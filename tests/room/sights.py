"""What there is to see in the storm, made without a hub: for tests of the pages alone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any

from bus.codec import content_hash, encode
from bus.envelope import Envelope
from bus.messages import Message
from bus.registry import Registry, read_group
from bus.topics import Realm
from bus.vocabulary import Audience, MessageStatus
from consumers.merge import Projections, State
from consumers.merge.view import IncidentPlace
from consumers.room.page.detail import chosen_of
from consumers.room.sight import Report, RoomRole, Sight, Tab, Tick, Visitor, Wish
from producers.storm import storm

START = datetime(2026, 1, 10, 6, tzinfo=UTC)
WORST = START + timedelta(hours=8, minutes=24)
OFFICER = Visitor("vakt", RoomRole.OFFICER, Audience.FULL, "a-token", "vakthavande")
VIEWER = Visitor("gast", RoomRole.VIEWER, Audience.FULL, "a-token")


@cache
def registry() -> Registry:
    return Registry.of(read_group(resources.files("producers").joinpath("actors.toml").read_text("utf-8"))[0])


def folded(messages: Iterable[tuple[Message, datetime]], realm: str = "ntsg-exercise") -> State:
    """A state of messages, each with when it was known."""
    state = State(Realm(realm))
    state.registry = registry()
    for message, known_at in messages:
        state.apply(Envelope(message, content_hash(encode(message)), known_at, known_at))
    return state


@cache
def stormy(status: MessageStatus = MessageStatus.EXERCISE, as_of: datetime = WORST) -> State:
    """The storm as it was known at that instant."""
    steps = [step for step in storm(START, status) if START + step.after <= as_of]
    realm = "ntsg" if status is MessageStatus.ACTUAL else "ntsg-exercise"
    return folded([(step.message, START + step.after) for step in steps], realm)


def sight_of(state: State, as_of: datetime, wish: Wish | None = None, **fields: Any) -> Sight:
    """What there is to see of a state."""
    wish, projections = wish or Wish(), Projections(state)
    view = projections.view(Audience.FULL, as_of, {}, True)
    chosen = chosen_of(view, wish.selected)
    reports = {}
    for ref in (*chosen.members, *chosen.duplicates) if chosen else ():
        entity = state.entity(ref)
        assert entity is not None
        revisions = sorted(entity.envelopes(), key=lambda envelope: envelope.message.revision)
        reports[ref] = Report(entity.winner, tuple(revisions))
    explanation = state.explain(wish.selected, as_of) if wish.tab is Tab.WHY and wish.selected else None
    items = projections.items(Audience.FULL, as_of)
    opening: dict[str, Any] = {
        "view": view,
        "mark": "1",
        "progress": 1.0,
        "heard_at": as_of + timedelta(seconds=1),
        "places": {item.ref: item for item in items.values() if isinstance(item, IncidentPlace)},
        "reports": reports,
        "ticks": tuple(Tick(START + timedelta(hours=hour), hour) for hour in range(8)),
        "explanation": explanation,
        "acting_as": "samordning",
    }
    return Sight(**opening | fields)


def storm_sight(wish: Wish | None = None, status: MessageStatus = MessageStatus.EXERCISE, **fields: Any) -> Sight:
    """The storm at its worst."""
    return sight_of(stormy(status), WORST, wish, **fields)
