"""When a gateway is left alone: a circuit breaker and a token bucket, both on the wall clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

Clock = Callable[[], float]

#: A trial whose result is not told by then - its reservation failed, its sender died - is over.
TRIAL_S: Final = 30.0


class BreakerState(StrEnum):
    """CLOSED lets through, OPEN nothing, HALF_OPEN one message that finds out."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(slots=True, kw_only=True)
class Breaker:
    """Opens after `open_after` requests in a row that brought nothing through, for `first_open_s`, then twice as
    long each time up to `longest_open_s`. After that one message is tried: it closes the breaker or opens it
    again."""

    open_after: int = 1
    first_open_s: float = 0.25
    longest_open_s: float = 30.0
    clock: Clock = time.monotonic
    failures: int = 0
    code: str | None = None
    failing_since: float | None = None
    _open_s: float = 0.0
    _open_until: float | None = None
    _trial_until: float = 0.0

    @property
    def state(self) -> BreakerState:
        if self._open_until is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self.clock() < self._open_until else BreakerState.HALF_OPEN

    def closed_for_s(self) -> float:
        """For how long nothing may be sent yet, in seconds."""
        if self._open_until is None:
            return 0.0
        return max(0.0, self._open_until - self.clock(), self._trial_until - self.clock())

    def admits(self) -> bool:
        """Whether a message may be sent now; asking changes nothing."""
        return self.closed_for_s() == 0.0

    def begin(self) -> None:
        """A message is sent; in HALF_OPEN it is the trial, and no other is until its result."""
        if self._open_until is not None:
            self._trial_until = self.clock() + TRIAL_S

    def end_trial(self) -> None:
        """The message of the trial did not leave after all: another may be tried."""
        self._trial_until = 0.0

    def succeeded(self) -> None:
        self.failures, self.code, self.failing_since = 0, None, None
        self._open_s, self._open_until, self._trial_until = 0.0, None, 0.0

    def failed(self, code: str | None, retry_after_s: float | None = None) -> None:
        """A request brought nothing through; a gateway that says when to come back is believed."""
        now = self.clock()
        self.failures += 1
        self.code = code
        self.failing_since = now if self.failing_since is None else self.failing_since
        self._trial_until = 0.0
        if self.failures >= self.open_after or retry_after_s or self._open_until is not None:
            self._open_s = min(max(self._open_s * 2, self.first_open_s), self.longest_open_s)
            self._open_until = now + max(self._open_s, retry_after_s or 0.0)


@dataclass(slots=True)
class TokenBucket:
    """Lets `per_second` messages through, and up to `burst` at once; without a rate, any number."""

    per_second: float | None
    burst: int
    clock: Clock = time.monotonic
    _tokens: float = field(init=False)
    _filled_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._tokens, self._filled_at = float(self.burst), self.clock()

    def wait_s(self) -> float:
        """How long until a message may be sent."""
        self._fill()
        if self.per_second is None or self._tokens >= 1:
            return 0.0
        return (1 - self._tokens) / self.per_second

    def take(self) -> bool:
        """Uses up a message's place; False when there is none."""
        if self.wait_s() > 0:
            return False
        self._tokens -= 1 if self.per_second is not None else 0
        return True

    def _fill(self) -> None:
        now = self.clock()
        if self.per_second is not None:
            self._tokens = min(self.burst, self._tokens + (now - self._filled_at) * self.per_second)
        self._filled_at = now
