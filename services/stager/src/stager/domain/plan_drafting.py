"""Draws up a repayment plan: everything that must be said is said, within the limits, exact to the minor unit."""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from spine.amortisation import Part, annuity, equal_split
from spine.money import format_minor, parse_minor
from stager.domain.plan_policy import LONGEST_MONTHS, PlanLimit, PlanPolicy
from stager.domain.plans import (
    Instalment,
    Method,
    Period,
    PlanBeyondLimits,
    PlanIncomplete,
    PlanTerms,
    StatedPlan,
    months_of,
)

#: What every plan says; the first of them that is missing is named.
MANDATORY: Final = (
    "balance",
    "currency",
    "period",
    "method",
    "instalments",
    "first_due_on",
    "annual_rate",
    "interest_accrues",
    "fees_accrue",
    "no_new_card",
    "rights",
    "breach",
    "ability",
    "willing",
)


#: Changes when the same facts would be drawn up otherwise.
ENGINE: Final = "plan-terms/1"


class DraftFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All that a plan is drawn up from; amounts in minor units of `currency`."""

    loan_id: str
    stated: StatedPlan
    stage: str
    product: str
    currency: str
    outstanding_principal: int
    today: date


def draw_up(facts: DraftFacts, policy: PlanPolicy) -> tuple[PlanTerms, PlanLimit]:
    """The terms of a plan with their schedule, and the limit it was drawn up by.

    Raises PlanIncomplete for what is missing or not promised, PlanBeyondLimits for what the limit does not allow.
    """
    limit = policy.limit_for(facts.stage, facts.product)
    if limit is None:
        raise PlanBeyondLimits(
            f"stage: no plan is made of {facts.product} in stage {facts.stage}", field="stage"
        )
    terms = _complete(facts.stated)
    if terms.currency != facts.currency:
        raise PlanBeyondLimits(f"currency: the loan is in {facts.currency}", field="currency")
    for field, fault in _faults(terms, limit, facts.today, facts.outstanding_principal):
        raise PlanBeyondLimits(f"{field}: {fault}", field=field)
    return terms, limit


def _complete(stated: StatedPlan) -> PlanTerms:
    for name in MANDATORY:
        if getattr(stated, name) in (None, ""):
            raise PlanIncomplete(f"{name}: every plan says this", field=name)
    if not stated.no_new_card:
        raise PlanIncomplete("no_new_card: the borrower promises to take no new card", field="no_new_card")
    if not stated.willing:
        raise PlanIncomplete("willing: a plan needs the borrower's willingness to pay", field="willing")
    # All are there now, which the type of each cannot say.
    assert stated.balance and stated.period and stated.method and stated.first_due_on and stated.annual_rate
    assert stated.instalments is not None and stated.ability is not None
    if stated.balance.total <= 0:
        raise PlanBeyondLimits("balance: there is nothing to pay", field="balance")
    if stated.instalments < 1 or months_of(stated.instalments, stated.period) > LONGEST_MONTHS:
        raise PlanBeyondLimits(f"instalments: 1 to {LONGEST_MONTHS} months", field="instalments")
    rate = Decimal(stated.annual_rate)
    if rate and not (stated.method is Method.ANNUITY and stated.interest_accrues):
        raise PlanBeyondLimits(
            "annual_rate: only an annuity bears interest, and only where interest accrues",
            field="annual_rate",
        )
    return PlanTerms(
        currency=stated.currency or "",
        balance=stated.balance,
        period=stated.period,
        method=stated.method,
        annual_rate=stated.annual_rate,
        instalments=schedule(
            stated.balance.total,
            stated.instalments,
            stated.first_due_on,
            period=stated.period,
            method=stated.method,
            annual_rate=rate,
        ),
        interest_accrues=bool(stated.interest_accrues),
        fees_accrue=bool(stated.fees_accrue),
        no_new_card=True,
        rights=stated.rights or "",
        breach=stated.breach or "",
        ability=stated.ability,
        credit_report=stated.credit_report,
    )


def _faults(terms: PlanTerms, limit: PlanLimit, today: date, principal: int) -> Iterator[tuple[str, str]]:
    """What the limit does not allow, as (field, what is wrong)."""
    currency, first = terms.currency, terms.instalments[0].due_on
    largest = max(each.total for each in terms.instalments)
    least = parse_minor(limit.min_instalment, currency)
    if terms.balance.principal > principal:
        owed = format_minor(principal, currency)
        yield "balance.principal", f"{owed} is all the principal that is outstanding"
    if terms.months > limit.max_months:
        yield "instalments", f"{limit.max_months} months at most, these are {terms.months}"
    if first <= today:
        yield "first_due_on", "is not after today"
    if first > today + timedelta(days=limit.first_due_within_days):
        yield "first_due_on", f"is more than {limit.first_due_within_days} days ahead"
    if Decimal(terms.annual_rate) > Decimal(limit.max_annual_rate):
        yield "annual_rate", f"{limit.max_annual_rate} at most"
    if min(each.total for each in terms.instalments[:-1] or terms.instalments) < least:
        yield "instalments", f"each is {limit.min_instalment} at least"
    if terms.ability >= terms.balance.total:
        yield "ability", "who can pay all at once needs no plan but a promise"
    if terms.ability < largest:
        yield "ability", f"an instalment of {format_minor(largest, currency)} is more than can be paid"


def due_dates(first: date, count: int, period: Period) -> Iterator[date]:
    """The dates of the instalments: the same day of each month (its last where there is none), or every n weeks."""
    for number in range(count):
        if period is Period.MONTH:
            months = first.month - 1 + number
            year, month = first.year + months // 12, months % 12 + 1
            yield date(year, month, min(first.day, calendar.monthrange(year, month)[1]))
        else:
            yield first + timedelta(weeks=number * (2 if period is Period.FORTNIGHT else 1))


def schedule(
    balance: int, count: int, first_due_on: date, *, period: Period, method: Method, annual_rate: Decimal
) -> tuple[Instalment, ...]:
    """The instalments of a balance, exact to the minor unit: the last takes the remainder."""
    parts: Sequence[Part]
    if method is Method.EQUAL:
        parts = [Part(part, 0) for part in equal_split(balance, count)]
    else:
        parts = annuity(balance, annual_rate, count, per_year=period.per_year)
    dates = due_dates(first_due_on, count, period)
    return tuple(
        Instalment(seq=seq, due_on=due_on, principal=part.principal, interest=part.interest)
        for seq, (due_on, part) in enumerate(zip(dates, parts, strict=True), start=1)
    )
