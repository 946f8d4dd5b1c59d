"""A gateway that answers on a port of this machine, on a bus in memory or on the real one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from bus.credentials import Credentials
from bus.settings import Settings
from bus.transport import Transport
from bus.transport.memory import MemoryTransport
from producers.gateway import Gateway, KeyRing, Limits
from producers.gateway.database import connected
from producers.gateway.server import server
from tests.conftest import ACTORS

PATIENCE = 60.0
SERVED = ("nordtel", "samordning", "stadsnat")
KINDS = ("incident", "measure", "work", "status", "ack", "request", "offer")

Start = Callable[..., "Answering"]


@dataclass(frozen=True)
class Answering:
    """A gateway that runs apart from the test, and its bus."""

    address: str
    directory: Path
    bus: MemoryTransport

    def key(self, actor: str = "nordtel") -> str:
        """A new key of this actor."""
        with connected(self.directory) as connection:
            return KeyRing(connection).add(actor, datetime.now(UTC))[1]

    def client(self, key: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.address, headers=headers, timeout=PATIENCE)


def memory(realm: str = "ntsg") -> MemoryTransport:
    """A bus with the topics of those who are served; `myndighet` has none, so the bus refuses it."""
    bus = MemoryTransport()
    for actor in SERVED:
        for kind in KINDS:
            bus.create(f"{realm}.{kind}.v1.{actor}")
    return bus


@asynccontextmanager
async def served(
    directory: Path, credentials: Path, *, tls: Mapping[str, Path] | None = None, **options: object
) -> AsyncIterator[tuple[Gateway, str]]:
    """The gateway and its address, in this loop."""
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(Gateway.open(directory, credentials, **options))  # type: ignore[arg-type]
        running = server(gateway, "127.0.0.1", 0, **(tls or {}))
        task = asyncio.create_task(running.serve())
        try:
            async with asyncio.timeout(PATIENCE):
                while not running.started:  # noqa: ASYNC110 - the server tells nobody
                    await asyncio.sleep(0.01)
            port = running.servers[0].sockets[0].getsockname()[1]
            yield gateway, f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        finally:
            running.should_exit = True
            await task


@contextmanager
def in_a_thread(directory: Path, credentials: Path, **options: object) -> Iterator[str]:
    """The address of a gateway with a loop of its own, while the body runs."""
    ready, over = threading.Event(), threading.Event()
    told: list[str] = []
    failed: list[BaseException] = []

    async def run() -> None:
        async with served(directory, credentials, **options) as (_, address):
            told.append(address)
            ready.set()
            await asyncio.to_thread(over.wait)

    def main() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:
            failed.append(error)
            raise
        finally:
            ready.set()

    thread = threading.Thread(target=main, name="gateway")
    thread.start()
    try:
        assert ready.wait(PATIENCE)
        assert not failed, failed
        yield told[0]
    finally:
        over.set()
        thread.join(PATIENCE)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a gateway on a bus in memory: `start(limits=..., bus=...)`."""
    credentials = tmp_path / "credentials"
    for actor in SERVED:
        Credentials("127.0.0.1:1", f"ntsg.{actor}", "secret", "ntsg").write(credentials / f"{actor}.toml")
    actors = tmp_path / "actors.toml"
    actors.write_text(ACTORS, "utf-8")
    with ExitStack() as stack:

        def begin(*, limits: Limits | None = None, bus: MemoryTransport | None = None) -> Answering:
            directory, transport = tmp_path / "gateway", bus or memory()

            def of(_: Settings) -> Transport:
                return transport

            address = stack.enter_context(
                in_a_thread(directory, credentials, actors=actors, limits=limits, transport=of)
            )
            return Answering(address, directory, transport)

        yield begin
