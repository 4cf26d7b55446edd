"""Puts the records of a partition into their gapless order: twins dropped, records behind a gap kept waiting."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import msgspec

from spine.envelope import Envelope
from spine.errors import TactError
from spine.service import Received

#: Behind a gap at most this many records are held in memory; then reading pauses.
MAX_WAITING = 5_000


class UnknownLogEpoch(TactError):
    """The topic continues with other positions: its producer was restored or rebuilt, or it was recreated."""

    code = "unknown_log_epoch"


@dataclass(frozen=True, slots=True)
class Poison:
    """A record that cannot be processed, and why."""

    topic: str
    partition: int
    offset: int
    envelope: Envelope | None
    key: str | None
    subject: str | None
    type: str | None
    code: str
    message: str
    body: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class Passing(msgspec.Struct, frozen=True):
    """A record of no interest to this service: it only moves the progress on."""

    offset: int
    envelope: Envelope


Item = Received | Poison | Passing


class Ready(msgspec.Struct, frozen=True):
    """An item whose turn it is. A crash after its commit resumes from `resume_offset`, `position`."""

    item: Item
    resume_offset: int
    position: int


@dataclass(slots=True)
class Cursor:
    """Where a consumer is in one partition. `last_position` is -1 while the first position is not known."""

    next_offset: int
    read_offset: int
    log_epoch: str | None
    last_position: int
    owner_epoch: int
    positioned: bool
    waiting: dict[int, Item] = field(default_factory=dict)

    def copy(self) -> Cursor:
        """The cursor as it is, to go back to when a transaction fails."""
        return replace(self, waiting=dict(self.waiting))

    @property
    def has_gap(self) -> bool:
        """Whether records wait for a missing position."""
        return bool(self.waiting)

    def admit(self, item: Item) -> list[Ready]:
        """The items whose turn has come with this one, in order; none for twins and behind a gap.

        Raises UnknownLogEpoch.
        """
        self.read_offset = item.offset + 1
        envelope = item.envelope
        position = envelope.position if envelope is not None and self.positioned else None
        if position is None:
            # Ticks carry no position: behind a gap they would claim more than was read, so they are dropped.
            if self.has_gap and not isinstance(item, Poison):
                return []
            return [self._ready(item)]
        assert envelope is not None
        self._check_epoch(envelope)
        if self.last_position < 0:
            self.last_position = position - 1
        if position <= self.last_position or position in self.waiting:
            self._advance()
            return []
        if position == self.last_position + 1 and not self.waiting:
            self.last_position = position
            return [self._ready(item)]
        self.waiting[position] = item
        ready = []
        while (following := self.waiting.pop(self.last_position + 1, None)) is not None:
            self.last_position += 1
            ready.append(self._ready(following))
        return ready

    def _check_epoch(self, envelope: Envelope) -> None:
        if self.log_epoch is None:
            self.log_epoch = envelope.log_epoch
        elif envelope.log_epoch != self.log_epoch:
            raise UnknownLogEpoch(
                f"log epoch {envelope.log_epoch} instead of {self.log_epoch} at position {envelope.position}"
            )

    def _advance(self) -> None:
        if self.waiting:
            self.next_offset = min(item.offset for item in self.waiting.values())
        else:
            self.next_offset = self.read_offset

    def _ready(self, item: Item) -> Ready:
        self._advance()
        return Ready(item, self.next_offset, self.last_position)
