"""Turns what core banking states of a loan into the facts that the domain folds; pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Final

import msgspec

from ledger.domain.calendars import Calendar
from ledger.domain.facts import (
    BorrowerId,
    Component,
    GraceRule,
    HolidayRule,
    Instalment,
    LoanFacts,
    LoanId,
    Overpayment,
    PenaltyRule,
    Repayment,
    Shape,
    Terms,
)
from ledger.policy import House, complete
from spine.errors import BadAmount, BadSchema
from spine.events.corebanking import LoanOpened, LoanTerms, RepaymentPosted
from spine.money import decimals_of, parse_minor

#: Beyond these nothing is a loan. With them a century of accrued penalty stays in the range of a bigint.
MAX_MINOR: Final = 10**14
MAX_ANNUAL_RATE: Final = Decimal(100)


def resolved_terms(event: LoanOpened, house: House) -> LoanTerms:
    """The terms a loan states, completed by those of its product. Raises BadSchema for an unknown calendar."""
    stated = event.terms or LoanTerms()
    terms = complete(stated, house.terms_of_product(event.product))
    if terms.calendar is not None and terms.calendar not in house.calendars:
        raise BadSchema(f"terms.calendar: no calendar {terms.calendar[:40]!r}", field="terms.calendar")
    return terms


def facts_of(event: LoanOpened, terms: LoanTerms, calendars: Mapping[str, Calendar]) -> LoanFacts:
    """The facts of a newly opened loan. Raises BadAmount or BadSchema for what no ledger can carry."""
    currency = event.currency
    annual_rate = Decimal(event.annual_rate)
    read = domain_terms(terms, currency, calendars)
    rule = read.penalty
    if max(annual_rate * max(rule.multiplier, Decimal(1)), rule.annual_rate or 0) > MAX_ANNUAL_RATE:
        raise BadAmount(f"annual_rate: with penalty it is beyond {MAX_ANNUAL_RATE}", field="annual_rate")
    schedule = tuple(
        Instalment(
            row.seq,
            row.due_on,
            parse_minor(row.principal, currency),
            parse_minor(row.interest, currency),
            parse_minor(row.fee, currency),
        )
        for row in event.schedule
    )
    if sum(row.principal + row.interest + row.fee for row in schedule) > MAX_MINOR:
        raise BadAmount("schedule: the amounts are beyond what a loan can be", field="schedule")
    return LoanFacts(
        loan_id=LoanId(event.loan_id),
        borrower_id=BorrowerId(event.borrower_id),
        product=event.product,
        currency=currency,
        principal=parse_minor(event.principal, currency),
        annual_rate=annual_rate,
        opened_on=event.opened_on,
        schedule=schedule,
        terms=read,
    )


def repayment_of(event: RepaymentPosted) -> Repayment:
    """The money of a posting. Raises BadAmount."""
    amount = parse_minor(event.amount, event.currency)
    if amount > MAX_MINOR:
        raise BadAmount(f"amount: {event.amount} is beyond what a loan can be", field="amount")
    return Repayment(event.repayment_id, amount, event.value_date, event.posted_at)


def domain_terms(terms: LoanTerms, currency: str, calendars: Mapping[str, Calendar]) -> Terms:
    """Complete terms as the domain reads them; `tolerance` in minor units of the loan's currency."""
    penalty, allocation = terms.penalty, terms.allocation
    if penalty is None or allocation is None or terms.tolerance is None:
        raise BadSchema("terms: they are not complete", field="terms")
    return Terms(
        grace_days=terms.grace_days or 0,
        grace_rule=GraceRule(terms.grace_rule or GraceRule.FROM_DUE),
        holiday_rule=HolidayRule(terms.holiday_rule or HolidayRule.NONE),
        calendar=calendars[terms.calendar] if terms.calendar is not None else None,
        day_count=terms.day_count or 360,
        penalty=PenaltyRule(
            multiplier=Decimal(penalty.multiplier) if penalty.multiplier else PenaltyRule().multiplier,
            annual_rate=Decimal(penalty.annual_rate) if penalty.annual_rate else None,
            compound_on_interest=penalty.compound_on_interest,
            all_in_cap=Decimal(penalty.all_in_cap) if penalty.all_in_cap else None,
        ),
        shape=Shape(allocation.shape),
        order=tuple(Component(name) for name in allocation.order),
        tolerance=_house_amount(terms.tolerance, currency),
        overpayment=Overpayment(terms.overpayment or Overpayment.CREDIT),
    )


def _house_amount(text: str, currency: str) -> int:
    """Minor units of an amount that may be stated without regard to a currency: 10.00 are 10 yen."""
    return int(Decimal(text).scaleb(decimals_of(currency)))


class KeptTerms:
    """Reads the terms kept with loans; most loans share theirs, so each text is parsed once."""

    def __init__(self, calendars: Mapping[str, Calendar]) -> None:
        self._calendars = calendars
        self.read = lru_cache(maxsize=4096)(self._read)

    def _read(self, text: str, currency: str) -> Terms:
        return domain_terms(msgspec.json.decode(text, type=LoanTerms), currency, self._calendars)


def kept(terms: LoanTerms) -> str:
    """The text under which a loan's terms are kept."""
    return msgspec.json.encode(terms).decode()
