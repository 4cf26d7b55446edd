"""Finds words however they are disguised: folded to what a reader sees, without spaces, zero-width, punctuation."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

import opencc

#: The look-alikes, part of what a text is judged by: raised whenever they or the folding change.
FOLDING: Final = f"words-3/opencc-{opencc.__version__}"

#: The blocks of characters that have simplified forms.
_HAN: Final = (range(0x3400, 0x4DC0), range(0x4E00, 0xA000), range(0x20000, 0x2A6E0))

#: Everything that is no letter or digit, and what Unicode calls letters though nothing shows, or only a stroke,
#: a click, a modifier or a sign of repetition that a reader passes over.
_NOISE = re.compile(
    "[\\W_\u115f\u1160\u3164\uffa0\u01c0-\u01c3\u02b0-\u02ff\u0640\u07fa\ua78b\ua78c\u3005\u3031-\u3035\u303b"
    "\u309d\u309e\u30fc-\u30fe\u4e28\u4e36\u4e3f]+"
)


@dataclass(frozen=True, slots=True)
class _Folds:
    """What stands for what, by code point: `shapes` for texts as typed, `small` after case is folded, `marks`
    for signs that are noise elsewhere; `shaped` and `marked` are the texts that need them at all."""

    shapes: dict[int, str]
    small: dict[int, str]
    marks: dict[int, str]
    shaped: frozenset[str]
    marked: re.Pattern[str]


@cache
def _folds() -> _Folds:
    """The table shipped with the package, read once."""
    sections: dict[str, dict[int, str]] = {}
    section: dict[int, str] = {}
    text = (files("notifier") / "rules" / "lookalikes.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("["):
            section = sections.setdefault(line.strip("[]"), {})
        elif section is sections.get("pairs"):
            one, _, two = line.partition(" ")
            section[ord(one)] = two
        elif sections:
            one, _, many = line.partition(" ")
            section |= dict.fromkeys(map(ord, many), one)
    # Greek eta is an n, but its capital an H: capitals are looked up before case is folded.
    han = sections["han"]
    shapes = sections["letters"] | {code: han.get(ord(one), one) for code, one in _simplified().items()} | han
    # One letter becomes two, never two one: a word then is found whatever stands before and behind it.
    pairs = sections["pairs"]
    single = sections["letters"] | sections["digits"]
    small = {code: pairs.get(ord(letter), letter) for code, letter in single.items()} | pairs
    signs = re.escape("".join(map(chr, sections["marks"])))
    beside = "[A-Za-z\u0080-\u1fff]"
    marked = re.compile(f"(?<={beside})[{signs}]|[{signs}](?={beside})")
    return _Folds(shapes, small, sections["marks"], frozenset(map(chr, shapes)), marked)


def _simplified() -> dict[int, str]:
    """Traditional and Japanese forms, by code point, as the simplified character a reader takes them for."""
    typed = [chr(code) for block in _HAN for code in block]
    text = "\n".join(typed)
    simplify, from_japanese = opencc.OpenCC("t2s"), opencc.OpenCC("jp2t")
    found: dict[int, str] = {}
    for read in (simplify.convert(from_japanese.convert(text)), simplify.convert(text)):
        pairs = zip(typed, read.split("\n"), strict=True)
        found |= {ord(one): other for one, other in pairs if len(other) == 1 and one != other}
    return found


@lru_cache(maxsize=128)
def plain(text: str) -> str:
    """A text to look for words in: its letters and digits alone, as a reader takes them. Two readings, one a line,
    where signs may be letters (p@y) or nothing (p@a@y). Kept for a moment: a text is judged when it is made and
    again when it is decided on."""
    folds = _folds()
    typed = unicodedata.normalize("NFKD", text)
    read = _letters(typed, folds)
    if folds.marked.search(typed) is None:
        return read
    return f"{read}\n{_letters(typed.translate(folds.marks), folds)}"


def _letters(typed: str, folds: _Folds) -> str:
    if not folds.shaped.isdisjoint(typed):
        typed = typed.translate(folds.shapes)
    return _NOISE.sub("", typed.casefold()).translate(folds.small)


@lru_cache(maxsize=4096)
def _plain_word(word: str) -> str:
    return _letters(unicodedata.normalize("NFKD", word), _folds())


def first_forbidden(plain_text: str, words: Iterable[str]) -> str | None:
    """The first of the words that occurs in a text already made plain."""
    return next((word for word in words if _plain_word(word) in plain_text), None)


def first_missing(plain_text: str, words: Iterable[str]) -> str | None:
    """The first of the words that does not occur in a text already made plain."""
    return next((word for word in words if _plain_word(word) not in plain_text), None)


@lru_cache(maxsize=256)
def pattern(source: str) -> re.Pattern[str]:
    """A pattern a text must begin with; ValueError if it is none."""
    try:
        return re.compile(source)
    except re.error as error:
        raise ValueError(f"not a pattern: {source!r}: {error}") from None
