"""The topic table: who owns which topic, who may read it, and which partition a key goes to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

#: Every topic has this many partitions unless a deployment says otherwise before its first start.
DEFAULT_PARTITIONS: Final = 6


@dataclass(frozen=True, slots=True)
class Topic:
    """`owner` is the only producer; `positioned` topics carry gapless positions per partition."""

    name: str
    owner: str
    readers: tuple[str, ...]
    positioned: bool
    doc: str
    personal_data: bool = False
    retention_days: int = 30


TOPICS: Final = {
    topic.name: topic
    for topic in (
        Topic("corebanking.v1", "core banking", ("ledger",), False, "Facts about loans and money"),
        Topic(
            "corebanking.parties.v1",
            "core banking",
            ("notifier",),
            False,
            "Borrowers with personal data in clear; read by the notifier alone",
            personal_data=True,
            retention_days=7,
        ),
        Topic("ledger.v1", "ledger", ("stager", "notifier"), True, "What is owed, since when"),
        Topic(
            "stager.v1",
            "stager",
            ("notifier", "ledger", "contact-log"),
            True,
            "Stages, contacts asked for, work for people, and what was agreed",
        ),
        Topic("notifier.v1", "notifier", ("contact-log", "stager"), True, "What was sent, and what was not"),
        Topic(
            "contact-log.v1",
            "contact-log",
            ("ledger", "stager", "notifier"),
            True,
            "Every contact on record, and what was said that matters elsewhere",
        ),
        Topic(
            "gateway.outbound.v1",
            "notifier",
            (),
            True,
            "Messages for gateways that read from the log, and their withdrawal; read by gateways alone",
            personal_data=True,
            retention_days=1,
        ),
        Topic(
            "gateway.receipts.v1",
            "gateways",
            ("notifier",),
            False,
            "What gateways that read from the log report",
        ),
    )
}


def dead_letter_topic(topic: str) -> str:
    """Where notices about a topic's dead letters go; they point at the record and never carry its body."""
    return f"{topic}.dlq"


def all_topic_names() -> tuple[str, ...]:
    """Every topic a broker must have, dead-letter topics included."""
    return (*TOPICS, *(dead_letter_topic(name) for name in TOPICS))


@lru_cache(maxsize=100_000)
def partition_of(key: str, partitions: int) -> int:
    """The partition of a key: murmur2 as Kafka's own default partitioner computes it."""
    # Not before a key is hashed, so that a command without a broker starts in no time.
    from aiokafka.partitioner import murmur2

    hashed: int = murmur2(key.encode())
    return (hashed & 0x7FFFFFFF) % partitions
