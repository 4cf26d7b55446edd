"""What a file of core banking's events says of loans, without a database: facts line by line, then loans."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from heapq import heappop, heappush
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from ledger.applying import ComesTooEarly, Contradiction, apply, check_borrower
from ledger.contract import KeptTerms, bounded, completed_terms, facts_of, figures_stated, repayment_of
from ledger.domain.facts import LoanFacts
from ledger.domain.position import position
from ledger.figures import ArrearsFigures, arrears
from ledger.identity import Identities, Seen, body_hash
from ledger.loan_log import LoanLogs, Opening, Stated, stated
from spine.calendars import Calendars
from spine.envelope import Structured, parse_structured
from spine.errors import BadSchema, EventRefused
from spine.events.corebanking import (
    COREBANKING,
    AllocationTerms,
    ArrearsStated,
    FeedHeartbeat,
    LoanContract,
    LoanTerms,
    PenaltyTerms,
)
from spine.events.parties import PARTIES
from spine.events.payments import DebitFailed, DebitScheduled, RepaymentPending, RepaymentPosted
from spine.events.registry import Event, events_of

#: What a loan that states no terms has where no house's policy completes them.
ABSENT_TERMS: Final = LoanTerms(
    grace_days=0,
    grace_rule="from_due",
    holiday_rule="none",
    day_count=360,
    penalty=PenaltyTerms(multiplier="1.5"),
    allocation=AllocationTerms(),
    tolerance="0.00",
    overpayment="credit",
)
_MOVING_TERMS: Final = msgspec.structs.replace(ABSENT_TERMS, calendar="CN")
#: Lines of people, in a file of both topics.
_OF_PARTIES: Final = frozenset({*(cls.TYPE for cls in events_of(PARTIES)), "borrower.merged.v1"})
#: No fact of a file depends on a zone: its days are business dates.
_ANY_ZONE: Final = ZoneInfo("UTC")
_UNKNOWN_LOAN: Final = "unknown_loan"


class Problem(msgspec.Struct, frozen=True):
    """A line that was refused, and so has no effect; lines count from 1."""

    line: int
    code: str
    message: str


class FactsOfFile:
    """Takes a file's lines one by one, in any order of facts, and then tells its loans.

    Each event is checked by itself as it is read, and against its loan once the whole file is known.
    `refused`: how many lines were refused so far.
    """

    def __init__(self, calendars: Calendars) -> None:
        self._calendars = calendars
        self._logs = LoanLogs(KeptTerms(calendars, _ANY_ZONE))
        self._identities = Identities()
        self._problems: list[Problem] = []
        self.refused = 0

    def read(self, number: int, line: bytes) -> None:
        """Takes one line that is not blank."""
        try:
            self._read(number, line)
        except EventRefused as refused:
            self.refuse(number, refused)

    def refuse(self, number: int, refused: EventRefused) -> None:
        """Notes that a line has no effect, and why."""
        self._note(number, refused.code, refused.detail)

    def settled_problems(self) -> list[Problem]:
        """Problems that no other comes before, handed out once: all while no loan is named, else none yet."""
        return [] if self._logs else self.problems()

    def problems(self) -> list[Problem]:
        """The problems so far in order of lines, unknown loans last, handed out once."""
        found, self._problems = self._problems, []
        return sorted(found, key=lambda each: (each.code == _UNKNOWN_LOAN, each.line))

    def loans(self) -> Iterator[LoanFacts]:
        """The loans of the file, by the first good line that names them; only then are all problems known."""
        ready: list[tuple[int, LoanFacts]] = []
        for loan_id, records in self._logs.take_out():
            while ready and ready[0][0] < records[0].line:
                yield heappop(ready)[1]
            if judged := self._judge(loan_id, records):
                heappush(ready, judged)
        while ready:
            yield heappop(ready)[1]

    def arrears(self, as_of: date) -> Iterator[ArrearsFigures]:
        """The figures of every loan that was open by the end of a date."""
        for loan in self.loans():
            if loan.opened_on <= as_of:
                yield arrears(loan, position(loan, as_of))

    def _read(self, number: int, line: bytes) -> None:
        structured = parse_structured(line)
        envelope = structured.envelope
        if envelope.type in _OF_PARTIES:
            return
        for name, value in (("id", envelope.id), ("source", envelope.source)):
            if "\0" in value:
                raise BadSchema(f"{name}: a NUL is not allowed", field=name)
        event = structured.event(COREBANKING)
        record = self._record(number, event, structured)
        hash_ = body_hash(envelope, event, structured.data)
        seen = self._identities.note(envelope.source, envelope.id, hash_)
        if seen is Seen.OTHER:
            raise Contradiction(f"event {envelope.id} of {envelope.source} came before with another body")
        if seen is Seen.NEW and record is not None:
            self._logs.add(event.subject or "", record)

    def _record(self, number: int, event: Event, structured: Structured) -> bytes | None:
        """What is kept of an event until the file ends. Raises EventRefused for what no loan can have."""
        if isinstance(event, FeedHeartbeat):
            return None
        if isinstance(event, LoanContract):
            moves = event.terms is not None and event.terms.holiday_rule == "next_business_day"
            terms = completed_terms(event, _MOVING_TERMS if moves else ABSENT_TERMS, self._calendars)
            return self._logs.opening(number, event, facts_of(event, terms, self._calendars), terms)
        if isinstance(event, RepaymentPosted):
            repayment_of(event)
        return stated(number, event, structured.envelope, structured.data)

    def _note(self, number: int, code: str, message: str) -> None:
        self._problems.append(Problem(number, code, message))
        self.refused += 1

    def _judge(self, loan_id: str, records: Sequence[Opening | Stated]) -> tuple[int, LoanFacts] | None:
        """The loan of these records and its first good line; nothing when none of them opens it."""
        opening = next((each for each in records if isinstance(each, Opening)), None)
        if opening is None:
            for each in records:
                self._note(each.line, _UNKNOWN_LOAN, f"loan {loan_id} is not opened in this file")
            return None
        booking = _Booking(opening.loan, self.refuse)
        good = [each.line for each in records if each is opening or booking.take(each)]
        return good[0], booking.loan


class _Booking:
    """One loan, whose facts are booked in order of lines; a reversal waits for its money."""

    def __init__(self, loan: LoanFacts, refuse: Callable[[int, EventRefused], None]) -> None:
        self.loan = loan
        self._refuse = refuse
        self._early: defaultdict[str, list[Stated]] = defaultdict(list)

    def take(self, record: Opening | Stated) -> bool:
        """Books a record; says whether it was good."""
        if isinstance(record, Opening):
            self._refuse(
                record.line, Contradiction(f"loan {self.loan.loan_id} was opened before by another event")
            )
            return False
        try:
            self._book(record)
        except EventRefused as refused:
            self._refuse(record.line, refused)
            return False
        except ComesTooEarly as early:
            self._early[early.waits_for].append(record)
        else:
            if self._early and isinstance(record.event, RepaymentPosted):
                for each in self._early.pop(f"repayment:{record.event.repayment_id}", ()):
                    self.take(each)
        return True

    def _book(self, record: Stated) -> None:
        event = record.event
        match event:
            case RepaymentPending() | DebitScheduled() | DebitFailed():
                check_borrower(self.loan, event)
                if event.amount is not None:
                    bounded(event.amount, self.loan.currency)
            case ArrearsStated():
                check_borrower(self.loan, event)
                figures_stated(event, self.loan.currency)
            case _:
                self.loan = apply(self.loan, event, stated_at=record.at, zone=_ANY_ZONE)
