"""What the adapters promise beside their golden files: stable ids, rising revisions, faults that name their place."""

from __future__ import annotations

import inspect
import io
import os
import re
import textwrap
import zipfile
from datetime import UTC, datetime
from email import message_from_string
from pathlib import Path
from typing import Any

import pytest
from circuit_maintenance_parser.parsers.aws import TextParserAWS1
from circuit_maintenance_parser.parsers.cogent import TextParserCogent1
from circuit_maintenance_parser.parsers.netflix import TextParserNetflix1
from openpyxl import load_workbook

from bus.messages import Incident, Message, Work
from bus.references import Kind
from bus.vocabulary import Impact, IncidentState, MessageStatus, Service, WorkState
from producers.adapters import Format, Importer, Reading, Translations, read, recognise
from producers.adapters.columns import COLUMNS, KINDS, columns_of, local_instant
from producers.adapters.leftovers import of_email
from producers.adapters.reading import MOST_BYTES
from producers.adapters.tables import NOTHING_FILLED_IN, SHEETS
from producers.adapters.template import csv_template, excel_template
from producers.words import Language, symbol_of, words_of

GOLDEN = Path(__file__).parent / "golden"
IMPORTER = Importer(actor="nordtel", areas=("07",))


def source(name: str) -> str:
    return (GOLDEN / name).read_text("utf-8")


def reading(text: str | bytes, format: Format, importer: Importer = IMPORTER) -> Reading:
    content = text if isinstance(text, bytes) else text.encode()
    return read(content, "", importer, format=format)


def messages(text: str | bytes, format: Format, importer: Importer = IMPORTER) -> list[Message]:
    found = reading(text, format, importer)
    assert found.faults == ()
    return [each.message for each in found.found]


def faults(text: str | bytes, format: Format) -> list[str]:
    return [str(fault) for fault in reading(text, format).faults]


# identity and revisions


def test_a_later_notice_is_a_later_revision_of_the_same_work() -> None:
    first = source("work.ics")
    later = first.replace("SEQUENCE:2", "SEQUENCE:3").replace("STATUS:CONFIRMED", "STATUS:RE-SCHEDULED")
    [before], [again], [after] = (messages(text, Format.NOTICE) for text in (first, first, later))
    assert before == again
    assert (after.reference, after.revision) == (before.reference, before.revision + 1)
    assert isinstance(after, Work)
    assert after.state is WorkState.RESCHEDULED


def test_a_calendar_that_counts_nothing_is_counted_by_its_stamp() -> None:
    silent = source("work.ics").replace("SEQUENCE:2\n", "")
    later = silent.replace("DTSTAMP;VALUE=DATE-TIME:20260109T083000Z", "DTSTAMP;VALUE=DATE-TIME:20260109T083001Z")
    [before], [after] = messages(silent, Format.NOTICE), messages(later, Format.NOTICE)
    assert after.revision - before.revision == 1000


def test_two_accounts_of_one_provider_are_two_works() -> None:
    other = source("work.ics").replace("ACCOUNT:nordtel-1", "ACCOUNT:nordtel-2")
    [one], [two] = messages(source("work.ics"), Format.NOTICE), messages(other, Format.NOTICE)
    assert one.id != two.id


def test_an_alert_its_update_and_its_cancel_are_one_incident() -> None:
    update = source("storm.cap.xml")
    alert = update.replace("NT-2026-0110-2", "NT-2026-0110-1").replace("<msgType>Update", "<msgType>Alert")
    alert = alert.replace("<sent>2026-01-10T07:30", "<sent>2026-01-10T06:00")
    start, end = alert.index("<references>"), alert.index("</references>") + len("</references>")
    alert = alert[:start] + alert[end:]
    cancel = update.replace("<msgType>Update", "<msgType>Cancel").replace(
        "<sent>2026-01-10T07:30", "<sent>2026-01-10T09:00"
    )
    told = [messages(text, Format.CAP)[0] for text in (alert, update, cancel)]
    assert len({message.id for message in told}) == 1
    assert [message.revision for message in told] == sorted(message.revision for message in told)
    last = told[-1]
    assert isinstance(last, Incident)
    assert last.state is IncidentState.RETRACTED
    assert last.reason


