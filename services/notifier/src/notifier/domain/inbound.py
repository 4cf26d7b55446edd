"""What a text that a person sent means: an opt-out however it is written, a sign of danger, or something else."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from notifier.domain.words import first_forbidden, plain

Sign = Literal["self_harm", "threat", "grave_illness"]
_Words = Annotated[tuple[str, ...], Meta(min_length=1)]
#: Characters that are not seen: they separate nothing.
_UNSEEN = re.compile(
    "[\u00ad\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u3164\ufe00-\ufe0f\ufeff]"
)
#: Words: letters of one kind without anything between.
_WORD = re.compile(r"[\u3400-\u9fff]+|[^\W_\u3400-\u9fff]+")


class DangerWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Words that are a sign of danger wherever they stand."""

    sign: Sign
    words: _Words


class InboundFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What texts mean, as it is written in its file."""

    version: str
    fillers: _Words
    anywhere: _Words
    danger: tuple[DangerWords, ...]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a text says. Both may be: who is in danger may also want no more texts."""

    keyword: str | None
    sign: Sign | None


@dataclass(frozen=True, slots=True)
class Listener:
    """Knows the words. `keywords`: those of the packs, in the order they are asked for."""

    keywords: tuple[str, ...]
    file: InboundFile

    def meaning(self, text: str) -> Meaning:
        """What the text says, whatever its case, width, spaces and unseen characters."""
        read = plain(text)
        sign = next((one.sign for one in self.file.danger if first_forbidden(read, one.words)), None)
        return Meaning(self._keyword(text, read), sign)

    def _keyword(self, text: str, read: str) -> str | None:
        kept = {*read.split("\n"), self._bare(text)}
        whole = next((word for word in self.keywords if plain(word) in kept), None)
        return whole or first_forbidden(read, self.file.anywhere)

    def _bare(self, text: str) -> str:
        """The text without the words of politeness, plain."""
        seen = _UNSEEN.sub("", unicodedata.normalize("NFKC", text)).casefold()
        return plain(" ".join(word for word in _WORD.findall(seen) if word not in self.file.fillers))
