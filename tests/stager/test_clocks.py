"""The clocks of a claim over time: who is told when, what moves them, and that nothing threatens suit too late."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from typing import Any

import pytest

from tests.stager.figures import arrears_changed, loan_cured, loan_overdue
from tests.stager.people import DAY, Desk, desk_of
from tests.stager.promising import paid, taken_back
from tests.stager.stand import Stand, stand

#: The oldest unpaid due date of a loan that came in with old arrears; its limitation ends three years on.
DUE = date(2023, 11, 10)
END = date(2026, 11, 10)


@pytest.fixture
async def desk(stager: Stand) -> AsyncIterator[Desk]:
    async with desk_of(stager) as made:
        yield made


async def old_case(desk: Desk, before_end: int) -> str:
    """A loan due three years ago, so many days before the end of its limitation, at nine; cora is of compliance."""
    day = END - before_end * DAY
    desk.stager.set_time(desk.stager.local(day, 0, 5))
    await desk.stager.tell(loan_overdue(zero_on=DUE, as_of=day))
    await desk.stager.close(day - DAY)
    await desk.stager.at(desk.stager.local(day, 9))
    await desk.member("lea", roles=["lead"])
    await desk.member("cora", roles=["compliance"])
    [row] = await desk.stager.rows("SELECT case_id FROM collection_case")
    return str(row.case_id)


async def tasks(desk: Desk, kind: str = "limitation") -> list[tuple[str, str]]:
    rows = await desk.stager.rows(
        "SELECT reason, status FROM task WHERE kind = :kind ORDER BY opened_at, task_id", kind=kind
    )
    return [(row.reason, row.status) for row in rows]


async def clock(desk: Desk, case_id: str) -> Any:
    return (await desk.get(f"/v1/cases/{case_id}/clocks"))["loans"][0]


async def restart(desk: Desk, case_id: str, on: date, ground: str, status: int = 201, **more: Any) -> Any:
    body = {
        "loan_id": "L1",
        "on": on.isoformat(),
        "ground": ground,
        "reference": "scan-7",
        "by": "lea",
        **more,
    }
    key = f"{on}-{ground}"
    return await desk.post(f"/v1/cases/{case_id}/limitation/restarts", body, status, Idempotency_Key=key)


async def test_the_task_opens_at_midnight_ninety_days_before_and_once(desk: Desk) -> None:
    await old_case(desk, 91)
    assert await tasks(desk) == []
    await desk.stager.at(desk.stager.local(END - 91 * DAY, 23, 59))
    assert await tasks(desk) == []
    for days in (90, 89, 30, 0):
        await desk.stager.at(desk.stager.local(END - days * DAY, 0))
        assert await tasks(desk) == [("limitation_ends_2026-11-10", "open")], days


async def test_arrears_that_come_in_later_are_told_of_at_once(desk: Desk) -> None:
    await old_case(desk, 20)
    assert await tasks(desk) == [("limitation_ends_2026-11-10", "open")]


async def test_a_restart_on_the_last_day_moves_the_end_and_cancels_what_was_told(desk: Desk) -> None:
    case_id = await old_case(desk, 0)
    said = await restart(desk, case_id, END, "delivered_demand")
    assert said["limitation_ends_on"] == "2029-11-10"
    assert await tasks(desk) == [("limitation_ends_2026-11-10", "cancelled")]
    # The same again is the same; another under its key is refused.
    assert await restart(desk, case_id, END, "delivered_demand", 200) == said
    await restart(desk, case_id, END, "delivered_demand", 409, reference="another")
    await desk.stager.at(desk.stager.local(END + DAY, 9))
    shown = await clock(desk, case_id)
    assert (shown["time_barred"], shown["began_by"], shown["began_on"]) == (
        False,
        "delivered_demand",
        "2026-11-10",
    )


async def test_after_the_last_day_it_is_barred_until_the_debtor_acknowledges(desk: Desk) -> None:
    case_id = await old_case(desk, 0)
    assert not (await clock(desk, case_id))["time_barred"]
    await desk.stager.at(desk.stager.local(END + DAY, 0))
    assert (await desk.get(f"/v1/cases/{case_id}"))["clocks"][0]["time_barred"]
    late = END + DAY
    assert (await restart(desk, case_id, late, "delivered_demand"))["limitation_ends_on"] == "2026-11-10"
    assert (await clock(desk, case_id))["time_barred"]
    assert (await restart(desk, case_id, late, "acknowledgement"))["limitation_ends_on"] == "2029-11-11"
    assert not (await clock(desk, case_id))["time_barred"]
    why = await desk.get(f"/v1/cases/{case_id}/why")
    assert why["agrees"]
    assert "limitation" in {action["kind"] for action in why["actions"]}


async def test_a_payment_counts_by_its_value_date_until_it_is_taken_back(desk: Desk) -> None:
    case_id = await old_case(desk, 10)
    on = END - 30 * DAY
    stager = desk.stager
    await stager.tell(paid(stager, "R1", "10.00", on), arrears_changed(zero_on=DUE, as_of=END - 10 * DAY))
    assert (await clock(desk, case_id))["limitation_ends_on"] == "2029-10-11"
    assert await tasks(desk) == [("limitation_ends_2026-11-10", "cancelled")]
    await stager.tell(taken_back("R1", "10.00", END - 9 * DAY))
    assert (await clock(desk, case_id))["limitation_ends_on"] == "2026-11-10"


async def test_a_verified_promise_acknowledges(desk: Desk) -> None:
    case_id = await old_case(desk, 10)
    today = END - 10 * DAY
    body = {
        "loan_id": "L1",
        "amount": "1001.35",
        "kind": "full",
        "channel": "call",
        "promised_on": (today + DAY).isoformat(),
        "by": "lea",
    }
    path = f"/v1/cases/{case_id}/promises"
    await desk.post(path, {**body, "verified": False}, 201, Idempotency_Key="p1")
    assert (await clock(desk, case_id))["limitation_ends_on"] == "2026-11-10"
    other = {**body, "promised_on": (today + 2 * DAY).isoformat(), "verified": True}
    await desk.post(path, other, 201, Idempotency_Key="p2")
    assert (await clock(desk, case_id))["limitation_ends_on"] == "2029-10-31"
    assert (await desk.get(f"/v1/cases/{case_id}"))["clocks"][0]["limitation_ends_on"] == "2029-10-31"


async def test_the_guarantee_is_told_of_by_itself(desk: Desk) -> None:
    case_id = await old_case(desk, 200)
    today = END - 200 * DAY
    body = {
        "loan_id": "L1",
        "ends_on": (today + 91 * DAY).isoformat(),
        "reference": "contract 12, clause 4",
        "by": "lea",
    }
    await desk.call("PUT", f"/v1/cases/{case_id}/limitation/guarantee", body)
    assert await tasks(desk) == []
    await desk.stager.at(desk.stager.local(today + DAY, 0))
    assert await tasks(desk) == [(f"guarantee_ends_{today + 91 * DAY}", "open")]
    # The cure ends both; arrears that bounce are told of anew.
    await desk.stager.tell(loan_cured(as_of=today + DAY))
    assert [status for _, status in await tasks(desk)] == ["cancelled"]
    assert (await clock(desk, case_id))["limitation_ends_on"] is None
    back = today + 2 * DAY
    await desk.stager.tell(taken_back("R9", "1001.35", back), loan_overdue(zero_on=DUE, as_of=back))
    assert sorted(status for _, status in await tasks(desk)) == ["cancelled", "open"]


async def test_what_is_recorded_is_of_this_case_and_of_a_day_that_can_be(desk: Desk) -> None:
    case_id = await old_case(desk, 10)
    today = END - 10 * DAY
    await restart(desk, case_id, today + DAY, "payment", 422)
    await restart(desk, case_id, DUE - DAY, "payment", 422)
    await restart(desk, case_id, today, "payment", 422, loan_id="L9")
    await desk.member("X1", roles=["analyst"])
    await restart(desk, case_id, today, "payment", 403, by="X1")
    assert (await restart(desk, case_id, DUE, "payment"))["limitation_ends_on"] == "2026-11-10"


async def test_no_suit_on_a_time_barred_debt(desk: Desk) -> None:
    case_id = await old_case(desk, -1)
    async with desk.stager.runtime.transaction() as tx:
        await tx.execute(
            """
            INSERT INTO contact_request (request_id, loan_id, episode, entry_no, step, occurrence, borrower_id,
                case_id, stage, channel, template, purpose, due_at, decided_at, expires_at, status,
                strategy_digest, outcome, outcome_at)
            SELECT 'notice', loan_id, episode, 0, 'formal-notice', 1, borrower_id, case_id, 'S3', 'sms',
                's3-formal-sms', 'collection', :at, :at, :at, 'done', '', 'delivered', :at FROM episode
            """,
            at=desk.stager.local(END + DAY, 9),
        )
    path, body = f"/v1/cases/{case_id}/referrals", {"kind": "legal", "by": "cora"}
    refused = await desk.post(path, body, 409, Idempotency_Key="r1")
    assert refused["missing"] == "in_time"
    await restart(desk, case_id, END + DAY, "acknowledgement")
    assert (await desk.post(path, body, 201, Idempotency_Key="r1"))["pack"]["loans"][0][
        "time_barred"
    ] is False


@pytest.mark.parametrize(("before_end", "status"), [(0, "tasked"), (-1, "skipped")])
async def test_the_shipped_plan_names_no_suit_on_a_time_barred_debt(
    make_database: Callable[[], Awaitable[str]], before_end: int, status: str
) -> None:
    async with stand(make_database) as stager, desk_of(stager) as desk:
        await old_case(desk, before_end)
        await stager.at(stager.local(END - before_end * DAY, 10))
        rows = await stager.rows("SELECT step, status, reason FROM contact_request ORDER BY step")
        said = {row.step: row.status for row in rows}
        assert said["legal-pack"] == status
        assert (said["final-reminder"] == "skipped") == (status == "skipped")
