"""What the ledger keeps, as typed columns with named constraints; a test compares it with the migrations."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

#: A loan and its summary as of `as_of`, the last date on which it was looked at.
loan = Table(
    "loan",
    metadata,
    Column("loan_id", Text, nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("principal_minor", BigInteger, nullable=False),
    Column("annual_rate", Numeric, nullable=False),
    Column("opened_on", Date, nullable=False),
    Column("terms", JSONB, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("as_of", Date, nullable=False),
    Column("status", Text, nullable=False),
    Column("dpd_zero_on", Date),
    Column("oldest_unpaid_due_on", Date),
    Column("overdue_principal_minor", BigInteger, nullable=False),
    Column("overdue_interest_minor", BigInteger, nullable=False),
    Column("overdue_fee_minor", BigInteger, nullable=False),
    Column("overdue_penalty_minor", BigInteger, nullable=False),
    Column("overdue_compound_minor", BigInteger, nullable=False),
    Column("outstanding_principal_minor", BigInteger, nullable=False),
    Column("next_transition_on", Date),
    Column("version", BigInteger, nullable=False),
    PrimaryKeyConstraint("loan_id", name="loan_pk"),
    CheckConstraint("status IN ('current', 'overdue', 'settled', 'written_off', 'sold')", name="loan_status"),
)
Index(
    "loan_next_transition",
    loan.c.next_transition_on,
    postgresql_where=loan.c.next_transition_on.is_not(None),
)
Index("loan_by_status", loan.c.status, loan.c.loan_id)
Index("loan_by_borrower", loan.c.borrower_id, loan.c.loan_id)

instalment = Table(
    "instalment",
    metadata,
    Column("loan_id", Text, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("principal_minor", BigInteger, nullable=False),
    Column("interest_minor", BigInteger, nullable=False),
    Column("fee_minor", BigInteger, nullable=False),
    PrimaryKeyConstraint("loan_id", "seq", name="instalment_pk"),
)

#: Money and its reversal, each with the instant at which the ledger knew it.
repayment = Table(
    "repayment",
    metadata,
    Column("loan_id", Text, nullable=False),
    Column("repayment_id", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("value_date", Date, nullable=False),
    Column("posted_at", DateTime(timezone=True), nullable=False),
    Column("channel", Text),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("reversed_on", Date),
    Column("reversal_reason", Text),
    Column("reversal_recorded_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("loan_id", "repayment_id", name="repayment_pk"),
)

#: Events that came before what they are about.
parked = Table(
    "parked",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("source", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("loan_id", Text, nullable=False),
    Column("waits_for", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("headers", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("parked_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("id", name="parked_pk"),
    UniqueConstraint("source", "event_id", name="parked_event"),
)
Index("parked_by_loan", parked.c.loan_id, parked.c.id)

#: One row: the business date that is open.
business_date = Table(
    "business_date",
    metadata,
    Column("id", Integer, nullable=False),
    Column("open_on", Date, nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("id", name="business_date_pk"),
    CheckConstraint("id = 1", name="business_date_one"),
)

close_run = Table(
    "close_run",
    metadata,
    Column("business_date", Date, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("finished_at", DateTime(timezone=True)),
    Column("loans_visited", BigInteger, nullable=False),
    Column("loans_changed", BigInteger, nullable=False),
    PrimaryKeyConstraint("business_date", name="close_run_pk"),
)
