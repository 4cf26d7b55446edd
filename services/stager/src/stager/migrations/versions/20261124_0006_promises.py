"""Money as the ledger told it, and promises judged by it."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_STATEMENTS: tuple[str, ...] = (
    """
    CREATE TABLE money (
        loan_id      text NOT NULL,
        repayment_id text NOT NULL,
        borrower_id  text NOT NULL,
        partition    integer NOT NULL,
        currency     text NOT NULL,
        amount_minor bigint NOT NULL,
        value_date   date,
        posted_at    timestamptz,
        reversed_on  date,
        forget_on    date,
        CONSTRAINT money_pk PRIMARY KEY (loan_id, repayment_id),
        CONSTRAINT money_posted CHECK ((value_date IS NULL) = (posted_at IS NULL))
    )""",
    "CREATE INDEX money_forget ON money (partition, forget_on) WHERE forget_on IS NOT NULL",
    """
    CREATE TABLE promise (
        promise_id      text NOT NULL,
        loan_id         text NOT NULL,
        borrower_id     text NOT NULL,
        case_id         text NOT NULL,
        partition       integer NOT NULL,
        kind            text NOT NULL,
        status          text NOT NULL,
        currency        text NOT NULL,
        amount_minor    bigint NOT NULL,
        tolerance_minor bigint NOT NULL,
        base_minor      bigint NOT NULL,
        counts_from     date NOT NULL,
        counts_through  date NOT NULL,
        promised_on     date NOT NULL,
        due_on          date NOT NULL,
        second_on       date,
        second_minor    bigint,
        follows         text,
        stage           text,
        made_at         timestamptz NOT NULL,
        verified        boolean NOT NULL,
        channel         text,
        contact_id      text,
        made_by         text,
        approved_by     text,
        policy_digest   text NOT NULL,
        request_digest  text NOT NULL,
        hold_id         text NOT NULL,
        received_minor  bigint,
        reason          text,
        changed_at      timestamptz NOT NULL,
        CONSTRAINT promise_pk PRIMARY KEY (promise_id),
        CONSTRAINT promise_status CHECK (
            status IN ('open', 'kept', 'partial', 'broken', 'cancelled', 'superseded')),
        CONSTRAINT promise_amount CHECK (amount_minor > 0)
    )""",
    "CREATE INDEX promise_borrower ON promise (borrower_id)",
    "CREATE INDEX promise_loan ON promise (loan_id)",
    "CREATE UNIQUE INDEX promise_open ON promise (loan_id) WHERE status = 'open'",
    "CREATE INDEX promise_due ON promise (partition, due_on) WHERE status = 'open'",
    """
    CREATE TABLE promise_reminder (
        promise_id  text NOT NULL,
        days_before integer NOT NULL,
        borrower_id text NOT NULL,
        due_at      timestamptz NOT NULL,
        CONSTRAINT promise_reminder_pk PRIMARY KEY (promise_id, days_before)
    )""",
    "CREATE INDEX promise_reminder_due ON promise_reminder (due_at)",
    """
    CREATE TABLE payment_claim (
        hold_id      text NOT NULL,
        loan_id      text NOT NULL,
        borrower_id  text NOT NULL,
        contact_id   text,
        status       text NOT NULL,
        claimed_at   timestamptz NOT NULL,
        check_at     timestamptz,
        amount       text,
        bank         text,
        last_digits  text,
        paid_at      timestamptz,
        repayment_id text,
        extended_at  timestamptz,
        extended_by  text,
        settled_at   timestamptz,
        settled_by   text,
        reason       text,
        CONSTRAINT payment_claim_pk PRIMARY KEY (hold_id),
        CONSTRAINT payment_claim_status CHECK (status IN ('open', 'matched', 'unmatched', 'rejected'))
    )""",
    "CREATE INDEX payment_claim_loan ON payment_claim (loan_id)",
    "CREATE INDEX payment_claim_open ON payment_claim (check_at) WHERE status = 'open'",
    """
    CREATE INDEX hold_claims ON hold (placed_at)
    WHERE kind = 'payment_claim' AND ledger_seq IS NULL AND lifted_at IS NULL
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
