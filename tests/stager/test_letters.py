"""Letters that strategies name: advance notice of credit reporting, validation notice, closure letter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.stager.figures import DUE_ON, loan_cured
from tests.stager.stand import Stand, stand
from tests.stager.test_documents import a_case, breakdown, door, pdf_text, post

DAY = timedelta(days=1)
NOTHING = dict.fromkeys(("principal", "interest", "fee", "penalty", "compound"), "0.00")


def itemised() -> dict[str, Any]:
    """The lines of L1 with what each item came from: 100.00 was paid on an instalment of 13,100.00."""
    items = breakdown()["items"]
    items[0] |= {
        "stated": NOTHING | {"principal": "12900.00", "interest": "200.00", "total": "13100.00"},
        "accrued": [{"component": "penalty", "rounded": "1.35"}],
        "allocations": [{"component": "interest", "amount": "100.00"}],
    }
    items[1] |= {"stated": NOTHING | {"fee": "20.00", "total": "20.00"}}
    return {"items": items}


async def text_of(stager: Stand, case_id: str, kind: str, locale: str, **known: Any) -> str:
    async with door(stager, **known) as client:
        made = await post(client, case_id, kind=kind, locale=locale)
        assert made.status_code == 201, made.text
        return (
            (await pdf_text(client, case_id, made.json()["document_id"])).replace("\n", "").replace(" ", "")
        )


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        (
            "zh-CN",
            ["征信报送事先告知书", "ZX-2026-000001", "13,021.35", "2026年11月10日", "送达您之前", "异议"],
        ),
        ("en", ["AdvanceNoticeofCreditReporting", "13,021.35", "10November2026", "nationalcreditregistry"]),
    ],
)
async def test_an_advance_notice_says_what_will_be_reported_and_how_to_avert_it(
    stager: Stand, locale: str, said: list[str]
) -> None:
    case_id = await a_case(stager)
    text = await text_of(stager, case_id, "credit_report_notice", locale)
    assert [word for word in said if word not in text] == []


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("zh-CN", ["债务核实通知书", "13,100.00", "-100.00", "1.35", "20.00", "13,021.35", "2026年12月20日"]),
        ("en", ["ValidationNotice", "13,100.00", "-100.00", "13,021.35", "20December2026", "dispute"]),
    ],
)
async def test_a_validation_notice_itemises_the_debt_and_says_until_when_to_dispute_it(
    stager: Stand, locale: str, said: list[str]
) -> None:
    case_id = await a_case(stager)
    text = await text_of(stager, case_id, "validation_notice", locale, lines=itemised())
    # Five business days after Friday 13 November, then thirty days.
    assert [word for word in said if word not in text] == []


async def test_without_its_itemisation_a_debt_is_not_validated(stager: Stand) -> None:
    case_id = await a_case(stager)
    lines = itemised()
    lines["items"][0]["allocations"] = []
    async with door(stager) as client:
        unknown = await post(client, case_id, kind="validation_notice")
    async with door(stager, lines=lines) as client:
        wrong = await post(client, case_id, kind="validation_notice")
    assert (unknown.status_code, unknown.json()["field"]) == (422, "itemisation")
    assert (wrong.status_code, wrong.json()["code"]) == (409, "sums_differ")


@pytest.mark.parametrize(
    ("locale", "said"), [("zh-CN", ["感谢您的还款", "8,000.00"]), ("en", ["Thankyou", "8,000.00"])]
)
async def test_a_closure_letter_thanks_and_says_what_goes_on(
    stager: Stand, locale: str, said: list[str]
) -> None:
    case_id = await a_case(stager)
    await stager.tell(loan_cured(as_of=DUE_ON + 3 * DAY))
    contract = {"status": "current", "outstanding_principal": "8000.00"}
    text = await text_of(stager, case_id, "closure_letter", locale, contract=contract)
    assert [word for word in said if word not in text] == []
    assert not any(word in text for word in ("逾期", "罚息", "arrears", "penalty"))


async def test_nobody_is_thanked_while_something_is_overdue_or_what_is_left_is_unknown(stager: Stand) -> None:
    case_id = await a_case(stager)
    async with door(stager, contract={"status": "overdue"}) as client:
        early = await post(client, case_id, kind="closure_letter")
        await stager.tell(loan_cured(as_of=DUE_ON + 3 * DAY))
        again = await post(client, case_id, kind="closure_letter")
    async with door(stager, contract={"status": "current"}) as client:
        blank = await post(client, case_id, kind="closure_letter")
    assert [a.json()["field"] for a in (early, again, blank)] == [
        "arrears_ended_on",
        "arrears_ended_on",
        "outstanding_principal",
    ]


async def test_a_task_to_send_a_letter_is_not_done_before_the_letter_is_made(
    make_database: Callable[[], Awaitable[str]],
) -> None:
    async with stand(make_database) as stager:
        case_id = await a_case(stager, days=61)
        await stager.at(stager.local(DUE_ON + 61 * DAY, 9, 30))
        [task] = [t for t in await stager.said("task.opened.v1") if t["kind"] == "document"]
        done = f"/v1/tasks/{task['task_id']}/complete"
        async with door(stager) as client:
            await client.post(f"/v1/tasks/{task['task_id']}/claim", json={"by": "anna"})
            early = await client.post(done, json={"by": ["anna"]})
            await post(client, case_id, kind="credit_report_notice")
            other = await client.post(done, json={"by": ["anna"]})
            await post(client, case_id, key="k2")
            good = await client.post(done, json={"by": ["anna"]})
        for refused in (early.json(), other.json()):
            assert (refused["status"], refused["code"], refused["document"]) == (
                409,
                "document_missing",
                "overdue_notice",
            )
            assert f"POST /v1/cases/{case_id}/documents" in refused["detail"]
        assert (good.status_code, good.json()["status"]) == (200, "done")


async def test_the_first_contact_waits_for_the_letters_of_the_stage(
    make_database: Callable[[], Awaitable[str]],
) -> None:
    async with stand(make_database) as stager:
        case_id = await a_case(stager, days=61)
        day = DUE_ON + 61 * DAY
        await stager.at(stager.local(day, 10))
        rows = await stager.rows("SELECT step, status, reason FROM contact_request ORDER BY step")
        assert [tuple(row) for row in rows] == [
            ("formal-notice", "skipped", "preparation_documents"),
            ("overdue-notice", "tasked", None),
        ]
        async with door(stager) as client:
            assert (await post(client, case_id)).status_code == 201
        await stager.close(day)
        await stager.at(stager.local(day + DAY, 10))
        [asked] = await stager.said("contact.requested.v1")
        assert asked["step"] == "formal-notice"
