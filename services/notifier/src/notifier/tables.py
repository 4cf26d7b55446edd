"""The notifier's tables as data: the migrations must produce exactly this."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData()


def _text(name: str, *, null: bool = False) -> Column[str]:
    return Column(name, Text, nullable=null)


def _instant(name: str, *, null: bool = False, stamped: bool = False) -> Column[object]:
    default = text("clock_timestamp()") if stamped else None
    return Column(name, DateTime(timezone=True), nullable=null, server_default=default)


def _flag(name: str, default: str | None = None) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text(default) if default else None)


def _whole(name: str, *, default: str | None = None) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=text(default) if default else None)


def _json(name: str) -> Column[object]:
    return Column(name, JSONB, nullable=False)


def _sealed(name: str, *, null: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=null)


party = Table(
    "party",
    metadata,
    _text("borrower_id"),
    _flag("known"),
    _text("locale"),
    _text("timezone", null=True),
    _json("candidate_timezones"),
    _text("region", null=True),
    _json("segment"),
    _json("vulnerable"),
    _sealed("subject_key", null=True),
    _sealed("name_cipher", null=True),
    _sealed("id_number_cipher", null=True),
    _instant("updated_at"),
    PrimaryKeyConstraint("borrower_id", name="party_pk"),
    CheckConstraint(
        "NOT known OR (subject_key IS NOT NULL AND name_cipher IS NOT NULL)", name="party_encrypted"
    ),
)
contact_point = Table(
    "contact_point",
    metadata,
    _text("ref"),
    _text("borrower_id"),
    _text("point_id"),
    _text("channel"),
    _text("place", null=True),
    _text("consent"),
    _instant("consent_at"),
    _sealed("address_cipher"),
    _sealed("address_index"),
    _flag("usable"),
    _flag("active"),
    _instant("verified_at", null=True),
    PrimaryKeyConstraint("ref", name="contact_point_pk"),
    UniqueConstraint("borrower_id", "point_id", name="contact_point_once"),
    ForeignKeyConstraint(["borrower_id"], ["party.borrower_id"], name="contact_point_party_fk"),
    Index("contact_point_address", "address_index"),
)
recorded_contact = Table(
    "recorded_contact",
    metadata,
    _text("contact_id"),
    _text("borrower_id"),
    _text("loan_id", null=True),
    _text("channel"),
    _text("direction"),
    _text("outcome"),
    _instant("at"),
    _text("purpose", null=True),
    _text("contact_ref", null=True),
    _text("permit_id", null=True),
    PrimaryKeyConstraint("contact_id", name="recorded_contact_pk"),
    Index("recorded_contact_person", "borrower_id", "at"),
    Index("recorded_contact_permit", "permit_id", postgresql_where=text("permit_id IS NOT NULL")),
)
address_stop = Table(
    "address_stop",
    metadata,
    _text("borrower_id"),
    _text("contact_id"),
    _text("kind"),
    _text("contact_ref", null=True),
    _text("channel", null=True),
    _instant("since"),
    _sealed("address_index", null=True),
    PrimaryKeyConstraint("borrower_id", "contact_id", "kind", name="address_stop_pk"),
)
party_refusal = Table(
    "party_refusal",
    metadata,
    _text("borrower_id"),
    _text("party_id"),
    _text("contact_id"),
    _instant("since"),
    PrimaryKeyConstraint("borrower_id", "party_id", name="party_refusal_pk"),
)
permit = Table(
    "permit",
    metadata,
    _text("permit_id"),
    _text("idempotency_key", null=True),
    _text("request_sha256"),
    _text("borrower_id"),
    _text("loan_id"),
    _text("channel"),
    _text("purpose"),
    _text("stage", null=True),
    _text("asked_by"),
    _text("task_id", null=True),
    _text("contact_ref", null=True),
    _instant("at"),
    _flag("granted"),
    _text("verdict"),
    _instant("until", null=True),
    _json("rules"),
    _text("policy"),
    _text("facts_digest", null=True),
    _text("outcome", null=True),
    _instant("outcome_at", null=True),
    _text("reported_by", null=True),
    PrimaryKeyConstraint("permit_id", name="permit_pk"),
    UniqueConstraint("idempotency_key", name="permit_key"),
    CheckConstraint("(outcome IS NULL) = (reported_by IS NULL)", name="permit_reported"),
    Index("permit_person", "borrower_id", "at", postgresql_where=text("granted")),
)
past_contact = Table(
    "past_contact",
    metadata,
    _text("loan_id"),
    _whole("entry_no"),
    _text("borrower_id"),
    _text("party_id"),
    _instant("at"),
    _text("channel"),
    _text("direction"),
    _text("outcome"),
    _text("purpose"),
    _text("contact_ref"),
    Column("debts", ARRAY(Text), nullable=False),
    PrimaryKeyConstraint("loan_id", "entry_no", name="past_contact_pk"),
    Index("past_contact_person", "borrower_id", "at"),
)
loan_gate = Table(
    "loan_gate",
    metadata,
    _text("loan_id"),
    _text("reason"),
    Column("seq", BigInteger, nullable=False),
    _flag("closed"),
    _instant("changed_at", stamped=True),
    _text("kind", null=True),
    _instant("since", null=True),
    PrimaryKeyConstraint("loan_id", "reason", name="loan_gate_pk"),
)
wide_gate = Table(
    "wide_gate",
    metadata,
    _text("scope"),
    _text("ref"),
    _text("reason"),
    _flag("closed"),
    _instant("changed_at", stamped=True),
    _text("kind", null=True),
    _instant("since", null=True),
    PrimaryKeyConstraint("scope", "ref", "reason", name="wide_gate_pk"),
    CheckConstraint("scope IN ('borrower', 'partition')", name="wide_gate_scope"),
)
freshness = Table(
    "freshness",
    metadata,
    _text("topic"),
    _whole("partition"),
    _instant("at"),
    PrimaryKeyConstraint("topic", "partition", name="freshness_pk"),
)
debt = Table(
    "debt",
    metadata,
    _text("loan_id"),
    _text("borrower_id"),
    Column("seq", BigInteger, nullable=False),
    _text("product"),
    _text("currency"),
    Column("as_of", Date, nullable=False),
    Column("dpd_zero_on", Date),
    Column("oldest_unpaid_due_on", Date),
    _json("overdue"),
    _text("outstanding_principal"),
    PrimaryKeyConstraint("loan_id", name="debt_pk"),
)
kill_switch = Table(
    "kill_switch",
    metadata,
    _text("scope"),
    _flag("stopped"),
    _text("changed_by", null=True),
    _text("approved_by", null=True),
    _instant("changed_at", stamped=True),
    PrimaryKeyConstraint("scope", name="kill_switch_pk"),
)
message = Table(
    "message",
    metadata,
    _text("id"),
    _text("request_id"),
    _text("borrower_id"),
    _text("loan_id"),
    _whole("partition"),
    _text("channel"),
    _text("purpose"),
    _text("stage"),
    _text("step"),
    _text("template"),
    _instant("requested_at"),
    _instant("expires_at"),
    _instant("received_at", stamped=True),
    _text("state"),
    _instant("due_at"),
    _whole("attempt_no", default="0"),
    _flag("resume", "false"),
    _text("policy"),
    _instant("changed_at"),
    _text("cause_id"),
    _text("cause_source"),
    _text("correlation_id", null=True),
    _text("traceparent", null=True),
    Column("covers", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
    PrimaryKeyConstraint("id", name="message_pk"),
    UniqueConstraint("request_id", name="message_request"),
    ForeignKeyConstraint(["borrower_id"], ["party.borrower_id"], name="message_party_fk"),
    CheckConstraint(
        "state IN ('planned', 'sending', 'unknown', 'accepted', 'delivered', 'failed', 'rejected',"
        " 'suppressed', 'expired', 'human')",
        name="message_state",
    ),
    Index("message_due", "due_at", "id", postgresql_where=text("state = 'planned'")),
    Index("message_person", "borrower_id", "id"),
    Index("message_by_state", "state", "id"),
)
withdrawal = Table(
    "withdrawal",
    metadata,
    _text("request_id"),
    _text("reason"),
    _instant("at"),
    PrimaryKeyConstraint("request_id", name="withdrawal_pk"),
)
attempt = Table(
    "attempt",
    metadata,
    _text("client_ref"),
    _text("message_id"),
    _whole("attempt_no"),
    _text("borrower_id"),
    _text("loan_id"),
    _text("channel"),
    _text("purpose"),
    _text("contact_ref"),
    _sealed("address_index"),
    _text("gateway"),
    _text("idempotency_key"),
    _instant("not_after"),
    Column("gate_seq", BigInteger, nullable=False),
    _text("state"),
    _instant("at"),
    _instant("first_sending_at", stamped=True),
    _instant("sending_at", stamped=True),
    _instant("unknown_at", null=True),
    _flag("unknown_told", "false"),
    _instant("query_at", null=True),
    _text("gateway_id", null=True),
    _text("code", null=True),
    _sealed("body_cipher"),
    _text("body_sha256"),
    _whole("template_version"),
    _text("facts_digest"),
    _text("policy"),
    PrimaryKeyConstraint("client_ref", name="attempt_pk"),
    UniqueConstraint("message_id", "attempt_no", name="attempt_once"),
    ForeignKeyConstraint(["message_id"], ["message.id"], name="attempt_message_fk"),
    CheckConstraint(
        "state IN ('sending', 'unknown', 'accepted', 'delivered', 'failed', 'rejected', 'not_sent', 'human')",
        name="attempt_state",
    ),
    Index("attempt_person", "borrower_id", "at"),
    Index("attempt_open", "sending_at", postgresql_where=text("state IN ('sending', 'unknown', 'human')")),
)
decision = Table(
    "decision",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    _text("message_id"),
    _whole("attempt_no"),
    _instant("at"),
    _instant("judged_at"),
    _text("verdict"),
    _instant("until", null=True),
    _json("rules"),
    _json("policy"),
    _sealed("facts_cipher", null=True),
    _text("facts_digest", null=True),
    _text("engine"),
    PrimaryKeyConstraint("id", name="decision_pk"),
    Index("decision_message", "message_id", "id"),
)
receipt = Table(
    "receipt",
    metadata,
    _text("client_ref"),
    _text("status"),
    _text("gateway"),
    _text("gateway_id", null=True),
    _text("code", null=True),
    _instant("at"),
    _instant("received_at", stamped=True),
    _flag("known"),
    PrimaryKeyConstraint("client_ref", "status", name="receipt_pk"),
)
