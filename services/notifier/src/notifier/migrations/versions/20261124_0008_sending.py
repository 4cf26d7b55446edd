"""Paced opening, what settlements overtook, permits nobody reported."""

from typing import Final

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_STATEMENTS: Final[tuple[str, ...]] = (
    "ALTER TABLE message ADD COLUMN follows text",
    "ALTER TABLE message ADD COLUMN urgency integer NOT NULL DEFAULT 2",
    """
    UPDATE message SET urgency = CASE WHEN purpose IN ('service', 'reply_to_inbound', 'statutory_notice') THEN 0
                                      WHEN purpose = 'reminder_due' THEN 1 ELSE 2 END
    WHERE state = 'planned'
    """,
    "DROP INDEX message_due",
    "CREATE INDEX message_due ON message (urgency, due_at, id) WHERE state = 'planned'",
    "CREATE INDEX message_loan ON message (loan_id)",
    "CREATE INDEX message_covers ON message USING gin (covers) WHERE covers <> '{}'::text[]",
    "ALTER TABLE permit ADD COLUMN unreported_at timestamptz",
    "CREATE INDEX permit_unreported ON permit (until)"
    " WHERE granted AND outcome IS NULL AND unreported_at IS NULL",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
