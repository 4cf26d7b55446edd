"""The breakdown in words: the trade's worked examples as a borrower reads them, in both languages."""

from __future__ import annotations

from decimal import Decimal
from string import Formatter

import pytest
from msgspec.structs import replace

from ledger.domain.breakdown import Use, breakdown
from ledger.domain.facts import (
    Charge,
    Chargeback,
    ChargeKind,
    Closure,
    ClosureReason,
    Component,
    HolidayRule,
    LoanFacts,
    PaidPart,
    Pause,
    PenaltyRule,
    Reschedule,
    Terms,
)
from ledger.phrases import EN, ZH_CN, Locale, Phrases
from ledger.sentences import sentences
from tests.ledger.domain.calendars import ChosenDays
from tests.ledger.domain.loans import cny, due, loan, on, paid, terms


def told(facts: LoanFacts, day: str, locale: Locale = Locale.EN) -> list[str]:
    return sentences(breakdown(facts, on(day)), locale)


#: M4: a part payment on the tenth day.
PART_PAID = loan(
    due(1, "03-01", "2950.00", "250.00"),
    rate="0.144",
    terms=terms(compound=True),
    repayments=(paid("1000.00", "03-11", "R-1"),),
)
#: M6: two instalments, a fee on the first.
TWO = loan(
    due(1, "10-10", "900.00", "100.00", "20.00"),
    due(2, "11-10", "910.00", "90.00"),
    terms=terms(compound=True),
)


def test_a_part_payment_in_english() -> None:
    one = "Instalment 1, due 2026-03-01: "
    assert told(PART_PAID, "04-01") == [
        "Loan L-1 at the end of 2026-04-01; all amounts in CNY.",
        "Penalty is 21.6 % a year: 14.4 % of the loan x 1.5.",
        one + "principal 2,950.00, interest 250.00.",
        one + "principal 2,950.00 overdue 10 days (from 2026-03-01 until 2026-03-11)"
        " x 21.6 % a year / 360 = 17.70.",
        one + "principal 2,219.20 overdue 21 days (from 2026-03-11 until 2026-04-01)"
        " x 21.6 % a year / 360 = 27.96192.",
        one + "penalty 17.70 + 27.96192 = 45.66192, rounded once to 45.66.",
        one + "interest 250.00 overdue 10 days (from 2026-03-01 until 2026-03-11)"
        " x 21.6 % a year / 360 = 1.50 compound interest.",
        one + "paid on 2026-03-11 (R-1): penalty 17.70, compound interest 1.50, interest 250.00,"
        " principal 730.80.",
        one + "unpaid principal 2,219.20, penalty 27.96, together 2,247.16.",
        "Overdue at the end of 2026-04-01: principal 2,219.20, penalty 27.96, together 2,247.16.",
        "31 days past due, counted from 2026-03-01.",
    ]


def test_two_instalments_in_english() -> None:
    lines = told(TWO, "11-20")
    assert (
        "Instalment 1, due 2026-10-10: principal 900.00 overdue 41 days x 18 % a year / 360 = 18.45." in lines
    )
    assert (
        "Instalment 2, due 2026-11-10: principal 910.00 overdue 10 days x 18 % a year / 360 = 4.55." in lines
    )
    assert lines[-2:] == [
        "Overdue at the end of 2026-11-20: principal 1,810.00, interest 190.00, fee 20.00, penalty 23.00,"
        " compound interest 2.50, together 2,045.50.",
        "41 days past due, counted from 2026-10-10.",
    ]


def test_two_instalments_in_chinese() -> None:
    first, second = "第1期（2026-10-10到期）：", "第2期（2026-11-10到期）："
    assert told(TWO, "11-20", Locale.ZH_CN) == [
        "贷款L-1截至2026-11-20日终的欠款明细，金额单位CNY。",
        "罚息年利率18%：贷款年利率12% × 1.5。",
        first + "本金900.00、利息100.00、费用20.00。",
        first + "本金900.00 × 逾期41天 × 年利率18% ÷ 360 = 罚息18.45。",
        first + "利息100.00 × 逾期41天 × 年利率18% ÷ 360 = 复利2.05。",
        first + "尚欠本金900.00、利息100.00、费用20.00、罚息18.45、复利2.05，合计1,040.50。",
        second + "本金910.00、利息90.00。",
        second + "本金910.00 × 逾期10天 × 年利率18% ÷ 360 = 罚息4.55。",
        second + "利息90.00 × 逾期10天 × 年利率18% ÷ 360 = 复利0.45。",
        second + "尚欠本金910.00、利息90.00、罚息4.55、复利0.45，合计1,005.00。",
        "截至2026-11-20日终逾期：本金1,810.00、利息190.00、费用20.00、罚息23.00、复利2.50，合计2,045.50。",
        "逾期41天，自2026-10-10起计。",
    ]


