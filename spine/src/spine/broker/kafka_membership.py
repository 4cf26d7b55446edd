"""How a process is a member of a Kafka consumer group, and how it ends being one without hanging."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from spine.broker.kafka_settings import KafkaSettings

log = structlog.get_logger()

_HEARTBEAT_S: Final = 3.0
_REBALANCE_TIMEOUT_S: Final = 30.0
#: Longer than any batch may take; a stuck process is the watchdog's business, not the broker's.
_MAX_POLL_INTERVAL_S: Final = 600.0
#: A join is answered only after the rebalance, so requests must be allowed to take longer than that.
_REQUEST_TIMEOUT_S: Final = 40.0
#: How long a fetch may rest at the broker: the longest wait of a partition that was just sought.
_FETCH_WAIT_S: Final = 0.1
_STOP_TIMEOUT_S: Final = 5.0


def open_consumer(settings: KafkaSettings, group: str, member: str) -> AIOKafkaConsumer:
    """A client that commits nothing by itself and refuses to guess an offset."""
    return AIOKafkaConsumer(
        **settings.client_options(),
        client_id="tact",
        group_id=group,
        group_instance_id=member,
        enable_auto_commit=False,
        auto_offset_reset="none",
        # The same partition numbers of all topics go to one member: they hold the same borrowers.
        partition_assignment_strategy=[RangePartitionAssignor],
        session_timeout_ms=_ms(settings.session_timeout_s),
        heartbeat_interval_ms=_ms(min(_HEARTBEAT_S, settings.session_timeout_s / 3)),
        rebalance_timeout_ms=_ms(_REBALANCE_TIMEOUT_S),
        max_poll_interval_ms=_ms(_MAX_POLL_INTERVAL_S),
        request_timeout_ms=_ms(_REQUEST_TIMEOUT_S),
        fetch_max_wait_ms=_ms(_FETCH_WAIT_S),
    )


async def stop_consumer(client: AIOKafkaConsumer) -> None:
    """Stops the client; where it waits for a broker that does not answer, its connections are cut first."""
    stopping = asyncio.create_task(client.stop())
    await asyncio.wait([stopping], timeout=_STOP_TIMEOUT_S)
    if not stopping.done():
        await client._client.close()
        await asyncio.wait([stopping], timeout=_STOP_TIMEOUT_S)
        stopping.cancel()
        await asyncio.wait([stopping])
    if not stopping.cancelled() and (error := stopping.exception()):
        log.warning("a Kafka consumer did not end in order", error=repr(error))


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
