"""Clocks of the claim: limitation and guarantee, what began them anew, and what credit bureaus are told."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from stager.tables.metadata import METADATA, instant

#: One row a loan once it was in arrears; `ends_on` and `look_at` are null while it is not. `look_at`: when time
#: alone changes something next.
LIMITATION: Final = Table(
    "limitation",
    METADATA,
    Column("loan_id", Text, nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("ends_on", Date),
    Column("barred", Boolean, nullable=False, server_default=text("false")),
    Column("guarantee_ends_on", Date),
    Column("guarantee_reference", Text),
    Column("guarantee_by", Text),
    instant("look_at", nullable=True),
    PrimaryKeyConstraint("loan_id", name="limitation_pk"),
)
Index("limitation_look", LIMITATION.c.look_at, postgresql_where=LIMITATION.c.look_at.isnot(None))

#: What a person recorded as beginning limitation anew; money, promises and letters are read where they are kept.
LIMITATION_RESTART: Final = Table(
    "limitation_restart",
    METADATA,
    Column("restart_id", Text, nullable=False),
    Column("loan_id", Text, nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("restarted_on", Date, nullable=False),
    Column("ground", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("recorded_by", Text, nullable=False),
    instant("recorded_at"),
    PrimaryKeyConstraint("restart_id", name="limitation_restart_pk"),
)
Index("limitation_restart_loan", LIMITATION_RESTART.c.loan_id)

#: An advance notice of credit reporting that arrived, or an adverse report that was made.
CREDIT_ENTRY: Final = Table(
    "credit_entry",
    METADATA,
    Column("entry_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("loan_id", Text, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("on_date", Date, nullable=False),
    Column("reference", Text, nullable=False),
    Column("recorded_by", Text, nullable=False),
    instant("recorded_at"),
    PrimaryKeyConstraint("entry_id", name="credit_entry_pk"),
    CheckConstraint("kind = ANY (ARRAY['notice'::text, 'report'::text])", name="credit_entry_kind"),
)
Index("credit_entry_loan", CREDIT_ENTRY.c.loan_id)

#: What showed that an adverse report may be wrong, and the task to correct it.
CREDIT_CORRECTION: Final = Table(
    "credit_correction",
    METADATA,
    Column("correction_id", Text, nullable=False),
    Column("loan_id", Text, nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("ground", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("task_id", Text, nullable=False),
    instant("found_at"),
    PrimaryKeyConstraint("correction_id", name="credit_correction_pk"),
    UniqueConstraint("loan_id", "origin", name="credit_correction_once"),
)
