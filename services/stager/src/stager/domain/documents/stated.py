"""How documents state figures and dates, and what stops one from being made."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TypeVar

from spine.documents.model import Locale
from spine.errors import Conflict, TactError
from spine.money import format_minor

T = TypeVar("T")
_MONTHS = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)


class MissingField(TactError):
    """A mandatory field of the document is not known; `field` names it."""

    code = "missing_field"
    status = 422


class SumsDiffer(Conflict):
    """Figures that must add up to the cent do not: no document is made until the ledger's are checked."""

    code = "sums_differ"


def known(field: str, value: T | None) -> T:
    """The value of a mandatory field. Raises MissingField."""
    if value is None or value == "" or value == ():
        raise MissingField(f"{field}: the document has to say it and it is not known", field=field)
    return value


def check_sum(what: str, parts: Iterable[int], total: int) -> None:
    """Raises SumsDiffer unless the parts are the total."""
    found = sum(parts)
    if found != total:
        raise SumsDiffer(f"{what}: the parts come to {found} minor units, the total says {total}", what=what)


def amount(minor: int, currency: str) -> str:
    """An amount with its currency and grouped thousands: CNY 3,259.52."""
    return f"{currency} {plain_amount(minor, currency)}"


def plain_amount(minor: int, currency: str) -> str:
    """An amount with grouped thousands: 3,259.52."""
    whole, dot, decimals = format_minor(minor, currency).partition(".")
    return f"{int(whole):,}{dot}{decimals}"


def day(on: date, locale: Locale) -> str:
    """A date as it is written: 2026年11月24日, 24 November 2026."""
    if locale == "zh-CN":
        return f"{on.year}年{on.month}月{on.day}日"
    return f"{on.day} {_MONTHS[on.month - 1]} {on.year}"
