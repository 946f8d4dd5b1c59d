"""What was said in other ways: the form goes on from it, says where it came from, and nobody sees another's."""

from __future__ import annotations

import json
from html import unescape
from pathlib import Path

from bus.credentials import Credentials
from bus.envelope import outgoing
from bus.instants import parse_instant
from bus.messages import Incident, Message
from bus.ndjson import read_line
from bus.references import Kind
from bus.signing import new_key
from bus.topics import Realm
from bus.transport.memory import MemoryTransport
from bus.transport.port import Outgoing
from producers.gateway.gateway import Author
from tests.conftest import ACTORS
from tests.gateway.conftest import memory, served
from tests.gateway.test_form import LAST, Site, client, filled, opened
from tests.hubs import until

REALM = Realm("ntsg")
SENT = parse_instant("2026-01-10T05:02:00Z")
TOPIC = "ntsg.incident.v1.nordtel"


def told(**fields: object) -> Message:
    return read_line(json.dumps(LAST | fields)).message


async def say(bus: MemoryTransport, *messages: Message) -> None:
    """Say it without the gateway: from a system of the operator's, or another gateway."""
    await put(bus, *[outgoing(REALM, message, SENT) for message in messages])


async def put(bus: MemoryTransport, *records: Outgoing) -> None:
    async with bus.writer() as writer:
        await writer.send(records)


async def knows(site: Site, id: str, revision: int, actor: str = "nordtel") -> None:
    """Wait until the gateway has read that revision, or a later one, from the bus."""

    async def there() -> bool:
        last = await site.gateway.last(Author(actor, "test"), Kind.INCIDENT, id)
        return last is not None and last.known_at is not None and last.message.revision >= revision

    await until(there, f"the gateway knows {id} in revision {revision}")


async def current(site: Site, actor: str = "nordtel") -> None:
    """Wait until the gateway has read all that the bus had before."""

    async def there() -> bool:
        return await site.gateway.looked(Author(actor, "test"), 1.0)

    await until(there, "the gateway has read the actor's log to its end")


async def test_what_a_system_reported_is_looked_up_and_goes_on_in_the_form(tmp_path: Path) -> None:
    bus = memory()
    await say(bus, told(), told(id="I-2", title="Åska över Öland", revision=1_768_021_200_000, reported_via="IMPORT"))
    async with opened(tmp_path, bus) as site, client(site) as browser:
        await current(site)
        found = (await browser.get("/", params={"q": "åSKA"})).text
        assert "/edit/incident/I-2" in found
        assert "/edit/incident/I-1" not in found
        assert "rapport 2026-01-10 06:00" in found, "a revision that is a time is read as one"
        assert "rapporterad på annat håll (inläst fil), nådde samverkan" in found
        page = (await browser.get("/edit/incident/I-1")).text
        assert "I-1 · rapport 3 · rapporterad på annat håll" in page
        assert "inaktuellt" not in page
        assert filled(page)["title"] == ["Mobilnätet nere"]
        answer = await browser.post("/send/incident", data=filled(page) | {"title": ["Mobilnätet är nere"]})
        assert answer.status_code == 303, answer.text
        after = await site.said("I-1")
        loose = {"revision", "observed_at", "reported_via", "title"}
        assert after.revision == 4
        assert after.model_dump(exclude=loose) == told().model_dump(exclude=loose)
        assert "rapporterad härifrån" in (await browser.get("/edit/incident/I-1")).text


async def test_an_update_that_was_overtaken_is_refused_and_offers_the_choice(tmp_path: Path) -> None:
    """Nobody's words are lost: neither what a colleague said meanwhile, nor what was typed here."""
    bus = memory()
    await say(bus, told())
    async with opened(tmp_path, bus) as site, client(site) as browser:
        await current(site)
        page = (await browser.get("/edit/incident/I-1")).text
        mine = filled(page) | {"title": ["Bara Markaryd"], "users.value": ["5000"]}
        await say(
            bus, told(revision=4, title="Hela länet", areas=[{"kind": "LAN", "code": "07"}], description="Grävskada")
        )
        answer = await browser.post("/send/incident", data=mine)
        assert answer.status_code == 409
        text = unescape(answer.text)
        assert "under tiden kom rapport 4" in text
        assert '<a href="#title">Rubrik</a>: rapport 4 säger Hela länet' in text
        assert text.count("rapport 4 säger") == 1, "what only one of them changed is no difference"
        assert "Skicka mina ändringar som ny rapport" in text
        assert 'href="/edit/incident/I-1">Släng mina ändringar' in text
        shown = filled(answer.text)
        assert (shown["title"], shown["users.value"]) == (["Bara Markaryd"], ["5000"])
        assert shown["areas"][0] == "Kronobergs län"
        assert shown["description"] == ["Grävskada"]
        assert (await browser.post("/send/incident", data=shown)).status_code == 303
        after = await site.said("I-1")
        assert isinstance(after, Incident)
        assert (after.revision, after.title, after.description) == (5, "Bara Markaryd", "Grävskada")
        assert [area.code for area in after.areas] == ["07"]


