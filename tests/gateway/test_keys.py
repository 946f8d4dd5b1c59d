"""Keys: shown once, kept as a hash, rotated with an overlap, ended at once."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bus.credentials import Credentials
from bus.errors import InvalidSettings, UnknownKey
from bus.topics import TopicPartition
from bus.transport.kafka import KafkaTransport
from ntsg import cli
from producers.gateway import KeyRing
from producers.gateway.database import FILE, connected
from producers.gateway.limits import Buckets
from producers.gateway.server import checked_address, server
from tests.conftest import ProvisionedGroup
from tests.gateway.conftest import memory, served
from tests.unit.test_cli import GOOD

NOW = datetime(2026, 1, 10, 6, tzinfo=UTC)
PATIENCE = 60.0


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[KeyRing]:
    with connected(tmp_path) as connection:
        yield KeyRing(connection)


def test_a_key_opens_and_is_not_on_the_disk(ring: KeyRing, tmp_path: Path) -> None:
    key, written = ring.add("nordtel", NOW)
    opened = ring.open(written, NOW)
    assert opened is not None
    assert (opened.id, opened.actor) == (key.id, "nordtel")
    assert ring.open(f"{written[:-1]}{'A' if written[-1] != 'A' else 'B'}", NOW) is None
    assert ring.open("", NOW) is None
    secret = written.rpartition("_")[2].encode()
    assert not any(secret in path.read_bytes() for path in tmp_path.iterdir())
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


def test_a_rotated_key_opens_until_the_overlap_is_over(ring: KeyRing) -> None:
    old, written = ring.add("nordtel", NOW)
    new, fresh = ring.rotate(old.id, NOW, timedelta(hours=1))
    before, after = NOW + timedelta(minutes=59), NOW + timedelta(hours=1)
    assert [bool(ring.open(each, before)) for each in (written, fresh)] == [True, True]
    assert [bool(ring.open(each, after)) for each in (written, fresh)] == [False, True]
    assert new.actor == "nordtel"
    with pytest.raises(UnknownKey, match="has ended"):
        ring.rotate(old.id, after, timedelta(0))
    with pytest.raises(UnknownKey, match="no key has the id"):
        ring.end("aaaaaaaa", NOW)
    with pytest.raises(InvalidSettings, match="cannot be an actor"):
        ring.add("Nordtel AB", NOW)


def test_a_bucket_fills_again() -> None:
    bucket = Buckets(rate=2, burst=2)
    assert [bucket.take("a", 0.0) for _ in range(3)] == [0, 0, 1]
    assert bucket.take("b", 0.0) == 0
    assert bucket.take("a", 0.5) == 0
    assert bucket.empty("a", 0.5) == 1
    assert bucket.empty("a", 1.0) == 0


def test_keys_are_never_sent_in_the_clear(tmp_path: Path) -> None:
    for host in ("127.0.0.1", "::1", "localhost"):
        checked_address(host, None, None)
    for host in ("0.0.0.0", "192.0.2.1", "gateway.example"):
        with pytest.raises(InvalidSettings, match="no loopback address"):
            checked_address(host, None, None)
    wrong = tmp_path / "chain.pem"
    wrong.write_text("nothing")
    with pytest.raises(InvalidSettings, match="cannot be loaded"):
        checked_address("0.0.0.0", wrong, None)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["gateway", *map(str, arguments)])


def test_keys_by_command(tmp_path: Path) -> None:
    at = ("--directory", tmp_path)
    made = run("key", "add", "nordtel", "--note", "driftcentralen", *at)
    assert made.stdout.startswith("ntsg_")
    [listed] = [json.loads(line) for line in run("key", "list", "--json", *at).stdout.splitlines()]
    assert (listed["actor"], listed["note"], listed["until"]) == ("nordtel", "driftcentralen", None)
    fresh = run("key", "rotate", listed["id"], "--overlap", "30m", *at)
    assert fresh.stdout != made.stdout
    assert run("key", "end", listed["id"], *at).exit_code == 0
    lines = run("key", "list", *at).stdout.splitlines()
    assert sorted("ended" in line for line in lines) == [False, True]
    assert made.stdout.strip() not in "".join(lines)
    refused = run("key", "end", "aaaaaaaa", *at)
    assert (refused.exit_code, "no key has the id" in refused.stderr) == (1, True)
    assert run("key", "rotate", listed["id"], "--overlap", "soon", *at).exit_code == 2
    assert run("--directory", tmp_path).exit_code == 2


@contextmanager
def running(directory: Path, credentials: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The gateway as a process; killed at the end of the body, whatever it does."""
    command = [
        sys.executable,
        "-m",
        "ntsg",
        "gateway",
        "--directory",
        str(directory),
        "--credentials",
        str(credentials),
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NTSG_")}
    process = subprocess.Popen([*command, "--port", str(port)], env=environment, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            assert process.poll() is None
            assert time.monotonic() < deadline
            try:
                httpx.get(f"http://127.0.0.1:{port}/v1/health")
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_a_gateway_ends_when_it_is_told_to_and_has_its_port_alone(tmp_path: Path) -> None:
    Credentials("127.0.0.1:1", "ntsg.nordtel", "secret", "ntsg").write(tmp_path / "served" / "nordtel.toml")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with running(tmp_path / "gateway", tmp_path / "served", port) as process:
        second = run("--directory", tmp_path / "second", "--credentials", tmp_path / "served", "--port", port)
        assert second.exit_code == 1
        assert "choose another port" in second.stderr
        assert "Traceback" not in second.stderr
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


async def test_a_killed_gateway_keeps_what_it_gave_receipts_for(group: ProvisionedGroup, tmp_path: Path) -> None:
    directory, credentials = tmp_path / "gateway", tmp_path / "served"
    credentials.mkdir()
    (credentials / "nordtel.toml").write_bytes((group.credentials / str(group.realm) / "nordtel.toml").read_bytes())
    with connected(directory) as connection:
        written = KeyRing(connection).add("nordtel", datetime.now(UTC))[1]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    await asyncio.to_thread(_killed_again_and_again, directory, credentials, port, written)
    topic = TopicPartition(f"{group.realm}.incident.v1.nordtel", 0)
    keys: set[bytes | None] = set()
    async with KafkaTransport(group.admin).reader({topic: 0}) as reader:
        while len(keys) < 40:
            records = await reader.read(timeout=PATIENCE)
            assert records
            keys |= {record.key for record in records}
    assert keys == {f"nordtel/I-{life}-{number}".encode() for life in range(2) for number in range(20)}


def _killed_again_and_again(directory: Path, credentials: Path, port: int, written: str) -> None:
    """Two lives with twenty receipts each, and a last one in which all of them reach the bus."""
    headers = {"Authorization": f"Bearer {written}", "Content-Type": "application/json"}
    address = f"http://127.0.0.1:{port}/v1"
    given: list[int] = []
    for life in range(2):
        with running(directory, credentials, port), httpx.Client(headers=headers, timeout=PATIENCE) as client:
            for number in range(20):
                told = GOOD | {"id": f"I-{life}-{number}"}
                given.append(client.post(f"{address}/messages", json=told).json()["receipts"][0]["number"])
    assert len(set(given)) == 40
    with running(directory, credentials, port), httpx.Client(headers=headers, timeout=PATIENCE) as client:
        deadline = time.monotonic() + PATIENCE
        while client.get(f"{address}/receipts").json()["receipts"]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert all(client.get(f"{address}/receipts/{n}").json()["state"] == "STORED" for n in given)


def certificate(directory: Path) -> tuple[Path, Path]:
    """A certificate for this machine, signed by itself, and its key."""
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(secret, hashes.SHA256())
    )
    chain, key = directory / "chain.pem", directory / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        secret.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return chain, key


async def test_over_tls_the_cookie_is_bound_to_it(tmp_path: Path) -> None:
    chain, key = certificate(tmp_path)
    Credentials("127.0.0.1:1", "ntsg.nordtel", "secret", "ntsg").write(tmp_path / "served" / "nordtel.toml")
    bus = memory()
    tls = {"certificate": chain, "key": key}
    async with served(tmp_path / "gateway", tmp_path / "served", tls=tls, transport=lambda _: bus) as (
        gateway,
        address,
    ):
        written = (await gateway.database.call(gateway.keys.add, "nordtel", datetime.now(UTC)))[1]
        trusting = ssl.create_default_context(cafile=str(chain))
        async with httpx.AsyncClient(verify=trusting, base_url=address.replace("127.0.0.1", "localhost")) as client:
            answer = await client.post("/enter", data={"key": written})
            assert answer.status_code == 303
            assert answer.headers["set-cookie"].startswith("__Host-ntsg=")
            assert "; Secure" in answer.headers["set-cookie"]
            assert answer.headers["strict-transport-security"]
        config = server(gateway, "127.0.0.1", 0, **tls).config
        assert config.ssl is not None
        assert config.ssl.minimum_version is ssl.TLSVersion.TLSv1_2
