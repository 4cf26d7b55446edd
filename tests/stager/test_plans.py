"""Repayment plans live: drawn up over REST, signed, in force, judged by each close, revised by later facts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import httpx
import pytest

from stager.domain.action_why import make_again
from stager.store.decisions import decisions_of
from stager.store.policies import policy_bodies
from tests.stager.agreeing import DAY, TODAY, a_case, client_of, get, holding, post
from tests.stager.figures import loan_settled
from tests.stager.promising import charged_back, paid, promise, taken_back
from tests.stager.stand import Stand

DUE = date(2026, 12, 10)


@pytest.fixture
async def client(stager: Stand) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(stager) as made:
        yield made


@pytest.fixture
async def case_id(stager: Stand) -> str:
    return await a_case(stager)


def plan_of(**other: Any) -> dict[str, Any]:
    """900.00 over three months by someone who can pay 400.00 a month."""
    return {
        "loan_id": "L1",
        "by": "anna",
        "currency": "CNY",
        "balance": {"principal": "800.00", "interest": "99.00", "penalty": "1.00"},
        "period": "month",
        "method": "equal",
        "instalments": 3,
        "first_due_on": str(DUE),
        "annual_rate": "0",
        "interest_accrues": False,
        "fees_accrue": False,
        "no_new_card": True,
        "rights": "You may pay earlier and object.",
        "breach": "The plan ends when an instalment is not paid.",
        "ability": "400.00",
        "willing": True,
        **other,
    }


async def drawn(client: httpx.AsyncClient, case_id: str, **other: Any) -> str:
    made = await post(client, f"/v1/cases/{case_id}/plans", 201, **plan_of(**other))
    return str(made["plan_id"])


async def signed(client: httpx.AsyncClient, case_id: str, **other: Any) -> str:
    plan_id = await drawn(client, case_id, **other)
    found = await act(client, case_id, plan_id, "sign", 200, by="anna", signature="SIG-1")
    assert found["state"] == "active"
    return plan_id


async def act(
    client: httpx.AsyncClient, case_id: str, plan_id: str, what: str, status: int, **body: Any
) -> Any:
    return await post(client, f"/v1/cases/{case_id}/plans/{plan_id}/{what}", status, **body)


async def told(stager: Stand) -> list[str]:
    return [type_.split(".")[1] for type_ in await stager.types() if type_.startswith("plan.")]


async def test_a_draft_shows_its_schedule_and_the_same_key_is_the_same_plan(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    made = await post(client, f"/v1/cases/{case_id}/plans", 201, key="K", **plan_of())
    assert [(each["due_on"], each["amount"], each["balance_after"]) for each in made["instalments"]] == [
        ("2026-12-10", "300.00", "600.00"),
        ("2027-01-10", "300.00", "300.00"),
        ("2027-02-10", "300.00", "0.00"),
    ]
    assert (made["state"], made["waits_for"], made["balance"]["total"]) == ("draft", ["signature"], "900.00")
    assert await post(client, f"/v1/cases/{case_id}/plans", 200, key="K", **plan_of()) == made
    other = await post(client, f"/v1/cases/{case_id}/plans", 409, key="K", **plan_of(instalments=4))
    assert other["code"] == "conflict"
    listed = await get(client, f"/v1/cases/{case_id}/plans")
    assert listed["items"] == [await get(client, f"/v1/cases/{case_id}/plans/{made['plan_id']}")]
    assert (await holding(stager), await told(stager)) == ([], [])


async def test_refusals_name_what_is_wrong(client: httpx.AsyncClient, case_id: str) -> None:
    path = f"/v1/cases/{case_id}/plans"
    without = plan_of()
    del without["rights"]
    missing = await post(client, path, 422, **without)
    assert (missing["code"], missing["field"]) == ("plan_incomplete", "rights")
    long = await post(client, path, 409, **plan_of(instalments=13, balance={"principal": "1300.00"}))
    assert (long["code"], long["field"]) == ("plan_beyond_limits", "instalments")
    assert (await post(client, path, 403, **plan_of(by="cora")))["code"] == "not_allowed"
    assert (await post(client, path, 403, **plan_of(by="nobody")))["code"] == "member_unknown"
    await post(client, path, 422, **plan_of(loan_id="L9"))
    await post(client, path, 422, **plan_of(unknown=1))
    await post(client, "/v1/cases/none/plans", 404, **plan_of())
    await get(client, f"/v1/cases/{case_id}/plans/none", 404)


async def test_a_signed_plan_holds_the_loan_and_cancels_what_is_planned(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    await stager.run_timers()
    plan_id = await signed(client, case_id)
    assert (await holding(stager), await told(stager)) == (["plan_active"], ["activated"])
    [activated] = await stager.said("plan.activated.v1")
    assert [each["amount"] for each in activated["instalments"]] == ["300.00"] * 3
    again = await act(client, case_id, plan_id, "sign", 200, by="anna", signature="SIG-1")
    assert again["state"] == "active"
    other = await act(client, case_id, plan_id, "sign", 409, by="anna", signature="SIG-2")
    assert other["code"] == "plan_closed"
    second = await drawn(client, case_id)
    refused = await act(client, case_id, second, "sign", 409, by="anna", recording="REC-1")
    assert refused["code"] == "plan_besides"
    open_now = await stager.rows("SELECT 1 FROM contact_request WHERE status = 'open'")
    assert open_now == []


async def test_a_plan_takes_the_place_of_a_promise(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    await promise(client, case_id, promised_on=TODAY + DAY)
    assert await holding(stager) == ["promise_open"]
    await signed(client, case_id)
    [revised] = await stager.said("promise.revised.v1")
    assert (revised["status"], await holding(stager)) == ("superseded", ["plan_active"])


async def test_interest_runs_under_a_plan_as_it_says(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    first = await signed(client, case_id)
    await act(client, case_id, first, "cancel", 200, by="lea", reason="another is better")
    await signed(client, case_id, interest_accrues=True)
    assert [each["freezes_interest"] for each in await stager.said("hold.placed.v1")] == [True, False]


async def test_approval_is_another_members(stager: Stand, client: httpx.AsyncClient, case_id: str) -> None:
    plan_id = await drawn(client, case_id, by="lea", instalments=7, balance={"principal": "900.00"})
    same = await act(client, case_id, plan_id, "approve", 409, by="lea")
    assert same["code"] == "same_person"
    assert (await act(client, case_id, plan_id, "approve", 403, by="anna"))["code"] == "not_allowed"
    waiting = await act(client, case_id, plan_id, "sign", 200, by="anna", recording="REC-1")
    assert (waiting["state"], waiting["waits_for"]) == ("signed", ["approval"])
    assert await holding(stager) == []
    active = await act(client, case_id, plan_id, "approve", 200, by="leo")
    assert (active["state"], active["approved_by"]) == ("active", "leo")
    assert await holding(stager) == ["plan_active"]


async def test_of_two_who_approve_at_once_one_is_told_no(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    plan_id = await drawn(client, case_id, instalments=7, balance={"principal": "900.00"})
    answers = await asyncio.gather(
        *(
            client.post(f"/v1/cases/{case_id}/plans/{plan_id}/approve", json={"by": who})
            for who in ("lea", "leo")
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_the_last_day_to_sign(stager: Stand, client: httpx.AsyncClient, case_id: str) -> None:
    for days, status in ((14, 200), (15, 409)):
        stager.set_time(stager.local(TODAY, 12))
        plan_id = await drawn(client, case_id, by="lea")
        stager.set_time(stager.local(TODAY + days * DAY, 23, 59))
        answer = await act(client, case_id, plan_id, "sign", status, by="anna", signature=f"S-{days}")
        assert answer.get("code") in (None, "plan_expired")
        if status == 200:
            await act(client, case_id, plan_id, "cancel", 200, by="lea", reason="a test")


async def test_an_instalment_unpaid_after_its_grace_breaks_the_plan_and_frees_the_stage(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    await signed(client, case_id)
    await stager.close(DUE + 2 * DAY)
    assert (await holding(stager), await told(stager)) == (["plan_active"], ["activated"])
    await stager.close(DUE + 3 * DAY)
    [breached] = await stager.said("plan.breached.v1")
    assert (breached["breached_seq"], breached["short"]) == (1, "300.00")
    assert await holding(stager) == []
    # 33 days past due by then: promotion waited for the plan.
    assert [each["to"] for each in await stager.said("stage.entered.v1")] == ["S1", "S2"]
    assert await stager.rows("SELECT 1 FROM plan_reminder") == []


async def test_money_in_time_keeps_it_and_all_of_it_completes_it(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    plan_id = await signed(client, case_id)
    await stager.tell(paid(stager, "R1", "299.99", DUE), paid(stager, "R2", "0.01", DUE + 3 * DAY))
    await stager.close(DUE + 3 * DAY)
    assert await told(stager) == ["activated"]
    await stager.tell(paid(stager, "R3", "600.00", DUE + 4 * DAY))
    await stager.close(DUE + 4 * DAY)
    assert (await told(stager), await holding(stager)) == (["activated", "completed"], [])
    assert (await get(client, f"/v1/cases/{case_id}/plans/{plan_id}"))["end_reason"] == "all_paid"
    await stager.tell(taken_back("R3", "600.00", DUE + 6 * DAY))
    assert (await told(stager), await holding(stager)) == (
        ["activated", "completed", "activated"],
        ["plan_active"],
    )


async def test_late_posting_with_a_value_date_in_time_brings_a_broken_plan_back(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    plan_id = await signed(client, case_id)
    await stager.close(DUE + 3 * DAY)
    assert (await get(client, f"/v1/cases/{case_id}/plans/{plan_id}"))["state"] == "breached"
    await stager.tell(paid(stager, "R1", "300.00", DUE + 4 * DAY))
    assert (await get(client, f"/v1/cases/{case_id}/plans/{plan_id}"))["state"] == "breached"
    await stager.tell(paid(stager, "R2", "300.00", DUE + 3 * DAY))
    assert (await get(client, f"/v1/cases/{case_id}/plans/{plan_id}"))["state"] == "active"
    assert await holding(stager) == ["plan_active"]
    await stager.tell(taken_back("R2", "300.00", DUE + 5 * DAY))
    assert (await get(client, f"/v1/cases/{case_id}/plans/{plan_id}"))["state"] == "breached"
    assert len(await stager.said("plan.breached.v1")) == 2
    assert await holding(stager) == []


async def test_a_charge_back_of_what_kept_a_plan_breaks_it(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    plan_id = await signed(client, case_id)
    await stager.tell(paid(stager, "R1", "300.01", DUE))
    await stager.close(DUE + 3 * DAY)
    await stager.tell(charged_back("R1", "0.01", DUE + 4 * DAY))
    assert await told(stager) == ["activated"]
    await stager.tell(charged_back("R1", "0.01", DUE + 4 * DAY))
    assert await told(stager) == ["activated", "breached"]
    assert (await get(client, f"/v1/cases/{case_id}/plans/{plan_id}"))["state"] == "breached"
    assert await holding(stager) == []


async def test_a_settled_loan_completes_its_plan(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    await signed(client, case_id)
    await stager.tell(loan_settled(as_of=TODAY + DAY))
    await stager.close(TODAY + DAY)
    assert (await told(stager), await holding(stager)) == (["activated", "completed"], [])


async def test_a_person_ends_a_plan(stager: Stand, client: httpx.AsyncClient, case_id: str) -> None:
    plan_id = await signed(client, case_id)
    assert (await act(client, case_id, plan_id, "cancel", 403, by="anna", reason="no"))["code"] == (
        "not_allowed"
    )
    ended = await act(client, case_id, plan_id, "cancel", 200, by="lea", reason="asked for")
    assert (ended["state"], await holding(stager)) == ("cancelled", [])
    assert await act(client, case_id, plan_id, "cancel", 200, by="lea", reason="again") == ended
    await stager.close(DUE + 3 * DAY)
    assert await stager.said("plan.breached.v1") == []


async def test_reminders_the_day_before_and_on_the_day_and_none_of_what_is_paid(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    await signed(client, case_id)
    await stager.at(stager.local(DUE - DAY, 10))
    [reminder] = [
        each for each in await stager.said("contact.requested.v1") if each["step"] == "plan-reminder"
    ]
    assert (reminder["purpose"], reminder["template"], reminder["channel"]) == (
        "reminder_due",
        "plan-reminder-sms",
        "sms",
    )
    await stager.tell(paid(stager, "R1", "300.00", DUE - DAY))
    await stager.at(stager.local(DUE, 10))
    rows = await stager.rows(
        "SELECT status, reason FROM contact_request WHERE step = 'plan-reminder' ORDER BY due_at"
    )
    assert [tuple(row) for row in rows] == [("open", None), ("skipped", "paid_already")]


async def test_a_reminder_that_waits_to_be_sent_is_taken_back_when_the_plan_ends(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    plan_id = await signed(client, case_id)
    await stager.at(stager.local(DUE - DAY, 10))
    await act(client, case_id, plan_id, "cancel", 200, by="lea", reason="asked for")
    assert (await stager.said("contact.withdrawn.v1"))[-1]["reason"] == "plan_over"


async def test_decisions_come_out_the_same_when_made_again(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    plan_id = await signed(client, case_id)
    await stager.close(DUE + 3 * DAY)
    async with stager.runtime.transaction() as tx:
        for kind in ("plan_terms", "plan"):
            [decision] = await decisions_of(tx, kind, plan_id)
            again = make_again(decision, await policy_bodies(tx, decision.policy_digests))
            assert again.differences == ()


async def test_a_term_is_one_paragraph_as_it_will_be_printed(client: httpx.AsyncClient, case_id: str) -> None:
    await post(client, f"/v1/cases/{case_id}/plans", 422, **plan_of(rights="One.\nTwo."))
    await post(client, f"/v1/cases/{case_id}/plans", 201, **plan_of(rights="One. Two."))
