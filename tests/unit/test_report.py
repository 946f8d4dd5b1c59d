"""The situation report: what stands in it, on every page, in both languages, and that nobody's text can break it."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import cache
from html.parser import HTMLParser
from importlib import resources
from string import Formatter
from typing import Any

import pypdfium2
import pytest

from bus.envelope import Envelope
from bus.messages import CustomerService, Decision, Request, Work
from bus.ndjson import Line
from bus.registry import Registry, read_group
from bus.topics import Realm
from bus.vocabulary import (
    Audience,
    DecisionKind,
    DecisionState,
    Impact,
    IncidentState,
    MeasureState,
    MessageStatus,
    RequestState,
    ResourceKind,
    Service,
    SituationState,
    Tlp,
    WorkState,
)
from consumers.files import merge_lines
from consumers.merge import Projections, View
from consumers.ramp import RAMP
from consumers.report import Form, Report, ReportData, make
from consumers.report.changes import ChangeKind, compare
from consumers.report.composing import Imprint, compose
from consumers.report.document import Document, Table
from consumers.report.opening import MOST_CHANGES, tlp_of
from consumers.report.texts import TEXTS
from consumers.texts import LONGEST, plain
from consumers.words import SWEDISH as SWEDISH_WORDS
from consumers.words import Language
from producers.storm import storm
from tests.merging import LATER, at, count, fold, incident, measure, picture, said, status

BEGIN = datetime(2026, 1, 10, 5, tzinfo=UTC)
SWEDISH, ENGLISH = Language.SWEDISH, Language.ENGLISH
WORST_HOUR = 8.0
NASTY = (
    '#panic() $x$ *b* _i_ `r` @x <x> \\ // /* #import "a" [ ] { } = - + ~',
    "<script>alert(1)</script><img src=x onerror=alert(1)> & \"q\" 'a' {{ 7 * 7 }} {% raw %}",
    "\u202eslutet\u202c \x00\x1b[31m\r\n\t\u2028 \U0001f4a5 \ud7ff \ufffe",
    "x" * 120,
)


@cache
def seen(hours: float, status: MessageStatus = MessageStatus.EXERCISE, audience: Audience = Audience.FULL) -> View:
    """The storm of the demo, so many hours after it began."""
    group = read_group(resources.files("producers").joinpath("actors.toml").read_text("utf-8"), "actors.toml")[0]
    lines = [Line(step.message, BEGIN + step.after, BEGIN + step.after) for step in storm(BEGIN, status)]
    realm = Realm("ntsg-exercise" if status is MessageStatus.EXERCISE else "ntsg")
    as_of = BEGIN + timedelta(hours=hours)
    return merge_lines(lines, realm=realm, registry=Registry.of(group), as_of=as_of, audience=audience)


def told(number: int, view: View) -> ReportData:
    """What a later report knows of an earlier one."""
    return ReportData.model_validate_json(make(view, number=number).files["report.json"])


@pytest.fixture(scope="module")
def report() -> Report:
    """The fourth report, at the storm's worst hour, two hours after the third."""
    return make(
        seen(WORST_HOUR),
        told(3, seen(WORST_HOUR - 2)),
        number=4,
        prepared_by="vakthavande samordnare",
        next_at=BEGIN + timedelta(hours=10),
    )


def pages(pdf: bytes) -> list[str]:
    """The text of each page; words that were made breakable are whole, and lines joined."""
    document = pypdfium2.PdfDocument(pdf)
    texts = [page.get_textpage().get_text_bounded() for page in document]
    document.close()
    return [" ".join(text.replace("\u200b", "").replace("\ufffe", "").split()) for text in texts]


def written(report: Report, language: Language = SWEDISH) -> list[str]:
    return pages(report.file(Form.PDF, language))


def document(view: View, language: Language = SWEDISH, previous: View | None = None) -> Document:
    return compose(view, compare(1, previous, view) if previous else None, Imprint(2, "vakthavande"), language)


def table(of: Document, key: str) -> Table:
    return next(b for s in of.sections for b in s.blocks if isinstance(b, Table) and b.key == key)


def rows(of: Document, key: str) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table(of, key).rows]


# On every page


@pytest.mark.parametrize(
    ("language", "banner", "page"), [(SWEDISH, "ÖVNING", "Sida {} av {}"), (ENGLISH, "EXERCISE", "Page {} of {}")]
)
def test_every_page_says_what_it_is(report: Report, language: Language, banner: str, page: str) -> None:
    found = written(report, language)
    assert len(found) >= 4
    for number, text in enumerate(found, start=1):
        assert banner in text
        assert text.count("TLP:AMBER+STRICT") >= 2
        assert page.format(number, len(found)) in text
        assert "2026-01-10 14:00 (13:00 UTC)" in text


