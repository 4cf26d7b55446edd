"""First tables: persons and their addresses, gates, messages, attempts, decisions, receipts, kill switch."""

from __future__ import annotations

from alembic import op

from spine.flow_tables import create_flow_tables_v1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_PARTIES = (
    # A row without `known` is a person who is to be contacted before their data came: only the lock exists.
    """
    CREATE TABLE party (
        borrower_id         text        CONSTRAINT party_pk PRIMARY KEY,
        known               boolean     NOT NULL,
        locale              text        NOT NULL,
        timezone            text,
        candidate_timezones jsonb       NOT NULL,
        region              text,
        segment             jsonb       NOT NULL,
        vulnerable          jsonb       NOT NULL,
        subject_key         bytea,
        name_cipher         bytea,
        id_number_cipher    bytea,
        updated_at          timestamptz NOT NULL,
        CONSTRAINT party_encrypted CHECK (NOT known OR (subject_key IS NOT NULL AND name_cipher IS NOT NULL))
    )""",
    """
    CREATE TABLE contact_point (
        ref            text        CONSTRAINT contact_point_pk PRIMARY KEY,
        borrower_id    text        NOT NULL CONSTRAINT contact_point_party_fk REFERENCES party,
        point_id       text        NOT NULL,
        channel        text        NOT NULL,
        place          text,
        consent        text        NOT NULL,
        consent_at     timestamptz NOT NULL,
        address_cipher bytea       NOT NULL,
        address_index  bytea       NOT NULL,
        usable         boolean     NOT NULL,
        active         boolean     NOT NULL,
        verified_at    timestamptz,
        CONSTRAINT contact_point_once UNIQUE (borrower_id, point_id)
    )""",
    "CREATE INDEX contact_point_address ON contact_point (address_index)",
    """
    CREATE TABLE recorded_contact (
        contact_id  text        CONSTRAINT recorded_contact_pk PRIMARY KEY,
        borrower_id text        NOT NULL,
        loan_id     text,
        channel     text        NOT NULL,
        direction   text        NOT NULL,
        outcome     text        NOT NULL,
        at          timestamptz NOT NULL
    )""",
    "CREATE INDEX recorded_contact_person ON recorded_contact (borrower_id, at)",
)

_GATES = (
    """
    CREATE TABLE loan_gate (
        loan_id    text        NOT NULL,
        reason     text        NOT NULL,
        seq        bigint      NOT NULL,
        closed     boolean     NOT NULL,
        changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT loan_gate_pk PRIMARY KEY (loan_id, reason)
    )""",
    """
    CREATE TABLE wide_gate (
        scope      text        NOT NULL CONSTRAINT wide_gate_scope CHECK (scope IN ('borrower', 'partition')),
        ref        text        NOT NULL,
        reason     text        NOT NULL,
        closed     boolean     NOT NULL,
        changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT wide_gate_pk PRIMARY KEY (scope, ref, reason)
    )""",
    """
    CREATE TABLE freshness (
        topic     text        NOT NULL,
        partition int         NOT NULL,
        at        timestamptz NOT NULL,
        CONSTRAINT freshness_pk PRIMARY KEY (topic, partition)
    )""",
    """
    CREATE TABLE debt (
        loan_id               text   CONSTRAINT debt_pk PRIMARY KEY,
        borrower_id           text   NOT NULL,
        seq                   bigint NOT NULL,
        product               text   NOT NULL,
        currency              text   NOT NULL,
        as_of                 date   NOT NULL,
        dpd_zero_on           date,
        oldest_unpaid_due_on  date,
        overdue               jsonb  NOT NULL,
        outstanding_principal text   NOT NULL
    )""",
    # Absent rows mean stopped, so the rows are made here and only here.
    """
    CREATE TABLE kill_switch (
        scope       text    CONSTRAINT kill_switch_pk PRIMARY KEY,
        stopped     boolean NOT NULL,
        changed_by  text,
        approved_by text,
        changed_at  timestamptz NOT NULL DEFAULT clock_timestamp()
    )""",
    "INSERT INTO kill_switch (scope, stopped) SELECT s, false FROM unnest(ARRAY['all', 'sms', 'wechat',"
    " 'wecom', 'email', 'app_push', 'call', 'ai_call', 'voicemail', 'letter', 'visit']) AS s",
)

