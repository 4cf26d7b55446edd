"""Money as the ledger tells it is kept once, in whatever order, and forgotten where nothing can need it."""

from __future__ import annotations

from datetime import date, timedelta

from spine.events.ledger import LedgerRepaymentReversed, RepaymentReceived
from stager.domain.money import Money
from stager.store.money import money_of
from tests.stager.figures import DUE_ON, loan_overdue
from tests.stager.promising import charged_back
from tests.stager.stand import Stand

DAY = timedelta(days=1)
PAID_ON = date(2026, 11, 20)


def paid(stager: Stand, id_: str = "R1", *, on: date = PAID_ON, amount: str = "3200.00") -> RepaymentReceived:
    return RepaymentReceived(
        borrower_id="B1",
        loan_id="L1",
        repayment_id=id_,
        amount=amount,
        currency="CNY",
        value_date=on,
        posted_at=stager.local(on, 15),
    )


def taken_back(
    id_: str = "R1", *, on: date = PAID_ON + DAY, amount: str = "3200.00"
) -> LedgerRepaymentReversed:
    return LedgerRepaymentReversed(
        borrower_id="B1",
        loan_id="L1",
        repayment_id=id_,
        amount=amount,
        currency="CNY",
        reversed_on=on,
        reason="returned",
    )


async def money(stager: Stand) -> list[Money]:
    async with stager.runtime.transaction() as tx:
        return (await money_of(tx, ["L1"]))["L1"]


async def test_money_is_kept_once_also_of_a_loan_not_in_arrears(stager: Stand) -> None:
    batch = await stager.tell(paid(stager), paid(stager, "R0", on=PAID_ON - DAY))
    await stager.take([*batch, *batch])
    kept = await money(stager)
    assert [(each.repayment_id, each.amount_minor, each.value_date) for each in kept] == [
        ("R0", 320_000, PAID_ON - DAY),
        ("R1", 320_000, PAID_ON),
    ]
    assert all(each.reversed_on is None and each.currency == "CNY" for each in kept)


async def test_a_reversal_counts_whether_it_comes_after_with_or_before_its_repayment(stager: Stand) -> None:
    await stager.tell(paid(stager, "after"))
    await stager.tell(taken_back("after"))
    await stager.tell(paid(stager, "with"), taken_back("with"))
    await stager.tell(taken_back("before"))
    assert [each.repayment_id for each in await money(stager)] == ["after", "with"]
    await stager.tell(paid(stager, "before"))
    assert [(each.repayment_id, each.reversed_on) for each in await money(stager)] == [
        ("after", PAID_ON + DAY),
        ("before", PAID_ON + DAY),
        ("with", PAID_ON + DAY),
    ]


async def test_a_charge_back_lessens_its_money_and_of_nothing_left_the_money_was_taken_back(
    stager: Stand,
) -> None:
    await stager.tell(paid(stager))
    batch = await stager.tell(charged_back("R1", "1200.00", PAID_ON + DAY))
    await stager.take(batch)
    assert [(each.amount_minor, each.reversed_on) for each in await money(stager)] == [(200_000, None)]
    await stager.tell(charged_back("R1", "2000.00", PAID_ON + 2 * DAY))
    assert [(each.amount_minor, each.reversed_on) for each in await money(stager)] == [
        (320_000, PAID_ON + 2 * DAY)
    ]
    await stager.close(PAID_ON + 40 * DAY)
    assert await stager.rows("SELECT 1 FROM charge_back") == []


async def test_a_close_forgets_money_after_its_days_unless_there_were_arrears(stager: Stand) -> None:
    await stager.tell(paid(stager))
    await stager.close(PAID_ON + 29 * DAY)
    assert len(await money(stager)) == 1
    await stager.close(PAID_ON + 30 * DAY)
    assert await money(stager) == []
    await stager.tell(paid(stager, "R2"))
    assert await money(stager) == [], "what would be forgotten at once is not kept"


async def test_money_of_a_loan_in_arrears_stays(stager: Stand) -> None:
    await stager.tell(paid(stager), loan_overdue(zero_on=DUE_ON))
    await stager.close(PAID_ON + 40 * DAY)
    assert len(await money(stager)) == 1
    await stager.tell(paid(stager, "R2"))
    assert len(await money(stager)) == 2
