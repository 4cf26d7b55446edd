"""Where a line of Chinese, English or both may end, so that no page has a line of its own worst choice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

# No line begins with these, and none ends with those (GB/T 15834, and what is usual in print).
_NOT_FIRST: Final = "，。、；：？！）》」』】〉〕％”’…—·,.;:?!)]}%"
_NOT_LAST: Final = "（《「『【〈〔“‘([{￥¥$"

_WIDE: Final = "\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U000323af“”‘’…—·"
# A wide character with what sticks to it, or a word of narrow ones, and the space behind.
_PIECE: Final = re.compile(
    f"[{re.escape(_NOT_LAST)}]*(?:[{_WIDE}]|[^\\s{_WIDE}]+)[{re.escape(_NOT_FIRST)}]*[ ]*"
    f"|[{re.escape(_NOT_LAST)}]+[ ]*|[ ]+"
)


def wrapped(text: str, width: float, measure: Callable[[str], float]) -> list[str]:
    """The lines of a text that is at most `width` wide; a word that is wider is cut."""
    lines: list[str] = []
    line = ""
    for piece in _pieces(text):
        if line and measure((line + piece).rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        while measure(piece.rstrip()) > width and len(piece) > 1:
            fits = next(n for n in range(len(piece), 0, -1) if n == 1 or measure(piece[:n]) <= width)
            lines.append(piece[:fits])
            piece = piece[fits:]
        line += piece
    return [*lines, line.rstrip()]


def _pieces(text: str) -> Iterator[str]:
    end = 0
    for match in _PIECE.finditer(text):
        yield text[end : match.end()]
        end = match.end()
    if end < len(text):
        yield text[end:]
