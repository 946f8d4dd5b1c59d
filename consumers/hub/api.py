"""What a hub answers over HTTP: its health, and the coordination room."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from bus.errors import InvalidSettings
from bus.messages import Part
from consumers.room import Room, Source

CLOSE_SECONDS = 2
"""How long an answer under way may take when the hub ends."""


class Health(Part):
    """How a hub is, for whoever keeps it running. Told to anybody, so no more than that."""

    alive: bool
    settled: bool


def api(hub: Source, room: Room) -> ASGIApp:
    """The application, guarded by the room. The health paths answer 200 or 503."""

    async def live(_: Request) -> Response:
        status = hub.status()
        return _json(Health(alive=status.alive, settled=status.settled), 200 if status.alive else 503)

    async def ready(_: Request) -> Response:
        status = hub.status()
        return _json(Health(alive=status.alive, settled=status.settled), 200 if status.settled else 503)

    health = [Route("/health/live", live), Route("/health/ready", ready)]
    application = Starlette(routes=[*health, *room.routes])
    application.router.redirect_slashes = False
    return room.guarding(application)


@asynccontextmanager
async def serving(application: ASGIApp, host: str, port: int, *, ending: Callable[[], None]) -> AsyncIterator[str]:
    """Serve while the body runs; yields the address (`http://host:port`). Port 0 takes any that is free. `ending` is
    called before connections are closed: what streams must come to its end by itself.

    Raises InvalidSettings when the address cannot be bound.
    """
    with _bound(host, port) as listener:
        config = uvicorn.Config(
            application,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=CLOSE_SECONDS,
        )
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            bound_host, bound_port = listener.getsockname()[:2]
            yield f"http://{f'[{bound_host}]' if ':' in bound_host else bound_host}:{bound_port}"
        finally:
            ending()
            server.should_exit = True
            await task


class _Server(uvicorn.Server):
    """Leaves the signals to whoever runs the hub."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _bound(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise InvalidSettings(f"cannot listen on {host}:{port}: {error.strerror}; choose another port") from error


def _json(model: Part, status: int = 200) -> Response:
    return Response(model.model_dump_json(), status, media_type="application/json")
