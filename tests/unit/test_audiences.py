"""What competitors and authorities learn of what they may see: no more than somebody has ruled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.codec import encode
from bus.envelope import Envelope
from bus.messages import Area, Cause, CustomerService, Energy, Load, Partner, Quantity, Restoration, Sites, Work
from bus.topics import Realm
from bus.vocabulary import (
    AreaKind,
    Audience,
    CauseCategory,
    CauseDetail,
    DeclineReason,
    Impact,
    PartnerState,
    Service,
    Tlp,
    WorkState,
)
from consumers.merge import ITEM_OF_KEY, Projections, State, View, default_rules
from consumers.merge.audiences import RULINGS, Reduction, down, fields_of, records_in, up
from consumers.merge.view import ActorItem, Reason
from tests.merging import GROUP, LATER, at, count, incident, measure, must, said, status
from tests.merging import _opening as opening

EDGES = default_rules().buckets
ASSET = "fiber-k17"
PROJECTED = (Audience.AUTHORITY, Audience.PEER)


def records(model: type) -> Iterator[type]:
    yield model
    for hint in fields_of(model).values():
        for inside in records_in(hint):
            yield from records(inside)


@pytest.mark.parametrize(
    "model", sorted({r for m in (View, *ITEM_OF_KEY.values()) for r in records(m)}, key=lambda m: m.__name__)
)
def test_every_field_of_the_view_has_a_ruling(model: type) -> None:
    """A new field is not shown to competitors because nobody thought of it: name it in RULINGS, and in
    docs/audiences.md where it is cut.
    """
    assert RULINGS[model].fields == set(fields_of(model))


def test_what_is_cut_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "audiences.md").read_text("utf-8")
    cut = {name for ruling in RULINGS.values() for name in {*ruling.authority, *ruling.peer}}
    assert sorted(name for name in cut if f"`{name}`" not in page) == []


@pytest.mark.parametrize(
    ("number", "low", "high"),
    [
        (0, 0, 0),
        (1, 0, 1_000),
        (999, 0, 1_000),
        (1_000, 1_000, 10_000),
        (9_999, 1_000, 10_000),
        (49_999, 10_000, 50_000),
        (199_999, 50_000, 200_000),
        (200_000, 200_000, None),
        (9_000_000, 200_000, None),
        (None, None, None),
    ],
)
def test_a_number_is_told_by_its_bucket(number: int | None, low: int | None, high: int | None) -> None:
    assert (down(number, EDGES), up(number, EDGES)) == (low, high)


def telling() -> list[Envelope]:
    """Reports full of what is nobody else's business."""
    return [
        incident(
            "nordtel",
            "A",
            users=count(123_457, by_area={"0780": 123_457}),
            sites=Sites(served=777, out=333),
            infrastructure_ids=(ASSET,),
            cause=Cause(category=CauseCategory.NATURAL_PHENOMENON, detail=CauseDetail.WIND, text="utlåtande"),
            description="utlåtande",
            reason="utlåtande",
            energy=Energy(battery_until=at(3), power_incident="incident/elnat-syd/P"),
            restoration=Restoration(expected=at(9)),
            declared_severity=5,
        ),
        incident("sveamobil", "B", users=count(8_642), infrastructure_ids=(ASSET,)),
        must("nordtel/A", "fjallmobil/C", comment="utlåtande"),
        incident("fjallmobil", "C", users=count(0)),
        measure(
            targets=("incident/nordtel/A",),
            description="utlåtande",
            depends_on=(ASSET,),
            quantity=Quantity(value=4711.0, unit="Mbit/s"),
            decline_reason=DeclineReason.COST,
            exceptions=("utlåtande",),
            areas=(Area(kind=AreaKind.SITE, code=ASSET, label="utlåtande"), Area(kind=AreaKind.LAN, code="07")),
        ),
        said(
            Work.model_validate(
                {
                    **opening("kustfiber", "W-1", 1),
                    "state": WorkState.CONFIRMED,
                    "impact": Impact.OUTAGE,
                    "title": "Byte",
                    "description": "utlåtande",
                    "starts_at": at(1),
                    "ends_at": at(2),
                    "infrastructure_ids": (ASSET,),
                }
            )
        ),
        status(
            open_incidents=7,
            partners=(Partner(name="utlåtande", state=PartnerState.REDUCED),),
            load=(Load(service=Service.MOBILE_DATA, utilisation_percent=87.25),),
            customer_service=CustomerService(backlog_hours=4711.0),
        ),
    ]


