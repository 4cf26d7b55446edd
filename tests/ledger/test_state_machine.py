"""Random loans live through random facts in any order and any batches, while business dates are closed.

After every step what is kept and what was said must be what a day-by-day walk over the stated facts finds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from ledger.domain.facts import (
    BorrowerId,
    Charge,
    Chargeback,
    Closure,
    ClosureReason,
    Instalment,
    LoanFacts,
    LoanId,
    PaidPart,
    Pause,
    RateChange,
    Repayment,
    Reschedule,
)
from ledger.policy import House
from tests.ledger.domain import strategies as some
from tests.ledger.domain.strategies import FIRST, HORIZON_DAYS
from tests.ledger.examiner import Examiner
from tests.ledger.keepers import InMemory, Keeper
from tests.ledger.stated import Fact, Resume, Reversal, Stated, stated
from tests.runtimes import SHANGHAI

HOUSE: Final = House.load(SHANGHAI, first_business_date=FIRST)
#: Dates are closed up to here at the end of each run: after the last day that facts name.
END: Final = FIRST + timedelta(days=HORIZON_DAYS + 20)
STEPS: Final = 15

OWNERS: Final = {"L1": "B1", "L2": "B1", "L3": "B2"}


def _contract(parts: tuple[Any, ...]) -> LoanFacts:
    schedule, terms, rate, cut_over = parts
    if not any(row.principal for row in schedule):
        schedule = (schedule[0]._replace(principal=1_000), *schedule[1:])
    return LoanFacts(
        loan_id=LoanId(""),
        borrower_id=BorrowerId(""),
        product="p",
        currency="CNY",
        principal=sum(row.principal for row in schedule),
        annual_rate=rate,
        opened_on=date(2026, 1, 1),
        schedule=schedule,
        terms=msgspec.structs.replace(terms, calendar=HOUSE.calendars["CN"]),
        paid_before=_paid(schedule) if cut_over else (),
    )


def _paid(schedule: tuple[Instalment, ...]) -> tuple[PaidPart, ...]:
    first = schedule[0]
    return (PaidPart(first.seq, min(400, first.principal), min(40, first.interest), first.fee),)


contracts = st.tuples(
    some.instalments(1), some.some_terms(), some.some_rates, st.sampled_from([False, False, False, True])
).map(_contract)
money = st.tuples(some.amounts, some.days, some.days)
repayment_ids = st.sampled_from(["R0", "R1", "R2", "R3"])
# Changes of terms come together on two days: of those of one day the later stated has to win.
turns = st.sampled_from([FIRST + timedelta(days=day) for day in (*(11, 40) * 30, *range(HORIZON_DAYS + 1))])
lengths = st.none() | st.integers(0, 40)
# Mostly one loan, so that its facts meet.
loan_ids = st.sampled_from(["L1"] * 6 + ["L2", "L3"])
# The envelope's time is missing at times, and alike at others.
instants = st.sampled_from([None, *(datetime(2026, 1, 1, hour, tzinfo=UTC) for hour in (1, 2, 3))])


class How(NamedTuple):
    """How an event comes in. `near`: its days lie about the open date; `last`: a batch ends with it."""

    near: bool
    last: bool


hows = st.sampled_from([How(near, last) for near in (True, True, False) for last in (True, True, False)])


class Ledger(RuleBasedStateMachine):
    """Events are gathered and handed over in batches; `examiner` holds all that must be true after each."""

    #: As many dates are closed at once, and at the end.
    most_dates = (END - FIRST).days

    def __init__(self) -> None:
        super().__init__()
        self.examiner = Examiner(FIRST, *self.keepers())
        self.history: list[Stated] = []
        self.batch: list[Stated] = []
        self.reschedules = 0

    def keepers(self) -> Iterator[Keeper]:
        """One books events as they were cut, the other each by itself: they must say the same."""
        yield InMemory(HOUSE, FIRST)
        yield InMemory(HOUSE, FIRST)

    def state(
        self,
        loan_id: str,
        fact: Fact,
        how: How,
        at: datetime | None = None,
        borrower: str | None = None,
        currency: str = "CNY",
        id: str | None = None,
    ) -> None:
        owner, new_id = borrower or OWNERS[loan_id], f"e-{len(self.history)}"
        self.send(stated(loan_id, owner, fact, id=id or new_id, at=at, currency=currency), how)

    def day(self, on: date, how: How) -> date:
        """The day drawn, or one that lies about the open date."""
        if not how.near:
            return on
        return self.examiner.open_on + timedelta(days=(on - FIRST).days % 21 - 8)

    def repayment(self, id: str, parts: tuple[int, date, date], how: How) -> Repayment:
        amount, value_date, posted_on = parts
        return Repayment(id, amount, self.day(value_date, how), datetime.combine(posted_on, time(), UTC))

    def send(self, event: Stated, how: How) -> None:
        """Each record has an offset of its own, also one that says the same again."""
        self.history.append(event)
        self.batch.append(
            replace(event, received=msgspec.structs.replace(event.received, offset=len(self.history)))
        )
        if how.last:
            self.hand_over()

    def hand_over(self) -> None:
        batch, self.batch = self.batch, []
        if batch:
            self.examiner.take(batch)

    # -- what core banking states ------------------------------------------------------------------------

    @initialize(contract=contracts, how=hows)
    def a_loan(self, contract: LoanFacts, how: How) -> None:
        self.state("L1", contract, how)

    @rule(loan_id=loan_ids, contract=contracts, how=hows)
    def open(self, loan_id: str, contract: LoanFacts, how: How) -> None:
        self.state(loan_id, contract, how)

    @rule(loan_id=loan_ids, id=repayment_ids, parts=money, how=hows)
    def post(self, loan_id: str, id: str, parts: tuple[int, date, date], how: How) -> None:
        self.state(loan_id, self.repayment(id, parts, how), how)

    @rule(loan_id=loan_ids, parts=money, how=hows)
    def post_more(self, loan_id: str, parts: tuple[int, date, date], how: How) -> None:
        self.state(loan_id, self.repayment(f"M{len(self.history)}", parts, how), how)

    @rule(loan_id=loan_ids, id=repayment_ids, on=some.days, how=hows)
    def reverse(self, loan_id: str, id: str, on: date, how: How) -> None:
        self.state(loan_id, Reversal(id, self.day(on, how)), how)

    @rule(loan_id=loan_ids, back=some.chargebacks, how=hows)
    def charge_back(self, loan_id: str, back: Chargeback, how: How) -> None:
        self.state(loan_id, msgspec.structs.replace(back, on=self.day(back.on, how)), how)

    @rule(loan_id=loan_ids, charge=some.charges, how=hows)
    def charge(self, loan_id: str, charge: Charge, how: How) -> None:
        self.state(loan_id, msgspec.structs.replace(charge, due_on=self.day(charge.due_on, how)), how)

    @rule(loan_id=loan_ids, change=some.reschedules, on=turns, at=instants, how=hows)
    def reschedule(self, loan_id: str, change: Reschedule, on: date, at: datetime | None, how: How) -> None:
        self.reschedules += 10
        rows = tuple(row._replace(seq=row.seq + self.reschedules) for row in change.schedule)
        self.state(loan_id, Reschedule(self.day(on, how), change.keep, rows, at), how, at)

    @rule(loan_id=loan_ids, rate=some.some_rates, on=turns, at=instants, how=hows)
    def change_rate(self, loan_id: str, rate: Decimal, on: date, at: datetime | None, how: How) -> None:
        self.state(loan_id, RateChange(self.day(on, how), rate, at), how, at)

    @rule(loan_id=loan_ids, on=some.days, length=lengths, how=hows)
    def pause(self, loan_id: str, on: date, length: int | None, how: How) -> None:
        begin = self.day(on, how)
        self.state(loan_id, Pause(begin, None if length is None else begin + timedelta(days=length)), how)

    @rule(loan_id=loan_ids, on=some.days, how=hows)
    def resume(self, loan_id: str, on: date, how: How) -> None:
        self.state(loan_id, Resume(self.day(on, how)), how)

    @rule(loan_id=loan_ids, on=some.days, reason=st.sampled_from(ClosureReason), how=hows)
    def close_loan(self, loan_id: str, on: date, reason: ClosureReason, how: How) -> None:
        self.state(loan_id, Closure(self.day(on, how), reason), how)

    @rule(
        loan_id=loan_ids,
        which=st.integers(0, STEPS),
        id=repayment_ids,
        parts=money,
        how=hows,
        what=st.sampled_from(["again", "other body", "other borrower", "other currency"]),
    )
    def what_should_not_happen(
        self, loan_id: str, which: int, id: str, parts: tuple[int, date, date], how: How, what: str
    ) -> None:
        known = self.history[which % len(self.history)]
        fact = self.repayment(id, parts, how)
        if what == "again":
            self.send(known, how)
        elif what == "other body":
            self.state(loan_id, fact, how, id=known.key[1])
        elif what == "other borrower":
            self.state(loan_id, fact, how, borrower="B9")
        else:
            self.state(loan_id, fact, how, currency="JPY")

    # -- time ------------------------------------------------------------------------------------------

    @rule(days=st.sampled_from([1, 1, 2, 3, 10, 30]))
    def close_dates(self, days: int) -> None:
        self.hand_over()
        for _ in range(min(days, self.most_dates)):
            if self.examiner.open_on < END:
                self.examiner.close()

    @rule()
    def begin_to_close(self) -> None:
        """A close that a crash or another worker leaves in the middle: some loans are on the next date."""
        self.hand_over()
        self.examiner.begin_to_close()

    def teardown(self) -> None:
        if self.examiner.in_order:
            self.hand_over()
            self.examiner.finish(min(END, self.examiner.open_on + timedelta(days=self.most_dates)))


IN_MEMORY: Final = settings(stateful_step_count=STEPS, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.timeout(3600)
def test_whatever_comes_in_whatever_order_the_books_are_what_a_walk_over_the_facts_finds() -> None:
    run_state_machine_as_test(Ledger, settings=IN_MEMORY)
