"""The gateway that reads `gateway.outbound.v1`: what was reserved for it is in the outbox already, once."""

from __future__ import annotations

from collections.abc import Sequence

from notifier.gateways.port import Inquiry, Outcome, OutMessage, QueryResult, SendResult, State

#: The code of what waits in the log: the gateway drops it after `not_after`, or when it is withdrawn.
QUEUED = "queued"


class QueueGateway:
    """Its messages are committed together with their reservation and published by the relay, so handing over is
    done when the reservation is: nothing is left to send, and nothing can be sent twice."""

    honours_idempotency = False
    key_life_s = 0.0
    can_query = True

    def __init__(self, name: str) -> None:
        self.name = name

    async def warm(self) -> str | None:
        return None

    async def send(self, messages: Sequence[OutMessage], idempotency_key: str) -> list[SendResult]:
        """All of them are on their way."""
        return [SendResult(message.client_ref, Outcome.ACCEPTED, code=QUEUED) for message in messages]

    async def query(self, asked: Inquiry) -> QueryResult:
        """An attempt at this gateway exists only with its record in the outbox."""
        return QueryResult(asked.client_ref, State.ACCEPTED, code=QUEUED)

    async def aclose(self) -> None:
        return None
