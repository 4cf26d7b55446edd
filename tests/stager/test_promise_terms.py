"""What may be promised over REST and in recorded contacts, and what stands against it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta

import httpx
import pytest

from spine.events.contact_log import PromiseMade
from tests.stager.figures import loan_cured
from tests.stager.promising import in_first_stage, paid, promise, rest
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
    return await in_first_stage(stager, TODAY)


async def test_what_stands_against_a_promise_has_a_code(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    for body, status, code in (
        ({"promised_on": TODAY + 8 * DAY}, 409, "horizon_exceeded"),
        ({"promised_on": TODAY - DAY}, 409, "date_passed"),
        ({"promised_on": WEDNESDAY, "amount": "500.00"}, 409, "below_arrears"),
        ({"promised_on": WEDNESDAY, "amount": "0.00"}, 422, "bad_request"),
        ({"promised_on": WEDNESDAY, "amount": "1.001"}, 422, "bad_amount"),
        ({"promised_on": WEDNESDAY, "loan_id": "L9"}, 422, "bad_request"),
        ({"promised_on": WEDNESDAY, "by": "nobody"}, 403, "member_unknown"),
        ({"promised_on": WEDNESDAY, "approved_by": "anna"}, 409, "same_person"),
        ({"promised_on": WEDNESDAY, "by": "lea", "approved_by": "anna"}, 403, "not_allowed"),
        ({}, 422, "bad_request"),
    ):
        refused = await promise(client, case_id, status, **body)
        assert refused["code"] == code, body
    await promise(client, case_id, promised_on=TODAY + 7 * DAY)
    await stager.tell(loan_cured(as_of=TODAY))
    assert (await promise(client, case_id, 409, promised_on=WEDNESDAY))["code"] == "not_in_arrears"


async def broken_on(stager: Stand, client: httpx.AsyncClient, case_id: str, promised_on: date) -> None:
    """One more broken promise; on the Thursday it is due on the Friday, and so on."""
    stager.set_time(stager.local(promised_on, 12))
    await promise(client, case_id, promised_on=promised_on)
    await stager.close(promised_on + DAY)


@pytest.mark.parametrize(("days", "status"), [(60, 409), (61, 201)])
async def test_two_broken_in_sixty_days_need_a_supervisor(
    stager: Stand, client: httpx.AsyncClient, case_id: str, days: int, status: int
) -> None:
    await broken_on(stager, client, case_id, WEDNESDAY)
    await broken_on(stager, client, case_id, THURSDAY)
    # The first was due on the Thursday.
    now = THURSDAY + days * DAY
    stager.set_time(stager.local(now, 12))
    answer = await promise(client, case_id, status, promised_on=now)
    if status == 409:
        assert answer["code"] == "needs_supervisor"
        approved = await promise(client, case_id, promised_on=now, approved_by="lea")
        assert approved["approved_by"] == "lea"


async def test_the_three_day_delay_is_for_the_agreed_day_and_three(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    made = await promise(client, case_id, kind="extension_3d")
    # Thursday, settled by Friday.
    assert (made["promised_on"], made["due_on"]) == ("2026-11-26", "2026-11-27")
    refused = await promise(client, case_id, 409, kind="extension_3d", promised_on=WEDNESDAY)
    assert refused["code"] == "not_the_delay"


def said(stager: Stand, contact: str = "K1", *, amount: str = "1001.35", on: date = WEDNESDAY) -> PromiseMade:
    return PromiseMade(
        borrower_id="B1",
        loan_id="L1",
        contact_id=contact,
        at=stager.local(TODAY, 11),
        amount=amount,
        promised_on=on,
        verified=True,
    )


async def test_a_promise_made_in_a_recorded_contact_is_one_with_what_was_taken_down(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    batch = await stager.tell(said(stager))
    await stager.take([*batch, *batch])
    [opened] = await stager.said("promise.opened.v1")
    assert (opened["contact_id"], opened["kind"], opened["amount"]) == ("K1", "full", "1001.35")
    again = await promise(client, case_id, 200, promised_on=WEDNESDAY)
    assert again["promise_id"] == opened["promise_id"]
    await stager.tell(said(stager, "K2"))
    assert len(await stager.said("promise.opened.v1")) == 1


async def test_a_promise_that_may_not_stand_is_looked_into_by_a_person(stager: Stand, case_id: str) -> None:
    batch = await stager.tell(said(stager, on=TODAY + 8 * DAY), said(stager, "K3", amount="100.00"))
    await stager.take(batch)
    assert await stager.said("promise.opened.v1") == []
    rows = await stager.rows("SELECT reason FROM task WHERE kind = 'human_review' ORDER BY reason")
    assert [row.reason for row in rows] == ["promise_below_floor", "promise_horizon_exceeded"]
    kept = await stager.rows("SELECT verdict FROM decision WHERE subject_kind = 'promise' ORDER BY verdict")
    assert [row.verdict for row in kept] == ["below_floor", "horizon_exceeded"]


async def test_every_decision_comes_out_the_same_when_asked_why(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    await promise(client, case_id, promised_on=WEDNESDAY)
    await stager.close(THURSDAY)
    await stager.tell(paid(stager, "R1", "1001.35", WEDNESDAY))
    why = (await client.get(f"/v1/cases/{case_id}/why")).json()
    found = [each for each in why["actions"] if each["kind"] == "promise"]
    assert {each["verdict"] for each in found} == {"accepted", "broken", "kept"}
    assert all(each["agrees"] and each["recomputed_verdict"] == each["verdict"] for each in found)
