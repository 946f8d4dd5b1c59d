"""Alerts over real wires: a web server, a mail server with STARTTLS, hubs that follow each other, real Kafka."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from structlog.testing import capture_logs

from bus.errors import NotAllowed
from bus.messages import Ack, Incident
from bus.provision import credentials_file
from bus.topics import Kind, Realm
from bus.transport.kafka import KafkaTransport
from bus.transport.memory import MemoryTransport
from bus.transport.port import Transport, Writer
from bus.vocabulary import AckAnswer, CountBasis, CountScope, IncidentState, MessageStatus
from consumers.alerts import AlertRules
from consumers.alerts.rules import EmailChannel, WebhookChannel
from consumers.alerts.watch import read_told
from consumers.hub import Hub, Pace, Tempo, running_hub
from consumers.hub.clock import Now, wall_clock
from ntsg import cli
from tests.conftest import ProvisionedGroup
from tests.group import incident, provisioned_memory, record
from tests.hubs import HubProcess, Hubs, write
from tests.troubles import TroubledBus

REALM = Realm("ntsg")
QUICK = Tempo(beat=0.1, gap=0.0, silence=0.4, spread=0.1, listen=0.02)
PACE = Pace(look=0.05, discover=0.1, retry=0.05, read=0.02)
PATIENCE = 60.0
Start = Callable[..., AbstractAsyncContextManager[Hub]]
SECRET = "hemligt-för-jouren"
PASSWORD = "hemligt-för-posten"
MANY = {"value": 200_000, "basis": CountBasis.ESTIMATED, "scope": CountScope.OWN_SUBSCRIPTIONS}


def grave(revision: int = 1, **fields: object) -> Incident:
    """An incident that began just now, with users enough for level 4."""
    return incident(revision=revision, observed_at=datetime.now(UTC), users=MANY, **fields)


async def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.02)


@dataclass
class Web:
    """A web server that takes alerts, or answers something else."""

    url: str
    answer: int = 204
    taken: list[dict[str, object]] = field(default_factory=list)
    refused: int = 0
    headers: list[dict[str, str]] = field(default_factory=list)
    before_answering: Callable[[], None] = lambda: None
    """What happens once an alert is taken, and nobody who sent it knows yet."""

    def occasions(self) -> list[object]:
        return [alert["occasion"] for alert in self.taken]

    def told_again(self, number: int) -> int:
        """How often the alert that came as this one was told again."""
        id = self.taken[number]["id"]
        return sum((alert["id"], alert["occasion"]) == (id, "AGAIN") for alert in self.taken)


@contextmanager
def web_server() -> Iterator[Web]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if web.answer < 300:
                seconds, _, given = self.headers["NTSG-Signature"].removeprefix("t=").partition(",v1=")
                expected = hmac.new(SECRET.encode(), seconds.encode() + b"." + body, hashlib.sha256).hexdigest()
                assert hmac.compare_digest(given, expected)
                web.taken.append(json.loads(body))
                web.headers.append(dict(self.headers))
                web.before_answering()
            else:
                web.refused += 1
            self.send_response(web.answer)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        web = Web(f"http://127.0.0.1:{server.server_port}/ntsg")
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield web
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as server:
        yield server


def hook(web: Web, tmp_path: Path, **fields: object) -> WebhookChannel:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    told = {"name": "jour", "kind": "webhook", "url": web.url, "secret_file": secret, **fields}
    return WebhookChannel.model_validate(told)


@dataclass
class Hands:
    """A clock that a test sets on."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def pass_(self, **time: float) -> None:
        self.ahead += timedelta(**time)


def ruled(*channels: WebhookChannel | EmailChannel, **fields: object) -> AlertRules:
    """Rules of a hub that looks often."""
    return AlertRules.model_validate({"channels": channels, "look_seconds": 0.05, "retry_seconds": 0.05, **fields})


@pytest.fixture
def start(tmp_path: Path) -> Start:
    @asynccontextmanager
    async def started(
        bus: Transport, rules: AlertRules, name: str = "hub", realm: Realm = REALM, now: Now = wall_clock
    ) -> AsyncIterator[Hub]:
        async with running_hub(bus, realm, tmp_path / name, pace=PACE, tempo=QUICK, now=now, alerts=rules) as hub:
            await asyncio.wait_for(hub.settled(), PATIENCE)
            yield hub

    return started


