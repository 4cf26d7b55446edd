"""First tables: the append-only contact log, and a row per borrower that orders it."""

from __future__ import annotations

from alembic import op

from spine.flow_tables import create_flow_tables_v1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE contact_borrower (
        borrower_id text   CONSTRAINT contact_borrower_pk PRIMARY KEY,
        entries     bigint NOT NULL
    )""",
    """
    CREATE TABLE contact_entry (
        id               bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT contact_entry_pk PRIMARY KEY,
        contact_id       uuid        NOT NULL CONSTRAINT contact_entry_contact UNIQUE,
        borrower_id      text        NOT NULL,
        loan_id          text,
        channel          text        NOT NULL,
        direction        text        NOT NULL,
        outcome          text        NOT NULL,
        at               timestamptz NOT NULL,
        recorded_at      timestamptz NOT NULL,
        source           text        NOT NULL,
        source_id        text        NOT NULL,
        message_id       text,
        request_id       text,
        attempt_no       int,
        client_ref       text,
        contact_ref      text,
        purpose          text,
        stage            text,
        step             text,
        template         text,
        template_version int,
        body_sha256      text,
        gateway          text,
        gateway_id       text,
        code             text,
        until            timestamptz,
        rules            jsonb       NOT NULL,
        policy           text,
        facts_digest     text,
        reported_by      text,
        note             text,
        request_sha256   text,
        CONSTRAINT contact_entry_direction CHECK (direction IN ('outbound', 'inbound')),
        CONSTRAINT contact_entry_message_or_report CHECK ((message_id IS NULL) <> (reported_by IS NULL))
    )""",
    "CREATE INDEX contact_entry_by_borrower ON contact_entry (borrower_id, at, id)",
    "CREATE INDEX contact_entry_by_channel ON contact_entry (channel, at, id)",
    "CREATE INDEX contact_entry_by_time ON contact_entry (at, id)",
    """
    CREATE FUNCTION contact_entry_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'contact_entry is append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
    END $$""",
    """
    CREATE TRIGGER contact_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON contact_entry
    FOR EACH STATEMENT EXECUTE FUNCTION contact_entry_refuse()""",
    # Also in sessions that replay another database, which skip ordinary triggers.
    "ALTER TABLE contact_entry ENABLE ALWAYS TRIGGER contact_entry_append_only",
)


def upgrade() -> None:
    create_flow_tables_v1()
    for statement in _STATEMENTS:
        op.execute(statement)
