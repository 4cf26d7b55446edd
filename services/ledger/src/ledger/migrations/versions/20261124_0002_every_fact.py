"""Amendments of loans, payments in transit, statement checks, the feed's pulse; loans in arrears in order."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    ALTER TABLE loan
        ADD COLUMN dpd_anchor_on date,
        ADD COLUMN has_facts     boolean NOT NULL DEFAULT false,
        ADD COLUMN has_transits  boolean NOT NULL DEFAULT false,
        ADD COLUMN has_statement boolean NOT NULL DEFAULT false""",
    "UPDATE loan SET dpd_anchor_on = dpd_zero_on WHERE dpd_zero_on IS NOT NULL",
    "CREATE INDEX loan_in_arrears ON loan (dpd_anchor_on, loan_id) WHERE dpd_anchor_on IS NOT NULL",
    """
    CREATE TABLE loan_fact (
        id          bigint      GENERATED ALWAYS AS IDENTITY CONSTRAINT loan_fact_pk PRIMARY KEY,
        loan_id     text        NOT NULL,
        topic       text        NOT NULL,
        type        text        NOT NULL,
        source      text        NOT NULL,
        event_id    text        NOT NULL,
        stated_at   timestamptz,
        body        bytea       NOT NULL,
        recorded_at timestamptz NOT NULL
    )""",
    "CREATE INDEX loan_fact_by_loan ON loan_fact (loan_id, id)",
    """
    CREATE TABLE transit (
        loan_id      text        NOT NULL,
        transit_id   text        NOT NULL,
        kind         text        NOT NULL,
        reference    text        NOT NULL,
        amount_minor bigint,
        since        timestamptz,
        until        timestamptz,
        state        text        NOT NULL,
        repayment_id text,
        reason       text,
        due_at       timestamptz,
        updated_at   timestamptz NOT NULL,
        CONSTRAINT transit_pk PRIMARY KEY (loan_id, transit_id),
        CONSTRAINT transit_kind CHECK (kind IN ('pending', 'debit', 'claim')),
        CONSTRAINT transit_state CHECK (state IN ('announced', 'open', 'posted', 'failed', 'expired'))
    )""",
    "CREATE INDEX transit_due ON transit (due_at) WHERE due_at IS NOT NULL",
    """
    CREATE TABLE statement_check (
        loan_id                    text        CONSTRAINT statement_check_pk PRIMARY KEY,
        as_of                      date        NOT NULL,
        state                      text        NOT NULL,
        stated_dpd                 int         NOT NULL,
        stated_principal_minor     bigint      NOT NULL,
        stated_interest_minor      bigint      NOT NULL,
        stated_penalty_minor       bigint,
        ledger_dpd                 int         NOT NULL,
        ledger_principal_minor     bigint      NOT NULL,
        ledger_interest_minor      bigint      NOT NULL,
        ledger_penalty_minor       bigint,
        differences                text[]      NOT NULL,
        resolution                 text,
        checked_at                 timestamptz NOT NULL,
        CONSTRAINT statement_check_state CHECK (state IN ('matched', 'mismatch', 'resolved'))
    )""",
    "CREATE INDEX statement_check_open ON statement_check (loan_id) WHERE state = 'mismatch'",
    """
    CREATE TABLE feed (
        source       text        CONSTRAINT feed_pk PRIMARY KEY,
        last_seen_at timestamptz NOT NULL,
        heartbeat_at timestamptz
    )""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
