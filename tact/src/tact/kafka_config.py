"""The configuration of a local Kafka: every broker is a controller as well, small and quick to start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_LOG4J2 = """\
# Warnings and worse of one broker.
status = error
appender.file.type = RollingFile
appender.file.name = file
appender.file.fileName = {log}
appender.file.filePattern = {log}.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{{ISO8601}} %p %m (%c)%n
appender.file.policies.type = SizeBasedTriggeringPolicy
appender.file.policies.size = 10MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 3
rootLogger.level = warn
rootLogger.appenderRef.file.ref = file
"""


@dataclass(frozen=True, slots=True)
class Node:
    """One broker of a cluster: its number (from 1), its ports on 127.0.0.1 and its folder."""

    number: int
    port: int
    controller_port: int
    folder: Path

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def properties_file(self) -> Path:
        return self.folder / "server.properties"

    @property
    def log4j2_file(self) -> Path:
        return self.folder / "log4j2.properties"

    @property
    def log(self) -> Path:
        """What Kafka warns of."""
        return self.folder / "broker.log"

    @property
    def output(self) -> Path:
        """What the Java process itself prints: a failed start, mostly."""
        return self.folder / "output.log"


def write_configuration(node: Node, nodes: Sequence[Node]) -> None:
    """Writes server.properties and log4j2.properties into the node's folder."""
    node.folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{name}={value}" for name, value in server_properties(node, nodes).items()]
    node.properties_file.write_text("\n".join(lines) + "\n")
    node.log4j2_file.write_text(_LOG4J2.format(log=node.log))


def server_properties(node: Node, nodes: Sequence[Node]) -> dict[str, str]:
    """Kafka's settings of one node."""
    copies = min(3, len(nodes))
    # With three copies a record is acknowledged by two, so that one broker may be lost.
    acknowledging = max(1, copies - 1)
    return {
        "process.roles": "broker,controller",
        "node.id": str(node.number),
        "controller.quorum.voters": ",".join(f"{n.number}@127.0.0.1:{n.controller_port}" for n in nodes),
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{node.address},CONTROLLER://127.0.0.1:{node.controller_port}",
        "advertised.listeners": f"PLAINTEXT://{node.address}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(node.data),
        "auto.create.topics.enable": "false",
        "default.replication.factor": str(copies),
        "min.insync.replicas": str(acknowledging),
        "offsets.topic.replication.factor": str(copies),
        "offsets.topic.num.partitions": "3",
        "transaction.state.log.replication.factor": str(copies),
        "transaction.state.log.min.isr": str(acknowledging),
        "transaction.state.log.num.partitions": "3",
        "share.coordinator.state.topic.replication.factor": str(copies),
        "share.coordinator.state.topic.min.isr": str(acknowledging),
        "share.coordinator.state.topic.num.partitions": "3",
        "group.initial.rebalance.delay.ms": "0",
        # A killed broker is taken back after its restart only when its old session is over, and only then
        # do other brokers take over: seconds, yet longer than a busy machine makes a living one wait.
        "broker.heartbeat.interval.ms": "500",
        "broker.session.timeout.ms": "3000" if len(nodes) == 1 else "6000",
        "num.network.threads": "2",
        "num.io.threads": "4",
        "background.threads": "2",
        "num.recovery.threads.per.data.dir": "1",
        # The default takes a quarter of the small heap.
        "log.cleaner.dedupe.buffer.size": "8388608",
    }
