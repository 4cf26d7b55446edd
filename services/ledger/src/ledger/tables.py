"""What the ledger keeps, as typed columns with named constraints; a test compares it with the migrations."""

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
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

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
    Column("dpd_anchor_on", Date),
    Column("has_facts", Boolean, nullable=False),
    Column("has_transits", Boolean, nullable=False),
    Column("has_statement", Boolean, nullable=False),
    PrimaryKeyConstraint("loan_id", name="loan_pk"),
    CheckConstraint("status IN ('current', 'overdue', 'settled', 'written_off', 'sold')", name="loan_status"),
)
Index(
    "loan_next_transition",
    loan.c.next_transition_on,
    postgresql_where=loan.c.next_transition_on.is_not(None),
)
Index("loan_by_status", loan.c.status, loan.c.loan_id)
Index(
    "loan_in_arrears",
    loan.c.dpd_anchor_on,
    loan.c.loan_id,
    postgresql_where=loan.c.dpd_anchor_on.is_not(None),
)
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

#: Facts that change a loan besides its opening and its money, as they were stated, in order of arrival.
loan_fact = Table(
    "loan_fact",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("loan_id", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("stated_at", DateTime(timezone=True)),
    Column("body", LargeBinary, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("id", name="loan_fact_pk"),
)
Index("loan_fact_by_loan", loan_fact.c.loan_id, loan_fact.c.id)

#: Money that may be on its way; `due_at` is when time alone changes it.
transit = Table(
    "transit",
    metadata,
    Column("loan_id", Text, nullable=False),
    Column("transit_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("amount_minor", BigInteger),
    Column("since", DateTime(timezone=True)),
    Column("until", DateTime(timezone=True)),
    Column("state", Text, nullable=False),
    Column("repayment_id", Text),
    Column("reason", Text),
    Column("due_at", DateTime(timezone=True)),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("loan_id", "transit_id", name="transit_pk"),
    CheckConstraint("kind IN ('pending', 'debit', 'claim')", name="transit_kind"),
    CheckConstraint("state IN ('announced', 'open', 'posted', 'failed', 'expired')", name="transit_state"),
)
Index("transit_due", transit.c.due_at, postgresql_where=transit.c.due_at.is_not(None))

#: The newest statement of a loan and how it compared.
statement_check = Table(
    "statement_check",
    metadata,
    Column("loan_id", Text, nullable=False),
    Column("as_of", Date, nullable=False),
    Column("state", Text, nullable=False),
    Column("stated_dpd", Integer, nullable=False),
    Column("stated_principal_minor", BigInteger, nullable=False),
    Column("stated_interest_minor", BigInteger, nullable=False),
    Column("stated_penalty_minor", BigInteger),
    Column("ledger_dpd", Integer, nullable=False),
    Column("ledger_principal_minor", BigInteger, nullable=False),
    Column("ledger_interest_minor", BigInteger, nullable=False),
    Column("ledger_penalty_minor", BigInteger),
    Column("differences", ARRAY(Text), nullable=False),
    Column("resolution", Text),
    Column("checked_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("loan_id", name="statement_check_pk"),
    CheckConstraint("state IN ('matched', 'mismatch', 'resolved')", name="statement_check_state"),
)
Index(
    "statement_check_open",
    statement_check.c.loan_id,
    postgresql_where=statement_check.c.state == "mismatch",
)

#: When each publisher of core banking was last heard, and what its last heartbeat said.
feed = Table(
    "feed",
    metadata,
    Column("source", Text, nullable=False),
    Column("last_seen_at", DateTime(timezone=True), nullable=False),
    Column("heartbeat_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("source", name="feed_pk"),
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
