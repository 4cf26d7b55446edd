"""What is watched on loans, over REST: amendments, payments in transit, core banking's statements."""

from __future__ import annotations

from fastapi import APIRouter

from ledger import statements
from ledger.api.asking import IntakeOf, Limit, RuntimeOf, loan_row
from ledger.api.intake import Resolution
from ledger.store import facts, loans, reads
from ledger.views import cursors
from ledger.views import watch as views
from spine.database import Tx
from spine.errors import NotFound
from spine.outbox import emit

router = APIRouter()


@router.get("/v1/loans/{loan_id}/amendments")
async def list_amendments(
    loan_id: str, runtime: RuntimeOf, cursor: str | None = None, limit: Limit = 100
) -> views.AmendmentPage:
    """What changed a loan besides money, as it was stated, in the order of arrival."""
    async with runtime.transaction() as tx:
        await loan_row(tx, loan_id)
        rows = await reads.list_amendments(tx, loan_id, after=cursors.numbered(cursor), limit=limit)
    return views.amendment_page(rows, limit)


@router.get("/v1/loans/{loan_id}/transits")
async def list_transits(loan_id: str, runtime: RuntimeOf) -> list[views.TransitItem]:
    """Money of a loan that may be on its way, or was, the earliest first."""
    async with runtime.transaction() as tx:
        row = await loan_row(tx, loan_id)
        found = await facts.transits(tx, [loan_id])
    return views.transits(found.get(loan_id, {}).values(), row.currency)


@router.get("/v1/statements")
async def list_mismatches(
    runtime: RuntimeOf, cursor: str | None = None, limit: Limit = 100
) -> views.StatementPage:
    """Statements of core banking that differ from the books and hold contact until someone looks, by loan."""
    async with runtime.transaction() as tx:
        rows = await reads.list_mismatches(tx, after=cursors.one(cursor), limit=limit)
        found = await facts.statements(tx, [row.loan_id for row in rows])
    items = [views.statement(row.loan_id, row.currency, found[row.loan_id]) for row in rows]
    next_cursor = cursors.following(rows, limit, lambda row: (row.loan_id,))
    return views.StatementPage(items=items, next_cursor=next_cursor)


@router.post("/v1/loans/{loan_id}/statement/resolve")
async def resolve_statement(
    loan_id: str, body: Resolution, runtime: RuntimeOf, intake: IntakeOf
) -> views.StatementItem:
    """A person has settled the difference: contact may go on. Once more changes nothing; 404 for none."""

    async def work(tx: Tx) -> views.StatementItem:
        await loan_row(tx, loan_id)
        account = (await loans.accounts(tx, await loans.lock(tx, [loan_id]), intake.terms))[loan_id]
        if account.statement is None:
            raise NotFound(f"core banking has stated no arrears of loan {loan_id}", loan_id=loan_id)
        for event in statements.resolve(account, body.resolution):
            emit(tx, event)
        await facts.save_marked(tx, [account])
        return views.statement(loan_id, account.facts.currency, account.statement)

    return await runtime.run(work)
