"""What tests of promises share: money, members of the team, and promises made over REST."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any

import httpx

from spine.database import Tx
from spine.events.ledger import LedgerRepaymentChargedBack, LedgerRepaymentReversed, RepaymentReceived
from spine.http import create_api
from tests.stager.figures import loan_overdue
from tests.stager.stand import Stand

TOKEN = "t" * 32


@asynccontextmanager
async def rest(stager: Stand) -> AsyncIterator[httpx.AsyncClient]:
    """The stager's REST door."""
    app = create_api(stager.service, stager.runtime, token=TOKEN)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://stager",
        headers={"Authorization": f"Bearer {TOKEN}"},
    ) as made:
        yield made


async def in_first_stage(stager: Stand, today: date) -> str:
    """The case of a loan in S1 with 1,001.35 overdue, at noon; anna collects, lea leads."""
    await team(stager, anna=["collector"], lea=["lead"])
    stager.set_time(stager.local(today, 0, 5))
    await stager.tell(loan_overdue(as_of=today))
    await stager.close(today - timedelta(days=1))
    stager.set_time(stager.local(today, 12))
    [entered] = await stager.said("stage.entered.v1")
    return str(entered["case_id"])


def paid(stager: Stand, id_: str, amount: str, on: date, *, loan_id: str = "L1") -> RepaymentReceived:
    """Money of a value date, posted whenever it is told."""
    return RepaymentReceived(
        borrower_id="B1",
        loan_id=loan_id,
        repayment_id=id_,
        amount=amount,
        currency="CNY",
        value_date=on,
        posted_at=stager.local(on, 15),
    )


def taken_back(id_: str, amount: str, on: date) -> LedgerRepaymentReversed:
    """The same money reversed."""
    return LedgerRepaymentReversed(
        borrower_id="B1",
        loan_id="L1",
        repayment_id=id_,
        amount=amount,
        currency="CNY",
        reversed_on=on,
        reason="returned",
    )


def charged_back(id_: str, amount: str, on: date, *, loan_id: str = "L1") -> LedgerRepaymentChargedBack:
    """The same money, or a part of it, taken back by the payer's bank."""
    return LedgerRepaymentChargedBack(
        borrower_id="B1", loan_id=loan_id, repayment_id=id_, amount=amount, currency="CNY", charged_back_on=on
    )


async def team(stager: Stand, **roles: Sequence[str]) -> None:
    """Members by their ids with their roles."""

    async def work(tx: Tx) -> None:
        for member_id, has in roles.items():
            await tx.execute(
                "INSERT INTO team_member (member_id, roles, skills, regions, locales, capacity, active, version,"
                " changed_at) VALUES (:id, CAST(:roles AS text[]), '{}', '{}', '{}', 10, true, 1, now())",
                id=member_id,
                roles=list(has),
            )

    await stager.runtime.run(work)


async def promise(
    client: httpx.AsyncClient, case_id: str, status: int = 201, *, key: str | None = None, **body: Any
) -> Any:
    """Makes a promise as a collector takes it down; 1,001.35 is what is overdue in these tests."""
    asked = {
        "loan_id": "L1",
        "amount": "1001.35",
        "kind": "full",
        "by": "anna",
        "verified": True,
        "channel": "call",
        **{name: str(value) if isinstance(value, date) else value for name, value in body.items()},
    }
    headers = {"Idempotency-Key": key} if key is not None else {}
    response = await client.post(f"/v1/cases/{case_id}/promises", json=asked, headers=headers)
    assert response.status_code == status, response.text
    return response.json()
