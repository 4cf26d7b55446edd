"""What a figure must come with: the machine, the commit, the versions; and the servers to measure on."""

from __future__ import annotations

import os
import platform
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from spine.broker.connect import connect
from spine.broker.port import Broker
from spine.migrations import create_database, migrate
from spine.settings import Surroundings
from spine.topics import all_topic_names
from tact.databases import PACKAGES
from tact.kafka_server import KafkaCluster, find_kafka
from tact.postgres import EmbeddedPostgres, PostgresServer

PARTITIONS = 6


def describe() -> str:
    """One paragraph that says what was measured, where."""
    commit = _run("git", "rev-parse", "--short", "HEAD") or "no commit"
    dirty = " with uncommitted changes" if _run("git", "status", "--porcelain") else ""
    memory_gib = psutil.virtual_memory().total / 2**30
    return (
        f"commit {commit}{dirty}; {_cpu()}, {os.cpu_count()} cores, {memory_gib:.0f} GiB;"
        f" Python {platform.python_version()}, {platform.system()} {platform.release()}"
    )


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _run(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


@dataclass(frozen=True, slots=True)
class Place:
    """Databases and a broker for one benchmark."""

    urls: dict[str, str]
    broker: Broker
    broker_name: str
    kafka_bootstrap: str | None


@contextmanager
def postgres() -> Iterator[PostgresServer]:
    """A throwaway server with its durability on, as in production."""
    with tempfile.TemporaryDirectory(prefix="tact-bench-") as home:
        Path(home).chmod(0o755)
        server = EmbeddedPostgres(Path(home), die_with_parent=True)
        try:
            yield server.start()
        finally:
            server.remove()


@contextmanager
def kafka() -> Iterator[str | None]:
    """A broker's address: the given one, a local one, or None with the reason printed."""
    if given := os.environ.get("TACT_KAFKA_BOOTSTRAP"):
        yield given
        return
    libs = find_kafka()
    if not isinstance(libs, Path):
        print(f"Kafka left out: {libs}")
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="tact-bench-") as home, KafkaCluster(Path(home), libs=libs) as it:
        yield it


@asynccontextmanager
async def place(server: PostgresServer, name: str, kafka_bootstrap: str | None) -> AsyncIterator[Place]:
    """Fresh, migrated databases on the server, and a connected broker with all topics."""
    urls = {}
    for service in PACKAGES:
        database = f"{name}_{service.replace('-', '_')}"
        await create_database(server.url("postgres"), database)
        urls[service] = server.url(database)
        await migrate(PACKAGES[service], urls[service])
    environment = {"TACT_KAFKA_BOOTSTRAP": kafka_bootstrap} if kafka_bootstrap else {}
    broker = connect(Surroundings.from_environment(environment), log_database_url=urls["log"])
    await broker.start()
    try:
        await broker.ensure_topics(all_topic_names(), PARTITIONS)
        yield Place(urls, broker, "Kafka" if kafka_bootstrap else "embedded log", kafka_bootstrap)
    finally:
        await broker.close()
