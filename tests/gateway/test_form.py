"""The form: from a real browser on a telephone's screen, and from whoever would misuse it."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from bus.credentials import Credentials
from bus.messages import Incident, Message, Work
from bus.ndjson import Line, read_line
from bus.references import Kind
from bus.settings import Settings
from bus.transport import Transport
from bus.transport.memory import MemoryTransport
from bus.vocabulary import CountBasis, Impact, IncidentState, MessageStatus, ReportedVia, Service
from producers.adapters.columns import columns_of
from producers.gateway import Gateway
from producers.gateway.form.phrases import PHRASES
from producers.gateway.form.sheet import IMPACTS, KINDS, LAYOUT, Sheet
from producers.gateway.gateway import Author
from producers.words import Language, words_of
from tests.browser import chromium_running
from tests.conftest import ACTORS
from tests.gateway.conftest import SERVED, memory, served

PHONE = {"width": 390, "height": 844}
LAST = {
    "kind": "incident",
    "actor": "nordtel",
    "id": "I-1",
    "revision": 3,
    "status": "ACTUAL",
    "observed_at": "2026-01-10T06:00:00.250Z",
    "state": "CONFIRMED",
    "title": "Mobilnätet nere",
    "started_at": "2025-10-26T00:30:00Z",  # 02:30, the first time: the clock was put back half an hour later
    "impacts": [
        {"service": "MOBILE_VOICE", "aspect": "COVERAGE", "impact": "OUTAGE", "percent_affected": 40.5},
        {"service": "DNS", "impact": "DEGRADED"},
    ],
    "areas": [{"kind": "KOMMUN", "code": "0767"}, {"kind": "SITE", "label": "Åsnen"}],
    "users": {"value": 4200, "basis": "ESTIMATED", "by_area": {"0767": 4200}},
    "caused_by": [{"kind": "POWER", "ref": "incident/elnat-syd/P-1"}],
    "event_refs": ["storm:egon-2", "power:1"],
}


@dataclass
class Site:
    """A gateway with its form, and what was said through it."""

    gateway: Gateway
    address: str
    directory: Path

    async def key(self, actor: str = "nordtel") -> str:
        made = await self.gateway.database.call(self.gateway.keys.add, actor, datetime.now(UTC))
        return made[1]

    async def say(self, message: dict[str, object]) -> None:
        line = read_line(json.dumps(message))
        await self.gateway.publish(Author(line.message.actor, "test"), [Line(line.message)])

    async def said(self, id: str, kind: Kind = Kind.INCIDENT, actor: str = "nordtel") -> Message:
        found = await self.gateway.database.call(self.gateway.records.latest, actor, kind, id)
        assert found is not None
        return found.message

    async def everything(self, actor: str = "nordtel") -> list[Message]:
        found = await self.gateway.database.call(self.gateway.records.all_latest, actor, None, "", 100)
        return [said.message for _, said in found]


@asynccontextmanager
async def opened(tmp_path: Path, bus: MemoryTransport, actors: str = ACTORS) -> AsyncIterator[Site]:
    """The gateway over this bus; it remembers what it knew when it was opened in this place before."""
    credentials = tmp_path / "credentials"
    for actor in SERVED:
        Credentials("127.0.0.1:1", f"ntsg.{actor}", "secret", "ntsg").write(credentials / f"{actor}.toml")
    (tmp_path / "actors.toml").write_text(actors, "utf-8")

    def of(_: Settings) -> Transport:
        return bus

    options = {"actors": tmp_path / "actors.toml", "transport": of}
    async with served(tmp_path / "gateway", credentials, **options) as (gateway, address):
        yield Site(gateway, address, tmp_path / "gateway")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with opened(tmp_path, memory()) as site:
        yield site


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium_running() as browser:
        yield browser


async def signed_in(browser: Browser, site: Site, actor: str = "nordtel", language: str = "sv-SE") -> Page:
    context = await browser.new_context(viewport=PHONE, locale=language, timezone_id="Europe/Stockholm")  # type: ignore[arg-type]
    page = await context.new_page()
    await page.goto(site.address)
    await page.fill("#key", await site.key(actor))
    await page.click("main button.main")
    await page.wait_for_selector(".kinds")
    return page


async def test_a_duty_engineer_reports_and_updates_on_a_telephone(browser: Browser, site: Site) -> None:
    page = await signed_in(browser, site)
    refused: list[str] = []
    page.on("console", lambda line: refused.append(line.text) if "Content Security Policy" in line.text else None)
    await page.click("text=Ny händelse")
    await page.click("main button.main")  # too early
    await expect(page.locator("[role=alert]")).to_contain_text("Inget är skickat än")
    await expect(page.locator("[role=alert] li")).to_have_count(3)
    await page.fill("#title", "Mobilnätet nere i Markaryd")
    await page.select_option("#state", label="bekräftat")
    await page.locator("[name=areas]").first.fill("markaryd")
    await page.select_option("[id='impact.MOBILE_VOICE']", label="avbrott")
    await page.fill("[id='users.value']", "4 200")
    await page.select_option("[id='emergency.impact']", label="112 bara via annat nät")
    await page.click("main button.main")
    await expect(page.locator("h1")).to_have_text("Mottaget")
    await expect(page.locator(".state")).to_have_text("har nått samverkan")
    [first] = await site.everything()
    assert isinstance(first, Incident)
    assert (first.revision, first.reported_via, first.state) == (1, ReportedVia.UI, IncidentState.CONFIRMED)
    assert [area.code for area in first.areas] == ["0767"]
    assert first.users is not None
    assert first.users.value == 4200

    await page.click("text=Till översikten")
    await page.click("text=Uppdatera")
    assert await page.input_value("#title") == "Mobilnätet nere i Markaryd"
    assert await page.locator("[name=areas]").first.input_value() == "Markaryd"
    await page.select_option("#state", label="återställs")
    await page.click("main button.main")
    await expect(page.locator("h1")).to_have_text("Mottaget")
    [second] = await site.everything()
    assert isinstance(second, Incident)
    assert (second.id, second.revision, second.state) == (first.id, 2, IncidentState.RESTORING)
    assert (second.users, second.areas, second.emergency) == (first.users, first.areas, first.emergency)
    assert await page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert refused == []


async def test_every_page_can_be_used_by_everyone(browser: Browser, site: Site) -> None:
    page = await signed_in(browser, site, "samordning")
    for path in ("/", "/new/incident", "/new/status"):
        await page.goto(f"{site.address}{path}")
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        results = await Axe().run(page)
        assert results.violations_count == 0, results.generate_report()


async def test_staff_report_for_an_operator_that_telephones(browser: Browser, site: Site) -> None:
    page = await signed_in(browser, site, "samordning", "en-GB")
    await page.click("text=New planned work")
    await page.select_option("#on_behalf_of", label="Kustfiber")
    await page.select_option("#reported_via", label="telephone")
    await page.fill("#title", "Splicing")
    await page.select_option("#state", label="confirmed")
    await page.select_option("#impact", label="reduced redundancy")
    await page.fill("#starts_at", "2026-01-14T23:00")
    await page.fill("#ends_at", "2026-01-14T22:00")
    await page.check("text=transport")
    await page.click("main button.main")
    await expect(page.locator("[role=alert]")).to_contain_text("Must be later than the start.")
    await page.fill("#ends_at", "2026-01-15T05:00")
    await page.click("main button.main")
    await expect(page.locator("h1")).to_have_text("Received")
    [work] = await site.everything("samordning")
    assert isinstance(work, Work)
    assert (work.on_behalf_of, work.reported_via) == ("kustfiber", ReportedVia.PROXY_PHONE)
    assert work.services == (Service.TRANSPORT,)
    assert work.starts_at == datetime(2026, 1, 14, 22, tzinfo=UTC)


# without a browser: what a page promises, and what is refused


def hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))


@asynccontextmanager
async def client(site: Site, actor: str = "nordtel") -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who has signed in."""
    async with httpx.AsyncClient(base_url=site.address, timeout=60.0) as made:
        answer = await made.post("/enter", data={"key": await site.key(actor)})
        assert answer.status_code == 303
        yield made