def test_a_real_report_is_marked_as_real() -> None:
    found = written(make(seen(WORST_HOUR, MessageStatus.ACTUAL), number=1))
    assert all("SKARPT LÄGE" in text and "ÖVNING" not in text for text in found)


def test_the_first_page_is_the_summary_and_has_the_map(report: Report) -> None:
    first, second, *_ = written(report)
    voice = seen(WORST_HOUR).totals.users[Service.MOBILE_VOICE]
    for words in (
        "Lägesrapport 4",
        "5 Katastrofal (minst)",
        "vakthavande samordnare",
        "12:00 (lägesrapport 3)",
        "2026-01-10 16:00 (15:00 UTC)",
        "112 kan inte nås i Markaryd, Ljungby",
        "Inget mobilnät alls i Markaryd",
        f"tal {SWEDISH_WORDS.span(voice.low, voice.best, voice.high, 0)}, avbrott",
        "full kapacitet 11/1 18:00",
        "Vad som är rapporterat, per kommun och län",
    ):
        assert " ".join(words.split()) in first.replace("\xa0", " "), words
    assert second.split("UTC)")[1].split("STRICT")[1].strip().startswith("1 Förändringar")


def test_the_last_page_says_how_it_was_made_and_what_is_not_known(report: Report) -> None:
    last = written(report)[-1]
    assert "Så är rapporten gjord, och vad som inte är känt" in last
    assert "Tjänster läggs aldrig ihop" in last
    assert "1 rapport saknar antal drabbade (fast telefoni)" in last
    assert "Aldrig hörda: Myndigheten" in last
    assert seen(WORST_HOUR).digest in last.replace(" ", "")
    assert seen(WORST_HOUR).rules in last


def test_all_sections_are_there_in_order(report: Report) -> None:
    whole = " ".join(written(report))
    places = [whole.index(f"{number} {TEXTS[f's{number}']['sv']}") for number in range(1, 12)]
    assert places == sorted(places)


def test_the_map_is_drawn_in_the_colours_of_the_ramp(report: Report) -> None:
    page = pypdfium2.PdfDocument(report.file(Form.PDF, SWEDISH))[0]
    bitmap = page.render(scale=2)
    seen_colours = {bytes(bitmap.buffer[place : place + 3]) for place in range(0, len(bitmap.buffer), 3 * 7)}
    for level in (3, 4, 5):
        red, green, blue = bytes.fromhex(RAMP[level].fill[1:])
        assert bytes((blue, green, red)) in seen_colours


# What is said


def test_new_worse_better_and_over_are_told_apart() -> None:
    def view(hours: float, **fields: Any) -> View:
        return picture(
            incident(id="I-1", codes=("07",), users=count(fields.get("users", 20_000))),
            *([incident("sveamobil", "S-1", codes=("25",), **fields.get("other", {}))] if "other" in fields else []),
            as_of=at(hours),
        )

    new = compare(1, view(0.5), view(1, other={}))
    assert [(change.kind, change.title) for change in new.situations] == [(ChangeKind.NEW, new.situations[0].title)]
    worse = compare(1, view(0.5), view(1, users=200_000))
    [change] = worse.situations
    assert change.kind is ChangeKind.WORSE
    assert {(d.what, d.before, d.now, d.worse) for d in change.differences} >= {
        ("severity", "3", "4", True),
        ("users/MOBILE_VOICE", "20000", "200000", True),
    }
    [change] = compare(1, view(0.5, users=200_000), view(1)).situations
    assert change.kind is ChangeKind.BETTER
    closed = view(1, other={"state": IncidentState.CLOSED, "revision": 2})
    over = compare(1, view(0.5, other={}), closed)
    assert [change.kind for change in over.situations] == [ChangeKind.OVER]
    assert not compare(1, view(0.5), view(1)).any


def test_a_situation_that_joined_another_is_neither_new_nor_over() -> None:
    apart = picture(incident(id="I-1"), incident("sveamobil", "S-1", 2, codes=("25",)), as_of=at(0.5))
    joined = picture(
        incident(id="I-1"),
        incident("sveamobil", "S-1", 2, codes=("25",)),
        incident("sveamobil", "S-1", 3, codes=("25",), related_to=("incident/nordtel/I-1",)),
    )
    assert (len(apart.situations), len(joined.situations)) == (2, 1)
    assert not {change.kind for change in compare(1, apart, joined).situations} & {ChangeKind.NEW, ChangeKind.OVER}


