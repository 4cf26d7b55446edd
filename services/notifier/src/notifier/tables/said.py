"""What people said: about being contacted at an address, with its history, and in texts they sent themselves."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Identity,
    Index,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    text,
)

from notifier.tables.metadata import METADATA, instant, sealed, words

CONSENT_WORD: Final = Table(
    "consent_word",
    METADATA,
    words("word_id"),
    Column("seq", BigInteger, Identity(always=True), nullable=False),
    words("borrower_id", null=True),
    words("kind"),
    words("state"),
    words("channel", null=True),
    words("contact_ref", null=True),
    sealed("address_index", null=True),
    instant("at"),
    words("source"),
    words("said_by", null=True),
    words("keyword", null=True),
    sealed("reason_cipher", null=True),
    words("idempotency_key", null=True),
    words("request_sha256", null=True),
    PrimaryKeyConstraint("word_id", name="consent_word_pk"),
    UniqueConstraint("idempotency_key", name="consent_word_key"),
    CheckConstraint("kind IN ('stated', 'opt_out', 're_consent')", name="consent_word_kind"),
    CheckConstraint("state IN ('given', 'withdrawn', 'unknown')", name="consent_word_state"),
    CheckConstraint("borrower_id IS NOT NULL OR address_index IS NOT NULL", name="consent_word_about"),
    Index("consent_word_person", "borrower_id", "seq"),
    Index("consent_word_address", "address_index", postgresql_where=text("kind <> 'stated'")),
)
INBOUND: Final = Table(
    "inbound",
    METADATA,
    words("contact_id"),
    words("gateway"),
    words("gateway_id"),
    words("borrower_id", null=True),
    words("channel"),
    words("contact_ref", null=True),
    sealed("address_index"),
    instant("at"),
    instant("received_at", stamped=True),
    words("meaning"),
    words("keyword", null=True),
    sealed("body_cipher", null=True),
    words("body_sha256"),
    PrimaryKeyConstraint("contact_id", name="inbound_pk"),
    CheckConstraint("meaning IN ('opt_out', 'danger', 'other')", name="inbound_meaning"),
    Index("inbound_person", "borrower_id", "at"),
)
