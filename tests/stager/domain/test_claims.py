"""Which money answers a claim: both sides of amount and date."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from stager.domain.claims import Claim, ClaimStatus, claim_facts, match_claim
from stager.domain.money import Money

DAY = timedelta(days=1)
PAID_ON = date(2026, 11, 20)
CLAIMED_AT = datetime(2026, 11, 20, 3, tzinfo=UTC)
CLAIM = Claim(
    hold_id="H1",
    loan_id="L1",
    borrower_id="B1",
    contact_id="K1",
    status=ClaimStatus.OPEN,
    claimed_at=CLAIMED_AT,
    check_at=None,
)


def found(
    money: Money, *, amount_minor: int | None = 320_000, taken: frozenset[str] = frozenset()
) -> str | None:
    facts = claim_facts(
        CLAIM, [money], paid_on=PAID_ON, amount_minor=amount_minor, within_days=3, taken=taken
    )
    return match_claim(facts).repayment_id


def money(
    amount_minor: int = 320_000, on: date = PAID_ON, *, hours: int = 24, reversed_on: date | None = None
) -> Money:
    return Money("L1", "R1", "B1", "CNY", amount_minor, on, CLAIMED_AT + timedelta(hours=hours), reversed_on)


@pytest.mark.parametrize(("days", "answers"), [(-4, False), (-3, True), (0, True), (3, True), (4, False)])
def test_a_value_date_within_three_days(days: int, answers: bool) -> None:
    assert found(money(on=PAID_ON + days * DAY)) == ("R1" if answers else None)


@pytest.mark.parametrize(("amount", "answers"), [(319_999, False), (320_000, True), (320_001, False)])
def test_the_amount_that_was_said(amount: int, answers: bool) -> None:
    assert found(money(amount)) == ("R1" if answers else None)


def test_without_an_amount_only_what_was_posted_after_the_claim() -> None:
    assert found(money(5, hours=0), amount_minor=None) == "R1"
    assert found(money(5, hours=-1), amount_minor=None) is None
    assert found(money(hours=-1)) == "R1"


def test_money_answers_once_and_not_when_it_was_taken_back() -> None:
    assert found(money(), taken=frozenset({"R1"})) is None
    assert found(money(reversed_on=PAID_ON + DAY)) is None
