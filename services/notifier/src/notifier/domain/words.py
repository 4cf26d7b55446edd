"""Finds forbidden words however they are disguised: normalised, without spaces, zero-width and punctuation."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

#: Everything that is no letter or digit, and the fillers that Unicode calls letters though nothing shows.
_NOISE = re.compile("[\\W_\u115f\u1160\u3164\uffa0]+")


def plain(text: str) -> str:
    """The letters and digits of a text alone: NFKC, case-folded."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", text).casefold())


@lru_cache(maxsize=4096)
def _plain_word(word: str) -> str:
    return plain(word)


def first_forbidden(plain_text: str, words: Iterable[str]) -> str | None:
    """The first of the words that occurs in a text already made plain."""
    return next((word for word in words if _plain_word(word) in plain_text), None)


@lru_cache(maxsize=256)
def pattern(source: str) -> re.Pattern[str]:
    """A pattern a text must begin with; ValueError if it is none."""
    try:
        return re.compile(source)
    except re.error as error:
        raise ValueError(f"not a pattern: {source!r}: {error}") from None
