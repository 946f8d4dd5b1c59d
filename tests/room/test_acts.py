"""What staff do becomes messages of the coordination actor: previewed, sent as previewed, never lost to another's."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from html.parser import HTMLParser

import httpx
import pytest

from bus.messages import Ack, Decision, Link, Message, Request
from bus.references import Kind
from bus.transport.memory import MemoryTransport
from bus.vocabulary import (
    AckAnswer,
    DecisionKind,
    DecisionState,
    LinkRelation,
    ReportedVia,
    RequestState,
    SituationState,
    Tlp,
)
from consumers.room import Acting
from consumers.room.acts import new_id
from consumers.room.sight import RoomRole
from tests.group import incident, provisioned_memory, record, send
from tests.room.conftest import REALM, Site, Start, until

NASTY = '<script>alert("1")</script> \' "><img src=x onerror=alert(1)> \u202e\u0000 {{7*1733}} %s'


@pytest.fixture
async def bus() -> MemoryTransport:
    bus = await provisioned_memory(REALM)
    for kind in (Kind.ACK, Kind.DECISION, Kind.REQUEST):
        bus.create(REALM.input(kind, "samordning"))
    await send(
        bus,
        record(REALM, incident("nordtel", "I-1")),
        record(REALM, incident("sveamobil", "I-1", areas=({"kind": "LAN", "code": "12"},))),
    )
    return bus


@pytest.fixture
async def site(start: Start, bus: MemoryTransport) -> AsyncIterator[Site]:
    async with start(bus, acting=Acting(bus, REALM, "samordning")) as site:
        await until(lambda: len(site.hub.view().situations) == 2, "both are seen")
        yield site


class Forms(HTMLParser):
    """The forms of a page, by the id of what they stand in: what a browser sends of each if nobody touches it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, dict[str, str]] = {}
        self._around = ""
        self._field = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag in {"details", "section", "tr"}:
            self._around = told.get("id", "")
        form = self.fields.setdefault(self._around, {})
        if tag in {"input", "select", "textarea"}:
            self._field = told.get("name", "")
            form.setdefault(self._field, told.get("value", ""))
        elif tag == "option" and ("selected" in told or not form[self._field]):
            form[self._field] = told["value"]

    def handle_data(self, data: str) -> None:
        if self.lasttag == "textarea" and self._field == "text":
            self.fields[self._around]["text"] = data.strip("\n")


class Desk:
    """What a browser does at the desk."""

    def __init__(self, site: Site, client: httpx.AsyncClient) -> None:
        self.site, self.client = site, client
        session = site.accounts.visitor(client.cookies["ntsg"], by_hand=False)
        assert session is not None
        self.csrf = session.csrf

    async def preview(self, act: str, **fields: object) -> httpx.Response:
        view = self.site.hub.view()
        form = {"act": act, "csrf": self.csrf, "digest": view.digest, "as_of": view.as_of.isoformat(), **fields}
        return await self.client.post("/acts/preview", data=form)

    async def send(self, preview: httpx.Response) -> httpx.Response:
        assert preview.status_code == 200, preview.text
        found = re.search(r'name="draft" value="([^"]+)"', preview.text)
        assert found is not None
        return await self.client.post("/acts", data={"csrf": self.csrf, "draft": unescape(found.group(1))})

    async def act(self, act: str, **fields: object) -> Message:
        """Do it, and return what the hub then holds."""
        before = set(self.said())
        answer = await self.send(await self.preview(act, **fields))
        assert answer.status_code == 200, answer.text
        changed = [said for said in self.said() if said not in before]
        assert len(changed) == 1
        return self.site.hub.fold.state.entity(changed[0][0]).winner.message  # type: ignore[union-attr]

    async def press(self, view: str, form: str, **fields: str) -> Message:
        """Fill in a form of a view, which is named by what it stands in, and do it."""
        page = Forms((await self.client.get(f"/?{view}")).text)
        told = page.fields[form] | fields
        assert set(fields) <= set(page.fields[form]), page.fields[form]
        return await self.act(told.pop("act"), **told)

    def said(self) -> list[tuple[str, int]]:
        """What the coordination has said: references and revisions."""
        entities = self.site.hub.fold.state.entities()
        return [(e.ref, e.last.gist.revision) for e in entities if e.ref.split("/")[1] == "samordning"]


