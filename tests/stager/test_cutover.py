"""A portfolio taken over with its arrears is staged at once and contacted in portions, the worst first."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import httpx
import msgspec

from spine.events.ledger import LoanOverdue
from spine.events.notifier import PartyChanged
from spine.http import create_api
from tests.stager.figures import arrears_changed, loan_cured, loan_overdue
from tests.stager.stand import Stand

DAY = timedelta(days=1)
TOKEN = "t" * 32
#: A Friday; the days after it on which business is done are those of November's last week.
CUT_OVER = date(2026, 11, 20)
MONDAY, TUESDAY = CUT_OVER + 3 * DAY, CUT_OVER + 4 * DAY
PER_DAY = 200


def taken_over(loan_id: str, borrower_id: str, days: int, *, began_on: date | None = None) -> LoanOverdue:
    """A loan so many days past due on the day of the cut-over."""
    overdue = loan_overdue(loan_id, borrower_id, zero_on=CUT_OVER - days * DAY, as_of=CUT_OVER)
    return msgspec.structs.replace(overdue, taken_over_on=CUT_OVER, episode_began_on=began_on)


def portfolio(count: int) -> list[LoanOverdue]:
    """Loans of as many borrowers, from 1 to 120 days past due."""
    return [taken_over(f"L{n:04}", f"B{n:04}", 1 + n * 37 % 120) for n in range(count)]


async def first_contacts(stager: Stand, days: Sequence[date]) -> dict[date, list[str]]:
    """Plays these days; by local day, the borrowers contacted for the first time."""
    for day in days:
        for hour in (9, 10, 19):
            await stager.at(stager.local(day, hour))
    first: dict[str, date] = {}
    for fact in await stager.said("contact.requested.v1"):
        on = datetime.fromisoformat(str(fact["requested_at"])).astimezone(stager.runtime.zone).date()
        first.setdefault(str(fact["borrower_id"]), on)
    return {day: [who for who, on in first.items() if on == day] for day in sorted(set(first.values()))}


async def why(stager: Stand, case_id: str) -> Any:
    app = create_api(stager.service, stager.runtime, token=TOKEN)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://stager",
        headers={"Authorization": f"Bearer {TOKEN}"},
    ) as client:
        return (await client.get(f"/v1/cases/{case_id}/why")).json()


async def test_five_hundred_loans_of_one_morning_are_contacted_in_portions(stager: Stand) -> None:
    loans = portfolio(500)
    await stager.tell(*loans)
    await stager.close(CUT_OVER - DAY)
    assert len(await stager.said("stage.entered.v1")) == 500
    # Two workers at once, as after a restart: whoever comes second finds the days given.
    await asyncio.gather(stager.run_timers(), stager.run_timers())
    days = [CUT_OVER + n * DAY for n in range(7)]
    first = await first_contacts(stager, days)
    assert {day: len(who) for day, who in first.items()} == {CUT_OVER: 200, MONDAY: 200, TUESDAY: 100}
    dpd = {loan.borrower_id: loan.dpd for loan in loans}
    assert min(dpd[who] for who in first[CUT_OVER]) >= max(dpd[who] for who in first[MONDAY])
    assert min(dpd[who] for who in first[MONDAY]) >= max(dpd[who] for who in first[TUESDAY])


async def test_what_is_taken_over_later_fills_what_is_left_of_the_days(stager: Stand) -> None:
    await stager.tell(*portfolio(250))
    await stager.close(CUT_OVER - DAY)
    await stager.run_timers()
    later = [taken_over(f"M{n:04}", f"C{n:04}", 3) for n in range(200)]
    await stager.tell(*later)
    # The books of Friday to Sunday are closed on Monday morning.
    await stager.close(MONDAY - DAY)
    await stager.run_timers()
    rows = await stager.rows("SELECT starts_on, count(*) AS n FROM cutover_start GROUP BY 1")
    assert {row.starts_on: row.n for row in rows} == {CUT_OVER: 200, MONDAY: 200, TUESDAY: 50}


async def test_after_the_first_slot_of_a_day_the_next_one_is_given(stager: Stand) -> None:
    await stager.tell(taken_over("L1", "B1", 31))
    stager.set_time(stager.local(CUT_OVER, 9))
    await stager.take(stager.closes(CUT_OVER - DAY))
    assert await stager.run_timers() == 1
    [row] = await stager.rows("SELECT starts_on FROM cutover_start")
    assert row.starts_on == MONDAY


async def test_all_loans_of_a_borrower_start_together_and_new_arrears_wait_for_nothing(stager: Stand) -> None:
    await stager.tell(
        *[taken_over(f"L{n:04}", f"B{n:04}", 60) for n in range(PER_DAY)],
        taken_over("X1", "C1", 5),
        taken_over("X2", "C1", 7),
        loan_overdue("X3", "C1", zero_on=CUT_OVER - DAY),
    )
    await stager.close(CUT_OVER - DAY)
    await stager.run_timers()
    rows = await stager.rows("SELECT loan_id, steps_from_on FROM episode WHERE borrower_id = 'C1'")
    assert {row.loan_id: row.steps_from_on for row in rows} == {"X1": MONDAY, "X2": MONDAY, "X3": CUT_OVER}


async def test_each_loan_starts_by_the_strategy_that_is_for_it(stager: Stand) -> None:
    """That of the United States calls from 09:30 on, that for all others writes from 09:00 on."""
    await stager.tell(PartyChanged(borrower_id="U1", locale="en", timezone=None, region="US-CA"))
    await stager.tell(taken_over("A1", "U1", 40), taken_over("A2", "C1", 40))
    stager.set_time(stager.local(CUT_OVER, 9, 10))
    await stager.take(stager.closes(CUT_OVER - DAY))
    await stager.run_timers()
    rows = await stager.rows("SELECT borrower_id, starts_on FROM cutover_start")
    assert {row.borrower_id: row.starts_on for row in rows} == {"U1": CUT_OVER, "C1": MONDAY}
    timers = await stager.rows("SELECT loan_id, step, due_at FROM step_timer WHERE loan_id = 'A1'")
    assert [(row.step, row.due_at) for row in timers] == [("hardship-call", stager.local(CUT_OVER, 10))]
    others = await stager.rows("SELECT step FROM step_timer WHERE loan_id = 'A2'")
    assert {row.step for row in others} >= {"soft-morning", "soft-evening"}


async def test_why_says_for_which_day_a_loan_waits(stager: Stand) -> None:
    await stager.tell(*[taken_over(f"L{n:04}", f"B{n:04}", 60) for n in range(PER_DAY)])
    await stager.tell(taken_over("X1", "C1", 5, began_on=CUT_OVER - 4 * DAY))
    await stager.close(CUT_OVER - DAY)
    [entered] = [fact for fact in await stager.said("stage.entered.v1") if fact["loan_id"] == "X1"]
    case_id = str(entered["case_id"])
    start = {"loan_id": "X1", "taken_over_on": str(CUT_OVER)}
    [waits] = (await why(stager, case_id))["starts"]
    assert waits == {**start, "starts_on": None, "waits": True, "policy_digest": None}
    async with stager.runtime.transaction() as tx:
        assert (await stager.service.due(tx)).open == 1  # one kind: starts to be given
    await stager.run_timers()
    [waits] = (await why(stager, case_id))["starts"]
    [policy] = await stager.rows("SELECT digest FROM policy WHERE kind = 'cutover'")
    assert waits == {**start, "starts_on": str(MONDAY), "waits": True, "policy_digest": policy.digest}
    stager.set_time(stager.local(MONDAY, 0))
    [starts] = (await why(stager, case_id))["starts"]
    assert starts["waits"] is False
    [episode] = await stager.rows("SELECT opened_on, taken_over_on FROM episode WHERE loan_id = 'X1'")
    assert tuple(episode) == (CUT_OVER - 4 * DAY, CUT_OVER)


async def test_a_stage_left_before_the_day_still_waits_for_it(stager: Stand) -> None:
    await stager.tell(*[taken_over(f"L{n:04}", f"B{n:04}", 60) for n in range(PER_DAY)])
    await stager.tell(taken_over("X1", "C1", 30), taken_over("X2", "C2", 40), taken_over("X3", "C3", 40))
    await stager.close(CUT_OVER - DAY)
    # One falls back before it was given a day, one is promoted after it was, one is cured.
    await stager.tell(
        arrears_changed("X2", "C2", zero_on=CUT_OVER - 10 * DAY, as_of=CUT_OVER),
        loan_cured("X3", "C3", as_of=CUT_OVER),
    )
    await stager.run_timers()
    await stager.close(CUT_OVER)
    assert {
        (row.loan_id, row.stage, row.steps_from_on)
        for row in await stager.rows("SELECT * FROM episode WHERE loan_id ~ 'X' AND closed_on IS NULL")
    } == {("X1", "S2", MONDAY), ("X2", "S1", MONDAY)}
    timers = await stager.rows("SELECT loan_id, step, due_at FROM step_timer WHERE loan_id ~ 'X'")
    assert {(row.loan_id, row.step, row.due_at) for row in timers} == {
        ("X1", "soft-morning", stager.local(MONDAY, 9)),
        ("X1", "soft-evening", stager.local(MONDAY, 19)),
        ("X2", "soft-reminder", stager.local(MONDAY + 3 * DAY, 10)),
    }
    starts = Counter(row.borrower_id[0] for row in await stager.rows("SELECT borrower_id FROM cutover_start"))
    assert starts == {"B": PER_DAY, "C": 2}


async def test_once_started_a_borrower_never_waits_again(stager: Stand) -> None:
    await stager.tell(taken_over("L1", "B1", 30))
    await stager.close(CUT_OVER - DAY)
    await stager.run_timers()
    await stager.tell(taken_over("L2", "B1", 3))
    await stager.close(CUT_OVER)
    [row] = await stager.rows("SELECT awaits_start, steps_from_on FROM episode WHERE loan_id = 'L2'")
    assert tuple(row) == (False, CUT_OVER + DAY)
    assert await stager.rows("SELECT 1 FROM step_timer WHERE loan_id = 'L2'") != []
