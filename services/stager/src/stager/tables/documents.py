"""Documents composed for a case, as they were made: rows that the database itself refuses to change."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Date, Index, Integer, PrimaryKeyConstraint, Table, Text, UniqueConstraint

from stager.tables.metadata import METADATA, instant

#: `body` is the document with places for personal data, which is not here; `reissue_of`: the one it stands for.
DOCUMENT: Final = Table(
    "document",
    METADATA,
    Column("document_id", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("borrower_id", Text, nullable=False),
    Column("loan_id", Text, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("about", Text, nullable=False),
    Column("reissue", Integer, nullable=False),
    Column("reissue_reason", Text),
    Column("as_of", Date, nullable=False),
    Column("body", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("policy_digest", Text, nullable=False),
    Column("request_digest", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    instant("made_at"),
    PrimaryKeyConstraint("document_id", name="document_pk"),
    UniqueConstraint("number", name="document_number_once"),
    UniqueConstraint("loan_id", "episode", "kind", "about", "locale", "reissue", name="document_once"),
)
Index("document_case", DOCUMENT.c.case_id)

#: How a document reached its reader, with what proves it.
DOCUMENT_DELIVERY: Final = Table(
    "document_delivery",
    METADATA,
    Column("document_id", Text, nullable=False),
    instant("delivered_at"),
    Column("way", Text, nullable=False),
    Column("proof_ref", Text, nullable=False),
    Column("recorded_by", Text, nullable=False),
    instant("recorded_at"),
    PrimaryKeyConstraint("document_id", name="document_delivery_pk"),
)

#: The last number given out of each kind in a year.
DOCUMENT_NUMBER: Final = Table(
    "document_number",
    METADATA,
    Column("prefix", Text, nullable=False),
    Column("year", Integer, nullable=False),
    Column("last", Integer, nullable=False),
    PrimaryKeyConstraint("prefix", "year", name="document_number_pk"),
)
