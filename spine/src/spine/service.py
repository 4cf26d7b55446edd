"""What a service is: one declaration that the API process and the worker process are built from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from fastapi import APIRouter

from spine.database import Runtime, Tx
from spine.envelope import Envelope
from spine.events.registry import Event


class Received(msgspec.Struct, frozen=True):
    """An event as it came in: where from, its envelope, and the typed fact.

    A Struct, as all that is made once per record: a frozen dataclass costs ten times as much to make.
    """

    topic: str
    partition: int
    offset: int
    envelope: Envelope
    event: Event
    body: bytes


#: One transaction over a batch of events of one topic, in order per borrower: load, decide, save, emit.
Handler = Callable[[Tx, Sequence[Received]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Consume:
    """A topic a service reads.

    `types` are the events the handler gets; other registered types pass by, unregistered ones become dead
    letters. `early` gets the stop facts among `early_types` that arrive behind a gap, before their turn; the
    handler gets them again in order, so both must be idempotent. `holds_ticks`: whether the service's tick waits
    until this topic is read to its end.
    """

    topic: str
    types: tuple[type[Event], ...]
    handler: Handler
    early: Handler | None = None
    early_types: tuple[type[Event], ...] = ()
    holds_ticks: bool = True


@dataclass(frozen=True, slots=True)
class Schedule:
    """Work that becomes due by itself. `run` does one batch and says how many it did; 0 means none is due."""

    name: str
    run: Callable[[], Awaitable[int]]
    every_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Due:
    """Work a service has open at this business instant, and when its next timer is due."""

    open: int
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that could not be processed; what it names is held until someone resolves it."""

    id: str
    topic: str
    partition: int
    offset: int
    key: str | None
    subject: str | None
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Service:
    """The whole of a service, as data.

    `topic` is the one topic it owns; `tick` its tick's event class, when it sends one. `due` tells open
    work and the next timer. `on_dead_letter` and `on_resolved` run in the transaction that puts a record aside or
    resolves it. `ready` adds reasons why the service is not ready (an empty list when it is); `warnings` are what
    somebody should look into though it is; `metrics` what `/metrics` tells of the service besides its flow.
    """

    name: str
    topic: str
    emits: tuple[type[Event], ...]
    consumes: tuple[Consume, ...]
    router: APIRouter
    migrations: str
    due: Callable[[Tx], Awaitable[Due]]
    schedules: tuple[Schedule, ...] = ()
    tick: type[Event] | None = None
    on_dead_letter: Callable[[Tx, DeadLetter], Awaitable[None]] | None = None
    on_resolved: Callable[[Tx, DeadLetter], Awaitable[None]] | None = None
    ready: Callable[[Tx], Awaitable[list[str]]] | None = None
    warnings: Callable[[Tx], Awaitable[list[str]]] | None = None
    metrics: Callable[[Tx], Awaitable[bytes]] | None = None
    state: dict[str, Any] = field(default_factory=dict)
    closing: tuple[Callable[[], Awaitable[None]], ...] = ()


#: `build(runtime)` of a service's app.py: the composition root.
Build = Callable[[Runtime], Service]
