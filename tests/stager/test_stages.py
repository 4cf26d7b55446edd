"""Ledger facts become cases, episodes and stage entries: each entry once, demotions at once, cures at the end."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

import pytest

from spine.events.ledger import LedgerRepaymentChargedBack, LedgerRepaymentReversed
from spine.events.registry import Event
from tests.stager.figures import DUE_ON, arrears_changed, loan_cured, loan_overdue, loan_settled
from tests.stager.stand import Stand

DAY = timedelta(days=1)


def entries(told: list[dict[str, object]]) -> list[tuple[object, ...]]:
    return [(e.get("from"), e["to"], e["episode"], e["entry_no"], e["first_time"]) for e in told]


async def test_a_loan_enters_the_first_stage_after_the_close(stager: Stand) -> None:
    stager.set_time(stager.local(DUE_ON + DAY, 0, 5))
    await stager.tell(loan_overdue())
    assert await stager.said() == []
    await stager.close(DUE_ON)
    [entered] = await stager.said("stage.entered.v1")
    assert entries([entered]) == [(None, "S1", 1, 1, True)]
    assert (entered["dpd"], entered["as_of"], entered["rule"]) == (1, "2026-11-11", "entry/S1:1-30")
    assert str(entered["policy"]).startswith("stages-cn@1:")
    [case] = await stager.rows("SELECT case_id, borrower_id, closed_at FROM collection_case")
    assert (case.case_id, case.borrower_id, case.closed_at) == (entered["case_id"], "B1", None)


async def test_a_close_moves_loans_only_on_the_day_their_bound_is_passed(stager: Stand) -> None:
    await stager.tell(loan_overdue())
    for days in range(95):
        await stager.close(DUE_ON + days * DAY)
    told = await stager.said("stage.entered.v1")
    assert entries(told) == [
        (None, "S1", 1, 1, True),
        ("S1", "S2", 1, 2, True),
        ("S2", "S3", 1, 3, True),
        ("S3", "S4", 1, 4, True),
    ]
    assert [entry["dpd"] for entry in told] == [1, 31, 61, 91]


@pytest.mark.parametrize(
    ("dpd", "stage"), [(1, "S1"), (30, "S1"), (31, "S2"), (60, "S2"), (61, "S3"), (90, "S3"), (91, "S4")]
)
async def test_a_loan_first_heard_of_late_enters_the_stage_of_its_days(
    stager: Stand, dpd: int, stage: str
) -> None:
    as_of = DUE_ON + dpd * DAY
    await stager.tell(loan_overdue(as_of=as_of))
    await stager.close(as_of - DAY)
    [entered] = await stager.said("stage.entered.v1")
    assert (entered["to"], entered["dpd"]) == (stage, dpd)


async def test_part_payments_move_a_loan_down_at_once_and_nothing_is_new_there(stager: Stand) -> None:
    """Worked example D1: 74 days past due, then 44, then 13."""
    zero_on = date(2026, 9, 10)
    await stager.tell(loan_overdue(zero_on=zero_on))
    today = date(2026, 11, 23)
    for days in range((today - zero_on).days):
        await stager.close(zero_on + days * DAY)
    stager.set_time(stager.local(today, 12))
    before = len(await stager.said("stage.entered.v1"))
    await stager.tell(arrears_changed(zero_on=date(2026, 10, 10), as_of=today))
    await stager.tell(arrears_changed(zero_on=date(2026, 11, 10), as_of=today))
    told = (await stager.said("stage.entered.v1"))[before:]
    assert entries(told) == [("S3", "S2", 1, 4, False), ("S2", "S1", 1, 5, False)]
    assert [entry["dpd"] for entry in told] == [44, 13]
    steps = await stager.rows("SELECT step, due_at FROM step_timer ORDER BY step")
    assert [step.step for step in steps] == ["soft-reminder"]
    # Counted from the day after the payment: nothing more is said on the day money came in.
    assert steps[0].due_at == stager.local(today + 4 * DAY, 10)


async def test_both_demotions_in_one_batch_are_two_entries(stager: Stand) -> None:
    await stager.tell(loan_overdue(as_of=DUE_ON + 74 * DAY))
    await stager.close(DUE_ON + 73 * DAY)
    today = DUE_ON + 74 * DAY
    await stager.tell(
        arrears_changed(zero_on=today - 44 * DAY, as_of=today),
        arrears_changed(zero_on=today - 13 * DAY, as_of=today),
    )
    assert [entry["to"] for entry in await stager.said("stage.entered.v1")] == ["S3", "S2", "S1"]
    rows = await stager.rows("SELECT from_stage, to_stage FROM stage_entry ORDER BY entry_no")
    assert [tuple(row) for row in rows] == [(None, "S3"), ("S3", "S2"), ("S2", "S1")]
    assert "warm-reminder" not in {row.step for row in await stager.rows("SELECT step FROM step_timer")}


async def test_a_rise_of_the_days_waits_for_the_close(stager: Stand) -> None:
    await stager.tell(loan_overdue())
    await stager.close(DUE_ON)
    today = DUE_ON + 2 * DAY
    await stager.tell(arrears_changed(zero_on=DUE_ON - 40 * DAY, as_of=today))
    assert len(await stager.said("stage.entered.v1")) == 1
    await stager.close(today)
    assert entries(await stager.said("stage.entered.v1"))[1:] == [("S1", "S2", 1, 2, True)]


async def test_a_cure_ends_the_episode_and_the_next_arrears_begin_another(stager: Stand) -> None:
    await stager.tell(loan_overdue())
    await stager.close(DUE_ON)
    cured_on = DUE_ON + 5 * DAY
    stager.set_time(stager.local(cured_on, 12))
    await stager.tell(loan_cured(as_of=cured_on))
    assert (await stager.types())[-1] == "case.closed.v1"
    assert await stager.rows("SELECT 1 FROM step_timer") == []
    next_due = DUE_ON + 30 * DAY
    await stager.tell(loan_overdue(zero_on=next_due))
    await stager.close(next_due)
    told = await stager.said("stage.entered.v1")
    assert entries(told) == [(None, "S1", 1, 1, True), (None, "S1", 2, 1, True)]
    assert told[0]["case_id"] != told[1]["case_id"]
    cases = await stager.rows(
        "SELECT case_no, closed_at IS NULL AS open FROM collection_case ORDER BY case_no"
    )
    assert [tuple(case) for case in cases] == [(1, False), (2, True)]


REVERSED = LedgerRepaymentReversed(
    borrower_id="B1",
    loan_id="L1",
    repayment_id="R1",
    amount="1001.35",
    currency="CNY",
    reversed_on=DUE_ON + 8 * DAY,
    reason="bounced",
)
CHARGED_BACK = LedgerRepaymentChargedBack(
    borrower_id="B1",
    loan_id="L1",
    repayment_id="R1",
    amount="1001.35",
    currency="CNY",
    charged_back_on=DUE_ON + 8 * DAY,
)


@pytest.mark.parametrize("taken_back", [REVERSED, CHARGED_BACK], ids=["reversed", "charged back"])
async def test_money_taken_back_reopens_the_old_episode_and_nothing_is_new(
    stager: Stand, taken_back: Event
) -> None:
    await stager.tell(loan_overdue())
    await stager.close(DUE_ON)
    cured_on = DUE_ON + 5 * DAY
    await stager.tell(loan_cured(as_of=cured_on))
    back_on = DUE_ON + 8 * DAY
    stager.set_time(stager.local(back_on, 12))
    await stager.tell(taken_back, loan_overdue(as_of=back_on))
    assert len(await stager.said("stage.entered.v1")) == 1
    await stager.close(back_on)
    assert entries(await stager.said("stage.entered.v1"))[1:] == [(None, "S1", 1, 2, False)]
    assert [row.step for row in await stager.rows("SELECT step FROM step_timer")] == ["soft-reminder"]


async def test_one_case_holds_all_loans_of_a_borrower_and_closes_with_the_last(stager: Stand) -> None:
    await stager.tell(loan_overdue("L1"), loan_overdue("L2"), loan_overdue("L3", "B2"))
    await stager.close(DUE_ON)
    told = await stager.said("stage.entered.v1")
    case_of = {entry["loan_id"]: entry["case_id"] for entry in told}
    assert case_of["L1"] == case_of["L2"] != case_of["L3"]
    today = DUE_ON + DAY
    await stager.tell(loan_cured("L1", as_of=today))
    assert await stager.said("case.closed.v1") == []
    await stager.tell(loan_settled("L2", as_of=today))
    assert await stager.said("case.closed.v1") == [
        {"borrower_id": "B1", "case_id": case_of["L1"], "reason": "settled"}
    ]


@pytest.mark.parametrize(("reason", "shown"), [("paid", "settled"), ("closed", "closed"), ("sold", "sold")])
async def test_how_a_loan_ended_is_seen_on_its_case(
    stager: Stand, reason: Literal["paid", "closed", "sold"], shown: str
) -> None:
    as_of = DUE_ON + 31 * DAY
    await stager.tell(loan_overdue(as_of=as_of))
    await stager.close(as_of - DAY)
    await stager.at(stager.local(as_of, 9))
    await stager.tell(loan_settled(as_of=as_of, reason=reason))
    assert [fact["reason"] for fact in await stager.said("contact.withdrawn.v1")] == [shown]
    assert [fact["reason"] for fact in await stager.said("case.closed.v1")] == [shown]
    [episode] = await stager.rows("SELECT close_reason, closed_on FROM episode")
    assert tuple(episode) == (shown, as_of)


async def test_a_batch_told_twice_changes_nothing(stager: Stand) -> None:
    batch = [stager.fact(loan_overdue(f"L{n}", f"B{n % 7}")) for n in range(20)]
    batch += stager.closes(DUE_ON)
    batch += [stager.fact(loan_cured(f"L{n}", f"B{n % 7}", as_of=DUE_ON + DAY)) for n in range(0, 20, 3)]
    await stager.take(batch)
    said, tables = await stager.said(), await _state(stager)
    assert len([1 for type_ in await stager.types() if type_ == "stage.entered.v1"]) == 20
    await stager.take(batch)
    assert await stager.said() == said
    assert await _state(stager) == tables


async def _state(stager: Stand) -> list[list[object]]:
    return [
        await stager.rows("SELECT * FROM episode ORDER BY loan_id, episode"),
        await stager.rows("SELECT * FROM collection_case ORDER BY case_id"),
        await stager.rows("SELECT * FROM step_timer ORDER BY loan_id, step"),
        await stager.rows("SELECT * FROM stage_entry ORDER BY loan_id, entry_no"),
    ]


async def test_how_facts_are_batched_makes_no_difference(stager: Stand) -> None:
    """One by one, the same facts lead to the same entries and the same timers as in one batch."""
    facts = []
    for n in range(6):
        facts.append(stager.fact(loan_overdue(f"one-{n}", f"x{n}", zero_on=DUE_ON - n * 12 * DAY)))
    facts += stager.closes(DUE_ON)
    facts.append(stager.fact(arrears_changed("one-5", "x5", zero_on=DUE_ON - 2 * DAY, as_of=DUE_ON + DAY)))
    facts.append(stager.fact(loan_cured("one-1", "x1", as_of=DUE_ON + DAY)))
    facts += stager.closes(DUE_ON + DAY)
    await stager.take(facts)
    together = await _state(stager)
    kept = ("step_timer", "stage_entry", "episode", "collection_case", "closed_books", "outbox")
    for table in (*kept, "subject_sequence"):
        async with stager.runtime.engine.begin() as connection:
            await connection.exec_driver_sql(f"TRUNCATE {table} CASCADE")
    for fact in facts:
        await stager.take([fact])
    assert await _state(stager) == together


async def test_a_fact_from_the_past_is_left_alone(stager: Stand) -> None:
    overdue = stager.fact(loan_overdue())
    cured = stager.fact(loan_cured(as_of=DUE_ON + DAY))
    await stager.take([overdue, cured])
    await stager.take([overdue])
    [episode] = await stager.rows("SELECT episode, close_reason FROM episode")
    assert tuple(episode) == (1, "cured")


async def test_a_close_judges_only_its_own_partition(stager: Stand) -> None:
    await stager.tell(*[loan_overdue(f"L{n}", f"B{n}") for n in range(10)])
    [first, second] = stager.closes(DUE_ON)
    await stager.take([first])
    some = {str(entry["loan_id"]) for entry in await stager.said("stage.entered.v1")}
    await stager.take([second])
    every = {str(entry["loan_id"]) for entry in await stager.said("stage.entered.v1")}
    assert 0 < len(some) < len(every) == 10


async def test_days_missed_are_caught_up_in_order(stager: Stand) -> None:
    await stager.tell(loan_overdue())
    stager.set_time(stager.local(DUE_ON + 70 * DAY, 14))
    batch = [fact for days in range(70) for fact in stager.closes(DUE_ON + days * DAY)]
    await stager.take(batch)
    told = await stager.said("stage.entered.v1")
    assert [(entry["to"], entry["dpd"]) for entry in told] == [("S1", 1), ("S2", 31), ("S3", 61)]
    due = [row.due_at for row in await stager.rows("SELECT due_at FROM step_timer")]
    assert len(due) == 2
    assert min(due) > stager.local(DUE_ON + 70 * DAY, 14)
