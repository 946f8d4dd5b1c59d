"""Tables of reports: CSV, or the Excel template with a sheet for each kind. Each fault names its row and its column."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from typing import Any
from xml.etree.ElementTree import ParseError

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from bus.messages import MESSAGES
from bus.references import Kind
from producers.adapters.columns import KINDS, Column, columns_of, fields_of, header_names
from producers.adapters.reading import Collector, Importer, Reading

__all__ = ["NOTHING_FILLED_IN", "SHEETS", "read_csv", "read_excel"]

SHEETS = {
    Kind.INCIDENT: ("Händelser", "Incidents"),
    Kind.MEASURE: ("Åtgärder", "Measures"),
    Kind.WORK: ("Planerade arbeten", "Planned works"),
    Kind.STATUS: ("Eget läge", "Own status"),
}
"""The sheets of the template in Swedish and English; other sheets are not read."""

MOST_ROWS = 20_000
MOST_UNPACKED = 200_000_000
"""Bytes that a workbook may unpack to; more is a bomb, not a report."""

_UNKNOWN = {"", "okänt", "okänd", "unknown", "?"}
"""What people write into a cell that they know nothing for."""

NOTHING_FILLED_IN = "nothing is filled in below the headings; write a row for each report, save it, and import it again"

_Numbered = Iterator[tuple[int, Sequence[Any]]]


def read_csv(content: bytes, importer: Importer, kind: Kind | None = None) -> Reading:
    """One table of one kind, with a header in Swedish, English or the fields' own names.

    Comma, semicolon and tab separate; UTF-8 and what a Swedish Windows writes are read. Without `kind`, the headers
    tell.
    """
    text = _decoded(content)
    separator = max(";\t,", key=(text.split("\n", 1)[0]).count)
    collector = Collector()
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        numbered = [(rows.line_num, row) for row in rows]
    except csv.Error as error:
        return Reading.refused(f"not CSV: {error}", f"row {rows.line_num}")
    if not _table(collector, iter(numbered), kind, "", importer):
        collector.fault("", NOTHING_FILLED_IN)
    return collector.reading()


def read_excel(content: bytes, importer: Importer) -> Reading:
    """All sheets of the template that hold rows."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MOST_UNPACKED:
            return Reading.refused(
                f"unpacks to {unpacked:,} bytes; a workbook of reports has less than {MOST_UNPACKED:,}"
            )
        workbook = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, ParseError, OSError, EOFError) as error:
        return Reading.refused(f"not an Excel workbook (.xlsx): {error}")
    collector = Collector()
    kinds = {name.casefold(): kind for kind, names in SHEETS.items() for name in names}
    read = [
        (sheet, kinds[sheet.title.strip().casefold()]) for sheet in workbook if sheet.title.strip().casefold() in kinds
    ]
    if not read:
        names = ", ".join(swedish for swedish, _ in SHEETS.values())
        collector.fault("", f"no sheet is named as in the template ({names}); write one with --template")
    told = False
    for sheet, kind in read:
        rows = enumerate(sheet.iter_rows(values_only=True), start=1)
        told = _table(collector, rows, kind, f"sheet {sheet.title}, ", importer) or told
    if read and not told:
        collector.fault("", NOTHING_FILLED_IN)
    workbook.close()
    return collector.reading()


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _table(collector: Collector, rows: _Numbered, kind: Kind | None, where: str, importer: Importer) -> bool:
    """Take the rows. False where there is none below the headings, and nothing else is wrong that would be told."""
    number, header = next(((number, row) for number, row in rows if _filled(row)), (1, ()))
    if not header:
        if not where:
            collector.fault("", "the file is empty; write a template with --template")
            return True
        return False
    kind = kind or _kind_of(header)
    if kind is None:
        collector.fault(f"{where}row {number}", "the headers fit no kind of report; write a template with --template")
        return True
    columns = _columns(collector, header, kind, f"{where}row {number}")
    if columns is None:
        return True
    told = 0
    for number, row in rows:
        if not _filled(row):
            continue
        told += 1
        if told > MOST_ROWS:
            collector.fault(f"{where}row {number}", f"more than {MOST_ROWS} rows; split the table")
            return True
        _row(collector, kind, columns, row, f"{where}row {number}", importer)
    return told > 0


def _kind_of(header: Sequence[Any]) -> Kind | None:
    """The kind that knows the most of these headers and misses none that it needs."""
    names = {_plain(name) for name in header}
    fitting = [
        (len(names & header_names(columns_of(kind)).keys()), kind)
        for kind in KINDS
        if all(
            {column.swedish.casefold(), column.english.casefold(), column.field.casefold()} & names
            for column in columns_of(kind)
            if column.required
        )
    ]
    return max(fitting, key=lambda found: found[0], default=(0, None))[1]


def _columns(collector: Collector, header: Sequence[Any], kind: Kind, place: str) -> dict[int, Column] | None:
    """The columns by their position; None, with the faults told, when the table cannot be read by these headers."""
    known = header_names(columns_of(kind))
    columns: dict[int, Column] = {}
    before = collector.reading().faults
    for position, name in enumerate(header):
        if not _plain(name):
            continue
        column = known.get(_plain(name))
        if column is None:
            collector.fault(f"{place}, column {name}", "no such column here; mend its name or remove it")
        elif column in columns.values():
            collector.fault(f"{place}, column {name}", "is there twice; keep one")
        else:
            columns[position] = column
    for column in columns_of(kind):
        if column.required and column not in columns.values():
            collector.fault(place, f"the column {column.swedish} ({column.english}) is missing")
    return columns if collector.reading().faults == before else None


def _row(
    collector: Collector, kind: Kind, columns: dict[int, Column], row: Sequence[Any], place: str, importer: Importer
) -> None:
    cells: dict[str, Any] = {}
    sound = True
    for position, column in columns.items():
        value = row[position] if position < len(row) else None
        named = f"{place}, column {column.swedish} ({get_column_letter(position + 1)})"
        if value is None or str(value).strip().casefold() in _UNKNOWN:
            if column.required:
                collector.fault(named, "is empty; it is needed")
                sound = False
            continue
        try:
            cells[column.field] = column.read(_cell(value), importer)
        except ValueError as error:
            collector.fault(named, str(error))
            sound = False
    overlong = [value for value in row[len(row) and max(columns) + 1 :] if value not in (None, "")]
    if overlong:
        collector.fault(place, f"has more cells than the header: {overlong[0]!r}; put texts with separators in quotes")
        sound = False
    if sound:
        names = {c.field.partition(".")[0]: f"column {c.swedish}" for c in columns.values()}
        collector.add(place, MESSAGES[kind], fields_of(kind, cells, importer), names)


def _cell(value: Any) -> Any:
    """A cell's value as text, number, truth or time. A day without an hour is its first moment."""
    match value:
        case datetime():
            return value.replace(microsecond=0)
        case date():
            return datetime.combine(value, time())
        case _:
            return value


def _filled(row: Iterable[Any]) -> bool:
    return any(value is not None and str(value).strip() for value in row)


def _plain(name: Any) -> str:
    return "" if name is None else " ".join(str(name).split()).removesuffix("*").strip().casefold()
