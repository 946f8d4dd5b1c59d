"""Which incidents are one situation, what it is called, and what becomes of it when incidents join, part or vanish."""

from __future__ import annotations

import hashlib
from itertools import permutations

import pytest

from bus.messages import Cause, Dependency, Emergency, Energy, Restoration
from bus.vocabulary import (
    AckAnswer,
    CauseCategory,
    CauseDetail,
    Certainty,
    DependencyKind,
    EmergencyImpact,
    Impact,
    IncidentState,
    LinkBasis,
    LinkRelation,
    Service,
    SituationState,
)
from consumers.merge.situations import situation_id
from tests.merging import ack, apart, at, cannot, flags, fold, grouped, incident, link, measure, must, only, picture

REF = "incident/nordtel/{}".format
RETRACTED = IncidentState.RETRACTED


def nordtel(id: str, revision: int = 1, **fields: object):
    return incident("nordtel", id, revision, **fields)


def caused_by(kind: DependencyKind, ref: str) -> dict[str, object]:
    return {"caused_by": (Dependency(kind=kind, ref=ref),)}


# Links

LINKED = {
    "duplicate_of": ([nordtel("A"), nordtel("B", duplicate_of=REF("A"))], LinkBasis.EXPLICIT),
    "related_to": ([nordtel("A"), nordtel("B", related_to=(REF("A"),))], LinkBasis.EXPLICIT),
    "caused_by": (
        [nordtel("A"), nordtel("B", **caused_by(DependencyKind.TRANSPORT_FIBRE, REF("A")))],
        LinkBasis.EXPLICIT,
    ),
    "power incident": ([nordtel("A"), nordtel("B", energy=Energy(power_incident=REF("A")))], LinkBasis.EXPLICIT),
    "a power incident in common that nobody has told": (
        [nordtel(id, energy=Energy(power_incident="incident/elnat-syd/P")) for id in "AB"],
        LinkBasis.EXPLICIT,
    ),
    "a power incident named in two ways": (
        [
            nordtel("A", energy=Energy(power_incident="incident/elnat-syd/P")),
            nordtel("B", **caused_by(DependencyKind.POWER, "incident/elnat-syd/P")),
        ],
        LinkBasis.EXPLICIT,
    ),
    "event_refs": ([nordtel(id, event_refs=("storm:alva",)) for id in "AB"], LinkBasis.SHARED_KEY),
    "infrastructure_ids": ([nordtel(id, infrastructure_ids=("cable:7",)) for id in "AB"], LinkBasis.SHARED_KEY),
    "MUST_LINK": ([nordtel("A"), nordtel("B"), must("nordtel/B", "nordtel/A")], LinkBasis.COORDINATION),
    "CAUSES": (
        [nordtel("A"), nordtel("B"), link(LinkRelation.CAUSES, "nordtel/B", "nordtel/A")],
        LinkBasis.COORDINATION,
    ),
    "the strongest of several": (
        [nordtel("A", event_refs=("e",)), nordtel("B", event_refs=("e",), related_to=(REF("A"),))],
        LinkBasis.EXPLICIT,
    ),
}


@pytest.mark.parametrize("name", LINKED)
def test_what_links_two_incidents_and_on_what_basis(name):
    messages, basis = LINKED[name]
    situation = only(*messages)
    (found,) = situation.links
    assert (found.basis, {found.a, found.b}) == (basis, {REF("A"), REF("B")})
    assert found.why


NOT_LINKED = {
    "nothing in common": [nordtel("A"), nordtel("B")],
    "the same value in another list": [nordtel("A", event_refs=("7",)), nordtel("B", infrastructure_ids=("7",))],
    "a blank key": [nordtel("A", event_refs=(" ",)), nordtel("B", event_refs=(" ",))],
    "a cause other than power in common, untold": [
        nordtel(id, **caused_by(DependencyKind.TRANSPORT_FIBRE, "incident/kustfiber/F")) for id in "AB"
    ],
    "a link withdrawn": [nordtel("A"), nordtel("B"), must("nordtel/B", "nordtel/A", withdrawn=True)],
    "a link withdrawn later": [
        nordtel("A"),
        nordtel("B"),
        must("nordtel/B", "nordtel/A"),
        must("nordtel/B", "nordtel/A", revision=2, withdrawn=True),
    ],
    "an unknown relation": [nordtel("A"), nordtel("B"), link(LinkRelation.UNKNOWN, "nordtel/A", "nordtel/B")],
    "a link that a later revision does not tell": [
        nordtel("A"),
        nordtel("B", related_to=(REF("A"),)),
        nordtel("B", revision=2),
    ],
}


