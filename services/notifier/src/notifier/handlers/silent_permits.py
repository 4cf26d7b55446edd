"""Permits that were granted and of which nothing was heard: they stay counted, and somebody is told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from notifier.emits import tell_unreported
from notifier.store import parties, permits
from spine.database import Runtime, Tx

#: How long after a permit's end its outcome may still be on its way (business time).
REPORT_WITHIN: Final = timedelta(hours=1)
_BATCH: Final = 100


async def tell_silent(runtime: Runtime) -> int:
    """One round; returns how many permits were told of, each once."""

    async def work(tx: Tx) -> int:
        found = await permits.silent(tx, tx.now - REPORT_WITHIN, _BATCH)
        if not found:
            return 0
        await parties.lock_persons(tx, [permit.borrower_id for permit in found])
        marked = await permits.mark_unreported(tx, [permit.permit_id for permit in found])
        for permit in found:
            if permit.permit_id in marked:
                tell_unreported(tx, permit)
        return len(found)

    return await runtime.run(work)


async def next_at(tx: Tx) -> datetime | None:
    """When the next one is to be told of."""
    first = await permits.next_silent(tx)
    return None if first is None else first + REPORT_WITHIN
