"""Who may enter, and who may not: sessions, tokens, forms, guessing, and what a browser is told to keep to."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from html import unescape

import httpx
import pytest
from structlog.testing import capture_logs

from bus.vocabulary import Audience, Tlp
from consumers.room.access import POLICY
from consumers.room.accounts import IDLE, LONGEST
from consumers.room.page import PARTS
from consumers.room.sight import RoomRole
from consumers.room.throttle import FREE, LONGEST_WAIT, Throttle
from tests.group import incident, record, send
from tests.room.conftest import PASSWORD, REALM, Site, Start, sign_in, token_in, until

FOR_ANYBODY = {"/health/live", "/health/ready", "/login", "/static/{mark}/{name:path}"}

NOT_READ = {"/logout", "/v1/changes", "/acts", "/acts/preview"}


async def test_nothing_but_health_and_the_door_is_for_anybody(site: Site) -> None:
    paths = {getattr(route, "path", "") for route in site.hub.room.routes} - FOR_ANYBODY
    assert {"/", "/parts/{name}", "/v1/view", "/v1/changes", "/v1/openapi.json", "/logout"} <= paths
    async with site.client() as client:
        for path in sorted(paths):
            method = "POST" if path in {"/logout", "/acts", "/acts/preview"} else "GET"
            answer = await client.request(method, path.replace("{name}", "list").replace("{id}", "x"))
            if path == "/":
                assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2F")
            else:
                assert answer.status_code == 401, path
                assert answer.headers["content-type"] == "application/problem+json"
                assert "ntsg room user add" in answer.json()["detail"]
        for path in ("/health/live", "/health/ready"):
            assert set((await client.get(path)).json()) == {"alive", "settled"}


async def test_somebody_signs_in_and_out(site: Site) -> None:
    site.add("kim")
    async with site.client() as client:
        refused = await client.get("/", params={"tab": "conflicts"})
        answer = await sign_in(client, "Kim", address=refused.headers["location"])
        assert answer.headers["location"] == "/?lang=sv&tab=conflicts"
        cookie = answer.headers.get_list("set-cookie")[0]
        assert cookie.startswith("ntsg=")
        assert {"Path=/", "HttpOnly", "SameSite=Lax"} <= set(cookie.split("; "))
        assert (await client.get("/")).status_code == 200
        assert (await client.get("/v1/view")).status_code == 200

        kept = dict(client.cookies)
        assert (await client.post("/logout", data={"csrf": "wrong"})).status_code == 403
        csrf = site.accounts.visitor(kept["ntsg"], by_hand=False)
        assert csrf is not None
        assert (await client.post("/logout", data={"csrf": csrf.csrf})).status_code == 303
        client.cookies.set("ntsg", kept["ntsg"])
        assert (await client.get("/v1/view")).status_code == 401


async def test_a_form_of_a_session_that_is_over_leads_to_the_door_and_back(site: Site) -> None:
    async with site.signed_in("kim", RoomRole.OFFICER) as client:
        site.watch.offset = timedelta(hours=2)
        sent = await client.post("/acts/preview?lang=en&tab=needs", data={}, headers={"accept": "text/html"})
        assert sent.status_code == 303
        door = await client.get(sent.headers["location"])
        assert "Your session has ended" in door.text
        form = {"name": "kim", "password": PASSWORD, "csrf": token_in(door.text)}
        address = unescape(door.text.partition('action="')[2].partition('"')[0])
        answer = await client.post(address, data=form | {"password": "wrong"})
        assert (answer.status_code, "gone" in answer.text) == (403, False)
        assert 'action="/login?lang=en' in answer.text
        answer = await client.post(address, data=form)
        assert answer.headers["location"] == "/?lang=en&tab=needs"


async def test_where_travel_is_not_local_a_cookie_is_for_tls_alone(site: Site) -> None:
    site.add("kim")
    headers = {"host": "room.example", "x-forwarded-proto": "https", "x-forwarded-for": "192.0.2.7"}
    async with site.client(headers=headers) as client:
        page = await client.get("/login")
        given = page.headers["set-cookie"]
        assert given.startswith("__Host-ntsg-form=")
        assert "; Secure" in given
        assert "strict-transport-security" in page.headers
        form = {"name": "kim", "password": PASSWORD, "csrf": token_in(page.text)}
        answer = await client.post("/login", data=form, headers={"cookie": given.split(";")[0]})
        assert answer.headers.get_list("set-cookie")[0].startswith("__Host-ntsg=")
        assert answer.headers.get_list("set-cookie")[0].endswith("; Secure")


async def test_the_way_back_stays_in_the_room(site: Site) -> None:
    site.add("kim")
    for away in ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "/logout"):
        async with site.client() as client:
            page = await client.get("/login", params={"next": away})
            form = {"name": "kim", "password": PASSWORD, "csrf": token_in(page.text)}
            answer = await client.post("/login", params={"next": away}, data=form)
            assert answer.headers["location"].startswith("/?lang=sv"), away


async def test_every_answer_keeps_the_browser_strict(site: Site) -> None:
    async with site.client() as client, site.machine() as machine:
        for answer in (await client.get("/login"), await client.get("/nowhere"), await machine.get("/v1/view")):
            assert answer.headers["content-security-policy"] == POLICY
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "server" not in answer.headers
        assert "unsafe" not in POLICY
        page = (await client.get("/login")).text
        assert "<style" not in page
        assert " style=" not in page
        assert "<script>" not in page


async def test_a_form_from_elsewhere_is_not_taken(site: Site) -> None:
    site.add("kim")
    async with site.client() as client:
        page = await client.get("/login")
        form = {"name": "kim", "password": PASSWORD, "csrf": token_in(page.text)}
        for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
            assert (await client.post("/login", data=form, headers=headers)).status_code == 403
        assert (await client.post("/login", data={**form, "csrf": "x"})).status_code == 403
        client.cookies.clear()
        assert (await client.post("/login", data=form)).status_code == 403


async def test_forms_are_small_and_plain(site: Site) -> None:
    async with site.client() as client:
        huge = await client.post("/login", data={"name": "k" * 70_000})
        assert huge.status_code == 413
        assert (await client.post("/login", files={"name": b"x"})).status_code == 415
        many = "&".join(f"a{n}=1" for n in range(1_000))
        plain = {"content-type": "application/x-www-form-urlencoded"}
        assert (await client.post("/login", content=many, headers=plain)).status_code == 400
        assert (await client.post("/login", content=b"\xff\xfe", headers=plain)).status_code == 400


# Guessing


def test_guessing_is_slowed_by_address_and_by_account_and_keeps_nobody_out() -> None:
    now = [0.0]
    throttle = Throttle(lambda: now[0])
    throttle.succeeded("10.0.0.1", "kim")
    for _ in range(FREE):
        assert throttle.wait("192.0.2.7", "kim") == 0
        throttle.failed("192.0.2.7", "kim")
    assert throttle.wait("192.0.2.7", "other") == 1
    for _ in range(30):
        throttle.failed("192.0.2.7", "kim")
    assert throttle.wait("192.0.2.7", "kim") == LONGEST_WAIT["address"]
    assert throttle.wait("192.0.2.8", "kim") == LONGEST_WAIT["account"]
    assert throttle.wait("10.0.0.1", "kim") == 0, "where kim has been before"
    now[0] += LONGEST_WAIT["address"]
    assert throttle.wait("192.0.2.7", "kim") == 0


async def test_who_guesses_has_to_wait_and_a_password_is_in_no_log(site: Site) -> None:
    site.add("kim")
    async with site.client() as client:
        with capture_logs() as logs:
            answers = [await sign_in(client, "kim", "fel lösenord här") for _ in range(FREE)]
            unknown = await sign_in(client, "PASSWORD typed as name", "fel lösenord här")
        assert [answer.status_code for answer in answers] == [403] * FREE
        slowed = unknown if unknown.status_code == 429 else await sign_in(client, "kim")
        assert slowed.status_code == 429, "the right one has to wait, too"
        assert int(slowed.headers["retry-after"]) >= 1
    assert all(log["account"] in {"kim", "?"} for log in logs if log["event"].startswith("sign_in"))
    assert "fel lösenord" not in str(logs)


# Sessions


async def test_a_session_ends_when_nobody_uses_it(site: Site) -> None:
    async with site.signed_in("kim", RoomRole.OFFICER) as client:
        site.watch.offset = IDLE[RoomRole.OFFICER] * 0.6
        assert (await client.get("/")).status_code == 200
        site.watch.offset = IDLE[RoomRole.OFFICER] * 1.5
        assert (await client.get("/parts/list")).status_code == 200, "in use until then"
        site.watch.offset = IDLE[RoomRole.OFFICER] * 1.7
        assert (await client.get("/parts/list")).status_code == 401, "what a page fetches by itself is no use"


async def test_a_session_ends_however_busy(site: Site) -> None:
    async with site.signed_in("kim", RoomRole.OFFICER) as client:
        step = IDLE[RoomRole.OFFICER] * 0.9
        while site.watch.offset + step < LONGEST[RoomRole.OFFICER]:
            site.watch.offset += step
            assert (await client.get("/")).status_code == 200
        site.watch.offset = LONGEST[RoomRole.OFFICER]
        assert (await client.get("/")).status_code == 303


async def test_an_account_that_ends_is_out_at_once(site: Site) -> None:
    async with site.signed_in("kim") as kim, site.signed_in("alex") as alex:
        site.accounts.end("kim")
        site.accounts.rotate("alex", "ett annat långt lösenord")
        assert (await kim.get("/v1/view")).status_code == 401
        assert (await alex.get("/v1/view")).status_code == 401
        assert (await sign_in(kim, "kim")).status_code == 403
        assert (await sign_in(alex, "alex")).status_code == 403
        assert (await sign_in(alex, "alex", "ett annat långt lösenord")).status_code == 303


# Machines


async def test_a_token_is_good_until_it_ends(site: Site) -> None:
    token = site.accounts.add_token("karta", Audience.FULL, site.watch() + timedelta(hours=1))
    async with site.client() as client:
        for scheme, given, status in (
            ("Bearer", token, 200),
            ("bearer", token, 200),
            ("Basic", token, 401),
            ("Bearer", token[:-1], 401),
            ("Bearer", "ntsg__" + "x" * 5_000, 401),
        ):
            answer = await client.get("/v1/view", headers={"authorization": f"{scheme} {given}"})
            assert answer.status_code == status, (scheme, given)
        site.watch.offset = timedelta(hours=1)
        assert (await client.get("/v1/view", headers={"authorization": f"Bearer {token}"})).status_code == 401
    [kept] = site.accounts.tokens()
    assert kept.used_at is not None
    assert token not in repr(kept)
    site.accounts.end_token(kept.id)
    assert site.accounts.tokens() == []


async def test_a_wrong_token_is_nobody_whatever_else_comes_with_it(site: Site) -> None:
    async with site.signed_in("kim") as client:
        assert (await client.get("/v1/view", headers={"authorization": "Bearer nobody"})).status_code == 401


# Audiences


@pytest.mark.parametrize("audience", [Audience.AUTHORITY, Audience.PEER])
async def test_no_address_shows_what_lies_above_the_audience(site: Site, audience: Audience) -> None:
    secret, exact = "HEMLIGT-4711", 123_457
    red = incident("nordtel", "I-9", title=secret, tlp=Tlp.RED, description=secret)
    seen = incident("sveamobil", "I-1", users={"value": exact}, infrastructure_ids=(secret,))
    await send(site.bus, record(REALM, red), record(REALM, seen))
    await until(lambda: site.hub.status().inputs.get("ntsg.incident.v1.sveamobil:0", 0) == 1, "folded")
    assert secret in site.hub.view().model_dump_json()
    red_id = next(s.id for s in site.hub.view().situations if s.title == secret)
    hidden = [secret, *([str(exact)] if audience is Audience.PEER else [])]
    queries = ("", "?ref=incident/nordtel/I-9", f"?selected=situation/{red_id}", "?as_of=2026-01-10T06:00Z")[
        : 4 if audience is Audience.PEER else 3
    ]
    parts = {"/parts/{name}": [f"/parts/{name}" for name in PARTS]}
    paths = {getattr(route, "path", "") for route in site.hub.room.routes} - FOR_ANYBODY - NOT_READ
    async with site.signed_in("gast", audience=audience) as person, site.machine(audience) as machine:
        for pattern in sorted(paths):
            client = machine if pattern.startswith("/v1/") else person
            for path in parts.get(pattern, [pattern.replace("{id}", red_id)]):
                for query in queries:
                    body = (await client.get(path + query)).text
                    assert not [text for text in hidden if text in body], path + query
        for client in (person, machine):
            answer = await client.get("/v1/view")
            assert answer.json()["audience"] == audience
            assert answer.json()["withheld"] == {"tlp:incident": 1}
            assert red_id not in answer.text
            assert "incident/nordtel/I-9" not in answer.text


async def test_single_reports_are_for_the_audience_that_sees_all(site: Site) -> None:
    async with site.machine(Audience.PEER) as client:
        for path in ("/v1/messages", "/v1/explain"):
            answer = await client.get(path, params={"ref": "incident/nordtel/I-1"})
            assert answer.status_code == 403
            assert "FULL" in answer.json()["detail"]


# Open


async def test_an_open_hub_is_open_to_this_machine_alone(start: Start) -> None:
    async with start(is_open=True) as site, site.client() as client:
        assert (await client.get("/v1/view")).status_code == 200
        assert (await client.get("/")).status_code == 200
        port = httpx.URL(site.hub.address).port
        for headers in (
            {"host": f"evil.example:{port}"},  # whose name was pointed here
            {"x-forwarded-for": "192.0.2.7"},
            {"forwarded": "for=192.0.2.7"},
            {"via": "1.1 proxy"},
        ):
            assert (await client.get("/v1/view", headers=headers)).status_code == 401, headers
        assert (await client.get("/v1/view", headers={"authorization": "Bearer x"})).status_code == 401
        assert (await client.post("/logout", data={"csrf": ""})).status_code == 403


# Files


async def test_no_file_is_reached_by_a_trick(site: Site) -> None:
    async with site.client() as client:
        mark = (await client.get("/login")).text.partition("/static/")[2].partition("/")[0]
        for name in ("../page.py", "..%2f..%2faccess.py", "/etc/passwd", "", ".", "room.css/..", "room.css%00"):
            assert (await client.get(f"/static/{mark}/{name}")).status_code in {401, 404}, name


async def test_what_never_changes_is_kept_for_good(site: Site) -> None:
    async with site.client() as client:
        address = "/static/" + (await client.get("/login")).text.partition("/static/")[2].partition('"')[0]
        answer = await client.get(address)
        assert "immutable" in answer.headers["cache-control"]
        again = await client.get(address, headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


async def test_many_at_the_door_do_not_stop_the_hub(site: Site) -> None:
    site.add("kim")
    async with site.client() as client:
        page = await client.get("/login")
        form = {"name": "kim", "password": PASSWORD, "csrf": token_in(page.text)}
        answers = await asyncio.gather(*(client.post("/login", data=form) for _ in range(30)))
        assert {answer.status_code for answer in answers} <= {303, 503}
        assert 303 in {answer.status_code for answer in answers}