@pytest.mark.parametrize("name", NOT_LINKED)
def test_what_links_nothing(name):
    assert grouped(*NOT_LINKED[name]) == apart("A", "B")


@pytest.mark.parametrize(
    ("ended_hours_before", "together"), [(5.9, True), (6, True), (6.1, False)], ids=["within", "at", "beyond"]
)
def test_a_shared_key_links_within_six_hours_of_the_other_having_ended(ended_hours_before, together):
    over = {"state": IncidentState.CLOSED, "started_at": at(0), "restored_at": at(1)}
    messages = [
        nordtel("A", event_refs=("e",), **over),
        nordtel("B", event_refs=("e",), started_at=at(1 + ended_hours_before)),
    ]
    assert (len(picture(*messages).situations) == 1) is together


def test_what_is_told_to_have_ended_before_it_began_meets_what_it_began_beside():
    backwards = nordtel("B", event_refs=("e",), started_at=at(30), restored_at=at(0), state=IncidentState.CLOSED)
    assert grouped(nordtel("A", event_refs=("e",), started_at=at(14)), backwards) == apart("A B")


def test_an_open_incident_has_no_end_for_a_shared_key():
    assert only(nordtel("A", event_refs=("e",), started_at=at(-400)), nordtel("B", event_refs=("e",)))


def test_a_power_incident_links_at_any_time():
    past = {"started_at": at(-400), "restored_at": at(-399), "state": IncidentState.CLOSED}
    assert only(*(nordtel(id, energy=Energy(power_incident=REF("P")), **more) for id, more in (("A", past), ("B", {}))))


def test_a_shared_key_links_each_later_holder_to_the_earliest_that_it_meets():
    situation = only(*(nordtel(id, event_refs=("e",), started_at=at(i)) for i, id in enumerate("ABCD")))
    assert [(edge.a, edge.b) for edge in situation.links] == [(REF(id), REF("A")) for id in "BCD"]


def test_links_are_a_spanning_set():
    everyone = tuple(map(REF, "ABCDEFGH"))
    situation = only(*(nordtel(id, related_to=everyone, event_refs=("e",)) for id in "ABCDEFGH"))
    assert len(situation.links) == 7


def test_a_link_to_what_is_no_incident_leaves_that_alone():
    state = fold(nordtel("A"), measure())
    state.changes(at(1))
    state.apply(must("nordtel/A", "measure/nordtel/M-1"))
    assert [item.ref for item in state.view(at(1), {}, True).measures] == ["measure/nordtel/M-1"]
    assert "measure/nordtel/M-1" not in state.changes(at(1))


def test_why_is_told_in_few_words_however_long_the_key_or_the_comment():
    endless = "e" * 50_000
    shared = only(nordtel("A", event_refs=(endless,)), nordtel("B", event_refs=(endless,)))
    staff = only(nordtel("A"), nordtel("B"), must("nordtel/A", "nordtel/B", comment=endless))
    assert all(len(edge.why) < 500 for situation in (shared, staff) for edge in situation.links)


# CANNOT_LINK

