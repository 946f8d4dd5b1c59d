"""Every number can be explained: from what the view says back to messages, links and rules."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

import pytest

from bus.envelope import Envelope
from bus.errors import UnknownReference
from bus.messages import Cause, Dependency, Emergency, Energy, Restoration
from bus.vocabulary import (
    AckAnswer,
    CauseCategory,
    CauseDetail,
    Certainty,
    CountScope,
    DependencyKind,
    EmergencyImpact,
    Freshness,
    Impact,
    IncidentState,
    LinkBasis,
    ReportedVia,
    Service,
)
from consumers.explaining import in_words
from consumers.merge.explain import Explanation
from consumers.merge.explain.explanation import (
    ActorAccount,
    Answers,
    AreaAccount,
    CauseAccount,
    Change,
    Counts,
    EmergencyAccount,
    Flags,
    Former,
    FreshnessAccount,
    HoursAccount,
    Mentions,
    Messages,
    Past,
    Place,
    Reports,
    RestorationAccount,
    Section,
    SeverityAccount,
    Timeline,
    TotalAccount,
    TotalHoursAccount,
    UsersAccount,
)
from consumers.merge.rules import default_rules
from consumers.merge.severity import TEXTS, rule_of
from consumers.merge.situations import situation_id
from consumers.merge.users import Standing
from consumers.words import ENGLISH, SWEDISH
from tests.merging import LATER, ack, at, cannot, count, fold, incident, measure, must, only, picture

SectionOf = TypeVar("SectionOf", bound=Section)
HOST = incident(started_at=at(), users=count(80_000, CountScope.INCLUDING_WHOLESALE), event_refs=("storm:1",))
GUEST = incident("lagpris", "I-2", users=count(7_000), event_refs=("storm:1",))
OTHER = incident("sveamobil", "I-3", users=count(32_000), codes=("06",), event_refs=("storm:1",))


def explained(ref: str, *messages: Envelope, as_of: datetime = LATER) -> Explanation:
    return fold(*messages).explain(ref, as_of)


def section(kind: type[SectionOf], ref: str, *messages: Envelope, as_of: datetime = LATER) -> SectionOf:
    """The one section of a kind."""
    (found,) = [each for each in explained(ref, *messages, as_of=as_of).sections if isinstance(each, kind)]
    return found


def said(ref: str, *messages: Envelope, as_of: datetime = LATER) -> str:
    """In English, on one line, with plain spaces."""
    return " ".join(in_words(explained(ref, *messages, as_of=as_of), ENGLISH).split())


def situation_of(*messages: Envelope) -> str:
    return f"situation/{only(*messages).id}"


class TestMessages:
    def test_every_revision_is_told_the_latest_first_with_what_changed(self):
        told = section(
            Messages,
            "incident/nordtel/I-1",
            incident(revision=1, users=count(10)),
            incident(revision=2, users=count(600), reason="räknat om"),
        ).statements
        assert [(each.revision, each.standing) for each in told] == [(2, "COUNTS"), (1, "SUPERSEDED")]
        assert told[0].changes == (Change("users.value", 10, 600),)
        assert told[0].reason == "räknat om"
        assert told[1].changes == ()

    def test_the_first_message_of_a_field_is_told_as_new(self):
        told = section(Messages, "incident/nordtel/I-1", incident(), incident(revision=2, users=count(0))).statements
        assert Change("users.value", None, 0) in told[0].changes

    def test_of_two_messages_of_one_revision_one_is_outdone(self):
        told = section(
            Messages,
            "incident/nordtel/I-1",
            incident(title="A", sent_at=at(minutes=2)),
            incident(title="B", sent_at=at(minutes=3)),
        ).statements
        assert [each.standing for each in told] == ["COUNTS", "OUTDONE"]

    def test_who_reported_and_by_which_way(self):
        proxy = incident("samordning", on_behalf_of="nordtel", reported_via=ReportedVia.PROXY_PHONE)
        (told,) = section(Messages, "incident/samordning/I-1", proxy).statements
        assert (told.actor, told.on_behalf_of, told.reported_via) == ("samordning", "nordtel", ReportedVia.PROXY_PHONE)
        assert "for nordtel, by telephone through samordning" in said("incident/samordning/I-1", proxy)

    def test_the_age_is_counted_from_when_the_bus_knew_it(self):
        (told,) = section(
            Messages, "incident/nordtel/I-1", incident(known_at=at(minutes=10)), as_of=at(minutes=22)
        ).statements
        assert told.age_seconds == 12 * 60

    def test_how_long_a_fault_was_unnoticed_and_untold_and_how_its_number_was_corrected(self):
        told = [
            incident(
                revision=revision,
                users=count(value),
                started_at=at(-13),
                detected_at=at(-1),
                known_at=at(minutes=revision),
            )
            for revision, value in enumerate((10, 600, 624, 605), start=1)
        ]
        timeline = section(Timeline, "incident/nordtel/I-1", *told)
        assert (timeline.unnoticed_seconds, timeline.untold_seconds) == (12 * 3600, 13 * 3600 + 60)
        assert [telling.value for telling in timeline.users] == [10, 600, 624, 605]
        assert timeline.most == timeline.users[2]
        answer = said("incident/nordtel/I-1#timeline", *told)
        assert "detected 06:00 (after 12 h), known here 07:01 (after 13 h)." in answer
        assert "The most was 624, revision 3." in answer

    def test_retracted_incidents_are_explained_too(self):
        told = section(
            Messages, "incident/nordtel/I-1", incident(), incident(revision=2, state=IncidentState.RETRACTED)
        )
        assert told.statements[0].changes == (Change("state", "CONFIRMED", "RETRACTED"),)


class TestPlace:
    def test_the_links_lead_to_the_seed_step_by_step(self):
        seed, middle = incident(id="A"), incident(id="B", revision=2, related_to=("incident/nordtel/A",))
        end = incident(id="C", revision=3, related_to=("incident/nordtel/B",))
        place = section(Place, "incident/nordtel/C", seed, middle, end)
        assert [(link.a, link.b) for link in place.path] == [
            ("incident/nordtel/C", "incident/nordtel/B"),
            ("incident/nordtel/B", "incident/nordtel/A"),
        ]
        assert place.seed == "incident/nordtel/A"

    def test_a_rule_with_its_threshold_stands_behind_a_shared_key(self):
        place = section(Place, "incident/lagpris/I-2", HOST, GUEST)
        assert place.path[0].basis is LinkBasis.SHARED_KEY
        assert [(rule.name, rule.thresholds) for rule in place.rules] == [("links", {"shared_key_slack_hours": "6"})]

    def test_the_seed_is_there_because_it_began_first(self):
        assert section(Place, "incident/nordtel/I-1", HOST, GUEST).path == ()
        assert "named after this report, which began first" in said("incident/nordtel/I-1", HOST, GUEST)

    def test_a_duplicate_says_that_it_is_not_counted(self):
        primary, duplicate = incident(id="A"), incident(id="B", revision=2, duplicate_of="incident/nordtel/A")
        assert section(Place, "incident/nordtel/B", primary, duplicate).duplicate
        assert section(Counts, "incident/nordtel/B", primary, duplicate).left_out == "DUPLICATE"


class TestUsers:
    def test_the_number_is_the_sum_of_what_the_reports_add(self):
        ref = situation_of(HOST, GUEST, OTHER)
        (outage,) = section(UsersAccount, ref, HOST, GUEST, OTHER).impacts
        assert outage.range == only(HOST, GUEST, OTHER).users[Service.MOBILE_VOICE].by_impact[Impact.OUTAGE]
        assert outage.range.best == sum(share.adds.best for share in outage.shares) == 112_000
        assert outage.range.high == sum(share.adds.high for share in outage.shares) == 119_000

    def test_a_guest_is_absorbed_and_says_by_whom(self):
        (outage,) = section(UsersAccount, situation_of(HOST, GUEST, OTHER), HOST, GUEST, OTHER).impacts
        (guest,) = [share for share in outage.shares if share.source.ref == "incident/lagpris/I-2"]
        assert (guest.standing, guest.beside) == (Standing.ABSORBED, "incident/nordtel/I-1")
        assert (guest.told.best, guest.adds.best, guest.adds.high) == (7_000, 0, 7_000)

    def test_it_reads_as_an_answer(self):
        answer = said(f"{situation_of(HOST, GUEST, OTHER)}#users.MOBILE_VOICE", HOST, GUEST, OTHER)
        assert "Voice, outage: 112 000 (112 000–119 000)." in answer
        assert "80 000 from nordtel/I-1 (revision 1, 58 min old), estimated, wholesale customers' included" in answer
        assert "lagpris/I-2 (revision 1, 58 min old) tells 7 000, estimated: contained in nordtel/I-1" in answer

    def test_who_has_a_network_of_its_own_counts_beside_a_host_and_says_why(self):
        told = [HOST, incident("sveamobil", "I-7", users=count(9_000), event_refs=("storm:1",))]
        (outage,) = section(UsersAccount, situation_of(*told), *told).impacts
        shares = {share.source.ref: (share.standing, share.beside, share.adds.best) for share in outage.shares}
        assert shares["incident/sveamobil/I-7"] == (Standing.OWN_NETWORK, "incident/nordtel/I-1", 9_000)
        answer = said(f"{situation_of(*told)}#users.MOBILE_VOICE", *told)
        assert (
            "9 000 from sveamobil/I-7 (revision 1, 58 min old), estimated, own subscriptions; has a network" in answer
        )

    def test_several_reports_of_one_operator_count_once(self):
        wide = incident(id="A", users=count(500), event_refs=("storm:1",))
        narrow = incident(id="B", codes=("0780",), users=count(200), event_refs=("storm:1",))
        (outage,) = section(UsersAccount, situation_of(wide, narrow), wide, narrow).impacts
        assert [(s.source.ref, s.standing, s.beside) for s in outage.shares] == [
            ("incident/nordtel/A", Standing.COUNTED, None),
            ("incident/nordtel/B", Standing.SAME_PEOPLE, "incident/nordtel/A"),
        ]

    def test_devices_are_no_people(self):
        devices = incident(users=count(900, CountScope.DEVICES))
        (outage,) = section(UsersAccount, situation_of(devices), devices).impacts
        assert [share.standing for share in outage.shares] == [Standing.OTHER_UNIT]
        assert (outage.range.best, outage.range.other_units) == (None, {"DEVICES": 900})
        assert "a unit of its own" in said(f"{situation_of(devices)}#users.MOBILE_VOICE", devices)

    def test_a_proxy_yields_to_the_operators_own_word(self):
        own, proxy = incident(users=count(50)), incident("samordning", "P", on_behalf_of="nordtel", users=count(90))
        tied = must("nordtel/I-1", "samordning/P")
        (outage,) = section(UsersAccount, situation_of(own, proxy, tied), own, proxy, tied).impacts
        assert {s.source.ref: (s.standing, s.beside) for s in outage.shares}["incident/samordning/P"] == (
            Standing.SUPERSEDED,
            "incident/nordtel/I-1",
        )

    def test_reports_without_a_number_are_named(self):
        silent = incident("sveamobil", "I-3", event_refs=("storm:1",))
        (outage,) = section(UsersAccount, situation_of(HOST, silent), HOST, silent).impacts
        assert [source.ref for source in outage.without_number] == ["incident/sveamobil/I-3"]

    def test_what_is_left_out_says_why(self):
        copy = incident(id="D", duplicate_of="incident/nordtel/I-1", users=count(9))
        over = incident("sveamobil", "I-3", state=IncidentState.RESTORED, users=count(9), event_refs=("storm:1",))
        account = section(UsersAccount, situation_of(HOST, copy, over), HOST, copy, over)
        assert [(left.source.ref, left.because) for left in account.left_out] == [
            ("incident/nordtel/D", "DUPLICATE"),
            ("incident/sveamobil/I-3", "OVER"),
        ]

    def test_different_impacts_are_told_apart_worst_first(self):
        worse = incident("sveamobil", "I-3", impacts={Service.MOBILE_VOICE: Impact.DEGRADED}, event_refs=("storm:1",))
        account = section(UsersAccount, situation_of(HOST, worse), HOST, worse)
        assert [part.impact for part in account.impacts] == [Impact.OUTAGE, Impact.DEGRADED]
        assert "Different impacts are never added" in said(situation_of(HOST, worse), HOST, worse)

    def test_an_incident_says_what_it_adds(self):
        counts = section(Counts, "incident/lagpris/I-2", HOST, GUEST)
        (counted,) = counts.counted
        assert (counted.service, counted.share.standing) == (Service.MOBILE_VOICE, Standing.ABSORBED)

    def test_totals_add_the_situations(self):
        lone = incident("sveamobil", "I-9", codes=("25",), users=count(5), started_at=at(-20))
        account = section(TotalAccount, "totals", HOST, lone)
        (outage,) = account.impacts
        assert [share.adds.best for share in outage.situations] == [80_000, 5]
        assert outage.range.best == picture(HOST, lone).totals.users[Service.MOBILE_VOICE].best == 80_005


class TestUserHours:
    def test_the_course_of_each_report_and_what_they_amount_to(self):
        first = incident(observed_at=at(), users=count(100))
        told = [first, incident(revision=2, observed_at=at(2), users=count(50))]
        account = section(HoursAccount, situation_of(first), *told, as_of=at(4))
        (outage,) = account.impacts
        assert outage.hours.best == 300
        (report,) = outage.reports
        assert [(spell.begin, spell.end, spell.told.best) for spell in report.spells] == [
            (at(), at(2), 100),
            (at(2), None, 50),
        ]

    def test_nobody_is_counted_twice_so_that_reports_alone_add_up_to_more(self):
        (outage,) = section(HoursAccount, situation_of(HOST, GUEST), HOST, GUEST, as_of=at(10)).impacts
        alone = {report.source.ref: report.alone.best for report in outage.reports}
        assert outage.hours.best == alone["incident/nordtel/I-1"] == 800_000
        assert alone["incident/lagpris/I-2"] > 0

    def test_hours_without_a_number_are_told(self):
        answer = said(f"{situation_of(incident())}#user_hours.MOBILE_VOICE", incident(observed_at=at()), as_of=at(4))
        assert "besides, 4 h without a number" in answer

    def test_totals_add_the_situations(self):
        account = section(TotalHoursAccount, "totals", HOST, as_of=at(10))
        (outage,) = account.impacts
        assert [share.hours.best for share in outage.situations] == [outage.hours.best] == [800_000]


class TestSituation:
    def test_the_reports_and_the_links_between_them(self):
        reports = section(Reports, situation_of(HOST, GUEST, OTHER), HOST, GUEST, OTHER)
        assert [source.ref for source in reports.members] == [
            "incident/lagpris/I-2",
            "incident/nordtel/I-1",
            "incident/sveamobil/I-3",
        ]
        assert len(reports.links) == 2
        assert reports.links == only(HOST, GUEST, OTHER).links

    def test_each_severity_reason_has_its_rule(self):
        account = section(SeverityAccount, situation_of(HOST), HOST)
        rules = dict(zip([reason.code for reason in account.severity.reasons], account.rules, strict=True))
        assert rules["USERS"].name == "severity.users"
        assert rules["USERS"].thresholds == {"levels.3": "10000", "levels.4": "100000", "levels.5": "1000000"}
        assert "rule severity.users: 3 from 10 000, 4 from 100 000, 5 from 1 000 000" in said(situation_of(HOST), HOST)

    def test_the_cause_says_who_claims_it_and_who_disputes_it(self):
        cut = Cause(category=CauseCategory.SYSTEM_FAILURE, detail=CauseDetail.POWER_CUT, certainty=Certainty.LIKELY)
        grid = incident("elnat-syd", "P-1", cause=cut)
        dependency = Dependency(kind=DependencyKind.POWER, ref="incident/elnat-syd/P-1")
        victim = incident(revision=2, cause=cut, caused_by=(dependency,))
        no = ack("incident/nordtel/I-1", AckAnswer.CAUSE_DISPUTED, "elnat-syd")
        account = section(CauseAccount, situation_of(grid, victim), grid, victim, no)
        assert account.cause.disputed
        claims = {claim.source.ref: claim for claim in account.claims}
        assert claims["incident/nordtel/I-1"].disputed_by == ("elnat-syd",)
        assert claims["incident/nordtel/I-1"].points_to == ("incident/elnat-syd/P-1",)

    def test_whose_forecasts_the_range_is_made_of(self):
        sure = incident(restoration=Restoration(expected=at(9)), event_refs=("storm:1",))
        silent = incident("sveamobil", "I-3", event_refs=("storm:1",))
        account = section(RestorationAccount, situation_of(sure, silent), sure, silent)
        assert (account.earliest, account.latest) == (at(9), at(9))
        assert [forecast.source.ref for forecast in account.forecasts] == ["incident/nordtel/I-1"]
        assert [source.ref for source in account.without_forecast] == ["incident/sveamobil/I-3"]

    def test_who_says_what_of_112(self):
        told = incident(emergency=Emergency(impact=EmergencyImpact.LOST_WITH_FALLBACK))
        account = section(EmergencyAccount, situation_of(told), told)
        assert [(word.source.ref, word.impact) for word in account.words] == [
            ("incident/nordtel/I-1", EmergencyImpact.LOST_WITH_FALLBACK)
        ]

    def test_the_stalest_report_comes_first(self):
        old = incident(event_refs=("storm:1",), next_update_at=at(minutes=10))
        fresh = incident("sveamobil", "I-3", event_refs=("storm:1",), known_at=at(minutes=59))
        account = section(FreshnessAccount, situation_of(old, fresh), old, fresh)
        assert account.freshness is only(old, fresh).freshness is Freshness.SILENT
        assert [awaited.source.ref for awaited in account.awaited] == [
            "incident/nordtel/I-1",
            "incident/sveamobil/I-3",
        ]

    def test_an_alias_leads_to_the_situation(self):
        alias = f"situation/{situation_id('incident/lagpris/I-2')}"
        found = explained(alias, HOST, GUEST)
        assert (found.asked, found.ref) == (alias, situation_of(HOST, GUEST))
        assert f"{alias} leads here" in said(alias, HOST, GUEST)

    def test_an_id_that_once_stood_answers_with_what_happened(self):
        seed = incident(id="A", event_refs=("storm:1",), started_at=at(-1))
        gone = incident(id="A", revision=2, state=IncidentState.RETRACTED, reason="fel kund")
        former = section(Former, situation_of(seed, GUEST), seed, GUEST, gone)
        assert (former.incident, former.revision, former.reason) == ("incident/nordtel/A", 2, "fel kund")
        assert former.situations == (only(GUEST).id,)

    def test_what_left_the_picture_still_answers(self):
        over = incident(state=IncidentState.CLOSED, revision=2)
        former = section(Former, f"situation/{situation_id('incident/nordtel/I-1')}", over, as_of=at(24 * 15))
        assert (former.because, former.incident) == ("PAST", "incident/nordtel/I-1")
        (rule,) = section(Past, "incident/nordtel/I-1", over, as_of=at(24 * 15)).rules
        assert rule.thresholds == {"horizon_days": "14"}

    def test_contradictions_show(self):
        a, b = incident(id="A"), incident(id="B", duplicate_of="incident/nordtel/A")
        held = cannot("nordtel/A", "nordtel/B")
        (flag,) = section(Flags, situation_of(a, b, held), a, b, held).flags
        assert flag.code == "CONTRADICTION"


class TestTheRest:
    def test_a_measure_says_who_accepted_and_who_is_awaited(self):
        asked = measure(hosts=("sveamobil", "fjallmobil"))
        answers = section(Answers, "measure/nordtel/M-1", asked, ack("measure/nordtel/M-1", AckAnswer.ACCEPTED))
        assert [(answer.actor, answer.answer) for answer in answers.given] == [("sveamobil", AckAnswer.ACCEPTED)]
        assert answers.awaited == ("fjallmobil",)

    def test_what_names_an_entity_and_what_it_names(self):
        powered = incident(energy=Energy(power_incident="incident/elnat-syd/P-9"))
        mentions = section(Mentions, "incident/nordtel/I-1", powered, measure(targets=("incident/nordtel/I-1",)))
        assert [(mention.ref, mention.known) for mention in mentions.names] == [("incident/elnat-syd/P-9", False)]
        assert mentions.named_by == ("measure/nordtel/M-1",)

    def test_an_area_says_who_reports_what(self):
        account = section(AreaAccount, "area/07", incident(codes=("0780",)), HOST)
        (nordtel,) = account.operators
        assert [source.ref for source in nordtel.sources] == ["incident/nordtel/I-1"]
        assert nordtel.impact is Impact.OUTAGE

    def test_an_area_says_why_it_is_no_white_out(self):
        account = section(AreaAccount, "area/0780", incident(codes=("0780",)), incident("sveamobil", codes=("0780",)))
        assert not account.white_out
        assert account.mobile_here == {"fjallmobil": None, "nordtel": Impact.OUTAGE, "sveamobil": Impact.OUTAGE}

    def test_a_silent_area_is_not_called_well(self):
        assert "not the same as everything working" in said("area/25", HOST)

    def test_an_actor_says_when_it_was_heard_and_what_it_holds_open(self):
        account = section(ActorAccount, "actor/nordtel", HOST)
        assert account.last_heard == HOST.known_at
        assert [source.ref for source in account.open_reports] == ["incident/nordtel/I-1"]

    def test_an_actor_never_heard(self):
        assert "never heard" in said("actor/fjallmobil", HOST)


class TestAsking:
    def test_a_part_alone(self):
        found = explained(f"{situation_of(HOST)}#severity", HOST)
        assert [type(each) for each in found.sections] == [SeverityAccount]

    def test_an_unknown_reference_offers_the_nearest(self):
        with pytest.raises(UnknownReference, match="did you mean incident/nordtel/I-1") as caught:
            explained("incident/nordtl/I-1", HOST)
        assert caught.value.nearest[0] == "incident/nordtel/I-1"

    def test_an_unknown_part_offers_the_parts(self):
        with pytest.raises(UnknownReference, match="#severity"):
            explained(f"{situation_of(HOST)}#sverity", HOST)

    def test_an_area_without_its_zero_is_found(self):
        with pytest.raises(UnknownReference, match="did you mean area/0780"):
            explained("area/780", incident(codes=("0780",)))

    def test_what_is_told_beside_an_incident_or_a_measure_leads_there(self):
        state = fold(incident(energy=Energy(battery_until=at(3))), measure(hosts=("sveamobil",)))
        (pending,) = state.view(LATER, {}, True).pending_acks
        assert state.explain("energy/nordtel/I-1", LATER).ref == "incident/nordtel/I-1"
        assert state.explain(f"pending/{pending.id}", LATER).ref == pending.ref == "measure/nordtel/M-1"

    def test_every_severity_rule_stands_in_the_rules_file(self):
        assert all(default_rules().thresholds(rule_of(code)) for code in TEXTS)

    @pytest.mark.parametrize("words", [SWEDISH, ENGLISH])
    def test_json_and_words_for_all_that_is_known(self, words):
        state = fold(HOST, GUEST, OTHER, measure(hosts=("sveamobil",)), must("nordtel/I-1", "sveamobil/I-3"))
        view = state.view(LATER, {}, True)
        refs = [
            "totals",
            *state.items(LATER),
            *(f"situation/{alias}" for situation in view.situations for alias in situation.aliases),
        ]
        for ref in refs:
            found = state.explain(ref, LATER)
            assert Explanation.model_validate_json(found.model_dump_json()) == found
            assert in_words(found, words)

    def test_a_title_does_not_steer_a_terminal(self):
        title = "\x1b]0;taken\x07\x1b[2J\x9b31m\u202e\nSlut"
        named = incident(title=title)
        text = in_words(explained(situation_of(named), named), ENGLISH)
        assert "]0;taken[2J31m Slut" in text.splitlines()[0]
        assert all(line.replace("\u202f", " ").isprintable() for line in text.split("\n"))
