"""What the REST door shows of payment claims."""

from __future__ import annotations

from datetime import datetime

from typing_extensions import TypedDict

from stager.domain.claims import Claim


class ClaimView(TypedDict):
    """A claim that money was paid, under the hold it places; of an account only its last digits.

    `check_at`: when a person will be asked to look into it; `repayment_id`: the money that answered it.
    """

    hold_id: str
    loan_id: str
    status: str
    claimed_at: datetime
    check_at: datetime | None
    contact_id: str | None
    amount: str | None
    bank: str | None
    last_digits: str | None
    paid_at: datetime | None
    repayment_id: str | None
    extended_at: datetime | None
    extended_by: str | None
    settled_at: datetime | None
    settled_by: str | None
    reason: str | None


class ClaimList(TypedDict):
    """The claims of a case, the newest first."""

    case_id: str
    items: list[ClaimView]


def claim_view(claim: Claim) -> ClaimView:
    """A claim as people see it."""
    return ClaimView(
        hold_id=claim.hold_id,
        loan_id=claim.loan_id,
        status=claim.status,
        claimed_at=claim.claimed_at,
        check_at=claim.check_at,
        contact_id=claim.contact_id,
        amount=claim.amount,
        bank=claim.bank,
        last_digits=claim.last_digits,
        paid_at=claim.paid_at,
        repayment_id=claim.repayment_id,
        extended_at=claim.extended_at,
        extended_by=claim.extended_by,
        settled_at=claim.settled_at,
        settled_by=claim.settled_by,
        reason=claim.reason,
    )