def test_what_names_no_place_gets_the_importers() -> None:
    nowhere = '{"id":"P","status":"inProgress","timeRaised":"2026-01-10T06:00:00Z"}'
    [placed] = messages(nowhere, Format.TMF656)
    assert isinstance(placed, Incident)
    assert [area.code for area in placed.areas] == ["07"]
    [fault] = reading(nowhere, Format.TMF656, Importer(actor="nordtel")).faults
    assert "name at least the county" in fault.remedy


def test_a_long_text_is_cut_and_said_to_be() -> None:
    long = '{"id":"P","status":"inProgress","timeRaised":"2026-01-10T06:00:00Z","description":"%s"}' % ("å" * 5_000)
    found = reading(long, Format.TMF656)
    [note] = found.notes
    assert "description has 5006 characters and was cut to 4000" in note


# real notices: forms that nobody here made up


def mail(sender: str, subject: str, text: str) -> str:
    head = f"From: {sender}\nTo: noc@nordtel.example\nSubject: {subject}\nDate: Fri, 22 Dec 2023 18:14:04 +0000\n"
    return f"{head}MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n\n{text}\n"


def quoted(parser: type, method: str) -> str:
    """The notice that the library's own authors quote where they parse it."""
    text = inspect.getdoc(getattr(parser, method)) or ""
    return textwrap.dedent(text.split("Example:\n", 1)[1])


def test_the_librarys_own_examples_are_read() -> None:
    text = quoted(TextParserNetflix1, "parse_text").replace("LAS01,\n", "LAS01,")  # wrapped there, one line in a mail
    [work] = messages(mail("cdnetops@netflix.com", "Scheduled Maintenance", text), Format.NOTICE)
    assert isinstance(work, Work)
    assert work.starts_at == datetime(2024, 1, 31, 18, tzinfo=UTC)
    assert work.ends_at == datetime(2024, 1, 31, 19, tzinfo=UTC)
    assert (work.state, work.impact, work.actor) == (WorkState.CONFIRMED, Impact.OUTAGE, "nordtel")
    assert "192.0.2.1 (OUTAGE)" in work.description
    assert "Traffic will drain away" in work.description
    text = quoted(TextParserAWS1, "parse_text").split("ALTERNATE:")[0].replace("\n    ", "\n")
    text = re.sub(r"=\n\s*", "", text)
    subject = "AWS Direct Connect Planned Maintenance Notification [AWS Account: 00000001]"
    [work] = messages(mail("aws-account-notifications@amazon.com", subject, text), Format.NOTICE)
    assert isinstance(work, Work)
    assert work.starts_at == datetime(2021, 5, 20, 8, tzinfo=UTC)
    assert work.ends_at == datetime(2021, 5, 20, 14, tzinfo=UTC)
    assert "aaaaa-00000005 (OUTAGE)" in work.description


NOTICE_AS_HTML = """<html><body><style>p {margin: 0}</style>
<b>This email serves as official notification that the provider will be performing maintenance.</b><br>
<b>Maintenance Ticket #: </b> TTN-0000000042<br><b>Urgency: </b> Planned<br><b>Date Notice Sent: </b> 08-Jan-2026
<br><b>Customer: </b> Nordtel<br><b>Maintenance Window </b><br><b>1<sup>st</sup> Activity Date </b><br>
14-Jan-2026 19:00 to 15-Jan-2026 01:00 ( Central )
<br> 15-Jan-2026 00:00 to 15-Jan-2026 06:00 ( GMT )
<br><b>Location of Maintenance: </b> Malmo<br><b>Reason for Maintenance: </b> Splicing
<br><b>Expected Impact: </b> Service Affecting Activity: as made up for this test
<br><b>Circuit(s) Affected: </b><br><table><tr><th>Circuit Id</th><th>Expected Impact</th><th>A Location Address</th>
<th>Z Location Address</th><th>Legacy Circuit Id</th></tr>
<tr><td>ABCD/000042//ZYO</td><td>Hard Down - up to 2 hours</td><td>Malmo</td><td>Lund</td><td></td></tr></table>
<br>Please mind the gap.</body></html>"""
"""The form is one that the library knows by its sender; the notice is made up, and tells of nobody's work."""


