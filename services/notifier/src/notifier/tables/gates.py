"""What keeps messages from leaving: gates, ticks, debts as the ledger told them, the kill switch."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, PrimaryKeyConstraint, Table

from notifier.tables.metadata import METADATA, flag, instant, structure, whole, words

LOAN_GATE: Final = Table(
    "loan_gate",
    METADATA,
    words("loan_id"),
    words("reason"),
    Column("seq", BigInteger, nullable=False),
    flag("closed"),
    instant("changed_at", stamped=True),
    words("kind", null=True),
    instant("since", null=True),
    PrimaryKeyConstraint("loan_id", "reason", name="loan_gate_pk"),
)
WIDE_GATE: Final = Table(
    "wide_gate",
    METADATA,
    words("scope"),
    words("ref"),
    words("reason"),
    flag("closed"),
    instant("changed_at", stamped=True),
    words("kind", null=True),
    instant("since", null=True),
    PrimaryKeyConstraint("scope", "ref", "reason", name="wide_gate_pk"),
    CheckConstraint("scope IN ('borrower', 'partition')", name="wide_gate_scope"),
)
FRESHNESS: Final = Table(
    "freshness",
    METADATA,
    words("topic"),
    whole("partition"),
    instant("at"),
    PrimaryKeyConstraint("topic", "partition", name="freshness_pk"),
)
DEBT: Final = Table(
    "debt",
    METADATA,
    words("loan_id"),
    words("borrower_id"),
    Column("seq", BigInteger, nullable=False),
    words("product"),
    words("currency"),
    Column("as_of", Date, nullable=False),
    Column("dpd_zero_on", Date),
    Column("oldest_unpaid_due_on", Date),
    structure("overdue"),
    words("outstanding_principal"),
    PrimaryKeyConstraint("loan_id", name="debt_pk"),
)
KILL_SWITCH: Final = Table(
    "kill_switch",
    METADATA,
    words("scope"),
    flag("stopped"),
    words("changed_by", null=True),
    words("approved_by", null=True),
    instant("changed_at", stamped=True),
    PrimaryKeyConstraint("scope", name="kill_switch_pk"),
)
