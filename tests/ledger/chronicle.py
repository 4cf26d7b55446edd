"""What is true of the loans, kept by the test itself: which stated facts count, which wait, which are refused."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Final, assert_never

from msgspec.structs import replace

from ledger.domain.facts import (
    BorrowerId,
    Charge,
    Chargeback,
    Closure,
    LoanFacts,
    LoanId,
    Pause,
    RateChange,
    Repayment,
    Reschedule,
)
from tests.ledger.domain.reference import Days
from tests.ledger.stated import Resume, Reversal, Stated

_KINDS: Final[dict[type, str]] = {
    Repayment: "repayments",
    Charge: "charges",
    Chargeback: "chargebacks",
    Reschedule: "reschedules",
    RateChange: "rate_changes",
    Pause: "pauses",
    Closure: "closures",
}


@dataclass(slots=True)
class Chronicle:
    """The facts of each loan as they count, and the reference over them."""

    loans: dict[str, Days] = field(default_factory=dict)
    waiting: defaultdict[str, list[tuple[str, Stated]]] = field(default_factory=lambda: defaultdict(list))
    known: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)
    refused: int = 0

    def take(self, stated: Stated) -> str:
        """What has to become of the event: accepted, parked, known, or the code of its refusal."""
        before = self.known.get(stated.key)
        if before is not None:
            if before == stated.content:
                return "known"
            self.refused += 1
            return "conflict"
        outcome = self._book(stated)
        if outcome in ("accepted", "parked"):
            self.known[stated.key] = stated.content
        return outcome

    def parked(self) -> set[tuple[str, str]]:
        """The identities of the events that wait."""
        return {stated.key for waiting in self.waiting.values() for _, stated in waiting}

    def _book(self, stated: Stated) -> str:
        waits_for = self._waits_for(stated)
        if waits_for is not None:
            self.waiting[stated.loan_id].append((waits_for, stated))
            return "parked"
        refusal = self._refusal(stated)
        if refusal is not None:
            self.refused += 1
            return refusal
        self._add(stated)
        self._release(stated)
        return "accepted"

    def _waits_for(self, stated: Stated) -> str | None:
        loan = self.loans.get(stated.loan_id)
        if isinstance(stated.fact, LoanFacts):
            return None
        if loan is None:
            return "loan"
        if isinstance(stated.fact, Reversal) and stated.borrower_id == loan.facts.borrower_id:
            known = {each.id for each in loan.facts.repayments}
            if stated.fact.repayment_id not in known:
                return f"repayment:{stated.fact.repayment_id}"
        return None

    def _refusal(self, stated: Stated) -> str | None:
        if isinstance(stated.fact, LoanFacts):
            return "conflict" if stated.loan_id in self.loans else None
        loan = self.loans[stated.loan_id].facts
        if stated.borrower_id != loan.borrower_id:
            return "conflict"
        match stated.fact:
            case Repayment(id):
                if stated.currency != loan.currency:
                    return "wrong_currency"
                return "conflict" if any(each.id == id for each in loan.repayments) else None
            case Reversal(id):
                gone = {each.id for each in loan.repayments if each.reversed_on is not None}
                return "conflict" if id in gone else None
            case Charge(id):
                return "conflict" if any(each.id == id for each in loan.charges) else None
            case _:
                return None

    def _add(self, stated: Stated) -> None:
        fact = stated.fact
        if isinstance(fact, LoanFacts):
            named = replace(fact, loan_id=LoanId(stated.loan_id), borrower_id=BorrowerId(stated.borrower_id))
            self.loans[stated.loan_id] = Days(named)
            return
        loan = self.loans[stated.loan_id].facts
        changed: dict[str, Any]
        match fact:
            case Reversal(id, on):
                changed = {
                    "repayments": tuple(
                        replace(each, reversed_on=on) if each.id == id else each for each in loan.repayments
                    )
                }
            case Resume(on):
                changed = {"resumed_on": (*loan.resumed_on, on)}
            case Repayment() | Charge() | Chargeback() | Reschedule() | RateChange() | Pause() | Closure():
                kind = _KINDS[type(fact)]
                changed = {kind: (*getattr(loan, kind), fact)}
            case _:
                assert_never(fact)
        self.loans[stated.loan_id] = Days(replace(loan, **changed))

    def _release(self, stated: Stated) -> None:
        arrived = None
        if isinstance(stated.fact, LoanFacts):
            arrived = "loan"
        elif isinstance(stated.fact, Repayment):
            arrived = f"repayment:{stated.fact.id}"
        waiting = self.waiting[stated.loan_id]
        released = [each for waits_for, each in waiting if waits_for == arrived]
        self.waiting[stated.loan_id] = [each for each in waiting if each[0] != arrived]
        for each in released:
            if self._book(each) not in ("accepted", "parked"):
                del self.known[each.key]
