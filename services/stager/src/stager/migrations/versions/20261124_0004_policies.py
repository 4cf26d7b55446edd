"""Policies drafted, checked, approved and activated by people."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_STATEMENTS: tuple[str, ...] = (
    """
    CREATE TABLE policy_draft (
        draft_id       text NOT NULL,
        file           text NOT NULL,
        body           text NOT NULL,
        edition        integer NOT NULL,
        status         text NOT NULL,
        drafted_by     text NOT NULL,
        drafted_at     timestamptz NOT NULL,
        approved_by    text,
        approved_at    timestamptz,
        activated_by   text,
        activated_at   timestamptz,
        effective_from date,
        revision       bigint,
        withdrawn_by   text,
        withdrawn_at   timestamptz,
        withdrawn_for  text,
        CONSTRAINT policy_draft_pk PRIMARY KEY (draft_id),
        CONSTRAINT policy_draft_status CHECK (status IN ('draft', 'approved', 'active', 'withdrawn')),
        CONSTRAINT policy_draft_revision CHECK ((status = 'active') = (revision IS NOT NULL)),
        CONSTRAINT policy_draft_two_people CHECK (approved_by IS NULL OR approved_by <> drafted_by)
    )""",
    "CREATE UNIQUE INDEX policy_draft_active ON policy_draft (revision) WHERE revision IS NOT NULL",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
