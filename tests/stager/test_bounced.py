"""Money taken back: the old episode goes on, nothing of once an episode is said again, and a day is left."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from spine.events.ledger import LedgerRepaymentReversed
from tests.stager.figures import loan_cured, loan_overdue
from tests.stager.stand import Stand

DAY = timedelta(days=1)


async def contacted(stager: Stand, zero_on: date, day: date) -> None:
    """A loan past due since `zero_on`, in its stage on `day`, and contacted for the first time."""
    await stager.tell(loan_overdue(zero_on=zero_on, as_of=day))
    await stager.close(day - DAY)
    await stager.at(stager.local(day, 10))


async def bounce(stager: Stand, zero_on: date, paid_on: date, back_on: date) -> None:
    stager.set_time(stager.local(paid_on, 15))
    await stager.tell(loan_cured(as_of=paid_on))
    stager.set_time(stager.local(back_on, 15))
    reversal = LedgerRepaymentReversed(
        borrower_id="B1",
        loan_id="L1",
        repayment_id="R1",
        reversed_on=back_on,
        reason="bounced",
        currency="CNY",
        amount="1001.35",
    )
    await stager.tell(reversal, loan_overdue(zero_on=zero_on, as_of=back_on))
    await stager.close(back_on)


async def asked(stager: Stand) -> list[tuple[object, object]]:
    """What was asked for about the arrears, and when; whoever had paid was thanked in between."""
    told = await stager.said("contact.requested.v1")
    return [(fact["step"], fact["requested_at"]) for fact in told if fact["step"] != "thanks"]


async def test_the_first_contact_after_it_waits_a_business_day_and_is_no_first_word(stager: Stand) -> None:
    zero_on, first = date(2026, 11, 10), date(2026, 11, 11)
    await contacted(stager, zero_on, first)
    # Taken back on a Wednesday: nothing that day and on Thursday.
    back_on = date(2026, 11, 18)
    await bounce(stager, zero_on, date(2026, 11, 16), back_on)
    entered = await stager.said("stage.entered.v1")
    assert [(e["to"], e["episode"], e["entry_no"], e["first_time"]) for e in entered] == [
        ("S1", 1, 1, True),
        ("S1", 1, 2, False),
    ]
    [row] = await stager.rows("SELECT steps_from_on, bounced_on FROM episode")
    assert (row.steps_from_on, row.bounced_on) == (date(2026, 11, 20), back_on)
    for days in range(1, 8):
        await stager.at(stager.local(back_on + days * DAY, 10))
    assert [step for step, _ in await asked(stager)] == ["warm-reminder", "soft-reminder"]
    assert (await asked(stager))[1][1] == "2026-11-23T02:00:00Z"


@pytest.mark.parametrize(
    ("back_on", "speaks_on"),
    [
        # Friday: Monday is the business day that passes.
        (date(2026, 11, 20), date(2026, 11, 24)),
        # The day before National Day: the next business day in China is a make-up Saturday.
        (date(2026, 9, 30), date(2026, 10, 9)),
    ],
)
async def test_weekends_and_holidays_are_no_business_days(
    stager: Stand, back_on: date, speaks_on: date
) -> None:
    zero_on = back_on - 10 * DAY
    await contacted(stager, zero_on, zero_on + DAY)
    await bounce(stager, zero_on, back_on - DAY, back_on)
    [row] = await stager.rows("SELECT steps_from_on FROM episode")
    assert row.steps_from_on == speaks_on


async def test_the_formal_notice_is_not_sent_twice(stager: Stand) -> None:
    back_on = date(2026, 11, 18)
    zero_on = back_on - 70 * DAY
    await contacted(stager, zero_on, zero_on + 61 * DAY)
    assert [step for step, _ in await asked(stager)] == ["formal-notice"]
    await bounce(stager, zero_on, back_on - DAY, back_on)
    for days in range(1, 12):
        await stager.at(stager.local(back_on + days * DAY, 10))
    assert [step for step, _ in await asked(stager)] == ["formal-notice", "formal-reminder"]


async def test_a_milder_stage_after_it_gets_no_first_word_either(stager: Stand) -> None:
    back_on = date(2026, 11, 18)
    zero_on = back_on - 70 * DAY
    await contacted(stager, zero_on, zero_on + 61 * DAY)
    # Only part of the money was taken back: what is left is a few days past due.
    await bounce(stager, back_on - 5 * DAY, back_on - DAY, back_on)
    entered = await stager.said("stage.entered.v1")
    assert [(e["to"], e["episode"], e["first_time"]) for e in entered] == [("S3", 1, True), ("S1", 1, True)]
    for days in range(1, 12):
        await stager.at(stager.local(back_on + days * DAY, 10))
    assert "warm-reminder" not in [step for step, _ in await asked(stager)]