def test_a_made_up_notice_in_a_providers_form_is_read_from_its_html() -> None:
    html = mail("mr@zayo.com", "***Nordtel***ZAYO TTN-0000000042 Planned MAINTENANCE NOTIFICATION***", NOTICE_AS_HTML)
    [work] = messages(html.replace("text/plain", "text/html"), Format.NOTICE)
    assert isinstance(work, Work)
    assert work.starts_at == datetime(2026, 1, 15, tzinfo=UTC)
    assert work.ends_at == datetime(2026, 1, 15, 6, tzinfo=UTC)
    assert work.impact is Impact.OUTAGE
    assert "Please mind the gap." in work.description
    assert "margin" not in work.description


def test_a_notice_with_two_windows_is_two_works() -> None:
    second = " 15-Jan-2026 00:00 to 15-Jan-2026 06:00 ( GMT )\n<br><b>2<sup>nd</sup> Activity Date </b><br>"
    html = NOTICE_AS_HTML.replace(
        "<br> 15-Jan-2026 00:00 to 15-Jan-2026 06:00 ( GMT )", f"<br>{second}\n<br>{second[:47].replace('15-', '16-')}"
    )
    two = mail("mr@zayo.com", "***Nordtel***ZAYO TTN-0000000042 Planned MAINTENANCE NOTIFICATION***", html)
    works = messages(two.replace("text/plain", "text/html"), Format.NOTICE)
    assert [work.starts_at.day for work in works if isinstance(work, Work)] == [15, 16]
    assert len({work.id for work in works}) == 2


def test_no_service_on_the_net_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    unread = mail("cdnetops@netflix.com", "Hello", "nothing that anyone could read as a notice")
    before = faults(unread, Format.NOTICE)
    monkeypatch.setenv("PARSER_OPENAI_API_KEY", "a key")
    assert faults(unread, Format.NOTICE) == before
    assert os.environ["PARSER_OPENAI_API_KEY"] == "a key"
    text = quoted(TextParserCogent1, "parse_text").replace("Edina, MN", "Ingenstans, XX").replace("/19/", "/11/")
    nowhere = mail("support@cogentco.com", "11/11/2022 Planned Maintenance - Ingenstans, XX 1-3", text)
    [fault] = faults(nowhere, Format.NOTICE)
    assert "'Ingenstans, XX' is not in the list of cities" in fault


# what cannot be taken


BOMB = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><alert>&y;</alert>'
PROBLEM = '{"id":"P","status":"inProgress","timeRaised":"2026-01-10T06:00:00Z"}'
HEAD = "Beteckning;Gäller från;Läge;Rubrik;Påverkan;Områden;Berörda användare\n"


