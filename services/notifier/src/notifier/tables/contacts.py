"""Contacts that were made elsewhere, and permits for people's calls and visits."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from notifier.tables.metadata import METADATA, flag, instant, structure, whole, words

RECORDED_CONTACT: Final = Table(
    "recorded_contact",
    METADATA,
    words("contact_id"),
    words("borrower_id"),
    words("loan_id", null=True),
    words("channel"),
    words("direction"),
    words("outcome"),
    instant("at"),
    words("purpose", null=True),
    words("contact_ref", null=True),
    words("permit_id", null=True),
    PrimaryKeyConstraint("contact_id", name="recorded_contact_pk"),
    Index("recorded_contact_person", "borrower_id", "at"),
    Index("recorded_contact_permit", "permit_id", postgresql_where=text("permit_id IS NOT NULL")),
)
PAST_CONTACT: Final = Table(
    "past_contact",
    METADATA,
    words("loan_id"),
    whole("entry_no"),
    words("borrower_id"),
    words("party_id"),
    instant("at"),
    words("channel"),
    words("direction"),
    words("outcome"),
    words("purpose"),
    words("contact_ref"),
    Column("debts", ARRAY(Text), nullable=False),
    PrimaryKeyConstraint("loan_id", "entry_no", name="past_contact_pk"),
    Index("past_contact_person", "borrower_id", "at"),
)
PERMIT: Final = Table(
    "permit",
    METADATA,
    words("permit_id"),
    words("idempotency_key", null=True),
    words("request_sha256"),
    words("borrower_id"),
    words("loan_id"),
    words("channel"),
    words("purpose"),
    words("stage", null=True),
    words("asked_by"),
    words("task_id", null=True),
    words("contact_ref", null=True),
    instant("at"),
    flag("granted"),
    words("verdict"),
    instant("until", null=True),
    structure("rules"),
    words("policy"),
    words("facts_digest", null=True),
    words("outcome", null=True),
    instant("outcome_at", null=True),
    words("reported_by", null=True),
    instant("unreported_at", null=True),
    PrimaryKeyConstraint("permit_id", name="permit_pk"),
    UniqueConstraint("idempotency_key", name="permit_key"),
    CheckConstraint("(outcome IS NULL) = (reported_by IS NULL)", name="permit_reported"),
    Index("permit_person", "borrower_id", "at", postgresql_where=text("granted")),
    Index(
        "permit_unreported",
        "until",
        postgresql_where=text("granted AND outcome IS NULL AND unreported_at IS NULL"),
    ),
)