@pytest.fixture
async def desk(site: Site) -> AsyncIterator[Desk]:
    async with site.signed_in("kim", RoomRole.OFFICER) as client:
        yield Desk(site, client)


def situations(site: Site) -> list[str]:
    return [situation.id for situation in site.hub.view().situations]


async def test_an_act_tells_who_how_and_on_which_picture(site: Site, desk: Desk) -> None:
    seen = site.hub.view()
    message = await desk.act(
        "decision", decision="DIRECTION", state="ADOPTED", title="112 först", text="Mobilen först."
    )
    assert isinstance(message, Decision)
    assert (message.decision, message.state) == (DecisionKind.DIRECTION, DecisionState.ADOPTED)
    assert (message.reported_via, message.by_function, message.actor) == (ReportedVia.UI, "vakt", "samordning")
    assert message.based_on is not None
    assert message.based_on.digest == seen.digest
    assert "kim" not in message.model_dump_json()
    assert [decision.title for decision in site.hub.view().decisions] == ["112 först"]


async def test_what_is_previewed_is_what_is_sent(site: Site, desk: Desk) -> None:
    preview = await desk.preview("note", title="Ringde växeln", text="Ingen svarar.")
    assert "Ringde växeln" in preview.text
    assert desk.said() == [], "a preview sends nothing"
    found = re.search(r'name="draft" value="([^"]+)"', preview.text)
    assert found is not None
    for spoilt in (found.group(1)[:-1] + "0", "A" + found.group(1), "", "x.y", "é.é"):
        answer = await desk.client.post("/acts", data={"csrf": desk.csrf, "draft": spoilt})
        assert answer.status_code == 409
    assert desk.said() == []


async def test_a_draft_is_of_one_session_and_does_not_hold_for_ever(site: Site, desk: Desk) -> None:
    preview = await desk.preview("note", title="Ringde växeln")
    async with site.signed_in("alex", RoomRole.OFFICER) as client:
        other = Desk(site, client)
        assert (await other.send(preview)).status_code == 409
    site.watch.offset = timedelta(minutes=31)
    assert (await desk.send(preview)).status_code == 409
    assert desk.said() == []


async def test_sent_twice_it_counts_once(site: Site, desk: Desk) -> None:
    preview = await desk.preview("note", title="Ringde växeln")
    for _ in range(2):
        assert (await desk.send(preview)).status_code == 200
    assert len(site.hub.view().decisions) == 1
    assert not [flag for flag in site.hub.view().flags if flag.code == "EQUIVOCATION"]


async def test_two_who_act_at_once_lose_nothing(site: Site, desk: Desk) -> None:
    async with site.signed_in("alex", RoomRole.OFFICER) as client:
        other = Desk(site, client)
        previews = [
            await who.preview("note", title=f"{name} {n}")
            for n in range(3)
            for name, who in (("k", desk), ("a", other))
        ]
        senders = [desk, other] * 3
        answers = await asyncio.gather(*(who.send(p) for who, p in zip(senders, previews, strict=True)))
        assert {answer.status_code for answer in answers} == {200}
    assert sorted(d.title for d in site.hub.view().decisions) == ["a 0", "a 1", "a 2", "k 0", "k 1", "k 2"]


