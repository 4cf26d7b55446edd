"""Creates the topics that are missing on Kafka and checks that all have the right number of partitions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from spine.broker.port import BrokerUnreachable, PartitionMismatch
from spine.errors import Stopped
from spine.topics import TOPICS

_READY_TIMEOUT_S: Final = 30.0
_LOOK_EVERY_S: Final = 0.1
_DEFAULT_RETENTION_DAYS: Final = 30
#: Kafka's own default, said so that no cluster setting makes it smaller than our largest record.
_MAX_MESSAGE_BYTES: Final = 1_048_588


async def ensure_topics(admin: AIOKafkaAdminClient, topics: Iterable[str], partitions: int) -> None:
    """Raises PartitionMismatch, Stopped when Kafka refuses to create one, or BrokerUnreachable."""
    names = sorted(set(topics))
    found = await _partitions_of(admin, names)
    _check(found, partitions)
    if missing := [name for name in names if name not in found]:
        await _create(admin, missing, partitions)
    try:
        async with asyncio.timeout(_READY_TIMEOUT_S):
            while not _ready(found, names):
                await asyncio.sleep(_LOOK_EVERY_S)
                found = await _partitions_of(admin, names)
    except TimeoutError:
        late = ", ".join(name for name in names if not _ready(found, [name]))
        raise BrokerUnreachable(f"these topics have no leader yet: {late}") from None
    _check(found, partitions)


async def _partitions_of(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, list[dict[str, Any]]]:
    # All are asked for: asking for one by name can create it, with the cluster's defaults.
    described = await admin.describe_topics(None)
    return {t["topic"]: t["partitions"] for t in described if t["topic"] in names and not t["error_code"]}


def _check(found: dict[str, list[dict[str, Any]]], partitions: int) -> None:
    for name, existing in found.items():
        if len(existing) != partitions:
            raise PartitionMismatch(
                f"{name} has {len(existing)} partitions, not {partitions};"
                " the number cannot be changed after the first start",
                topic=name,
            )


def _ready(found: dict[str, list[dict[str, Any]]], names: list[str]) -> bool:
    return all(name in found and all(p["leader"] >= 0 for p in found[name]) for name in names)


async def _create(admin: AIOKafkaAdminClient, names: list[str], partitions: int) -> None:
    cluster = await admin.describe_cluster()
    copies = min(3, len(cluster["brokers"]))
    response = await admin.create_topics([_new_topic(name, partitions, copies) for name in names])
    for name, code, *_ in response.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise Stopped(f"Kafka refuses to create the topic {name}: {error.__name__}; create it by hand")


def _new_topic(name: str, partitions: int, copies: int) -> NewTopic:
    days = TOPICS[name].retention_days if name in TOPICS else _DEFAULT_RETENTION_DAYS
    return NewTopic(
        name,
        num_partitions=partitions,
        replication_factor=copies,
        topic_configs={
            # One of three copies may be lost without losing a record or the ability to write.
            "min.insync.replicas": str(max(1, copies - 1)),
            "unclean.leader.election.enable": "false",
            "cleanup.policy": "delete",
            "retention.ms": str(days * 24 * 3600 * 1000),
            "max.message.bytes": str(_MAX_MESSAGE_BYTES),
        },
    )
