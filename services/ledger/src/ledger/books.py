"""Books one fact after another onto the loans at hand and says what became true; no I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final

import msgspec

from ledger import emits, statements, transits
from ledger.account import Account
from ledger.applying import ComesTooEarly, Contradiction, apply, check_borrower
from ledger.contract import facts_of, kept, resolved_terms
from ledger.domain.facts import LoanFacts, Repayment
from ledger.domain.statement_check import Tolerance
from ledger.policy import House
from ledger.reach import check_dates
from ledger.standing import Standing
from spine.envelope import Envelope
from spine.errors import EventRefused
from spine.events.corebanking import (
    ArrearsStated,
    FeedHeartbeat,
    LoanContract,
    LoanImported,
    LoanRescheduled,
)
from spine.events.ledger import LoanOverdue
from spine.events.payments import (
    DebitFailed,
    DebitScheduled,
    RepaymentChargedBack,
    RepaymentPending,
    RepaymentPosted,
    RepaymentReversed,
)
from spine.events.registry import Event, encode
from spine.service import Received


class Outcome(StrEnum):
    """What became of an event."""

    ACCEPTED = "accepted"
    PARKED = "parked"
    KNOWN = "known"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome for one event; a refusal has a stable code and says why."""

    outcome: Outcome
    code: str | None = None
    message: str | None = None
    field: str | None = None


_ACCEPTED: Final = Answer(Outcome.ACCEPTED)


@dataclass(frozen=True, slots=True)
class Parked:
    """An event that came before what it is about: `waits_for` is "loan" or "repayment:<id>".

    `id` is None until it is kept.
    """

    id: int | None
    waits_for: str
    received: Received


@dataclass(frozen=True, slots=True)
class Refusal:
    """An event to be put aside. `borrower_id` is the loan's own where the loan is known."""

    received: Received
    borrower_id: str | None
    answer: Answer
    was_parked: bool


@dataclass(slots=True)
class Written:
    """All that a batch changes, to be kept in one transaction."""

    events: list[tuple[Event, Envelope]] = field(default_factory=list)
    repayments: list[tuple[str, RepaymentPosted, Repayment]] = field(default_factory=list)
    reversals: list[RepaymentReversed] = field(default_factory=list)
    amendments: list[Received] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)
    unparked: list[int] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    heartbeats: dict[str, datetime] = field(default_factory=dict)