def test_a_conflict_whose_facts_changed_is_not_a_new_one() -> None:
    changes = compare(3, seen(WORST_HOUR - 2), seen(WORST_HOUR))
    subjects = [{(c.rule, c.subjects) for c in part} for part in (changes.new_conflicts, changes.changed_conflicts)]
    assert subjects[0]
    assert subjects[1]
    assert not subjects[0] & subjects[1]
    assert not subjects[1] & {(conflict.rule, conflict.subjects) for conflict in changes.past_conflicts}


def test_measures_that_began_and_ended_are_told() -> None:
    before, now = (
        picture(measure(id="M-1"), as_of=LATER),
        picture(measure(id="M-1"), measure(id="M-1", revision=2, state=MeasureState.ENDED), measure(id="M-2")),
    )
    changes = compare(1, before, now)
    assert [m.ref for m in changes.started_measures] == ["measure/nordtel/M-2"]
    assert [m.ref for m in changes.ended_measures] == ["measure/nordtel/M-1"]


def test_the_first_page_stays_one_page_however_much_happens() -> None:
    many = [
        incident(id=f"I-{n}", codes=("07", "06", "08", "13"), title="w" * 57 + " " + "å" * 62, event_refs=(f"x:{n}",))
        for n in range(40)
    ]
    before, now = picture(incident("sveamobil", "S-1"), as_of=at(0.1)), picture(*many)
    report = make(now, told(1, before), number=2, prepared_by="f" * 500)
    first, second, *_ = written(report)
    assert len(document(now, previous=before).changes.lines) == MOST_CHANGES + 1
    assert "till, se avsnitt 1" in first
    assert "1 Förändringar" in second


def test_an_empty_picture_is_not_all_well() -> None:
    found = written(make(picture(), number=1))
    assert "Ingen rapporterad störning" in found[0]
    assert "Första rapporten: inget att jämföra med." in found[0]
    assert "Det är inte detsamma som att allt fungerar." in " ".join(found)
    assert "Aldrig hörda" in found[-1]


def test_a_picture_that_was_not_settled_says_so_at_once() -> None:
    unsettled = picture(incident()).model_copy(update={"settled": False})
    report = make(unsettled, number=1)
    assert "visa inte som nuläge" in written(report)[0]
    assert "visa inte som nuläge" in report.file(Form.HTML, SWEDISH).decode()


def test_names_stand_in_place_of_slugs_and_references() -> None:
    texts = " ".join(" ".join(row) for row in rows(document(seen(WORST_HOUR)), "conflicts"))
    assert "Nordtel M-2 leder användare till Sveamobil" in texts
    assert "measure/" not in texts
    assert "incident/" not in texts


@pytest.mark.parametrize(
    ("language", "remark"),
    [
        (SWEDISH, "antalet ändrades mycket: revision 2 rättar 600 drabbade till 62 400"),
        (ENGLISH, "the number changed much: revision 2 corrects 600 users to 62 400"),
    ],
)
def test_what_is_odd_is_told_with_its_numbers(language: Language, remark: str) -> None:
    counted = (incident(revision=revision, users=count(users)) for revision, users in ((1, 600), (2, 62_400)))
    assert rows(document(picture(*counted), language), "flags") == [[remark, "Nordtel I-1"]]


def test_areas_that_only_the_country_report_touches_are_told_once() -> None:
    found = document(seen(WORST_HOUR))
    names = [row[0] for row in rows(found, "areas")]
    told = {row[0]: row[2] for row in rows(found, "areas")}
    assert told["Jönköpings län"].startswith("avbrott: ")
    assert "; försämrat: " in told["Jönköpings län"]
    assert "Kronobergs län" in names
    assert "– Markaryd" in names
    assert "Skåne län" not in names
    lines = [
        line.text
        for section in found.sections
        for block in section.blocks
        if block.kind == "lines"
        for line in block.lines
    ]
    assert any(line.startswith("Hela landet: Sms kommer fram sent") for line in lines)


def test_shortfalls_are_told_by_when_they_are_needed() -> None:
    def asked(id: str, hours: float | None) -> Envelope:
        request = Request(
            actor="nordtel", id=id, revision=1, status=MessageStatus.ACTUAL, observed_at=at(), state=RequestState.OPEN,
            resource=ResourceKind.FUEL, needed_by=None if hours is None else at(hours),
        )  # fmt: skip
        return said(request)

    found = rows(
        document(picture(*(asked(f"R-{n}", h) for n, h in enumerate((0.5, 5, 20, 100, None))), as_of=at(1))), "horizon"
    )
    assert [row[0] for row in found] == ["försenade", "12 timmar", "24 timmar", "senare eller utan tid"]
    assert found[-1][1].count("drivmedel") == 2


