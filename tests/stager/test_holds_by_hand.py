"""Holds by hand: who may, what must be said, once under a key, and each decision kept to be made again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from spine.events.contact_log import PaymentClaimed
from spine.events.ledger import PaymentInTransit
from stager.domain.cases import stable_id
from stager.domain.tasks import Task
from stager.handlers.tasks import open_tasks
from stager.store.parties import lock_parties
from tests.stager.figures import loan_overdue
from tests.stager.holding import DAY, TODAY, Holder, holder_at, in_arrears
from tests.stager.stand import Stand

FRIDAY = date(2026, 11, 20)


@pytest.fixture
async def holder(stager: Stand) -> AsyncIterator[Holder]:
    async with holder_at(stager) as made:
        yield made


async def claimed(holder: Holder) -> dict[str, Any]:
    """A claim of Friday; it holds through Wednesday."""
    holder.stager.set_time(holder.stager.local(FRIDAY, 11))
    await holder.stager.tell(loan_overdue())
    await holder.stager.tell(
        PaymentClaimed(borrower_id="B1", loan_id="L1", contact_id="K1", at=holder.stager.local(FRIDAY, 11))
    )
    [hold] = await holder.stager.said("hold.placed.v1")
    return hold


async def test_a_claim_is_extended_once_with_proof_through_the_next_three_business_days(
    holder: Holder,
) -> None:
    hold = await claimed(holder)
    assert datetime.fromisoformat(hold["until"]) == holder.stager.local(date(2026, 11, 26), 0)
    await holder.stager.at(holder.stager.local(date(2026, 11, 25), 23, 59))
    assert "proof" in (await holder.extend(hold["hold_id"], 422, by="anna"))["detail"]
    refused = await holder.extend(hold["hold_id"], 403, by="theo", proof="receipt 1")
    assert refused["code"] == "not_allowed"
    [extended] = await holder.extend(hold["hold_id"], by="anna", proof="receipt 1")
    assert (extended["extended_by"], extended["extension_proof"]) == ("anna", "receipt 1")
    ends = holder.stager.local(date(2026, 12, 1), 0)
    told = (await holder.stager.said("hold.placed.v1"))[-1]
    assert (told["hold_id"], datetime.fromisoformat(told["until"])) == (hold["hold_id"], ends)
    assert (await holder.extend(hold["hold_id"], 409, by="anna", proof="2"))["code"] == "hold_fixed"
    await holder.stager.at(ends - timedelta(seconds=1))
    assert await holder.stager.said("hold.lifted.v1") == []
    await holder.stager.at(ends)
    assert [fact["ended_by"] for fact in await holder.stager.said("hold.lifted.v1")] == ["expiry"]


async def test_what_has_run_out_stays_as_it_is(holder: Holder) -> None:
    hold = await claimed(holder)
    # Over, but the timer has not run yet.
    holder.stager.set_time(holder.stager.local(date(2026, 11, 26), 0))
    assert (await holder.extend(hold["hold_id"], 409, proof="late"))["code"] == "hold_is_over"
    [same] = await holder.lift(hold["hold_id"])
    assert (same["active"], same["lifted_by"]) == (False, None)
    await holder.stager.run_timers()
    assert [fact["ended_by"] for fact in await holder.stager.said("hold.lifted.v1")] == ["expiry"]


async def test_money_on_its_way_is_waited_for_as_long_as_the_ledger_says(holder: Holder) -> None:
    await in_arrears(holder.stager, "L1")
    now = holder.stager.local(TODAY, 9)
    await holder.stager.tell(
        PaymentInTransit(
            borrower_id="B1",
            loan_id="L1",
            transit_id="T1",
            kind="debit",
            until=now + DAY,
            since=now,
            amount="100.00",
            currency="CNY",
        )
    )
    [hold] = await holder.stager.said("hold.placed.v1")
    assert (await holder.extend(hold["hold_id"], 409, proof="statement"))["code"] == "hold_fixed"


async def test_a_loan_that_is_not_in_arrears_is_held_and_freed(holder: Holder) -> None:
    holder.stager.set_time(holder.stager.local(TODAY, 9))
    assert (await holder.hold_loan("dispute", 422, loan="L9"))["field"] == "borrower_id"
    held = await holder.hold_loan("dispute", loan="L9", borrower_id="B1", by="anna")
    assert (held["placed_by"], held["active"], held["person_hold_id"]) == ("anna", True, None)
    assert (await holder.hold_loan("legal", 422, loan="L9", borrower_id="B2"))["field"] == "borrower_id"
    assert (
        "findings.answered"
        in (await holder.lift(held["hold_id"], 422, findings={"verified": "the contract is his"}))["detail"]
    )
    findings = {"verified": "the contract is his", "answered": "letter of today"}
    [lifted] = await holder.lift(held["hold_id"], by="lena", findings=findings)
    assert (lifted["findings"], lifted["lifted_by"]) == (findings, "lena")
    assert await holder.told() == [("placed", "L9", "dispute"), ("lifted", "L9", "dispute")]


@pytest.mark.parametrize(
    ("kind", "by", "code"),
    [
        ("legal", "anna", "not_allowed"),
        ("promise_open", "carl", "not_allowed"),
        ("dispute", "theo", "not_allowed"),
        ("dispute", "nobody", "member_unknown"),
        # An agency sees only what is placed with it.
        ("dispute", "aga", "not_found"),
    ],
)
async def test_who_may_not_place_it(holder: Holder, kind: str, by: str, code: str) -> None:
    await in_arrears(holder.stager, "L1")
    status = 404 if code == "not_found" else 403
    assert (await holder.hold_loan(kind, status, by=by))["code"] == code
    assert await holder.told() == []


async def test_a_claim_is_about_one_loan(holder: Holder) -> None:
    assert (await holder.hold_person("payment_claim", 422, by="anna"))["field"] == "loan_id"


async def test_through_its_case_a_hold_about_the_person_holds_every_loan(holder: Holder) -> None:
    await in_arrears(holder.stager, "L1", "L2")
    [case] = await holder.stager.rows("SELECT case_id FROM collection_case")
    body = {"kind": "attorney", "by": "anna", "reason": "sent a letter", "loan_id": "L2"}
    held = await holder.post(f"/v1/cases/{case.case_id}/holds", 201, body, "k1")
    assert held["loan_id"] == "L2"
    assert [loan for _, loan, _ in await holder.told()] == ["L1", "L2"]
    path = f"/v1/cases/{case.case_id}/holds/{held['hold_id']}/lift"
    lifted = await holder.post(path, 200, {"by": "lena", "reason": "mandate ended"})
    assert (lifted["loan_id"], lifted["ended_by"]) == ("L2", "person")
    assert [loan for _, loan, _ in await holder.told()] == ["L1", "L2", "L1", "L2"]


async def test_the_same_key_is_the_same_hold_and_not_another(holder: Holder) -> None:
    await in_arrears(holder.stager, "L1")
    first = await holder.hold_person("cease", key="k")
    assert await holder.hold_person("cease", 200, key="k") == first
    assert (await holder.hold_person("cease", 409, key="k", reason="other"))["code"] == "conflict"
    loan = await holder.hold_loan("dispute", key="k")
    assert await holder.hold_loan("dispute", 200, key="k") == loan
    assert len(await holder.told()) == 2


async def test_two_place_it_at_once_and_two_lift_it_at_once(holder: Holder) -> None:
    await in_arrears(holder.stager, "L1")
    body = {"kind": "dispute", "by": "anna", "reason": "says so"}
    headers = {"Idempotency-Key": "k"}
    path = "/v1/loans/L1/holds"
    both = await asyncio.gather(*(holder.client.post(path, json=body, headers=headers) for _ in range(2)))
    assert sorted(answer.status_code for answer in both) == [200, 201]
    hold_id = both[0].json()["hold_id"]
    findings = {"verified": "his signature", "answered": "letter"}
    await asyncio.gather(*(holder.lift(hold_id, by=by, findings=findings) for by in ("lena", "carl")))
    assert await holder.told() == [("placed", "L1", "dispute"), ("lifted", "L1", "dispute")]


async def test_extended_and_lifted_at_once_comes_out_as_one_after_the_other(holder: Holder) -> None:
    hold = await claimed(holder)
    extend = holder.client.post(
        f"/v1/holds/{hold['hold_id']}/extend", json={"by": "anna", "proof": "receipt 1"}
    )
    answer, _ = await asyncio.gather(extend, holder.lift(hold["hold_id"], by="lena"))
    assert answer.status_code in (200, 409)
    placed = await holder.stager.said("hold.placed.v1")
    assert len(placed) == (2 if answer.status_code == 200 else 1)
    # Whatever came first, it is lifted last and once.
    assert [type_ for type_, _, _ in await holder.told()][-1] == "lifted"
    assert len(await holder.stager.said("hold.lifted.v1")) == 1


async def test_every_decision_on_a_hold_is_kept_and_made_again(holder: Holder) -> None:
    claim = await claimed(holder)
    holder.stager.set_time(holder.stager.local(FRIDAY, 12))
    await holder.extend(claim["hold_id"], by="anna", proof="receipt 1")
    holder.stager.set_time(holder.stager.local(FRIDAY, 13))
    await holder.lift(claim["hold_id"], by="lena")
    person = await holder.hold_person("breathing_space", ground="adviser_announced")
    hold_ids = [claim["hold_id"], person["person_hold_id"], person["loans"][0]["hold_id"]]
    kept = []
    for hold_id in hold_ids:
        why = (await holder.client.get(f"/v1/holds/{hold_id}/why")).json()
        assert why["agrees"], why
        kept.append([decision["rule"] for decision in why["decisions"]])
    assert kept == [
        ["place/payment_claim", "extend/payment_claim", "lift/payment_claim"],
        ["place/breathing_space/adviser_announced"],
        ["place/breathing_space/adviser_announced"],
    ]
    assert (await holder.client.get("/v1/holds/unknown/why")).status_code == 404


async def test_who_speaks_with_the_vulnerable_is_trained(holder: Holder) -> None:
    await in_arrears(holder.stager, "L1")
    await holder.hold_person("vulnerable")
    house = holder.stager.service.state["house"]

    async def work(tx: Any) -> None:
        await lock_parties(tx, ["B1"], house.zone)
        kinds = ("call", "document")
        tasks = [
            Task(stable_id(kind), kind, "B1", "L1", "C1", holder.stager.local(TODAY, 10)) for kind in kinds
        ]
        await open_tasks(tx, tasks, house)

    await holder.stager.runtime.run(work)
    rows = await holder.stager.rows("SELECT kind, skill FROM task ORDER BY kind")
    assert [tuple(row) for row in rows] == [("call", "vulnerable"), ("document", None)]


async def test_a_second_hold_of_a_kind_on_the_same_loan_is_refused_by_the_one_that_stands(
    holder: Holder,
) -> None:
    await in_arrears(holder.stager, "L1", "L2")
    first = await holder.hold_loan("dispute", key="1")
    refused = await holder.hold_loan("dispute", 409, key="2")
    assert (refused["code"], refused["hold_id"]) == ("hold_stands", first["hold_id"])
    again = await holder.hold_loan("dispute", 200, key="1")
    assert again["hold_id"] == first["hold_id"]
    await holder.post("/v1/loans/L2/holds", 201, {"kind": "dispute", "by": "carl", "reason": "r"}, "3")
    await holder.lift(first["hold_id"], findings={"verified": "yes", "answered": "yes"})
    await holder.hold_loan("dispute", key="4")


async def test_a_second_hold_of_a_kind_on_a_person_is_refused_also_by_way_of_a_loan(holder: Holder) -> None:
    await in_arrears(holder.stager, "L1")
    await holder.hold_person("cease", key="1")
    assert (await holder.hold_person("cease", 409, key="2"))["code"] == "hold_stands"
    assert (await holder.hold_loan("cease", 409, key="3"))["code"] == "hold_stands"
    await holder.hold_person("attorney", key="4")


async def test_complaints_are_each_of_their_own_matter(holder: Holder) -> None:
    await in_arrears(holder.stager, "L1")
    await holder.hold_loan("complaint_open", key="1")
    await holder.hold_loan("complaint_open", key="2")


async def test_the_end_of_a_treatment_is_said_only_where_it_decides(holder: Holder) -> None:
    await in_arrears(holder.stager, "L1")
    ended = {"treatment_ended_on": str(TODAY)}
    assert (await holder.hold_person("breathing_space", 422, **ended))["code"] == "hold_incomplete"
    assert (await holder.hold_person("cease", 422, **ended))["code"] == "hold_incomplete"
    await holder.hold_person("breathing_space", ground="treatment", **ended)