_MESSAGES = (
    """
    CREATE TABLE message (
        id             text        CONSTRAINT message_pk PRIMARY KEY,
        request_id     text        NOT NULL CONSTRAINT message_request UNIQUE,
        borrower_id    text        NOT NULL CONSTRAINT message_party_fk REFERENCES party,
        loan_id        text        NOT NULL,
        partition      int         NOT NULL,
        channel        text        NOT NULL,
        purpose        text        NOT NULL,
        stage          text        NOT NULL,
        step           text        NOT NULL,
        template       text        NOT NULL,
        requested_at   timestamptz NOT NULL,
        expires_at     timestamptz NOT NULL,
        received_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
        state          text        NOT NULL,
        due_at         timestamptz NOT NULL,
        attempt_no     int         NOT NULL DEFAULT 0,
        resume         boolean     NOT NULL DEFAULT false,
        policy         text        NOT NULL,
        changed_at     timestamptz NOT NULL,
        cause_id       text        NOT NULL,
        cause_source   text        NOT NULL,
        correlation_id text,
        traceparent    text,
        CONSTRAINT message_state CHECK (state IN ('planned', 'sending', 'unknown', 'accepted', 'delivered',
            'failed', 'rejected', 'suppressed', 'expired', 'human'))
    )""",
    "CREATE INDEX message_due ON message (due_at, id) WHERE state = 'planned'",
    "CREATE INDEX message_person ON message (borrower_id, id)",
    "CREATE INDEX message_by_state ON message (state, id)",
    """
    CREATE TABLE withdrawal (
        request_id text        CONSTRAINT withdrawal_pk PRIMARY KEY,
        reason     text        NOT NULL,
        at         timestamptz NOT NULL
    )""",
    """
    CREATE TABLE attempt (
        client_ref       text        CONSTRAINT attempt_pk PRIMARY KEY,
        message_id       text        NOT NULL CONSTRAINT attempt_message_fk REFERENCES message,
        attempt_no       int         NOT NULL,
        borrower_id      text        NOT NULL,
        loan_id          text        NOT NULL,
        channel          text        NOT NULL,
        purpose          text        NOT NULL,
        contact_ref      text        NOT NULL,
        address_index    bytea       NOT NULL,
        gateway          text        NOT NULL,
        idempotency_key  text        NOT NULL,
        not_after        timestamptz NOT NULL,
        gate_seq         bigint      NOT NULL,
        state            text        NOT NULL,
        at               timestamptz NOT NULL,
        first_sending_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        sending_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
        unknown_at       timestamptz,
        unknown_told     boolean     NOT NULL DEFAULT false,
        query_at         timestamptz,
        gateway_id       text,
        code             text,
        body_cipher      bytea       NOT NULL,
        body_sha256      text        NOT NULL,
        template_version int         NOT NULL,
        facts_digest     text        NOT NULL,
        policy           text        NOT NULL,
        CONSTRAINT attempt_once UNIQUE (message_id, attempt_no),
        CONSTRAINT attempt_state CHECK (state IN ('sending', 'unknown', 'accepted', 'delivered', 'failed',
            'rejected', 'not_sent', 'human'))
    )""",
    "CREATE INDEX attempt_person ON attempt (borrower_id, at)",
    "CREATE INDEX attempt_open ON attempt (sending_at) WHERE state IN ('sending', 'unknown', 'human')",
    """
    CREATE TABLE decision (
        id           bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT decision_pk PRIMARY KEY,
        message_id   text        NOT NULL,
        attempt_no   int         NOT NULL,
        at           timestamptz NOT NULL,
        judged_at    timestamptz NOT NULL,
        verdict      text        NOT NULL,
        until        timestamptz,
        rules        jsonb       NOT NULL,
        policy       jsonb       NOT NULL,
        facts_cipher bytea,
        facts_digest text,
        engine       text        NOT NULL
    )""",
    "CREATE INDEX decision_message ON decision (message_id, id)",
    """
    CREATE TABLE receipt (
        client_ref  text        NOT NULL,
        status      text        NOT NULL,
        gateway     text        NOT NULL,
        gateway_id  text,
        code        text,
        at          timestamptz NOT NULL,
        received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        known       boolean     NOT NULL,
        CONSTRAINT receipt_pk PRIMARY KEY (client_ref, status)
    )""",
)


def upgrade() -> None:
    create_flow_tables_v1()
    for statement in (*_PARTIES, *_GATES, *_MESSAGES):
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("the first revision is undone by dropping the database")
