"""Loans, their schedules and money, events that wait for a loan, and the business date."""

from alembic import op

from spine.flow_tables import create_flow_tables_v1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE loan (
        loan_id                     text        CONSTRAINT loan_pk PRIMARY KEY,
        borrower_id                 text        NOT NULL,
        product                     text        NOT NULL,
        currency                    text        NOT NULL,
        principal_minor             bigint      NOT NULL,
        annual_rate                 numeric     NOT NULL,
        opened_on                   date        NOT NULL,
        terms                       jsonb       NOT NULL,
        recorded_at                 timestamptz NOT NULL,
        as_of                       date        NOT NULL,
        status                      text        NOT NULL,
        dpd_zero_on                 date,
        oldest_unpaid_due_on        date,
        overdue_principal_minor     bigint      NOT NULL,
        overdue_interest_minor      bigint      NOT NULL,
        overdue_fee_minor           bigint      NOT NULL,
        overdue_penalty_minor       bigint      NOT NULL,
        overdue_compound_minor      bigint      NOT NULL,
        outstanding_principal_minor bigint      NOT NULL,
        next_transition_on          date,
        version                     bigint      NOT NULL,
        CONSTRAINT loan_status CHECK (status IN ('current', 'overdue', 'settled', 'written_off', 'sold'))
    ) WITH (fillfactor = 80)""",
    "CREATE INDEX loan_next_transition ON loan (next_transition_on) WHERE next_transition_on IS NOT NULL",
    "CREATE INDEX loan_by_status ON loan (status, loan_id)",
    "CREATE INDEX loan_by_borrower ON loan (borrower_id, loan_id)",
    """
    CREATE TABLE instalment (
        loan_id         text   NOT NULL,
        seq             int    NOT NULL,
        due_on          date   NOT NULL,
        principal_minor bigint NOT NULL,
        interest_minor  bigint NOT NULL,
        fee_minor       bigint NOT NULL,
        CONSTRAINT instalment_pk PRIMARY KEY (loan_id, seq)
    )""",
    """
    CREATE TABLE repayment (
        loan_id              text        NOT NULL,
        repayment_id         text        NOT NULL,
        amount_minor         bigint      NOT NULL,
        value_date           date        NOT NULL,
        posted_at            timestamptz NOT NULL,
        channel              text,
        recorded_at          timestamptz NOT NULL,
        reversed_on          date,
        reversal_reason      text,
        reversal_recorded_at timestamptz,
        CONSTRAINT repayment_pk PRIMARY KEY (loan_id, repayment_id)
    )""",
    """
    CREATE TABLE parked (
        id        bigint      GENERATED ALWAYS AS IDENTITY CONSTRAINT parked_pk PRIMARY KEY,
        source    text        NOT NULL,
        event_id  text        NOT NULL,
        loan_id   text        NOT NULL,
        waits_for text        NOT NULL,
        topic     text        NOT NULL,
        partition int         NOT NULL,
        "offset"  bigint      NOT NULL,
        headers   bytea       NOT NULL,
        body      bytea       NOT NULL,
        parked_at timestamptz NOT NULL,
        CONSTRAINT parked_event UNIQUE (source, event_id)
    )""",
    "CREATE INDEX parked_by_loan ON parked (loan_id, id)",
    """
    CREATE TABLE business_date (
        id        int         CONSTRAINT business_date_pk PRIMARY KEY
                              CONSTRAINT business_date_one CHECK (id = 1),
        open_on   date        NOT NULL,
        opened_at timestamptz NOT NULL
    )""",
    """
    CREATE TABLE close_run (
        business_date date        CONSTRAINT close_run_pk PRIMARY KEY,
        started_at    timestamptz NOT NULL,
        finished_at   timestamptz,
        loans_visited bigint      NOT NULL,
        loans_changed bigint      NOT NULL
    )""",
)


def upgrade() -> None:
    create_flow_tables_v1()
    for statement in _STATEMENTS:
        op.execute(statement)
