"""Promises: made over REST, judged by the close of their due day, revised by later facts; they hold their loan."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from spine.database import Tx
from stager.domain.tasks import Task
from stager.handlers.holds import new_hold, place_holds
from stager.handlers.tasks import open_tasks
from stager.policy import House
from tests.stager.figures import DUE_ON, arrears_changed, loan_cured, loan_overdue, loan_settled
from tests.stager.promising import charged_back, in_first_stage, paid, promise, rest, taken_back, team
from tests.stager.stand import Stand

DAY = timedelta(days=1)
#: A Monday; the loan has been due since the 10th, so it is in S1.
TODAY = date(2026, 11, 23)
WEDNESDAY, THURSDAY = date(2026, 11, 25), date(2026, 11, 26)


@pytest.fixture
async def client(stager: Stand) -> AsyncIterator[httpx.AsyncClient]:
    async with rest(stager) as made:
        yield made


@pytest.fixture
async def case_id(stager: Stand) -> str:
    """A loan in S1 on the Monday at noon, and a team."""
    return await in_first_stage(stager, TODAY)


async def states(stager: Stand) -> list[tuple[str, str | None]]:
    """What was told of promises: type or status, and the money received."""
    told: list[tuple[str, dict[str, Any]]] = []
    for type_ in await stager.types():
        if type_.startswith("promise.") and type_ not in [name for name, _ in told]:
            told += [(type_, fact) for fact in await stager.said(type_)]
    return [(str(fact.get("status", name.split(".")[1])), fact.get("received")) for name, fact in told]


async def holding(stager: Stand) -> list[str]:
    return [
        row.kind for row in await stager.rows("SELECT kind FROM hold WHERE lifted_at IS NULL ORDER BY kind")
    ]


async def test_a_promise_holds_the_loan_and_is_the_same_under_its_key(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    made = await promise(client, case_id, key="k1", promised_on=WEDNESDAY)
    assert (made["status"], made["promised_on"], made["due_on"]) == ("open", "2026-11-25", "2026-11-26")
    assert await promise(client, case_id, 200, key="k1", promised_on=WEDNESDAY) == made
    other = await promise(client, case_id, 409, key="k1", promised_on=THURSDAY)
    assert other["code"] == "conflict"
    assert await states(stager) == [("opened", None)]
    [placed] = await stager.said("hold.placed.v1")
    assert (placed["kind"], placed["origin"]) == ("promise_open", made["promise_id"])


async def test_what_came_with_an_early_value_date_is_judged_after_the_close(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    await promise(client, case_id, promised_on=WEDNESDAY)
    await stager.tell(paid(stager, "R1", "1001.35", WEDNESDAY))
    await stager.close(WEDNESDAY)
    assert await states(stager) == [("opened", None)]
    await stager.close(THURSDAY)
    assert await states(stager) == [("opened", None), ("kept", "1001.35")]
    assert await holding(stager) == []
    [lifted] = await stager.said("hold.lifted.v1")
    assert (lifted["kind"], lifted["ended_by"]) == ("promise_open", "facts")
    await stager.close(THURSDAY)
    assert len(await states(stager)) == 2


@pytest.mark.parametrize(
    ("amount", "state"), [("991.34", ("partial", "991.34")), ("991.35", ("kept", "991.35"))]
)
async def test_ten_may_be_missing(
    stager: Stand, client: httpx.AsyncClient, case_id: str, amount: str, state: tuple[str, str]
) -> None:
    await promise(client, case_id, promised_on=WEDNESDAY)
    await stager.tell(paid(stager, "R1", amount, THURSDAY))
    await stager.close(THURSDAY)
    assert (await states(stager))[1:] == [state]


async def test_money_posted_late_with_a_value_date_in_time_mends_a_broken_promise(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    await promise(client, case_id, promised_on=WEDNESDAY)
    await stager.close(THURSDAY)
    await stager.tell(paid(stager, "R1", "1001.35", WEDNESDAY))
    assert (await states(stager))[1:] == [("broken", "0.00"), ("kept", "1001.35")]
    [revised] = await stager.said("promise.revised.v1")
    assert (revised["was"], revised["status"], revised["reason"]) == ("broken", "kept", "money")


async def test_money_taken_back_breaks_a_kept_promise_and_twins_change_nothing(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    await promise(client, case_id, promised_on=WEDNESDAY)
    batch = await stager.tell(paid(stager, "R1", "1001.35", TODAY))
    await stager.close(THURSDAY)
    batch += await stager.tell(taken_back("R1", "1001.35", THURSDAY + 4 * DAY))
    await stager.take(batch)
    assert (await states(stager))[1:] == [("kept", "1001.35"), ("broken", "0.00")]


async def test_a_charge_back_revises_a_kept_promise_by_what_was_taken_and_twins_change_nothing(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    await promise(client, case_id, promised_on=WEDNESDAY)
    batch = await stager.tell(paid(stager, "R1", "1001.35", TODAY))
    await stager.close(THURSDAY)
    back_on = THURSDAY + 4 * DAY
    batch += await stager.tell(charged_back("R1", "400.00", back_on), charged_back("other", "1.00", back_on))
    await stager.take(batch)
    assert (await states(stager))[1:] == [("kept", "1001.35"), ("partial", "601.35")]
    await stager.tell(charged_back("R1", "601.34", back_on))
    assert (await states(stager))[-1] == ("partial", "0.01")
    await stager.tell(charged_back("R1", "0.01", back_on))
    assert (await states(stager))[-1] == ("broken", "0.00")


async def test_a_charge_back_that_comes_before_its_money_counts_once_the_money_comes(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    await promise(client, case_id, promised_on=WEDNESDAY)
    await stager.tell(charged_back("R1", "11.35", TODAY))
    await stager.tell(paid(stager, "R1", "1001.35", TODAY))
    await stager.close(THURSDAY)
    assert (await states(stager))[1:] == [("partial", "990.00")]


async def test_money_and_close_may_come_in_one_batch(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    await promise(client, case_id, promised_on=WEDNESDAY)
    stager.set_time(stager.local(THURSDAY + DAY, 0, 10))
    await stager.take([*stager.closes(THURSDAY), stager.fact(paid(stager, "R1", "1001.35", THURSDAY))])
    assert (await states(stager))[1:] == [("kept", "1001.35")]


async def test_a_broken_promise_frees_the_promotion_at_the_same_close(
    stager: Stand, client: httpx.AsyncClient
) -> None:
    await team(stager, anna=["collector"])
    made_on = DUE_ON + 28 * DAY  # 2026-12-08, 28 days past due
    await stager.tell(loan_overdue(as_of=made_on))
    await stager.close(made_on - DAY)
    stager.set_time(stager.local(made_on, 12))
    [entered] = await stager.said("stage.entered.v1")
    await promise(client, entered["case_id"], promised_on=DUE_ON + 30 * DAY)
    await stager.close(DUE_ON + 30 * DAY)
    assert [each["to"] for each in await stager.said("stage.entered.v1")] == ["S1"]
    await stager.close(DUE_ON + 31 * DAY)
    assert [each["to"] for each in await stager.said("stage.entered.v1")] == ["S1", "S2"]
    assert (await states(stager))[1:] == [("broken", "0.00")]


async def test_days_past_due_go_on_and_nothing_is_asked_for_meanwhile(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    await stager.at(stager.local(TODAY, 12, 1))
    before = [each["step"] for each in await stager.said("contact.requested.v1")]
    await promise(client, case_id, kind="extension_3d")
    for day in (TODAY + DAY, TODAY + 2 * DAY, TODAY + 3 * DAY):
        await stager.at(stager.local(day, 12))
    asked = await stager.said("contact.requested.v1")
    assert [each["step"] for each in asked] == [*before, "promise-reminder", "promise-reminder"]
    assert await stager.rows("SELECT 1 FROM task WHERE status = 'open' AND kind IN ('call', 'visit')") == []
    shown = (await client.get(f"/v1/cases/{case_id}")).json()
    assert shown["loans"][0]["dpd"] == (TODAY + 3 * DAY - DUE_ON).days


async def test_a_newer_promise_takes_the_place_of_the_open_one(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    first = await promise(client, case_id, promised_on=WEDNESDAY)
    second = await promise(client, case_id, promised_on=THURSDAY)
    assert await holding(stager) == ["promise_open"]
    listed = (await client.get(f"/v1/cases/{case_id}/promises")).json()["items"]
    assert {each["promise_id"]: each["status"] for each in listed} == {
        first["promise_id"]: "superseded",
        second["promise_id"]: "open",
    }
    await stager.close(THURSDAY)
    assert [fact["promise_id"] for fact in await stager.said("promise.broken.v1")] == []
    await stager.close(THURSDAY + DAY)
    assert [fact["promise_id"] for fact in await stager.said("promise.broken.v1")] == [second["promise_id"]]


async def test_a_promise_is_taken_back_by_a_member_once(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    made = await promise(client, case_id, promised_on=WEDNESDAY)
    path = f"/v1/cases/{case_id}/promises/{made['promise_id']}/cancel"
    for _ in range(2):
        answer = await client.post(path, json={"by": "anna", "reason": "taken down by mistake"})
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert (await client.post(path, json={"by": "nobody", "reason": "x"})).status_code == 403
    assert await holding(stager) == []
    await stager.close(THURSDAY)
    [revised] = await stager.said("promise.revised.v1")
    assert (revised["status"], "mistake" in str(revised)) == ("cancelled", False)
    assert (
        await client.post(f"/v1/cases/{case_id}/promises/none/cancel", json={"by": "anna", "reason": "x"})
    ).status_code == 404


async def test_a_part_offer_is_followed_by_its_second_date_when_kept(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    part: dict[str, Any] = {"kind": "partial", "promised_on": WEDNESDAY, "second_on": TODAY + 10 * DAY}
    assert (await promise(client, case_id, 409, amount="500.00", **part))["code"] == "below_floor"
    made = await promise(client, case_id, amount="600.00", **part)
    assert made["second_amount"] == "401.35"
    await stager.tell(paid(stager, "R1", "650.00", WEDNESDAY))
    await stager.close(THURSDAY)
    assert await holding(stager) == ["promise_open"]
    [_, second] = await stager.said("promise.opened.v1")
    assert (second["amount"], second["promised_on"]) == ("401.35", "2026-12-03")
    # 50.00 were more than the first part.
    await stager.tell(paid(stager, "R2", "351.35", TODAY + 9 * DAY))
    await stager.close(date(2026, 12, 4))
    assert [fact["received"] for fact in await stager.said("promise.kept.v1")] == ["650.00", "401.35"]


async def test_a_part_that_was_not_kept_after_all_has_no_second_date(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    second_on = TODAY + 10 * DAY
    await promise(
        client, case_id, amount="600.00", kind="partial", promised_on=WEDNESDAY, second_on=second_on
    )
    await stager.tell(paid(stager, "R1", "600.00", WEDNESDAY))
    await stager.close(THURSDAY)
    await stager.tell(taken_back("R1", "600.00", THURSDAY))
    assert [(fact["was"], fact["status"]) for fact in await stager.said("promise.revised.v1")] == [
        ("kept", "broken"),
        ("open", "superseded"),
    ]
    assert await holding(stager) == []


async def test_the_cure_ends_the_hold_and_a_reversal_brings_it_back(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    await promise(client, case_id, promised_on=WEDNESDAY)
    await stager.tell(paid(stager, "R1", "1001.35", TODAY), loan_cured(as_of=TODAY))
    assert await holding(stager) == []
    await stager.tell(taken_back("R1", "1001.35", TODAY + DAY), loan_overdue(as_of=TODAY + DAY))
    assert await holding(stager) == ["promise_open"]
    await stager.close(THURSDAY)
    assert (await states(stager))[1:] == [("broken", "0.00")]
    assert await holding(stager) == []


async def test_a_loan_sold_meanwhile_breaks_no_promise(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    await promise(client, case_id, promised_on=WEDNESDAY)
    await stager.tell(loan_settled(as_of=WEDNESDAY, reason="sold"))
    await stager.close(THURSDAY)
    [revised] = await stager.said("promise.revised.v1")
    assert revised["status"] == "cancelled"


async def test_a_part_payment_does_not_end_the_promise(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    await promise(client, case_id, promised_on=WEDNESDAY)
    await stager.tell(paid(stager, "R1", "300.00", TODAY), arrears_changed(zero_on=DUE_ON, as_of=TODAY))
    assert await holding(stager) == ["promise_open"]
    await stager.close(THURSDAY)
    assert (await states(stager))[1:] == [("partial", "300.00")]


async def test_nobody_calls_about_a_loan_that_is_promised(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    call = Task(
        task_id="T1",
        kind="call",
        borrower_id="B1",
        loan_id="L1",
        case_id=case_id,
        due_at=stager.local(TODAY, 12),
    )
    house = House.load(stager.runtime.zone)

    async def work(tx: Tx) -> None:
        await open_tasks(tx, [call, replace(call, task_id="T2", kind="verification")], house)

    await stager.runtime.run(work)
    await promise(client, case_id, promised_on=WEDNESDAY)
    rows = await stager.rows("SELECT status FROM task ORDER BY task_id")
    assert [row.status for row in rows] == ["cancelled", "open"]


async def test_a_plan_takes_the_place_of_a_promise(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    await promise(client, case_id, promised_on=WEDNESDAY)
    house = House.load(stager.runtime.zone)

    async def work(tx: Tx) -> None:
        hold = new_hold(house, hold_id="H1", kind="plan_active", loan_id="L1", borrower_id="B1", now=tx.now)
        await place_holds(tx, [hold], house)

    await stager.runtime.run(work)
    assert (await promise(client, case_id, 409, promised_on=THURSDAY))["code"] == "plan_in_force"
    await stager.close(THURSDAY)
    [revised] = await stager.said("promise.revised.v1")
    assert revised["status"] == "cancelled"
