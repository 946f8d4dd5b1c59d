"""`/v1`: messages in, receipts and own messages out. JSON, problem details, API keys.

A receipt says that the gateway's disk has the message, in the outbox of its actor; `state` says whether the bus has it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from bus.errors import InvalidMessage, NotRemembered, NtsgError
from bus.instants import format_instant
from bus.ndjson import BadLine, Line, read_line, read_lines
from bus.references import Kind
from producers.gateway.gateway import Author, Gateway
from producers.gateway.openapi import document
from producers.gateway.problems import Problem, faults_of
from producers.gateway.records import Answer, Said
from producers.outbox import Entry

__all__ = ["routes"]

PAGE = 100
"""Entities of one answer, unless `limit` says otherwise, up to MOST."""
MOST = 1_000
LONGEST_NAME = 255
"""Characters of an Idempotency-Key."""

log = structlog.get_logger(__name__)

Handle = Callable[[Gateway, Author, Request], Awaitable[Response]]


def routes(gateway: Gateway) -> list[Route]:
    """The routes of the API."""

    def route(path: str, **methods: Handle) -> Route:
        async def answer(request: Request) -> Response:
            author = await authenticated(gateway, request)
            return await methods[request.method if request.method != "HEAD" else "GET"](gateway, author, request)

        return Route(path, answer, methods=[*methods])

    async def described(_: Request) -> Response:
        return _json(document())

    async def healthy(_: Request) -> Response:
        return _json({"status": "ok" if not gateway.problems() else "waiting", "realm": str(gateway.realm)})

    return [
        route("/v1/messages", GET=own_messages, POST=post_messages),
        route("/v1/messages/{kind}/{id}", GET=own_message),
        route("/v1/receipts", GET=unsettled),
        route("/v1/receipts/{number}", GET=receipt),
        Route("/v1/openapi.json", described, methods=["GET"]),
        Route("/v1/health", healthy, methods=["GET"]),
    ]


async def authenticated(gateway: Gateway, request: Request) -> Author:
    """Who asks, by `Authorization: Bearer`. Raises Problem."""
    scheme, _, written = request.headers.get("authorization", "").partition(" ")
    return await opened(gateway, request, written.strip() if scheme.lower() == "bearer" else "")


async def opened(gateway: Gateway, request: Request, written: str) -> Author:
    """Who a key belongs to. An address that tries many wrong ones has to wait. Raises Problem."""
    address = request.client.host if request.client else ""
    if wait := gateway.failing.empty(address, time.monotonic()):
        raise Problem("too-many-requests", "too many wrong keys from this address", headers={"Retry-After": str(wait)})
    key = await gateway.database.call(gateway.keys.open, written, datetime.now(UTC))
    if key is None or not gateway.serves(key):
        gateway.failing.take(address, time.monotonic())
        log.warning("key_refused", address=address)
        raise Problem(
            "unauthorized",
            "send `Authorization: Bearer <key>` with a key that is valid here; the gateway's administrator has them",
            headers={"WWW-Authenticate": "Bearer"},
        )
    if wait := gateway.throttled(key.id):
        raise Problem("too-many-requests", f"ask again in {wait} s", headers={"Retry-After": str(wait)})
    return Author(key.actor, key.id)


async def post_messages(gateway: Gateway, author: Author, request: Request) -> Response:
    """One message as JSON, or many as NDJSON: all are kept, or none."""
    body = await body_of(gateway, request)
    name = request.headers.get("idempotency-key")
    if name is None:
        status, content = await _accepted(gateway, author, request, body)
    else:
        status, content = await _once(gateway, author, request, body, name)
    return Response(content, status, media_type="application/json")


async def body_of(gateway: Gateway, request: Request) -> bytes:
    """The body, within the limits of size and time. Raises Problem."""
    limit, seconds = gateway.limits.body_bytes, gateway.limits.body_seconds
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    raise Problem("too-large", f"a body takes {limit:,} bytes; send it in parts")
                chunks.append(chunk)
    except TimeoutError:
        raise Problem("too-slow", f"the body did not arrive within {seconds:g} s") from None
    except ClientDisconnect:
        raise Problem("unreadable", "the connection was closed before the body was whole") from None
    return b"".join(chunks)


async def _once(gateway: Gateway, author: Author, request: Request, body: bytes, name: str) -> tuple[int, bytes]:
    """The same answer to the same request, however often it comes."""
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise Problem("unreadable", f"Idempotency-Key: 1 to {LONGEST_NAME} printable characters")
    mark = hashlib.sha256(request.headers.get("content-type", "").encode() + b"\n" + body).digest()
    known = await gateway.database.call(gateway.records.answer, author.actor, name)
    if known is not None:
        if known.request != mark:
            raise Problem("key-reused", "this Idempotency-Key was sent with another request; choose a new one")
        return known.status, known.body
    under_way = (author.actor, name)
    if under_way in gateway.answering:
        raise Problem(
            "in-progress", "the first of these requests is still being answered", headers={"Retry-After": "1"}
        )
    gateway.answering.add(under_way)
    try:
        status, content = await _accepted(gateway, author, request, body)
        answer = Answer(mark, status, content)
        try:
            await gateway.database.call(gateway.records.remember, author.actor, name, answer, datetime.now(UTC))
        except NotRemembered as error:  # what is sent once more then does no harm: it is the same message
            log.warning("answer_not_remembered", actor=author.actor, reason=str(error))
    finally:
        gateway.answering.discard(under_way)
    return status, content


async def _accepted(gateway: Gateway, author: Author, request: Request, body: bytes) -> tuple[int, bytes]:
    lines = _lines(gateway, request, body)
    try:
        entries = await gateway.publish(author, lines, request.headers.get("traceparent"))
    except NtsgError as error:
        raise Problem.of(error) from error
    log.info("accepted", actor=author.actor, key=author.key, messages=len(entries))
    return 202, json.dumps({"receipts": [as_receipt(entry) for entry in entries]}, separators=(",", ":")).encode()


def _lines(gateway: Gateway, request: Request, body: bytes) -> list[Line]:
    """The messages of a request. Raises Problem, with every fault."""
    match request.headers.get("content-type", "").partition(";")[0].strip().lower():
        case "application/json":
            try:
                return [read_line(body.decode("utf-8", "surrogateescape"))]
            except InvalidMessage as error:
                raise Problem.of(error) from error
        case "application/x-ndjson":
            return _many(gateway, body)
    raise Problem("unsupported-media-type", "send application/json (one message) or application/x-ndjson (one a line)")


def _many(gateway: Gateway, body: bytes) -> list[Line]:
    raw = body.split(b"\n")
    if len(raw) > gateway.limits.lines + 1:
        raise Problem("too-large", f"a request takes {gateway.limits.lines} lines; send them in parts")
    read = list(read_lines(raw))
    faults = [fault for _, line in read if isinstance(line, BadLine) for fault in faults_of(line.error, line.number)]
    if faults:
        raise Problem("invalid-message", "nothing was kept; mend the lines and fields named", faults=faults)
    if not read:
        raise Problem("unreadable", "the body holds no message")
    return [line for _, line in read if isinstance(line, Line)]


async def own_messages(gateway: Gateway, author: Author, request: Request) -> Response:
    """The latest revision of each entity that this actor has told here, page by page."""
    query = request.query_params
    if unknown := sorted(set(query) - {"kind", "after", "limit"}):
        raise Problem("unreadable", f"unknown parameter {unknown[0]!r}; use kind, after, limit"[:400])
    if "kind" in query and query["kind"] not in list(Kind):
        raise Problem("unreadable", f"kind: use one of {', '.join(Kind)}")
    kind = Kind(query["kind"]) if "kind" in query else None
    limit = query.get("limit", str(PAGE))
    if not limit.isascii() or not limit.isdecimal() or not 1 <= int(limit[:9]) <= MOST:
        raise Problem("unreadable", f"limit: a number from 1 to {MOST}")
    found = await gateway.database.call(
        gateway.records.all_latest, author.actor, kind, query.get("after", ""), int(limit[:9])
    )
    page: dict[str, Any] = {"messages": [_as_message(said) for _, said in found]}
    if len(found) == int(limit[:9]):
        page["next"] = found[-1][0]
    return _json(page)


async def own_message(gateway: Gateway, author: Author, request: Request) -> Response:
    """The latest revision of one entity."""
    kind = _kind(request.path_params["kind"])
    said = await gateway.database.call(gateway.records.latest, author.actor, kind, request.path_params["id"])
    if said is None:
        raise Problem("not-found", f"{author.actor} has told nothing here of {kind}/{request.path_params['id']}"[:400])
    return _json(_as_message(said))


async def receipt(gateway: Gateway, author: Author, request: Request) -> Response:
    """What became of a message."""
    number = request.path_params["number"]
    if not number.isascii() or not number.isdecimal() or len(number) > LONGEST_NUMBER:
        raise Problem("not-found", "a receipt is named by its number")
    entry = await gateway.entry(author, int(number))
    if entry is None:
        raise Problem("not-found", f"{author.actor} has no receipt {number}")
    return _json(as_receipt(entry))


LONGEST_NUMBER = 18
"""Digits of a receipt's number: what SQLite takes for one."""


async def unsettled(gateway: Gateway, author: Author, _: Request) -> Response:
    """The receipts of what has yet to reach the bus, and of what it refused."""
    return _json({"receipts": [as_receipt(entry) for entry in await gateway.waiting(author)]})


def as_receipt(entry: Entry) -> dict[str, Any]:
    """A receipt as JSON. Unknown is left out."""
    told = {
        "number": entry.number,
        "ref": entry.ref,
        "revision": entry.revision,
        "state": entry.state.value,
        "topic": entry.topic,
        "accepted_at": entry.accepted_at and format_instant(entry.accepted_at),
        "partition": entry.partition,
        "offset": entry.offset,
        "known_at": entry.known_at and format_instant(entry.known_at),
        "code": entry.code,
        "reason": entry.reason,
    }
    return {name: value for name, value in told.items() if value is not None}


def _as_message(said: Said) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(said.line)
    return {"receipt": said.number, "message": message}


def _kind(text: str) -> Kind:
    try:
        return Kind(text)
    except ValueError:
        raise Problem("not-found", f"no such kind; use one of {', '.join(Kind)}") from None


def _json(body: object) -> Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, media_type="application/json")
