"""Chooses the broker: Kafka where one is named, else the embedded log of the one-machine mode."""

from __future__ import annotations

from spine.broker.embedded import EmbeddedLog
from spine.broker.kafka import KafkaBroker
from spine.broker.kafka_settings import KafkaSettings
from spine.broker.port import Broker
from spine.settings import BadSettings, Surroundings


def connect(surroundings: Surroundings, *, log_database_url: str) -> Broker:
    """A broker that is not started yet. Raises BadSettings where neither Kafka nor the log's database is named."""
    if surroundings.kafka_bootstrap:
        settings = KafkaSettings(surroundings.kafka_bootstrap, surroundings.kafka_security)
        settings.client_options()
        return KafkaBroker(settings)
    if not log_database_url:
        raise BadSettings("neither TACT_KAFKA_BOOTSTRAP nor TACT_LOG_DATABASE_URL says where the broker is")
    return EmbeddedLog(log_database_url)
