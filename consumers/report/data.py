"""The report as data: JSON with the whole view, a table per kind as CSV, and the map as GeoJSON."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any

from bus import geography
from bus.instants import Instant
from bus.messages import Part
from bus.vocabulary import Tlp
from consumers.land import MAP, geojson_geometry
from consumers.merge.view import AreaItem, Situation, View
from consumers.report.changes import Changes

__all__ = ["ReportData", "csv_of", "geojson_of"]

TABLES = (
    "situations", "areas", "measures", "works", "requests", "offers", "decisions", "conflicts", "actors", "energy",
    "pending_acks", "flags",
)  # fmt: skip
"""The parts of a view that are lists of things: a table each."""

FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would compute, were it the first sign of a cell."""

NEVER = (1980, 1, 1, 0, 0, 0)
"""The time of every file in the archive: the earliest that the format has, so that equal reports are equal bytes."""


class ReportData(Part):
    """A report as JSON. `previous`: the number that `changes` are since."""

    number: int
    realm: str
    as_of: Instant
    tlp: Tlp
    prepared_by: str | None
    next_at: Instant | None
    previous: int | None
    changes: Changes | None
    view: View


def csv_of(view: View) -> bytes:
    """A ZIP archive with a table per kind, `users` by situation and service among them."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, rows in {
            **{table: list(_rows(view, table)) for table in TABLES},
            "users": list(_users(view)),
        }.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.csv", NEVER), _csv(rows), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _rows(view: View, table: str) -> Iterator[dict[str, Any]]:
    told: list[dict[str, Any]] = view.model_dump(mode="json", include={table})[table]
    return iter(told)


def _users(view: View) -> Iterator[dict[str, Any]]:
    for scope, users in (*((s.id, s.users) for s in view.situations), ("totals", view.totals.users)):
        for service, told in users.items():
            for impact, number in told.by_impact.items():
                yield {
                    "of": scope,
                    "service": service,
                    "impact": str(impact),
                    "low": number.low,
                    "best": number.best,
                    "high": number.high,
                    "unknown_reports": number.unknown_reports,
                }


def _csv(rows: Iterable[dict[str, Any]]) -> bytes:
    """RFC 4180, with the mark that tells spreadsheets that it is UTF-8. An empty cell is *not known*."""
    rows = list(rows)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\r\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _cell(value: Any) -> Any:
    """Lists of names are joined; what has parts of its own is JSON; what begins like a formula is made harmless."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        value = " ".join(value)
    elif isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULAS) else value


def geojson_of(view: View, number: int) -> bytes:
    """A feature per area that is told of, and per situation with a place on the map (RFC 7946)."""
    features = [*_areas(view.areas), *_situations(view.situations)]
    told = {
        "type": "FeatureCollection",
        "number": number,
        **view.model_dump(mode="json", include={"realm", "status", "audience", "as_of", "digest"}),
        "features": features,
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _areas(areas: Iterable[AreaItem]) -> Iterator[dict[str, Any]]:
    for area in areas:
        if area.code in MAP.outlines:
            told = area.model_dump(mode="json")
            yield _feature(f"area/{area.code}", dict(geojson_geometry(area.code)), told)


def _situations(situations: Iterable[Situation]) -> Iterator[dict[str, Any]]:
    for situation in situations:
        codes = [code for code in situation.areas if code in MAP.outlines]
        coarsest = [code for code in codes if not any(_within(code, other) for other in codes)]
        parts = [part for code in coarsest for part in geojson_geometry(code)["coordinates"]]
        told = situation.model_dump(
            mode="json",
            include={
                "id",
                "title",
                "state",
                "severity",
                "services",
                "areas",
                "actors",
                "emergency",
                "started_at",
                "tlp",
            },
        )
        yield _feature(
            f"situation/{situation.id}", {"type": "MultiPolygon", "coordinates": parts} if parts else None, told
        )


def _within(code: str, other: str) -> bool:
    return code != other and geography.contains(other, code)


def _feature(ref: str, geometry: dict[str, Any] | None, told: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "id": ref, "geometry": geometry, "properties": told}
