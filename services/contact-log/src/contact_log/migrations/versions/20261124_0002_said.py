"""What is known of a contact beside its outcome: its task, permit and recording, what was promised; complaints."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    ALTER TABLE contact_entry
        ADD COLUMN task_id       text,
        ADD COLUMN permit_id     text,
        ADD COLUMN recording_ref text,
        ADD COLUMN flag          text,
        ADD COLUMN party_id      text,
        ADD COLUMN amount        text,
        ADD COLUMN promised_on   date,
        ADD COLUMN verified      boolean""",
    """
    CREATE TABLE contact_complaint (
        complaint_id uuid        CONSTRAINT contact_complaint_pk PRIMARY KEY,
        borrower_id  text        NOT NULL,
        loan_id      text,
        opened_at    timestamptz NOT NULL,
        closed_at    timestamptz,
        closed_by    text,
        CONSTRAINT contact_complaint_answered CHECK ((closed_at IS NULL) = (closed_by IS NULL))
    )""",
    "CREATE INDEX contact_complaint_by_borrower ON contact_complaint (borrower_id, opened_at)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