async def publish(bus: MemoryTransport, *messages: object) -> None:
    async with bus.writer() as writer:
        await writer.send([record(REALM, message) for message in messages])  # type: ignore[arg-type]


async def test_a_grave_situation_is_told_once_whoever_leads(web: Web, tmp_path: Path, start: Start) -> None:
    bus = await provisioned_memory(REALM)
    rules = ruled(hook(web, tmp_path, rules=["SEVERITY"]), hold_seconds=0)
    await publish(bus, grave(title="Stort fel"))
    async with start(bus, rules, "one"):
        await until(lambda: len(web.taken) == 1, "the alert arrives")
        [alert] = web.taken
        assert alert["text"] == "[SKARPT LÄGE] Allvarlighet 4 Avsevärd: Stort fel"
        assert web.headers[0]["Idempotency-Key"].startswith(str(alert["id"]))
        async with start(bus, rules, "two") as second:
            assert not second.leads
    async with start(bus, rules, "three") as third:
        await until(lambda: third.leads, "the next hub leads")
        # Whatever it would tell again stands before this, for a channel is told one thing after the other.
        await publish(bus, grave(id="I-2", title="Ett till", areas=({"kind": "KOMMUN", "code": "0980"},)))
        await until(lambda: len(web.taken) == 2, "what is new is told")
        assert web.taken[1]["id"] != alert["id"]
        over = grave(title="Stort fel", revision=2, state=IncidentState.CLOSED)
        await publish(bus, over)
        await until(lambda: len(web.taken) == 3, "that it is over is told")
        assert (web.taken[2]["id"], web.taken[2]["occasion"]) == (alert["id"], "OVER")
        await until(lambda: third.status().alerts_failing == (), "nothing fails")


async def test_what_is_ignored_is_told_each_quarter_until_the_coordination_acknowledges(
    web: Web, tmp_path: Path, start: Start
) -> None:
    bus, hands = await provisioned_memory(REALM), Hands()
    await publish(bus, grave(id="I-1"))
    async with start(bus, ruled(hook(web, tmp_path, rules=["SEVERITY"]), resend_minutes=15), now=hands) as hub:
        await until(lambda: len(web.taken) == 1, "it is told")
        [situation] = hub.view().situations
        hands.pass_(minutes=14)
        await publish(bus, grave(id="I-2", areas=({"kind": "KOMMUN", "code": "0980"},)))
        await until(lambda: len(web.taken) == 2, "another is told, a minute before the first would be again")
        for quarters in (1, 2):
            hands.pass_(minutes=1 if quarters == 1 else 14)
            await until(lambda q=quarters: web.told_again(0) == q, "the first is told again")  # type: ignore[misc]
            hands.pass_(minutes=14 if quarters == 1 else 1)
            await until(lambda q=quarters: web.told_again(1) == q, "and then the other")  # type: ignore[misc]
        bus.create(REALM.input(Kind.ACK, "samordning"))
        await publish(
            bus,
            Ack(
                actor="samordning", id="A-1", revision=1, status=MessageStatus.ACTUAL, observed_at=datetime.now(UTC),
                of=f"situation/{situation.id}", answer=AckAnswer.READ,
            ),
        )  # fmt: skip
        await until(lambda: hub.fold.state.acknowledged(f"situation/{situation.id}") is not None, "the hub hears it")
        for quarters in (3, 4):
            hands.pass_(minutes=15)
            await until(lambda q=quarters: web.told_again(1) == q, "nobody answers for the other")  # type: ignore[misc]
        assert web.told_again(0) == 2


async def test_a_channel_that_fails_all_night_is_tried_all_night(web: Web, tmp_path: Path, start: Start) -> None:
    bus, hands = await provisioned_memory(REALM), Hands()
    await publish(bus, grave())
    web.answer = 503
    async with start(
        bus, ruled(hook(web, tmp_path, rules=["SEVERITY"]), look_seconds=0.01, retry_seconds=5), now=hands
    ):
        for failures in range(1, 50):
            await until(lambda f=failures: web.refused >= f, "it is tried")  # type: ignore[misc]
            hands.pass_(minutes=5)
        web.answer = 204
        await until(lambda: len(web.taken) == 1, "it arrives in the morning")


