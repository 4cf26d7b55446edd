"""What the ledger and the clock do to the lives of the stager's state machine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from spine.events.ledger import (
    LedgerRepaymentReversed,
    PaymentInTransit,
    PaymentTransitEnded,
    RepaymentReceived,
    StatedArrears,
    StatementMatched,
    StatementMismatch,
)
from tests.stager.figures import loan_cured, loan_settled
from tests.stager.life import OWNERS, How
from tests.stager.living import Living, amounts, days_past_due, hows, lengths, loan_ids


class Facts(Living):
    """Arrears, money, statements and transits in any order, twice, early and late; dates close and time passes."""

    @initialize(days=days_past_due, other=days_past_due, lived=st.sampled_from([0, 0, 1]))
    def begins(self, days: int, other: int, lived: int) -> None:
        self.arrears("L1", days, How(last=False), small=False, came_over=False)
        self.arrears("L2", other, How(), small=False, came_over=False)
        self.life.close(1)
        self.days_go_by(lived)

    @rule(
        loan_id=loan_ids,
        days=days_past_due,
        how=hows,
        small=st.sampled_from([False, False, False, True]),
        came_over=st.sampled_from([False, False, False, True]),
    )
    def arrears(self, loan_id: str, days: int, how: How, small: bool, came_over: bool) -> None:
        if loan_id in self.in_arrears:
            self.life.state(self.life.changed(loan_id, days, small=small), how)
        else:
            self.in_arrears.add(loan_id)
            self.life.state(self.life.overdue(loan_id, days, small=small, came_over=came_over), how)

    @rule(loan_id=loan_ids, how=hows)
    def nothing_counts(self, loan_id: str, how: How) -> None:
        if loan_id in self.in_arrears:
            self.life.state(self.life.changed(loan_id, 0), how)

    @rule(loan_id=loan_ids, how=hows, end=st.sampled_from(["cured", "cured", "paid", "closed", "sold"]))
    def arrears_end(self, loan_id: str, how: How, end: Any) -> None:
        if loan_id not in self.in_arrears:
            return
        self.in_arrears.discard(loan_id)
        owner, on = OWNERS[loan_id], self.life.open_on
        cured = loan_cured(loan_id, owner, as_of=on)
        self.life.state(cured if end == "cured" else loan_settled(loan_id, owner, as_of=on, reason=end), how)

    @rule(loan_id=loan_ids, later=st.integers(0, 3), days=days_past_due)
    def a_cure_bounces(self, loan_id: str, later: int, days: int) -> None:
        """Money that ended the arrears is taken back; the old ones go on, and so do the dates."""
        self.money_comes(loan_id, "1001.35", 0, How())
        self.arrears_end(loan_id, How(), "cured")
        self.life.close(later)
        self._take_back(sorted(self.money, key=lambda id_: int(id_[1:]))[-1], How())
        self.arrears(loan_id, days, How(), small=False, came_over=False)
        self.life.close(1)

    @rule(loan_id=loan_ids, hours=st.sampled_from([5, 10, 24]))
    def the_end_is_heard_ahead(self, loan_id: str, hours: int) -> None:
        """The facts before it are still missing when steps come due."""
        self.arrears_end(loan_id, How(last=False, early=True), "cured")
        self.life.wait(timedelta(hours=hours))

    @rule(loan_id=loan_ids, amount=amounts, ago=st.integers(0, 5), how=hows)
    def money_comes(self, loan_id: str, amount: str, ago: int, how: How) -> None:
        id_ = self.life.name("R")
        self.money[id_] = (loan_id, amount)
        event = RepaymentReceived(
            borrower_id=OWNERS[loan_id],
            loan_id=loan_id,
            repayment_id=id_,
            amount=amount,
            currency="CNY",
            value_date=self.life.open_on - timedelta(days=ago),
            posted_at=self.life.now,
        )
        self.life.state(event, how)

    @rule(data=st.data(), how=hows, days=st.none() | days_past_due)
    def money_is_taken_back(self, data: st.DataObject, how: How, days: int | None) -> None:
        """`days`: what is past due again with it."""
        if not self.money:
            return
        loan_id = self._take_back(data.draw(st.sampled_from(sorted(self.money))), how)
        if days is not None:
            self.arrears(loan_id, days, how, small=False, came_over=False)

    def _take_back(self, id_: str, how: How) -> str:
        loan_id, amount = self.money.pop(id_)
        event = LedgerRepaymentReversed(
            borrower_id=OWNERS[loan_id],
            loan_id=loan_id,
            repayment_id=id_,
            amount=amount,
            currency="CNY",
            reversed_on=self.life.open_on,
            reason="returned",
        )
        self.life.state(event, how)
        return loan_id

    @rule(loan_id=loan_ids, how=hows, matches=st.booleans())
    def a_statement(self, loan_id: str, how: How, matches: bool) -> None:
        stated = StatedArrears(days_past_due=1, overdue_principal="1.00", overdue_interest="0.00")
        facts: dict[str, Any] = {
            "borrower_id": OWNERS[loan_id],
            "loan_id": loan_id,
            "currency": "CNY",
            "as_of": self.life.open_on,
            "stated": stated,
            "ledger": stated,
        }
        event = StatementMatched(**facts) if matches else StatementMismatch(**facts, differences=("dpd",))
        self.life.state(event, how)

    @rule(loan_id=loan_ids, how=hows, kind=st.sampled_from(["pending", "debit"]), hours=st.integers(1, 60))
    def money_is_on_its_way(self, loan_id: str, how: How, kind: Any, hours: int) -> None:
        id_ = self.life.name("T")
        self.transits[id_] = (loan_id, kind)
        event = PaymentInTransit(
            borrower_id=OWNERS[loan_id],
            loan_id=loan_id,
            transit_id=id_,
            kind=kind,
            currency="CNY",
            since=self.life.now,
            until=self.life.now + timedelta(hours=hours),
        )
        self.life.state(event, how)

    @rule(data=st.data(), how=hows, outcome=st.sampled_from(["posted", "failed", "expired"]))
    def it_arrives_or_not(self, data: st.DataObject, how: How, outcome: Any) -> None:
        if not self.transits:
            return
        id_ = data.draw(st.sampled_from(sorted(self.transits)))
        loan_id, kind = self.transits.pop(id_)
        event = PaymentTransitEnded(
            borrower_id=OWNERS[loan_id],
            loan_id=loan_id,
            transit_id=id_,
            kind=kind,  # type: ignore[arg-type]
            outcome=outcome,
            ended_at=self.life.now,
        )
        self.life.state(event, how)

    @rule()
    def late_facts_come(self) -> None:
        late, self.life.late = self.life.late, []
        self.life.batch += late
        self.life.hand_over()

    @rule(which=st.integers(0, 100), closes=st.sampled_from([False, False, True]))
    def a_fact_comes_again(self, which: int, closes: bool) -> None:
        facts = [fact for fact in self.life.history if (fact.envelope.loan_seq is None) == closes]
        if facts:
            self.life.batch.append(facts[-1 - which % len(facts)])
            self.life.hand_over()

    # -- time ------------------------------------------------------------------------------------------

    @rule(days=st.integers(1, 2))
    def days_go_by(self, days: int) -> None:
        for _ in range(days):
            self.life.day_goes_by()

    @rule(days=st.sampled_from([1, 1, 1, 2, 5, 30]))
    def dates_close(self, days: int) -> None:
        self.life.close(days)

    @rule(length=lengths, times=st.integers(1, 3))
    def time_passes(self, length: timedelta, times: int) -> None:
        for _ in range(times):
            self.life.wait(length)

    @rule(times=st.integers(1, 4))
    def what_is_next_comes_due(self, times: int) -> None:
        for _ in range(times):
            self.life.wait_for_what_is_next()

    @rule()
    def the_clock_stands_still(self) -> None:
        self.life.run_timers()
