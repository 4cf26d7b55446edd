"""Asks the ledger how an amount came about, line by line: the stager knows no rates."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar
from urllib.parse import quote

from stager.remote import Remote, Unreachable


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