async def test_a_channel_that_fails_is_tried_again_and_shows(web: Web, tmp_path: Path, start: Start) -> None:
    bus = await provisioned_memory(REALM)
    with web_server() as broken:
        broken.answer = 503
        channels = (hook(broken, tmp_path, name="trasig", rules=["SEVERITY"]), hook(web, tmp_path, rules=["SEVERITY"]))
        await publish(bus, grave())
        with capture_logs() as logs:
            async with start(bus, ruled(*channels)) as hub:
                await until(lambda: broken.refused >= 2, "it is tried again")
                await until(lambda: len(web.taken) == 1, "the other channel is not held up")
                assert hub.status().alerts_failing == ("trasig: channel trasig: answered 503; 1 waiting",)
                broken.answer = 200
                await until(lambda: len(broken.taken) == 1, "it arrives at last")
                await until(lambda: hub.status().alerts_failing == (), "the status is clear again")
                assert broken.taken[0]["id"] == web.taken[0]["id"]
        assert SECRET not in str(logs)
        assert broken.url not in str(logs)


async def test_a_hub_that_cannot_hear_the_bus_says_so_by_itself(web: Web, tmp_path: Path, start: Start) -> None:
    bus = TroubledBus(await provisioned_memory(REALM))
    channel = hook(web, tmp_path, rules=["BUS_LOST"])
    rules = ruled(channel, rules={"lost_seconds": 0.3}, hold_seconds=0)
    async with start(bus, rules):
        bus.lost = True
        await until(lambda: web.occasions() == ["NEW"], "the loss is told")
        bus.lost = False
        await until(lambda: web.occasions() == ["NEW", "OVER"], "that it is over is told")


class Unwritable(TroubledBus):
    """A bus on which this user may not write, until it may."""

    writable = False

    def writer(self) -> AbstractAsyncContextManager[Writer]:
        if not self.writable:
            raise NotAllowed("no right to write")
        return super().writer()


async def test_what_cannot_be_recorded_is_told_once_all_the_same(web: Web, tmp_path: Path, start: Start) -> None:
    memory = await provisioned_memory(REALM)
    await publish(memory, grave())
    bus = Unwritable(memory)
    async with start(bus, ruled(hook(web, tmp_path, rules=["SEVERITY"]))) as hub:
        await until(lambda: bool(hub.status().alerts_failing), "that it is not recorded shows")
        assert "ntsg.alerts.v1: no right to write" in hub.status().alerts_failing
        await publish(memory, grave(id="I-2", areas=({"kind": "KOMMUN", "code": "0980"},)))
        await until(lambda: len(web.taken) == 2, "alerts go on")
        bus.writable = True
        await written(memory, REALM, 2)
        await until(lambda: hub.status().alerts_failing == (), "the status is clear again")
        assert web.occasions() == ["NEW", "NEW"]


async def test_on_kafka_what_was_told_is_on_the_bus(
    web: Web, tmp_path: Path, start: Start, group: ProvisionedGroup
) -> None:
    bus = KafkaTransport(group.settings("hub"))
    rules = ruled(hook(web, tmp_path, rules=["SEVERITY"]), hold_seconds=0)
    await write(group.settings("nordtel"), [grave()])
    async with start(bus, rules, realm=group.realm):
        await until(lambda: len(web.taken) == 1, "the alert arrives")
        await written(bus, group.realm, 1)
        [told] = (await read_told(bus, group.realm)).values()
        assert (told.fact, told.channel, told.times) == (web.taken[0]["id"], "jour", 1)
        await write(group.settings("nordtel"), [grave(revision=2, state=IncidentState.CLOSED)])
        await until(lambda: len(web.taken) == 2, "that it is over is told")
        await written(bus, group.realm, 0)


def rules_file(web: Web, tmp_path: Path, general: str = "", channel: str = "") -> Path:
    """A file that wakes one web server, with more lines of its own."""
    (tmp_path / "secret").write_text(SECRET)
    file = tmp_path / "alerts.toml"
    file.write_text(
        f"""
        {general}
        [[channels]]
        name = "jour"
        kind = "webhook"
        {channel}
        url = "{web.url}"
        secret_file = "{tmp_path / "secret"}"
        """
    )
    return file


