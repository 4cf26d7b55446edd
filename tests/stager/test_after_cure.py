"""After the cure, and what credit bureaus are told: thanks, corrections by their deadline, money that bounces."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from spine.events.notifier import FiredRule, MessageFact, MessageFailed, MessageSuppressed, PermitUnreported
from tests.stager.figures import DUE_ON, loan_cured, loan_overdue, loan_settled
from tests.stager.people import DAY, Desk, desk_of
from tests.stager.promising import paid, taken_back
from tests.stager.stand import Stand


@pytest.fixture
async def desk(stager: Stand) -> AsyncIterator[Desk]:
    async with desk_of(stager) as made:
        await made.member("anna")
        await made.member("lea", roles=["lead"])
        await made.member("cora", roles=["compliance"])
        yield made


async def tasks(desk: Desk, kind: str) -> list[Any]:
    return await desk.stager.rows(
        "SELECT task_id, reason, status, due_at, sla_at, end_reason, case_id FROM task WHERE kind = :kind"
        " ORDER BY opened_at, task_id",
        kind=kind,
    )


async def told(desk: Desk, kind: str) -> list[tuple[str, str]]:
    return sorted((task.reason, task.status) for task in await tasks(desk, kind))


async def cure(desk: Desk, value_date: date, *, on: date | None = None, hour: int = 15) -> None:
    """Money of a value date is posted, and nothing is overdue any more."""
    day = on or desk.day
    desk.stager.set_time(desk.stager.local(day, hour))
    money = paid(desk.stager, f"R-{value_date}-{day}", "1001.35", value_date)
    posted = msgspec.structs.replace(money, posted_at=desk.stager.local(day, hour))
    await desk.stager.tell(posted, loan_cured(as_of=day))


async def bounce(desk: Desk, repayment_id: str, on: date) -> None:
    desk.stager.set_time(desk.stager.local(on, 15))
    back = taken_back(repayment_id, "1001.35", on)
    await desk.stager.tell(back, loan_overdue(zero_on=DUE_ON, as_of=on))


def last_day(desk: Desk, task: Any) -> date:
    """The last business date on which the task is in time."""
    zone = desk.stager.runtime.zone
    at: date = (task.sla_at - timedelta(seconds=1)).astimezone(zone).date()
    return at


async def asked(desk: Desk) -> list[dict[str, Any]]:
    """The texts of thanks that were asked for."""
    said = await desk.stager.said("contact.requested.v1")
    return [dict(fact) for fact in said if fact["template"] == "thanks-sms"]


async def refused(desk: Desk, rule: str, fact: type[MessageFact] = MessageSuppressed) -> None:
    """The notifier does not send the last text of thanks."""
    request = (await asked(desk))[-1]
    told = {name: request[name] for name in _TOLD}
    rules = (FiredRule(id=rule, verdict="deny"),)
    at = await desk.stager.runtime.clock.now()
    await desk.stager.tell(fact(**told, message_id="M1", at=at, policy="cn", rules=rules))


_TOLD = ("borrower_id", "loan_id", "request_id", "channel", "purpose", "stage", "step", "template")


async def test_who_has_paid_is_thanked_once_within_a_day_inside_hours(desk: Desk) -> None:
    case_id = await desk.a_case()
    await cure(desk, desk.day, hour=21)
    [text] = await asked(desk)
    assert (text["purpose"], text["channel"], text["case_id"]) == ("service", "sms", case_id)
    assert datetime.fromisoformat(text["expires_at"]) == desk.at(20, days=1)
    assert await tasks(desk, "after_cure") == []


async def test_a_person_thanks_where_no_message_can(desk: Desk) -> None:
    case_id = await desk.a_case()
    await cure(desk, desk.day, hour=21)
    for _ in range(2):
        await refused(desk, "NO-ADDRESS")
    [task] = await tasks(desk, "after_cure")
    assert (task.reason, task.case_id) == ("thanks", case_id)
    assert (task.due_at, task.sla_at) == (desk.at(9, days=1), desk.at(20, days=1))


@pytest.mark.parametrize("rule", ["ALREADY-THANKED", "FENCE-in_arrears"])
async def test_nobody_thanks_twice_or_for_what_is_owed_again(desk: Desk, rule: str) -> None:
    await desk.a_case()
    await cure(desk, desk.day)
    await refused(desk, rule)
    assert await tasks(desk, "after_cure") == []


async def test_who_still_owes_on_another_loan_is_not_thanked_yet(desk: Desk) -> None:
    await desk.a_case()
    await desk.a_case("L2")
    await cure(desk, desk.day)
    assert await asked(desk) == []
    await desk.stager.tell(loan_settled("L2", as_of=desk.day))
    assert len(await asked(desk)) == 1


@pytest.mark.parametrize(("reason", "count"), [("paid", 1), ("sold", 0), ("closed", 0)])
async def test_only_who_has_paid_is_thanked(desk: Desk, reason: Any, count: int) -> None:
    await desk.a_case()
    await desk.stager.tell(loan_settled(as_of=desk.day, reason=reason))
    assert len(await asked(desk)) == count


async def test_the_family_of_who_has_died_is_not_thanked(desk: Desk) -> None:
    await desk.a_case()
    body = {"kind": "bereavement", "by": "cora", "reason": "told by the branch"}
    await desk.post("/v1/borrowers/B1/holds", body, 201)
    await cure(desk, desk.day)
    assert await asked(desk) == []


async def test_the_work_of_the_arrears_ends_with_them(desk: Desk) -> None:
    case_id = await desk.a_case()
    for kind in ("call", "visit", "document", "preparation", "referral"):
        await desk.a_task(case_id, kind)
    await cure(desk, desk.day)
    await refused(desk, "NO-ADDRESS")
    rows = await desk.stager.rows("SELECT kind FROM task WHERE status = 'open'")
    assert [row.kind for row in rows] == ["after_cure"]


async def test_thanks_for_money_that_bounced_are_not_said_and_those_said_are_put_right(desk: Desk) -> None:
    await desk.a_case()
    await cure(desk, desk.day)
    await refused(desk, "NO-ADDRESS")
    await bounce(desk, f"R-{desk.day}-{desk.day}", desk.day + DAY)
    [task] = await tasks(desk, "after_cure")
    assert (task.status, task.end_reason) == ("cancelled", "bounced")
    # Paid again, thanked, and bounced again.
    again = desk.day + 2 * DAY
    await cure(desk, again, on=again)
    await refused(desk, "NO-ADDRESS", MessageFailed)
    [task] = [each for each in await tasks(desk, "after_cure") if each.status == "open"]
    await desk.stager.run_timers()
    await desk.post(f"/v1/tasks/{task.task_id}/claim", {"by": "anna"})
    await desk.post(f"/v1/tasks/{task.task_id}/complete", {"by": ["anna"]})
    await bounce(desk, f"R-{again}-{again}", again + DAY)
    assert await told(desk, "after_cure") == [
        ("correct_thanks", "open"),
        ("thanks", "cancelled"),
        ("thanks", "done"),
    ]


@pytest.mark.parametrize(("value_date", "count"), [(DUE_ON, 1), (DUE_ON - DAY, 1), (DUE_ON + DAY, 0)])
async def test_money_on_time_that_was_posted_late_corrects_the_report(
    desk: Desk, value_date: date, count: int
) -> None:
    await desk.a_case()
    await cure(desk, value_date)
    found = await tasks(desk, "credit_report")
    assert len(found) == count
    for task in found:
        # Monday; two business days on.
        assert (task.reason, last_day(desk, task)) == ("on_time_money", desk.day + 2 * DAY)


async def test_arrears_that_were_real_for_a_while_are_not_corrected(desk: Desk) -> None:
    await desk.a_case()
    part = paid(desk.stager, "R1", "1.00", DUE_ON + 6 * DAY)
    await desk.stager.tell(part)
    await cure(desk, DUE_ON)
    assert await tasks(desk, "credit_report") == []


async def test_a_correction_for_money_that_bounced_is_no_longer_wanted(desk: Desk) -> None:
    await desk.a_case()
    await cure(desk, DUE_ON)
    await bounce(desk, f"R-{DUE_ON}-{desk.day}", desk.day + DAY)
    assert await told(desk, "credit_report") == [("on_time_money", "cancelled")]


async def test_two_business_days_leave_out_a_holiday(desk: Desk) -> None:
    # The Wednesday before National Day.
    on = date(2026, 9, 30)
    desk.stager.set_time(desk.stager.local(on, 9))
    await desk.stager.tell(loan_overdue(zero_on=date(2026, 9, 25), as_of=on))
    await cure(desk, date(2026, 9, 25), on=on)
    [task] = await tasks(desk, "credit_report")
    assert last_day(desk, task) == date(2026, 10, 9)


async def lifted(desk: Desk, kind: str, findings: dict[str, str]) -> None:
    await desk.a_case()
    body = {"kind": kind, "by": "cora", "reason": "said so"}
    hold = await desk.post("/v1/loans/L1/holds", body, 201)
    lift = {"by": "cora", "reason": "looked into", "findings": findings}
    await desk.post(f"/v1/holds/{hold['hold_id']}/lift", lift)


async def test_a_dispute_that_was_won_corrects_the_report_and_one_that_was_not_does_not(desk: Desk) -> None:
    answered = {"verified": "figures checked", "answered": "letter of today"}
    await lifted(desk, "dispute", answered)
    assert await tasks(desk, "credit_report") == []
    body = {"kind": "dispute", "by": "cora", "reason": "again"}
    hold = await desk.post("/v1/loans/L1/holds", body, 201)
    lift = {"by": "cora", "reason": "right", "findings": {**answered, "upheld": "was charged twice"}}
    await desk.post(f"/v1/holds/{hold['hold_id']}/lift", lift)
    assert await told(desk, "credit_report") == [("dispute_won", "open")]
    [shown] = (await desk.get(f"/v1/cases/{(await tasks(desk, 'credit_report'))[0].case_id}/clocks"))["loans"]
    assert [each["ground"] for each in shown["corrections"]] == ["dispute_won"]


async def test_a_written_finding_on_fraud_corrects_the_report(desk: Desk) -> None:
    await lifted(desk, "fraud_claim", {"finding": "the signature is forged"})
    assert await told(desk, "credit_report") == [("fraud_finding", "open")]


async def test_nothing_adverse_is_reported_before_a_notice_arrived(desk: Desk) -> None:
    case_id = await desk.a_case()
    path, today = f"/v1/cases/{case_id}/credit-reports", desk.day
    report = {"loan_id": "L1", "on": today.isoformat(), "reference": "batch 7", "by": "lea"}
    assert (await desk.post(path, report, 409))["code"] == "credit_notice_missing"
    notice = {**report, "reference": "receipt 3", "by": "anna"}
    await desk.post(f"{path}/notices", notice, 201)
    early = {**report, "on": (today - DAY).isoformat()}
    assert (await desk.post(path, early, 409))["code"] == "credit_notice_missing"
    assert (await desk.post(path, {**report, "by": "anna"}, 403))["code"] == "not_allowed"
    made = await desk.post(path, report, 201, Idempotency_Key="k1")
    assert await desk.post(path, report, 200, Idempotency_Key="k1") == made
    body = {"kind": "dispute", "by": "cora", "reason": "said so"}
    await desk.post("/v1/loans/L1/holds", body, 201)
    assert (await desk.post(path, report, 409))["code"] == "credit_report_held"


async def test_a_permit_nobody_reported_is_asked_after_once(desk: Desk) -> None:
    case_id = await desk.a_case()
    at = await desk.stager.runtime.clock.now()
    silent = PermitUnreported(
        borrower_id="B1",
        loan_id="L1",
        permit_id="P1",
        channel="call",
        purpose="collection",
        at=at,
        by="anna",
        policy="cn",
    )
    for _ in range(2):
        await desk.stager.tell(silent)
    [task] = [each for each in await tasks(desk, "human_review") if each.reason == "permit_unreported"]
    assert (task.status, task.case_id) == ("open", case_id)
