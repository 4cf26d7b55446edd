"""What a step or a scope may ask of a case: a closed vocabulary of facts, comparisons and what "unknown" means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, field

from spine.events.stager import ContactChannel, HoldKind
from spine.money import decimals_of

Word = Annotated[str, Meta(min_length=1, max_length=100)]
Words = Annotated[tuple[Word, ...], Meta(min_length=1, max_length=100)]
SegmentKey = Literal["occupation", "household", "purpose", "risk_grade"]
#: The reason of the last failed debit as conditions name it; `none` where none failed.
DebitReason = Literal["insufficient", "card_invalid", "limit", "other", "none"]


class CaseFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a condition can ask of a loan and its borrower. None is "not known", never "no".

    Amounts in minor units of `currency`. `channels`: those on which the person can be reached, where that is
    known. `local`: a branch lies in the prefecture of the verified address. `loans`: loans in arrears of the
    case. `segment` has the keys that the profile gives. Sequences are sorted, so that the same facts have the
    same canonical form.
    """

    stage: str | None
    dpd: int | None
    currency: str
    overdue_total_minor: int | None
    outstanding_minor: int | None
    product: str | None
    region: str | None = None
    locale: str | None = None
    segment: dict[str, str] = {}
    flags: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    promises_broken_60d: int = 0
    plan_open: bool = False
    failed_debit_reason: str | None = None
    channels: tuple[str, ...] | None = None
    local: bool | None = None
    loans: int = 1

    def canonical(self) -> str:
        """Canonical JSON (RFC 8785), which msgspec's is for what these fields can hold."""
        return msgspec.json.encode(self, order="sorted").decode()