@pytest.fixture
def hubs(web: Web, tmp_path: Path, group: ProvisionedGroup) -> Iterator[Hubs]:
    """Hubs as processes, which wake one web server."""
    rules = rules_file(web, tmp_path, "look_seconds = 0.05", 'rules = ["SEVERITY"]')
    with Hubs(group, tmp_path / "hubs", rules) as started:
        yield started


async def test_what_a_killed_hub_told_the_next_does_not_tell_again(
    web: Web, hubs: Hubs, group: ProvisionedGroup
) -> None:
    leader, follower = await leader_and_follower(hubs)
    await write(group.settings("nordtel"), [grave()])
    await until(lambda: len(web.taken) == 1, "it is told")
    await written(KafkaTransport(group.settings("hub")), group.realm, 1)
    leader.kill()
    await follower.leads()
    for known, place in ((2, "0980"), (3, "2584")):
        await write(group.settings("nordtel"), [grave_at(place)])
        await until(lambda n=known: len(web.taken) == n, "the next hub tells what is new")  # type: ignore[misc]
    assert len({alert["id"] for alert in web.taken}) == 3


async def test_what_a_hub_told_as_it_was_killed_the_next_tells_again_under_the_same_name(
    web: Web, hubs: Hubs, group: ProvisionedGroup
) -> None:
    """At least once: nobody can know whether who died between telling and recording was heard."""
    leader, follower = await leader_and_follower(hubs)
    web.before_answering = leader.process.kill
    await write(group.settings("nordtel"), [grave()])
    await until(lambda: len(web.taken) == 1, "it is told")
    leader.kill()
    web.before_answering = lambda: None
    await follower.leads()
    await until(lambda: len(web.taken) == 2, "it is told again")
    await written(KafkaTransport(group.settings("hub")), group.realm, 1)
    await write(group.settings("nordtel"), [grave_at("0980")])
    await until(lambda: len(web.taken) == 3, "what is new is told")
    first, again, new = web.taken
    assert (again["id"], again["occasion"]) == (first["id"], "NEW")
    assert web.headers[1]["Idempotency-Key"] == web.headers[0]["Idempotency-Key"]
    assert new["id"] != first["id"]


async def leader_and_follower(hubs: Hubs) -> tuple[HubProcess, HubProcess]:
    leader = hubs.start("first")
    await leader.leads()
    follower = hubs.start("second")
    assert not (await follower.settled()).leader
    return leader, follower


def grave_at(place: str) -> Incident:
    """One more, in a municipality where nothing else is."""
    return grave(id=f"I-{place}", areas=({"kind": "KOMMUN", "code": place},))


async def written(bus: Transport, realm: Realm, records: int) -> None:
    """Wait until so many facts are on record."""
    async with asyncio.timeout(PATIENCE):
        while len(await read_told(bus, realm)) != records:  # noqa: ASYNC110 - the bus tells nobody
            await asyncio.sleep(0.05)


# Mail


