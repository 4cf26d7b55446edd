"""What all Kafka clients of a process share: where the cluster is and how to prove who we are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiokafka.helpers import create_ssl_context

from spine.settings import BadSettings

#: TACT_KAFKA_SECURITY_<NAME> in lower case -> the client's option.
_OPTIONS = {
    "protocol": "security_protocol",
    "sasl_mechanism": "sasl_mechanism",
    "sasl_username": "sasl_plain_username",
    "sasl_password": "sasl_plain_password",
}


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """`security` holds protocol, sasl_mechanism, sasl_username, sasl_password and cafile. Times in seconds.

    A member that is killed keeps its partitions for `session_timeout_s`, unless it comes back before.
    """

    bootstrap: str
    security: Mapping[str, str] = field(default_factory=dict, repr=False)
    session_timeout_s: float = 30.0
    publish_timeout_s: float = 15.0

    def client_options(self) -> dict[str, Any]:
        """Options of every aiokafka client. Raises BadSettings for a setting it does not know."""
        options: dict[str, Any] = {"bootstrap_servers": self.bootstrap}
        for name, value in self.security.items():
            if name in _OPTIONS:
                options[_OPTIONS[name]] = value
            elif name != "cafile":
                raise BadSettings(f"unknown setting TACT_KAFKA_SECURITY_{name.upper()}")
        if options.get("security_protocol", "").endswith("SSL"):
            options["ssl_context"] = create_ssl_context(cafile=self.security.get("cafile"))
        return options
