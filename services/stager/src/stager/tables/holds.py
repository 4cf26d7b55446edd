"""Holds about a person, which hold every loan of the borrower, also later ones; and what is marked on a case."""

from __future__ import annotations

from typing import Final

from sqlalchemy import CheckConstraint, Column, Index, Integer, PrimaryKeyConstraint, Table, Text, text

from stager.tables.metadata import METADATA, instant

#: What the holds of the loans (`hold.person_hold_id`) follow.
PERSON_HOLD: Final = Table(
    "person_hold",
    METADATA,
    Column("person_hold_id", Text, nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    instant("placed_at"),
    instant("until", nullable=True),
    Column("origin", Text),
    Column("reason", Text),
    instant("lifted_at", nullable=True),
    Column("ended_by", Text),
    Column("lift_reason", Text),
    Column("placed_by", Text),
    Column("lifted_by", Text),
    Column("findings", Text),
    Column("ground", Text),
    Column("extensions", Integer, nullable=False, server_default=text("0")),
    instant("extended_at", nullable=True),
    Column("extended_by", Text),
    Column("extension_proof", Text),
    PrimaryKeyConstraint("person_hold_id", name="person_hold_pk"),
    CheckConstraint("(lifted_at IS NULL) = (ended_by IS NULL)", name="person_hold_lifted"),
)
Index("person_hold_borrower", PERSON_HOLD.c.borrower_id)

#: What is marked on a case while it lasts.
CASE_FLAG: Final = Table(
    "case_flag",
    METADATA,
    Column("case_id", Text, nullable=False),
    Column("flag", Text, nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("loan_id", Text, nullable=False),
    Column("origin", Text, nullable=False),
    instant("raised_at"),
    PrimaryKeyConstraint("case_id", "flag", name="case_flag_pk"),
)
