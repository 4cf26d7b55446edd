"""A local Apache Kafka in KRaft mode, without Docker: for tests, fault injection and `make kafka`."""

from __future__ import annotations

import argparse
import base64
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from spine.errors import TactError
from tact.child_process import ending_with_parent, last_lines, run_apart
from tact.kafka_config import Node, write_configuration
from tact.kafka_distribution import find_kafka, java_program
from tact.ports import free_port, is_free

__all__ = ["KafkaCluster", "KafkaFailed", "find_kafka", "main"]

_STOP_TIMEOUT_S = 30.0
#: The quick compiler only: halves the start of three brokers on two cores, and the peak is not missed here.
_JAVA_OPTIONS = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")


class KafkaFailed(TactError):
    """The local Kafka did not start; the last lines of its log say why."""

    code = "kafka_failed"


class KafkaCluster:
    """One broker, or three with three copies of which two acknowledge, with their data under `home`.

    Brokers are counted from 0. They listen on 127.0.0.1 at `ports`, or at free ports that stay the same for
    the life of this object. They are killed when the thread that started them ends.
    """

    def __init__(
        self,
        home: Path,
        brokers: int = 1,
        *,
        libs: Path,
        ports: Sequence[int] | None = None,
        heap: str = "512m",
        start_timeout_s: float = 180.0,
    ) -> None:
        if ports is not None and len(ports) != brokers:
            raise ValueError(f"{brokers} brokers need {brokers} ports")
        self._libs = libs.absolute()
        self._home = home.absolute()
        self._heap = heap
        self._start_timeout_s = start_timeout_s
        self._nodes = [
            Node(
                number=number,
                port=ports[number - 1] if ports else free_port(),
                controller_port=free_port(),
                folder=self._home / f"broker-{number}",
            )
            for number in range(1, brokers + 1)
        ]
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> str:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def bootstrap(self) -> str:
        """The addresses for clients, comma-separated."""
        return ",".join(node.address for node in self._nodes)

    def running(self, broker: int = 0) -> bool:
        """Whether the broker's process lives, paused or not."""
        process = self._processes.get(broker)
        return process is not None and process.poll() is None

    def start(self) -> str:
        """Starts the brokers that do not run and returns `bootstrap` once the cluster counts them all."""
        try:
            for node in self._nodes:
                write_configuration(node, self._nodes)
            self._format()
            starting = [broker for broker in range(len(self._nodes)) if not self.running(broker)]
            for broker in starting:
                self._launch(broker)
            self._await_members(starting)
        except BaseException:
            self.stop()
            raise
        return self.bootstrap

    def stop(self) -> None:
        """Shuts all brokers down; one that does not end in time is killed."""
        for broker in self._processes:
            # A paused process takes no other signal.
            self._signal(broker, signal.SIGCONT)
            self._signal(broker, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_TIMEOUT_S
        for process in self._processes.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()

    def kill(self, broker: int = 0) -> None:
        """Kills the broker as a crash would (SIGKILL)."""
        self._signal(broker, signal.SIGKILL)
        self._processes[broker].wait()

    def pause(self, broker: int = 0) -> None:
        """Makes the broker stop answering without closing its connections (SIGSTOP)."""
        self._signal(broker, signal.SIGSTOP)

    def resume(self, broker: int = 0) -> None:
        """Lets a paused broker go on (SIGCONT)."""
        self._signal(broker, signal.SIGCONT)

    def restart(self, broker: int = 0) -> None:
        """Starts the broker again on its data and port, after a shutdown if it still runs."""
        if self.running(broker):
            self._signal(broker, signal.SIGCONT)
            self._signal(broker, signal.SIGTERM)
            try:
                self._processes[broker].wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill(broker)
        self._launch(broker)
        self._await_members([broker])

    def _signal(self, broker: int, signal_number: int) -> None:
        if self.running(broker):
            self._processes[broker].send_signal(signal_number)

    def _java(self, node: Node, heap: str, *arguments: str) -> list[str]:
        java = java_program()
        if java is None:
            raise KafkaFailed("Kafka needs Java, and there is no `java`.")
        logs = f"-Dlog4j2.configurationFile={node.log4j2_file}"
        return [java, f"-Xmx{heap}", *_JAVA_OPTIONS, logs, "-cp", f"{self._libs}/*", *arguments]

    def _format(self) -> None:
        """Prepares the storage of new brokers, all under the cluster's one id."""
        fresh = [node for node in self._nodes if not (node.data / "meta.properties").exists()]
        id_file = self._home / "cluster.id"
        if not id_file.exists():
            # As Kafka writes ids; a leading letter, since its tool would read a "-" as an option.
            id_file.write_text("T" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22])
        tools = []
        for node in fresh:
            arguments = ["format", "-t", id_file.read_text(), "-c", str(node.properties_file)]
            command = self._java(node, "128m", "kafka.tools.StorageTool", *arguments)
            with node.output.open("wb") as output:
                tools.append(
                    subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
                )
        failed = [node for node, tool in zip(fresh, tools, strict=True) if tool.wait() != 0]
        if failed:
            raise KafkaFailed(f"Kafka's storage could not be prepared:\n{last_lines(failed[0].output)}")

    def _launch(self, broker: int) -> None:
        node = self._nodes[broker]
        for port in (node.port, node.controller_port):
            if not is_free(port):
                raise KafkaFailed(
                    f"Port {port} on 127.0.0.1 is taken, maybe by another Kafka; stop it first."
                )
        command = self._java(node, self._heap, "kafka.Kafka", str(node.properties_file))
        with node.output.open("wb") as output:
            self._processes[broker] = subprocess.Popen(
                ending_with_parent(command, "KILL"),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Ctrl-C in the terminal is for the owner, which shuts the brokers down.
                start_new_session=True,
            )

    def _await_members(self, brokers: Iterable[int]) -> None:
        """Waits until each of these brokers answers and counts all running brokers as members."""
        deadline = time.monotonic() + self._start_timeout_s
        running = {self._nodes[broker].number for broker in range(len(self._nodes)) if self.running(broker)}
        for broker in brokers:
            node = self._nodes[broker]
            while not (not is_free(node.port) and running <= run_apart(_members(node.address))):
                late = time.monotonic() > deadline
                if late or not self.running(broker):
                    what = (
                        f"was not ready within {self._start_timeout_s:.0f} s"
                        if late
                        else "ended during its start"
                    )
                    said = "\n".join((last_lines(node.output), last_lines(node.log)))
                    raise KafkaFailed(
                        f"Kafka's broker {broker} {what}; its logs in {node.folder} say:\n{said}"
                    )
                time.sleep(0.1)


