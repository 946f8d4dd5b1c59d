"""A hub on the bus in memory: what is quick to show without a broker."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from bus.codec import Codec
from bus.errors import InvalidSettings
from bus.registry import Actor
from bus.settings import Settings
from bus.signing import Signer, new_key
from bus.topics import Kind, Realm, TopicPartition
from bus.transport.memory import MemoryTransport
from bus.transport.port import Outgoing, Stored
from bus.transport.to_end import records_to_end
from bus.vocabulary import Audience, DecisionState, Role, SignaturePolicy, Tlp
from consumers.feed import Feed
from consumers.hub import Hub, HubStatus, Pace, Tempo, running_hub
from consumers.hub.notices import NoticeState, read_notices
from consumers.merge import FEEDS
from consumers.reading import fold_log
from consumers.room import RoomSettings
from consumers.wire import read_summary
from tests.group import (
    ACTORS,
    entries,
    incident,
    link,
    make_topics,
    newer_incident_schema,
    newer_record,
    provisioned_memory,
    record,
    schema_record,
    send,
    status,
)
from tests.troubles import TroubledBus
from tests.unit.test_settling import decision

REALM = Realm("ntsg")
SETTINGS = Settings(realm="ntsg")
OPEN = RoomSettings(is_open=True)
QUICK = Tempo(beat=0.1, gap=0.0, silence=0.4, spread=0.1, listen=0.02)
PACE = Pace(look=0.05, discover=0.1, retry=0.05, read=0.02, held_back=0.2)
PATIENCE = 30.0
NORDTEL = REALM.input(incident().kind, "nordtel")

Start = Callable[..., AbstractAsyncContextManager[Hub]]


@pytest.fixture
async def bus() -> MemoryTransport:
    return await provisioned_memory(REALM)


@pytest.fixture
def start(bus: MemoryTransport, tmp_path: Path) -> Start:
    @asynccontextmanager
    async def started(name: str = "hub", **options: object) -> AsyncIterator[Hub]:
        options = {"pace": PACE, "tempo": QUICK, "room": OPEN, **options}
        async with running_hub(bus, REALM, tmp_path / name, **options) as hub:  # type: ignore[arg-type]
            await asyncio.wait_for(hub.settled(), PATIENCE)
            yield hub

    return started


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for is outside this program's events
            await asyncio.sleep(0.01)


async def folded_all(bus: MemoryTransport, hub: Hub) -> HubStatus:
    """Wait until the hub has folded what is in the log now. Raises AssertionError if its digest is not the log's."""
    fold = await fold_log(SETTINGS, transport=bus)
    await until(lambda: hub.status().inputs == dict(fold.inputs))
    assert hub.status().digest == fold.state.digest
    return hub.status()


async def all_records(bus: MemoryTransport, topic: str) -> list[Stored]:
    return [r async for batch in records_to_end(bus, [TopicPartition(topic, 0)]) for r in batch]


async def test_the_api_tells_health_view_and_digest(bus: MemoryTransport, start: Start) -> None:
    await send(bus, record(REALM, incident()))
    async with start() as hub, httpx.AsyncClient(base_url=hub.address) as client:
        assert (await client.get("/health/live")).status_code == 200
        assert (await client.get("/health/ready")).status_code == 200
        told = HubStatus.model_validate_json((await client.get("/v1/digest")).content)
        assert (told.digest, told.inputs) == (hub.status().digest, hub.status().inputs)
        view = (await client.get("/v1/view")).json()
        assert (view["digest"], view["settled"], len(view["situations"])) == (told.digest, True, 1)


async def test_the_api_explains_what_it_shows(bus: MemoryTransport, start: Start) -> None:
    await send(bus, record(REALM, incident()))
    async with start() as hub, httpx.AsyncClient(base_url=hub.address) as client:
        found = await client.get("/v1/explain", params={"ref": "incident/nordtel/I-1#messages"})
        assert found.status_code == 200
        assert [section["section"] for section in found.json()["sections"]] == ["messages"]
        unknown = await client.get("/v1/explain", params={"ref": "incident/nordtel/I-2"})
        assert (unknown.status_code, unknown.json()["nearest"][0]) == (404, "incident/nordtel/I-1")
        assert (await client.get("/v1/explain")).status_code == 400


