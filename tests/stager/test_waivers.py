"""Waivers and offers live: proposed, approved by another, effective with the money, lapsed without it."""

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
from tests.stager.agreeing import DAY, TODAY, a_case, client_of, get, post
from tests.stager.promising import charged_back, paid, taken_back
from tests.stager.stand import Stand

BY = date(2026, 11, 27)


@pytest.fixture
async def client(stager: Stand) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(stager) as made:
        yield made


@pytest.fixture
async def case_id(stager: Stand) -> str:
    return await a_case(stager)


def waiver_of(**other: Any) -> dict[str, Any]:
    """Half of the penalty of 1.35 that is owed, rounded down: 0.67."""
    return {
        "loan_id": "L1",
        "by": "anna",
        "currency": "CNY",
        "waived": {"penalty": "0.67"},
        "reason": "a first delay",
        **other,
    }


def offer_of(**other: Any) -> dict[str, Any]:
    return waiver_of(kind="settlement", condition={"amount": "1000.00", "by": str(BY)}, **other)


async def proposed(client: httpx.AsyncClient, case_id: str, body: dict[str, Any]) -> str:
    made = await post(client, f"/v1/cases/{case_id}/waivers", 201, **body)
    return str(made["waiver_id"])


async def offered(client: httpx.AsyncClient, case_id: str) -> str:
    waiver_id = await proposed(client, case_id, offer_of())
    assert (await act(client, case_id, waiver_id, "approve", 200, by="lea"))["state"] == "approved"
    return waiver_id


async def act(
    client: httpx.AsyncClient, case_id: str, waiver_id: str, what: str, status: int, **body: Any
) -> Any:
    return await post(client, f"/v1/cases/{case_id}/waivers/{waiver_id}/{what}", status, **body)


async def told(stager: Stand) -> list[str]:
    return [type_.split(".")[1] for type_ in await stager.types() if type_.startswith("waiver.")]


