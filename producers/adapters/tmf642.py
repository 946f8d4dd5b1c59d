"""Alarms (TM Forum TMF642, Alarm Management; ITU-T X.733) become incidents: a fault each, never an alarm each.

Alarms that name the same parent are one fault. A fault is reported when one of its alarms affects a service, or is
marked as the root cause; what neither affects anyone nor causes anything is no news to others. Alarms of planned
outages are left out too, for the work has a notice of its own. How many were left out is said.
"""

from __future__ import annotations

from collections import defaultdict
from enum import StrEnum
from typing import Any

from bus.instants import Instant
from bus.messages import Incident
from bus.vocabulary import CauseCategory, CauseDetail, Certainty, Impact, IncidentState, Service
from producers.adapters.reading import Collector, Importer, Reading, identity, kept, revision_at
from producers.adapters.tmf import Named, Resource, resources

__all__ = ["read_alarms"]

SOURCE = "tmf642"
UNTITLED = "Larm från driftövervakning"


class PerceivedSeverity(StrEnum):
    CLEARED = "cleared"
    INDETERMINATE = "indeterminate"
    WARNING = "warning"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"

    @classmethod
    def _missing_(cls, value: object) -> PerceivedSeverity | None:
        plain = str(value).lower()
        return next((severity for severity in cls if severity.value == plain), None)


SEVERITIES = {
    PerceivedSeverity.CRITICAL: 4,
    PerceivedSeverity.MAJOR: 3,
    PerceivedSeverity.MINOR: 2,
    PerceivedSeverity.WARNING: 1,
    PerceivedSeverity.INDETERMINATE: None,
    PerceivedSeverity.CLEARED: None,
}
"""The declared severity. A system's critical is an operator's 4: 5 is for people to say."""

_POWER = (CauseCategory.SYSTEM_FAILURE, CauseDetail.POWER_CUT)
_HARDWARE = (CauseCategory.SYSTEM_FAILURE, CauseDetail.HARDWARE_FAILURE)
_SOFTWARE = (CauseCategory.SYSTEM_FAILURE, CauseDetail.SOFTWARE_BUG)
CAUSES = {
    "powerproblem": _POWER,
    "equipmentmalfunction": _HARDWARE,
    "equipmentfailure": _HARDWARE,
    "transmitterfailure": _HARDWARE,
    "receiverfailure": _HARDWARE,
    "softwareerror": _SOFTWARE,
    "softwareprogramerror": _SOFTWARE,
    "softwareprogramabnormallyterminated": _SOFTWARE,
    "configurationorcustomizationerror": (CauseCategory.HUMAN_ERROR, CauseDetail.CONFIG_ERROR),
    "congestion": (CauseCategory.SYSTEM_FAILURE, CauseDetail.OVERLOAD),
    "resourceatornearingcapacity": (CauseCategory.SYSTEM_FAILURE, CauseDetail.OVERLOAD),
    "heatingorventilationorcoolingsystemproblem": (CauseCategory.SYSTEM_FAILURE, CauseDetail.COOLING),
    "hvacproblem": (CauseCategory.SYSTEM_FAILURE, CauseDetail.COOLING),
    "firedetected": (CauseCategory.UNDETERMINED, CauseDetail.FIRE),
    "flooddetected": (CauseCategory.NATURAL_PHENOMENON, CauseDetail.FLOOD),
}
"""X.733 probable causes. A system's guess is at most LIKELY; what is not listed stays UNKNOWN, and in `cause.text`."""

PLANNED = frozenset({"inservice", "none", ""})
"""plannedOutageIndicator: everything else than these announces an outage that was planned."""


class Alarm(Resource):
    """The members of an alarm that have a field in an incident."""

    perceived_severity: PerceivedSeverity
    alarm_raised_time: Instant
    alarm_changed_time: Instant | None = None
    alarm_cleared_time: Instant | None = None
    specific_problem: str | None = None
    probable_cause: str | None = None
    alarm_details: str | None = None
    is_root_cause: bool | None = None
    service_affecting: bool | None = None
    planned_outage_indicator: str | None = None
    parent_alarm: tuple[Named, ...] = ()
    affected_service: tuple[Named, ...] = ()
    alarmed_object: Named | None = None
    place: tuple[Named, ...] = ()

    @property
    def cleared(self) -> bool:
        return self.perceived_severity is PerceivedSeverity.CLEARED or self.alarm_cleared_time is not None

    @property
    def changed_at(self) -> Instant:
        """When the alarm last said something new."""
        return max(at for at in (self.alarm_raised_time, self.alarm_changed_time, self.alarm_cleared_time) if at)

    @property
    def planned(self) -> bool:
        return (self.planned_outage_indicator or "").lower().replace("_", "").replace(" ", "") not in PLANNED


