"""Policies that people draft, check, approve and activate over REST."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from stager.tables.metadata import METADATA, instant

#: One policy file as drafted. `revision` numbers the activations: whoever has seen the highest knows all.
POLICY_DRAFT: Final = Table(
    "policy_draft",
    METADATA,
    Column("draft_id", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("edition", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("drafted_by", Text, nullable=False),
    instant("drafted_at"),
    Column("approved_by", Text),
    instant("approved_at", nullable=True),
    Column("activated_by", Text),
    instant("activated_at", nullable=True),
    Column("effective_from", Date),
    Column("revision", BigInteger),
    Column("withdrawn_by", Text),
    instant("withdrawn_at", nullable=True),
    Column("withdrawn_for", Text),
    PrimaryKeyConstraint("draft_id", name="policy_draft_pk"),
    CheckConstraint("status IN ('draft', 'approved', 'active', 'withdrawn')", name="policy_draft_status"),
    CheckConstraint("(status = 'active') = (revision IS NOT NULL)", name="policy_draft_revision"),
    CheckConstraint("approved_by IS NULL OR approved_by <> drafted_by", name="policy_draft_two_people"),
)
Index(
    "policy_draft_active",
    POLICY_DRAFT.c.revision,
    unique=True,
    postgresql_where=POLICY_DRAFT.c.revision.isnot(None),
)
