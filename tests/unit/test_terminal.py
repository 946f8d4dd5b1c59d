"""The picture in a terminal: what must be readable from across the room, in both languages, at 80x24."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from importlib import resources
from string import Formatter

import pytest
from rich.console import Console

from bus.messages import Emergency, Energy, Quantity, Restoration
from bus.ndjson import Line
from bus.registry import Registry, read_group
from bus.topics import Realm
from bus.vocabulary import Audience, EmergencyImpact, Impact, IncidentState, MeasureType, MessageStatus, Service
from consumers.files import merge_lines
from consumers.looking import Key, Looking, keys_in
from consumers.merge.audiences import SYMBOLS
from consumers.merge.conflicts.texts import TEXTS as CONFLICTS
from consumers.merge.flags import TEXTS as FLAGS
from consumers.merge.severity import TEXTS
from consumers.merge.view import View
from consumers.pressing import pressing
from consumers.terminal import Moment, Picture
from consumers.words import ENGLISH, SWEDISH, Words
from producers.storm import storm
from tests.group import BEGIN
from tests.merging import incident, measure, offer, request, status
from tests.merging import picture as merged

START = datetime(2026, 1, 10, 6, tzinfo=UTC)
WORST = START + timedelta(hours=8, minutes=10)


def picture(status: MessageStatus, as_of: datetime, audience: Audience = Audience.FULL) -> View:
    realm = Realm("ntsg" if status is MessageStatus.ACTUAL else "ntsg-exercise")
    registry = Registry.of(read_group(resources.files("producers").joinpath("actors.toml").read_text("utf-8"))[0])
    lines = [Line(step.message, START + step.after) for step in storm(START, status)]
    return merge_lines(lines, realm=realm, registry=registry, as_of=as_of, audience=audience)


@pytest.fixture(scope="module")
def view() -> View:
    return picture(MessageStatus.ACTUAL, WORST)


def printed(shown: Picture, width: int = 80, height: int = 24) -> list[str]:
    console = Console(width=width, height=height, color_system=None)
    return ["".join(segment.text for segment in line).rstrip() for line in console.render_lines(shown)]


@pytest.mark.parametrize("words", [SWEDISH, ENGLISH], ids=["sv", "en"])
def test_it_fits_a_small_screen(view: View, words: Words) -> None:
    lines = printed(Picture(view, words, Moment(now=WORST), height=24))
    assert len(lines) <= 24
    assert all(len(line) <= 80 for line in lines)
    text = "\n".join(lines)
    assert "…" not in "\n".join(lines[:4])  # neither header nor tiles are cut
    assert words.severity[5] in text
    assert "Strömavbrott i Kronoberg" in text


def test_header_tiles_list_and_detail_come_in_this_order(view: View) -> None:
    text = "\n".join(printed(Picture(view, SWEDISH), width=140))
    places = [text.index(word) for word in ("SKARPT LÄGE", "Konflikter", "Sms kommer fram sent", "Drabbade", "Aktörer")]
    assert places == sorted(places)


def test_numbers_are_ranges_and_say_what_is_not_known(view: View) -> None:
    text = "\n".join(printed(Picture(view, SWEDISH), width=140))
    assert "tal 202\u202f130–" in text
    assert "fast telefoni minst 74\u202f800 (1 rapport saknar antal)" in text
    assert "transportnät okänt (1 rapport saknar antal)" in text


def test_an_exercise_can_not_be_taken_for_real(view: View) -> None:
    exercise = printed(Picture(picture(MessageStatus.EXERCISE, WORST), SWEDISH))
    assert set(exercise[0]) == {"▞"}
    assert "ÖVNING" in exercise[1]
    assert not any("ÖVNING" in line for line in printed(Picture(view, SWEDISH)))


@pytest.mark.parametrize(
    ("moment", "settled", "said"),
    [
        (Moment(now=WORST + timedelta(seconds=2)), True, "ålder 2 s"),
        (Moment(now=WORST + timedelta(seconds=2)), True, "i takt ✓"),
        (Moment(now=WORST, progress=0.83), False, "LÄSER IN 83 %, visa inte som nuläge"),
        (Moment(now=WORST + timedelta(minutes=4)), True, "FÖRBINDELSEN BRUTEN sedan 15:10"),
        (Moment(past=True), True, "DÅ 15:10, inte nuläge"),
    ],
)
def test_the_state_of_the_picture_is_said(view: View, moment: Moment, settled: bool, said: str) -> None:
    shown = view.model_copy(update={"settled": settled})
    assert said in "\n".join(printed(Picture(shown, SWEDISH, moment), width=120))


@pytest.mark.parametrize("words", [SWEDISH, ENGLISH], ids=["sv", "en"])
def test_who_does_not_see_all_is_told(words: Words) -> None:
    shown = picture(MessageStatus.ACTUAL, WORST, Audience.PEER).model_copy(update={"withheld": {"tlp:incident": 2}})
    lines = printed(Picture(shown, words, Moment(now=WORST), height=24))
    text = "\n".join(lines)
    assert len(lines) <= 24
    assert all(len(line) <= 80 for line in lines)
    assert words.audiences[Audience.PEER] in text
    assert words.withheld[1].format(2) in text
    reasons = {reason.code: reason for situation in shown.situations for reason in situation.severity.reasons}
    assert words.reason(reasons["USERS"]) == words.about["USERS"]


@pytest.mark.parametrize("words", [SWEDISH, ENGLISH], ids=["sv", "en"])
def test_the_worst_of_what_presses_besides_has_a_line_on_a_small_screen(view: View, words: Words) -> None:
    lines = printed(Picture(view, words, Moment(now=WORST), height=24))
    labels = [words.energy, words.conflicts, words.needs, words.slips]
    places = [next(i for i, line in enumerate(lines) if i > 6 and line.startswith(f"{label} ")) for label in labels]
    assert places == list(range(places[0], places[0] + len(labels)))
    assert len(lines) <= 24
    assert [told.label for told in pressing(view, words)] == labels


def test_what_presses_says_whose_it_is_and_how_much_there_is_besides() -> None:
    late = measure(planned_end=BEGIN, hosts=("sveamobil",), guests=("nordtel",))
    dry = incident(energy=Energy(battery_until=BEGIN + timedelta(hours=3)), id="B")
    drier = incident(energy=Energy(battery_until=BEGIN + timedelta(hours=2)), id="C")
    asked = request(quantity=Quantity(value=3, unit="st"), needed_by=BEGIN)
    slipped = [
        incident(id="D", revision=number, restoration=Restoration(expected=BEGIN + timedelta(hours=number)))
        for number in (2, 3, 5)
    ]
    found = merged(late, dry, drier, asked, *slipped)
    assert [told for told in pressing(found, SWEDISH) if told.label != SWEDISH.conflicts] == [
        ("Åtgärder", "roaming mellan operatörer (nordtel): har passerat sitt slut, inte bekräftad av motparten", 0),
        ("Reservkraft", "nordtel/C tar slut 09:00, ström åter okänt", 1),
        ("Behov", "elverk (nordtel): försenad, saknas 3 st", 0),
        ("Prognoser", "nordtel/D senarelagd 2 gånger, nu 12:00", 0),
    ]


def test_nothing_that_is_answered_or_met_presses() -> None:
    power = incident("elnat-syd", "P", state=IncidentState.RESTORED)
    backed = incident(energy=Energy(battery_until=BEGIN, power_incident="incident/elnat-syd/P"))
    found = merged(power, backed, request(), offer(), measure(hosts=()))
    assert [told.label for told in pressing(found, SWEDISH)] == []


def test_no_disturbance_is_said_with_who_was_heard() -> None:
    early = picture(MessageStatus.ACTUAL, START - timedelta(hours=1))
    assert "ingen rapporterad störning; 0 av 7 operatörer rapporterar" in "\n".join(printed(Picture(early, SWEDISH)))


@pytest.mark.parametrize(("words", "said"), [(SWEDISH, "ingen reserv"), (ENGLISH, "no fallback")], ids=["sv", "en"])
def test_112_without_a_fallback_says_why(words: Words, said: str) -> None:
    radiating = incident(
        impacts={Service.MOBILE_VOICE: Impact.OUTAGE},
        codes=("00",),
        emergency=Emergency(impact=EmergencyImpact.LOST_NO_FALLBACK, ran_radiating=True),
    )
    text = "\n".join(printed(Picture(merged(radiating), words), width=140))
    assert said in text
    assert words.holds_phones.format("nordtel") in text
    assert f"21 {words.regions}" in text


def test_a_county_is_not_counted_beside_its_municipality() -> None:
    lost = Emergency(impact=EmergencyImpact.LOST_WITH_FALLBACK)
    text = "\n".join(
        printed(Picture(merged(incident(codes=("0780", "0781", "06"), emergency=lost)), SWEDISH), width=140)
    )
    assert "3 områden" in text


def test_a_stable_sector_is_a_picture_too() -> None:
    freeze = measure(type=MeasureType.MAINTENANCE_FREEZE)
    text = "\n".join(printed(Picture(merged(status(nothing_to_report=True), freeze), ENGLISH)))
    assert "no disturbance reported; 1 of 5 operators report; 1 maintenance freeze" in text


def test_a_situation_can_be_chosen_by_its_id(view: View) -> None:
    chosen = next(s for s in view.situations if s.title.startswith("Avgrävd kabel"))
    text = "\n".join(printed(Picture(view, SWEDISH, chosen=chosen.id), width=140))
    assert f"situation/{chosen.id}" in text


def test_what_may_belong_to_a_situation_too_is_named_last() -> None:
    one = incident("nordtel", "I-1", codes=["0780"], started_at=BEGIN + timedelta(hours=0))
    other = incident("sveamobil", "I-2", codes=["0780"], started_at=BEGIN + timedelta(hours=0.1))
    shown = printed(Picture(merged(one, other), SWEDISH), height=60)
    assert [line.split() for line in shown if line.startswith("Kanske")] == [["Kanske", "även", "sveamobil/I-2"]]
    apart = printed(Picture(merged(one), SWEDISH), height=60)
    assert not any(line.startswith("Kanske") for line in apart)


def looking_at(looking: Looking, view: View, height: int = 24) -> list[str]:
    """The row of the list that is marked, on a small screen."""
    looking.see(view.situations)
    lines = printed(Picture(view, looking.words, Moment(now=WORST), height, looking.chosen), height=height)
    assert len(lines) <= height
    return [line for line in lines if line.startswith("›")]


def test_each_of_many_situations_can_be_reached_by_keys_and_is_in_sight(view: View) -> None:
    many = [view.situations[0].model_copy(update={"id": f"sit-{n}", "title": f"Avbrott {n:02}"}) for n in range(12)]
    crowded = view.model_copy(update={"situations": tuple(many)})
    looking = Looking(SWEDISH)
    for keys in ([Key.NEXT] * len(many), [Key.PREVIOUS] * len(many)):
        rows = []
        for key in keys:
            rows += looking_at(looking, crowded)
            looking.press(key)
        titles = [situation.title for situation in (many if keys[0] is Key.NEXT else many[::-1])]
        assert [row.split("  ")[-1] for row in rows] == titles
    assert looking.chosen == "sit-0", "there is nothing above the first"


def test_what_is_looked_at_stays_so_when_the_ranking_changes_or_another_takes_it_in(view: View) -> None:
    looking = Looking(SWEDISH)
    looking.see(view.situations)
    looking.press(Key.NEXT)
    second = view.situations[1]
    turned = view.model_copy(update={"situations": view.situations[::-1]})
    (row,) = looking_at(looking, turned)
    assert second.title[:40] in row
    larger = second.model_copy(update={"id": "sit-larger", "aliases": (second.id,), "title": "Större"})
    (row,) = looking_at(looking, view.model_copy(update={"situations": (view.situations[0], larger)}))
    assert "Större" in row
    (row,) = looking_at(looking, view.model_copy(update={"situations": view.situations[2:]}))
    assert view.situations[2].title[:40] in row, "what is over is not looked at"


def test_keys_do_nothing_where_there_is_nothing_to_look_at() -> None:
    looking = Looking(SWEDISH)
    looking.press(Key.NEXT)
    looking.press(Key.PREVIOUS)
    assert (looking.chosen, looking.left) == (None, False)
    looking.press(Key.LANGUAGE)
    assert looking.words is ENGLISH
    looking.press(Key.LANGUAGE)
    assert looking.words is SWEDISH
    looking.press(Key.LEAVE)
    assert looking.left


@pytest.mark.parametrize(
    ("sent", "keys", "begun"),
    [
        ("jkq", [Key.NEXT, Key.PREVIOUS, Key.LEAVE], ""),
        ("\x1b[B\x1bOA", [Key.NEXT, Key.PREVIOUS], ""),
        ("x\x1b[1;5Bl\x1b[3~", [Key.LANGUAGE], ""),
        ("j\x1b", [Key.NEXT], "\x1b"),
        ("\x1b[", [], "\x1b["),
        ("\x1bq", [Key.LEAVE], ""),
        ("åj\n", [Key.NEXT], ""),
    ],
)
def test_keys_are_told_from_what_a_terminal_sends(sent: str, keys: list[Key], begun: str) -> None:
    assert keys_in(sent) == (keys, begun)


NASTY = "\x1b]0;taken\x07\x1b[2J\x9b31m\u202e\n\x00[bold red]I[/] [/] :fire:\u2028"
LEFT = "]0;taken[2J31m [bold red]I[/] [/] :fire:"
"""What is left of it on a screen: letters that nobody takes for markup."""
COLOURS = re.compile(r"\x1b\[[\d;]*m")
"""All that a picture sends besides letters."""


@pytest.mark.parametrize("height", [24, 100])
@pytest.mark.parametrize("width", [80, 160])
def test_text_of_operators_neither_steers_a_terminal_nor_is_markup(width: int, height: int) -> None:
    asked = request(quantity=Quantity(value=3, unit=NASTY), needed_by=BEGIN)
    shown = Picture(merged(incident(title=NASTY), asked), ENGLISH, height=height)
    file = io.StringIO()
    Console(file=file, width=width, height=height, force_terminal=True, color_system="truecolor").print(shown)
    lines = COLOURS.sub("", file.getvalue()).replace("\u202f", " ").split("\n")
    assert len(lines) <= height + 1
    assert all(line.isprintable() and len(line) <= width for line in lines)
    assert sum(LEFT in line and ENGLISH.severity[2] in line for line in lines) == 2  # in the list, in the detail
    assert any(LEFT[:14] in line for line in lines if line.startswith(ENGLISH.needs))


def facts_in(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


NUMBERED = {code for code, text in TEXTS.items() if facts_in(text) - SYMBOLS}
"""The reasons that tell numbers, which not everybody may know."""
NAMES = {
    "units": {"CONNECTIONS", "DEVICES"},
    "reasons": set(TEXTS),
    "certainty": {"confirmed", "suspected"},
    "about": NUMBERED,
    "conflict_texts": set(CONFLICTS),
    "flags": {name.partition(".")[0] for name in FLAGS},
}


@pytest.mark.parametrize("words", [SWEDISH, ENGLISH], ids=["sv", "en"])
def test_the_catalogue_has_a_word_for_every_symbol(words: Words) -> None:
    for field in fields(words):
        entries = getattr(words, field.name)
        if isinstance(entries, Mapping):
            vocabulary = type(next(iter(entries)))
            symbols = NAMES[field.name] if vocabulary is str else set(vocabulary.__members__.values())
            assert set(entries) == symbols, field.name
            assert all(entries.values()), field.name


def test_counts_are_said_as_people_say_them() -> None:
    assert SWEDISH.span(0, None, None, 2) == "okänt (2 rapporter saknar antal)"
    assert SWEDISH.span(0, 0, 0, 0) == "inga"
    assert SWEDISH.span(12_000, 12_000, 12_000, 2) == "minst 12\u202f000 (2 rapporter saknar antal)"
    assert ENGLISH.span(120_000, 150_000, 180_000, 0) == "120\u202f000–180\u202f000"


def test_buckets_are_said_as_ranges() -> None:
    assert ENGLISH.span(0, None, 1_000, 0) == "at most 1\u202f000"
    assert ENGLISH.span(50_000, None, 200_000, 0) == "50\u202f000–200\u202f000"
    assert ENGLISH.span(200_000, None, None, 0) == "at least 200\u202f000"
    assert ENGLISH.span(0, None, 0, 0) == "none"
    assert ENGLISH.span(0, None, 1_000, 1) == "unknown (1 report without a number)"


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(seconds=-3), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=4), "4 min"),
        (timedelta(hours=3), "3 tim"),
        (timedelta(days=3), "3 d"),
    ],
)
def test_ages_are_in_the_unit_that_matters(length: timedelta, said: str) -> None:
    assert SWEDISH.duration(length) == said


def test_local_time_follows_the_change_of_the_clocks() -> None:
    assert SWEDISH.clock(datetime(2026, 3, 29, 0, 30, tzinfo=UTC)) == "01:30"
    assert SWEDISH.clock(datetime(2026, 3, 29, 1, 30, tzinfo=UTC)) == "03:30"
    assert SWEDISH.clock(datetime(2026, 3, 30, 1, 30, tzinfo=UTC), near=WORST) == "30/3 03:30"
    assert ENGLISH.clock(datetime(2026, 3, 30, 1, 30, tzinfo=UTC), near=WORST) == "30 Mar 03:30"