async def test_an_id_that_is_taken_is_no_new_report(tmp_path: Path) -> None:
    bus = memory()
    await say(bus, told())
    async with opened(tmp_path, bus) as site, client(site) as browser:
        await current(site)
        page = (await browser.get("/new/incident?lang=en")).text
        new = {"title": ["X"], "state": ["SUSPECTED"], "impact.DNS": ["OUTAGE"], "id": ["I-1"]}
        answer = await browser.post("/send/incident", data=filled(page) | new)
        assert answer.status_code == 409
        assert "I-1 was reported before (report 3)" in answer.text
        assert filled(answer.text)["areas"][0] == "Markaryd"
        assert (await browser.post("/send/incident", data=filled(answer.text))).status_code == 303
        assert (await site.said("I-1")).revision == 4


async def test_an_actor_sees_its_own_alone(tmp_path: Path) -> None:
    bus = memory()
    await say(bus, told(title="Nordtels eget"))
    async with opened(tmp_path, bus) as site, client(site, "stadsnat") as other:
        await knows(site, "I-1", 3)
        await current(site, "stadsnat")
        assert "Nordtels eget" not in (await other.get("/")).text
        assert "Nordtels eget" not in (await other.get("/", params={"q": "nordtel"})).text
        assert (await other.get("/edit/incident/I-1")).status_code == 404


async def test_what_is_no_report_of_the_actors_is_not_offered(tmp_path: Path) -> None:
    """What hubs quarantine: another's words, a wrong key, an exercise, bytes, nothing. Then one that is right."""
    bus = memory()
    right = outgoing(REALM, told(), SENT)
    another, exercise = told(actor="stadsnat", revision=7), told(status="EXERCISE", revision=8)
    await put(
        bus,
        right,
        Outgoing(TOPIC, b"nordtel/I-1", outgoing(REALM, another, SENT).value),
        Outgoing(TOPIC, b"nordtel/I-2", outgoing(REALM, told(revision=6), SENT).value),
        Outgoing(TOPIC, b"nordtel/I-1", outgoing(REALM, exercise, SENT).value),
        Outgoing(TOPIC, b"nordtel/I-1", b"nothing"),
        Outgoing(TOPIC, b"nordtel/I-1", None),
        outgoing(REALM, told(id="I-9"), SENT),
    )
    async with opened(tmp_path, bus) as site, client(site) as browser:
        await current(site)
        assert "I-1 · rapport 3" in (await browser.get("/edit/incident/I-1")).text
        assert "/edit/incident/I-9" in (await browser.get("/")).text
        assert "/edit/incident/I-2" not in (await browser.get("/")).text


async def test_a_record_without_the_signature_that_is_asked_for_is_not_offered(tmp_path: Path) -> None:
    public = new_key(tmp_path / "nordtel.key")
    signs = f'[actors.nordtel]\nsignatures = "REQUIRE"\npublic_keys = ["{public}"]'
    bus = memory()
    await say(bus, told(revision=12))
    async with opened(tmp_path, bus, actors=ACTORS.replace("[actors.nordtel]", signs)) as site, client(site) as browser:
        await current(site)
        assert (await browser.get("/edit/incident/I-1")).status_code == 404


async def test_it_goes_on_where_it_was_and_forgets_what_a_purge_took(tmp_path: Path) -> None:
    """After a restart nothing is read twice; where the log is another one, nothing of the old one is kept."""
    bus = memory()
    await say(bus, told(), told(id="I-2", description="Ring Anna 070-1740605"))
    async with opened(tmp_path, bus) as site:
        await knows(site, "I-2", 3)
        await site.say(LAST | {"id": "I-3", "description": "Anna igen"})
        await knows(site, "I-3", 3)
        places = await site.gateway.database.call(site.gateway.records.places, "nordtel")
    async with opened(tmp_path, bus) as site:
        await current(site)
        assert await site.gateway.database.call(site.gateway.records.places, "nordtel") == places
    rewritten = memory()
    await put(rewritten, outgoing(REALM, told(), SENT), Outgoing(TOPIC, b"nordtel/I-2", None))
    await say(rewritten, told(id="I-3", description="Ring driften"))
    async with opened(tmp_path, rewritten) as site:
        await current(site)
        last = await site.gateway.last(Author("nordtel", "test"), Kind.INCIDENT, "I-3")
        assert last is not None
        assert isinstance(last.message, Incident)
        assert last.message.description == "Ring driften"
        assert await site.gateway.last(Author("nordtel", "test"), Kind.INCIDENT, "I-2") is None
        assert await site.gateway.last(Author("nordtel", "test"), Kind.INCIDENT, "I-1") is not None
        assert await site.everything() == []
    kept = b"".join(path.read_bytes() for path in (tmp_path / "gateway").glob("gateway.sqlite*"))
    assert b"driften" in kept
    assert b"Anna" not in kept


async def test_a_form_that_cannot_ask_the_bus_says_so_and_works(tmp_path: Path) -> None:
    """Nothing listens at the address that its credentials name."""
    Credentials("127.0.0.1:1", "ntsg.nordtel", "secret", "ntsg").write(tmp_path / "credentials" / "nordtel.toml")
    async with served(tmp_path / "gateway", tmp_path / "credentials") as (gateway, address):
        site = Site(gateway, address, tmp_path / "gateway")
        author = Author("nordtel", "test")

        async def told_so() -> bool:
            return not gateway.standing(author).reading

        await until(told_so, "the gateway has noticed that no broker answers")
        async with client(site) as browser:
            assert "ingen kontakt med samverkan ännu" in (await browser.get("/")).text
            assert "ingen kontakt med samverkan ännu" in (await browser.get("/new/incident")).text
            english = await browser.get("/?lang=en")
            assert "no contact with the coordination yet" in english.text
