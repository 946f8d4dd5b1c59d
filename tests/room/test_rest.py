"""What programs ask under /v1: the picture and its parts, as the OpenAPI document says."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from bus.vocabulary import Audience
from consumers.merge.explain import Explanation
from consumers.merge.view import Situation, View
from consumers.room.rest import MOST
from tests.group import incident, link, record, send
from tests.room.conftest import PATIENCE, REALM, Site, until

COUNTIES = ("01", "03", "04", "05", "06", "07", "08", "09", "10", "12")


@pytest.fixture
async def filled(site: Site) -> Site:
    """Ten incidents in ten counties, two of them linked."""
    told = [incident("nordtel", f"I-{n}", areas=({"kind": "LAN", "code": c},)) for n, c in enumerate(COUNTIES)]
    together = link(a="incident/nordtel/I-0", b="incident/nordtel/I-1")
    await send(site.bus, *(record(REALM, message) for message in (*told, together)))
    await until(lambda: len(site.hub.view().situations) == len(COUNTIES) - 1, "all are seen")
    return site


@pytest.fixture
async def client(filled: Site) -> AsyncIterator[httpx.AsyncClient]:
    async with filled.machine() as client:
        yield client


async def test_the_view_is_that_of_the_hub(filled: Site, client: httpx.AsyncClient) -> None:
    view = View.model_validate_json((await client.get("/v1/view")).content)
    assert view.digest == filled.hub.status().digest
    assert [s.id for s in view.situations] == [s.id for s in filled.hub.view().situations]
    assert (await client.get("/v1/digest")).json()["inputs"] == view.inputs


async def test_pages_are_the_list_whole_and_in_order(filled: Site, client: httpx.AsyncClient) -> None:
    for path, size in (("situations", 2), ("situations", 500), ("areas", 5), ("actors", 1)):
        found: list[dict[str, object]] = []
        cursor: str | None = None
        while True:
            params = {"limit": str(size)} | ({"cursor": cursor} if cursor else {})
            page = (await client.get(f"/v1/{path}", params=params)).json()
            assert len(page["items"]) <= size
            found += page["items"]
            cursor = page["next"]
            if cursor is None:
                break
        whole = json.loads(filled.hub.view().model_dump_json())[path]
        name = {"situations": "id", "areas": "code", "actors": "actor"}[path]
        assert [item[name] for item in found] == [item[name] for item in whole]


FILTERS: list[tuple[dict[str, str], int]] = [
    ({"county": "07"}, 1),
    ({"county": "25"}, 0),
    ({"service": "MOBILE_VOICE"}, 9),
    ({"service": "TV_BROADCAST"}, 0),
    ({"actor": "nordtel"}, 9),
    ({"actor": "sveamobil"}, 0),
    ({"severity": "1"}, 9),
    ({"severity": "5"}, 0),
    ({"state": "CLOSED"}, 0),
]


async def test_lists_are_filtered(client: httpx.AsyncClient) -> None:
    for params, count in FILTERS:
        answer = await client.get("/v1/situations", params=params)
        assert (answer.status_code, len(answer.json()["items"])) == (200, count), params


async def test_an_alias_leads_to_its_situation(filled: Site, client: httpx.AsyncClient) -> None:
    [joined] = [s for s in filled.hub.view().situations if s.aliases]
    answer = await client.get(f"/v1/situations/{joined.aliases[0]}")
    assert Situation.model_validate_json(answer.content).members == joined.members
    assert answer.headers["content-location"] == f"/v1/situations/{joined.id}"
    unknown = await client.get(f"/v1/situations/{joined.id[:-1]}x")
    assert (unknown.status_code, unknown.json()["nearest"][0]) == (404, f"situation/{joined.id}")


async def test_what_was_said_and_why_it_shows(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/messages", params={"ref": "incident/nordtel/I-1"})
    [message] = answer.json()["messages"]
    assert (message["kind"], message["id"], "known_at" in message) == ("incident", "I-1", True)
    answer = await client.get("/v1/explain", params={"ref": "incident/nordtel/I-1#messages"})
    assert [s.section for s in Explanation.model_validate_json(answer.content).sections] == ["messages"]
    for ref in ("incident/nordtel/I-404", "incident", "situation/x", "../x", "\x00", "status/nordtel/status"):
        assert (await client.get("/v1/messages", params={"ref": ref})).status_code == 404, ref


async def test_a_map_has_every_area_and_every_place_of_a_situation(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/areas.geojson")
    assert answer.headers["content-type"] == "application/geo+json"
    features = {feature["id"]: feature for feature in answer.json()["features"]}
    assert len(features) == 21
    assert features["area/07"]["properties"]["worst"] == "OUTAGE"
    assert features["area/25"]["properties"]["worst"] is None
    assert features["area/07"]["geometry"]["type"] == "MultiPolygon"
    places = (await client.get("/v1/situations.geojson", params={"county": "07"})).json()["features"]
    assert [place["properties"]["area"] for place in places] == ["07"]


async def test_an_etag_holds_as_long_as_the_picture(filled: Site, client: httpx.AsyncClient) -> None:
    for path in ("/v1/view", "/v1/situations?limit=2", "/v1/areas.geojson"):
        etag = (await client.get(path)).headers["etag"]
        same = await client.get(path, headers={"if-none-match": f'"other", {etag}'})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
        assert (await client.get(path, headers={"if-none-match": f"{etag}x"})).status_code == 200
    etag = (await client.get("/v1/view")).headers["etag"]
    await send(filled.bus, record(REALM, incident("sveamobil", "I-1")))
    async with asyncio.timeout(PATIENCE):
        while (fresh := await client.get("/v1/view", headers={"if-none-match": etag})).status_code == 304:
            pass
    assert "incident/sveamobil/I-1" in fresh.text


WRONG = [
    ("/v1/situations?limit=0", "limit: use a whole number"),
    (f"/v1/situations?limit={MOST + 1}", "limit"),
    ("/v1/situations?limit=1&limit=2", "limit: give it once"),
    ("/v1/situations?colour=red", "'colour' is no parameter here"),
    ("/v1/areas?county=99", "county"),
    ("/v1/view?as_of=yesterday", "as_of"),
    ("/v1/explain", "ref: must be given"),
    ("/v1/view?audience=FULL", "'audience' is no parameter"),
]
MISSING = [
    ("/v1/situations?cursor=x", "cursor: no page has it"),
    ("/v1/situations?cursor=WzFd", "cursor: no page has it"),
    ("/v1/areas?cursor=W1tbW1tbW1tbW1tbW10=", "cursor: no page has it"),
    ("/v1/view?as_of=2126-01-01T00:00:00Z", "lies ahead"),
    ("/v1/situations/sit-0", "no situation answers to"),
]


async def test_what_is_asked_wrongly_is_refused_with_a_remedy(client: httpx.AsyncClient) -> None:
    for questions, status in ((WRONG, 400), (MISSING, 404)):
        for path, detail in questions:
            answer = await client.get(path)
            assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), path
            assert detail in answer.json()["detail"]


# The past


async def test_the_past_is_what_was_known_then(filled: Site, client: httpx.AsyncClient) -> None:
    before = filled.hub.view()
    known = max(e.winner.known_at for e in filled.hub.fold.state.entities())
    await until(lambda: filled.hub.as_of() > known + timedelta(milliseconds=50), "time passes")
    then = filled.hub.as_of()
    await until(lambda: filled.hub.as_of() > then, "time passes")
    await send(filled.bus, record(REALM, incident("sveamobil", "I-1")))
    await until(lambda: filled.hub.status().inputs.get("ntsg.incident.v1.sveamobil:0") == 1, "folded")
    asked = {"as_of": then.isoformat()}
    answer = await client.get("/v1/view", params=asked)
    view = View.model_validate_json(answer.content)
    assert (view.digest, view.as_of) == (before.digest, then)
    assert [s.id for s in view.situations] == [s.id for s in before.situations]
    again = await client.get("/v1/view", params=asked, headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304
    assert (await client.get("/v1/explain", params={"ref": "incident/sveamobil/I-1", **asked})).status_code == 404
    assert (await client.get("/v1/messages", params={"ref": "incident/nordtel/I-1", **asked})).status_code == 200
    page = (await client.get("/v1/situations", params={"limit": "1", **asked})).json()
    assert page["as_of"] == answer.json()["as_of"]
    since = await client.get("/", params={"since": then.isoformat(), "tab": "news"})
    assert since.status_code == 200
    assert (await client.get("/", params=asked)).status_code == 200
    assert (await client.get("/", params={"as_of": "2126-01-01T00:00:00Z"})).status_code == 400


# The document


ENDLESS = "/v1/changes"
"""A stream has no end that schemathesis could wait for: `test_live` asks it, and what it refuses is asked here."""
ALIKE = "actors|measures|works|requests|offers|decisions"
"""Lists that are made by the same hand as areas and conflicts: fuzzed, and not asked for every edge."""
PHASES = {
    "coverage": ("--exclude-path-regex", f"^(/v1/({ALIKE})|{ENDLESS})$"),
    "fuzzing": ("--exclude-path", ENDLESS, "--max-examples", "6"),
}
"""Each edge of each parameter; and whatever else comes to mind, the same in every run."""


@pytest.mark.parametrize("phase", PHASES)
async def test_the_document_is_true_to_what_is_answered(filled: Site, tmp_path: Path, phase: str) -> None:
    """schemathesis asks what the document allows, and what it does not, and judges every answer."""
    token = filled.accounts.add_token("prov", Audience.FULL)
    async with filled.client() as client:
        headers = {"authorization": f"Bearer {token}"}
        document = (await client.get("/v1/openapi.json", headers=headers)).json()
    assert document["openapi"] == "3.1.0"
    paths = {getattr(r, "path", "") for r in filled.hub.room.routes if getattr(r, "path", "").startswith("/v1/")}
    assert set(document["paths"]) == paths - {"/v1/openapi.json"}
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        *("run", f"{filled.hub.address}/v1/openapi.json", "--header", f"Authorization: {headers['authorization']}"),
        *("--phases", phase, "--generation-deterministic", "--no-color"),
        *PHASES[phase],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=tmp_path,
    )
    output, _ = await process.communicate()
    told = output.decode()
    assert process.returncode == 0, told[-6_000:]
    skipped = 1 + ALIKE.count("|") + 1 if phase == "coverage" else 1
    assert f"{len(paths) - 1 - skipped} selected / {len(paths) - 1} total" in told


async def test_the_stream_refuses_what_the_document_does_not_allow(filled: Site, client: httpx.AsyncClient) -> None:
    for path in (
        f"{ENDLESS}?after={'9' * 65}",
        f"{ENDLESS}?after=",
        f"{ENDLESS}?since=1",
        f"{ENDLESS}?after=1&after=2",
    ):
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json"), path
    async with filled.client() as nobody:
        assert (await nobody.get(ENDLESS)).status_code == 401
