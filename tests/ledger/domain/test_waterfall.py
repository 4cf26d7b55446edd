"""Money onto what is due: order, shape, charges, credit and prepayment."""

from __future__ import annotations

from msgspec.structs import replace

from ledger.domain.breakdown import breakdown
from ledger.domain.facts import (
    Charge,
    Chargeback,
    ChargeKind,
    Component,
    LoanFacts,
    Overpayment,
    PaidPart,
    Shape,
)
from ledger.domain.position import lines, position

from .loans import cny, due, loan, money, on, paid, penalty, terms

MARCH = due(1, "03-10", "900.00", "100.00", "20.00")
APRIL = due(2, "04-10", "910.00", "90.00")


def amounts(facts: LoanFacts, day: str) -> list[str]:
    return [money(part) for part in position(facts, on(day)).overdue]


def test_default_order_is_fee_penalty_compound_interest_principal() -> None:
    # 20.00 fee, 4.50 penalty and 0.50 compound interest of ten days, 100.00 interest, then principal.
    steps = {
        "19.99": ["0.01", "4.50", "0.50", "100.00", "900.00"],
        "24.49": ["0.00", "0.01", "0.50", "100.00", "900.00"],
        "24.99": ["0.00", "0.00", "0.01", "100.00", "900.00"],
        "124.99": ["0.00", "0.00", "0.00", "0.01", "900.00"],
        "1024.99": ["0.00", "0.00", "0.00", "0.00", "0.01"],
    }
    for amount, left in steps.items():
        facts = loan(MARCH, terms=terms(compound=True), repayments=(paid(amount, "03-20"),))
        assert amounts(facts, "03-20") == left


def test_the_products_order_wins() -> None:
    order = (Component.PRINCIPAL, Component.INTEREST, Component.FEE, Component.COMPOUND, Component.PENALTY)
    facts = loan(MARCH, terms=terms(order=order), repayments=(paid("1000.00", "03-20"),))
    assert amounts(facts, "03-20") == ["20.00", "4.50", "0.00", "0.00", "0.00"]
    found = position(facts, on("04-20"))
    assert (found.dpd, found.status, money(found.overdue.penalty)) == (0, "current", "4.50")


def test_horizontal_and_vertical_differ_in_days_for_the_same_money() -> None:
    facts = loan(MARCH, APRIL, rate="0", repayments=(paid("1020.00", "04-20"),))
    horizontal = position(facts, on("04-20"))
    assert (horizontal.dpd, amounts(facts, "04-20")[3:]) == (10, ["90.00", "910.00"])
    vertical = replace(facts, terms=terms(shape=Shape.VERTICAL))
    assert (position(vertical, on("04-20")).dpd, amounts(vertical, "04-20")[3:]) == (41, ["0.00", "1000.00"])


def test_money_on_an_effective_due_date_takes_that_instalment_in() -> None:
    facts = loan(MARCH, APRIL, repayments=(paid("1020.00", "03-10"), paid("1.00", "04-10")))
    assert position(facts, on("04-10")).overpaid == 0
    assert [line.unpaid.interest for line in lines(facts, on("04-10"))] == [0, cny("89.00")]


def test_credit_waits_for_the_next_due_date() -> None:
    facts = loan(MARCH, APRIL, repayments=(paid("1500.00", "03-10"),))
    before = position(facts, on("04-09"))
    assert (money(before.overpaid), money(before.outstanding_principal)) == ("480.00", "910.00")
    after = position(facts, on("04-10"))
    assert (money(after.overpaid), money(after.outstanding_principal)) == ("0.00", "520.00")
    assert position(facts, on("04-11")).dpd == 1


def test_credit_is_applied_on_each_next_due_date_until_it_is_used_up() -> None:
    facts = loan(
        due(1, "03-10", "100.00"),
        due(2, "04-10", "100.00"),
        due(3, "05-10", "100.00"),
        repayments=(paid("250.00", "03-01"),),
    )
    found = [position(facts, on(day)) for day in ("03-09", "03-10", "04-09", "04-10", "05-09", "05-10")]
    assert [money(each.overpaid) for each in found] == [
        "250.00", "150.00", "150.00", "50.00", "50.00", "0.00",
    ]  # fmt: skip
    assert [position(facts, on(day)).dpd for day in ("04-11", "05-10", "05-11")] == [0, 0, 1]
    assert money(position(facts, on("05-11")).overdue.principal) == "50.00"


def test_credit_counts_as_money_of_the_due_date_and_goes_before_that_days_money() -> None:
    facts = loan(MARCH, repayments=(paid("1000.00", "03-01", "A"), paid("30.00", "03-10", "B")))
    (item,) = breakdown(facts, on("03-10")).items
    used = [(each.repayment_id, each.component.value, money(each.amount)) for each in item.allocations]
    assert used == [
        ("A", "fee", "20.00"),
        ("A", "interest", "100.00"),
        ("A", "principal", "880.00"),
        ("B", "principal", "20.00"),
    ]
    assert money(position(facts, on("03-10")).overpaid) == "10.00"
    assert penalty(facts, "03-20") == "0.00"


def test_credit_pays_a_charge_on_its_due_date() -> None:
    charges = (Charge("F", ChargeKind.FEE, cny("30.00"), on("03-20")),)
    facts = loan(MARCH, APRIL, charges=charges, repayments=(paid("1040.00", "03-10"),))
    assert [money(position(facts, on(day)).overpaid) for day in ("03-19", "03-20")] == ["20.00", "0.00"]
    assert amounts(facts, "03-21")[0] == "10.00"


def test_money_before_the_first_due_date_is_credit_to_the_last_cent() -> None:
    facts = loan(MARCH, repayments=(paid("1020.01", "03-01"),))
    assert money(position(facts, on("03-09")).overpaid) == "1020.01"
    settled = position(facts, on("03-10"))
    assert (settled.status, money(settled.overpaid)) == ("settled", "0.01")