async def test_before_it_is_settled_a_hub_answers_says_so_and_publishes_nothing(tmp_path: Path) -> None:
    bus = MemoryTransport()
    make_topics(bus, REALM)  # without an entry in the registry there is no log to speak of
    async with running_hub(bus, REALM, tmp_path, pace=PACE, tempo=QUICK, room=OPEN) as hub:
        async with httpx.AsyncClient(base_url=hub.address) as client:
            assert (await client.get("/health/ready")).status_code == 503
            assert (await client.get("/health/live")).status_code == 200
            assert not (await client.get("/v1/view")).json()["settled"]
        await asyncio.sleep(QUICK.silence + QUICK.spread)
        assert not await all_records(bus, REALM.view)
        await send(bus, *entries(REALM, ACTORS))
        await asyncio.wait_for(hub.settled(), PATIENCE)
        await until(lambda: hub.status().leader)


async def test_what_is_refused_goes_to_the_quarantine_topic_once(bus: MemoryTransport, start: Start) -> None:
    bad = Outgoing(NORDTEL, b"nordtel/I-1", b"rubbish")
    await send(bus, bad)
    for name in ("one", "other"):  # the second takes over from nobody, and finds the notice there
        async with start(name) as hub:
            await until(lambda hub=hub: hub.status().leader)  # type: ignore[misc]
            assert hub.status().quarantined == 1
    (notice,) = await all_records(bus, REALM.quarantine)
    assert notice.key == f"{NORDTEL}/0/0".encode()
    assert notice.value == b"rubbish"
    headers = dict(notice.headers)
    assert (headers["ntsg_state"], headers["ntsg_reason"]) == (b"HELD", b"NOT_SINGLE_OBJECT")


async def test_what_a_schema_or_the_registry_releases_is_shown_and_noticed(bus: MemoryTransport, start: Start) -> None:
    stranger = Actor(slug="tretton", name="Tretton", roles=(Role.MNO,))
    make_topics(bus, REALM, [stranger])
    await send(bus, newer_record(REALM, incident()), record(REALM, incident("tretton")))
    async with start() as hub:
        await until(lambda: hub.status().leader)
        assert (hub.status().quarantined, hub.view().situations) == (2, ())
        await send(bus, schema_record(REALM, newer_incident_schema()), *entries(REALM, [stranger]))
        await until(lambda: hub.status().quarantined == 0)
        assert len(hub.view().situations) == 2
        await folded_all(bus, hub)
        async with Feed(SETTINGS, transport=bus) as feed:
            async for change in feed:
                if change.summary.quarantined == 0:
                    break
    states = await read_notices(bus, REALM)
    assert list(states.values()) == [NoticeState.RELEASED] * 2


async def test_what_is_settled_is_noticed_once_and_remembered(bus: MemoryTransport, start: Start) -> None:
    topic = REALM.input(Kind.DECISION, "samordning")
    bus.create(topic)
    await send(bus, Outgoing(NORDTEL, b"nordtel/I-1", b"rubbish"))
    async with start() as hub:
        await until(lambda: hub.status().leader and hub.status().quarantined == 1)
        await send(bus, record(REALM, decision()))
        await until(lambda: hub.status().quarantined == 0)
        await folded_all(bus, hub)
    for name in ("hub", "other"):  # one from its snapshot, one from the start
        async with start(name) as hub:
            await until(lambda hub=hub: hub.status().leader)  # type: ignore[misc]
            assert hub.status().quarantined == 0
    states = [dict(told.headers)["ntsg_state"] for told in await all_records(bus, REALM.quarantine)]
    assert states == [b"HELD", b"SETTLED"]
    async with start() as hub:
        await until(lambda: hub.status().leader)
        await send(bus, record(REALM, decision(2, state=DecisionState.SUPERSEDED)))
        await until(lambda: hub.status().quarantined == 1)
    async with start() as hub:
        await until(lambda: hub.status().leader)
    assert list((await read_notices(bus, REALM)).values()) == [NoticeState.HELD]


async def test_an_entry_that_forbids_the_past_is_folded_from_the_start(bus: MemoryTransport, start: Start) -> None:
    await send(bus, record(REALM, incident()), record(REALM, incident("sveamobil")), record(REALM, link()))
    async with start() as hub:
        await until(lambda: hub.status().leader)
        assert len(hub.view().situations) == 1
        left = Actor(slug="nordtel", name="Nordtel", valid_until=datetime(2020, 1, 1, tzinfo=UTC))
        await send(bus, *entries(REALM, [left]))
        await until(lambda: hub.status().quarantined == 1 and hub.status().settled and hub.status().leader)
        told = await folded_all(bus, hub)
        async with Feed(SETTINGS, transport=bus) as feed:
            async for change in feed:
                if change.digest == told.digest:
                    break
            fold = await fold_log(SETTINGS, transport=bus)
            assert dict(feed.picture) == dict(fold.state.items(change.as_of))


