"""The gateway over real HTTP: who is let in, what is kept, and what is answered."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from producers.gateway import Limits
from tests.gateway.conftest import PATIENCE, Answering, Start
from tests.unit.test_cli import GOOD

JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}


def post(client: httpx.Client, *messages: Any, **headers: str) -> httpx.Response:
    body = "".join(f"{json.dumps(message)}\n" for message in messages)
    return client.post("/v1/messages", content=body, headers={**(JSON if len(messages) == 1 else NDJSON), **headers})


def settled(client: httpx.Client, number: int) -> dict[str, Any]:
    """The receipt once it waits no more."""
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = client.get(f"/v1/receipts/{number}")
        assert answer.status_code == 200
        receipt: dict[str, Any] = answer.json()
        if receipt["state"] != "WAITING":
            return receipt
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def answering(start: Start) -> Answering:
    return start()


def test_a_message_gets_a_receipt_and_reaches_the_bus(answering: Answering) -> None:
    with answering.client(answering.key()) as client:
        answer = post(client, GOOD)
        assert answer.status_code == 202
        [receipt] = answer.json()["receipts"]
        assert (receipt["ref"], receipt["revision"]) == ("incident/nordtel/I-1", 1)
        stored = settled(client, receipt["number"])
        assert (stored["state"], stored["topic"], stored["offset"]) == ("STORED", "ntsg.incident.v1.nordtel", 0)
        said = client.get("/v1/messages/incident/I-1").json()
        assert said["message"]["sent_at"] == GOOD["sent_at"]
        assert said["message"]["title"] == "Avbrott"
        assert client.get("/v1/receipts").json() == {"receipts": []}


def test_many_are_kept_together_or_not_at_all(answering: Answering) -> None:
    with answering.client(answering.key()) as client:
        answer = post(client, GOOD, GOOD | {"id": "I-2", "areas": [{"kind": "LAN", "code": "7"}]}, GOOD | {"titel": 1})
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["type"] == "urn:ntsg:problem:invalid-message"
        assert [(fault["line"], fault["path"]) for fault in problem["problems"]] == [(2, "areas.0.code"), (3, "titel")]
        assert client.get("/v1/messages").json() == {"messages": []}
        assert [r["ref"][-3:] for r in post(client, GOOD, GOOD | {"id": "I-2"}).json()["receipts"]] == ["I-1", "I-2"]


def test_own_messages_come_page_by_page_in_their_latest_revision(answering: Answering) -> None:
    with answering.client(answering.key()) as client, answering.client(answering.key("samordning")) as other:
        post(client, *[GOOD | {"id": f"I-{n}"} for n in range(5)], GOOD | {"id": "I-0", "revision": 2, "title": "Nytt"})
        found: list[dict[str, Any]] = []
        query = {"limit": "2"}
        while True:
            page = client.get("/v1/messages", params=query).json()
            found += page["messages"]
            if "next" not in page:
                break
            query["after"] = page["next"]
        assert [(said["message"]["id"], said["message"]["revision"]) for said in found] == [
            ("I-0", 2), ("I-1", 1), ("I-2", 1), ("I-3", 1), ("I-4", 1)
        ]  # fmt: skip
        assert client.get("/v1/messages", params={"kind": "work"}).json() == {"messages": []}
        assert other.get("/v1/messages").json() == {"messages": []}
        assert other.get("/v1/messages/incident/I-1").status_code == 404
        assert other.get("/v1/receipts/1").status_code == 404


@pytest.mark.parametrize("key", ["", "Bearer", "Bearer x", "Basic abc", "Bearer ntsg_aaaaaaaa_" + "a" * 43])
def test_without_a_valid_key_nothing_is_said(answering: Answering, key: str) -> None:
    with answering.client() as client:
        for path in ("/v1/messages", "/v1/receipts", "/v1/receipts/1", "/v1/messages/incident/I-1"):
            answer = client.get(path, headers={"Authorization": key})
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
        assert client.post("/v1/messages", content="{}", headers={"Authorization": key}).status_code == 401


def test_whoever_tries_keys_has_to_wait(start: Start) -> None:
    answering = start(limits=Limits(failures_per_minute=3))
    with answering.client("wrong") as client:
        statuses = [client.get("/v1/messages").status_code for _ in range(5)]
        assert statuses == [401, 401, 401, 429, 429]
    with answering.client(answering.key()) as client:  # from the same address: a right key does not help
        answer = client.get("/v1/messages")
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1


def test_a_key_opens_nobody_elses_name(answering: Answering) -> None:
    with answering.client(answering.key()) as client:
        answer = post(client, GOOD | {"actor": "sveamobil"})
        assert answer.status_code == 403
        assert "speaks for nordtel, not for sveamobil" in answer.json()["detail"]
        assert post(client, GOOD | {"on_behalf_of": "sveamobil"}).status_code == 403
    with answering.client(answering.key("samordning")) as staff:
        told = GOOD | {"actor": "samordning", "on_behalf_of": "sveamobil", "reported_via": "PROXY_PHONE"}
        assert post(staff, told).status_code == 202
        assert post(staff, told | {"on_behalf_of": "nobody"}).status_code == 403
    with answering.client(answering.key("stadsnat")) as member:  # speaks_for = ["*"]
        assert post(member, GOOD | {"actor": "stadsnat", "on_behalf_of": "lagpris"}).status_code == 202


def test_an_exercise_does_not_enter_the_real_realm(answering: Answering) -> None:
    with answering.client(answering.key()) as client:
        answer = post(client, GOOD | {"status": "EXERCISE"})
        assert answer.status_code == 422
        assert answer.json()["problems"][0]["path"] == "status"


def test_an_idempotency_key_gives_the_same_answer(answering: Answering) -> None:
    with answering.client(answering.key()) as client, answering.client(answering.key("samordning")) as other:
        name = {"Idempotency-Key": "a-1"}
        first = post(client, GOOD, **name)
        again = post(client, GOOD, **name)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert post(client, GOOD | {"title": "Annat"}, **name).json()["type"] == "urn:ntsg:problem:key-reused"
        assert post(other, GOOD | {"actor": "samordning"}, **name).status_code == 202
        assert post(client, GOOD | {"titel": 1}, **{"Idempotency-Key": "a-2"}).status_code == 422
        assert post(client, GOOD, **{"Idempotency-Key": "a-2"}).status_code == 202  # a refusal is not remembered


@pytest.mark.parametrize(
    ("content", "headers", "status", "name"),
    [
        (b"{", JSON, 422, "invalid-message"),
        (b"\xff", JSON, 422, "invalid-message"),
        (b"", NDJSON, 400, "unreadable"),
        (b"a=1", {"Content-Type": "text/plain"}, 415, "unsupported-media-type"),
        (b" " * 3000, JSON, 413, "too-large"),
        (b"\n" * 20, NDJSON, 413, "too-large"),
        (b"{}", JSON | {"Idempotency-Key": "x" * 256}, 400, "unreadable"),
    ],
)
def test_what_cannot_be_taken_is_a_problem(
    start: Start, content: bytes, headers: dict[str, str], status: int, name: str
) -> None:
    answering = start(limits=Limits(body_bytes=2000, lines=10))
    with answering.client(answering.key()) as client:
        answer = client.post("/v1/messages", content=content, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (status, f"urn:ntsg:problem:{name}")
        assert answer.json()["status"] == status


def test_a_body_that_trickles_is_given_up(start: Start) -> None:
    answering = start(limits=Limits(body_seconds=0.2))

    def trickle() -> Any:
        yield b"{"
        time.sleep(2)
        yield b"}"

    with answering.client(answering.key()) as client:
        assert client.post("/v1/messages", content=trickle(), headers=JSON).status_code == 408


def test_one_key_has_its_rate(start: Start) -> None:
    answering = start(limits=Limits(rate=0.001, burst=3))
    with answering.client(answering.key()) as one, answering.client(answering.key()) as two:
        assert [one.get("/v1/receipts").status_code for _ in range(4)] == [200, 200, 200, 429]
        assert two.get("/v1/receipts").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/nothing", 404), ("DELETE", "/v1/messages", 405), ("GET", "/v1/messages/weather/I-1", 404),
     ("GET", "/v1/receipts/abc", 404), ("GET", "/v1/receipts/" + "9" * 40, 404), ("GET", "/v1/messages?limit=0", 400)],
)  # fmt: skip
def test_a_wrong_path_is_a_problem_too(answering: Answering, method: str, path: str, status: int) -> None:
    with answering.client(answering.key()) as client:
        answer = client.request(method, path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_every_answer_carries_its_headers_and_no_log_line_a_secret(answering: Answering) -> None:
    key = answering.key()
    with capture_logs() as logs, answering.client(key) as client:
        answer = post(client, GOOD)
        client.get("/v1/messages", headers={"Authorization": "Bearer ntsg_aaaaaaaa_" + "b" * 43})
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers
    told = json.dumps(logs, default=str)
    assert "key_refused" in told
    assert key[14:] not in told
    assert "b" * 43 not in told
    assert GOOD["title"] not in told


def test_a_full_outbox_says_so(start: Start) -> None:
    answering = start(limits=Limits(outbox_bytes=1_000_000))
    with answering.client(answering.key()) as client:
        large = [GOOD | {"id": f"I-{n}", "description": "x" * 4000} for n in range(900)]
        answer = post(client, *large)
        assert (answer.status_code, answer.json()["type"]) == (507, "urn:ntsg:problem:outbox-full")
        assert client.get("/v1/messages").json() == {"messages": []}
