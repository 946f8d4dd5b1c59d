"""The local broker: a real Apache Kafka on this machine, from pip alone, for laptops, tests and the demo.

It is bound to loopback, demands a password (SCRAM-SHA-512) or, with TLS, a certificate from everyone, lets nobody in
without an ACL, and keeps identity, ports, passwords and data in one directory, so that what was written is there after
the next start.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from bus.broker.cluster import ADMIN, DEFAULT_PORT, LOOPBACK, Cluster, Node, free_port, is_free
from bus.broker.java import KAFKA_VERSION, Runtime, child_environment, runtime
from bus.broker.process import POLL_SECONDS, Process
from bus.broker.server import properties
from bus.certificates import Authority
from bus.credentials import Credentials, write_private
from bus.errors import BrokerError, InvalidInput
from bus.settings import Settings
from bus.transport.connection import Connection

__all__ = ["HOME_VARIABLE", "Running", "default_directory", "start", "status", "stop", "vouch"]

HOME_VARIABLE = "NTSG_HOME"
NODES = (1, 3)
HEAP_MB = {1: 512, 3: 384}
READY_SECONDS = 90.0
STOP_SECONDS = 30.0
TAIL_LINES = 12
PORT_ATTEMPTS = 3
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Running:
    """A local cluster with at least one live node. `pids` has an entry per node, None for one that is down."""

    bootstrap: str
    user: str
    credentials: Path
    cluster_id: str
    directory: Path
    mutual: str | None
    """Addresses for who logs in with a certificate; None without TLS."""
    pids: tuple[int | None, ...]

    @property
    def nodes(self) -> int:
        return len(self.pids)

    def settings(self, realm: str = "ntsg") -> Settings:
        """The administrator's settings for a realm. Raises InvalidSettings if the credentials file is gone."""
        return Credentials.read(self.credentials).settings(realm)


def default_directory() -> Path:
    """`$NTSG_HOME/broker`; without the variable, `~/.local/share/ntsg/broker`."""
    return Path(os.environ.get(HOME_VARIABLE) or "~/.local/share/ntsg").expanduser() / "broker"


def start(
    directory: Path,
    *,
    nodes: int | None = None,
    port: int | None = None,
    heap_mb: int | None = None,
    quick: bool = False,
    tls: bool | None = None,
    report: Report,
) -> Running:
    """Start the cluster of this directory, making it first if there is none; returns when every node lets us log in.

    `nodes` is 1 (default) or 3, and `tls` makes clients connect by TLS alone (default: not); both are fixed for the
    life of the directory. `port` is the first node's; without it the remembered one, at first 19092 (with 0: at first
    any), gives way to a free one where it is taken. `heap_mb` is per node. `quick` trades peak speed for a faster start
    (tests, demo). A cluster that runs already is left as it is.

    Raises BrokerError, with the remedy, and with the end of the server's log where a node failed.
    """
    directory = directory.expanduser().absolute()
    with _locked(directory, report):
        cluster = _cluster(directory, nodes, tls)
        found = [(node, Process.recall(node.pid_file)) for node in cluster.nodes]
        down = [node for node, process in found if process is None]
        if not down:
            _await_ready(cluster, [(node, process) for node, process in found if process])
            report(f"Kafka is already running at {cluster.bootstrap}")
            return _running(cluster)

        tools = runtime(report)
        heap = heap_mb or HEAP_MB[len(cluster.nodes)]
        flags = [f"-Xmx{heap}m", f"-Xms{min(heap, 128)}m", "-XX:+UseSerialGC"]
        flags += ["-XX:TieredStopAtLevel=1"] if quick else []
        began = time.monotonic()
        if len(down) < len(cluster.nodes):  # the others know the ports that these have
            _start_nodes(cluster, down, tools, flags, report)
        else:
            cluster = _start_on_free_ports(cluster, port, tools, flags, report)
        report(f"Kafka {KAFKA_VERSION} ready at {cluster.bootstrap} after {time.monotonic() - began:.1f} s")
        return _running(cluster)


def stop(directory: Path, *, report: Report) -> bool:
    """Stop the cluster of this directory, cleanly if it obeys within 30 s; False when none ran. Data stays."""
    directory = directory.expanduser().absolute()
    if not directory.is_dir():
        return False
    with _locked(directory, report):
        cluster = Cluster.read(directory)
        processes = [p for node in cluster.nodes if (p := Process.recall(node.pid_file))] if cluster else []
        _end(processes, report)
        for node in cluster.nodes if cluster else ():
            node.pid_file.unlink(missing_ok=True)
        return bool(processes)


