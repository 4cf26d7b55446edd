"""Opaque cursors of lists: the last row's key, so that a page costs the same wherever it is."""

from __future__ import annotations

import base64
import binascii

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
        raise BadRequest("cursor: not one of this list", field="cursor") from None
    if len(key) != length or any("\x00" in part for part in key):
        raise BadRequest("cursor: not one of this list", field="cursor")
    return key
