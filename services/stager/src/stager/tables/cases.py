"""Borrowers, cases, episodes of arrears, stage entries, timers, requests and holds."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from stager.tables.metadata import METADATA, instant

#: One row per borrower ever heard of: the lock of everything the stager does for that person.
PARTY: Final = Table(
    "party",
    METADATA,
    Column("borrower_id", Text, nullable=False),
    Column("zone", Text),
    Column("region", Text),
    Column("locale", Text),
    Column("segment", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("flags", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
    Column("channels", ARRAY(Text)),
    PrimaryKeyConstraint("borrower_id", name="party_pk"),
)

CASE: Final = Table(
    "collection_case",
    METADATA,
    Column("case_id", Text, nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("case_no", Integer, nullable=False),
    instant("opened_at"),
    instant("closed_at", nullable=True),
    PrimaryKeyConstraint("case_id", name="collection_case_pk"),
    UniqueConstraint("borrower_id", "case_no", name="collection_case_number"),
)
Index(
    "collection_case_open",
    CASE.c.borrower_id,
    unique=True,
    postgresql_where=CASE.c.closed_at.is_(None),
)

EPISODE: Final = Table(
    "episode",
    METADATA,
    Column("loan_id", Text, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("opened_on", Date, nullable=False),
    Column("as_of", Date, nullable=False),
    Column("dpd", Integer, nullable=False),
    Column("dpd_zero_on", Date),
    Column("resumes_on", Date),
    Column("oldest_unpaid_due_on", Date),
    Column("principal_minor", BigInteger, nullable=False),
    Column("interest_minor", BigInteger, nullable=False),
    Column("fee_minor", BigInteger, nullable=False),
    Column("penalty_minor", BigInteger, nullable=False),
    Column("compound_minor", BigInteger, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("outstanding_principal_minor", BigInteger, nullable=False),
    Column("ledger_seq", BigInteger, nullable=False),
    Column("stage", Text),
    Column("entry_no", Integer, nullable=False),
    Column("entered_on", Date),
    Column("steps_from_on", Date),
    Column("stages_seen", ARRAY(Text), nullable=False),
    Column("judge_on", Date),
    Column("judged_on", Date),
    Column("bounced", Boolean, nullable=False),
    Column("closed_on", Date),
    Column("close_reason", Text),
    Column("stop_seq", BigInteger, nullable=False, server_default=text("0")),
    Column("status", Text, nullable=False, server_default=text("'overdue'::text")),
    Column("taken_over_on", Date),
    Column("awaits_start", Boolean, nullable=False, server_default=text("false")),
    Column("bounced_on", Date),
    PrimaryKeyConstraint("loan_id", "episode", name="episode_pk"),
    CheckConstraint("(closed_on IS NULL) OR (close_reason IS NOT NULL)", name="episode_closed"),
    ForeignKeyConstraint(["case_id"], ["collection_case.case_id"], name="episode_case"),
)
Index("episode_borrower", EPISODE.c.borrower_id)
Index(
    "episode_judge",
    EPISODE.c.partition,
    EPISODE.c.judge_on,
    postgresql_where=EPISODE.c.closed_on.is_(None),
)
Index("episode_stage", EPISODE.c.stage, EPISODE.c.case_id, postgresql_where=EPISODE.c.closed_on.is_(None))

Index("episode_awaits_start", EPISODE.c.borrower_id, postgresql_where=EPISODE.c.awaits_start)

#: On which day each borrower of a portfolio taken over begins to be contacted about it.
CUTOVER_START: Final = Table(
    "cutover_start",
    METADATA,
    Column("borrower_id", Text, nullable=False),
    Column("starts_on", Date, nullable=False),
    Column("policy_digest", Text, nullable=False),
    instant("assigned_at"),
    PrimaryKeyConstraint("borrower_id", name="cutover_start_pk"),
)
Index("cutover_start_day", CUTOVER_START.c.starts_on)

STAGE_ENTRY: Final = Table(
    "stage_entry",
    METADATA,
    Column("loan_id", Text, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("entry_no", Integer, nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("from_stage", Text),
    Column("to_stage", Text, nullable=False),
    Column("first_time", Boolean, nullable=False),
    Column("dpd", Integer, nullable=False),
    Column("as_of", Date, nullable=False),
    Column("rule", Text, nullable=False),
    Column("policy_digest", Text, nullable=False),
    Column("holds_digest", Text, nullable=False),
    Column("engine", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("facts_digest", Text, nullable=False),
    instant("entered_at"),
    PrimaryKeyConstraint("loan_id", "episode", "entry_no", name="stage_entry_pk"),
)

STEP_TIMER: Final = Table(
    "step_timer",
    METADATA,
    Column("loan_id", Text, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("entry_no", Integer, nullable=False),
    Column("step", Text, nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("occurrence", Integer, nullable=False),
    instant("due_at"),
    PrimaryKeyConstraint("loan_id", "episode", "entry_no", "step", name="step_timer_pk"),
)
Index("step_timer_due", STEP_TIMER.c.due_at)

#: Every occurrence of a step that was decided: asked for, and what became of it, or skipped and why.
CONTACT_REQUEST: Final = Table(
    "contact_request",
    METADATA,
    Column("request_id", Text, nullable=False),
    Column("loan_id", Text, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("entry_no", Integer, nullable=False),
    Column("step", Text, nullable=False),
    Column("occurrence", Integer, nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    instant("due_at"),
    instant("decided_at"),
    instant("expires_at"),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("strategy_digest", Text, nullable=False),
    Column("outcome", Text),
    instant("outcome_at", nullable=True),
    Column("covers", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
    Column("covered_by", Text),
    Column("task_id", Text),
    PrimaryKeyConstraint("loan_id", "episode", "entry_no", "step", "occurrence", name="contact_request_pk"),
    UniqueConstraint("request_id", name="contact_request_id"),
    CheckConstraint(
        "status = ANY (ARRAY['open'::text, 'done'::text, 'withdrawn'::text, 'skipped'::text, 'tasked'::text])",
        name="contact_request_status",
    ),
)
Index("contact_request_open", CONTACT_REQUEST.c.loan_id, postgresql_where=text("status = 'open'::text"))
Index(
    "contact_request_task",
    CONTACT_REQUEST.c.task_id,
    unique=True,
    postgresql_where=CONTACT_REQUEST.c.task_id.isnot(None),
)
Index("contact_request_tasked", CONTACT_REQUEST.c.loan_id, postgresql_where=text("status = 'tasked'::text"))
#: Contacts that are about further loans, by those.
Index(
    "contact_request_covers",
    CONTACT_REQUEST.c.covers,
    postgresql_using="gin",
    postgresql_where=text(
        "(status = ANY (ARRAY['open'::text, 'tasked'::text])) AND (covers <> '{}'::text[])"
    ),
)

HOLD: Final = Table(
    "hold",
    METADATA,
    Column("hold_id", Text, nullable=False),
    Column("loan_id", Text, nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    instant("placed_at"),
    instant("until", nullable=True),
    Column("freezes_interest", Boolean, nullable=False),
    Column("origin", Text),
    Column("reason", Text),
    instant("lifted_at", nullable=True),
    Column("ended_by", Text),
    Column("lift_reason", Text),
    Column("ledger_seq", BigInteger),
    Column("placed_by", Text),
    Column("lifted_by", Text),
    Column("findings", Text),
    Column("ground", Text),
    Column("extensions", Integer, nullable=False, server_default=text("0")),
    instant("extended_at", nullable=True),
    Column("extended_by", Text),
    Column("extension_proof", Text),
    Column("person_hold_id", Text),
    PrimaryKeyConstraint("hold_id", name="hold_pk"),
    CheckConstraint("(lifted_at IS NULL) = (ended_by IS NULL)", name="hold_lifted"),
)
Index("hold_borrower", HOLD.c.borrower_id)
Index("hold_person", HOLD.c.person_hold_id, postgresql_where=HOLD.c.person_hold_id.isnot(None))
Index("hold_until", HOLD.c.until, postgresql_where=HOLD.c.lifted_at.is_(None))

#: The last debit of each loan that failed, in arrears or not.
FAILED_DEBIT: Final = Table(
    "failed_debit",
    METADATA,
    Column("loan_id", Text, nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("transit_id", Text, nullable=False),
    Column("reason", Text, nullable=False),
    instant("failed_at"),
    Column("ledger_seq", BigInteger, nullable=False),
    PrimaryKeyConstraint("loan_id", name="failed_debit_pk"),
)

#: The text of every policy version that ever decided something, so that the decision can be recomputed.
POLICY: Final = Table(
    "policy",
    METADATA,
    Column("digest", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("effective_from", Date, nullable=False),
    Column("body", Text, nullable=False),
    instant("first_used_at"),
    PrimaryKeyConstraint("digest", name="policy_pk"),
)
