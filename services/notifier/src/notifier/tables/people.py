"""People and the places they can be reached at, encrypted, and what closes those places."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from notifier.tables.metadata import METADATA, flag, instant, sealed, structure, whole, words

PARTY: Final = Table(
    "party",
    METADATA,
    words("borrower_id"),
    flag("known"),
    words("locale"),
    words("timezone", null=True),
    structure("candidate_timezones"),
    words("region", null=True),
    structure("segment"),
    structure("vulnerable"),
    sealed("subject_key", null=True),
    sealed("name_cipher", null=True),
    sealed("id_number_cipher", null=True),
    instant("updated_at"),
    words("person_id"),
    whole("person_size", default="1"),
    words("identity_id"),
    Column("hours", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    PrimaryKeyConstraint("borrower_id", name="party_pk"),
    Index("party_person", "person_id"),
    Index("party_identity", "identity_id"),
    CheckConstraint(
        "NOT known OR (subject_key IS NOT NULL AND name_cipher IS NOT NULL)", name="party_encrypted"
    ),
)
CONTACT_POINT: Final = Table(
    "contact_point",
    METADATA,
    words("ref"),
    words("borrower_id"),
    words("point_id"),
    words("channel"),
    words("place", null=True),
    words("consent"),
    instant("consent_at"),
    sealed("address_cipher"),
    sealed("address_index"),
    flag("usable"),
    flag("active"),
    instant("verified_at", null=True),
    PrimaryKeyConstraint("ref", name="contact_point_pk"),
    UniqueConstraint("borrower_id", "point_id", name="contact_point_once"),
    ForeignKeyConstraint(["borrower_id"], ["party.borrower_id"], name="contact_point_party_fk"),
    Index("contact_point_address", "address_index"),
)
ADDRESS_STOP: Final = Table(
    "address_stop",
    METADATA,
    words("borrower_id"),
    words("contact_id"),
    words("kind"),
    words("contact_ref", null=True),
    words("channel", null=True),
    instant("since"),
    sealed("address_index", null=True),
    PrimaryKeyConstraint("borrower_id", "contact_id", "kind", name="address_stop_pk"),
)
PARTY_REFUSAL: Final = Table(
    "party_refusal",
    METADATA,
    words("borrower_id"),
    words("party_id"),
    words("contact_id"),
    instant("since"),
    PrimaryKeyConstraint("borrower_id", "party_id", name="party_refusal_pk"),
)
PERSON_MERGE: Final = Table(
    "person_merge",
    METADATA,
    words("borrower_id"),
    words("into_id"),
    instant("at"),
    words("source"),
    words("event_id"),
    PrimaryKeyConstraint("borrower_id", "into_id", name="person_merge_pk"),
    Index("person_merge_into", "into_id"),
)
