"""Alerts in the room: whom the hub wakes is shown, and an administrator tries whether it arrives."""

from __future__ import annotations

from pathlib import Path

import pytest

from bus.vocabulary import Audience
from consumers.alerts import AlertRules
from consumers.room.sight import RoomRole
from tests.integration.test_alerts import hook, web_server
from tests.room.conftest import Start, token_in


@pytest.mark.parametrize("answer", [204, 500])
async def test_a_test_alert_is_sent_and_who_did_not_take_it_is_named(start: Start, tmp_path: Path, answer: int) -> None:
    with web_server() as web:
        web.answer = answer
        rules = AlertRules(channels=(hook(web, tmp_path),))
        async with start(alerts=rules) as site, site.signed_in("kim", RoomRole.ADMINISTRATOR) as client:
            page = (await client.get("/?tab=alerts&lang=en")).text
            assert "a situation reaches level 4" in page
            assert web.url not in page
            csrf = token_in(page)
            assert (await client.post("/alerts/test", data={"csrf": "wrong"})).status_code == 403
            tried = await client.post("/alerts/test?lang=en", data={"csrf": csrf})
            assert tried.status_code == 200
            assert ("jour" in tried.text, "answered 500" in tried.text) == (True, answer == 500)
            assert [alert["rule"] for alert in web.taken] == (["TEST"] if answer == 204 else [])


async def test_only_an_administrator_sends_one(start: Start, tmp_path: Path) -> None:
    with web_server() as web:
        async with start(alerts=AlertRules(channels=(hook(web, tmp_path),))) as site:
            async with site.signed_in("kim", RoomRole.OFFICER) as client:
                page = (await client.get("/?tab=alerts")).text
                assert "jour" in page
                assert (await client.post("/alerts/test", data={"csrf": token_in(page)})).status_code == 403
            async with site.signed_in("gast", audience=Audience.PEER) as guest:
                assert "jour" not in (await guest.get("/?tab=alerts")).text
        assert web.taken == []


async def test_a_hub_that_wakes_nobody_says_so(start: Start) -> None:
    async with start() as site, site.signed_in("kim", RoomRole.ADMINISTRATOR) as client:
        page = (await client.get("/?tab=alerts&lang=en")).text
        assert "wakes nobody" in page
        assert (await client.post("/alerts/test", data={"csrf": token_in(page)})).status_code == 404