@dataclass
class Post:
    """A mail server that wants STARTTLS and a password."""

    port: int
    ca: Path
    taken: list[EmailMessage] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    refused: tuple[str, ...] = ()

    async def handle_RCPT(  # noqa: N802 - the name is the library's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        self.taken.append(message_from_bytes(content, policy=policy.default))  # type: ignore[arg-type]
        self.encrypted.append(session.ssl is not None)
        return "250 OK"


def certificate(tmp_path: Path) -> Path:
    """A key and a certificate of 127.0.0.1 that signs itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + made.public_bytes(serialization.Encoding.PEM)
    path = tmp_path / "post.pem"
    path.write_bytes(pem)
    return path


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    pem = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
        assert isinstance(data, LoginPassword)
        return AuthResult(success=(data.login, data.password) == (b"ntsg", PASSWORD.encode()))

    post = Post(0, pem)

    def connection() -> SMTP:
        return SMTP(
            post, hostname="post", tls_context=context, require_starttls=True, auth_required=True,
            authenticator=authenticate,
        )  # fmt: skip

    async with await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0) as server:
        post.port = server.sockets[0].getsockname()[1]
        yield post


def mailbox(post: Post, tmp_path: Path, **fields: object) -> EmailChannel:
    (tmp_path / "password").write_text(PASSWORD)
    told = {
        "name": "mejl", "kind": "email", "host": "127.0.0.1", "port": post.port, "tls_ca": post.ca, "user": "ntsg",
        "password_file": tmp_path / "password", "sender": "ntsg@example.org", "to": ["vakt@example.org"],
        "rules": ["SEVERITY"], **fields,
    }  # fmt: skip
    return EmailChannel.model_validate(told)


async def test_mail_goes_encrypted_to_a_server_that_is_trusted(post: Post, tmp_path: Path, start: Start) -> None:
    bus = await provisioned_memory(REALM)
    await publish(bus, grave(title="Stort fel i Växjö"))
    async with start(bus, AlertRules(channels=(mailbox(post, tmp_path),), link="https://rummet.example")):
        await until(lambda: len(post.taken) == 1, "the mail arrives")
    [mail] = post.taken
    assert post.encrypted == [True]
    assert mail["Subject"] == "[SKARPT LÄGE] Allvarlighet 4 Avsevärd: Stort fel i Växjö"
    assert (mail["To"], mail["Auto-Submitted"]) == ("vakt@example.org", "auto-generated")
    assert "https://rummet.example" in mail.get_content()


async def test_a_server_that_is_not_trusted_gets_nothing(post: Post, tmp_path: Path, start: Start) -> None:
    bus = await provisioned_memory(REALM)
    await publish(bus, grave())
    with capture_logs() as logs:
        async with start(bus, ruled(mailbox(post, tmp_path, tls_ca=None))) as hub:
            await until(lambda: bool(hub.status().alerts_failing), "the failure shows")
    assert post.taken == []
    assert PASSWORD not in str(logs)


async def test_an_address_that_is_refused_is_a_failure(post: Post, tmp_path: Path, start: Start) -> None:
    post.refused = ("borta@example.org",)
    bus = await provisioned_memory(REALM)
    await publish(bus, grave())
    rules = ruled(mailbox(post, tmp_path, to=["borta@example.org"]))
    async with start(bus, rules) as hub:
        await until(lambda: bool(hub.status().alerts_failing), "the failure shows")
    assert post.taken == []


async def test_the_command_tries_every_channel(web: Web, post: Post, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "password").write_text(PASSWORD)
    file = tmp_path / "alerts.toml"
    file.write_text(
        f"""
        [[channels]]
        name = "jour"
        kind = "webhook"
        url = "{web.url}"
        secret_file = "{tmp_path / "secret"}"
        [[channels]]
        name = "mejl"
        kind = "email"
        host = "127.0.0.1"
        port = {post.port}
        tls_ca = "{post.ca}"
        user = "ntsg"
        password_file = "{tmp_path / "password"}"
        sender = "ntsg@example.org"
        to = ["vakt@example.org"]
        """
    )
    result = await asyncio.to_thread(CliRunner().invoke, cli, ["alerts", "test", str(file), "--realm", "ntsg-exercise"])
    assert (result.exit_code, result.stdout) == (0, "jour: taken\nmejl: taken\n")
    assert web.taken[0]["exercise"] is True
    assert post.taken[0]["Subject"] == "[ÖVNING] Provlarm: larm kommer fram hit"


async def test_the_command_says_what_would_be_told_and_tells_nobody(
    web: Web, tmp_path: Path, group: ProvisionedGroup
) -> None:
    file = rules_file(web, tmp_path)
    await write(group.settings("nordtel"), [grave(title="Stort fel", tlp="AMBER"), grave(id="I-2", title="Litet fel")])
    credentials = str(credentials_file(group.credentials, group.realm, "room"))

    async def shown(*options: str) -> str:
        command = ["alerts", "show", str(file), "--config", credentials, *options]
        result = await asyncio.to_thread(CliRunner().invoke, cli, command)
        assert (result.exit_code, result.stderr) == (0, "")
        return result.stdout

    told = (await shown()).splitlines()
    assert set(told[:2]) == {
        "jour: [SKARPT LÄGE] Allvarlighet 4 Avsevärd: Litet fel",
        "jour: [SKARPT LÄGE] Allvarlighet 4 Avsevärd: Stort fel",
    }
    assert "jour: [SKARPT LÄGE] Sveamobil har aldrig hörts" in told[2:]
    data = [json.loads(line) for line in (await shown("--json")).splitlines()]
    assert [f"{alert['channel']}: {alert['text']}" for alert in data] == told
    assert (data[0]["rule"], data[0]["degree"], data[0]["occasion"]) == ("SEVERITY", 4, "NEW")
    assert web.taken == []