async def _members(address: str) -> set[int]:
    """The numbers of the brokers that the one at this address counts as members; none before it is ready."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address, request_timeout_ms=5000)
    try:
        await admin.start()
        cluster = await admin.describe_cluster()
    except (KafkaError, OSError, TimeoutError):
        return set()
    finally:
        with suppress(KafkaError, OSError):
            await admin.close()
    return {member["node_id"] for member in cluster["brokers"]}


def main(arguments: Sequence[str] | None = None) -> int:
    """The foreground command: starts a local Kafka, prints its address, stops it on Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tact.kafka_server", description=main.__doc__)
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=1)
    parser.add_argument("--home", type=Path, help="where the data are kept")
    parser.add_argument("--port", type=int, default=9092, help="of the first broker; the others follow")
    parser.add_argument("--fetch-only", action="store_true", help="only fetch Kafka's jars")
    options = parser.parse_args(arguments)
    # What clients say while the brokers are still starting is no news.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    libs = find_kafka()
    if isinstance(libs, str):
        print(libs, file=sys.stderr)
        return 1
    if options.fetch_only:
        return 0
    home = options.home or libs.parent / f"cluster-{options.brokers}"
    ports = range(options.port, options.port + options.brokers)
    try:
        with KafkaCluster(home, options.brokers, libs=libs, ports=ports) as bootstrap:
            print(f"Kafka listens on {bootstrap} (data in {home}; Ctrl-C stops it)", flush=True)
            _await_signal()
    except KafkaFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


def _await_signal() -> None:
    stop = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        stop.set()

    for wanted in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(wanted, ask)
    stop.wait()


if __name__ == "__main__":
    os.umask(0o077)
    raise SystemExit(main())
