"""One person, one case: loans that come due together share one contact, and share what stops it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from spine.events.notifier import MessageAccepted
from stager.handlers.preparation import waive
from tests.stager.figures import DUE_ON, loan_cured, loan_overdue
from tests.stager.promising import team
from tests.stager.stand import Stand, stand
from tests.stager.treatment import answer, write_strategy

DAY = timedelta(days=1)


@pytest.fixture
async def stager(
    make_database: Callable[[], Awaitable[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stand]:
    monkeypatch.setenv("TACT_POLICY_DIR", str(write_strategy(tmp_path / "policies")))
    async with stand(make_database) as made:
        yield made


async def enter(stager: Stand, **days: int) -> date:
    """Loans of one borrower with so many days past due, all in their stages on the same morning."""
    today = DUE_ON + 31 * DAY
    await stager.tell(
        *[loan_overdue(loan, "B1", zero_on=today - dpd * DAY, as_of=today) for loan, dpd in days.items()]
    )
    await stager.close(today - DAY)
    return today


async def goes_without_its_notice(stager: Stand, loan_id: str) -> None:
    """A lead takes it upon themselves that the letter with which the stage begins is not made yet."""
    await team(stager, lea=["lead"])
    [case] = await stager.rows("SELECT case_id FROM collection_case")
    said = {"item": "documents", "reason": "made by hand", "by": "lea"}
    async with stager.runtime.transaction() as tx:
        await waive(tx, stager.service.state["house"], case_id=case.case_id, loan_id=loan_id, **said)


async def rows(stager: Stand) -> list[tuple[str, str, str, str | None]]:
    found = await stager.rows(
        "SELECT loan_id, step, status, reason FROM contact_request ORDER BY decided_at, loan_id, step"
    )
    return [tuple(row) for row in found]


async def test_two_loans_of_one_stage_are_one_message_and_one_call(stager: Stand) -> None:
    today = await enter(stager, L1=1, L2=3)
    await stager.at(stager.local(today, 10))
    [request] = await stager.said("contact.requested.v1")
    assert (request["loan_id"], request["covers"], request["template"]) == ("L1", ["L2"], "s1-warm-sms")
    covered = f"covered_by:{request['request_id']}"
    assert await rows(stager) == [("L1", "warm", "open", None), ("L2", "warm", "skipped", covered)]
    [row] = await stager.rows("SELECT covered_by FROM contact_request WHERE loan_id = 'L2'")
    assert row.covered_by == request["request_id"]
    await answer(stager, MessageAccepted, request)
    await stager.at(stager.local(today, 12))
    assert [task["loan_id"] for task in await stager.said("task.opened.v1")] == ["L1"]


async def test_the_severest_stage_gives_the_effort_and_the_mildest_the_words(stager: Stand) -> None:
    today = await enter(stager, L1=1, L2=40, L3=70)
    await goes_without_its_notice(stager, "L3")
    await stager.at(stager.local(today, 10))
    messages = await stager.said("contact.requested.v1")
    assert [(m["loan_id"], m["stage"], m["step"], m["covers"]) for m in messages] == [
        ("L3", "S3", "formal", ["L1", "L2"])
    ]
    assert messages[0]["template"] == "s1-warm-sms"
    # The notice is about one contract: it is made for it alone.
    assert ("L3", "notice", "tasked", None) in await rows(stager)


async def test_other_people_are_other_conversations(stager: Stand) -> None:
    today = DUE_ON + DAY
    await stager.tell(loan_overdue("L1", "B1"), loan_overdue("L2", "B2"))
    await stager.close(DUE_ON)
    await stager.at(stager.local(today, 10))
    requests = await stager.said("contact.requested.v1")
    assert sorted((str(r["loan_id"]), len(r.get("covers", []))) for r in requests) == [("L1", 0), ("L2", 0)]


async def test_a_cure_of_a_covered_loan_takes_the_message_back_and_the_other_is_asked_anew(
    stager: Stand,
) -> None:
    today = await enter(stager, L1=1, L2=3)
    await stager.at(stager.local(today, 10))
    [first] = await stager.said("contact.requested.v1")
    await stager.at(stager.local(today, 11))
    await stager.tell(loan_cured("L2", "B1", as_of=today))
    [withdrawn] = await stager.said("contact.withdrawn.v1")
    assert (withdrawn["request_id"], withdrawn["reason"]) == (first["request_id"], "cured")
    await stager.run_timers()
    [_, again] = await stager.said("contact.requested.v1")
    assert (again["loan_id"], again["step"], again.get("covers", [])) == ("L1", "warm", [])
    assert again["request_id"] != first["request_id"]


async def test_a_cure_of_the_leading_loan_leaves_the_word_to_the_other(stager: Stand) -> None:
    today = await enter(stager, L1=1, L2=3)
    await stager.at(stager.local(today, 10))
    await stager.tell(loan_cured("L1", "B1", as_of=today))
    await stager.run_timers()
    [_, again] = await stager.said("contact.requested.v1")
    assert (again["loan_id"], again["step"]) == ("L2", "warm")
    assert len(await stager.said("contact.withdrawn.v1")) == 1


async def test_a_hold_on_a_covered_loan_stops_the_common_message(stager: Stand) -> None:
    today = await enter(stager, L1=1, L2=3)
    async with stager.runtime.transaction() as tx:
        await tx.execute(
            "INSERT INTO hold (hold_id, loan_id, borrower_id, kind, placed_at, freezes_interest)"
            " VALUES ('H1', 'L2', 'B1', 'dispute', :now, false)",
            now=tx.now,
        )
    await stager.at(stager.local(today, 10))
    [request] = await stager.said("contact.requested.v1")
    assert (request["loan_id"], request.get("covers", [])) == ("L1", [])
    assert ("L2", "warm", "skipped", "hold_dispute") in await rows(stager)
