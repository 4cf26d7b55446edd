"""What may be filled into a text: the whitelist of variables, what each may look like, and how it is shown."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from decimal import Decimal
from typing import Final

#: Every variable there is, with a value of the longest usual kind: templates are tried with it at load.
SAMPLE: Final = {
    "institution": "示例消费金融有限公司",
    "hotline": "400-800-0000",
    "principal": "示例银行股份有限公司",
    "amount_due": "1234567.89",
    "currency": "CNY",
    "due_on": "2026-11-20",
    "name": "欧阳",
}
#: Those a text must do without where they are not known.
OPTIONAL: Final = frozenset({"name", "principal"})
#: Those that tell what is owed.
FIGURES: Final = frozenset({"amount_due", "currency", "due_on"})

#: A full stop ends a part, or stands in initials, so that no phone makes a link of it.
_COMPANY: Final = re.compile(r"[^\W_](([\w &,()（）·'-]|\.(?!\w)|\.(?=[A-Z](?:\.|$))){0,48}[\w.)）])?")
_SHAPES: Final = {
    "institution": _COMPANY,
    "principal": _COMPANY,
    "hotline": re.compile(r"\+?[0-9][0-9 -]{3,18}[0-9]"),
    "amount_due": re.compile(r"[0-9]{1,12}(\.[0-9]{1,3})?"),
    "currency": re.compile(r"[A-Z]{3}"),
    "due_on": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
}
_LONGEST_NAME: Final = 20
_COMPOUND_SURNAME: Final = re.compile(
    "欧阳|司马|上官|诸葛|东方|皇甫|尉迟|公孙|慕容|令狐|司徒|司空|夏侯|端木|百里|南宫|长孙|宇文|轩辕"
)
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_CHINESE = re.compile(r"[\u3400-\u9fff\U00020000-\U000323af]+")


def refusal(name: str, value: str) -> str | None:
    """Why a value may not be filled in, None if it may."""
    if name == "name":
        return None if _is_name(value) else "does not have the form it must have"
    shape = _SHAPES.get(name)
    if shape is None:
        return "is not one a text may use"
    if not shape.fullmatch(value):
        return "does not have the form it must have"
    if name == "due_on":
        try:
            date.fromisoformat(value)
        except ValueError:
            return "is not a date"
    return None


def _is_name(value: str) -> bool:
    """Letters of any script with the marks that belong to them, in up to 20 characters; single spaces, hyphens,
    apostrophes and middle dots between letters, full stops after initials. Nothing a phone would make a link."""
    if not 1 <= len(value) <= _LONGEST_NAME or unicodedata.normalize("NFC", value) != value:
        return False
    before = " "
    for char, after in zip(value, f"{value[1:]} ", strict=True):
        kind = unicodedata.category(char)
        fits = (
            kind.startswith("L")
            or (kind in ("Mn", "Mc") and unicodedata.category(before)[0] in "LM")
            or (char in " '’·-" and _is_letter(before) and _is_letter(after))
            or (char == " " and before == "." and _is_letter(after))
            or (char == "." and _is_letter(before) and after == " ")
        )
        if not fits:
            return False
        before = char
    return _is_letter(value[0])


def _is_letter(char: str) -> bool:
    return unicodedata.category(char)[0] in "LM"


def family_name(name: str) -> str:
    """How much of a name a text shows: the family name alone."""
    trimmed = unicodedata.normalize("NFC", name.strip())
    if _CHINESE.fullmatch(trimmed):
        compound = len(trimmed) > 2 and _COMPOUND_SURNAME.match(trimmed)
        return trimmed[: 2 if compound else 1]
    return trimmed.split()[-1] if trimmed else ""


def day(iso: str, locale: str) -> str:
    """A business date in words: 11月20日, 20 November. One that is missing says so when it is read."""
    on = date.fromisoformat(str(iso))
    return f"{on.month}月{on.day}日" if locale == "zh-CN" else f"{on.day} {_MONTHS[on.month - 1]}"


def money(amount: str, currency: str, locale: str) -> str:
    """An amount as a person reads it: 3,200.00元, CNY 3,200.00."""
    shown = f"{Decimal(str(amount)):,}"
    if locale == "zh-CN":
        return f"{shown}元" if currency == "CNY" else f"{shown} {currency}"
    return f"{currency} {shown}"
