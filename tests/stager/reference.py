"""Stages, holds and steps written down once more, simply: what the stager on tables is held against."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from spine.events.ledger import (
    Arrears,
    ArrearsChanged,
    BusinessDateClosed,
    LedgerRepaymentReversed,
    LoanCured,
    LoanSettled,
)
from spine.service import Received
from spine.topics import partition_of

STAGES: Final = ("DUE", "S1", "S2", "S3", "S4")
_LAST_DAY: Final = (0, 30, 60, 90)

#: What a hold leaves to be said on channels it closes; None: it closes every channel.
_ALL: Final = None
_MACHINES: Final = ("ai_call", "voicemail", "sms", "wechat", "wecom", "app_push", "email", "letter")
_CALLS: Final = ("call", "ai_call", "voicemail", "visit")
BLOCKS: Final[dict[str, tuple[Collection[str] | None, Collection[str]]]] = {
    "verification": (_ALL, ("service", "reply_to_inbound")),
    "dispute": (_ALL, ("service", "reply_to_inbound")),
    "payment_claim": (_ALL, ("service",)),
    "promise_open": (_ALL, ("reminder_due", "service", "reply_to_inbound")),
    "plan_active": (_ALL, ("reminder_due", "statutory_notice", "service", "reply_to_inbound")),
    "cease": (_ALL, ("statutory_notice",)),
    "attorney": (_ALL, ()),
    "breathing_space": (_ALL, ("statutory_notice", "reply_to_inbound")),
    "bereavement": (_ALL, ()),
    "vulnerable": ((*_MACHINES, "visit"), ("statutory_notice", "service", "reply_to_inbound")),
    "complaint_open": (_CALLS, ("reply_to_inbound",)),
    "fraud_claim": (_ALL, ("service", "reply_to_inbound")),
    "insolvency": (_ALL, ("statutory_notice",)),
    "legal": (_ALL, ("statutory_notice",)),
}
KEEPS_STAGE: Final = frozenset(
    {"dispute", "payment_claim", "promise_open", "plan_active"}
    | {"verification", "breathing_space", "bereavement", "fraud_claim"}
)
#: Kinds that hold a person with every loan.
OF_PERSONS: Final = frozenset(
    {"cease", "attorney", "breathing_space", "bereavement", "vulnerable", "fraud_claim", "insolvency"}
)


class Act(NamedTuple):
    """What a step of the shipped plan does. `once`: an episode."""

    stage: str
    channel: str
    purpose: str = "collection"
    once: bool = False


STEPS: Final[dict[str, Act]] = {
    "warm-reminder": Act("S1", "sms", once=True),
    "first-call": Act("S1", "call"),
    "soft-reminder": Act("S1", "sms"),
    "follow-up-call": Act("S1", "call"),
    "soft-morning": Act("S2", "sms"),
    "daily-call": Act("S2", "call"),
    "soft-evening": Act("S2", "sms"),
    "local-visit": Act("S2", "visit"),
    "overdue-notice": Act("S3", "letter", "statutory_notice", once=True),
    "formal-notice": Act("S3", "sms", once=True),
    "credit-report-notice": Act("S3", "letter", "statutory_notice"),
    "restructuring-call": Act("S3", "call"),
    "visit-after-notice": Act("S3", "visit"),
    "formal-reminder": Act("S3", "sms"),
    "legal-pack": Act("S4", "task", "service", once=True),
    "final-reminder": Act("S4", "sms"),
}


def stage_of(dpd: int) -> str:
    """30, 60 and 90 still belong to the lower stage."""
    return STAGES[sum(dpd > last for last in _LAST_DAY)]


def stopping(kinds: Collection[str], channel: str, purpose: str) -> list[str]:
    """The holds of these kinds under which such a contact must not be made."""
    found = []
    for kind in kinds:
        channels, allowed = BLOCKS[kind]
        if (channels is None or channel in channels) and purpose not in allowed:
            found.append(kind)
    return sorted(found)


class Entry(NamedTuple):
    """A stage that a loan must enter, and be told to have entered once."""

    loan_id: str
    episode: int
    entry_no: int
    from_stage: str | None
    to: str
    first_time: bool
    dpd: int
    as_of: date


@dataclass
class Loan:
    """A loan as the ledger's facts leave it, taken in the order of their numbers."""

    loan_id: str
    borrower_id: str
    seq: int = 0
    episode: int = 0
    entry_no: int = 0
    is_open: bool = False
    bounced: bool = False
    stage: str | None = None
    seen: set[str] = field(default_factory=set)
    told_on: date = date.min
    judged_on: date = date.min
    closed_on: date = date.min
    zero_on: date | None = None
    total: str = "0.00"
    #: The number of a stop known ahead of its turn.
    stop_seq: int = 0

    @property
    def is_stopped(self) -> bool:
        """Whether the end of the arrears is known, in turn or ahead of it."""
        return not self.is_open or self.stop_seq > self.seq

    def dpd_on(self, day: date) -> int:
        """Days past due; none while nothing counts."""
        return (day - self.zero_on).days if self.zero_on is not None else 0