async def test_topics_made_later_are_followed(bus: MemoryTransport, start: Start) -> None:
    newcomer = Actor(slug="tretton", name="Tretton", roles=(Role.MNO,))
    async with start() as hub:
        make_topics(bus, REALM, [newcomer])
        await send(bus, *entries(REALM, [newcomer]), record(REALM, incident("tretton")))
        await until(lambda: len(hub.view().situations) == 1)
        await folded_all(bus, hub)


async def test_one_of_two_hubs_leads_and_the_other_takes_over(bus: MemoryTransport, start: Start) -> None:
    async with start("other") as other:
        async with start("one") as one:
            await until(lambda: one.status().leader or other.status().leader)
            await send(bus, record(REALM, incident()))
            await folded_all(bus, one)
            await folded_all(bus, other)
        await until(lambda: other.status().leader)
        summaries = [r for r in await all_records(bus, REALM.view) if r.key == b"summary"]
        assert len(summaries) > 1


async def read_feed(bus: MemoryTransport, audience: Audience, digest: str) -> Feed:
    """A feed of which the batch with this digest has been read."""
    async with asyncio.timeout(PATIENCE), Feed(SETTINGS, audience=audience, transport=bus) as feed:
        async for change in feed:
            if change.digest == digest:
                fold = await fold_log(SETTINGS, transport=bus)
                assert dict(feed.picture) == dict(fold.projections.items(audience, change.as_of))
                assert change.summary.audience is audience
                assert change.summary.inputs == dict(fold.inputs)
                return feed
    raise AssertionError("a feed does not end")


async def test_each_audience_has_a_feed_and_no_other_hub_forgets_one(bus: MemoryTransport, start: Start) -> None:
    await send(bus, record(REALM, incident()), record(REALM, incident("sveamobil", tlp=Tlp.RED)))
    for name, id in (("one", "I-2"), ("other", "I-3")):  # the second takes over from nobody
        async with start(name) as hub:
            await until(lambda hub=hub: hub.status().leader)  # type: ignore[misc]
            await send(bus, record(REALM, incident(id=id, tlp=Tlp.AMBER_STRICT)))
            await folded_all(bus, hub)
            fold = await fold_log(SETTINGS, transport=bus)
            for audience in FEEDS:
                await read_feed(bus, audience, fold.projections.summary(audience, hub.status().as_of).digest)


async def test_a_batch_is_one_over_all_feeds(bus: MemoryTransport, start: Start) -> None:
    async with start() as hub:
        await until(lambda: hub.status().leader)
        for revision in range(1, 6):
            await send(bus, record(REALM, incident(revision=revision, tlp=Tlp.RED)))
            await folded_all(bus, hub)
    numbers = {}
    for audience in FEEDS:
        summaries = [r.value for r in await all_records(bus, REALM.feed(audience)) if r.key == b"summary"]
        numbers[audience] = [read_summary(Codec(), value or b"").batch for value in summaries]
    assert numbers[Audience.FULL]
    assert numbers[Audience.FULL] == numbers[Audience.AUTHORITY] == numbers[Audience.PEER]


async def test_a_beat_without_news_is_a_summary_per_feed_and_nothing_else(bus: MemoryTransport, start: Start) -> None:
    await send(bus, record(REALM, incident()), record(REALM, incident("sveamobil", tlp=Tlp.RED)))
    async with start(now=lambda: datetime(2026, 1, 10, 7, tzinfo=UTC)) as hub:
        await until(lambda: hub.status().leader)
        before = len(await all_records(bus, REALM.view_peer))
        await asyncio.sleep(5 * QUICK.beat)
    beats = (await all_records(bus, REALM.view_peer))[before:]
    assert {record.key for record in beats} <= {b"summary"}


async def test_a_transaction_that_stays_open_is_told(bus: MemoryTransport, start: Start) -> None:
    async with start() as hub:
        bus.leave_open("somebody", [record(REALM, incident())])
        await until(lambda: hub.status().held_back == (f"{NORDTEL}:0",))
        async with bus.transaction("somebody"):
            pass
        await until(lambda: hub.status().held_back == ())


async def test_a_directory_belongs_to_one_hub(bus: MemoryTransport, start: Start, tmp_path: Path) -> None:
    async with start():
        with pytest.raises(InvalidSettings, match="another running hub"):
            async with running_hub(bus, REALM, tmp_path / "hub"):
                pass


