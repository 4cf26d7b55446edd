"""Several gateways behind one port: which one has a message, and what each one said."""

from typing import Final

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_STATEMENTS: Final[tuple[str, ...]] = (
    """
    CREATE TABLE gateway_health (
        gateway       text        NOT NULL,
        state         text        NOT NULL,
        code          text,
        failing_since timestamptz,
        seen_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
        accepted      bigint      NOT NULL DEFAULT 0,
        rejected      bigint      NOT NULL DEFAULT 0,
        unknown       bigint      NOT NULL DEFAULT 0,
        not_sent      bigint      NOT NULL DEFAULT 0,
        CONSTRAINT gateway_health_pk PRIMARY KEY (gateway)
    )""",
    # What a vendor's report says of a message, until the vendor confirms it or the message is known.
    """
    CREATE TABLE receipt_claim (
        id        bigint      GENERATED ALWAYS AS IDENTITY,
        gateway   text        NOT NULL,
        reference text        NOT NULL,
        status    text        NOT NULL,
        code      text,
        at        timestamptz NOT NULL,
        signed    boolean     NOT NULL,
        check_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
        tries     integer     NOT NULL DEFAULT 0,
        CONSTRAINT receipt_claim_pk PRIMARY KEY (id),
        CONSTRAINT receipt_claim_once UNIQUE (gateway, reference, status)
    )""",
    "CREATE INDEX receipt_claim_due ON receipt_claim (check_at)",
    """
    CREATE TABLE queued_message (
        client_ref   text        NOT NULL,
        not_after    timestamptz NOT NULL,
        withdrawn_at timestamptz,
        CONSTRAINT queued_message_pk PRIMARY KEY (client_ref)
    )""",
    "CREATE INDEX queued_message_open ON queued_message (not_after) WHERE withdrawn_at IS NULL",
    # By what vendors call a message: their id, or the key of our request with the number.
    "CREATE INDEX attempt_at_gateway ON attempt (gateway, gateway_id) WHERE gateway_id IS NOT NULL",
    "CREATE INDEX attempt_of_request ON attempt (idempotency_key)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
