"""What is kept of gateways: how each fares, what was claimed of a message, what still waits in the log."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Identity,
    Index,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    text,
)

from notifier.tables.metadata import METADATA, flag, instant, whole, words


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


GATEWAY_HEALTH: Final = Table(
    "gateway_health",
    METADATA,
    words("gateway"),
    words("state"),
    words("code", null=True),
    instant("failing_since", null=True),
    instant("seen_at", stamped=True),
    _count("accepted"),
    _count("rejected"),
    _count("unknown"),
    _count("not_sent"),
    PrimaryKeyConstraint("gateway", name="gateway_health_pk"),
)
RECEIPT_CLAIM: Final = Table(
    "receipt_claim",
    METADATA,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    words("gateway"),
    words("reference"),
    words("status"),
    words("code", null=True),
    instant("at"),
    flag("signed"),
    instant("check_at", stamped=True),
    whole("tries", default="0"),
    PrimaryKeyConstraint("id", name="receipt_claim_pk"),
    UniqueConstraint("gateway", "reference", "status", name="receipt_claim_once"),
    Index("receipt_claim_due", "check_at"),
)
QUEUED_MESSAGE: Final = Table(
    "queued_message",
    METADATA,
    words("client_ref"),
    instant("not_after"),
    instant("withdrawn_at", null=True),
    PrimaryKeyConstraint("client_ref", name="queued_message_pk"),
    Index("queued_message_open", "not_after", postgresql_where=text("withdrawn_at IS NULL")),
)
