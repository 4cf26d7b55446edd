"""Settings of Kafka's clients: what the environment says reaches them, and what nobody knows is refused."""

from __future__ import annotations

import ssl

import pytest

from spine.broker.connect import connect
from spine.broker.embedded import EmbeddedLog
from spine.broker.kafka import KafkaBroker
from spine.broker.kafka_settings import KafkaSettings
from spine.settings import BadSettings, Surroundings


def test_sasl_and_tls_reach_the_clients() -> None:
    security = {
        "protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_username": "tact",
        "sasl_password": "secret",
    }
    settings = KafkaSettings("kafka:9093", security)
    options = settings.client_options()
    assert isinstance(options.pop("ssl_context"), ssl.SSLContext)
    assert options == {
        "bootstrap_servers": "kafka:9093",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "tact",
        "sasl_plain_password": "secret",
    }
    assert "secret" not in repr(settings)


def test_a_setting_nobody_knows_is_refused() -> None:
    with pytest.raises(BadSettings, match=r"TACT_KAFKA_SECURITY_SASL_USER$"):
        KafkaSettings("kafka:9092", {"sasl_user": "tact"}).client_options()


def test_kafka_is_chosen_where_it_is_named_and_else_the_embedded_log() -> None:
    named = Surroundings.from_environment({"TACT_KAFKA_BOOTSTRAP": "kafka:9092"})
    unnamed = Surroundings.from_environment({})
    assert isinstance(connect(named, log_database_url=""), KafkaBroker)
    assert isinstance(connect(unnamed, log_database_url="postgresql://log@db/tact_log"), EmbeddedLog)
    with pytest.raises(BadSettings):
        connect(unnamed, log_database_url="")
