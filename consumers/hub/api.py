"""What a hub answers over HTTP: its health, the view, why the view says so, the digest that two rooms compare, and the
coordination room.

Reading only, and nobody is asked who they are: hence bound to loopback unless told otherwise.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bus.errors import InvalidSettings, UnknownReference
from bus.messages import Part
from consumers.room import Room, Source

CLOSE_SECONDS = 2
"""How long an answer under way may take when the hub ends."""


class Problem(Part):
    """Why a question has no answer, and which references were probably meant."""

    problem: str
    nearest: tuple[str, ...]


def api(hub: Source, room: Room) -> Starlette:
    """The application. The health paths answer 200 or 503, with the status either way."""

    async def live(_: Request) -> Response:
        status = hub.status()
        return _json(status, 200 if status.alive else 503)

    async def ready(_: Request) -> Response:
        status = hub.status()
        return _json(status, 200 if status.settled else 503)

    async def view(_: Request) -> Response:
        return _json(hub.view())

    async def digest(_: Request) -> Response:
        return _json(hub.status())

    async def explain(request: Request) -> Response:
        ref = request.query_params.get("ref")
        if ref is None:
            return _json(Problem(problem="name what to explain: /v1/explain?ref=situation/<id>", nearest=()), 400)
        try:
            return _json(hub.explain(ref))
        except UnknownReference as error:
            return _json(Problem(problem=str(error), nearest=error.nearest), 404)

    return Starlette(
        routes=[
            Route("/health/live", live),
            Route("/health/ready", ready),
            Route("/v1/view", view),
            Route("/v1/explain", explain),
            Route("/v1/digest", digest),
            *room.routes,
        ]
    )


@asynccontextmanager
async def serving(application: Starlette, host: str, port: int) -> AsyncIterator[str]:
    """Serve while the body runs; yields the address (`http://host:port`). Port 0 takes any that is free.

    Raises InvalidSettings when the address cannot be bound.
    """
    with _bound(host, port) as listener:
        config = uvicorn.Config(
            application,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=CLOSE_SECONDS,
        )
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            bound_host, bound_port = listener.getsockname()[:2]
            yield f"http://{f'[{bound_host}]' if ':' in bound_host else bound_host}:{bound_port}"
        finally:
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
