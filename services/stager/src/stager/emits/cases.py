"""Stages, contacts, holds and the end of cases as events."""

from __future__ import annotations

from spine.events.registry import Event
from spine.events.stager import (
    CaseClosed,
    ContactRequested,
    ContactWithdrawn,
    HoldLifted,
    HoldPlaced,
    StageEntered,
)
from stager.domain.cases import ContactStep, Hold, StageEntry
from stager.domain.desk import CaseClosure, Happening
from stager.domain.rulebook import Rulebook


def told(happening: Happening, rulebook: Rulebook) -> Event:
    """The event of something that happened at a desk with these policies."""
    match happening:
        case StageEntry():
            return _stage_entered(happening, rulebook.reference(happening.policy_digest))
        case CaseClosure(case, reason):
            return CaseClosed(borrower_id=case.borrower_id, case_id=case.case_id, reason=reason)
        case Hold(lifted_at=None):
            return hold_placed(happening)
        case Hold():
            return hold_lifted(happening)


def _stage_entered(entry: StageEntry, policy: str) -> StageEntered:
    return StageEntered(
        borrower_id=entry.borrower_id,
        loan_id=entry.loan_id,
        case_id=entry.case_id,
        to=entry.to_stage,
        from_=entry.from_stage,
        episode=entry.episode,
        entry_no=entry.entry_no,
        first_time=entry.first_time,
        dpd=entry.dpd,
        as_of=entry.as_of,
        rule=entry.rule,
        policy=policy,
        facts_digest=entry.facts_digest,
    )


def contact_requested(step: ContactStep, rulebook: Rulebook) -> ContactRequested:
    """The event of a step that asks for a contact."""
    return ContactRequested(
        borrower_id=step.borrower_id,
        loan_id=step.loan_id,
        case_id=step.case_id,
        request_id=step.request_id,
        stage=step.stage,
        step=step.step,
        channel=step.channel,  # type: ignore[arg-type]
        template=step.template,
        purpose=step.purpose,  # type: ignore[arg-type]
        episode=step.episode,
        entry_no=step.entry_no,
        requested_at=step.decided_at,
        expires_at=step.expires_at,
        policy=rulebook.reference(step.strategy_digest),
        covers=step.covers,
    )


def contact_withdrawn(borrower_id: str, loan_id: str, request_id: str, reason: str) -> ContactWithdrawn:
    """The event that takes a request back."""
    return ContactWithdrawn(borrower_id=borrower_id, loan_id=loan_id, request_id=request_id, reason=reason)


def hold_placed(hold: Hold) -> HoldPlaced:
    """The event of a new hold, or of one that has another end; its free-text reason stays here."""
    return HoldPlaced(
        borrower_id=hold.borrower_id,
        loan_id=hold.loan_id,
        hold_id=hold.hold_id,
        kind=hold.kind,  # type: ignore[arg-type]
        placed_at=hold.placed_at,
        freezes_interest=hold.freezes_interest,
        until=hold.until,
        origin=hold.origin,
    )


def hold_lifted(hold: Hold) -> HoldLifted:
    """The event of a hold that ended."""
    if hold.lifted_at is None or hold.ended_by is None:
        raise ValueError(f"hold {hold.hold_id} has not ended")
    return HoldLifted(
        borrower_id=hold.borrower_id,
        loan_id=hold.loan_id,
        hold_id=hold.hold_id,
        kind=hold.kind,  # type: ignore[arg-type]
        lifted_at=hold.lifted_at,
        freezes_interest=hold.freezes_interest,
        ended_by=hold.ended_by,  # type: ignore[arg-type]
        origin=hold.origin,
    )
