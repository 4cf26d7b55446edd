"""Builders of core-banking events: short notation, everything else ordinary."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import msgspec

from spine.envelope import Envelope
from spine.events.agreements import WaivedAmounts, WaiverApproved, WaiverLapsed
from spine.events.contact_log import PaymentClaimed
from spine.events.corebanking import (
    ArrearsStated,
    ChargeAdded,
    DelinquencyPaused,
    DelinquencyResumed,
    FeedHeartbeat,
    Instalment,
    LoanClosed,
    LoanImported,
    LoanOpened,
    LoanRescheduled,
    LoanTerms,
    PaidPart,
    RateChanged,
)
from spine.events.payments import (
    DebitFailed,
    DebitScheduled,
    RepaymentChargedBack,
    RepaymentPending,
    RepaymentPosted,
    RepaymentReversed,
)
from spine.events.registry import Event, encode
from spine.events.stager import HoldLifted, HoldPlaced
from spine.money import format_minor, parse_minor
from spine.service import Received
from tests.runtimes import SHANGHAI


def on(text: str) -> date:
    """A date of 2026 as "11-20", or a whole ISO date."""
    return date.fromisoformat(text if len(text) > 5 else f"2026-{text}")


def at(day: str, clock: str = "12:00") -> datetime:
    """A time of day in Shanghai."""
    return datetime.combine(on(day), time.fromisoformat(clock), SHANGHAI)


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


def taken_over(
    *schedule: Instalment, as_of: str, paid: tuple[PaidPart, ...] = (), **rest: Any
) -> LoanImported:
    """A running loan from other books; `contact_history` and `episode_began_on` as they are."""
    own = {name: rest.pop(name) for name in ("contact_history", "episode_began_on") if name in rest}
    contract = opened(*schedule, **rest)
    return LoanImported(
        **{name: getattr(contract, name) for name in contract.__struct_fields__},
        as_of=on(as_of),
        paid=paid,
        **own,
    )


def rescheduled(
    effective: str,
    *schedule: Instalment,
    keep: tuple[int, ...] = (),
    loan: str = "L-1",
    borrower: str = "B-1",
) -> LoanRescheduled:
    return LoanRescheduled(
        borrower_id=borrower,
        loan_id=loan,
        effective_on=on(effective),
        reason="agreed",
        keep=keep,
        schedule=schedule,
    )


def closed(day: str, reason: Any = "settled", *, loan: str = "L-1", borrower: str = "B-1") -> LoanClosed:
    return LoanClosed(borrower_id=borrower, loan_id=loan, closed_on=on(day), reason=reason)


def rate(day: str, annual_rate: str, *, loan: str = "L-1", borrower: str = "B-1") -> RateChanged:
    return RateChanged(borrower_id=borrower, loan_id=loan, effective_on=on(day), annual_rate=annual_rate)


def charge(
    amount: str,
    day: str,
    kind: Any = "fee",
    *,
    id: str = "CH-1",
    loan: str = "L-1",
    borrower: str = "B-1",
) -> ChargeAdded:
    return ChargeAdded(
        borrower_id=borrower, loan_id=loan, charge_id=id, kind=kind, amount=amount, due_on=on(day)
    )


def charged_back(
    amount: str, day: str, *, id: str = "R-1", loan: str = "L-1", borrower: str = "B-1"
) -> RepaymentChargedBack:
    return RepaymentChargedBack(
        borrower_id=borrower, loan_id=loan, repayment_id=id, amount=amount, on=on(day)
    )


def paused(
    first: str, end: str | None = None, *, loan: str = "L-1", borrower: str = "B-1"
) -> DelinquencyPaused:
    return DelinquencyPaused(
        borrower_id=borrower, loan_id=loan, from_on=on(first), to_on=on(end) if end else None
    )


def resumed(day: str, *, loan: str = "L-1", borrower: str = "B-1") -> DelinquencyResumed:
    return DelinquencyResumed(borrower_id=borrower, loan_id=loan, on=on(day))


def stated(
    as_of: str,
    days_past_due: int,
    principal: str,
    interest: str,
    penalty: str | None = None,
    *,
    loan: str = "L-1",
    borrower: str = "B-1",
) -> ArrearsStated:
    return ArrearsStated(
        borrower_id=borrower,
        loan_id=loan,
        as_of=on(as_of),
        days_past_due=days_past_due,
        overdue_principal=principal,
        overdue_interest=interest,
        penalty=penalty,
    )


def pending(
    amount: str,
    expected: str,
    *,
    id: str = "R-1",
    since: datetime | None = None,
    loan: str = "L-1",
    borrower: str = "B-1",
) -> RepaymentPending:
    """Money announced at `since`, else the noon before the tests' own, and expected on a day."""
    return RepaymentPending(
        borrower_id=borrower,
        loan_id=loan,
        repayment_id=id,
        amount=amount,
        initiated_at=since or at("11-22"),
        expected_on=on(expected),
    )


