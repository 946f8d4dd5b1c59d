"""What of the picture is wished for: a link shows a colleague the same, and nothing in an address breaks the room."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.vocabulary import Service
from consumers.room.sight import Filters, Tab, Wish
from consumers.words import Language

NAMES = ("lang", "tab", "selected", "county", "service", "actor", "severity", "text", "as_of", "at", "since", "wall")
FULL = Wish(
    language=Language.ENGLISH,
    tab=Tab.CONFLICTS,
    selected="incident/nordtel/I-17",
    filters=Filters(county="07", service=Service.MOBILE_VOICE, actor="nordtel", severity=4, text="Markaryd"),
    as_of=datetime(2026, 1, 10, 9, tzinfo=UTC),
    since=datetime(2026, 1, 10, 8, 30, 0, 250_000, tzinfo=UTC),
    wall=True,
    uncut=True,
)


@pytest.mark.parametrize("wish", [Wish(), FULL, Wish(selected="area/0180"), Wish(selected="totals#users.MOBILE_VOICE")])
def test_a_link_shows_a_colleague_the_same(wish: Wish) -> None:
    assert Wish.of(dict(parse_qsl(wish.query()))) == wish


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lang", "de"),
        ("tab", "../../etc/passwd"),
        ("selected", "incident/nordtel"),
        ("selected", "totals#<script>"),
        ("selected", "area/9999"),
        ("selected", "actor/<script>"),
        ("county", "00"),
        ("county", "0180"),
        ("service", "mobile_voice"),
        ("actor", "NORDTEL"),
        ("severity", "6"),
        ("severity", "\u0663"),
        ("as_of", "2026-01-10T09:00:00"),
        ("since", "yesterday"),
        ("at", "2026-01-10T09:00Z"),
        ("at", "2026-03-29T02:30"),  # the hour that the clock leaps over
        ("wall", "yes"),
        ("text", "\u0000"),
    ],
)
def test_what_cannot_be_read_is_passed_over_and_named(name: str, text: str) -> None:
    assert Wish.of({name: text}) == Wish(ignored=(name,))


@given(st.dictionaries(st.sampled_from(NAMES), st.text()))
def test_no_text_in_an_address_is_an_error(parameters: dict[str, str]) -> None:
    wish = Wish.of(parameters)
    assert Wish.of(dict(parse_qsl(wish.query()))) == wish.but(ignored=())


def test_some_of_a_wish_is_changed_by_name() -> None:
    assert FULL.but(tab=Tab.SITUATIONS, severity=None).filters == Filters(
        county="07", service=Service.MOBILE_VOICE, actor="nordtel", text="Markaryd"
    )


def test_a_form_tells_local_time() -> None:
    assert Wish.of({"at": "2026-01-10T10:30"}).as_of == datetime(2026, 1, 10, 9, 30, tzinfo=UTC)
    assert Wish.of({"at": "2026-10-25T02:30"}).as_of == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert Wish.of({"at": "2026-10-25T02:30", "again": "1"}).as_of == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert Wish.of({"at": "2026-07-10T10:30", "again": "1"}).as_of == datetime(2026, 7, 10, 8, 30, tzinfo=UTC)
    assert Wish.of({"at": "2026-07-10T10:30"}).as_of == datetime(2026, 7, 10, 8, 30, tzinfo=UTC)
