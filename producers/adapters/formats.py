"""Which adapter reads a file: by what its name ends with and, where that says too little, by what it begins with."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import PurePath

from bus.references import Kind
from producers.adapters.reading import MOST_BYTES, Importer, Reading

__all__ = ["Format", "read", "recognise"]


class Format(StrEnum):
    """What an operator's systems write."""

    NOTICE = "notice"
    CAP = "cap"
    TMF656 = "tmf656"
    TMF642 = "tmf642"
    CSV = "csv"
    XLSX = "xlsx"


BY_SUFFIX = {
    ".ics": Format.NOTICE,
    ".eml": Format.NOTICE,
    ".xml": Format.CAP,
    ".cap": Format.CAP,
    ".csv": Format.CSV,
    ".tsv": Format.CSV,
    ".xlsx": Format.XLSX,
}

ALARM = frozenset({"perceivedSeverity", "alarmRaisedTime", "alarmType"})
"""Members by which a JSON document is known as an alarm; any other is taken for a service problem."""


def recognise(name: str, content: bytes) -> Format | None:
    """The format of a file; None when neither its name nor its beginning tell."""
    suffix = PurePath(name).suffix.lower()
    if suffix in BY_SUFFIX:
        return BY_SUFFIX[suffix]
    beginning = content.lstrip()[:1]
    if suffix == ".json" or beginning in (b"{", b"["):
        return _of_json(content)
    if beginning == b"<":
        return Format.CAP
    if content.startswith(b"PK"):
        return Format.XLSX
    if content.lstrip().startswith(b"BEGIN:VCALENDAR"):
        return Format.NOTICE
    return None


def read(
    content: bytes,
    name: str,
    importer: Importer,
    *,
    format: Format | None = None,
    provider: str | None = None,
    kind: Kind | None = None,
) -> Reading:
    """The messages of a file. `name` helps to recognise it when no format is given."""
    if len(content) > MOST_BYTES:
        return Reading.refused(f"has {len(content):,} bytes; a file may have {MOST_BYTES:,}: split it")
    match format or recognise(name, content):
        case Format.NOTICE:
            from producers.adapters.maintnote import read_notice

            return read_notice(content, importer, provider)
        case Format.CAP:
            from producers.adapters.cap import read_cap

            return read_cap(content, importer)
        case Format.TMF656:
            from producers.adapters.tmf656 import read_problems

            return read_problems(content, importer)
        case Format.TMF642:
            from producers.adapters.tmf642 import read_alarms

            return read_alarms(content, importer)
        case Format.CSV:
            from producers.adapters.tables import read_csv

            return read_csv(content, importer, kind)
        case Format.XLSX:
            from producers.adapters.tables import read_excel

            return read_excel(content, importer)
        case None:
            return Reading.refused(f"not recognised; name the format, one of {', '.join(Format)}")


def _of_json(content: bytes) -> Format:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return Format.TMF656  # which says what is wrong with it
    first = document[0] if isinstance(document, list) and document else document
    if isinstance(first, dict) and isinstance(first.get("event"), dict):
        return Format.TMF642 if "alarm" in first["event"] else Format.TMF656
    return Format.TMF642 if isinstance(first, dict) and ALARM & first.keys() else Format.TMF656