def debit(
    amount: str, when: datetime, *, id: str = "D-1", loan: str = "L-1", borrower: str = "B-1"
) -> DebitScheduled:
    return DebitScheduled(borrower_id=borrower, loan_id=loan, debit_id=id, amount=amount, at=when)


def debit_failed(
    reason: Any = "insufficient",
    *,
    id: str = "D-1",
    amount: str | None = None,
    loan: str = "L-1",
    borrower: str = "B-1",
) -> DebitFailed:
    return DebitFailed(borrower_id=borrower, loan_id=loan, debit_id=id, reason=reason, amount=amount)


def claimed(
    when: datetime,
    amount: str | None = None,
    *,
    id: str = "C-1",
    loan: str = "L-1",
    borrower: str = "B-1",
) -> PaymentClaimed:
    return PaymentClaimed(borrower_id=borrower, loan_id=loan, contact_id=id, at=when, amount=amount)


def held(
    when: datetime, until: datetime | None = None, *, id: str = "H-1", freezes: bool = True, **whose: str
) -> HoldPlaced:
    """A hold of the stager; `whose`: loan, borrower."""
    return HoldPlaced(
        borrower_id=whose.get("borrower", "B-1"),
        loan_id=whose.get("loan", "L-1"),
        hold_id=id,
        kind="breathing_space",
        placed_at=when,
        freezes_interest=freezes,
        until=until,
    )


def lifted(when: datetime, *, id: str = "H-1", freezes: bool = True, **whose: str) -> HoldLifted:
    return HoldLifted(
        borrower_id=whose.get("borrower", "B-1"),
        loan_id=whose.get("loan", "L-1"),
        hold_id=id,
        kind="breathing_space",
        lifted_at=when,
        freezes_interest=freezes,
        ended_by="person",
    )


def waived(
    day: str, when: datetime, *, id: str = "W-1", kind: Any = "waiver", **amounts: str
) -> WaiverApproved:
    """What the stager told to be waived from a day on."""
    return WaiverApproved(
        borrower_id="B-1",
        loan_id="L-1",
        case_id="case-1",
        waiver_id=id,
        kind=kind,
        currency="CNY",
        waived=WaivedAmounts(**amounts),
        effective_on=on(day),
        proposed_by="M1",
        approved_by="M2",
        at=when,
    )


def lapsed(when: datetime, *, id: str = "W-1", was_effective: bool = True) -> WaiverLapsed:
    return WaiverLapsed(
        borrower_id="B-1",
        loan_id="L-1",
        case_id="case-1",
        waiver_id=id,
        kind="waiver",
        currency="CNY",
        waived=WaivedAmounts(),
        reason="money_reversed",
        was_effective=was_effective,
        at=when,
    )


def heartbeat(when: datetime) -> FeedHeartbeat:
    return FeedHeartbeat(at=when)


def arriving(
    event: Event, id: str, *, offset: int = 0, source: str = "core", sent_at: datetime | None = None
) -> Received:
    """An event as the consumer hands it on from its topic."""
    envelope = Envelope(id=id, source=source, type=event.TYPE, subject=event.subject, time=sent_at)
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
