"""What has been over for two weeks leaves the picture, and nothing else does; nothing of it is forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bus.envelope import Envelope
from bus.messages import Decision, Energy, Message, Offer, Request, Work
from bus.topics import Realm
from bus.vocabulary import (
    AckAnswer,
    Audience,
    CauseCategory,
    CauseDetail,
    ConflictState,
    DecisionKind,
    DecisionState,
    Impact,
    IncidentState,
    LinkRelation,
    MeasureState,
    MessageStatus,
    RequestState,
    ResourceKind,
    Tlp,
    WorkState,
)
from consumers.merge import Projections, State
from consumers.merge.situations import situation_id
from tests import merging
from tests.archives import DictArchive
from tests.merging import GROUP, ack, at, flags, fold, incident, link, measure, picture, said

HORIZON = timedelta(days=14)
OVER = at(hours=2)
"""When what is over in these tests ended."""
STILL, GONE = OVER + HORIZON - timedelta(milliseconds=1), OVER + HORIZON
"""The last instant at which it is in the picture, and the first at which it is not."""
SEED = situation_id("incident/nordtel/I-1")


def over(actor: str = "nordtel", id: str = "I-1", **fields: object) -> Envelope:
    told = {"state": IncidentState.RESTORED, "started_at": at(), "restored_at": OVER, "sent_at": OVER, **fields}
    return incident(actor, id, **told)


def members(*messages: Envelope, as_of: datetime) -> list[set[str]]:
    return [set(s.members) for s in picture(*messages, as_of=as_of).situations]


def test_an_incident_over_for_as_long_as_the_horizon_leaves():
    assert members(over(), as_of=STILL) == [{"incident/nordtel/I-1"}]
    assert members(over(), as_of=GONE) == []
    assert fold(over()).items(GONE).keys().isdisjoint({"incident/nordtel/I-1", f"situation/{SEED}"})


def test_the_feed_is_told_when_it_leaves_and_when_the_clock_goes_back():
    state = fold(over())
    state.changes(STILL)
    gone = state.changes(GONE)
    assert gone["incident/nordtel/I-1"] is None
    assert gone[f"situation/{SEED}"] is None
    assert state.changes(STILL)[f"situation/{SEED}"] is not None


def test_an_open_incident_never_leaves():
    assert members(incident(), as_of=GONE + timedelta(days=3_650)) == [{"incident/nordtel/I-1"}]


TIES = {
    "a shared key": ({"event_refs": ("storm:1",)}, {"event_refs": ("storm:1",)}, []),
    "a name": ({}, {"related_to": ("incident/nordtel/I-1",)}, []),
    "a power incident": (
        {"energy": Energy(power_incident="incident/elnat-syd/P")},
        {"energy": Energy(power_incident="incident/elnat-syd/P")},
        [],
    ),
    "staff": ({}, {}, [link(LinkRelation.CAUSES, "nordtel/I-1", "sveamobil/I-2")]),
}


@pytest.mark.parametrize("tie", TIES)
def test_what_is_told_to_belong_with_something_open_stays(tie):
    ours, theirs, said_by_staff = TIES[tie]
    told = [over(**ours), incident("sveamobil", "I-2", codes=["14"], started_at=at(), **theirs), *said_by_staff]
    assert members(*told, as_of=GONE) == [{"incident/nordtel/I-1", "incident/sveamobil/I-2"}]


def test_it_leaves_when_the_last_of_them_has_been_over_for_long():
    later = over("sveamobil", "I-2", restored_at=OVER + timedelta(days=3), event_refs=("storm:1",))
    told = [over(event_refs=("storm:1",)), later]
    assert len(members(*told, as_of=STILL + timedelta(days=3))[0]) == 2
    assert members(*told, as_of=GONE + timedelta(days=3)) == []


def test_what_is_only_inferred_to_belong_with_something_open_leaves_by_itself():
    storm = {"cause": {"category": CauseCategory.NATURAL_PHENOMENON, "detail": CauseDetail.WIND}}
    told = [over(**storm), incident("sveamobil", "I-2", started_at=at(hours=1), **storm)]
    assert members(*told, as_of=STILL) == [{"incident/nordtel/I-1", "incident/sveamobil/I-2"}]
    assert members(*told, as_of=GONE) == [{"incident/sveamobil/I-2"}]


def test_held_apart_by_staff_they_still_leave_together():
    told = [over(event_refs=("storm:1",)), incident("sveamobil", "I-2", event_refs=("storm:1",))]
    held = link(LinkRelation.CANNOT_LINK, "nordtel/I-1", "sveamobil/I-2")
    assert sorted(map(len, members(*told, held, as_of=GONE))) == [1, 1]


def test_a_reopening_brings_it_back_under_its_id():
    again = incident(revision=2, state=IncidentState.CONFIRMED, started_at=at(), known_at=GONE)
    state = fold(over())
    assert not state.view(GONE, {}, True).situations
    state.apply(again)
    assert [s.id for s in state.view(GONE, {}, True).situations] == [SEED]


def test_a_late_report_that_names_it_brings_it_back():
    late = incident("sveamobil", "I-2", caused_by=({"kind": "POWER", "ref": "incident/nordtel/I-1"},), known_at=GONE)
    assert members(over(), late, as_of=GONE) == [{"incident/nordtel/I-1", "incident/sveamobil/I-2"}]


def test_what_left_is_still_in_the_digest():
    state = fold(over())
    before = state.digest
    state.view(GONE, {}, True)
    assert state.digest == before


def test_references_to_what_left_still_lead_to_it():
    told = [over(), decision(state=DecisionState.ADOPTED, affects=("incident/nordtel/I-1", f"situation/{SEED}"))]
    assert "REFERENCE_TO_NOTHING" not in flags(*told, as_of=GONE)


def test_flags_leave_with_what_they_are_about():
    told = [incident(revision=1), over(revision=3)]
    assert flags(*told, as_of=STILL) == ["REVISION_GAP"]
    assert flags(*told, as_of=GONE) == []
    retracted = [incident(revision=1), incident(revision=3, state=IncidentState.RETRACTED)]
    assert flags(*retracted, as_of=at(minutes=3)) == ["REVISION_GAP"]
    assert flags(*retracted, as_of=at(minutes=3) + HORIZON) == []


def decision(id: str = "B-1", **fields: object) -> Envelope:
    return _said(Decision, "samordning", id, decision=DecisionKind.NOTE, title="Läget", **fields)


def work(**fields: object) -> Envelope:
    window = {"starts_at": at(), "ends_at": OVER, "impact": Impact.OUTAGE, "title": "Byte"}
    return _said(Work, "nordtel", "W-1", **{**window, **fields})


def request(**fields: object) -> Envelope:
    return _said(Request, "nordtel", "R-1", resource=ResourceKind.FUEL, **fields)


def offer(**fields: object) -> Envelope:
    return _said(Offer, "nordtel", "O-1", resource=ResourceKind.FUEL, **fields)


def _said(model: type[Message], actor: str, id: str, **fields: object) -> Envelope:
    opening = {"actor": actor, "id": id, "revision": 1, "status": MessageStatus.ACTUAL, "observed_at": OVER}
    return said(model.model_validate(opening | fields))


LEAVES = {
    "a measure that ended": measure(state=MeasureState.ENDED, ended_at=OVER),
    "a measure that failed": measure(state=MeasureState.FAILED, observed_at=OVER),
    "a work that was done": work(state=WorkState.COMPLETED, ends_at=OVER + HORIZON),
    "a work whose window is over": work(state=WorkState.CONFIRMED),
    "a request that was withdrawn": request(state=RequestState.WITHDRAWN),
    "a request whose time is over": request(state=RequestState.OPEN, until=OVER),
    "an offer that was released": offer(state=RequestState.RELEASED),
    "a decision that was carried out": decision(state=DecisionState.EXECUTED),
    "a decision whose time is over": decision(state=DecisionState.ADOPTED, until=OVER),
}

STAYS = {
    "a measure past its planned end": measure(state=MeasureState.ACTIVE, planned_end=OVER),
    "a work that was begun": work(state=WorkState.IN_PROCESS),
    "a request for no set time": request(state=RequestState.OPEN),
    "an offer that is out": offer(state=RequestState.DEPLOYED, until=OVER),
    "a decision in force": decision(state=DecisionState.ADOPTED),
}


@pytest.mark.parametrize("what", LEAVES)
def test_other_things_leave_too(what):
    ref = LEAVES[what].message.reference
    assert ref in fold(LEAVES[what]).items(STILL)
    assert ref not in fold(LEAVES[what]).items(GONE)


@pytest.mark.parametrize("what", STAYS)
def test_but_nothing_is_over_that_its_owner_has_not_ended(what):
    assert STAYS[what].message.reference in fold(STAYS[what]).items(GONE + timedelta(days=365))


def test_an_end_at_the_end_of_time_never_comes():
    assert members(over(restored_at=datetime.max.replace(tzinfo=OVER.tzinfo, microsecond=0)), as_of=GONE) != []


# What leaves the memory

KEY = {"event_refs": ("storm:1",)}
OLD = [over(energy=Energy(power_incident="incident/elnat-syd/P"), **KEY)]
NEWS = {
    "the next revision": incident(revision=2, started_at=at(), known_at=GONE),
    "a copy": OLD[0],
    "a report that names it": incident("sveamobil", "I-2", related_to=("incident/nordtel/I-1",), known_at=GONE),
    "a report with its key at its time": incident("sveamobil", "I-2", started_at=at(hours=7), known_at=GONE, **KEY),
    "the power incident that it names": incident("elnat-syd", "P", known_at=GONE),
    "a report of the same power incident": incident(
        "sveamobil", "I-2", energy=Energy(power_incident="incident/elnat-syd/P"), known_at=GONE
    ),
    "a link of staff": link(LinkRelation.MUST_LINK, "nordtel/I-1", "sveamobil/I-2"),
    "a decision on it": decision(state=DecisionState.ADOPTED, affects=("incident/nordtel/I-1",)),
    "a decision on its situation": decision(state=DecisionState.ADOPTED, affects=(f"situation/{SEED}",)),
    "a measure against it": measure(targets=("incident/nordtel/I-1",)),
}


def archived(*messages: Envelope, clock: datetime = GONE) -> tuple[State, DictArchive]:
    archive = DictArchive()
    state = State(Realm(), archive=archive)
    state.registry = GROUP
    for envelope in messages:
        state.apply(envelope)
    state.archive(clock)
    return state, archive


def test_what_is_long_over_leaves_the_memory_with_all_that_refers_to_it():
    told = [*OLD, measure(state=MeasureState.ENDED, ended_at=OVER, targets=("incident/nordtel/I-1",))]
    state, archive = archived(*told)
    assert len(state) == 0
    assert [set(bundle.entities) for bundle in archive.bundles] == [{"incident/nordtel/I-1", "measure/nordtel/M-1"}]
    assert state.digest == fold(*told).digest


def test_what_something_current_refers_to_stays_in_memory():
    state, archive = archived(*OLD, measure(targets=("incident/nordtel/I-1",)))
    assert len(state) == 2
    assert not archive.bundles


@pytest.mark.parametrize("news", NEWS)
def test_news_that_touches_it_brings_it_back(news):
    state, archive = archived(*OLD)
    state.apply(NEWS[news])
    assert state.view(GONE, {}, True) == picture(*OLD, NEWS[news], as_of=GONE)
    assert not archive.bundles


def test_other_news_leaves_it_where_it_is():
    state, archive = archived(*OLD)
    state.apply(incident("sveamobil", "I-2", started_at=at(hours=9), known_at=GONE, **KEY))
    assert len(state.view(GONE, {}, True).situations) == 1
    assert len(archive.bundles) == 1


def test_a_late_report_of_long_before_with_its_key_leaves_it_where_it_is():
    before = over("sveamobil", "I-2", started_at=at(hours=-9), restored_at=at(hours=-7), known_at=GONE, **KEY)
    state, archive = archived(*OLD)
    state.apply(before)
    assert state.view(GONE, {}, True) == picture(*OLD, before, as_of=GONE)
    assert len(archive.bundles) == 1


def test_a_start_brings_nothing_back_that_the_fold_had_laid_aside():
    """What stays though it is over, for something current refers to it, has the key of all that came after it."""
    years = [timedelta(days=365 * year) for year in range(1, 5)]
    after = [
        over("sveamobil", f"I-{year.days}", started_at=at() + year, restored_at=OVER + year, sent_at=OVER + year, **KEY)
        for year in years
    ]
    clock = GONE + years[-1]
    state, archive = archived(*OLD, measure(targets=("incident/nordtel/I-1",)), *after, clock=clock)
    in_memory = {entity.ref: tuple(entity.traces()) for entity in state.entities()}
    assert (len(in_memory), len(archive.bundles)) == (2, len(after))
    begun = State(Realm(), archive=archive)
    begun.registry = GROUP
    begun.resume(in_memory, state.standing())
    assert begun.items(clock) == state.items(clock)
    assert {entity.ref for entity in begun.entities()} == in_memory.keys()
    assert len(archive.bundles) == len(after)


def test_an_earlier_instant_brings_it_back():
    state, archive = archived(*OLD)
    assert state.view(STILL, {}, True) == picture(*OLD, as_of=STILL)
    assert not archive.bundles


def test_it_can_be_explained():
    state, _ = archived(*OLD)
    for ref in ("incident/nordtel/I-1", f"situation/{SEED}"):
        assert state.explain(ref, GONE) == fold(*OLD).explain(ref, GONE)


def test_it_still_counts_when_an_actor_was_heard():
    """A copy shows that the latest message was known before all others: then the one that left was the last."""
    latest = incident("nordtel", "I-2", known_at=GONE)
    earlier = replace(latest, known_at=at())
    state, _ = archived(*OLD, latest)
    state.apply(earlier)
    assert state.view(GONE, {}, True) == picture(*OLD, latest, earlier, as_of=GONE)


class TestAnswersToConflicts:
    """What answers a conflict leaves when the conflict is no more, and is back when it rises again."""

    BACK = GONE + timedelta(days=300)

    def collision(self, revision: int = 1, state: WorkState = WorkState.IN_PROCESS) -> list[Envelope]:
        begun = at(minutes=1)
        return [merging.work("kustfiber", "W-1", revision, state=state, observed_at=begun), incident("nordtel", "I-1")]

    def archived(self, *messages: Envelope, at: datetime = GONE) -> State:
        state = State(Realm(), archive=DictArchive())
        state.registry = GROUP
        for envelope in messages:
            state.apply(envelope)
        state.archive(at)
        return state

    @pytest.fixture
    def answer(self) -> Envelope:
        (conflict,) = picture(*self.collision()).conflicts
        return ack(f"conflict/{conflict.id}", AckAnswer.READ, "samordning")

    def test_it_stays_while_the_conflict_stands(self, answer: Envelope) -> None:
        assert self.archived(*self.collision(), answer).in_memory("ack/samordning/A-1") is not None

    def test_it_leaves_once_the_conflict_is_gone(self, answer: Envelope) -> None:
        over = [*self.collision(), *self.collision(2, WorkState.CANCELLED), answer]
        state = self.archived(*over)
        assert state.in_memory("ack/samordning/A-1") is None
        assert state.digest == fold(*over).digest

    def test_it_answers_again_when_the_conflict_rises_again(self, answer: Envelope) -> None:
        state = self.archived(*self.collision(), *self.collision(2, WorkState.CANCELLED), answer)
        state.apply(self.collision(3)[0])
        (conflict,) = state.view(self.BACK, {}, True).conflicts
        assert (conflict.state, conflict.answered_by) == (ConflictState.ACKNOWLEDGED, "ack/samordning/A-1")

    def test_it_answers_in_a_picture_of_the_past(self, answer: Envelope) -> None:
        """Hour 1: a planned work, that ended long ago, lies beside an incident that is still open."""
        told = [merging.work("kustfiber", "W-1"), incident("nordtel", "I-1")]
        (conflict,) = picture(*told).conflicts
        state = self.archived(*told, merging.decision(f"conflict/{conflict.id}", until=at(3)), at=self.BACK)
        assert state.in_memory("decision/samordning/D-1") is None
        assert [c.state for c in state.view(at(1), {}, True).conflicts] == [ConflictState.ACKNOWLEDGED]

    def test_it_stays_while_a_conflict_stands_below_a_ceiling_alone(self) -> None:
        """Without what authorities may not see it is another conflict, with another id."""
        secret = incident("sveamobil", "S-1", tlp=Tlp.RED)
        (below,) = picture(*self.collision()).conflicts
        told = [*self.collision(), secret, ack(f"conflict/{below.id}", AckAnswer.READ, "samordning")]
        state = State(Realm(), archive=DictArchive())
        state.registry = GROUP
        projections = Projections(state)
        for envelope in told:
            projections.apply(envelope)

        def shown() -> list[ConflictState]:
            return [c.state for c in projections.view(Audience.AUTHORITY, GONE, {}, True).conflicts if c.rule == "C01"]

        state.archive(GONE)
        assert state.in_memory("ack/samordning/A-1") is None
        assert shown() == [ConflictState.ACKNOWLEDGED]
        state.archive(GONE + HORIZON)
        assert state.in_memory("ack/samordning/A-1") is not None
