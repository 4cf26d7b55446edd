"""What Aliyun's answers mean ("API error codes" of its short message service): its fault, ours, the message's."""

from __future__ import annotations

from typing import Final

from notifier.gateways.port import Outcome

#: The account, not the message, is refused: another gateway may do.
_DOOR_SHUT: Final = frozenset(
    {
        "isv.OUT_OF_SERVICE",
        "isv.AMOUNT_NOT_ENOUGH",
        "isv.ACCOUNT_ABNORMAL",
        "isv.ACCOUNT_NOT_EXISTS",
        "isv.PRODUCT_UN_SUBSCRIPT",
        "isv.PRODUCT_UNSUBSCRIBE",
        "isp.RAM_PERMISSION_DENY",
        "SignatureDoesNotMatch",
        "SignatureNonceUsed",
        "IncompleteSignature",
    }
)
_DOOR_SHUT_PREFIXES: Final = ("InvalidAccessKeyId", "Forbidden", "InvalidTimeStamp", "InvalidSecurityToken")
#: The account's own limit of a day or a month: nothing goes out until it is over or raised.
_QUOTA: Final = frozenset({"isv.DAY_LIMIT_CONTROL", "isv.MONTH_LIMIT_CONTROL"})
_MESSAGE: Final = {
    "isv.MOBILE_NUMBER_ILLEGAL": "bad_number",
    "isv.MOBILE_COUNT_OVER_LIMIT": "bad_number",
    # So many to one number in so short a time: the next attempt is the strategy's matter.
    "isv.BUSINESS_LIMIT_CONTROL": "frequency_limit",
    "isv.BLACK_KEY_CONTROL_LIMIT": "forbidden_words",
}
QUOTA_WAIT_S: Final = 3600.0
THROTTLED_WAIT_S: Final = 1.0


def judged(code: str) -> tuple[Outcome, str, float | None]:
    """Outcome, our code and how long to wait, for a `Code` that is not OK."""
    if code.startswith("Throttling"):
        return Outcome.NOT_SENT, "throttled", THROTTLED_WAIT_S
    if code in _QUOTA:
        return Outcome.NOT_SENT, "quota", QUOTA_WAIT_S
    if code in _DOOR_SHUT or code.startswith(_DOOR_SHUT_PREFIXES):
        return Outcome.NOT_SENT, code[:64], None
    if code in _MESSAGE:
        return Outcome.REJECTED, _MESSAGE[code], None
    if code.startswith("isv."):
        return Outcome.REJECTED, code[:64], None
    # Errors of its own systems (isp.*, InternalError, ServiceUnavailable) do not say how far the request came.
    return Outcome.UNKNOWN, code[:64], None
