"""Looks into what vendors reported: a signed report counts, any other is a reason to ask the vendor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from notifier.gateways.port import Inquiry, State
from notifier.gateways.switchboard import Switchboard
from notifier.sending.settle import settle
from notifier.sending.transitions import Heard, News
from notifier.store import gateways, receipts
from notifier.store.gateways import Claim, InquiryRow
from notifier.store.receipts import ReceiptRow
from spine.database import Runtime, Tx

log = structlog.get_logger()

_BATCH: Final = 50
_AT_ONCE: Final = 8
_AGAIN_S: Final = 5.0
#: After so many looks, twice as far apart each time, nobody will confirm it any more.
_MOST_TRIES: Final = 12
_NEWS: Final = {State.DELIVERED: News.DELIVERED, State.FAILED: News.FAILED}


class Claims:
    """The schedule that settles claims, or drops those nobody confirms."""

    def __init__(
        self,
        runtime: Runtime,
        switchboard: Switchboard,
        inquiry: Callable[[InquiryRow], Inquiry],
        *,
        settle_s: float,
    ) -> None:
        self._runtime = runtime
        self._gateways = switchboard
        self._inquiry = inquiry
        self._settle_s = settle_s

    async def run(self) -> int:
        """One round; returns how many claims it settled or dropped."""
        claims = await self._runtime.run(lambda tx: gateways.claim_claims(tx, again_s=_AGAIN_S, batch=_BATCH))
        if not claims:
            return 0
        refs = [c.client_ref for c in claims if c.client_ref is not None]
        rows = await self._runtime.run(lambda tx: gateways.inquiries(tx, refs))
        limit = asyncio.Semaphore(_AT_ONCE)
        heard = await asyncio.gather(*(self._look_into(claim, rows, limit) for claim in claims))
        settled = [(claim, news) for claim, news in zip(claims, heard, strict=True) if news is not None]
        dropped = [
            claim
            for claim, news in zip(claims, heard, strict=True)
            if news is None and claim.tries >= _MOST_TRIES
        ]
        for claim in dropped:
            log.error("no one confirms a report", gateway=claim.gateway, client_ref=claim.client_ref)
        if settled or dropped:
            await self._runtime.run(lambda tx: self._settle(tx, settled, dropped))
        return len(settled) + len(dropped)

    async def _look_into(
        self, claim: Claim, rows: dict[str, InquiryRow], limit: asyncio.Semaphore
    ) -> Heard | None:
        ref = claim.client_ref
        if ref is None or ref not in rows:
            return None
        if claim.signed:
            return Heard(ref, News(claim.status), claim.reference, claim.code)
        gateway = self._gateways.gateway(claim.gateway)
        if gateway is None:
            return None
        async with limit:
            answer = await gateway.query(self._inquiry(rows[ref]))
        news = _NEWS.get(answer.state)
        return None if news is None else Heard(ref, news, answer.gateway_id, answer.code)

    async def _settle(self, tx: Tx, settled: Sequence[tuple[Claim, Heard]], dropped: Sequence[Claim]) -> None:
        await receipts.insert_new(
            tx,
            [
                ReceiptRow(
                    news.client_ref,
                    news.news.value,
                    claim.gateway,
                    news.gateway_id,
                    news.code,
                    claim.at,
                    True,
                )
                for claim, news in settled
            ],
        )
        await settle(tx, [news for _, news in settled], settle_s=self._settle_s)
        await gateways.delete_claims(tx, [c.id for c in (*dropped, *(claim for claim, _ in settled))])
