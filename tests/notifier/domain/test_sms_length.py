"""A text message is counted as the network counts it, on both sides of every boundary."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.sms_length import Encoding, measure


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments"),
    [
        ("", Encoding.GSM_7, 0, 1),
        ("a" * 160, Encoding.GSM_7, 160, 1),
        ("a" * 161, Encoding.GSM_7, 161, 2),
        ("a" * 306, Encoding.GSM_7, 306, 2),
        ("a" * 307, Encoding.GSM_7, 307, 3),
        ("€" * 80, Encoding.GSM_7, 160, 1),
        ("a" * 159 + "€", Encoding.GSM_7, 161, 2),
        # An escape and its character stay together: 152 and one free, then 2 + 150.
        ("a" * 152 + "€" + "a" * 151, Encoding.GSM_7, 305, 2),
        ("a" * 152 + "€" + "a" * 152, Encoding.GSM_7, 306, 3),
        ("好" * 70, Encoding.UCS_2, 70, 1),
        ("好" * 71, Encoding.UCS_2, 71, 2),
        ("好" * 134, Encoding.UCS_2, 134, 2),
        ("好" * 135, Encoding.UCS_2, 135, 3),
        ("😀" * 35, Encoding.UCS_2, 70, 1),
        # A pair of surrogates stays together: 33 of them fill 66 of 67.
        ("😀" * 66, Encoding.UCS_2, 132, 2),
        ("😀" * 67, Encoding.UCS_2, 134, 3),
        ("a" * 69 + "’", Encoding.UCS_2, 70, 1),
        ("É à Ω £ @", Encoding.GSM_7, 9, 1),
        ("ê", Encoding.UCS_2, 1, 1),
    ],
)
def test_both_sides_of_every_boundary(text: str, encoding: Encoding, units: int, segments: int) -> None:
    measured = measure(text)
    assert (measured.encoding, measured.units, measured.segments) == (encoding, units, segments)


@given(st.text(max_size=400), st.text(max_size=20))
def test_more_text_is_never_fewer_messages(text: str, more: str) -> None:
    assert measure(text).segments <= measure(text + more).segments
    assert measure(text).units <= 160 * measure(text).segments
