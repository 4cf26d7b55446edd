"""Kafka as the broker: servers that already run it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from spine.broker import kafka_topics
from spine.broker.kafka_consumer import KafkaConsumer
from spine.broker.kafka_producer import KafkaPublisher
from spine.broker.kafka_settings import KafkaSettings
from spine.broker.port import BrokerUnreachable, OutRecord
from spine.broker.size import refuse_too_large

_START_TIMEOUT_S: Final = 15.0
_HEALTH_TIMEOUT_S: Final = 2.0


class KafkaBroker:
    """A `Broker` on a Kafka cluster."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._publisher = KafkaPublisher(settings)
        self._admin: AIOKafkaAdminClient | None = None

    async def start(self) -> None:
        admin = AIOKafkaAdminClient(**self._settings.client_options(), client_id="tact")
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                await admin.start()
                await self._publisher.start()
        except (KafkaError, OSError, TimeoutError) as error:
            await admin.close()
            raise BrokerUnreachable(f"Kafka at {self._settings.bootstrap}: {error!r}") from error
        self._admin = admin

    async def ensure_topics(self, topics: Iterable[str], partitions: int) -> None:
        """Raises PartitionMismatch, Stopped when a topic may not be created, or BrokerUnreachable."""
        if self._admin is None:
            raise BrokerUnreachable("Kafka is not connected")
        try:
            await kafka_topics.ensure_topics(self._admin, topics, partitions)
        except KafkaError as error:
            raise BrokerUnreachable(f"Kafka at {self._settings.bootstrap}: {error!r}") from error

    async def publish(self, batch: Sequence[OutRecord]) -> None:
        refuse_too_large(batch)
        if batch:
            await self._publisher.publish(batch)

    def consumer(self, group: str, topics: Sequence[str], member: str) -> KafkaConsumer:
        return KafkaConsumer(self._settings, group, topics, member)

    async def trim(self, before: datetime, topics: Iterable[str]) -> int:
        """Nothing: the cluster deletes by `retention.ms`, which `ensure_topics` sets."""
        return 0

    async def health(self) -> str | None:
        if self._admin is None:
            return f"Kafka at {self._settings.bootstrap} is not connected"
        try:
            async with asyncio.timeout(_HEALTH_TIMEOUT_S):
                await self._admin.describe_cluster()
        except (KafkaError, OSError, TimeoutError) as error:
            return f"Kafka at {self._settings.bootstrap} does not answer: {type(error).__name__}"
        return None

    async def close(self) -> None:
        await self._publisher.close()
        admin, self._admin = self._admin, None
        if admin is not None:
            await admin.close()
