"""Sends signed receipts back soon after, in batches, until they are taken."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import msgspec
import structlog
from standardwebhooks.webhooks import Webhook

from tact.simulator.behaviour import Behaviour
from tact.simulator.intake import Known

log = structlog.get_logger()

BATCH = 500
#: A receiver that answers so often that it will not have a batch does not get it.
MAX_REFUSALS = 5
MAX_WAIT_S = 5.0


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True):
    """One receipt as it is sent."""

    client_ref: str
    gateway_id: str
    status: str
    at: datetime
    code: str | None = None


@dataclass(frozen=True, slots=True)
class _Waiting:
    receipt: Receipt
    due_s: float


class Receipts:
    """The receipts still to be sent. `pending` is 0 only when every one has been taken or given up."""

    def __init__(self, url: str | None, secret: str) -> None:
        self._url = url
        self._webhook = Webhook(secret)
        self._waiting: deque[_Waiting] = deque()
        self._in_flight = 0
        self._client = httpx.AsyncClient(timeout=10, trust_env=False)
        self._wake = asyncio.Event()

    @property
    def pending(self) -> int:
        return len(self._waiting) + self._in_flight

    def plan(self, accepted: Sequence[Known], at: datetime, behaviour: Behaviour) -> None:
        """Receipts for messages just accepted; from here on they are pending."""
        if self._url is None:
            return
        due_s = time.monotonic() + behaviour.receipt_delay_s
        for known in accepted:
            known.status = "failed" if behaviour.fails(known.client_ref) else "delivered"
            known.code = "unreachable" if known.status == "failed" else None
            receipt = Receipt(known.client_ref, known.gateway_id, known.status, at, known.code)
            self._waiting.extend([_Waiting(receipt, due_s)] * behaviour.receipt_copies)
        self._wake.set()

    async def run(self) -> None:
        """Sends what is due, for ever."""
        while True:
            await self.send_due()
            self._wake.clear()
            if self._waiting:
                await asyncio.sleep(max(0.001, self._waiting[0].due_s - time.monotonic()))
            else:
                await self._wake.wait()

    async def send_due(self, *, also_early: bool = False) -> None:
        """Sends every receipt that is due, or all of them."""
        while self._waiting and (also_early or self._waiting[0].due_s <= time.monotonic()):
            batch: list[Receipt] = []
            horizon = float("inf") if also_early else time.monotonic()
            while self._waiting and len(batch) < BATCH and self._waiting[0].due_s <= horizon:
                batch.append(self._waiting.popleft().receipt)
            self._in_flight += len(batch)
            try:
                await self._deliver(batch)
            finally:
                self._in_flight -= len(batch)

    async def _deliver(self, batch: Sequence[Receipt]) -> None:
        # The same id at every try: the receiver sees that it is the same batch.
        msg_id = f"rcpt_{uuid.uuid4().hex}"
        body = msgspec.json.encode({"receipts": batch})
        refusals, wait_s = 0, 0.05
        while True:
            status = await self._post(msg_id, body)
            if 200 <= status < 300 or status == 409:
                return
            refusals += 400 <= status < 500
            if refusals >= MAX_REFUSALS:
                log.error("receipts given up", status=status, receipts=len(batch))
                return
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, MAX_WAIT_S)

    async def _post(self, msg_id: str, body: bytes) -> int:
        at = datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": msg_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": self._webhook.sign(msg_id, at, body.decode()),
        }
        try:
            assert self._url is not None
            return (await self._client.post(self._url, content=body, headers=headers)).status_code
        except httpx.HTTPError:
            return 0

    async def aclose(self) -> None:
        await self._client.aclose()
