"""What people said about being contacted at an address: the last word that covers it is the one that counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

WordKind = Literal["stated", "opt_out", "re_consent"]
#: Who wants no calls wants none of a machine and nothing on the voicemail.
_RINGS: Final = frozenset({"call", "ai_call", "voicemail"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentWord:
    """One word. Without a `channel` it is about every channel, without an `address_index` about every address.

    `stated` is what core banking says of an address: it is kept, and decides nothing here. `seq` orders words of
    one instant.
    """

    word_id: str
    kind: WordKind
    state: str
    at: datetime
    source: str
    borrower_id: str | None = None
    channel: str | None = None
    contact_ref: str | None = None
    address_index: bytes | None = field(default=None, repr=False)
    said_by: str | None = None
    keyword: str | None = None
    seq: int = 0

    def covers(self, channel: str, address_index: bytes | None) -> bool:
        """Whether it is about a contact by `channel` at the address; None is any address."""
        named = self.channel in (None, channel) or (self.channel == "call" and channel in _RINGS)
        return named and self.address_index in (None, address_index)


def last_word(words: Iterable[ConsentWord], channel: str, address_index: bytes | None) -> ConsentWord | None:
    """The opt-out or the consent given anew that counts for a contact; None where nobody said either."""
    said = [word for word in words if word.kind != "stated" and word.covers(channel, address_index)]
    return max(said, key=lambda word: (word.at, word.seq), default=None)