def shown(audience: Audience, *messages: Envelope) -> tuple[View, str]:
    """The view, and all that the feed and the view say, as text."""
    state = State(Realm())
    state.registry = GROUP
    projections = Projections(state)
    for envelope in messages or telling():
        projections.apply(envelope)
    view = projections.view(audience, LATER, {}, True)
    items = projections.items(audience, LATER)
    values = b"".join(map(encode, [*items.values(), projections.summary(audience, LATER)]))
    return view, view.model_dump_json() + values.decode("utf-8", "replace") + str(dict(items))


@pytest.mark.parametrize("audience", PROJECTED)
def test_assets_are_named_to_nobody_outside(audience: Audience) -> None:
    assert ASSET in shown(Audience.FULL)[1]
    assert ASSET not in shown(audience)[1]


@pytest.mark.parametrize("secret", ["123457", "8642", "777", "333", "4711", "87.25", "utlåtande", "COST"])
def test_competitors_learn_neither_numbers_nor_remarks(secret: str) -> None:
    assert secret not in shown(Audience.PEER)[1]


def test_authorities_see_exact_numbers() -> None:
    full, authority = (shown(audience)[0] for audience in (Audience.FULL, Audience.AUTHORITY))
    assert authority.totals == full.totals
    assert [s.users for s in authority.situations] == [s.users for s in full.situations]
    assert {a.actor: a.load for a in authority.actors} == {a.actor: a.load for a in full.actors}


def test_competitors_see_that_there_is_a_link_and_on_what_it_rests() -> None:
    view, _ = shown(Audience.PEER)
    (situation,) = view.situations
    assert {link.why for link in situation.links} == {"infrastructure_ids", "link/samordning/L-1: MUST_LINK"}


def test_competitors_see_a_range_and_that_zero_is_known() -> None:
    view, _ = shown(Audience.PEER, incident(users=count(123_457)), incident("sveamobil", "Z", users=count(0)))
    users = {s.actors: s.users[Service.MOBILE_VOICE] for s in view.situations}
    assert (users["nordtel",].low, users["nordtel",].best, users["nordtel",].high) == (50_000, None, 200_000)
    assert (users["sveamobil",].low, users["sveamobil",].best, users["sveamobil",].high) == (0, None, 0)


def test_a_reason_without_its_numbers_keeps_its_level_and_its_reports() -> None:
    reason = Reason("USERS", 4, "up to 123457 users", {"high": "123457", "impact": "OUTAGE"}, ("incident/nordtel/A",))
    plain = Reason("IMPACT", 2, "OUTAGE reported", {"impact": "OUTAGE", "count": "1"}, ())
    view, _ = shown(Audience.PEER)
    reasons = {r.code: r for s in view.situations for r in s.severity.reasons}
    assert reasons[reason.code].level == reason.level
    assert reasons[reason.code].facts.keys() <= {"impact", "service", "count"}
    assert reasons[plain.code].text.startswith(plain.text)


@pytest.mark.parametrize(("audience", "codes"), [(Audience.FULL, {"REVISION_GAP"}), (Audience.AUTHORITY, set())])
def test_what_is_missing_is_not_told_where_it_may_be_withheld(audience: Audience, codes: set[str]) -> None:
    view, _ = shown(audience, incident(revision=1), incident(revision=3))
    assert {flag.code for flag in view.flags} == codes


