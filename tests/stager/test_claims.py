"""Payment claims: money answers them, a person looks into the rest, and collection goes on with no late words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from spine.events.contact_log import PaymentClaimed
from tests.stager.figures import loan_overdue
from tests.stager.promising import paid, rest, team
from tests.stager.stand import Stand

DAY = timedelta(days=1)
FRIDAY, WEDNESDAY = date(2026, 11, 20), date(2026, 11, 25)


@pytest.fixture
async def client(stager: Stand) -> AsyncIterator[httpx.AsyncClient]:
    async with rest(stager) as made:
        yield made


@pytest.fixture
async def case_id(stager: Stand) -> str:
    """A loan in S1, claimed on the Friday at eleven to be paid: 1,001.35."""
    await team(stager, anna=["collector"], lea=["lead"])
    stager.set_time(stager.local(FRIDAY, 0, 5))
    await stager.tell(loan_overdue(as_of=FRIDAY))
    await stager.close(FRIDAY - DAY)
    stager.set_time(stager.local(FRIDAY, 11))
    await stager.tell(
        PaymentClaimed(
            borrower_id="B1", loan_id="L1", contact_id="K1", at=stager.local(FRIDAY, 11), amount="1001.35"
        )
    )
    await stager.run_timers()
    [entered] = await stager.said("stage.entered.v1")
    return str(entered["case_id"])


async def checks(stager: Stand) -> list[str]:
    """The claim checks there are, by what became of them."""
    rows = await stager.rows("SELECT status FROM task WHERE kind = 'claim_check' ORDER BY opened_at")
    return [row.status for row in rows]


async def the_claim(client: httpx.AsyncClient, case_id: str) -> Any:
    items = (await client.get(f"/v1/cases/{case_id}/claims")).json()["items"]
    return items[0]


async def ask(
    client: httpx.AsyncClient, case_id: str, hold_id: str, what: str, status: int = 200, **body: Any
) -> Any:
    response = await client.post(f"/v1/cases/{case_id}/claims/{hold_id}/{what}", json=body)
    assert response.status_code == status, response.text
    return response.json()


async def test_money_of_the_amount_near_the_day_ends_the_hold_as_posted(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    await stager.tell(paid(stager, "R0", "1000.00", FRIDAY))
    assert await stager.said("hold.lifted.v1") == []
    await stager.tell(paid(stager, "R1", "1001.35", FRIDAY - DAY))
    [lifted] = await stager.said("hold.lifted.v1")
    assert (lifted["kind"], lifted["ended_by"], lifted["origin"]) == ("payment_claim", "facts", "K1")
    claim = await the_claim(client, case_id)
    assert (claim["status"], claim["repayment_id"]) == ("matched", "R1")
    await stager.at(stager.local(WEDNESDAY, 12))
    assert await checks(stager) == []
    [decision] = await stager.rows("SELECT rule, verdict FROM decision WHERE subject_kind = 'claim'")
    assert tuple(decision) == ("matched/amount-and-date", "R1")
    why = (await client.get(f"/v1/cases/{case_id}/why")).json()
    [action] = [each for each in why["actions"] if each["kind"] == "claim"]
    assert (action["agrees"], action["recomputed_verdict"]) == (True, "R1")


async def test_a_person_looks_into_it_on_the_last_day(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    await stager.at(stager.local(WEDNESDAY, 8, 59))
    assert await checks(stager) == []
    await stager.at(stager.local(WEDNESDAY, 9))
    assert await checks(stager) == ["open"]
    await stager.at(stager.local(WEDNESDAY + DAY, 0))
    assert (await the_claim(client, case_id))["status"] == "unmatched"
    assert await checks(stager) == ["open"]
    await stager.tell(paid(stager, "R1", "1001.35", FRIDAY))
    assert len(await stager.said("hold.lifted.v1")) == 1


async def test_with_proof_it_is_waited_for_once_more(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    hold_id = (await the_claim(client, case_id))["hold_id"]
    await stager.at(stager.local(WEDNESDAY, 9))
    evidence = {"proof": "doc-7", "bank": "Bank of Examples", "last_digits": "4321"}
    shown = await ask(client, case_id, hold_id, "extend", by="anna", evidence=evidence)
    assert (shown["bank"], shown["last_digits"], shown["extended_by"]) == ("Bank of Examples", "4321", "anna")
    assert await checks(stager) == ["cancelled"]
    again = await ask(client, case_id, hold_id, "extend", 409, by="anna", evidence=evidence)
    assert again["code"] == "claim_extended"
    # Three business days after the first three: through Monday.
    await stager.at(stager.local(date(2026, 11, 30), 9))
    assert await stager.said("hold.lifted.v1") == []
    assert await checks(stager) == ["cancelled", "open"]
    await stager.tell(paid(stager, "R1", "1001.35", FRIDAY + 3 * DAY))
    assert len(await stager.said("hold.lifted.v1")) == 1
    assert await checks(stager) == ["cancelled", "cancelled"]


async def test_proof_after_the_window_holds_again(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    hold_id = (await the_claim(client, case_id))["hold_id"]
    await stager.at(stager.local(WEDNESDAY + DAY, 11))
    shown = await ask(client, case_id, hold_id, "extend", by="anna", evidence={"proof": "doc-7"})
    assert (shown["status"], shown["hold_id"] == hold_id) == ("open", False)
    placed = (await stager.said("hold.placed.v1"))[-1]
    # Thursday 26th: through Tuesday 1st.
    assert placed["until"].startswith("2026-12-01T16:00:00")
    refused = await ask(
        client, case_id, shown["hold_id"], "extend", 409, by="anna", evidence={"proof": "doc-8"}
    )
    assert refused["code"] == "claim_extended"
    await stager.run_timers()
    await stager.tell(paid(stager, "R1", "1001.35", FRIDAY))
    assert len(await stager.said("hold.lifted.v1")) == 2


async def test_a_rejected_claim_lets_collection_go_on_without_back_dated_contacts(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    hold_id = (await the_claim(client, case_id))["hold_id"]
    stager.set_time(stager.local(FRIDAY + 3 * DAY, 9))
    before = len(await stager.said("contact.requested.v1"))
    refused = await ask(client, case_id, hold_id, "reject", 403, by="anna", reason="no money came")
    assert refused["code"] == "not_allowed"
    shown = await ask(client, case_id, hold_id, "reject", by="lea", reason="no money came")
    assert (shown["status"], shown["settled_by"]) == ("rejected", "lea")
    assert await ask(client, case_id, hold_id, "reject", by="lea", reason="no money came") == shown
    [lifted] = await stager.said("hold.lifted.v1")
    assert lifted["ended_by"] == "person"
    await stager.run_timers()
    assert len(await stager.said("contact.requested.v1")) == before
    late = await ask(client, case_id, hold_id, "extend", 409, by="anna", evidence={"proof": "doc-7"})
    assert late["code"] == "claim_settled"


async def test_no_more_of_an_account_than_its_last_digits(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    hold_id = (await the_claim(client, case_id))["hold_id"]
    for wrong in ({"last_digits": "43215"}, {"bank": "Bank 6222021234"}, {"iban": "DE00"}):
        await ask(client, case_id, hold_id, "extend", 422, by="anna", evidence={"proof": "doc-7", **wrong})
    await ask(client, case_id, "none", "extend", 404, by="anna", evidence={"proof": "doc-7"})


async def test_a_claim_that_a_person_placed_is_one_too(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    await stager.tell(paid(stager, "R1", "1001.35", FRIDAY))
    body = {"loan_id": "L1", "kind": "payment_claim", "reason": "paid at the counter", "by": "anna"}
    answer = await client.post(f"/v1/cases/{case_id}/holds", json=body)
    assert answer.status_code == 201, answer.text
    await stager.run_timers()
    newest = next(
        each
        for each in (await client.get(f"/v1/cases/{case_id}/claims")).json()["items"]
        if each["status"] == "open"
    )
    assert newest["hold_id"] == answer.json()["hold_id"]
    await stager.tell(paid(stager, "R2", "20.00", FRIDAY + DAY))
    assert len(await stager.said("hold.lifted.v1")) == 2
