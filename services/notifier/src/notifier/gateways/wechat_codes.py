"""What `errcode` of WeChat and WeCom means ("Global return codes" of their documentation)."""

from __future__ import annotations

from typing import Final

from notifier.gateways.port import NOT_SUBSCRIBED, Outcome

#: The token is not (or no longer) good: it certainly went no further, and with a new one it may.
TOKEN_CODES: Final = frozenset({40001, 40014, 41001, 42001})
#: Our account, its rights or the addresses it may be used from.
_DOOR_SHUT: Final = frozenset({40013, 40125, 40164, 41002, 48001, 48004, 50001, 50002, 60011, 60020, 301002})
_MESSAGE: Final = {
    # Does not follow the account, or has turned its messages off.
    43004: NOT_SUBSCRIBED,
    43019: NOT_SUBSCRIBED,
    43101: NOT_SUBSCRIBED,
    # WeCom: no receiver is in the view of the application.
    81013: NOT_SUBSCRIBED,
    84061: NOT_SUBSCRIBED,
    40003: "bad_openid",
    40096: "bad_openid",
    40037: "template_unknown",
    40036: "template_unknown",
    41028: "bad_format",
    44004: "bad_format",
    45002: "too_long",
    45166: "forbidden_words",
    47001: "bad_format",
    47003: "bad_format",
    44002: "bad_format",
}
QUOTA_WAIT_S: Final = 3600.0
MINUTE_WAIT_S: Final = 60.0
#: The quota of a day, and of a minute.
_WAITS: Final = {
    45009: ("quota", QUOTA_WAIT_S),
    45011: ("throttled", MINUTE_WAIT_S),
    45033: ("throttled", 5.0),
}


def judged(errcode: int) -> tuple[Outcome, str, float | None]:
    """Outcome, our code and how long to wait, for an `errcode` that is not 0."""
    if errcode in TOKEN_CODES:
        return Outcome.NOT_SENT, "token_expired", None
    if errcode in _WAITS:
        code, wait_s = _WAITS[errcode]
        return Outcome.NOT_SENT, code, wait_s
    if errcode in _DOOR_SHUT:
        return Outcome.NOT_SENT, f"errcode_{errcode}", None
    if errcode in _MESSAGE:
        return Outcome.REJECTED, _MESSAGE[errcode], None
    # -1 is "system busy"; that and what the documentation does not list do not say how far it came.
    return Outcome.UNKNOWN, f"errcode_{errcode}", None
