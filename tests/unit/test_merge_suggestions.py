"""What is asked of staff: which questions, in which order, and what becomes of them when they are answered."""

from __future__ import annotations

import json

import pytest

from bus.envelope import Envelope
from bus.messages import Area, Cause
from bus.vocabulary import AreaKind, NetworkPart
from consumers.explaining import in_words
from consumers.merge import Situation
from consumers.words import Language, words_of
from tests.merging import LATER, at, cannot, fold, must, picture
from tests.unit.test_merge_inference import (
    BORGHOLM,
    BUG,
    CABLE,
    HARDWARE,
    KALMAR,
    KRONOBERG,
    LOCAL_POWER,
    STORM,
    VAXJO,
    over,
    told,
)

MALMO, NORRBOTTEN = Area(kind=AreaKind.KOMMUN, code="1280"), Area(kind=AreaKind.LAN, code="25")
HERE = [told(actor, 0, STORM, KRONOBERG, event_refs=("storm:a",)) for actor in ("nordtel", "sveamobil")]
THERE = [told(actor, 1, STORM, KALMAR, event_refs=("b",)) for actor in ("tretton", "stadsnat")]
UNKNOWN = told("tretton", 0.1, Cause())

ASKED = {
    "a storm in the next county": ([*HERE, *THERE], "PLACE"),
    "two groups of one place": ([*HERE, told("tretton", 1, STORM, KRONOBERG, event_refs=("b",)), THERE[1]], None),
    "one operator's two reports": ([told("nordtel"), told("nordtel", 1.1, id="I-2")], "OPERATOR"),
    "an unknown cause in the county": ([told("nordtel", 0, STORM, KRONOBERG), told("sveamobil", 1, Cause())], "PLACE"),
    "machines in the county": ([told("nordtel", 0, HARDWARE, KRONOBERG), told("sveamobil", 0, HARDWARE)], "PLACE"),
    "starts somewhat too far apart": ([told("nordtel", 0, CABLE), told("sveamobil", 1.2, CABLE)], "TIME"),
    "two that know no cause, at once": ([told("nordtel", 0, Cause()), told("sveamobil", 0.2, Cause())], "CAUSE"),
    "a vendor's fault in two cores far apart": (
        [
            told("nordtel", 0, BUG, VAXJO, network_part=NetworkPart.CORE),
            told("tretton", 0.7, BUG, MALMO, network_part=NetworkPart.CORE),
        ],
        None,
    ),
}
NOT_ASKED = {
    "one situation": [told("nordtel"), told("sveamobil", 1)],
    "a storm in a county far away": [told("nordtel", 0, STORM, KRONOBERG), told("sveamobil", 0, STORM, NORRBOTTEN)],
    "a cable in the next county": [told("nordtel", 0, CABLE, KRONOBERG), told("sveamobil", 0, CABLE, KALMAR)],
    "one operator, and too late as well": [told("nordtel", 0, CABLE), told("nordtel", 1.2, CABLE, id="I-2")],
    "starts far apart": [told("nordtel", 0, CABLE), told("sveamobil", 1.4, CABLE)],
    "no cause, and not at once": [told("nordtel", 0, Cause()), told("sveamobil", 0.3, Cause())],
    "no cause, and only the county": [told("nordtel", 0, Cause(), KRONOBERG), told("sveamobil", 0.1, Cause())],
    "two groups somewhat too far apart in time": [
        *[told(actor, 0, LOCAL_POWER, event_refs=("a",)) for actor in ("nordtel", "sveamobil")],
        *[told(actor, 6, LOCAL_POWER, event_refs=("b",)) for actor in ("tretton", "stadsnat")],
    ],
    "two storms by their names": [
        told("nordtel", 0, STORM, event_refs=("storm:a",)),
        told("nordtel", 0, STORM, id="I-2", event_refs=("storm:b",)),
    ],
    "what began when the other was over": [told("nordtel", 0, CABLE, **over(0.1)), told("sveamobil", 1.2, CABLE)],
}


def asking(*messages: Envelope) -> list[Situation]:
    return [situation for situation in picture(*messages).situations if situation.suggestions]


@pytest.mark.parametrize("case", ASKED)
def test_staff_are_asked_on_both_sides_and_told_what_is_lacking(case: str) -> None:
    messages, lacking = ASKED[case]
    one, other = asking(*messages)
    assert one.suggestions == other.suggestions
    (suggestion,) = one.suggestions
    assert (suggestion.basis, suggestion.code, suggestion.facts.get("lacking")) == ("INFERRED", "ALIKE", lacking)
    for situation in (one, other):
        assert len({suggestion.a, suggestion.b} & {*situation.members}) == 1


@pytest.mark.parametrize("case", NOT_ASKED)
def test_these_are_no_question(case: str) -> None:
    assert asking(*NOT_ASKED[case]) == []


