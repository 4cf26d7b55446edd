"""What was decided and why, how first contacts are prepared, and which dates are closed."""

from __future__ import annotations

from typing import Final

from sqlalchemy import CheckConstraint, Column, Date, Index, Integer, PrimaryKeyConstraint, Table, Text
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

#: The newest business date closed, by partition of the ledger's topic.
CLOSED_BOOKS: Final = Table(
    "closed_books",
    METADATA,
    Column("partition", Integer, nullable=False, autoincrement=False),
    Column("closed_through", Date, nullable=False),
    PrimaryKeyConstraint("partition", name="closed_books_pk"),
)

#: Where the preparation of the first contact of each episode stands.
PREPARATION: Final = Table(
    "preparation",
    METADATA,
    Column("loan_id", Text, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("missing", ARRAY(Text), nullable=False),
    instant("since_at"),
    instant("decided_at"),
    Column("facts", Text, nullable=False),
    Column("facts_digest", Text, nullable=False),
    Column("policy_digest", Text, nullable=False),
    Column("task_id", Text),
    PrimaryKeyConstraint("loan_id", "episode", name="preparation_pk"),
    CheckConstraint("status = ANY (ARRAY['waiting'::text, 'ready'::text])", name="preparation_status"),
    CheckConstraint("(status = 'ready'::text) = (missing = '{}'::text[])", name="preparation_missing"),
)

#: What a person took upon himself, and why.
PREPARATION_WAIVER: Final = Table(
    "preparation_waiver",
    METADATA,
    Column("loan_id", Text, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("item", Text, nullable=False),
    Column("by_member", Text, nullable=False),
    Column("reason", Text, nullable=False),
    instant("waived_at"),
    PrimaryKeyConstraint("loan_id", "episode", "item", name="preparation_waiver_pk"),
)
