"""A hold on a person: it holds every loan of the borrower that is known, and each that falls into arrears later."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from stager.domain.cases import Hold, stable_id
from stager.domain.hold_policy import HoldPolicy


@dataclass(frozen=True, slots=True)
class PersonHold:
    """What the holds of the loans follow; its fields are as those of `Hold`. Active in [placed_at, until) unless
    lifted; when its time is over it is not marked, as the holds of the loans tell their end."""

    person_hold_id: str
    borrower_id: str
    kind: str
    placed_at: datetime
    until: datetime | None
    origin: str | None
    reason: str | None
    lifted_at: datetime | None = None
    ended_by: str | None = None
    lift_reason: str | None = None
    placed_by: str | None = None
    lifted_by: str | None = None
    findings: str | None = None
    ground: str | None = None
    extensions: int = 0
    extended_at: datetime | None = None
    extended_by: str | None = None
    extension_proof: str | None = None

    def is_active(self, now: datetime) -> bool:
        """Whether it holds at this instant."""
        return self.lifted_at is None and (self.until is None or now < self.until)


def following(person: PersonHold, loan_id: str, policy: HoldPolicy) -> Hold:
    """The hold by which a loan follows: under an id of the two, and from when the person is held, so that interest
    is frozen on the same days for every loan."""
    return Hold(
        hold_id=stable_id("hold", person.person_hold_id, loan_id),
        loan_id=loan_id,
        borrower_id=person.borrower_id,
        kind=person.kind,
        placed_at=person.placed_at,
        until=person.until,
        freezes_interest=policy.kinds[person.kind].freezes_interest,
        origin=person.origin,
        reason=person.reason,
        placed_by=person.placed_by,
        ground=person.ground,
        extensions=person.extensions,
        extended_at=person.extended_at,
        extended_by=person.extended_by,
        extension_proof=person.extension_proof,
        person_hold_id=person.person_hold_id,
    )


def with_fate_of(hold: Hold, person: PersonHold) -> Hold:
    """A following hold after the person's was extended or lifted."""
    return replace(
        hold,
        until=person.until,
        lifted_at=person.lifted_at,
        ended_by=person.ended_by,
        lift_reason=person.lift_reason,
        lifted_by=person.lifted_by,
        findings=person.findings,
        extensions=person.extensions,
        extended_at=person.extended_at,
        extended_by=person.extended_by,
        extension_proof=person.extension_proof,
    )
