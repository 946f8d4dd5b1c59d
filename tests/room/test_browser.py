"""The room in a real browser, on a real hub on the real Kafka: what staff find, and how it behaves under their hands.

One storm at its worst is shared by the tests that only look. Those that hurt a hub, or tell it something, have their
own.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib import resources
from itertools import count, product
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, Route, expect

from bus.broker import Running
from bus.messages import Decision, Link, Message, Request
from bus.references import Kind
from bus.topics import Realm
from bus.transport.kafka import KafkaTransport
from bus.vocabulary import Audience, MessageStatus
from consumers.hub import Hub, running_hub
from consumers.hub.clock import Now, wall_clock
from consumers.room import ACCOUNTS, Accounts, RoomSettings
from consumers.room.acting import Acting
from consumers.room.page import PARTS
from consumers.room.sight import RoomRole, Tab
from consumers.words import Language, words_of
from producers.storm import storm
from tests.conftest import ProvisionedGroup, provision_group
from tests.group import incident, record
from tests.hubs import write
from tests.room.conftest import PASSWORD, Watch

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE = 20_000
"""Milliseconds that a test waits for what must happen. No test asks how soon it does."""
STORM = "Strömavbrott i Kronoberg, Jönköping och Kalmar"
DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
NARROW = {"width": 360, "height": 740}
LONG_BEFORE = timedelta(hours=8, minutes=24)
NASTY = "</h3><img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>{{7*7}}"

_numbers = count(1)
expect.set_options(timeout=PATIENCE)


@dataclass
class Room:
    """A hub with its room, and the group that it serves."""

    hub: Hub
    group: ProvisionedGroup
    directory: Path

    @property
    def address(self) -> str:
        return self.hub.address

    async def tell(self, *messages: Message) -> None:
        await write(self.group.admin, messages)

    def enter(self, name: str, role: RoomRole = RoomRole.VIEWER, audience: Audience = Audience.FULL) -> None:
        """Give somebody an account."""
        accounts = Accounts(self.directory / "hub" / ACCOUNTS, wall_clock, PasswordHasher(1, 1024, 1))
        accounts.add(name, role, audience, "vakthavande", PASSWORD)
        accounts.close()


@asynccontextmanager
async def served(
    broker: Running, directory: Path, realm: str, now: Now = wall_clock, *, is_open: bool = True
) -> AsyncIterator[Room]:
    """A hub of the made-up group in a fresh realm, open to whoever is at this machine."""
    actors = resources.files("producers").joinpath("actors.toml").read_text("utf-8")
    group = await provision_group(broker, Realm(realm), directory / "credentials", actors)
    async with hub_of(group, directory, now=now, is_open=is_open) as hub:
        yield Room(hub, group, directory)


@asynccontextmanager
async def hub_of(
    group: ProvisionedGroup, directory: Path, port: int = 0, now: Now = wall_clock, *, is_open: bool = True
) -> AsyncIterator[Hub]:
    transport = KafkaTransport(group.settings("hub"))
    acting = Acting(KafkaTransport(group.settings("samordning")), group.realm, "samordning")
    room = RoomSettings(is_open=is_open, acting=acting)
    async with running_hub(transport, group.realm, directory / "hub", port=port, room=room, now=now) as hub:
        await hub.settled()
        yield hub


def storm_until(after: timedelta, status: MessageStatus, since: timedelta = timedelta(hours=-1)) -> Sequence[Message]:
    """What was told in a storm that has lasted for as long, from `since` on."""
    begin = datetime.now(UTC).replace(microsecond=0) - LONG_BEFORE
    return [step.message for step in storm(begin, status) if since < step.after <= after]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stormy(broker: Running, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Room]:
    """The storm at its worst, in an exercise. Look, and leave it as it is."""
    async with served(broker, tmp_path_factory.mktemp("storm"), f"look{next(_numbers)}-exercise") as room:
        await room.tell(*storm_until(LONG_BEFORE, MessageStatus.EXERCISE))
        yield room


WATCH = Watch(timedelta(days=730))
"""Two years ahead, so that both nights of 2026 in which the clocks change are past, whenever this is run."""
SECRET = "HEMLIGT-4711"
COUNTED, EXACT = "Nere i Dalarna", 123_456
DALARNA = ({"kind": "LAN", "code": "20"},)
AUTUMN = {
    "title": "Natten då klockan ställs tillbaka",
    "started_at": "2026-10-25T00:30Z",
    "restoration": {"earliest": "2026-10-25T00:30Z", "latest": "2026-10-25T01:30Z", "certainty": "LIKELY"},
}
SPRING = {
    "title": "Natten då klockan ställs fram",
    "started_at": "2026-03-29T00:30Z",
    "restoration": {"earliest": "2026-03-29T00:30Z", "latest": "2026-03-29T01:30Z", "certainty": "LIKELY"},
}


def said_by_coordination() -> Sequence[Message]:
    """One of each that staff may change or withdraw."""
    opening = {"actor": "samordning", "revision": 1, "status": "ACTUAL", "observed_at": "2026-01-10T06:00Z"}
    link = {"id": "L-1", "relation": "CANNOT_LINK", "a": "incident/kustfiber/I-3", "b": "incident/kustfiber/I-4"}
    return (
        Decision.model_validate(
            opening | {"id": "D-1", "decision": "DIRECTION", "state": "ADOPTED", "title": "112 först"}
        ),
        Request.model_validate(opening | {"id": "R-1", "resource": "FUEL", "state": "OPEN"}),
        Link.model_validate(opening | link),
    )


async def write_foreign(group: ProvisionedGroup) -> None:
    """A record that goes to quarantine: it stands on another's topic."""
    foreign = record(group.realm, incident("sveamobil", "I-7"))
    async with KafkaTransport(group.admin).writer() as writer:
        await writer.send([replace(foreign, topic=group.realm.input(Kind.INCIDENT, "nordtel"))])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def staffed(broker: Running, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Room]:
    """A few reports, for those who have an account, and which tests may add to: one that is secret, one with a number,
    two that may be one, two with nights in them.
    """
    vaxjo, norrbotten = ({"kind": "KOMMUN", "code": "0780"},), ({"kind": "LAN", "code": "25"},)
    directory, realm = tmp_path_factory.mktemp("staffed"), f"staffed{next(_numbers)}"
    async with served(broker, directory, realm, WATCH, is_open=False) as room:
        await room.tell(
            incident("nordtel", "I-9", title=SECRET, description=SECRET, tlp="RED", areas=norrbotten),
            incident("fjallmobil", "I-5", title=COUNTED, users={"value": EXACT}, areas=DALARNA),
            incident("sveamobil", "I-1", title="Nere i Växjö", areas=vaxjo),
            incident("tretton", "I-2", title="Också nere i Växjö", areas=vaxjo),
            incident("kustfiber", "I-3", areas=({"kind": "LAN", "code": "09"},), **AUTUMN),
            incident("kustfiber", "I-4", areas=({"kind": "LAN", "code": "23"},), **SPRING),
            *said_by_coordination(),
        )
        await write_foreign(room.group)
        yield room


