"""Builders of loan facts for tests: short notation, amounts as decimal strings."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from ledger.domain.facts import (
    BorrowerId,
    Instalment,
    LoanFacts,
    LoanId,
    PenaltyRule,
    Repayment,
    Terms,
)
from ledger.domain.position import position
from spine.money import format_minor, parse_minor


def cny(text: str) -> int:
    """Minor units of an amount."""
    return parse_minor(text, "CNY")


def money(minor: int) -> str:
    return format_minor(minor, "CNY")


def on(text: str) -> date:
    """A date of 2026 as "11-20", or a whole ISO date."""
    return date.fromisoformat(text if len(text) > 5 else f"2026-{text}")


def due(seq: int, day: str, principal: str, interest: str = "0", fee: str = "0") -> Instalment:
    return Instalment(seq, on(day), cny(principal), cny(interest), cny(fee))


def paid(
    amount: str, day: str, id: str = "", *, posted: str | None = None, reversed_on: str | None = None
) -> Repayment:
    posted_on = on(posted or day)
    at = datetime(posted_on.year, posted_on.month, posted_on.day, 4, tzinfo=UTC)
    gone = on(reversed_on) if reversed_on else None
    return Repayment(id or f"{day}:{amount}", cny(amount), on(day), at, gone)


def terms(*, multiplier: str = "1.5", compound: bool = False, cap: str | None = None, **rest: Any) -> Terms:
    rule = PenaltyRule(
        multiplier=Decimal(multiplier),
        compound_on_interest=compound,
        all_in_cap=Decimal(cap) if cap else None,
    )
    return Terms(penalty=rule, **rest)


def loan(*schedule: Instalment, rate: str = "0.12", opened: str = "2026-01-01", **rest: Any) -> LoanFacts:
    return LoanFacts(
        loan_id=LoanId("L-1"),
        borrower_id=BorrowerId("B-1"),
        product="consumer",
        currency="CNY",
        principal=sum(row.principal for row in schedule),
        annual_rate=Decimal(rate),
        opened_on=on(opened),
        schedule=schedule,
        **rest,
    )


def penalty(facts: LoanFacts, day: str) -> str:
    """The penalty overdue at the end of a day."""
    return money(position(facts, on(day)).overdue.penalty)