SHARED = {"event_refs": ("e",)}
ABC = [nordtel(id, **SHARED) for id in "ABC"]
CANNOT = {
    "holds b apart from a": ([nordtel("A"), nordtel("B", related_to=(REF("A"),))], [("A", "B")], apart("A", "B")),
    "and a from b": ([nordtel("A"), nordtel("B", related_to=(REF("A"),))], [("B", "A")], apart("A", "B")),
    "from all that is with a": (ABC, [("A", "B")], apart("A C", "B")),
    "b alone leaves": (ABC, [("C", "A")], apart("B C", "A")),
    "also where the link is by staff's CAUSES": (
        [nordtel("A"), nordtel("B"), link(LinkRelation.CAUSES, "nordtel/A", "nordtel/B")],
        [("A", "B")],
        apart("A", "B"),
    ),
    "b takes its duplicates along": (
        [*ABC, nordtel("D", duplicate_of=REF("B"), **SHARED)],
        [("A", "B")],
        apart("A C", "B D"),
    ),
    "b takes what MUST_LINK ties to it along": (
        [*ABC, must("nordtel/B", "nordtel/C")],
        [("A", "B")],
        apart("A", "B C"),
    ),
    "b does not take along what is only related": (
        [nordtel("A"), nordtel("B", related_to=(REF("A"), REF("C"))), nordtel("C", related_to=(REF("A"),))],
        [("A", "B")],
        apart("A C", "B"),
    ),
    "what only b linked goes its own way": (
        [nordtel("A"), nordtel("B", related_to=(REF("A"), REF("C"))), nordtel("C")],
        [("A", "B")],
        apart("A", "B", "C"),
    ),
    "two in a chain": (ABC, [("A", "B"), ("B", "C")], apart("A", "B", "C")),
    "all from all, both ways": (ABC, [("A", "B"), ("B", "A"), ("A", "C"), ("C", "B")], apart("A", "B", "C")),
    "of what is not together": ([nordtel("A"), nordtel("B")], [("A", "B")], apart("A", "B")),
    "of what nobody told": (ABC, [("A", "Z"), ("Z", "B")], apart("A B C")),
}


@pytest.mark.parametrize("name", CANNOT)
def test_cannot_link(name):
    messages, pairs, expected = CANNOT[name]
    held = [cannot(f"nordtel/{a}", f"nordtel/{b}", id=f"C-{i}") for i, (a, b) in enumerate(pairs)]
    assert grouped(*messages, *held) == expected
    assert grouped(*reversed(held), *reversed(messages)) == expected
    gone = [
        cannot(f"nordtel/{a}", f"nordtel/{b}", id=f"C-{i}", revision=2, withdrawn=True)
        for i, (a, b) in enumerate(pairs)
    ]
    assert grouped(*messages, *held, *gone) == grouped(*messages)


@pytest.mark.parametrize(
    "tie",
    [
        [nordtel("B", duplicate_of=REF("A"))],
        [nordtel("B"), must("nordtel/A", "nordtel/B")],
        [nordtel("B"), nordtel("C", duplicate_of=REF("B")), must("nordtel/C", "nordtel/A")],
    ],
    ids=["duplicate", "MUST_LINK", "both"],
)
def test_where_a_firm_link_joins_them_they_stay_together_and_it_is_flagged(tie):
    messages = [nordtel("A"), *tie]
    for a, b in permutations("AB"):
        held = cannot(f"nordtel/{a}", f"nordtel/{b}")
        assert grouped(*messages, held) == grouped(*messages)
        assert flags(*messages, held) == ["CONTRADICTION"]


def test_a_contradiction_does_not_undo_another_cannot_link():
    messages = [nordtel("A", **SHARED), nordtel("B", duplicate_of=REF("A"), **SHARED), nordtel("C", **SHARED)]
    held = [cannot("nordtel/A", "nordtel/B"), cannot("nordtel/C", "nordtel/B", id="L-3")]
    assert grouped(*messages, *held) == apart("A B", "C")


# Duplicates

DUPLICATES = {
    "of a told one": ([nordtel("A"), nordtel("B", duplicate_of=REF("A"))], "A", "B", 0),
    "of each other: the least counts": (
        [nordtel("A", duplicate_of=REF("B")), nordtel("B", duplicate_of=REF("A"))],
        "A",
        "B",
        1,
    ),
    "of itself: it counts": ([nordtel("A", duplicate_of=REF("A"))], "A", "", 1),
    "in a chain": (
        [nordtel("C"), nordtel("B", duplicate_of=REF("C")), nordtel("A", duplicate_of=REF("B"))],
        "C",
        "A B",
        0,
    ),
    "into a cycle": (
        [
            nordtel("A", duplicate_of=REF("C")),
            nordtel("B", duplicate_of=REF("C")),
            nordtel("C", duplicate_of=REF("B")),
        ],
        "B",
        "A C",
        1,
    ),
    "of what nobody told: it counts": ([nordtel("B", duplicate_of=REF("A"))], "B", "", 0),
    "of a retracted one: it counts": ([nordtel("A", state=RETRACTED), nordtel("B", duplicate_of=REF("A"))], "B", "", 0),
}


