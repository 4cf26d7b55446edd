"""Templates that people draft, approve, activate and withdraw over REST."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, PrimaryKeyConstraint, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY

from notifier.tables.metadata import METADATA, instant, whole, words

#: One version as drafted. `revision` numbers the changes of what is in force: who has seen the highest knows all.
TEMPLATE_DRAFT: Final = Table(
    "template_draft",
    METADATA,
    words("draft_id"),
    words("template_id"),
    whole("version"),
    words("body"),
    words("content_sha256"),
    whole("edition"),
    words("status"),
    Column("authors", ARRAY(Text), nullable=False),
    instant("drafted_at"),
    words("edited_by"),
    instant("edited_at"),
    words("approved_by", null=True),
    instant("approved_at", null=True),
    words("approved_sha256", null=True),
    words("activated_by", null=True),
    instant("activated_at", null=True),
    words("withdrawn_by", null=True),
    instant("withdrawn_at", null=True),
    words("withdrawn_for", null=True),
    Column("revision", BigInteger),
    PrimaryKeyConstraint("draft_id", name="template_draft_pk"),
    CheckConstraint("status IN ('draft', 'approved', 'active', 'withdrawn')", name="template_draft_status"),
    CheckConstraint(
        "(activated_by IS NULL) = (revision IS NULL)"
        " AND (status <> 'active' OR approved_sha256 = content_sha256)",
        name="template_draft_in_force",
    ),
    CheckConstraint("approved_by IS NULL OR approved_by <> ALL (authors)", name="template_draft_two_people"),
    Index("template_draft_revision", "revision", unique=True, postgresql_where=text("revision IS NOT NULL")),
    Index(
        "template_draft_version",
        "template_id",
        "version",
        unique=True,
        postgresql_where=text("activated_by IS NOT NULL"),
    ),
)
