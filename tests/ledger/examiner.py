"""Examines the ledger after every step: what is kept, what was said and what is owed, against the reference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from ledger.domain.book import fold
from ledger.domain.facts import Instalment, LoanFacts
from ledger.domain.position import position
from ledger.standing import Standing
from spine.money import format_minor
from tests.ledger.chronicle import Chronicle
from tests.ledger.keepers import Keeper, Kept
from tests.ledger.listener import Heard, Listener
from tests.ledger.stated import Stated

#: All dates so far apart are compared at the end, besides every date that was closed.
EVERY = timedelta(days=17)
FIRST_LOOK = date(2026, 1, 1)


class Examiner:
    """Drives two ledgers alike, the second with batches of one event, and knows what must come of it."""

    def __init__(self, open_on: date, together: Keeper, one_by_one: Keeper) -> None:
        self.open_on = open_on
        self.in_order = True
        self._chronicle = Chronicle()
        self._keepers = together, one_by_one
        self._listener = Listener()

    # -- steps -------------------------------------------------------------------------------------------

    def take(self, batch: Sequence[Stated]) -> None:
        """A batch: each event becomes what it has to, and all is in order afterwards."""
        self.in_order = False
        together, one_by_one = self._keepers
        expected = [self._chronicle.take(each) for each in batch]
        assert together.take([each.received for each in batch]) == expected
        assert [one_by_one.take([each.received])[0] for each in batch] == expected
        self._hear()
        assert together.parked() == one_by_one.parked() == self._chronicle.parked()
        assert together.refused() == one_by_one.refused() == self._chronicle.refused
        self._examine(together.kept(), {each.loan_id for each in batch})
        self.in_order = True

    def begin_to_close(self) -> None:
        self.in_order = False
        rolled = {keeper.roll(self.open_on, 1) for keeper in self._keepers}
        assert len(rolled) == 1
        self._hear()
        self._examine(self._keepers[0].kept(), self._chronicle.loans)
        self.in_order = True

    def close(self) -> None:
        """The open date is closed: the stories told are true on the next, of every loan."""
        self.in_order = False
        for keeper in self._keepers:
            while keeper.roll(self.open_on, 500):
                pass
            assert keeper.finish(self.open_on)
        self.open_on += timedelta(days=1)
        self._hear()
        assert self._listener.closed[-1] == self.open_on - timedelta(days=1)
        self._examine(self._keepers[0].kept(), self._chronicle.loans)
        self.in_order = True

    def finish(self, end: date) -> None:
        """Closes all dates to the end, and looks back."""
        while self.open_on < end:
            self.close()
        together, one_by_one = (keeper.kept() for keeper in self._keepers)
        assert together.keys() == self._chronicle.loans.keys()
        for loan_id, kept in together.items():
            assert kept.standing == one_by_one[loan_id].standing
            _told_all_money(self._listener.loans[loan_id], self._chronicle.loans[loan_id].facts)
            day = FIRST_LOOK
            while day <= end:
                self._same_position(loan_id, kept.facts, day)
                conserved(self._chronicle.loans[loan_id].facts, kept.facts, day)
                day += EVERY

    # -- what must be true ---------------------------------------------------------------------------------

    def _hear(self) -> None:
        said, also = (keeper.said() for keeper in self._keepers)
        assert _by_loan(said) == _by_loan(also)
        for event in said:
            self._listener.hear(event)

    def _examine(self, kept: dict[str, Kept], loan_ids: Iterable[str]) -> None:
        for loan_id in sorted(set(loan_ids) & kept.keys()):
            loan = kept[loan_id]
            day = max(self.open_on, loan.standing.as_of)
            expected = self._chronicle.loans[loan_id].on(day)
            _stands(loan.standing, day, expected)
            _heard_right(self._listener.loans[loan_id], day, expected, loan.facts.currency)
            if loan.standing.as_of == day:
                self._same_position(loan_id, loan.facts, day)
            assert loan.next_look_on is None or loan.next_look_on > loan.standing.as_of

    def _same_position(self, loan_id: str, facts: LoanFacts, day: date) -> None:
        expected = self._chronicle.loans[loan_id].on(day)
        found = position(facts, day)
        assert {name: getattr(found, name) for name in expected} == expected, (loan_id, day)


def _stands(standing: Standing, day: date, expected: dict[str, Any]) -> None:
    """The standing last told still holds on a day, but for what accrues."""
    overdue = standing.overdue
    fee, penalty, compound, interest, principal = expected["overdue"]
    assert {
        "dpd": standing.dpd_on(day),
        "status": standing.status,
        "oldest": standing.oldest_unpaid_due_on,
        "owed": (overdue.fee, overdue.interest, overdue.principal),
        "outstanding": standing.outstanding_principal,
    } == {
        "dpd": expected["dpd"],
        "status": expected["status"],
        "oldest": expected["oldest_unpaid_due_on"],
        "owed": (fee, interest, principal),
        "outstanding": expected["outstanding_principal"],
    }, day
    if standing.as_of == day:
        assert (overdue.penalty, overdue.compound) == (penalty, compound)


def _heard_right(heard: Heard, day: date, expected: dict[str, Any], currency: str) -> None:
    """Someone who took the ledger at its word knows the days past due, and what is owed."""
    assert heard.dpd_on(day) == expected["dpd"], day
    if expected["status"] in ("settled", "sold"):
        assert heard.over, day
    if not heard.in_arrears:
        return
    assert heard.overdue is not None and heard.as_of is not None
    texts = [format_minor(amount, currency) for amount in expected["overdue"]]
    told = heard.overdue
    assert [told.fee, told.interest, told.principal] == [texts[0], texts[3], texts[4]], day
    if heard.as_of == day:
        assert [told.penalty, told.compound] == texts[1:3], day
    assert heard.oldest_unpaid_due_on == expected["oldest_unpaid_due_on"]
    assert heard.outstanding_principal == format_minor(expected["outstanding_principal"], currency)
    assert heard.written_off == (expected["status"] == "written_off")
    assert (heard.dpd_zero_on is None) == expected["paused"]
    assert (heard.resumes_on if expected["paused"] else None) == expected["resumes_on"], day


def _told_all_money(heard: Heard, facts: LoanFacts) -> None:
    assert heard.money == {each.id: format_minor(each.amount, facts.currency) for each in facts.repayments}
    assert heard.taken_back == {each.id: each.reversed_on for each in facts.repayments if each.reversed_on}
    assert sorted(heard.charged_back) == sorted(
        (each.repayment_id, format_minor(each.amount, facts.currency), each.on) for each in facts.chargebacks
    )


def conserved(stated_facts: LoanFacts, facts: LoanFacts, day: date) -> None:
    """All money that counts is on items or credit: received = what was owed - what is unpaid + credit."""
    received = sum(part.principal + part.interest + part.fee for part in stated_facts.paid_before)
    received += sum(
        each.amount
        for each in stated_facts.repayments
        if each.value_date <= day and (each.reversed_on is None or each.reversed_on > day)
    )
    book = fold(facts, day, whole=True)
    owed = sum(item.penalty_posted + item.compound_posted for item in book.items)
    for item in book.items:
        source = item.source
        if isinstance(source, Instalment):
            owed += source.principal + source.interest + source.fee
        else:
            owed += source.amount
    unpaid = sum(sum(item.rests) for item in book.items)
    assert received == owed - unpaid + book.credit, day
    assert book.credit >= 0 and all(rest >= 0 for item in book.items for rest in item.rests)


def _by_loan(said: Iterable[Any]) -> dict[str | None, list[Any]]:
    found: dict[str | None, list[Any]] = {}
    for event in said:
        found.setdefault(event.subject, []).append(event)
    return found
