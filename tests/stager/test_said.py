"""What is said in a contact takes effect at once, also ahead of its turn, and once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import pytest

from spine.events.contact_log import (
    ComplaintClosed,
    ComplaintOpened,
    DangerReported,
    DeathReported,
    DisputeRaised,
    HardshipReported,
    PaymentClaimed,
)
from spine.events.registry import Event
from spine.events.replies import InboundReceived
from tests.stager.figures import loan_cured, loan_overdue
from tests.stager.holding import DAY, TODAY, Holder, holder_at, in_arrears
from tests.stager.stand import Stand


@pytest.fixture
async def holder(stager: Stand) -> AsyncIterator[Holder]:
    async with holder_at(stager) as made:
        yield made


def at(stager: Stand) -> datetime:
    return stager.local(TODAY, 11)


def complaint(stager: Stand, loan_id: str | None = None) -> ComplaintOpened:
    return ComplaintOpened(
        borrower_id="B1", complaint_id="C1", contact_id="K1", at=at(stager), loan_id=loan_id
    )


@pytest.mark.parametrize(
    ("said", "kind", "loans"),
    [
        (
            lambda s: DisputeRaised(borrower_id="B1", loan_id="L1", contact_id="K1", at=at(s)),
            "dispute",
            ["L1"],
        ),
        (
            lambda s: PaymentClaimed(borrower_id="B1", loan_id="L1", contact_id="K1", at=at(s)),
            "payment_claim",
            ["L1"],
        ),
        (lambda s: DeathReported(borrower_id="B1", contact_id="K1", at=at(s)), "bereavement", ["L1", "L2"]),
        (
            lambda s: DeathReported(borrower_id="B1", contact_id="K1", at=at(s), loan_id="L1"),
            "bereavement",
            ["L1", "L2"],
        ),
        (complaint, "complaint_open", ["L1", "L2"]),
        (lambda s: complaint(s, "L2"), "complaint_open", ["L2"]),
        (
            lambda s: DangerReported(borrower_id="B1", contact_id="K1", at=at(s), sign="threat"),
            "vulnerable",
            ["L1", "L2"],
        ),
    ],
)
async def test_it_holds_at_once_and_once_also_ahead_of_its_turn(
    holder: Holder, said: object, kind: str, loans: list[str]
) -> None:
    await in_arrears(holder.stager, "L1", "L2")
    assert callable(said)
    event: Event = said(holder.stager)
    fact = holder.stager.fact(event)
    await holder.stager.take([fact], early=True)
    assert await holder.told() == [("placed", loan, kind) for loan in loans]
    await holder.stager.take([fact, fact])
    assert len(await holder.told()) == len(loans)


async def test_an_answered_complaint_frees_and_told_again_holds_no_more(holder: Holder) -> None:
    await in_arrears(holder.stager, "L1")
    opened = holder.stager.fact(complaint(holder.stager))
    await holder.stager.take([opened])
    await holder.stager.tell(loan_overdue("L2", as_of=TODAY))
    await holder.stager.tell(ComplaintClosed(borrower_id="B1", complaint_id="C1", at=at(holder.stager)))
    await holder.stager.take([opened])
    await holder.stager.tell(loan_overdue("L3", as_of=TODAY))
    assert await holder.told() == [
        ("placed", "L1", "complaint_open"),
        ("placed", "L2", "complaint_open"),
        ("lifted", "L1", "complaint_open"),
        ("lifted", "L2", "complaint_open"),
    ]
    assert {fact["ended_by"] for fact in await holder.stager.said("hold.lifted.v1")} == {"facts"}


async def test_a_complaint_stops_calls_and_not_messages(holder: Holder) -> None:
    await in_arrears(holder.stager, "L1")
    await holder.stager.tell(complaint(holder.stager, "L1"))
    [hold] = await holder.stager.said("hold.placed.v1")
    await holder.stager.at(at(holder.stager))
    assert await holder.stager.said("contact.withdrawn.v1") == []
    assert hold["kind"] == "complaint_open"


async def test_danger_takes_back_everything_and_calls_a_trained_person(holder: Holder) -> None:
    await in_arrears(holder.stager, "L1", "L2")
    await holder.stager.tell(
        HardshipReported(borrower_id="B1", loan_id="L1", contact_id="K0", at=at(holder.stager))
    )
    danger = DangerReported(borrower_id="B1", contact_id="K1", at=at(holder.stager), sign="self_harm")
    fact = holder.stager.fact(danger)
    await holder.stager.take([fact], early=True)
    await holder.stager.take([fact])
    opened = await holder.stager.said("task.opened.v1")
    assert [task["kind"] for task in opened] == ["human_review", "danger_sign"]
    closed = await holder.stager.said("task.closed.v1")
    assert [task["task_id"] for task in closed] == [opened[0]["task_id"]]
    # Nothing that runs by itself goes on for the person.
    asked = len(await holder.stager.said("contact.requested.v1"))
    for days in range(5):
        await holder.stager.at(holder.stager.local(TODAY + days * DAY, 20))
    assert len(await holder.stager.said("contact.requested.v1")) == asked


async def test_danger_takes_back_what_was_asked_for(holder: Holder) -> None:
    await in_arrears(holder.stager, "L1")
    await holder.stager.at(holder.stager.local(TODAY, 9))
    before = {fact["request_id"] for fact in await holder.stager.said("contact.requested.v1")}
    await holder.stager.tell(
        DangerReported(borrower_id="B1", contact_id="K1", at=at(holder.stager), sign="grave_illness")
    )
    withdrawn = {fact["request_id"] for fact in await holder.stager.said("contact.withdrawn.v1")}
    assert len(before) == 1
    assert before == withdrawn


async def test_hardship_holds_nothing_but_marks_the_case_and_calls_a_person(holder: Holder) -> None:
    await in_arrears(holder.stager, "L1")
    told = HardshipReported(borrower_id="B1", loan_id="L1", contact_id="K1", at=at(holder.stager))
    await holder.stager.tell(told)
    await holder.stager.tell(told)
    assert await holder.told() == []
    [task] = await holder.stager.said("task.opened.v1")
    assert task["kind"] == "human_review"
    shown = (await holder.client.get(f"/v1/cases/{task['case_id']}")).json()
    assert shown["flags"] == ["hardship"]


@pytest.mark.parametrize("said_of", [None, "L9"], ids=["of no loan", "of a loan"])
async def test_danger_of_someone_not_in_arrears_calls_a_trained_person_and_holds_what_begins(
    holder: Holder, said_of: str | None
) -> None:
    danger = DangerReported(
        borrower_id="B1", contact_id="K1", at=at(holder.stager), sign="self_harm", loan_id=said_of
    )
    fact = holder.stager.fact(danger)
    await holder.stager.take([fact], early=True)
    await holder.stager.take([fact])
    [task] = await holder.stager.said("task.opened.v1")
    assert (task["kind"], task["loan_id"]) == ("danger_sign", said_of or "B1")
    listed = (await holder.client.get("/v1/tasks")).json()["items"]
    assert [each["task_id"] for each in listed] == [task["task_id"]]
    assert (await holder.client.get(f"/v1/cases/{task['case_id']}")).status_code == 200
    await in_arrears(holder.stager, "L1")
    assert (await holder.told())[-1] == ("placed", "L1", "vulnerable")
    [entered] = await holder.stager.said("stage.entered.v1")
    assert entered["case_id"] != task["case_id"]


async def test_danger_after_the_arrears_is_work_of_the_last_case(holder: Holder) -> None:
    await in_arrears(holder.stager, "L1")
    [entered] = await holder.stager.said("stage.entered.v1")
    await holder.stager.tell(loan_cured(as_of=TODAY))
    await holder.stager.tell(
        DangerReported(borrower_id="B1", contact_id="K1", at=at(holder.stager), sign="threat")
    )
    task = (await holder.stager.said("task.opened.v1"))[-1]
    assert (task["kind"], task["loan_id"], task["case_id"]) == ("danger_sign", "L1", entered["case_id"])


async def test_hardship_of_someone_not_in_arrears_is_work_for_a_person_and_marks_no_case(
    holder: Holder,
) -> None:
    told = HardshipReported(borrower_id="B1", loan_id="L1", contact_id="K1", at=at(holder.stager))
    await holder.stager.tell(told)
    await holder.stager.tell(told)
    [task] = await holder.stager.said("task.opened.v1")
    assert (task["kind"], task["loan_id"]) == ("human_review", "L1")
    assert await holder.stager.rows("SELECT 1 FROM case_flag") == []


@pytest.mark.parametrize("overdue", [True, False])
async def test_a_complaint_is_work_for_a_person_until_it_is_closed(holder: Holder, overdue: bool) -> None:
    if overdue:
        await in_arrears(holder.stager, "L1")
    opened = holder.stager.fact(complaint(holder.stager))
    await holder.stager.take([opened], early=True)
    await holder.stager.take([opened])
    [task] = await holder.stager.said("task.opened.v1")
    assert task["kind"] == "human_review"
    await holder.stager.tell(ComplaintClosed(borrower_id="B1", complaint_id="C1", at=at(holder.stager)))
    [closed] = await holder.stager.said("task.closed.v1")
    assert (closed["task_id"], closed["reason"]) == (task["task_id"], "complaint_answered")
    await holder.stager.take([opened])
    assert len(await holder.stager.said("task.opened.v1")) == 1


async def test_what_nobody_understands_is_read_by_a_person_once(holder: Holder) -> None:
    await in_arrears(holder.stager, "L1")
    when = at(holder.stager)
    wrote = [
        InboundReceived(
            borrower_id="B1",
            contact_id=f"K-{meaning}",
            channel="sms",
            at=when,
            meaning=meaning,
            reply_until=when + DAY,
        )
        for meaning in ("opt_out", "danger", "other")
    ]
    facts = [holder.stager.fact(event) for event in wrote]
    await holder.stager.take(facts)
    await holder.stager.take(facts)
    opened = await holder.stager.said("task.opened.v1")
    assert [task["kind"] for task in opened] == ["human_review"]
