"""Conditions that can never hold, or ask for nothing: found before a strategy goes live."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from stager.domain.conditions import (
    Amount,
    Channels,
    Condition,
    FailedDebitIs,
    HoldKinds,
    Members,
    Number,
    OneOf,
    word_matches,
)

#: Days past due of a stage, both included; None where it has no bound.
DpdRange = tuple[int | None, int | None]
#: By stage.
Bounds = Mapping[str, DpdRange]

_NUMBERS: Final = ("dpd", "promises_broken_60d", "loans_in_case")
_AMOUNTS: Final = ("overdue_total", "outstanding")
_WORDS: Final = ("stage", "product", "region", "locale", "failed_debit")
_SETS: Final = ("flags", "holds", "channels")
_FLAGS: Final = ("plan_open", "local")


def why_never(conditions: Sequence[Condition], stage: str, dpd: DpdRange = (None, None)) -> Iterator[str]:
    """Why these conditions cannot all hold for a loan in a stage with these days past due."""
    for name in _NUMBERS:
        low, high = dpd if name == "dpd" else (0, None)
        asked = [each for each in _asked(conditions, name) if isinstance(each, Number)]
        yield from _never_a_number(name, asked, low, high)
    for name in _AMOUNTS:
        yield from _never_an_amount(name, [a for a in _asked(conditions, name) if isinstance(a, Amount)])
    for name in _WORDS:
        words = [each for each in _asked(conditions, name) if isinstance(each, OneOf | FailedDebitIs)]
        known = {stage} if name == "stage" and words else None
        yield from _never_a_word(name, words, known)
    for key in sorted({key for condition in conditions for key in condition.segment}):
        traits = [condition.segment[key] for condition in conditions if key in condition.segment]
        yield from _never_a_word(f"segment.{key}", traits, None)
    for name in _SETS:
        sets = [s for s in _asked(conditions, name) if isinstance(s, Members | HoldKinds | Channels)]
        yield from _never_a_set(name, sets)
    for name in _FLAGS:
        if len({each for each in _asked(conditions, name) if isinstance(each, bool)}) > 1:
            yield f"{name} cannot be true and false"
    for condition in conditions:
        if condition.any_of and all(
            any(True for _ in why_never((each,), stage, dpd)) for each in condition.any_of
        ):
            yield "none of any_of can hold"


def asks_nothing(condition: Condition) -> Iterator[str]:
    """What is named in a condition without asking anything of it."""
    names = (*_NUMBERS, *_AMOUNTS, *_WORDS, *_SETS)
    named = [(name, getattr(condition, name)) for name in names]
    named += [(f"segment.{key}", word) for key, word in condition.segment.items()]
    given = [(name, asked) for name, asked in named if asked is not None]
    flags = [name for name in _FLAGS if getattr(condition, name) is not None]
    if not given and not flags and not condition.any_of:
        yield "a condition that names no fact"
    for name, asked in given:
        bounds = [getattr(asked, field) for field in asked.__struct_fields__ if field != "currency"]
        if all(bound is None for bound in bounds):
            yield f"{name} is named but nothing is asked of it"
    for each in condition.any_of:
        yield from asks_nothing(each)


def _asked(conditions: Iterable[Condition], name: str) -> list[object]:
    found = (getattr(condition, name) for condition in conditions)
    return [each for each in found if each is not None]


def _never_a_number(name: str, asked: Sequence[Number], low: int | None, high: int | None) -> Iterator[str]:
    if not asked:
        return
    lows = [low, *(n.at_least for n in asked), *(n.equals for n in asked)]
    highs = [high, *(n.at_most for n in asked), *(n.equals for n in asked)]
    least = max((bound for bound in lows if bound is not None), default=None)
    most = min((bound for bound in highs if bound is not None), default=None)
    if least is not None and most is not None and least > most:
        yield f"{name} cannot be at least {least} and at most {most}"


def _never_an_amount(name: str, asked: Sequence[Amount]) -> Iterator[str]:
    currencies = sorted({amount.currency for amount in asked})
    if len(currencies) > 1:
        yield f"{name} cannot be in {' and '.join(currencies)}"
        return
    # A bound that is excluded sorts as the tighter one of two equal bounds.
    lows = [(Decimal(a.at_least), 0) for a in asked if a.at_least is not None]
    lows += [(Decimal(a.above), 1) for a in asked if a.above is not None]
    highs = [(Decimal(a.at_most), 0) for a in asked if a.at_most is not None]
    highs += [(Decimal(a.below), -1) for a in asked if a.below is not None]
    if lows and highs:
        (least, above), (most, below) = max(lows), min(highs)
        if least > most or (least == most and (above or below)):
            yield f"{name} cannot lie between {least} and {most}"


def _never_a_word(name: str, asked: Sequence[OneOf | FailedDebitIs], known: set[str] | None) -> Iterator[str]:
    excluded = {word for each in asked for word in each.not_in or ()}
    wanted = [set(each.is_in) for each in asked if each.is_in is not None]
    if known is not None:
        wanted.append(known)
    if not wanted:
        return
    left = {
        word
        for word in set().union(*wanted)
        if all(any(_overlap(word, other) for other in words) for words in wanted)
        and not any(word_matches(no, word.removesuffix("*")) for no in excluded)
    }
    if not left:
        yield f"{name} has no value left that it may be"


def _overlap(one: str, other: str) -> bool:
    """Whether some word fits both patterns."""
    bare, other_bare = one.removesuffix("*"), other.removesuffix("*")
    return word_matches(one, other_bare) or word_matches(other, bare)


def _never_a_set(name: str, asked: Sequence[Members | HoldKinds | Channels]) -> Iterator[str]:
    required: set[str] = {word for each in asked for word in each.all or ()}
    excluded: set[str] = {word for each in asked for word in each.none or ()}
    if both := sorted(required & excluded):
        yield f"{name} cannot have and lack {', '.join(both)}"
    for each in asked:
        if each.any is not None and set(each.any) <= excluded:
            yield f"{name} cannot have any of {', '.join(each.any)}, all are excluded"
