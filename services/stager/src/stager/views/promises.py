"""What the REST door shows of promises."""

from __future__ import annotations

from datetime import date, datetime

from typing_extensions import TypedDict

from spine.money import format_minor
from stager.domain.promises import Promise


class PromiseView(TypedDict):
    """A promise as it stands; amounts as decimal strings in `currency`.

    It is judged when the books of `due_on` are closed, by money value-dated from `counts_from` through
    `counts_through`. `second_amount` is promised for `second_on` once this one is kept.
    """

    promise_id: str
    loan_id: str
    kind: str
    status: str
    currency: str
    amount: str
    received: str | None
    tolerance: str
    promised_on: date
    counts_from: date
    counts_through: date
    due_on: date
    second_on: date | None
    second_amount: str | None
    follows: str | None
    stage: str | None
    made_at: datetime
    verified: bool
    channel: str | None
    contact_id: str | None
    made_by: str | None
    approved_by: str | None
    policy_digest: str
    reason: str | None
    changed_at: datetime


class PromiseList(TypedDict):
    """The promises of a case, the newest first."""

    case_id: str
    items: list[PromiseView]


def promise_view(promise: Promise) -> PromiseView:
    """A promise as people see it."""
    currency = promise.currency
    received, second = promise.received_minor, promise.second_minor
    return PromiseView(
        promise_id=promise.promise_id,
        loan_id=promise.loan_id,
        kind=promise.kind,
        status=promise.status,
        currency=currency,
        amount=format_minor(promise.amount_minor, currency),
        received=format_minor(received, currency) if received is not None else None,
        tolerance=format_minor(promise.tolerance_minor, currency),
        promised_on=promise.promised_on,
        counts_from=promise.counts_from,
        counts_through=promise.counts_through,
        due_on=promise.due_on,
        second_on=promise.second_on,
        second_amount=format_minor(second, currency) if second is not None else None,
        follows=promise.follows,
        stage=promise.stage,
        made_at=promise.made_at,
        verified=promise.verified,
        channel=promise.channel,
        contact_id=promise.contact_id,
        made_by=promise.made_by,
        approved_by=promise.approved_by,
        policy_digest=promise.policy_digest,
        reason=promise.reason,
        changed_at=promise.changed_at,
    )
