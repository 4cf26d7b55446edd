"""A gateway that reads `gateway.outbound.v1` and reports on `gateway.receipts.v1`, as an operator's own would."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from spine.broker.port import Broker, OutRecord, Record, TopicPartition
from spine.envelope import Envelope
from spine.events.gateways import OUTBOUND, RECEIPTS, GatewayMessage, GatewayReceipt, GatewayWithdrawal
from spine.events.registry import decode, encode, event_class
from spine.topics import partition_of
from tact.simulator.behaviour import Behaviour
from tact.simulator.intake import Intake, Message

POLL_S = 0.05
MAX_RECORDS = 500
Receipted = Literal["delivered", "failed"]


@dataclass(slots=True)
class _Held:
    """A message that is not handed on yet."""

    message: GatewayMessage
    due_s: float


class LogGateway:
    """Holds each message for `accept_delay_s`, hands on what was not withdrawn meanwhile and is not too late, and
    reports. The same record again - the log may carry twins - is the same message."""

    def __init__(
        self, broker: Broker, intake: Intake, now: Callable[[], Awaitable[datetime]], partitions: int
    ) -> None:
        self.behaviour = Behaviour()
        self._broker = broker
        self._intake = intake
        self._now = now
        self._partitions = partitions
        self._held: dict[str, _Held] = {}
        self._done: set[str] = set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Reads from the beginning until `stopping`; what it was given before, its record knows."""
        reader = self._broker.consumer("gateway-simulator", [OUTBOUND], "gateway")
        await reader.start()
        sought: dict[TopicPartition, int] = {}
        try:
            while not stopping.is_set():
                for tp, number in reader.assignment().items():
                    if sought.get(tp) != number:
                        reader.seek(tp, (await reader.begin_offsets([tp]))[tp])
                        sought[tp] = number
                for records in (await reader.poll(POLL_S, MAX_RECORDS)).values():
                    await self._take(records)
                await self._hand_on()
        finally:
            await reader.stop()

    async def _take(self, records: Sequence[Record]) -> None:
        for record in records:
            event = _event(record)
            if event.client_ref in self._done:
                continue
            if isinstance(event, GatewayWithdrawal):
                held = self._held.pop(event.client_ref, None)
                if held is not None:
                    await self._report(held.message, "failed", "withdrawn")
            elif event.client_ref not in self._held:
                due_s = time.monotonic() + self.behaviour.accept_delay_s
                self._held[event.client_ref] = _Held(event, due_s)

    async def _hand_on(self) -> None:
        due = [held.message for held in self._held.values() if held.due_s <= time.monotonic()]
        if not due:
            return
        now = await self._now()
        for message in due:
            del self._held[message.client_ref]
            given = Message(
                message.client_ref,
                message.channel,
                message.to,
                message.body,
                message.not_after,
                message.template,
            )
            (result,), _ = self._intake.take([given], message.client_ref, now, self.behaviour, replied=True)
            if result.status == "rejected":
                await self._report(message, "failed", result.code)
            else:
                fails = self.behaviour.fails(message.client_ref)
                await self._report(
                    message, "failed" if fails else "delivered", "unreachable" if fails else None
                )

    async def _report(self, message: GatewayMessage, status: Receipted, code: str | None) -> None:
        self._done.add(message.client_ref)
        receipt = GatewayReceipt(
            borrower_id=message.borrower_id,
            client_ref=message.client_ref,
            gateway=message.gateway,
            status=status,
            at=await self._now(),
            gateway_id=f"log-{message.client_ref}",
            code=code,
        )
        envelope = Envelope(
            id=str(uuid.uuid4()),
            source="urn:gateway:simulator",
            type=receipt.TYPE,
            time=datetime.now(UTC),
            subject=receipt.subject,
        )
        partition = partition_of(receipt.borrower_id, self._partitions)
        out = OutRecord(
            RECEIPTS, partition, receipt.borrower_id.encode(), encode(receipt), envelope.headers()
        )
        await self._broker.publish([out] * self.behaviour.receipt_copies)


def _event(record: Record) -> GatewayMessage | GatewayWithdrawal:
    envelope = Envelope.from_headers(record.headers)
    event = decode(event_class(OUTBOUND, envelope.type), record.value or b"")
    assert isinstance(event, GatewayMessage | GatewayWithdrawal)
    return event
