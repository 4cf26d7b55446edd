"""How many text messages a text is: GSM 03.38 where all of it can be written so, else UCS-2."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

#: GSM 03.38: characters of one septet, and those that take two, an escape before them.
_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPED: Final = frozenset("^{}\\[~]|€\f")


class Encoding(StrEnum):
    """How a text travels."""

    GSM_7 = "GSM-7"
    UCS_2 = "UCS-2"


#: Units in a message that stands alone, and in each part of a longer one, whose header takes the rest.
_ROOM: Final = {Encoding.GSM_7: (160, 153), Encoding.UCS_2: (70, 67)}


@dataclass(frozen=True, slots=True)
class SmsLength:
    """`units` are septets of GSM-7 or UTF-16 code units of UCS-2; `segments` are what is charged for."""

    encoding: Encoding
    units: int
    segments: int


def measure(text: str) -> SmsLength:
    """The length of a text as a text message. No character is split between two parts."""
    gsm = all(char in _BASIC or char in _ESCAPED for char in text)
    encoding = Encoding.GSM_7 if gsm else Encoding.UCS_2
    sizes = [_septets(char) if gsm else _code_units(char) for char in text]
    alone, part = _ROOM[encoding]
    units = sum(sizes)
    if units <= alone:
        return SmsLength(encoding, units, 1)
    segments, filled = 1, 0
    for size in sizes:
        if filled + size > part:
            segments, filled = segments + 1, 0
        filled += size
    return SmsLength(encoding, units, segments)


def _septets(char: str) -> int:
    return 2 if char in _ESCAPED else 1


def _code_units(char: str) -> int:
    return 2 if ord(char) > 0xFFFF else 1
