"""What a gateway lives through: disks that take no more, and a bus that is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from bus.broker import Running
from bus.codec import Codec
from bus.credentials import Credentials
from bus.messages import Incident
from bus.provision import credentials_file
from bus.topics import Kind, Realm, TopicPartition
from bus.transport.memory import MemoryTransport
from bus.transport.to_end import records_to_end
from producers.gateway import KeyRing, Limits
from producers.gateway.database import connected
from tests.chaos.conftest import Disk
from tests.conftest import OwnBroker, ProvisionedGroup
from tests.gateway.conftest import PATIENCE, memory, served
from tests.gateway.test_form import Site, filled
from tests.gateway.test_form import client as asking_form
from tests.group import incident
from tests.hubs import until, write
from tests.unit.test_cli import GOOD

UNLIMITED = Limits(rate=1e6, burst=1_000_000)
Client = Callable[[Path], AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def bus() -> MemoryTransport:
    return memory()


@pytest.fixture
def client(tmp_path: Path, bus: MemoryTransport) -> Client:
    """Asks a gateway that has its memory in the directory, with a key that was not used yet."""

    @asynccontextmanager
    async def asking(directory: Path) -> AsyncIterator[httpx.AsyncClient]:
        credentials = tmp_path / "credentials"
        Credentials("127.0.0.1:1", "ntsg.nordtel", "secret", "ntsg").write(credentials / "nordtel.toml")
        with connected(directory) as connection:
            key = KeyRing(connection).add("nordtel", datetime.now(UTC) - timedelta(days=1))[1]
        async with (
            served(directory, credentials, transport=lambda _: bus, limits=UNLIMITED) as (_, address),
            httpx.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE) as client,
        ):
            yield client

    return asking


async def post(client: httpx.AsyncClient, id: str, **headers: str) -> httpx.Response:
    return await client.post("/v1/messages", json=GOOD | {"id": id, "description": "x" * 3_000}, headers=headers)


async def on(bus: MemoryTransport) -> set[str]:
    """The ids of the incidents on the bus."""
    partition = TopicPartition(Realm("ntsg").input(Kind.INCIDENT, "nordtel"), 0)
    codec, found = Codec(), set()
    async for records in records_to_end(bus, [partition]):
        found |= {codec.decode(record.value or b"", Incident)[0].id for record in records}
    return found


async def arrived(bus: MemoryTransport, ids: set[str]) -> None:
    async def there() -> bool:
        return await on(bus) >= ids

    await until(there, "what had a receipt is on the bus")
    assert await on(bus) == ids, "what had none was kept all the same"


async def test_on_a_full_disk_it_refuses_by_name_and_what_had_a_receipt_arrives(
    client: Client, bus: MemoryTransport, disk: Disk
) -> None:
    small = disk(1_500_000)
    accepted: set[str] = set()
    async with client(small.directory / "gateway") as asking:
        for number in range(60):
            answer = await post(asking, f"I-{number}", **{"Idempotency-Key": f"k-{number}"})
            if answer.status_code == 202:
                accepted.add(f"I-{number}")
                continue
            assert (answer.status_code, answer.json()["type"]) == (507, "urn:ntsg:problem:outbox-full")
            assert answer.json()["detail"].startswith("nothing was kept")
        assert 5 < len(accepted) < 60
        assert (await asking.get("/v1/receipts")).status_code == 200
        small.free()
        assert (await post(asking, "later")).status_code == 202
        await arrived(bus, accepted | {"later"})


async def test_a_message_is_taken_where_nothing_can_be_remembered_of_it(
    client: Client, bus: MemoryTransport, disk: Disk, tmp_path: Path
) -> None:
    """The outboxes have a disk of their own, and room on it; the gateway's own is full."""
    small = disk(500_000)
    directory = small.directory / "gateway"
    directory.mkdir()
    (tmp_path / "outboxes").mkdir()
    (directory / "outboxes").symlink_to(tmp_path / "outboxes")
    async with client(directory) as asking:
        small.fill()
        name = {"Idempotency-Key": "k-1"}
        first, again = [await post(asking, "I-1", **name) for _ in range(2)]
        assert (first.status_code, again.status_code) == (202, 202)
        key = asking.headers["Authorization"].removeprefix("Bearer ")
        entering = await asking.post("/enter", data={"key": key})
        assert (entering.status_code, entering.headers["content-type"]) == (503, "text/html; charset=utf-8")
        small.free()
        assert (await asking.post("/enter", data={"key": key})).status_code == 303
        await arrived(bus, {"I-1"})


async def test_the_form_goes_on_from_the_bus_and_says_when_it_is_away(
    own_broker: Callable[..., OwnBroker],
    provisioned: Callable[[Running, Realm], Awaitable[ProvisionedGroup]],
    realm: Realm,
    tmp_path: Path,
) -> None:
    """With an operator's own credentials, which open its own topics and nobody else's."""
    broker = own_broker()
    group = await provisioned(broker.start(), realm)
    await write(group.settings("nordtel"), [incident(revision=revision, title="Av systemet") for revision in (1, 2)])
    (tmp_path / "served").mkdir()
    source = credentials_file(group.credentials, realm, "nordtel")
    (tmp_path / "served" / "nordtel.toml").write_bytes(source.read_bytes())
    async with served(tmp_path / "gateway", tmp_path / "served") as (gateway, address):
        site = Site(gateway, address, tmp_path / "gateway")
        async with asking_form(site) as browser:

            async def page(text: str, path: str = "/edit/incident/I-1", without: str = "") -> str:
                """The page, once it holds the one text, and no longer the other."""
                found = ""

                async def there() -> bool:
                    nonlocal found
                    found = (await browser.get(path)).text
                    return text in found and not (without and without in found)

                await until(there, f"{path} says {text!r}")
                return found

            sheet = await page("I-1 · rapport 2 · rapporterad på annat håll (eget system)")
            broker.stop()
            await page("ingen kontakt med samverkan sedan")
            answer = await browser.post("/send/incident", data=filled(sheet) | {"title": ["I formuläret"]})
            assert answer.status_code == 303, answer.text
            done = answer.headers["location"]
            assert "väntar på att nå samverkan" in (await browser.get(done)).text
            await asyncio.to_thread(broker.start)
            await page("har nått samverkan", done)
            await write(group.settings("nordtel"), [incident(revision=4, title="Av systemet igen")])
            await page("I-1 · rapport 4", without="ingen kontakt")
