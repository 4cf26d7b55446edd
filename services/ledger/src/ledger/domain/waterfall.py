"""How money is spread over what is due: by instalment (horizontal) or by component (vertical)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

from ledger.domain.facts import Charge, Chargeback, Component, Instalment, Shape

FEE: Final = 0
PENALTY: Final = 1
COMPOUND: Final = 2
INTEREST: Final = 3
PRINCIPAL: Final = 4
_INDEX: Final = {
    Component.FEE: FEE,
    Component.PENALTY: PENALTY,
    Component.COMPOUND: COMPOUND,
    Component.INTEREST: INTEREST,
    Component.PRINCIPAL: PRINCIPAL,
}


@dataclass(frozen=True, slots=True)
class CarriedPenalty:
    """Penalty and compound interest that had accrued when the loan was rescheduled: one item due that day."""

    due_on: date
    amount: int


Source = Instalment | Charge | Chargeback | CarriedPenalty


class Item:
    """Something owed with a due day of its own.

    `source`: the fact it comes from. `rests`: unpaid minor units by component. `late_from`: the first day on
    which it makes days past due and accrues. `accrued_to`: the day from which accrual goes on; the exact
    totals, and what of them has been rounded into the rests so far, stand beside it.
    """

    __slots__ = (
        "accrued_to",
        "compound_exact",
        "compound_posted",
        "due",
        "effective",
        "late_from",
        "penalty_exact",
        "penalty_posted",
        "rests",
        "source",
    )

    def __init__(
        self, source: Source, due: int, effective: int, late_from: int, accrued_to: int, rests: list[int]
    ) -> None:
        self.source = source
        self.due = due
        self.effective = effective
        self.rests = rests
        self.late_from = late_from
        self.accrued_to = accrued_to
        self.penalty_exact = self.penalty_posted = 0
        self.compound_exact = self.compound_posted = 0


Touch = Callable[[Item], None]


@lru_cache(maxsize=256)
def component_indexes(order: tuple[Component, ...]) -> tuple[int, ...]:
    """Positions in `Item.rests` in the order in which money settles them."""
    return tuple(_INDEX[component] for component in order)


def allocate(
    amount: int, items: Sequence[Item], shape: Shape, order: tuple[Component, ...], touch: Touch
) -> int:
    """Settle the rests of `items`, oldest first, and return what is left of `amount`.

    `touch` brings an item's accrual up to the day of the money before its rests change.
    """
    indexes = component_indexes(order)
    if shape is Shape.HORIZONTAL:
        for item in items:
            touch(item)
            amount = _settle(amount, item.rests, indexes)
            if not amount:
                return 0
        return amount
    for item in items:
        touch(item)
    for index in indexes:
        for item in items:
            amount = _settle(amount, item.rests, (index,))
            if not amount:
                return 0
    return amount


def _settle(amount: int, rests: list[int], indexes: tuple[int, ...]) -> int:
    for index in indexes:
        rest = rests[index]
        if rest >= amount:
            rests[index] = rest - amount
            return 0
        amount -= rest
        rests[index] = 0
    return amount
