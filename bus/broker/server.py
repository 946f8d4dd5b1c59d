"""How a node is configured: authenticated on every listener, closed to all but those whom an ACL lets in.

A table, node by node. With TLS, clients find a listener for passwords and one for certificates, where the name in the
certificate is the user. The controllers authenticate too (PLAIN over loopback, with a password that only the 0600 file
holds), so no process on the machine is an anonymous super user.
"""

from __future__ import annotations

from bus.broker.cluster import ADMIN, CONTROLLER, LOOPBACK, Cluster, Node
from bus.settings import MECHANISMS

_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"


def replication(nodes: int) -> tuple[int, int]:
    """Replication factor and least number of in-sync replicas for a cluster of so many brokers."""
    factor = min(3, nodes)
    return factor, max(1, factor - 1)


def properties(cluster: Cluster, node: Node) -> str:
    """The text of the node's server.properties. Holds passwords: write it with mode 0600."""
    nodes = cluster.nodes
    factor, in_sync = replication(len(nodes))
    table: dict[str, object] = {
        "node.id": node.number,
        "process.roles": "broker,controller",
        "controller.quorum.voters": ",".join(f"{n.number}@{LOOPBACK}:{n.controller_port}" for n in nodes),
        "log.dirs": node.data,
        # Who may come in, and how they prove who they are.
        "listeners": f"CLIENT://{node.address},CONTROLLER://{LOOPBACK}:{node.controller_port}",
        "advertised.listeners": f"CLIENT://{node.address}",
        "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "CLIENT",
        # A user has a password for each: while one follows another, both open.
        "sasl.enabled.mechanisms": ",".join(MECHANISMS),
        "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
        "listener.name.client.scram-sha-512.sasl.jaas.config": (
            f'{_SCRAM} required username="{ADMIN}" password="{cluster.admin_password}";'
        ),
        "listener.name.client.scram-sha-256.sasl.jaas.config": f"{_SCRAM} required;",
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": (
            f'{_PLAIN} required username="{CONTROLLER}" password="{cluster.controller_password}" '
            f'user_{CONTROLLER}="{cluster.controller_password}";'
        ),
        # What they may do: nothing, but for what an ACL allows.
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{ADMIN};User:{CONTROLLER}",
        "allow.everyone.if.no.acl.found": "false",
        # The log is the record: nothing appears by accident, nothing expires, the broker's clock stamps it.
        "auto.create.topics.enable": "false",
        "log.message.timestamp.type": "LogAppendTime",
        "log.retention.ms": -1,
        "unclean.leader.election.enable": "false",
        "default.replication.factor": factor,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": factor,
        "transaction.state.log.replication.factor": factor,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": factor,
        "share.coordinator.state.topic.min.isr": in_sync,
        # One machine, few clients: small and quick.
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.num.partitions": 1,
        "group.initial.rebalance.delay.ms": 0,
        # A killed node is missed, and let in again, only after this time.
        "broker.session.timeout.ms": 3_000 if len(nodes) == 1 else 6_000,
        "broker.heartbeat.interval.ms": 500,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        "log.index.size.max.bytes": 1024 * 1024,
        # What is deleted leaves the disk at once.
        "log.segment.delete.delay.ms": 1_000,
        "log.initial.task.delay.ms": 1_000,
        "log.cleaner.backoff.ms": 1_000,
    }
    if cluster.tls:
        mutual = f"MUTUAL://{LOOPBACK}:{node.mutual_port}"
        table |= {
            "listeners": f"{table['listeners']},{mutual}",
            "advertised.listeners": f"{table['advertised.listeners']},{mutual}",
            "listener.security.protocol.map": "CLIENT:SASL_SSL,MUTUAL:SSL,CONTROLLER:SASL_PLAINTEXT",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": node.certificate,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": cluster.authority / "ca.pem",
            "listener.name.mutual.ssl.client.auth": "required",
            "ssl.principal.mapping.rules": "RULE:^CN=([^,]+)$/$1/,DEFAULT",
        }
    return "".join(f"{name}={_escaped(str(value))}\n" for name, value in table.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\")
