"""Forbidden words are found in every disguise, and honest text is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.words import _folds, first_forbidden, first_missing, plain


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


@pytest.mark.parametrize(
    ("disguised", "word"),
    [
        ("оvеrduе", "overdue"),  # Cyrillic
        ("ΟVΕRDUΕ", "overdue"),  # Greek
        ("BRΕΑCΗ", "breach"),
        ("0verdu3", "overdue"),
        ("óvérdüe", "overdue"),
        ("🅞🅥🅔🅡🅓🅤🅔", "overdue"),
        ("🇴🇻🇪🇷🇩🇺🇪", "overdue"),
        ("𝓸𝓿𝓮𝓻𝓭𝓾𝓮", "overdue"),
        ("penaIty", "penalty"),
        ("pen@lty", "penalty"),
        ("p@enal@ty", "penalty"),
        ("lavvyer", "lawyer"),
        ("payrnent", "payment"),
        ("overclue", "overdue"),
        ("違約", "违约"),
        ("罰 息", "罚息"),
        ("起訴", "起诉"),
        ("強 制 執 行", "强制执行"),
        ("踰期", "逾期"),
        ("逾朞", "逾期"),
        ("逾\u00ad期", "逾期"),
        ("逾\u202e期", "逾期"),
        ("逾\u2060期", "逾期"),
        ("逾\U000e0061期", "逾期"),
        ("逾|期", "逾期"),
        ("逾😀期", "逾期"),
        ("\u2f86\u2f86逾期", "逾期"),
        ("法院傳票", "法院传票"),
        ("逾ʼ期", "逾期"),
        ("逾ー期", "逾期"),
        ("逾丨期", "逾期"),
        ("逾ǃ期", "逾期"),
        ("逾ـ期", "逾期"),
    ],
)
def test_what_looks_like_a_word_is_that_word(disguised: str, word: str) -> None:
    assert first_forbidden(plain(f"x {disguised} x"), [word]) == word


@pytest.mark.parametrize(
    "text", ["您好！期待您的来电。", "预期", "逾", "期逾", "We are over the moon: it is due."]
)
def test_what_only_has_the_same_parts_is_another_word(text: str) -> None:
    assert first_forbidden(plain(text), ["逾期", "overdue"]) is None


_WORDS = ("逾期", "罚息", "强制执行", "黑名单公示", "overdue", "penalty", "lawyer", "payment", "lawsuit")
LOOKALIKES = _folds().shapes
#: Signs that are no letters, whole or in part, such as a bracketed one.
_SIGN = st.characters(categories=["Zs", "Cf", "Mn", "P", "So"]).filter(lambda sign: plain(sign) == "")
_NOTHING = st.text(_SIGN, max_size=3)


def _faces(letter: str) -> list[str]:
    """The letter itself, in other cases and widths, and the look-alikes the table names."""
    wide = chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter
    return [letter, letter.upper(), wide, *(chr(code) for code, read in LOOKALIKES.items() if read == letter)]


@given(st.data(), st.sampled_from(_WORDS), st.text(max_size=5), st.text(max_size=5))
def test_no_mixture_of_tricks_hides_a_word(data: st.DataObject, word: str, before: str, after: str) -> None:
    shown = "".join(data.draw(st.sampled_from(_faces(letter))) + data.draw(_NOTHING) for letter in word)
    assert first_forbidden(plain(f"{before} {shown} {after}"), [word]) == word


@pytest.mark.parametrize(
    ("text", "missing"), [("Reply STOP to opt out", None), ("Reply soon", "STOP to opt out")]
)
def test_a_required_word_is_looked_for_as_a_forbidden_one(text: str, missing: str | None) -> None:
    assert first_missing(plain(text), ["STOP to opt out"]) == missing
