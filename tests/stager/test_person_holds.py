"""Holds on a person hold every loan of theirs, also later ones, on exactly the days of the person's hold."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from spine.events.notifier import PartyChanged
from tests.stager.figures import loan_cured, loan_overdue, loan_settled
from tests.stager.holding import DAY, TODAY, Holder, holder_at, in_arrears
from tests.stager.stand import Stand


@pytest.fixture
async def holder(stager: Stand) -> AsyncIterator[Holder]:
    async with holder_at(stager) as made:
        yield made


async def test_every_loan_is_held_and_one_that_falls_into_arrears_later_too(holder: Holder) -> None:
    await in_arrears(holder.stager, "L1", "L2")
    held = await holder.hold_person("breathing_space")
    assert [loan["loan_id"] for loan in held["loans"]] == ["L1", "L2"]
    holder.stager.set_time(holder.stager.local(TODAY + 10 * DAY, 8))
    await holder.stager.tell(loan_overdue("L3", as_of=TODAY + 10 * DAY))
    placed = await holder.stager.said("hold.placed.v1")
    assert [fact["loan_id"] for fact in placed] == ["L1", "L2", "L3"]
    # The same days for all: the person's.
    assert len({(fact["placed_at"], fact["until"]) for fact in placed}) == 1
    assert all(fact["freezes_interest"] for fact in placed)


async def test_a_person_without_arrears_is_held_when_they_begin(holder: Holder) -> None:
    holder.stager.set_time(holder.stager.local(TODAY, 9))
    held = await holder.hold_person("bereavement")
    assert (held["loans"], await holder.told()) == ([], [])
    await holder.stager.tell(loan_overdue("L7"), loan_overdue("X1", "B2"))
    assert await holder.told() == [("placed", "L7", "bereavement")]


async def test_a_loan_that_falls_into_arrears_after_the_end_is_not_held(holder: Holder) -> None:
    holder.stager.set_time(holder.stager.local(TODAY, 9))
    held = await holder.hold_person("breathing_space")
    ends = datetime.fromisoformat(held["until"])
    assert ends == holder.stager.local(TODAY + 61 * DAY, 0)
    holder.stager.set_time(ends - timedelta(seconds=1))
    await holder.stager.tell(loan_overdue("L1", as_of=TODAY + 60 * DAY))
    await holder.stager.at(ends)
    await holder.stager.tell(loan_overdue("L2", as_of=TODAY + 61 * DAY))
    assert await holder.told() == [
        ("placed", "L1", "breathing_space"),
        ("lifted", "L1", "breathing_space"),
    ]


async def test_cured_and_overdue_again_it_is_still_the_same_hold(holder: Holder) -> None:
    await in_arrears(holder.stager, "L1")
    await holder.hold_person("cease")
    await holder.stager.tell(loan_cured(as_of=TODAY))
    await holder.stager.tell(loan_overdue(as_of=TODAY + DAY))
    assert await holder.told() == [("placed", "L1", "cease")]


async def test_a_loan_that_is_paid_is_not_held_any_more_with_its_borrower(holder: Holder) -> None:
    await in_arrears(holder.stager, "L1", "L2")
    await holder.stager.tell(loan_settled("L2", as_of=TODAY))
    held = await holder.hold_person("attorney")
    assert [loan["loan_id"] for loan in held["loans"]] == ["L1"]


async def test_lifted_for_one_loan_it_is_lifted_for_all(holder: Holder) -> None:
    await in_arrears(holder.stager, "L1", "L2")
    held = await holder.hold_person("fraud_claim")
    first = held["loans"][0]["hold_id"]
    refused = await holder.lift(first, 422)
    assert "findings.finding" in refused["detail"]
    lifted = await holder.lift(first, findings={"finding": "the signature is genuine"})
    assert {(hold["loan_id"], hold["lifted_by"], hold["ended_by"]) for hold in lifted} == {
        ("L1", "carl", "person"),
        ("L2", "carl", "person"),
    }
    assert (await holder.told())[2:] == [("lifted", "L1", "fraud_claim"), ("lifted", "L2", "fraud_claim")]
    await holder.stager.tell(loan_overdue("L3", as_of=TODAY))
    assert len(await holder.told()) == 4


async def test_an_adviser_announced_is_extended_once_for_every_loan(holder: Holder) -> None:
    await in_arrears(holder.stager, "L1", "L2")
    held = await holder.hold_person("breathing_space", ground="adviser_announced")
    assert datetime.fromisoformat(held["until"]) == holder.stager.local(TODAY + 31 * DAY, 0)
    hold_id = held["person_hold_id"]
    assert "proof" in (await holder.extend(hold_id, 422))["detail"]
    extended = await holder.extend(hold_id, proof="letter 7")
    ends = holder.stager.local(TODAY + 61 * DAY, 0)
    assert {datetime.fromisoformat(hold["until"]) for hold in extended} == {ends}
    assert (await holder.extend(hold_id, 409, proof="letter 8"))["code"] == "hold_fixed"
    await holder.stager.at(holder.stager.local(TODAY + 31 * DAY, 0))
    await holder.stager.at(ends - timedelta(seconds=1))
    assert [type_ for type_, _, _ in await holder.told()] == ["placed"] * 4
    await holder.stager.at(ends)
    assert [type_ for type_, _, _ in await holder.told()][4:] == ["lifted"] * 2
    assert (await holder.extend(hold_id, 409, proof="letter 9"))["code"] == "hold_is_over"


async def test_a_treatment_holds_until_thirty_days_after_it_has_ended(holder: Holder) -> None:
    await in_arrears(holder.stager, "L1")
    held = await holder.hold_person("breathing_space", ground="treatment")
    assert held["until"] is None
    await holder.stager.at(holder.stager.local(TODAY + 100 * DAY, 9))
    ended_on = TODAY + 99 * DAY
    [hold] = await holder.extend(held["person_hold_id"], treatment_ended_on=str(ended_on))
    assert datetime.fromisoformat(hold["until"]) == holder.stager.local(ended_on + 31 * DAY, 0)


async def test_two_holds_of_a_person_end_each_for_itself(holder: Holder) -> None:
    await in_arrears(holder.stager, "L1")
    first = await holder.hold_person("complaint_open")
    holder.stager.set_time(holder.stager.local(TODAY + 10 * DAY, 9))
    await holder.hold_person("complaint_open")
    await holder.lift(first["person_hold_id"], findings={"answered": "letter of today"})
    await holder.stager.tell(loan_overdue("L2", as_of=TODAY + 10 * DAY))
    shown = (await holder.client.get("/v1/borrowers/B1/holds")).json()
    assert [(hold["active"], len(hold["loans"])) for hold in shown["person"]] == [(True, 2), (False, 1)]


async def test_who_is_flagged_as_vulnerable_is_held_until_someone_has_looked_into_it(holder: Holder) -> None:
    await in_arrears(holder.stager, "L1")
    flagged = PartyChanged(
        borrower_id="B1", locale="zh-CN", timezone="Asia/Shanghai", vulnerable=("illness",)
    )
    await holder.stager.tell(flagged)
    await holder.stager.tell(flagged)
    assert await holder.told() == [("placed", "L1", "vulnerable")]
    shown = (await holder.client.get("/v1/borrowers/B1/holds")).json()
    [hold] = shown["person"]
    assert (hold["origin"], hold["reason"]) == ("profile", "illness")
    await holder.lift(hold["person_hold_id"], findings={"review": "recovered, says so himself"})
    # The same profile told again is nothing new; another flag is.
    await holder.stager.tell(flagged)
    assert len(await holder.told()) == 2
    await holder.stager.tell(
        PartyChanged(
            borrower_id="B1", locale="zh-CN", timezone="Asia/Shanghai", vulnerable=("illness", "age")
        )
    )
    assert (await holder.told())[2:] == [("placed", "L1", "vulnerable")]
