"""What the contact log keeps, as typed columns with named constraints; a test compares it with the migrations."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

#: One row a borrower: its lock puts the entries of one person in order.
contact_borrower = Table(
    "contact_borrower",
    metadata,
    Column("borrower_id", Text, nullable=False),
    Column("entries", BigInteger, nullable=False),
    PrimaryKeyConstraint("borrower_id", name="contact_borrower_pk"),
)

#: Append-only: the database refuses UPDATE, DELETE and TRUNCATE. `id` grows in causal order per borrower.
contact_entry = Table(
    "contact_entry",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("contact_id", Uuid(as_uuid=False), nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("loan_id", Text),
    Column("channel", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("source", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("message_id", Text),
    Column("request_id", Text),
    Column("attempt_no", Integer),
    Column("client_ref", Text),
    Column("contact_ref", Text),
    Column("purpose", Text),
    Column("stage", Text),
    Column("step", Text),
    Column("template", Text),
    Column("template_version", Integer),
    Column("body_sha256", Text),
    Column("gateway", Text),
    Column("gateway_id", Text),
    Column("code", Text),
    Column("until", DateTime(timezone=True)),
    Column("rules", JSONB, nullable=False),
    Column("policy", Text),
    Column("facts_digest", Text),
    Column("reported_by", Text),
    Column("note", Text),
    Column("request_sha256", Text),
    Column("task_id", Text),
    Column("permit_id", Text),
    Column("recording_ref", Text),
    Column("flag", Text),
    Column("party_id", Text),
    Column("amount", Text),
    Column("promised_on", Date),
    Column("verified", Boolean),
    PrimaryKeyConstraint("id", name="contact_entry_pk"),
    UniqueConstraint("contact_id", name="contact_entry_contact"),
    CheckConstraint("direction IN ('outbound', 'inbound')", name="contact_entry_direction"),
    CheckConstraint("(message_id IS NULL) <> (reported_by IS NULL)", name="contact_entry_message_or_report"),
)
Index("contact_entry_by_borrower", contact_entry.c.borrower_id, contact_entry.c.at, contact_entry.c.id)
Index("contact_entry_by_channel", contact_entry.c.channel, contact_entry.c.at, contact_entry.c.id)
Index("contact_entry_by_time", contact_entry.c.at, contact_entry.c.id)

#: One row a complaint, by the entry that told of it; open until someone has answered it.
contact_complaint = Table(
    "contact_complaint",
    metadata,
    Column("complaint_id", Uuid(as_uuid=False), nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("loan_id", Text),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("closed_at", DateTime(timezone=True)),
    Column("closed_by", Text),
    PrimaryKeyConstraint("complaint_id", name="contact_complaint_pk"),
    CheckConstraint("(closed_at IS NULL) = (closed_by IS NULL)", name="contact_complaint_answered"),
)
Index("contact_complaint_by_borrower", contact_complaint.c.borrower_id, contact_complaint.c.opened_at)
