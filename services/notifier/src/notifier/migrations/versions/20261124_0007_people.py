"""One person under several ids or one phone; what was said about addresses, with its history; texts people send."""

from typing import Final

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_STATEMENTS: Final[tuple[str, ...]] = (
    "SET LOCAL lock_timeout = '5s'",
    """
    ALTER TABLE party
        ADD COLUMN person_id   text,
        ADD COLUMN person_size integer NOT NULL DEFAULT 1,
        ADD COLUMN identity_id text,
        ADD COLUMN hours       jsonb   NOT NULL DEFAULT '[]'""",
    "UPDATE party SET person_id = borrower_id, identity_id = borrower_id",
    # The least id that a shared phone leads to, however many steps away.
    """
    DO $$
    DECLARE moved integer;
    BEGIN
        LOOP
            UPDATE party p SET person_id = u.least
            FROM (SELECT c.borrower_id, min(other.person_id) AS least
                  FROM contact_point c
                  JOIN contact_point d ON d.address_index = c.address_index AND d.active AND d.usable
                                      AND d.channel IN ('sms', 'call')
                  JOIN party other ON other.borrower_id = d.borrower_id
                  WHERE c.active AND c.usable AND c.channel IN ('sms', 'call')
                  GROUP BY c.borrower_id) AS u
            WHERE p.borrower_id = u.borrower_id AND u.least < p.person_id;
            GET DIAGNOSTICS moved = ROW_COUNT;
            EXIT WHEN moved = 0;
        END LOOP;
    END $$""",
    """
    UPDATE party p SET person_size = u.size
    FROM (SELECT person_id, count(*) AS size FROM party GROUP BY person_id) AS u
    WHERE p.person_id = u.person_id AND u.size > 1""",
    "ALTER TABLE party ALTER COLUMN person_id SET NOT NULL, ALTER COLUMN identity_id SET NOT NULL",
    "CREATE INDEX party_person ON party (person_id)",
    "CREATE INDEX party_identity ON party (identity_id)",
    """
    CREATE TABLE person_merge (
        borrower_id text        NOT NULL,
        into_id     text        NOT NULL,
        at          timestamptz NOT NULL,
        source      text        NOT NULL,
        event_id    text        NOT NULL,
        CONSTRAINT person_merge_pk PRIMARY KEY (borrower_id, into_id)
    )""",
    "CREATE INDEX person_merge_into ON person_merge (into_id)",
    """
    CREATE TABLE consent_word (
        word_id         text        CONSTRAINT consent_word_pk PRIMARY KEY,
        seq             bigint      GENERATED ALWAYS AS IDENTITY,
        borrower_id     text,
        kind            text        NOT NULL,
        state           text        NOT NULL,
        channel         text,
        contact_ref     text,
        address_index   bytea,
        at              timestamptz NOT NULL,
        source          text        NOT NULL,
        said_by         text,
        keyword         text,
        reason_cipher   bytea,
        idempotency_key text        CONSTRAINT consent_word_key UNIQUE,
        request_sha256  text,
        CONSTRAINT consent_word_kind CHECK (kind IN ('stated', 'opt_out', 're_consent')),
        CONSTRAINT consent_word_state CHECK (state IN ('given', 'withdrawn', 'unknown')),
        CONSTRAINT consent_word_about CHECK (borrower_id IS NOT NULL OR address_index IS NOT NULL)
    )""",
    "CREATE INDEX consent_word_person ON consent_word (borrower_id, seq)",
    "CREATE INDEX consent_word_address ON consent_word (address_index) WHERE kind <> 'stated'",
    """
    CREATE TABLE inbound (
        contact_id    text        CONSTRAINT inbound_pk PRIMARY KEY,
        gateway       text        NOT NULL,
        gateway_id    text        NOT NULL,
        borrower_id   text,
        channel       text        NOT NULL,
        contact_ref   text,
        address_index bytea       NOT NULL,
        at            timestamptz NOT NULL,
        received_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
        meaning       text        NOT NULL,
        keyword       text,
        body_cipher   bytea,
        body_sha256   text        NOT NULL,
        CONSTRAINT inbound_meaning CHECK (meaning IN ('opt_out', 'danger', 'other'))
    )""",
    "CREATE INDEX inbound_person ON inbound (borrower_id, at)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
