"""What texts mean: every keyword of every pack in every disguise, signs of danger, and what is neither."""

from __future__ import annotations

import pytest

from notifier.policy import load_listener

LISTENER = load_listener()
WORDS = ["R", "T", "TD", "退订", "拒收", "stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe"]


@pytest.mark.parametrize("word", WORDS)
def test_a_keyword_is_known_however_it_is_written(word: str) -> None:
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in word)
    spaced = " ".join(word)
    unseen = "\u200b".join(word)
    shouted = f"  {word.upper()}!!! "
    for written in (word, word.lower(), wide, spaced, unseen, shouted, f"“{word}”。", f"{word}\n"):
        assert LISTENER.meaning(written).keyword is not None, written


@pytest.mark.parametrize(
    "text",
    [
        "请退订",
        "退订，谢谢",
        "回复TD",
        "Please stop",
        "STOP texting me now",
        "Opt-Out",
        "optout",
        "unsubscribe me from this",
        "别再发短信了",
        "Please do not contact me again",
        "s.t.o.p",
        "ｓｔｏｐ",
        "Cancel please",
    ],
)
def test_an_opt_out_is_known_among_words_of_politeness(text: str) -> None:
    assert LISTENER.meaning(text).keyword is not None


@pytest.mark.parametrize(
    "text",
    [
        "我明天还款",
        "明天下午三点打给我",
        "How can I stop the direct debit on my account?",
        "At the end of the month I can pay",
        "Is there a way to cancel the late fee",
        "Tomorrow",
        "OK",
        "好的",
        "",
        "123",
        "Rent is due first",
        "I will call T-Mobile",
    ],
)
def test_what_only_contains_a_keyword_is_for_a_person(text: str) -> None:
    meaning = LISTENER.meaning(text)
    assert (meaning.keyword, meaning.sign) == (None, None)


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("再逼我我就跳楼", "self_harm"),
        ("我 不 想 活 了", "self_harm"),
        ("I want to die", "self_harm"),
        ("I don't want to live any more", "self_harm"),
        ("SUICIDE is all that is left", "self_harm"),
        ("再发短信我就弄死你", "threat"),
        ("I will kill you", "threat"),
        ("我查出癌症了，在化疗", "grave_illness"),
        ("I am in chemotherapy", "grave_illness"),
        ("我生病了，发烧", None),
        ("Please cancel the call", None),
    ],
)
def test_a_sign_of_danger_is_seen(text: str, sign: str | None) -> None:
    assert LISTENER.meaning(text).sign == sign


def test_who_is_in_danger_may_also_want_no_more_texts() -> None:
    meaning = LISTENER.meaning("退订！不想活了")
    assert (meaning.keyword, meaning.sign) == ("退订", "self_harm")