def test_a_part_payment_in_chinese() -> None:
    lines = told(PART_PAID, "04-01", Locale.ZH_CN)
    assert (
        "第1期（2026-03-01到期）：本金2,219.20 × 逾期21天（2026-03-11起至2026-04-01前）"
        " × 年利率21.6% ÷ 360 = 罚息27.96192。" in lines
    )
    assert "第1期（2026-03-01到期）：罚息17.70 + 27.96192 = 45.66192，一次四舍五入为45.66。" in lines
    assert lines[-2:] == [
        "截至2026-04-01日终逾期：本金2,219.20、罚息27.96，合计2,247.16。",
        "逾期31天，自2026-03-01起计。",
    ]


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (
            PenaltyRule(all_in_cap=Decimal("0.24")),
            "Penalty is 24 % a year: 18 % of the loan x 1.5 would be 27 %, which is limited to 24 %.",
        ),
        (PenaltyRule(all_in_cap=Decimal("0.27")), "Penalty is 27 % a year: 18 % of the loan x 1.5."),
        (PenaltyRule(annual_rate=Decimal("0.2")), "Penalty is 20 % a year, as agreed."),
        (
            PenaltyRule(annual_rate=Decimal("0.3"), all_in_cap=Decimal("0.24")),
            "Penalty is 24 % a year: the agreed 30 % is limited to 24 %.",
        ),
    ],
)
def test_the_rate_is_explained(rule: PenaltyRule, says: str) -> None:
    facts = loan(due(1, "03-01", "3000.00"), rate="0.18", terms=Terms(penalty=rule))
    assert told(facts, "03-31")[1] == says


def test_what_never_ends_is_told_as_about() -> None:
    facts = loan(due(1, "03-01", "1000.00"), terms=terms(day_count=365))
    assert told(facts, "03-02")[3:5] == [
        "Instalment 1, due 2026-03-01: principal 1,000.00 overdue 1 day x 18 % a year / 365 ≈ 0.493151.",
        "Instalment 1, due 2026-03-01: penalty 0.493151, rounded once to 0.49.",
    ]


def test_days_that_are_left_out_are_told() -> None:
    facts = loan(
        due(1, "03-01", "1000.00"),
        pauses=(Pause(on("03-05"), on("03-10")),),
        freezes=(Pause(on("03-20"), on("03-21")),),
    )
    assert (
        "overdue 24 days (from 2026-03-01 until 2026-03-31, without 5 days paused, without 1 day free of interest)"
        in told(facts, "03-31")[3]
    )


def test_grace_and_a_moved_due_date_are_told() -> None:
    rules = terms(
        grace_days=3,
        holiday_rule=HolidayRule.NEXT_BUSINESS_DAY,
        calendar=ChosenDays(frozenset({on("03-02")})),
    )
    facts = loan(due(1, "03-01", "1000.00"), terms=rules)
    assert told(facts, "03-05") == [
        "Loan L-1 at the end of 2026-03-05; all amounts in CNY.",
        "Instalment 1, due 2026-03-01: principal 1,000.00.",
        "Instalment 1, due 2026-03-01: 2026-03-01 is no business day, so days count from 2026-03-03.",
        "Instalment 1, due 2026-03-01: nothing accrues if it is paid before 2026-03-07 (3 days of grace).",
        "Instalment 1, due 2026-03-01: unpaid principal 1,000.00.",
        "Overdue at the end of 2026-03-05: principal 1,000.00.",
        "Grace is running, counted from 2026-03-03.",
    ]


