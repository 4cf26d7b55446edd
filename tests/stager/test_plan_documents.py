"""A repayment plan as a document: each instalment, sums to the cent, waivers and their condition, or a refusal."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import docx
import pytest

from spine.amortisation import annuity, equal_split
from spine.documents.docx import to_docx
from spine.documents.model import Document, Table, placeholders
from spine.policy import load_policy, read_rule_files
from stager.domain.documents.facts import LoanFacts, PlanFacts
from stager.domain.documents.policy import DocumentPolicy, faults_of_documents
from stager.domain.documents.repayment_plan import compose_plan
from stager.domain.documents.stated import MissingField, SumsDiffer
from stager.domain.plans import Instalment, Method, Period, Plan, PlanState, PlanTerms, Structure

POLICY = load_policy(
    DocumentPolicy,
    read_rule_files("stager", None)["documents.yaml"],
    path="documents.yaml",
    faults=lambda each: faults_of_documents(each, ("DUE", "S1", "S2", "S3", "S4")),
).policy
LOAN = LoanFacts("L1", "consumer", "CNY", 6_000_000, date(2026, 1, 10), "overdue")
ON = date(2026, 11, 24)
PARTS = [(138_889, 0)] * 35 + [(138_885, 0)]


def due(n: int) -> date:
    return date(2026 + (11 + n) // 12, (11 + n) % 12 + 1, 10)


def terms(parts: list[tuple[int, int]] = PARTS, **changes: Any) -> PlanTerms:
    given: dict[str, Any] = {
        "currency": "CNY",
        "balance": Structure(principal=4_800_000, interest=150_000, penalty=50_000),
        "period": Period.MONTH,
        "method": Method.EQUAL,
        "annual_rate": "0",
        "instalments": tuple(
            Instalment(seq=n + 1, due_on=due(n), principal=principal, interest=interest)
            for n, (principal, interest) in enumerate(parts)
        ),
        "interest_accrues": False,
        "fees_accrue": False,
        "no_new_card": True,
        "rights": "可随时提前还款。",
        "breach": "任一期未在宽限期内支付，本协议终止。",
        "ability": 140_000,
        "credit_report": "按期履行期间按正常还款报送。",
    }
    return PlanTerms(**(given | changes))


def plan(agreed: PlanTerms | None = None) -> Plan:
    return Plan(
        plan_id="P1",
        loan_id="L1",
        borrower_id="B1",
        case_id="C1",
        partition=0,
        state=PlanState.DRAFT,
        turn=0,
        stage="S2",
        terms=agreed or terms(),
        grace_days=3,
        tolerance_minor=0,
        needs_approval=False,
        approvers=(),
        policy_digest="d",
        request_digest="r",
        proposed_by="anna",
        proposed_at=datetime(2026, 11, 24, tzinfo=UTC),
        sign_until_on=date(2026, 12, 8),
    )


def composed(made: Plan | None = None, locale: Any = "zh-CN", loan: LoanFacts = LOAN) -> Document:
    return compose_plan(PlanFacts(loan, made or plan(), ()), POLICY, locale, number="HK-2026-000001", on=ON)


def tables(document: Document) -> list[Table]:
    return [block for block in document.blocks if isinstance(block, Table)]


def test_each_instalment_stands_there_and_they_add_up_to_the_balance() -> None:
    balance, schedule = tables(composed())
    assert balance.total == ("合计", "CNY 50,000.00")
    assert len(schedule.rows) == 36
    assert schedule.rows[0] == ("1", "2026-12-10", "1,388.89", "1,388.89", "0.00", "48,611.11")
    assert schedule.rows[-1][2] == "1,388.85"
    assert schedule.rows[-1][-1] == "0.00"
    assert schedule.total is not None
    assert schedule.total[2:5] == ("50,000.00", "50,000.00", "0.00")
    paid = sum(Decimal(row[2].replace(",", "")) for row in schedule.rows)
    assert paid == Decimal("50000.00")


def test_a_plan_of_equal_payments_shows_its_interest() -> None:
    parts = [(each.principal, each.interest) for each in annuity(5_000_000, Decimal("0.06"), 12)]
    agreed = terms(parts, method=Method.ANNUITY, annual_rate="0.06", interest_accrues=True)
    _, schedule = tables(composed(plan(agreed), "en"))
    assert schedule.rows[0][2] == "4,303.32"
    assert schedule.rows[-1][2] == "4,303.34"
    text = str(composed(plan(agreed), "en"))
    assert "Interest of 6 % a year" in text
    assert "equal payments with interest" in text


@pytest.mark.parametrize(
    ("rate", "accrues", "said"),
    [
        ("0", True, "interest, penalty and compound interest go on as the contract says"),
        ("0", False, "No interest, penalty or compound interest is charged"),
        ("0.0001", True, "Interest of 0.01 % a year is charged"),
    ],
)
def test_a_rate_of_nothing_is_not_printed(rate: str, accrues: bool, said: str) -> None:
    text = str(composed(plan(terms(annual_rate=rate, interest_accrues=accrues)), "en"))
    assert said in text
    assert "Interest of 0 %" not in text


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"credit_report": None}, "credit_report"),
        ({"rights": ""}, "rights"),
        ({"breach": ""}, "breach"),
    ],
)
def test_a_mandatory_term_left_out_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(MissingField, match=f"^{field}:"):
        composed(plan(terms(**change)))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"product": None}, "product"),
        ({"disbursed_minor": None}, "disbursed_amount"),
        ({"disbursed_on": None}, "disbursed_on"),
        ({"loan_id": ""}, "contract"),
    ],
)
def test_a_fact_of_the_loan_that_is_not_known_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(MissingField, match=f"^{field}:"):
        composed(loan=replace(LOAN, **change))


def test_a_schedule_that_misses_the_balance_by_a_cent_is_no_document() -> None:
    with pytest.raises(SumsDiffer, match=r"^balance:"):
        composed(plan(terms([(138_889, 0)] * 35 + [(138_884, 0)])))


def test_who_agreed_and_how_stands_there() -> None:
    draft, signed = composed(), composed(replace(plan(), signature="SIG-7"))
    assert "待借款人签署" in str(draft)
    assert "签署编号 SIG-7" in str(signed)
    assert "录音编号 REC-1" in str(composed(replace(plan(), recording="REC-1")))


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
def test_it_is_a_file_that_opens_in_either_language(locale: str) -> None:
    document = composed(locale=locale)
    values = dict.fromkeys(placeholders(document), "张三")
    file = docx.Document(BytesIO(to_docx(document, values)))
    cells = [cell.text for table in file.tables for row in table.rows for cell in row.cells]
    assert "1,388.85" in cells
    assert "张三" in cells
    stop = "停止一切催收" if locale == "zh-CN" else "stop all collection"
    assert any(stop in paragraph.text for paragraph in file.paragraphs)


def test_equal_parts_are_those_of_the_house() -> None:
    assert [principal for principal, _ in PARTS] == list(equal_split(5_000_000, 36))
