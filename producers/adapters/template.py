"""The spreadsheet to fill reports into: a sheet for each kind, lists to choose from, and instructions."""

from __future__ import annotations

import csv
import io

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from bus import geography
from bus.references import Kind
from producers.adapters.columns import KINDS, Column, Shape, columns_of
from producers.adapters.tables import SHEETS
from producers.words import Language, words_of

__all__ = ["csv_template", "excel_template"]

ROWS = 500
"""Rows below the header that have lists to choose from."""

_LISTS = {Language.SWEDISH: "Listor", Language.ENGLISH: "Lists"}
_INSTRUCTIONS = {Language.SWEDISH: "Läs först", Language.ENGLISH: "Read first"}
_HEAD = PatternFill("solid", start_color="1F3A5F")
_NEEDED = PatternFill("solid", start_color="8A3B12")

_RULES = {
    Language.SWEDISH: (
        "En rad är hela läget för en händelse, en åtgärd eller ett arbete. Fyll i allt som fortfarande gäller.",
        "Lämna tomt det som är okänt. Noll betyder att det säkert är noll.",
        "Ändra ”Gäller från” varje gång en rad ändras: en senare tid gäller framför en tidigare.",
        "Behåll beteckningen genom hela förloppet. Det som är över får läget avslutat, en felrapport läget återtaget.",
        "Tider är svensk tid, som 2026-01-10 06:00. När klockan ställs om: skriv tiden med +01:00 eller +02:00.",
        "Flera värden i en cell skiljs med semikolon. Rubriker med brun bakgrund måste fyllas i.",
        "Läs in filen med: ntsg import FIL.xlsx --dry-run, och när allt stämmer utan --dry-run.",
    ),
    Language.ENGLISH: (
        "A row is the whole state of an incident, a measure or a work. Repeat all that still holds, each time.",
        "Leave empty what is unknown. Zero means that it is known to be zero.",
        "Change “As of” whenever a row changes: a later time counts before an earlier one.",
        "Keep the id throughout. What is over gets the state closed, what was reported in error the state retracted.",
        "Times are Swedish time, such as 2026-01-10 06:00. When the clock is turned, write +01:00 or +02:00 behind it.",
        "Separate several values of a cell by semicolons. Headers on brown must be filled in.",
        "Import with: ntsg import FILE.xlsx --dry-run, and without --dry-run once all is well.",
    ),
}


def csv_template(kind: Kind, language: Language) -> str:
    """A header line for one kind, as a Swedish spreadsheet opens it: separated by semicolons."""
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\n").writerow([c.header(language) for c in columns_of(kind)])
    return text.getvalue()


def excel_template(language: Language) -> bytes:
    """A workbook with instructions, a sheet for each kind, and the lists behind its cells."""
    workbook = Workbook()
    first = workbook.active
    assert isinstance(first, Worksheet)  # noqa: S101 - a new workbook has a sheet; the types do not say so
    _instruct(first, language)
    lists = _Lists(workbook, language)
    for kind in KINDS:
        _sheet(workbook.create_sheet(SHEETS[kind][language is Language.ENGLISH]), kind, language, lists)
    lists.finish()
    text = io.BytesIO()
    workbook.save(text)
    return text.getvalue()


class _Lists:
    """The sheet of words that cells are chosen from; each list is a named range."""

    def __init__(self, workbook: Workbook, language: Language) -> None:
        self._workbook = workbook
        self._language = language
        self._sheet: Worksheet = workbook.create_sheet(_LISTS[language])
        self._names: dict[str, str] = {}

    def name_of(self, column: Column) -> str | None:
        """The named range of a column's words; None where the cell is free."""
        if column.shape is Shape.FLAG:
            return self._add("yes_no", ["ja", "nej"] if self._language is Language.SWEDISH else ["yes", "no"])
        if column.words is None:
            return None
        return self._add(column.words.__name__, list(words_of(column.words, self._language).values()))

    def finish(self) -> None:
        """Add the codes of areas, which are looked up and not chosen from."""
        places = [f"{p.code} {p.name}" for p in (*geography.counties(), *geography.municipalities())]
        self._add("Areas", [f"{geography.COUNTRY} {geography.name_of(geography.COUNTRY)}", *places])

    def _add(self, name: str, words: list[str]) -> str:
        if name not in self._names:
            letter = get_column_letter(len(self._names) + 1)
            for number, word in enumerate([name, *words], start=1):
                self._sheet[f"{letter}{number}"] = word
            self._sheet.column_dimensions[letter].width = 34
            reference = f"'{self._sheet.title}'!${letter}$2:${letter}${len(words) + 1}"
            self._workbook.defined_names[name] = DefinedName(name, attr_text=reference)
            self._names[name] = name
        return name


def _instruct(sheet: Worksheet, language: Language) -> None:
    sheet.title = _INSTRUCTIONS[language]
    sheet.append(["ntsg-bus"])
    sheet["A1"].font = Font(bold=True, size=16)
    for rule in _RULES[language]:
        sheet.append([f"•  {rule}"])
    sheet.append([])
    for kind in KINDS:
        sheet.append([SHEETS[kind][language is Language.ENGLISH]])
        sheet.cell(sheet.max_row, 1).font = Font(bold=True)
        for column in columns_of(kind):
            sheet.append([f"    {column.header(language)}{' *' if column.required else ''}: {column.help(language)}"])
    sheet.column_dimensions["A"].width = 130
    for row in sheet.iter_rows():
        row[0].alignment = Alignment(wrap_text=True, vertical="top")


def _sheet(sheet: Worksheet, kind: Kind, language: Language, lists: _Lists) -> None:
    for position, column in enumerate(columns_of(kind), start=1):
        letter = get_column_letter(position)
        head = sheet.cell(1, position, column.header(language))
        head.font = Font(bold=True, color="FFFFFF")
        head.fill = _NEEDED if column.required else _HEAD
        head.alignment = Alignment(wrap_text=True, vertical="top")
        sheet.column_dimensions[letter].width = max(16, len(column.header(language)) + 4)
        if column.shape is Shape.INSTANT:
            for number in range(2, ROWS + 2):
                sheet.cell(number, position).number_format = "yyyy-mm-dd hh:mm"
        elif column.field in ("id", "areas"):
            for number in range(2, ROWS + 2):
                sheet.cell(number, position).number_format = "@"  # text: a code keeps its zero
        sheet.add_data_validation(_validation(column, language, lists, letter))
    sheet.freeze_panes = "B2"


def _validation(column: Column, language: Language, lists: _Lists, letter: str) -> DataValidation:
    """A list where there is one to choose from. Cells that take several show the list and accept other text."""
    name = lists.name_of(column)
    validation = DataValidation(
        type="list" if name else None,
        formula1=name,
        allow_blank=True,
        showErrorMessage=name is not None and column.shape is not Shape.CHOICES,
        showInputMessage=True,
        promptTitle=column.header(language)[:32],
        prompt=column.help(language)[:255],
    )
    validation.add(f"{letter}2:{letter}{ROWS + 1}")
    return validation
