"""Gates know the kind of a hold; addresses and people never to be contacted again; permits for calls and visits."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "ALTER TABLE loan_gate ADD COLUMN kind text, ADD COLUMN since timestamptz",
    "ALTER TABLE wide_gate ADD COLUMN kind text, ADD COLUMN since timestamptz",
    # What closed these says its kind; a hold from before has none, and goes on closing everything.
    """
    UPDATE loan_gate SET kind = split_part(reason, ':', 1), since = changed_at
    WHERE split_part(reason, ':', 1) IN ('payment_claim', 'dispute')""",
    """
    ALTER TABLE recorded_contact
        ADD COLUMN purpose     text,
        ADD COLUMN contact_ref text,
        ADD COLUMN permit_id   text""",
    "CREATE INDEX recorded_contact_permit ON recorded_contact (permit_id) WHERE permit_id IS NOT NULL",
    """
    CREATE TABLE address_stop (
        borrower_id   text        NOT NULL,
        contact_id    text        NOT NULL,
        kind          text        NOT NULL,
        contact_ref   text,
        channel       text,
        since         timestamptz NOT NULL,
        address_index bytea,
        CONSTRAINT address_stop_pk PRIMARY KEY (borrower_id, contact_id, kind)
    )""",
    """
    CREATE TABLE party_refusal (
        borrower_id text        NOT NULL,
        party_id    text        NOT NULL,
        contact_id  text        NOT NULL,
        since       timestamptz NOT NULL,
        CONSTRAINT party_refusal_pk PRIMARY KEY (borrower_id, party_id)
    )""",
    """
    CREATE TABLE permit (
        permit_id       text        CONSTRAINT permit_pk PRIMARY KEY,
        idempotency_key text        CONSTRAINT permit_key UNIQUE,
        request_sha256  text        NOT NULL,
        borrower_id     text        NOT NULL,
        loan_id         text        NOT NULL,
        channel         text        NOT NULL,
        purpose         text        NOT NULL,
        stage           text,
        asked_by        text        NOT NULL,
        task_id         text,
        contact_ref     text,
        at              timestamptz NOT NULL,
        granted         boolean     NOT NULL,
        verdict         text        NOT NULL,
        until           timestamptz,
        rules           jsonb       NOT NULL,
        policy          text        NOT NULL,
        facts_digest    text,
        outcome         text,
        outcome_at      timestamptz,
        reported_by     text,
        CONSTRAINT permit_reported CHECK ((outcome IS NULL) = (reported_by IS NULL))
    )""",
    "CREATE INDEX permit_person ON permit (borrower_id, at) WHERE granted",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
