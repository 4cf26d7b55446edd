"""Builders of core-banking events: short notation, everything else ordinary."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import msgspec

from spine.envelope import Envelope
from spine.events.corebanking import Instalment, LoanOpened, LoanTerms
from spine.events.payments import RepaymentPosted, RepaymentReversed
from spine.events.registry import Event, encode
from spine.money import format_minor, parse_minor
from spine.service import Received


def on(text: str) -> date:
    """A date of 2026 as "11-20", or a whole ISO date."""
    return date.fromisoformat(text if len(text) > 5 else f"2026-{text}")


def due(seq: int, day: str, principal: str, interest: str = "0.00", fee: str = "0.00") -> Instalment:
    return Instalment(seq=seq, due_on=on(day), principal=principal, interest=interest, fee=fee)


def opened(
    *schedule: Instalment,
    loan: str = "L-1",
    borrower: str = "B-1",
    currency: str = "CNY",
    opened_on: str = "01-10",
    terms: LoanTerms | None = None,
    **rest: Any,
) -> LoanOpened:
    """A loan; without a schedule, three instalments of 1,000.00 + 100.00 on 09-10, 10-10 and 11-10."""
    rows = schedule or tuple(due(n + 1, f"{9 + n:02}-10", "1000.00", "100.00") for n in range(3))
    total = sum(parse_minor(row.principal, currency) for row in rows)
    return LoanOpened(
        borrower_id=borrower,
        loan_id=loan,
        product=rest.pop("product", "consumer"),
        currency=currency,
        principal=rest.pop("principal", format_minor(total, currency)),
        annual_rate=rest.pop("annual_rate", "0.12"),
        opened_on=on(opened_on),
        schedule=rows,
        terms=terms,
    )


def posted(
    amount: str,
    day: str,
    *,
    id: str = "",
    loan: str = "L-1",
    borrower: str = "B-1",
    currency: str = "CNY",
    posted_on: str | None = None,
) -> RepaymentPosted:
    return RepaymentPosted(
        borrower_id=borrower,
        loan_id=loan,
        repayment_id=id or f"R-{day}-{amount}",
        amount=amount,
        currency=currency,
        value_date=on(day),
        posted_at=datetime.combine(on(posted_on or day), time(4), UTC),
    )


def reversed_(id: str, day: str, *, loan: str = "L-1", borrower: str = "B-1") -> RepaymentReversed:
    return RepaymentReversed(
        borrower_id=borrower, loan_id=loan, repayment_id=id, reversed_on=on(day), reason="returned"
    )


def arriving(event: Event, id: str, *, offset: int = 0, source: str = "core") -> Received:
    """An event as the consumer hands it on from `corebanking.v1`."""
    envelope = Envelope(id=id, source=source, type=event.TYPE, subject=event.subject)
    return Received(event.TOPIC, 0, offset, envelope, event, encode(event))


def cloud_event(event: Event, id: str, source: str = "core") -> dict[str, Any]:
    """An event as REST and files carry it."""
    return {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": event.TYPE,
        "subject": event.subject,
        "data": msgspec.to_builtins(event),
    }
