"""The local broker: a real Kafka that starts, keeps what it was given, and lets nobody in without a password."""

from __future__ import annotations

import socket
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from bus import broker as local_broker
from bus.broker import Running
from bus.broker.cluster import LOOPBACK, Cluster, free_port, is_free
from bus.errors import AuthenticationFailed, BrokerError, BusError
from bus.provision.actions import CreateTopic
from bus.provision.administration import Administration
from bus.provision.rules import RECORD_OF_EVENTS
from bus.settings import Settings
from bus.topics import TopicPartition
from bus.transport import Outgoing
from bus.transport.connection import Connection
from bus.transport.kafka import KafkaTransport


def silent(_: str) -> None:
    """Reports that no test looks at."""


@contextmanager
def occupied(port: int) -> Iterator[None]:
    with socket.socket() as other:
        other.bind((LOOPBACK, port))
        other.listen()
        yield


async def write(running: Running, topic: str, *values: bytes) -> None:
    await Administration(running.settings()).create_topics([CreateTopic(topic, RECORD_OF_EVENTS, running.nodes)])
    await append(running, topic, *values)


async def append(running: Running, topic: str, *values: bytes) -> None:
    async with KafkaTransport(running.settings()).writer() as writer:
        await writer.send([Outgoing(topic, b"key", value) for value in values])


async def contents(running: Running, topic: str) -> list[bytes | None]:
    partition = TopicPartition(topic, 0)
    found: list[bytes | None] = []
    async with KafkaTransport(running.settings()).reader({partition: 0}) as reader:
        end = (await reader.end_offsets())[partition]
        while reader.positions()[partition] < end:
            found += [record.value for record in await reader.read(timeout=1.0)]
    return found


async def test_data_identity_and_port_survive_a_restart(own_broker: Callable[..., Any]) -> None:
    own = own_broker()
    before = own.start()
    await write(before, "a.log", b"1", b"2")
    own.stop()
    assert local_broker.status(own.directory) is None
    after = own.start()
    assert (after.cluster_id, after.bootstrap) == (before.cluster_id, before.bootstrap)
    assert await contents(after, "a.log") == [b"1", b"2"]


async def test_it_comes_back_after_a_kill(own_broker: Callable[..., Any]) -> None:
    own = own_broker()
    await write(own.start(), "a.log", b"1")
    own.kill()
    assert await contents(own.start(), "a.log") == [b"1"]


def test_starting_what_runs_changes_nothing(broker: Running) -> None:
    said: list[str] = []
    assert local_broker.start(broker.directory, report=said.append) == broker
    assert said == [f"Kafka is already running at {broker.bootstrap}"]
    assert local_broker.status(broker.directory) == broker


def test_two_starts_at_once_give_one_broker(own_broker: Callable[..., Any]) -> None:
    own = own_broker()
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(lambda _: own.start(), range(2))
    assert first == second


def test_no_secret_shows_in_the_list_of_processes(broker: Running) -> None:
    cluster = Cluster.read(broker.directory)
    assert cluster is not None
    command = (
        Path(f"/proc/{broker.pids[0]}/cmdline").read_bytes() + Path(f"/proc/{broker.pids[0]}/environ").read_bytes()
    )
    assert cluster.admin_password.encode() not in command
    assert cluster.controller_password.encode() not in command


def test_what_holds_a_secret_is_private(broker: Running) -> None:
    cluster = Cluster.read(broker.directory)
    assert cluster is not None
    secrets = (cluster.admin_password.encode(), cluster.controller_password.encode())
    telling = [
        file
        for file in broker.directory.rglob("*")
        if file.is_file() and any(secret in file.read_bytes() for secret in secrets)
    ]
    assert {file.name for file in telling} == {"cluster.json", "admin.toml", "server.properties"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in telling} == {0o600}


def test_it_listens_on_loopback_alone(broker: Running) -> None:
    sockets = [each for pid in broker.pids for each in psutil.Process(pid).net_connections("tcp")]
    assert {each.laddr.ip for each in sockets if each.status == psutil.CONN_LISTEN} == {f"::ffff:{LOOPBACK}"}