def test_whose_backup_energy_ends_first_is_not_told_by_the_order() -> None:
    ends = {"C": 2, "A": 5, "B": 3}
    told = [incident(id=id_, energy=Energy(battery_until=at(hours))) for id_, hours in ends.items()]
    first = {a: [i.ref[-1] for i in shown(a, *told)[0].energy] for a in (Audience.FULL, Audience.PEER)}
    assert first == {Audience.FULL: ["C", "B", "A"], Audience.PEER: ["A", "B", "C"]}


@pytest.mark.parametrize("audience", PROJECTED)
def test_whether_reports_are_missing_cannot_be_told_from_below(audience: Audience) -> None:
    view, _ = shown(audience, status(open_incidents=2), incident(tlp=Tlp.RED))
    assert next(a for a in view.actors if a.actor == "nordtel").missing_incidents is None


def test_what_is_untouched_is_the_same_object() -> None:
    """So that a hub encodes it once for all feeds."""
    item = ActorItem.model_construct(**dict.fromkeys(ActorItem.model_fields))
    assert Reduction(Audience.AUTHORITY, EDGES)(item) is item


def test_a_record_without_a_ruling_is_not_shown() -> None:
    with pytest.raises(LookupError, match=r"no ruling on .*title.* of Incident"):
        Reduction(Audience.PEER, EDGES)(incident().message)


@pytest.mark.parametrize("audience", PROJECTED)
def test_absence_never_reads_as_all_clear(audience: Audience) -> None:
    view, _ = shown(audience, incident(tlp=Tlp.RED), measure(tlp=Tlp.UNKNOWN), incident(id="I-2", tlp=Tlp.GREEN))
    assert len(view.situations) == 1
    assert view.withheld == {"tlp:incident": 1, "tlp:measure": 1}


def test_the_strict_mark_reaches_authorities_and_no_competitor() -> None:
    told = incident(tlp=Tlp.AMBER_STRICT)
    assert len(shown(Audience.AUTHORITY, told)[0].situations) == 1
    assert shown(Audience.PEER, told)[0].withheld == {"tlp:incident": 1}


def test_what_is_marked_higher_later_goes_and_comes_back() -> None:
    marks = (Tlp.AMBER, Tlp.RED, Tlp.AMBER, Tlp.AMBER_STRICT, Tlp.GREEN, Tlp.AMBER_STRICT, Tlp.RED)
    state = State(Realm())
    projections = Projections(state)
    seen = []
    for revision, tlp in enumerate(marks, start=1):
        projections.apply(incident(revision=revision, tlp=tlp))
        projections.changes(LATER)
        view = projections.view(Audience.PEER, LATER, {}, True)
        seen.append((len(view.situations), view.withheld))
    there, withheld = (1, {}), (0, {"tlp:incident": 1})
    assert seen == [there, withheld, there, withheld, there, withheld, withheld]


def test_a_number_that_moves_within_its_bucket_is_no_news() -> None:
    """A feed that repeats itself would tell that something moved."""
    projections = Projections(State(Realm()))
    for revision, value in enumerate((11_000, 12_000, 13_000), start=1):
        projections.apply(incident(revision=revision, users=count(value)))
        changed = projections.changes(LATER)
    assert [key for key in changed[Audience.FULL] if key.startswith("situation/")]
    assert [key for key in changed[Audience.PEER] if key.startswith("situation/")] == []


def test_what_was_withheld_whole_and_is_shown_again_shows_a_lower_audience_no_more_than_it_may_see() -> None:
    """Found by P14: an amber word after a red one brought back, for competitors too, what was said before them both."""
    told = [
        incident(revision=1, tlp=Tlp.AMBER_STRICT),
        incident(revision=6, tlp=Tlp.RED),
        incident(revision=6, tlp=Tlp.AMBER, sent_at=at(0.5)),
    ]
    asked_early = Projections(State(Realm("ntsg")))
    for envelope in told[:2]:
        asked_early.apply(envelope)
    asked_early.changes(LATER)
    asked_early.apply(told[2])
    asked_late = Projections(State(Realm("ntsg")))
    for envelope in told:
        asked_late.apply(envelope)
    for audience in PROJECTED:
        assert asked_early.view(audience, LATER, {}, True) == asked_late.view(audience, LATER, {}, True)