def test_the_mark_of_a_report_is_the_highest_of_what_it_tells() -> None:
    assert tlp_of(picture()) is Tlp.AMBER
    assert tlp_of(picture(incident(tlp=Tlp.CLEAR))) is Tlp.AMBER
    assert tlp_of(picture(incident(), measure(tlp=Tlp.RED))) is Tlp.RED
    assert "TLP:RED" in written(make(picture(incident(tlp=Tlp.RED)), number=1))[-1]


def test_a_projection_shows_its_own_and_says_that_it_withholds() -> None:
    state = fold(incident(title="Hemligt", tlp=Tlp.RED), incident("sveamobil", "S-1", users=count(12_345)))
    report = make(Projections(state).view(Audience.PEER, LATER, {}, True), number=1)
    everything = b"".join(content for name, content in report.files.items() if name != "tables.zip") + csvs(report)
    assert b"Hemligt" not in everything
    assert b"12345" not in everything
    whole = " ".join(written(report))
    assert "Hemligt" not in whole
    assert "1 uppgift visas inte för denna mottagare" in whole
    assert "för operatörer" in whole
    assert "TLP:RED" not in whole


# Nobody's text can break it


def test_hostile_text_is_shown_and_does_nothing() -> None:
    for nasty in NASTY:
        view = hostile(nasty)
        report = make(view, told(1, picture()), number=2, prepared_by=nasty)
        whole = " ".join(written(report)).replace(" ", "")
        assert re.sub(r"[^!-~]", "", plain(nasty[:120])) in re.sub(r"[^!-~]", "", whole)
        html = report.file(Form.HTML, SWEDISH).decode()
        tags = Tags()
        tags.feed(html)
        assert not tags.found & {"script", "img", "iframe", "object", "a", "form"}
        assert not tags.handlers
        assert not set(html) & set("\u202e\x00\x1b\u2028")


