"""Alerts in the Common Alerting Protocol 1.2 (OASIS) become incidents.

One alert is one incident. Its id comes from the event that the alert belongs to, so that an Update or a Cancel is a
later revision of the same incident. The parser refuses entities and document types: a bomb stays unlit.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from bus.instants import parse_instant
from bus.messages import Incident
from bus.vocabulary import Impact, IncidentState, MessageStatus, Service, Tlp
from producers.adapters.reading import Collector, Importer, Reading, identity, kept, line_of, revision_at

__all__ = ["read_cap"]

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"

STATUSES = {"Actual": MessageStatus.ACTUAL, "Exercise": MessageStatus.EXERCISE, "Test": MessageStatus.TEST}
MESSAGES = ("Alert", "Update", "Cancel")
"""Ack and Error are about messages, Draft and System about systems: none of them tells of the world."""

STATES = {
    "Observed": IncidentState.CONFIRMED,
    "Likely": IncidentState.SUSPECTED,
    "Possible": IncidentState.SUSPECTED,
    "Unlikely": IncidentState.SUSPECTED,
    "Unknown": IncidentState.SUSPECTED,
}
"""By certainty. A Cancel is RETRACTED; urgency Past is RESTORED."""

SEVERITIES = {"Extreme": 5, "Severe": 4, "Moderate": 3, "Minor": 2, "Unknown": None}
TLPS = {"Restricted": Tlp.AMBER_STRICT, "Private": Tlp.AMBER_STRICT}
"""By scope. What is Public goes no further than the importer says."""

SCB = frozenset({"scb", "län", "lan", "länskod", "lanskod", "kommun", "kommunkod", "county", "municipality"})
"""Names of geocodes whose value is an SCB code."""

MAPPED = frozenset(
    {"identifier", "sent", "status", "msgType", "references", "incidents", "scope", "info"}
    | {"event", "headline", "description", "onset", "effective", "severity", "area"}
)
"""Elements with a field of their own; all others, certainty and urgency too, are kept in the description."""


def read_cap(content: bytes, importer: Importer) -> Reading:
    """The incident of an alert."""
    try:
        alert = fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        return Reading.refused(f"refused unread: {type(error).__name__}; an alert has no document type and no entities")
    except (ParseError, ValueError, LookupError) as error:
        return Reading.refused(f"not XML: {error}")
    if alert.tag != f"{{{NAMESPACE}}}alert":
        return Reading.refused(f"not a CAP 1.2 alert but {alert.tag}; the root is <alert xmlns={NAMESPACE!r}>")
    collector = Collector()
    try:
        fields, names = _incident(alert, importer)
    except _Wrong as error:
        return Reading.refused(str(error), error.path)
    collector.add(f"alert {_text(alert, 'identifier')}", Incident, fields, names)
    return collector.reading()


class _Wrong(ValueError):
    def __init__(self, path: str, remedy: str) -> None:
        self.path = path
        super().__init__(remedy)


NAMES = {
    "state": "info.certainty",
    "title": "info.headline",
    "areas": "info.area",
    "started_at": "info.onset",
    "declared_severity": "info.severity",
    "id": "identifier",
}
"""Where a field comes from, for whoever has to mend it."""


def _incident(alert: Element, importer: Importer) -> tuple[dict[str, Any], dict[str, str]]:
    kind = _one_of(alert, "msgType", MESSAGES, "alert")
    status = STATUSES[_one_of(alert, "status", tuple(STATUSES), "alert")]
    if status is not importer.status and importer.status is MessageStatus.ACTUAL:
        raise _Wrong("alert.status", f"{status} does not fit the real picture; import it into the exercise realm")
    if status is MessageStatus.ACTUAL and importer.status is not MessageStatus.ACTUAL:
        raise _Wrong("alert.status", "ACTUAL does not fit an exercise; import it into the real realm")
    sent = _instant(alert, "sent", "alert")
    info = _told(alert)
    certainty = _one_of(info, "certainty", tuple(STATES), "alert.info") if info is not None else "Unknown"
    urgency = _text(info, "urgency") if info is not None else ""
    event = _text(info, "event") if info is not None else ""
    state = STATES[certainty]
    if kind == "Cancel":
        state = IncidentState.RETRACTED
    elif urgency == "Past":
        state = IncidentState.RESTORED
    services = importer.translations.services(event) or importer.services or (Service.UNKNOWN,)
    onset = _text(info, "onset") or _text(info, "effective") if info is not None else ""
    severity = _one_of(info, "severity", tuple(SEVERITIES), "alert.info") if info is not None else "Unknown"
    fields = importer.opening(_event_of(alert), revision_at(sent), sent) | {
        "status": status,
        "tlp": TLPS.get(_text(alert, "scope"), importer.tlp),
        "state": state,
        "title": (_text(info, "headline") or event) if info is not None else "CAP",
        "description": kept(
            _text(info, "description") if info is not None else None,
            {"event": event if event != _text(info, "headline") else None} | _left(alert, info),
        ),
        "started_at": _parsed(onset, "alert.info.onset") if onset else None,
        "impacts": [{"service": service, "impact": Impact.UNKNOWN} for service in services],
        "areas": importer.places(_places(info)) if info is not None else importer.places(()),
        "declared_severity": SEVERITIES[severity],
        "event_refs": [f"cap:{name}" for name in _text(alert, "incidents").split()],
    }
    if state is IncidentState.RETRACTED:
        fields["reason"] = _text(alert, "note") or "CAP Cancel"
    return fields, NAMES


def _event_of(alert: Element) -> str:
    """The id of what the alert is about: its one incident, else the earliest alert that it refers to, else itself."""
    incidents = _text(alert, "incidents").split()
    if len(incidents) == 1:
        return identity(_text(alert, "sender"), "incidents", incidents[0])
    earlier = sorted(
        (sent, sender, identifier)
        for sender, identifier, sent in (
            reference.split(",") for reference in _text(alert, "references").split() if reference.count(",") == 2
        )
    )
    sender, identifier = earlier[0][1:] if earlier else (_text(alert, "sender"), _text(alert, "identifier"))
    return identity(sender, "identifier", identifier)


def _told(alert: Element) -> Element | None:
    """The information in Swedish, else the first; None in an alert without any."""
    infos = _all(alert, "info")
    swedish = [info for info in infos if _text(info, "language").lower().startswith("sv")]
    return next(iter(swedish or infos), None)


def _places(info: Element) -> list[str]:
    """The SCB codes of each area; where it has none, its description."""
    places: list[str] = []
    for area in _all(info, "area"):
        codes = [
            _text(geocode, "value") for geocode in _all(area, "geocode") if _text(geocode, "valueName").lower() in SCB
        ]
        places += codes or [_text(area, "areaDesc")]
    return [place for place in places if place]


def _left(alert: Element, info: Element | None) -> dict[str, object]:
    """Everything without a field of its own, by element name; other languages and polygons included."""
    left: dict[str, list[str]] = {}
    for element in alert:
        if _name(element) not in MAPPED:
            left.setdefault(_name(element), []).append(_flat(element))
    for block in _all(alert, "info"):
        for element in block:
            name = _name(element)
            if block is not info:
                left.setdefault(f"info {_text(block, 'language') or '?'} {name}", []).append(_flat(element))
            elif name == "area":
                geometry = [_flat(part) for part in element if _name(part) != "areaDesc"]
                left.setdefault("area", []).append("; ".join([_text(element, "areaDesc"), *geometry]))
            elif name not in MAPPED or (name == "effective" and _text(block, "onset")):
                left.setdefault(name, []).append(_flat(element))
    if references := _text(alert, "references"):
        left["references"] = [references]
    if identifier := _text(alert, "identifier"):
        left["identifier"] = [identifier]
    return {name: " | ".join(filter(None, texts)) for name, texts in left.items()}


def _flat(element: Element) -> str:
    parts = [_flat(part) for part in element]
    return "=".join(parts) if parts else line_of(element.text or "")


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _all(element: Element, name: str) -> list[Element]:
    return element.findall(f"{{{NAMESPACE}}}{name}")


def _text(element: Element | None, name: str) -> str:
    return (element.findtext(f"{{{NAMESPACE}}}{name}") or "").strip() if element is not None else ""


def _one_of(element: Element, name: str, words: tuple[str, ...], path: str) -> str:
    word = _text(element, name)
    if word not in words:
        raise _Wrong(f"{path}.{name}", f"{word!r} tells of nothing that can be reported; use one of {', '.join(words)}")
    return word


def _instant(element: Element, name: str, path: str) -> datetime:
    return _parsed(_text(element, name), f"{path}.{name}")


def _parsed(text: str, path: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise _Wrong(path, str(error)) from error