async def test_who_changes_what_was_changed_meanwhile_is_told(site: Site, desk: Desk) -> None:
    made = await desk.act("decision", decision="RESOURCE", state="PROPOSED", title="Elverk till Växjö")
    change = {"ref": made.reference, "seen": 1, "reason": "Beslutat"}
    first = await desk.preview("amend", **change, state="ADOPTED")
    second = await desk.preview("amend", **change, state="DECLINED")
    assert (await desk.send(first)).status_code == 200
    answer = await desk.send(second)
    assert answer.status_code == 409
    assert "revision 2" in answer.text
    assert (await desk.preview("amend", **change, state="DECLINED")).status_code == 409
    [decision] = site.hub.view().decisions
    assert (decision.state, decision.revision, decision.reason) == (DecisionState.ADOPTED, 2, "Beslutat")


async def test_of_two_hubs_at_once_the_one_that_is_outdone_says_so(
    start: Start, site: Site, desk: Desk, bus: MemoryTransport
) -> None:
    """Each has an act on the same revision. One counts, on both hubs alike; the log has both."""
    made = await desk.act("decision", decision="RESOURCE", state="PROPOSED", title="Elverk till Växjö")
    async with start(bus, "other", acting=Acting(bus, REALM, "samordning")) as elsewhere:
        await until(lambda: len(elsewhere.hub.view().decisions) == 1, "the other hub has it")
        async with elsewhere.signed_in("alex", RoomRole.OFFICER) as client:
            other = Desk(elsewhere, client)
            change = {"ref": made.reference, "seen": 1, "reason": "Beslutat"}
            previews = (
                await desk.preview("amend", **change, state="ADOPTED"),
                await other.preview("amend", **change, state="DECLINED"),
            )
            await asyncio.gather(desk.send(previews[0]), other.send(previews[1]))
            await until(lambda: site.hub.status().digest == elsewhere.hub.status().digest, "both hubs have both")
            assert site.hub.view().decisions == elsewhere.hub.view().decisions
            entity = site.hub.fold.state.entity(made.reference)
            assert entity is not None
            assert len(entity) in {2, 3}, "either refused as changed meanwhile, or both in the log"
            assert len(entity) == 2 or list(entity.equivocated) == [2]


async def test_reports_are_joined_split_and_the_word_is_taken_back(site: Site, desk: Desk) -> None:
    one, other = situations(site)
    joined = await desk.act("join", situation=one, other=other, comment="Samma kabel")
    assert isinstance(joined, Link)
    assert (joined.relation, len(situations(site))) == (LinkRelation.MUST_LINK, 1)

    undone = await desk.act("withdraw", ref=joined.reference, seen=1, reason="Inte samma kabel")
    assert isinstance(undone, Link)
    assert (undone.withdrawn, undone.revision, len(situations(site))) == (True, 2, 2)

    refused = await desk.act("link", relation="CANNOT_LINK", a="incident/nordtel/I-1", b="incident/sveamobil/I-1")
    assert isinstance(refused, Link)
    assert refused.relation is LinkRelation.CANNOT_LINK


async def test_a_report_is_split_off(site: Site, desk: Desk) -> None:
    await send(site.bus, record(REALM, incident("stadsnat", "I-1", related_to=("incident/nordtel/I-1",))))
    await until(lambda: any(len(s.members) == 2 for s in site.hub.view().situations), "related")
    [both] = [s for s in site.hub.view().situations if len(s.members) == 2]
    split = await desk.act("split", situation=both.id, b=both.members[1], comment="Eget fel")
    assert isinstance(split, Link)
    assert (split.a, split.b, len(situations(site))) == (both.members[0], both.members[1], 3)


async def test_a_severity_is_overridden_for_a_time(site: Site, desk: Desk) -> None:
    situation = f"situation/{situations(site)[0]}"
    until_ = (site.watch() + timedelta(hours=2)).isoformat()
    await desk.act("override", affects=situation, level=5, until=until_, text="Sjukhuset är berört")
    worst = site.hub.view().situations[0]
    assert (worst.severity.level, worst.severity.override is not None) == (5, True)
    for wrong in (
        {"until": ""},
        {"until": "2026-01-10T06:00Z"},
        {"level": "6"},
        {"level": ""},
        {"affects": "conflict/x"},
    ):
        answer = await desk.preview("override", **{"affects": situation, "level": 5, "until": until_, **wrong})
        assert answer.status_code == 422, wrong


