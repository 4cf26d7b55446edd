"""The tables of the embedded log: partitions, their records, and who of a consumer group reads what."""

from __future__ import annotations

from alembic import op

_STATEMENTS_V1 = (
    # `log` is drawn anew when a partition is created, so a reader notices that it is another one.
    """
    CREATE TABLE log_partition (
        topic        text   NOT NULL,
        partition    int    NOT NULL,
        first_offset bigint NOT NULL DEFAULT 0,
        next_offset  bigint NOT NULL DEFAULT 0,
        log          uuid   NOT NULL DEFAULT gen_random_uuid(),
        CONSTRAINT log_partition_pk PRIMARY KEY (topic, partition),
        CONSTRAINT log_partition_order CHECK (0 <= first_offset AND first_offset <= next_offset)
    ) WITH (fillfactor = 50)""",
    """
    CREATE TABLE log_record (
        topic       text        NOT NULL,
        partition   int         NOT NULL,
        "offset"    bigint      NOT NULL,
        key         bytea,
        value       bytea,
        headers     bytea       NOT NULL,
        appended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT log_record_pk PRIMARY KEY (topic, partition, "offset")
    )""",
    # A member's leases live as long as its own row does: one small update renews them all.
    """
    CREATE TABLE log_member (
        consumer_group text        NOT NULL,
        member         text        NOT NULL,
        incarnation    uuid        NOT NULL,
        topics         text[]      NOT NULL,
        expires_at     timestamptz NOT NULL,
        CONSTRAINT log_member_pk PRIMARY KEY (consumer_group, member)
    ) WITH (fillfactor = 50)""",
    # Rows stay when a lease is handed back: the generation only ever grows.
    """
    CREATE TABLE log_lease (
        consumer_group text   NOT NULL,
        topic          text   NOT NULL,
        partition      int    NOT NULL,
        owner          text,
        incarnation    uuid,
        generation     bigint NOT NULL,
        CONSTRAINT log_lease_pk PRIMARY KEY (consumer_group, topic, partition)
    )""",
    # Business time of the one-machine mode stands here, where all services reach it.
    """
    CREATE TABLE business_clock (
        id      int         CONSTRAINT business_clock_pk PRIMARY KEY CONSTRAINT business_clock_one CHECK (id = 1),
        instant timestamptz NOT NULL
    )""",
)


def create_log_tables_v1() -> None:
    """Called by the log's first migration."""
    for statement in _STATEMENTS_V1:
        op.execute(statement)
