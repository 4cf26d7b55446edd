"""Forbidden words are found in every disguise, and honest text is left alone."""

from __future__ import annotations

import pytest

from notifier.domain.words import first_forbidden, plain


@pytest.mark.parametrize(
    "disguised",
    [
        "逾期",
        "逾 期",
        "逾\u200b期",
        "逾\u3000期",
        "逾*期",
        "逾\u0336期",
        "逾。期",
        "逾_期",
        "逾\u3164期",
        "逾\ufe0f期",
        "逾\n期",
        "逾（期）",
    ],
)
def test_a_word_is_found_in_disguise(disguised: str) -> None:
    assert first_forbidden(plain(f"您的账单已{disguised}。"), ["罚息", "逾期"]) == "逾期"


@pytest.mark.parametrize("disguised", ["Over due", "ＯＶＥＲＤＵＥ", "o.v.e.r.d.u.e", "OVERDUE"])
def test_letters_of_any_width_and_case_are_the_same(disguised: str) -> None:
    assert first_forbidden(plain(f"it is {disguised}!"), ["overdue"]) == "overdue"


def test_honest_text_is_left_alone() -> None:
    assert first_forbidden(plain("您好，期待您的来电。"), ["逾期", "罚息"]) is None
