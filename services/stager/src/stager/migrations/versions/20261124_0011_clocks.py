"""Clocks of the claim: limitation, guarantee, credit report, after the cure."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE limitation (
        loan_id TEXT NOT NULL,
        borrower_id TEXT NOT NULL,
        ends_on DATE,
        barred BOOLEAN DEFAULT false NOT NULL,
        guarantee_ends_on DATE,
        guarantee_reference TEXT,
        guarantee_by TEXT,
        look_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT limitation_pk PRIMARY KEY (loan_id)
    )
    """,
    "CREATE INDEX limitation_look ON limitation (look_at) WHERE look_at IS NOT NULL",
    """
    CREATE TABLE limitation_restart (
        restart_id TEXT NOT NULL,
        loan_id TEXT NOT NULL,
        borrower_id TEXT NOT NULL,
        case_id TEXT NOT NULL,
        restarted_on DATE NOT NULL,
        ground TEXT NOT NULL,
        reference TEXT NOT NULL,
        recorded_by TEXT NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT limitation_restart_pk PRIMARY KEY (restart_id)
    )
    """,
    "CREATE INDEX limitation_restart_loan ON limitation_restart (loan_id)",
    """
    CREATE TABLE credit_entry (
        entry_id TEXT NOT NULL,
        kind TEXT NOT NULL,
        loan_id TEXT NOT NULL,
        episode INTEGER NOT NULL,
        borrower_id TEXT NOT NULL,
        case_id TEXT NOT NULL,
        on_date DATE NOT NULL,
        reference TEXT NOT NULL,
        recorded_by TEXT NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT credit_entry_pk PRIMARY KEY (entry_id),
        CONSTRAINT credit_entry_kind CHECK (kind = ANY (ARRAY['notice'::text, 'report'::text]))
    )
    """,
    "CREATE INDEX credit_entry_loan ON credit_entry (loan_id)",
    """
    CREATE TABLE credit_correction (
        correction_id TEXT NOT NULL,
        loan_id TEXT NOT NULL,
        borrower_id TEXT NOT NULL,
        ground TEXT NOT NULL,
        origin TEXT NOT NULL,
        task_id TEXT NOT NULL,
        found_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT credit_correction_pk PRIMARY KEY (correction_id),
        CONSTRAINT credit_correction_once UNIQUE (loan_id, origin)
    )
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