async def test_a_resource_is_asked_for_in_local_time(site: Site, desk: Desk) -> None:
    wanted = {"resource": "MOBILE_GENERATOR", "quantity": "2,5", "unit": "MVA", "area": ["07", "0780"]}
    made = await desk.act("request", **wanted, needed_by="2026-10-25T02:30", description="Till Växjö")
    assert isinstance(made, Request)
    assert made.quantity is not None
    assert (made.quantity.value, [area.code for area in made.areas]) == (2.5, ["07", "0780"])
    assert made.needed_by == datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "of the hour that comes twice, the first"
    skipped = await desk.preview("request", resource="FUEL", needed_by="2026-03-29T02:30")
    assert skipped.status_code == 422, "the hour that the clock leaps over"
    gone = await desk.act("withdraw", ref=made.reference, seen=1, reason="Löst")
    assert isinstance(gone, Request)
    assert gone.state is RequestState.WITHDRAWN


async def test_something_is_acknowledged_and_that_is_taken_back(site: Site, desk: Desk) -> None:
    acked = await desk.act("ack", of="incident/nordtel/I-1", of_revision=1, answer="READ")
    assert isinstance(acked, Ack)
    back = await desk.act("withdraw", ref=acked.reference, seen=1, reason="Fel rapport")
    assert isinstance(back, Ack)
    assert back.answer is AckAnswer.UNKNOWN
    unreasoned = await desk.preview("ack", of="incident/nordtel/I-1", answer="DISMISSED")
    assert unreasoned.status_code == 422


async def test_what_was_decided_is_changed_and_taken_back_on_the_page(desk: Desk) -> None:
    later = desk.site.watch().replace(second=17, microsecond=0) + timedelta(hours=3)
    made = await desk.act(
        "decision", decision="RESOURCE", state="PROPOSED", title="Elverk", text="Till Växjö", until=later.isoformat()
    )
    id_ = made.reference.replace("/", "-")
    changed = await desk.press("tab=decisions", f"amend-{id_}", state="ADOPTED", reason="Alla är med")
    assert isinstance(changed, Decision)
    assert (changed.state, changed.text, changed.until, changed.revision) == ("ADOPTED", "Till Växjö", later, 2)
    emptied = await desk.press("tab=decisions", f"amend-{id_}", text="", until="", reason="Gäller tills vidare")
    assert isinstance(emptied, Decision)
    assert (emptied.title, emptied.text, emptied.until) == ("Elverk", "", None)
    untouched = await desk.preview("amend", ref=made.reference, seen=3, reason="Inget", title="Elverk", text="")
    assert untouched.status_code == 422
    gone = await desk.press("tab=decisions", f"withdraw-{id_}", reason="Behövs inte")
    assert isinstance(gone, Decision)
    assert gone.state is DecisionState.SUPERSEDED
    assert f"amend-{id_}" not in (await desk.client.get("/?tab=decisions")).text


async def test_a_level_that_was_decided_keeps_its_end(site: Site, desk: Desk) -> None:
    situation, until_ = f"situation/{situations(site)[0]}", (site.watch() + timedelta(hours=2)).isoformat()
    made = await desk.act("override", affects=situation, level=5, until=until_, text="Sjukhuset är berört")
    endless = await desk.preview("amend", ref=made.reference, seen=1, reason="Länge", until="")
    assert endless.status_code == 422
    lower = await desk.press("tab=decisions", f"amend-{made.reference.replace('/', '-')}", level="4", reason="Bättre")
    assert isinstance(lower, Decision)
    assert site.hub.view().situations[0].severity.level == 4