@pytest.mark.parametrize("name", DUPLICATES)
def test_a_duplicate_is_shown_under_its_primary_and_never_vanishes(name):
    messages, members, duplicates, cycles = DUPLICATES[name]
    situation = only(*messages)
    assert situation.members == tuple(map(REF, members.split()))
    assert situation.duplicates == tuple(map(REF, duplicates.split()))
    assert flags(*messages).count("DUPLICATE_CYCLE") == cycles


def test_a_long_cycle_is_one_flag_of_bounded_size():
    ring = [nordtel(f"D{i:04}", duplicate_of=REF(f"D{(i + 1) % 2000:04}")) for i in range(2000)]
    (flag,) = picture(*ring).flags
    assert flag.code == "DUPLICATE_CYCLE"
    assert "2000" in flag.text
    assert len(flag.model_dump_json()) < 2_000
    assert only(*ring).members == (REF("D0000"),)


# Names

A, B, C = (nordtel(id, started_at=at(i)) for i, id in enumerate("ABC"))


def test_the_id_is_the_seeds_hash():
    ref = "incident/nordtel/A"
    assert only(A).id == "sit-" + hashlib.sha256(ref.encode()).hexdigest()[:16] == situation_id(ref)


@pytest.mark.parametrize(
    ("first", "second", "seed"),
    [
        ({"started_at": at(2)}, {"started_at": at(1)}, "B"),
        ({"started_at": at(1)}, {"started_at": at(1)}, "A"),
        ({"observed_at": at(1)}, {"started_at": at(2), "observed_at": at(0)}, "A"),
        ({"observed_at": at(2)}, {"observed_at": at(1)}, "B"),
    ],
    ids=["earliest start", "least reference", "started_at before observed_at", "observed_at where no start is told"],
)
def test_the_seed_is_the_member_that_began_first(first, second, seed):
    situation = only(nordtel("A", **SHARED, **first), nordtel("B", **SHARED, **second))
    assert situation.id == situation_id(REF(seed))


def test_where_no_start_is_told_the_lowest_known_revision_dates_it():
    later = nordtel("A", revision=2, observed_at=at(3), **SHARED)
    other = nordtel("B", observed_at=at(2), **SHARED)
    assert only(later, other).id == situation_id(REF("B"))
    assert only(nordtel("A", observed_at=at(1)), later, other).id == situation_id(REF("A"))


def test_when_situations_join_the_older_id_stands_and_the_others_are_aliases():
    before = {situation.id for situation in picture(A, B, C).situations}
    joined = only(A, B, C, must("nordtel/A", "nordtel/B"), must("nordtel/C", "nordtel/B", id="L-3"))
    assert joined.id == situation_id(REF("A"))
    assert joined.aliases == tuple(sorted(before - {joined.id}))


def test_duplicates_answer_too():
    assert only(A, nordtel("D", duplicate_of=REF("A"))).aliases == (situation_id(REF("D")),)


def test_what_parts_gets_its_own_id_and_the_seeds_component_keeps_its():
    tied = [A, B, C, must("nordtel/A", "nordtel/B"), must("nordtel/B", "nordtel/C", id="L-3")]
    state = fold(*tied)
    state.changes(at(5))
    state.apply(must("nordtel/A", "nordtel/B", revision=2, withdrawn=True))
    changed = state.changes(at(5))
    found = {s.id: s.members for s in state.view(at(5), {}, True).situations}
    assert found == {situation_id(REF("A")): (REF("A"),), situation_id(REF("B")): (REF("B"), REF("C"))}
    assert {f"situation/{id}" for id in found} <= changed.keys()


def test_a_measure_for_a_situation_follows_its_id_through_a_join():
    for_b = measure(targets=(f"situation/{situation_id(REF('B'))}",))
    assert only(A, B, must("nordtel/A", "nordtel/B"), for_b).measures == ("measure/nordtel/M-1",)
    measures = {s.id: s.measures for s in picture(A, B, for_b).situations}
    assert measures == {situation_id(REF("A")): (), situation_id(REF("B")): ("measure/nordtel/M-1",)}


def test_a_retracted_seed_is_as_if_never_told():
    joined = [A, B, C, must("nordtel/A", "nordtel/B"), must("nordtel/B", "nordtel/C", id="L-3")]
    situation = only(*joined, nordtel("A", revision=2, state=RETRACTED))
    assert situation.id == situation_id(REF("B"))
    assert situation.aliases == (situation_id(REF("C")),)
    assert situation.started_at == at(1)


