"""Random loans for the properties: small, but with every kind of fact, close together so that edges meet.

Every strategy is built once: building them anew in each example would cost more than the ledger itself.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar

from hypothesis import strategies as st

from ledger.domain.facts import (
    BorrowerId,
    Charge,
    Chargeback,
    ChargeKind,
    Component,
    GraceRule,
    HolidayRule,
    Instalment,
    LoanFacts,
    LoanId,
    Overpayment,
    PaidPart,
    Pause,
    PenaltyRule,
    RateChange,
    Repayment,
    Reschedule,
    Shape,
    Terms,
    Waiver,
)
from tests.ledger.domain.calendars import ChosenDays

T = TypeVar("T")

FIRST = date(2026, 1, 10)
HORIZON_DAYS = 100

CALENDAR = ChosenDays(
    holidays=frozenset(FIRST + timedelta(days=day) for day in (12, 13, 14, 40, 41)),
    workdays=frozenset({date(2026, 1, 17), date(2026, 2, 28)}),
)

# Half of the days come from a few that lie a grace or a night apart, so that facts meet on one day.
_MEETING = (0, 1, 2, 11, 12, 13, 15, 40, 41, 43, 44, 60, 61, 90)
days = st.sampled_from([FIRST + timedelta(days=day) for day in (*_MEETING * 7, *range(HORIZON_DAYS + 1))])
some_rates = st.sampled_from([Decimal(text) for text in ("0", "0.12", "0.144", "0.0435", "0.18")])
# Half of the amounts are those of whole instalments, or of their parts.
amounts = st.sampled_from([1_000, 1_100, 1_150, 2_000, 500] * 500 + list(range(1, 2_501)))


def rarely(strategy: st.SearchStrategy[tuple[T, ...]]) -> st.SearchStrategy[tuple[T, ...]]:
    """Rare kinds stay rare, so that plain loans are tried too."""
    nothing: st.SearchStrategy[tuple[T, ...]] = st.just(())
    return st.sampled_from([nothing, nothing, nothing, strategy]).flatmap(lambda chosen: chosen)


def _terms(parts: tuple[Any, ...]) -> Terms:
    grace, grace_rule, holiday_rule, base, own, cap, compound, shape, order, tolerance, overpayment = parts
    return Terms(
        grace_days=grace,
        grace_rule=grace_rule,
        holiday_rule=holiday_rule,
        calendar=CALENDAR,
        day_count=base,
        penalty=PenaltyRule(annual_rate=own, all_in_cap=cap, compound_on_interest=compound),
        shape=shape,
        order=tuple(order),
        tolerance=tolerance,
        overpayment=overpayment,
    )


_default_order = st.just(list(Component))
_terms_drawn = st.tuples(
    st.sampled_from([0, 0, 1, 3, 10]),
    st.sampled_from(GraceRule),
    st.sampled_from(HolidayRule),
    st.sampled_from([360, 365]),
    st.none() | some_rates,
    st.sampled_from([None, Decimal("0.2")]),
    st.booleans(),
    st.sampled_from(Shape),
    _default_order | st.permutations(list(Component)),
    st.sampled_from([0, 0, 10, 100]),
    st.sampled_from(Overpayment),
).map(_terms)


def some_terms() -> st.SearchStrategy[Terms]:
    return _terms_drawn


_rows = st.lists(
    st.tuples(days, st.sampled_from([1_000, 995, 0]), st.sampled_from([0, 100]), st.sampled_from([0, 50])),
    min_size=1,
    max_size=4,
)


@lru_cache(maxsize=8)
def instalments(first_seq: int) -> st.SearchStrategy[tuple[Instalment, ...]]:
    return _rows.map(
        lambda rows: tuple(Instalment(first_seq + number, *row) for number, row in enumerate(rows))
    )


def _repayments(rows: list[tuple[int, date, date, date | None]]) -> tuple[Repayment, ...]:
    return tuple(
        Repayment(f"R{number}", amount, on, datetime.combine(posted, time(), UTC), gone)
        for number, (amount, on, posted, gone) in enumerate(rows)
    )


repayments = st.lists(st.tuples(amounts, days, days, st.none() | days), max_size=5).map(_repayments)
pauses = st.lists(st.tuples(days, st.none() | days), max_size=2).map(
    lambda found: tuple(Pause(*each) for each in found if each[1] is None or each[1] > each[0])
)
charges = st.tuples(st.sampled_from(["C1", "C2"]), st.sampled_from(ChargeKind), amounts, days).map(
    lambda parts: Charge(*parts)
)
chargebacks = st.tuples(st.sampled_from(["R0", "R1"]), amounts, days).map(lambda parts: Chargeback(*parts))
rate_changes = st.tuples(days, some_rates).map(lambda parts: RateChange(*parts))
reschedules = st.tuples(
    days, st.lists(st.sampled_from([1, 2, 3, 4]), unique=True, max_size=4).map(tuple), instalments(11)
).map(lambda parts: Reschedule(*parts))


_parts_waived = st.tuples(*[st.sampled_from([0, 0, 3, 50, 100, 1_000, 5_000])] * 5)


def _waivers(rows: list[tuple[date, date | None, tuple[int, ...], bool]]) -> tuple[Waiver, ...]:
    return tuple(
        Waiver(f"W{number}", datetime.combine(at, time(), UTC), on, taken if on else (), settlement)
        for number, (at, on, taken, settlement) in enumerate(rows)
    )


waivers = st.lists(st.tuples(days, days | st.none(), _parts_waived, st.booleans()), max_size=3).map(_waivers)


def _loan(parts: tuple[Any, ...]) -> LoanFacts:
    (
        schedule,
        terms,
        rate,
        cut_over,
        money,
        charged,
        backs,
        paused,
        resumed,
        freezes,
        changed,
        again,
        waived,
    ) = parts
    return LoanFacts(
        loan_id=LoanId("L"),
        borrower_id=BorrowerId("B"),
        product="p",
        currency="CNY",
        principal=sum(row.principal for row in schedule),
        annual_rate=rate,
        opened_on=date(2026, 1, 1),
        schedule=schedule,
        terms=terms,
        paid_before=tuple(PaidPart(1, min(each, schedule[0].principal)) for each in cut_over),
        repayments=money,
        charges=tuple({each.id: each for each in charged}.values()),
        chargebacks=tuple(backs),
        pauses=paused,
        resumed_on=tuple(resumed),
        freezes=freezes,
        rate_changes=tuple({each.effective_on: each for each in changed}.values()),
        reschedules=tuple({each.effective_on: each for each in again}.values()),
        waivers=waived,
    )


_loans = st.tuples(
    instalments(1),
    some_terms(),
    some_rates,
    rarely(st.just((400,))),
    repayments,
    st.lists(charges, max_size=2),
    st.lists(chargebacks, max_size=1),
    pauses,
    st.lists(days, max_size=1),
    rarely(pauses),
    st.lists(rate_changes, max_size=2),
    rarely(st.lists(reschedules, max_size=2).map(tuple)),
    rarely(waivers),
).map(_loan)


def loans() -> st.SearchStrategy[LoanFacts]:
    """A loan with any mix of facts."""
    return _loans
