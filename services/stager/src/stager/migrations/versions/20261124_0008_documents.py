"""Documents composed for a case, their numbers, and how they reached their readers."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_STATEMENTS: tuple[str, ...] = (
    """
    CREATE TABLE document (
        document_id    text NOT NULL,
        number         text NOT NULL,
        kind           text NOT NULL,
        locale         text NOT NULL,
        case_id        text NOT NULL,
        borrower_id    text NOT NULL,
        loan_id        text NOT NULL,
        episode        integer NOT NULL,
        about          text NOT NULL,
        reissue        integer NOT NULL,
        reissue_reason text,
        as_of          date NOT NULL,
        body           text NOT NULL,
        digest         text NOT NULL,
        policy_digest  text NOT NULL,
        request_digest text NOT NULL,
        made_by        text NOT NULL,
        made_at        timestamptz NOT NULL,
        CONSTRAINT document_pk PRIMARY KEY (document_id),
        CONSTRAINT document_number_once UNIQUE (number),
        CONSTRAINT document_once UNIQUE (loan_id, episode, kind, about, locale, reissue)
    )""",
    "CREATE INDEX document_case ON document (case_id)",
    """
    CREATE FUNCTION document_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a document stays as made: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
    END $$""",
    """
    CREATE TRIGGER document_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON document
    FOR EACH STATEMENT EXECUTE FUNCTION document_refuse()""",
    """
    CREATE TABLE document_delivery (
        document_id  text NOT NULL,
        delivered_at timestamptz NOT NULL,
        way          text NOT NULL,
        proof_ref    text NOT NULL,
        recorded_by  text NOT NULL,
        recorded_at  timestamptz NOT NULL,
        CONSTRAINT document_delivery_pk PRIMARY KEY (document_id)
    )""",
    """
    CREATE TABLE document_number (
        prefix text NOT NULL,
        year   integer NOT NULL,
        last   integer NOT NULL,
        CONSTRAINT document_number_pk PRIMARY KEY (prefix, year)
    )""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
