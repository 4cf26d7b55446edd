"""Something that was decided, kept with all it rested on, so that it can be decided again when someone asks why."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

import msgspec

from stager.domain.cases import stable_id


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision: of which subject (`subject_kind` names the kind of decision, `subject_id` the thing decided),
    by which engine, rule and policy versions, from which facts (canonical JSON), and how it came out."""

    decision_id: str
    subject_kind: str
    subject_id: str
    borrower_id: str
    loan_id: str | None
    engine: str
    rule: str
    policy_digests: tuple[str, ...]
    facts: str
    facts_digest: str
    verdict: str
    decided_at: datetime


def canonical(facts: msgspec.Struct) -> str:
    """Canonical JSON (RFC 8785) of facts, which msgspec's sorted order is for texts, whole numbers and dates."""
    return msgspec.json.encode(facts, order="sorted").decode()


def decided(
    subject_kind: str,
    subject_id: str,
    *,
    borrower_id: str,
    loan_id: str | None,
    engine: str,
    rule: str,
    verdict: str,
    facts: msgspec.Struct,
    policy_digests: tuple[str, ...],
    decided_at: datetime,
    turn: object = "",
) -> Decision:
    """A decision of `facts`. Its id comes from the subject and `turn`, which tells decisions of one subject apart:
    the same decided twice is one."""
    text = canonical(facts)
    return Decision(
        decision_id=stable_id("decision", subject_kind, subject_id, turn),
        subject_kind=subject_kind,
        subject_id=subject_id,
        borrower_id=borrower_id,
        loan_id=loan_id,
        engine=engine,
        rule=rule,
        policy_digests=policy_digests,
        facts=text,
        facts_digest=hashlib.sha256(text.encode()).hexdigest(),
        verdict=verdict,
        decided_at=decided_at,
    )
