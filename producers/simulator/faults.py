"""What happens: faults, and the events that they are shares of. Nothing here is noisy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from bus.vocabulary import CauseCategory, CauseDetail, DependencyKind, Impact, NetworkPart, QualityAspect, Service


class CrisisKind(StrEnum):
    """The kinds of crisis that can be simulated."""

    STORM = "storm"
    """The grid falls town by town over hours; mobile, fixed and transport networks follow."""
    CABLE_CUT = "cable-cut"
    """One cable, its owner, and those who ride on it without knowing what struck them."""
    VENDOR_FAILURE = "vendor-failure"
    """One vendor's fault in several operators' cores, in places that have nothing else in common."""
    POWER_CUT = "power-cut"
    """One town without power; batteries last for different times."""
    OVERLOAD = "overload"
    """One operator falls, its users' traffic goes to the others, and theirs suffers."""
    FAILED_WORK = "failed-work"
    """Planned work goes wrong, for its owner and for those who depend on it."""


class Origin(NamedTuple):
    """The true cause, as the vocabulary has it. `outside`: it lies with another than who tells of it."""

    category: CauseCategory
    detail: CauseDetail
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """One operator's share of an event: what it will tell as one incident."""

    actor: str
    began: datetime
    ended: datetime
    places: tuple[str, ...]
    """SCB codes."""
    services: tuple[Service, ...]
    origin: Origin
    impact: Impact = Impact.OUTAGE
    aspect: QualityAspect = QualityAspect.CONNECTIVITY
    part: NetworkPart = NetworkPart.ACCESS
    victim: bool = False
    """The cause lies outside of what the operator can see, so that it is told late or never."""
    event_refs: tuple[str, ...] = ()
    """Keys that the operator could quote."""
    owns: str | None = None
    """The one of its keys that the operator itself has coined: of its cable, or of its power cut."""
    infrastructure_ids: tuple[str, ...] = ()
    source: int | None = None
    """Which of the event's faults it follows from, where its operator could name that one's incident."""
    dependency: DependencyKind | None = None
    """How it depends on the source; None for a consequence that is no dependency, such as overload."""


@dataclass(frozen=True, slots=True)
class PlannedWork:
    """Work during which an event began."""

    actor: str
    starts_at: datetime
    ends_at: datetime
    places: tuple[str, ...]
    services: tuple[Service, ...]
    infrastructure_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """Faults with one cause: those whose reports belong together in truth."""

    faults: tuple[Fault, ...]
    named_at: datetime
    """From when its shared keys are there to be quoted."""
    unquoted: float = 1.0
    """How often its keys are left out, against what is usual. Below 1 for an event whose name everybody has heard."""
    work: PlannedWork | None = None
    mistakable: tuple[str, ...] = ()
    """Keys of another event at the same time and place, which may be quoted by mistake."""