async def test_a_waiver_approved_by_another_is_effective_at_once(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    waiver_id = await proposed(client, case_id, waiver_of())
    assert await told(stager) == []
    done = await act(client, case_id, waiver_id, "approve", 200, by="lea")
    assert (done["state"], done["effective_on"], done["band"]) == ("effective", str(TODAY), "early-charges")
    [approved] = await stager.said("waiver.approved.v1")
    assert (approved["waived"], approved["effective_on"]) == ({"penalty": "0.67"}, str(TODAY))
    assert (approved["proposed_by"], approved["approved_by"]) == ("anna", "lea")
    assert await act(client, case_id, waiver_id, "approve", 200, by="lea") == done
    assert (await act(client, case_id, waiver_id, "approve", 409, by="leo"))["code"] == "waiver_closed"
    closed = await act(client, case_id, waiver_id, "refuse", 409, by="lea", reason="late")
    assert closed["code"] == "waiver_closed"
    assert (await get(client, f"/v1/cases/{case_id}/waivers"))["items"] == [done]


async def test_who_may_approve(client: httpx.AsyncClient, case_id: str) -> None:
    mine = await proposed(client, case_id, waiver_of(by="lea"))
    assert (await act(client, case_id, mine, "approve", 409, by="lea"))["code"] == "same_person"
    assert (await act(client, case_id, mine, "approve", 403, by="anna"))["code"] == "not_allowed"
    assert (await act(client, case_id, mine, "approve", 403, by="nobody"))["code"] == "member_unknown"
    await act(client, case_id, "none", "approve", 404, by="lea")


async def test_of_two_who_approve_at_once_one_is_told_no(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    waiver_id = await proposed(client, case_id, waiver_of())
    answers = await asyncio.gather(
        *(
            client.post(f"/v1/cases/{case_id}/waivers/{waiver_id}/approve", json={"by": who})
            for who in ("lea", "leo")
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert await told(stager) == ["approved"]


async def test_above_the_band_is_refused_by_its_name(client: httpx.AsyncClient, case_id: str) -> None:
    path = f"/v1/cases/{case_id}/waivers"
    above = await post(client, path, 409, **waiver_of(waived={"penalty": "0.68"}))
    assert (above["code"], above["band"], above["at_most"]) == ("waiver_beyond_band", "early-charges", "0.67")
    # The ledger quotes more by now: penalty grows by the day.
    quoted = {"penalty": "300.00", "interest": "100.00"}
    assert await post(client, path, 201, **waiver_of(waived={"penalty": "150.00"}, owed=quoted))
    larger = {"penalty": "300.00", "interest": "100.01"}
    refused = await post(client, path, 422, **waiver_of(waived={"penalty": "150.00"}, owed=larger))
    assert refused["field"] == "owed.interest"
    assert (await post(client, path, 409, **waiver_of(by="cora")))["code"] == "waiver_no_band"
    await post(client, path, 422, **waiver_of(waived={}))
    await post(client, path, 422, **waiver_of(kind="settlement"))
    await post(client, path, 422, **waiver_of(currency="USD"))


async def test_several_waivers_of_a_loan_count_together(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    path = f"/v1/cases/{case_id}/waivers"
    first = await proposed(client, case_id, waiver_of(waived={"penalty": "0.60"}))
    above = await post(client, path, 409, **waiver_of(waived={"penalty": "0.08"}))
    assert above["at_most"] == "0.07"
    await post(client, path, 201, **waiver_of(waived={"penalty": "0.07"}))
    await act(client, case_id, first, "refuse", 200, by="lea", reason="no")
    await post(client, path, 201, **waiver_of(waived={"penalty": "0.60"}))


async def test_the_condition_lies_within_the_policys_days(client: httpx.AsyncClient, case_id: str) -> None:
    path = f"/v1/cases/{case_id}/waivers"
    for days, status in ((-1, 422), (0, 201), (31, 201), (32, 422)):
        condition = {"amount": "1.00", "by": str(TODAY + days * DAY)}
        await post(client, path, status, **waiver_of(condition=condition, waived={"penalty": "0.01"}))


async def test_the_same_key_is_the_same_waiver(client: httpx.AsyncClient, case_id: str) -> None:
    path = f"/v1/cases/{case_id}/waivers"
    made = await post(client, path, 201, key="K", **waiver_of())
    assert await post(client, path, 200, key="K", **waiver_of()) == made
    assert (await post(client, path, 409, key="K", **waiver_of(reason="other")))["code"] == "conflict"


async def test_a_proposal_runs_out(stager: Stand, client: httpx.AsyncClient, case_id: str) -> None:
    small = waiver_of(waived={"penalty": "0.30"})
    first, second = await proposed(client, case_id, small), await proposed(client, case_id, small)
    stager.set_time(stager.local(TODAY + 7 * DAY, 23, 59))
    await stager.run_timers()
    await act(client, case_id, first, "approve", 200, by="lea")
    stager.set_time(stager.local(TODAY + 8 * DAY, 0))
    late = await act(client, case_id, second, "approve", 409, by="lea")
    assert late["code"] == "waiver_expired"
    await stager.run_timers()
    [lapsed] = await stager.said("waiver.lapsed.v1")
    assert (lapsed["reason"], lapsed["was_effective"]) == ("not_approved_in_time", False)


async def test_an_offer_is_effective_only_with_its_money(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    waiver_id = await offered(client, case_id)
    await stager.tell(paid(stager, "R1", "999.99", TODAY + DAY), paid(stager, "R2", "0.01", BY))
    await stager.close(BY - DAY)
    assert await told(stager) == []
    await stager.close(BY)
    [approved] = await stager.said("waiver.approved.v1")
    # From the first of its money, so that this is put on what is not waived.
    assert approved["effective_on"] == str(TODAY + DAY)
    await stager.tell(taken_back("R2", "0.01", BY + DAY))
    [lapsed] = await stager.said("waiver.lapsed.v1")
    assert (lapsed["reason"], lapsed["was_effective"]) == ("money_reversed", True)
    await stager.tell(paid(stager, "R3", "0.01", BY))
    assert await told(stager) == ["approved", "lapsed", "approved"]
    assert (await get(client, f"/v1/cases/{case_id}/waivers/{waiver_id}"))["state"] == "effective"


async def test_an_offer_whose_money_is_charged_back_lapses(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    await offered(client, case_id)
    await stager.tell(paid(stager, "R1", "1000.01", TODAY + DAY))
    await stager.close(BY)
    await stager.tell(charged_back("R1", "0.01", BY + DAY))
    assert await told(stager) == ["approved"]
    await stager.tell(charged_back("R1", "0.01", BY + DAY))
    assert await told(stager) == ["approved", "lapsed"]


async def test_an_offer_whose_money_comes_a_day_late_lapses_unless_its_value_date_is_in_time(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    await offered(client, case_id)
    await stager.tell(paid(stager, "R1", "1000.00", BY + DAY))
    await stager.close(BY)
    [lapsed] = await stager.said("waiver.lapsed.v1")
    assert (lapsed["reason"], lapsed["was_effective"]) == ("money_missing", False)
    await stager.tell(paid(stager, "R2", "1000.00", BY))
    assert await told(stager) == ["lapsed", "approved"]


async def test_a_refusal_and_taking_back(stager: Stand, client: httpx.AsyncClient, case_id: str) -> None:
    first = await proposed(client, case_id, waiver_of())
    refused = await act(client, case_id, first, "refuse", 200, by="leo", reason="no ground")
    second = await offered(client, case_id)
    assert (refused["state"], refused["lapse_reason"], refused["refused_by"]) == ("lapsed", "refused", "leo")
    assert await act(client, case_id, first, "refuse", 200, by="leo", reason="again") == refused
    await act(client, case_id, second, "refuse", 200, by="anna", reason="taken back")
    await stager.tell(paid(stager, "R1", "1000.00", BY))
    await stager.close(BY)
    assert await told(stager) == ["lapsed", "lapsed"]


async def test_decisions_come_out_the_same_when_made_again(
    stager: Stand, client: httpx.AsyncClient, case_id: str
) -> None:
    waiver_id = await offered(client, case_id)
    await stager.close(BY)
    async with stager.runtime.transaction() as tx:
        for kind in ("waiver_band", "waiver"):
            [decision] = await decisions_of(tx, kind, waiver_id)
            again = make_again(decision, await policy_bodies(tx, decision.policy_digests))
            assert again.differences == ()