def read_alarms(content: bytes, importer: Importer) -> Reading:
    """The incidents of a list of alarms, a single one, or an event that carries one."""
    collector = Collector()
    alarms = list(resources(content, Alarm, "alarm", collector))
    planned = sum(alarm.planned for _, alarm in alarms)
    faults = _faults([(path, alarm) for path, alarm in alarms if not alarm.planned])
    harmless = 0
    for root, members in faults.items():
        if any(alarm.service_affecting or alarm.is_root_cause for _, alarm in members):
            path = members[0][0]
            collector.add(f"{path} {root}".strip(), Incident, _incident(root, [a for _, a in members], importer), NAMES)
        else:
            harmless += len(members)
    if planned:
        collector.note(f"{planned} alarms of planned outages left out; the work has a notice of its own")
    if harmless:
        collector.note(f"{harmless} alarms left out that neither affect a service nor are the cause of others")
    return collector.reading()


NAMES = {"areas": "place", "started_at": "alarmRaisedTime", "restored_at": "alarmClearedTime"}
"""Where a field comes from, for whoever has to mend it."""


def _faults(alarms: list[tuple[str, Alarm]]) -> dict[str, list[tuple[str, Alarm]]]:
    """Alarms by the root of their parents, the root itself first. A ring of parents is rooted in its smallest id."""
    parents = {alarm.id: next((p.id for p in alarm.parent_alarm if p.id), None) for _, alarm in alarms}
    found: dict[str, list[tuple[str, Alarm]]] = defaultdict(list)
    for path, alarm in alarms:
        way, at = [alarm.id], parents[alarm.id]
        while at is not None and at not in way:
            way.append(at)
            at = parents.get(at)
        root = way[-1] if at is None else min(way[way.index(at) :])
        found[root].append((path, alarm))
    return {root: sorted(members, key=lambda m: (m[1].id != root, m[1].id)) for root, members in found.items()}


def _incident(root: str, alarms: list[Alarm], importer: Importer) -> dict[str, Any]:
    first = alarms[0]
    stamp = max(alarm.changed_at for alarm in alarms)
    over = all(alarm.cleared for alarm in alarms)
    objects = [name for alarm in alarms if alarm.alarmed_object for name in alarm.alarmed_object.names]
    things = list(importer.translations.things(list(dict.fromkeys(objects))))
    named = [
        service
        for alarm in alarms
        for affected in alarm.affected_service
        for service in next(filter(None, map(importer.translations.services, affected.names)), ())
    ]
    services = dict.fromkeys([*named, *(service for thing in things for service in thing.services)])
    places = [name for alarm in alarms for place in alarm.place for name in place.names[:1]]
    codes = [code for thing in things for code in thing.areas]
    levels = [SEVERITIES[alarm.perceived_severity] for alarm in alarms if not alarm.cleared]
    category, detail = CAUSES.get(_plain(first.probable_cause), (CauseCategory.UNKNOWN, CauseDetail.UNKNOWN))
    return importer.opening(identity(SOURCE, root), revision_at(stamp), stamp) | {
        "state": IncidentState.RESTORED if over else IncidentState.CONFIRMED,
        "title": first.specific_problem or first.probable_cause or UNTITLED,
        "description": kept(
            first.alarm_details,
            {
                "alarms": "; ".join(f"{alarm.id} {alarm.perceived_severity} {_of(alarm)}".strip() for alarm in alarms),
                "affectedService": [affected.names for alarm in alarms for affected in alarm.affected_service],
                "place": [place.model_dump(exclude_none=True) for alarm in alarms for place in alarm.place],
            }
            | {
                (name if alarm is first else f"{alarm.id} {name}"): value
                for alarm in alarms
                for name, value in _left(alarm, first).items()
            },
        ),
        "started_at": min(alarm.alarm_raised_time for alarm in alarms),
        "restored_at": max(alarm.alarm_cleared_time or alarm.changed_at for alarm in alarms) if over else None,
        "impacts": [
            {"service": service, "impact": Impact.UNKNOWN}
            for service in services or importer.services or (Service.UNKNOWN,)
        ],
        "areas": importer.places([*places, *codes]),
        "cause": {
            "category": category,
            "detail": detail,
            "certainty": Certainty.LIKELY if detail is not CauseDetail.UNKNOWN else Certainty.UNKNOWN,
            "text": first.probable_cause or "",
        },
        "infrastructure_ids": list(dict.fromkeys(id for thing in things for id in thing.infrastructure_ids)),
        "declared_severity": max((level for level in levels if level is not None), default=None),
    }


def _left(alarm: Alarm, first: Alarm) -> dict[str, object]:
    """What has no field of its own: of the alarms beside the first, also what the first one's fields tell of it."""
    left = alarm.left()
    if alarm is not first:
        told = {"specificProblem": alarm.specific_problem, "probableCause": alarm.probable_cause}
        left = told | {"alarmDetails": alarm.alarm_details} | left
    return left


def _of(alarm: Alarm) -> str:
    return next(iter(alarm.alarmed_object.names), "") if alarm.alarmed_object else ""


def _plain(word: str | None) -> str:
    return "".join(letter for letter in (word or "").lower() if letter.isalnum())
