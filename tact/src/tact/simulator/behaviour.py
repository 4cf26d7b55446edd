"""How the simulated gateway behaves: honest and quick unless told otherwise."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec

Fault = Literal[
    "accept_then_timeout",
    "accept_then_500",
    "accept_then_reset",
    "answer_other",
    "malformed",
    "huge",
    "throttle",
    "refuse_500",
]


class Behaviour(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shares are of 0..1. A fault strikes `fault_share` of the requests, `fault_requests` of them at most.

    `accept_delay_s` passes before a request is taken in, `slow_s` between that and the reply. `query_lag_s`:
    for so long a message taken in is not found when asked for. Which messages are rejected or fail is a
    matter of their client_ref, so a repetition gives the same.
    """

    honours_idempotency: bool = True
    reject_share: float = 0.0
    fail_share: float = 0.0
    fault: Fault | None = None
    fault_share: float = 1.0
    fault_requests: int | None = None
    accept_delay_s: float = 0.0
    slow_s: float = 0.0
    receipt_delay_s: float = 0.02
    receipt_copies: int = 1
    receipt_before_reply: bool = False
    query_lag_s: float = 0.0

    def __post_init__(self) -> None:
        shares = (self.reject_share, self.fail_share, self.fault_share)
        delays = (self.accept_delay_s, self.slow_s, self.receipt_delay_s, self.query_lag_s)
        if not all(0 <= share <= 1 for share in shares) or min(delays) < 0 or self.receipt_copies < 1:
            raise ValueError("shares are of 0..1, delays not negative, copies at least 1")

    def changed(self, fields: dict[str, Any]) -> Behaviour:
        """This behaviour with some fields set; ValueError (msgspec's) names what is wrong."""
        return msgspec.convert(msgspec.to_builtins(self) | fields, Behaviour)

    def rejects(self, client_ref: str) -> bool:
        """Whether a message is refused."""
        return _draw("reject", client_ref) < self.reject_share

    def fails(self, client_ref: str) -> bool:
        """Whether a message taken in does not reach the person."""
        return _draw("fail", client_ref) < self.fail_share


def _draw(what: str, client_ref: str) -> float:
    return int.from_bytes(hashlib.sha256(f"{what}:{client_ref}".encode()).digest()[:4]) / 2**32
