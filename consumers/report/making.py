"""A report in all its forms, made at once from one view: a pure function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bus.vocabulary import Audience
from consumers.merge.view import View
from consumers.report.changes import compare
from consumers.report.composing import Imprint, compose
from consumers.report.data import ReportData, csv_of, geojson_of
from consumers.report.drawing import map_of
from consumers.report.opening import tlp_of
from consumers.report.page import html_of
from consumers.report.paper import pdf_of
from consumers.texts import plain
from consumers.words import Language

__all__ = ["Form", "Report", "file_name", "make"]


class Form(StrEnum):
    """What a report can be had as. PDF and HTML are in a language."""

    PDF = "pdf"
    HTML = "html"
    JSON = "json"
    CSV = "csv"
    GEOJSON = "geojson"


IN_A_LANGUAGE = frozenset({Form.PDF, Form.HTML})
MEDIA_TYPES = {
    Form.PDF: "application/pdf",
    Form.HTML: "text/html; charset=utf-8",
    Form.JSON: "application/json",
    Form.CSV: "application/zip",
    Form.GEOJSON: "application/geo+json",
}


@dataclass(frozen=True)
class Report:
    """A numbered report of a realm, for one audience, as files."""

    number: int
    realm: str
    audience: Audience
    as_of: datetime
    files: Mapping[str, bytes]
    """By `file_name`."""

    def file(self, form: Form, language: Language) -> bytes:
        return self.files[file_name(form, language)]


def file_name(form: Form, language: Language) -> str:
    """What a form of a report is called where reports are kept. The tables are a ZIP archive."""
    if form in IN_A_LANGUAGE:
        return f"report.{language}.{form}"
    return {Form.JSON: "report.json", Form.CSV: "tables.zip", Form.GEOJSON: "map.geojson"}[form]


def make(
    view: View,
    previous: ReportData | None = None,
    *,
    number: int,
    prepared_by: str | None = None,
    next_at: datetime | None = None,
) -> Report:
    """The report of a view. `previous` is the report before, for the same audience: what changed is told since then.

    `prepared_by` is a function, such as `vakthavande`, never a person's name. Equal arguments give equal bytes.
    """
    changes = compare(previous.number, previous.view, view) if previous is not None else None
    imprint = Imprint(number, prepared_by, next_at)
    drawing = map_of(view)
    files: dict[str, bytes] = {}
    for language in Language:
        document = compose(view, changes, imprint, language)
        files[file_name(Form.PDF, language)] = pdf_of(document, drawing, view.as_of)
        files[file_name(Form.HTML, language)] = html_of(document, drawing)
    data = ReportData(
        number=number,
        realm=view.realm,
        as_of=view.as_of,
        tlp=tlp_of(view),
        prepared_by=plain(prepared_by, 80) if prepared_by else None,
        next_at=next_at,
        previous=previous.number if previous is not None else None,
        changes=changes,
        view=view,
    )
    files["report.json"] = data.model_dump_json().encode() + b"\n"
    files["tables.zip"] = csv_of(view)
    files["map.geojson"] = geojson_of(view, number)
    return Report(number, view.realm, view.audience, view.as_of, files)
