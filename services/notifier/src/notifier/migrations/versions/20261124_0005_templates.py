"""Templates drafted, approved by another person and activated."""

from typing import Final

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_STATEMENTS: Final[tuple[str, ...]] = (
    """
    CREATE TABLE template_draft (
        draft_id        text        NOT NULL,
        template_id     text        NOT NULL,
        version         integer     NOT NULL,
        body            text        NOT NULL,
        content_sha256  text        NOT NULL,
        edition         integer     NOT NULL,
        status          text        NOT NULL,
        authors         text[]      NOT NULL,
        drafted_at      timestamptz NOT NULL,
        edited_by       text        NOT NULL,
        edited_at       timestamptz NOT NULL,
        approved_by     text,
        approved_at     timestamptz,
        approved_sha256 text,
        activated_by    text,
        activated_at    timestamptz,
        withdrawn_by    text,
        withdrawn_at    timestamptz,
        withdrawn_for   text,
        revision        bigint,
        CONSTRAINT template_draft_pk PRIMARY KEY (draft_id),
        CONSTRAINT template_draft_status CHECK (status IN ('draft', 'approved', 'active', 'withdrawn')),
        CONSTRAINT template_draft_in_force CHECK ((activated_by IS NULL) = (revision IS NULL)
            AND (status <> 'active' OR approved_sha256 = content_sha256)),
        CONSTRAINT template_draft_two_people CHECK (approved_by IS NULL OR approved_by <> ALL (authors))
    )""",
    "CREATE UNIQUE INDEX template_draft_revision ON template_draft (revision) WHERE revision IS NOT NULL",
    # A number that was ever in force names that text for good.
    "CREATE UNIQUE INDEX template_draft_version ON template_draft (template_id, version)"
    " WHERE activated_by IS NOT NULL",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
