"""Classes on both sides of every edge, and the year and the two instalments that follow a restructuring."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace

from ledger.classes import Classes
from ledger.domain.classification import (
    AssetClass,
    Awaited,
    Basis,
    Classification,
    Observation,
    classify,
    observation_on,
)
from ledger.domain.facts import (
    Chargeback,
    Closure,
    ClosureReason,
    GraceRule,
    Instalment,
    LoanFacts,
    Overpayment,
    Pause,
    Repayment,
    Reschedule,
)
from ledger.domain.position import position

from .loans import cny, due, loan, on, paid, terms

SHIPPED = Classes.load()


def class_of(facts: LoanFacts, as_of: date, table: str = "loan") -> Classification:
    return classify(facts, position(facts, as_of), SHIPPED.tables[table], SHIPPED.rule)


LOAN_EDGES = [
    (0, "normal"),
    (1, "special_mention"),
    (90, "special_mention"),
    (91, "substandard"),
    (270, "substandard"),
    (271, "doubtful"),
    (360, "doubtful"),
    (361, "loss"),
    (3000, "loss"),
]
CARD_EDGES = [
    (0, "normal"),
    (1, "special_mention"),
    (90, "special_mention"),
    (91, "substandard"),
    (120, "substandard"),
    (121, "doubtful"),
    (180, "doubtful"),
    (181, "loss"),
]


@pytest.mark.parametrize(
    ("table", "dpd", "expected"),
    [("loan", *edge) for edge in LOAN_EDGES] + [("card", *edge) for edge in CARD_EDGES],
)
def test_the_class_follows_the_days_past_due(table: str, dpd: int, expected: str) -> None:
    facts = loan(due(1, "03-01", "1000.00"))
    found = class_of(facts, on("03-01") + timedelta(days=dpd), table)
    assert (found.asset_class, found.basis) == (expected, Basis.DAYS_PAST_DUE)
    assert found.band is not None and found.band.from_dpd <= dpd


def test_grace_and_small_rests_make_no_class() -> None:
    facts = loan(due(1, "03-01", "1000.00"), terms=terms(grace_days=3, tolerance=cny("10.00")))
    assert [class_of(facts, on(day)).asset_class for day in ("03-04", "03-05")] == [
        "normal",
        "special_mention",
    ]
    assert (
        class_of(replace(facts, repayments=(paid("990.00", "03-01"),)), on("05-01")).asset_class == "normal"
    )


def test_how_a_loan_ended_decides_before_its_days() -> None:
    facts = loan(due(1, "03-01", "1000.00"))
    classes = {}
    for reason in ClosureReason:
        ended = replace(facts, closures=(Closure(on("03-10"), reason),))
        before, after = class_of(ended, on("03-09")), class_of(ended, on("03-10"))
        assert before.asset_class == "special_mention"
        classes[reason] = (after.asset_class, after.basis)
    assert classes == {
        ClosureReason.WRITTEN_OFF: (AssetClass.LOSS, Basis.WRITTEN_OFF),
        ClosureReason.SETTLED: (None, Basis.NOTHING_OWED),
        ClosureReason.SOLD: (None, Basis.NOTHING_OWED),
    }
    all_paid = replace(facts, repayments=(paid("1000.00", "03-01"),))
    assert class_of(all_paid, on("03-01")) == Classification(None, Basis.NOTHING_OWED, None, None)


# -- observation --------------------------------------------------------------------------------------------

#: From 2026-04-01 on twenty instalments of 100.00, the first due on 2026-05-10.
NEW = tuple(
    Instalment(10 + n, date(2026 + (4 + n) // 12, (4 + n) % 12 + 1, 10), cny("100.00"), 0) for n in range(20)
)
YEAR_OVER = date(2027, 4, 1)


def money(*days: date, amount: str = "100.00") -> tuple[Repayment, ...]:
    return tuple(
        Repayment(f"R-{day}", cny(amount), day, datetime(day.year, day.month, day.day, tzinfo=UTC))
        for day in days
    )


def restructured(
    *repayments: Repayment, reason: str = "hardship plan", effective: str = "04-01", **rest: object
) -> LoanFacts:
    change = Reschedule(on(effective), (), NEW, reason=reason)
    facts = loan(due(1, "03-10", "2000.00"), repayments=repayments, reschedules=(change,), rate="0")
    return replace(facts, **rest)


def observed(facts: LoanFacts, as_of: date) -> Observation | None:
    return observation_on(facts, as_of, SHIPPED.rule)


ALL_PAID = restructured(*money(*(row.due_on for row in NEW)))


def test_a_restructured_loan_that_pays_is_special_mention_for_a_year() -> None:
    before = class_of(ALL_PAID, on("03-31"))
    assert (before.asset_class, before.observation) == ("special_mention", None)
    last = class_of(ALL_PAID, YEAR_OVER - timedelta(days=1))
    assert (last.asset_class, last.basis) == (AssetClass.SPECIAL_MENTION, Basis.OBSERVATION)
    assert last.observation == Observation(
        on("04-01"), "hardship plan", YEAR_OVER, YEAR_OVER, 2, (Awaited.TIME,)
    )
    free = class_of(ALL_PAID, YEAR_OVER)
    assert (free.asset_class, free.basis, free.observation) == ("normal", Basis.DAYS_PAST_DUE, None)


def test_observation_makes_a_class_no_better() -> None:
    never_pays = restructured()
    on_day = NEW[0].due_on + timedelta(days=91)
    found = class_of(never_pays, on_day)
    assert (found.asset_class, found.basis) == (AssetClass.SUBSTANDARD, Basis.DAYS_PAST_DUE)
    assert found.observation is not None and found.observation.until_on is None


def test_without_two_paid_instalments_a_year_is_not_enough() -> None:
    one_missed = [row.due_on for row in NEW]
    for n in range(1, 14, 2):
        one_missed[n] += timedelta(days=1)
    facts = restructured(*money(*one_missed))
    waiting = observed(facts, YEAR_OVER)
    assert waiting is not None
    assert (waiting.until_on, waiting.paid_in_a_row, waiting.awaits) == (None, 1, (Awaited.INSTALMENTS,))
    # The fifteenth and sixteenth are paid in time; the latter ends it.
    last = NEW[15].due_on
    assert NEW[14].due_on < last
    assert observed(facts, last - timedelta(days=1)) is not None
    assert observed(facts, last) is None


def test_time_and_instalments_are_awaited_apart() -> None:
    states = []
    for day in (NEW[0].due_on, NEW[1].due_on - timedelta(days=1), NEW[1].due_on):
        found = observed(ALL_PAID, day)
        assert found is not None
        states.append((found.paid_in_a_row, found.until_on, found.awaits))
    assert states == [
        (1, None, (Awaited.TIME, Awaited.INSTALMENTS)),
        (1, None, (Awaited.TIME, Awaited.INSTALMENTS)),
        (2, YEAR_OVER, (Awaited.TIME,)),
    ]


def _free_of_instalments(facts: LoanFacts, as_of: date) -> bool:
    found = observed(facts, as_of)
    return found is None or Awaited.INSTALMENTS not in found.awaits


SECOND = NEW[1].due_on
ASKED = on("07-01")


@pytest.mark.parametrize("rule", list(GraceRule))
def test_an_instalment_paid_on_the_last_day_of_grace_is_in_time(rule: GraceRule) -> None:
    for late, expected in ((3, True), (4, False)):
        facts = restructured(
            *money(NEW[0].due_on, SECOND + timedelta(days=late)), terms=terms(grace_days=3, grace_rule=rule)
        )
        assert _free_of_instalments(facts, ASKED) is expected
    # It is judged when grace is over, also if it was paid before.
    early = restructured(*money(NEW[0].due_on, SECOND), terms=terms(grace_days=3))
    assert not _free_of_instalments(early, SECOND + timedelta(days=2))
    assert _free_of_instalments(early, SECOND + timedelta(days=3))


def test_a_rest_of_the_tolerance_counts_as_paid() -> None:
    for rest, expected in (("99.00", True), ("98.99", False)):
        first, _ = money(NEW[0].due_on, SECOND)
        facts = restructured(first, *money(SECOND, amount=rest), terms=terms(tolerance=cny("1.00")))
        assert _free_of_instalments(facts, ASKED) is expected


def test_money_that_was_taken_back_paid_nothing() -> None:
    first, second = money(NEW[0].due_on, SECOND)
    facts = restructured(first, replace(second, reversed_on=on("06-25")))
    assert _free_of_instalments(facts, on("06-24"))
    assert not _free_of_instalments(facts, on("06-25"))
    back = restructured(first, second, chargebacks=(Chargeback(second.id, cny("40.00"), on("06-25")),))
    assert _free_of_instalments(back, on("06-24"))
    assert not _free_of_instalments(back, on("06-25"))


def test_prepaid_instalments_count_when_they_fall_due() -> None:
    facts = restructured(*money(on("04-20"), amount="300.00"), terms=terms(overpayment=Overpayment.PREPAY))
    assert not _free_of_instalments(facts, SECOND - timedelta(days=1))
    assert _free_of_instalments(facts, SECOND)


def test_an_instalment_in_an_endless_pause_is_not_judged() -> None:
    facts = restructured(*money(NEW[0].due_on, SECOND), pauses=(Pause(on("06-01")),))
    assert not _free_of_instalments(facts, ASKED)


def test_corrections_begin_no_observation_and_end_none() -> None:
    for reason in ("correction", " Administrative ", "PREPAYMENT"):
        assert observed(restructured(reason=reason), ASKED) is None
    assert observed(restructured(reason="correction of the rate"), ASKED) is not None
    corrected = replace(
        ALL_PAID,
        reschedules=(
            *ALL_PAID.reschedules,
            Reschedule(on("09-01"), tuple(row.seq for row in NEW), (), reason="correction"),
        ),
    )
    found = observed(corrected, on("10-01"))
    assert found is not None
    assert (found.since_on, found.until_on) == (on("04-01"), YEAR_OVER)


def test_what_was_replaced_before_it_was_due_is_not_judged() -> None:
    first, *_ = NEW
    later = (Instalment(50, on("06-20"), cny("1900.00"), 0),)
    facts = restructured(*money(first.due_on, SECOND), *money(on("06-20"), amount="1800.00"))
    replaced = replace(
        facts,
        reschedules=(*facts.reschedules, Reschedule(on("06-01"), (first.seq,), later, reason="correction")),
    )
    assert _free_of_instalments(facts, SECOND)
    assert not _free_of_instalments(replaced, SECOND)
    assert not _free_of_instalments(replaced, on("06-19"))
    assert _free_of_instalments(replaced, on("06-20"))


def test_each_restructuring_begins_anew() -> None:
    again = replace(
        ALL_PAID,
        reschedules=(
            *ALL_PAID.reschedules,
            Reschedule(on("09-15"), tuple(row.seq for row in NEW), (), reason="second plan"),
        ),
    )
    found = observed(again, on("10-09"))
    assert found is not None
    assert (found.since_on, found.paid_in_a_row, found.not_before_on) == (on("09-15"), 0, date(2027, 9, 15))


def test_a_year_from_a_leap_day_ends_with_february() -> None:
    facts = loan(
        due(1, "2028-01-10", "100.00"),
        reschedules=(Reschedule(date(2028, 2, 29), (), NEW, reason="plan"),),
    )
    found = observed(facts, date(2028, 3, 1))
    assert found is not None and found.not_before_on == date(2029, 2, 28)


def test_instalments_due_on_the_day_itself_belong_to_the_time_before() -> None:
    same_day = (Instalment(9, on("04-01"), cny("100.00"), 0), *NEW)
    facts = loan(
        due(1, "03-10", "2100.00"),
        rate="0",
        repayments=money(on("04-01"), NEW[0].due_on),
        reschedules=(Reschedule(on("04-01"), (), same_day, reason="plan"),),
    )
    found = observed(facts, NEW[0].due_on)
    assert found is not None and found.paid_in_a_row == 1
