"""Asks the ledger how an amount came about, line by line: the stager knows no rates."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec

from stager.remote import Remote, Unreachable


class Unpaid(msgspec.Struct, frozen=True):
    """Amounts by component as decimal strings."""

    principal: str
    interest: str
    fee: str
    penalty: str
    compound: str
    total: str


class Accrued(msgspec.Struct, frozen=True):
    """What accrued of a component, rounded once."""

    component: str
    rounded: str


class Put(msgspec.Struct, frozen=True):
    """An amount put on a component, or waived of it."""

    component: str
    amount: str


class Item(msgspec.Struct, frozen=True):
    """An instalment, charge or chargeback, and what is unpaid of it. `id`: the number of an instalment.

    What was stated and accrued less what was allocated and waived is what is unpaid.
    """

    kind: str
    due_on: date
    unpaid: Unpaid
    id: str | None = None
    stated: Unpaid | None = None
    accrued: tuple[Accrued, ...] = ()
    allocations: tuple[Put, ...] = ()
    waived: tuple[Put, ...] = ()


class Lines(msgspec.Struct, frozen=True):
    """How the arrears of a loan on a date came about, and the same in sentences."""

    loan_id: str
    currency: str
    as_of: date
    status: str
    dpd: int
    items: tuple[Item, ...]
    overdue: Unpaid
    sentences: tuple[str, ...]


class Contract(msgspec.Struct, frozen=True):
    """A loan as its contract states it, and where it stands; `settled_on` by the value dates of the money."""

    loan_id: str
    product: str
    currency: str
    principal: str
    opened_on: date
    as_of: date
    status: str
    outstanding_principal: str | None = None
    settled_on: date | None = None


class Books(Remote):
    """A client of the ledger."""

    service: ClassVar[str] = "ledger"
    setting: ClassVar[str] = "TACT_STAGER_LEDGER_URL"

    async def breakdown(self, loan_id: str, as_of: date, locale: str) -> dict[str, Any] | Unreachable:
        """The ledger's breakdown of a loan on a date, with its sentences in a language."""
        return await self._ask(
            "GET",
            f"/v1/loans/{quote(loan_id, safe='')}/breakdown",
            dict[str, Any],
            query={"as_of": as_of.isoformat(), "locale": locale},
        )

    async def lines(self, loan_id: str, as_of: date, locale: str) -> Lines | Unreachable:
        """The same, read into what documents are composed from."""
        return await self._ask(
            "GET",
            f"/v1/loans/{quote(loan_id, safe='')}/breakdown",
            Lines,
            query={"as_of": as_of.isoformat(), "locale": locale},
        )

    async def contract(self, loan_id: str) -> Contract | Unreachable:
        """The loan as its contract states it."""
        return await self._ask("GET", f"/v1/loans/{quote(loan_id, safe='')}", Contract)