class Books:
    """The loans at hand while a batch is booked, and what waits for them.

    Every fact is followed by its own comparison of before and after, so that the same facts in the same
    order say the same, whatever batches they come in.
    """

    def __init__(
        self,
        house: House,
        open_on: date,
        accounts: dict[str, Account],
        waiting: Mapping[str, list[Parked]],
        now: datetime,
    ) -> None:
        self.accounts = accounts
        self.written = Written()
        self._house = house
        self._open_on = open_on
        self._waiting = {loan_id: list(parked) for loan_id, parked in waiting.items()}
        self._now = now

    def looked_at(self) -> list[Account]:
        """The loans that facts came for."""
        return [account for account in self.accounts.values() if account.looked_at]

    def take(self, received: Received, *, was_parked: bool = False) -> Answer:
        """Books one event, and those it releases; a refused one changes nothing."""
        try:
            answer = self._book(received.event, received)
        except EventRefused as error:
            answer = Answer(Outcome.REFUSED, error.code, error.detail, error.facts.get("field"))
        if answer.outcome is Outcome.REFUSED:
            return self.refuse(received, answer, was_parked=was_parked)
        if answer.outcome is Outcome.ACCEPTED and self._waiting:
            self._release(received.event)
        return answer

    def refuse(self, received: Received, answer: Answer, *, was_parked: bool = False) -> Answer:
        """Notes an event as one to be put aside."""
        account = self.accounts.get(received.event.subject or "")
        borrower_id = account.facts.borrower_id if account else received.event.key
        self.written.refusals.append(Refusal(received, borrower_id, answer, was_parked))
        return answer

    def _book(self, event: Event, received: Received) -> Answer:
        check_dates(event)
        if isinstance(event, FeedHeartbeat):
            self.written.heartbeats[received.envelope.source] = event.at
            return _ACCEPTED
        account = self.accounts.get(event.subject or "")
        if isinstance(event, LoanContract):
            if account is not None:
                raise Contradiction(
                    f"loan {event.loan_id} was opened before by another event", field="loan_id"
                )
            self._open(event, received)
            return _ACCEPTED
        if account is None:
            return self._park("loan", received)
        check_borrower(account.facts, event)
        try:
            self._take_fact(account, event, received)
        except ComesTooEarly as early:
            return self._park(early.waits_for, received)
        return _ACCEPTED

    def _open(self, event: LoanContract, received: Received) -> None:
        terms = resolved_terms(event, self._house)
        loan = facts_of(event, terms, self._house.calendars)
        account = Account(loan, Standing.unheard_of(self._open_on), 0, kept(terms))
        self.accounts[event.loan_id] = account
        self._say(received, [emits.registered(event)])
        self._compare(account, received)
        if isinstance(event, LoanImported):
            self._keep(account, _without_history(received, event))
            self._mark_taken_over(event)

    def _mark_taken_over(self, event: LoanImported) -> None:
        told = self.written.events
        overdue, cause = told[-1]
        if isinstance(overdue, LoanOverdue) and overdue.loan_id == event.loan_id:
            told[-1] = (emits.taken_over(overdue, event), cause)

    def _take_fact(self, account: Account, event: Event, received: Received) -> None:
        if isinstance(event, RepaymentPending | DebitScheduled | DebitFailed):
            waiting = self._house.waiting(account.facts.terms.calendar)
            self._say(received, transits.take(account, event, waiting, self._now))
        elif isinstance(event, ArrearsStated):
            self._say(received, statements.take(account, event, self._tolerance(account)))
        else:
            self._apply(account, event, received)

    def _apply(self, account: Account, event: Event, received: Received) -> None:
        """A fact that changes what is owed: kept, told, compared, and held against what was waited for."""
        before = account.facts
        loan = account.facts = apply(before, event, stated_at=received.envelope.time, zone=self._house.zone)
        money = None
        if isinstance(event, RepaymentPosted):
            money = loan.repayments[-1]
            self.written.repayments.append((event.loan_id, event, money))
            self._say(received, [emits.received(loan, money)])
        elif isinstance(event, RepaymentReversed):
            self.written.reversals.append(event)
            known = next(each for each in loan.repayments if each.id == event.repayment_id)
            self._say(received, [emits.reversed_(loan, known, event)])
        else:
            self._keep(account, received)
            if isinstance(event, LoanRescheduled):
                self._say(received, [emits.rescheduled(loan, event)])
            elif isinstance(event, RepaymentChargedBack):
                self._say(received, [emits.charged_back(loan, loan.chargebacks[-1])])
        self._compare(account, received, before)
        if account.transits and money is not None:
            waiting = self._house.waiting(loan.terms.calendar)
            self._say(received, transits.arrived(account, money, waiting, self._now))
        if account.statement is not None:
            self._say(received, statements.recheck(account, self._tolerance(account)))

    def _keep(self, account: Account, received: Received) -> None:
        """Notes an amendment, to be kept as it was stated."""
        account.has_facts = account.marked = True
        self.written.amendments.append(received)

    def _tolerance(self, account: Account) -> Tolerance:
        return self._house.statement_tolerance(account.facts.currency)

    def _compare(self, account: Account, received: Received, before: LoanFacts | None = None) -> None:
        """What became true by a fact, told on the open date (or the next, where the close has been by)."""
        as_of = max(self._open_on, account.standing.as_of)
        self._say(received, account.look(as_of, by_facts=True, before=before))

    def _say(self, received: Received, events: Iterable[Event]) -> None:
        self.written.events += [(event, received.envelope) for event in events]

    def _park(self, waits_for: str, received: Received) -> Answer:
        parked = Parked(None, waits_for, received)
        self._waiting.setdefault(received.event.subject or "", []).append(parked)
        self.written.parked.append(parked)
        return Answer(Outcome.PARKED)

    def _release(self, event: Event) -> None:
        """Books what waited for this event, in the order in which it had arrived."""
        loan_id = event.subject or ""
        waiting = self._waiting.get(loan_id)
        if not waiting:
            return
        if isinstance(event, LoanContract):
            arrived = "loan"
        elif isinstance(event, RepaymentPosted):
            arrived = f"repayment:{event.repayment_id}"
        else:
            return
        released = [parked for parked in waiting if parked.waits_for == arrived]
        self._waiting[loan_id] = [parked for parked in waiting if parked.waits_for != arrived]
        for parked in released:
            if parked.id is None:
                self.written.parked.remove(parked)
            else:
                self.written.unparked.append(parked.id)
            self.take(parked.received, was_parked=True)


def _without_history(received: Received, event: LoanImported) -> Received:
    """A taken-over loan is kept without its past contacts: they are told to others and mean nothing here."""
    slim = msgspec.structs.replace(event, contact_history=())
    return msgspec.structs.replace(received, event=slim, body=encode(slim))
