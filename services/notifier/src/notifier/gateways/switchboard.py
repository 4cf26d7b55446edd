"""All gateways behind one port: which one a message goes to, and which are left alone for now."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, get_args

import structlog

from notifier.gateways.breaker import Breaker, BreakerState, TokenBucket
from notifier.gateways.port import (
    OF_THE_MESSAGE,
    Gateway,
    Inquiry,
    Outcome,
    OutMessage,
    QueryResult,
    SendResult,
)
from notifier.gateways.queue import QueueGateway
from spine.events.stager import ContactChannel

log = structlog.get_logger()

CHANNELS: Final[tuple[str, ...]] = get_args(ContactChannel)


@dataclass(slots=True)
class Line:
    """One gateway with what protects it. `not_ready`: why it cannot send yet, told by its `warm`."""

    gateway: Gateway
    breaker: Breaker
    bucket: TokenBucket
    not_ready: str | None = None
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def state(self) -> str:
        """closed, open, half_open, or not_ready."""
        return "not_ready" if self.not_ready else self.breaker.state.value

    @property
    def code(self) -> str | None:
        return self.not_ready or self.breaker.code

    def closed_for_s(self) -> float:
        """How long no message may be given to it."""
        return max(self.breaker.closed_for_s(), self.bucket.wait_s())

    def is_open(self) -> bool:
        return self.not_ready is None and self.closed_for_s() == 0.0

    def take(self) -> bool:
        """Claims the place of one message."""
        if not self.is_open() or not self.bucket.take():
            return False
        self.breaker.begin()
        return True

    def note(self, results: Sequence[SendResult]) -> None:
        """What a request tells of the gateway itself."""
        self.counts.update(result.outcome.value for result in results)
        if any(result.code == "token_expired" for result in results):
            # Nothing is reserved for it until `warm` has fetched another.
            self.not_ready = "token_expired"
        waits_s = max((r.retry_after_s or 0.0 for r in results), default=0.0)
        through = any(r.outcome in (Outcome.ACCEPTED, Outcome.REJECTED) for r in results)
        faulty = [r for r in results if r.code not in OF_THE_MESSAGE]
        if through and not waits_s:
            self.breaker.succeeded()
        elif waits_s or (faulty and not through):
            code = next((r.code for r in results if r.retry_after_s), None) or faulty[0].code
            self.breaker.failed(code, waits_s or None)
            log.warning(
                "gateway is left alone",
                gateway=self.gateway.name,
                seconds=round(self.breaker.closed_for_s(), 2),
                code=code,
            )
        else:
            self.breaker.end_trial()


class Switchboard:
    """Routes by channel: the first gateway of a channel's list that takes messages now.

    A message goes to the second gateway only when it is reserved anew, after the first one certainly did not
    have it - so it passes the whole gate again - and never once it was unknown at a gateway: that one alone may
    have it again. `routes` maps channels to gateways in order; a channel that is not in it goes by `otherwise`.
    """

    def __init__(
        self, lines: Sequence[Line], routes: Mapping[str, Sequence[str]], otherwise: Sequence[str] = ()
    ) -> None:
        self._lines = {line.gateway.name: line for line in lines}
        self._routes = {channel: tuple(routes.get(channel, otherwise)) for channel in CHANNELS}

    @property
    def lines(self) -> tuple[Line, ...]:
        return tuple(self._lines.values())

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels by which something can be sent."""
        return tuple(channel for channel, names in self._routes.items() if names)

    def gateway(self, name: str) -> Gateway | None:
        """A gateway by its name; None for one that is no longer set up."""
        line = self._lines.get(name)
        return line.gateway if line else None

    def key_life_s(self, name: str) -> float:
        """How long a key lives at a gateway; 0 where none does."""
        line = self._lines.get(name)
        return line.gateway.key_life_s if line else 0.0

    def route_of(self, channel: str) -> tuple[str, ...]:
        """The gateways of a channel, the first one first; none at all: nothing can be sent by it."""
        return self._routes.get(channel, ())

    def closed_channels(self) -> list[str]:
        """Channels by which no gateway takes a message just now, though there is one."""
        return [
            channel
            for channel, names in self._routes.items()
            if names and not any(self._lines[name].is_open() for name in names)
        ]

    def shut(self) -> list[str]:
        """Gateways that take no message just now."""
        return [name for name, line in self._lines.items() if not line.is_open()]

    def take(self, channel: str, pinned: str | None = None) -> str | None:
        """The gateway a message is given to, with its place claimed; None when none takes it now. `pinned`: the
        only one it may go to."""
        names = self.route_of(channel) if pinned is None else (pinned,)
        for name in names:
            line = self._lines.get(name)
            if line is not None and line.take():
                return name
        return None

    @property
    def queues(self) -> frozenset[str]:
        """The gateways that read from the log: what they get is written with its reservation."""
        return frozenset(n for n, line in self._lines.items() if isinstance(line.gateway, QueueGateway))

    def paused_s(self) -> float:
        """For how long no gateway takes anything, in seconds of wall time."""
        return min((line.closed_for_s() for line in self._lines.values()), default=0.0)

    async def warm(self) -> None:
        """Gets every gateway ready that is not; called every second, never while something is reserved."""
        lines = [line for line in self._lines.values() if line.breaker.state is not BreakerState.OPEN]
        codes = await asyncio.gather(*(line.gateway.warm() for line in lines))
        for line, code in zip(lines, codes, strict=True):
            line.not_ready = code

    async def send(self, messages: Sequence[OutMessage], idempotency_key: str) -> list[SendResult]:
        """Hands each message to its gateway, all at once; one result per message, in their order."""
        by_gateway: dict[str, list[OutMessage]] = defaultdict(list)
        for message in messages:
            by_gateway[message.gateway].append(message)
        done = await asyncio.gather(
            *(self._send(name, group, idempotency_key) for name, group in by_gateway.items())
        )
        results = {result.client_ref: result for group in done for result in group}
        return [results[message.client_ref] for message in messages]

    async def _send(self, name: str, messages: list[OutMessage], key: str) -> list[SendResult]:
        line = self._lines[name]
        results = await line.gateway.send(messages, key)
        line.note(results)
        return results

    def held_back(self, messages: Sequence[OutMessage]) -> None:
        """These did not leave: whoever waited for what becomes of them need not."""
        for name in {message.gateway for message in messages}:
            self._lines[name].breaker.end_trial()

    async def query(self, name: str, asked: Inquiry) -> QueryResult:
        """What the gateway that was given a message says became of it."""
        return await self._lines[name].gateway.query(asked)

    async def aclose(self) -> None:
        for line in self._lines.values():
            await line.gateway.aclose()