class Tags(HTMLParser):
    """Which elements and event handlers a page has."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.handlers += [name for name, _ in attributes if name.startswith("on")]


def hostile(text: str) -> View:
    """A picture in which every free text is the given one."""
    opening: dict[str, Any] = {"revision": 1, "status": MessageStatus.ACTUAL, "observed_at": at()}
    work = Work(
        actor="nordtel", id="W-1", state=WorkState.CONFIRMED, impact=Impact.OUTAGE, title=text[:120],
        starts_at=at(2), ends_at=at(3), **opening,
    )  # fmt: skip
    request = Request(
        actor="nordtel", id="R-1", state=RequestState.OPEN, resource=ResourceKind.FUEL, description=text, **opening
    )
    decision = Decision(
        actor="samordning", id="D-1", decision=DecisionKind.COMMUNICATION, state=DecisionState.ADOPTED,
        title=text[:120], text=text * 50, **opening,
    )  # fmt: skip
    return picture(
        incident(title=text[:120], description=text),
        status(customer_service=CustomerService(priorities=text)),
        measure(title=text[:120], description=text),
        *(said(message) for message in (work, request, decision)),
    )


def test_text_is_on_one_line_and_bounded() -> None:
    assert plain("a\n\tb\u2029c \u202e\x07d") == "a b c d"
    assert len(plain("å" * 5000)) == LONGEST
    assert plain("å" * 5000).endswith("…")


def test_a_row_is_never_split_over_pages() -> None:
    """Each row says its number in its first line and in its last."""
    decisions = [
        Decision(
            actor="samordning", id=f"D-{n}", revision=1, status=MessageStatus.ACTUAL, observed_at=at(),
            decision=DecisionKind.NOTE, state=DecisionState.ADOPTED,
            title=f"begin{n:02}", text=" ".join(["ord"] * 80) + f" slut{n:02}",
        )
        for n in range(40)
    ]  # fmt: skip
    view = picture(*map(said, decisions))
    found = written(make(view, number=1))
    for n in range(40):
        on = [page for page, text in enumerate(found) if f"begin{n:02}" in text or f"slut{n:02}" in text]
        assert len(on) == 1, n
    assert sum("Beslut Läge Tid" in text for text in found) > 1  # the heading is told again on each page


# As page and as data


def test_the_page_tells_what_the_paper_tells(report: Report) -> None:
    html = report.file(Form.HTML, SWEDISH).decode()
    found = document(seen(WORST_HOUR), previous=seen(WORST_HOUR - 2))
    assert html.count("<table") == sum(
        block.kind == "table" and bool(block.rows) for section in found.sections for block in section.blocks
    )
    for words in ("ÖVNING", "TLP:AMBER+STRICT", "5\xa0Katastrofal (minst)", seen(WORST_HOUR).digest, 'role="img"'):
        assert words in html
    assert "http://" not in html.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in html


def test_the_json_is_the_view_and_what_changed(report: Report) -> None:
    data = ReportData.model_validate_json(report.file(Form.JSON, SWEDISH))
    assert data.view == seen(WORST_HOUR)
    assert (data.number, data.previous, data.tlp) == (4, 3, Tlp.AMBER_STRICT)
    assert data.changes == compare(3, seen(WORST_HOUR - 2), seen(WORST_HOUR))


def test_the_tables_are_csv_that_a_spreadsheet_reads_and_does_not_compute(report: Report) -> None:
    with zipfile.ZipFile(io.BytesIO(report.file(Form.CSV, SWEDISH))) as archive:
        tables = {
            name: list(csv.DictReader(io.StringIO(archive.read(name).decode("utf-8-sig"))))
            for name in archive.namelist()
        }
    assert len(tables["situations.csv"]) == len(seen(WORST_HOUR).situations)
    voice = next(row for row in tables["users.csv"] if (row["of"], row["service"]) == ("totals", "MOBILE_VOICE"))
    total = seen(WORST_HOUR).totals.users[Service.MOBILE_VOICE]
    assert (voice["low"], voice["high"]) == (str(total.low), str(total.high))
    computed = csvs(make(picture(incident(title="=cmd|'/c calc'!A1")), number=1)).decode()
    assert "'=cmd" in computed
    assert ",=cmd" not in computed


def csvs(report: Report) -> bytes:
    with zipfile.ZipFile(io.BytesIO(report.files["tables.zip"])) as archive:
        return b"".join(archive.read(name) for name in archive.namelist())


def test_the_geojson_has_a_feature_for_every_area_and_situation(report: Report) -> None:
    told = json.loads(report.file(Form.GEOJSON, SWEDISH))
    view = seen(WORST_HOUR)
    assert told["type"] == "FeatureCollection"
    assert told["status"] == "EXERCISE"
    assert [f["id"] for f in told["features"]] == [
        *(f"area/{area.code}" for area in view.areas),
        *(f"situation/{situation.id}" for situation in view.situations),
    ]
    markaryd = next(f for f in told["features"] if f["id"] == "area/0767")
    assert markaryd["properties"]["all_mobile_down"] is True
    assert markaryd["geometry"]["type"] == "MultiPolygon"


def test_equal_pictures_give_equal_bytes() -> None:
    view = picture(incident(), measure(), as_of=at(1) + timedelta(milliseconds=7))
    assert make(view, number=1).files == make(view, number=1).files
    assert make(view, number=1).files != make(view, number=2).files


# The texts


def test_both_languages_say_everything_with_the_same_gaps() -> None:
    def gaps(text: str) -> list[list[str]]:
        return [
            [name or "" for _, name, _, _ in Formatter().parse(form) if name is not None] for form in text.split("|")
        ]

    for key, pair in TEXTS.items():
        assert pair.keys() == {"sv", "en"}, key
        assert gaps(pair["sv"]) == gaps(pair["en"]), key


def test_the_english_report_has_no_swedish_of_ours() -> None:
    told = json.dumps(asdict(document(picture(incident(title="x"), measure()), ENGLISH)), ensure_ascii=False)
    assert not re.search(r"(?i)\b(och|inte|läget|åtgärd|drabbade|ingen|okänt)\b", told)


def test_states_that_are_over_are_not_counted_as_ongoing() -> None:
    view = picture(incident(state=IncidentState.CLOSED, revision=2))
    assert [s.state for s in view.situations] == [SituationState.CLOSED]
    found = document(view)
    assert found.summary.lines[0].text.startswith("Ingen rapporterad störning")
    assert found.worst.level == 0
    assert rows(found, "forecasts") == []


def test_numbers_by_service_are_ranges_and_never_added() -> None:
    view = picture(
        incident(impacts={Service.MOBILE_VOICE: Impact.OUTAGE, Service.MOBILE_DATA: Impact.OUTAGE}, users=count(100)),
        incident("sveamobil", "S-1", impacts={Service.MOBILE_VOICE: Impact.OUTAGE}),
    )
    found = rows(document(view), "services")
    assert [row[0] for row in found] == ["tal", "mobildata"]
    assert "1 rapport saknar antal" in found[0][2]
    assert "saknar antal" not in found[1][2]
