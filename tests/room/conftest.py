"""A hub on the bus in memory that serves a room, people and machines that may enter it, and a real browser."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from playwright.async_api import Browser

from bus.topics import Realm
from bus.transport.memory import MemoryTransport
from bus.vocabulary import Audience
from consumers.alerts import AlertRules
from consumers.hub import Hub, Pace, Tempo, running_hub
from consumers.room import ACCOUNTS, Accounts, RoomSettings
from consumers.room.sight import RoomRole
from tests.browser import chromium_running
from tests.group import provisioned_memory

REALM = Realm("ntsg")
QUICK = Tempo(beat=0.1, gap=0.0, silence=0.4, spread=0.1, listen=0.02)
PACE = Pace(look=0.05, discover=0.1, retry=0.05, read=0.02)
PATIENCE = 30.0
PASSWORD = "korrekt häst batteri klammer"


@dataclass
class Watch:
    """A clock that a test turns."""

    offset: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.offset


@dataclass
class Site:
    """A hub and its room, with whoever a test lets in."""

    hub: Hub
    bus: MemoryTransport
    accounts: Accounts
    watch: Watch

    def client(self, **options: object) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.hub.address, timeout=PATIENCE, **options)  # type: ignore[arg-type]

    def machine(self, audience: Audience = Audience.FULL) -> httpx.AsyncClient:
        """A client with a token."""
        token = self.accounts.add_token("karta", audience)
        return self.client(headers={"authorization": f"Bearer {token}"})

    def add(
        self, name: str, role: RoomRole = RoomRole.VIEWER, audience: Audience = Audience.FULL, function: str = "vakt"
    ) -> None:
        self.accounts.add(name, role, audience, function, PASSWORD)

    @asynccontextmanager
    async def signed_in(
        self, name: str, role: RoomRole = RoomRole.VIEWER, audience: Audience = Audience.FULL
    ) -> AsyncIterator[httpx.AsyncClient]:
        """The client of somebody new, who has signed in."""
        self.add(name, role, audience)
        async with self.client() as client:
            answer = await sign_in(client, name)
            assert answer.status_code == 303, answer.text
            yield client


def token_in(page: str) -> str:
    """The token of the first form."""
    found = re.search(r'name="csrf" value="([^"]*)"', page)
    assert found is not None, page
    return found.group(1)


async def sign_in(
    client: httpx.AsyncClient, name: str, password: str = PASSWORD, address: str = "/login"
) -> httpx.Response:
    page = await client.get(address)
    form = {"name": name, "password": password, "csrf": token_in(page.text)}
    return await client.post(address, data=form)


async def until(condition: Callable[[], bool], what: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for is outside this program's events
            await asyncio.sleep(0.01)


Start = Callable[..., AbstractAsyncContextManager[Site]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Starts a hub whose room nobody enters without being known: `async with start() as site`."""

    @asynccontextmanager
    async def started(
        bus: MemoryTransport | None = None, name: str = "hub", alerts: AlertRules | None = None, **room: object
    ) -> AsyncIterator[Site]:
        bus = bus or await provisioned_memory(REALM)
        watch = Watch()
        settings = RoomSettings(**room)  # type: ignore[arg-type]
        directory = tmp_path / name
        async with running_hub(
            bus, REALM, directory, pace=PACE, tempo=QUICK, now=watch, room=settings, alerts=alerts
        ) as hub:
            await asyncio.wait_for(hub.settled(), PATIENCE)
            # As `ntsg room` opens it beside a running hub, but with passwords that are quick to check.
            accounts = Accounts(directory / ACCOUNTS, watch, PasswordHasher(1, 1024, 1))
            try:
                yield Site(hub, bus, accounts, watch)
            finally:
                accounts.close()

    return started


@pytest.fixture
async def site(start: Start) -> AsyncIterator[Site]:
    async with start() as site:
        yield site


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """A real browser, for the tests of one module."""
    async with chromium_running() as browser:
        yield browser
