"""Opaque cursors of lists: the last row's key, so that a page costs the same wherever it is."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from spine.errors import BadRequest


def encode(key: tuple[str, ...]) -> str:
    """The cursor that goes on after the row with this key."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).rstrip(b"=").decode()


def decode(cursor: str, length: int) -> tuple[str, ...]:
    """The key in a cursor. Raises BadRequest for one that this list never gave."""
    try:
        packed = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        key = msgspec.json.decode(packed, type=tuple[str, ...])
    except (binascii.Error, msgspec.DecodeError, ValueError):
        raise _not_ours() from None
    if len(key) != length or any("\x00" in part for part in key):
        raise _not_ours()
    return key


def following(rows: Sequence[Any], limit: int, key: Callable[[Any], tuple[str, ...]]) -> str | None:
    """The cursor of the next page; a page that is not full is the last."""
    return encode(key(rows[-1])) if len(rows) == limit else None


def one(cursor: str | None) -> str | None:
    """The last row's id. Raises BadRequest."""
    return decode(cursor, 1)[0] if cursor else None


def numbered(cursor: str | None) -> int | None:
    """The last row's number. Raises BadRequest."""
    if not cursor:
        return None
    [text] = decode(cursor, 1)
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise _not_ours()
    return int(text)


def dated(cursor: str | None) -> tuple[date, str] | None:
    """The last row's date and id. Raises BadRequest."""
    if not cursor:
        return None
    day, id_ = decode(cursor, 2)
    try:
        return date.fromisoformat(day), id_
    except ValueError:
        raise _not_ours() from None


def timed(cursor: str | None) -> tuple[datetime, str] | None:
    """The last row's instant and id. Raises BadRequest."""
    if not cursor:
        return None
    text, id_ = decode(cursor, 2)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise _not_ours() from None
    if at.tzinfo is None:
        raise _not_ours()
    return at, id_


def _not_ours() -> BadRequest:
    return BadRequest("cursor: not one of this list", field="cursor")
