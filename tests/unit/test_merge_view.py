"""The view as others depend on it: its keys, its order, its bytes, and the records of the feed."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

import tests
from bus import geography
from bus.codec import Codec, encode
from bus.envelope import Envelope
from bus.messages import (
    BasedOn,
    Cause,
    CustomerService,
    Decision,
    Emergency,
    Energy,
    Load,
    Offer,
    Quantity,
    Request,
    Restoration,
    Sites,
    Staffing,
    Work,
)
from bus.topics import Realm
from bus.vocabulary import (
    AckAnswer,
    CauseCategory,
    CauseDetail,
    CriticalService,
    DecisionKind,
    DecisionState,
    EmergencyImpact,
    Impact,
    IncidentState,
    MessageStatus,
    RequestState,
    ResourceKind,
    Service,
    Trend,
    WorkState,
)
from consumers.merge import ITEM_OF_KEY, State, View
from consumers.merge.view import SituationSummary
from tests.merging import LATER, ack, at, cannot, count, fold, incident, measure, must, picture, said, status

STORM = {"event_refs": ("storm:alva",)}
BATTERY = Energy(battery_until=at(2))
_OPENING = {"revision": 1, "status": MessageStatus.ACTUAL, "observed_at": at(minutes=1)}


def storm() -> list[Envelope]:
    """Something of everything that can be told."""
    return [
        incident(
            "nordtel",
            "A",
            codes=("07",),
            users=count(12_000, low=9_000, by_area={"0780": 10, "0760": 5}),
            sites=Sites(served=10, out=30, out_by_cause={"power": 2, "fibre": 1}),
            energy=Energy(battery_until=at(3), power_incident="incident/elnat-syd/P"),
            emergency=Emergency(impact=EmergencyImpact.DEGRADED, ran_radiating=False),
            critical_services=(CriticalService.RAIL, CriticalService.POLICE),
            cause=Cause(category=CauseCategory.NATURAL_PHENOMENON, detail=CauseDetail.WIND),
            restoration=Restoration(expected=at(9)),
            declared_severity=3,
            **STORM,
        ),
        incident("nordtel", "A", 2, codes=("07", "0780"), users=count(10), started_at=at(-1), **STORM),
        incident(
            "nordtel",
            "B",
            duplicate_of="incident/nordtel/A",
            percent=95,
            emergency=Emergency(impact=EmergencyImpact.LOST_WITH_FALLBACK),
        ),
        incident(
            "sveamobil", "A", codes=("00",), impacts=dict.fromkeys(Service, Impact.DEGRADED), energy=BATTERY, **STORM
        ),
        incident("sveamobil", "B", 3, known_at=at(minutes=30), related_to=("incident/tretton/Z",)),
        incident("fjallmobil", "A", state=IncidentState.RESTORED, users=count(3)),
        incident("lagpris", "O-1", codes=("0114",), users=count(1_000_000)),
        incident("elnat-syd", "P", impacts={Service.OTHER: Impact.OUTAGE}),
        incident("samordning", "X", on_behalf_of="tretton", duplicate_of="incident/samordning/X"),
        must("nordtel/A", "sveamobil/B"),
        cannot("nordtel/A", "elnat-syd/P"),
        measure(targets=("incident/nordtel/A",), hosts=("sveamobil",), guests=("fjallmobil",)),
        ack("measure/nordtel/M-1", AckAnswer.ACCEPTED),
        ack("incident/nordtel/A", AckAnswer.CAUSE_DISPUTED, id="A-2"),
        status(
            open_incidents=4,
            staffing=(Staffing(function="drift", available_percent=50.0),),
            load=(Load(service=Service.MOBILE_DATA, trend=Trend.RISING),),
            remote_work_percent=12.5,
            customer_service=CustomerService(backlog_hours=2.0),
        ),
        said(
            Work(
                actor="kustfiber",
                id="W-1",
                **_OPENING,
                state=WorkState.CONFIRMED,
                impact=Impact.DEGRADED,
                title="Kabelbyte",
                starts_at=at(2),
                ends_at=at(4),
            )
        ),
        said(
            Request(
                actor="nordtel",
                id="R-1",
                **_OPENING,
                resource=ResourceKind.MOBILE_GENERATOR,
                quantity=Quantity(value=2.0, unit="st"),
                state=RequestState.OPEN,
            )
        ),
        said(
            Offer(
                actor="sveamobil",
                id="O-1",
                **_OPENING,
                resource=ResourceKind.MOBILE_GENERATOR,
                state=RequestState.OPEN,
                ref="request/nordtel/R-1",
                eta=at(3),
            )
        ),
        said(
            Decision(
                actor="samordning",
                id="D-1",
                **_OPENING,
                decision=DecisionKind.DIRECTION,
                state=DecisionState.ADOPTED,
                title="Gemensam inriktning",
                affects=("incident/nordtel/A",),
                based_on=BasedOn(digest="sha256:" + "0" * 64, as_of=at(0)),
            )
        ),
    ]


def as_json() -> str:
    """The picture of the storm, its messages in an order that hangs on the hash seed and one of their own."""
    told = sorted(storm(), key=lambda e: hash(e.message.reference))
    random.Random(os.environ.get("PYTHONHASHSEED")).shuffle(told)
    return picture(*told).model_dump_json()


KEYS = {
    "": "as_of realm status settled digest rules inputs situations measures works requests decisions conflicts areas "
    "actors totals energy pending_acks flags quarantined withheld",
    "situations": "id aliases title state members duplicates actors severity trend services areas cause users "
    "emergency restoration links suggestions measures freshness tlp started_at",
    "situations.severity": "level lower_bound reasons",
    "situations.severity.reasons": "code level text refs",
    "situations.cause": "category detail disputed",
    "situations.users.*": "impact low best high unknown_reports by_impact",
    "situations.users.*.by_impact.*": "low best high unknown_reports",
    "situations.restoration": "earliest latest",
    "situations.links": "a b basis why",
    "measures": "ref type state confirmed",
    "works": "ref state",
    "requests": "ref state offers offer_count offered promised missing fulfilment",
    "decisions": "ref state",
    "areas": "code name impact mobile all_mobile_down white_out emergency situations situation_count",
    "emergency": "code name impact fallback operators ran_radiating refs report_count",
    "actors": "actor ended_at freshness reporting last_heard mode open_incidents missing_incidents staffing partners "
    "load remote_work_percent customer_service",
    "totals": "users user_hours open_situations stale_share sector",
    "totals.sector": "operators reporting nothing_to_report freezes",
    "totals.users.*": "impact low best high unknown_reports by_impact",
    "energy": "ref actor areas battery_until fuel_until backup_until exhausted power_incident power_is_out "
    "power_return gap_hours ends_before_power",
    "pending_acks": "id ref actor subject about since",
    "flags": "code refs text",
}


def found_at(path: str, document: object) -> list[dict[str, object]]:
    found = [document]
    for step in filter(None, path.split(".")):
        inner = [inner for one in found for inner in (one.values() if step == "*" else [one[step]])]
        found = [item for one in inner for item in (one if isinstance(one, list) else [one])]
    return found


@pytest.mark.parametrize("path", KEYS)
def test_the_json_has_the_keys_of_the_contract(path):
    found = found_at(path, json.loads(picture(*storm()).model_dump_json()))
    assert found
    assert all(part.keys() >= set(KEYS[path].split()) for part in found)


def test_what_the_view_says_of_itself():
    found = json.loads(fold(*storm()).view(LATER, {"b:0": 1, "a:0": 2}, False).model_dump_json())
    assert (found["realm"], found["status"], found["settled"]) == ("ntsg", "ACTUAL", False)
    assert list(found["inputs"].items()) == [("a:0", 2), ("b:0", 1)]
    assert found["as_of"].startswith("2026-01-10T07:00:00")
    assert found["as_of"].endswith(("Z", "+00:00"))
    assert found["digest"].startswith("sha256:")
    assert len(found["digest"]) == 71
    assert all(found["rules"].split(":"))


SORTED = {
    "situations.members": None,
    "situations.duplicates": None,
    "situations.aliases": None,
    "situations.actors": None,
    "situations.areas": None,
    "situations.measures": None,
    "measures": "ref",
    "works": "ref",
    "requests": "ref",
    "decisions": "ref",
    "areas": "code",
    "emergency": "code",
    "areas.situations": None,
    "actors": "actor",
    "pending_acks": "ref",
    "flags": "code",
}


@pytest.mark.parametrize("path", SORTED)
def test_lists_are_sorted(path):
    *outer, last = path.split(".")
    for part in found_at(".".join(outer), json.loads(picture(*storm()).model_dump_json())):
        names = [item[SORTED[path]] if SORTED[path] else item for item in part[last]]
        assert names == sorted(names)


def test_situations_come_worst_first_then_eldest_then_by_id():
    messages = [
        *storm(),
        *(incident("tretton", f"S-{i}", users=count(1), started_at=at(-i % 3)) for i in range(9)),
    ]
    found = picture(*messages).situations
    order = [(-s.severity.level, s.started_at, s.id) for s in found]
    assert order == sorted(order)
    assert len(set(order)) > 9


def test_a_view_read_back_is_the_view():
    found = picture(*storm())
    assert View.model_validate_json(found.model_dump_json()) == found


def test_equal_sets_are_equal_bytes_in_whatever_order():
    told, expected = storm(), picture(*storm()).model_dump_json()
    for seed in range(5):
        random.Random(seed).shuffle(told)
        assert picture(*told, *told[:4]).model_dump_json() == expected


def test_equal_sets_are_equal_bytes_in_another_process_whatever_its_hash_seed():
    def elsewhere(seed: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", f"from {__name__} import as_json; print(as_json(), end='')"],
            cwd=Path(tests.__path__[0]).parent,
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    assert elsewhere("1") == elsewhere("4242") == picture(*storm()).model_dump_json()


def test_every_item_is_a_record_that_reads_back_as_itself():
    state, codec = fold(*storm()), Codec()
    items = state.items(LATER)
    for key, item in items.items():
        assert codec.decode(encode(item), ITEM_OF_KEY[key.partition("/")[0]])[0] == item
    assert codec.decode(encode(state.summary(LATER)), ITEM_OF_KEY["summary"])[0] == state.summary(LATER)
    assert {key.partition("/")[0] for key in items} == ITEM_OF_KEY.keys() - {"summary"}


def but_for_hours(item: SituationSummary) -> SituationSummary:
    """The feed tells user-hours as of their last change, the view those of its own instant."""
    return item.model_copy(update={"user_hours": {}, "user_hours_as_of": None})


def test_items_are_the_parts_of_the_view():
    state = fold(*storm())
    view, items = state.view(LATER, {}, True), state.items(LATER)
    assert {f"situation/{s.id}": but_for_hours(s.summarised()) for s in view.situations} == {
        key: but_for_hours(item) for key, item in items.items() if isinstance(item, SituationSummary)
    }
    placed = {key: item for key, item in items.items() if key.startswith("incident/")}
    for situation in view.situations:
        for ref in (*situation.members, *situation.duplicates):
            place = placed.pop(ref)
            assert (place.situation, place.duplicate) == (situation.id, ref in situation.duplicates)
            assert place.link is None or ref in (place.link.a, place.link.b)
    assert placed == {}


def test_every_incident_but_the_seed_has_a_link_towards_it():
    state = fold(*storm())
    items = state.items(LATER)
    for situation in state.view(LATER, {}, True).situations:
        linked = [ref for ref in (*situation.members, *situation.duplicates) if items[ref].link is not None]
        assert len(linked) == len(situation.members) + len(situation.duplicates) - 1 == len(situation.links)


def test_the_item_of_a_great_storm_is_small():
    """3,000 incidents over all 290 municipalities, of which none is told in the record itself."""
    codes = [municipality.code for municipality in geography.municipalities()]
    told = [
        incident(
            f"operator-{i % 40}",
            f"I-{i}",
            codes=(codes[i % 290],),
            impacts=dict.fromkeys(Service, Impact.OUTAGE),
            users=count(100 + i),
            sites=Sites(out=3),
            emergency=Emergency(impact=EmergencyImpact.DEGRADED),
            critical_services=tuple(CriticalService),
            **STORM,
        )
        for i in range(3_000)
    ]
    state = fold(*told)
    sizes = {key: len(encode(item)) for key, item in state.items(LATER).items()}
    assert sum(key.startswith("incident/") for key in sizes) == 3_000
    assert len([key for key in sizes if key.startswith("area/")]) == 21 + 290
    assert max(sizes.values()) < 200_000
    (situation,) = state.view(LATER, {}, True).situations
    assert (len(situation.members), len(situation.links), len(situation.areas)) == (3_000, 2_999, 290)


def test_an_exercise_says_so():
    assert State(Realm("ntsg-exercise")).view(LATER, {}, True).status is MessageStatus.EXERCISE