Open = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(loop_scope="module")
async def visit(chromium: Browser) -> AsyncIterator[Open]:
    """Opens a page of a room in a browser of its own; fails for whatever its scripts complain of."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    async def opened(
        room: Room, path: str = "/?lang=sv", size: dict[str, int] | None = None, **options: object
    ) -> Page:
        context = await chromium.new_context(viewport=size or DESK, locale="sv-SE", **options)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = await context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda told: complaints.append(told.text) if "Content Security" in told.text else None)
        await page.goto(room.address + path)
        if options.get("java_script_enabled", True):
            await is_live(page)
        return page

    yield opened
    for context in contexts:
        await context.close()
    assert complaints == []


async def is_live(page: Page) -> None:
    """Wait until the page hears keys and clicks: it can be read before."""
    if await page.locator("script[type=module]").count():
        await expect(page.locator("html")).to_have_class(re.compile(r"\blive\b"))


async def sign_in(page: Page, name: str) -> None:
    """On the page that asks who one is."""
    await page.get_by_label("Namn").fill(name)
    await page.get_by_label("Lösenord").fill(PASSWORD)
    await page.get_by_role("button", name="Logga in").click()
    await expect(page.locator(".you .name")).to_have_text(name)
    await is_live(page)


async def signed_in(
    visit: Open, room: Room, path: str, role: RoomRole = RoomRole.VIEWER, audience: Audience = Audience.FULL
) -> Page:
    """The page as somebody new sees it who has signed in."""
    name = f"kim{next(_numbers)}"
    room.enter(name, role, audience)
    page = await visit(room, path)
    await sign_in(page, name)
    return page


async def shows_storm(page: Page) -> None:
    """Wait until all of the storm is there."""
    await expect(page.locator("#part-list .title").first).to_have_text(STORM)
    await expect(page.locator('[data-tile="mobile"] .value')).to_have_text("1")


async def is_accessible(page: Page) -> None:
    """By light, and as to its colours in the dark too."""
    for scheme, options in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found = await Axe().run(page, options=options)
        assert found.violations_count == 0, f"{scheme}: {found.generate_report()}"
    await page.emulate_media(color_scheme="light")


ANSWERS = {
    1: ("Nytt", "Markera som sett"),
    2: ("112", "Markaryd"),
    3: ("Utan fungerande mobilnät", "Markaryd"),
    4: ("Drabbade", "–290\u202f145"),
    5: ("Orsak", "vind"),
    6: ("Åter", "flyttade sin prognos 2 gånger"),
    7: ("Operatörer", "Myndigheten"),
    8: ("Åtgärder och arbeten, 72 timmar", "roaming mellan operatörer"),
    9: ("Obesvarade", "alla 4 mobiloperatörer är nere i Markaryd"),
    10: ("Behov", "röjning av träd"),
    11: ("Snart", "reservkraften tar slut före strömmen"),
    12: ("Beslut", "Elverk först till sajter som bär 112 i Kronoberg"),
    13: ("Vad får jag säga?", "TLP:AMBER+STRICT"),
}
"""By number of the question: the label under which its answer stands, and a piece of the answer in the storm."""


async def test_the_fourteen_questions_have_their_answers_under_their_labels(stormy: Room, visit: Open) -> None:
    page = await visit(stormy)
    await shows_storm(page)
    assert await page.locator(".realm").inner_text() == "ÖVNING"  # the fourteenth
    await page.goto(f"{stormy.address}/?lang=sv&tab=help")
    places = {number: await page.locator(f"#q{number} a").get_attribute("href") for number in ANSWERS}
    for number, (label, answer) in ANSWERS.items():
        await page.goto(f"{stormy.address}{places[number]}")
        target = page.locator(f"[id='{urlsplit(page.url).fragment}']")
        await expect(target.get_by_role("heading", name=label, exact=True).first).to_be_visible()
        said = re.compile(re.escape(answer).replace("\u202f", r"\s"), re.IGNORECASE)
        await expect(target, f"question {number}").to_contain_text(said)


async def test_a_filter_stands_in_the_address_and_shows_a_colleague_the_same(stormy: Room, visit: Open) -> None:
    page = await visit(stormy)
    await shows_storm(page)
    await page.get_by_label("Län", exact=True).select_option("09")
    await expect(page.locator("#part-list .title")).to_have_text(
        ["Sms kommer fram sent i hela landet", "Avgrävd kabel söder om Visby"]
    )
    await page.get_by_label("Sök", exact=True).fill("visby")
    await expect(page.locator("#part-list .title")).to_have_text(["Avgrävd kabel söder om Visby"])
    colleague = await visit(stormy, page.url.removeprefix(stormy.address))
    await expect(colleague.locator("#part-list .title")).to_have_text(["Avgrävd kabel söder om Visby"])
    await page.go_back()
    await expect(page.locator("#part-list .title")).to_have_count(2)


async def test_a_situation_is_opened_and_every_number_leads_to_its_reports(stormy: Room, visit: Open) -> None:
    page = await visit(stormy)
    await shows_storm(page)
    await page.get_by_role("link", name=re.compile("Avgrävd kabel")).click()
    await expect(page.locator("#part-detail h3")).to_contain_text("Avgrävd kabel söder om Visby")
    assert parse_qs(urlsplit(page.url).query)["selected"][0].startswith("situation/sit-")
    await page.get_by_role("link", name=re.compile("Strömavbrott i Kronoberg")).first.click()
    await expect(page.locator("#d-reports")).to_contain_text("lagpris anger den andra som orsak → nordtel/I-101")
    await expect(page.locator("#d-timeline li")).to_have_count(40)
    await page.locator("#d-users a.why").first.click()
    await expect(page.locator(".explained")).to_contain_text("från nordtel/I-101 (revision 6")


async def test_everything_goes_by_key(stormy: Room, visit: Open) -> None:
    page = await visit(stormy)
    await shows_storm(page)
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await expect(page.locator("#part-list a:focus .title")).to_have_text("Sms kommer fram sent i hela landet")
    await page.keyboard.press("Enter")
    await expect(page.locator("#part-detail h3")).to_contain_text("Sms kommer fram sent")
    await page.keyboard.press("Escape")
    await expect(page.locator("#part-detail h3")).to_contain_text(STORM)
    await page.keyboard.press("/")
    await expect(page.locator("#search")).to_be_focused()
    await page.keyboard.type("visby")
    await expect(page.locator("#part-list .title")).to_have_count(1)
    await page.keyboard.press("Escape")
    await page.keyboard.press("g")
    await page.keyboard.press("k")
    await expect(page).to_have_url(re.compile("tab=conflicts"))  # the page that was left has a heading like it
    await expect(page.get_by_role("heading", name="Konflikter", exact=True)).to_be_visible()


async def test_keys_at_speed_are_all_heard(stormy: Room, visit: Open) -> None:
    page = await visit(stormy)
    await shows_storm(page)
    for key in "gk?":
        await page.keyboard.press(key)
    await expect(page.get_by_role("heading", name="Tangenter")).to_be_visible()
    for key in ("Escape", "j", "j", "Enter"):
        await page.keyboard.press(key)
    await expect(page.locator("#part-detail h3")).to_contain_text("Sms kommer fram sent")


async def test_a_key_that_is_pressed_while_a_view_arrives_is_meant_for_that_view(stormy: Room, visit: Open) -> None:
    page = await visit(stormy)
    await shows_storm(page)
    await page.evaluate("window.stayed = true")
    async with held(page, "conflicts"):
        for key in "gk?":
            await page.keyboard.press(key)
        await expect(page).not_to_have_url(re.compile("tab="))
    await expect(page.get_by_role("heading", name="Tangenter")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("heading", name="Konflikter", exact=True)).to_be_visible()
    async with held(page, None):
        await page.keyboard.press("Escape")
        await page.keyboard.type("/visby")
    await expect(page.locator("#search")).to_have_value("visby")
    await expect(page.locator("#part-list .title")).to_have_count(1)
    await expect(page.locator(".views [aria-current]")).to_have_text("Läget")
    assert await page.evaluate("window.stayed"), "it was one page all the time"


@asynccontextmanager
async def held(page: Page, tab: str | None) -> AsyncIterator[None]:
    """No view of this name is answered before the end."""
    over = asyncio.Event()

    def is_meant(address: str) -> bool:
        parts = urlsplit(address)
        return parts.path == "/" and parse_qs(parts.query).get("tab", [None]) == [tab]

    async def hold(route: Route) -> None:
        await over.wait()
        await route.continue_()

    await page.route(is_meant, hold)
    try:
        yield
    finally:
        over.set()


async def test_a_view_that_does_not_arrive_leads_to_the_page_that_says_why(staffed: Room, visit: Open) -> None:
    page = await signed_in(visit, staffed, "/?lang=sv")
    await page.context.clear_cookies()
    await page.get_by_role("link", name="Konflikter", exact=True).first.click()
    await expect(page.get_by_label("Namn")).to_be_visible()


async def test_the_time_is_a_key_away(stormy: Room, visit: Open) -> None:
    page = await visit(stormy)
    await shows_storm(page)
    await page.keyboard.press("t")
    await expect(page.locator("#slider")).to_be_focused()


async def test_the_map_is_moved_by_keys_and_filters_by_a_click(stormy: Room, visit: Open) -> None:
    page = await visit(stormy)
    await shows_storm(page)
    layers = page.locator("#map svg.land, #map svg.paint")
    whole = await layers.first.get_attribute("viewBox")
    await page.locator("#map").focus()
    await page.keyboard.press("s")
    closer = await layers.first.get_attribute("viewBox")
    assert closer != whole
    assert await layers.nth(1).get_attribute("viewBox") == closer
    await page.keyboard.press("0")
    await page.locator("#k0980").click()
    await expect(page.get_by_label("Län", exact=True)).to_have_value("09")
    await expect(page.locator("#part-list .title")).to_have_count(2)
    await expect(page.locator("use.fill[href='#k0767']")).to_have_class(re.compile(r"\bs5\b"))


async def test_the_language_is_changed_without_losing_the_place(stormy: Room, visit: Open) -> None:
    page = await visit(stormy, "/?lang=sv&tab=conflicts&county=07")
    await page.get_by_role("link", name="EN", exact=True).click()
    await expect(page.get_by_role("heading", name="Conflicts", exact=True)).to_be_visible()
    assert await page.locator("html").get_attribute("lang") == "en"
    assert {"lang": ["en"], "tab": ["conflicts"], "county": ["07"]}.items() <= parse_qs(
        urlsplit(page.url).query
    ).items()


async def test_a_phone_shows_the_list_and_then_the_detail_as_a_page(stormy: Room, visit: Open) -> None:
    page = await visit(stormy, size=PHONE)
    await shows_storm(page)
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    await expect(page.locator("#map")).to_be_hidden()
    await expect(page.locator("#part-detail")).to_be_hidden()
    await page.locator("#part-list a").first.click()
    await expect(page.locator("#part-detail h3")).to_be_visible()
    await expect(page.locator("#part-list")).to_be_hidden()
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    await page.get_by_role("link", name="Till listan").click()
    await expect(page.locator("#part-list")).to_be_visible()


@pytest.mark.parametrize("tab", [Tab.SITUATIONS, Tab.ACTORS, Tab.HELP])
async def test_on_a_narrow_phone_the_view_that_is_shown_is_in_sight_among_its_neighbours(
    stormy: Room, visit: Open, tab: Tab
) -> None:
    page = await visit(stormy, f"/?lang=sv&tab={tab}", NARROW)
    views = page.locator(".views")
    assert await views.evaluate("each => each.scrollWidth > each.clientWidth"), "there is not room for all"
    await expect(views.locator("[aria-current]")).to_be_in_viewport(ratio=1)
    await page.set_viewport_size({"width": NARROW["width"] - 40, "height": NARROW["height"]})
    await expect(views.locator("[aria-current]")).to_be_in_viewport(ratio=1)
    assert await page.evaluate("scrollY") == 0, "the page itself stays"


async def test_without_javascript_it_reads_and_filters(stormy: Room, visit: Open) -> None:
    await shows_storm(await visit(stormy))
    page = await visit(stormy, java_script_enabled=False)
    await page.get_by_label("Län", exact=True).select_option("09")
    await page.locator("form.filter").get_by_role("button", name="Visa").click()
    await expect(page.locator("#part-list .title")).to_have_count(2)
    await expect(page.locator("#part-detail h3")).to_be_visible()


async def test_the_past_is_framed_and_named_and_left_again(stormy: Room, visit: Open) -> None:
    await shows_storm(await visit(stormy))
    page = await visit(stormy, f"/?lang=sv&as_of={datetime.now(UTC) - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}")
    await expect(page.locator(".banner.then")).to_contain_text("inte nuläge")
    await expect(page.locator("html")).to_have_class(re.compile(r"\bpast\b"))
    await expect(page.locator("#part-list")).to_contain_text("ingen rapporterad störning")
    await page.keyboard.press("Escape")
    await shows_storm(page)


async def test_an_exercise_looks_like_one_from_across_the_room(stormy: Room, visit: Open) -> None:
    page = await visit(stormy)
    assert await page.title() != ""
    assert (await page.title()).startswith("ÖVNING")
    border = await page.evaluate("getComputedStyle(document.body).borderImageSource")
    assert border.startswith("repeating-linear-gradient")


@pytest.mark.parametrize("tab", Tab)
async def test_every_view_is_accessible(stormy: Room, visit: Open, tab: Tab) -> None:
    selected = "&selected=totals" if tab is Tab.WHY else ""
    page = await visit(stormy, f"/?lang=sv&tab={tab}{selected}")
    await expect(page.locator('[data-tile="mobile"] .value')).to_have_text("1")
    await is_accessible(page)


@pytest.mark.parametrize(("path", "size"), [("/?lang=sv", PHONE), ("/?lang=sv&wall=1", DESK), ("/login", DESK)])
async def test_other_screens_are_accessible_too(stormy: Room, visit: Open, path: str, size: dict[str, int]) -> None:
    page = await visit(stormy, path, size)
    await is_accessible(page)


async def test_a_storm_unfolds_and_what_the_reader_holds_stays(broker: Running, tmp_path: Path, visit: Open) -> None:
    async with served(broker, tmp_path, f"live{next(_numbers)}") as room:
        page = await visit(room, "/?lang=sv&tab=help")
        await page.keyboard.press("g")
        await page.keyboard.press("l")
        await expect(page.locator("#part-list")).to_contain_text("ingen rapporterad störning")
        await expect(page.locator(".realm")).to_have_text("SKARPT LÄGE")
        await room.tell(*storm_until(timedelta(hours=2), MessageStatus.ACTUAL))
        await expect(page.locator("#part-list .title").first).to_have_text(STORM)
        await page.get_by_label("Sök", exact=True).focus()
        await page.keyboard.type("kron")
        await page.locator("#more-reasons summary").click()
        await page.evaluate("document.getElementById('part-detail').scrollTop = 180")
        first = page.locator("#part-list li").first
        await first.locator("a").focus()
        await room.tell(*storm_until(LONG_BEFORE, MessageStatus.ACTUAL, timedelta(hours=2)))
        await expect(first.locator(".level")).to_contain_text("5")
        await expect(page.locator(".worst")).to_contain_text("Katastrofal")
        await expect(first.locator("a")).to_be_focused()
        assert await page.locator("#more-reasons").get_attribute("open") is not None
        assert await page.evaluate("document.getElementById('part-detail').scrollTop") == 180
        assert await page.locator("#search").input_value() == "kron"
        await expect(page.locator("#heard")).to_contain_text("Strömavbrott")


async def test_an_act_is_reviewed_and_sent_and_another_browser_sees_it(
    broker: Running, tmp_path: Path, visit: Open
) -> None:
    async with served(broker, tmp_path, f"acts{next(_numbers)}") as room:
        await room.tell(*storm_until(LONG_BEFORE, MessageStatus.ACTUAL))
        room.enter("vakt", RoomRole.OFFICER)
        colleague = await visit(room, "/?lang=sv&tab=conflicts")
        white_out = colleague.locator("#open-conflicts tr", has_text="ingen kan ringa 112 med mobiltelefon")
        await expect(white_out).to_be_visible()
        await expect(white_out.get_by_role("button")).to_have_count(0)

        page = await visit(room, "/login?lang=sv")
        await sign_in(page, "vakt")
        await page.get_by_role("link", name="Konflikter", exact=True).first.click()
        row = page.locator("#open-conflicts tr", has_text="ingen kan ringa 112 med mobiltelefon")
        await row.get_by_role("button", name="Kvittera").click()
        await expect(page.get_by_role("heading", name="Granska innan du skickar")).to_be_visible()
        await expect(page.locator(".facts-table")).to_contain_text("Samordningen (vakthavande)")
        await is_accessible(page)
        await page.get_by_role("button", name="Skicka").click()
        await expect(page.get_by_role("heading", name="Skickat")).to_be_visible()
        await expect(page.locator(".facts-table")).to_contain_text(f"{room.group.realm}.ack.v1.samordning:0:")
        await is_accessible(page)
        await expect(colleague.locator("#answered")).to_contain_text("ingen kan ringa 112 med mobiltelefon")
        await expect(colleague.locator("#answered")).to_contain_text("kvitterad")

        tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M}"
        for summary, fill in (
            ("Besluta nivå", {"Skäl": "Följer läget.", "Gäller till (svensk tid)": tomorrow}),
            ("Anteckning", {"Rubrik": "Ringt Nordtel"}),
            ("Dela: en rapport hör inte hit", {"Skäl": "Annat fel"}),
            ("Slå ihop med en annan situation", {"Skäl": "Samma fel"}),
        ):
            await page.goto(f"{room.address}/?lang=sv")
            form = page.locator("#d-act details", has_text=summary)
            await form.locator("summary").click()
            for label, text in fill.items():
                await form.get_by_label(label).fill(text)
            await form.get_by_role("button", name="Granska").click()
            await expect(page.get_by_role("heading", name="Granska innan du skickar"), summary).to_be_visible()


async def test_a_suggestion_is_accepted_in_one_browser_and_seen_in_another(staffed: Room, visit: Open) -> None:
    opened = "/?lang=sv&selected=incident%2Fsveamobil%2FI-1"
    colleague = await signed_in(visit, staffed, opened)
    await expect(colleague.locator("#d-suggestions")).to_contain_text("tretton/I-2")
    await expect(colleague.locator("#d-suggestions").get_by_role("button")).to_have_count(0)
    await expect(colleague.locator("#d-reports")).not_to_contain_text("Också nere i Växjö")

    page = await signed_in(visit, staffed, opened, RoomRole.OFFICER)
    await page.locator("#d-suggestions").get_by_role("button", name="Godta").click()
    await expect(page.get_by_role("heading", name="Granska innan du skickar")).to_be_visible()
    await expect(page.locator(".facts-table")).to_contain_text("MUST_LINK")
    await page.get_by_role("button", name="Skicka").click()
    await expect(page.get_by_role("heading", name="Skickat")).to_be_visible()
    for browser in (colleague, page):
        if browser is page:
            await page.get_by_role("link", name="Tillbaka").click()
        await expect(browser.locator("#d-reports")).to_contain_text("Också nere i Växjö")
        await expect(browser.locator("#d-reports")).to_contain_text("samordningen säger så")
        await expect(browser.locator("#d-suggestions")).to_have_count(0)


FORMS = {
    Tab.SITUATIONS: "d-act",
    Tab.DECISIONS: "amend-decision-samordning-D-1",
    Tab.NEEDS: "amend-request-samordning-R-1",
    Tab.QUARANTINE: "settle-",
}
"""What an officer may do there, by the beginning of an id."""


async def test_every_form_is_accessible_and_gone_for_who_may_only_look(staffed: Room, visit: Open) -> None:
    officer = await signed_in(visit, staffed, "/?lang=sv", RoomRole.OFFICER)
    viewer = await signed_in(visit, staffed, "/?lang=sv")
    for tab, id_ in FORMS.items():
        for page in (officer, viewer):
            await page.goto(f"{staffed.address}/?lang=sv&tab={tab}")
            await is_live(page)
        await expect(officer.locator(f"[id^='{id_}']")).not_to_have_count(0)
        await officer.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        await expect(officer.get_by_role("button", name="Granska").first).to_be_visible()
        await is_accessible(officer)
        await expect(viewer.locator("#h-view, #h-detail").first).to_be_visible()
        await expect(viewer.get_by_role("button", name="Granska")).to_have_count(0)


LISTENS = """() => {
  const { dataset } = document.documentElement;
  dataset.heard = "";
  const stream = new EventSource("/v1/changes");
  const hear = (event) => { dataset.heard += event.data; };
  for (const kind of ["changes", "anew", "pulse"]) stream.addEventListener(kind, hear);
}"""


@pytest.mark.parametrize(
    ("audience", "number"), [(Audience.AUTHORITY, "123\u202f456"), (Audience.PEER, "50\u202f000–200\u202f000")]
)
async def test_what_an_audience_may_not_see_is_counted_and_nowhere(
    staffed: Room, visit: Open, audience: Audience, number: str
) -> None:
    revision = next(_numbers) + 1
    page = await signed_in(visit, staffed, "/?lang=sv&selected=incident%2Ffjallmobil%2FI-5", audience=audience)
    await expect(page.locator(".banner.withheld")).to_contain_text("1 uppgift visas inte för dig")
    await expect(page.locator("#d-users td.n")).to_have_text(number)
    await is_accessible(page)

    await page.evaluate(LISTENS)
    everything = page.locator("html")
    await expect(everything).to_have_attribute("data-heard", re.compile("heard_at"))
    changed = {"title": COUNTED, "users": {"value": EXACT}, "areas": DALARNA, "reason": "Fler har ringt"}
    await staffed.tell(
        incident("nordtel", "I-9", revision, title=SECRET, tlp="RED"),
        incident("fjallmobil", "I-5", revision, **changed),
    )
    key = json.dumps("incident/fjallmobil/I-5")
    await expect(everything).to_have_attribute("data-heard", re.compile(re.escape(key)))
    shown = {"the stream": await everything.get_attribute("data-heard") or "", "the page": await page.content()}
    paths = [f"/?tab={tab}" for tab in Tab] + [f"/parts/{part}" for part in PARTS]
    for path in (*paths, *(f"/v1/{name}" for name in ("view", "situations", "areas", "actors", "situations.geojson"))):
        shown[path] = await (await page.request.get(staffed.address + path)).text()
    hidden = [SECRET, "nordtel/I-9", *([str(EXACT), "123\u202f456"] if audience is Audience.PEER else [])]
    for where, text in shown.items():
        assert not [secret for secret in hidden if secret in text], where
    for ref in ("messages?ref=incident/nordtel/I-9", "explain?ref=incident/nordtel/I-9"):
        assert (await page.request.get(f"{staffed.address}/v1/{ref}")).status == 403


async def test_a_session_that_is_over_says_so_and_leads_back(
    staffed: Room, visit: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumers.room.rest.CHECKED_EVERY", 0.0)
    staffed.enter("alex", RoomRole.OFFICER)
    page = await visit(staffed, "/?lang=sv&tab=conflicts&county=07")
    await expect(page.get_by_role("alert")).to_have_count(0)  # nobody was signed in
    await sign_in(page, "alex")
    await expect(page.get_by_role("heading", name="Konflikter", exact=True)).to_be_visible()
    WATCH.offset += timedelta(hours=2, minutes=1)
    await expect(page.get_by_role("alert")).to_contain_text("Inloggningen har gått ut", timeout=3 * PATIENCE)
    await is_accessible(page)
    await sign_in(page, "alex")
    await expect(page.get_by_role("heading", name="Konflikter", exact=True)).to_be_visible()
    assert {"tab": ["conflicts"], "county": ["07"]}.items() <= parse_qs(urlsplit(page.url).query).items()


async def test_in_the_nights_when_the_clocks_change_every_time_is_told_apart(staffed: Room, visit: Open) -> None:
    page = await signed_in(visit, staffed, "/?lang=sv&selected=incident%2Fkustfiber%2FI-3")
    await expect(page.locator("#part-detail header")).to_contain_text("började 25/10 02:30 CEST")
    await expect(page.locator("#d-forecast")).to_contain_text("mellan 25/10 02:30 CEST och 25/10 02:30 CET")
    module = re.sub(r"room\.js$", "clock.js", await page.locator("script[type=module]").get_attribute("src") or "")
    near = datetime(2026, 10, 25, 12, tzinfo=UTC)
    instants = [datetime(2026, *day, 0, 30, tzinfo=UTC) + timedelta(hours=h) for day in NIGHTS for h in range(3)]
    for language, instant in product(Language, instants):
        told = await page.evaluate(TELLS, [module, language.value, instant.isoformat(), near.isoformat()])
        assert told == words_of(language).clock(instant, near=near, seconds=True)

    await page.goto(f"{staffed.address}/?lang=sv&selected=incident%2Fkustfiber%2FI-4")
    await expect(page.locator("#part-detail header")).to_contain_text("började 29/3 01:30")
    await expect(page.locator("#d-forecast")).to_contain_text("mellan 29/3 01:30 och 29/3 03:30")


NIGHTS = ((3, 29), (9, 4), (10, 24), (10, 25))
TELLS = """([file, language, at, near]) => {
    document.documentElement.lang = language;
    return import(file).then((module) => module.clock(at, { near, toTheSecond: true }));
}"""


async def test_time_travel_into_the_nights_when_the_clocks_change(staffed: Room, visit: Open) -> None:
    async def shown(page: Page, local: str) -> None:
        await is_live(page)
        await page.locator("#at").fill(local)
        await page.locator("form.log").get_by_role("button", name="Visa").click()

    page = await signed_in(visit, staffed, "/?lang=sv")
    await shown(page, "2026-10-25T02:30")
    await expect(page.locator(".banner.then")).to_contain_text("DÅ 25/10 02:30 CEST")
    await page.get_by_role("link", name="visa 02:30 CET i stället").click()
    await expect(page.locator(".banner.then")).to_contain_text("DÅ 25/10 02:30 CET")
    await is_accessible(page)
    await shown(page, "2026-10-25T02:30")  # whoever is there means the time that is shown
    await expect(page.locator(".banner.then")).to_contain_text("DÅ 25/10 02:30 CET")
    await shown(page, "2026-03-29T02:30")
    await expect(page.get_by_role("alert")).to_contain_text("hoppar klockan från 02.00 till 03.00")
    await page.get_by_role("link", name="Tillbaka").click()
    await expect(page.locator("#part-list")).to_be_visible()
    await expect(page.locator(".banner.then")).to_have_count(0)
    await shown(page, "2026-03-29T03:00")
    await expect(page.locator(".banner.then")).to_contain_text("DÅ 29/3 03:00")


async def test_what_an_operator_writes_stays_text(broker: Running, tmp_path: Path, visit: Open) -> None:
    async with served(broker, tmp_path, f"nasty{next(_numbers)}") as room:
        page = await visit(room)
        await room.tell(incident(title=NASTY, description=NASTY, reason=NASTY))
        await expect(page.locator("#part-list .title")).to_have_text(NASTY)
        await expect(page.locator("#part-detail h3")).to_contain_text(NASTY)
        assert await page.locator("img, script:not([src])").count() == 0
        assert "owned" not in await page.title()


async def test_a_lost_stream_is_an_alarm_and_a_hub_that_is_back_ends_it(
    broker: Running, tmp_path: Path, visit: Open
) -> None:
    actors = resources.files("producers").joinpath("actors.toml").read_text("utf-8")
    realm = Realm(f"lost{next(_numbers)}")
    group = await provision_group(broker, realm, tmp_path / "credentials", actors)
    async with hub_of(group, tmp_path) as hub:
        room = Room(hub, group, tmp_path)
        port = urlsplit(hub.address).port or 0
        page = await visit(room)
        await expect(page.locator(".settled")).to_contain_text("i takt")
        await expect(page.locator("#lost")).to_be_hidden()
    await expect(page.locator("#lost")).to_be_visible()
    await expect(page.locator("#lost")).to_contain_text("FÖRBINDELSEN BRUTEN")
    await expect(page.locator("html")).to_have_class(re.compile("stream-lost"))
    await room.tell(incident(title="Medan ingen såg"))
    async with hub_of(group, tmp_path, port):
        await expect(page.locator("#lost")).to_be_hidden()
        await expect(page.locator("#part-list .title")).to_have_text("Medan ingen såg")
