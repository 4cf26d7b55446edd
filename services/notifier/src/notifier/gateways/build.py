"""Makes the switchboard from settings: one gateway by itself, or those of a file with their routes."""

from __future__ import annotations

from notifier.gateways.breaker import Breaker, TokenBucket
from notifier.gateways.port import Gateway
from notifier.gateways.switchboard import Line, Switchboard

#: A bucket that no rate empties needs no size of its own.
_UNBOUNDED = 1


def only(gateway: Gateway) -> Switchboard:
    """A single gateway that takes every channel."""
    return Switchboard([Line(gateway, Breaker(), TokenBucket(None, _UNBOUNDED))], {}, (gateway.name,))
