"""Promises as events: opened, judged, and revised when later facts say otherwise."""

from __future__ import annotations

from typing import Any

from spine.events.agreements import (
    PromiseBroken,
    PromiseFact,
    PromiseKept,
    PromiseOpened,
    PromisePartial,
    PromiseRevised,
)
from spine.money import format_minor
from stager.domain.promises import Promise, PromiseStatus
from stager.domain.rulebook import Rulebook

_FIRST: dict[tuple[PromiseStatus, PromiseStatus], type[PromiseFact]] = {
    (PromiseStatus.OPEN, PromiseStatus.KEPT): PromiseKept,
    (PromiseStatus.OPEN, PromiseStatus.PARTIAL): PromisePartial,
    (PromiseStatus.OPEN, PromiseStatus.BROKEN): PromiseBroken,
}


def promise_opened(promise: Promise, rulebook: Rulebook) -> PromiseOpened:
    """The event of a promise that was accepted."""
    return PromiseOpened(**_whole(promise, rulebook))


def promise_changed(promise: Promise, was: PromiseStatus, rulebook: Rulebook, reason: str) -> PromiseFact:
    """The event of what a promise stands at now: its first judgement has a type of its own."""
    first = _FIRST.get((was, promise.status))
    if first is not None:
        return first(**_whole(promise, rulebook))
    return PromiseRevised(
        **_whole(promise, rulebook), status=promise.status.value, was=was.value, reason=reason
    )


def _whole(promise: Promise, rulebook: Rulebook) -> dict[str, Any]:
    received = promise.received_minor
    return {
        "borrower_id": promise.borrower_id,
        "loan_id": promise.loan_id,
        "case_id": promise.case_id,
        "promise_id": promise.promise_id,
        "kind": promise.kind.value,
        "currency": promise.currency,
        "amount": format_minor(promise.amount_minor, promise.currency),
        "promised_on": promise.promised_on,
        "made_at": promise.made_at,
        "at": promise.changed_at,
        "received": format_minor(received, promise.currency) if received is not None else None,
        "contact_id": promise.contact_id,
        "policy": reference(promise.policy_digest, rulebook),
    }


def reference(digest: str, rulebook: Rulebook) -> str:
    """The policy version of a promise, which may be older than the rules that are here."""
    try:
        return rulebook.reference(digest)
    except KeyError:
        return digest
