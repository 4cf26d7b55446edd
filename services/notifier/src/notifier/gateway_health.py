"""How gateways fare, for `/readyz` and `/metrics`: told by the worker, read by the process that serves."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from notifier.gateways.switchboard import Switchboard
from notifier.store import gateways
from notifier.store.gateways import Health
from spine.database import Tx

#: A pause shorter than this is the breaker at work and nobody's concern.
CONCERN_AFTER_S: Final = 5.0
_STATES: Final = ("closed", "open", "half_open", "not_ready")


async def stopped_channels(tx: Tx, switchboard: Switchboard) -> list[str]:
    """Why nothing goes out by a channel: none of its gateways takes messages."""
    failing = {h.gateway: h for h in await gateways.health(tx) if _is_failing(h)}
    by_names: dict[tuple[str, ...], list[str]] = {}
    for channel in switchboard.channels:
        by_names.setdefault(switchboard.route_of(channel), []).append(channel)
    return [
        f"nothing goes out by {_channels(channels, switchboard)}: {'; '.join(_words(failing[n]) for n in names)}"
        for names, channels in by_names.items()
        if all(name in failing for name in names)
    ]


async def failing_gateways(tx: Tx) -> list[str]:
    """Gateways that take nothing though another may stand in for them."""
    return [_words(h) for h in await gateways.health(tx) if _is_failing(h)]


async def gateway_metrics(tx: Tx) -> bytes:
    """By gateway: messages by what became of them at hand-over, and the state of its breaker."""
    registry = CollectorRegistry()
    told = Gauge(
        "tact_gateway_messages",
        "Messages by outcome of the hand-over",
        ["gateway", "outcome"],
        registry=registry,
    )
    state = Gauge("tact_gateway_state", "1 for the state it is in", ["gateway", "state"], registry=registry)
    failing = Gauge(
        "tact_gateway_failing_seconds", "Since nothing gets through", ["gateway"], registry=registry
    )
    for one in await gateways.health(tx):
        for outcome in ("accepted", "rejected", "unknown", "not_sent"):
            told.labels(one.gateway, outcome).set(getattr(one, outcome))
        for name in _STATES:
            state.labels(one.gateway, name).set(one.state == name)
        failing.labels(one.gateway).set(one.failing_s or 0)
    return generate_latest(registry)


def _is_failing(health: Health) -> bool:
    return health.state == "not_ready" or (
        health.state != "closed" and health.failing_s is not None and health.failing_s >= CONCERN_AFTER_S
    )


def _words(health: Health) -> str:
    since = f" for {health.failing_s:.0f} s" if health.failing_s is not None else ""
    return f"gateway {health.gateway} takes no messages{since} ({health.code or health.state})"


def _channels(channels: list[str], switchboard: Switchboard) -> str:
    return "any channel" if len(channels) == len(switchboard.channels) > 1 else ", ".join(channels)