@pytest.mark.parametrize("user", ["admin", "somebody"])
async def test_a_wrong_password_is_refused(broker: Running, user: str) -> None:
    settings = Settings(bootstrap=broker.bootstrap, user=user, password="wrong")
    with pytest.raises(AuthenticationFailed):
        await Connection.of(settings).diagnose()


async def test_nobody_comes_in_without_a_user(broker: Running) -> None:
    with pytest.raises(AuthenticationFailed):
        await Connection.of(Settings(bootstrap=broker.bootstrap)).diagnose()


async def test_the_controller_listener_lets_nobody_in_without_a_password(broker: Running) -> None:
    cluster = Cluster.read(broker.directory)
    assert cluster is not None
    address = f"{LOOPBACK}:{cluster.controller_ports[0]}"
    with pytest.raises(BusError):
        await Connection.of(Settings(bootstrap=address)).diagnose()


def test_a_remembered_port_that_was_taken_gives_way(tmp_path: Path) -> None:
    port = free_port(())
    first = local_broker.start(tmp_path, port=port, heap_mb=384, quick=True, report=silent)
    local_broker.stop(tmp_path, report=silent)
    said: list[str] = []
    try:
        with occupied(port):
            second = local_broker.start(tmp_path, heap_mb=384, quick=True, report=said.append)
        assert second.bootstrap != first.bootstrap
        assert second.settings().bootstrap == second.bootstrap
        assert any(f"port {port} is taken" in line for line in said)
    finally:
        local_broker.stop(tmp_path, report=silent)


def test_a_named_port_that_is_taken_is_an_error(tmp_path: Path) -> None:
    port = free_port(())
    with occupied(port), pytest.raises(BrokerError, match=f"port {port} is taken"):
        local_broker.start(tmp_path, port=port, report=silent)


def test_a_port_lost_at_the_last_moment_is_given_up_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port(())
    monkeypatch.setattr(local_broker, "DEFAULT_PORT", port)
    looks = iter([True])  # the first look finds the port free, though it is not
    monkeypatch.setattr(local_broker, "is_free", lambda asked: next(looks, False) if asked == port else is_free(asked))
    said: list[str] = []
    try:
        with occupied(port):
            running = local_broker.start(tmp_path, heap_mb=384, quick=True, report=said.append)
        assert str(port) not in running.bootstrap
        assert any("just taken a port" in line for line in said)
    finally:
        local_broker.stop(tmp_path, report=silent)


def test_another_number_of_nodes_is_refused(broker: Running) -> None:
    with pytest.raises(BrokerError, match="has 1 node"):
        local_broker.start(broker.directory, nodes=3, report=silent)


def test_a_node_that_cannot_start_says_why(own_broker: Callable[..., Any]) -> None:
    own = own_broker()
    own.start()
    own.stop()
    identity = own.directory / "node-1" / "data" / "meta.properties"
    identity.write_text(identity.read_text().replace("node.id=1", "node.id=7"))
    with pytest.raises(BrokerError, match=r"node 1 has ended[\s\S]*node.?id"):
        own.start()
    assert local_broker.status(own.directory) is None


async def test_a_format_that_was_cut_short_is_done_again(own_broker: Callable[..., Any]) -> None:
    own = own_broker()
    own.start()
    own.stop()
    (own.directory / "node-1" / "formatted").unlink()
    await write(own.start(), "a.log", b"1")


async def test_three_nodes_go_on_when_one_is_killed(own_broker: Callable[..., Any]) -> None:
    own = own_broker(nodes=3)
    running = own.start()
    await write(running, "a.log", b"1")
    topic = (await Administration(running.settings()).topics(["a.log"]))["a.log"]
    assert (topic.replication_factor, topic.config["min.insync.replicas"]) == (3, "2")
    own.kill(node=2)
    await append(running, "a.log", b"2")
    assert await contents(running, "a.log") == [b"1", b"2"]
    whole = own.start()
    assert all(whole.pids)
    assert await contents(whole, "a.log") == [b"1", b"2"]
