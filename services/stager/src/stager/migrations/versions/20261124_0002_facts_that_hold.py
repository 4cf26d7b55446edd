"""Holds that the ledger's facts place and end, the last failed debit of a loan, and written-off arrears."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "ALTER TABLE hold ADD COLUMN ledger_seq bigint",
    "ALTER TABLE episode ADD COLUMN status text DEFAULT 'overdue' NOT NULL",
    """
    CREATE TABLE failed_debit (
        loan_id     text NOT NULL,
        borrower_id text NOT NULL,
        transit_id  text NOT NULL,
        reason      text NOT NULL,
        failed_at   timestamptz NOT NULL,
        ledger_seq  bigint NOT NULL,
        CONSTRAINT failed_debit_pk PRIMARY KEY (loan_id)
    )""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