def test_a_retracted_bridge_parts_what_it_joined():
    bridge = nordtel("X", related_to=(REF("A"), REF("B")))
    assert grouped(A, B, bridge) == apart("A B X")
    assert grouped(A, B, bridge, nordtel("X", revision=2, state=RETRACTED)) == apart("A", "B")


def test_of_what_vanishes_the_feed_says_so():
    state = fold(A)
    state.changes(at(5))
    state.apply(nordtel("A", revision=2, state=RETRACTED))
    gone = {key for key, item in state.changes(at(5)).items() if item is None}
    assert gone == {REF("A"), f"situation/{situation_id(REF('A'))}"}


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (("CONFIRMED", "CLOSED"), SituationState.ONGOING),
        (("UNKNOWN", "CLOSED"), SituationState.ONGOING),
        (("RESTORED", "CLOSED"), SituationState.RESTORED),
        (("CLOSED", "CLOSED"), SituationState.CLOSED),
        (("RETRACTED", "RESTORED"), SituationState.RESTORED),
    ],
)
def test_a_situation_is_over_when_all_its_members_are(states, expected):
    first, second = states
    messages = [nordtel("A", state=first, **SHARED), nordtel("B", state=second, **SHARED)]
    assert only(*messages, as_of=at(24 * 13)).state is expected


# What it says of its members


def told(**fields: object) -> dict[str, object]:
    return {**SHARED, **fields}


def cause(category: CauseCategory, detail: CauseDetail, **more: object) -> dict[str, object]:
    return {"cause": Cause(category=category, detail=detail, **more)}


NATURE, SYSTEM, UNKNOWN = CauseCategory.NATURAL_PHENOMENON, CauseCategory.SYSTEM_FAILURE, CauseCategory.UNKNOWN
WIND, POWER_CUT, NO_WORD = CauseDetail.WIND, CauseDetail.POWER_CUT, CauseDetail.UNKNOWN
CAUSES = {
    "nobody knows": ([{}, {}], (UNKNOWN, NO_WORD, False)),
    "one knows": ([cause(NATURE, WIND), {}], (NATURE, WIND, False)),
    "a detail adds to its category": ([cause(NATURE, NO_WORD), cause(NATURE, WIND)], (NATURE, WIND, False)),
    "owners disagree: none is picked": ([cause(NATURE, WIND), cause(SYSTEM, POWER_CUT)], (UNKNOWN, NO_WORD, True)),
    "one points to the other for it": (
        [cause(SYSTEM, POWER_CUT), {**cause(NATURE, WIND), **caused_by(DependencyKind.POWER, REF("A"))}],
        (SYSTEM, POWER_CUT, False),
    ),
    "looked for and not yet found": (
        [cause(CauseCategory.UNDETERMINED, NO_WORD), cause(NATURE, WIND)],
        (NATURE, WIND, False),
    ),
}


@pytest.mark.parametrize("case", CAUSES)
def test_the_cause_is_what_the_members_at_its_root_say(case):
    members, expected = CAUSES[case]
    found = only(*(nordtel(id, **told(**fields)) for id, fields in zip("AB", members, strict=True))).cause
    assert (found.category, found.detail, found.disputed) == expected


def test_a_cause_that_somebody_disputes_is_disputed_until_accepted():
    messages = [nordtel("A", **cause(NATURE, WIND)), ack(REF("A"), AckAnswer.CAUSE_DISPUTED)]
    assert only(*messages).cause.disputed
    accepted = ack(REF("A"), AckAnswer.CAUSE_ACCEPTED, id="A-2", observed_at=at(2))
    assert not only(*messages, accepted).cause.disputed


def test_who_disputes_a_cause_is_told_each_once_and_by_name():
    disputes = [
        ack(REF(id), AckAnswer.CAUSE_DISPUTED, actor, f"{actor}-{id}")
        for actor in ("sveamobil", "kustfiber")
        for id in "AB"
    ]
    members = [nordtel(id, **cause(NATURE, WIND), event_refs=("storm:1",)) for id in "AB"]
    assert only(*members, *disputes).cause.disputed_by == ("kustfiber", "sveamobil")


