"""The stream: every listener is told every change, once, and who was cut off takes it up again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from bus.vocabulary import Audience, Tlp
from consumers.room import live
from consumers.room.live import Lagging, Live
from tests.group import incident, record, send
from tests.room.conftest import PATIENCE, REALM, Site, until


@dataclass(frozen=True)
class Event:
    name: str
    id: str | None
    data: dict[str, Any]


class Stream:
    """What a browser's EventSource hears."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines
        self.picture: dict[str, Any] = {}

    async def next(self, name: str) -> Event:
        """The next event of that name."""
        async with asyncio.timeout(PATIENCE):
            while (event := await self._event()).name != name:
                pass
            return event

    async def told(self, key: str) -> Event:
        """The next event that tells of that key."""
        while key not in (event := await self.next("changes")).data["changed"] and key not in event.data["gone"]:
            pass
        return event

    async def _event(self) -> Event:
        fields: dict[str, str] = {}
        async for line in self._lines:
            if not line and "event" in fields:
                return Event(fields["event"], fields.get("id"), json.loads(fields["data"]))
            name, _, value = line.partition(": ")
            fields[name] = value
        raise EOFError


@asynccontextmanager
async def listening(client: httpx.AsyncClient, last: str | None = None, **params: str) -> AsyncIterator[Stream]:
    headers = {"last-event-id": last} if last else {}
    async with client.stream("GET", "/v1/changes", headers=headers, params=params) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        stream = Stream(answer.aiter_lines())
        await stream.next("pulse")
        yield stream


async def test_a_change_is_told_as_the_feed_tells_it(site: Site) -> None:
    async with site.machine() as client, listening(client) as stream:
        await send(site.bus, record(REALM, incident()))
        event = await stream.told("incident/nordtel/I-1")
        view = site.hub.view()
        assert event.id == event.data["mark"]
        assert event.data["digest"] == view.digest == event.data["summary"]["digest"]
        assert event.data["complete"] is True
        [key] = [key for key in event.data["changed"] if key.startswith("situation/")]
        items = site.hub.fold.projections.items(Audience.FULL, view.as_of)
        assert event.data["changed"][key] == json.loads(items[key].model_dump_json())
        await send(site.bus, record(REALM, incident(revision=2, state="RETRACTED")))
        event = await stream.told("incident/nordtel/I-1")
        assert set(event.data["gone"]) >= {"incident/nordtel/I-1", key}


async def test_who_was_cut_off_is_told_what_was_missed_and_nothing_twice(site: Site) -> None:
    async with site.machine() as client:
        async with listening(client) as stream:
            await send(site.bus, record(REALM, incident()))
            last = (await stream.told("incident/nordtel/I-1")).id
        await send(site.bus, record(REALM, incident("sveamobil", "I-1")))
        for asked in ({"headers": {"last-event-id": last}}, {"params": {"after": last}}):
            async with client.stream("GET", "/v1/changes", **asked) as answer:  # type: ignore[arg-type]
                event = await Stream(answer.aiter_lines()).told("incident/sveamobil/I-1")
                assert "incident/nordtel/I-1" not in event.data["changed"]


async def test_who_comes_with_a_mark_of_elsewhere_reads_anew(site: Site) -> None:
    async with site.machine() as client:
        for mark in ("nobody-1", "x", "-", "' OR 1=1", "9" * 60):
            async with client.stream("GET", "/v1/changes", params={"after": mark}) as answer:
                await Stream(answer.aiter_lines()).next("anew")


async def test_a_page_goes_on_from_the_mark_that_it_was_made_with(site: Site) -> None:
    async with site.machine() as client:
        await send(site.bus, record(REALM, incident()))
        await until(lambda: len(site.hub.view().situations) == 1, "seen")
        page = (await client.get("/parts/header")).headers["etag"]
        assert page
        mark = site.hub.room.mark(Audience.FULL)
        await send(site.bus, record(REALM, incident("sveamobil", "I-1")))
        async with client.stream("GET", "/v1/changes", params={"after": mark}) as answer:
            await Stream(answer.aiter_lines()).told("incident/sveamobil/I-1")


async def test_each_audience_hears_what_it_may(site: Site) -> None:
    async with site.machine(Audience.PEER) as client, listening(client) as stream:
        await send(site.bus, record(REALM, incident("nordtel", "I-9", title="HEMLIGT", tlp=Tlp.RED)))
        await send(site.bus, record(REALM, incident("sveamobil", "I-1", users={"value": 123_457})))
        event = await stream.told("incident/sveamobil/I-1")
        told = json.dumps(event.data)
        assert "HEMLIGT" not in told
        assert "123457" not in told
        assert event.data["summary"]["withheld"] == {"tlp:incident": 1}


async def test_who_is_not_let_in_any_more_hears_nothing_more(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumers.room.rest.CHECKED_EVERY", 0.0)
    async with site.machine() as client, listening(client) as stream:
        site.accounts.end_token(site.accounts.tokens()[0].id)
        await send(site.bus, record(REALM, incident()))
        with pytest.raises(EOFError):
            await stream.told("nothing/more")


async def test_who_does_not_keep_up_is_cut_off_and_the_others_are_not(site: Site) -> None:
    told = Live(site.hub)
    slow, quick = told.listen(Audience.FULL, None), told.listen(Audience.FULL, None)
    async with aclosing(slow), aclosing(quick):
        for stream in (slow, quick):
            await anext(stream), await anext(stream)  # they listen from here on
        # That a generator has begun to wait is what registers it: one step more for each.
        waiting = asyncio.create_task(anext(quick))
        heard = 0
        for _ in range(live.WAITING + 2):
            told.beat()
            heard += (await waiting).count(b"event: pulse")
            waiting = asyncio.create_task(anext(quick))
        assert heard == live.WAITING + 2
        with pytest.raises(Lagging):
            await anext(slow)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert told.listeners == 0


async def test_two_hundred_hear_every_change(site: Site) -> None:
    """Each batch is put into words once; none is missed, none told twice."""
    count, listeners = 20, 200
    limits = httpx.Limits(max_connections=None)
    token = site.accounts.add_token("karta", Audience.FULL)
    async with site.client(headers={"authorization": f"Bearer {token}"}, limits=limits) as client:
        ready, heard = asyncio.Semaphore(0), asyncio.Semaphore(0)
        marks: list[list[str]] = []

        async def listen() -> None:
            async with listening(client) as stream:
                ready.release()
                seen: list[str] = []
                keys: set[str] = set()
                while len(keys) < count:
                    event = await stream.next("changes")
                    seen.append(event.data["mark"])
                    keys |= {key for key in event.data["changed"] if key.startswith("incident/")}
                marks.append(seen)
                heard.release()

        async with asyncio.TaskGroup() as group:
            for _ in range(listeners):
                group.create_task(listen())
            for _ in range(listeners):
                await ready.acquire()
            for n in range(count):
                await send(site.bus, record(REALM, incident("nordtel", f"I-{n}")))
                await asyncio.sleep(0)
        assert len(marks) == listeners
        for seen in marks:
            numbers = [int(mark.rpartition("-")[2]) for mark in seen]
            assert numbers == list(range(numbers[0], numbers[-1] + 1)), "in order, without a gap"
    await until(lambda: site.hub.room.listeners == 0, "all are gone")
