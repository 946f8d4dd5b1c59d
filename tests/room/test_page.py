"""The pages as text: everything is said in both languages, nothing that operators write becomes anything but text."""

from __future__ import annotations

import gzip
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter

import pytest

from bus.messages import Incident
from bus.vocabulary import Freshness, MessageStatus
from consumers.merge import Signed
from consumers.room import page as page_package
from consumers.room.page import PARTS, STATIC, Page
from consumers.room.page.labels import LABELS, labels_of
from consumers.room.page.links import Links
from consumers.room.page.listing import FIRST
from consumers.room.page.said import Said
from consumers.room.sight import Difference, DifferenceKind, Filters, Since, Tab, Wish
from consumers.words import Language, words_of
from tests.group import incident
from tests.merging import offer
from tests.room.sights import OFFICER, VIEWER, WORST, folded, sight_of, storm_sight

PAGE = Page()
NASTY = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)" x="',
    "'><svg/onload=alert(1)>",
    "{{ 7 * 7 }} {% raw %} ${7*7} javascript:alert(1)",
    "</title></style></textarea></select><iframe src=//x>",
    "\u202eevil \u0000 \u2066 &lt;b&gt; &amp;",
)


def practised(**fields: object) -> Incident:
    """An incident of an exercise."""
    return incident(status=MessageStatus.EXERCISE, **fields)


