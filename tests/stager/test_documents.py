"""Documents over REST: every mandatory field or a refusal that names it, sums to the cent, made once an episode."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from io import BytesIO
from typing import Any

import docx
import httpx
import pytest
from pypdf import PdfReader
from sqlalchemy.exc import DBAPIError

from stager.books import Books
from tests.stager.figures import DUE_ON, loan_cured, loan_overdue
from tests.stager.promising import rest, team
from tests.stager.stand import Stand

DAY = timedelta(days=1)
TOKEN = "t" * 32
NOTICE = {"kind": "overdue_notice", "loan_id": "L1", "by": "anna"}


def breakdown(locale: str = "zh-CN") -> dict[str, Any]:
    """What a ledger says of L1: one instalment and a fee."""
    nothing = dict.fromkeys(("principal", "interest", "fee", "penalty", "compound"), "0.00")
    return {
        "loan_id": "L1",
        "currency": "CNY",
        "as_of": "2026-11-13",
        "status": "overdue",
        "dpd": 3,
        "items": [
            {
                "kind": "instalment",
                "id": "3",
                "due_on": "2026-11-10",
                "unpaid": nothing
                | {"principal": "12900.00", "interest": "100.00", "penalty": "1.35", "total": "13001.35"},
            },
            {
                "kind": "charge",
                "id": "F1",
                "due_on": "2026-11-11",
                "unpaid": nothing | {"fee": "20.00", "total": "20.00"},
            },
            {
                "kind": "instalment",
                "id": "4",
                "due_on": "2026-12-10",
                "unpaid": nothing | {"principal": "900.00", "total": "900.00"},
            },
        ],
        "overdue": nothing
        | {
            "principal": "12900.00",
            "interest": "100.00",
            "fee": "20.00",
            "penalty": "1.35",
            "total": "13021.35",
        },
        "sentences": [f"{locale}: 12900.00 x 0.0005 x 3"],
    }


CONTRACT = {
    "loan_id": "L1",
    "product": "consumer",
    "currency": "CNY",
    "principal": "30000.00",
    "opened_on": "2026-08-10",
    "as_of": "2026-11-13",
    "status": "overdue",
}


@asynccontextmanager
async def door(
    stager: Stand, *, contract: dict[str, Any] | None = None, lines: dict[str, Any] | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    def ledger(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/breakdown"):
            return httpx.Response(200, json=breakdown(request.url.params["locale"]) | (lines or {}))
        return httpx.Response(200, json=CONTRACT | (contract or {}))

    transport = httpx.MockTransport(ledger)
    stager.service.state["books"] = Books("http://ledger", lambda: TOKEN, transport=transport)
    async with rest(stager) as made:
        yield made


async def a_case(stager: Stand, days: int = 3) -> str:
    await team(stager, anna=["collector"], lea=["lead"], eva=["engineer"])
    as_of = DUE_ON + days * DAY
    stager.set_time(stager.local(as_of, 0, 5))
    await stager.tell(loan_overdue(as_of=as_of))
    await stager.close(as_of - DAY)
    stager.set_time(stager.local(as_of, 9))
    [entered] = await stager.said("stage.entered.v1")
    return str(entered["case_id"])


async def post(client: httpx.AsyncClient, case_id: str, key: str = "k1", **body: Any) -> httpx.Response:
    return await client.post(
        f"/v1/cases/{case_id}/documents", json=NOTICE | body, headers={"Idempotency-Key": key}
    )


async def pdf_text(client: httpx.AsyncClient, case_id: str, document_id: str) -> str:
    answer = await client.get(f"/v1/cases/{case_id}/documents/{document_id}/file")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    return "".join(page.extract_text() for page in PdfReader(BytesIO(answer.content)).pages)


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
async def test_a_notice_says_all_it_must_in_either_language(stager: Stand, locale: str) -> None:
    case_id = await a_case(stager)
    async with door(stager) as client:
        made = (await post(client, case_id, locale=locale)).json()
        text = (await pdf_text(client, case_id, made["document_id"])).replace("\n", "").replace(" ", "")
    said = ["YQ-2026-000001", "30,000.00", "12,900.00", "100.00", "1.35", "20.00", "13,021.35", "2026-11-10"]
    said += [f"{locale}:12900.00x0.0005x3"]
    said += (
        [
            "贷款逾期通知书",
            "示例消费金融",
            "盖章",
            "2026年8月10日",
            "3天",
            "还款方式",
            "异议",
            "投诉专线",
            "送达",
        ]
        if locale == "zh-CN"
        else [
            "NoticeofOverdueLoan",
            "SampleConsumerFinance",
            "seal",
            "10August2026",
            "3days",
            "Howtopay",
            "Complaintsline",
        ]
    )
    assert [word for word in said if word not in text] == []
    assert made["placeholders"] == ["borrower.address", "borrower.id_masked", "borrower.name"]
    # What comes later is not due, and what may follow is not said before the formal stage.
    assert "2026-12-10" not in text
    assert not any(word in text for word in ("诉讼", "court"))


async def test_what_may_follow_is_said_from_the_formal_stage_on(stager: Stand) -> None:
    case_id = await a_case(stager, days=61)
    async with door(stager) as client:
        made = (await post(client, case_id)).json()
        text = await pdf_text(client, case_id, made["document_id"])
    assert "诉讼" in text


async def test_a_docx_has_the_same_figures(stager: Stand) -> None:
    case_id = await a_case(stager)
    async with door(stager) as client:
        made = (await post(client, case_id)).json()
        path = f"/v1/cases/{case_id}/documents/{made['document_id']}/file"
        answer = await client.get(path, params={"format": "docx"})
        again = await client.get(path, params={"format": "docx"})
    assert answer.content == again.content
    file = docx.Document(BytesIO(answer.content))
    cells = [cell.text for table in file.tables for row in table.rows for cell in row.cells]
    assert "13,021.35" in cells
    assert "CNY 30,000.00 · 2026年8月10日" in cells


@pytest.mark.parametrize(
    ("contract", "lines", "field"),
    [
        ({"product": ""}, {}, "product"),
        ({}, {"sentences": []}, "formula"),
    ],
)
async def test_a_mandatory_field_that_is_not_known_is_named(
    stager: Stand, contract: dict[str, Any], lines: dict[str, Any], field: str
) -> None:
    case_id = await a_case(stager)
    async with door(stager, contract=contract, lines=lines) as client:
        answer = await post(client, case_id)
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (
        422,
        "missing_field",
        field,
    )
    assert await stager.rows("SELECT 1 FROM document") == []


async def test_a_cent_that_is_too_much_makes_no_document(stager: Stand) -> None:
    case_id = await a_case(stager)
    wrong = breakdown()["overdue"] | {"total": "13021.36"}
    other = breakdown()["overdue"] | {"penalty": "1.36", "total": "13021.36"}
    async with door(stager, lines={"overdue": wrong}) as client:
        answer = await post(client, case_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "sums_differ")
    async with door(stager, lines={"overdue": other}) as client:
        answer = await post(client, case_id)
    assert answer.json()["detail"].startswith("penalty:")


async def test_it_is_made_once_an_episode_unless_said_why(stager: Stand) -> None:
    case_id = await a_case(stager)
    async with door(stager) as client:
        first = await post(client, case_id)
        again = await post(client, case_id)
        other = await post(client, case_id, key="k2")
        english = await post(client, case_id, key="k3", locale="en")
        anew = await post(client, case_id, key="k4", reissue="returned by the post")
        listed = (await client.get(f"/v1/cases/{case_id}/documents")).json()
        reused = await post(client, case_id, locale="en")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["number"] == first.json()["number"]
    assert (other.status_code, other.json()["code"]) == (409, "document_exists")
    assert other.json()["document_id"] == first.json()["document_id"]
    assert english.status_code == 201
    assert (anew.json()["reissue"], anew.json()["reissue_reason"]) == (1, "returned by the post")
    # A refusal uses no number up.
    numbers = sorted(item["number"] for item in listed["items"])
    assert numbers == ["YQ-2026-000001", "YQ-2026-000002", "YQ-2026-000003"]
    assert reused.status_code == 409


async def test_a_document_stays_as_it_was_made(stager: Stand) -> None:
    case_id = await a_case(stager)
    async with door(stager) as client:
        await post(client, case_id)
    for statement in ("UPDATE document SET body = ''", "DELETE FROM document"):
        with pytest.raises(DBAPIError, match="stays as made"):
            await stager.rows(statement)


async def test_delivery_is_recorded_once_with_its_proof(stager: Stand) -> None:
    case_id = await a_case(stager)
    async with door(stager) as client:
        made = (await post(client, case_id)).json()
        path = f"/v1/cases/{case_id}/documents/{made['document_id']}/delivery"
        at = stager.local(DUE_ON + 5 * DAY, 15)
        early = await client.post(path, json=_delivery(at))
        stager.set_time(stager.local(DUE_ON + 6 * DAY, 9))
        told = await client.post(path, json=_delivery(at))
        twice = await client.post(path, json=_delivery(at + DAY / 2))
        shown = (await client.get(f"/v1/cases/{case_id}/documents/{made['document_id']}")).json()
    assert early.status_code == 422
    assert (told.status_code, twice.status_code) == (201, 200)
    assert shown["delivery"]["proof_ref"] == "EMS-1"
    assert shown["delivery"]["delivered_at"] == told.json()["delivered_at"] == twice.json()["delivered_at"]


def _delivery(at: Any) -> dict[str, str]:
    return {"delivered_at": at.isoformat(), "way": "registered_letter", "proof_ref": "EMS-1", "by": "anna"}


async def test_who_may_not_and_what_is_not_there(stager: Stand) -> None:
    case_id = await a_case(stager)
    async with door(stager) as client:
        engineer = await post(client, case_id, by="eva")
        stranger = await post(client, case_id, by="nobody")
        foreign = await post(client, case_id, loan_id="L9")
        certificate = await post(client, case_id, kind="settlement_certificate")
        no_plan = await post(client, case_id, kind="repayment_plan")
        none = await client.get(f"/v1/cases/{case_id}/documents/none")
    codes = [answer.json()["code"] for answer in (engineer, stranger, foreign, certificate)]
    assert codes[0] == "not_allowed"
    assert codes[1] == "member_unknown"
    assert foreign.status_code == 422
    assert (certificate.status_code, certificate.json()["field"]) == (422, "settled_on")
    assert (no_plan.status_code, none.status_code) == (422, 404)


async def test_a_settled_loan_has_its_certificate(stager: Stand) -> None:
    case_id = await a_case(stager)
    await stager.tell(loan_cured(as_of=DUE_ON + 3 * DAY))
    stager.set_time(stager.local(DUE_ON + 30 * DAY, 9))
    async with door(stager, contract={"status": "settled", "settled_on": "2026-11-12"}) as client:
        made = (await post(client, case_id, kind="settlement_certificate")).json()
        text = await pdf_text(client, case_id, made["document_id"])
        notice = await post(client, case_id, key="k2")
    assert "贷款结清证明" in text
    # The day of the last money, not that of the certificate, which stands there as its date alone.
    assert text.count("2026年11月12日") == 2
    assert text.count("2026年12月10日") == 1
    assert (notice.status_code, notice.json()["code"]) == (409, "conflict")


async def test_a_silent_ledger_makes_nothing(stager: Stand) -> None:
    case_id = await a_case(stager)
    stager.service.state["books"] = Books("", lambda: TOKEN)
    async with rest(stager) as client:
        answer = await post(client, case_id)
    assert (answer.status_code, answer.json()["code"]) == (503, "ledger_silent")
    assert "TACT_STAGER_LEDGER_URL" in answer.json()["detail"]


async def test_a_very_long_way_to_a_figure_is_printed_whole(stager: Stand) -> None:
    case_id = await a_case(stager)
    lines = [f"line {n}." for n in range(400)]
    async with door(stager, lines={"sentences": lines}) as client:
        made = (await post(client, case_id)).json()
        text = await pdf_text(client, case_id, made["document_id"])
    assert "line 399." in text


async def test_a_document_that_could_not_be_read_again_is_not_made(stager: Stand) -> None:
    case_id = await a_case(stager)
    async with door(stager, lines={"sentences": ["x"] * 3000}) as client:
        answer = await post(client, case_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "document_too_long")
    assert await stager.rows("SELECT 1 FROM document") == []