def status(directory: Path) -> Running | None:
    """The cluster of this directory, if any node of it lives; None otherwise. Takes no lock and asks no broker."""
    cluster = Cluster.read(directory.expanduser().absolute())
    running = _running(cluster) if cluster else None
    return running if running and any(running.pids) else None


@contextmanager
def _locked(directory: Path, report: Report) -> Iterator[None]:
    """One start or stop at a time per directory; the lock goes with the process that holds it."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (directory / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                report(f"waiting: another process is starting or stopping the broker in {directory}")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise BrokerError(f"the broker in {directory}: {error}; check the directory's rights and free space") from error


def vouch(directory: Path, user: str, file: Path) -> None:
    """Write a certificate with which a user logs in to the cluster of this directory, and its key, into a new file.

    Raises BrokerError where there is no such cluster, or it has no TLS; InvalidInput where the file exists.
    """
    cluster = Cluster.read(directory.expanduser().absolute())
    if cluster is None or not cluster.tls:
        raise BrokerError(f"the broker in {directory} has no TLS; make one with `ntsg broker start --tls`")
    if file.exists():
        raise InvalidInput(f"{file} exists; a key is never written over: choose another name")
    Authority.of(cluster.authority).vouch(user, file)


def _cluster(directory: Path, nodes: int | None, tls: bool | None) -> Cluster:
    if nodes is not None and nodes not in NODES:
        raise BrokerError(f"{nodes} nodes: a local cluster has 1 or 3")
    cluster = Cluster.read(directory)
    if cluster is None:
        return Cluster.new(directory, nodes or 1, tls=bool(tls))
    if nodes is not None and nodes != len(cluster.nodes):
        raise BrokerError(
            f"the cluster in {directory} has {len(cluster.nodes)} node(s), not {nodes}; "
            "name another directory, or stop it and remove this one with its data"
        )
    if tls is not None and tls != cluster.tls:
        raise BrokerError(
            f"the cluster in {directory} was made {'with' if cluster.tls else 'without'} TLS; "
            "name another directory, or stop it and remove this one with its data"
        )
    return cluster


def _running(cluster: Cluster) -> Running:
    found = (Process.recall(node.pid_file) for node in cluster.nodes)
    return Running(
        bootstrap=cluster.bootstrap,
        user=ADMIN,
        credentials=cluster.credentials_file,
        cluster_id=cluster.id,
        directory=cluster.directory,
        mutual=",".join(f"{LOOPBACK}:{port}" for port in cluster.mutual_ports) or None,
        pids=tuple(process.pid if process else None for process in found),
    )


class _PortLost(BrokerError):
    """Between our looking and Kafka's listening, somebody else took a port."""


def _start_on_free_ports(
    cluster: Cluster, port: int | None, tools: Runtime, flags: Sequence[str], report: Report
) -> Cluster:
    for _ in range(PORT_ATTEMPTS - 1):
        chosen = _with_free_ports(cluster, port, report)
        try:
            _start_nodes(chosen, chosen.nodes, tools, flags, report)
        except _PortLost:
            report("another process has just taken a port: trying others")
        else:
            return chosen
    chosen = _with_free_ports(cluster, port, report)
    _start_nodes(chosen, chosen.nodes, tools, flags, report)
    return chosen


def _start_nodes(cluster: Cluster, down: Sequence[Node], tools: Runtime, flags: Sequence[str], report: Report) -> None:
    """Start these nodes and wait for the whole cluster; on failure none of them is left running."""
    cluster.write()
    launched: list[tuple[Node, Process]] = []
    try:
        for node in down:
            _format(cluster, node, tools)
        for node in down:
            launched.append((node, _launch(node, tools, flags)))  # noqa: PERF401 - what was launched must be known
        _await_ready(cluster, launched)
    except BaseException:
        _end([process for _, process in launched], report)
        raise


