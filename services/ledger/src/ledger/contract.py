"""Turns what core banking states of a loan into the facts that the domain folds; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from ledger.domain.facts import (
    BorrowerId,
    Component,
    GraceRule,
    HolidayRule,
    Instalment,
    LoanFacts,
    LoanId,
    Overpayment,
    PaidPart,
    PenaltyRule,
    Repayment,
    Shape,
    Terms,
)
from ledger.domain.statement_check import Figures
from ledger.policy import House, complete, house_amount
from spine.business_days import Calendar
from spine.calendars import Calendars
from spine.errors import BadAmount, BadSchema
from spine.events.corebanking import ArrearsStated, LoanContract, LoanImported, LoanTerms
from spine.events.corebanking import Instalment as StatedInstalment
from spine.events.payments import RepaymentPosted
from spine.money import parse_minor

#: Beyond these nothing is a loan. With them a century of accrued penalty stays in the range of a bigint.
MAX_MINOR: Final = 10**14
MAX_ANNUAL_RATE: Final = Decimal(100)


def resolved_terms(event: LoanContract, house: House) -> LoanTerms:
    """The terms a loan states, completed by those of its product. Raises BadSchema for an unknown calendar."""
    return completed_terms(event, house.terms_of_product(event.product), house.calendars)


def completed_terms(event: LoanContract, default: LoanTerms, calendars: Calendars) -> LoanTerms:
    """The terms a loan states, completed by `default`. Raises BadSchema for an unknown calendar."""
    terms = complete(event.terms or LoanTerms(), default)
    if terms.calendar is not None and terms.calendar not in calendars:
        raise BadSchema(f"terms.calendar: {calendars.refusal(terms.calendar)}", field="terms.calendar")
    return terms


def facts_of(event: LoanContract, terms: LoanTerms, calendars: Mapping[str, Calendar]) -> LoanFacts:
    """The facts of a new loan. Raises BadAmount or BadSchema for what no ledger can carry."""
    currency = event.currency
    annual_rate = Decimal(event.annual_rate)
    read = domain_terms(terms, currency, calendars)
    if not within_rate_limit(annual_rate, read.penalty):
        raise BadAmount(f"annual_rate: with penalty it is beyond {MAX_ANNUAL_RATE}", field="annual_rate")
    return LoanFacts(
        loan_id=LoanId(event.loan_id),
        borrower_id=BorrowerId(event.borrower_id),
        product=event.product,
        currency=currency,
        principal=parse_minor(event.principal, currency),
        annual_rate=annual_rate,
        opened_on=event.opened_on,
        schedule=instalments_of(event.schedule, currency),
        terms=read,
        paid_before=paid_parts_of(event) if isinstance(event, LoanImported) else (),
    )


def instalments_of(rows: Sequence[StatedInstalment], currency: str) -> tuple[Instalment, ...]:
    """The instalments of a schedule. Raises BadAmount for amounts that no loan has."""
    schedule = tuple(
        Instalment(
            row.seq,
            row.due_on,
            parse_minor(row.principal, currency),
            parse_minor(row.interest, currency),
            parse_minor(row.fee, currency),
        )
        for row in rows
    )
    if sum(row.principal + row.interest + row.fee for row in schedule) > MAX_MINOR:
        raise BadAmount("schedule: the amounts are beyond what a loan can be", field="schedule")
    return schedule


def paid_parts_of(event: LoanImported) -> tuple[PaidPart, ...]:
    """What had been paid on the instalments of a loan that was taken over."""
    currency = event.currency
    return tuple(
        PaidPart(
            part.seq,
            parse_minor(part.principal, currency),
            parse_minor(part.interest, currency),
            parse_minor(part.fee, currency),
        )
        for part in event.paid
    )


def repayment_of(event: RepaymentPosted) -> Repayment:
    """The money of a posting. Raises BadAmount."""
    return Repayment(
        event.repayment_id, bounded(event.amount, event.currency), event.value_date, event.posted_at
    )


def figures_stated(event: ArrearsStated, currency: str) -> Figures:
    """The figures of a statement. Raises BadAmount."""
    principal, interest, penalty = event.overdue_principal, event.overdue_interest, event.penalty
    return Figures(
        event.days_past_due,
        bounded(principal, currency, field="overdue_principal"),
        bounded(interest, currency, field="overdue_interest"),
        bounded(penalty, currency, field="penalty") if penalty is not None else None,
    )


def bounded(amount: str, currency: str, *, field: str = "amount") -> int:
    """Minor units of an amount that a loan can have. Raises BadAmount."""
    minor = parse_minor(amount, currency, field=field)
    if minor > MAX_MINOR:
        raise BadAmount(f"{field}: {amount} is beyond what a loan can be", field=field)
    return minor


def within_rate_limit(annual_rate: Decimal, rule: PenaltyRule) -> bool:
    """Whether a loan can bear this rate with its penalty."""
    return max(annual_rate * max(rule.multiplier, Decimal(1)), rule.annual_rate or 0) <= MAX_ANNUAL_RATE


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
        tolerance=house_amount(terms.tolerance, currency),
        overpayment=Overpayment(terms.overpayment or Overpayment.CREDIT),
    )


class KeptTerms:
    """Reads the terms kept with loans; most loans share theirs, so each text is parsed once.

    `zone` is the lender's, in which instants become business dates.
    """

    def __init__(self, calendars: Mapping[str, Calendar], zone: ZoneInfo) -> None:
        self._calendars = calendars
        self.zone = zone
        self.read = lru_cache(maxsize=4096)(self._read)

    def _read(self, text: str, currency: str) -> Terms:
        return domain_terms(msgspec.json.decode(text, type=LoanTerms), currency, self._calendars)


def kept(terms: LoanTerms) -> str:
    """The text under which a loan's terms are kept."""
    return msgspec.json.encode(terms).decode()
