"""The team, its tasks, and who looks after which case."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE team_member (
        member_id TEXT NOT NULL,
        roles TEXT[] NOT NULL,
        agency_id TEXT,
        skills TEXT[] NOT NULL,
        regions TEXT[] NOT NULL,
        locales TEXT[] NOT NULL,
        capacity INTEGER NOT NULL,
        active BOOLEAN NOT NULL,
        version INTEGER NOT NULL,
        changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT team_member_pk PRIMARY KEY (member_id)
    )
    """,
    "CREATE INDEX team_member_active ON team_member (member_id) WHERE active",
    """
    CREATE TABLE member_shift (
        member_id TEXT NOT NULL,
        day_type TEXT NOT NULL,
        from_minute INTEGER NOT NULL,
        to_minute INTEGER NOT NULL,
        CONSTRAINT member_shift_pk PRIMARY KEY (member_id, day_type, from_minute),
        CONSTRAINT member_shift_forward CHECK ((from_minute < to_minute)),
        CONSTRAINT member_shift_member FOREIGN KEY(member_id) REFERENCES team_member (member_id)
    )
    """,
    """
    CREATE TABLE member_absence (
        absence_id TEXT NOT NULL,
        member_id TEXT NOT NULL,
        from_at TIMESTAMP WITH TIME ZONE NOT NULL,
        to_at TIMESTAMP WITH TIME ZONE NOT NULL,
        reason TEXT NOT NULL,
        recorded_by TEXT NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
        moved_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT member_absence_pk PRIMARY KEY (absence_id),
        CONSTRAINT member_absence_forward CHECK ((from_at < to_at)),
        CONSTRAINT member_absence_member FOREIGN KEY(member_id) REFERENCES team_member (member_id)
    )
    """,
    "CREATE INDEX member_absence_member_times ON member_absence (member_id, to_at)",
    "CREATE INDEX member_absence_starts ON member_absence (from_at) WHERE moved_at IS NULL",
    """
    CREATE TABLE agency (
        agency_id TEXT NOT NULL,
        name TEXT NOT NULL,
        status TEXT NOT NULL,
        listed BOOLEAN NOT NULL,
        reviewed_on DATE,
        version INTEGER NOT NULL,
        changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT agency_pk PRIMARY KEY (agency_id)
    )
    """,
    """
    CREATE TABLE referral (
        referral_id TEXT NOT NULL,
        case_id TEXT NOT NULL,
        borrower_id TEXT NOT NULL,
        kind TEXT NOT NULL,
        agency_id TEXT,
        pack TEXT NOT NULL,
        pack_digest TEXT NOT NULL,
        policy_digest TEXT NOT NULL,
        placed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        placed_by TEXT NOT NULL,
        recalled_at TIMESTAMP WITH TIME ZONE,
        recalled_by TEXT,
        recall_reason TEXT,
        data_end TEXT,
        data_ended_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT referral_pk PRIMARY KEY (referral_id),
        CONSTRAINT referral_agency CHECK (((kind = 'agency'::text) = (agency_id IS NOT NULL)))
    )
    """,
    "CREATE INDEX referral_case ON referral (case_id)",
    "CREATE UNIQUE INDEX referral_open ON referral (case_id, kind) WHERE recalled_at IS NULL",
    """
    CREATE TABLE case_owner (
        case_id TEXT NOT NULL,
        borrower_id TEXT NOT NULL,
        member_id TEXT,
        agency_id TEXT,
        since TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT case_owner_pk PRIMARY KEY (case_id)
    )
    """,
    "CREATE INDEX case_owner_agency ON case_owner (agency_id, case_id)",
    "CREATE INDEX case_owner_member ON case_owner (member_id, case_id)",
    """
    CREATE TABLE task (
        task_id TEXT NOT NULL,
        kind TEXT NOT NULL,
        borrower_id TEXT NOT NULL,
        loan_id TEXT NOT NULL,
        case_id TEXT NOT NULL,
        due_at TIMESTAMP WITH TIME ZONE NOT NULL,
        sla_at TIMESTAMP WITH TIME ZONE,
        stage TEXT,
        step TEXT,
        people INTEGER NOT NULL,
        skill TEXT,
        region TEXT,
        locale TEXT,
        priority INTEGER NOT NULL,
        rank BIGINT NOT NULL,
        reason TEXT,
        origin TEXT,
        policy_digest TEXT NOT NULL,
        opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
        status TEXT NOT NULL,
        assignee TEXT,
        agency_id TEXT,
        claimed_by TEXT[] DEFAULT '{}'::text[] NOT NULL,
        lease_until TIMESTAMP WITH TIME ZONE,
        escalated_at TIMESTAMP WITH TIME ZONE,
        retry_at TIMESTAMP WITH TIME ZONE,
        notice_at TIMESTAMP WITH TIME ZONE,
        closed_at TIMESTAMP WITH TIME ZONE,
        closed_by TEXT[] DEFAULT '{}'::text[] NOT NULL,
        end_reason TEXT,
        completion TEXT,
        CONSTRAINT task_pk PRIMARY KEY (task_id),
        CONSTRAINT task_status CHECK (
            status = ANY (ARRAY['open'::text, 'done'::text, 'cancelled'::text, 'expired'::text])),
        CONSTRAINT task_closed CHECK (((status = 'open'::text) = (closed_at IS NULL)))
    )
    """,
    """
    CREATE INDEX task_appointment ON task (sla_at)
        WHERE ((status = 'open'::text) AND (kind = 'call_back'::text))
    """,
    "CREATE INDEX task_lease ON task (lease_until) WHERE status = 'open'::text",
    "CREATE INDEX task_list ON task (rank, task_id) WHERE status = 'open'::text",
    """
    CREATE INDEX task_list_escalated ON task (rank, task_id)
        WHERE ((status = 'open'::text) AND (escalated_at IS NOT NULL))
    """,
    "CREATE INDEX task_list_of_agency ON task (agency_id, rank, task_id) WHERE status = 'open'::text",
    "CREATE INDEX task_list_of_kind ON task (kind, rank, task_id) WHERE status = 'open'::text",
    "CREATE INDEX task_list_of_member ON task (assignee, rank, task_id) WHERE status = 'open'::text",
    "CREATE INDEX task_of_borrower ON task (borrower_id) WHERE status = 'open'::text",
    "CREATE INDEX task_of_case ON task (case_id)",
    """
    CREATE INDEX task_sla ON task (sla_at) WHERE ((status = 'open'::text) AND (escalated_at IS NULL))
    """,
    """
    CREATE INDEX task_unassigned ON task (retry_at, rank, task_id)
        WHERE ((status = 'open'::text) AND (assignee IS NULL))
    """,
    """
    CREATE INDEX task_list_of_nobody ON task (rank, task_id)
        WHERE ((status = 'open'::text) AND (assignee IS NULL))
    """,
    """
    CREATE TABLE task_history (
        entry BIGINT GENERATED ALWAYS AS IDENTITY,
        task_id TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        what TEXT NOT NULL,
        by TEXT,
        to_member TEXT,
        note TEXT,
        CONSTRAINT task_history_pk PRIMARY KEY (entry),
        CONSTRAINT task_history_task FOREIGN KEY(task_id) REFERENCES task (task_id)
    )
    """,
    "CREATE INDEX task_history_of_task ON task_history (task_id, entry)",
    """
    CREATE TABLE work_key (
        key TEXT NOT NULL,
        digest TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT work_key_pk PRIMARY KEY (key)
    )
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