def _with_free_ports(cluster: Cluster, wanted: int | None, report: Report) -> Cluster:
    """The cluster with ports that are free now: the wanted one, else the remembered ones, else others."""
    first = wanted or None
    if first is not None and not is_free(first):
        raise BrokerError(f"port {first} is taken by another process; name another port, or none to have one chosen")
    chosen: list[int] = []

    def choose(remembered: int, default: int | None) -> int:
        preferred = remembered or default
        usable = preferred and preferred not in chosen and is_free(preferred)
        port = preferred if preferred and usable else free_port(chosen)
        if preferred and not usable:
            report(f"port {preferred} is taken by another process: using {port}")
        chosen.append(port)
        return port

    ports = []
    for index, remembered in enumerate(cluster.ports):
        if index == 0 and first is not None:
            chosen.append(first)
            ports.append(first)
        else:
            ports.append(choose(remembered, None if wanted == 0 else (first or DEFAULT_PORT) + index))
    controllers = [choose(remembered, None) for remembered in cluster.controller_ports]
    mutual = [choose(remembered, None) for remembered in cluster.mutual_ports]
    return replace(cluster, ports=tuple(ports), controller_ports=tuple(controllers), mutual_ports=tuple(mutual))


def _format(cluster: Cluster, node: Node, tools: Runtime) -> None:
    """Give the node's data directory its identity and the administrator's credential, once in its life."""
    write_private(node.properties, properties(cluster, node))
    if cluster.tls:
        Authority.of(cluster.authority).vouch(f"node-{node.number}", node.certificate, (LOOPBACK, "localhost"))
    if node.formatted.exists():
        return
    if node.data.exists():  # a format that did not finish: no server has written here yet
        shutil.rmtree(node.data)
    arguments = ["-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool", "format"]
    arguments += ["-t", cluster.id, "-c", str(node.properties)]
    arguments += ["-S", f"SCRAM-SHA-512=[name={ADMIN},password={cluster.admin_password}]"]
    tools.run(arguments, node.directory / "format.args")
    node.formatted.touch(mode=0o600)


def _launch(node: Node, tools: Runtime, flags: Sequence[str]) -> Process:
    logging = resources.files(__package__).joinpath("log4j2.properties").read_text(encoding="utf-8")
    configuration = node.directory / "log4j2.properties"
    configuration.write_text(logging, encoding="utf-8")
    node.log.unlink(missing_ok=True)
    arguments = [*flags, f"-Dlog4j2.configurationFile={configuration}", f"-Dntsg.log={node.log}"]
    arguments += ["kafka.Kafka", str(node.properties)]
    command = tools.command(arguments, node.arguments)
    process = Process.spawn(command, output=node.console, environment=child_environment())
    process.remember(node.pid_file)
    return process


def _await_ready(cluster: Cluster, launched: Sequence[tuple[Node, Process]]) -> None:
    """Until all nodes have joined and let the administrator log in. Raises BrokerError if a node ends, or in time."""
    deadline = time.monotonic() + READY_SECONDS
    while not (all(_listens(node) for node in cluster.nodes) and _answers(cluster)):
        for node, process in launched:
            if not process.alive():
                error = _PortLost if "Address already in use" in _said(node) else BrokerError
                raise error(f"Kafka's node {node.number} has ended.{_tail(node)}")
        if time.monotonic() > deadline:
            raise BrokerError(f"Kafka did not become ready within {READY_SECONDS:.0f} s.{_tail(launched[0][0])}")
        time.sleep(POLL_SECONDS)


def _listens(node: Node) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        host, _, port = node.address.partition(":")
        return probe.connect_ex((host, int(port))) == 0


def _answers(cluster: Cluster) -> bool:
    """Whether the administrator can log in, and every node has joined."""

    async def members() -> int:
        client = AIOKafkaClient(**Connection.of(cluster.credentials.settings()).client_options)
        try:
            await client.bootstrap()
            return len(client.cluster.brokers())
        except (KafkaError, OSError):
            return 0
        finally:
            await client.close()

    # A thread of its own, since the caller may well be inside an event loop.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, members()).result() == len(cluster.nodes)


def _end(processes: Sequence[Process], report: Report) -> None:
    for process in processes:
        process.signal(signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        if not process.wait(max(0.0, deadline - time.monotonic())):
            report(
                f"Kafka (process {process.pid}) did not stop within {STOP_SECONDS:.0f} s: ending it; its log is safe"
            )
            process.signal(signal.SIGKILL)
            process.wait(STOP_SECONDS)


def _said(node: Node) -> str:
    files = [file for file in (node.console, node.log) if file.exists()]
    return "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files)


def _tail(node: Node) -> str:
    lines = _said(node).splitlines()
    telling = [line for line in lines if " ERROR " in line or " FATAL " in line or "Exception" in line] or lines
    shown = "\n  ".join(line[:300] for line in telling[-TAIL_LINES:])
    return f" The end of {node.log}:\n  {shown}\nMend what it names and start again."