def filled(page: str) -> dict[str, list[str]]:
    """What a browser would send of a page that nobody touched."""
    entered: dict[str, list[str]] = {}
    for tag in re.findall(r"<input [^>]*>", page):
        named, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        box = 'type="checkbox"' in tag or 'type="radio"' in tag
        if named and (not box or " checked" in tag):
            entered.setdefault(named[1], []).append(unescape(value[1]) if value else "")
    for name, options in re.findall(r'<select [^>]*name="([^"]*)"[^>]*>(.*?)</select>', page, re.DOTALL):
        chosen = re.findall(r'value="([^"]*)" selected', options)
        entered[name] = [chosen[0] if chosen else re.findall(r'value="([^"]*)"', options)[0]]
    for name, text in re.findall(r'<textarea [^>]*name="([^"]*)"[^>]*>(.*?)</textarea>', page, re.DOTALL):
        entered[name] = [unescape(text)]
    return entered


async def test_what_nobody_touched_stays_as_it_was(site: Site) -> None:
    await site.say(LAST)
    before = await site.said("I-1")
    async with client(site) as browser:
        page = (await browser.get("/edit/incident/I-1")).text
        answer = await browser.post("/send/incident", data=filled(page) | {"title": ["Mobilnätet är nere"]})
        assert answer.status_code == 303, answer.text
    after = await site.said("I-1")
    loose = {"revision", "observed_at", "reported_via"}
    expected = before.model_dump(exclude=loose) | {"title": "Mobilnätet är nere"}
    assert after.model_dump(exclude=loose) == expected
    assert (after.revision, after.reported_via) == (4, ReportedVia.UI)


