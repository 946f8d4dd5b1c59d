"""What a report tells of each service: the impact, and how many users feel it."""

from __future__ import annotations

from typing import NamedTuple

from bus.messages import Incident, Users
from bus.vocabulary import IMPACT_ORDER, Impact, Service

RANK = {impact: rank for rank, impact in enumerate(IMPACT_ORDER)}
"""Impacts by how bad they are."""


class Effect(NamedTuple):
    """The worst impact on one service, over all aspects of its quality."""

    service: Service
    impact: Impact
    numbers: tuple[int, int, int] | None
    """Low, best and high of users; None where no number is told."""


def effects_of(incident: Incident) -> tuple[Effect, ...]:
    """One per service that the incident names, in the order in which it names them."""
    worst: dict[Service, Impact] = {}
    for entry in incident.impacts:
        held = worst.get(entry.service)
        if held is None or RANK[entry.impact] > RANK[held]:
            worst[entry.service] = entry.impact
    users = incident.users
    return tuple([Effect(service, impact, numbers_for(users, service)) for service, impact in worst.items()])


def numbers_for(users: Users | None, service: Service) -> tuple[int, int, int] | None:
    """One report's low, best and high for a service, None where it tells no number. One told number stands for those
    that are not.
    """
    if users is None:
        return None
    if users.by_service:
        told = users.by_service.get(service)
        if told is None or told != users.value:
            return None if told is None else (told, told, told)
    value, low, high = users.value, users.low, users.high
    best = value if value is not None else low if low is not None else high
    if best is None:
        return None
    least = low if low is not None else value if value is not None else 0
    return min(least, best), best, best if high is None else max(high, best)
