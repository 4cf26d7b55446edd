"""Why each action was taken; steps that follow others; preparation of the first contact."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE decision (
        decision_id    text NOT NULL,
        subject_kind   text NOT NULL,
        subject_id     text NOT NULL,
        borrower_id    text NOT NULL,
        loan_id        text,
        engine         text NOT NULL,
        rule           text NOT NULL,
        policy_digests text[] NOT NULL,
        facts          text NOT NULL,
        facts_digest   text NOT NULL,
        verdict        text NOT NULL,
        decided_at     timestamptz NOT NULL,
        CONSTRAINT decision_pk PRIMARY KEY (decision_id)
    )""",
    "CREATE INDEX decision_subject ON decision (subject_kind, subject_id)",
    "CREATE INDEX decision_borrower ON decision (borrower_id, decided_at)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