class Elements(HTMLParser):
    """The elements of a page, with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def ids(self) -> set[str]:
        return {attributes["id"] or "" for _, attributes in self.found if "id" in attributes}


def wishes() -> list[Wish]:
    return [
        Wish(language=language, tab=tab, selected="totals" if tab is Tab.WHY else None)
        for tab in Tab
        for language in Language
    ]


@pytest.mark.parametrize("wish", wishes(), ids=lambda wish: f"{wish.tab}-{wish.language}")
def test_every_view_is_said_in_both_languages_and_needs_nothing_inline(wish: Wish) -> None:
    page = Elements(PAGE.whole(storm_sight(wish), OFFICER, wish))
    assert not [tag for tag, attributes in page.found if any(name.startswith("on") for name in attributes)]
    assert not [tag for tag, attributes in page.found if "style" in attributes or tag == "style"]
    assert all(attributes.get("src") for tag, attributes in page.found if tag == "script")
    outside = [a for _, attributes in page.found for a in (attributes.get("href"), attributes.get("src")) if a]
    assert not [address for address in outside if not address.startswith(("/", "#"))]
    identifiers = [attributes["id"] for _, attributes in page.found if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    if wish.language is Language.SWEDISH:
        assert "None" not in page.text


@pytest.mark.parametrize("name", PARTS)
def test_a_part_is_what_the_whole_page_has_in_its_place(name: str) -> None:
    wish = Wish(tab=Tab(name) if name in set(Tab) else Tab.SITUATIONS)
    whole, part = (
        render.strip()
        for render in (PAGE.whole(storm_sight(wish), OFFICER, wish), PAGE.part(name, storm_sight(wish), OFFICER, wish))
    )
    assert part in whole


def test_a_name_that_is_no_part_is_refused() -> None:
    with pytest.raises(KeyError):
        PAGE.part("../page", storm_sight(), OFFICER, Wish())


def test_the_fourteen_questions_have_their_places() -> None:
    help_page = Elements(PAGE.whole(storm_sight(Wish(tab=Tab.HELP)), OFFICER, Wish(tab=Tab.HELP)))
    assert {f"q{number}" for number in range(1, 15)} <= help_page.ids()
    targets = [
        a["href"] or ""
        for tag, a in help_page.found
        if tag == "a" and "#" in (a.get("href") or "") and a["href"] != "#main"
    ]
    assert len(targets) == 13
    for target in targets:
        address, _, anchor = target.partition("#")
        wish = Wish.of(dict(pair.split("=") for pair in address.removeprefix("/?").split("&")))
        assert anchor in Elements(PAGE.whole(storm_sight(wish), OFFICER, wish)).ids(), target


def test_what_operators_write_is_text() -> None:
    messages = [
        (
            incident(id=f"I-{number}", title=text[:120], description=text, reason=text, status=MessageStatus.EXERCISE),
            WORST,
        )
        for number, text in enumerate(NASTY)
    ]
    sight = sight_of(folded(messages), WORST + timedelta(minutes=1))
    assert len(sight.view.situations) == len(NASTY)
    tame = {tag for tag, _ in Elements(PAGE.whole(storm_sight(), OFFICER, Wish())).found}
    for situation in sight.view.situations:
        wish = Wish(selected=f"situation/{situation.id}", filters=Filters(text=NASTY[1]))
        shown = sight_of(folded(messages), WORST + timedelta(minutes=1), wish)
        page = Elements(PAGE.whole(shown, OFFICER, wish))
        assert {tag for tag, _ in page.found} <= tame
        assert not [name for _, attributes in page.found for name in attributes if name.startswith("on")]
        assert situation.title in page.text
    assert "alert(1)" in Elements(PAGE.whole(sight, OFFICER, Wish())).text


def test_who_may_only_look_sees_no_form_that_acts() -> None:
    for tab in Tab:
        wish = Wish(tab=tab)
        acting = "/acts/preview"
        assert acting not in PAGE.whole(storm_sight(wish), VIEWER, wish)
        past = storm_sight(wish, past=True)
        assert acting not in PAGE.whole(past, OFFICER, wish)
    assert acting in PAGE.whole(storm_sight(), OFFICER, Wish())


@pytest.mark.parametrize(
    ("fields", "looks", "said"),
    [
        ({"past": True}, "past", "DÅ"),
        ({"progress": 0.83}, "catching-up", "83 %"),
    ],
)
def test_a_picture_that_is_not_of_now_says_so(fields: dict[str, object], looks: str, said: str) -> None:
    sight = storm_sight(**fields)
    if looks == "catching-up":
        sight = replace(sight, view=sight.view.model_copy(update={"settled": False}))
    html = PAGE.whole(sight, OFFICER, Wish())
    assert re.search(rf'<html[^>]*class="[^"]*\b{looks}\b', html)
    assert said in Elements(html).text


def test_exercise_and_real_are_told_apart_in_every_view() -> None:
    for tab in Tab:
        wish = Wish(tab=tab)
        exercise, real = (
            PAGE.whole(storm_sight(wish, status), OFFICER, wish)
            for status in (MessageStatus.EXERCISE, MessageStatus.ACTUAL)
        )
        assert "ÖVNING" in exercise
        assert 'class="exercise' in exercise
        assert "SKARPT LÄGE" in real
        assert 'class="exercise' not in real


def test_nothing_reported_is_not_all_well() -> None:
    sight = sight_of(folded([]), WORST)
    page = Elements(PAGE.whole(sight, OFFICER, Wish()))
    assert "ingen rapporterad störning" in page.text
    assert "0 av 7 operatörer rapporterar" in page.text
    assert any("unreported" in (attributes.get("class") or "") for _, attributes in page.found)


def test_what_was_withheld_is_counted() -> None:
    sight = storm_sight()
    sight = replace(sight, view=sight.view.model_copy(update={"withheld": {"TLP": 3}}))
    assert "3 uppgifter visas inte för dig" in Elements(PAGE.whole(sight, OFFICER, Wish())).text


def test_a_long_list_is_cut_and_counted() -> None:
    messages = [
        (incident(id=f"I-{number}", title=f"Avbrott {number}", status=MessageStatus.EXERCISE), WORST)
        for number in range(FIRST + 40)
    ]
    sight = sight_of(folded(messages), WORST)
    cut = PAGE.part("list", sight, OFFICER, Wish())
    assert cut.count('id="row-') == FIRST
    assert "… 40 till" in cut
    assert PAGE.part("list", sight, OFFICER, Wish(uncut=True)).count('id="row-') == FIRST + 40


@pytest.mark.parametrize(
    ("filters", "titles"),
    [
        (Filters(county="09"), ["Sms kommer fram sent i hela landet", "Avgrävd kabel söder om Visby"]),
        (Filters(severity=5), ["Strömavbrott i Kronoberg, Jönköping och Kalmar"]),
        (Filters(actor="tretton", severity=4, text="SMS"), ["Sms kommer fram sent i hela landet"]),
        (Filters(text="Markaryd"), ["Strömavbrott i Kronoberg, Jönköping och Kalmar"]),
        (Filters(text="kustfiber/K-9"), []),
    ],
)
def test_a_filter_leaves_what_fits(filters: Filters, titles: list[str]) -> None:
    wish = Wish(filters=filters)
    html = PAGE.part("list", storm_sight(wish), OFFICER, wish)
    assert re.findall(r'<span class="title">([^<]*)', html) == titles
    assert f"{len(titles)} av 3 visas" in html


def test_news_is_told_with_its_reasons() -> None:
    differences = (
        Difference(
            "situation/sit-1",
            DifferenceKind.WORSE,
            "Storm",
            (("severity", "3", "4"), ("users.MOBILE_VOICE", "12000", None)),
        ),
        Difference("measure/nordtel/M-1", DifferenceKind.NEW, "Elverk", ()),
    )
    wish = Wish(tab=Tab.NEWS)
    sight = storm_sight(wish, since=Since(WORST - timedelta(hours=1), differences))
    page = Elements(PAGE.whole(sight, OFFICER, wish))
    assert "Allvarlighet: 3 → 4; Drabbade, tal: 12\u202f000 → okänt" in page.text
    tile = page.text[page.text.index("Nytt sedan 14:24") :]
    assert tile.split()[3:6] == ["1", "1", "värre"]


def test_the_page_is_light() -> None:
    """All in, as it travels: the page with its map, its style and its modules."""
    page = PAGE.whole(storm_sight(), OFFICER, Wish()).encode()
    files = sum(len(gzip.compress(path.read_bytes())) for path in STATIC.iterdir())
    assert len(gzip.compress(page)) + files < 120_000
    assert len(page) + sum(path.stat().st_size for path in STATIC.iterdir()) < 500_000


class TestTime:
    @staticmethod
    def said(as_of: datetime) -> Said:
        words = words_of(Language.SWEDISH)
        return Said(words, labels_of(Language.SWEDISH), Links(Wish()), as_of, {})

    def test_in_the_night_when_the_clocks_go_back_the_zone_is_named(self) -> None:
        night = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
        say = self.said(night)
        assert ">02:30 CEST<" in say.at(night)
        assert ">02:30 CET<" in say.at(night + timedelta(hours=1))
        assert ">03:30<" in say.at(night + timedelta(hours=2))

    def test_in_the_night_when_the_clocks_go_on_an_hour_is_missing(self) -> None:
        night = datetime(2026, 3, 29, 0, 59, tzinfo=UTC)
        say = self.said(night)
        assert ">01:59<" in say.at(night)
        assert ">03:00<" in say.at(night + timedelta(minutes=1))

    def test_utc_is_beside_it(self) -> None:
        assert 'data-utc="10/1 14:24:00 UTC"' in self.said(WORST).at(WORST, focus=True)


class TestLabels:
    TEMPLATES = Path(str(page_package.__file__)).parent

    def sources(self) -> str:
        return "".join(
            path.read_text("utf-8")
            for path in self.TEMPLATES.rglob("*")
            if path.suffix in {".html", ".py"} and path.name != "labels.py"
        )

    def test_both_languages_ask_for_the_same(self) -> None:
        for name, (swedish, english) in LABELS.items():
            gaps = [[gap for _, gap, _, _ in Formatter().parse(text) if gap is not None] for text in (swedish, english)]
            assert gaps[0] == gaps[1], name
            assert swedish.count("|") == english.count("|"), name

    def test_no_label_is_left_over(self) -> None:
        computed = re.compile(r"^(news|kind|mark|soon|tlp|channel|rule|relation|signed)_|^q\d+$")
        sources = self.sources()
        assert [name for name in LABELS if not computed.match(name) and not re.search(rf'[."]{name}\b', sources)] == []


def test_actors_who_are_silent_come_first() -> None:
    wish = Wish(tab=Tab.ACTORS)
    sight = storm_sight(wish)
    rows = re.findall(r'id="actor-([a-z-]+)"', PAGE.whole(sight, OFFICER, wish))
    silent = {actor.actor for actor in sight.view.actors if actor.freshness is Freshness.SILENT}
    assert silent
    assert set(rows[: len(silent)]) == silent
    assert len(rows) == len(sight.view.actors)


class TestSignatures:
    """A report of whoever has begun to sign says whether it is signed, and rightly; of all others nothing is said."""

    @pytest.mark.parametrize("signed", [*Signed, None])
    def test_each_state_has_a_mark_of_its_own(self, signed: Signed | None) -> None:
        wish = Wish(language=Language.ENGLISH)
        sight = storm_sight(wish)
        (ref, report), *_ = sight.reports.items()
        shown = PAGE.part("detail", replace(sight, reports={ref: replace(report, signed=signed)}), VIEWER, wish)
        marks = re.findall(r'<span class="signed (\w+)">([^<]+)<', shown)
        assert marks == ([] if signed is None else [(signed.lower(), labels_of(Language.ENGLISH)[f"signed_{signed}"])])


class TestUnknown:
    """A picture that is not whole yet says nothing of what it lacks."""

    def test_while_the_hub_reads_nothing_is_told_to_be_well(self) -> None:
        wish = Wish(language=Language.ENGLISH)
        sight = sight_of(folded([], "ntsg"), WORST, wish, progress=0.4)
        reading = replace(sight, view=sight.view.model_copy(update={"settled": False}))
        parts = ("header", "tiles", "list", "detail")
        told = " ".join(Elements(PAGE.part(name, reading, VIEWER, wish)).text for name in parts)
        assert "CATCHING UP 40 %" in told
        assert told.count("not known yet") >= 7
        for claim in ("no disturbance reported", "none", "Nothing reported", "0 active"):
            assert claim not in told, claim

    def test_a_whole_picture_does(self) -> None:
        wish = Wish(language=Language.ENGLISH)
        page = Elements(PAGE.whole(sight_of(folded([], "ntsg"), WORST, wish), VIEWER, wish)).text
        assert "no disturbance reported" in page
        assert "not known yet" not in page
        assert page.count("nothing known") >= 3, "that nobody reports is no zero"


def test_an_offer_that_nobody_asked_for_is_shown_too() -> None:
    told = offer("sveamobil", "O-9", resource="FUEL", ref=None, description="Diesel i Växjö").message
    wish = Wish(tab=Tab.NEEDS)
    sight = sight_of(folded([(told, WORST - timedelta(hours=1))], "ntsg"), WORST, wish)
    page = PAGE.part("needs", sight, VIEWER, wish)
    assert "Diesel i Växjö" in page.partition('id="free-offers"')[2]


def test_user_hours_stand_beside_the_users() -> None:
    wish = Wish(language=Language.ENGLISH)
    assert "#user_hours." in PAGE.part("detail", storm_sight(wish), VIEWER, wish).replace("%23", "#")