def test_every_cause_that_is_told_is_a_candidate_with_those_who_tell_it():
    told = {"event_refs": ("storm:1",)}
    members = [
        nordtel("A", **cause(NATURE, WIND, certainty=Certainty.POSSIBLE), **told),
        nordtel("B", **cause(NATURE, WIND, certainty=Certainty.LIKELY), **told),
        incident("sveamobil", "C", **cause(NATURE, WIND), **told),
        incident("sveamobil", "D", **cause(SYSTEM, POWER_CUT, certainty=Certainty.OBSERVED), **told),
        incident("fjallmobil", "E", **cause(CauseCategory.UNDETERMINED, NO_WORD), **told),
        incident("fjallmobil", "F", **told),
    ]
    found = only(*members).cause
    assert [(c.category, c.detail, c.certainty, c.report_count, c.actors) for c in found.candidates] == [
        (NATURE, WIND, Certainty.LIKELY, 3, ("nordtel", "sveamobil")),
        (SYSTEM, POWER_CUT, Certainty.OBSERVED, 1, ("sveamobil",)),
    ]
    assert (found.disputed, found.candidate_count, found.unknown_reports) == (True, 2, 2)


def test_of_many_causes_a_few_are_named_and_all_counted():
    details = [detail for detail in CauseDetail if detail is not NO_WORD][:9]
    members = [nordtel(f"I-{n}", **cause(SYSTEM, d), event_refs=("storm:1",)) for n, d in enumerate(details)]
    found = only(*members).cause
    assert (len(found.candidates), found.candidate_count) == (5, 9)


NONE, WORSE, LOST = EmergencyImpact.NONE, EmergencyImpact.DEGRADED, EmergencyImpact.LOST_WITH_FALLBACK
EMERGENCIES = [
    ((None, None), None),
    ((None, NONE), NONE),
    ((NONE, EmergencyImpact.UNKNOWN), EmergencyImpact.UNKNOWN),
    ((EmergencyImpact.LOCATION_LOST, WORSE), EmergencyImpact.LOCATION_LOST),
    ((EmergencyImpact.LOCATION_LOST, LOST), LOST),
    ((LOST, EmergencyImpact.LOST_NO_FALLBACK), EmergencyImpact.LOST_NO_FALLBACK),
]


@pytest.mark.parametrize(("impacts", "worst"), EMERGENCIES)
def test_the_worst_effect_on_112_is_told_and_silence_is_not_none(impacts, worst):
    messages = [
        nordtel(id, **told(emergency=impact and Emergency(impact=impact)))
        for id, impact in zip("AB", impacts, strict=True)
    ]
    assert only(*messages).emergency == worst


def test_services_and_areas_are_those_of_the_open_members_at_their_worst():
    voice, data = Service.MOBILE_VOICE, Service.MOBILE_DATA
    messages = [
        nordtel("A", **told(impacts={voice: Impact.DEGRADED, data: Impact.NO_IMPACT}, codes=("0780",))),
        nordtel("B", **told(impacts={voice: Impact.UNKNOWN, data: Impact.UNKNOWN}, codes=("07", "06"))),
        nordtel("C", **told(impacts={Service.DNS: Impact.OUTAGE}, codes=("01",), state=IncidentState.RESTORED)),
    ]
    found = only(*messages)
    assert found.services == {voice: Impact.DEGRADED, data: Impact.UNKNOWN}
    assert found.areas == ("06", "07", "0780")


def test_restoration_spans_the_forecasts_of_the_open_members():
    messages = [
        nordtel("A", **told(restoration=Restoration(expected=at(5)))),
        nordtel("B", **told(restoration=Restoration(earliest=at(3), latest=at(4)))),
        nordtel("C", **told()),
        nordtel("D", **told(restoration=Restoration(latest=at(90)), state=IncidentState.CLOSED)),
    ]
    found = only(*messages).restoration
    assert (found.earliest, found.latest) == (at(3), at(5))
    nothing = only(nordtel("A")).restoration
    assert (nothing.earliest, nothing.latest) == (None, None)


@pytest.mark.parametrize(
    ("levels", "highest"),
    [(("CLEAR", "GREEN"), "GREEN"), (("AMBER", "AMBER_STRICT"), "AMBER_STRICT"), (("AMBER", "UNKNOWN"), "RED")],
)
def test_the_strictest_tlp_of_all_that_is_in_it_holds(levels, highest):
    strictest = nordtel("B", tlp=levels[1], state=IncidentState.CLOSED, **SHARED)
    assert only(nordtel("A", tlp=levels[0], **SHARED), strictest).tlp == highest
