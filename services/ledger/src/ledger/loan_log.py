"""What a file states of each loan, packed: a million loans fit in memory until the end of the file is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain
from typing import Any, Final, NamedTuple

import msgspec

from ledger.contract import KeptTerms, kept
from ledger.domain.facts import BorrowerId, Instalment, LoanFacts, LoanId, PaidPart
from spine.envelope import Envelope
from spine.errors import BadSchema
from spine.events.corebanking import COREBANKING, LoanContract, LoanTerms
from spine.events.payments import RepaymentPosted
from spine.events.registry import Event, decode, event_class

# A log is one MessagePack array of records throughout: 0xdd, four bytes of count, the records.
_EMPTY: Final = b"\xdd\0\0\0\0"
_COUNT: Final = slice(1, 5)
_OPENING, _MONEY, _OTHER = range(3)
_pack: Final = msgspec.msgpack.Encoder().encode
_unpack: Final = msgspec.msgpack.Decoder().decode


class Opening(NamedTuple):
    """The opening or import of a loan, and the line that states it."""

    line: int
    loan: LoanFacts


class Stated(NamedTuple):
    """Any other fact of a loan. `at`: the envelope's time."""

    line: int
    event: Event
    at: datetime | None


class LoanLogs:
    """One log a loan, in the order in which lines name loans. What is put in has been checked by itself."""

    def __init__(self, terms: KeptTerms) -> None:
        self._logs: dict[str, bytearray] = {}
        self._kept_terms = terms
        self._terms: list[str] = []
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._logs)

    def add(self, loan_id: str, record: bytes) -> None:
        """Puts a packed record into the log of a loan."""
        log = self._logs.get(loan_id)
        if log is None:
            log = self._logs[loan_id] = bytearray(_EMPTY)
        log[_COUNT] = (int.from_bytes(log[_COUNT], "big") + 1).to_bytes(4, "big")
        log += record

    def opening(self, line: int, event: LoanContract, loan: LoanFacts, terms: LoanTerms) -> bytes:
        """The record of an opening. `terms`: those from which the facts were made."""
        schedule = [(row.seq, row.due_on.toordinal(), *row[2:]) for row in loan.schedule]
        paid = [(part.seq, part.principal, part.interest, part.fee) for part in loan.paid_before]
        return _pack(
            (
                _OPENING,
                line,
                loan.borrower_id,
                loan.product,
                loan.currency,
                loan.principal,
                event.annual_rate,
                loan.opened_on.toordinal(),
                self._number_of(kept(terms)),
                tuple(chain.from_iterable(schedule)),
                tuple(chain.from_iterable(paid)),
            )
        )

    def take_out(self) -> Iterator[tuple[str, list[Opening | Stated]]]:
        """Each loan's records in order of lines; what was handed out is let go."""
        for loan_id, log in self._logs.items():
            records = [self._record(loan_id, *fields) for fields in _unpack(log)]
            log.clear()
            yield loan_id, records
        self._logs.clear()

    def _record(self, loan_id: str, kind: int, line: int, *fields: Any) -> Opening | Stated:
        if kind == _OPENING:
            return Opening(line, self._loan(loan_id, *fields))
        if kind == _MONEY:
            return Stated(line, _posted(loan_id, *fields), None)
        type_, at, data = fields
        return Stated(line, decode(event_class(COREBANKING, type_), data), at)

    def _loan(
        self,
        loan_id: str,
        borrower_id: str,
        product: str,
        currency: str,
        principal: int,
        annual_rate: str,
        opened_on: int,
        terms: int,
        schedule: Sequence[int],
        paid: Sequence[int],
    ) -> LoanFacts:
        rows = zip(*[iter(schedule)] * len(Instalment._fields), strict=True)
        parts = zip(*[iter(paid)] * 4, strict=True)
        return LoanFacts(
            loan_id=LoanId(loan_id),
            borrower_id=BorrowerId(borrower_id),
            product=product,
            currency=currency,
            principal=principal,
            annual_rate=Decimal(annual_rate),
            opened_on=date.fromordinal(opened_on),
            schedule=tuple(Instalment(seq, date.fromordinal(due), *rests) for seq, due, *rests in rows),
            terms=self._kept_terms.read(self._terms[terms], currency),
            paid_before=tuple(PaidPart(*part) for part in parts),
        )

    def _number_of(self, terms: str) -> int:
        """Most loans share their terms."""
        number = self._numbers.setdefault(terms, len(self._terms))
        if number == len(self._terms):
            self._terms.append(terms)
        return number


def stated(line: int, event: Event, envelope: Envelope, data: bytes) -> bytes:
    """The record of any other fact; that of money, of which there is most, is small. Raises BadSchema."""
    try:
        if isinstance(event, RepaymentPosted):
            posted_at = event.posted_at.astimezone(UTC)
            on = event.value_date.toordinal()
            money = (event.borrower_id, event.repayment_id, event.amount, event.currency, on, posted_at)
            return _pack((_MONEY, line, *money))
        at = envelope.time and envelope.time.astimezone(UTC)
        return _pack((_OTHER, line, envelope.type, at, data))
    except OverflowError:
        raise BadSchema("an instant lies beyond the years 1 to 9999 of UTC") from None


def _posted(
    loan_id: str,
    borrower_id: str,
    repayment_id: str,
    amount: str,
    currency: str,
    value_date: int,
    posted_at: datetime,
) -> RepaymentPosted:
    return RepaymentPosted(
        borrower_id=borrower_id,
        loan_id=loan_id,
        repayment_id=repayment_id,
        amount=amount,
        currency=currency,
        value_date=date.fromordinal(value_date),
        posted_at=posted_at,
    )