@pytest.mark.parametrize(
    ("format", "text", "place", "remedy"),
    [
        (Format.CAP, BOMB, "", "refused unread"),
        (Format.CAP, "<alert", "", "not XML"),
        (Format.CAP, "<alert xmlns='urn:oasis:names:tc:emergency:cap:1.1'/>", "", "not a CAP 1.2 alert"),
        (Format.CAP, source("storm.cap.xml").replace("Actual", "Exercise"), "alert.status", "exercise realm"),
        (Format.CAP, source("storm.cap.xml").replace("Actual", "Draft"), "alert.status", "use one of Actual"),
        (Format.CAP, source("storm.cap.xml").replace(":00+01:00</sent>", ":00</sent>"), "alert.sent", "no offset"),
        (Format.TMF656, "{", "", "not JSON"),
        (Format.TMF656, f"[{PROBLEM},{{}}]", "[1].id", "required member is missing"),
        (Format.TMF656, PROBLEM.replace("inProgress", "gone"), "status", "should be"),
        (Format.TMF656, PROBLEM.replace("00Z", "00"), "timeRaised", "no offset"),
        (Format.TMF656, '{"id":"P","status":"held"}', "timeRaised", "required member is missing"),
        (Format.TMF642, '{"event":{"alarm":{"id":"A"}}}', "event.alarm.perceivedSeverity", "missing"),
        (Format.NOTICE, "From: a@b.example\n\nhello", "", "it has no Subject"),
        (Format.NOTICE, mail("a@b.example", "x", "y"), "", "the sender a@b.example is no provider known here"),
        (Format.NOTICE, "BEGIN:VCALENDAR\nEND:VCALENDAR", "", "holds no maintenance"),
        (Format.CSV, "", "", "the file is empty"),
        (Format.CSV, "a;b\n1;2", "row 1", "fit no kind"),
        (Format.CSV, HEAD + "I-1;igår;bekräftat;X;avbrott;07;", "row 2, column Gäller från (B)", "is not a time"),
        (Format.CSV, HEAD + "I-1;2026-01-10 06:00;trasigt;X;avbrott;07;", "row 2, column Läge (C)", "bekräftat"),
        (Format.CSV, HEAD + "I-1;2026-01-10 06:00;bekräftat;X;avbrott;Kalmarr;", "row 2, column Områden (F)", "SCB"),
        (Format.CSV, HEAD + "I-1;2026-01-10 06:00;bekräftat;X;avbrott;07;1,5", "row 2, column Berörda", "whole number"),
        (Format.CSV, HEAD + ";2026-01-10 06:00;bekräftat;X;avbrott;07;", "row 2, column Beteckning (A)", "is empty"),
        (
            Format.CSV,
            HEAD + "I/1;2026-01-10 06:00;bekräftat;X;avbrott;07;",
            "row 2, column Beteckning",
            "does not match",
        ),
        (
            Format.CSV,
            HEAD + "I-1;2026-01-10 06:00;bekräftat;X;avbrott;07;1;extra",
            "row 2",
            "more cells than the header",
        ),
        (Format.CSV, HEAD.replace("Områden", "Ställen"), "row 1, column Ställen", "no such column"),
        (Format.CSV, HEAD.replace("Områden", "Läge"), "row 1, column Läge", "twice"),
        (Format.CSV, 'a;"b', "row 1", "not CSV"),
        (Format.XLSX, "nothing", "", "not an Excel workbook"),
    ],
)
def test_a_fault_names_its_place_and_the_remedy(format: Format, text: str, place: str, remedy: str) -> None:
    fault = reading(text, format).faults[0]
    assert fault.place.startswith(place)
    assert remedy in fault.remedy


def test_one_bad_row_keeps_no_other_back() -> None:
    found = reading(HEAD + "I-1;nu;bekräftat;X;avbrott;07;\nI-2;2026-01-10 06:00;bekräftat;X;avbrott;07;\n", Format.CSV)
    assert [each.message.id for each in found.found] == ["I-2"]
    assert len(found.faults) == 1


def test_one_moment_told_in_two_ways_is_a_fault_and_told_twice_is_none() -> None:
    row = "I-1;2026-01-10 06:00;bekräftat;X;avbrott;07;\n"
    assert len(messages(HEAD + row + row, Format.CSV)) == 1
    [fault] = faults(HEAD + row + row.replace("X", "Y"), Format.CSV)
    assert fault.startswith("row 3: incident/nordtel/I-1 is told at row 2 as well")


def test_a_file_beyond_reason_is_not_read() -> None:
    [fault] = reading(b" " * (MOST_BYTES + 1), Format.CSV).faults
    assert "split it" in fault.remedy


def test_a_workbook_that_unpacks_beyond_reason_is_not_unpacked() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * 201_000_000)
    [fault] = reading(packed.getvalue(), Format.XLSX).faults
    assert "unpacks to" in fault.remedy


# alarms


def test_only_what_concerns_others_is_reported() -> None:
    found = reading(source("alarms.tmf642.json"), Format.TMF642)
    assert len(found.found) == 2
    assert [note.split()[0] for note in found.notes] == ["1", "1"]


