"""What is sent first when not all can be sent at once: the first row that fits says how urgent a message is.

Order is by urgency, then by acceptance. Within an entity it is by acceptance alone: an urgent revision takes the
earlier ones of its entity along (`producers.outbox.ledger`).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from bus.messages import Decision, Incident, Message, Request, Work
from bus.vocabulary import OPEN_INCIDENT_STATES, DecisionKind, EmergencyImpact, Impact, Service

SEVERE_FROM = 4
"""The declared severity from which a report goes before others: "considerable" and above (`docs/merge.md`)."""

LIFELINES = frozenset({Service.EMERGENCY_CALL, Service.PUBLIC_WARNING, Service.PUBLIC_SAFETY_RADIO})
"""Services with which people call for help, are warned, or are rescued."""

HARMLESS = frozenset({EmergencyImpact.NONE, EmergencyImpact.UNKNOWN})


class Urgency(IntEnum):
    """How urgent a report is; the least number goes first."""

    EMERGENCY = 0
    """Somebody may call for help in vain."""
    SEVERE = 1
    """A service is out, or the operator calls it severe."""
    ORDINARY = 2
    ROUTINE = 3
    """Nobody waits for it now."""


def touches_emergency(message: Message) -> bool:
    return isinstance(message, Incident) and (
        (message.emergency is not None and message.emergency.impact not in HARMLESS)
        or any(impact.service in LIFELINES and impact.impact is not Impact.NO_IMPACT for impact in message.impacts)
    )


def is_severe(message: Message) -> bool:
    return isinstance(message, Incident) and (message.declared_severity or 0) >= SEVERE_FROM


def is_outage(message: Message) -> bool:
    return (
        isinstance(message, Incident)
        and message.state in OPEN_INCIDENT_STATES
        and any(impact.impact is Impact.OUTAGE for impact in message.impacts)
    )


def asks_for_action(message: Message) -> bool:
    return isinstance(message, Request) or (
        isinstance(message, Decision) and message.decision in {DecisionKind.DIRECTION, DecisionKind.ACTIVATION}
    )


def is_planned(message: Message) -> bool:
    return isinstance(message, Work)


URGENCIES: tuple[tuple[Callable[[Message], bool], Urgency], ...] = (
    (touches_emergency, Urgency.EMERGENCY),
    (is_severe, Urgency.SEVERE),
    (is_outage, Urgency.SEVERE),
    (asks_for_action, Urgency.SEVERE),
    (is_planned, Urgency.ROUTINE),
)


def urgency_of(message: Message) -> Urgency:
    """How urgent a message is."""
    return next((urgency for fits, urgency in URGENCIES if fits(message)), Urgency.ORDINARY)
