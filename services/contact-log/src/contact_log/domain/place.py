"""Where in the log a page of entries ended, and the opaque cursor that says so to a caller."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from spine.errors import BadRequest


class BadCursor(BadRequest):
    """The cursor is not one that this service gave out; begin again without it."""

    code = "bad_cursor"


@dataclass(frozen=True, slots=True)
class Place:
    """The last entry of a page, by contact instant and number; the next page lies before it."""

    at: datetime
    id: int

    def cursor(self) -> str:
        """This place as text for the caller, who is to send it back unchanged."""
        return base64.urlsafe_b64encode(f"{self.at.isoformat()}|{self.id}".encode()).decode().rstrip("=")

    @classmethod
    def from_cursor(cls, cursor: str) -> Self:
        """The place a cursor tells; raises BadCursor."""
        try:
            padded = cursor + "=" * (-len(cursor) % 4)
            at, _, number = base64.b64decode(padded, altchars=b"-_", validate=True).decode().partition("|")
            place = cls(datetime.fromisoformat(at), int(number))
        except (ValueError, binascii.Error):
            raise BadCursor() from None
        if place.at.tzinfo is None or not 1970 <= place.at.year < 9000 or not 0 < place.id < 2**63:
            raise BadCursor()
        return place