def test_a_ring_of_parents_is_one_fault() -> None:
    ring = (
        '[{"id":"B","perceivedSeverity":"major","alarmRaisedTime":"2026-01-10T06:00:00Z","parentAlarm":[{"id":"A"}]},'
        '{"id":"A","perceivedSeverity":"major","alarmRaisedTime":"2026-01-10T06:00:00Z","parentAlarm":[{"id":"B"}],'
        '"serviceAffecting":true}]'
    )
    [incident] = messages(ring, Format.TMF642)
    assert incident.id.startswith("A:")


# tables


@pytest.mark.parametrize("language", list(Language))
def test_the_template_can_be_filled_in_and_read(language: Language) -> None:
    workbook: Any = load_workbook(io.BytesIO(excel_template(language)))
    rows: dict[Kind, dict[str, Any]] = {
        Kind.INCIDENT: {
            "id": 17,
            "observed_at": datetime(2026, 1, 10, 7),  # noqa: DTZ001 - a cell has no zone
            "state": words_of(IncidentState, language)[IncidentState.CONFIRMED],
            "title": "Nere",
            "impact": words_of(Impact, language)[Impact.OUTAGE],
            "services": words_of(Service, language)[Service.FIXED_INTERNET],
            "areas": 767,
            "users.value": 1200,
            "started_at": datetime(2026, 1, 10).date(),  # noqa: DTZ001
        },
        Kind.STATUS: {
            "observed_at": "2026-01-10 07:00",
            "mode": "krisläge",
            "nothing_to_report": {Language.SWEDISH: "nej", Language.ENGLISH: "no"}[language],
        },
    }
    for kind, cells in rows.items():
        sheet = workbook[SHEETS[kind][language is Language.ENGLISH]]
        head = [column.header(language) for column in columns_of(kind)]
        assert [cell.value for cell in sheet[1]] == head
        for column in columns_of(kind):
            if column.field in cells:
                sheet.cell(2, head.index(column.header(language)) + 1, cells[column.field])
    filled = io.BytesIO()
    workbook.save(filled)
    [incident, status] = messages(filled.getvalue(), Format.XLSX)
    assert isinstance(incident, Incident)
    assert (incident.id, incident.observed_at) == ("17", datetime(2026, 1, 10, 6, tzinfo=UTC))
    assert [area.code for area in incident.areas] == ["0767"]
    assert incident.users is not None
    assert incident.users.value == 1200
    assert status.reference == "status/nordtel/status"


def test_the_template_offers_lists() -> None:
    workbook: Any = load_workbook(io.BytesIO(excel_template(Language.SWEDISH)))
    sheet: Any = workbook["Händelser"]
    column = [cell.value for cell in sheet[1]].index("Påverkan")
    [rule] = [v for v in sheet.data_validations.dataValidation if sheet.cell(2, column + 1).coordinate in v.sqref]
    name = workbook.defined_names[str(rule.formula1)]
    [(title, cells)] = name.destinations
    words = [row[0].value for row in workbook[title][cells]]
    assert words == list(words_of(Impact, Language.SWEDISH).values())


@pytest.mark.parametrize("kind", KINDS)
def test_the_header_of_a_template_tells_its_kind(kind: Kind) -> None:
    for language in Language:
        assert reading(csv_template(kind, language), Format.CSV) == Reading.refused(NOTHING_FILLED_IN)


def test_every_field_of_a_column_is_one_of_the_message() -> None:
    for kind in KINDS:
        fields = [column.field for column in columns_of(kind)]
        assert len(fields) == len(set(fields))
        headers = [name for column in columns_of(kind) for name in {column.swedish, column.english}]
        assert len(headers) == len({name.casefold() for name in headers})
    assert all(column.help(language) for column in COLUMNS for language in Language)


def test_the_hours_in_which_the_clock_is_turned_must_be_told_apart() -> None:
    assert local_instant(datetime(2026, 7, 1, 12)) == datetime(2026, 7, 1, 10, tzinfo=UTC)  # noqa: DTZ001
    with pytest.raises(ValueError, match="was twice"):
        local_instant(datetime(2026, 10, 25, 2, 30))  # noqa: DTZ001
    with pytest.raises(ValueError, match="does not exist"):
        local_instant(datetime(2026, 3, 29, 2, 30))  # noqa: DTZ001
    found = reading(HEAD + "I-1;2026-10-25 02:30;bekräftat;X;avbrott;07;", Format.CSV)
    assert "was twice" in str(found.faults[0])


