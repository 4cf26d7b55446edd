"""Which dates can be a loan's: others are refused at the door, before anything is reckoned by them."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Final

import msgspec

from spine.errors import BadSchema
from spine.events.corebanking import LoanContract, LoanRescheduled
from spine.events.registry import Event

#: Within these years accrued penalty stays in the range of a bigint, and every zone has every instant.
FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2199
#: A pause until 9999-12-31 is how many systems say that it has no end.
_MAY_BE_FOR_EVER: Final = frozenset({"to_on"})


def check_dates(event: Event) -> None:
    """Raises BadSchema for a date or instant that no loan can have."""
    for name, stated_as in _dated(type(event)):
        _check(getattr(event, name), stated_as)
    if isinstance(event, LoanContract | LoanRescheduled):
        for number, row in enumerate(event.schedule):
            if not FIRST_YEAR <= row.due_on.year <= LAST_YEAR:
                _check(row.due_on, f"schedule[{number}].due_on")


def _check(value: object, stated_as: str) -> None:
    if isinstance(value, date) and not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise BadSchema(
            f"{stated_as}: {value} is not between the years {FIRST_YEAR} and {LAST_YEAR}", field=stated_as
        )


@lru_cache(maxsize=256)
def _dated(cls: type[Event]) -> tuple[tuple[str, str], ...]:
    """The fields of an event that may hold a date or datetime, with the names under which they are stated."""
    return tuple(
        (each.name, each.encode_name)
        for each in msgspec.structs.fields(cls)
        if "date" in str(each.type) and each.name not in _MAY_BE_FOR_EVER
    )
