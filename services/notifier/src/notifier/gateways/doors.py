"""By whom a report is believed: its signature or, where a vendor cannot sign, its path and origin."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network

from notifier.gateways.callbacks import CallbackDoor
from notifier.gateways.signatures import BadSignature

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class PathDoor:
    """Lets in whoever knows the path and comes from the vendor's networks. What it lets in is only a reason to ask
    the vendor: it changes no state by itself."""

    secret: str = field(repr=False)
    sources: tuple[Network, ...]
    proxies: tuple[Network, ...] = ()

    def check(self, secret: str, peer: str, forwarded_for: str) -> None:
        """Raises BadSignature. `peer` is who holds the connection; only our own proxies are believed when they say
        for whom."""
        came_from = _origin(peer, forwarded_for, self.proxies)
        known = hmac.compare_digest(secret.encode(), self.secret.encode())
        if not (known and came_from is not None and _within(came_from, self.sources)):
            raise BadSignature("This path and this origin are not agreed on.")


@dataclass(frozen=True, slots=True)
class Doors:
    """By gateway: the secrets of signed receipts, paths of those who cannot sign, events that are pushed."""

    secrets: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)
    paths: Mapping[str, PathDoor] = field(default_factory=dict)
    callbacks: Mapping[str, CallbackDoor] = field(default_factory=dict)

    def path(self, name: str) -> PathDoor:
        """Raises BadSignature: an unknown gateway is told like a wrong secret."""
        door = self.paths.get(name)
        if door is None:
            raise BadSignature("This path and this origin are not agreed on.")
        return door

    def callback(self, name: str) -> CallbackDoor:
        """Raises BadSignature."""
        door = self.callbacks.get(name)
        if door is None:
            raise BadSignature
        return door


def _origin(peer: str, forwarded_for: str, proxies: Sequence[Network]) -> str | None:
    """The nearest address that is not one of our proxies."""
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    at: str = peer
    while _within(at, proxies):
        if not hops:
            return None
        at = hops.pop()
    return at


def _within(address: str, networks: Sequence[Network]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return any((mapped or parsed) in network for network in networks)
