"""Events of a type nobody knows that come to the REST door: put aside, and what they name is held."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ledger.door import NO_OFFSET, named_by
from ledger.store import loans
from spine.database import Runtime, Tx
from spine.deadletters import Rejected, put_aside
from spine.errors import UnknownType
from spine.events.corebanking import COREBANKING
from spine.topics import partition_of

_OF_PEOPLE: Final = "borrower."


async def hold_unknown(runtime: Runtime, lines: Sequence[tuple[bytes, UnknownType]]) -> None:
    """Puts events of unknown types aside: the loan they name is held, else all loans of the borrower.

    One that names neither, or a loan that is not on the books without its borrower, holds nothing. Events of
    people came to the wrong door: their personal data must not be kept here.
    """

    async def work(tx: Tx) -> None:
        read = [(named_by(line), error) for line, error in lines]
        named = [(each, error) for each, error in read if not each[0].type.startswith(_OF_PEOPLE)]
        rows = await loans.lock(tx, {loan_id for (_, _, _, loan_id), _ in named if loan_id})
        borrowers = {row.loan_id: row.borrower_id for row in rows}
        for (envelope, data, stated, loan_id), error in named:
            borrower_id = borrowers.get(loan_id or "", stated)
            if borrower_id is None or "\x00" in envelope.type + envelope.id + envelope.source:
                continue
            await put_aside(
                tx,
                None,
                Rejected(
                    topic=COREBANKING,
                    partition=partition_of(borrower_id, tx.partitions),
                    offset=NO_OFFSET,
                    key=borrower_id,
                    subject=loan_id,
                    type=envelope.type,
                    code=error.code,
                    message=error.detail,
                    body=data,
                    headers=envelope.headers(),
                ),
            )

    if lines:
        await runtime.run(work)
