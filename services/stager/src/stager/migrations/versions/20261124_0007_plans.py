"""Repayment plans, waivers and settlement offers."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE plan (
        plan_id         text NOT NULL,
        loan_id         text NOT NULL,
        borrower_id     text NOT NULL,
        case_id         text NOT NULL,
        partition       integer NOT NULL,
        state           text NOT NULL,
        turn            integer NOT NULL,
        stage           text NOT NULL,
        terms           text NOT NULL,
        grace_days      integer NOT NULL,
        tolerance_minor bigint NOT NULL,
        needs_approval  boolean NOT NULL,
        approvers       text[] NOT NULL,
        policy_digest   text NOT NULL,
        request_digest  text NOT NULL,
        proposed_by     text NOT NULL,
        proposed_at     timestamptz NOT NULL,
        sign_until_on   date NOT NULL,
        judged_on       date,
        approved_by     text,
        approved_at     timestamptz,
        signed_at       timestamptz,
        signed_on       date,
        signature       text,
        recording       text,
        signed_with     text,
        activated_at    timestamptz,
        breached_seq    integer,
        short_minor     bigint,
        ended_at        timestamptz,
        end_reason      text,
        judge_on        date,
        CONSTRAINT plan_pk PRIMARY KEY (plan_id),
        CONSTRAINT plan_state CHECK
            (state IN ('draft', 'signed', 'active', 'completed', 'breached', 'cancelled'))
    )""",
    "CREATE INDEX plan_loan ON plan (loan_id)",
    "CREATE INDEX plan_case ON plan (case_id)",
    "CREATE UNIQUE INDEX plan_active ON plan (loan_id) WHERE state = 'active'",
    "CREATE INDEX plan_judge ON plan (partition, judge_on) WHERE judge_on IS NOT NULL",
    """
    CREATE TABLE plan_reminder (
        plan_id     text NOT NULL,
        seq         integer NOT NULL,
        days_before integer NOT NULL,
        borrower_id text NOT NULL,
        due_at      timestamptz NOT NULL,
        CONSTRAINT plan_reminder_pk PRIMARY KEY (plan_id, seq, days_before)
    )""",
    "CREATE INDEX plan_reminder_due ON plan_reminder (due_at)",
    """
    CREATE TABLE waiver (
        waiver_id      text NOT NULL,
        loan_id        text NOT NULL,
        borrower_id    text NOT NULL,
        case_id        text NOT NULL,
        partition      integer NOT NULL,
        kind           text NOT NULL,
        state          text NOT NULL,
        turn           integer NOT NULL,
        stage          text NOT NULL,
        currency       text NOT NULL,
        waived         text NOT NULL,
        owed           text NOT NULL,
        band           text NOT NULL,
        policy_digest  text NOT NULL,
        request_digest text NOT NULL,
        reason         text NOT NULL,
        proposed_by    text NOT NULL,
        proposed_at    timestamptz NOT NULL,
        approve_by_on  date NOT NULL,
        expires_at     timestamptz NOT NULL,
        counts_from    date NOT NULL,
        judged_on      date NOT NULL,
        pay_minor      bigint,
        pay_by_on      date,
        approved_by    text,
        approved_at    timestamptz,
        refused_by     text,
        effective_on   date,
        was_effective  boolean NOT NULL,
        lapse_reason   text,
        ended_at       timestamptz,
        judge_on       date,
        CONSTRAINT waiver_pk PRIMARY KEY (waiver_id),
        CONSTRAINT waiver_state CHECK (state IN ('proposed', 'approved', 'effective', 'lapsed')),
        CONSTRAINT waiver_condition CHECK ((pay_minor IS NULL) = (pay_by_on IS NULL))
    )""",
    "CREATE INDEX waiver_loan ON waiver (loan_id)",
    "CREATE INDEX waiver_case ON waiver (case_id)",
    "CREATE INDEX waiver_judge ON waiver (partition, judge_on) WHERE judge_on IS NOT NULL",
    "CREATE INDEX waiver_expiry ON waiver (expires_at) WHERE state = 'proposed'",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