async def test_what_was_asked_for_and_what_was_linked_is_taken_back_on_the_page(site: Site, desk: Desk) -> None:
    asked = await desk.act("request", resource="FUEL", quantity="4", unit="m3", description="Diesel till Växjö")
    id_ = asked.reference.replace("/", "-")
    more = await desk.press("tab=needs", f"amend-{id_}", quantity="6", state="COMMITTED", reason="Räcker inte")
    assert isinstance(more, Request)
    assert (more.quantity.value, more.state, more.description) == (6, "COMMITTED", "Diesel till Växjö")  # type: ignore[union-attr]
    gone = await desk.press("tab=needs", f"withdraw-{id_}", reason="Löst")
    assert isinstance(gone, Request)
    assert gone.state is RequestState.WITHDRAWN

    link = await desk.act("join", situation=situations(site)[0], other=situations(site)[1], comment="Samma kabel")
    assert "Samma kabel" in (await desk.client.get("/?tab=decisions")).text
    apart = await desk.press("tab=decisions", f"withdraw-{link.reference.replace('/', '-')}", reason="Två kablar")
    assert isinstance(apart, Link)
    assert (apart.withdrawn, len(situations(site))) == (True, 2)
    assert "Samma kabel" not in (await desk.client.get("/?tab=decisions")).text


async def test_a_situation_is_acknowledged_so_that_alerts_remind_no_more(site: Site, desk: Desk) -> None:
    view = f"selected=situation/{situations(site)[0]}"
    ref = f"situation/{situations(site)[0]}"
    assert site.hub.fold.state.acknowledged(ref) is None
    acked = await desk.press(view, "d-act")
    assert isinstance(acked, Ack)
    assert (acked.of, acked.answer) == (ref, AckAnswer.READ)
    assert site.hub.fold.state.acknowledged(ref) is not None
    assert "kvitterad av vakt" in (await desk.client.get(f"/?{view}")).text
    back = await desk.press(view, f"withdraw-{acked.reference.replace('/', '-')}", reason="Fel situation")
    assert isinstance(back, Ack)
    assert site.hub.fold.state.acknowledged(ref) is None


async def test_what_is_in_quarantine_is_settled_in_the_room_and_that_is_taken_back(site: Site, desk: Desk) -> None:
    foreign = replace(record(REALM, incident("sveamobil", "I-7")), topic=REALM.input(Kind.INCIDENT, "nordtel"))
    await send(site.bus, foreign)
    await until(lambda: site.hub.view().quarantined == 1, "it is held")
    [place] = map(str, site.hub.fold.quarantine.held)
    form = f"settle-{place.replace('/', '-')}"
    seen = site.hub.view()
    settled = await desk.press("tab=quarantine", form, reason="Skickad igen som I-8")
    assert isinstance(settled, Decision)
    assert (settled.text, settled.tlp, settled.reported_via) == ("Skickad igen som I-8", Tlp.RED, ReportedVia.UI)
    assert (settled.by_function, settled.based_on and settled.based_on.digest) == ("vakt", seen.digest)
    assert site.hub.view().quarantined == 0
    assert "WRONG_OWNER" not in (await desk.client.get("/?tab=quarantine")).text
    for wrong in ({"place": "x"}, {"place": place, "reason": ""}, {"place": place}):
        answer = await desk.preview("settle", **{"reason": "Igen", **wrong})
        assert answer.status_code == 422, wrong
    back = await desk.press("tab=quarantine", form, reason="Det var en annan")
    assert isinstance(back, Decision)
    assert (back.state, back.revision, site.hub.view().quarantined) == (DecisionState.SUPERSEDED, 2, 1)


async def test_an_operators_facts_are_never_edited(site: Site, desk: Desk) -> None:
    for act in ("amend", "withdraw"):
        answer = await desk.preview(act, ref="incident/nordtel/I-1", seen=1, reason="Fel", title="Annat")
        assert answer.status_code == 422
    assert all(s.state is SituationState.ONGOING for s in site.hub.view().situations)


