"""The tables every service's database has for flow: outbox, relay, progress, inbox, dead letters."""

from __future__ import annotations

from alembic import op

_STATEMENTS_V1 = (
    """
    CREATE TABLE outbox (
        id             bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT outbox_pk PRIMARY KEY,
        event_id       text        NOT NULL,
        topic          text        NOT NULL,
        partition      int         NOT NULL,
        position       bigint,
        type           text        NOT NULL,
        key            text,
        subject        text,
        loan_seq       bigint,
        occurred_at    timestamptz NOT NULL,
        data           bytea       NOT NULL,
        correlation_id text,
        causation_id   text,
        traceparent    text,
        created_at     timestamptz NOT NULL DEFAULT clock_timestamp()
    )""",
    "CREATE INDEX outbox_fresh ON outbox (id) WHERE position IS NULL",
    "CREATE UNIQUE INDEX outbox_position ON outbox (topic, partition, position) WHERE position IS NOT NULL",
    "CREATE INDEX outbox_subject ON outbox (subject, id)",
    """
    CREATE TABLE outbox_mark (
        topic              text   NOT NULL,
        partition          int    NOT NULL,
        last_position      bigint NOT NULL,
        published_position bigint NOT NULL,
        CONSTRAINT outbox_mark_pk PRIMARY KEY (topic, partition),
        CONSTRAINT outbox_mark_order CHECK (published_position <= last_position)
    )""",
    """
    CREATE TABLE relay (
        id          int         CONSTRAINT relay_pk PRIMARY KEY CONSTRAINT relay_one CHECK (id = 1),
        owner_epoch bigint      NOT NULL,
        owner       text,
        log_epoch   text        NOT NULL,
        ticked_at   timestamptz,
        seen_at     timestamptz
    )""",
    "INSERT INTO relay (id, owner_epoch, log_epoch) VALUES (1, 0, gen_random_uuid()::text)",
    """
    CREATE TABLE subject_sequence (
        subject  text   CONSTRAINT subject_sequence_pk PRIMARY KEY,
        last_seq bigint NOT NULL
    )""",
    """
    CREATE TABLE consumer_progress (
        topic          text        NOT NULL,
        partition      int         NOT NULL,
        next_offset    bigint      NOT NULL,
        log_epoch      text,
        last_position  bigint      NOT NULL,
        owner_epoch    bigint      NOT NULL,
        owner          text,
        caught_up_at   timestamptz,
        end_offset     bigint,
        gap_since      timestamptz,
        stopped        text,
        dead_in_a_row  int         NOT NULL DEFAULT 0,
        CONSTRAINT consumer_progress_pk PRIMARY KEY (topic, partition)
    )""",
    """
    CREATE TABLE inbox (
        source      text        NOT NULL,
        event_id    text        NOT NULL,
        body_sha256 bytea       NOT NULL,
        received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT inbox_pk PRIMARY KEY (source, event_id)
    )""",
    """
    CREATE TABLE dead_letter (
        id          text        CONSTRAINT dead_letter_pk PRIMARY KEY,
        topic       text        NOT NULL,
        partition   int         NOT NULL,
        "offset"    bigint      NOT NULL,
        key         text,
        subject     text,
        type        text,
        code        text        NOT NULL,
        message     text        NOT NULL,
        body        bytea,
        headers     bytea,
        opened_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
        resolved_at timestamptz,
        resolution  text
    )""",
    "CREATE INDEX dead_letter_open ON dead_letter (opened_at) WHERE resolved_at IS NULL",
)


def create_flow_tables_v1() -> None:
    """Called by the first migration of every service."""
    for statement in _STATEMENTS_V1:
        op.execute(statement)
