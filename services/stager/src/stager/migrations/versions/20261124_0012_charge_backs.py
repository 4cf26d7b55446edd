"""Money that payers' banks took back, beside the money itself."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE charge_back (
        fact_id TEXT NOT NULL,
        loan_id TEXT NOT NULL,
        repayment_id TEXT NOT NULL,
        borrower_id TEXT NOT NULL,
        partition INTEGER NOT NULL,
        amount_minor BIGINT NOT NULL,
        charged_back_on DATE NOT NULL,
        forget_on DATE,
        CONSTRAINT charge_back_pk PRIMARY KEY (fact_id)
    )
    """,
    "CREATE INDEX charge_back_money ON charge_back (loan_id, repayment_id)",
    "CREATE INDEX charge_back_forget ON charge_back (partition, forget_on) WHERE forget_on IS NOT NULL",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
