"""The lines of a UTF-8 file by number: blank ones counted and passed over, those beyond reason not kept."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO, Final

from spine.errors import TactError

#: A loan of a thousand instalments with its history is a hundred times shorter.
MAX_LINE_BYTES: Final = 1 << 26
_CHUNK_BYTES: Final = 1 << 20


class NotUtf8(TactError):
    """The file is not UTF-8; save it as UTF-8 and try again."""

    code = "not_utf8"


def numbered_lines(file: BinaryIO, *, max_bytes: int = MAX_LINE_BYTES) -> Iterator[tuple[int, bytes | None]]:
    """Each line that is not blank with its number from 1; None for one longer than `max_bytes`.

    A byte order mark before the first line is left out. Raises NotUtf8 with line and byte.
    """
    begin = 0
    for number, line in enumerate(iter(partial(file.readline, max_bytes), b""), 1):
        if len(line) == max_bytes and not line.endswith(b"\n"):
            begin += _pass_over(file, line, number, begin)
            yield number, None
            continue
        if not line.isascii():
            _check(line, number, begin)
        begin += len(line)
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        if line.strip():
            yield number, line


def _pass_over(file: BinaryIO, head: bytes, number: int, begin: int) -> int:
    """Reads a line to its end, a part at a time; returns its length."""
    length, part, rest = 0, head, b""
    while part:
        length += len(part)
        whole = rest + part
        ends = part.endswith(b"\n")
        decoded = _check(whole, number, begin + length - len(whole), final=ends)
        rest = whole[decoded:]
        part = b"" if ends else file.readline(_CHUNK_BYTES)
    if rest:
        _check(rest, number, begin + length - len(rest))
    return length


def _check(text: bytes, number: int, begin: int, *, final: bool = True) -> int:
    """How many bytes are whole characters; raises NotUtf8. `begin`: bytes of the file before these."""
    try:
        return codecs.utf_8_decode(text, "strict", final)[1]
    except UnicodeDecodeError as error:
        raise NotUtf8(f"not UTF-8: line {number}, byte {begin + error.start} ({error.reason})") from None
