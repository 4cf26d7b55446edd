"""Repayment plans with their reminders, waivers and settlement offers."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from stager.tables.metadata import METADATA, instant

#: `terms`: canonical JSON of what was agreed, schedule included. `judge_on`: the date whose close looks at it next.
PLAN: Final = Table(
    "plan",
    METADATA,
    Column("plan_id", Text, nullable=False),
    Column("loan_id", Text, nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("stage", Text, nullable=False),
    Column("terms", Text, nullable=False),
    Column("grace_days", Integer, nullable=False),
    Column("tolerance_minor", BigInteger, nullable=False),
    Column("needs_approval", Boolean, nullable=False),
    Column("approvers", ARRAY(Text), nullable=False),
    Column("policy_digest", Text, nullable=False),
    Column("request_digest", Text, nullable=False),
    Column("proposed_by", Text, nullable=False),
    instant("proposed_at"),
    Column("sign_until_on", Date, nullable=False),
    Column("judged_on", Date),
    Column("approved_by", Text),
    instant("approved_at", nullable=True),
    instant("signed_at", nullable=True),
    Column("signed_on", Date),
    Column("signature", Text),
    Column("recording", Text),
    Column("signed_with", Text),
    instant("activated_at", nullable=True),
    Column("breached_seq", Integer),
    Column("short_minor", BigInteger),
    instant("ended_at", nullable=True),
    Column("end_reason", Text),
    Column("judge_on", Date),
    PrimaryKeyConstraint("plan_id", name="plan_pk"),
    CheckConstraint(
        "state = ANY (ARRAY['draft'::text, 'signed'::text, 'active'::text, 'completed'::text,"
        " 'breached'::text, 'cancelled'::text])",
        name="plan_state",
    ),
)
Index("plan_loan", PLAN.c.loan_id)
Index("plan_case", PLAN.c.case_id)
#: A loan has one plan at a time.
Index("plan_active", PLAN.c.loan_id, unique=True, postgresql_where=text("state = 'active'::text"))
Index("plan_judge", PLAN.c.partition, PLAN.c.judge_on, postgresql_where=PLAN.c.judge_on.isnot(None))

#: Reminders of instalments to come, by days before each is due.
PLAN_REMINDER: Final = Table(
    "plan_reminder",
    METADATA,
    Column("plan_id", Text, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("days_before", Integer, nullable=False),
    Column("borrower_id", Text, nullable=False),
    instant("due_at"),
    PrimaryKeyConstraint("plan_id", "seq", "days_before", name="plan_reminder_pk"),
)
Index("plan_reminder_due", PLAN_REMINDER.c.due_at)

#: `waived` and `owed`: canonical JSON by component. `pay_minor` by `pay_by_on` is the condition of an offer.
WAIVER: Final = Table(
    "waiver",
    METADATA,
    Column("waiver_id", Text, nullable=False),
    Column("loan_id", Text, nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("stage", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("waived", Text, nullable=False),
    Column("owed", Text, nullable=False),
    Column("band", Text, nullable=False),
    Column("policy_digest", Text, nullable=False),
    Column("request_digest", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("proposed_by", Text, nullable=False),
    instant("proposed_at"),
    Column("approve_by_on", Date, nullable=False),
    instant("expires_at"),
    Column("counts_from", Date, nullable=False),
    Column("judged_on", Date, nullable=False),
    Column("pay_minor", BigInteger),
    Column("pay_by_on", Date),
    Column("approved_by", Text),
    instant("approved_at", nullable=True),
    Column("refused_by", Text),
    Column("effective_on", Date),
    Column("was_effective", Boolean, nullable=False),
    Column("lapse_reason", Text),
    instant("ended_at", nullable=True),
    Column("judge_on", Date),
    PrimaryKeyConstraint("waiver_id", name="waiver_pk"),
    CheckConstraint(
        "state = ANY (ARRAY['proposed'::text, 'approved'::text, 'effective'::text, 'lapsed'::text])",
        name="waiver_state",
    ),
    CheckConstraint("(pay_minor IS NULL) = (pay_by_on IS NULL)", name="waiver_condition"),
)
Index("waiver_loan", WAIVER.c.loan_id)
Index("waiver_case", WAIVER.c.case_id)
Index("waiver_judge", WAIVER.c.partition, WAIVER.c.judge_on, postgresql_where=WAIVER.c.judge_on.isnot(None))
Index("waiver_expiry", WAIVER.c.expires_at, postgresql_where=text("state = 'proposed'::text"))
