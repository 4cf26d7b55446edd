"""The team, its shifts and absences, agencies, who looks after which case, tasks and their history."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from stager.tables.metadata import METADATA, instant

#: Who works here, by an opaque id: no names, no numbers.
TEAM_MEMBER: Final = Table(
    "team_member",
    METADATA,
    Column("member_id", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("agency_id", Text),
    Column("skills", ARRAY(Text), nullable=False),
    Column("regions", ARRAY(Text), nullable=False),
    Column("locales", ARRAY(Text), nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    instant("changed_at"),
    PrimaryKeyConstraint("member_id", name="team_member_pk"),
)
Index("team_member_active", TEAM_MEMBER.c.member_id, postgresql_where=TEAM_MEMBER.c.active)

MEMBER_SHIFT: Final = Table(
    "member_shift",
    METADATA,
    Column("member_id", Text, nullable=False),
    Column("day_type", Text, nullable=False),
    Column("from_minute", Integer, nullable=False),
    Column("to_minute", Integer, nullable=False),
    PrimaryKeyConstraint("member_id", "day_type", "from_minute", name="member_shift_pk"),
    CheckConstraint("(from_minute < to_minute)", name="member_shift_forward"),
    ForeignKeyConstraint(["member_id"], ["team_member.member_id"], name="member_shift_member"),
)

#: `moved_at`: when what the member had to do in it went to others.
MEMBER_ABSENCE: Final = Table(
    "member_absence",
    METADATA,
    Column("absence_id", Text, nullable=False),
    Column("member_id", Text, nullable=False),
    instant("from_at"),
    instant("to_at"),
    Column("reason", Text, nullable=False),
    Column("recorded_by", Text, nullable=False),
    instant("recorded_at"),
    instant("moved_at", nullable=True),
    PrimaryKeyConstraint("absence_id", name="member_absence_pk"),
    CheckConstraint("(from_at < to_at)", name="member_absence_forward"),
    ForeignKeyConstraint(["member_id"], ["team_member.member_id"], name="member_absence_member"),
)
Index("member_absence_member_times", MEMBER_ABSENCE.c.member_id, MEMBER_ABSENCE.c.to_at)
Index("member_absence_starts", MEMBER_ABSENCE.c.from_at, postgresql_where=MEMBER_ABSENCE.c.moved_at.is_(None))

AGENCY: Final = Table(
    "agency",
    METADATA,
    Column("agency_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("listed", Boolean, nullable=False),
    Column("reviewed_on", Date),
    Column("version", Integer, nullable=False),
    instant("changed_at"),
    PrimaryKeyConstraint("agency_id", name="agency_pk"),
)

#: A case placed with an agency or handed to the lawyers, with the facts it went with (`pack`, canonical JSON).
REFERRAL: Final = Table(
    "referral",
    METADATA,
    Column("referral_id", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("agency_id", Text),
    Column("pack", Text, nullable=False),
    Column("pack_digest", Text, nullable=False),
    Column("policy_digest", Text, nullable=False),
    instant("placed_at"),
    Column("placed_by", Text, nullable=False),
    instant("recalled_at", nullable=True),
    Column("recalled_by", Text),
    Column("recall_reason", Text),
    Column("data_end", Text),
    instant("data_ended_at", nullable=True),
    PrimaryKeyConstraint("referral_id", name="referral_pk"),
    CheckConstraint("((kind = 'agency'::text) = (agency_id IS NOT NULL))", name="referral_agency"),
)
Index(
    "referral_open",
    REFERRAL.c.case_id,
    REFERRAL.c.kind,
    unique=True,
    postgresql_where=REFERRAL.c.recalled_at.is_(None),
)
Index("referral_case", REFERRAL.c.case_id)

#: One person's case has one owner; while it is placed, an agency.
CASE_OWNER: Final = Table(
    "case_owner",
    METADATA,
    Column("case_id", Text, nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("member_id", Text),
    Column("agency_id", Text),
    instant("since"),
    PrimaryKeyConstraint("case_id", name="case_owner_pk"),
)
Index("case_owner_member", CASE_OWNER.c.member_id, CASE_OWNER.c.case_id)
Index("case_owner_agency", CASE_OWNER.c.agency_id, CASE_OWNER.c.case_id)

#: What people have to do. `rank` is the score below zero, so that every list is an index read forward.
TASK: Final = Table(
    "task",
    METADATA,
    Column("task_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("loan_id", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    instant("due_at"),
    instant("sla_at", nullable=True),
    Column("stage", Text),
    Column("step", Text),
    Column("people", Integer, nullable=False),
    Column("skill", Text),
    Column("region", Text),
    Column("locale", Text),
    Column("priority", Integer, nullable=False),
    Column("rank", BigInteger, nullable=False),
    Column("reason", Text),
    Column("origin", Text),
    Column("policy_digest", Text, nullable=False),
    instant("opened_at"),
    Column("status", Text, nullable=False),
    Column("assignee", Text),
    Column("agency_id", Text),
    Column("claimed_by", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
    instant("lease_until", nullable=True),
    instant("escalated_at", nullable=True),
    instant("retry_at", nullable=True),
    instant("notice_at", nullable=True),
    instant("closed_at", nullable=True),
    Column("closed_by", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
    Column("end_reason", Text),
    Column("completion", Text),
    PrimaryKeyConstraint("task_id", name="task_pk"),
    CheckConstraint(
        "status = ANY (ARRAY['open'::text, 'done'::text, 'cancelled'::text, 'expired'::text])",
        name="task_status",
    ),
    CheckConstraint("((status = 'open'::text) = (closed_at IS NULL))", name="task_closed"),
)
_OPEN: Final = text("status = 'open'::text")
Index("task_list", TASK.c.rank, TASK.c.task_id, postgresql_where=_OPEN)
Index("task_list_of_member", TASK.c.assignee, TASK.c.rank, TASK.c.task_id, postgresql_where=_OPEN)
Index("task_list_of_agency", TASK.c.agency_id, TASK.c.rank, TASK.c.task_id, postgresql_where=_OPEN)
Index("task_list_of_kind", TASK.c.kind, TASK.c.rank, TASK.c.task_id, postgresql_where=_OPEN)
Index(
    "task_list_escalated",
    TASK.c.rank,
    TASK.c.task_id,
    postgresql_where=text("((status = 'open'::text) AND (escalated_at IS NOT NULL))"),
)
Index(
    "task_unassigned",
    TASK.c.retry_at,
    TASK.c.rank,
    TASK.c.task_id,
    postgresql_where=text("((status = 'open'::text) AND (assignee IS NULL))"),
)
Index(
    "task_list_of_nobody",
    TASK.c.rank,
    TASK.c.task_id,
    postgresql_where=text("((status = 'open'::text) AND (assignee IS NULL))"),
)
Index("task_of_borrower", TASK.c.borrower_id, postgresql_where=_OPEN)
Index("task_of_case", TASK.c.case_id)
Index(
    "task_appointment",
    TASK.c.sla_at,
    postgresql_where=text("((status = 'open'::text) AND (kind = 'call_back'::text))"),
)
Index(
    "task_sla", TASK.c.sla_at, postgresql_where=text("((status = 'open'::text) AND (escalated_at IS NULL))")
)
Index("task_lease", TASK.c.lease_until, postgresql_where=_OPEN)

TASK_HISTORY: Final = Table(
    "task_history",
    METADATA,
    Column("entry", BigInteger, Identity(always=True), nullable=False),
    Column("task_id", Text, nullable=False),
    instant("at"),
    Column("what", Text, nullable=False),
    Column("by", Text),
    Column("to_member", Text),
    Column("note", Text),
    PrimaryKeyConstraint("entry", name="task_history_pk"),
    ForeignKeyConstraint(["task_id"], ["task.task_id"], name="task_history_task"),
)
Index("task_history_of_task", TASK_HISTORY.c.task_id, TASK_HISTORY.c.entry)

#: What a request with this key was about: the same again is answered the same, another is refused.
WORK_KEY: Final = Table(
    "work_key",
    METADATA,
    Column("key", Text, nullable=False),
    Column("digest", Text, nullable=False),
    instant("at"),
    PrimaryKeyConstraint("key", name="work_key_pk"),
)
