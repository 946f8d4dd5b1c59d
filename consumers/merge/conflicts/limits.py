"""What conflicts are judged by: the tables of the rules file that concern them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bus.vocabulary import MeasureState, MeasureType, Role, Service, WorkState


@dataclass(frozen=True, slots=True)
class Limits:
    """The words and numbers of the conflict rules, each explained where it stands in the rules file."""

    levels: Mapping[str, int]
    """By rule, or by rule and case, as `C10.OVERDUE`: how grave it is, 1 to 5."""
    ahead: timedelta
    """How long something without a known end is taken to last."""
    from_proposed_to_active: frozenset[MeasureState]
    works: frozenset[WorkState]
    roaming: frozenset[MeasureType]
    load_percent: float
    carries_112: frozenset[Service]
    not_operators: frozenset[Role]
    steering: frozenset[MeasureType]
    severity_steps: int
    energy: timedelta
    against: Mapping[MeasureType, frozenset[MeasureType]]
    against_states: frozenset[MeasureState]
    service_class: Mapping[Service, str]

    def classes(self, services: frozenset[Service]) -> frozenset[str] | None:
        """The classes that services are of, one that is in none being its own; None for any: nothing was named."""
        return frozenset(self.service_class.get(service, service) for service in services) if services else None


def read_limits(data: dict[str, Any], ahead: timedelta) -> Limits:
    """From the table [conflicts]. Raises KeyError or ValueError where it is not one."""
    against = dict(data["against"])
    states = against.pop("states")
    return Limits(
        levels=data["levels"],
        ahead=ahead,
        from_proposed_to_active=frozenset(map(MeasureState, data["from_proposed_to_active"])),
        works=frozenset(map(WorkState, data["works"])),
        roaming=frozenset(map(MeasureType, data["roaming"])),
        load_percent=data["load_percent"],
        carries_112=frozenset(map(Service, data["carries_112"])),
        not_operators=frozenset(map(Role, data["not_operators"])),
        steering=frozenset(map(MeasureType, data["steering"])),
        severity_steps=data["severity_steps"],
        energy=timedelta(minutes=data["energy_minutes"]),
        against={MeasureType(one): frozenset(map(MeasureType, others)) for one, others in against.items()},
        against_states=frozenset(map(MeasureState, states)),
        service_class={
            Service(service): name for name, services in data["service_classes"].items() for service in services
        },
    )
