"""Situation reports in the room: made at the press of a button, and fetched as they were made."""

from __future__ import annotations

import re
from pathlib import Path

from bus.vocabulary import Audience
from consumers.room.access import POLICY
from consumers.room.sight import RoomRole
from tests.group import incident, provisioned_memory, record, send
from tests.room.conftest import REALM, Start, token_in, until


async def test_a_report_is_made_listed_and_fetched_alike(start: Start, tmp_path: Path) -> None:
    bus = await provisioned_memory(REALM)
    await send(bus, record(REALM, incident(title="<script>alert(1)</script>")))
    async with start(bus, reports=tmp_path / "reports") as site:
        await until(lambda: len(site.hub.view().situations) == 1, "seen")
        async with (
            site.signed_in("kim", RoomRole.OFFICER) as officer,
            site.signed_in("vagg", RoomRole.VIEWER) as wall,
            site.signed_in("gast", RoomRole.VIEWER, Audience.PEER) as guest,
        ):
            csrf = token_in((await officer.get("/")).text)
            form = {"csrf": csrf, "prepared_by": "vakthavande"}
            assert (await officer.post("/reports", data={**form, "csrf": "x"})).status_code == 403
            assert (
                await wall.post("/reports", data={**form, "csrf": token_in((await wall.get("/")).text)})
            ).status_code == 403
            before = (await wall.get("/parts/report", params={"tab": "report"})).headers["etag"]
            made = await officer.post("/reports", data=form)
            assert (made.status_code, made.headers["location"]) == (303, "/?lang=sv&tab=report")
            fragment = await wall.get("/parts/report", params={"tab": "report"}, headers={"if-none-match": before})
            assert fragment.status_code == 200
            page = (await wall.get("/", params={"tab": "report"})).text
            addresses = sorted(set(re.findall(r'href="(/reports/1/[^"]+)"', page)))
            assert len(addresses) == 7
            for address in addresses:
                answer = await wall.get(address)
                assert answer.status_code == 200
                assert (await officer.get(address)).content == answer.content
                assert (await guest.get(address)).status_code == 404, "of another audience"
            html = await wall.get("/reports/1/report.sv.html")
            assert html.headers["content-security-policy"].startswith("sandbox;")
            assert "<script>alert" not in html.text
            assert (await wall.get("/reports/1/report.sv.pdf")).content.startswith(b"%PDF-")
            assert "/reports/1/" not in (await guest.get("/", params={"tab": "report"})).text
            for wrong in ("/reports/2/report.json", "/reports/1/manifest.json", "/reports/1/..%2f1%2freport.json"):
                answer = await wall.get(wrong)
                assert answer.status_code == 404
                assert answer.headers["content-security-policy"] == POLICY
