"""Reminders of a promise: the day before and on the day, decided by the facts of then."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta

import httpx
import pytest

from spine.events.contact_log import DisputeRaised
from tests.stager.figures import loan_cured
from tests.stager.promising import in_first_stage, paid, promise, rest
from tests.stager.stand import Stand

DAY = timedelta(days=1)
MONDAY = date(2026, 11, 23)
TUESDAY, WEDNESDAY, THURSDAY = MONDAY + DAY, MONDAY + 2 * DAY, MONDAY + 3 * DAY


@pytest.fixture
async def client(stager: Stand) -> AsyncIterator[httpx.AsyncClient]:
    async with rest(stager) as made:
        yield made


@pytest.fixture
async def case_id(stager: Stand) -> str:
    return await in_first_stage(stager, MONDAY)


async def reminders(stager: Stand) -> list[datetime]:
    """When reminders were asked for."""
    asked = [each for each in await stager.said("contact.requested.v1") if each["step"] == "promise-reminder"]
    assert {(each["template"], each["purpose"], each["channel"]) for each in asked} <= {
        ("promise-reminder-sms", "reminder_due", "sms")
    }
    return [datetime.fromisoformat(each["requested_at"]) for each in asked]


async def skipped(stager: Stand) -> list[str]:
    rows = await stager.rows(
        "SELECT reason FROM contact_request WHERE step = 'promise-reminder' AND status = 'skipped' ORDER BY due_at"
    )
    return [row.reason for row in rows]


async def test_the_day_before_and_on_the_day(stager: Stand, client: httpx.AsyncClient, case_id: str) -> None:
    await promise(client, case_id, promised_on=WEDNESDAY)
    async with stager.runtime.transaction() as tx:
        assert (await stager.service.due(tx)).next_at is not None
    await stager.at(stager.local(TUESDAY, 9, 59))
    assert await reminders(stager) == []
    await stager.at(stager.local(TUESDAY, 10))
    await stager.at(stager.local(WEDNESDAY, 10))
    await stager.at(stager.local(THURSDAY, 10))
    assert await reminders(stager) == [stager.local(TUESDAY, 10), stager.local(WEDNESDAY, 10)]
    first = next(e for e in await stager.said("contact.requested.v1") if e["step"] == "promise-reminder")
    assert datetime.fromisoformat(first["expires_at"]) == stager.local(TUESDAY, 20)
    assert first["policy"].startswith("promises@1:")


async def test_what_is_made_late_has_only_the_reminders_still_to_come(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    await promise(client, case_id, promised_on=TUESDAY)
    await stager.at(stager.local(TUESDAY, 10))
    assert await reminders(stager) == [stager.local(TUESDAY, 10)]
    stager.set_time(stager.local(TUESDAY, 12))
    await promise(client, case_id, promised_on=TUESDAY)
    await stager.at(stager.local(TUESDAY, 19))
    assert len(await reminders(stager)) == 1


async def test_nobody_is_reminded_of_what_is_here_already(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    await promise(client, case_id, promised_on=WEDNESDAY)
    await stager.at(stager.local(TUESDAY, 10))
    await stager.tell(paid(stager, "R1", "991.35", TUESDAY))
    await stager.at(stager.local(WEDNESDAY, 10))
    assert await reminders(stager) == [stager.local(TUESDAY, 10)]
    assert await skipped(stager) == ["kept_already"]


async def test_an_outage_past_the_evening_sends_nothing_later(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    await promise(client, case_id, promised_on=WEDNESDAY)
    await stager.at(stager.local(WEDNESDAY, 19, 59))
    assert await reminders(stager) == [stager.local(WEDNESDAY, 19, 59)]
    assert await skipped(stager) == ["missed"]


async def test_a_dispute_stops_reminders_too(stager: Stand, client: httpx.AsyncClient, case_id: str) -> None:
    await promise(client, case_id, promised_on=WEDNESDAY)
    await stager.tell(
        DisputeRaised(borrower_id="B1", loan_id="L1", contact_id="K1", at=stager.local(MONDAY, 13))
    )
    await stager.at(stager.local(TUESDAY, 10))
    assert await reminders(stager) == []
    assert await skipped(stager) == ["hold_dispute"]


async def test_what_was_asked_for_is_taken_back_with_the_promise(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    made = await promise(client, case_id, promised_on=WEDNESDAY)
    await stager.at(stager.local(TUESDAY, 10))
    path = f"/v1/cases/{case_id}/promises/{made['promise_id']}/cancel"
    assert (await client.post(path, json={"by": "anna", "reason": "mistake"})).status_code == 200
    assert [each["reason"] for each in await stager.said("contact.withdrawn.v1")] == ["promise_over"]


async def test_what_is_withdrawn_or_cured_has_no_reminders(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    made = await promise(client, case_id, promised_on=WEDNESDAY)
    path = f"/v1/cases/{case_id}/promises/{made['promise_id']}/cancel"
    assert (await client.post(path, json={"by": "anna", "reason": "mistake"})).status_code == 200
    await stager.at(stager.local(TUESDAY, 10))
    await promise(client, case_id, promised_on=THURSDAY)
    await stager.tell(loan_cured(as_of=TUESDAY))
    await stager.at(stager.local(WEDNESDAY, 10))
    assert await reminders(stager) == []
    assert await skipped(stager) == []