async def test_a_port_that_is_taken_is_told(bus: MemoryTransport, start: Start, tmp_path: Path) -> None:
    async with start() as hub:
        port = int(hub.address.rpartition(":")[2])
        with pytest.raises(InvalidSettings, match="cannot listen"):
            async with running_hub(bus, REALM, tmp_path / "other", port=port):
                pass


async def test_as_of_never_goes_back(bus: MemoryTransport, start: Start) -> None:
    now = [datetime(2030, 1, 1, tzinfo=UTC)]
    async with start(now=lambda: now[0]) as hub:
        await until(lambda: hub.status().leader)
        first = hub.status().as_of
        now[0] -= timedelta(days=1)
        assert hub.status().as_of == first
    async with start("other", now=lambda: now[0]) as other:  # its clock is behind the feed
        await until(lambda: other.status().leader)
        assert other.status().as_of >= first


async def test_a_reader_that_stands_still_is_replaced(bus: MemoryTransport, tmp_path: Path) -> None:
    await send(bus, record(REALM, incident()))
    troubled = TroubledBus(bus)
    troubled.stuck = 10
    pace = replace(PACE, stall=0.2, dead=0.6)
    async with running_hub(troubled, REALM, tmp_path, pace=pace, tempo=QUICK, room=OPEN) as hub:
        await until(lambda: not hub.status().alive)
        async with httpx.AsyncClient(base_url=hub.address) as client:
            assert (await client.get("/health/live")).status_code == 503
        troubled.stuck = 0
        await asyncio.wait_for(hub.settled(), PATIENCE)
        await until(lambda: hub.status().alive)
        assert len(hub.view().situations) == 1


async def test_a_hub_that_is_cut_off_says_so(bus: MemoryTransport, tmp_path: Path) -> None:
    troubled = TroubledBus(bus)
    async with running_hub(troubled, REALM, tmp_path, pace=replace(PACE, unheard=0.2), tempo=QUICK) as hub:
        await asyncio.wait_for(hub.settled(), PATIENCE)
        troubled.lost = True
        await send(bus, record(REALM, incident()))
        await until(lambda: not hub.status().settled)
        assert hub.status().alive, "restarting it would not help"
        assert not hub.view().settled
        troubled.lost = False
        await asyncio.wait_for(hub.settled(), PATIENCE)
        await folded_all(bus, hub)


# The snapshot


@pytest.fixture
def log_events() -> Iterator[Callable[[], list[str]]]:
    with capture_logs() as captured:
        yield lambda: [entry["event"] for entry in captured]


async def filled(bus: MemoryTransport, start: Start) -> HubStatus:
    await send(bus, *(record(REALM, incident(revision=n)) for n in range(1, 50)))
    await send(bus, record(REALM, status()), Outgoing(NORDTEL, b"nordtel/I-1", b"rubbish"))
    async with start() as hub:
        return await folded_all(bus, hub)


async def test_a_restart_goes_on_from_the_snapshot(
    bus: MemoryTransport, start: Start, log_events: Callable[[], list[str]]
) -> None:
    before = await filled(bus, start)
    async with start() as hub:
        assert hub.status().model_copy(update={"as_of": before.as_of, "leader": before.leader}) == before
        await send(bus, record(REALM, incident(revision=99)))
        after = await folded_all(bus, hub)
        assert after.digest != before.digest
    async with start() as hub:
        assert hub.status().digest == after.digest
    assert log_events().count("snapshot_loaded") == 2
    assert "snapshot_refused" not in log_events()


async def test_a_restart_remembers_the_signature_of_what_is_held(
    bus: MemoryTransport, start: Start, tmp_path: Path
) -> None:
    new_key(tmp_path / "key")
    signer = Signer.read(tmp_path / "key")
    asked = ACTORS[0].model_copy(update={"signatures": SignaturePolicy.REQUIRE})
    await send(bus, *entries(REALM, [asked]), signer.sign(record(REALM, incident())))
    async with start() as hub:
        await folded_all(bus, hub)
        assert hub.status().quarantined == 1
    async with start() as hub:
        await send(bus, *entries(REALM, [asked.model_copy(update={"public_keys": (str(signer.public),)})]))
        await until(lambda: hub.status().quarantined == 0)
        assert len(hub.view().situations) == 1


