"""Payment claims: the money that answers one, and what became of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from stager.domain.money import Money

#: Names the rules in this module; making an older decision again under another name may differ.
ENGINE: Final = "claim-matching/1"


class ClaimStatus(StrEnum):
    """What became of a claim. `unmatched`: its time ran out, or the hold ended with nothing found."""

    OPEN = "open"
    MATCHED = "matched"
    UNMATCHED = "unmatched"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Claim:
    """ "I paid": what was said and shown of it. `amount` as it was said, in the loan's currency, where it was.

    It is about the hold `hold_id`; with proof it is waited for once more. `check_at`: when a person looks into it.
    Of an account only its last digits are here.
    """

    hold_id: str
    loan_id: str
    borrower_id: str
    contact_id: str | None
    status: ClaimStatus
    claimed_at: datetime
    check_at: datetime | None
    amount: str | None = None
    bank: str | None = None
    last_digits: str | None = None
    paid_at: datetime | None = None
    repayment_id: str | None = None
    extended_at: datetime | None = None
    extended_by: str | None = None
    settled_at: datetime | None = None
    settled_by: str | None = None
    reason: str | None = None


class ArrivedMoney(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A repayment that stands; `later`: it was posted after the claim was made."""

    repayment_id: str
    amount_minor: int
    value_date: date
    later: bool


class ClaimFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that recognising claimed money rests on. `paid_on`: the day the borrower says it was paid."""

    hold_id: str
    loan_id: str
    paid_on: date
    amount_minor: int | None
    money: tuple[ArrivedMoney, ...]
    within_days: int


@dataclass(frozen=True, slots=True)
class Match:
    """The repayment that answers a claim, and by which rule; None when there is none."""

    repayment_id: str | None
    rule: str


def claim_facts(
    claim: Claim,
    money: Iterable[Money],
    *,
    paid_on: date,
    amount_minor: int | None,
    within_days: int,
    taken: Collection[str],
) -> ClaimFacts:
    """The facts of a claim: money of its loan that stands and answers no other claim (`taken`)."""
    return ClaimFacts(
        hold_id=claim.hold_id,
        loan_id=claim.loan_id,
        paid_on=paid_on,
        amount_minor=amount_minor,
        money=tuple(
            ArrivedMoney(
                repayment_id=each.repayment_id,
                amount_minor=each.amount_minor,
                value_date=each.value_date,
                later=each.posted_at >= claim.claimed_at,
            )
            for each in money
            if each.reversed_on is None and each.repayment_id not in taken
        ),
        within_days=within_days,
    )


def match_claim(facts: ClaimFacts) -> Match:
    """The first money of the claimed amount with a value date near the claim.

    Where no amount was said only money that was posted after the claim can be the claimed one.
    """
    near = timedelta(days=facts.within_days)
    for each in facts.money:
        if not facts.paid_on - near <= each.value_date <= facts.paid_on + near:
            continue
        if facts.amount_minor is not None and each.amount_minor == facts.amount_minor:
            return Match(each.repayment_id, "matched/amount-and-date")
        if facts.amount_minor is None and each.later:
            return Match(each.repayment_id, "matched/date")
    return Match(None, "unmatched/nothing-near")


#: What the end of its hold says of a claim. A person who lifts the hold has rejected the claim.
STATUS_AFTER: Final = {
    "facts": ClaimStatus.MATCHED,
    "arrears_ended": ClaimStatus.MATCHED,
    "expiry": ClaimStatus.UNMATCHED,
    "person": ClaimStatus.REJECTED,
}
