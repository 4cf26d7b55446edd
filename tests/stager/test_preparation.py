"""The first contact of an episode waits, slot by slot, until it is prepared; a person is asked and may waive."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from spine.events.ledger import Overdue
from spine.events.notifier import PartyChanged
from spine.http import create_api
from stager.domain.team import Member
from stager.store.team import save_member
from tests.stager.figures import DUE_ON, loan_cured, loan_overdue
from tests.stager.stand import Stand, stand

DAY = timedelta(days=1)
ENTERED = DUE_ON + DAY
TOKEN = "t" * 32


@pytest.fixture
async def stager(make_database: Callable[[], Awaitable[str]]) -> AsyncIterator[Stand]:
    async with stand(make_database) as made:
        made.strangers = True
        made.open_books = True
        yield made


@pytest.fixture
async def client(stager: Stand) -> AsyncIterator[httpx.AsyncClient]:
    app = create_api(stager.service, stager.runtime, token=TOKEN)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://stager",
        headers={"Authorization": f"Bearer {TOKEN}"},
    ) as made:
        yield made


async def met(stager: Stand) -> None:
    await stager.tell(PartyChanged(borrower_id="B1", locale="zh-CN", timezone=None))


async def skipped(stager: Stand) -> list[str]:
    rows = await stager.rows(
        "SELECT reason FROM contact_request WHERE status = 'skipped' ORDER BY decided_at"
    )
    return [row.reason for row in rows]


async def asked(stager: Stand) -> list[str]:
    return [str(request["step"]) for request in await stager.said("contact.requested.v1")]


async def preparation(stager: Stand) -> tuple[str, list[str]]:
    [row] = await stager.rows("SELECT status, missing FROM preparation")
    return row.status, list(row.missing)


async def test_what_is_in_order_is_contacted_at_the_first_slot(stager: Stand) -> None:
    await met(stager)
    await stager.tell(loan_overdue())
    await stager.close(DUE_ON)
    await stager.at(stager.local(ENTERED, 10))
    assert await asked(stager) == ["warm-reminder"]
    assert await preparation(stager) == ("ready", [])


async def test_a_stranger_waits_for_his_profile_and_the_first_contact_is_not_lost(stager: Stand) -> None:
    await stager.tell(loan_overdue())
    await stager.close(DUE_ON)
    await stager.at(stager.local(ENTERED, 10))
    assert (await asked(stager), await skipped(stager)) == ([], ["preparation_profile"])
    assert await preparation(stager) == ("waiting", ["profile"])
    assert await stager.said("task.opened.v1") == []
    await met(stager)
    await stager.close(ENTERED)
    await stager.at(stager.local(ENTERED + DAY, 9, 59))
    assert await asked(stager) == []
    await stager.at(stager.local(ENTERED + DAY, 10))
    assert await asked(stager) == ["warm-reminder"]


async def test_a_person_is_asked_after_a_day_and_no_more_once_it_is_ready(stager: Stand) -> None:
    await stager.tell(loan_overdue())
    for days in range(3):
        await stager.close(DUE_ON + days * DAY)
        await stager.at(stager.local(ENTERED + days * DAY, 10))
    [task] = await stager.said("task.opened.v1")
    assert (task["kind"], task["loan_id"], task["due_at"]) == ("preparation", "L1", "2026-11-12T02:00:00Z")
    await met(stager)
    await stager.close(ENTERED + 2 * DAY)
    await stager.at(stager.local(ENTERED + 3 * DAY, 10))
    [closed] = await stager.said("task.closed.v1")
    assert (closed["task_id"], closed["end"], closed["reason"]) == (task["task_id"], "cancelled", "ready")
    assert "warm-reminder" in await asked(stager)


async def test_open_books_keep_the_first_contact_waiting(stager: Stand) -> None:
    await met(stager)
    await stager.tell(loan_overdue())
    await stager.close(DUE_ON)
    # The worker was away that day; the next morning the books of the day before are still open.
    await stager.at(stager.local(ENTERED + DAY, 9))
    await stager.at(stager.local(ENTERED + DAY, 10))
    assert (await asked(stager), await skipped(stager)) == ([], ["missed", "preparation_books"])
    await stager.close(ENTERED + DAY)
    await stager.at(stager.local(ENTERED + 2 * DAY, 10))
    assert await asked(stager) == ["warm-reminder"]


async def test_figures_that_do_not_add_up_are_not_spoken_of(stager: Stand) -> None:
    await met(stager)
    known = loan_overdue()
    wrong = Overdue(
        principal="900.00", interest="100.00", fee="0.00", penalty="1.35", compound="0.00", total="1001.36"
    )
    await stager.tell(msgspec.structs.replace(known, overdue=wrong))
    await stager.close(DUE_ON)
    await stager.at(stager.local(ENTERED, 10))
    assert await skipped(stager) == ["preparation_figures"]


async def test_only_the_first_contact_of_an_episode_waits(stager: Stand) -> None:
    await met(stager)
    await stager.tell(loan_overdue())
    await stager.close(DUE_ON)
    await stager.at(stager.local(ENTERED, 10))
    # Later contacts are the notifier's to hold back while the books are open.
    await stager.at(stager.local(ENTERED + 3 * DAY, 10))
    assert await asked(stager) == ["warm-reminder", "soft-reminder"]
    await stager.tell(loan_cured(as_of=ENTERED + 3 * DAY))
    next_due = ENTERED + 20 * DAY
    await stager.tell(loan_overdue(zero_on=next_due))
    await stager.close(next_due)
    await stager.at(stager.local(next_due + 2 * DAY, 9))
    await stager.at(stager.local(next_due + 2 * DAY, 10))
    # The call of the first days was missed too, since nobody worked then.
    assert await skipped(stager) == ["missed", "missed", "preparation_books"]


async def member(stager: Stand, member_id: str, role: str) -> None:
    async with stager.runtime.transaction() as tx:
        await save_member(tx, Member(member_id, frozenset({role})))


async def test_a_lead_may_waive_the_profile_and_a_collector_may_not(
    stager: Stand, client: httpx.AsyncClient
) -> None:
    await stager.tell(loan_overdue())
    await stager.close(DUE_ON)
    await stager.at(stager.local(ENTERED, 10))
    await member(stager, "lead-1", "lead")
    await member(stager, "coll-1", "collector")
    [case] = await stager.rows("SELECT case_id FROM collection_case")
    path = f"/v1/cases/{case.case_id}/preparation"
    body = {"loan_id": "L1", "item": "profile", "reason": "known from the branch"}

    async def post(**known: str) -> tuple[int, Any]:
        response = await client.post(path, json={**body, **known})
        return response.status_code, response.json()

    status, refused = await post(by="coll-1")
    assert (status, refused["code"]) == (403, "not_allowed")
    assert (await post(by="lead-1", item="figures"))[0] == 409
    assert (await post(by="lead-1", item="weather"))[0] == 422
    assert (await post(by="lead-1", loan_id="L9"))[0] == 404
    status, shown = await post(by="lead-1")
    assert (status, shown["status"], shown["missing"]) == (200, "ready", [])
    assert [(w["item"], w["by"], w["reason"]) for w in shown["waived"]] == [
        ("profile", "lead-1", "known from the branch")
    ]
    assert (await client.get(path)).json()["loans"] == [shown]
    await stager.close(ENTERED)
    await stager.at(stager.local(ENTERED + DAY, 10))
    assert await asked(stager) == ["warm-reminder"]
