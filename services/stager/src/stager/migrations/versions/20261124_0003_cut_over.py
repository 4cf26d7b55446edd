"""Loans taken over in arrears, and on which day each of their borrowers begins to be contacted."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    ALTER TABLE episode
        ADD COLUMN taken_over_on date,
        ADD COLUMN awaits_start  boolean DEFAULT false NOT NULL""",
    "CREATE INDEX episode_awaits_start ON episode (borrower_id) WHERE awaits_start",
    """
    CREATE TABLE cutover_start (
        borrower_id   text NOT NULL,
        starts_on     date NOT NULL,
        policy_digest text NOT NULL,
        assigned_at   timestamptz NOT NULL,
        CONSTRAINT cutover_start_pk PRIMARY KEY (borrower_id)
    )""",
    "CREATE INDEX cutover_start_day ON cutover_start (starts_on)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