class Number(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A whole number compared; all comparisons given must be true."""

    equals: int | None = None
    at_least: int | None = None
    at_most: int | None = None

    def accepts(self, value: int) -> bool:
        """Whether the number lies where it must."""
        return (
            (self.equals is None or value == self.equals)
            and (self.at_least is None or value >= self.at_least)
            and (self.at_most is None or value <= self.at_most)
        )


AmountText = Annotated[str, Meta(pattern=r"^[0-9]{1,15}(\.[0-9]{1,3})?$")]


class Amount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """An amount of one currency compared: `above` and `below` exclude the bound. Another currency is not known."""

    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]
    at_least: AmountText | None = None
    above: AmountText | None = None
    at_most: AmountText | None = None
    below: AmountText | None = None

    def accepts(self, minor: int) -> bool:
        """Whether so many minor units of this currency lie where they must."""
        value = Decimal(minor).scaleb(-decimals_of(self.currency))
        return (
            (self.at_least is None or value >= Decimal(self.at_least))
            and (self.above is None or value > Decimal(self.above))
            and (self.at_most is None or value <= Decimal(self.at_most))
            and (self.below is None or value < Decimal(self.below))
        )


class OneOf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One word compared; a word that ends in `*` stands for all that begin so."""

    is_in: Words | None = field(name="is", default=None)
    not_in: Words | None = field(name="is_not", default=None)

    def accepts(self, value: str) -> bool:
        """Whether the word is among those wanted and not among those excluded."""
        wanted = self.is_in is None or any(word_matches(word, value) for word in self.is_in)
        return wanted and not any(word_matches(word, value) for word in self.not_in or ())


class Members(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A set compared: all of, any of, none of these are in it."""

    all: Words | None = None
    any: Words | None = None
    none: Words | None = None

    def accepts(self, values: tuple[str, ...]) -> bool:
        """Whether the set has what it must and lacks what it must not have."""
        return (
            (self.all is None or all(word in values for word in self.all))
            and (self.any is None or any(word in values for word in self.any))
            and not any(word in values for word in self.none or ())
        )


class HoldKinds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Kinds of holds active on the loan compared, as `Members`."""

    all: Annotated[tuple[HoldKind, ...], Meta(min_length=1)] | None = None
    any: Annotated[tuple[HoldKind, ...], Meta(min_length=1)] | None = None
    none: Annotated[tuple[HoldKind, ...], Meta(min_length=1)] | None = None

    def accepts(self, values: tuple[str, ...]) -> bool:
        """As `Members.accepts`."""
        return Members(all=self.all, any=self.any, none=self.none).accepts(values)


class Channels(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Channels on which the person can be reached compared, as `Members`."""

    all: Annotated[tuple[ContactChannel, ...], Meta(min_length=1)] | None = None
    any: Annotated[tuple[ContactChannel, ...], Meta(min_length=1)] | None = None
    none: Annotated[tuple[ContactChannel, ...], Meta(min_length=1)] | None = None

    def accepts(self, values: tuple[str, ...]) -> bool:
        """As `Members.accepts`."""
        return Members(all=self.all, any=self.any, none=self.none).accepts(values)


class FailedDebitIs(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """The reason of the last failed debit compared; `none` where no debit failed."""

    is_in: Annotated[tuple[DebitReason, ...], Meta(min_length=1)] | None = field(name="is", default=None)
    not_in: Annotated[tuple[DebitReason, ...], Meta(min_length=1)] | None = field(name="is_not", default=None)

    def accepts(self, value: str) -> bool:
        """Whether the reason is among those wanted and not among those excluded."""
        return (self.is_in is None or value in self.is_in) and value not in (self.not_in or ())


class Condition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """All that is named must be true; `any_of` needs one of its conditions to be.

    `if_unknown` says what the condition comes to when a fact it rests on is not known; without it the place
    decides: `only_if` fails then, `stop_if` stops.
    """

    stage: OneOf | None = None
    dpd: Number | None = None
    overdue_total: Amount | None = None
    outstanding: Amount | None = None
    product: OneOf | None = None
    region: OneOf | None = None
    locale: OneOf | None = None
    segment: dict[SegmentKey, OneOf] = {}
    flags: Members | None = None
    holds: HoldKinds | None = None
    promises_broken_60d: Number | None = None
    plan_open: bool | None = None
    failed_debit: FailedDebitIs | None = None
    channels: Channels | None = None
    local: bool | None = None
    loans_in_case: Number | None = None
    any_of: tuple[Condition, ...] = ()
    if_unknown: Literal["holds", "fails"] | None = None


def holds(condition: Condition, facts: CaseFacts, *, unknown: bool = False) -> bool:
    """Whether a condition is true of a case; what is not known counts as the condition says, else as `unknown`.

    A fact that is known to differ decides whatever else is unknown.
    """
    truth = _truth(condition, facts)
    if truth is not None:
        return truth
    return unknown if condition.if_unknown is None else condition.if_unknown == "holds"


def may_do(only_if: tuple[Condition, ...], facts: CaseFacts) -> bool:
    """Whether every condition of an `only_if` holds; one on an unknown fact does not unless it says so."""
    return all(holds(condition, facts, unknown=False) for condition in only_if)


def must_stop(stop_if: tuple[Condition, ...], facts: CaseFacts) -> bool:
    """Whether any condition of a `stop_if` holds; one on an unknown fact does unless it says otherwise."""
    return any(holds(condition, facts, unknown=True) for condition in stop_if)


def word_matches(pattern: str, value: str) -> bool:
    """Whether a word is the one named, or begins as a pattern with a final `*` says."""
    return value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern


def _truth(condition: Condition, facts: CaseFacts) -> bool | None:
    """True, false, or None when it hangs on a fact that is not known (Kleene's three values)."""
    parts = list(_parts(condition, facts))
    if condition.any_of:
        parts.append(_any_of([_settled(each, facts) for each in condition.any_of]))
    if False in parts:
        return False
    return None if None in parts else True


def _settled(condition: Condition, facts: CaseFacts) -> bool | None:
    truth = _truth(condition, facts)
    if truth is None and condition.if_unknown is not None:
        return condition.if_unknown == "holds"
    return truth


def _any_of(truths: list[bool | None]) -> bool | None:
    if True in truths:
        return True
    return None if None in truths else False


def _parts(condition: Condition, facts: CaseFacts) -> Iterator[bool | None]:
    """The truth of each fact that is asked for."""
    for name, value_of in _READ.items():
        asked = getattr(condition, name)
        if asked is None:
            continue
        value = value_of(facts)
        if value is None:
            yield None
        elif isinstance(asked, bool):
            yield asked == value
        elif isinstance(asked, Amount) and asked.currency != facts.currency:
            yield None
        else:
            yield asked.accepts(value)
    for key, word in condition.segment.items():
        known = facts.segment.get(key)
        yield None if known is None else word.accepts(known)


#: How each fact that a condition may name is read from a case.
_READ: Final[Mapping[str, Callable[[CaseFacts], object]]] = {
    "stage": lambda facts: facts.stage,
    "dpd": lambda facts: facts.dpd,
    "overdue_total": lambda facts: facts.overdue_total_minor,
    "outstanding": lambda facts: facts.outstanding_minor,
    "product": lambda facts: facts.product,
    "region": lambda facts: facts.region,
    "locale": lambda facts: facts.locale,
    "flags": lambda facts: facts.flags,
    "holds": lambda facts: facts.holds,
    "promises_broken_60d": lambda facts: facts.promises_broken_60d,
    "plan_open": lambda facts: facts.plan_open,
    "failed_debit": lambda facts: facts.failed_debit_reason or "none",
    "channels": lambda facts: facts.channels,
    "local": lambda facts: facts.local,
    "loans_in_case": lambda facts: facts.loans,
}
