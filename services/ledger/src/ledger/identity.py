"""Knows an event again: by (source, id), and by what it says, however that was formatted."""

from __future__ import annotations

import hashlib
from array import array
from enum import Enum
from typing import Final
from zlib import crc32

import msgspec

from spine.envelope import Envelope
from spine.events.registry import Event

_FIRST_SLOTS: Final = 1 << 12
_WORD: Final = "Q"
_HALF_WORD_BITS: Final = 32
_ALL_BITS: Final = (1 << 64) - 1


def body_hash(envelope: Envelope, event: Event, body: bytes) -> bytes:
    """SHA-256 of what an event says: type, subject and data, keys sorted."""
    subject = envelope.subject or event.subject or ""
    try:
        canonical = msgspec.json.encode(msgspec.json.decode(body), order="deterministic")
    except (msgspec.DecodeError, RecursionError):
        canonical = body
    return hashlib.sha256(b"\0".join([envelope.type.encode(), subject.encode(), canonical])).digest()


class Seen(Enum):
    """What is known of an event's identity: nothing, the same event, or another one."""

    NEW = "new"
    SAME = "same"
    OTHER = "other"


class Identities:
    """The identities of millions of events in 24 to 48 bytes each: a table of fingerprints, open-addressed.

    96 bits of two hashes of a key tell it from others, 32 bits of a body's hash.
    """

    def __init__(self) -> None:
        self._count = 0
        self._firsts = array(_WORD, bytes(8 * _FIRST_SLOTS))
        self._seconds = array(_WORD, bytes(8 * _FIRST_SLOTS))

    def note(self, source: str, id: str, body: bytes) -> Seen:
        """Notes an event that is new, and says whether it is. `body`: its hash."""
        first = hash((source, id)) & _ALL_BITS or 1
        second = crc32(id.encode()) << _HALF_WORD_BITS | int.from_bytes(body[:4], "big")
        slot = self._slot(first, second)
        if self._firsts[slot]:
            return Seen.SAME if self._seconds[slot] == second else Seen.OTHER
        self._firsts[slot], self._seconds[slot] = first, second
        self._count += 1
        if 3 * self._count > 2 * len(self._firsts):
            self._grow()
        return Seen.NEW

    def _slot(self, first: int, second: int) -> int:
        """Where a key lies, or the free slot in which it would."""
        firsts, last = self._firsts, len(self._firsts) - 1
        slot = first & last
        while found := firsts[slot]:
            if found == first and self._seconds[slot] >> _HALF_WORD_BITS == second >> _HALF_WORD_BITS:
                break
            slot = (slot + 1) & last
        return slot

    def _grow(self) -> None:
        before = zip(self._firsts, self._seconds, strict=True)
        zeros = bytes(2 * 8 * len(self._firsts))
        self._firsts, self._seconds = array(_WORD, zeros), array(_WORD, zeros)
        for first, second in before:
            if first:
                slot = self._slot(first, second)
                self._firsts[slot], self._seconds[slot] = first, second
