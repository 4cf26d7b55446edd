"""Payments in transit whose time has come: debits that begin, and money that did not arrive."""

from __future__ import annotations

from typing import Final

from ledger import transits
from ledger.handlers.core_facts import Intake
from ledger.store import day, facts, loans
from spine.database import Runtime, Tx
from spine.outbox import emit

_LOANS: Final = 500


async def take_due_transits(runtime: Runtime, to: Intake) -> int:
    """Moves one batch of payments in transit on; returns of how many loans."""

    async def work(tx: Tx) -> int:
        await day.hold_open_date(tx, to.house)
        due = await facts.loans_with_due_transits(tx, _LOANS)
        if not due:
            return 0
        accounts = await loans.accounts(tx, await loans.lock(tx, due), to.terms)
        for account in accounts.values():
            for event in transits.passed(account, tx.now):
                emit(tx, event)
        await facts.save_marked(tx, accounts.values())
        return len(accounts)

    return await runtime.run(work)