def test_what_fits_two_equally_is_asked_about_both() -> None:
    first, second = told("nordtel", 0, CABLE), told("sveamobil", 0.2, HARDWARE)
    asked = {s.members: len(s.suggestions) for s in asking(first, second, UNKNOWN)}
    assert asked == {
        ("incident/nordtel/I-nordtel",): 1,
        ("incident/sveamobil/I-sveamobil",): 1,
        ("incident/tretton/I-tretton",): 2,
    }


def test_a_question_that_is_answered_is_asked_no_more() -> None:
    (asked, _) = asking(*HERE, *THERE)
    (question,) = asked.suggestions
    accepted = picture(*HERE, *THERE, must(question.a, question.b))
    assert [len(s.members) for s in accepted.situations] == [4]
    assert asking(*HERE, *THERE, must(question.a, question.b)) == []
    assert asking(*HERE, *THERE, cannot(question.a, question.b)) == []
    withdrawn = cannot(question.a, question.b, revision=2, withdrawn=True)
    assert len(asking(*HERE, *THERE, cannot(question.a, question.b), withdrawn)) == 2


def test_whoever_of_a_situation_is_held_apart_parts_the_whole() -> None:
    """Also where it is not the one by whom the question would be asked."""
    refs = [envelope.message.reference for envelope in (*HERE, *THERE)]
    for a in refs[:2]:
        for b in refs[2:]:
            assert asking(*HERE, *THERE, cannot(a, b)) == []


def test_a_question_goes_when_the_facts_part() -> None:
    state = fold(told("nordtel", 0, CABLE), told("sveamobil", 1.2, CABLE))
    assert [len(s.suggestions) for s in state.view(LATER, {}, True).situations] == [1, 1]
    state.changes(LATER)
    state.apply(told("sveamobil", 1.2, HARDWARE, revision=2))
    gone = state.changes(LATER)
    assert [item.suggestion_count for key, item in gone.items() if key.startswith("situation/")] == [0, 0]


def test_the_strongest_comes_first() -> None:
    """Where all points are met, before where one is lacking."""
    third = [told(actor, 1, STORM, KRONOBERG, event_refs=("c",)) for actor in ("fjallmobil", "kustfiber")]
    (asked,) = (s for s in asking(*HERE, *THERE, *third) if "incident/nordtel/I-nordtel" in s.members)
    assert [suggestion.facts.get("lacking") for suggestion in asked.suggestions] == [None, "PLACE"]


def test_a_situation_asks_at_most_twenty_questions() -> None:
    """Of one operator's cables: nobody else tells, and who tells two faults means two."""
    cut = [told("nordtel", hours, CABLE, KRONOBERG, id=f"I-{hours}", event_refs=("c",)) for hours in (0, 0.3)]
    others = [told("nordtel", n / 50, CABLE, id=f"I-{n}-50", **over(2 + n)) for n in range(1, 31)]
    (asked,) = (s for s in asking(*cut, *others) if "incident/nordtel/I-0" in s.members)
    assert len(asked.suggestions) == 20
    apart = [suggestion.facts["minutes"] for suggestion in asked.suggestions]
    assert apart == sorted(apart, key=int)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (Language.SWEDISH, "vind; i län som gränsar till varandra; tider som möts, 60 min mellan starttiderna"),
        (Language.ENGLISH, "wind; in counties next to each other; times that meet, starts 60 min apart"),
    ],
)
def test_it_is_said_in_words_of_the_situation_and_of_the_incident(language: Language, words: str) -> None:
    state = fold(*HERE, *THERE)
    (asked, _) = (s for s in state.view(LATER, {}, True).situations)
    (question,) = asked.suggestions
    for ref in (f"situation/{asked.id}#reports", f"{question.a}#place"):
        found = state.explain(ref, LATER)
        assert words in " ".join(in_words(found, words_of(language)).split())
        assert "suggestions" in [rule.name for section in found.sections for rule in section.rules]
        assert json.loads(found.model_dump_json())["sections"][0]["suggestions"]


def test_an_inferred_link_is_told_as_facts_and_said_in_swedish() -> None:
    state = fold(
        told("nordtel", 0, CABLE, **over(6)), told("sveamobil", 0.2, Cause(), BORGHOLM, KRONOBERG, **over(6.2))
    )
    (situation,) = state.view(at(8), {}, True).situations
    (link,) = situation.links
    assert link.facts == {
        "causes": "CABLE_CUT",
        "unknown": "true",
        "nearness": "OVERLAP",
        "area": "0780",
        "minutes": "12",
        "restored_together": "true",
    }
    explained = in_words(state.explain(f"situation/{situation.id}#reports", at(8)), words_of(Language.SWEDISH))
    said = "den andra vet inte orsaken; båda i Växjö; tider som möts, 12 min mellan starttiderna; återställda samtidigt"
    assert said in " ".join(explained.split())
