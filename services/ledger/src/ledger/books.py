"""Books one fact after another onto the loans at hand and says what became true; no I/O, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Final, assert_never

from ledger import emits
from ledger.contract import facts_of, kept, repayment_of, resolved_terms
from ledger.domain.book import fold
from ledger.domain.facts import LoanFacts, Repayment
from ledger.domain.position import position_of
from ledger.domain.transitions import next_candidate_on
from ledger.policy import House
from ledger.standing import Standing, changes
from spine.envelope import Envelope
from spine.errors import EventRefused
from spine.events.corebanking import LoanOpened, RepaymentPosted, RepaymentReversed
from spine.events.registry import Event
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


@dataclass(slots=True)
class Account:
    """A loan at hand: its facts, and its standing as last told. `terms` is set on new loans only.

    `next_look_on`: the first later date on which the standing may change by itself, once looked at.
    """

    facts: LoanFacts
    standing: Standing
    version: int
    terms: str | None = None
    next_look_on: date | None = None
    looked_at: bool = False

    def look(self, as_of: date, *, by_facts: bool) -> list[Event]:
        """Brings the standing to a date, and says what became true."""
        book = fold(self.facts, as_of)
        now = position_of(book, as_of)
        standing = Standing.of(now)
        what = changes(self.standing, standing, by_facts=by_facts)
        self.standing, self.looked_at = standing, True
        self.next_look_on = next_candidate_on(book, as_of)
        return list(emits.of_changes(self.facts, now, what))


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
    parked: list[Parked] = field(default_factory=list)
    unparked: list[int] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


class Books:
    """The loans at hand while a batch is booked, and what waits for them.

    Every fact is followed by its own comparison of before and after, so that the same facts in the same
    order say the same, whatever batches they come in.
    """

    def __init__(
        self, house: House, open_on: date, accounts: dict[str, Account], waiting: Mapping[str, list[Parked]]
    ) -> None:
        self.accounts = accounts
        self.written = Written()
        self._house = house
        self._open_on = open_on
        self._waiting = {loan_id: list(parked) for loan_id, parked in waiting.items()}

    def looked_at(self) -> list[Account]:
        """The loans that facts came for."""
        return [account for account in self.accounts.values() if account.looked_at]

    def take(self, received: Received, *, was_parked: bool = False) -> Answer:
        """Books one event, and those it releases; a refused one changes nothing."""
        event = received.event
        assert isinstance(event, LoanOpened | RepaymentPosted | RepaymentReversed)
        try:
            answer = self._book(event, received)
        except EventRefused as error:
            answer = Answer(Outcome.REFUSED, error.code, error.detail, error.facts.get("field"))
        if answer.outcome is Outcome.REFUSED:
            return self.refuse(received, answer, was_parked=was_parked)
        if answer.outcome is Outcome.ACCEPTED:
            self._release(event)
        return answer

    def refuse(self, received: Received, answer: Answer, *, was_parked: bool = False) -> Answer:
        """Notes an event as one to be put aside."""
        account = self.accounts.get(received.event.subject or "")
        borrower_id = account.facts.borrower_id if account else received.event.key
        self.written.refusals.append(Refusal(received, borrower_id, answer, was_parked))
        return answer

    def _book(self, event: LoanOpened | RepaymentPosted | RepaymentReversed, received: Received) -> Answer:
        account = self.accounts.get(event.loan_id)
        if isinstance(event, LoanOpened):
            if account is not None:
                return _conflict(f"loan {event.loan_id} was opened before by another event", "loan_id")
            return self._open(event, received.envelope)
        if account is None:
            return self._park("loan", event, received)
        loan = account.facts
        if loan.borrower_id != event.borrower_id:
            return _conflict(
                f"loan {event.loan_id} has another borrower; a loan keeps its own", "borrower_id"
            )
        if isinstance(event, RepaymentPosted):
            return self._post(account, event, received.envelope)
        if isinstance(event, RepaymentReversed):
            return self._reverse(account, event, received)
        assert_never(event)

    def _open(self, event: LoanOpened, cause: Envelope) -> Answer:
        terms = resolved_terms(event, self._house)
        loan = facts_of(event, terms, self._house.calendars)
        account = Account(loan, Standing.unheard_of(self._open_on), 0, kept(terms))
        self.accounts[event.loan_id] = account
        self.written.events.append((emits.registered(event), cause))
        self._compare(account, cause)
        return _ACCEPTED

    def _post(self, account: Account, event: RepaymentPosted, cause: Envelope) -> Answer:
        loan = account.facts
        if event.currency != loan.currency:
            return Answer(
                Outcome.REFUSED,
                "wrong_currency",
                f"currency: {event.currency} given, loan {event.loan_id} is in {loan.currency}",
                "currency",
            )
        if any(known.id == event.repayment_id for known in loan.repayments):
            return _conflict(
                f"repayment {event.repayment_id} was posted before by another event", "repayment_id"
            )
        repayment = repayment_of(event)
        account.facts = replace(loan, repayments=(*loan.repayments, repayment))
        self.written.repayments.append((event.loan_id, event, repayment))
        self.written.events.append((emits.received(loan, repayment), cause))
        self._compare(account, cause)
        return _ACCEPTED

    def _reverse(self, account: Account, event: RepaymentReversed, received: Received) -> Answer:
        loan = account.facts
        known = next((each for each in loan.repayments if each.id == event.repayment_id), None)
        if known is None:
            return self._park(f"repayment:{event.repayment_id}", event, received)
        if known.reversed_on is not None:
            return _conflict(f"repayment {known.id} was reversed before by another event", "repayment_id")
        gone = replace(known, reversed_on=event.reversed_on)
        money = tuple(gone if each is known else each for each in loan.repayments)
        account.facts = replace(loan, repayments=money)
        self.written.reversals.append(event)
        self.written.events.append((emits.reversed_(loan, known, event), received.envelope))
        self._compare(account, received.envelope)
        return _ACCEPTED

    def _compare(self, account: Account, cause: Envelope) -> None:
        """What became true by a fact, told on the open date (or the next, where the close has been by)."""
        as_of = max(self._open_on, account.standing.as_of)
        self.written.events += [(event, cause) for event in account.look(as_of, by_facts=True)]

    def _park(self, waits_for: str, event: RepaymentPosted | RepaymentReversed, received: Received) -> Answer:
        parked = Parked(None, waits_for, received)
        self._waiting.setdefault(event.loan_id, []).append(parked)
        self.written.parked.append(parked)
        return Answer(Outcome.PARKED)

    def _release(self, event: LoanOpened | RepaymentPosted | RepaymentReversed) -> None:
        """Books what waited for this event, in the order in which it had arrived."""
        waiting = self._waiting.get(event.loan_id)
        if not waiting or isinstance(event, RepaymentReversed):
            return
        arrived = "loan" if isinstance(event, LoanOpened) else f"repayment:{event.repayment_id}"
        released = [parked for parked in waiting if parked.waits_for == arrived]
        self._waiting[event.loan_id] = [parked for parked in waiting if parked.waits_for != arrived]
        for parked in released:
            if parked.id is None:
                self.written.parked.remove(parked)
            else:
                self.written.unparked.append(parked.id)
            self.take(parked.received, was_parked=True)


def _conflict(message: str, field: str) -> Answer:
    return Answer(Outcome.REFUSED, "conflict", message, field)
