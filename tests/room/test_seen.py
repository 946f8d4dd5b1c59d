"""What is new since somebody last looked: kept by account, in every browser, through a restart, without JavaScript."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from html import unescape

import httpx
import pytest

from bus.vocabulary import Audience, Tlp
from tests.group import incident, provisioned_memory, record, send
from tests.room.conftest import PATIENCE, REALM, Site, Start, sign_in, token_in, until


async def news(client: httpx.AsyncClient) -> str:
    """What the view of news says, once it is made."""
    async with asyncio.timeout(PATIENCE):
        while "data-under-way" in (page := (await client.get("/?lang=en&tab=news")).text):
            pass
    return page


async def told(site: Site, *ids: str, **fields: object) -> None:
    before = len(site.hub.view().situations)
    await send(site.bus, *(record(REALM, incident("nordtel", id, title=f"Fault {id}", **fields)) for id in ids))
    await until(lambda: len(site.hub.view().situations) == before + len(ids), "told")


async def mark_seen(client: httpx.AsyncClient) -> httpx.Response:
    page = await news(client)
    form = {name: re.search(rf'name="{name}" value="([^"]+)"', page)[1] for name in ("csrf", "digest", "as_of")}  # type: ignore[index]
    return await client.post("/seen?lang=en&tab=news&county=07", data=form)


async def test_news_are_those_since_the_account_last_looked_in_whatever_browser(site: Site) -> None:
    await told(site, "I-1")
    async with site.signed_in("kim") as client, site.client() as phone, site.signed_in("alex") as colleague:
        assert "Fault I-1" not in await news(client), "all is known at the first look"
        await told(site, "I-2")
        await sign_in(phone, "kim")
        for browser in (client, phone):
            assert "Fault I-2" in await news(browser)
            assert "Fault I-1" not in await news(browser)
        answer = await mark_seen(phone)
        assert (answer.status_code, answer.headers["location"]) == (303, "/?lang=en&tab=news&county=07")
        for browser in (client, phone):
            assert "Nothing new since" in await news(browser)
        await told(site, "I-3")
        assert "Fault I-3" in await news(client)
        assert '<span class="mark">NEW</span>' in (await client.get("/parts/list?lang=en")).text
        assert "Fault I-3" not in await news(colleague), "who looks for the first time now"


async def test_a_hub_that_starts_again_knows_it_still(start: Start) -> None:
    bus = await provisioned_memory(REALM)
    async with start(bus) as site, site.signed_in("kim") as client:
        await told(site, "I-1")
        await news(client)
        cookies = dict(client.cookies)
        await until(lambda: site.hub.as_of() > seen_at(site) + timedelta(milliseconds=2), "time passes")
        await told(site, "I-2")
    async with start(bus) as site, site.client(cookies=cookies) as client:
        page = await news(client)
        assert ("Fault I-2" in page, "Fault I-1" in page) == (True, False)


def seen_at(site: Site) -> object:
    return site.accounts.looked("kim", REALM.name)


async def test_what_is_above_the_audience_is_no_news(site: Site) -> None:
    async with site.signed_in("gast", audience=Audience.PEER) as client:
        await news(client)
        await told(site, "I-9", tlp=Tlp.RED)
        await told(site, "I-2")
        page = await news(client)
        assert ("Fault I-2" in page, "Fault I-9" in page) == (True, False)


async def test_who_has_no_account_is_remembered_by_the_browser_alone(start: Start) -> None:
    async with start(is_open=True) as site, site.client() as client, site.client() as other:
        await told(site, "I-1")
        first = await client.get("/?lang=en&tab=news")
        assert "HttpOnly" in first.headers["set-cookie"]
        assert "ntsg-looked-ntsg=" in first.headers["set-cookie"]
        await told(site, "I-2")
        page = await news(client)
        assert ("Fault I-2" in page, "Fault I-1" in page) == (True, False)
        assert '<span class="mark">NEW</span>' in (await client.get("/parts/list?lang=en")).text
        assert "Fault I-2" not in await news(other), "who looks for the first time now"
        seen = re.search(r'<p class="seen"><a class="button" href="([^"]+)"', page)
        assert seen is not None
        await client.get(unescape(seen[1]))
        assert "Nothing new since" in await news(client), "without saying again from when"


@pytest.mark.parametrize("kept", ["yesterday", "2026-01-10T06:00Z", "2126-01-10T06:00Z", '"'])
async def test_what_a_browser_kept_that_is_of_no_use_is_as_nothing(start: Start, kept: str) -> None:
    async with start(is_open=True) as site, site.client() as client:
        page = await client.get("/?lang=en&tab=news", headers={"cookie": f"ntsg-looked-ntsg={kept}"})
        assert "You have not said what you have seen" in page.text
        assert "ntsg-looked-ntsg=" in page.headers["set-cookie"], "news are told from here on"


async def test_a_machine_and_an_account_are_given_nothing_to_keep(site: Site) -> None:
    async with site.machine() as machine, site.signed_in("kim") as client:
        for who in (machine, client):
            assert "set-cookie" not in (await who.get("/?lang=en")).headers


async def test_only_an_account_marks_and_only_what_has_been(site: Site) -> None:
    async with site.signed_in("kim") as client, site.machine() as machine:
        csrf = token_in((await client.get("/")).text)
        first = seen_at(site)
        for form, status in (
            ({"csrf": "wrong", "as_of": "2026-01-10T06:00Z"}, 403),
            ({"csrf": csrf, "as_of": "yesterday"}, 422),
            ({"csrf": csrf, "as_of": "2126-01-10T06:00Z"}, 422),
            ({"csrf": csrf, "as_of": "2026-01-10T06:00Z"}, 303),
        ):
            assert (await client.post("/seen", data=form)).status_code == status, form
        assert seen_at(site) == first, "what was said of a later picture stands"
        assert (await machine.post("/seen", data={"csrf": "", "as_of": "2026-01-10T06:00Z"})).status_code == 403
        site.accounts.end("kim")
        assert seen_at(site) is None


@pytest.mark.parametrize("tab", ["news", "situations"])
async def test_a_picture_that_is_still_being_made_keeps_nobody_waiting(
    site: Site, monkeypatch: pytest.MonkeyPatch, tab: str
) -> None:
    held = asyncio.Event()
    pictures = site.hub.room._sights._pictures
    at = pictures.at

    async def slow(*asked: object) -> object:
        await held.wait()
        return await at(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr(pictures, "at", lambda audience, instant: (slow if instant else at)(audience, instant))
    async with site.signed_in("kim") as client:
        since = (site.hub.as_of() - timedelta(hours=1)).isoformat()
        page = (await client.get("/", params={"tab": tab, "since": since})).text
        assert "data-under-way" in page
        held.set()
        async with asyncio.timeout(PATIENCE):
            while "data-under-way" in (await client.get("/", params={"tab": tab, "since": since})).text:
                pass
