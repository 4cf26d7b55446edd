"""The breakdown of a loan as others read it: decimal strings, exact sums beside what they were rounded to."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from typing import Final, Literal, assert_never

from typing_extensions import TypedDict

from ledger.domain.breakdown import (
    Accrual,
    Allocation,
    Breakdown,
    ClosedBook,
    ItemBreakdown,
    Use,
    WaivedPart,
)
from ledger.domain.facts import Charge, Chargeback, Component, Instalment
from ledger.domain.position import LoanStatus
from ledger.domain.waterfall import CarriedPenalty, Source
from ledger.figures import OverdueFigures, overdue
from spine.money import decimals_of, format_minor

#: An exact amount may never end; so many decimals of it are shown.
EXACT_DECIMALS: Final = 6

ItemKind = Literal["instalment", "charge", "chargeback", "carried_penalty"]


class RateFigures(TypedDict):
    """A yearly penalty rate; `uncapped` is what it would be without the all-in cap."""

    yearly: str
    loan_rate: str
    multiplier: str | None
    uncapped: str
    capped: bool


class AccrualFigures(TypedDict):
    """amount x yearly rate x days / day_count over [from, to); `exact` has at most six decimals."""

    component: Component
    from_on: date
    to_on: date
    amount: str
    rate: RateFigures
    days: int
    paused_days: int
    frozen_days: int
    day_count: int
    exact: str


class AccruedFigures(TypedDict):
    """What accrued of a component: the exact sum, rounded once, and the difference that rounding made."""

    component: Component
    exact: str
    rounded: str
    rounding: str


class AllocationFigures(TypedDict):
    """Money put on a component; without an id it was paid before the loan was taken over."""

    repayment_id: str | None
    value_date: date | None
    applied_on: date | None
    use: Use
    component: Component
    amount: str


class WaivedFigures(TypedDict):
    """What a waiver took off a component; `anew`: it had been waived before the schedule was replaced."""

    waiver_id: str
    effective_on: date
    applied_on: date
    anew: bool
    component: Component
    amount: str


class ItemFigures(TypedDict):
    """One item. `id`: the number of an instalment, the id of a charge or of the repayment charged back."""

    kind: ItemKind
    id: str | None
    due_on: date
    effective_due_on: date
    late_on: date | None
    counted_days: int
    stated: OverdueFigures
    accruals: list[AccrualFigures]
    accrued: list[AccruedFigures]
    allocations: list[AllocationFigures]
    waived: list[WaivedFigures]
    unpaid: OverdueFigures


class ClosedBookFigures(TypedDict):
    """What accrued under a schedule that was replaced on `until_on`; `carried` became one penalty item."""

    until_on: date
    items: list[ItemFigures]
    carried: str


class BreakdownFigures(TypedDict):
    """How the arrears of a loan at the end of a date came about; items due before `as_of` sum to `overdue`."""

    loan_id: str
    borrower_id: str
    currency: str
    as_of: date
    status: LoanStatus
    dpd: int
    grace_days: int
    items: list[ItemFigures]
    closed_books: list[ClosedBookFigures]
    overdue: OverdueFigures
    overpaid: str


def itemised(found: Breakdown) -> BreakdownFigures:
    """The figures of a breakdown."""
    facts, position, currency = found.facts, found.position, found.facts.currency
    return BreakdownFigures(
        loan_id=facts.loan_id,
        borrower_id=facts.borrower_id,
        currency=currency,
        as_of=position.as_of,
        status=position.status,
        dpd=position.dpd,
        grace_days=facts.terms.grace_days,
        items=[_item(item, currency) for item in found.items],
        closed_books=[_closed(book, currency) for book in found.closed],
        overdue=overdue(position.overdue, currency),
        overpaid=format_minor(position.overpaid, currency),
    )


def exact_amount(minor: Fraction, currency: str) -> str:
    """An exact amount in minor units as a decimal string, of six decimals at most and the currency's at least."""
    digits = decimals_of(currency)
    with localcontext(prec=60):
        value = Decimal(minor.numerator) / Decimal(minor.denominator)
        value = value.scaleb(-digits).quantize(Decimal(1).scaleb(-EXACT_DECIMALS), ROUND_HALF_EVEN)
        whole = value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN)
        return f"{(whole if whole == value else value.normalize()) + 0:f}"


def item_kind(source: Source) -> tuple[ItemKind, str | None]:
    """What an item is, and what it is known by."""
    match source:
        case Instalment():
            return "instalment", str(source.seq)
        case Charge():
            return "charge", source.id
        case Chargeback():
            return "chargeback", source.repayment_id
        case CarriedPenalty():
            return "carried_penalty", None
    assert_never(source)


def _closed(book: ClosedBook, currency: str) -> ClosedBookFigures:
    return ClosedBookFigures(
        until_on=book.until_on,
        items=[_item(item, currency) for item in book.items],
        carried=format_minor(book.carried, currency),
    )


def _item(item: ItemBreakdown, currency: str) -> ItemFigures:
    kind, id = item_kind(item.source)
    accrued = ((Component.PENALTY, item.penalty), (Component.COMPOUND, item.compound))
    return ItemFigures(
        kind=kind,
        id=id,
        due_on=item.due_on,
        effective_due_on=item.effective_due_on,
        late_on=item.late_on,
        counted_days=item.counted_days,
        stated=overdue(item.stated, currency),
        accruals=[_accrual(each, currency) for each in item.accruals],
        accrued=[
            _accrued(component, item.exact(component), posted, currency)
            for component, posted in accrued
            if any(each.component is component for each in item.accruals)
        ],
        allocations=[_allocation(each, currency) for each in item.allocations],
        waived=[_waived(each, currency) for each in item.waived],
        unpaid=overdue(item.unpaid, currency),
    )


def _accrued(component: Component, exact: Fraction, posted: int, currency: str) -> AccruedFigures:
    return AccruedFigures(
        component=component,
        exact=exact_amount(exact, currency),
        rounded=format_minor(posted, currency),
        rounding=exact_amount(posted - exact, currency),
    )


def _accrual(each: Accrual, currency: str) -> AccrualFigures:
    rate = each.rate
    return AccrualFigures(
        component=each.component,
        from_on=each.from_on,
        to_on=each.to_on,
        amount=format_minor(each.amount, currency),
        rate=RateFigures(
            yearly=f"{rate.yearly:f}",
            loan_rate=f"{rate.loan_rate:f}",
            multiplier=None if rate.multiplier is None else f"{rate.multiplier:f}",
            uncapped=f"{rate.uncapped:f}",
            capped=rate.capped,
        ),
        days=each.days,
        paused_days=each.paused_days,
        frozen_days=each.frozen_days,
        day_count=each.day_count,
        exact=exact_amount(each.exact, currency),
    )


def _allocation(each: Allocation, currency: str) -> AllocationFigures:
    return AllocationFigures(
        repayment_id=each.repayment_id,
        value_date=each.value_date,
        applied_on=each.applied_on,
        use=each.use,
        component=each.component,
        amount=format_minor(each.amount, currency),
    )


def _waived(each: WaivedPart, currency: str) -> WaivedFigures:
    return WaivedFigures(
        waiver_id=each.waiver_id,
        effective_on=each.effective_on,
        applied_on=each.applied_on,
        anew=each.anew,
        component=each.component,
        amount=format_minor(each.amount, currency),
    )
