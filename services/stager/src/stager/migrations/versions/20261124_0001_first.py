"""Cases, episodes of arrears, stage entries, step timers, contact requests, holds, and policies used."""

from __future__ import annotations

from alembic import op

from spine.flow_tables import create_flow_tables_v1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE party (
        borrower_id text NOT NULL,
        zone        text,
        region      text,
        locale      text,
        segment     jsonb DEFAULT '{}' NOT NULL,
        flags       text[] DEFAULT '{}' NOT NULL,
        CONSTRAINT party_pk PRIMARY KEY (borrower_id)
    )""",
    """
    CREATE TABLE collection_case (
        case_id     text NOT NULL,
        borrower_id text NOT NULL,
        case_no     int NOT NULL,
        opened_at   timestamptz NOT NULL,
        closed_at   timestamptz,
        CONSTRAINT collection_case_pk PRIMARY KEY (case_id),
        CONSTRAINT collection_case_number UNIQUE (borrower_id, case_no)
    )""",
    "CREATE UNIQUE INDEX collection_case_open ON collection_case (borrower_id) WHERE closed_at IS NULL",
    """
    CREATE TABLE episode (
        loan_id                     text NOT NULL,
        episode                     int NOT NULL,
        borrower_id                 text NOT NULL,
        partition                   int NOT NULL,
        case_id                     text NOT NULL,
        product                     text NOT NULL,
        currency                    text NOT NULL,
        opened_on                   date NOT NULL,
        as_of                       date NOT NULL,
        dpd                         int NOT NULL,
        dpd_zero_on                 date,
        resumes_on                  date,
        oldest_unpaid_due_on        date,
        principal_minor             bigint NOT NULL,
        interest_minor              bigint NOT NULL,
        fee_minor                   bigint NOT NULL,
        penalty_minor               bigint NOT NULL,
        compound_minor              bigint NOT NULL,
        total_minor                 bigint NOT NULL,
        outstanding_principal_minor bigint NOT NULL,
        ledger_seq                  bigint NOT NULL,
        stage                       text,
        entry_no                    int NOT NULL,
        entered_on                  date,
        steps_from_on               date,
        stages_seen                 text[] NOT NULL,
        judge_on                    date,
        judged_on                   date,
        bounced                     boolean NOT NULL,
        closed_on                   date,
        close_reason                text,
        stop_seq                    bigint DEFAULT 0 NOT NULL,
        CONSTRAINT episode_pk PRIMARY KEY (loan_id, episode),
        CONSTRAINT episode_closed CHECK ((closed_on IS NULL) OR (close_reason IS NOT NULL)),
        CONSTRAINT episode_case FOREIGN KEY (case_id) REFERENCES collection_case (case_id)
    )""",
    "CREATE INDEX episode_borrower ON episode (borrower_id)",
    "CREATE INDEX episode_judge ON episode (partition, judge_on) WHERE closed_on IS NULL",
    "CREATE INDEX episode_stage ON episode (stage, case_id) WHERE closed_on IS NULL",
    """
    CREATE TABLE stage_entry (
        loan_id       text NOT NULL,
        episode       int NOT NULL,
        entry_no      int NOT NULL,
        borrower_id   text NOT NULL,
        case_id       text NOT NULL,
        from_stage    text,
        to_stage      text NOT NULL,
        first_time    boolean NOT NULL,
        dpd           int NOT NULL,
        as_of         date NOT NULL,
        rule          text NOT NULL,
        policy_digest text NOT NULL,
        holds_digest  text NOT NULL,
        engine        text NOT NULL,
        facts         text NOT NULL,
        facts_digest  text NOT NULL,
        entered_at    timestamptz NOT NULL,
        CONSTRAINT stage_entry_pk PRIMARY KEY (loan_id, episode, entry_no)
    )""",
    """
    CREATE TABLE step_timer (
        loan_id     text NOT NULL,
        episode     int NOT NULL,
        entry_no    int NOT NULL,
        step        text NOT NULL,
        borrower_id text NOT NULL,
        occurrence  int NOT NULL,
        due_at      timestamptz NOT NULL,
        CONSTRAINT step_timer_pk PRIMARY KEY (loan_id, episode, entry_no, step)
    )""",
    "CREATE INDEX step_timer_due ON step_timer (due_at)",
    """
    CREATE TABLE contact_request (
        request_id      text NOT NULL,
        loan_id         text NOT NULL,
        episode         int NOT NULL,
        entry_no        int NOT NULL,
        step            text NOT NULL,
        occurrence      int NOT NULL,
        borrower_id     text NOT NULL,
        case_id         text NOT NULL,
        stage           text NOT NULL,
        channel         text NOT NULL,
        template        text NOT NULL,
        purpose         text NOT NULL,
        due_at          timestamptz NOT NULL,
        decided_at      timestamptz NOT NULL,
        expires_at      timestamptz NOT NULL,
        status          text NOT NULL,
        reason          text,
        strategy_digest text NOT NULL,
        outcome         text,
        outcome_at      timestamptz,
        CONSTRAINT contact_request_pk PRIMARY KEY (loan_id, episode, entry_no, step, occurrence),
        CONSTRAINT contact_request_id UNIQUE (request_id),
        CONSTRAINT contact_request_status CHECK (status IN ('open', 'done', 'withdrawn', 'skipped'))
    )""",
    "CREATE INDEX contact_request_open ON contact_request (loan_id) WHERE status = 'open'",
    """
    CREATE TABLE hold (
        hold_id          text NOT NULL,
        loan_id          text NOT NULL,
        borrower_id      text NOT NULL,
        kind             text NOT NULL,
        placed_at        timestamptz NOT NULL,
        until            timestamptz,
        freezes_interest boolean NOT NULL,
        origin           text,
        reason           text,
        lifted_at        timestamptz,
        ended_by         text,
        lift_reason      text,
        CONSTRAINT hold_pk PRIMARY KEY (hold_id),
        CONSTRAINT hold_lifted CHECK ((lifted_at IS NULL) = (ended_by IS NULL))
    )""",
    "CREATE INDEX hold_borrower ON hold (borrower_id)",
    "CREATE INDEX hold_until ON hold (until) WHERE lifted_at IS NULL",
    """
    CREATE TABLE policy (
        digest         text NOT NULL,
        kind           text NOT NULL,
        name           text NOT NULL,
        version        int NOT NULL,
        effective_from date NOT NULL,
        body           text NOT NULL,
        first_used_at  timestamptz NOT NULL,
        CONSTRAINT policy_pk PRIMARY KEY (digest)
    )""",
)


def upgrade() -> None:
    create_flow_tables_v1()
    for statement in _STATEMENTS:
        op.execute(statement)
