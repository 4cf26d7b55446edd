"""How holds are shown: on a loan, and on a person with the loans that follow."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec
from typing_extensions import TypedDict

from stager.domain.cases import Hold
from stager.domain.person_holds import PersonHold


class HoldView(TypedDict):
    """A hold of a loan; `active` at this instant."""

    hold_id: str
    loan_id: str
    kind: str
    active: bool
    placed_at: datetime
    until: datetime | None
    freezes_interest: bool
    origin: str | None
    reason: str | None
    placed_by: str | None
    ground: str | None
    extensions: int
    extended_at: datetime | None
    extended_by: str | None
    extension_proof: str | None
    lifted_at: datetime | None
    ended_by: str | None
    lift_reason: str | None
    lifted_by: str | None
    findings: dict[str, str]
    person_hold_id: str | None


class PersonHoldView(TypedDict):
    """A hold on a person, and the holds of the loans that follow it."""

    person_hold_id: str
    borrower_id: str
    kind: str
    active: bool
    placed_at: datetime
    until: datetime | None
    origin: str | None
    reason: str | None
    placed_by: str | None
    ground: str | None
    extensions: int
    extended_at: datetime | None
    extended_by: str | None
    extension_proof: str | None
    lifted_at: datetime | None
    ended_by: str | None
    lift_reason: str | None
    lifted_by: str | None
    findings: dict[str, str]
    loans: list[HoldView]


class BorrowerHolds(TypedDict):
    """All holds on a person, and those of single loans, newest first."""

    borrower_id: str
    person: list[PersonHoldView]
    loans: list[HoldView]


def hold_view(hold: Hold, now: datetime) -> HoldView:
    """A hold as people see it."""
    return HoldView(
        hold_id=hold.hold_id,
        loan_id=hold.loan_id,
        kind=hold.kind,
        active=hold.is_active(now),
        placed_at=hold.placed_at,
        until=hold.until,
        freezes_interest=hold.freezes_interest,
        origin=hold.origin,
        reason=hold.reason,
        placed_by=hold.placed_by,
        ground=hold.ground,
        extensions=hold.extensions,
        extended_at=hold.extended_at,
        extended_by=hold.extended_by,
        extension_proof=hold.extension_proof,
        lifted_at=hold.lifted_at,
        ended_by=hold.ended_by,
        lift_reason=hold.lift_reason,
        lifted_by=hold.lifted_by,
        findings=_findings(hold.findings),
        person_hold_id=hold.person_hold_id,
    )


def person_hold_view(person: PersonHold, holds: Iterable[Hold], now: datetime) -> PersonHoldView:
    """A hold on a person as people see it."""
    return PersonHoldView(
        person_hold_id=person.person_hold_id,
        borrower_id=person.borrower_id,
        kind=person.kind,
        active=person.is_active(now),
        placed_at=person.placed_at,
        until=person.until,
        origin=person.origin,
        reason=person.reason,
        placed_by=person.placed_by,
        ground=person.ground,
        extensions=person.extensions,
        extended_at=person.extended_at,
        extended_by=person.extended_by,
        extension_proof=person.extension_proof,
        lifted_at=person.lifted_at,
        ended_by=person.ended_by,
        lift_reason=person.lift_reason,
        lifted_by=person.lifted_by,
        findings=_findings(person.findings),
        loans=[hold_view(hold, now) for hold in holds if hold.person_hold_id == person.person_hold_id],
    )


def _findings(text: str | None) -> dict[str, str]:
    return msgspec.json.decode(text, type=dict[str, str]) if text is not None else {}