def test_prepayment_settles_the_oldest_future_instalments_at_once() -> None:
    facts = loan(
        MARCH,
        APRIL,
        due(3, "05-10", "1000.00"),
        terms=terms(overpayment=Overpayment.PREPAY),
        repayments=(paid("2100.00", "03-10"),),
    )
    found = position(facts, on("03-10"))
    assert (found.overpaid, money(found.outstanding_principal)) == (0, "920.00")
    assert [line.unpaid.total for line in lines(facts, on("03-10"))] == [0, 0, cny("920.00")]
    everything = replace(facts, repayments=(paid("3025.00", "03-10"),))
    settled = position(everything, on("03-10"))
    assert (settled.status, money(settled.overpaid)) == ("settled", "5.00")


def test_nothing_prepays_a_charge_or_a_chargeback_of_a_later_day() -> None:
    facts = loan(
        MARCH,
        APRIL,
        terms=terms(overpayment=Overpayment.PREPAY),
        repayments=(paid("1120.00", "03-10"),),
        charges=(Charge("F", ChargeKind.FEE, cny("30.00"), on("03-20")),),
        chargebacks=(Chargeback("R", cny("50.00"), on("03-15")),),
    )
    assert money(position(facts, on("03-10")).outstanding_principal) == "900.00"
    found = position(facts, on("03-25"))
    assert (found.dpd, money(found.overdue.fee), money(found.overdue.principal)) == (10, "30.00", "50.00")


def test_charges_go_before_the_instalment_of_their_day() -> None:
    facts = loan(
        MARCH,
        charges=(Charge("F", ChargeKind.FEE, cny("30.00"), on("03-10")),),
        repayments=(paid("35.00", "03-10"),),
    )
    assert [line.unpaid.fee for line in lines(facts, on("03-10"))] == [0, cny("15.00")]


def test_charges_go_by_due_date_among_the_instalments() -> None:
    def charge(day: str, kind: ChargeKind = ChargeKind.FEE) -> Charge:
        return Charge(f"{kind}-{day}", kind, cny("30.00"), on(day))

    charges = (charge("03-11"), charge("03-10", ChargeKind.PENALTY), charge("03-09"))
    facts = loan(due(1, "03-10", "100.00"), rate="0", charges=charges)
    for amount, expected in (
        ("29.00", ["1.00", "30.00", "100.00", "30.00"]),
        ("45.00", ["0.00", "15.00", "100.00", "30.00"]),
        ("100.00", ["0.00", "0.00", "60.00", "30.00"]),
        ("170.00", ["0.00", "0.00", "0.00", "20.00"]),
    ):
        paying = replace(facts, repayments=(paid(amount, "03-15"),))
        assert [money(line.unpaid.total) for line in lines(paying, on("03-15"))] == expected


def test_vertical_takes_the_charges_of_all_due_items_by_component() -> None:
    charges = (
        Charge("P", ChargeKind.PENALTY, cny("10.00"), on("04-15")),
        Charge("F", ChargeKind.FEE, cny("10.00"), on("04-15")),
    )
    facts = loan(MARCH, APRIL, rate="0", charges=charges, terms=terms(shape=Shape.VERTICAL))
    for amount, expected in (
        ("30.00", ["0.00", "10.00", "0.00", "190.00", "1810.00"]),
        ("40.00", ["0.00", "0.00", "0.00", "190.00", "1810.00"]),
        ("41.00", ["0.00", "0.00", "0.00", "189.00", "1810.00"]),
    ):
        assert amounts(replace(facts, repayments=(paid(amount, "04-20"),)), "04-20") == expected


def test_prepayment_ends_where_the_money_does_and_the_rest_of_the_instalment_is_due_in_its_turn() -> None:
    facts = loan(
        MARCH,
        APRIL,
        terms=terms(overpayment=Overpayment.PREPAY, shape=Shape.VERTICAL),
        repayments=(paid("1100.00", "03-10"),),
    )
    # 80.00 goes to April's interest at once.
    assert [line.unpaid[3:] for line in lines(facts, on("03-10"))] == [(0, 0), (cny("10.00"), cny("910.00"))]
    assert position(facts, on("04-11")).dpd == 1


def test_prepayment_settles_one_future_instalment_after_another_whatever_the_shape() -> None:
    for shape in Shape:
        facts = loan(
            MARCH,
            APRIL,
            due(3, "05-10", "920.00", "80.00"),
            terms=terms(overpayment=Overpayment.PREPAY, shape=shape),
            repayments=(paid("2070.00", "03-10"),),
        )
        rests = [line.unpaid[3:] for line in lines(facts, on("03-10"))]
        assert rests == [(0, 0), (0, 0), (cny("30.00"), cny("920.00"))]


def test_a_chargeback_is_principal_of_its_own_with_days_and_penalty() -> None:
    facts = loan(
        MARCH,
        repayments=(paid("1020.00", "03-10", "R1"),),
        chargebacks=(Chargeback("R1", cny("1020.00"), on("03-20")),),
    )
    late = position(facts, on("03-30"))
    assert (late.dpd, late.oldest_unpaid_due_on) == (10, on("03-20"))
    assert money(late.overdue.penalty) == "5.10"


def test_what_was_paid_before_the_cut_over_bears_no_penalty() -> None:
    facts = loan(MARCH, APRIL, paid_before=(PaidPart(1, principal=cny("400.00"), interest=cny("100.00")),))
    found = position(facts, on("03-20"))
    assert found.overdue == (cny("20.00"), cny("2.50"), 0, 0, cny("500.00"))
    assert money(found.outstanding_principal) == "1410.00"
