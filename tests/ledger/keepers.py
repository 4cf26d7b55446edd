"""The ledger's booking over two kinds of store: dictionaries that keep just what the tables do, and PostgreSQL."""

from __future__ import annotations

import dataclasses
from asyncio import Runner
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any, Protocol, TypeVar

from msgspec.structs import replace
from sqlalchemy import text

from ledger import closing, emits
from ledger.account import Account
from ledger.applying import amend
from ledger.books import Books, Outcome, Parked
from ledger.domain.facts import LoanFacts, Repayment
from ledger.policy import House
from ledger.standing import Standing
from ledger.store import loans
from spine.business_days import end_of_business_date
from spine.events.ledger import LEDGER, BusinessDateClosed
from spine.events.registry import Event, decode, event_class
from spine.service import Received
from tests.ledger.desk import Desk
from tests.runtimes import SHANGHAI

T = TypeVar("T")
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a loan."""

    facts: LoanFacts
    standing: Standing
    next_look_on: date | None


class Keeper(Protocol):
    """The ledger as the machine drives it: batches in, business dates closed, and what it says."""

    def take(self, batch: Sequence[Received]) -> list[str]:
        """Takes a batch in; what became of each event: its outcome, or the code of its refusal."""

    def roll(self, closing_on: date, limit: int) -> int:
        """A batch of the close: how many loans were looked at."""

    def finish(self, closing_on: date) -> bool:
        """Ends the close, unless loans are left."""

    def said(self) -> list[Event]:
        """What was said since the last time, in order."""

    def kept(self) -> dict[str, Kept]:
        """Every loan."""

    def parked(self) -> set[Key]:
        """The events that wait."""

    def refused(self) -> int:
        """How many events were put aside."""


@dataclass(slots=True)
class _Row:
    """The columns and rows of one loan."""

    contract: LoanFacts
    repayments: dict[str, Repayment]
    amendments: list[Received]
    standing: Standing
    next_look_on: date | None
    #: What these rows come to, while none is added.
    facts: LoanFacts | None = None


class InMemory:
    """Keeps what the store keeps and nothing else: a loan is put together anew from its rows for each batch."""

    def __init__(self, house: House, open_on: date) -> None:
        self._house = house
        self._open_on = open_on
        self._rows: dict[str, _Row] = {}
        self._inbox: dict[Key, bytes] = {}
        self._parked: dict[int, Parked] = {}
        self._ids = count(1)
        self._said: list[Event] = []
        self._refused = 0

    def take(self, batch: Sequence[Received]) -> list[str]:
        answers = []
        loan_ids = {received.event.subject or "" for received in batch}
        waiting: dict[str, list[Parked]] = {}
        for parked in self._parked.values():
            waiting.setdefault(parked.received.event.subject or "", []).append(parked)
        now = datetime.combine(self._open_on, time(4), UTC)
        accounts = {loan_id: self._account(loan_id) for loan_id in loan_ids if loan_id in self._rows}
        books = Books(self._house, self._open_on, accounts, waiting, now)
        for received in batch:
            refusals = len(books.written.refusals)
            answers.append(self._one(books, received))
            for refusal in books.written.refusals[refusals:]:
                if refusal.was_parked:
                    del self._inbox[_key(refusal.received)]
        self._save(books)
        return answers

    def _one(self, books: Books, received: Received) -> str:
        content, before = received.body, self._inbox.get(_key(received))
        if before is not None:
            self._refused += before != content
            return "known" if before == content else "conflict"
        answer = books.take(received)
        if answer.outcome in (Outcome.ACCEPTED, Outcome.PARKED):
            self._inbox[_key(received)] = content
        return answer.code or answer.outcome.value

    def _save(self, books: Books) -> None:
        written = books.written
        for account in books.looked_at():
            loan_id: str = account.facts.loan_id
            if account.terms is not None:
                self._rows[loan_id] = _Row(_contract(account.facts), {}, [], account.standing, None)
            row = self._rows[loan_id]
            row.standing, row.next_look_on, row.facts = account.standing, account.next_look_on, None
        for received in written.amendments:
            self._rows[received.event.subject or ""].amendments.append(received)
        for loan_id, _, repayment in written.repayments:
            self._rows[loan_id].repayments[repayment.id] = replace(repayment, reversed_on=None)
        for event in written.reversals:
            money = self._rows[event.loan_id].repayments
            money[event.repayment_id] = replace(money[event.repayment_id], reversed_on=event.reversed_on)
        for id_ in written.unparked:
            del self._parked[id_]
        for parked in written.parked:
            id_ = next(self._ids)
            self._parked[id_] = dataclasses.replace(parked, id=id_)
        self._said += [event for event, _ in written.events]
        self._refused += len(written.refusals)

    def _account(self, loan_id: str) -> Account:
        row = self._rows[loan_id]
        if row.facts is None:
            facts = replace(row.contract, repayments=tuple(row.repayments.values()))
            stated = [(each.event, each.envelope.time) for each in row.amendments]
            row.facts = amend(facts, stated, self._house.zone)
        return Account(row.facts, row.standing, 0, has_facts=bool(row.amendments))

    def roll(self, closing_on: date, limit: int) -> int:
        rows = self._changing(closing_on)[:limit]
        for loan_id in rows:
            account = self._account(loan_id)
            self._said += account.look(closing_on + timedelta(days=1), by_facts=False)
            self._rows[loan_id].standing = account.standing
            self._rows[loan_id].next_look_on = account.next_look_on
        return len(rows)

    def _changing(self, closing_on: date) -> list[str]:
        found = [
            (row.next_look_on, loan_id)
            for loan_id, row in self._rows.items()
            if row.next_look_on is not None and row.next_look_on <= closing_on + timedelta(days=1)
        ]
        return [loan_id for _, loan_id in sorted(found)]

    def finish(self, closing_on: date) -> bool:
        if self._changing(closing_on):
            return False
        self._open_on = closing_on + timedelta(days=1)
        self._said.append(emits.closed(closing_on))
        return True

    def said(self) -> list[Event]:
        said, self._said = self._said, []
        return said

    def kept(self) -> dict[str, Kept]:
        return {
            loan_id: Kept(self._account(loan_id).facts, row.standing, row.next_look_on)
            for loan_id, row in self._rows.items()
        }

    def parked(self) -> set[Key]:
        return {_key(parked.received) for parked in self._parked.values()}

    def refused(self) -> int:
        return self._refused


def _key(received: Received) -> Key:
    return received.envelope.source, received.envelope.id


def _contract(loan: LoanFacts) -> LoanFacts:
    """What the columns of a loan and the rows of its schedule hold."""
    return LoanFacts(
        loan_id=loan.loan_id,
        borrower_id=loan.borrower_id,
        product=loan.product,
        currency=loan.currency,
        principal=loan.principal,
        annual_rate=loan.annual_rate,
        opened_on=loan.opened_on,
        schedule=loan.schedule,
        terms=loan.terms,
    )


class OnPostgres:
    """The real handlers over a real database, one call at a time."""

    def __init__(self, desk: Desk, runner: Runner) -> None:
        self._desk = desk
        self._runner = runner
        self._heard = 0

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def take(self, batch: Sequence[Received]) -> list[str]:
        answers = self._run(self._desk.take(*batch))
        return [answer.code or answer.outcome.value for answer in answers]

    def roll(self, closing_on: date, limit: int) -> int:
        desk = self._desk
        over = end_of_business_date(closing_on, SHANGHAI)
        desk.go_to(over.astimezone(SHANGHAI).date())
        return self._run(desk.runtime.run(lambda tx: closing.roll(tx, closing_on, desk.intake, limit)))

    def finish(self, closing_on: date) -> bool:
        desk = self._desk
        return self._run(desk.runtime.run(lambda tx: closing.finish(tx, closing_on, desk.intake)))

    def said(self) -> list[Event]:
        rows = self._run(
            self._desk.rows(
                "SELECT id, type, partition, data FROM outbox WHERE id > :heard AND topic = :topic"
                " AND type NOT LIKE 'dead_letter.%' ORDER BY id",
                topic=LEDGER,
                heard=self._heard,
            )
        )
        self._heard = rows[-1].id if rows else self._heard
        closed = BusinessDateClosed.TYPE
        return [
            decode(event_class(LEDGER, row.type), row.data)
            for row in rows
            if row.type != closed or row.partition == 0
        ]

    def kept(self) -> dict[str, Kept]:
        async def read() -> dict[str, Kept]:
            async with self._desk.runtime.transaction() as tx:
                ids = [row.loan_id for row in await tx.execute("SELECT loan_id FROM loan")]
                rows = await loans.lock(tx, ids)
                found = await loans.accounts(tx, rows, self._desk.intake.terms)
                looks = {row.loan_id: row.next_transition_on for row in rows}
                return {
                    loan_id: Kept(account.facts, account.standing, looks[loan_id])
                    for loan_id, account in found.items()
                }

        return self._run(read())

    def parked(self) -> set[Key]:
        return {
            (row.source, row.event_id)
            for row in self._run(self._desk.rows("SELECT source, event_id FROM parked"))
        }

    def refused(self) -> int:
        [row] = self._run(self._desk.rows("SELECT count(*) AS n FROM dead_letter"))
        return int(row.n)


async def empty(desk: Desk) -> None:
    """The database as it was after its migration."""
    async with desk.runtime.engine.begin() as connection:
        tables = await connection.execute(
            text(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
            )
        )
        names = ", ".join(f'"{row.tablename}"' for row in tables)
        await connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))
