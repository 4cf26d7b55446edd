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
    """
    CREATE TABLE closed_books (
        partition      integer NOT NULL,
        closed_through date NOT NULL,
        CONSTRAINT closed_books_pk PRIMARY KEY (partition)
    )""",
    """
    CREATE TABLE preparation (
        loan_id       text NOT NULL,
        episode       integer NOT NULL,
        borrower_id   text NOT NULL,
        case_id       text NOT NULL,
        status        text NOT NULL,
        missing       text[] NOT NULL,
        since_at      timestamptz NOT NULL,
        decided_at    timestamptz NOT NULL,
        facts         text NOT NULL,
        facts_digest  text NOT NULL,
        policy_digest text NOT NULL,
        task_id       text,
        CONSTRAINT preparation_pk PRIMARY KEY (loan_id, episode),
        CONSTRAINT preparation_status CHECK (status IN ('waiting', 'ready')),
        CONSTRAINT preparation_missing CHECK ((status = 'ready') = (missing = '{}'::text[]))
    )""",
    """
    CREATE TABLE preparation_waiver (
        loan_id   text NOT NULL,
        episode   integer NOT NULL,
        item      text NOT NULL,
        by_member text NOT NULL,
        reason    text NOT NULL,
        waived_at timestamptz NOT NULL,
        CONSTRAINT preparation_waiver_pk PRIMARY KEY (loan_id, episode, item)
    )""",
    # Channels on which a borrower can be reached; null while nobody has told.
    "ALTER TABLE party ADD COLUMN channels text[]",
    "ALTER TABLE episode ADD COLUMN bounced_on date",
    """
    ALTER TABLE contact_request
        ADD COLUMN covers     text[] DEFAULT '{}'::text[] NOT NULL,
        ADD COLUMN covered_by text,
        ADD COLUMN task_id    text,
        DROP CONSTRAINT contact_request_status,
        ADD CONSTRAINT contact_request_status CHECK (
            status IN ('open', 'done', 'withdrawn', 'skipped', 'tasked'))""",
    "CREATE UNIQUE INDEX contact_request_task ON contact_request (task_id) WHERE task_id IS NOT NULL",
    "CREATE INDEX contact_request_tasked ON contact_request (loan_id) WHERE status = 'tasked'",
    "CREATE INDEX contact_request_covers ON contact_request USING gin (covers)"
    " WHERE status IN ('open', 'tasked') AND covers <> '{}'::text[]",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
