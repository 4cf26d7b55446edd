"""The lines of a file by number: what is passed over, what is too long, and where a file stops being UTF-8."""

from __future__ import annotations

from io import BytesIO

import pytest

from tact.numbered_lines import NotUtf8, numbered_lines


def lines(text: bytes, max_bytes: int = 1_000) -> list[tuple[int, bytes | None]]:
    return list(numbered_lines(BytesIO(text), max_bytes=max_bytes))


def test_blank_lines_count_and_are_passed_over() -> None:
    assert lines(b"\n  \r\na\r\n\t\nb") == [(3, b"a\r\n"), (5, b"b")]


def test_a_mark_is_left_out_of_the_first_line_only() -> None:
    assert lines(b"\xef\xbb\xbfa\n\xef\xbb\xbfb") == [(1, b"a\n"), (2, b"\xef\xbb\xbfb")]


@pytest.mark.parametrize("end", [b"", b"\n", b"\nc"])
def test_a_line_beyond_the_limit_is_named_and_not_kept(end: bytes) -> None:
    after = [(3, b"c")] if end == b"\nc" else []
    assert lines(b"a\n" + b"b" * 50 + end, 10) == [(1, b"a\n"), (2, None), *after]


def test_the_limit_counts_the_end_of_the_line() -> None:
    assert lines(b"123456789\n123456789", 10) == [(1, b"123456789\n"), (2, b"123456789")]
    assert lines(b"1234567890\n", 10) == [(1, None)]


def test_a_character_across_the_limit_is_whole() -> None:
    for before in range(4):
        assert lines(b"x" * before + "贷款逾期".encode() + b"\na", 8) == [(1, None), (2, b"a")]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (b"\xff", "line 1, byte 0 "),
        (b"a\n\xe8\xb4\nb", "line 2, byte 2 "),
        (b"a\n" + b"b" * 20 + b"\xff\n", "line 2, byte 22 "),
        (b"a\n" + b"b" * 20 + b"\xe8\xb4", "line 2, byte 22 "),
    ],
    ids=["at once", "cut character", "in a long line", "cut at the end of a long line"],
)
def test_what_is_not_utf_8_is_named_by_line_and_byte(text: bytes, where: str) -> None:
    with pytest.raises(NotUtf8, match=where):
        lines(text, 10)
