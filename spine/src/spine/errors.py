"""What can go wrong, one class per fact: a stable code, an HTTP status, and words that say what to do."""

from __future__ import annotations

from typing import Any, ClassVar


class TactError(Exception):
    """Something went wrong that the caller can understand and act on."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500

    def __init__(self, detail: str | None = None, **facts: Any) -> None:
        self.detail = detail or (type(self).__doc__ or type(self).__name__).strip().splitlines()[0]
        self.facts = facts
        super().__init__(self.detail)


class EventRefused(TactError):
    """The event cannot be accepted as it is; correct the sender and send it again."""

    code = "bad_event"
    status = 422


class BadJson(EventRefused):
    """The body is not valid UTF-8 JSON."""

    code = "bad_json"


class BadSchema(EventRefused):
    """The event does not have the fields its type requires."""

    code = "bad_schema"


class BadAmount(EventRefused):
    """Amounts are plain decimal strings with at most the currency's decimals."""

    code = "bad_amount"


class UnknownType(EventRefused):
    """No event of this type is known on this topic."""

    code = "unknown_type"


class WrongCurrency(EventRefused):
    """The currency differs from that of the loan."""

    code = "wrong_currency"


class NotFound(TactError):
    """There is no such thing, or it is not visible to this caller."""

    code = "not_found"
    status = 404


class Conflict(TactError):
    """The request contradicts what is already recorded."""

    code = "conflict"
    status = 409


class Unauthorized(TactError):
    """Send a valid bearer token in the Authorization header."""

    code = "unauthorized"
    status = 401


class BadRequest(TactError):
    """The request does not have the required shape."""

    code = "bad_request"
    status = 422


class TooLarge(TactError):
    """The body is larger than this route accepts."""

    code = "too_large"
    status = 413


class Unavailable(TactError):
    """The service cannot answer just now; try again after the given delay."""

    code = "unavailable"
    status = 503


class Fenced(TactError):
    """Another process has taken over this work; this one must let go."""

    code = "fenced"


class Stopped(TactError):
    """The process cannot go on safely and must be looked at: `tact doctor` says what to do."""

    code = "stopped"