class Reference:
    """Applies facts one by one, and says which stages must be entered by them."""

    def __init__(self, owners: dict[str, str]) -> None:
        self.loans = {loan: Loan(loan, owner) for loan, owner in owners.items()}

    def apply(self, received: Received, partitions: int, blocked: Collection[str]) -> list[Entry]:
        """`blocked`: the loans that a hold keeps in their stage."""
        match received.event:
            case BusinessDateClosed(date=day):
                return self._closed(day, received.partition, partitions, blocked)
            case Arrears() as event:
                return self._arrears(event, received.envelope.loan_seq or 0)
            case LoanCured() | LoanSettled() as event:
                self._ended(event, received.envelope.loan_seq or 0)
            case LedgerRepaymentReversed(loan_id=loan_id):
                loan, seq = self.loans[loan_id], received.envelope.loan_seq or 0
                if loan.episode and not loan.is_open and seq > loan.seq:
                    loan.bounced, loan.seq = True, seq
            case _:
                pass
        return []

    def ahead(self, received: Received) -> None:
        """A stop ahead of its turn."""
        if isinstance(received.event, LoanCured | LoanSettled):
            loan, seq = self.loans[received.event.loan_id], received.envelope.loan_seq or 0
            if loan.is_open and seq > loan.seq:
                loan.stop_seq = max(loan.stop_seq, seq)

    def _arrears(self, event: Arrears, seq: int) -> list[Entry]:
        loan = self.loans[event.loan_id]
        if seq <= loan.seq:
            return []
        goes_on = loan.bounced and event.dpd_zero_on is not None and event.dpd_zero_on < loan.closed_on
        if not loan.is_open:
            loan.stage = None
            if not goes_on:
                loan.episode, loan.entry_no, loan.seen = loan.episode + 1, 0, set()
                loan.judged_on, loan.stop_seq = date.min, 0
            loan.is_open, loan.bounced = True, False
        loan.seq, loan.zero_on, loan.told_on = seq, event.dpd_zero_on, event.as_of
        loan.total = event.overdue.total
        if isinstance(event, ArrearsChanged) and loan.stage is not None:
            return self._judged(loan, max(event.as_of, loan.judged_on), may_rise=False)
        return []

    def _ended(self, event: LoanCured | LoanSettled, seq: int) -> None:
        loan = self.loans[event.loan_id]
        if loan.episode == 0 or seq <= loan.seq:
            return
        loan.seq, loan.bounced = seq, False
        if loan.is_open:
            loan.is_open, loan.closed_on = False, event.as_of

    def _closed(self, day: date, partition: int, partitions: int, blocked: Collection[str]) -> list[Entry]:
        as_of, entries = day + timedelta(days=1), []
        for loan in self.loans.values():
            here = partition_of(loan.borrower_id, partitions) == partition
            if here and loan.is_open and max(loan.told_on, loan.judged_on) <= as_of:
                entries += self._judged(loan, as_of, may_rise=loan.loan_id not in blocked)
        return entries

    def _judged(self, loan: Loan, as_of: date, *, may_rise: bool) -> list[Entry]:
        loan.judged_on = as_of
        to = stage_of(loan.dpd_on(as_of))
        old = loan.stage
        if old is None and to == STAGES[0]:
            return []
        if to == old or (old is not None and not may_rise and STAGES.index(to) > STAGES.index(old)):
            return []
        loan.stage, loan.entry_no = to, loan.entry_no + 1
        entry = Entry(
            loan.loan_id, loan.episode, loan.entry_no, old, to, to not in loan.seen, loan.dpd_on(as_of), as_of
        )
        loan.seen.add(to)
        return [entry]


@dataclass
class HoldsTold:
    """The holds as they were told, by loan and id: the kind, and until when."""

    by_loan: dict[str, dict[str, tuple[str, datetime | None]]] = field(default_factory=dict)

    def hear(self, type_: str, data: dict[str, Any]) -> None:
        """hold.placed, told again with another end, or hold.lifted."""
        held = self.by_loan.setdefault(data["loan_id"], {})
        if type_ == "hold.placed.v1":
            until = data.get("until")
            held[data["hold_id"]] = (data["kind"], datetime.fromisoformat(until) if until else None)
        else:
            assert held.pop(data["hold_id"], None) is not None, f"ended without having been: {data}"

    def active(self, loan_id: str, now: datetime) -> set[tuple[str, str]]:
        """(id, kind) of those that hold the loan at this instant."""
        held = self.by_loan.get(loan_id, {})
        return {(id_, kind) for id_, (kind, until) in held.items() if until is None or now < until}

    def kinds(self, loan_id: str, now: datetime) -> set[str]:
        """The kinds that hold the loan at this instant."""
        return {kind for _, kind in self.active(loan_id, now)}
