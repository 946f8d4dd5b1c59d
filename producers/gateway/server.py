"""The gateway as a process: TLS by certificate, plain HTTP on the loopback interface alone."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bus.errors import InvalidSettings, NotRemembered
from producers.gateway import api
from producers.gateway.form import pages
from producers.gateway.gateway import Gateway
from producers.gateway.problems import Problem

__all__ = ["application", "checked_address", "serve", "server"]

CONCURRENT = 200
"""Connections that are served at one time; whoever comes after them is told to come back."""

GRACE = 10
"""Seconds that a request under way has to end when the gateway ends."""

HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Of every answer. A page of the form has a policy of its own."""
YEAR = "max-age=31536000"

log = structlog.get_logger(__name__)


def application(gateway: Gateway, *, tls: bool) -> Starlette:
    """The gateway as an ASGI application."""
    app = Starlette(
        routes=[*api.routes(gateway), *pages.routes(gateway, tls=tls)],
        exception_handlers={Problem: _problem, HTTPException: _http, NotRemembered: _not_remembered},
    )
    app.add_middleware(_Headers, tls=tls)
    return app


async def serve(
    gateway: Gateway, host: str, port: int, *, certificate: Path | None = None, key: Path | None = None
) -> None:
    """Answer until cancelled; what is under way then is still answered.

    Raises InvalidSettings for an address or a certificate that cannot be served.
    """
    running = server(gateway, host, port, certificate=certificate, key=key)
    answering = asyncio.create_task(running.serve([_bound(host, port)]), name="gateway-server")
    try:
        await asyncio.shield(answering)
    finally:
        running.should_exit = True
        await answering


def server(
    gateway: Gateway, host: str, port: int, *, certificate: Path | None = None, key: Path | None = None
) -> uvicorn.Server:
    """The server, not yet started. Raises as `serve`."""
    checked_address(host, certificate, key)
    config = uvicorn.Config(
        application(gateway, tls=certificate is not None),
        host=host,
        port=port,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        limit_concurrency=CONCURRENT,
        timeout_graceful_shutdown=GRACE,
        h11_max_incomplete_event_size=16_384,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
    )
    config.load()
    if isinstance(config.ssl, ssl.SSLContext):
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return _Server(config)


class _Server(uvicorn.Server):
    """Leaves the process's signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _bound(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise InvalidSettings(f"{host}:{port} cannot be served: {error.strerror}; choose another port") from error


def checked_address(host: str, certificate: Path | None, key: Path | None) -> None:
    """Raises InvalidSettings: keys and reports never cross a network in the clear."""
    if certificate is None:
        if key is not None:
            raise InvalidSettings("--tls-key needs --tls-cert beside it")
        if not _is_loopback(host):
            raise InvalidSettings(
                f"{host} is no loopback address: give --tls-cert and --tls-key, or serve 127.0.0.1 to a proxy with TLS"
            )
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise InvalidSettings(f"--tls-cert {certificate}: cannot be loaded with its key: {error}") from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - it is registered for no other
    return error.response()


async def _not_remembered(_: Request, error: Exception) -> Response:
    assert isinstance(error, NotRemembered)  # noqa: S101 - it is registered for no other
    return Problem.of(error).response()


async def _http(_: Request, error: Exception) -> Response:
    """What the framework refuses by itself."""
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for no other
    match error.status_code:
        case 404:
            return Problem("not-found", "no such path; /v1/openapi.json names all").response()
        case 405:
            return Problem("method-not-allowed", "this path has other methods", headers=error.headers).response()
    return Problem("unreadable", str(error.detail)).response()


Send = Callable[[dict[str, object]], Awaitable[None]]


class _Headers:
    """Adds what every answer carries, and writes the log: never a key, a cookie or a body."""

    def __init__(self, app: Callable[..., Awaitable[None]], *, tls: bool) -> None:
        self._app = app
        self._headers = HEADERS | ({"Strict-Transport-Security": YEAR} if tls else {})

    async def __call__(self, scope: dict[str, object], receive: object, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sent(event: dict[str, object]) -> None:
            if event["type"] == "http.response.start":
                headers = list(event.get("headers", ()))  # type: ignore[call-overload]
                given = {name.lower() for name, _ in headers}
                headers += [
                    (name.lower().encode(), value.encode())
                    for name, value in self._headers.items()
                    if name.lower().encode() not in given
                ]
                event["headers"] = headers
                log.info("answered", method=scope["method"], path=scope["path"], status=event["status"])
            await send(event)

        await self._app(scope, receive, sent)
