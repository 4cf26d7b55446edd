"""Contacts made before a loan was taken over, as its books before told them."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE past_contact (
        loan_id     text        NOT NULL,
        entry_no    int         NOT NULL,
        borrower_id text        NOT NULL,
        party_id    text        NOT NULL,
        at          timestamptz NOT NULL,
        channel     text        NOT NULL,
        direction   text        NOT NULL,
        outcome     text        NOT NULL,
        purpose     text        NOT NULL,
        contact_ref text        NOT NULL,
        debts       text[]      NOT NULL,
        CONSTRAINT past_contact_pk PRIMARY KEY (loan_id, entry_no)
    )""",
    "CREATE INDEX past_contact_person ON past_contact (borrower_id, at)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