WRONG: list[dict[str, str]] = [
    {"act": "erase"},
    {"act": "note", "title": ""},
    {"act": "note", "title": "x" * 121},
    {"act": "note", "title": "x", "affects": "situation/sit-0000000000000000"},
    {"act": "note", "title": "x", "affects": "../../etc/passwd"},
    {"act": "note", "title": "x", "digest": "sha256:0"},
    {"act": "note", "title": "x", "as_of": "2126-01-01T00:00:00Z"},
    {"act": "note", "title": "x", "tlp": "PURPLE"},
    {"act": "decision", "decision": "SEVERITY_OVERRIDE", "state": "ADOPTED", "title": "x"},
    {"act": "link", "relation": "MUST_LINK", "a": "incident/nordtel/I-1", "b": "incident/nordtel/I-1"},
    {"act": "link", "relation": "MUST_LINK", "a": "incident/nordtel/I-1", "b": "incident/nordtel/I-404"},
    {"act": "split", "situation": "sit-x", "b": "incident/nordtel/I-1"},
    {"act": "request", "resource": "FUEL", "quantity": "nan"},
    {"act": "request", "resource": "FUEL", "area": "9999"},
    {"act": "withdraw", "ref": "link/samordning/404", "seen": "1", "reason": "x"},
]


async def test_what_cannot_be_said_is_refused_with_a_reason(desk: Desk) -> None:
    for wrong in WRONG:
        answer = await desk.preview(**wrong)
        assert answer.status_code == 422, wrong
    assert desk.said() == []


async def test_nasty_strings_are_words_and_nothing_else(site: Site, desk: Desk) -> None:
    await send(site.bus, record(REALM, incident("nordtel", "I-1", 2, title=NASTY[:120], description=NASTY)))
    await until(lambda: any("script" in s.title for s in site.hub.view().situations), "it is seen")
    preview = await desk.preview("note", title=NASTY[:120], text=NASTY)
    receipt = await desk.send(preview)
    situation = next(s for s in site.hub.view().situations if "script" in s.title)
    for page in (
        preview,
        receipt,
        await desk.client.get("/", params={"selected": f"situation/{situation.id}"}),
        await desk.client.get("/", params={"tab": "decisions"}),
        await desk.client.get("/", params={"text": NASTY, "selected": NASTY, "tab": NASTY}),
    ):
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        assert "12131" not in page.text


async def test_only_who_may_acts_and_only_where_a_hub_can(start: Start, site: Site, desk: Desk) -> None:
    async with site.signed_in("vagg", RoomRole.VIEWER) as client:
        assert (await Desk(site, client).preview("note", title="x")).status_code == 403
    desk.csrf = "wrong"
    assert (await desk.preview("note", title="x")).status_code == 403
    async with site.machine() as machine:
        assert (await machine.post("/acts/preview", data={"act": "note", "csrf": ""})).status_code == 403
    async with start(site.bus, "other") as reading, reading.signed_in("kim", RoomRole.OFFICER) as client:
        answer = await Desk(reading, client).preview("note", title="x")
        assert answer.status_code == 403
    assert (await desk.client.get("/acts")).status_code == 405


async def test_nobody_acts_on_the_past(site: Site, desk: Desk) -> None:
    view = site.hub.view()
    form = {"act": "note", "csrf": desk.csrf, "digest": view.digest, "as_of": view.as_of.isoformat(), "title": "x"}
    then = view.as_of - timedelta(seconds=1)
    answer = await desk.client.post("/acts/preview", params={"as_of": then.isoformat()}, data=form)
    assert answer.status_code == 409


def test_ids_are_unique_and_sort_by_time() -> None:
    now = datetime(2026, 1, 10, 6, tzinfo=UTC)
    made = [new_id(now + timedelta(milliseconds=n)) for n in range(100)]
    assert made == sorted(made)
    assert len({new_id(now) for _ in range(1_000)}) == 1_000
    assert all(re.fullmatch("[0-9A-HJKMNP-TV-Z]{26}", id) for id in made)