async def test_a_restart_remembers_what_is_not_verified(bus: MemoryTransport, start: Start) -> None:
    warned = ACTORS[0].model_copy(update={"signatures": SignaturePolicy.WARN})
    await send(bus, *entries(REALM, [warned]), record(REALM, incident()))
    async with start() as hub:
        before = await folded_all(bus, hub)
        assert [flag.code for flag in hub.view().flags] == ["UNVERIFIED"]
    async with start() as hub:
        assert hub.status().digest == before.digest
        assert [flag.code for flag in hub.view().flags] == ["UNVERIFIED"]


SPOILT = {
    "the realm": "UPDATE meta SET value = 'ntsg-exercise' WHERE name = 'realm'",
    "the rules": "UPDATE meta SET value = '0.9:0' WHERE name = 'rules'",
    "the schemas": "UPDATE meta SET value = '0' WHERE name = 'schemas'",
    "the log": "UPDATE meta SET value = '0' WHERE name = 'log'",
    "the format": "UPDATE meta SET value = '0' WHERE name = 'format'",
    "the last record": f"UPDATE progress SET fingerprint = x'00' WHERE topic = '{NORDTEL}'",
    "an offset that the log has not": f"UPDATE progress SET offset = 1000 WHERE topic = '{NORDTEL}'",
    "a topic that is no more": "UPDATE progress SET topic = 'ntsg.incident.v1.nobody' WHERE topic LIKE '%status%'",
    "a value": "UPDATE record SET value = x'c301' WHERE offset = 1",
    "a message": "UPDATE message SET body = x'c301' WHERE rowid = 2",
    "a gist": "UPDATE message SET gist = x'5b5d' WHERE rowid = 2",
    "another gist": "UPDATE message SET gist = (SELECT gist FROM message WHERE rowid = 3) WHERE rowid = 2",
    "when something was accepted": "UPDATE accepted SET known_at = x'0000000000000000'",
    "what it amounts to": "UPDATE meta SET value = replace(value, 'nordtel', 'nordbel') WHERE name = 'standing'",
    "a record that is missing": "DELETE FROM record WHERE offset = 1",
    "a message that is missing": "DELETE FROM message WHERE rowid = 2",
    "a table that is missing": "DROP TABLE message",
}


@pytest.mark.parametrize("statement", SPOILT.values(), ids=SPOILT)
async def test_a_snapshot_that_does_not_fit_is_folded_anew(
    bus: MemoryTransport, start: Start, tmp_path: Path, statement: str, log_events: Callable[[], list[str]]
) -> None:
    before = await filled(bus, start)
    with sqlite3.connect(tmp_path / "hub" / "snapshot.sqlite") as database:
        database.execute(statement)
    database.close()
    async with start() as hub:
        assert hub.status().digest == before.digest
        assert hub.status().quarantined == before.quarantined
    events = log_events()
    assert "snapshot_loaded" not in events or "snapshot_refused" in events
    async with start() as hub:  # what was written instead is whole
        assert hub.status().digest == before.digest
    assert log_events()[len(events) :][:2] == ["snapshot_loaded", "settled"]


async def test_a_snapshot_that_is_no_database_is_folded_anew(
    bus: MemoryTransport, start: Start, tmp_path: Path
) -> None:
    before = await filled(bus, start)
    for file in (tmp_path / "hub").glob("snapshot.sqlite*"):
        file.write_bytes(b"not a database " * 1000)
    async with start() as hub:
        assert hub.status().digest == before.digest


async def test_another_log_under_the_same_names_is_folded_from_its_start(
    bus: MemoryTransport, start: Start, tmp_path: Path, log_events: Callable[[], list[str]]
) -> None:
    await filled(bus, start)
    other = await provisioned_memory(REALM)
    await send(other, record(REALM, incident("sveamobil")))
    async with running_hub(other, REALM, tmp_path / "hub", pace=PACE, tempo=QUICK, room=OPEN) as hub:
        await asyncio.wait_for(hub.settled(), PATIENCE)
        await folded_all(other, hub)
    assert "snapshot_refused" in log_events()


async def test_a_disk_that_fails_ends_the_keeping_not_the_hub(
    bus: MemoryTransport, start: Start, tmp_path: Path, log_events: Callable[[], list[str]]
) -> None:
    async with start() as hub:
        with sqlite3.connect(tmp_path / "hub" / "snapshot.sqlite") as database:
            database.execute("DROP TABLE message")
        database.close()
        await send(bus, record(REALM, incident()))
        await until(lambda: "snapshot_not_written" in log_events())
        await send(bus, record(REALM, incident(revision=2)))
        await folded_all(bus, hub)
