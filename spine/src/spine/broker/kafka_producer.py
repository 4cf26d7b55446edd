"""Publishes to Kafka: after any failure the producer is thrown away, as a wedged one never recovers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from spine.broker.kafka_settings import KafkaSettings
from spine.broker.port import BrokerUnreachable, OutRecord, PublishFailed

log = structlog.get_logger()

#: Far above the default: a batch to one partition shall be one request, yet below what brokers take (1 MiB).
_BATCH_BYTES: Final = 512 * 1024
_REQUEST_BYTES: Final = 1_000_000
_ABANDON_TIMEOUT_S: Final = 5.0


class KafkaPublisher:
    """One idempotent producer at a time; an outcome that is not known counts as failed."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._one_at_a_time = asyncio.Lock()
        self._leaving: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Connects; raises BrokerUnreachable."""
        try:
            async with asyncio.timeout(self._settings.publish_timeout_s):
                await self._ready()
        except (KafkaError, OSError, TimeoutError) as error:
            raise BrokerUnreachable(f"Kafka at {self._settings.bootstrap}: {error!r}") from error

    async def publish(self, batch: Sequence[OutRecord]) -> None:
        """Sends all and waits for all to be confirmed by the in-sync replicas. Raises PublishFailed."""
        async with self._one_at_a_time:
            try:
                async with asyncio.timeout(self._settings.publish_timeout_s):
                    await _send(await self._ready(), batch)
            except BaseException as error:
                self._abandon()
                if not isinstance(error, Exception):
                    raise
                detail = f"Kafka did not confirm {len(batch)} records: {error!r}"
                raise PublishFailed(detail) from error

    async def close(self) -> None:
        self._abandon()
        if self._leaving:
            await asyncio.wait(self._leaving)

    async def _ready(self) -> AIOKafkaProducer:
        if self._producer is not None:
            return self._producer
        producer = AIOKafkaProducer(
            **self._settings.client_options(),
            client_id="tact",
            enable_idempotence=True,
            max_batch_size=_BATCH_BYTES,
            max_request_size=_REQUEST_BYTES,
            request_timeout_ms=int(self._settings.publish_timeout_s * 1000),
        )
        try:
            await producer.start()
        except BaseException:
            self._leave(producer)
            raise
        self._producer = producer
        return producer

    def _abandon(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            self._leave(producer)

    def _leave(self, producer: AIOKafkaProducer) -> None:
        task = asyncio.create_task(_stop(producer))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)


async def _send(producer: AIOKafkaProducer, batch: Sequence[OutRecord]) -> None:
    sent = []
    try:
        for record in batch:
            sent.append(
                await producer.send(
                    record.topic,
                    record.value,
                    key=record.key,
                    partition=record.partition,
                    headers=list(record.headers),
                )
            )
        await asyncio.gather(*sent)
    except BaseException:
        for future in sent:
            # Looked at, or each would be logged as an error that nobody retrieved.
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
        raise


async def _stop(producer: AIOKafkaProducer) -> None:
    """Ends a producer without flushing it: what it still holds will be published by its successor."""
    producer._message_accumulator.fail_all(KafkaError("the producer was abandoned"))
    try:
        async with asyncio.timeout(_ABANDON_TIMEOUT_S):
            # Connections first: requests on their way end at once instead of after their time-out.
            await producer.client.close()
            await producer.stop()
    except Exception as error:
        log.debug("a producer did not end in order", error=repr(error))
        with contextlib.suppress(Exception):
            await producer.client.close()