async def test_a_symbol_that_nobody_offers_stays_where_it_was_said(site: Site) -> None:
    measure = {name: LAST[name] for name in ("actor", "id", "revision", "status", "observed_at", "title")}
    said = measure | {
        "kind": "measure",
        "type": "OTHER",
        "state": "UNKNOWN",
        "services": ["UNKNOWN"],
        "effect": "UNKNOWN",
    }
    await site.say(said)
    before = await site.said("I-1", Kind.MEASURE)
    async with client(site) as browser:
        page = (await browser.get("/edit/measure/I-1")).text
        assert (await browser.post("/send/measure", data=filled(page))).status_code == 303
    after = await site.said("I-1", Kind.MEASURE)
    loose = {"revision", "observed_at", "reported_via"}
    assert after.model_dump(exclude=loose) == before.model_dump(exclude=loose)


async def test_what_is_emptied_is_unknown(site: Site) -> None:
    await site.say(LAST)
    async with client(site) as browser:
        page = (await browser.get("/edit/incident/I-1")).text
        emptied = {name: [""] for name in ("users.value", "users.basis", "started_at", "event_refs", "impact.DNS")}
        await browser.post("/send/incident", data=filled(page) | emptied)
    after = await site.said("I-1")
    assert isinstance(after, Incident)
    assert after.started_at is None
    assert after.event_refs == ()
    assert after.users is not None
    assert (after.users.value, after.users.basis, after.users.by_area) == (None, CountBasis.UNKNOWN, {"0767": 4200})
    assert [(each.service, each.impact) for each in after.impacts] == [(Service.MOBILE_VOICE, Impact.OUTAGE)]


async def test_a_page_sent_twice_is_one_report(site: Site) -> None:
    async with client(site) as browser:
        page = (await browser.get("/new/incident")).text
        entered = filled(page) | {"title": ["X"], "state": ["SUSPECTED"], "impact.DNS": ["OUTAGE"]}
        first, again = [await browser.post("/send/incident", data=entered) for _ in range(2)]
        assert first.headers["location"] == again.headers["location"]
        [message] = await site.everything()
        assert message.revision == 1


async def test_a_report_made_meanwhile_is_not_overwritten(site: Site) -> None:
    await site.say(LAST)
    async with client(site) as browser:
        page = (await browser.get("/edit/incident/I-1")).text
        await site.say(LAST | {"revision": 4, "title": "Hela länet"})
        answer = await browser.post("/send/incident", data=filled(page) | {"title": ["Bara kommunen"]})
        assert answer.status_code == 409
        assert "rapport 4" in answer.text
        assert filled(answer.text)["title"] == ["Bara kommunen"]
        assert (await site.said("I-1")).revision == 4
        answer = await browser.post("/send/incident", data=filled(answer.text))
        assert answer.status_code == 303
    assert (await site.said("I-1")).revision == 5


async def test_what_was_told_in_another_way_goes_on_from_there(site: Site) -> None:
    async with client(site) as browser:
        page = (await browser.get("/new/incident")).text
        told = {"title": ["X"], "state": ["SUSPECTED"], "impact.DNS": ["OUTAGE"], "id": ["I-17"], "earlier": ["6"]}
        assert (await browser.post("/send/incident", data=filled(page) | told)).status_code == 303
        wrong = filled(page) | told | {"earlier": ["six"]}
        assert (await browser.post("/send/incident", data=wrong)).status_code == 422
    assert (await site.said("I-17")).revision == 7


