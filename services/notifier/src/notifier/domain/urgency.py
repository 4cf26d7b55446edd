"""Who goes first when many messages wait, and how an opening is spread: pure."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Final

#: What answers somebody or is a duty goes first, then what is about a day, then collection.
_FIRST: Final = frozenset({"service", "reply_to_inbound", "statutory_notice"})
_SECOND: Final = frozenset({"reminder_due"})
#: Kept before a message's end: spreading must not be what it expires of.
_ROOM: Final = timedelta(minutes=5)


def urgency(purpose: str) -> int:
    """0 goes before 1, 1 before 2."""
    if purpose in _FIRST:
        return 0
    return 1 if purpose in _SECOND else 2


def due_after(
    until: datetime, expires_at: datetime, now: datetime, purpose: str, borrower_id: str, spread: timedelta
) -> datetime:
    """When a message that waits until `until` is decided again.

    Those that wait long wait for the same opening: they come back over the first `spread` of it, each person at a
    second of their own; what is urgent at once. Never after its end.
    """
    if urgency(purpose) == 0 or until - now <= spread:
        return min(until, expires_at)
    seconds = int(spread.total_seconds())
    place = int.from_bytes(hashlib.sha256(borrower_id.encode()).digest()[:8]) % seconds if seconds > 0 else 0
    at = until + timedelta(seconds=place)
    return at if at + _ROOM < expires_at else min(until, expires_at)