def test_money_is_told_by_how_it_came() -> None:
    facts = loan(
        due(1, "03-10", "100.00"),
        due(2, "04-10", "100.00"),
        repayments=(paid("120.00", "03-10", "R-1"),),
        paid_before=(PaidPart(1, principal=cny("30.00")),),
    )
    lines = told(facts, "04-10")
    assert lines[2:4] == [
        "Instalment 1, due 2026-03-10: paid before the loan was taken over: principal 30.00.",
        "Instalment 1, due 2026-03-10: paid on 2026-03-10 (R-1): principal 70.00.",
    ]
    assert lines[4:] == [
        "Instalment 1, due 2026-03-10: nothing is unpaid.",
        "Instalment 2, due 2026-04-10: principal 100.00.",
        "Instalment 2, due 2026-04-10: from the payment of 2026-03-10 (R-1), credit until 2026-04-10:"
        " principal 50.00.",
        "Instalment 2, due 2026-04-10: unpaid principal 50.00.",
        "Nothing is overdue at the end of 2026-04-10.",
        "Due on 2026-04-10 and not overdue yet: 50.00.",
    ]
    assert told(facts, "03-10")[-1] == "Money beyond what is due, kept as credit: 50.00."


def test_a_reschedule_is_told_before_what_is_owed_now() -> None:
    facts = loan(
        due(1, "03-10", "1000.00"),
        due(2, "04-10", "1000.00"),
        repayments=(paid("5.00", "03-20", "R-1"),),
        paid_before=(PaidPart(2, principal=cny("1.00")),),
        reschedules=(Reschedule(on("04-01"), (1,), (due(3, "06-10", "1000.00"),)),),
    )
    lines = told(facts, "04-01")
    assert lines[2:4] == [
        "Schedule until 2026-04-01 - Instalment 1, due 2026-03-10: principal 1,000.00 overdue 22 days"
        " x 18 % a year / 360 = 11.00.",
        "Schedule until 2026-04-01 - 11.00 had accrued and is one penalty item of the new schedule;"
        " all money received is put on the new schedule.",
    ]
    assert lines[5:7] == [
        "Instalment 1, due 2026-03-10: paid before the loan was taken over, put on the schedule on 2026-04-01:"
        " principal 1.00.",
        "Instalment 1, due 2026-03-10: payment of 2026-03-20 (R-1), put on the new schedule on 2026-04-01:"
        " principal 5.00.",
    ]
    assert "Penalty carried over from the schedule before, due 2026-04-01: unpaid penalty 11.00." in lines


def test_charges_and_chargebacks_have_names() -> None:
    facts = loan(
        due(1, "05-10", "100.00"),
        charges=(
            Charge("C-1", ChargeKind.FEE, cny("5.00"), on("03-01")),
            Charge("C-2", ChargeKind.PENALTY, cny("6.00"), on("03-02")),
        ),
        chargebacks=(Chargeback("R-9", cny("7.00"), on("03-03")),),
    )
    assert [line for line in told(facts, "03-03") if "unpaid" in line] == [
        "Fee C-1, due 2026-03-01: unpaid fee 5.00.",
        "Penalty charge C-2, due 2026-03-02: unpaid penalty 6.00.",
        "Payment R-9 taken back by the bank, due 2026-03-03: unpaid principal 7.00.",
    ]


def test_an_end_of_the_loan_is_told_first() -> None:
    facts = loan(due(1, "03-10", "100.00"))
    for reason, says in (
        (ClosureReason.SOLD, "Nothing is owed here any more: the loan was sold."),
        (ClosureReason.WRITTEN_OFF, "The loan was written off; the claim survives."),
        (ClosureReason.SETTLED, "Nothing is owed on this loan any more: it is settled."),
    ):
        assert told(replace(facts, closures=(Closure(on("03-20"), reason),)), "03-20")[1] == says


def test_both_languages_say_the_same_things() -> None:
    def places(form: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(form) if name}

    for name in Phrases.__slots__:
        english, chinese = getattr(EN, name), getattr(ZH_CN, name)
        if isinstance(english, str):
            assert places(english) == places(chinese), name
        elif not isinstance(english, tuple):
            assert {key: places(form) for key, form in english.items()} == {
                key: places(form) for key, form in chinese.items()
            }
    assert set(EN.uses) == set(Use)
    assert set(EN.components) == set(Component)
