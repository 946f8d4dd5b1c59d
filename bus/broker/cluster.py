"""What a broker directory remembers: the identity, the passwords and the ports of its cluster, and the layout of files.

cluster.json        identity, passwords, ports (0600)
admin.toml          the administrator's credentials, a complete NTSG_CONFIG (0600)
tls/                with TLS: ca.pem, which clients trust, and ca-key.pem (0600)
lock                held while the cluster is being started or stopped
node-1/             server.properties, java.args and node.pem (0600), data/, pid, server.log, console.log
"""

from __future__ import annotations

import base64
import json
import random
import socket
import uuid
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bus.credentials import Credentials, new_password, write_private
from bus.errors import BrokerError

LOOPBACK = "127.0.0.1"
ADMIN = "admin"
CONTROLLER = "controller"
DEFAULT_PORT = 19092
PORT_RANGE = range(20_000, 32_000)
"""Below every common range of ephemeral ports, so that no outgoing connection takes a remembered port."""


@dataclass(frozen=True, slots=True)
class Node:
    """One Kafka process, broker and controller in one."""

    number: int
    port: int
    controller_port: int
    directory: Path
    mutual_port: int | None = None
    """Where members log in with a certificate; None without TLS."""

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def properties(self) -> Path:
        return self.directory / "server.properties"

    @property
    def arguments(self) -> Path:
        return self.directory / "java.args"

    @property
    def certificate(self) -> Path:
        return self.directory / "node.pem"

    @property
    def pid_file(self) -> Path:
        return self.directory / "pid"

    @property
    def log(self) -> Path:
        return self.directory / "server.log"

    @property
    def console(self) -> Path:
        return self.directory / "console.log"

    @property
    def formatted(self) -> Path:
        """Exists once the data directory carries the cluster's identity: formatting happens once in a life."""
        return self.directory / "formatted"

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"


@dataclass(frozen=True, slots=True)
class Cluster:
    """The identity of a local cluster. Ports may change from start to start; the rest never does."""

    directory: Path
    id: str
    ports: tuple[int, ...]
    controller_ports: tuple[int, ...]
    admin_password: str = field(repr=False)
    controller_password: str = field(repr=False)
    tls: bool = False
    mutual_ports: tuple[int, ...] = ()

    @classmethod
    def new(cls, directory: Path, nodes: int, *, tls: bool = False) -> Cluster:
        """A new identity, with no ports chosen yet (0)."""
        return cls(
            directory=directory,
            id=_new_id(),
            ports=(0,) * nodes,
            controller_ports=(0,) * nodes,
            admin_password=new_password(),
            controller_password=new_password(),
            tls=tls,
            mutual_ports=(0,) * nodes if tls else (),
        )

    @classmethod
    def read(cls, directory: Path) -> Cluster | None:
        """None when no cluster was ever made here. Raises BrokerError when its file cannot be read."""
        file = directory / "cluster.json"
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
            document |= {name: tuple(document[name]) for name in document if name.endswith("ports")}
            return cls(directory=directory, **document)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise BrokerError(
                f"{file} cannot be read ({error}); restore it, or remove {directory} and with it the cluster's data"
            ) from error

    def write(self) -> None:
        document = {name: value for name, value in asdict(self).items() if name != "directory"}
        write_private(self.directory / "cluster.json", json.dumps(document, indent=1) + "\n")
        self.credentials.write(self.credentials_file)

    @property
    def nodes(self) -> tuple[Node, ...]:
        ports = zip(self.ports, self.controller_ports, self.mutual_ports or (None,) * len(self.ports), strict=True)
        return tuple(
            Node(number, port, controller_port, self.directory / f"node-{number}", mutual_port)
            for number, (port, controller_port, mutual_port) in enumerate(ports, 1)
        )

    @property
    def authority(self) -> Path:
        """The directory of who vouches for the nodes, with TLS."""
        return self.directory / "tls"

    @property
    def bootstrap(self) -> str:
        return ",".join(node.address for node in self.nodes)

    @property
    def credentials_file(self) -> Path:
        return self.directory / "admin.toml"

    @property
    def credentials(self) -> Credentials:
        tls_ca = self.authority / "ca.pem" if self.tls else None
        return Credentials(bootstrap=self.bootstrap, user=ADMIN, password=self.admin_password, tls_ca=tls_ca)


def _new_id() -> str:
    """As Kafka makes them: 16 random bytes in URL-safe base64. A leading hyphen would be taken for an option."""
    while (made := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return made


def is_free(port: int) -> bool:
    """Whether this loopback port can be listened on now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port(taken: Collection[int]) -> int:
    """A port that nobody listens on, other than those `taken`. Raises BrokerError when none was found."""
    for port in random.sample(PORT_RANGE, 200):
        if port not in taken and is_free(port):
            return port
    raise BrokerError(f"no free port found from {PORT_RANGE.start} to {PORT_RANGE.stop - 1}; name one with --port")
