"""What was decided and why."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, PrimaryKeyConstraint, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

from stager.tables.metadata import METADATA, instant

#: Every decision but those on stages, which `stage_entry` keeps: with its facts and policies, to be made again.
DECISION: Final = Table(
    "decision",
    METADATA,
    Column("decision_id", Text, nullable=False),
    Column("subject_kind", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("loan_id", Text),
    Column("engine", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("policy_digests", ARRAY(Text), nullable=False),
    Column("facts", Text, nullable=False),
    Column("facts_digest", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    instant("decided_at"),
    PrimaryKeyConstraint("decision_id", name="decision_pk"),
)
Index("decision_subject", DECISION.c.subject_kind, DECISION.c.subject_id)
Index("decision_borrower", DECISION.c.borrower_id, DECISION.c.decided_at)