async def test_a_number_that_was_given_is_not_given_again(tmp_path: Path) -> None:
    """The outbox has a report that the gateway could not remember, because its disk was full; nor has the bus it."""
    async with opened(tmp_path, MemoryTransport()) as site:
        await site.say(LAST | {"id": "I-9"})
        await site.gateway.database.call(site.gateway.database.connection.execute, "DELETE FROM messages")
        async with client(site) as browser:
            page = (await browser.get("/new/incident")).text
            told = {"title": ["X"], "state": ["SUSPECTED"], "impact.DNS": ["OUTAGE"], "id": ["I-9"]}
            assert (await browser.post("/send/incident", data=filled(page) | told)).status_code == 303
        assert (await site.said("I-9")).revision == LAST["revision"] + 1


async def test_nothing_changes_without_a_page_of_this_session(site: Site) -> None:
    async with (
        client(site) as browser,
        client(site) as other,
        httpx.AsyncClient(base_url=site.address) as no,
    ):
        page = (await browser.get("/new/status")).text
        entered = filled(page) | {"mode": ["NORMAL"], "nothing_to_report": ["ja"]}
        assert (await no.post("/send/status", data=entered)).status_code == 401
        assert (await other.post("/send/status", data=entered)).status_code == 403
        assert (await browser.post("/send/status", data=entered | {"csrf": "x"})).status_code == 403
        elsewhere = {"Origin": "https://elsewhere.example"}
        assert (await browser.post("/send/status", data=entered, headers=elsewhere)).status_code == 403
        assert (await browser.post("/send/status", content=b"{}")).status_code == 415
        assert await site.everything() == []
        assert (await browser.post("/send/status", data=entered)).status_code == 303
        assert len(await site.everything()) == 1


async def test_a_session_ends_with_its_key_and_when_it_is_left(site: Site) -> None:
    async with client(site) as browser:
        page = (await browser.get("/")).text
        await browser.post("/leave", data=hidden(page))
        assert (await browser.get("/new/incident")).status_code == 401
    async with client(site) as browser:
        [*_, key] = await site.gateway.database.call(site.gateway.keys.all)
        await site.gateway.database.call(site.gateway.keys.end, key.id, datetime.now(UTC))
        statuses = [(await browser.get("/new/incident")).status_code]
    for each in await site.gateway.database.call(site.gateway.keys.all):
        await site.gateway.database.call(site.gateway.keys.end, each.id, datetime.now(UTC))
    assert statuses == [401]


async def test_pages_say_what_a_browser_may_do(site: Site) -> None:
    async with httpx.AsyncClient(base_url=site.address) as browser:
        answer = await browser.get("/")
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "form-action 'self'" in policy
        assert "unsafe" not in policy
        assert "<script" not in answer.text
        assert " style=" not in answer.text
        answer = await browser.post("/enter", data={"key": await site.key()})
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        value = cookie.split("=", 1)[1].split(";")[0].encode()
    assert not any(value in path.read_bytes() for path in site.directory.glob("gateway.sqlite*"))


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("kind", KINDS)
def test_the_sheet_asks_for_all_that_is_needed(kind: Kind, language: Language) -> None:
    asked = [field for _, fields in LAYOUT[kind] for field in fields]
    assert len(asked) == len(set(asked))
    columns = {column.field: column for column in columns_of(kind)}
    assert set(asked) - {IMPACTS} <= set(columns)
    needed = {field for field, column in columns.items() if column.required} - {"id", "impact"}
    assert needed <= set(asked)
    sheet = Sheet(kind, "nordtel", MessageStatus.ACTUAL, None, PHRASES[language])
    assert all(sheet.heading(field) for field in asked)
    assert words_of(ReportedVia, language)[ReportedVia.PROXY_RAKEL] == "Rakel"


async def test_texts_of_others_are_shown_as_text(site: Site) -> None:
    await site.say(LAST | {"title": "<script>alert(1)</script>"})
    async with client(site) as browser:
        for path in ("/", "/edit/incident/I-1"):
            page = (await browser.get(path)).text
            assert "<script>" not in page
            assert "&lt;script&gt;" in page
