"""Holds with who placed and may lift them; what was said that stops or frees."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_STATEMENTS: tuple[str, ...] = (
    """
    ALTER TABLE hold
        ADD COLUMN placed_by text, ADD COLUMN lifted_by text, ADD COLUMN findings text, ADD COLUMN ground text,
        ADD COLUMN extensions integer DEFAULT 0 NOT NULL, ADD COLUMN extended_at timestamptz,
        ADD COLUMN extended_by text, ADD COLUMN extension_proof text, ADD COLUMN person_hold_id text
    """,
    "CREATE INDEX hold_person ON hold (person_hold_id) WHERE person_hold_id IS NOT NULL",
    """
    CREATE TABLE person_hold (
        person_hold_id  text NOT NULL,
        borrower_id     text NOT NULL,
        kind            text NOT NULL,
        placed_at       timestamptz NOT NULL,
        until           timestamptz,
        origin          text,
        reason          text,
        lifted_at       timestamptz,
        ended_by        text,
        lift_reason     text,
        placed_by       text,
        lifted_by       text,
        findings        text,
        ground          text,
        extensions      integer DEFAULT 0 NOT NULL,
        extended_at     timestamptz,
        extended_by     text,
        extension_proof text,
        CONSTRAINT person_hold_pk PRIMARY KEY (person_hold_id),
        CONSTRAINT person_hold_lifted CHECK ((lifted_at IS NULL) = (ended_by IS NULL))
    )""",
    "CREATE INDEX person_hold_borrower ON person_hold (borrower_id)",
    """
    CREATE TABLE case_flag (
        case_id     text NOT NULL,
        flag        text NOT NULL,
        borrower_id text NOT NULL,
        loan_id     text NOT NULL,
        origin      text NOT NULL,
        raised_at   timestamptz NOT NULL,
        CONSTRAINT case_flag_pk PRIMARY KEY (case_id, flag)
    )""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
