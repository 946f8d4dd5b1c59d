"""Service problems (TM Forum TMF656, Service Problem Management) become incidents: one problem, one incident."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from pydantic import Field

from bus.instants import Instant
from bus.messages import Incident
from bus.references import Kind, reference
from bus.vocabulary import CountScope, Impact, IncidentState, Service
from producers.adapters.reading import Collector, Importer, Reading, identity, kept, revision_at
from producers.adapters.tmf import Named, Resource, resources

__all__ = ["read_problems"]

SOURCE = "tmf656"
UNTITLED = "Tjänsteproblem"


class ProblemStatus(StrEnum):
    SUBMITTED = "submitted"
    REJECTED = "rejected"
    ACKNOWLEDGED = "acknowledged"
    IN_PROGRESS = "inprogress"
    HELD = "held"
    PENDING = "pending"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"

    @classmethod
    def _missing_(cls, value: object) -> ProblemStatus | None:
        """`InProgress`, `in progress` and `inProgress.Held` are written too."""
        plain = str(value).lower().replace(" ", "").replace("_", "").rpartition(".")[2]
        return next((status for status in cls if status.value == plain), None)


STATES = {
    ProblemStatus.SUBMITTED: IncidentState.SUSPECTED,
    ProblemStatus.ACKNOWLEDGED: IncidentState.SUSPECTED,
    ProblemStatus.IN_PROGRESS: IncidentState.CONFIRMED,
    ProblemStatus.HELD: IncidentState.CONFIRMED,
    ProblemStatus.PENDING: IncidentState.CONFIRMED,
    ProblemStatus.RESOLVED: IncidentState.RESTORED,
    ProblemStatus.CLOSED: IncidentState.CLOSED,
    ProblemStatus.CANCELLED: IncidentState.RETRACTED,
    ProblemStatus.REJECTED: IncidentState.RETRACTED,
}

IMPORTANCE = ((100, 5), (80, 4), (60, 3), (30, 2), (0, 1))
"""From which impactImportanceFactor on which declared severity."""

_OVER = (IncidentState.RESTORED, IncidentState.CLOSED)


class ServiceProblem(Resource):
    """The members of a service problem that have a field in an incident."""

    status: ProblemStatus
    name: str | None = None
    description: str | None = None
    reason: str | None = None
    time_raised: Instant | None = None
    time_changed: Instant | None = None
    status_change_date: Instant | None = None
    last_update: Instant | None = None
    resolution_date: Instant | None = None
    status_change_reason: str | None = None
    affected_number_of_services: int | None = Field(None, ge=0)
    affected_service: tuple[Named, ...] = ()
    affected_resource: tuple[Named, ...] = ()
    affected_location: tuple[Named, ...] = ()
    impact_importance_factor: float | None = Field(None, ge=0, le=100)
    parent_problem: tuple[Named, ...] = ()
    underlying_problem: tuple[Named, ...] = ()


def read_problems(content: bytes, importer: Importer) -> Reading:
    """The incidents of a list of service problems, a single one, or an event that carries one."""
    collector = Collector()
    for path, problem in resources(content, ServiceProblem, "serviceProblem", collector):
        told = [problem.last_update, problem.time_changed, problem.status_change_date, problem.resolution_date]
        stamps = [at for at in (*told, problem.time_raised) if at is not None]
        if not stamps:
            collector.fault(f"{path}.timeRaised".lstrip("."), "required member is missing; or give timeChanged")
            continue
        place = f"{path} {problem.id}".strip()
        collector.add(place, Incident, _incident(problem, max(stamps), importer), NAMES)
    return collector.reading()


NAMES = {
    "areas": "affectedLocation",
    "state": "status",
    "title": "name",
    "restored_at": "resolutionDate",
    "users": "affectedNumberOfServices",
}
"""Where a field comes from, for whoever has to mend it."""


def _incident(problem: ServiceProblem, stamp: Instant, importer: Importer) -> dict[str, Any]:
    state = STATES[problem.status]
    things = list(importer.translations.things([n for named in problem.affected_resource for n in named.names]))
    named = [
        service
        for reference_ in problem.affected_service
        for service in next(filter(None, map(importer.translations.services, reference_.names)), ())
    ]
    services = dict.fromkeys([*named, *(service for thing in things for service in thing.services)])
    places = [place for location in problem.affected_location for place in location.names[:1]]
    codes = [code for thing in things for code in thing.areas]
    return importer.opening(identity(SOURCE, problem.id), revision_at(stamp), stamp) | {
        "reason": problem.status_change_reason,
        "state": state,
        "title": problem.name or problem.reason or UNTITLED,
        "description": kept(
            problem.description,
            {
                "id": problem.id,
                "affectedService": [named.names for named in problem.affected_service],
                "affectedResource": [named.names for named in problem.affected_resource],
                "affectedLocation": [named.model_dump(exclude_none=True) for named in problem.affected_location],
                "impactImportanceFactor": problem.impact_importance_factor,
                "resolutionDate": problem.resolution_date if state not in _OVER else None,
            }
            | problem.left(),
        ),
        "detected_at": problem.time_raised,
        "restored_at": problem.resolution_date if state in _OVER else None,
        "impacts": [
            {"service": service, "impact": Impact.UNKNOWN}
            for service in services or importer.services or (Service.UNKNOWN,)
        ],
        "areas": importer.places([*places, *codes]),
        "users": (
            {"value": problem.affected_number_of_services, "scope": CountScope.CONNECTIONS}
            if problem.affected_number_of_services is not None
            else None
        ),
        "cause": {"text": problem.reason or ""},
        "caused_by": [
            {"kind": "UNKNOWN", "ref": ref} for ref in _incidents(problem.underlying_problem, importer.actor)
        ],
        "related_to": _incidents(problem.parent_problem, importer.actor),
        "infrastructure_ids": list(dict.fromkeys(id for thing in things for id in thing.infrastructure_ids)),
        "declared_severity": _severity(problem.impact_importance_factor),
    }


def _incidents(problems: Iterable[Named], actor: str) -> list[str]:
    """References to the incidents that these problems are, or will be when they are imported."""
    return [reference(Kind.INCIDENT, actor, identity(SOURCE, problem.id)) for problem in problems if problem.id]


def _severity(factor: float | None) -> int | None:
    return None if factor is None else next(level for least, level in IMPORTANCE if factor >= least)