def test_what_a_swedish_windows_writes_is_read() -> None:
    table = (HEAD + "I-1;2026-01-10 06:00;bekräftat;Nätet är nere;avbrott;07;").encode("cp1252")
    [incident] = messages(table, Format.CSV)
    assert isinstance(incident, Incident)
    assert incident.title == "Nätet är nere"


# words, formats, translations


@pytest.mark.parametrize("language", list(Language))
def test_every_symbol_has_a_word_and_no_two_share_one(language: Language) -> None:
    vocabularies = {column.words for column in COLUMNS if column.words}
    assert vocabularies
    for vocabulary in vocabularies:
        words = words_of(vocabulary, language)
        assert set(words) == set(vocabulary)
        assert len({word.casefold() for word in words.values()}) == len(words)
        for symbol, word in words.items():
            assert symbol_of(vocabulary, word.upper()) is symbol
            assert symbol_of(vocabulary, symbol.value) is symbol


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("a.EML", b"", Format.NOTICE),
        ("a", b"BEGIN:VCALENDAR", Format.NOTICE),
        ("a", b" <alert/>", Format.CAP),
        ("a.json", b'[{"perceivedSeverity":"major"}]', Format.TMF642),
        ("a.json", b'{"event":{"alarm":{}}}', Format.TMF642),
        ("a.json", b'{"event":{"serviceProblem":{}}}', Format.TMF656),
        ("a", b"PK\x03\x04", Format.XLSX),
        ("a.pdf", b"%PDF", None),
    ],
)
def test_a_file_is_recognised(name: str, content: bytes, format: Format | None) -> None:
    assert recognise(name, content) is format


def test_a_place_is_translated_only_by_its_exact_name() -> None:
    names = Translations()
    assert names.areas("Kalmar län") == ("08",)
    assert names.areas(" kalmar  KOMMUN ") == ("0880",)
    assert names.areas("0880") == ("0880",)
    assert names.areas("Kalmarr") == ()
    assert names.areas("") == ()


def test_an_exercise_is_imported_as_one() -> None:
    text = source("storm.cap.xml").replace("Actual", "Exercise")
    [incident] = messages(text, Format.CAP, Importer(actor="nordtel", status=MessageStatus.EXERCISE))
    assert incident.status is MessageStatus.EXERCISE
    [fault] = reading(
        source("storm.cap.xml"), Format.CAP, Importer(actor="nordtel", status=MessageStatus.EXERCISE)
    ).faults
    assert "exercise" in fault.remedy


def test_the_words_of_a_page_are_kept_without_what_is_no_text() -> None:
    page = (
        "<HTML><HEAD><title>T</title></HEAD><style>p {}</style><p>Arbete p&aring;&nbsp;<b>fiber</b></p>"
        "<!-- a > b --><SCRIPT>if (a < b) { x() }</SCRIPT >I natt<br/>kl. 1 < 2<style>"
    )
    assert kept_of(page) == "Arbete på / fiber / I natt / kl. 1 < 2"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param("<a " * 400_000, "", id="tags that nobody closes"),
        pytest.param("<style>a" * 100_000, " / ".join(["a"] * 100_000), id="styles that nobody closes"),
        pytest.param("<!--" * 300_000, "", id="comments that nobody closes"),
        pytest.param(f"<p>a{' ' * 1_000_000}b", "a b", id="blanks"),
    ],
)
def test_no_page_takes_long(body: str, words: str) -> None:
    """Read by the square of their length, as they once were, these would take hours."""
    assert kept_of(body) == words


def test_no_text_takes_long() -> None:
    assert kept_of(f"a{' ' * 1_000_000}b", "plain") == f"a{' ' * 1_000_000}b"
    assert kept_of("a" + "\n" * 1_000_000 + "b", "plain") == "a / b"


def kept_of(body: str, subtype: str = "html") -> object:
    return of_email(message_from_string(f"Subject: x\nContent-Type: text/{subtype}\n\n{body}"))["text"]
